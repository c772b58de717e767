//! What one seed means: the deployment, the source, and what goes wrong.

use std::time::Duration;

use simulator::Options;

use crate::faults::Plan;

/// The time-out of the function that does tasks.
pub(crate) const WORKER_TIMEOUT: Duration = Duration::from_mins(15);

/// One run of a scenario, decided by its seed.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The scenario's name.
    pub scenario: &'static str,
    /// Decides everything.
    pub seed: u64,
    /// When it begins.
    pub start: jiff::Timestamp,
    /// The tables that are read and written to, as the lake names them.
    pub tables: Vec<&'static str>,
    /// The business that is connected; both if absent.
    pub only_business: Option<usize>,
    /// Worker processes.
    pub workers: u32,
    /// What happens.
    pub course: Course,
    /// The source.
    pub options: Options,
    /// What goes wrong.
    pub plan: Plan,
    /// How far every clock of the deployment is off until it heals, in seconds.
    pub skew: i64,
    /// How often, at most, and how late each message is delivered, beside what faults do.
    pub copies: Option<(u32, Duration)>,
    /// What goes wrong at the source itself during the last run before it heals.
    pub trouble: Vec<simulator::Fault>,
    /// A table, and its column of days into one row of which something else is put before the last run, and a day
    /// after it.
    pub poison: Option<(&'static str, &'static str)>,
    /// How the lake is kept; not at all if absent.
    pub upkeep: Option<Keeping>,
    /// What every answer of the source takes longer until everything heals.
    pub latency: Duration,
    /// How long a worker may take for a task until everything heals.
    pub timeout: Duration,
    /// Whether the Glue Data Catalog says which tables count, and not pointers in the bucket.
    pub glue: bool,
}

/// How the lake is kept while everything goes on.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// How long a snapshot stays after it was replaced.
    pub keep: Duration,
    /// How long what nothing names stays; longer than the time-out of a worker.
    pub spare: Duration,
    /// How many pointers stay, however old.
    pub pointers: usize,
    /// How many sweep.
    pub keepers: u32,
}

/// What happens before everything heals.
#[derive(Clone, Copy, Debug)]
pub enum Course {
    /// Writes and runs all the time.
    Days {
        /// Virtual days.
        days: u32,
        /// Firings of the schedule a day.
        runs_a_day: u32,
        /// Writes to the source a day.
        writes_a_day: u32,
    },
    /// One run after the other, with writes in between.
    Runs {
        /// How many.
        runs: u32,
        /// The time from one to the next.
        apart: Duration,
        /// Writes to the source between two.
        writes: u32,
    },
}
