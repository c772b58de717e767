//! Which requests bring all rows of a window.

use freshbooks::{Lifecycle, Request, Since};
use jiff::{SignedDuration, Span};
use lake::Habits;
use model::planted::{self, Bug};
use model::time::Zone;
use model::{Cursor, Date, Timestamp};
use tables::{CursorRule, DeleteRule, Rows, Table};

use crate::periods;
use crate::probe::BEGINNING;

/// Days that every incremental reading overlaps the one before. FreshBooks filters by day, in a zone that no source
/// states, and what changes may show a little later than its time says; so a day is not enough.
pub(crate) const LOOKBACK_DAYS: i8 = 2;

/// Rows by when they last changed: what one commit covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// From when on, inclusive.
    pub(crate) since: Since,
    /// Before which day, as FreshBooks cuts days; a window without one is open, and holds what changes now.
    pub(crate) until: Option<Date>,
}

impl Window {
    /// Everything.
    pub(crate) const ALL: Self = Self { since: Since::Beginning, until: None };

    /// What changed since `cursor`, with the overlap; everything where the table has no filter for it.
    pub(crate) fn after(table: &Table, cursor: Cursor, restated_months: u32) -> Self {
        let lookback =
            if planted::is(Bug::NoLookback) || planted::is(Bug::WrongZone) { 0 } else { LOOKBACK_DAYS };
        let zone = if planted::is(Bug::WrongZone) { Zone::Utc } else { Zone::Eastern };
        let since = match table.cursor {
            CursorRule::UpdatedDay { .. } => zone
                .day_of(cursor.0)
                .checked_sub(Span::new().days(lookback))
                .map_or(Since::Beginning, Since::Day),
            CursorRule::UpdatedSince => cursor
                .0
                .checked_sub(SignedDuration::from_hours(24 * i64::from(lookback)))
                .map_or(Since::Beginning, Since::Instant),
            CursorRule::Months => periods::since(cursor, restated_months),
            CursorRule::Whole => Since::Beginning,
        };
        Self { since, until: None }
    }

    /// Its first half, if it has ended and is longer than a day: half as many rows move a fourth as often while they are
    /// read.
    pub(crate) fn half(&self) -> Option<Self> {
        let end = self.until?;
        let start = match self.since {
            Since::Day(day) => day,
            Since::Beginning | Since::Instant(_) => BEGINNING,
        };
        let days = end.since(start).ok()?.get_days();
        let until = start.checked_add(Span::new().days(days / 2)).ok()?;
        (days > 1).then_some(Self { since: self.since, until: Some(until) })
    }

    /// Whether its rows are asked for by a filter.
    pub(crate) fn is_filtered(&self) -> bool {
        self.since != Since::Beginning || self.until.is_some()
    }
}

/// The requests that together bring the rows of `window`, each read to its last page; `request` asks for all rows.
pub(crate) fn plan(mut request: Request, window: &Window, habits: &Habits, now: Timestamp) -> Vec<Request> {
    let table = request.table;
    if let (CursorRule::Months, Rows::Report(layout)) = (table.cursor, table.rows) {
        return periods::plan(&request, &layout, window, habits, now);
    }
    if trusts(table, habits) {
        (request.since, request.until) = (window.since, window.until);
    }
    let states = states(table, habits).iter();
    let with_state = |state: &Lifecycle| {
        let mut request = Request { lifecycle: *state, ..request.clone() };
        // Whether the filters for time and state count together is not documented. Until archived or deleted rows have
        // shown that they do, all of these are asked for: none, as long as there are none.
        let unproved = habits.honours_updated != Some(true);
        if unproved && matches!(state, Lifecycle::Archived | Lifecycle::Deleted) {
            (request.since, request.until) = (Since::Beginning, None);
        }
        request
    };
    states.map(with_state).collect()
}

/// Whether the table's filter for changed rows is used: one that is known to count unless it was found not to, another one
/// once it has proved itself.
pub(crate) fn trusts(table: &Table, habits: &Habits) -> bool {
    match table.cursor {
        CursorRule::UpdatedDay { established: false, .. } => habits.honours_updated == Some(true),
        _ => habits.honours_updated != Some(false),
    }
}

