//! Cutting a long reading into windows that are committed one by one.
//!
//! A window that ends on a day in the past can only lose rows while it is read, since whatever changes is changed today;
//! and it is short, so it seldom does. What a task has committed, the next one does not read again.

use freshbooks::{Client, Request, Since};
use jiff::Span;
use lake::Habits;
use model::{Date, Result, Timestamp};
use tables::Table;

use crate::passes::{self, Window};
use crate::probe::BEGINNING;

/// Cuts windows of about `rows` rows.
pub(crate) struct Cutter<'c> {
    pub(crate) client: &'c Client,
    pub(crate) table: &'static Table,
    /// A request for all rows.
    pub(crate) request: Request,
    pub(crate) habits: &'c Habits,
    pub(crate) rows: u64,
    pub(crate) now: Timestamp,
}

impl Cutter<'_> {
    /// The next window of what changed since `since`; `close` is the first day that is not closed yet. The open window
    /// if what comes before `close` is short.
    pub(crate) async fn next(&self, since: Since, close: Date) -> Result<Window> {
        let start = match since {
            Since::Day(day) => day,
            Since::Beginning | Since::Instant(_) => BEGINNING,
        };
        let open = Window { since, until: None };
        let closed = |until| Window { since, until: Some(until) };
        let span = close.since(start).map_or(0, |span| span.get_days());
        if span <= 0 {
            return Ok(open);
        }
        let mut high = (span, self.count(&closed(close)).await?);
        if high.1 <= self.rows {
            return Ok(open);
        }
        // Between a stretch that is short enough and one that is too long, guessing that rows are spread evenly, and
        // every other time halving.
        let mut low = (0, 0);
        let mut halve = false;
        while high.0 - low.0 > 1 && low.1 < self.rows / 2 {
            let guess = if halve { low.0 + (high.0 - low.0) / 2 } else { between(low, high, self.rows) };
            let Some(day) = day_after(start, guess) else { break };
            let count = self.count(&closed(day)).await?;
            if count > self.rows.saturating_mul(2) {
                high = (guess, count);
            } else {
                low = (guess, count);
            }
            halve = !halve;
        }
        // A single day that is too long is read all the same.
        let days = if low.0 == 0 { high.0 } else { low.0 };
        tracing::debug!(name: "window_cut", target: "path", table = self.table.name, ?start, days, "one by one");
        Ok(day_after(start, days).map_or(open, closed))
    }

    /// How many rows the lists of `window` have together.
    async fn count(&self, window: &Window) -> Result<u64> {
        let mut rows = 0;
        for request in passes::plan(self.request.clone(), window, self.habits, self.now) {
            // A list that the window does not narrow says nothing about it.
            if request.until.is_some() {
                let page = self.client.fetch(&request).await?.page;
                rows += page.total.unwrap_or(page.len() as u64);
            }
        }
        Ok(rows)
    }
}

/// After how many days, between two stretches, `rows` rows are to be expected.
fn between(low: (i32, u64), high: (i32, u64), rows: u64) -> i32 {
    let (days, more) = (i64::from(high.0 - low.0), high.1.saturating_sub(low.1).max(1));
    let wanted = i64::try_from(rows.saturating_sub(low.1)).unwrap_or(i64::MAX);
    let guess = days.saturating_mul(wanted) / i64::try_from(more).unwrap_or(i64::MAX);
    low.0 + i32::try_from(guess.clamp(1, (days - 1).max(1))).unwrap_or(1)
}

fn day_after(start: Date, days: i32) -> Option<Date> {
    start.checked_add(Span::new().days(days)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_lies_strictly_between() {
        assert_eq!(between((0, 0), (1_000, 100_000), 5_000), 50);
        assert_eq!(between((0, 0), (2, 1_000_000), 1), 1);
        assert_eq!(between((10, 4), (12, 5), 1_000), 11);
        assert_eq!(between((10, 4), (12, 4), 4), 11);
    }
}
