//! Every table, empty, outside the plan, outside the scopes and broken: four different answers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod world;

use std::collections::BTreeSet;

use model::{ErrorKind, Mode, Result, TableStatus};
use simulator::{Fault, FaultBody, FaultKind, Options, OutOfScope};
use sync::{Outcome, Report};
use tables::{Table, USERS_ME};
use world::World;

/// What the simulator calls a table.
fn resource(table: &Table) -> &'static str {
    match table.name.strip_prefix("report_").unwrap_or(table.name) {
        "profitloss_entity" => "profitloss",
        "profit_and_loss_v2" => "profit_and_loss",
        name => name,
    }
}

/// The scopes of every table but those in `without`.
fn scopes(without: &str) -> Vec<&'static str> {
    let all = tables::ALL.iter().map(|table| table.scope).filter(|scope| *scope != without);
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Reads `table` of the first unit that has it.
async fn read(world: &World, table: &'static Table) -> Result<Report> {
    let unit = world.units_of(table).remove(0);
    world.extract(&world.next_run(), table.name, &unit, Mode::Incremental).await
}

/// Whether nothing that counts was written.
async fn is_untouched(world: &World, table: &Table) -> bool {
    let unit = world.units_of(table).remove(0);
    world.worker.lake.head(table.name, &unit).await.unwrap().is_none()
}

#[tokio::test]
async fn a_table_outside_the_plan_says_so_and_costs_little() {
    for &table in tables::ALL.iter().filter(|table| table.name != USERS_ME.name) {
        let gated = [(resource(table).to_owned(), 1003)].into();
        let world = World::new(Options { gated, ..Options::default() });
        let report = read(&world, table).await.unwrap_or_else(|e| panic!("{}: {e}", table.name));
        assert_eq!(report.status, TableStatus::OutOfPlan, "{}", table.name);
        let Outcome::Unavailable(why) = &report.outcome else { panic!("{}: {report:?}", table.name) };
        assert!(why.contains("plan") && why.contains(table.name), "{}: {why}", table.name);
        let asked = world.simulator.control().requests().by_resource[resource(table)];
        assert_eq!(asked, 1, "{}", table.name);
        assert!(is_untouched(&world, table).await, "{}", table.name);
    }
}

#[tokio::test]
async fn a_table_outside_the_scopes_says_which_one_is_missing() {
    // `users/me` needs none that could be missing.
    for &table in tables::ALL.iter().filter(|table| table.name != USERS_ME.name) {
        for out_of_scope in [OutOfScope::Named, OutOfScope::Denied, OutOfScope::DeniedInside] {
            let mut world = World::new(Options { out_of_scope, ..Options::default() });
            world.token = world.simulator.bearer_token(&scopes(table.scope));
            let report = read(&world, table).await.unwrap_or_else(|e| panic!("{}: {e}", table.name));
            assert_eq!(report.status, TableStatus::OutOfScope, "{} {out_of_scope:?}", table.name);
            let Outcome::Unavailable(why) = &report.outcome else { panic!("{}: {report:?}", table.name) };
            assert!(why.contains("user:"), "{}: {why}", table.name);
            assert!(is_untouched(&world, table).await, "{}", table.name);
        }
    }
}

#[tokio::test]
async fn a_broken_table_is_an_error_and_neither_empty_nor_unavailable() {
    let broken = [
        (FaultKind::Status { code: 500, body: FaultBody::Json, retry_after: None }, ErrorKind::Unavailable),
        (FaultKind::Html200, ErrorKind::Malformed),
        (FaultKind::CutBody, ErrorKind::Unavailable),
        (FaultKind::Status { code: 400, body: FaultBody::Json, retry_after: None }, ErrorKind::Config),
    ];
    for &table in tables::ALL {
        for (kind, expected) in &broken {
            let world = World::new(Options::default());
            let fault = Fault::always(kind.clone()).on(resource(table));
            world.simulator.control().set_options(|options| options.faults = vec![fault]);
            let error = read(&world, table).await.err().unwrap_or_else(|| panic!("{} is read", table.name));
            assert_eq!(error.kind(), *expected, "{}: {error}", table.name);
            assert!(is_untouched(&world, table).await, "{}", table.name);
        }
    }
}

#[tokio::test]
async fn an_empty_table_is_read_and_is_no_other_answer() {
    // A source without a single document; what is always there has rows.
    let mut empty = BTreeSet::new();
    for &table in tables::ALL {
        let world = World::new(Options { scale: 0, ..Options::default() });
        let report = read(&world, table).await.unwrap_or_else(|e| panic!("{}: {e}", table.name));
        let certificate = report.certificate.unwrap();
        let expected = if certificate.distinct_keys == 0 { TableStatus::Empty } else { TableStatus::Ok };
        assert_eq!(report.status, expected, "{}", table.name);
        assert!(matches!(report.outcome, Outcome::Committed(_)), "{}", table.name);
        if report.status == TableStatus::Empty {
            empty.insert(table.name);
        }
    }
    for name in
        ["invoices", "clients", "expenses", "payments", "time_entries", "bills", "invoice_payment_options"]
    {
        assert!(empty.contains(name), "{name} has rows: {empty:?}");
    }
}
