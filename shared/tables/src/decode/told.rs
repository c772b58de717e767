//! What is told of rows, and to them.

use model::{AccountId, BusinessId, RunId, Timestamp, Unit};

/// What every row of a task has in common.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The accounting account.
    pub account_id: Option<String>,
    /// The business.
    pub business_id: Option<i64>,
    /// The run.
    pub run_id: String,
}

impl Context {
    /// What rows of `unit`, read in `run`, have in common.
    pub fn new(unit: &Unit, run: &RunId) -> Self {
        let run_id = run.0.clone();
        match unit {
            Unit::Identity(_) => Self { run_id, ..Self::default() },
            Unit::Account(AccountId(id)) => Self { account_id: Some(id.clone()), business_id: None, run_id },
            Unit::Business(BusinessId(id)) => Self { account_id: None, business_id: Some(*id), run_id },
        }
    }
}

/// What is known of a row before it is written.
#[derive(Clone, Debug)]
pub struct Facts<'r> {
    /// Its key as text, the parts joined by `/`.
    pub key: &'r str,
    /// A digest of its JSON text, secrets masked: equal rows have equal digests.
    pub digest: u64,
    /// When FreshBooks last changed it, where the row says so.
    pub updated: Option<Timestamp>,
    /// Whether it is deleted.
    pub deleted: bool,
    /// Whether it says that there are rows of a child, which it was asked for with and came without.
    pub withheld: bool,
    /// Whether it is among the rows that are wanted. One that is not is written as deleted, with its key alone.
    pub wanted: bool,
}

/// What to do with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Write it.
    Write,
    /// Leave it out: the lake has it already.
    Skip,
}

/// A row that could not be typed, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The table it belongs to.
    pub table: &'static str,
    /// Its key, where that could be read.
    pub key: Option<String>,
    /// The key at fault, dotted: `lines[2].amount`.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
    /// Its JSON text, secrets masked where they were recognised.
    pub raw: String,
    /// When it was read, in microseconds since 1970.
    pub extracted_at: i64,
}
