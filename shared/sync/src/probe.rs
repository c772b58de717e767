//! Finding out how FreshBooks serves a table: unknown filters are ignored in silence, and look like success.

use freshbooks::{Client, Lifecycle, Request, Since};
use jiff::{SignedDuration, Span};
use lake::Habits;
use model::time::Zone;
use model::{Date, Result, Timestamp};
use tables::{CursorRule, DeleteRule, Table};

/// Before FreshBooks had customers.
pub(crate) const BEGINNING: Date = Date::constant(2000, 1, 1);

/// Days ahead in which nothing can have changed yet, in any zone.
const AHEAD_DAYS: i64 = 3;

/// How many rows a table has: whole lists, without a filter for time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Active ones, or all where there are no states.
    pub(crate) active: u64,
    /// Archived ones.
    pub(crate) archived: u64,
    /// Deleted ones.
    pub(crate) deleted: u64,
}

impl Totals {
    fn all(self) -> u64 {
        self.active + self.archived + self.deleted
    }
}

/// Asks one request at a time.
pub(crate) struct Probe<'p> {
    pub(crate) client: &'p Client,
    pub(crate) table: &'static Table,
    /// A request for all rows.
    pub(crate) request: Request,
    /// The source's clock.
    pub(crate) now: Timestamp,
}

impl Probe<'_> {
    /// Finds out what `habits` does not know yet and `totals` allows to find out. Where the answers may come from a
    /// change in between, nothing was found out.
    pub(crate) async fn look(&self, habits: &mut Habits, totals: Totals) -> Result<()> {
        // Another filter has to prove itself first, by more than this.
        let has_filter = match self.table.cursor {
            CursorRule::UpdatedDay { established, .. } => established || habits.honours_updated == Some(true),
            CursorRule::UpdatedSince => true,
            CursorRule::Whole | CursorRule::Months => false,
        };
        let has_states = self.table.deleted == DeleteRule::VisState;
        if has_filter && habits.honours_updated.is_none() && totals.active > 0 {
            habits.honours_updated = self.honours_updated(has_states, totals).await?;
            if habits.honours_updated == Some(false) {
                tracing::debug!(name: "filter_ignored", target: "path", table = self.table.name, "read whole");
            }
        }
        // Beside the filter for time, where there is one: that is how it will be asked. So that one comes first.
        let settled = !has_filter || habits.honours_updated.is_some();
        if has_states && settled && habits.lists_all_states.is_none() && totals.deleted > 0 {
            let filtered = has_filter && habits.honours_updated == Some(true);
            let since = if filtered { Since::Day(BEGINNING) } else { Since::Beginning };
            habits.lists_all_states = self.lists_all_states(since, totals).await?;
        }
        Ok(())
    }

    /// Whether what changed in the future is nothing, and what was deleted, or archived, since ever is all that is.
    /// Without such rows the second cannot be shown.
    pub(crate) async fn honours_updated(&self, has_states: bool, totals: Totals) -> Result<Option<bool>> {
        let state = if has_states { Lifecycle::Active } else { Lifecycle::Default };
        if self.total(state, self.ahead()).await?.0 > 0 {
            return Ok(Some(false));
        }
        if !has_states {
            return Ok(Some(true));
        }
        let (state, known) = match totals {
            Totals { archived: 0, deleted: 0, .. } => return Ok(None),
            Totals { deleted: 0, archived, .. } => (Lifecycle::Archived, archived),
            Totals { deleted, .. } => (Lifecycle::Deleted, deleted),
        };
        let (total, pure) = self.total(state, Since::Day(BEGINNING)).await?;
        Ok(match total {
            0 => Some(false),
            _ if !pure => Some(false),
            total if total == known => Some(true),
            _ => None,
        })
    }

    /// Whether the list of all states has as many rows as the three lists have, before and after.
    async fn lists_all_states(&self, since: Since, totals: Totals) -> Result<Option<bool>> {
        let (total, _) = self.total(Lifecycle::All, since).await?;
        let after = self.totals().await?;
        if after != totals {
            return Ok(None);
        }
        Ok(Some(total == totals.all()))
    }

    /// The totals now.
    pub(crate) async fn totals(&self) -> Result<Totals> {
        let total = async |state| self.total(state, Since::Beginning).await.map(|(total, _)| total);
        Ok(Totals {
            active: total(Lifecycle::Active).await?,
            archived: total(Lifecycle::Archived).await?,
            deleted: total(Lifecycle::Deleted).await?,
        })
    }

    fn ahead(&self) -> Since {
        match self.table.cursor {
            CursorRule::UpdatedSince => self
                .now
                .checked_add(SignedDuration::from_hours(24 * AHEAD_DAYS))
                .map_or(Since::Beginning, Since::Instant),
            _ => Zone::Eastern
                .day_of(self.now)
                .checked_add(Span::new().days(AHEAD_DAYS))
                .map_or(Since::Beginning, Since::Day),
        }
    }

    /// How many rows a list has; and whether those of its first page are in the state that was asked for.
    async fn total(&self, lifecycle: Lifecycle, since: Since) -> Result<(u64, bool)> {
        let request = Request { lifecycle, since, until: None, ..self.request.clone() };
        let page = self.client.fetch(&request).await?.page;
        let total = page.total.unwrap_or(page.len() as u64);
        let pure = match lifecycle {
            Lifecycle::Archived => page.rows().all(|row| is_in_state(row, "2")),
            Lifecycle::Deleted => page.rows().all(|row| is_in_state(row, "1")),
            _ => true,
        };
        Ok((total, pure))
    }
}

/// Whether a row's own words say that it is in that state.
fn is_in_state(row: &str, state: &str) -> bool {
    let mut found = false;
    let read = tables::json::entries(row, |key, value| {
        found |= key == "vis_state" && value.trim_matches('"') == state;
    });
    read.is_ok() && found
}
