use serde_json::json;
use simulator::{Fault, FaultBody, FaultKind, RetryAfter};

use crate::world::{A, A_BUSINESS, World, ids, world, world_with};

fn set(world: &World, faults: Vec<Fault>) {
    world.simulator.control().set_options(|options| options.faults = faults);
}

const PATHS: [(&str, &str); 4] = [
    ("accounting/account/qX4mRt/users/clients", "/error"),
    ("projects/business/610001/projects", "/message"),
    ("events/account/qX4mRt/events/callbacks", "/message"),
    ("auth/api/v1/users/me", "/error"),
];

#[tokio::test]
async fn each_family_refuses_a_bad_token_in_its_own_shape() {
    let world = world();
    for (path, pointer) in PATHS {
        for bearer in ["Bearer nonsense", "Basic x", ""] {
            let asked = world.send("GET", path, &[("authorization", bearer)], "").await.unwrap();
            assert_eq!(asked.status, 401, "{path}");
            assert!(asked.body.pointer(pointer).is_some(), "{path} {}", asked.body);
        }
    }
    let newer = [("authorization", "Bearer x"), ("x-api-version", "2023-02-20")];
    let asked = world.send("GET", PATHS[0].0, &newer, "").await.unwrap();
    assert_eq!(asked.body["code"], 16);
}

