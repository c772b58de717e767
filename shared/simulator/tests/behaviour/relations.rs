//! Keys lead to rows that are there and that agree.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::world::{A, A_BUSINESS, World, world, world_with};

/// Every row of an accounting list, whatever its state, with these includes.
async fn every(world: &World, path: &str, includes: &[&str]) -> Vec<Value> {
    let states = "search[vis_state][]=0&search[vis_state][]=1&search[vis_state][]=2";
    let includes: String = includes.iter().flat_map(|name| ["&include[]=", name]).collect();
    world.all(&format!("accounting/account/{A}/{path}?{states}{includes}")).await
}

fn by<'a>(rows: &'a [Value], key: &str) -> BTreeMap<i64, &'a Value> {
    let map: BTreeMap<i64, &Value> = rows.iter().map(|row| (row[key].as_i64().unwrap(), row)).collect();
    assert_eq!(map.len(), rows.len(), "{key} is not unique");
    map
}

fn minor(money: &Value) -> i128 {
    model::decimal::parse(money["amount"].as_str().unwrap(), 2).unwrap()
}

#[tokio::test]
async fn payments_credits_profiles_and_retainers_are_of_clients_that_are_there() {
    let world = world_with(|options| options.scale = 240);
    let clients = every(&world, "users/clients", &["contacts", "outstanding_balance", "draft_balance"]).await;
    let invoices = every(&world, "invoices/invoices", &["lines"]).await;
    let profiles = every(&world, "invoice_profiles/invoice_profiles", &["lines"]).await;
    let credits = every(&world, "credit_notes/credit_notes", &["allocations"]).await;
    let (clients, invoices, profiles) = (by(&clients, "id"), by(&invoices, "id"), by(&profiles, "id"));
    for payment in every(&world, "payments/payments", &[]).await {
        let invoice = invoices[&payment["invoiceid"].as_i64().unwrap()];
        assert_eq!(payment["clientid"], invoice["customerid"]);
        assert_eq!(payment["amount"]["code"], invoice["amount"]["code"]);
    }
    let mut made = BTreeSet::new();
    for invoice in invoices.values().filter(|invoice| invoice["parent"] != 0) {
        let profile = profiles[&invoice["parent"].as_i64().unwrap()];
        assert_eq!(profile["customerid"], invoice["customerid"]);
        assert_eq!(profile["amount"], invoice["amount"]);
        let prices = |document: &Value| -> Vec<Value> {
            document["lines"].as_array().unwrap().iter().map(|line| line["unit_cost"].clone()).collect()
        };
        assert_eq!(prices(invoice), prices(profile));
        assert!(made.insert(profile["id"].as_i64().unwrap()));
    }
    assert_eq!(made.len(), profiles.len(), "each profile made one");
    let mut allocated = 0;
    for credit in &credits {
        assert!(clients.contains_key(&credit["clientid"].as_i64().unwrap()));
        for allocation in credit["allocations"].as_array().unwrap() {
            let invoice = invoices[&allocation["invoiceid"].as_i64().unwrap()];
            assert_eq!(
                (&invoice["customerid"], &allocation["creditid"]),
                (&credit["clientid"], &credit["id"])
            );
            assert_eq!(minor(&credit["paid"]), minor(&allocation["amount"]));
            allocated += 1;
        }
    }
    assert!(allocated > 0);
    let retainers = world.get(&format!("comments/business/{A_BUSINESS}/retainers")).await.body;
    assert!(retainers.get("meta").is_none());
    let retainers = retainers["retainers"].as_array().unwrap();
    for retainer in retainers {
        let client = retainer["client_user_id"].as_i64().unwrap();
        assert!(clients.contains_key(&client));
        if let Some(profile) = retainer["invoice_profile_id"].as_i64() {
            assert_eq!(profiles[&profile]["customerid"], client);
        }
    }
    assert!(retainers.iter().any(|retainer| retainer["invoice_profile_id"].is_i64()));
    let contacts: Vec<&Value> =
        clients.values().flat_map(|client| client["contacts"].as_array().unwrap()).collect();
    assert!(!contacts.is_empty());
    // what a client owes is what is open of the invoices
    for client in clients.values() {
        let open: i128 = invoices
            .values()
            .filter(|invoice| invoice["customerid"] == client["id"] && invoice["vis_state"] != 1)
            .map(|invoice| minor(&invoice["outstanding"]))
            .sum();
        let owed = |key: &str| client[key][0].get("amount").map_or(0, minor);
        assert_eq!(owed("outstanding_balance") + owed("draft_balance"), open, "{}", client["id"]);
    }
}

