//! One task: from its committed cursor to a commit.

use std::sync::Arc;

use async_trait::async_trait;
use freshbooks::{Budget, Client, Lifecycle, Request, Tokens};
use lake::{Commit, DataFile, Draft, Encoded, Lake, Published, Seen};
use model::port::{Clock, Random, Transport};
use model::time::Zone;
use model::{
    Certificate, Cursor, Date, Error, ErrorKind, Result, TableName, TableStatus, Task, TaskId, Unit,
};
use tables::{Context, Decoder, DeleteRule, RawText, Rejected, Table};
use url::Url;

use crate::passes;
use crate::port::Progress;
use crate::read::{Proof, Reader};
use crate::rows::Rows;
use crate::stop::Stop;
use crate::write::Files;

/// A commit that lost against another one is worked out anew this often.
const REBASES: u32 = 8;

/// What every task of a process shares.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Where rows go.
    pub lake: Lake,
    /// Where FreshBooks is.
    pub api_url: Url,
    /// The way there.
    pub transport: Arc<dyn Transport>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Jitter.
    pub random: Arc<dyn Random>,
    /// Requests under way at once, over all tasks.
    pub budget: Arc<Budget>,
    /// Pages fetched at once by one task.
    pub in_flight: usize,
    /// Who watches.
    pub progress: Arc<dyn Progress>,
}

/// What a task came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Something new is in the lake.
    Committed(u64),
    /// Nothing is new, so nothing was written.
    Unchanged,
    /// An earlier delivery of this task did it.
    AlreadyDone,
    /// The table cannot be read, and that is no fault: it is outside the plan or the scopes.
    Unavailable(String),
}

/// What a task did.
#[derive(Clone, Debug)]
pub struct Report {
    /// The task.
    pub task: Task,
    /// What the table turned out to be.
    pub status: TableStatus,
    /// What the task came to.
    pub outcome: Outcome,
    /// The files it added, child tables included.
    pub files: Vec<DataFile>,
    /// The proof; none where nothing was read.
    pub certificate: Option<Certificate>,
    /// Rows that could not be typed.
    pub rejected: Vec<Rejected>,
}

/// Does `task`; doing it again changes nothing.
pub async fn extract(worker: &Worker, tokens: Arc<dyn Tokens>, task: &Task, stop: &Stop) -> Result<Report> {
    let table =
        tables::find(task.table.as_str()).filter(|t| t.name == task.table.as_str()).ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("there is no table {}", task.table))
                .next("see freshlake tables")
        })?;
    let client = Client::new(
        worker.api_url.clone(),
        Arc::clone(&worker.transport),
        Arc::clone(&worker.clock),
        Arc::clone(&worker.random),
        tokens,
        Arc::clone(&worker.budget),
    );
    let extraction = Extraction { worker, client, table, task, stop };
    for _ in 0..REBASES {
        match extraction.attempt().await {
            Ok(Some(report)) => return Ok(report),
            Ok(None) => {
                tracing::info!(task = %task.id, "another task committed first: starting over from its commit");
            }
            Err(error) => return unavailable(task, error),
        }
    }
    Err(Error::new(
        ErrorKind::Conflict,
        format!("cannot commit {}: others committed first, {REBASES} times", table.name),
    )
    .next("run again when no other run is under way"))
}

/// A table outside the plan or the scopes is an answer; anything else stays an error.
fn unavailable(task: &Task, error: Error) -> Result<Report> {
    let status = match error.kind() {
        ErrorKind::OutOfPlan => TableStatus::OutOfPlan,
        ErrorKind::OutOfScope => TableStatus::OutOfScope,
        _ => return Err(error),
    };
    Ok(Report {
        task: task.clone(),
        status,
        outcome: Outcome::Unavailable(error.to_string()),
        files: Vec::new(),
        certificate: None,
        rejected: Vec::new(),
    })
}

struct Extraction<'e> {
    worker: &'e Worker,
    client: Client,
    table: &'static Table,
    task: &'e Task,
    stop: &'e Stop,
}

