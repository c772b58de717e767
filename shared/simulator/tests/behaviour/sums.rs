//! Reports add up from the rows and follow their changes.

use serde_json::{Value, json};

use crate::books::{details, minor, report};
use crate::world::{A, world};

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
        if round == 0 {
            // nothing was changed by hand yet: what is to be received is what is outstanding
            let accounts = format!("accounting/account/{A}/journal_entry_accounts/journal_entry_accounts");
            let accounts = world.all(&accounts).await;
            let receivable = accounts.iter().find(|account| account["account_number"] == "1200").unwrap();
            assert_eq!(minor(&receivable["balance"]), open);
        }
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
    let entries = statement["data"].as_array().unwrap();
    assert!(!entries.is_empty());
    let moved: i128 = entries.iter().map(|entry| minor(&entry["amount"])).sum();
    assert_eq!(minor(&statement["opening_balance"]) + moved, minor(&statement["closing_balance"]));
    assert_eq!(entries.last().unwrap()["balance"], statement["closing_balance"]);
    let bank = report(&world, "bank_reconciliation_summary", "date=2026-11-22").await;
    let line = &bank["data"][0];
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
        ("account_statement", "data"),
        ("bank_reconciliation_summary", "data"),
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
