use serde_json::{Value, json};

use crate::world::{A, World, world, world_with};

async fn report(world: &World, query: &str) -> Value {
    let path = format!("accounting/account/{A}/reports/accounting/profitloss_entity?{query}");
    let asked = world.get(&path).await;
    assert_eq!(asked.status, 200, "{}", asked.body);
    asked.body["response"]["result"]["profitloss"].clone()
}

fn amount(money: &Value) -> i128 {
    model::decimal::parse(money["amount"].as_str().unwrap(), 2).unwrap()
}

/// Children add up to their parent, in total and in each period.
fn check(node: &Value) {
    let children = node["children"].as_array().unwrap();
    if !children.is_empty() {
        assert_eq!(
            children.iter().map(|child| amount(&child["total"])).sum::<i128>(),
            amount(&node["total"])
        );
        for (n, period) in node["data"].as_array().unwrap().iter().enumerate() {
            assert_eq!(children.iter().map(|child| amount(&child["data"][n])).sum::<i128>(), amount(period));
        }
    }
    children.iter().for_each(check);
}

fn check_all(report: &Value) {
    let nodes = |key: &str| report[key].as_array().unwrap().clone();
    let sum = |key: &str| nodes(key).iter().map(|node| amount(&node["total"])).sum::<i128>();
    nodes("income").iter().chain(&nodes("expenses")).for_each(check);
    assert_eq!(sum("income"), amount(&report["total_income"]["total"]));
    assert_eq!(sum("expenses"), amount(&report["total_expenses"]["total"]));
    assert_eq!(sum("income") - sum("expenses"), amount(&report["net_profit"]["total"]));
}

#[tokio::test]
async fn the_report_is_the_sum_over_the_rows() {
    let world = world();
    let control = world.simulator.control();
    control
        .insert(
            A,
            "invoices",
            &json!({"create_date": "2026-02-02", "amount": {"amount": "1000.01", "code": "CAD"}}),
        )
        .unwrap();
    control.delete(A, "invoices", 2_621_110).unwrap();
    control
        .insert(A, "expenses", &json!({"date": "2026-02-02", "amount": {"amount": "3.30", "code": "CAD"}}))
        .unwrap();
    let report =
        report(&world, "start_date=2026-01-01&end_date=2026-12-31&currency_code=CAD&resolution=3m").await;
    check_all(&report);
    assert_eq!(report["labels"].as_array().unwrap().len(), 4);
    assert_eq!(report["dates"][3], json!({"start_date": "2026-10-01", "end_date": "2026-12-31"}));
    // to the cent what is posted to the accounts of income and of expenses
    let posted = async |account_type: &str| {
        let details = format!("accounting/account/{A}/journal_entries/journal_entry_details");
        let rows = world.all(&details).await;
        let of_year = rows.iter().filter(|row| {
            row["account"]["account_type"] == account_type
                && row["balance"]["code"] == "CAD"
                && row["user_entered_date"].as_str().unwrap().starts_with("2026")
        });
        of_year.map(|row| amount(&row["balance"])).sum::<i128>()
    };
    assert_eq!(amount(&report["total_income"]["total"]), posted("income").await);
    assert_eq!(amount(&report["total_expenses"]["total"]), posted("expense").await);
    let cash =
        self::report(&world, "start_date=2026-01-01&end_date=2026-12-31&currency_code=CAD&cash_based=true")
            .await;
    check_all(&cash);
    assert_eq!(cash["total_income"]["data"], json!([]));
    assert_eq!(cash["resolution"], Value::Null);
}

#[tokio::test]
async fn a_report_of_a_large_business_adds_up_too() {
    let world = world_with(|options| options.scale = 1_000_000);
    let report =
        report(&world, "start_date=2025-01-15&end_date=2025-12-31&currency_code=JPY&resolution=1m").await;
    assert_eq!(report["labels"].as_array().unwrap().len(), 12);
    assert!(report["total_income"]["total"]["amount"].as_str().unwrap().parse::<i64>().unwrap() > 0);
    check_all(&report);
}

#[tokio::test]
async fn bad_dates_are_named() {
    let world = world();
    for (query, errno) in
        [("start_date=x", 1004), ("start_date=2026-02-02&end_date=2026-01-01", 1007), ("resolution=q", 1004)]
    {
        let path = format!("accounting/account/{A}/reports/accounting/profitloss_entity?{query}");
        let asked = world.get(&path).await;
        assert_eq!(
            (asked.status, &asked.body["response"]["errors"][0]["errno"]),
            (422, &json!(errno)),
            "{query}"
        );
    }
}
