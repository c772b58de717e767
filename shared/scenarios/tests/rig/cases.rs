//! Many seeds on all cores, and what failed told by its kind.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What one case broke: the kind of failure and what happened.
pub(crate) type Broken = Vec<(String, String)>;

/// Failures by kind: how many cases, and the first of them.
#[derive(Default)]
pub(crate) struct Failures(BTreeMap<String, (u64, u64, String)>);

impl Failures {
    fn add(&mut self, seed: u64, broken: Broken) {
        let mut kinds: Vec<_> = broken;
        kinds.dedup_by(|a, b| a.0 == b.0);
        for (kind, what) in kinds {
            let entry = self.0.entry(kind).or_insert((0, u64::MAX, String::new()));
            entry.0 += 1;
            // the shortest is the easiest to understand
            if entry.2.is_empty() || what.len() < entry.2.len() {
                (entry.1, entry.2) = (seed, what);
            }
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (kind, (count, seed, what)) in &self.0 {
            writeln!(text, "\n{count} cases: {kind}\n  for one, seed {seed}: {what}").unwrap();
        }
        text
    }
}

/// How many of `full` cases are run: a tenth with every change, all with `SHARE=1` at build time, a hundredth in debug.
pub(crate) fn share(full: u64) -> u64 {
    match option_env!("SHARE").and_then(|share| share.parse().ok()) {
        Some(share) => full.div_ceil(share),
        None => full.div_ceil(if cfg!(debug_assertions) { 100 } else { 10 }),
    }
}

/// Runs `case` with every seed below `count`, or with the one in the environment variable `SEED` at build time.
pub(crate) fn run_all<F>(count: u64, case: F)
where
    F: AsyncFn(u64) -> Broken + Sync,
{
    let (next, end) = match option_env!("SEED").and_then(|seed| seed.parse().ok()) {
        Some(seed) => (AtomicU64::new(seed), seed + 1),
        None => (AtomicU64::new(0), count),
    };
    let failures = Mutex::new(Failures::default());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let broken = runtime.block_on(case(seed));
                    if !broken.is_empty() {
                        failures.lock().unwrap().add(seed, broken);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.0.is_empty(), "of {count} cases:{}", failures.text());
}
