//! One task: from its committed cursor to a commit.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use freshbooks::{Budget, Client, Tokens};
use lake::{DataFile, Lake};
use model::port::{Clock, Random, Transport};
use model::{Certificate, Error, ErrorKind, Result, TableStatus, Task};
use secrecy::SecretString;
use tables::{RawText, Rejected, Rules, Table};
use url::Url;

use crate::port::Progress;
use crate::read::Proof;
use crate::rules;
use crate::stop::Stop;
use crate::sweep::Brake;

/// A reading of more rows than this is cut into windows of about as many: fifty pages.
pub const WINDOW_ROWS: u64 = 5_000;

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
    /// Rows in a window, about, where a reading has to be cut: [`WINDOW_ROWS`].
    pub window_rows: u64,
    /// How far a run reaches.
    pub reach: Reach,
    /// From when on missing rows are not marked as gone unasked.
    pub brake: Brake,
    /// Who watches.
    pub progress: Arc<dyn Progress>,
    /// What values are hashed with, where settings ask for it.
    pub salt: Option<SecretString>,
}

/// How far a run reaches beyond what is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The most requests of one run for a table that is asked for row by row of another one; what is left is asked for by
    /// the next.
    pub per_row: u64,
    /// Months before the open one in which reports may have been restated, and are read with every run.
    pub restated_months: u32,
}

impl Default for Reach {
    fn default() -> Self {
        Self { per_row: 1_000, restated_months: 3 }
    }
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
    let rules = rules::of(worker, table, &task.settings)?;
    let obeying;
    let worker = match &rules {
        None => worker,
        Some(rules) => {
            obeying = Worker { lake: worker.lake.clone().obeying(Arc::clone(rules)), ..worker.clone() };
            &obeying
        }
    };
    let client = Client::new(
        worker.api_url.clone(),
        Arc::clone(&worker.transport),
        Arc::clone(&worker.clock),
        Arc::clone(&worker.random),
        tokens,
        Arc::clone(&worker.budget),
    );
    let (raw, asked) = (RawText::Keep, AtomicU64::new(0));
    let extraction = Extraction { worker, client, table, task, stop, raw, asked, rules };
    // Boxed: what it holds over its waits is large.
    match stop.bound(&*worker.clock, table.name, Box::pin(extraction.run())).await {
        Ok(report) => Ok(report),
        Err(error) => unavailable(task, error),
    }
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

/// One task at work.
pub(crate) struct Extraction<'e> {
    pub(crate) worker: &'e Worker,
    pub(crate) client: Client,
    pub(crate) table: &'static Table,
    pub(crate) task: &'e Task,
    pub(crate) stop: &'e Stop,
    /// Whether the texts of rows are kept.
    pub(crate) raw: RawText,
    /// Requests so far for single rows of another table.
    pub(crate) asked: AtomicU64,
    /// What is wanted of the table.
    pub(crate) rules: Option<Arc<Rules>>,
}

/// The report of a task that landed several windows.
pub(crate) fn together(before: Option<Report>, mut last: Report) -> Report {
    let Some(before) = before else { return last };
    last.files.splice(0..0, before.files);
    last.rejected.splice(0..0, before.rejected);
    last.certificate = match (before.certificate, last.certificate) {
        (Some(before), Some(last)) => Some(before.and(last)),
        (before, last) => last.or(before),
    };
    if let (Outcome::Unchanged | Outcome::AlreadyDone, Outcome::Committed(_)) =
        (&last.outcome, &before.outcome)
    {
        last.outcome = before.outcome;
    }
    last
}

/// Adds what the passes have shown to what the rows have shown.
pub(crate) fn attest(certificate: &mut Certificate, proofs: &[Proof], requests: u64) {
    certificate.requests = requests;
    for proof in proofs {
        certificate.pages += proof.pages;
        certificate.rereadings += proof.rereadings;
        certificate.total_first += proof.total_first;
        certificate.total_last += proof.total_last;
        certificate.notes.extend(proof.note.clone());
    }
}
