//! Double entry: every document posts, and balances are sums of what was posted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::{A, B, World, world, world_with};

/// An amount in the smallest unit of its currency.
pub(crate) fn minor(money: &Value) -> i128 {
    match money {
        Value::Null => 0,
        Value::String(text) => model::decimal::parse(text, 2).unwrap(),
        money => {
            let places = if money["code"] == "JPY" { 0 } else { 2 };
            model::decimal::parse(money["amount"].as_str().unwrap(), places).unwrap()
        }
    }
}

/// A report of business A.
pub(crate) async fn report(world: &World, name: &str, query: &str) -> Value {
    let asked = world.get(&format!("accounting/account/{A}/reports/accounting/{name}?{query}")).await;
    assert_eq!(asked.status, 200, "{name}: {}", asked.body);
    let result = asked.body["response"]["result"].as_object().unwrap().clone();
    assert_eq!(result.len(), 1);
    let report = result.into_iter().next().unwrap().1;
    assert_eq!(report["download_token"], "simulated.download.token", "{name}");
    report
}

/// Every line of the ledger.
pub(crate) async fn details(world: &World) -> Vec<Value> {
    world.all(&format!("accounting/account/{A}/journal_entries/journal_entry_details")).await
}

#[tokio::test]
async fn debits_equal_credits_in_every_entry_and_entries_come_from_documents() {
    let world = world();
    let control = world.simulator.control();
    control.delete(A, "invoices", 2_621_005).unwrap();
    control.insert(A, "expenses", &json!({"amount": {"amount": "12.34", "code": "CAD"}})).unwrap();
    let details = details(&world).await;
    let total = world.total("journal_entries/journal_entry_details").await;
    assert_eq!(details.len() as u64, total);
    let mut entries: BTreeMap<i64, (i128, usize)> = BTreeMap::new();
    let mut ids = std::collections::BTreeSet::new();
    for detail in &details {
        assert!(ids.insert(detail["id"].as_i64().unwrap()), "{detail}");
        assert!(detail["debit"].is_null() != detail["credit"].is_null());
        let entry = entries.entry(detail["entry"]["entryid"].as_i64().unwrap()).or_default();
        *entry = (entry.0 + minor(&detail["debit"]) - minor(&detail["credit"]), entry.1 + 1);
        assert_eq!(detail["sub_account"]["parentid"], detail["account"]["accountid"]);
    }
    assert!(entries.values().all(|(sum, lines)| *sum == 0 && *lines >= 2));
    // every invoice that is not deleted is there once, with its amount on what is to be received
    let invoices = world.all(&format!("accounting/account/{A}/invoices/invoices")).await;
    for invoice in &invoices {
        let of_it: Vec<&Value> = details
            .iter()
            .filter(|row| row["detail_type"] == "invoice" && row["entry"]["invoiceid"] == invoice["id"])
            .collect();
        assert_eq!(of_it.len(), 3, "{}", invoice["id"]);
        let receivable = of_it.iter().find(|row| row["account"]["account_number"] == "1200").unwrap();
        assert_eq!(minor(&receivable["balance"]), minor(&invoice["amount"]));
    }
    assert!(
        details.iter().all(|row| row["entry"]["invoiceid"] != 2_621_005 || row["detail_type"] != "invoice")
    );
    let expenses = details.iter().filter(|row| row["detail_type"] == "expense").count();
    let listed = world.total("expenses/expenses").await;
    assert_eq!(expenses as u64, 3 * listed);
}

#[tokio::test]
async fn balances_of_accounts_are_the_sums_of_their_details() {
    let world = world();
    let mut sums: BTreeMap<i64, i128> = BTreeMap::new();
    for detail in details(&world).await.iter().filter(|detail| detail["balance"]["code"] == "CAD") {
        *sums.entry(detail["sub_account"]["id"].as_i64().unwrap()).or_default() += minor(&detail["balance"]);
    }
    let accounts =
        world.all(&format!("accounting/account/{A}/journal_entry_accounts/journal_entry_accounts")).await;
    for account in accounts {
        let parts = account["sub_accounts"].as_array().unwrap();
        assert_eq!(minor(&account["balance"]), parts.iter().map(|sub| minor(&sub["balance"])).sum::<i128>());
        for sub in parts {
            let sum = sums.get(&sub["id"].as_i64().unwrap()).copied().unwrap_or(0);
            assert_eq!(minor(&sub["balance"]), sum, "{}", sub["account_sub_name"]);
        }
    }
    let uuid = world.simulator.businesses()[0].business_uuid.clone();
    let chart = world.get(&format!("accounting/businesses/{uuid}/reports/chart_of_accounts")).await.body;
    for account in chart["response"]["result"]["journal_entry_accounts"].as_array().unwrap() {
        for sub in account["sub_accounts"].as_array().unwrap() {
            let text = sub["balance"].as_str().unwrap();
            assert_eq!(text.split_once('.').unwrap().1.len(), 3, "{text}");
            assert_eq!(sub["parent_account_uuid"], account["account_uuid"]);
        }
    }
}

