use serde_json::json;

use crate::world::{A, A_BUSINESS, ids, rows_of, world};

#[tokio::test]
async fn accounting_rows_are_created_changed_and_deleted() {
    let world = world();
    for (list, key, fields) in [
        ("users/clients", "client", json!({"organization": "Ünited"})),
        ("invoices/invoices", "invoice", json!({"notes": "n", "customerid": 204_001})),
        ("expenses/expenses", "expense", json!({"notes": "n"})),
        ("taxes/taxes", "tax", json!({"name": "N"})),
    ] {
        let path = format!("accounting/account/{A}/{list}");
        let before = world.total(list).await;
        let made = world.send("POST", &path, &[], &json!({key: fields}).to_string()).await.unwrap();
        let row = &made.body["response"]["result"][key];
        for (name, value) in fields.as_object().unwrap() {
            assert_eq!(row[name], *value, "{list}");
        }
        assert_eq!(row["updated"], "2026-11-22 10:00:00");
        assert_eq!(world.total(list).await, before + 1);
        let one = format!("{path}/{}", row["id"]);
        assert_eq!(world.get(&one).await.body, made.body);
        let change = json!({key: {"language": "fr", "id": 1}}).to_string();
        let changed = world.send("PUT", &one, &[], &change).await.unwrap();
        assert_eq!(changed.body["response"]["result"][key]["language"], "fr");
        assert_eq!(changed.body["response"]["result"][key]["id"], row["id"]);
        let gone = world.send("DELETE", &one, &[], "").await.unwrap();
        assert_eq!((gone.status, gone.body), (200, json!({"response": {}})));
        assert_eq!(world.total(list).await, before, "{list}");
        let after = world.get(&one).await;
        match key {
            "tax" => assert_eq!(after.status, 404),
            _ => assert_eq!(after.body["response"]["result"][key]["vis_state"], 1),
        }
    }
}

#[tokio::test]
async fn a_put_with_a_state_drops_everything_else() {
    let world = world();
    let path = format!("accounting/account/{A}/users/clients/204001");
    let body = json!({"client": {"vis_state": 1, "organization": "Ignored"}}).to_string();
    let put = world.send("PUT", &path, &[], &body).await.unwrap();
    assert_eq!(put.body["response"]["result"]["client"]["vis_state"], 1);
    assert_ne!(put.body["response"]["result"]["client"]["organization"], "Ignored");
    assert_eq!(world.total("users/clients?search[vis_state]=1").await, 3);
}

#[tokio::test]
async fn projects_and_time_entries_are_written_flat_and_deleted_with_204() {
    let world = world();
    let projects = format!("projects/business/{A_BUSINESS}/project");
    let bad = world.send("POST", &projects, &[], &json!({"project": {}}).to_string()).await.unwrap();
    assert_eq!((bad.status, bad.body), (422, json!({"errno": 2001, "error": {"title": "field required"}})));
    let body = json!({"project": {"title": "New", "client_id": 204_001}}).to_string();
    let made = world.send("POST", &projects, &[], &body).await.unwrap();
    assert_eq!(made.body["project"]["title"], "New");
    assert!(made.body["abilities"].is_array());
    let one = format!("{projects}/{}", made.body["project"]["id"]);
    assert_eq!(world.send("DELETE", &one, &[], "").await.unwrap().status, 204);
    assert_eq!(world.get(&one).await.status, 404);
    let entries = format!("timetracking/business/{A_BUSINESS}/time_entries");
    let body = json!({"time_entry": {"duration": 60, "is_logged": true, "identity_id": 712_001}}).to_string();
    let made = world.send("POST", &entries, &[], &body).await.unwrap();
    let id = made.body["time_entry"]["id"].as_i64().unwrap();
    assert_eq!(ids(&rows_of(&world.get(&entries).await.body))[0], id);
    assert_eq!(world.send("DELETE", &format!("{entries}/{id}"), &[], "").await.unwrap().status, 204);
    assert_ne!(ids(&rows_of(&world.get(&entries).await.body))[0], id);
    let seen = rows_of(&world.get(&format!("{entries}?include_deleted=true")).await.body);
    assert_eq!((ids(&seen)[0], &seen[0]["active"]), (id, &json!(false)));
    let service = world.get(&format!("comments/business/{A_BUSINESS}/service/405441")).await.body;
    assert_eq!(service["service"]["id"], 405_441);
    let rate = world.get(&format!("comments/business/{A_BUSINESS}/service/405441/rate")).await.body;
    assert_eq!(rate["service_rate"]["service_id"], 405_441);
    let rates = world.get(&format!("comments/business/{A_BUSINESS}/service_rates")).await.body;
    assert_eq!(rates["service_rates"].as_array().unwrap().len(), 8);
}
