//! What is odd about the resources beside the well-known ones, and what becomes of their rows.

use serde_json::{Value, json};
use simulator::{OutOfScope, PaymentErrors, StaffKey, State};

use crate::world::{A, A_BUSINESS, World, world, world_with};

const STATES: &str = "search[vis_state][]=0&search[vis_state][]=1&search[vis_state][]=2";

/// Every list with rows of its own, whether it comes in pages, and what its rows tell of their last change.
fn lists(world: &World) -> Vec<(&'static str, String, &'static str, Option<&'static str>)> {
    let account = format!("accounting/account/{A}");
    let uuid = &world.simulator.businesses()[0].business_uuid;
    vec![
        ("invoice_profiles", format!("{account}/invoice_profiles/invoice_profiles"), "id", Some("updated")),
        ("tasks", format!("{account}/projects/tasks"), "id", Some("updated")),
        ("other_income", format!("{account}/other_incomes/other_incomes"), "incomeid", Some("updated_at")),
        ("bill_payments", format!("{account}/bill_payments/bill_payments"), "id", None),
        ("bill_vendors", format!("{account}/bill_vendors/bill_vendors"), "vendorid", Some("updated_at")),
        ("expense_categories", format!("{account}/expenses/categories"), "id", Some("updated_at")),
        ("staff", format!("{account}/users/staffs"), "id", Some("updated")),
        ("gateways", format!("{account}/systems/gateways"), "id", None),
        ("callbacks", format!("events/account/{A}/events/callbacks"), "callbackid", Some("updated_at")),
        ("retainers", format!("comments/business/{A_BUSINESS}/retainers"), "id", Some("updated_at")),
        (
            "ledger_accounts",
            format!("accounting/businesses/{uuid}/ledger_accounts/accounts"),
            "uuid",
            Some("updated_at"),
        ),
    ]
}

async fn every(world: &World, path: &str) -> Vec<Value> {
    if path.contains("retainers") || path.contains("ledger") {
        let body = world.get(path).await.body;
        return body.as_object().unwrap().values().next().unwrap().as_array().unwrap().clone();
    }
    world.all(&format!("{path}?{STATES}")).await
}

#[tokio::test]
async fn rows_are_made_changed_deleted_and_brought_back_and_the_truth_knows() {
    let world = world();
    let control = world.simulator.control();
    for (name, path, key, updated) in lists(&world) {
        let before = every(&world, &path).await;
        let truth = control.truth(A, name, true).unwrap();
        assert_eq!(truth.rows, before.len() as u64, "{name}");
        assert_eq!(truth.rows, control.all(A, name).unwrap().len() as u64, "{name}");
        control.advance(jiff::SignedDuration::from_hours(30));
        let id = control.insert(A, name, &json!({"note": "new"})).unwrap();
        let after = every(&world, &path).await;
        assert_eq!(after.len(), before.len() + 1, "{name}");
        let is_new = |row: &&Value| row["note"] == "new";
        let new = after.iter().find(is_new).unwrap_or_else(|| panic!("{name}"));
        assert!(new[key] == id || key == "uuid", "{name}");
        if let Some(updated) = updated {
            let others: Vec<&str> = before.iter().map(|row| row[updated].as_str().unwrap()).collect();
            assert!(others.iter().all(|text| *text < new[updated].as_str().unwrap()), "{name}");
        }
        let made = new[updated.unwrap_or("nothing")].clone();
        control.advance(jiff::SignedDuration::from_hours(1));
        control.change(A, name, id, &json!({"note": "newer"})).unwrap();
        let changed = every(&world, &path).await;
        let changed = changed.iter().find(|row| row["note"] == "newer").unwrap();
        assert!(updated.is_none() || changed[updated.unwrap()].as_str() > made.as_str(), "{name}");
        control.delete(A, name, id).unwrap();
        let gone = every(&world, &path).await;
        let row = gone.iter().find(|row| row["note"] == "newer");
        match name {
            "gateways" | "callbacks" => {
                assert!(row.is_none(), "{name}");
                assert_eq!(control.state(A, name, id).unwrap(), None);
            }
            "retainers" => assert_eq!(row.unwrap()["active"], false),
            "ledger_accounts" => assert_eq!(row.unwrap()["state"], "inactive"),
            _ => assert_eq!(row.unwrap()["vis_state"], 1, "{name}"),
        }
        control.undelete(A, name, id).unwrap();
        assert_eq!(control.state(A, name, id).unwrap(), Some(State::Active), "{name}");
        assert_eq!(every(&world, &path).await.len(), before.len() + 1, "{name}");
    }
}