#[tokio::test]
async fn the_trial_balance_balances_and_so_does_the_sheet() {
    let world = world();
    for period in ["start_date=2020-01-01&end_date=2030-01-01", "start_date=2026-03-01&end_date=2026-03-31"] {
        for code in ["CAD", "EUR", "JPY"] {
            let report = report(&world, "trial_balance", &format!("{period}&currency_code={code}")).await;
            let rows = report["data"].as_array().unwrap();
            let sum = |key: &str| rows.iter().map(|row| minor(&row[key])).sum::<i128>();
            assert_eq!(sum("debit"), sum("credit"), "{period} {code}");
            assert!(code != "CAD" || sum("debit") > 0);
        }
    }
    let uuid = world.simulator.businesses()[0].business_uuid.clone();
    let period = "start_date=2026-03-01&end_date=2026-03-31";
    let older = report(&world, "trial_balance", period).await;
    let newer = world.get(&format!("accounting/businesses/{uuid}/reports/trial_balance?{period}")).await.body;
    let sides = |rows: &Value| -> Vec<(Value, Value)> {
        let rows = rows["data"].as_array().unwrap().iter();
        rows.map(|row| (row["debit"].clone(), row["credit"].clone())).collect()
    };
    assert_eq!(sides(&older), sides(&newer["response"]["result"]["trial_balance"]));
    let report = report(&world, "balance_sheet", "dates[]=2025-12-31&dates[]=2026-11-22").await;
    assert_eq!(report["dates"], json!(["2025-12-31", "2026-11-22"]));
    for n in 0..2 {
        let assets = minor(&report["assets_total"][n]["balance"]);
        assert_eq!(assets, minor(&report["liabilities_and_equity_total"][n]["balance"]));
        let of = |kinds: &[&str]| -> i128 {
            let rows = report["data"].as_array().unwrap().iter();
            rows.filter(|row| kinds.contains(&row["account_type"].as_str().unwrap()))
                .map(|row| minor(&row["balances"][n]["balance"]))
                .sum()
        };
        assert_eq!(of(&["asset"]), assets);
        assert_eq!(of(&["liability", "equity"]), assets);
    }
}

#[tokio::test]
async fn an_entry_made_by_hand_is_read_through_its_details() {
    let world = world();
    let post = async |credit: &str, account: i64| {
        let body = json!({"journal_entry": {
            "name": "JournalEntry", "description": "By hand", "currency_code": "CAD", "user_entered_date": "2026-04-20",
            "details": [
                {"sub_accountid": 635_970, "debit": "200.00"}, {"sub_accountid": account, "credit": credit},
            ],
        }});
        let path = format!("accounting/account/{A}/journal_entries/journal_entries");
        world.send("POST", &path, &[], &body.to_string()).await.unwrap()
    };
    assert_eq!(post("199.00", 635_972).await.status, 422);
    assert_eq!(post("200.00", 1).await.status, 422);
    let before = world.total("journal_entries/journal_entry_details").await;
    let made = post("200.00", 635_972).await.body["response"]["result"]["journal_entry"].clone();
    assert_eq!(
        (&made["details"][0]["debit"], &made["details"][0]["credit"]),
        (&json!("200.00"), &Value::Null)
    );
    assert_eq!(world.total("journal_entries/journal_entry_details").await, before + 2);
    let details = details(&world).await;
    let of_it: Vec<&Value> =
        details.iter().filter(|row| row["entry"]["entryid"] == made["entryid"]).collect();
    assert_eq!(of_it.len(), 2);
    assert_eq!(of_it[0]["id"], made["details"][0]["id"]);
    assert_eq!(minor(&of_it[0]["debit"]), 20_000);
    let get = world.get(&format!("accounting/account/{A}/journal_entries/journal_entries")).await;
    assert_eq!(get.status, 405);
    let uuid = world.simulator.businesses()[0].business_uuid.clone();
    let newer = format!("accounting/businesses/{uuid}/journal_entries");
    assert_eq!(world.get(&newer).await.status, 404, "without the version that it needs");
    let version = [("x-api-version", "2023-09-25")];
    let entries = world.send("GET", &newer, &version, "").await.unwrap().body;
    assert!(entries["data"].as_array().unwrap().iter().any(|entry| {
        entry["id"] == made["id"]
            && entry["userEnteredDate"] == json!({"year": 2026, "month": 4, "day": 20})
            && entry["details"][1]["type"] == "TYPE_CREDIT"
    }));
}

