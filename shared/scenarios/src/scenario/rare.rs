//! Scenarios that go deep into one thing.

use std::time::Duration;

use simulator::{Fault as SourceFault, FaultBody, FaultKind, OAuthOptions, Options, Order};

use crate::faults::{Fault, Plan, Storm};
use crate::scenario::draw;
use crate::setup::{Course, Setup, WORKER_TIMEOUT};

/// Every message comes many times, and nothing else goes wrong.
pub(super) fn duplicates(seed: u64) -> Setup {
    let mut dice = draw::dice(seed, "duplicates");
    let wanted =
        |fault| matches!(fault, Fault::Duplicate | Fault::Reorder | Fault::Slow | Fault::SourceWrite);
    Setup {
        scenario: "duplicates",
        seed,
        start: draw::start(&mut dice),
        tables: draw::tables(&mut dice, 2),
        only_business: None,
        workers: dice.u32(2..=6),
        course: Course::Days { days: 4, runs_a_day: dice.u32(1..=4), writes_a_day: 12 },
        options: draw::options(&mut dice),
        plan: if dice.bool() { Plan::Storm(Storm::new(seed, wanted)) } else { Plan::Quiet },
        skew: 0,
        copies: Some((10, Duration::from_hours(dice.u64(1..40)))),
        trouble: Vec::new(),
        poison: None,
        upkeep: None,
        latency: Duration::ZERO,
        timeout: WORKER_TIMEOUT,
        glue: draw::glue(seed),
    }
}

/// Tokens die at any moment, and clocks are wrong.
pub(super) fn tokens(seed: u64) -> Setup {
    let mut dice = draw::dice(seed, "tokens");
    let skew = match dice.u32(..3) {
        0 => 0,
        1 => dice.i64(-600..=600),
        _ => dice.i64(-86_400..=86_400),
    };
    let mut options = draw::options(&mut dice);
    options.oauth = OAuthOptions { expires_in: [43_200, 7_200, 1_800][dice.usize(..3)], ..options.oauth };
    let wanted = |fault| fault != Fault::SourceWrite;
    Setup {
        scenario: "tokens",
        seed,
        start: draw::start(&mut dice),
        tables: draw::tables(&mut dice, 1),
        only_business: Some(0),
        workers: dice.u32(1..=2),
        course: Course::Days { days: 6, runs_a_day: 4, writes_a_day: 6 },
        options,
        plan: Plan::Storm(Storm::new(seed, wanted)),
        skew,
        copies: None,
        trouble: Vec::new(),
        poison: None,
        upkeep: None,
        latency: Duration::ZERO,
        timeout: WORKER_TIMEOUT,
        glue: draw::glue(seed),
    }
}

/// A bad row, a changed shape, and a table that always fails, one table each; a fourth one is well.
pub(super) fn poison(seed: u64) -> Setup {
    let mut dice = draw::dice(seed, "poison");
    let poison = [("invoices", "create_date"), ("expenses", "date"), ("payments", "date")][dice.usize(..3)];
    // Read whole and of enough rows, so that a changed shape shows.
    let changed = ["estimates", "items"][dice.usize(..2)];
    let failing = ["time_entries", "bills"][dice.usize(..2)];
    let shape = FaultKind::TypeChanged { key: "id".to_owned(), row: None };
    let fails = FaultKind::Status { code: 500, body: FaultBody::Json, retry_after: None };
    Setup {
        scenario: "poison",
        seed,
        start: draw::start(&mut dice),
        tables: vec![poison.0, changed, failing, "clients"],
        only_business: Some(0),
        workers: dice.u32(1..=3),
        course: Course::Runs { runs: 2, apart: Duration::from_hours(24), writes: 6 },
        options: Options { scale: 60, ..draw::options(&mut dice) },
        plan: Plan::Quiet,
        skew: 0,
        copies: None,
        trouble: vec![SourceFault::always(shape).on(changed), SourceFault::always(fails).on(failing)],
        poison: Some(poison),
        upkeep: None,
        latency: Duration::ZERO,
        timeout: WORKER_TIMEOUT,
        glue: draw::glue(seed),
    }
}

/// A slow source, and as many seconds for a task as the seed says, up to 900: it ends in time, and what it has landed by
/// then stays.
pub(super) fn deadline(seed: u64) -> Setup {
    let mut dice = draw::dice(seed, "deadline");
    let options = draw::options(&mut dice);
    Setup {
        scenario: "deadline",
        seed,
        start: draw::start(&mut dice),
        tables: draw::tables(&mut dice, 2),
        only_business: Some(0),
        workers: dice.u32(1..=2),
        course: Course::Runs { runs: 3, apart: Duration::from_hours(8), writes: 6 },
        options: Options { scale: 40, ..options },
        plan: Plan::Storm(Storm::new(seed, |fault| {
            matches!(fault, Fault::Slow | Fault::Timeout | Fault::SourceWrite)
        })),
        skew: 0,
        copies: None,
        trouble: Vec::new(),
        poison: None,
        upkeep: None,
        latency: Duration::from_millis([500, 5_000, 20_000, 45_000][dice.usize(..4)]),
        timeout: Duration::from_secs(seed % 901),
        glue: draw::glue(seed),
    }
}

/// The source is written to between any two requests, many times.
pub(super) fn drift(seed: u64) -> Setup {
    let mut dice = draw::dice(seed, "drift");
    let options = draw::options(&mut dice);
    Setup {
        scenario: "drift",
        seed,
        start: draw::start(&mut dice),
        tables: draw::tables(&mut dice, 1),
        only_business: Some(dice.usize(..2)),
        workers: 1,
        course: Course::Runs { runs: 3, apart: Duration::from_hours(20), writes: 6 },
        options: Options { most_per_page: dice.u64(2..5), updated_lag_s: 0, ..options },
        plan: Plan::Storm(Storm::heavy(seed, Fault::SourceWrite)),
        skew: 0,
        copies: None,
        trouble: Vec::new(),
        poison: None,
        upkeep: None,
        latency: Duration::ZERO,
        timeout: WORKER_TIMEOUT,
        glue: draw::glue(seed),
    }
}

/// A list without a filter, of few rows a page, which rows leave and join between any two requests: as many rows as before
/// are no proof that none was missed.
pub(super) fn swaps(seed: u64) -> Setup {
    let mut dice = draw::dice(seed, "swaps");
    let options = draw::options(&mut dice);
    Setup {
        scenario: "swaps",
        seed,
        start: draw::start(&mut dice),
        tables: vec![["estimates", "items"][dice.usize(..2)]],
        only_business: None,
        workers: 1,
        course: Course::Runs { runs: 1, apart: Duration::from_hours(20), writes: 0 },
        options: Options {
            order: Order::Id,
            scale: 120,
            most_per_page: 2,
            updated_lag_s: 0,
            vis_state_lists: false,
            ..options
        },
        plan: Plan::Storm(Storm::heavy(seed, Fault::SourceSwap)),
        skew: 0,
        copies: None,
        trouble: Vec::new(),
        poison: None,
        upkeep: None,
        latency: Duration::ZERO,
        timeout: WORKER_TIMEOUT,
        glue: draw::glue(seed),
    }
}
