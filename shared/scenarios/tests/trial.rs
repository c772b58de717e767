//! Filters of which no document says that they count: used once they have proved themselves, and never where rows could be
//! lost.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod world;

use jiff::SignedDuration;
use model::{Mode, Unit};
use scenarios::scenario;
use serde_json::json;
use simulator::{Options, VisStateWithWindow};
use sync::Outcome;
use tables::Table;
use world::World;

const TABLES: [&str; 4] = ["items", "tasks", "estimates", "invoice_profiles"];

/// What a source may answer.
type Answer = fn(&mut Options);

fn tables() -> impl Iterator<Item = &'static Table> {
    TABLES.into_iter().map(|name| tables::find(name).unwrap())
}

/// A source that honours the filter for `TABLES`, unless `change` says otherwise.
fn world(change: impl FnOnce(&mut Options)) -> World {
    let mut options = Options { request_log: 10_000, ..Options::default() };
    options.honoured_updated.extend(TABLES.map(str::to_owned));
    options.oauth.expires_in = 30 * 86_400;
    change(&mut options);
    World::new(options)
}

async fn habit(world: &World, table: &str) -> Option<bool> {
    let unit: Unit = world.units_of(tables::find(table).unwrap()).remove(0);
    world.worker.lake.head(table, &unit).await.unwrap().unwrap().habits.honours_updated
}

fn asked_by_day(world: &World) -> usize {
    world.simulator.control().requests().last.iter().filter(|l| l.target.contains("updated_min")).count()
}

/// Changes the row of `table` at `place` from the oldest on.
fn change(world: &World, table: &str, place: usize) -> i64 {
    let control = world.simulator.control();
    let unit = world.simulator.businesses()[0].account_id.clone();
    let id = control.truth(&unit, table, true).unwrap().ids.unwrap()[place];
    let now = control.now();
    let fields = json!({"name": format!("changed at {now}"), "notes": format!("changed at {now}")});
    control.change(&unit, table, id, &fields).unwrap();
    id
}

/// Runs once, and again after each of two changes to old rows of every table; the last run has to land the second changes
/// and nothing else.
async fn two_changes(world: &World) {
    world.run_of(tables(), Mode::Incremental).await;
    assert_eq!(asked_by_day(world), 0, "nothing can be shown yet, so nothing is asked");
    for table in TABLES {
        change(world, table, 0);
    }
    world.run_of(tables(), Mode::Incremental).await;
    world.simulator.control().advance(SignedDuration::from_hours(24 * 5));
    let mut expected: Vec<_> =
        TABLES.iter().map(|table| ((*table).to_owned(), change(world, table, 1), false)).collect();
    expected.sort();
    world.simulator.control().reset_requests();
    let reports = world.run_of(tables(), Mode::Incremental).await;
    assert_eq!(world.landed(&reports).await, expected);
}

#[tokio::test]
async fn a_filter_that_counts_is_found_out_and_used() {
    let world = world(|_| ());
    two_changes(&world).await;
    for table in TABLES {
        assert_eq!(habit(&world, table).await, Some(true), "{table}");
    }
    assert!(asked_by_day(&world) >= TABLES.len(), "{:?}", world.simulator.control().requests());
    world.simulator.control().reset_requests();
    let reports = world.run_of(tables(), Mode::Incremental).await;
    assert!(reports.iter().all(|report| matches!(report.outcome, Outcome::Unchanged)), "{reports:?}");
}

#[tokio::test]
async fn a_filter_that_does_not_count_is_found_out_and_the_table_read_whole() {
    let answers: [(&str, Answer); 4] = [
        ("ignored", |options| options.honoured_updated.clear()),
        ("by making", |options| options.updated_means_made = true),
        ("not beside a state", |options| options.vis_state_with_window = VisStateWithWindow::WindowIgnored),
        ("instead of a state", |options| options.vis_state_with_window = VisStateWithWindow::StateIgnored),
    ];
    for (why, answer) in answers {
        let world = world(answer);
        two_changes(&world).await;
        assert_eq!(asked_by_day(&world), 0, "{why}: it was found out before");
        for table in TABLES {
            assert_eq!(habit(&world, table).await, Some(false), "{why}: {table}");
        }
    }
}

#[tokio::test]
async fn without_news_nothing_is_tried() {
    let world = world(|_| ());
    world.run_of(tables(), Mode::Incremental).await;
    world.simulator.control().reset_requests();
    let reports = world.run_of(tables(), Mode::Incremental).await;
    assert!(reports.iter().all(|report| matches!(report.outcome, Outcome::Unchanged)));
    assert_eq!(asked_by_day(&world), 0);
    let lists = TABLES.len() * world.units_of(tables::find("items").unwrap()).len();
    let requests = world.simulator.control().requests().total;
    assert!(requests <= 3 * lists as u64, "one list each, or one for each state: {requests}");
}

/// The oracle knows every row there ever was: whatever the source answers, none is lost.
#[test]
fn no_answer_of_the_source_loses_a_row() {
    let mut tried = [0, 0];
    let names = ["everyday", "drift", "duplicates"].into_iter().cycle();
    for (seed, name) in (0..if cfg!(debug_assertions) { 12 } else { 200 }).zip(names) {
        let mut setup = (scenario::find(name).unwrap().setup)(seed);
        setup.tables = vec!["items", "estimates"];
        let honours = seed % 2 == 0;
        if honours {
            setup.options.honoured_updated.extend(["items".to_owned(), "estimates".to_owned()]);
        }
        setup.options.updated_means_made = seed % 5 == 4;
        let outcome = scenarios::run(setup, false);
        assert!(outcome.violations.is_empty(), "{name} {seed}: {:?}", outcome.violations);
        let count = |path: &str| outcome.counters.get(path).copied().unwrap_or_default();
        tried[usize::from(honours)] += count("filter_tried") + count("filter_ignored");
    }
    assert!(tried.iter().all(|count| *count > 0), "both answers were found out: {tried:?}");
}