#[tokio::test]
async fn both_businesses_and_large_ones_have_books() {
    let world = world_with(|options| options.scale = 40_000);
    for account in [A, B] {
        let path =
            format!("accounting/account/{account}/journal_entries/journal_entry_details?per_page=100&page=");
        let first = world.get(&format!("{path}1")).await.body["response"]["result"].clone();
        let last = world.get(&format!("{path}{}", first["pages"])).await.body["response"]["result"].clone();
        assert_eq!(first["journal_entry_details"].as_array().unwrap().len(), 100);
        let rest = first["total"].as_u64().unwrap() - 100 * (first["pages"].as_u64().unwrap() - 1);
        assert_eq!(last["journal_entry_details"].as_array().unwrap().len() as u64, rest);
    }
}

#[tokio::test]
async fn whatever_is_changed_the_books_balance() {
    let kinds =
        ["invoices", "payments", "credit_notes", "expenses", "other_income", "bills", "bill_payments"];
    for seed in 0..6_u64 {
        let world = world_with(|options| (options.scale, options.seed) = (60, seed));
        let control = world.simulator.control();
        let mut state = seed;
        let mut next = |bound: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % bound
        };
        for _ in 0..60 {
            let kind = kinds[next(kinds.len())];
            let all = control.all(A, kind).unwrap();
            let id = all[next(all.len())].0;
            let amount = json!({"amount": {"amount": format!("{}.01", next(5_000)), "code": "CAD"}});
            match next(5) {
                0 => drop(control.insert(A, kind, &amount).unwrap()),
                1 => control.delete(A, kind, id).unwrap(),
                2 => control.undelete(A, kind, id).unwrap(),
                3 => control.archive(A, kind, id).unwrap(),
                _ => control.change(A, kind, id, &amount).unwrap(),
            }
        }
        let details = details(&world).await;
        assert_eq!(details.len() as u64, world.total("journal_entries/journal_entry_details").await);
        let ids: std::collections::BTreeSet<i64> =
            details.iter().map(|detail| detail["id"].as_i64().unwrap()).collect();
        assert_eq!(ids.len(), details.len(), "seed {seed}");
        let mut entries: BTreeMap<i64, i128> = BTreeMap::new();
        for detail in &details {
            *entries.entry(detail["entry"]["entryid"].as_i64().unwrap()).or_default() +=
                minor(&detail["debit"]) - minor(&detail["credit"]);
        }
        assert!(entries.values().all(|sum| *sum == 0), "seed {seed}");
        let live: usize = kinds
            .iter()
            .map(|kind| {
                let all = control.all(A, kind).unwrap();
                all.iter().filter(|(_, state)| *state != simulator::State::Deleted).count()
            })
            .sum();
        let by_hand = control.all(A, "journal_entries").unwrap().len();
        assert_eq!(entries.len(), live + by_hand, "seed {seed}");
        let sheet = report(&world, "balance_sheet", "dates[]=2030-01-01").await;
        assert_eq!(sheet["assets_total"], sheet["liabilities_and_equity_total"], "seed {seed}");
        let profit = report(&world, "profitloss_entity", "start_date=2020-01-01&end_date=2030-01-01").await;
        let trial = report(&world, "trial_balance", "start_date=2020-01-01&end_date=2030-01-01").await;
        let posted: i128 = trial["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| ["4000", "5000", "6000"].contains(&row["account_number"].as_str().unwrap()))
            .map(|row| minor(&row["credit"]) - minor(&row["debit"]))
            .sum();
        assert_eq!(minor(&profit["net_profit"]["total"]), posted, "seed {seed}");
    }
}
