//! A person connects in the browser: the whole flow, in process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use bytes::Bytes;
use grants::{Connection, Invite, Stage};
use http::{Request, Response, header};
use model::TableName;
use support::server::Next;
use support::{Left, World, acme, run};

const SECRET: &str = "connections/acme";

fn body(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

fn connection(world: &World) -> Connection {
    run(Connection::load(&*world.objects, &acme())).unwrap().unwrap()
}

/// Leaves, consents as `person`, and comes back.
fn come_back(world: &World, invite: &Invite, person: i64) -> (u16, String) {
    let site = world.site();
    let left = run(world.leave(&site, invite));
    world.server.set_person(person);
    let code = world.server.consent(&left.challenge);
    let answer = run(site.handle(left.back(&format!("code={code}&state={}", left.state))));
    (answer.status().as_u16(), body(&answer).to_owned())
}

#[test]
fn the_first_page_says_which_connection_what_is_read_and_where_it_goes() {
    let world = World::new(1);
    let site = world.site();
    let url = site.invite(&world.invite()).unwrap();
    assert_eq!((url.host_str(), url.path()), (Some("site.test"), "/connect"));
    let target = format!("/connect?{}", url.query().unwrap());
    let answer = run(site.handle(Request::get(target).body(Bytes::new()).unwrap()));
    assert_eq!(answer.status(), 200);
    let page = body(&answer);
    for text in [
        "<strong>acme</strong>",
        "Invoices",
        "Time entries",
        "the lake s3://acme-books",
        "Reading only",
        "UTC",
    ] {
        assert!(page.contains(text), "{text} is missing in {page}");
    }
    assert!(
        !page.contains("<script") && page.contains("<html lang=\"en\">") && page.matches("<h1>").count() == 1
    );
}

#[test]
fn every_answer_carries_the_headers_that_keep_others_out() {
    let world = World::new(1);
    let site = world.site();
    for target in ["/connect?invite=x", "/nowhere", "/callback", "/health"] {
        let answer = run(site.handle(Request::get(target).body(Bytes::new()).unwrap()));
        let header = |name: &str| answer.headers().get(name).map(|v| v.to_str().unwrap()).unwrap_or_default();
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(header("strict-transport-security").starts_with("max-age="));
        if target != "/health" {
            let policy = header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
            assert!(policy.contains("form-action 'self' https://auth.freshbooks.test;"), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'; base-uri 'none'"), "{policy}");
        }
    }
}

#[test]
fn the_browser_is_sent_to_freshbooks_with_everything_that_protects_the_way_back() {
    let world = World::new(1);
    let left = run(world.leave(&world.site(), &world.invite()));
    let query = |name: &str| left.url.query_pairs().find(|(n, _)| n == name).unwrap().1.into_owned();
    assert_eq!(&left.url[..url::Position::AfterPath], "https://auth.freshbooks.test/oauth/authorize");
    assert_eq!(query("response_type"), "code");
    assert_eq!(query("client_id"), "client-1");
    assert_eq!(query("redirect_uri"), "https://site.test/callback");
    assert_eq!(query("code_challenge_method"), "S256");
    assert!(query("scope").split(' ').all(|scope| scope.ends_with(":read")));
    assert_eq!((left.state.len(), left.challenge.len()), (43, 43));
    let other = run(world.leave(&world.site(), &world.invite()));
    assert!(other.state != left.state && other.challenge != left.challenge);
}

#[test]
fn after_consent_the_grant_and_the_settings_are_saved_and_the_businesses_shown() {
    let world = World::new(1);
    let (status, page) = come_back(&world, &world.invite(), 12345);
    assert_eq!(status, 200, "{page}");
    assert!(
        page.contains("acme is connected") && page.contains("account ACM12345") && page.contains("Second"),
        "{page}"
    );
    assert!(page.contains("Acme &lt;b&gt;&amp; Söhne&lt;/b&gt;"), "a name acts as HTML: {page}");
    let connection = connection(&world);
    assert_eq!((connection.identity_id, connection.businesses.len(), connection.paused), (12345, 2, false));
    assert_eq!(world.secrets.value(SECRET, Stage::Current).unwrap()["identity_id"], 12345);
    run(world.broker().access_token(&acme())).unwrap();
    assert_eq!(run(Connection::list(&*world.objects)).unwrap(), [connection]);
}

#[test]
fn the_cookie_is_for_this_host_over_tls_and_short_and_gone_at_the_end() {
    let world = World::new(1);
    let site = world.site();
    let form = site.invite(&world.invite()).unwrap().query().unwrap().to_owned();
    let start = Request::post("/connect/start")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(form))
        .unwrap();
    let answer = run(site.handle(start));
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-freshlake="));
    assert!(cookie.ends_with("; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax"), "{cookie}");
    let answer = run(site.handle(Request::get("/callback").body(Bytes::new()).unwrap()));
    assert!(answer.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
}

#[test]
fn a_pinned_account_is_the_only_one_read_and_a_missing_one_is_refused() {
    let pinned =
        |world: &World, account: &str| Invite { account: Some(account.to_owned()), ..world.invite() };
    for account in ["SEC12345", "12346"] {
        let world = World::new(1);
        assert_eq!(come_back(&world, &pinned(&world, account), 12345).0, 200);
        let businesses = connection(&world).businesses;
        assert_eq!((businesses.len(), businesses[0].name.as_str()), (1, "Second"));
    }
    let world = World::new(1);
    let (status, page) = come_back(&world, &pinned(&world, "<i>OTHER</i>"), 12345);
    assert_eq!(status, 403);
    assert!(page.contains("&lt;i&gt;OTHER&lt;/i&gt;") && page.contains("Second"), "{page}");
    assert_eq!(world.secrets.dump(), "");
    assert!(world.objects.keys().iter().all(|key| key.starts_with("connect/used/")));
}

#[test]
fn a_stranger_changes_nothing_and_the_owner_reconnects_with_settings_kept() {
    let world = World::connected(1);
    let mut settings = connection(&world);
    settings.tables = Some(vec![TableName::from("invoices")]);
    settings.paused = true;
    run(settings.save(&*world.objects)).unwrap();
    let before = world.secrets.dump();

    let (status, page) = come_back(&world, &world.invite(), 777);
    assert_eq!(status, 403);
    assert!(page.contains("belongs to another login") && !page.contains("12345"), "{page}");
    assert_eq!(world.secrets.dump(), before);
    assert_eq!(connection(&world), settings);

    world.pass(60);
    let (status, page) = come_back(&world, &world.invite(), 12345);
    assert_eq!(status, 200);
    assert!(page.contains("paused"), "{page}");
    let after = connection(&world);
    assert_eq!((&after.tables, after.paused), (&settings.tables, true));
    assert!(after.connected_at > settings.connected_at);
    assert_ne!(world.secrets.dump(), before);
}

#[test]
fn a_stranger_is_refused_also_where_only_the_secret_or_only_the_settings_are_left() {
    let world = World::connected(1);
    run(model::port::ObjectStore::delete(&*world.objects, "connections/acme.json")).unwrap();
    let before = world.secrets.dump();
    assert_eq!(come_back(&world, &world.invite(), 777).0, 403);
    assert_eq!(world.secrets.dump(), before);

    let world = World::connected(1);
    run(grants::SecretStore::delete(&*world.secrets, SECRET)).unwrap();
    let before = connection(&world);
    assert_eq!(come_back(&world, &world.invite(), 777).0, 403);
    assert_eq!((world.secrets.dump(), connection(&world)), (String::new(), before));
    assert_eq!(come_back(&world, &world.invite(), 12345).0, 200);
}

#[test]
fn what_freshbooks_does_wrong_ends_in_a_page_that_says_so_and_saves_nothing() {
    let cases = [
        (Next::NotSent, 503, "does not answer"),
        (Next::LostAfter, 503, "does not answer"),
        (Next::Answer(500, "<html>k4n4ry"), 503, "does not answer"),
        (Next::Answer(200, "<html>k4n4ry"), 503, "does not answer"),
        (Next::Answer(401, r#"{"error":"invalid_client"}"#), 500, "not set up correctly"),
        (Next::Answer(400, r#"{"error":"invalid_request"}"#), 500, "not set up correctly"),
        (Next::Answer(400, r#"{"error":"invalid_grant"}"#), 409, "expired or was used"),
    ];
    for (next, status, text) in cases {
        let world = World::new(1);
        world.server.next(next.clone());
        let (found, page) = come_back(&world, &world.invite(), 12345);
        assert_eq!(found, status, "{next:?}: {page}");
        assert!(page.contains(text) && !page.contains("k4n4"), "{next:?}: {page}");
        assert_eq!(world.secrets.dump(), "", "{next:?}");
    }
    for (status, text) in [(500, "x"), (200, "<html>"), (401, "{}"), (200, "{}"), (307, "")] {
        let world = World::new(1);
        world.server.state().identity_body = Some((status, text.to_owned()));
        assert_eq!(come_back(&world, &world.invite(), 12345).0, 503);
        assert_eq!(world.secrets.dump(), "");
    }
}

#[test]
fn of_two_requests_with_the_same_answer_one_goes_on() {
    let world = World::new(1);
    let site = world.site();
    let left: Left = run(world.leave(&site, &world.invite()));
    let code = world.server.consent(&left.challenge);
    let query = format!("code={code}&state={}", left.state);
    assert_eq!(run(site.handle(left.back(&query))).status(), 200);
    let again = run(site.handle(left.back(&query)));
    assert_eq!(again.status(), 409);
    assert!(body(&again).contains("done already"));
    assert_eq!(world.server.token_calls(), 1);
}
