//! SEC-03: requests that are not what a person's browser sends. Each gets its status, costs no call to FreshBooks,
//! writes nothing, and finds nothing of itself in the answer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use bytes::Bytes;
use grants::{ConnectSite, Invite};
use http::{Request, request::Builder};
use model::Timestamp;
use support::{Left, World, run};

const HOSTILE: &str = "%3Cscript%3Ealert(1)%3C/script%3E";

/// Everything an attack can be made of.
struct Scene {
    site: ConnectSite,
    /// The victim's browser, half way through.
    left: Left,
    /// Another browser, half way through.
    other: Left,
    /// A code that FreshBooks would take from the victim.
    code: String,
    /// `invite=…` as the operator signed it, and after its end.
    invite: String,
    expired: String,
    /// An invite for another deployment.
    foreign: String,
}

impl Scene {
    fn new(world: &World) -> Self {
        let site = world.site();
        let left = run(world.leave(&site, &world.invite()));
        let other = run(world.leave(&site, &world.invite()));
        let code = world.server.consent(&left.challenge);
        let query =
            |site: &ConnectSite, invite: &Invite| site.invite(invite).unwrap().query().unwrap().to_owned();
        let expires = Timestamp::from_second(1_600_000_000).unwrap();
        let foreign =
            ConnectSite { signing_key: "another key, another key, another key".into(), ..site.clone() };
        Self {
            invite: query(&site, &world.invite()),
            expired: query(&site, &Invite { expires, ..world.invite() }),
            foreign: query(&foreign, &world.invite()),
            site,
            left,
            other,
            code,
        }
    }

    fn good(&self) -> String {
        format!("code={}&state={}", self.code, self.left.state)
    }

    fn callback(&self, query: &str) -> Request<Bytes> {
        self.left.back(query)
    }

    fn with_cookie(&self, cookie: &str) -> Request<Bytes> {
        done(Request::get(format!("/callback?{}", self.good())).header("cookie", cookie))
    }
}

fn done(builder: Builder) -> Request<Bytes> {
    builder.body(Bytes::new()).unwrap()
}

fn form(builder: Builder, body: &str) -> Request<Bytes> {
    builder
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(body.to_owned()))
        .unwrap()
}

