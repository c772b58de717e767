//! What is odd about the resources beside the well-known ones.

use serde_json::{Value, json};
use simulator::{OutOfScope, PaymentErrors, StaffKey};

use crate::world::{A, A_BUSINESS, world, world_with};

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
    assert_eq!(world.send("DELETE", &one, &[], "").await.unwrap().status, 204);
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
    let path = format!("payments/account/{A}/invoice/{id}/payment_options");
    let body = r#"{"gateway_name": "stripe", "entity_id": "1"}"#;
    world.send("POST", &path, &[], body).await.unwrap();
    let set = world.get(&path).await.body["payment_options"].clone();
    assert_eq!((&set["gateway_name"], &set["entity_id"]), (&json!("stripe"), &json!(id.to_string())));
    let rate = format!("comments/business/{A_BUSINESS}/service/405441/rate");
    let body = r#"{"service_rate": {"rate": 12.5}}"#;
    assert_eq!(world.send("PUT", &rate, &[], body).await.unwrap().body["service_rate"]["rate"], "12.5");
    let rates = world.get(&format!("comments/business/{A_BUSINESS}/service_rates")).await.body;
    assert_eq!(rates["service_rates"][0]["rate"], "12.5");
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
    control.set_options(|options| options.role = "client".to_owned());
    let write =
        world.send("PUT", &format!("accounting/account/{A}/users/clients/204001"), &[], "{}").await.unwrap();
    assert_eq!(write.status, 403);
    let mut world = world_with(|options| options.out_of_scope = OutOfScope::DeniedInside);
    world.token = Some(world.simulator.bearer_token(&["user:profile:read"]));
    let denied = world.get(&format!("accounting/account/{A}/bills/bills")).await;
    assert_eq!((denied.status, &denied.body["response"]["errors"][0]["errno"]), (200, &json!(1003)));
    world.simulator.control().set_options(|options| options.out_of_scope = OutOfScope::Denied);
    assert_eq!(world.get(&format!("accounting/account/{A}/bills/bills")).await.status, 403);
}

#[tokio::test]
async fn a_payment_may_move_the_time_of_what_it_pays() {
    for touch in [false, true] {
        let world = world_with(|options| options.children_touch = touch);
        let control = world.simulator.control();
        let payment = world.rows("payments/payments").await[0].clone();
        let invoice = format!("accounting/account/{A}/invoices/invoices/{}", payment["invoiceid"]);
        let bill_payment = world.rows("bill_payments/bill_payments").await[0].clone();
        let bill = format!("accounting/account/{A}/bills/bills/{}", bill_payment["billid"]);
        let times = async || {
            let (invoice, bill) = (world.get(&invoice).await.body, world.get(&bill).await.body);
            let result = |body: &Value, path: &str| body.pointer(path).unwrap().clone();
            (
                result(&invoice, "/response/result/invoice/updated"),
                result(&bill, "/response/result/bill/updated_at"),
            )
        };
        let before = times().await;
        control.advance(jiff::SignedDuration::from_hours(2));
        control.change(A, "payments", payment["id"].as_i64().unwrap(), &json!({"note": "x"})).unwrap();
        control.delete(A, "bill_payments", bill_payment["id"].as_i64().unwrap()).unwrap();
        let after = times().await;
        assert_eq!((before.0 != after.0, before.1 != after.1), (touch, touch));
    }
}

#[tokio::test]
async fn dates_of_ledger_lines_scopes_and_the_key_of_a_credit_note_are_options() {
    let mut world = world();
    let all = "journal_entries/journal_entry_details?start_date=2026-01-01&end_date=2026-06-30";
    let unfiltered = world.total(all).await;
    world.simulator.control().set_options(|options| {
        options.details_by_date = true;
        options.credit_note_plural = true;
        options.scopes.insert("tasks".to_owned(), "billable_items".to_owned());
    });
    let lines = world.all(&format!("accounting/account/{A}/{all}")).await;
    assert!(!lines.is_empty() && (lines.len() as u64) < unfiltered);
    assert!(
        lines
            .iter()
            .all(|line| ("2026-01-01".."2026-07-01").contains(&line["user_entered_date"].as_str().unwrap()))
    );
    let note = world.get(&format!("accounting/account/{A}/credit_notes/credit_notes/30947")).await;
    assert!(note.body["response"]["result"]["credit_notes"].is_object());
    world.token = Some(world.simulator.bearer_token(&["user:billable_items:read"]));
    assert_eq!(world.get(&format!("accounting/account/{A}/projects/tasks")).await.status, 200);
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
