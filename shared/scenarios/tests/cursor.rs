//! REL-11: changes within seconds or hours of the borders of days and months and of the hours in which clocks change.
//! None is missed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod rig;

use jiff::{SignedDuration, Timestamp};
use model::Mode;
use rig::Rig;
use rig::cases::run_all;
use scenarios::oracle::Violation;
use simulator::{DefaultStates, Options, Order, UpdatedZone, VisStateWithWindow};

const CASES: u64 = if cfg!(debug_assertions) { 500 } else { 2_000 };

/// The tables of which only what has changed is asked for.
const TABLES: [&str; 6] = ["invoices", "clients", "expenses", "payments", "projects", "time_entries"];

/// Midnights in New York and in UTC, ends of months and years, a leap day, and both changes of New York's clocks.
const BORDERS: [&str; 10] = [
    "2026-03-31T04:00:00Z",
    "2026-04-01T00:00:00Z",
    "2026-03-08T07:00:00Z",
    "2026-03-08T05:00:00Z",
    "2026-11-01T06:00:00Z",
    "2026-11-01T04:00:00Z",
    "2027-01-01T00:00:00Z",
    "2027-01-01T05:00:00Z",
    "2028-02-29T05:00:00Z",
    "2026-06-15T00:00:00Z",
];

fn options(dice: &mut fastrand::Rng) -> Options {
    let with_window =
        [VisStateWithWindow::Both, VisStateWithWindow::WindowIgnored, VisStateWithWindow::StateIgnored];
    let lags = [0, 0, 0, 1, 59, 3_600, 6 * 3_600, 86_400];
    Options {
        seed: dice.u64(..),
        scale: dice.u64(1..6),
        order: if dice.bool() { Order::Id } else { Order::Updated },
        updated_zone: if dice.bool() { UpdatedZone::Eastern } else { UpdatedZone::Utc },
        default_states: if dice.bool() {
            DefaultStates::ActiveAndArchived
        } else {
            DefaultStates::ActiveOnly
        },
        vis_state_with_window: with_window[dice.usize(..3)],
        vis_state_lists: dice.bool(),
        updated_lag_s: lags[dice.usize(..lags.len())],
        ..Options::default()
    }
}

/// A while that brings what comes next to the same second, minute, hour or day, or to one of the next.
fn pause(dice: &mut fastrand::Rng) -> SignedDuration {
    let most = [1, 3, 60, 3_600, 86_400, 3 * 86_400][dice.usize(..6)];
    SignedDuration::from_millis(dice.i64(0..most * 1000))
}

async fn edges(seed: u64) -> Vec<(String, String)> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let options = options(&mut dice);
    let table = TABLES[dice.usize(..TABLES.len())];
    let border: Timestamp = BORDERS[dice.usize(..BORDERS.len())].parse().unwrap();
    let start = border - pause(&mut dice) - pause(&mut dice);
    let mut rig = Rig::new(options.clone(), start, &[table], &mut dice);
    let unit = rig.source.units(table).remove(0);
    let mut broken = Vec::new();
    let mut note = |when: &str, violations: Vec<Violation>| {
        for Violation { rule, what } in violations {
            let lag = if options.updated_lag_s > 0 { " late" } else { "" };
            let kind = format!("{rule} ({when}) {:?}{lag}", options.vis_state_with_window);
            let zone = options.updated_zone;
            let text = format!("{table} from {start}, zone {zone:?}, lag {}: {what}", options.updated_lag_s);
            broken.push((kind, text));
        }
    };
    for _ in 0..dice.u32(2..5) {
        for _ in 0..dice.u32(..4) {
            rig.clock.advance(pause(&mut dice));
            rig.source.write(&mut dice);
        }
        rig.clock.advance(pause(&mut dice));
        // what changes while a run reads belongs to the next one, and to no other
        rig.drift(if dice.u32(..4) == 0 { 20 } else { 0 }, true);
        let (_, violations) = rig.extract(table, &unit, Mode::Incremental).await;
        note("run", violations);
    }
    rig.drift(0, true);
    rig.clock.advance(pause(&mut dice));
    let (done, violations) = rig.extract(table, &unit, Mode::Incremental).await;
    note("last run", violations);
    if let Err(error) = done {
        note("last run", vec![Violation { rule: "no end", what: error.to_string() }]);
    }
    note("in the end", rig.current_of(table, &unit));
    broken
}

#[test]
fn no_change_at_the_edge_of_a_window_is_missed() {
    run_all(CASES, edges);
}
