//! Counting rows while a list is read: how many there are, which ones, and what does not belong.

use freshbooks::{Lifecycle, Request, Since};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use lake::KeyHash;
use model::{Date, Timestamp};
use tables::Facts;

/// A day in another zone, and a clock a little off: rows so far outside a window still belong to it.
const SLACK: SignedDuration = SignedDuration::from_hours(30);

/// A row that changed at most this long before a reading began may have changed after.
const FRESH: SignedDuration = SignedDuration::from_secs(2);

/// What one reading of a list has shown, and the readings of that list together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Census {
    /// Distinct keys of this reading, rejected rows included.
    pub(crate) distinct: u64,
    /// A digest of the set of them.
    pub(crate) keys: u64,
    /// Distinct keys of all readings of the list.
    pub(crate) union: u64,
    /// Distinct keys that were in the list when this reading began, as far as that is certain: those that earlier
    /// readings have brought, those of the first page, and those that have not changed since.
    pub(crate) settled: u64,
    /// Rows that changed after this reading began.
    pub(crate) fresh: u64,
    /// Rows, over all readings, that the list's filters should have left out.
    pub(crate) stray: u64,
}

/// What is counted, and by which measure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count {
    census: Census,
    /// Numbers of the first reading of this list, and of the present one.
    pub(crate) first: u32,
    pub(crate) now: u32,
    began_at: Option<Timestamp>,
    first_page: bool,
    earliest: Option<Timestamp>,
    latest: Option<Timestamp>,
    deleted: Option<bool>,
    /// Whether this list is read whole although others are not.
    pub(crate) unfiltered: bool,
}

impl Count {
    pub(crate) fn census(&self) -> Census {
        self.census
    }

    /// Begins a list: what its rows should be like.
    pub(crate) fn begin_list(&mut self, request: &Request, unfiltered: bool) {
        self.unfiltered = unfiltered;
        self.census = Census::default();
        self.first = self.now + 1;
        let start = |day: Date| day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
        self.earliest = match request.since {
            Since::Day(day) => start(day).and_then(|at| at.checked_sub(SLACK).ok()),
            Since::Beginning | Since::Instant(_) => None,
        };
        self.latest = request.until.and_then(start).and_then(|at| at.checked_add(SLACK).ok());
        self.deleted = match request.lifecycle {
            Lifecycle::Deleted => Some(true),
            Lifecycle::Active | Lifecycle::Archived => Some(false),
            Lifecycle::All | Lifecycle::Default => None,
        };
    }

    /// Begins a reading of the list, at `now` of the source's clock.
    pub(crate) fn begin_reading(&mut self, now: Option<Timestamp>) {
        self.now += 1;
        self.began_at = now;
        self.first_page = true;
        let Census { union, stray, .. } = self.census;
        self.census = Census { union, stray, settled: union, ..Census::default() };
    }

    /// Whether rows are those of the first page, which were in the list at the instant that its total tells of.
    pub(crate) fn on_first_page(&mut self, is: bool) {
        self.first_page = is;
    }

    /// Counts a key; `before` is the reading that last brought it, `updated` when its row last changed.
    pub(crate) fn key(&mut self, key: KeyHash, before: Option<u32>, updated: Option<Timestamp>) {
        if before == Some(self.now) {
            return;
        }
        self.census.distinct += 1;
        self.census.keys = self.census.keys.wrapping_add(key.as_u64());
        if before.is_none_or(|before| before < self.first) {
            self.census.union += 1;
            let old = matches!((updated, self.began_at), (Some(at), Some(began_at)) if at < began_at);
            self.census.settled += u64::from(old || self.first_page);
        }
    }

    /// Looks whether a row is as it should be.
    pub(crate) fn row(&mut self, facts: &Facts<'_>) {
        let outside = facts.updated.is_some_and(|at| {
            self.earliest.is_some_and(|earliest| at < earliest)
                || self.latest.is_some_and(|latest| at >= latest)
        });
        if outside || self.deleted.is_some_and(|deleted| deleted != facts.deleted) {
            self.census.stray += 1;
        }
        if let (Some(at), Some(began_at)) = (facts.updated, self.began_at)
            && began_at.duration_since(at) <= FRESH
        {
            self.census.fresh += 1;
        }
    }
}