#[tokio::test]
async fn the_truth_of_what_is_worked_out_is_what_is_listed() {
    let world = world();
    let control = world.simulator.control();
    let account = format!("accounting/account/{A}");
    for (name, path) in [
        ("expense_vendors", format!("{account}/expenses/vendors")),
        ("journal_entry_details", format!("{account}/journal_entries/journal_entry_details")),
        ("journal_entry_accounts", format!("{account}/journal_entry_accounts/journal_entry_accounts")),
    ] {
        let rows = world.all(&path).await;
        assert_eq!(control.truth(A, name, false).unwrap().rows, rows.len() as u64, "{name}");
    }
    for name in [
        "expense_summaries",
        "service_rates",
        "team_members",
        "timers",
        "systems",
        "adjustment_journal_entries",
        "payment_gateway_connections",
    ] {
        assert!(control.truth(A, name, false).unwrap().rows > 0, "{name}");
    }
    let accounts = control.truth(A, "journal_entry_accounts", false).unwrap();
    assert_eq!(accounts.children["sub_accounts"].rows, 17);
}

#[tokio::test]
async fn pages_of_new_lists_are_as_those_of_their_family() {
    let world = world();
    for (name, path, _, _) in lists(&world) {
        let body = world.get(&format!("{path}?per_page=1&page=2")).await.body;
        let result = body.pointer("/response/result").unwrap_or(&body).clone();
        if matches!(name, "retainers" | "ledger_accounts") {
            assert_eq!(result.as_object().unwrap().len(), 1, "{name}");
            assert!(result.as_object().unwrap().values().next().unwrap().as_array().unwrap().len() > 1);
        } else {
            assert_eq!((&result["page"], &result["per_page"]), (&json!(2), &json!(1)), "{name}");
            let bad = world.get(&format!("{path}?page=x")).await;
            assert_eq!(bad.status, 422, "{name}");
        }
    }
    let defaults = world.get(&format!("accounting/account/{A}/journal_entries/journal_entry_details")).await;
    assert_eq!(defaults.body["response"]["result"]["per_page"], 15);
}

