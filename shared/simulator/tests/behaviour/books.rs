//! Double entry, and reports that add up from the rows and follow their changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::{A, B, World, world, world_with};

fn minor(money: &Value) -> i128 {
    match money {
        Value::Null => 0,
        Value::String(text) => model::decimal::parse(text, 2).unwrap(),
        money => {
            let places = if money["code"] == "JPY" { 0 } else { 2 };
            model::decimal::parse(money["amount"].as_str().unwrap(), places).unwrap()
        }
    }
}

async fn report(world: &World, name: &str, query: &str) -> Value {
    let asked = world.get(&format!("accounting/account/{A}/reports/accounting/{name}?{query}")).await;
    assert_eq!(asked.status, 200, "{name}: {}", asked.body);
    let result = asked.body["response"]["result"].as_object().unwrap().clone();
    assert_eq!(result.len(), 1);
    let report = result.into_iter().next().unwrap().1;
    assert_eq!(report["download_token"], "simulated.download.token", "{name}");
    report
}

async fn details(world: &World) -> Vec<Value> {
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
        let subs = account["sub_accounts"].as_array().unwrap();
        assert_eq!(minor(&account["balance"]), subs.iter().map(|sub| minor(&sub["balance"])).sum::<i128>());
        for sub in subs {
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
async fn aging_is_the_sum_of_what_is_outstanding_and_follows_changes() {
    let world = world();
    let control = world.simulator.control();
    for round in 0..3 {
        let invoices = world.all(&format!("accounting/account/{A}/invoices/invoices")).await;
        let aging = report(&world, "accounts_aging", "end_date=2030-01-01&currency_code=CAD").await;
        let of_cad = |invoice: &&Value| invoice["amount"]["code"] == "CAD";
        let open: i128 = invoices.iter().filter(of_cad).map(|invoice| minor(&invoice["outstanding"])).sum();
        assert_eq!(minor(&aging["totals"]["total"]), open, "round {round}");
        for account in aging["accounts"].as_array().unwrap() {
            let theirs = invoices.iter().filter(of_cad).filter(|row| row["customerid"] == account["userid"]);
            assert_eq!(minor(&account["total"]), theirs.map(|row| minor(&row["outstanding"])).sum::<i128>());
            let buckets: i128 =
                ["0-30", "31-60", "61-90", "91+"].map(|key| minor(&account[key])).iter().sum();
            assert_eq!(buckets, minor(&account["total"]));
        }
        let id =
            invoices.iter().find(|row| of_cad(row) && minor(&row["outstanding"]) > 0).unwrap()["id"].clone();
        if round == 0 {
            control.delete(A, "invoices", id.as_i64().unwrap()).unwrap();
        } else {
            control.change(A, "invoices", id.as_i64().unwrap(), &json!({"paid": {"amount": "0.01", "code": "CAD"},
                "amount": {"amount": "5.00", "code": "CAD"}, "outstanding": {"amount": "4.99", "code": "CAD"}})).unwrap();
        }
    }
}

#[tokio::test]
async fn payments_collected_are_the_payments() {
    let world = world();
    let query = "start_date=2026-01-01&end_date=2026-06-30";
    let rows = world
        .all(&format!(
            "accounting/account/{A}/payments/payments?search[date_min]=2026-01-01&search[date_max]=2026-06-30"
        ))
        .await;
    let collected = report(&world, "payments_collected", query).await;
    assert_eq!(collected["payments"].as_array().unwrap().len(), rows.len());
    for total in collected["totals"].as_array().unwrap() {
        let theirs = rows.iter().filter(|row| row["amount"]["code"] == total["code"]);
        assert_eq!(minor(total), theirs.map(|row| minor(&row["amount"])).sum::<i128>());
    }
    let one = report(&world, "payments_collected", &format!("{query}&currency_code=JPY")).await;
    assert!(one["payments"].as_array().unwrap().iter().all(|row| row["amount"]["code"] == "JPY"));
    assert_eq!(one["totals"].as_array().unwrap().len(), 1);
    let clients = world.all(&format!("accounting/account/{A}/users/clients?search[vis_state][]=0&search[vis_state][]=1&search[vis_state][]=2")).await;
    for payment in collected["payments"].as_array().unwrap() {
        let client = clients.iter().find(|client| client["id"] == payment["clientid"]).unwrap();
        let name = client["organization"].as_str().unwrap();
        assert!(name.is_empty() || payment["client"] == name);
    }
}

#[tokio::test]
async fn sales_reports_are_the_invoices() {
    let world = world();
    let query = "start_date=2026-01-01&end_date=2026-12-31&currency_code=CAD";
    let list = "invoices/invoices?include[]=lines&search[date_min]=2026-01-01&search[date_max]=2026-12-31";
    let mut invoices = world.all(&format!("accounting/account/{A}/{list}")).await;
    invoices.retain(|invoice| invoice["amount"]["code"] == "CAD");
    let billed: i128 = invoices.iter().map(|invoice| minor(&invoice["amount"])).sum();
    let details = report(&world, "invoice_details", query).await;
    assert_eq!(minor(&details["summary"]["total"]), billed);
    let detailed: Vec<&Value> = details["clients"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|client| client["invoices"].as_array().unwrap())
        .collect();
    assert_eq!(detailed.len(), invoices.len());
    let summary = report(&world, "invoice_details", &format!("{query}&summary_only=true")).await;
    assert_eq!((&summary["clients"], &summary["summary"]), (&json!([]), &details["summary"]));
    let client = &invoices[0]["customerid"];
    let of_one = report(&world, "invoice_details", &format!("{query}&clientids={client}")).await;
    let of_client = |row: &&Value| row["customerid"] == *client;
    let theirs: i128 = invoices.iter().filter(of_client).map(|row| minor(&row["amount"])).sum();
    assert_eq!(minor(&of_one["summary"]["total"]), theirs);

    let items = report(&world, "item_sales", query).await;
    let lines: i128 = invoices
        .iter()
        .flat_map(|invoice| invoice["lines"].as_array().unwrap())
        .map(|line| minor(&line["amount"]))
        .sum();
    assert_eq!(minor(&items["total"]), lines);
    for item in items["items"].as_array().unwrap() {
        let sum: i128 = item["invoices"].as_array().unwrap().iter().map(|row| minor(&row["amount"])).sum();
        assert_eq!(minor(&item["total"]), sum);
    }
    let revenue = report(&world, "revenue_by_client", &format!("{query}&sales_type=billed")).await;
    assert_eq!(minor(&revenue["total_sales"]), billed);
    assert_eq!(revenue["labels"].as_array().unwrap().len(), 12);
    let data: i128 = revenue["total_sales_data"].as_array().unwrap().iter().map(minor).sum();
    assert_eq!(data, billed);
    let path = format!("accounting/account/{A}/reports/accounting/revenue_by_client?{query}");
    let refused = world.get(&path).await;
    assert_eq!((refused.status, &refused.body["response"]["errors"][0]["errno"]), (422, &json!(1004)));
}

#[tokio::test]
async fn taxes_and_expenses_add_up() {
    let world = world();
    let query = "start_date=2026-01-01&end_date=2026-12-31&currency_code=CAD";
    let list = "expenses/expenses?search[date_min]=2026-01-01&search[date_max]=2026-12-31";
    let mut expenses = world.all(&format!("accounting/account/{A}/{list}")).await;
    expenses.retain(|expense| expense["amount"]["code"] == "CAD");
    let taxes = report(&world, "taxsummary", query).await;
    let rows = taxes["taxes"].as_array().unwrap();
    let sum = |key: &str| rows.iter().map(|row| minor(&row[key])).sum::<i128>();
    assert_eq!(sum("tax_paid"), expenses.iter().map(|row| minor(&row["taxAmount1"])).sum::<i128>());
    assert_eq!(sum("net_tax"), sum("tax_collected") - sum("tax_paid"));
    // what was posted to the account of taxes is the same
    let posted: i128 = details(&world)
        .await
        .iter()
        .filter(|row| row["account"]["account_number"] == "2100" && row["balance"]["code"] == "CAD")
        .filter(|row| row["user_entered_date"].as_str().unwrap().starts_with("2026"))
        .map(|row| minor(&row["balance"]))
        .sum();
    assert!((sum("net_tax") - posted).abs() <= 20, "{} {posted}", sum("net_tax"));
    let total: i128 = expenses.iter().map(|row| minor(&row["amount"])).sum();
    for group_by in ["category", "vendor", "client"] {
        let report = report(&world, "expense_details", &format!("{query}&group_by={group_by}")).await;
        assert_eq!(minor(&report["total"]), total);
        let groups = report["data"].as_array().unwrap();
        let count: usize = groups.iter().map(|group| group["expenses"].as_array().unwrap().len()).sum();
        assert_eq!(count, expenses.len());
        for group in groups {
            let of_group = group["expenses"].as_array().unwrap().iter().map(|row| minor(&row["amount"]));
            assert_eq!(minor(&group["total"]), of_group.sum::<i128>());
        }
    }
    // on a cash basis, the net and the taxes of what was paid are the payments of invoices that are there
    let cash = report(&world, "profitloss_entity", &format!("{query}&cash_based=true")).await;
    let accrual = report(&world, "profitloss_entity", query).await;
    assert_eq!(cash["income"][1]["total"], accrual["income"][1]["total"], "other income is cash either way");
    assert_ne!(cash["income"][0]["total"], accrual["income"][0]["total"]);
}

#[tokio::test]
async fn a_statement_goes_from_one_balance_to_the_other() {
    let world = world();
    let client = world.rows("invoices/invoices").await[0]["customerid"].clone();
    let code =
        world.get(&format!("accounting/account/{A}/users/clients/{client}")).await.body["response"]["result"]
            ["client"]["currency_code"]
            .as_str()
            .unwrap()
            .to_owned();
    let query = format!("start_date=2025-06-01&end_date=2026-12-31&clientid={client}&currency_code={code}");
    let statement = report(&world, "account_statement", &query).await;
    let entries = statement["entries"].as_array().unwrap();
    assert!(!entries.is_empty());
    let moved: i128 = entries.iter().map(|entry| minor(&entry["amount"])).sum();
    assert_eq!(minor(&statement["opening_balance"]) + moved, minor(&statement["closing_balance"]));
    assert_eq!(entries.last().unwrap()["balance"], statement["closing_balance"]);
    let bank = report(&world, "bank_reconciliation_summary", "date=2026-11-22").await;
    let line = &bank["accounts"][0];
    assert_eq!(minor(&line["book_balance"]), minor(&line["statement_balance"]) + minor(&line["difference"]));
}

#[tokio::test]
async fn a_currency_that_is_not_traded_has_no_lines_and_reports_are_restated() {
    let world = world();
    let query = "start_date=2024-01-01&end_date=2026-12-31&currency_code=CHF&sales_type=billed";
    for (name, lines) in [
        ("accounts_aging", "accounts"),
        ("balance_sheet", "data"),
        ("profitloss_entity", "income"),
        ("taxsummary", "taxes"),
        ("payments_collected", "payments"),
        ("invoice_details", "clients"),
        ("expense_details", "data"),
        ("item_sales", "items"),
        ("revenue_by_client", "clients"),
        ("trial_balance", "data"),
        ("account_statement", "entries"),
        ("bank_reconciliation_summary", "accounts"),
    ] {
        let report = report(&world, name, query).await;
        assert_eq!(report[lines], json!([]), "{name}");
    }
    let net = async || {
        let query = "start_date=2026-01-01&end_date=2026-12-31&currency_code=CAD";
        minor(&report(&world, "profitloss_entity", query).await["net_profit"]["total"])
    };
    let before = net().await;
    let expense = json!({"date": "2026-05-05", "amount": {"amount": "100.00", "code": "CAD"},
        "taxAmount1": null, "taxName1": null});
    let id = world.simulator.control().insert(A, "expenses", &expense).unwrap();
    assert_eq!(net().await, before - 10_000);
    world.simulator.control().delete(A, "expenses", id).unwrap();
    assert_eq!(net().await, before);
    let body = r#"{"other_income": {"amount": {"amount": "7.00", "code": "CAD"}, "date": "2026-05-05", "taxes": []}}"#;
    let made =
        world.send("POST", &format!("accounting/account/{A}/other_incomes/other_incomes"), &[], body).await;
    assert_eq!(made.unwrap().body["response"]["result"]["other_income"]["amount"]["amount"], "7.00");
    assert_eq!(net().await, before + 700);
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
