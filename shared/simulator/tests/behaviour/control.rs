use std::collections::BTreeMap;

use serde_json::{Value, json};
use simulator::ControlError;

use crate::world::{A, A_BUSINESS, ids, lists, world};

#[tokio::test]
async fn changes_are_seen_with_a_new_updated() {
    let world = world();
    let control = world.simulator.control();
    control.advance(jiff::SignedDuration::from_hours(48));
    let id = control.insert(A, "invoices", &json!({"notes": "inserted"})).unwrap();
    control.change(A, "invoices", 2_621_001, &json!({"notes": "changed"})).unwrap();
    control.archive(A, "invoices", 2_621_002).unwrap();
    control.delete(A, "invoices", 2_621_003).unwrap();
    let rows = world.rows("invoices/invoices?search[updated_min]=2026-11-24").await;
    assert_eq!(ids(&rows), [id, 2_621_002, 2_621_001]);
    assert!(rows.iter().all(|row| row["updated"] == "2026-11-24 10:00:00"));
    assert!(rows[0]["version"].as_str().unwrap().starts_with("2026-11-24 10:00:00."));
    assert_eq!((&rows[0]["notes"], &rows[2]["notes"]), (&json!("inserted"), &json!("changed")));
    let deleted = world.rows("invoices/invoices?search[vis_state]=1&search[updated_min]=2026-11-24").await;
    assert_eq!(ids(&deleted), [2_621_003]);
    control.undelete(A, "invoices", 2_621_003).unwrap();
    assert_eq!(world.total("invoices/invoices?search[updated_min]=2026-11-24").await, 4);
    control.delete(A, "taxes", 7_842).unwrap();
    assert_eq!(ids(&world.rows("taxes/taxes").await), [7_844, 7_843, 7_841]);
    assert_eq!(
        control.change(A, "taxes", 7_842, &json!({})),
        Err(ControlError::UnknownRow("taxes".to_owned(), 7_842))
    );
    control.undelete(A, "taxes", 7_842).unwrap();
    assert_eq!(world.total("taxes/taxes").await, 4);
    control.archive(A_BUSINESS, "projects", 654_301).unwrap();
    let project = world.get(&format!("projects/business/{A_BUSINESS}/project/654301")).await.body;
    assert_eq!(
        (&project["project"]["active"], &project["project"]["updated_at"]),
        (&json!(false), &json!("2026-11-24T15:00:00"))
    );
    assert!(matches!(control.delete("nope", "taxes", 1), Err(ControlError::UnknownUnit(_))));
    assert!(matches!(control.delete(A, "nope", 1), Err(ControlError::UnknownResource(_))));
}

/// Sums a column of listed rows: by hand, and over all pages.
fn sums(rows: &[Value], column: &str) -> BTreeMap<String, i128> {
    let mut sums = BTreeMap::new();
    for money in rows.iter().filter_map(|row| row[column].as_object()) {
        let amount = model::decimal::parse(money["amount"].as_str().unwrap(), 26).unwrap();
        *sums.entry(money["code"].as_str().unwrap().to_owned()).or_default() += amount;
    }
    sums
}

#[tokio::test]
async fn the_truth_is_what_all_pages_together_say() {
    let world = world();
    let control = world.simulator.control();
    control.insert(A, "invoices", &json!({"amount": {"amount": "0.01", "code": "CAD"}})).unwrap();
    control.delete(A, "invoices", 2_621_001).unwrap();
    control.delete(A, "projects", 654_302).unwrap();
    control
        .change(
            A,
            "expenses",
            5_340_002,
            &json!({"amount": {"amount": "-7.5", "code": "USD"}, "vendor": null}),
        )
        .unwrap();
    for (name, path) in lists(A, A_BUSINESS) {
        let rows = world.all(&path).await;
        let truth = control.truth(A, name, true).unwrap();
        assert_eq!(truth.rows, rows.len() as u64, "{name}");
        let mut listed = ids(&rows);
        listed.sort_unstable();
        assert_eq!(truth.ids.as_deref(), Some(listed.as_slice()), "{name}");
        assert_eq!(truth.states.values().sum::<u64>(), truth.rows);
        for (column, by_code) in &truth.sums {
            if by_code.contains_key("") {
                continue;
            }
            let told: BTreeMap<String, i128> = by_code
                .iter()
                .map(|(code, sum)| (code.clone(), model::decimal::parse(sum, 26).unwrap()))
                .collect();
            assert_eq!(told, sums(&rows, column), "{name}.{column}");
        }
        let mut nulls: BTreeMap<String, u64> = BTreeMap::new();
        for (key, _) in
            rows.iter().flat_map(|row| row.as_object().unwrap()).filter(|(_, value)| value.is_null())
        {
            *nulls.entry(key.clone()).or_default() += 1;
        }
        assert_eq!(truth.nulls, nulls, "{name}");
        for (column, (low, high)) in &truth.dates {
            let texts = || rows.iter().filter_map(|row| row[column].as_str());
            assert_eq!(
                (texts().min(), texts().max()),
                (Some(low.as_str()), Some(high.as_str())),
                "{name}.{column}"
            );
        }
        for (key, child) in &truth.children {
            let nested: usize = rows
                .iter()
                .map(|row| match &row[key] {
                    Value::Array(items) => items.len(),
                    Value::Object(_) => 1,
                    _ => 0,
                })
                .sum();
            assert_eq!(child.rows, nested as u64, "{name}.{key}");
        }
    }
    let invoices = control.truth(A, "invoices", false).unwrap();
    assert_eq!(invoices.states["deleted"], 7);
    assert!(invoices.children["lines"].sums["qty"].contains_key(""));
    assert!(invoices.ids.is_none());
}