#[tokio::test]
async fn bills_have_vendors_and_payments_and_expenses_categories() {
    let world = world_with(|options| options.scale = 360);
    let bills = every(&world, "bills/bills", &[]).await;
    let vendors = every(&world, "bill_vendors/bill_vendors", &[]).await;
    let payments = every(&world, "bill_payments/bill_payments", &[]).await;
    let categories = every(&world, "expenses/categories", &[]).await;
    let (bills, vendors) = (by(&bills, "id"), by(&vendors, "vendorid"));
    let (payments, categories) = (by(&payments, "id"), by(&categories, "id"));
    let mut paid = 0;
    for bill in bills.values() {
        let vendor = vendors[&bill["vendorid"].as_i64().unwrap()];
        assert_eq!(vendor["currency_code"], bill["currency_code"]);
        let mut shown = bill["vendor"].clone();
        for key in ["outstanding_balance", "overdue_balance"] {
            shown[key] = vendor[key].clone();
        }
        assert_eq!(shown, *vendor);
        for payment in bill["bill_payments"].as_array().unwrap() {
            let listed = payments[&payment["id"].as_i64().unwrap()];
            for key in ["amount", "billid", "paid_date", "payment_type", "vis_state"] {
                assert_eq!(listed[key], payment[key], "{key}");
            }
            assert_eq!(minor(&payment["amount"]), minor(&bill["paid"]));
            paid += 1;
        }
        for line in bill["lines"].as_array().unwrap() {
            assert!(categories.contains_key(&line["categoryid"].as_i64().unwrap()));
        }
    }
    assert_eq!(paid, payments.len());
    assert!(paid < bills.len());
    for vendor in vendors.values() {
        let open: i128 = bills
            .values()
            .filter(|bill| bill["vendorid"] == vendor["vendorid"] && bill["vis_state"] != 1)
            .map(|bill| minor(&bill["outstanding"]))
            .sum();
        assert_eq!(vendor["outstanding_balance"][0].get("amount").map_or(0, minor), open);
    }
    assert!(vendors.values().any(|vendor| vendor["tax_defaults"][0]["tax_id"].is_i64()));
    for category in categories.values() {
        let parent = category["parentid"].as_i64().unwrap();
        assert!(parent == 0 || categories.contains_key(&parent));
    }
    let expenses = every(&world, "expenses/expenses", &["attachment", "category"]).await;
    for expense in &expenses {
        assert_eq!(expense["category"], *categories[&expense["categoryid"].as_i64().unwrap()]);
        if let Some(jwt) = expense["attachment"]["jwt"].as_str().filter(|_| expense["vis_state"] == 0) {
            let file = world.get(&format!("uploads/attachments/{jwt}")).await;
            assert_eq!(file.status, 200);
            assert_eq!(
                file.response.headers()["content-type"].to_str().unwrap(),
                expense["attachment"]["media_type"]
            );
        }
    }
    let named: BTreeSet<&str> = expenses
        .iter()
        .filter(|expense| expense["vis_state"] != 1)
        .filter_map(|expense| expense["vendor"].as_str())
        .collect();
    let listed = world.all(&format!("accounting/account/{A}/expenses/vendors")).await;
    assert_eq!(listed.iter().map(|row| row["vendor"].as_str().unwrap()).collect::<BTreeSet<_>>(), named);
    let summaries = world.rows("expenses/summaries").await;
    let total = expenses.iter().filter(|expense| expense["vis_state"] != 1).count();
    assert_eq!((&summaries[0]["id"], &summaries[0]["counts"]), (&json!("grand_total"), &json!(total)));
    assert_eq!(
        summaries[1]["counts"].as_u64().unwrap() + summaries[2]["counts"].as_u64().unwrap(),
        total as u64
    );
}

