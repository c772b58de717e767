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
    /// Lists read again because they moved while they were read.
    #[serde(default)]
    pub rereadings: u64,
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
    /// Rows written as deleted: FreshBooks says so, or a complete listing lacks them.
    #[serde(default)]
    pub rows_deleted: u64,
    /// Rows known as deleted that live again.
    #[serde(default)]
    pub rows_undeleted: u64,
    /// Rows that could not be typed; they are kept in `rejected`.
    pub rows_rejected: u64,
    /// Rows that came, however often they were read, without children that they announce.
    #[serde(default)]
    pub backlog: u64,
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
    /// What can be proved where nothing was read.
    pub fn unread() -> Self {
        Self {
            status: TableStatus::Empty,
            requests: 0,
            pages: 0,
            rereadings: 0,
            total_first: 0,
            total_last: 0,
            distinct_keys: 0,
            rows_new: 0,
            rows_changed: 0,
            rows_unchanged: 0,
            rows_deleted: 0,
            rows_undeleted: 0,
            rows_rejected: 0,
            backlog: 0,
            child_rows: 0,
            first_updated: None,
            last_updated: None,
            content_digest: "0".repeat(16),
            notes: Vec::new(),
        }
    }

    /// This reading and the one that followed it, as one.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        let digest = |text: &str| u64::from_str_radix(text, 16).unwrap_or_default();
        let mut notes = self.notes;
        notes.extend(next.notes.into_iter().filter(|note| !notes.contains(note)).collect::<Vec<_>>());
        Self {
            status: next.status,
            // The later one has counted on from the earlier.
            requests: self.requests.max(next.requests),
            pages: self.pages + next.pages,
            rereadings: self.rereadings + next.rereadings,
            total_first: self.total_first + next.total_first,
            total_last: self.total_last + next.total_last,
            distinct_keys: self.distinct_keys + next.distinct_keys,
            rows_new: self.rows_new + next.rows_new,
            rows_changed: self.rows_changed + next.rows_changed,
            rows_unchanged: self.rows_unchanged + next.rows_unchanged,
            rows_deleted: self.rows_deleted + next.rows_deleted,
            rows_undeleted: self.rows_undeleted + next.rows_undeleted,
            rows_rejected: self.rows_rejected + next.rows_rejected,
            backlog: self.backlog + next.backlog,
            child_rows: self.child_rows + next.child_rows,
            first_updated: self.first_updated.into_iter().chain(next.first_updated).min(),
            last_updated: self.last_updated.into_iter().chain(next.last_updated).max(),
            content_digest: format!(
                "{:016x}",
                digest(&self.content_digest).wrapping_add(digest(&next.content_digest))
            ),
            notes,
        }
    }

    /// Rows that were written.
    pub fn rows_written(&self) -> u64 {
        self.rows_new + self.rows_changed
    }
}
