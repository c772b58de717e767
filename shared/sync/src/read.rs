//! Reading one list to its end, and proving that nothing is missing.
//!
//! FreshBooks pages by offset, so rows that come or go while a list is read shift others across page borders. A reading
//! is complete when it saw as many distinct keys as the list has rows, at its beginning and at its end; else the list is
//! read again, a bounded number of times.

use freshbooks::{Answer, Client, Request};
use futures::{StreamExt, TryStreamExt, stream};
use model::port::Clock;
use model::{Error, ErrorKind, Result, Timestamp};

use crate::port::Progress;
use crate::rows::Rows;
use crate::stop::Stop;
use crate::write::Files;

/// A list is read this often before its task is given back.
const READINGS: u32 = 4;

/// A list of more pages than this is an answer gone wrong: ten million rows.
const MOST_PAGES: u64 = 100_000;

/// What a task has at hand to read with.
pub(crate) struct Reader<'r> {
    pub(crate) client: &'r Client,
    pub(crate) clock: &'r dyn Clock,
    pub(crate) in_flight: usize,
    pub(crate) stop: &'r Stop,
    pub(crate) progress: &'r dyn Progress,
}

/// What reading one list has shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proof {
    pub(crate) pages: u64,
    pub(crate) total_first: u64,
    pub(crate) total_last: u64,
    pub(crate) distinct: u64,
    /// The source's clock before the first row was read.
    pub(crate) source_time: Option<Timestamp>,
    /// What a person should know.
    pub(crate) note: Option<String>,
}

impl Reader<'_> {
    /// Reads all pages of `request` into `rows`, again if need be until the reading is complete.
    pub(crate) async fn complete(
        &self,
        request: &Request,
        rows: &mut Rows,
        files: &dyn Files,
    ) -> Result<Proof> {
        let table = request.table.name;
        let mut last: Option<(Proof, u64)> = None;
        for reading in 1..=READINGS {
            rows.begin();
            let mut proof = self.once(request, rows, files).await?;
            let (distinct, keys) = rows.reading();
            proof.distinct = distinct;
            if let Some((first, _)) = &last {
                // Whatever was read in any of them counts from the start of the first.
                proof.source_time = first.source_time;
                proof.pages += first.pages;
            }
            if distinct >= proof.total_first.max(proof.total_last) {
                return Ok(proof);
            }
            let same_as_before = last.as_ref().is_some_and(|(before, before_keys)| {
                *before_keys == keys
                    && before.total_last == proof.total_last
                    && proof.total_first == proof.total_last
            });
            if same_as_before {
                let hidden = proof.total_last - distinct;
                proof.note =
                    Some(format!("FreshBooks counts {hidden} rows of {table} that it does not list"));
                return Ok(proof);
            }
            tracing::info!(
                table,
                reading,
                distinct,
                total = proof.total_last,
                "the list moved while it was read"
            );
            last = Some((proof, keys));
        }
        Err(Error::new(
            ErrorKind::Incomplete,
            format!("{table} changed faster than it could be read, {READINGS} times"),
        )
        .next("nothing was published; run again, at a quieter time or with more --in-flight"))
    }

    async fn once(&self, request: &Request, rows: &mut Rows, files: &dyn Files) -> Result<Proof> {
        let table = request.table.name;
        self.stop.check(self.clock, table)?;
        let first = self.client.fetch(&request.at_page(1)).await?;
        let mut proof = Proof {
            pages: 1,
            total_first: first.page.total.unwrap_or(first.page.len() as u64),
            source_time: first.source_time,
            ..Proof::default()
        };
        proof.total_last = proof.total_first;
        let mut last_page = first.page.last();
        if last_page > MOST_PAGES {
            let what = format!("FreshBooks says that {table} has {last_page} pages");
            return Err(Error::new(ErrorKind::Malformed, what).next("check FRESHBOOKS_API_URL"));
        }
        self.take(first, rows, files, &proof, last_page).await?;
        let mut next = 2;
        // A list that grows while it is read has more pages at its end than it told at its beginning.
        while next <= last_page.min(MOST_PAGES) {
            let pages = stream::iter(next..=last_page).map(|page| {
                let request = request.at_page(page);
                async move { self.client.fetch(&request).await }
            });
            let mut answers = pages.buffered(self.in_flight.max(1));
            let mut end = last_page;
            while let Some(answer) = answers.try_next().await? {
                self.stop.check(self.clock, table)?;
                proof.pages += 1;
                proof.total_last = answer.page.total.unwrap_or(proof.total_last);
                end = end.max(answer.page.last());
                self.take(answer, rows, files, &proof, last_page).await?;
            }
            next = last_page + 1;
            last_page = end;
        }
        Ok(proof)
    }

    async fn take(
        &self,
        answer: Answer,
        rows: &mut Rows,
        files: &dyn Files,
        proof: &Proof,
        pages: u64,
    ) -> Result<()> {
        rows.page(&answer.page, answer.received_at);
        rows.drain(files).await?;
        self.progress.pages(rows.table(), proof.pages, pages.max(1), rows.read());
        Ok(())
    }
}
