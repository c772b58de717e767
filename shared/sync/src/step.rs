//! A task at work: commit after commit, until it is done.

use std::time::Duration;

use async_trait::async_trait;
use freshbooks::Since;
use lake::{Commit, Contract, DataFile, Draft, Encoded, Habits, Lake, Published, Seen};
use model::planted::{self, Bug};
use model::time::Zone;
use model::{Cursor, Date, Error, ErrorKind, Mode, Result, TableName, TableStatus, TaskId, Timestamp, Unit};
use tables::CursorRule;

use crate::each::Asked;
use crate::extract::{Extraction, Outcome, Report, attest, together};
use crate::harvest::Harvest;
use crate::memory::Memory;
use crate::passes::{self, Window};
use crate::periods;
use crate::read::Proof;
use crate::rows::{Finished, Rows};
use crate::sweep::Sweep;
use crate::write::Files;

/// A commit that lost against another one is worked out anew this often.
const REBASES: u32 = 8;

/// The longest wait before that, the first time and ever.
const FIRST_WAY: Duration = Duration::from_secs(2);
const LONGEST_WAY: Duration = Duration::from_mins(1);

/// So many runs read rows again that came without the children that they announce.
const MOST_WAITS: u32 = 10;

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
    pub(crate) async fn run(&self) -> Result<Report> {
        let mut landed: Option<Report> = None;
        let mut lost = 0;
        loop {
            match Box::pin(self.step()).await? {
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
        let (harvest, asked) = self.gather(head.as_ref(), known, now, &files).await?;
        let Harvest { mut rows, proofs, window, mut habits, whole } = harvest;

        // What was listed and not asked for is read by the next run, or by this task when it is delivered again; what came
        // without the children that it announces, by the next runs.
        let backlog = rows.backlog();
        let holds = self.holds(backlog, &mut habits);
        let waits = holds || asked.as_ref().is_some_and(|asked| !asked.left.is_empty());
        let read = window.until.is_none() && !waits;
        let done = read || waits && task.mode == Mode::Incremental;
        let withheld = if read {
            self.sweep(&proofs, &mut rows, asked.as_ref(), &window, &mut habits).await?
        } else {
            None
        };
        let before = head.as_ref().and_then(|h| h.cursor);
        let cursor = if read { self.cursor(before, &proofs, &rows) } else { before };
        let loading = if waits { self.waiting(head.as_ref()) } else { self.loading(head.as_ref(), &window) };
        habits.condition = self.vouched(head.as_ref(), read, &window);
        let all = holds || asked.is_none() && self.condition().is_some();
        let memory = if all {
            // A row that no longer meets the condition has to be known, however long ago it was read.
            Memory::OF_ALL
        } else {
            Memory::after(self.listed(), &window, loading.as_ref(), cursor, &habits)
        };
        let finished = match &asked {
            None => rows.finish(memory, &files).await?,
            Some(asked) => {
                // Its own rows are known by their names.
                let mut finished = rows.finish(Memory::OF_WHAT_WAS_READ, &files).await?;
                asked.remember(memory, &mut finished.seen);
                finished
            }
        };
        periods::meet(&mut habits.currencies, finished.currencies.iter().cloned());
        if worker.lake.contract() == Contract::Freeze && !finished.unknown.is_empty() {
            let new: Vec<_> = finished.unknown.iter().map(|key| format!("FreshBooks sends {key}")).collect();
            return Err(Contract::broken(table.name, &new));
        }
        // What stays true until something changes is told by a commit, and told once.
        let standing = proofs.iter().filter_map(|proof| proof.note.as_ref()).chain(&withheld);
        let told = |head: &Commit| standing.clone().all(|note| head.certificate.notes.contains(note));
        let news = head.as_ref().is_some_and(|head| !told(head));
        let mut finished = self.attested(finished, head.as_ref(), &proofs, &habits, withheld.clone());
        if let Some(asked) = &asked {
            asked.attest(table.name, self.listed().name, &mut finished.certificate);
        }
        let status = finished.certificate.status;
        if let Some(head) = &head
            && read
            && asked.as_ref().is_none_or(|asked| asked.count == 0)
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

    /// Reads the next window and, where the table is asked for row by row of that, these rows.
    async fn gather(
        &self,
        head: Option<&Commit>,
        known: Seen,
        now: Timestamp,
        files: &dyn Files,
    ) -> Result<(Harvest, Option<Asked>)> {
        let harvest = self.harvest(head, known, now, files).await?;
        if self.table.each.is_none() {
            return Ok((harvest, None));
        }
        let (harvest, asked) = Box::pin(self.ask(harvest, head, files)).await?;
        Ok((harvest, Some(asked)))
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

    /// Whether the cursor waits for rows that came without the children that they announce: for some runs, where a later
    /// one would not read them anyway.
    fn holds(&self, backlog: u64, habits: &mut Habits) -> bool {
        let is_filtered =
            matches!(self.table.cursor, CursorRule::UpdatedDay { .. }) && passes::trusts(self.table, habits);
        habits.waited = match backlog {
            1.. if is_filtered => (habits.waited + 1).min(MOST_WAITS + 1),
            _ => 0,
        };
        self.task.mode == Mode::Incremental && (1..=MOST_WAITS).contains(&habits.waited)
    }

    /// The condition that rows have to meet.
    fn condition(&self) -> Option<&str> {
        self.rules.as_ref().and_then(|rules| rules.condition())
    }

    /// Whether rows may be in the lake that are not remembered and that the condition of today leaves out.
    pub(crate) fn forgetful(&self, head: Option<&Commit>) -> bool {
        let condition = self.condition();
        condition.is_some() && head.is_some_and(|head| head.habits.condition.as_deref() != condition)
    }

    /// The condition for which the commit vouches: every row that was landed meets it, or is remembered.
    fn vouched(&self, head: Option<&Commit>, read: bool, window: &Window) -> Option<String> {
        let all_listed = window.since == Since::Beginning && self.table.each.is_none();
        let everything = read && (all_listed || self.task.mode == Mode::Full);
        let vouches = everything || !self.forgetful(head);
        self.condition().filter(|_| vouches).map(str::to_owned)
    }

    /// Marks what is gone, or says why not.
    async fn sweep(
        &self,
        proofs: &[Proof],
        rows: &mut Rows,
        asked: Option<&Asked>,
        window: &Window,
        habits: &mut Habits,
    ) -> Result<Option<String>> {
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
        let missing = match asked {
            None => rows.missing(),
            Some(asked) => {
                let orphans = self.orphans(asked, !window.is_filtered());
                if orphans.is_empty() {
                    return Ok(None);
                }
                orphans
            }
        };
        sweep.run(rows, missing, habits).await
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
        let expected = matches!(self.listed().cursor, CursorRule::UpdatedDay { established: false, .. });
        if habits.honours_updated == Some(false) && !expected {
            let table = self.listed().name;
            certificate.notes.push(format!(
                "FreshBooks ignores the filter for changed rows of {table}, so the table is read whole"
            ));
        }
        if certificate.backlog > 0 {
            let (table, backlog) = (self.table.name, certificate.backlog);
            let next = match habits.waited {
                0..=MOST_WAITS if self.task.mode == Mode::Incremental => {
                    "the next run reads them again".to_owned()
                }
                _ => format!("to read them again: freshlake sync --table {table} --full"),
            };
            certificate.notes.push(format!(
                "{backlog} rows of {table} came without the lines that their amounts tell of; {next}"
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