impl Extraction<'_> {
    /// One attempt on top of the latest commit; `None` if another task committed meanwhile.
    async fn attempt(&self) -> Result<Option<Report>> {
        let Self { worker, table, task, .. } = *self;
        let head = worker.lake.head(table.name, &task.unit).await?;
        if let Some(head) = head.as_ref().filter(|h| h.holds(&task.id)) {
            return Ok(Some(self.report(Outcome::AlreadyDone, head.certificate.status)));
        }
        let known = match &head {
            Some(head) => worker.lake.seen(head).await?,
            None => Seen::default(),
        };
        let now = worker.clock.now();
        let requests = passes::plan(table, &task.unit, task.mode, head.as_ref(), now);
        let decoder = Decoder::new(table, Context::new(&task.unit, &task.run), RawText::Keep);
        let mut rows = Rows::new(table, decoder, known);
        let files =
            RawFiles { lake: &worker.lake, unit: &task.unit, day: Zone::Utc.day_of(now), task: &task.id };
        let proofs = self.read(&requests, &mut rows, &files).await?;
        let lists_all_states = match head.as_ref().and_then(|h| h.lists_all_states) {
            Some(known) => Some(known),
            None => self.probe(&requests, &proofs).await?,
        };
        let cursor = Self::cursor(head.as_ref(), &proofs);
        let mut finished = rows.finish(cursor, &files).await?;
        attest(&mut finished.certificate, &proofs, self.client.requests());
        if head.as_ref().is_some_and(|h| h.certificate.status == TableStatus::Ok) {
            // A window without rows says nothing of the table, which had rows before.
            finished.certificate.status = TableStatus::Ok;
        }
        let status = finished.certificate.status;
        if let Some(head) = &head
            && finished.files.is_empty()
            && same_day(head.cursor, cursor)
        {
            let mut report = self.report(Outcome::Unchanged, status);
            report.certificate = Some(finished.certificate);
            report.rejected = finished.rejected;
            return Ok(Some(report));
        }
        let draft = Draft {
            table: table.name,
            unit: &task.unit,
            task: &task.id,
            committed_at: worker.clock.now(),
            cursor,
            lists_all_states,
            files: finished.files,
            certificate: finished.certificate,
            seen: &finished.seen,
        };
        Ok(match worker.lake.publish(head.as_ref(), draft).await? {
            Published::Lost(_) => None,
            Published::Won(commit) => {
                let mut report = self.report(Outcome::Committed(commit.number), status);
                report.files = commit.files;
                report.certificate = Some(commit.certificate);
                report.rejected = finished.rejected;
                Some(report)
            }
        })
    }

    async fn read(&self, requests: &[Request], rows: &mut Rows, files: &dyn Files) -> Result<Vec<Proof>> {
        let reader = Reader {
            client: &self.client,
            clock: &*self.worker.clock,
            in_flight: self.worker.in_flight,
            stop: self.stop,
            progress: &*self.worker.progress,
        };
        let mut proofs = Vec::with_capacity(requests.len());
        for request in requests {
            proofs.push(reader.complete(request, rows, files).await?);
        }
        Ok(proofs)
    }

    /// Whether one list may hold rows of every state: asked once, when there are deleted rows to show it by.
    async fn probe(&self, requests: &[Request], proofs: &[Proof]) -> Result<Option<bool>> {
        let deleted = requests.iter().zip(proofs).find(|(r, _)| r.lifecycle == Lifecycle::Deleted);
        let Some((request, proof)) = deleted else { return Ok(None) };
        if self.table.deleted != DeleteRule::VisState || proof.total_last == 0 {
            return Ok(None);
        }
        let all = Request { lifecycle: Lifecycle::All, ..request.at_page(1) };
        let total = self.client.fetch(&all).await?.page.total;
        Ok(Some(total == Some(proofs.iter().map(|p| p.total_last).sum())))
    }

    /// The source's clock before the first row was read: whatever changes later is asked for by the next run. Where the
    /// source does not tell its time, the cursor stays.
    fn cursor(head: Option<&Commit>, proofs: &[Proof]) -> Option<Cursor> {
        let before = head.and_then(|h| h.cursor);
        let started = proofs.first().and_then(|p| p.source_time).map(Cursor);
        before.into_iter().chain(started).max()
    }

    fn report(&self, outcome: Outcome, status: TableStatus) -> Report {
        let task = self.task.clone();
        Report { task, status, outcome, files: Vec::new(), certificate: None, rejected: Vec::new() }
    }
}

/// Adds what the passes have shown to what the rows have shown.
pub(crate) fn attest(certificate: &mut Certificate, proofs: &[Proof], requests: u64) {
    certificate.requests = requests;
    for proof in proofs {
        certificate.pages += proof.pages;
        certificate.total_first += proof.total_first;
        certificate.total_last += proof.total_last;
        certificate.notes.extend(proof.note.clone());
    }
}

/// Whether moving the cursor would change the next request.
fn same_day(before: Option<Cursor>, after: Option<Cursor>) -> bool {
    let day = |cursor: Option<Cursor>| cursor.map(|c| Zone::Eastern.day_of(c.0));
    day(before) == day(after)
}

/// Files under `raw`, named by their task.
struct RawFiles<'f> {
    lake: &'f Lake,
    unit: &'f Unit,
    day: Date,
    task: &'f TaskId,
}

#[async_trait]
impl Files for RawFiles<'_> {
    async fn put(&self, table: &TableName, part: usize, file: Encoded) -> Result<DataFile> {
        self.lake.put_data(table, self.unit, self.day, self.task, part, file).await
    }
}