type Attack = (&'static str, u16, fn(&Scene) -> Request<Bytes>);

const ATTACKS: &[Attack] = &[
    // the state
    ("no parameters", 400, |s| s.callback("")),
    ("no state", 400, |s| s.callback(&format!("code={}", s.code))),
    ("empty state", 400, |s| s.callback(&format!("code={}&state=", s.code))),
    ("wrong state", 403, |s| s.callback(&format!("code={}&state={}", s.code, "A".repeat(43)))),
    ("state cut short", 403, |s| s.callback(&format!("code={}&state={}", s.code, &s.left.state[..42]))),
    ("state of another browser", 403, |s| s.callback(&format!("code={}&state={}", s.code, s.other.state))),
    ("state with html", 403, |s| s.callback(&format!("code={}&state={HOSTILE}", s.code))),
    ("state twice", 400, |s| s.callback(&format!("{}&state={}", s.good(), s.left.state))),
    ("state twice, once encoded", 400, |s| s.callback(&format!("{}&st%61te=x", s.good()))),
    // the browser
    ("no cookie", 403, |s| done(Request::get(format!("/callback?{}", s.good())))),
    ("cookie of another browser", 403, |s| s.with_cookie(&s.other.cookie)),
    ("cookie under another name", 403, |s| s.with_cookie(&s.left.cookie.replace("__Host-", ""))),
    ("cookie twice", 403, |s| s.with_cookie(&format!("{}; {}", s.left.cookie, s.other.cookie))),
    ("cookie with a changed payload", 403, |s| s.with_cookie(&s.left.cookie.replacen("=e", "=f", 1))),
    ("cookie with a changed signature", 403, |s| {
        let (payload, _) = s.left.cookie.rsplit_once('.').unwrap();
        s.with_cookie(&format!("{payload}.{}", "A".repeat(43)))
    }),
    ("cookie without a signature", 403, |s| s.with_cookie(s.left.cookie.rsplit_once('.').unwrap().0)),
    ("an invite as the cookie", 403, |s| s.with_cookie(&s.invite.replace("invite=", "__Host-freshlake="))),
    ("cookie with html", 403, |s| s.with_cookie("__Host-freshlake=<script>alert(1)</script>")),
    // the code and the rest
    ("no code", 400, |s| s.callback(&format!("state={}", s.left.state))),
    ("code twice", 400, |s| s.callback(&format!("{}&code=other", s.good()))),
    ("code and error", 400, |s| s.callback(&format!("{}&error=access_denied", s.good()))),
    ("denied", 403, |s| s.callback(&format!("error=access_denied&state={}", s.left.state))),
    ("denied, without a state", 400, |s| s.callback("error=access_denied")),
    ("another error, with html", 502, |s| {
        s.callback(&format!("error={HOSTILE}&error_description={HOSTILE}&state={}", s.left.state))
    }),
    ("error twice", 400, |s| s.callback(&format!("error=a&error=b&state={}", s.left.state))),
    ("another issuer", 400, |s| s.callback(&format!("{}&iss=https://evil.test", s.good()))),
    ("an issuer that only looks right", 400, |s| {
        s.callback(&format!("{}&iss=https://auth.freshbooks.test.evil.test", s.good()))
    }),
    ("an issuer that is no address", 400, |s| s.callback(&format!("{}&iss={HOSTILE}", s.good()))),
    ("callback by POST", 405, |s| {
        form(Request::post(format!("/callback?{}", s.good())).header("cookie", &s.left.cookie), &s.good())
    }),
    ("callback by HEAD", 405, |s| {
        done(Request::head(format!("/callback?{}", s.good())).header("cookie", &s.left.cookie))
    }),
    ("callback with a slash", 404, |s| done(Request::get(format!("/callback/?{}", s.good())))),
    ("callback, encoded", 404, |s| done(Request::get(format!("/c%61llback?{}", s.good())))),
    ("too long an address", 414, |s| s.callback(&format!("{}&x={}", s.good(), "x".repeat(9000)))),
    // the invite
    ("no invite", 403, |_| done(Request::get("/connect"))),
    ("invite with html", 403, |_| done(Request::get(format!("/connect?invite={HOSTILE}")))),
    ("expired invite", 410, |s| done(Request::get(format!("/connect?{}", s.expired)))),
    ("invite of another deployment", 403, |s| done(Request::get(format!("/connect?{}", s.foreign)))),
    ("invite twice", 400, |s| done(Request::get(format!("/connect?{}&{}", s.invite, s.foreign)))),
    ("changed invite", 403, |s| done(Request::get(format!("/connect?{}", s.invite.replacen("=e", "=f", 1))))),
    ("invite page by POST", 405, |s| form(Request::post("/connect"), &s.invite)),
    ("a cookie as the invite", 403, |s| {
        done(Request::get(format!("/connect?{}", s.left.cookie.replace("__Host-freshlake=", "invite="))))
    }),
    // the button
    ("start by GET", 405, |s| done(Request::get(format!("/connect/start?{}", s.invite)))),
    ("start without an invite", 403, |_| form(Request::post("/connect/start"), "")),
    ("start with the invite in the address", 403, |s| {
        form(Request::post(format!("/connect/start?{}", s.invite)), "")
    }),
    ("start with an expired invite", 410, |s| form(Request::post("/connect/start"), &s.expired)),
    ("start with a foreign invite", 403, |s| form(Request::post("/connect/start"), &s.foreign)),
    ("start from another site", 400, |s| {
        form(Request::post("/connect/start").header("sec-fetch-site", "cross-site"), &s.invite)
    }),
    ("start with JSON", 400, |s| {
        let json = Request::post("/connect/start").header("content-type", "application/json");
        json.body(Bytes::from(s.invite.clone())).unwrap()
    }),
    ("start with a large body", 413, |s| {
        form(Request::post("/connect/start"), &format!("{}&x={}", s.invite, "x".repeat(20_000)))
    }),
    ("start with bytes that are no text", 403, |_| {
        let builder =
            Request::post("/connect/start").header("content-type", "application/x-www-form-urlencoded");
        builder.body(Bytes::from_static(b"invite=\xff\xfe\x00")).unwrap()
    }),
    // elsewhere
    ("the root", 404, |_| done(Request::get("/"))),
    ("a climb", 404, |_| done(Request::get("/connect/../callback"))),
    ("an address with html", 404, |_| done(Request::get(format!("/{HOSTILE}")))),
    ("health by POST", 405, |_| form(Request::post("/health"), "")),
    ("another host, no cookie", 403, |s| {
        done(Request::get(format!("https://evil.test/callback?{}", s.good())).header("host", "evil.test"))
    }),
];

#[test]
fn attacks_get_their_status_and_nothing_else() {
    assert!(ATTACKS.len() > 50);
    for (name, status, attack) in ATTACKS {
        let world = World::new(7);
        let scene = Scene::new(&world);
        let request = attack(&scene);
        let answer = run(scene.site.handle(request));
        assert_eq!(answer.status(), *status, "{name}");
        let page = String::from_utf8(answer.body().to_vec()).unwrap();
        for secret in ["script", "alert", "evil", "k4n4ry", &scene.left.state, &scene.code] {
            assert!(!page.contains(secret), "{name}: {secret} in the page");
            assert!(!format!("{:?}", answer.headers()).contains(secret), "{name}: {secret} in the headers");
        }
        assert!(!answer.headers().contains_key("location"), "{name}: sends the browser away");
        if *status == 405 {
            assert!(answer.headers().contains_key("allow"), "{name}");
        }
        assert_eq!(world.server.token_calls(), 0, "{name}: called FreshBooks");
        assert_eq!(world.secrets.dump(), "", "{name}: wrote a secret");
        assert_eq!(world.objects.keys(), Vec::<String>::new(), "{name}: wrote an object");

        // And the victim, who was in the middle of it, can still finish.
        let good = run(scene.site.handle(scene.left.back(&scene.good())));
        assert_eq!(good.status(), 200, "{name}: the victim was stopped");
    }
}

#[test]
fn the_same_requests_work_where_nothing_is_wrong() {
    let world = World::new(7);
    let scene = Scene::new(&world);
    assert_eq!(
        run(scene.site.handle(done(Request::get(format!("/connect?{}", scene.invite))))).status(),
        200
    );
    let start = Request::post("/connect/start").header("sec-fetch-site", "same-origin");
    assert_eq!(run(scene.site.handle(form(start, &scene.invite))).status(), 303);
    let query = format!("{}&iss=https://auth.freshbooks.test&unknown=1", scene.good());
    assert_eq!(run(scene.site.handle(scene.left.back(&query))).status(), 200);
}

#[test]
fn ten_minutes_are_the_limit_and_a_used_state_stays_used() {
    for (seconds, status) in [(600, 200), (601, 410)] {
        let world = World::new(7);
        let scene = Scene::new(&world);
        world.pass(seconds);
        assert_eq!(
            run(scene.site.handle(scene.left.back(&scene.good()))).status(),
            status,
            "after {seconds} s"
        );
    }
    let world = World::new(7);
    let scene = Scene::new(&world);
    assert_eq!(run(scene.site.handle(scene.left.back(&scene.good()))).status(), 200);
    let before = world.secrets.dump();
    let code = world.server.consent(&scene.left.challenge);
    let replay = scene.left.back(&format!("code={code}&state={}", scene.left.state));
    assert_eq!(run(scene.site.handle(replay)).status(), 409);
    assert_eq!((world.server.token_calls(), world.secrets.dump()), (1, before));
}

#[test]
fn a_code_from_elsewhere_is_refused_by_pkce() {
    let world = World::new(7);
    let scene = Scene::new(&world);
    // An attacker's own consent, put into the victim's browser: the verifier does not fit it.
    let swapped = world.server.consent(&scene.other.challenge);
    let request = scene.left.back(&format!("code={swapped}&state={}", scene.left.state));
    assert_eq!(run(scene.site.handle(request)).status(), 409);
    assert_eq!(world.secrets.dump(), "");
}

#[test]
fn an_invite_that_ends_while_the_person_is_at_freshbooks_ends_the_flow() {
    let world = World::new(7);
    let site = world.site();
    let expires = Timestamp::from_second(world.invite().expires.as_second() - 86_400 + 60).unwrap();
    let left = run(world.leave(&site, &Invite { expires, ..world.invite() }));
    let code = world.server.consent(&left.challenge);
    world.pass(60);
    assert_eq!(run(site.handle(left.back(&format!("code={code}&state={}", left.state)))).status(), 410);
    assert_eq!(world.server.token_calls(), 0);
}
