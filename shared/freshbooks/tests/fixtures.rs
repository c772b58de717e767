//! Real response bodies, as other people's clients recorded them, decode without a loss.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::panic, reason = "a test says so by failing")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use freshbooks::Page;
use model::Timestamp;
use tables::{Context, Decoder, RawText, Verdict};

/// Which table each recorded body belongs to.
const BODIES: &[(&str, &[&str])] = &[
    ("users_me", &["py__auth_me_response"]),
    ("clients", &["py__list_clients_response", "py__get_client_response", "py__create_client_response"]),
    ("invoices", &["java__list_invoices_response", "java__get_invoice_response"]),
    ("estimates", &["docs__estimates_list", "docs__estimates_list_full"]),
    ("expenses", &["docs__expenses_list", "java__list_expenses_response", "java__get_expense_response"]),
    ("payments", &["java__list_payments_response", "java__get_payment_response"]),
    ("items", &["java__list_items_response", "java__get_item_response"]),
    ("taxes", &["java__list_taxes_response", "java__get_tax_response"]),
    ("credit_notes", &["docs__credit_notes_list"]),
    ("bills", &["docs__bills_list"]),
    ("projects", &["py__list_projects_response", "py__get_project_response", "docs__projects_empty_sorted"]),
    (
        "time_entries",
        &["py__list_time_entries_response", "py__get_time_entry_response", "docs__time_entries_empty"],
    ),
    ("services", &["java__list_services_response", "java__get_service_response", "docs__service_get"]),
    ("report_profitloss_entity", &["docs__report_profit_loss", "java__report_profit_and_loss"]),
];

fn fixture(name: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/freshbooks/fixtures"));
    if !folder.is_dir() {
        eprintln!("SKIPPED: the recorded bodies are not beside the checkout, {name} was not decoded");
        return None;
    }
    Some(std::fs::read(folder.join(format!("{name}.json"))).unwrap())
}

#[test]
fn every_recorded_body_decodes_with_no_row_rejected_and_no_key_unknown() {
    let mut unknown = BTreeMap::new();
    for (table, bodies) in BODIES {
        let table = tables::find(table).unwrap();
        for name in *bodies {
            let Some(body) = fixture(name) else { return };
            let page = Page::parse(table, body.into()).unwrap_or_else(|e| panic!("{name}: {e}"));
            let mut decoder = Decoder::new(table, Context::default(), RawText::Keep);
            let mut rows = 0;
            decoder.rows(page.rows(), Timestamp::UNIX_EPOCH, &mut |_| {
                rows += 1;
                Verdict::Write
            });
            assert_eq!(decoder.rejected(), [], "{name}");
            assert_eq!(rows, page.len(), "{name}");
            for key in decoder.unknown_keys().keys() {
                unknown.entry(table.name).or_insert_with(Vec::new).push(key.clone());
            }
        }
    }
    // A key that the author of that body made up: it is kept in `_extra`, as any unknown key is.
    assert_eq!(unknown, BTreeMap::from([("clients", vec!["test_amount".to_owned()])]));
}

#[test]
fn recorded_errors_are_no_pages() {
    for (table, name, says) in [
        ("items", "docs__error_plan_gated_items", "errno 12001: You do not have access to items."),
        ("clients", "docs__error_permission_denied", "errno 1003: Permission Denied."),
        ("clients", "py__get_client_response__not_found", "errno 1012: Client not found."),
        ("projects", "py__get_project_response__not_found", "Requested resource could not be found."),
        ("users_me", "py__auth_me_response__no_auth", "This action requires authentication to continue."),
        ("projects", "py__create_project__validation_errors", "errno 2001"),
        ("time_entries", "docs__time_entries_error_422", "errno 2001"),
    ] {
        let Some(body) = fixture(name) else { return };
        let trouble = Page::parse(tables::find(table).unwrap(), body.into()).unwrap_err().to_string();
        assert!(trouble.starts_with(says), "{name}: {trouble}");
    }
}
