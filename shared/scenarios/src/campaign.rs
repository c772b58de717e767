//! Many seeds on several threads, and what they came to together.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ground::lock;
use crate::scenario::Scenario;
use crate::trace::Counters;
use crate::world::{self, Outcome};

/// What many runs came to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Runs of the scenario.
    pub seeds: u64,
    /// Virtual days.
    pub days: f64,
    /// Virtual days of the shortest run.
    pub shortest_days: f64,
    /// Faults that struck.
    pub struck: u64,
    /// Runs that broke a promise, without their traces; the first twenty.
    pub failed: Vec<Outcome>,
    /// Broken promises in all runs.
    pub violations: u64,
    /// All counters.
    pub counters: Counters,
}

/// Failed runs that are kept.
const KEPT: usize = 20;

impl Tally {
    /// Adds one run.
    pub fn add(&mut self, outcome: Outcome) {
        self.shortest_days =
            if self.seeds == 0 { outcome.days } else { self.shortest_days.min(outcome.days) };
        self.seeds += 1;
        self.days += outcome.days;
        self.struck += outcome.struck.len() as u64;
        self.violations += outcome.violations.len() as u64;
        for (name, count) in &outcome.counters {
            *self.counters.entry(name.clone()).or_default() += count;
        }
        if !outcome.violations.is_empty() && self.failed.len() < KEPT {
            self.failed.push(outcome);
        }
    }

    /// One counter.
    pub fn count(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or_default()
    }

    /// Adds what another thread came to.
    fn merge(&mut self, other: Self) {
        self.shortest_days = match (self.seeds, other.seeds) {
            (_, 0) => self.shortest_days,
            (0, _) => other.shortest_days,
            _ => self.shortest_days.min(other.shortest_days),
        };
        self.seeds += other.seeds;
        self.days += other.days;
        self.struck += other.struck;
        self.violations += other.violations;
        for (name, count) in other.counters {
            *self.counters.entry(name).or_default() += count;
        }
        self.failed.extend(other.failed);
        self.failed.sort_by_key(|outcome| outcome.seed);
        self.failed.truncate(KEPT);
    }
}

/// Seeds of one scenario, on threads.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// The scenario.
    pub scenario: &'static Scenario,
    /// Threads.
    pub threads: usize,
}

impl Campaign {
    /// Runs all of `seeds`; `done` is told after each how many are.
    pub fn run(&self, seeds: Range<u64>, done: &(dyn Fn(u64) + Sync)) -> Tally {
        let scenario = self.scenario;
        crate::campaign::seeds(self.threads, seeds, done, |seed| world::run((scenario.setup)(seed), false))
    }
}

/// Runs `run` for every one of `seeds` on `threads` threads.
pub fn seeds(
    threads: usize,
    seeds: Range<u64>,
    done: &(dyn Fn(u64) + Sync),
    run: impl Fn(u64) -> Outcome + Sync,
) -> Tally {
    let (next, finished) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    let all = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let mut tally = Tally::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    tally.add(run(seed));
                    done(finished.fetch_add(1, Ordering::Relaxed) + 1);
                }
                lock(&all).merge(tally);
            });
        }
    });
    all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}
