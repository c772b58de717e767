//! Scenarios that go deep into one thing.

use std::time::Duration;

use simulator::{Fault as SourceFault, FaultBody, FaultKind, OAuthOptions};

use crate::faults::{Fault, Plan, Storm};
use crate::scenario::draw;
use crate::setup::{Course, Setup, TODAY};

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
        options: draw::options(&mut dice, TODAY),
        plan: if dice.bool() { Plan::Storm(Storm::new(seed, wanted)) } else { Plan::Quiet },
        skew: 0,
        copies: Some((10, Duration::from_hours(dice.u64(1..40)))),
        trouble: Vec::new(),
        expect: TODAY,
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
    let mut options = draw::options(&mut dice, TODAY);
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
        expect: TODAY,
    }
}

/// A bad row, a changed shape, and a table that always fails, one table each; a fourth one is well.
pub(super) fn poison(seed: u64) -> Setup {
    let mut dice = draw::dice(seed, "poison");
    let mut tables = draw::tables(&mut dice, 4);
    dice.shuffle(&mut tables);
    let key = "id".to_owned();
    let kinds = [
        FaultKind::TypeChanged { key: key.clone(), row: Some(dice.usize(..3)) },
        FaultKind::TypeChanged { key, row: None },
        FaultKind::Status { code: 500, body: FaultBody::Json, retry_after: None },
    ];
    let trouble =
        tables.iter().zip(kinds).map(|(table, kind)| SourceFault::always(kind).on(*table)).collect();
    Setup {
        scenario: "poison",
        seed,
        start: draw::start(&mut dice),
        tables,
        only_business: Some(dice.usize(..2)),
        workers: dice.u32(1..=3),
        course: Course::Runs { runs: 2, apart: Duration::from_hours(24), writes: 6 },
        options: draw::options(&mut dice, TODAY),
        plan: Plan::Quiet,
        skew: 0,
        copies: None,
        trouble,
        expect: TODAY,
    }
}