#[tokio::test]
async fn people_and_services_are_the_same_wherever_they_are_listed() {
    let world = world();
    let business = world.get(&format!("auth/api/v1/users/business/{A_BUSINESS}")).await.body;
    let group: BTreeMap<String, i64> = business["response"]["business_group"]["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| (member["email"].as_str().unwrap().to_owned(), member["identity_id"].as_i64().unwrap()))
        .collect();
    let team = world.get(&format!("auth/api/v1/businesses/{A_BUSINESS}/team_members")).await.body;
    for member in team["response"].as_array().unwrap() {
        assert_eq!(group[member["email"].as_str().unwrap()], member["identity_id"]);
    }
    for staff in world.rows("users/staffs").await {
        assert!(group.contains_key(staff["email"].as_str().unwrap()));
    }
    let entries = world
        .all(&format!("timetracking/business/{A_BUSINESS}/time_entries?team=true&include_unlogged=true"))
        .await;
    let tracked: BTreeSet<i64> = entries.iter().map(|entry| entry["identity_id"].as_i64().unwrap()).collect();
    assert_eq!(tracked, group.values().copied().collect());
    let timers = world.get(&format!("comments/business/{A_BUSINESS}/timers")).await.body;
    let timed: BTreeSet<i64> = entries.iter().filter_map(|entry| entry["timer"]["id"].as_i64()).collect();
    let timers: BTreeSet<i64> =
        timers["timers"].as_array().unwrap().iter().map(|timer| timer["id"].as_i64().unwrap()).collect();
    assert!(timed.is_subset(&timers) && !timed.is_empty());
    for project in world.all(&format!("projects/business/{A_BUSINESS}/projects")).await {
        for member in project["group"]["members"].as_array().unwrap() {
            assert_eq!(group[member["email"].as_str().unwrap()], member["identity_id"]);
        }
    }
    let services = world.all(&format!("comments/business/{A_BUSINESS}/services?include_task_id=true")).await;
    let tasks = every(&world, "projects/tasks", &[]).await;
    let tasks = by(&tasks, "id");
    for service in &services {
        let task = tasks[&service["task_id"].as_i64().unwrap()];
        assert_eq!((&task["name"], &task["billable"]), (&service["name"], &service["billable"]));
        let rate =
            world.get(&format!("comments/business/{A_BUSINESS}/service/{}/rate", service["id"])).await.body;
        assert_eq!(task["rate"]["amount"], rate["service_rate"]["rate"]);
    }
    let me = world.get("auth/api/v1/users/me").await.body["response"].clone();
    for role in me["roles"].as_array().unwrap().iter().filter(|role| role["role"] == "admin") {
        let account = role["accountid"].as_str().unwrap();
        let system =
            world.get(&format!("accounting/account/{account}/systems/systems/{}", role["systemid"])).await;
        assert_eq!(system.body["response"]["result"]["system"]["accountid"], account);
    }
}

#[tokio::test]
async fn the_two_charts_are_one() {
    let world = world();
    let uuid = world.simulator.businesses()[0].business_uuid.clone();
    let list = format!("accounting/businesses/{uuid}/ledger_accounts/accounts");
    let body = world.get(&list).await.body;
    let ledger = body["data"].as_array().unwrap();
    let accounts =
        world.all(&format!("accounting/account/{A}/journal_entry_accounts/journal_entry_accounts")).await;
    let subs: BTreeMap<i64, &Value> = accounts
        .iter()
        .flat_map(|account| account["sub_accounts"].as_array().unwrap())
        .map(|sub| (sub["id"].as_i64().unwrap(), sub))
        .collect();
    let accounts = by(&accounts, "id");
    assert_eq!(ledger.len(), accounts.len() + subs.len());
    for row in ledger {
        match (row["jea_id"].as_i64(), row["jesa_id"].as_i64()) {
            (Some(id), None) => assert_eq!(row["name"], accounts[&id]["account_name"]),
            (None, Some(id)) => assert_eq!(row["name"], subs[&id]["account_sub_name"]),
            other => panic!("{other:?}"),
        }
        if let Some(parent) = row["parent_account"].as_str() {
            let parent = ledger.iter().find(|other| other["uuid"] == parent).unwrap();
            assert!(parent["sub_accounts"].as_array().unwrap().contains(&row["uuid"]));
        }
    }
    let types = world.get("accounting/ledger_accounts/types").await.body;
    let sub_types = world.get("accounting/ledger_accounts/sub_types").await.body;
    let names = |body: &Value| -> BTreeSet<String> {
        body["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(ledger.iter().all(|row| names(&types).contains(row["type"].as_str().unwrap())));
    assert!(ledger.iter().all(|row| names(&sub_types).contains(row["sub_type"].as_str().unwrap())));
}
