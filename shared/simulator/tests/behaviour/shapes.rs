//! Bodies against the fixtures: every key that was seen in one has to be there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::world::{A, A_BUSINESS, World, world};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/freshbooks/fixtures");

/// Keys of fixtures that are left out on purpose.
const EXCEPTIONS: &[&str] = &[
    // maps whose keys are account ids
    "response.permissions.*",
    "response.subscription_statuses.*",
    // of create and single answers only
    "abilities",
];

/// Keys that have been seen as text and as a number.
const EITHER: &[&str] = &[".expense_markup", ".budget", ".quantity", ".taxPercent1"];

/// Every path of keys in a value with the types that were seen there, but for null; of lists, those of all items.
fn keys(value: &Value, at: &str, found: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let kind = match value {
        Value::Null => None,
        Value::Bool(_) => Some("flag"),
        Value::Number(_) => Some("number"),
        Value::String(_) => Some("text"),
        Value::Array(_) => Some("list"),
        Value::Object(_) => Some("object"),
    };
    if !at.is_empty() {
        found.entry(at.to_owned()).or_default().extend(kind);
    }
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                keys(inner, &path, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, at, found)),
        _ => {}
    }
}

fn is_exception(path: &str) -> bool {
    EXCEPTIONS.iter().any(|exception| match exception.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => path == *exception,
    })
}

async fn compare(world: &World, fixture: &str, path: &str) {
    let file = Path::new(FIXTURES).join(fixture);
    let Ok(text) = std::fs::read(&file) else {
        eprintln!("SKIPPED: no fixture {}", file.display());
        return;
    };
    let (mut wanted, mut found) = (BTreeMap::new(), BTreeMap::new());
    keys(&serde_json::from_slice(&text).unwrap(), "", &mut wanted);
    let asked = world.get(path).await;
    keys(&asked.body, "", &mut found);
    let missing: Vec<_> =
        wanted.keys().filter(|path| !found.contains_key(*path) && !is_exception(path)).collect();
    assert!(missing.is_empty(), "{fixture}: {missing:?} are not in {path}");
    for (path, types) in wanted.iter().filter(|(path, types)| !types.is_empty() && !is_exception(path)) {
        let seen = &found[path];
        let both_ways = EITHER.iter().any(|key| path.ends_with(key));
        assert!(
            both_ways || seen.is_empty() || !seen.is_disjoint(types),
            "{fixture}: {path} is {seen:?}, not {types:?}"
        );
    }
}

#[tokio::test]
async fn every_key_of_a_fixture_is_in_the_simulated_body() {
    let world = world();
    let accounting = format!("accounting/account/{A}");
    let invoices = world.all(&format!("{accounting}/invoices/invoices")).await;
    let with_deposit = &invoices.iter().find(|row| row["deposit_amount"].is_object()).unwrap()["id"];
    let invoice = "include[]=lines&include[]=presentation";
    for (fixture, path) in [
        ("py__auth_me_response.json", "auth/api/v1/users/me".to_owned()),
        ("docs__business_with_staff.json", "auth/api/v1/users/business/610001".to_owned()),
        ("docs__team_members_list.json", "auth/api/v1/businesses/610001/team_members".to_owned()),
        ("py__list_clients_response.json", format!("{accounting}/users/clients")),
        ("py__create_client_response.json", format!("{accounting}/users/clients/204001")),
        (
            "java__list_invoices_response.json",
            format!("{accounting}/invoices/invoices?{invoice}&per_page=100"),
        ),
        (
            "java__get_invoice_response.json",
            format!("{accounting}/invoices/invoices/{with_deposit}?{invoice}"),
        ),
        ("docs__estimates_list.json", format!("{accounting}/estimates/estimates")),
        ("docs__estimates_list_full.json", format!("{accounting}/estimates/estimates")),
        ("docs__expenses_list.json", format!("{accounting}/expenses/expenses")),
        (
            "java__list_expenses_response.json",
            format!("{accounting}/expenses/expenses?include[]=attachment&per_page=100"),
        ),
        ("java__list_payments_response.json", format!("{accounting}/payments/payments")),
        ("java__get_payment_response.json", format!("{accounting}/payments/payments/735001")),
        ("java__list_items_response.json", format!("{accounting}/items/items")),
        ("java__get_item_response.json", format!("{accounting}/items/items/14331")),
        ("java__list_taxes_response.json", format!("{accounting}/taxes/taxes")),
        ("java__get_tax_response.json", format!("{accounting}/taxes/taxes/7841")),
        ("docs__credit_notes_list.json", format!("{accounting}/credit_notes/credit_notes")),
        ("docs__bills_list.json", format!("{accounting}/bills/bills")),
        ("docs__report_profit_loss.json", format!("{accounting}/reports/accounting/profitloss_entity")),
        (
            "java__report_profit_and_loss.json",
            format!("{accounting}/reports/accounting/profitloss_entity?resolution=3m"),
        ),
        ("py__list_projects_response.json", format!("projects/business/{A_BUSINESS}/projects")),
        ("py__get_project_response.json", format!("projects/business/{A_BUSINESS}/project/654301")),
        ("py__list_time_entries_response.json", format!("timetracking/business/{A_BUSINESS}/time_entries")),
        ("docs__time_entries_empty.json", format!("timetracking/business/{A_BUSINESS}/time_entries")),
        (
            "py__get_time_entry_response.json",
            format!("timetracking/business/{A_BUSINESS}/time_entries/419501"),
        ),
        ("java__list_services_response.json", format!("comments/business/{A_BUSINESS}/services")),
        ("java__get_service_response.json", format!("comments/business/{A_BUSINESS}/service/405441")),
        ("java__list_service_rates_response.json", format!("comments/business/{A_BUSINESS}/service_rates")),
        ("docs__service_rate_get.json", format!("comments/business/{A_BUSINESS}/service/405441/rate")),
        ("py__get_client_response__not_found.json", format!("{accounting}/users/clients/1")),
        ("py__get_project_response__not_found.json", format!("projects/business/{A_BUSINESS}/project/1")),
    ] {
        compare(&world, fixture, &path).await;
    }
}

