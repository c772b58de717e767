//! One task: from its committed cursor to a commit.

use std::sync::Arc;

use std::time::Duration;

use async_trait::async_trait;
use freshbooks::{Budget, Client, Tokens};
use lake::{Commit, Contract, DataFile, Draft, Encoded, Habits, Lake, Loading, Published, Seen};
use model::planted::{self, Bug};
use model::port::{Clock, Random, Transport};
use model::time::Zone;
use model::{
    Certificate, Cursor, Date, Error, ErrorKind, Mode, Result, TableName, TableStatus, Task, TaskId,
    Timestamp, Unit,
};
use tables::{Rejected, Table};
use url::Url;

use crate::harvest::Harvest;
use crate::passes::{self, Window};
use crate::port::Progress;
use crate::read::Proof;
use crate::rows::{Finished, Memory, Rows};
use crate::stop::Stop;
use crate::sweep::{Brake, Sweep};
use crate::write::Files;

/// A commit that lost against another one is worked out anew this often.
const REBASES: u32 = 8;

/// The longest wait before that, the first time and ever.
const FIRST_WAY: Duration = Duration::from_secs(2);
const LONGEST_WAY: Duration = Duration::from_mins(1);

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
    /// From when on missing rows are not marked as gone unasked.
    pub brake: Brake,
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
}

/// What one commit, or none, has brought a task to.
enum Step {
    /// It is done.
    Done(Report),
    /// A window is in the lake, and more is to be read.
    Window(Report),
    /// Another task committed meanwhile.
    Lost,
}

