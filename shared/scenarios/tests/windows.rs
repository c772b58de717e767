//! Long readings are cut into windows that are committed one by one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod world;

use std::collections::BTreeSet;

use model::{ConnectionName, Mode, Task, Unit};
use serde_json::json;
use simulator::{Fault, FaultBody, FaultKind, Options};
use sync::{Outcome, Report, Stop};
use world::{World, rows};

/// A thousand invoices, read a hundred at a time.
fn world() -> (World, Unit) {
    let mut world = World::new(Options { scale: 1_000, request_log: 10_000, ..Options::default() });
    world.worker.window_rows = 100;
    let unit = world.units_of(tables::find("invoices").unwrap()).remove(0);
    (world, unit)
}

fn task(world: &World, unit: &Unit, mode: Mode) -> Task {
    let connection = ConnectionName::new("test").unwrap();
    Task::new(&connection, &world.next_run(), "invoices".into(), unit.clone(), mode)
}

async fn sync(world: &World, task: &Task) -> model::Result<Report> {
    sync::extract(&world.worker, world.tokens(), task, &Stop::default()).await
}

/// The windows that were asked for, by the day they end before.
fn windows(world: &World) -> BTreeSet<String> {
    let ends = |target: &str| {
        target.split('&').find_map(|part| part.strip_prefix("search[updated_max]=").map(str::to_owned))
    };
    let plain = |text: &str| text.replace("%5B", "[").replace("%5D", "]");
    let requests = world.simulator.control().requests();
    requests.last.iter().filter_map(|line| ends(&plain(&line.target))).collect()
}

fn ids(landed: &[world::Landed]) -> BTreeSet<i64> {
    landed.iter().map(|(_, id, _)| *id).collect()
}

/// PEERS.md, "Where they fail", 9: first loads that start from zero after each failure.
#[tokio::test]
async fn a_first_load_resumes() {
    let (world, unit) = world();
    let control = world.simulator.control();
    let status = FaultKind::Status { code: 500, body: FaultBody::Json, retry_after: None };
    let fault = Fault { nth: None, ..Fault::always(status).on("invoices") };
    let late: Vec<Fault> = (25..60).map(|n| Fault { nth: Some(n), ..fault.clone() }).collect();
    control.set_options(|options| options.faults = late);
    let task = task(&world, &unit, Mode::Incremental);
    let error = sync(&world, &task).await.unwrap_err();
    assert_eq!(error.kind(), model::ErrorKind::Unavailable, "{error}");
    let first = windows(&world);
    assert!(first.len() >= 2, "{first:?}");
    let head = world.worker.lake.head("invoices", &unit).await.unwrap().unwrap();
    assert!(!head.done && head.cursor.is_none() && !head.holds(&task.id));
    let until = head.loading.clone().unwrap().until.to_string();

    control.set_options(|options| options.faults.clear());
    control.reset_requests();
    let report = sync(&world, &task).await.unwrap();
    assert!(matches!(report.outcome, Outcome::Committed(_)));
    let second = windows(&world);
    assert!(
        second.iter().all(|end| *end > until),
        "what was landed by {until} is not read again: {second:?}"
    );

    let head = world.worker.lake.head("invoices", &unit).await.unwrap().unwrap();
    assert!(head.done && head.cursor.is_some() && head.loading.is_none() && head.holds(&task.id));
    let commits = world.worker.lake.commits("invoices", &unit).await.unwrap();
    let landed: u64 = commits
        .iter()
        .flat_map(|c| &c.files)
        .filter(|f| f.table.as_str() == "invoices")
        .map(|f| f.rows)
        .sum();
    assert_eq!(landed, 1_000, "each row once");
    assert!(matches!(sync(&world, &task).await.unwrap().outcome, Outcome::AlreadyDone));
}

#[tokio::test]
async fn rows_that_change_during_a_first_load_arrive_as_they_are_in_the_end() {
    let (world, unit) = world();
    let control = world.simulator.control();
    let account = world.simulator.businesses()[0].account_id.clone();
    let all = control.truth(&account, "invoices", true).unwrap().ids.unwrap();
    let status = FaultKind::Status { code: 500, body: FaultBody::Json, retry_after: None };
    let faults = (25..60).map(|n| Fault { nth: Some(n), ..Fault::always(status.clone()).on("invoices") });
    control.set_options(|options| options.faults = faults.collect());
    let task = task(&world, &unit, Mode::Incremental);
    sync(&world, &task).await.unwrap_err();
    // Rows of windows that are landed and of windows that are not have changed.
    control.set_options(|options| options.faults.clear());
    let changed: BTreeSet<i64> = all.iter().copied().step_by(97).collect();
    for id in &changed {
        control.change(&account, "invoices", *id, &json!({"notes": "while it was loaded"})).unwrap();
    }
    let report = sync(&world, &task).await.unwrap();
    let landed = world.landed(&[report]).await;
    assert!(changed.is_subset(&ids(&landed)), "every changed row has come");
}

#[tokio::test]
async fn a_full_sync_is_cut_as_well_and_keeps_the_cursor_until_it_is_done() {
    let (world, unit) = world();
    let first = task(&world, &unit, Mode::Incremental);
    sync(&world, &first).await.unwrap();
    let before = world.worker.lake.head("invoices", &unit).await.unwrap().unwrap().cursor;
    let control = world.simulator.control();
    let status = FaultKind::Status { code: 500, body: FaultBody::Json, retry_after: None };
    let faults = (25..60).map(|n| Fault { nth: Some(n), ..Fault::always(status.clone()).on("invoices") });
    control.set_options(|options| options.faults = faults.collect());
    let full = task(&world, &unit, Mode::Full);
    sync(&world, &full).await.unwrap_err();
    let head = world.worker.lake.head("invoices", &unit).await.unwrap().unwrap();
    assert_eq!(head.cursor, before);
    assert_eq!(head.loading.as_ref().unwrap().of.as_ref(), Some(&full.id));

    // The next run does not wait for it, and does not undo it.
    control.set_options(|options| options.faults.clear());
    let between = task(&world, &unit, Mode::Incremental);
    let report = sync(&world, &between).await.unwrap();
    assert_eq!(rows(&[report]).get("invoices"), None);
    let report = sync(&world, &full).await.unwrap();
    assert!(matches!(report.outcome, Outcome::Committed(_)));
    let head = world.worker.lake.head("invoices", &unit).await.unwrap().unwrap();
    assert!(head.loading.is_none() && head.holds(&full.id));
}

#[tokio::test]
async fn a_source_without_the_filter_is_read_whole_and_the_certificate_says_so() {
    let mut world = World::new(Options {
        scale: 400,
        honoured_updated: Vec::new(),
        request_log: 10_000,
        ..Options::default()
    });
    world.worker.window_rows = 100;
    let unit = world.units_of(tables::find("invoices").unwrap()).remove(0);
    let first = task(&world, &unit, Mode::Incremental);
    let report = sync(&world, &first).await.unwrap();
    assert_eq!(rows(std::slice::from_ref(&report))["invoices"], 400);
    let notes = report.certificate.unwrap().notes.join("; ");
    assert!(notes.contains("FreshBooks ignores the filter for changed rows of invoices"), "{notes}");
    // Every row comes each time, and none is written twice.
    let second = task(&world, &unit, Mode::Incremental);
    let report = sync(&world, &second).await.unwrap();
    assert!(matches!(report.outcome, Outcome::Unchanged));
    assert_eq!(report.certificate.unwrap().rows_unchanged, 400);
}