#[tokio::test]
async fn every_key_of_the_fixtures_of_rarer_resources_is_there_too() {
    let world = world();
    let accounting = format!("accounting/account/{A}");
    let reports = "reports/accounting";
    let uuid = world.simulator.businesses()[0].business_uuid.clone();
    let paid = world.simulator.control().all(A, "bill_payments").unwrap()[0].0;
    for (fixture, path) in [
        (
            "java__list_other_incomes_response.json",
            format!("{accounting}/other_incomes/other_incomes?per_page=100"),
        ),
        ("java__list_tasks_response.json", format!("{accounting}/projects/tasks")),
        ("java__get_task_response.json", format!("{accounting}/projects/tasks/105441")),
        ("docs__bill_vendors_list.json", format!("{accounting}/bill_vendors/bill_vendors")),
        ("docs__bill_payment.json", format!("{accounting}/bill_payments/bill_payments/{paid}")),
        ("docs__expense_categories_list.json", format!("{accounting}/expenses/categories")),
        ("docs__expense_summaries.json", format!("{accounting}/expenses/summaries")),
        ("docs__expense_vendors.json", format!("{accounting}/expenses/vendors")),
        ("docs__invoice_profile.json", format!("{accounting}/invoice_profiles/invoice_profiles/9301")),
        ("docs__journal_entry_details.json", format!("{accounting}/journal_entries/journal_entry_details")),
        (
            "docs__journal_entry_accounts.json",
            format!("{accounting}/journal_entry_accounts/journal_entry_accounts"),
        ),
        ("docs__system_get.json", format!("{accounting}/systems/systems/654000")),
        ("docs__gateways_get.json", format!("payments/account/{A}/gateway")),
        ("docs__ledger_account_types.json", "accounting/ledger_accounts/types".to_owned()),
        ("docs__ledger_account_sub_types.json", "accounting/ledger_accounts/sub_types".to_owned()),
        ("docs__ledger_accounts_list.json", format!("accounting/businesses/{uuid}/ledger_accounts/accounts")),
        (
            "py__get_ledger_account_response__not_found.json",
            format!("accounting/businesses/{uuid}/ledger_accounts/accounts/x"),
        ),
        ("docs__retainers_list.json", format!("comments/business/{A_BUSINESS}/retainers")),
        (
            "docs__time_entry_details_search.json",
            format!("comments/business/{A_BUSINESS}/time_entries/search?team=true"),
        ),
        ("py__list_callbacks_response.json", format!("events/account/{A}/events/callbacks")),
        ("py__get_callback_response.json", format!("events/account/{A}/events/callbacks/5121")),
        ("py__get_callback_response__not_found.json", format!("events/account/{A}/events/callbacks/1")),
        ("docs__report_accounts_aging.json", format!("{accounting}/{reports}/accounts_aging")),
        ("docs__report_balance_sheet.json", format!("{accounting}/{reports}/balance_sheet")),
        ("docs__report_invoice_details.json", format!("{accounting}/{reports}/invoice_details")),
        ("docs__report_item_sales.json", format!("{accounting}/{reports}/item_sales")),
        ("docs__report_payments_collected.json", format!("{accounting}/{reports}/payments_collected")),
        (
            "docs__report_revenue_by_client.json",
            format!("{accounting}/{reports}/revenue_by_client?sales_type=collected"),
        ),
        ("docs__error_report_invalid_value.json", format!("{accounting}/{reports}/revenue_by_client")),
        ("docs__report_taxsummary.json", format!("{accounting}/{reports}/taxsummary")),
        ("docs__report_trial_balance.json", format!("{accounting}/{reports}/trial_balance")),
        (
            "docs__chart_of_accounts_report.json",
            format!("accounting/businesses/{uuid}/reports/chart_of_accounts"),
        ),
    ] {
        compare(&world, fixture, &path).await;
    }
}
