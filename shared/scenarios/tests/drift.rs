//! REL-10: rows come, change, move and go between any two pages. A table is complete, or its cursor has not moved.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod rig;

use jiff::SignedDuration;
use model::{Mode, Unit};
use rig::Rig;
use rig::cases::run_all;
use scenarios::oracle::Violation;
use simulator::{DefaultStates, Options, Order, UpdatedZone, VisStateWithWindow};

const CASES: u64 = if cfg!(debug_assertions) { 200 } else { 2_000 };

/// Every rule by which tables are read again and rows are deleted.
const TABLES: [&str; 12] = [
    "invoices",
    "clients",
    "expenses",
    "payments",
    "bills",
    "items",
    "estimates",
    "credit_notes",
    "taxes",
    "projects",
    "time_entries",
    "services",
];

/// How FreshBooks behaves where nobody knows, drawn at random.
fn options(dice: &mut fastrand::Rng) -> Options {
    let with_window =
        [VisStateWithWindow::Both, VisStateWithWindow::WindowIgnored, VisStateWithWindow::StateIgnored];
    let rarely = |dice: &mut fastrand::Rng| if dice.u32(..6) == 0 { dice.u64(1..4) } else { 0 };
    Options {
        seed: dice.u64(..),
        scale: dice.u64(4..30),
        order: if dice.bool() { Order::Id } else { Order::Updated },
        updated_zone: if dice.bool() { UpdatedZone::Eastern } else { UpdatedZone::Utc },
        default_states: if dice.bool() {
            DefaultStates::ActiveAndArchived
        } else {
            DefaultStates::ActiveOnly
        },
        vis_state_with_window: with_window[dice.usize(..3)],
        vis_state_lists: dice.bool(),
        most_per_page: dice.u64(2..8),
        empty_pages: dice.u64(0..2),
        phantom_total: rarely(dice),
        short_total: rarely(dice),
        ..Options::default()
    }
}

fn described(options: &Options) -> String {
    format!(
        "scale {} order {:?} zone {:?} default {:?} with_window {:?} lists {} per_page {} phantom {} short {}",
        options.scale,
        options.order,
        options.updated_zone,
        options.default_states,
        options.vis_state_with_window,
        options.vis_state_lists,
        options.most_per_page,
        options.phantom_total,
        options.short_total
    )
}

/// What FreshBooks was like that may explain a failure.
fn setting(options: &Options, table: &str, when: &str) -> String {
    let mut parts = Vec::new();
    let has_window = options.honoured_updated.iter().any(|name| name == table) && when != FIRST;
    if has_window && options.vis_state_with_window != VisStateWithWindow::Both {
        parts.push(format!("{:?}", options.vis_state_with_window));
    }
    if options.phantom_total > 0 {
        parts.push("phantom_total".to_owned());
    }
    if options.short_total > 0 {
        parts.push("short_total".to_owned());
    }
    parts.join(" ")
}

const FIRST: &str = "first load";

struct Case<'c> {
    options: &'c Options,
    table: &'static str,
    broken: Vec<(String, String)>,
}

impl Case<'_> {
    fn note(&mut self, when: &str, violations: Vec<Violation>) {
        for Violation { rule, what } in violations {
            let kind = format!("{rule} ({when}) {}", setting(self.options, self.table, when));
            self.broken.push((kind, format!("{}: {what}; {}", self.table, described(self.options))));
        }
    }
}

async fn drift(seed: u64) -> Vec<(String, String)> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let options = options(&mut dice);
    let table = TABLES[dice.usize(..TABLES.len())];
    let start = "2026-03-31T15:00:00Z".parse().unwrap();
    let mut rig = Rig::new(options.clone(), start, &[table], &mut dice);
    let units = rig.source.units(table);
    let unit: &Unit = &units[dice.usize(..units.len())];
    let mut case = Case { options: &options, table, broken: Vec::new() };
    for round in 0..dice.u32(1..4) {
        if round > 0 {
            rig.clock.advance(SignedDuration::from_secs(dice.i64(0..300_000)));
            for _ in 0..dice.u32(..6) {
                rig.source.write(&mut dice);
            }
        }
        // A total that is too small by as many rows as were missed looks like a true one. No source tells of such a
        // total; while nothing moves, it is seen through.
        let writes = dice.u32(5..60);
        rig.drift(if options.short_total > 0 { 0 } else { writes }, dice.bool());
        let mode = if dice.u32(..10) == 0 { Mode::Full } else { Mode::Incremental };
        let (_, broken) = rig.extract(table, unit, mode).await;
        let when = match mode {
            Mode::Full => "full run",
            _ if round == 0 => FIRST,
            Mode::Incremental => "later run",
        };
        case.note(when, broken);
    }
    rig.drift(0, true);
    for _ in 0..2 {
        rig.clock.advance(SignedDuration::from_secs(dice.i64(1..20_000)));
        let (done, broken) = rig.extract(table, unit, Mode::Incremental).await;
        case.note("quiet run", broken);
        if let Err(error) = done {
            let violation = Violation { rule: "no end", what: error.to_string() };
            case.note("quiet run", vec![violation]);
        }
    }
    let stale = rig.current_of(table, unit);
    case.note("in the end", stale);
    case.broken
}

#[test]
fn a_table_that_moves_while_it_is_read_is_complete_or_its_cursor_has_not_moved() {
    run_all(CASES, drift);
}
