use base64::Engine;
use serde_json::{Value, json};
use sha2::Digest;

use crate::world::{A, Asked, World, world, world_with};

const REDIRECT: &str = "https://example.com/callback";

fn encode(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn post(world: &World, path: &str, pairs: &[(&str, &str)]) -> Asked {
    let form = [("content-type", "application/x-www-form-urlencoded"), ("authorization", "")];
    world.send("POST", path, &form, &encode(pairs)).await.unwrap()
}

fn asks(extra: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut pairs = vec![
        ("client_id", "simulator-app"),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT),
        ("state", "s t&t"),
    ];
    for (key, value) in extra {
        pairs.retain(|(known, _)| known != key);
        pairs.push((key, value));
    }
    pairs
}

/// Allows, and gives the code.
async fn code(world: &World, extra: &[(&'static str, &'static str)]) -> String {
    let mut pairs = asks(extra);
    pairs.push(("decision", "allow"));
    let asked = post(world, "oauth/authorize", &pairs).await;
    assert_eq!(asked.status, 302, "{:?}", asked.response.body());
    let location = url::Url::parse(asked.response.headers()["location"].to_str().unwrap()).unwrap();
    let get = |key: &str| location.query_pairs().find(|(k, _)| k == key).map(|(_, value)| value.into_owned());
    assert_eq!(get("state").as_deref(), Some("s t&t"));
    get("code").unwrap()
}

async fn exchange(world: &World, code: &str, extra: &[(&str, &str)]) -> Asked {
    let mut pairs = vec![
        ("grant_type", "authorization_code"),
        ("client_id", "simulator-app"),
        ("client_secret", "simulator-secret"),
        ("redirect_uri", REDIRECT),
        ("code", code),
    ];
    pairs.retain(|(key, _)| !extra.iter().any(|(other, _)| key == other));
    pairs.extend(extra);
    post(world, "auth/oauth/token", &pairs).await
}

async fn refresh(world: &World, token: &str) -> Asked {
    let pairs = [
        ("grant_type", "refresh_token"),
        ("client_id", "simulator-app"),
        ("client_secret", "simulator-secret"),
        ("redirect_uri", REDIRECT),
        ("refresh_token", token),
    ];
    post(world, "auth/oauth/token", &pairs).await
}

fn text<'a>(asked: &'a Asked, key: &str) -> &'a str {
    asked.body[key].as_str().unwrap_or_else(|| panic!("{}", asked.body))
}

async fn works(world: &World, token: &str) -> bool {
    let bearer = format!("Bearer {token}");
    world.send("GET", "auth/api/v1/users/me", &[("authorization", &bearer)], "").await.unwrap().status == 200
}

