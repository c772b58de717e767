//! Rows that come without the children that they announce: read again until none does, and told where it does not help.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod world;

use std::collections::BTreeMap;

use model::{Mode, Unit};
use simulator::Options;
use sync::{Outcome, Report};
use tables::Table;
use world::{World, rows};

const TABLES: [&str; 2] = ["invoices", "credit_notes"];

fn tables() -> impl Iterator<Item = &'static Table> {
    TABLES.into_iter().map(|name| tables::find(name).unwrap())
}

/// The lines that there are.
fn truth(world: &World) -> BTreeMap<&'static str, u64> {
    let control = world.simulator.control();
    let mut lines = BTreeMap::new();
    for (table, child) in [("invoices", "invoice_lines"), ("credit_notes", "credit_note_lines")] {
        for business in world.simulator.businesses() {
            let truth = control.truth(&business.account_id, table, false).unwrap();
            *lines.entry(child).or_default() += truth.children["lines"].rows;
        }
    }
    lines
}

fn lines(reports: &[Report]) -> BTreeMap<String, u64> {
    rows(reports).into_iter().filter(|(table, _)| table.ends_with("_lines")).collect()
}

fn backlog(reports: &[Report]) -> u64 {
    reports.iter().map(|report| report.certificate.as_ref().unwrap().backlog).sum()
}

fn cursor(world: &World, report: &Report) -> Option<model::Cursor> {
    let unit: Unit = report.task.unit.clone();
    futures::executor::block_on(world.worker.lake.head(report.task.table.as_str(), &unit)).unwrap()?.cursor
}

#[tokio::test]
async fn rows_without_their_lines_are_read_again_until_they_come() {
    for seed in 1..4 {
        let world = World::new(Options { seed, withheld_includes: 20, ..Options::default() });
        let mut landed: BTreeMap<String, u64> = BTreeMap::new();
        let mut runs = 0;
        loop {
            let reports = world.run_of(tables(), Mode::Incremental).await;
            for (table, rows) in lines(&reports) {
                *landed.entry(table).or_default() += rows;
            }
            let again: u64 = reports.iter().map(|r| r.certificate.as_ref().unwrap().rereadings).sum();
            assert!(runs > 0 || again > 0, "nothing was withheld: the test shows nothing");
            runs += 1;
            for report in &reports {
                let left = report.certificate.as_ref().unwrap().backlog;
                let waits = report.task.table.as_str() == "invoices" && left > 0;
                assert!(!waits || cursor(&world, report).is_none(), "the cursor has not waited");
            }
            if backlog(&reports) == 0 {
                break;
            }
            assert!(runs < 5, "they do not come");
        }
        let landed: BTreeMap<_, _> = landed.iter().map(|(table, rows)| (table.as_str(), *rows)).collect();
        assert_eq!(landed, truth(&world), "each line once");
        let verified = world.worker.lake.verify(None).await.unwrap();
        assert!(verified.damage.is_empty(), "{:?}", verified.damage);
    }
}

#[tokio::test]
async fn where_no_row_comes_with_its_lines_the_table_lands_and_the_certificate_says_so() {
    let world = World::new(Options { withheld_includes: 1, ..Options::default() });
    let mut last = None;
    for run in 1..=12 {
        let reports = world.run_of(tables(), Mode::Incremental).await;
        let invoices = &reports[0];
        let certificate = invoices.certificate.as_ref().unwrap();
        // Once the cursor has moved, only young rows are read.
        assert!(certificate.backlog > if run <= 11 { 100 } else { 0 }, "{certificate:?}");
        assert_eq!(certificate.rows_new, if run == 1 { 120 } else { 0 });
        assert_eq!(cursor(&world, invoices).is_some(), run > 10, "run {run}");
        let told = certificate.notes.join("; ");
        let next =
            if run > 10 { "freshlake sync --table invoices --full" } else { "the next run reads them again" };
        assert!(
            told.contains("came without the lines that their amounts tell of") && told.contains(next),
            "{told}"
        );
        last = Some(reports);
    }
    // Then the rows are no longer read, and nothing holds the cursor.
    let outcome = &last.unwrap()[0].outcome;
    assert!(matches!(outcome, Outcome::Unchanged | Outcome::Committed(_)), "{outcome:?}");

    // FreshBooks sends them again: a full run brings them.
    world.simulator.control().set_options(|options| options.withheld_includes = 0);
    let reports = world.run_of(tables(), Mode::Full).await;
    assert_eq!(backlog(&reports), 0);
    let truth = truth(&world);
    assert_eq!(lines(&reports)["invoice_lines"], truth["invoice_lines"]);
}
