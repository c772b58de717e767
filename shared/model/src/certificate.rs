//! What a finished task can prove about itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a table turned out to be. An empty table, one outside the plan or the scopes, and a broken one
/// are different answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableStatus {
    /// Read completely, with rows.
    Ok,
    /// Read completely; FreshBooks has no rows.
    Empty,
    /// The plan of the account does not include it.
    OutOfPlan,
    /// The grant does not include it.
    OutOfScope,
    /// It could not be read.
    Broken,
}

impl TableStatus {
    /// The words a person reads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Empty => "empty",
            Self::OutOfPlan => "out of plan",
            Self::OutOfScope => "out of scope",
            Self::Broken => "broken",
        }
    }
}

/// The proof kept with each commit: what was asked, what came, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// What the table turned out to be.
    pub status: TableStatus,
    /// Requests sent, retries included.
    pub requests: u64,
    /// Pages read.
    pub pages: u64,
    /// `total` as the first page told it, summed over the passes of the task.
    pub total_first: u64,
    /// `total` as the last page told it.
    pub total_last: u64,
    /// Distinct keys seen.
    pub distinct_keys: u64,
    /// Rows whose key was not known before.
    pub rows_new: u64,
    /// Rows known before, with other content.
    pub rows_changed: u64,
    /// Rows read again without a difference; they are not written.
    pub rows_unchanged: u64,
    /// Rows that could not be typed; they are kept in `rejected`.
    pub rows_rejected: u64,
    /// Rows of child tables written.
    pub child_rows: u64,
    /// The smallest update instant seen.
    pub first_updated: Option<Timestamp>,
    /// The largest update instant seen.
    pub last_updated: Option<Timestamp>,
    /// Order-independent digest of the rows read, in hex.
    pub content_digest: String,
    /// What a person should know about this reading.
    pub notes: Vec<String>,
}

impl Certificate {
    /// Rows that were written.
    pub fn rows_written(&self) -> u64 {
        self.rows_new + self.rows_changed
    }
}
