//! Bugs planted on purpose, and how soon the scenarios find them: what shows that a clean campaign means something.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::planted::{Bug, plant};

use crate::ground::lock;
use crate::scenario;
use crate::world;

/// A planted bug that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The bug.
    pub bug: Bug,
    /// Where it was found.
    pub scenario: &'static str,
    /// By which seed; as many were in vain before it.
    pub seed: u64,
    /// Which promise it broke.
    pub rule: &'static str,
}

/// Where a bug has a chance to show.
fn ground(bug: Bug) -> &'static str {
    match bug {
        Bug::TokenResent | Bug::SuccessorNotSaved | Bug::LocalClockAsCursor => "tokens",
        Bug::RejectedDropped => "poison",
        Bug::DeadlineIgnored => "deadline",
        Bug::DriftIgnored | Bug::SweepUnproved => "drift",
        Bug::SwapIgnored => "swaps",
        Bug::RefusalTrusted | Bug::FenceIgnored | Bug::StaleMergeReused => "duplicates",
        Bug::SweepIgnoresAge | Bug::SweepForgetsHistory | Bug::SweepForgetsCommits => "upkeep",
        _ => "everyday",
    }
}

/// Looks for `bug` with the seeds below `most`.
pub fn hunt(bug: Bug, most: u64) -> Option<Found> {
    let scenario = scenario::find(ground(bug))?;
    (0..most).find_map(|seed| {
        plant(Some(bug));
        let outcome = world::run((scenario.setup)(seed), false);
        plant(None);
        let rule = outcome.violations.first()?.rule;
        Some(Found { bug, scenario: scenario.name, seed, rule })
    })
}

/// Looks for every bug, on `threads` threads; `None` where one was not found.
pub fn hunt_all(most: u64, threads: usize) -> Vec<(Bug, Option<Found>)> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(bug) = Bug::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = hunt(*bug, most);
                    lock(&found).push((*bug, outcome));
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    found.sort_by_key(|(bug, _)| Bug::ALL.iter().position(|other| other == bug));
    found
}
