//! Which requests bring all rows that a task is to read.

use freshbooks::{Lifecycle, Request, Since};
use jiff::{SignedDuration, Span};
use lake::Commit;
use model::time::Zone;
use model::{Cursor, Mode, Timestamp, Unit};
use tables::{CursorRule, DeleteRule, Table};

/// Days that every incremental reading overlaps the one before. FreshBooks filters by day, in a zone that no source
/// states, so a day is not enough.
const LOOKBACK_DAYS: i8 = 2;

/// The requests, each read to its last page.
///
/// `full` reads everything; else what changed since the cursor of `head`, where the table has a filter for it.
pub(crate) fn plan(
    table: &'static Table,
    unit: &Unit,
    mode: Mode,
    head: Option<&Commit>,
    now: Timestamp,
) -> Vec<Request> {
    let mut request = Request::new(table, unit);
    if let (Mode::Incremental, Some(cursor)) = (mode, head.and_then(|h| h.cursor)) {
        request.since = since(table, cursor);
    }
    if table.cursor == CursorRule::CurrentYear {
        let year = Zone::Eastern.day_of(now).year();
        request.parameters =
            vec![("start_date", format!("{year:04}-01-01")), ("end_date", format!("{year:04}-12-31"))];
    }
    let proven = mode == Mode::Incremental && head.and_then(|h| h.lists_all_states) == Some(true);
    states(table, proven).iter().map(|state| Request { lifecycle: *state, ..request.clone() }).collect()
}

/// The lists that together hold a table's active, archived and deleted rows.
///
/// One pass per state, whatever a list without a filter shows (API reference: documents disagree on archived rows);
/// one pass for all of them where a probe has shown that FreshBooks takes several values.
fn states(table: &Table, lists_all_states: bool) -> &'static [Lifecycle] {
    match table.deleted {
        DeleteRule::VisState if lists_all_states => &[Lifecycle::All],
        DeleteRule::VisState => &[Lifecycle::Active, Lifecycle::Archived, Lifecycle::Deleted],
        _ => &[Lifecycle::Default],
    }
}

/// From when on rows are asked for, given that everything before `cursor` was read.
fn since(table: &Table, cursor: Cursor) -> Since {
    match table.cursor {
        CursorRule::UpdatedDay { .. } => Zone::Eastern
            .day_of(cursor.0)
            .checked_sub(Span::new().days(LOOKBACK_DAYS))
            .map_or(Since::Beginning, Since::Day),
        CursorRule::UpdatedSince => cursor
            .0
            .checked_sub(SignedDuration::from_hours(24 * i64::from(LOOKBACK_DAYS)))
            .map_or(Since::Beginning, Since::Instant),
        CursorRule::Whole | CursorRule::CurrentYear => Since::Beginning,
    }
}

/// Whether rows that changed at `updated` can be asked for again by a reading that goes on from `cursor`; only such
/// rows need to be remembered.
pub(crate) fn may_come_again(table: &Table, updated: Option<Timestamp>, cursor: Option<Cursor>) -> bool {
    match (table.cursor, updated, cursor) {
        (CursorRule::UpdatedDay { .. }, Some(updated), Some(cursor)) => {
            // A day more than the overlap, for the zone in which FreshBooks cuts days.
            let reach = SignedDuration::from_hours(24 * (i64::from(LOOKBACK_DAYS) + 2));
            updated.duration_since(cursor.0) > -reach
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use model::AccountId;

    use super::*;

    #[test]
    fn an_incremental_day_window_overlaps_two_eastern_days() {
        let invoices = tables::find("invoices").unwrap();
        // 02:00 UTC on 1 April is still 31 March in New York.
        let cursor = Cursor("2026-04-01T02:00:00Z".parse().unwrap());
        assert_eq!(since(invoices, cursor), Since::Day(jiff::civil::date(2026, 3, 29)));
        let entries = tables::find("time_entries").unwrap();
        assert_eq!(since(entries, cursor), Since::Instant("2026-03-30T02:00:00Z".parse().unwrap()));
        assert_eq!(since(tables::find("taxes").unwrap(), cursor), Since::Beginning);
    }

    #[test]
    fn every_lifecycle_state_is_read() {
        let unit = Unit::Account(AccountId("a".into()));
        let now = Timestamp::UNIX_EPOCH;
        let states = |name: &str| {
            let table = tables::find(name).unwrap();
            plan(table, &unit, Mode::Full, None, now).iter().map(|r| r.lifecycle).collect::<Vec<_>>()
        };
        assert_eq!(states("invoices"), [Lifecycle::Active, Lifecycle::Archived, Lifecycle::Deleted]);
        assert_eq!(states("taxes"), [Lifecycle::Default]);
    }
}