impl Extraction<'_> {
    /// Window after window until the task is done.
    async fn run(&self) -> Result<Report> {
        let mut landed: Option<Report> = None;
        let mut lost = 0;
        loop {
            match self.step().await? {
                Step::Done(report) => return Ok(together(landed, report)),
                Step::Window(report) => {
                    landed = Some(together(landed, report));
                    lost = 0;
                }
                Step::Lost if lost + 1 < REBASES => {
                    tracing::info!(task = %self.task.id, "another task committed first: starting over from its commit");
                    self.give_way(lost).await;
                    lost += 1;
                }
                Step::Lost => {
                    let table = self.table.name;
                    let what = format!("cannot commit {table}: others committed first, {REBASES} times");
                    return Err(Error::new(ErrorKind::Conflict, what)
                        .next("run again when no other run is under way"));
                }
            }
        }
    }

    /// Waits, at random, up to twice as long each time. Tasks of one unit that all begin again at once, as parked ones do
    /// that are let go together, would fence one another again and again.
    async fn give_way(&self, lost: u32) {
        let most = LONGEST_WAY.min(FIRST_WAY.saturating_mul(1 << lost));
        let wait = self.worker.random.below(u64::try_from(most.as_millis()).unwrap_or(u64::MAX));
        self.worker.clock.sleep(Duration::from_millis(wait)).await;
    }

    /// One commit on top of the latest one.
    async fn step(&self) -> Result<Step> {
        let Self { worker, table, task, .. } = *self;
        let head = worker.lake.head(table.name, &task.unit).await?;
        if let Some(head) = head.as_ref().filter(|h| h.holds(&task.id)) {
            tracing::debug!(name: "already_done", target: "path", task = %task.id, "an earlier delivery did it");
            return Ok(Step::Done(self.report(Outcome::AlreadyDone, head.certificate.status)));
        }
        let known = match &head {
            Some(head) => self.known(head).await?,
            None => Seen::default(),
        };
        let now = worker.clock.now();
        let files =
            RawFiles { lake: &worker.lake, unit: &task.unit, day: Zone::Utc.day_of(now), task: &task.id };
        let Harvest { mut rows, proofs, window, mut habits, whole } =
            self.harvest(head.as_ref(), known, now, &files).await?;

        let done = window.until.is_none();
        let withheld = if done { self.sweep(&proofs, &mut rows, &mut habits).await? } else { None };
        let before = head.as_ref().and_then(|h| h.cursor);
        let cursor = if done { self.cursor(before, &proofs, &rows) } else { before };
        let loading = self.loading(head.as_ref(), &window);
        let memory = memory(table, &window, loading.as_ref(), cursor, &habits);
        let finished = rows.finish(memory, &files).await?;
        if worker.lake.contract() == Contract::Freeze && !finished.unknown.is_empty() {
            let new: Vec<_> = finished.unknown.iter().map(|key| format!("FreshBooks sends {key}")).collect();
            return Err(Contract::broken(table.name, &new));
        }
        // What stays true until something changes is told by a commit, and told once.
        let standing = proofs.iter().filter_map(|proof| proof.note.as_ref()).chain(&withheld);
        let told = |head: &Commit| standing.clone().all(|note| head.certificate.notes.contains(note));
        let news = head.as_ref().is_some_and(|head| !told(head));
        let finished = self.attested(finished, head.as_ref(), &proofs, &habits, withheld.clone());
        let status = finished.certificate.status;
        if let Some(head) = &head
            && done
            && finished.files.is_empty()
            && !news
            && same_day(head.cursor, cursor)
            && head.habits == habits
            && head.loading.is_none()
        {
            let mut report = self.report(Outcome::Unchanged, status);
            report.certificate = Some(finished.certificate);
            report.rejected = finished.rejected;
            return Ok(Step::Done(report));
        }
        let draft = Draft {
            table: table.name,
            unit: &task.unit,
            task: &task.id,
            mode: if whole { Mode::Full } else { task.mode },
            done,
            committed_at: worker.clock.now(),
            cursor,
            loading,
            habits,
            files: finished.files,
            certificate: finished.certificate,
            seen: &finished.seen,
        };
        Ok(match worker.lake.publish(head.as_ref(), draft).await? {
            Published::Lost => Step::Lost,
            Published::Won(commit) => {
                let mut report = self.report(Outcome::Committed(commit.number), status);
                report.files = commit.files;
                report.certificate = Some(commit.certificate);
                report.rejected = finished.rejected;
                if commit.done { Step::Done(report) } else { Step::Window(report) }
            }
        })
    }

    /// The rows that the lake has. Reading everything can do without them, at the price of landing rows again.
    async fn known(&self, head: &Commit) -> Result<Seen> {
        match self.worker.lake.seen(head).await {
            Err(error) if self.task.mode == Mode::Full && error.kind() == ErrorKind::Storage => {
                tracing::warn!(table = self.table.name, %error, "landing every row again");
                Ok(Seen::default())
            }
            known => known,
        }
    }

    /// Marks what is gone, or says why not.
    async fn sweep(&self, proofs: &[Proof], rows: &mut Rows, habits: &mut Habits) -> Result<Option<String>> {
        // A list that disagrees with its own total is no proof that something is missing.
        if proofs.iter().any(|proof| proof.note.is_some()) {
            return Ok(None);
        }
        let sweep = Sweep {
            client: &self.client,
            table: self.table,
            task: self.task,
            brake: self.worker.brake,
            now: self.worker.clock.now(),
        };
        sweep.run(rows, habits).await
    }

    /// The source's clock before the first row was read: whatever changes later is asked for by the next run. Where the
    /// source does not tell its time, the cursor stays.
    fn cursor(&self, before: Option<Cursor>, proofs: &[Proof], rows: &Rows) -> Option<Cursor> {
        let mut started = proofs.first().and_then(|p| p.source_time);
        if planted::is(Bug::CursorFromRows) {
            started = rows.last_updated().or(started);
        }
        if planted::is(Bug::LocalClockAsCursor) {
            started = Some(self.worker.clock.now());
        }
        before.into_iter().chain(started.map(Cursor)).max()
    }

    /// What was read, with what the passes have shown.
    fn attested(
        &self,
        mut finished: Finished,
        head: Option<&Commit>,
        proofs: &[Proof],
        habits: &Habits,
        withheld: Option<String>,
    ) -> Finished {
        let certificate = &mut finished.certificate;
        attest(certificate, proofs, self.client.requests());
        certificate.notes.extend(withheld);
        if habits.honours_updated == Some(false) {
            let table = self.table.name;
            certificate.notes.push(format!(
                "FreshBooks ignores the filter for changed rows of {table}, so the table is read whole"
            ));
        }
        if head.is_some_and(|h| h.certificate.status == TableStatus::Ok) {
            // A window without rows says nothing of the table, which had rows before.
            certificate.status = TableStatus::Ok;
        }
        finished
    }

    fn report(&self, outcome: Outcome, status: TableStatus) -> Report {
        let task = self.task.clone();
        Report { task, status, outcome, files: Vec::new(), certificate: None, rejected: Vec::new() }
    }
}

/// What a commit has to remember, so that rows which come again are known.
fn memory(
    table: &Table,
    window: &Window,
    loading: Option<&Loading>,
    cursor: Option<Cursor>,
    habits: &Habits,
) -> Memory {
    let everything = Memory { from: None, unread_from: None };
    if habits.honours_updated == Some(false) {
        return everything;
    }
    let unproved = habits.honours_updated.is_none() && !window.is_filtered();
    match window.until {
        // The lists of archived and deleted rows, which are read whole until the filter is proved, come again.
        None if unproved => everything,
        Some(day) => {
            let from = passes::asked_again_from_day(day).unwrap_or(Timestamp::MIN);
            // Beside a task that reads everything anew, others go on from the cursor.
            let anew = loading.is_some_and(|loading| loading.of.is_some());
            let others = anew.then(|| passes::asked_again_from(table, cursor).unwrap_or(Timestamp::MIN));
            Memory { from: Some(from), unread_from: others.into_iter().chain([from]).min() }
        }
        None => Memory { from: passes::asked_again_from(table, cursor), unread_from: None },
    }
}

/// The report of a task that landed several windows.
fn together(before: Option<Report>, mut last: Report) -> Report {
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
