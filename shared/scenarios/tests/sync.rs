//! A sync, seen from outside: what lands, what a second one adds, what changes bring.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::panic, reason = "a test says so by failing")]

mod world;

use std::collections::BTreeMap;

use model::{Mode, TableStatus};
use serde_json::json;
use simulator::Options;
use sync::Outcome;
use world::{World, rows, unasked};

#[tokio::test]
async fn a_first_sync_lands_every_row_of_every_table_and_a_second_one_writes_nothing() {
    let world = World::new(Options::default());
    let reports = world.run_of(unasked(), Mode::Incremental).await;
    let mut expected = BTreeMap::new();
    for report in &reports {
        assert_eq!(report.status, TableStatus::Ok, "{} of {}", report.task.table, report.task.unit);
        assert_eq!(report.rejected, [], "{}", report.task.table);
        let certificate = report.certificate.as_ref().unwrap();
        assert_eq!(certificate.distinct_keys, certificate.rows_new);
        assert_eq!(certificate.notes, Vec::<String>::new(), "{}", report.task.table);
    }
    for business in world.simulator.businesses() {
        for table in unasked() {
            let Ok(truth) = world.simulator.control().truth(&business.account_id, table.name, false) else {
                continue;
            };
            // What vanishes when it is deleted cannot be listed.
            let vanished = if table.deleted == tables::DeleteRule::Vanishes {
                truth.states.get("deleted")
            } else {
                None
            };
            let vanished = vanished.copied().unwrap_or_default();
            *expected.entry(table.name.to_owned()).or_insert(0) += truth.rows - vanished;
            for child in table.children {
                let inside = child.source.split('.').try_fold(&truth, |truth, key| truth.children.get(key));
                *expected.entry(child.name.to_owned()).or_insert(0) += inside.map_or(0, |truth| truth.rows);
            }
        }
    }
    // FreshBooks has no files of bills unless it is asked for them, and whether it can be is not known.
    assert_eq!(expected.remove("bill_attachments"), Some(0));
    let landed = rows(&reports);
    let told: BTreeMap<_, _> = landed.clone().into_iter().filter(|(t, _)| expected.contains_key(t)).collect();
    assert_eq!(told, expected);
    assert!(expected.len() >= 45, "the simulator tells the truth about too few tables: {expected:?}");
    for table in unasked() {
        assert!(landed.contains_key(table.name), "nothing of {} has landed", table.name);
    }

    let before = world.objects().await;
    let reports = world.run_of(unasked(), Mode::Incremental).await;
    for report in &reports {
        assert!(matches!(report.outcome, Outcome::Unchanged), "{report:?}");
    }
    assert_eq!(world.objects().await, before);
}

#[tokio::test]
async fn a_full_sync_reads_everything_again_and_the_next_one_goes_on_from_it() {
    let world = World::new(Options::default());
    let first = rows(&world.run(Mode::Incremental).await);
    let reports = world.run(Mode::Full).await;
    let full = rows(&reports);
    // Of a table with a cursor all lands again but what is young enough to be remembered; of one that is read whole
    // each time, nothing has changed.
    let invoices = reports.iter().filter(|r| r.task.table.as_str() == "invoices");
    let unchanged: u64 = invoices.map(|r| r.certificate.as_ref().unwrap().rows_unchanged).sum();
    assert_eq!(full["invoices"] + unchanged, first["invoices"]);
    assert!(unchanged < first["invoices"] / 10);
    assert_eq!(full.get("bills"), None);
    assert!(rows(&world.run(Mode::Incremental).await).is_empty());
}

/// Whether FreshBooks sums the rows up from others, and so they move with these.
fn is_computed(table: &str) -> bool {
    ["report_", "journal_entry_", "ledger_", "expense_summaries"].iter().any(|name| table.starts_with(name))
}

#[tokio::test]
async fn after_changes_a_sync_lands_exactly_these() {
    let world = World::new(Options::default());
    world.run(Mode::Incremental).await;
    let control = world.simulator.control();
    let unit = world.simulator.businesses()[0].account_id.clone();
    let active = |resource: &str| {
        let ids = control.truth(&unit, resource, true).unwrap().ids.unwrap();
        move |at: usize| ids[at]
    };
    let (invoice, client, entry) = (active("invoices"), active("clients"), active("time_entries"));
    let mut expected = Vec::new();
    let mut expect = |table: &str, id: i64, deleted: bool| expected.push((table.to_owned(), id, deleted));

    for id in [invoice(3), invoice(40)] {
        control.change(&unit, "invoices", id, &json!({"notes": "changed behind our back"})).unwrap();
        expect("invoices", id, false);
    }
    control.delete(&unit, "invoices", invoice(5)).unwrap();
    expect("invoices", invoice(5), true);
    control.archive(&unit, "invoices", invoice(7)).unwrap();
    expect("invoices", invoice(7), false);
    let new = control.insert(&unit, "invoices", &json!({})).unwrap();
    expect("invoices", new, false);
    control.delete(&unit, "clients", client(2)).unwrap();
    expect("clients", client(2), true);
    control.change(&unit, "taxes", active("taxes")(0), &json!({"name": "HST 2"})).unwrap();
    expect("taxes", active("taxes")(0), false);
    control.delete(&unit, "time_entries", entry(9)).unwrap();
    expect("time_entries", entry(9), true);
    // Its timer goes with it.
    expect("timers", entry(9) + 600_000, true);
    for resource in
        ["expenses", "payments", "items", "bills", "credit_notes", "estimates", "projects", "services"]
    {
        let id = control.insert(&unit, resource, &json!({})).unwrap();
        expect(resource, id, false);
    }
    expected.sort();

    control.reset_requests();
    let reports = world.run(Mode::Incremental).await;
    let lists: Vec<_> = reports.into_iter().filter(|r| !is_computed(r.task.table.as_str())).collect();
    assert_eq!(world.landed(&lists).await, expected);

    let requests = control.requests();
    let windows = requests
        .last
        .iter()
        .filter(|l| l.target.contains("updated_min") || l.target.contains("updated_since"));
    assert_eq!(windows.count(), 10, "five tables, two businesses, one request each: {requests:?}");

    control.undelete(&unit, "invoices", invoice(5)).unwrap();
    let reports = world.run(Mode::Incremental).await;
    let lists: Vec<_> = reports.into_iter().filter(|r| !is_computed(r.task.table.as_str())).collect();
    assert_eq!(world.landed(&lists).await, [("invoices".to_owned(), invoice(5), false)]);
}
