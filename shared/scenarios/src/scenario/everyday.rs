//! A month of everything at once.

use std::time::Duration;

use crate::faults::{Fault, Plan, Storm};
use crate::scenario::draw;
use crate::setup::{Course, Setup, WORKER_TIMEOUT};

pub(super) fn setup(seed: u64) -> Setup {
    let mut dice = draw::dice(seed, "everyday");
    let count = dice.usize(1..=3);
    // Most deployments run once a day.
    let runs_a_day = [1, 1, 1, 2, 2, 4][dice.usize(..6)];
    // Grants are killed elsewhere all the time: here only now and then.
    let kills = dice.u32(..4) == 0;
    Setup {
        scenario: "everyday",
        seed,
        start: draw::start(&mut dice),
        tables: draw::tables(&mut dice, count),
        only_business: [None, Some(0), Some(1)][dice.usize(..3)],
        workers: dice.u32(1..=4),
        course: Course::Days { days: 30, runs_a_day, writes_a_day: dice.u32(2..12) },
        options: draw::options(&mut dice),
        plan: Plan::Storm(Storm::new(seed, |fault| fault != Fault::TokenRevoked || kills)),
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
