//! Reading one list to its end, and proving that nothing is missing.
//!
//! FreshBooks pages by offset, so a row that leaves a list while it is read moves others to a page that was read
//! already. What proves that none was missed:
//!
//! - Every page tells the total. A list that only loses rows, or only gains them, was read completely once the distinct
//!   keys are as many as the greatest total told.
//! - Of a list that only gains rows it is enough to have seen those that were in it when a reading began.
//! - A list that does both can hide a lost row behind a new one. What joins a list has changed just now, so such a list
//!   was read completely if the keys are as many as the total *and* no row changed after the reading began.
//! - Where rows do not tell when they changed, two readings have to bring the same.
//! - A single page is read at one instant.
//!
//! Anything else is read again, a bounded number of times.

use std::ops::RangeInclusive;
use std::time::Duration;

use freshbooks::{Answer, Client, Lifecycle, Request};
use futures::{StreamExt, TryStreamExt, stream};
use model::planted::{self, Bug};
use model::port::Clock;
use model::{Error, ErrorKind, Result, Timestamp};
use tables::DeleteRule;

use crate::census::Census;
use crate::port::Progress;
use crate::rows::Rows;
use crate::stop::Stop;
use crate::write::Files;

/// A list is read this often before its task is given back...
const READINGS: u32 = 4;
/// ...and so often if it is a short one.
const SHORT_READINGS: u32 = 12;
/// A list of up to so many pages is a short one.
const SHORT_PAGES: u64 = 10;

/// The pause before a list is read again of which a row has just changed.
const PAUSE: Duration = Duration::from_secs(3);

/// So few rows without children say nothing of all.
const FEW: u64 = 10;

/// A list is read so often for rows that came without the children that they announce; then they are taken as they are.
const READINGS_FOR_CHILDREN: u32 = 4;

/// A list of more pages than this is an answer gone wrong: ten million rows.
const MOST_PAGES: u64 = 100_000;

/// FreshBooks caps a page at this many rows, in silence; a page of as many may not be the last one.
const FULL_PAGE: usize = freshbooks::PER_PAGE as usize;

/// What a task has at hand to read with.
pub(crate) struct Reader<'r> {
    pub(crate) client: &'r Client,
    pub(crate) clock: &'r dyn Clock,
    pub(crate) in_flight: usize,
    pub(crate) stop: &'r Stop,
    pub(crate) progress: &'r dyn Progress,
}

/// What came of reading a list.
#[derive(Debug)]
pub(crate) enum Read {
    /// It was read completely.
    Complete(Proof),
    /// It is longer than was asked for, and nothing of it was taken.
    TooLong {
        /// The source's clock.
        source_time: Option<Timestamp>,
    },
}

/// What reading one list has shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proof {
    pub(crate) pages: u64,
    pub(crate) rereadings: u64,
    pub(crate) total_first: u64,
    pub(crate) total_last: u64,
    pub(crate) census: Census,
    /// The source's clock before the first row was read.
    pub(crate) source_time: Option<Timestamp>,
    /// What a person should know.
    pub(crate) note: Option<String>,
}

/// What one reading from the first page to the last has shown.
struct Reading {
    proof: Proof,
    totals: RangeInclusive<u64>,
    pages_told: u64,
}

impl Reading {
    fn distinct(&self) -> u64 {
        self.proof.census.distinct
    }

    fn steady(&self) -> bool {
        self.totals.start() == self.totals.end()
    }

    /// Whether rows may have joined while others left: not in a single page, which is read at one instant.
    fn can_swap(&self, request: &Request) -> bool {
        moves_both_ways(request) && (self.pages_told > 1 || self.proof.pages > 1)
    }

    /// Whether a row may have joined while others left, so that the numbers agree by chance.
    fn may_have_swapped(&self, request: &Request) -> bool {
        self.can_swap(request) && self.proof.census.fresh > 0 && !planted::is(Bug::SwapIgnored)
    }

    fn is_complete(&self, request: &Request) -> bool {
        self.holds_its_beginning(request) || self.holds_its_end(request)
    }

    /// Whether all rows were seen that were in the list when the reading began: enough where none leaves it.
    fn holds_its_beginning(&self, request: &Request) -> bool {
        !moves_both_ways(request)
            && request.until.is_none()
            && self.proof.census.settled == self.proof.total_first
    }

    fn holds_its_end(&self, request: &Request) -> bool {
        self.distinct() == *self.totals.end() && !self.may_have_swapped(request) && !self.is_unclear(request)
    }

    /// Whether rows can join unnoticed, since they do not tell when they changed. Then only a second reading that brings
    /// the same proves anything.
    fn is_unclear(&self, request: &Request) -> bool {
        self.can_swap(request) && request.table.updated().is_none()
    }