/// Whether a request asks by a filter for what changed.
pub(crate) fn is_filtered(request: &Request) -> bool {
    request.since != Since::Beginning || request.until.is_some()
}

/// The lists that together hold a table's active, archived and deleted rows.
///
/// One pass per state, whatever a list without a filter shows (API reference: documents disagree on archived rows);
/// one pass for all of them where a probe has shown that FreshBooks takes several values.
fn states(table: &Table, habits: &Habits) -> &'static [Lifecycle] {
    match table.deleted {
        DeleteRule::VisState if planted::is(Bug::DeletedNotRead) => &[Lifecycle::Default],
        DeleteRule::VisState if habits.lists_all_states == Some(true) => &[Lifecycle::All],
        DeleteRule::VisState => &[Lifecycle::Active, Lifecycle::Archived, Lifecycle::Deleted],
        _ => &[Lifecycle::Default],
    }
}

/// From when on rows of `table` may be asked for again by a reading that goes on from `cursor`; only such rows need to
/// be remembered. A day more than the overlap because it is counted from a day's beginning, one for the zone in which
/// FreshBooks cuts days, and one for late clocks.
pub(crate) fn asked_again_from(table: &Table, cursor: Option<Cursor>) -> Option<Timestamp> {
    match table.cursor {
        CursorRule::UpdatedDay { .. } => {
            cursor?.0.checked_sub(SignedDuration::from_hours(24 * (i64::from(LOOKBACK_DAYS) + 3))).ok()
        }
        _ => None,
    }
}

/// The same, of the window that follows one which ends at `day`.
pub(crate) fn asked_again_from_day(day: Date) -> Option<Timestamp> {
    let start = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    start.checked_sub(SignedDuration::from_hours(48)).ok()
}

#[cfg(test)]
mod tests {
    use model::{AccountId, Unit};

    use super::*;

    #[test]
    fn an_incremental_day_window_overlaps_two_eastern_days() {
        let invoices = tables::find("invoices").unwrap();
        // 02:00 UTC on 1 April is still 31 March in New York.
        let cursor = Cursor("2026-04-01T02:00:00Z".parse().unwrap());
        let since = |table| Window::after(table, cursor, 3).since;
        assert_eq!(since(invoices), Since::Day(jiff::civil::date(2026, 3, 29)));
        let entries = tables::find("time_entries").unwrap();
        assert_eq!(since(entries), Since::Instant("2026-03-30T02:00:00Z".parse().unwrap()));
        assert_eq!(since(tables::find("taxes").unwrap()), Since::Beginning);
    }

    #[test]
    fn every_lifecycle_state_is_read_and_all_but_active_rows_without_a_filter_until_it_is_proved() {
        let unit = Unit::Account(AccountId("a".into()));
        let now = Timestamp::UNIX_EPOCH;
        let window = Window { since: Since::Day(jiff::civil::date(2026, 3, 29)), until: None };
        let requests = |name: &str, habits: &Habits| {
            let table = tables::find(name).unwrap();
            let plan = plan(Request::new(table, &unit), &window, habits, now);
            plan.iter().map(|r| (r.lifecycle, r.since != Since::Beginning)).collect::<Vec<_>>()
        };
        let unknown = Habits::default();
        assert_eq!(
            requests("invoices", &unknown),
            [(Lifecycle::Active, true), (Lifecycle::Archived, false), (Lifecycle::Deleted, false)]
        );
        let proved = Habits { honours_updated: Some(true), ..Habits::default() };
        assert_eq!(requests("invoices", &proved)[2], (Lifecycle::Deleted, true));
        let one = Habits { lists_all_states: Some(true), ..proved };
        assert_eq!(requests("invoices", &one), [(Lifecycle::All, true)]);
        let ignored = Habits { honours_updated: Some(false), ..Habits::default() };
        assert!(requests("invoices", &ignored).iter().all(|(_, filtered)| !filtered));
        assert_eq!(requests("taxes", &unknown), [(Lifecycle::Default, true)]);
    }
}
