//! Marking rows as gone that FreshBooks deletes without a trace.
//!
//! Nothing is marked on a guess: the listing that lacks them was read completely, under the same role, plan and scopes
//! under which they were listed, and they are not so many that something else must have happened. A person may say that
//! they are gone all the same.

use freshbooks::Client;
use lake::Habits;
use model::{Result, Task, Timestamp};
use tables::{CursorRule, DeleteRule, Table};

use crate::rows::Rows;

/// From when on a sweep asks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brake {
    /// More missing rows than this percentage of all stop a sweep...
    pub percent: usize,
    /// ...if they are at least this many.
    pub rows: usize,
    /// A list that is suddenly empty is not believed where this many rows are known.
    pub empty: usize,
}

impl Default for Brake {
    fn default() -> Self {
        Self { percent: 5, rows: 10, empty: 3 }
    }
}

impl Brake {
    fn holds(self, missing: usize, known: usize) -> bool {
        let many = missing >= self.rows && missing * 100 > known * self.percent;
        many || (missing == known && known >= self.empty)
    }
}

/// What a sweep looks at beside the rows.
pub(crate) struct Sweep<'s> {
    pub(crate) client: &'s Client,
    pub(crate) table: &'static Table,
    pub(crate) task: &'s Task,
    pub(crate) brake: Brake,
    pub(crate) now: Timestamp,
}

impl Sweep<'_> {
    /// Marks the rows of a completely read table that are `missing` from it, or says why it does not.
    pub(crate) async fn run(
        &self,
        rows: &mut Rows,
        missing: Vec<String>,
        habits: &mut Habits,
    ) -> Result<Option<String>> {
        if self.table.deleted != DeleteRule::Vanishes {
            return Ok(None);
        }
        if missing.is_empty() && habits.access.is_some() {
            return Ok(None);
        }
        let access = self.client.access(&self.task.unit).await?;
        let table = self.table.name;
        if missing.is_empty() {
            habits.access = Some(access);
            return Ok(None);
        }
        if !self.task.accept_deletions {
            let (count, known) = (missing.len(), rows.known_living());
            let ask = format!("if they are truly gone: freshlake sync --table {table} --accept-deletions");
            if habits.access.as_ref().is_some_and(|before| *before != access) {
                tracing::debug!(name: "sweep_held_by_access", target: "path", table, count, "not marked");
                return Ok(Some(format!(
                    "{count} rows are no longer listed, but the role, plan or scopes have changed since they were, so \
                     they may only be hidden and are not marked as deleted; {ask}"
                )));
            }
            // A report is computed anew: whatever it lacks, it lacks now.
            let computed = self.table.cursor == CursorRule::Months;
            if !computed && self.brake.holds(count, known) {
                tracing::debug!(name: "sweep_held_by_brake", target: "path", table, count, "not marked");
                return Ok(Some(format!(
                    "{count} of {known} rows are no longer listed: too many to be marked as deleted unasked; {ask}"
                )));
            }
        }
        for name in &missing {
            rows.bury(name, self.now);
        }
        tracing::debug!(name: "row_swept", target: "path", table, count = missing.len(), "marked as deleted");
        habits.access = Some(access);
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brake_holds_from_ten_rows_and_five_percent_on_and_before_an_empty_list() {
        let brake = Brake::default();
        assert!(!brake.holds(9, 10), "few rows are few");
        assert!(!brake.holds(2, 2));
        assert!(brake.holds(3, 3), "an empty list is not believed");
        assert!(brake.holds(10, 10));
        assert!(!brake.holds(10, 200), "exactly five percent");
        assert!(brake.holds(11, 200));
        assert!(!brake.holds(50, 1_001));
    }
}
