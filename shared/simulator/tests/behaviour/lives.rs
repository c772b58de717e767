//! What becomes of the rows of the resources beside the well-known ones, and that the truth knows.

use serde_json::{Value, json};
use simulator::State;

use crate::world::{A, A_BUSINESS, World, world};

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
    let live = world.total("invoices/invoices").await;
    assert_eq!(control.truth(A, "invoice_share_link", false).unwrap().rows, live);
    let all = control.all(A, "invoices").unwrap().len() as u64;
    assert_eq!(control.truth(A, "invoice_payment_options", false).unwrap().rows, all);
    let types = ["default_payment_options", "ledger_account_types", "ledger_account_sub_types"];
    assert_eq!(types.map(|name| control.truth(A, name, false).unwrap().rows), [1, 5, 10]);
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
