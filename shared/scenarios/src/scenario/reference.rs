//! The same small workload for every fault at every call.

use std::time::Duration;

use simulator::Options;

use crate::faults::Plan;
use crate::scenario::draw;
use crate::setup::{Course, Setup, WORKER_TIMEOUT};

pub(super) fn setup(seed: u64) -> Setup {
    Setup {
        scenario: "reference",
        seed,
        start: jiff::Timestamp::from_second(1_775_055_600).unwrap_or_default(),
        tables: vec!["clients", "bills", "time_entries"],
        only_business: None,
        workers: 2,
        // The token is due for its refresh after six hours.
        course: Course::Runs { runs: 2, apart: Duration::from_hours(20), writes: 5 },
        options: Options { scale: 30, most_per_page: 5, request_log: 0, ..Options::default() },
        plan: Plan::Quiet,
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