#[tokio::test]
async fn the_consent_page_shows_who_asks_and_escapes_what_it_repeats() {
    let world = world();
    for path in ["oauth/authorize", "oauth/authorize/", "service/auth/oauth/authorize"] {
        let query = encode(&asks(&[("state", "\"><script>"), ("scope", "user:clients:read")]));
        let asked = world.get(&format!("{path}?{query}")).await;
        let page = String::from_utf8(asked.response.body().to_vec()).unwrap();
        assert_eq!(asked.status, 200);
        for part in
            ["simulator-app", "user:clients:read", "user:profile:read", ">Allow<", ">Deny<", "not FreshBooks"]
        {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("<script"));
        assert!(page.contains("lang=\"en\"") && page.contains("<h1>"));
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_granted_stays_on_an_error_page() {
    let world = world_with(|options| options.oauth.enforce_pkce = false);
    let wrong: [(&str, &str); 7] = [
        ("client_id", "other"),
        ("redirect_uri", "http://example.com/callback"),
        ("redirect_uri", "https://example.com/callback?x=1"),
        ("redirect_uri", "javascript:alert(1)"),
        ("response_type", "token"),
        ("scope", "user:nonsense:read"),
        ("code_challenge", "abc"),
    ];
    for pair in wrong {
        let asked = world.get(&format!("oauth/authorize?{}", encode(&asks(&[pair])))).await;
        assert_eq!(asked.status, 400, "{pair:?}");
        assert!(!asked.response.headers().contains_key("location"));
    }
    let loopback = [("redirect_uri", "http://127.0.0.1:8000/callback")];
    assert_eq!(world.get(&format!("oauth/authorize?{}", encode(&asks(&loopback)))).await.status, 200);
    world.simulator.control().set_options(|options| options.oauth.allow_http_loopback_redirect = false);
    assert_eq!(world.get(&format!("oauth/authorize?{}", encode(&asks(&loopback)))).await.status, 400);
    world.simulator.control().set_options(|options| options.oauth.enforce_pkce = true);
    assert_eq!(world.get(&format!("oauth/authorize?{}", encode(&asks(&[])))).await.status, 400);
    world
        .simulator
        .control()
        .set_options(|options| options.oauth.redirect_uris = vec!["https://a.example/b".to_owned()]);
    assert_eq!(world.get(&format!("oauth/authorize?{}", encode(&asks(&[])))).await.status, 400);
}

#[tokio::test]
async fn denial_goes_back_with_the_state() {
    let world = world();
    let mut pairs = asks(&[]);
    pairs.push(("decision", "deny"));
    let asked = post(&world, "oauth/authorize", &pairs).await;
    let location = asked.response.headers()["location"].to_str().unwrap();
    assert!(location.starts_with("https://example.com/callback?error=access_denied"), "{location}");
    assert!(location.ends_with("state=s+t%26t"), "{location}");
}

#[tokio::test]
async fn a_code_is_good_once_for_five_minutes_and_for_its_redirect() {
    let world = world();
    let first = code(&world, &[]).await;
    let pair = exchange(&world, &first, &[]).await;
    assert_eq!(pair.status, 200);
    assert_eq!(pair.body["expires_in"], 43_200);
    assert_eq!(pair.body["created_at"], json!(crate::world::start().as_second()));
    assert_eq!(pair.body["direct_buy_tokens"], json!({}));
    assert!(text(&pair, "scope").contains("user:invoices:read"));
    assert_eq!(text(&pair, "refresh_token").len(), 64);
    assert!(text(&pair, "access_token").len() > 800);
    assert!(works(&world, text(&pair, "access_token")).await);
    let again = exchange(&world, &first, &[]).await;
    assert_eq!((again.status, text(&again, "error")), (400, "invalid_grant"));
    let other = code(&world, &[]).await;
    assert_eq!(exchange(&world, &other, &[("redirect_uri", "https://example.com/other")]).await.status, 400);
    let old = code(&world, &[]).await;
    world.simulator.control().advance(jiff::SignedDuration::from_secs(300));
    assert_eq!(exchange(&world, &old, &[]).await.status, 400);
    let fresh = code(&world, &[]).await;
    let stranger = exchange(&world, &fresh, &[("client_secret", "guess")]).await;
    assert_eq!((stranger.status, text(&stranger, "error")), (401, "invalid_client"));
    assert_eq!(exchange(&world, &fresh, &[("grant_type", "password")]).await.status, 400);
}

#[tokio::test]
async fn a_challenge_has_to_be_met() {
    let world = world();
    let verifier = "v".repeat(43);
    let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(&verifier));
    let challenge: &'static str = challenge.leak();
    let extra = [("code_challenge", challenge), ("code_challenge_method", "S256")];
    let without = code(&world, &extra).await;
    assert_eq!(exchange(&world, &without, &[]).await.status, 400);
    let wrong = code(&world, &extra).await;
    assert_eq!(exchange(&world, &wrong, &[("code_verifier", "guess")]).await.status, 400);
    let right = code(&world, &extra).await;
    assert_eq!(exchange(&world, &right, &[("code_verifier", &verifier)]).await.status, 200);
}

#[tokio::test]
async fn a_refresh_token_is_single_use_and_the_newest_grant_wins() {
    let world = world();
    let code_one = code(&world, &[]).await;
    let first = exchange(&world, &code_one, &[]).await;
    let second = refresh(&world, text(&first, "refresh_token")).await;
    assert_eq!(second.status, 200);
    assert_ne!(text(&first, "refresh_token"), text(&second, "refresh_token"));
    let spent = refresh(&world, text(&first, "refresh_token")).await;
    assert_eq!((spent.status, text(&spent, "error")), (400, "invalid_grant"));
    assert!(works(&world, text(&first, "access_token")).await, "old access tokens live by default");
    let code_two = code(&world, &[]).await;
    let third = exchange(&world, &code_two, &[]).await;
    assert_eq!(refresh(&world, text(&second, "refresh_token")).await.status, 400);
    world.simulator.control().set_options(|options| options.oauth.old_access_token_lives = false);
    let fourth = refresh(&world, text(&third, "refresh_token")).await;
    assert!(!works(&world, text(&third, "access_token")).await);
    world.simulator.control().set_options(|options| options.oauth.refresh_grace_s = 30);
    let again = refresh(&world, text(&third, "refresh_token")).await;
    assert_eq!(again.body, fourth.body);
    world.simulator.control().advance(jiff::SignedDuration::from_secs(31));
    assert_eq!(refresh(&world, text(&third, "refresh_token")).await.status, 400);
}

#[tokio::test]
async fn tokens_expire_and_can_be_revoked_and_killed() {
    let world = world_with(|options| options.oauth.canary = Some("CANARY".to_owned()));
    let granted = code(&world, &[]).await;
    let pair = exchange(&world, &granted, &[]).await;
    let (access, refresh_token) = (text(&pair, "access_token"), text(&pair, "refresh_token"));
    assert!(access.starts_with("CANARY") && refresh_token.starts_with("CANARY"));
    let app = [("client_id", "simulator-app"), ("client_secret", "simulator-secret"), ("token", access)];
    let revoked = post(&world, "auth/oauth/revoke", &app).await;
    assert_eq!((revoked.status, revoked.body), (200, json!({})));
    assert!(!works(&world, access).await);
    let next = refresh(&world, refresh_token).await;
    world.simulator.control().advance(jiff::SignedDuration::from_secs(43_199));
    assert!(works(&world, text(&next, "access_token")).await);
    world.simulator.control().advance(jiff::SignedDuration::from_secs(1));
    assert!(!works(&world, text(&next, "access_token")).await);
    world.simulator.control().kill_grants();
    assert_eq!(refresh(&world, text(&next, "refresh_token")).await.status, 400);
}

#[tokio::test]
async fn json_bodies_and_basic_credentials_are_taken_too() {
    let world = world();
    let granted = code(&world, &[]).await;
    let body =
        json!({"grant_type": "authorization_code", "code": granted, "redirect_uri": REDIRECT}).to_string();
    let basic = base64::engine::general_purpose::STANDARD.encode("simulator-app:simulator-secret");
    let headers = [("content-type", "application/json"), ("authorization", &format!("Basic {basic}"))];
    assert_eq!(world.send("POST", "auth/oauth/token", &headers, &body).await.unwrap().status, 200);
}

#[tokio::test]
async fn the_metadata_names_the_endpoints() {
    let world = world();
    let asked = world.get(".well-known/oauth-authorization-server").await;
    assert_eq!(asked.body["token_endpoint"], "https://api.freshbooks.com/service/auth/oauth/token");
    assert_eq!(asked.body["code_challenge_methods_supported"], json!(["S256"]));
}

#[tokio::test]
async fn the_identity_has_two_businesses_and_one_hides_its_account() {
    let world = world();
    let me = world.get("auth/api/v1/users/me").await.body;
    let memberships = me["response"]["business_memberships"].as_array().unwrap();
    let account = |n: usize| &memberships[n]["business"]["account_id"];
    assert_eq!((account(0), account(1)), (&json!(A), &Value::Null));
    let admin: Vec<&Value> = me["response"]["roles"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|role| role["role"] == "admin")
        .map(|role| &role["accountid"])
        .collect();
    assert_eq!(admin, [&json!(A), &json!("Wn8dLk")]);
    assert_ne!(memberships[0]["id"], memberships[0]["business"]["id"]);
    let team = world.get("auth/api/v1/businesses/610001/team_members").await.body;
    assert_eq!(team["response"].as_array().unwrap().len(), 2);
    assert_eq!(team["meta"]["total"], 2);
    assert_eq!(world.get("auth/api/v1/users/business/610002").await.body["response"]["id"], 610_002);
}

#[tokio::test]
async fn a_stranger_at_the_consent_page_brings_another_business() {
    let world = world_with(|options| options.oauth.stranger = true);
    let granted = code(&world, &[]).await;
    let pair = exchange(&world, &granted, &[]).await;
    let bearer = format!("Bearer {}", text(&pair, "access_token"));
    let headers = [("authorization", bearer.as_str())];
    let me = world.send("GET", "auth/api/v1/users/me", &headers, "").await.unwrap().body;
    assert_eq!(me["response"]["business_memberships"][0]["business"]["account_id"], "zK2pVb");
    let foreign = format!("accounting/account/{A}/users/clients");
    assert_eq!(world.send("GET", &foreign, &headers, "").await.unwrap().status, 404);
}
