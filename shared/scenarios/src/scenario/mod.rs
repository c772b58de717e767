//! The scenarios: what a seed means in each.

mod draw;
mod everyday;
mod rare;
mod reference;
mod upkeep;

pub(crate) use draw::dice;

use crate::setup::Setup;

/// A named family of runs.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What it is about, in one line.
    pub about: &'static str,
    /// What a seed means.
    pub setup: fn(u64) -> Setup,
}

/// All of them.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "everyday",
        about: "a month of runs, writes and every fault, then healing",
        setup: everyday::setup,
    },
    Scenario {
        name: "reference",
        about: "three tables, two accounts, two runs, one refresh, no fault of its own",
        setup: reference::setup,
    },
    Scenario {
        name: "duplicates",
        about: "every message is delivered 2 to 10 times, at once and late",
        setup: rare::duplicates,
    },
    Scenario {
        name: "tokens",
        about: "clocks off by up to a day, grants that die, faults where tokens are kept",
        setup: rare::tokens,
    },
    Scenario {
        name: "poison",
        about: "a row that cannot be typed, a changed shape, a table that always fails; then redrive",
        setup: rare::poison,
    },
    Scenario {
        name: "drift",
        about: "the source is written to between any two requests",
        setup: rare::drift,
    },
    Scenario { name: "swaps", about: "rows join a short list while others leave it", setup: rare::swaps },
    Scenario {
        name: "deadline",
        about: "a slow source, and for each task as many seconds as the seed says",
        setup: rare::deadline,
    },
    Scenario {
        name: "upkeep",
        about: "what nothing names is swept, snapshots expire and tables are rebuilt while everything goes on",
        setup: upkeep::setup,
    },
];

/// The scenario of that name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}