    /// The same rows and totals twice, and nothing moved: then FreshBooks counts other rows than it lists.
    fn agrees_with(&self, before: &Self, request: &Request) -> bool {
        self.steady()
            && before.steady()
            && self.totals == before.totals
            && self.proof.census.keys == before.proof.census.keys
            && !self.may_have_swapped(request)
            && !before.may_have_swapped(request)
    }
}

/// How often a list is read, after the reading `before`.
fn most_readings(before: Option<&Reading>) -> u32 {
    if before.is_some_and(|before| before.pages_told <= SHORT_PAGES) { SHORT_READINGS } else { READINGS }
}

/// Whether rows can both join and leave a list while it is read.
///
/// From a window that has ended rows only leave, since whatever changes is changed today. A list that holds deleted
/// rows too is never left.
fn moves_both_ways(request: &Request) -> bool {
    let kept = match request.table.deleted {
        DeleteRule::VisState => request.lifecycle == Lifecycle::All,
        DeleteRule::Inactive(_) | DeleteRule::Never => true,
        DeleteRule::Vanishes => false,
    };
    !kept && request.until.is_none()
}

impl Reader<'_> {
    /// Reads all pages of `request` into `rows`, again if need be until the reading is complete; a list longer than
    /// `most` rows is not read.
    pub(crate) async fn complete(
        &self,
        request: &Request,
        most: Option<u64>,
        rows: &mut Rows,
        files: &dyn Files,
    ) -> Result<Read> {
        let table = request.table.name;
        rows.begin_list(request);
        let mut before: Option<Reading> = None;
        let mut again = 0;
        let mut in_vain = false;
        while again < most_readings(before.as_ref()) {
            let most = most.filter(|_| again == 0);
            let waits = again + 1 < READINGS_FOR_CHILDREN && !in_vain;
            rows.wait_for_children(waits);
            let mut reading = match self.once(request, most, rows, files).await? {
                Ok(reading) => reading,
                Err(source_time) => return Ok(Read::TooLong { source_time }),
            };
            reading.proof.census = rows.census();
            reading.proof.rereadings = again.into();
            if let Some(before) = &before {
                // Whatever was read in any of them counts from the start of the first.
                reading.proof.source_time = before.proof.source_time;
                reading.proof.pages += before.proof.pages;
            }
            let backlog = rows.backlog_of_list();
            if waits && backlog > 0 {
                tracing::debug!(name: "children_withheld", target: "path", table, again, backlog, "read again");
                // Where none comes with them, they are not to be had.
                in_vain = !rows.some_are_whole() && backlog >= FEW;
                self.clock.sleep(PAUSE).await;
                before = Some(reading);
                again += 1;
                continue;
            }
            let unproved = planted::is(Bug::DriftIgnored)
                || planted::is(Bug::SweepUnproved) && request.table.deleted == DeleteRule::Vanishes;
            if reading.is_complete(request) || unproved {
                if again > 0 {
                    tracing::debug!(name: "drift_repaired", target: "path", table, again, "complete at last");
                }
                return Ok(Read::Complete(reading.proof));
            }
            if let Some(before) = &before {
                let greatest = *reading.totals.end().max(before.totals.end());
                if !moves_both_ways(request) && reading.proof.census.union == greatest {
                    tracing::debug!(name: "readings_united", target: "path", table, "complete together");
                    return Ok(Read::Complete(reading.proof));
                }
                if reading.agrees_with(before, request) {
                    let (told, listed) = (*reading.totals.end(), reading.distinct());
                    if told != listed {
                        tracing::debug!(name: "total_lies", target: "path", table, told, listed, "twice the same");
                        reading.proof.note =
                            Some(format!("FreshBooks counts {told} rows of {table}, and lists {listed}"));
                    }
                    return Ok(Read::Complete(reading.proof));
                }
            }
            let (distinct, totals, fresh) = (reading.distinct(), &reading.totals, reading.proof.census.fresh);
            tracing::info!(table, again, distinct, ?totals, fresh, "the list moved while it was read");
            if fresh > 0 && moves_both_ways(request) {
                // What has just changed would look fresh again.
                self.clock.sleep(PAUSE).await;
            }
            before = Some(reading);
            again += 1;
        }
        tracing::debug!(name: "drift_given_back", target: "path", table, "moved each time");
        Err(Error::new(
            ErrorKind::Incomplete,
            format!("{table} changed faster than it could be read, {again} times"),
        )
        .next("nothing of it was published; run again, at a quieter time or with more --in-flight"))
    }

    /// One reading, from the first page to the last; or the source's clock, if the list is too long.
    async fn once(
        &self,
        request: &Request,
        most: Option<u64>,
        rows: &mut Rows,
        files: &dyn Files,
    ) -> Result<Result<Reading, Option<Timestamp>>> {
        let table = request.table.name;
        self.stop.check(self.clock, table)?;
        let asked_at = self.clock.now();
        let first = self.client.fetch(&request.at_page(1)).await?;
        let total = first.page.total.unwrap_or(first.page.len() as u64);
        if most.is_some_and(|most| total > most) {
            return Ok(Err(first.source_time));
        }
        let mut last_page = first.page.last().max(1);
        if last_page > MOST_PAGES {
            let what = format!("FreshBooks says that {table} has {last_page} pages");
            return Err(Error::new(ErrorKind::Malformed, what).next("check FRESHBOOKS_API_URL"));
        }
        rows.begin_reading(first.source_time);
        let source_time = first.source_time;
        let mut reading = Reading {
            proof: Proof { total_first: total, total_last: total, source_time, ..Proof::default() },
            totals: total..=total,
            pages_told: last_page,
        };
        let full = first.page.per_page.and_then(|rows| usize::try_from(rows).ok()).filter(|rows| *rows > 0);
        let full = full.unwrap_or(FULL_PAGE).min(FULL_PAGE);
        let mut length = first.page.len();
        self.take(first, rows, files, &mut reading, last_page).await?;
        rows.on_first_page(false);
        self.fits(asked_at, 1, last_page, table)?;
        let mut next = 2;
        let mut distinct = None;
        loop {
            // A list that grows while it is read has more pages at its end than it told at its beginning.
            while next <= last_page.min(MOST_PAGES) {
                if planted::is(Bug::ShortPageEnds) && length < FULL_PAGE {
                    return Ok(Ok(reading));
                }
                let pages = stream::iter(next..=last_page).map(|page| {
                    let request = request.at_page(page);
                    async move { self.client.fetch(&request).await }
                });
                let mut answers = pages.buffered(self.in_flight.max(1));
                let mut end = last_page;
                while let Some(answer) = answers.try_next().await? {
                    self.stop.check(self.clock, table)?;
                    end = end.max(answer.page.last());
                    length = answer.page.len();
                    self.take(answer, rows, files, &mut reading, last_page).await?;
                    self.fits(asked_at, reading.proof.pages, last_page, table)?;
                }
                next = last_page + 1;
                last_page = end;
            }
            // The number of pages is not to be trusted where the last one is full, or has more than was counted.
            let more = length >= full;
            let now = rows.census().distinct;
            let uncounted = now > *reading.totals.end() && length > 0;
            // A page past the end that brings nothing new is the last one over again.
            let brought = distinct.replace(now) != Some(now);
            let is_list = matches!(request.table.rows, tables::Rows::List { .. });
            if !is_list || !(more || uncounted) || !brought || last_page >= MOST_PAGES {
                return Ok(Ok(reading));
            }
            tracing::debug!(name: "asked_past_the_end", target: "path", table, "the last page was full");
            last_page += 1;
        }
    }

    async fn take(
        &self,
        answer: Answer,
        rows: &mut Rows,
        files: &dyn Files,
        reading: &mut Reading,
        pages: u64,
    ) -> Result<()> {
        reading.proof.pages += 1;
        if let Some(total) = answer.page.total {
            reading.proof.total_last = total;
            let (low, high) = reading.totals.clone().into_inner();
            reading.totals = low.min(total)..=high.max(total);
        }
        rows.page(&answer.page, answer.received_at);
        rows.drain(files).await?;
        self.progress.pages(rows.table(), reading.proof.pages, pages.max(1), rows.read());
        Ok(())
    }

    /// An error if the pages that are left cannot be read before the deadline. The first answers may be slow ones, so
    /// at first only what is hopeless counts.
    fn fits(&self, asked_at: Timestamp, read: u64, pages: u64, table: &str) -> Result<()> {
        let spent = Duration::try_from(self.clock.now().duration_since(asked_at)).unwrap_or_default();
        let left = u32::try_from(pages.saturating_sub(read)).unwrap_or(u32::MAX);
        let rounds = u32::try_from(self.in_flight.max(1)).unwrap_or(u32::MAX);
        let needed = if read == 1 {
            spent.saturating_mul(left) / rounds / 4
        } else if read >= 8 {
            spent.saturating_mul(left) / u32::try_from(read).unwrap_or(u32::MAX)
        } else {
            return Ok(());
        };
        self.stop.leaves(self.clock, needed, table)
    }
}