async fn post(world: &crate::world::World, path: &str, body: Value) -> Value {
    let asked = world.send("POST", &format!("_simulator/{path}"), &[], &body.to_string()).await.unwrap();
    assert_eq!(asked.status, 200, "{path} {}", asked.body);
    asked.body
}

#[tokio::test]
async fn the_control_api_does_what_the_handle_does() {
    let world = world();
    let told = world.get("_simulator").await.body;
    assert_eq!(told["businesses"][1]["account_id"], "Wn8dLk");
    let options =
        post(&world, "options", json!({"latency_ms": 5, "oauth": {"expires_in": 60}, "scale": 7})).await;
    assert_eq!((&options["latency_ms"], &options["scale"]), (&json!(5), &json!(120)));
    assert_eq!(options["oauth"]["client_id"], "simulator-app");
    let fault = json!({"faults": [{"resource": "taxes", "kind": {"status": {"code": 500}}}, {"nth": 1, "kind": "reset"}]});
    post(&world, "options", fault).await;
    assert!(world.send("GET", "auth/api/v1/users/me", &[], "").await.is_err());
    assert_eq!(world.get(&format!("accounting/account/{A}/taxes/taxes")).await.status, 500);
    post(&world, "options", json!({"faults": []})).await;
    let bad = world.send("POST", "_simulator/options", &[], r#"{"nonsense": 1}"#).await.unwrap();
    assert_eq!(bad.status, 400);
    let made =
        post(&world, &format!("rows/{A}/clients"), json!({"action": "insert", "fields": {"note": "x"}}))
            .await;
    assert_eq!(made["id"], 204_041);
    post(
        &world,
        &format!("rows/{A}/clients"),
        json!({"action": "change", "id": 204_041, "fields": {"note": "y"}}),
    )
    .await;
    for action in ["archive", "delete", "undelete"] {
        post(&world, &format!("rows/{A}/clients"), json!({"action": action, "id": 204_041})).await;
    }
    let truth = world.get(&format!("_simulator/truth/{A}/clients?ids=true")).await.body;
    assert_eq!((&truth["rows"], &truth["ids"][40]), (&json!(41), &json!(204_041)));
    post(&world, "clock", json!({"advance_seconds": 3600})).await;
    let token = post(&world, "token", json!({"scopes": ["user:clients:read"]})).await;
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let clients = format!("accounting/account/{A}/users/clients");
    let with = [("authorization", bearer.as_str())];
    assert_eq!(world.send("GET", &clients, &with, "").await.unwrap().status, 200);
    post(&world, "revoke", json!({})).await;
    assert_eq!(world.send("GET", &clients, &with, "").await.unwrap().status, 401);
    post(&world, "kill_grant", json!({})).await;
    let requests = world.get("_simulator/requests?last=2").await.body;
    assert_eq!(
        (&requests["total"], &requests["by_status"]["401"], &requests["by_status"]["0"]),
        (&json!(4), &json!(1), &json!(1))
    );
    assert_eq!(requests["last"].as_array().unwrap().len(), 2);
    assert_eq!(requests["last"][1]["target"], format!("/{clients}"));
    post(&world, "requests", json!({})).await;
    assert_eq!(world.get("_simulator/requests").await.body["total"], 0);
    assert_eq!(world.get("_simulator/nothing").await.status, 404);
}

#[tokio::test]
async fn the_control_api_keeps_web_pages_out() {
    let world = world();
    for header in [("host", "evil.example"), ("origin", "https://evil.example")] {
        assert_eq!(world.send("GET", "_simulator", &[header], "").await.unwrap().status, 403);
    }
    assert_eq!(world.send("GET", "_simulator", &[("host", "127.0.0.1:1234")], "").await.unwrap().status, 200);
}
