//! The lake is swept and its tables are rebuilt while everything goes on.

use std::time::Duration;

use crate::faults::{Fault, Plan, Storm};
use crate::scenario::draw;
use crate::setup::{Course, Keeping, Setup, WORKER_TIMEOUT};

pub(super) fn setup(seed: u64) -> Setup {
    let mut dice = draw::dice(seed, "upkeep");
    let count = dice.usize(1..=2);
    let keeping = Keeping {
        // Hardly longer than any task.
        keep: Duration::from_mins([0, 45, 240][dice.usize(..3)]),
        spare: WORKER_TIMEOUT + Duration::from_secs(dice.u64(1..1_200)),
        pointers: [1, 3, 1_000][dice.usize(..3)],
        keepers: dice.u32(1..=2),
    };
    let skew = [0, 0, -86_400, 86_400][dice.usize(..4)];
    // Where everything is slow, a sweep meets many a task half way.
    let plan = Plan::Storm(if dice.bool() {
        Storm::heavy(seed, Fault::Slow)
    } else {
        Storm::new(seed, |fault| fault != Fault::TokenRevoked)
    });
    Setup {
        scenario: "upkeep",
        seed,
        start: draw::start(&mut dice),
        tables: draw::tables(&mut dice, count),
        only_business: [None, Some(0), Some(0)][dice.usize(..3)],
        workers: dice.u32(1..=4),
        course: Course::Days {
            days: 5,
            runs_a_day: [2, 4, 8][dice.usize(..3)],
            writes_a_day: dice.u32(6..24),
        },
        options: draw::options(&mut dice),
        plan,
        skew,
        copies: None,
        trouble: Vec::new(),
        poison: None,
        upkeep: Some(keeping),
        latency: Duration::ZERO,
        timeout: WORKER_TIMEOUT,
        glue: draw::glue(seed),
    }
}
