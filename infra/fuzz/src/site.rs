//! What a browser sends to the connect site.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use grants::{App, ConnectSite, Invite};
use http::{HeaderValue, Request};
use model::{ConnectionName, Timestamp};

use crate::stage::{LoadedDice, Memory, NOW, NoSecrets, OneAnswer, PatientClock, run};

/// What FreshBooks answers when a code is redeemed, if anything is ever asked.
const REFUSED: &[u8] = br#"{"error":"invalid_grant","error_description":"no"}"#;

fn site() -> (ConnectSite, Arc<OneAnswer>) {
    let mut answer = http::Response::new(Bytes::from_static(REFUSED));
    *answer.status_mut() = http::StatusCode::UNAUTHORIZED;
    let transport = Arc::new(OneAnswer::new(answer));
    let parse = |text: &str| text.parse::<url::Url>().unwrap();
    let app = App::new(
        "client-1",
        "not a secret".into(),
        &parse("https://auth.freshbooks.test"),
        parse("https://api.freshbooks.test"),
        parse("https://site.test/callback"),
    );
    let site = ConnectSite {
        app: app.unwrap(),
        secrets: Arc::new(NoSecrets),
        objects: Arc::new(Memory::default()),
        transport: transport.clone(),
        clock: Arc::new(PatientClock::default()),
        random: Arc::new(LoadedDice),
        signing_key: "a key of this fuzzer, and of nobody else".into(),
        site_url: parse("https://site.test"),
        destination: "the lake".to_owned(),
        scopes: vec!["user:profile:read".to_owned()],
    };
    (site, transport)
}

/// The query of a valid invite.
pub fn invite() -> String {
    let expires = Timestamp::from_second(NOW + 86_400).unwrap();
    let invite = Invite { connection: ConnectionName::new("acme").unwrap(), account: None, expires };
    site().0.invite(&invite).unwrap().query().unwrap_or_default().to_owned()
}

/// A valid cookie with its name, and the state that belongs to it.
pub fn session() -> (String, String) {
    let request = Request::post("/connect/start")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(invite()))
        .unwrap();
    let answer = run(site().0.handle(request));
    let header = |name| answer.headers()[name].to_str().unwrap().to_owned();
    let to: url::Url = header("location").parse().unwrap();
    let state = to.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let cookie = header("set-cookie").split(';').next().unwrap().to_owned();
    (cookie, state)
}

static SESSION: LazyLock<(String, String)> = LazyLock::new(session);

/// The cookie of someone who comes back with a good state and a code.
pub(crate) fn cookie(data: &[u8]) {
    let (valid, state) = &*SESSION;
    let Ok(cookie) = HeaderValue::from_bytes(data) else { return };
    let pairs = String::from_utf8_lossy(data);
    let is_theirs = pairs.split(';').any(|pair| pair.trim() == valid);
    let request = Request::get(format!("/callback?code=c&state={state}")).header("cookie", cookie);
    let asked = answer(request.body(Bytes::new()).unwrap(), data);
    assert!(asked == 0 || is_theirs, "a code was redeemed for another browser");
}

/// A byte for the page, then the query, and behind a line break the form.
pub(crate) fn state(data: &[u8]) {
    let (valid, state) = &*SESSION;
    let Some((first, rest)) = data.split_first() else { return };
    let (query, form) = rest.split_at(rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()));
    let Ok(query) = std::str::from_utf8(query) else { return };
    let path = ["/callback", "/connect", "/connect/start", "/health", "/other"][usize::from(first % 5)];
    let request = match first / 5 % 2 {
        0 => Request::get(format!("{path}?{query}")),
        _ => Request::post(format!("{path}?{query}"))
            .header("content-type", "application/x-www-form-urlencoded"),
    };
    let form = Bytes::copy_from_slice(form.get(1..).unwrap_or_default());
    let Ok(request) = request.header("cookie", valid).body(form) else { return };
    let asked = answer(request, query.as_bytes());
    assert!(asked == 0 || decodes_to(query, state), "a code was redeemed for another state");
}

/// Whether some parameter of `query` is `state`.
fn decodes_to(query: &str, state: &str) -> bool {
    // What stands behind a # is no part of the query.
    let query = query.split('#').next().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, value)| name == "state" && value == state)
}

/// Sends `request`, which carries `hostile`; tells how often FreshBooks was asked.
fn answer(request: Request<Bytes>, hostile: &[u8]) -> u64 {
    let (site, transport) = site();
    let answer = run(site.handle(request));
    let status = answer.status().as_u16();
    assert!(matches!(status, 200 | 303 | 400..=499 | 502 | 503), "answered {status}");
    let body = String::from_utf8_lossy(answer.body());
    if hostile.windows(7).any(|part| part.eq_ignore_ascii_case(b"<script")) {
        assert!(!body.to_ascii_lowercase().contains("<script"), "what came in went out");
    }
    if let Some(to) = answer.headers().get("location") {
        let to = to.to_str().unwrap();
        assert!(to.starts_with("https://auth.freshbooks.test/"), "sent to {to}");
    }
    transport.asked()
}