#[tokio::test]
async fn what_is_not_there_is_a_404_in_the_shape_of_its_family() {
    let world = world();
    let client = world.get(&format!("accounting/account/{A}/users/clients/12345")).await;
    assert_eq!(client.status, 404);
    assert_eq!(
        client.body["response"]["errors"],
        json!([{"errno": 1012, "field": "userid", "message": "Client not found.", "object": "client", "value": "12345"}])
    );
    let newer = [("x-api-version", "2023-02-20")];
    let asked =
        world.send("GET", &format!("accounting/account/{A}/users/clients/12345"), &newer, "").await.unwrap();
    assert_eq!(asked.body["details"][0]["reason"], "1012");
    let project = world.get(&format!("projects/business/{A_BUSINESS}/project/1")).await;
    assert_eq!(
        (project.status, project.body),
        (404, json!({"error": "Requested resource could not be found."}))
    );
    for path in [
        format!("accounting/account/{A_BUSINESS}/users/clients"),
        format!("projects/business/{A}/projects"),
        "projects/business/1/projects".to_owned(),
        format!("accounting/account/{A}/systems/nothing"),
        format!("events/account/{A}/events/nothing"),
        "payments/account/x/gateway".to_owned(),
        "accounting/account/zK2pVb/users/clients".to_owned(),
        "nonsense".to_owned(),
    ] {
        assert_eq!(world.get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let mut world = world();
    world.token = Some(world.simulator.bearer_token(&["user:profile:read", "user:clients:read"]));
    assert_eq!(world.get(&format!("accounting/account/{A}/users/clients")).await.status, 200);
    for path in [
        format!("accounting/account/{A}/invoices/invoices"),
        format!("projects/business/{A_BUSINESS}/projects"),
    ] {
        let asked = world.get(&path).await;
        assert_eq!(asked.status, 403, "{path}");
        let text = asked.body.to_string();
        assert!(text.contains(":read; the token has: user:profile:read user:clients:read"), "{text}");
    }
    let write =
        world.send("POST", &format!("accounting/account/{A}/users/clients"), &[], "{}").await.unwrap();
    assert_eq!(write.status, 403);
}

#[tokio::test]
async fn what_the_plan_lacks_is_an_error_inside_status_200() {
    let world = world_with(|options| {
        options.gated.insert("items".to_owned(), 12_001);
    });
    let asked = world.get(&format!("accounting/account/{A}/items/items")).await;
    assert_eq!((asked.status, &asked.body["response"]["errors"][0]["errno"]), (200, &json!(12_001)));
    assert!(asked.body["response"].get("result").is_none());
}

#[tokio::test]
async fn too_many_requests_are_refused_until_the_minute_is_over() {
    let world = world_with(|options| options.rate_limit = Some(2));
    let path = format!("projects/business/{A_BUSINESS}/projects");
    assert_eq!(world.get(&path).await.status, 200);
    world.simulator.control().advance(jiff::SignedDuration::from_secs(20));
    assert_eq!(world.get(&path).await.status, 200);
    let refused = world.get(&path).await;
    assert_eq!((refused.status, refused.response.headers()["retry-after"].to_str().unwrap()), (429, "40"));
    world.simulator.control().set_options(|options| options.retry_after = RetryAfter::HttpDate);
    let refused = world.get(&path).await;
    assert_eq!(refused.response.headers()["retry-after"], "Sun, 22 Nov 2026 15:01:00 GMT");
    world.simulator.control().advance(jiff::SignedDuration::from_secs(40));
    assert_eq!(world.get(&path).await.status, 200);
    assert_eq!(world.get(&path).await.status, 429);
}

#[tokio::test]
async fn rules_strike_the_requests_they_name_and_no_others() {
    let world = world();
    let status = |code| FaultKind::Status { code, body: FaultBody::Json, retry_after: None };
    let clients = format!("accounting/account/{A}/users/clients");
    let invoices = format!("accounting/account/{A}/invoices/invoices");
    let codes = async |path: &str, n: usize| {
        let mut codes = Vec::new();
        for _ in 0..n {
            codes.push(world.get(path).await.status);
        }
        codes
    };
    set(&world, vec![Fault::always(status(500)).on("clients").nth(2)]);
    assert_eq!(codes(&invoices, 2).await, [200, 200]);
    assert_eq!(codes(&clients, 3).await, [200, 500, 200]);
    set(&world, vec![Fault::always(status(502)).on_path("/accounting").every(3)]);
    assert_eq!(codes(&clients, 6).await, [200, 200, 502, 200, 200, 502]);
    set(&world, vec![Fault::always(status(503)).times(1)]);
    assert_eq!(codes(&clients, 2).await, [503, 200]);
    set(&world, vec![Fault::always(status(500)).probability(0.5)]);
    let first = codes(&clients, 40).await;
    let struck = first.iter().filter(|code| **code == 500).count();
    assert!((8..32).contains(&struck), "{struck}");
    set(&world, vec![]);
    set(&world, vec![Fault::always(status(500)).probability(0.5)]);
    assert_eq!(codes(&clients, 40).await, first, "chance is decided by the seed");
    let page =
        FaultKind::Status { code: 503, body: FaultBody::Html, retry_after: Some((RetryAfter::Seconds, 7)) };
    set(&world, vec![Fault::always(page)]);
    let asked = world.get(&clients).await;
    assert_eq!((asked.status, asked.response.headers()["retry-after"].to_str().unwrap()), (503, "7"));
    assert!(asked.response.body().starts_with(b"<html"));
}

#[tokio::test]
async fn answers_can_be_lost_cut_or_spoiled() {
    let world = world();
    let clients = format!("accounting/account/{A}/users/clients");
    for (kind, arrived) in [
        (FaultKind::CutBody, true),
        (FaultKind::Reset, true),
        (FaultKind::AnswerLost, true),
        (FaultKind::Refused, false),
    ] {
        set(&world, vec![Fault::always(kind.clone())]);
        let error = world.send("GET", &clients, &[], "").await.err().unwrap();
        assert_eq!(error.may_have_arrived, arrived, "{kind:?}");
    }
    set(&world, vec![Fault::always(FaultKind::Html200)]);
    assert!(world.get(&clients).await.response.body().starts_with(b"<html"));
    set(&world, vec![Fault::always(FaultKind::Garbled)]);
    assert!(serde_json::from_slice::<serde_json::Value>(world.get(&clients).await.response.body()).is_err());
    set(&world, vec![Fault::always(FaultKind::UnknownKey { key: "novel".to_owned() })]);
    assert!(world.rows("users/clients").await.iter().all(|row| row["novel"].is_object()));
    set(&world, vec![Fault::always(FaultKind::TypeChanged { key: "level".to_owned(), row: Some(2) })]);
    let rows = world.rows("users/clients").await;
    assert!(rows[1]["level"].is_i64() && rows[2]["level"].is_array());
    set(&world, vec![Fault::always(FaultKind::TypeChanged { key: "amount".to_owned(), row: None })]);
    assert!(world.rows("invoices/invoices").await.iter().all(|row| row["amount"].is_string()));
    set(&world, vec![Fault::always(FaultKind::TypeChanged { key: "id".to_owned(), row: None })]);
    let me = world.get("auth/api/v1/users/me").await.body;
    assert!(me["response"]["id"].is_array());
    let single = world.get(&format!("projects/business/{A_BUSINESS}/project/654301")).await.body;
    assert!(single["project"]["id"].is_array(), "{single}");
}

#[tokio::test]
async fn a_lost_answer_has_had_its_effect_and_a_reset_has_not() {
    let world = world();
    let clients = format!("accounting/account/{A}/users/clients");
    let body = json!({"client": {"organization": "New"}}).to_string();
    let before = world.total("users/clients").await;
    set(&world, vec![Fault::always(FaultKind::Reset).nth(1)]);
    assert!(world.send("POST", &clients, &[], &body).await.is_err());
    assert_eq!(world.total("users/clients").await, before);
    set(&world, vec![Fault::always(FaultKind::AnswerLost).nth(1)]);
    assert!(world.send("POST", &clients, &[], &body).await.is_err());
    assert_eq!(world.total("users/clients").await, before + 1);
    let ids = ids(&world.rows("users/clients?per_page=1").await);
    assert_eq!(ids, [204_041]);
}

#[tokio::test]
async fn a_token_can_be_consumed_and_its_answer_lost() {
    let world = world();
    let fault = Fault::always(FaultKind::TokenConsumedAnswerLost).nth(1);
    set(&world, vec![fault]);
    assert_eq!(world.get("auth/api/v1/users/me").await.status, 200);
    let form = [("content-type", "application/x-www-form-urlencoded"), ("authorization", "")];
    let query =
        "client_id=simulator-app&response_type=code&redirect_uri=https://example.com/cb&decision=allow";
    let asked = world.send("POST", "oauth/authorize", &form, query).await.unwrap();
    let code =
        asked.response.headers()["location"].to_str().unwrap().split_once("code=").unwrap().1.to_owned();
    let body = format!(
        "grant_type=authorization_code&client_id=simulator-app&client_secret=simulator-secret\
         &redirect_uri=https://example.com/cb&code={code}"
    );
    assert!(world.send("POST", "auth/oauth/token", &form, &body).await.is_err());
    let again = world.send("POST", "auth/oauth/token", &form, &body).await.unwrap();
    assert_eq!((again.status, again.body["error"].as_str().unwrap()), (400, "invalid_grant"));
}

#[tokio::test]
async fn waiting_costs_virtual_time_only() {
    use model::port::Clock;
    let world = world_with(|options| options.latency_ms = 60_000);
    for _ in 0..100 {
        world.get("auth/api/v1/users/me").await;
    }
    assert_eq!(world.clock.now(), crate::world::start() + jiff::SignedDuration::from_mins(100));
}