#[tokio::test]
async fn other_income_and_bill_payments_are_written_over_the_api() {
    let world = world();
    let path = format!("accounting/account/{A}/other_incomes/other_incomes");
    let body = r#"{"other_income": {"amount": {"amount": "7.00", "code": "CAD"}, "date": "2026-05-05"}}"#;
    let made = world.send("POST", &path, &[], body).await.unwrap().body["response"]["result"]["other_income"]
        .clone();
    assert!(made.get("id").is_none());
    let one = format!("{path}/{}", made["incomeid"]);
    let put =
        world.send("PUT", &one, &[], r#"{"other_income": {"vis_state": 1, "note": "x"}}"#).await.unwrap();
    let put = &put.body["response"]["result"]["other_income"];
    assert_eq!((&put["vis_state"], put["note"] == "x"), (&json!(1), false));
    let found = world.rows("other_incomes/other_incomes?search[category_name]=rentals").await;
    assert!(found.iter().all(|row| row["category_name"] == "rentals"));
    let missing = world.send("POST", &path, &[], r#"{"other_income": {}}"#).await.unwrap();
    assert_eq!(missing.body["response"]["errors"][0]["errno"], 1001);
    let read_only = format!("accounting/account/{A}/expenses/categories");
    assert_eq!(world.send("POST", &read_only, &[], r#"{"category": {}}"#).await.unwrap().status, 405);
}

#[tokio::test]
async fn callbacks_are_verified_filtered_and_vanish() {
    let world = world();
    let path = format!("events/account/{A}/events/callbacks");
    let bad =
        world.send("POST", &path, &[], r#"{"callback": {"event": "weather", "uri": "x"}}"#).await.unwrap();
    assert_eq!((bad.status, &bad.body["errno"]), (422, &json!(422)));
    assert_eq!(bad.body["details"][0], "event: Value error, Unrecognized event.");
    let good = r#"{"callback": {"event": "invoice.delete", "uri": "https://a.example/b"}}"#;
    let made =
        world.send("POST", &path, &[], good).await.unwrap().body["response"]["result"]["callback"].clone();
    assert_eq!((&made["verified"], made.get("id")), (&json!(false), None));
    let one = format!("{path}/{}", made["callbackid"]);
    let verify = r#"{"callback": {"verifier": "abc"}}"#;
    let verified =
        world.send("PUT", &one, &[], verify).await.unwrap().body["response"]["result"]["callback"].clone();
    assert_eq!((&verified["verified"], verified.get("verifier")), (&json!(true), None));
    assert!(verified["updated_at"].as_str().unwrap().ends_with('Z'));
    let of_event = world.get(&format!("{path}?search[event]=payment.create")).await.body;
    assert_eq!(of_event["response"]["result"]["total"], 1, "the noun stands for all its events");
    world.simulator.control().set_options(|options| options.zoneless_callbacks = true);
    let zoneless = world.get(&one).await.body["response"]["result"]["callback"]["updated_at"].clone();
    assert!(!zoneless.as_str().unwrap().ends_with('Z'));
    assert_eq!(world.send("DELETE", &one, &[], "").await.unwrap().status, 200);
    let gone = world.get(&one).await;
    assert_eq!((gone.status, &gone.body["errno"]), (404, &json!(404)));
}

#[tokio::test]
async fn ledger_accounts_go_by_uuid_and_name_every_missing_field() {
    let world = world();
    let uuid = world.simulator.businesses()[0].business_uuid.clone();
    let path = format!("accounting/businesses/{uuid}/ledger_accounts/accounts");
    let rows = world.get(&path).await.body["data"].clone();
    let first = rows[0]["uuid"].as_str().unwrap();
    assert_eq!(world.get(&format!("{path}/{first}")).await.body["data"], rows[0]);
    let missing = world.send("POST", &path, &[], "{}").await.unwrap();
    assert_eq!((missing.status, &missing.body["errors"]["status"]), (400, &json!(400)));
    assert_eq!(missing.body["errors"]["details"].as_array().unwrap().len(), 3);
    let none = world.get(&format!("{path}/nothing")).await;
    assert_eq!((none.status, &none.body["errors"]["details"][0]["reason"]), (404, &json!("Not found.")));
    let body = json!({"name": "Savings", "sub_type": "Cash & Bank", "parent_account": first}).to_string();
    let made = world.send("POST", &path, &[], &body).await.unwrap().body["data"].clone();
    assert_eq!((&made["name"], &made["jesa_id"]), (&json!("Savings"), &Value::Null));
    let one = format!("{path}/{}", made["uuid"].as_str().unwrap());
    let put = world.send("PUT", &one, &[], r#"{"state": "archived"}"#).await.unwrap();
    assert_eq!(put.body["data"]["state"], "archived");
    assert_eq!(world.get("accounting/businesses/no-such/ledger_accounts/accounts").await.status, 404);
}

#[tokio::test]
async fn online_payments_are_told_per_invoice_in_a_media_type_of_their_own() {
    let world = world();
    let id = world.simulator.control().all(A, "invoices").unwrap()[0].0;
    let options = world.get(&format!("payments/account/{A}/invoice/{id}/payment_options")).await;
    assert_eq!(options.body["payment_options"]["entity_id"], json!(id.to_string()));
    assert_eq!(options.response.headers()["content-type"], "application/vnd.api+json");
    assert_eq!(world.get(&format!("payments/account/{A}/invoice/1/payment_options")).await.status, 404);
    let path = format!("payments/account/{A}/payment_options?entity_type=nothing");
    for (shape, key) in [
        (PaymentErrors::ErrorType, "/error_type"),
        (PaymentErrors::List, "/errors/0/message"),
        (PaymentErrors::Object, "/errors/message"),
        (PaymentErrors::Bare, "/message"),
    ] {
        world.simulator.control().set_options(|options| options.payment_errors = shape);
        let bad = world.get(&path).await;
        assert!(bad.status == 400 && bad.body.pointer(key).is_some(), "{}", bad.body);
    }
    let link = format!("accounting/account/{A}/invoices/invoices/{id}/share_link?share_method=share_link");
    let link = world.get(&link).await.body["response"]["result"]["share_link"].clone();
    assert_eq!((&link["resourceid"], &link["share_method"]), (&json!(id), &json!("share_link")));
}

#[tokio::test]
async fn files_are_kept_and_told_by_their_key() {
    let world = world();
    let made = world.send("POST", &format!("uploads/account/{A}/images"), &[], "bytes").await.unwrap();
    let jwt = made.body["image"]["jwt"].as_str().unwrap().to_owned();
    assert!(made.body["link"].as_str().unwrap().ends_with(&jwt));
    let file = world.get(&format!("uploads/images/{jwt}")).await;
    assert_eq!(file.response.body().as_ref(), b"bytes");
    let none = world.get("uploads/images/none").await;
    assert!(none.status == 404 && none.body["error"].is_string(), "{}", none.body);
    let attachment = world.send("POST", &format!("uploads/account/{A}/attachments"), &[], "x").await.unwrap();
    assert!(attachment.body["attachment"]["uuid"].is_string() && attachment.body.get("link").is_none());
}

#[tokio::test]
async fn what_is_not_established_is_an_option() {
    let world = world_with(|options| options.scale = 480);
    let control = world.simulator.control();
    let staff = format!("accounting/account/{A}/users/staffs");
    assert!(world.get(&staff).await.body["response"]["result"]["staff"].is_array());
    control.set_options(|options| options.staff_key = StaffKey::Staffs);
    assert!(world.get(&staff).await.body["response"]["result"]["staffs"].is_array());
    let clients = "users/clients?per_page=1";
    assert!(world.rows(clients).await[0].get("contacts").is_none());
    assert!(world.rows(&format!("{clients}&include[]=contacts")).await[0]["contacts"].is_array());
    control.set_options(|options| options.contacts_always = true);
    assert!(world.rows(clients).await[0]["contacts"].is_array());
    let retainers = format!("comments/business/{A_BUSINESS}/retainers");
    let inactive = async || {
        let rows = world.get(&retainers).await.body["retainers"].as_array().unwrap().clone();
        rows.iter().filter(|row| row["active"] == false).count()
    };
    assert!(inactive().await > 0);
    control.set_options(|options| options.inactive_listed = false);
    assert_eq!(inactive().await, 0);
    let mut world = world_with(|options| options.out_of_scope = OutOfScope::DeniedInside);
    world.token = Some(world.simulator.bearer_token(&["user:profile:read"]));
    let denied = world.get(&format!("accounting/account/{A}/bills/bills")).await;
    assert_eq!((denied.status, &denied.body["response"]["errors"][0]["errno"]), (200, &json!(1003)));
    world.simulator.control().set_options(|options| options.out_of_scope = OutOfScope::Denied);
    assert_eq!(world.get(&format!("accounting/account/{A}/bills/bills")).await.status, 403);
}

#[tokio::test]
async fn the_search_of_time_entries_is_the_list_with_more_around_it() {
    let world = world();
    let search =
        world.get(&format!("comments/business/{A_BUSINESS}/time_entries/search?team=true")).await.body;
    let list = world.get(&format!("timetracking/business/{A_BUSINESS}/time_entries?team=true")).await.body;
    assert_eq!(search["meta"]["total"], list["meta"]["total"]);
    assert_eq!(search["meta"]["total_logged"], list["meta"]["total_logged"]);
    assert_eq!(search["aggregations"], Value::Null);
    let (found, listed) = (&search["time_entries"][0], &list["time_entries"][0]);
    assert_eq!(found["id"], listed["id"]);
    assert!(found.get("local_timezone").is_none() && found["highlight"].is_null());
    assert_eq!(search["abilities"][0]["time_entry_id"], found["id"]);
}

#[tokio::test]
async fn any_resource_can_be_outside_the_plan() {
    let world = world();
    for (name, path, errno) in [
        ("bill_vendors", "bill_vendors/bill_vendors", 31_001),
        ("bill_payments", "bill_payments/bill_payments", 41_101),
        ("other_income", "other_incomes/other_incomes", 1_003),
        ("accounts_aging", "reports/accounting/accounts_aging", 1_003),
    ] {
        world.simulator.control().set_options(|options| {
            options.gated.insert(name.to_owned(), errno);
        });
        let gated = world.get(&format!("accounting/account/{A}/{path}")).await;
        assert_eq!(gated.status, 200);
        assert_eq!(gated.body["response"]["errors"][0]["errno"], errno, "{name}");
    }
}
