//! Tables that are asked for row by row of another one: payment options of each invoice.
//!
//! The other table is listed as if it were read itself, from the cursor on. Each of its rows that changed since it was
//! last asked for costs a request, so a run asks for a bounded number of them; which ones it did is remembered in the
//! commit, and the cursor moves only when none is left.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use freshbooks::{Answer, Request};
use futures::{StreamExt, TryStreamExt, stream};
use lake::{Commit, Loading, Seen};
use model::{Certificate, Error, ErrorKind, Mode, Result};
use tables::{Context, Decoder, DeleteRule};

use crate::extract::Extraction;
use crate::harvest::Harvest;
use crate::memory::Memory;
use crate::parents::Parents;
use crate::probe::BEGINNING;
use crate::rows::Rows;
use crate::tally::lives;
use crate::write::Files;

/// What is left before the deadline for a commit.
const FOR_THE_COMMIT: Duration = Duration::from_secs(20);

/// What came of asking.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// What was listed.
    parents: Parents,
    /// What the last commit remembered.
    known: Seen,
    /// How many were asked for.
    pub(crate) count: u64,
    /// Those that FreshBooks has nothing for.
    without: u64,
    /// Those that are yet to be asked for, in order.
    pub(crate) left: Vec<i64>,
    /// Whether the deadline, and not the ceiling, has kept them from it.
    pub(crate) out_of_time: bool,
}

impl Asked {
    /// Adds to `seen` what need not be asked for again.
    pub(crate) fn remember(&self, memory: Memory, seen: &mut Seen) {
        // What was read of a window that is not done counts for itself alone.
        let memory = if self.left.is_empty() { memory } else { Memory::OF_ALL };
        self.parents.remember(&self.known, &self.left, memory, seen);
    }

    /// Adds what asking has shown; the rows that were listed are those of another table.
    pub(crate) fn attest(&self, table: &str, parent: &str, certificate: &mut Certificate) {
        certificate.pages += self.count;
        let told = self.count - self.without;
        (certificate.total_first, certificate.total_last) = (told, told);
        let notes = &mut certificate.notes;
        if self.without > 0 {
            let (without, count) = (self.without, self.count);
            notes.push(format!("FreshBooks has no {table} for {without} of {count} rows of {parent}"));
        }
        if self.parents.unnamed > 0 {
            let unnamed = self.parents.unnamed;
            notes.push(format!("{unnamed} rows of {parent} could not be read, and were not asked for"));
        }
        if !self.left.is_empty() {
            let left = self.left.len();
            notes.push(format!("{left} rows of {parent} are yet to be asked for: the next run goes on"));
        }
    }
}

/// The names of the rows that are known of each parent.
type Names = HashMap<i64, Vec<String>>;

impl Extraction<'_> {
    /// Asks for the rows of the table that belong to what was listed.
    pub(crate) async fn ask(
        &self,
        harvest: Harvest,
        head: Option<&Commit>,
        files: &dyn Files,
    ) -> Result<(Harvest, Asked)> {
        let Self { worker, table, task, stop, .. } = *self;
        let Harvest { rows, proofs, window, habits, whole } = harvest;
        let (known, parents) = rows.into_listing();
        let anew = task.mode == Mode::Full && head.is_none_or(|head| self.going_on(head).is_none());
        let known = if anew { own(&known) } else { known };
        let decoder = Decoder::new(table, Context::new(&task.unit, &task.run), self.raw);
        let decoder = decoder.under(self.rules.as_ref());
        let mut rows = Rows::new(table, decoder, own(&known), false, worker.lake.packing())
            .forgetful(self.forgetful(head));
        rows.begin_list(&self.request_of(None));
        rows.begin_reading(None);
        let names = names(&known);
        let lost = parents.rows.iter().filter(|(_, row)| row.deleted);
        for name in lost.filter_map(|(id, _)| names.get(id)).flatten() {
            rows.bury(name, worker.clock.now());
        }
        let pending = parents.pending(&known);
        let before = self.asked.load(Ordering::Relaxed);
        let ceiling = match task.mode {
            Mode::Full => usize::MAX,
            Mode::Incremental => {
                usize::try_from(worker.reach.per_row.saturating_sub(before)).unwrap_or(usize::MAX)
            }
        };
        let (now, later) = pending.split_at(pending.len().min(ceiling));
        let mut asked = Asked { parents, known, left: later.to_vec(), ..Asked::default() };
        // The first one alone: if the plan or the scopes do not include the table, one request is enough to learn it.
        let (first, rest) = now.split_at(now.len().min(1));
        let mut slowest = Duration::ZERO;
        for (some, at_once) in [(first, 1), (rest, worker.in_flight.max(1))] {
            let mut answers = stream::iter(some.iter().copied()).map(|id| self.answer(id)).buffered(at_once);
            let mut done = 0;
            while let Some((id, answer, took)) = answers.try_next().await? {
                done += 1;
                slowest = slowest.max(took);
                asked.count += 1;
                self.asked.fetch_add(1, Ordering::Relaxed);
                match answer {
                    Some(answer) => {
                        take(&mut rows, id, &answer, names.get(&id))?;
                        rows.drain(files).await?;
                    }
                    None => asked.without += 1,
                }
                worker.progress.pages(table.name, asked.count, now.len() as u64, rows.read());
                stop.check(&*worker.clock, table.name)?;
                if stop.leaves(&*worker.clock, FOR_THE_COMMIT + slowest * 2, table.name).is_err() {
                    asked.out_of_time = true;
                    break;
                }
            }
            if done < some.len() {
                // In order: those that come later are all greater.
                asked.left.splice(0..0, some.iter().skip(done).copied());
            }
            if asked.out_of_time {
                if at_once == 1 {
                    asked.left.splice(0..0, rest.iter().copied());
                }
                break;
            }
        }
        Ok((Harvest { rows, proofs, window, habits, whole }, asked))
    }

    /// What FreshBooks answers about one row of the other table, and how long that took; nothing if it knows of none.
    async fn answer(&self, id: i64) -> Result<(i64, Option<Answer>, Duration)> {
        let clock = &*self.worker.clock;
        let asked_at = clock.now();
        let answer = match self.client.fetch(&self.request_of(Some(id))).await {
            Ok(answer) => Some(answer),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                tracing::debug!(name: "parent_without", target: "path", table = self.table.name, id, "not found");
                None
            }
            Err(error) => return Err(error),
        };
        let took = Duration::try_from(clock.now().duration_since(asked_at)).unwrap_or_default();
        Ok((id, answer, took))
    }

    /// A request about one row of the other table.
    fn request_of(&self, parent: Option<i64>) -> Request {
        Request { parent, ..Request::new(self.table, &self.task.unit).called(&self.task.ids) }
    }

    /// The rows that are gone because the row that they belong to is no longer listed; nothing where a list tells what was
    /// deleted.
    pub(crate) fn orphans(&self, asked: &Asked, whole: bool) -> Vec<String> {
        let says = self.listed().deleted != DeleteRule::Vanishes;
        if says || !whole || !asked.left.is_empty() || asked.parents.unnamed > 0 {
            return Vec::new();
        }
        let mut orphans: Vec<_> = names(&asked.known)
            .into_iter()
            .filter(|(id, _)| !asked.parents.rows.contains_key(id))
            .flat_map(|(_, names)| names)
            .collect();
        orphans.sort_unstable();
        orphans
    }

    /// How far the reading has come if some of what was listed is yet to be asked for.
    pub(crate) fn waiting(&self, head: Option<&Commit>) -> Option<Loading> {
        let before = head.and_then(|head| head.loading.clone());
        match self.task.mode {
            Mode::Incremental => before,
            Mode::Full => {
                let until = head.and_then(|head| self.going_on(head)).map_or(BEGINNING, |going| going.until);
                Some(Loading { until, of: self.anew(head) })
            }
        }
    }
}

/// Takes the rows that are there about `id`; those that were there before and are not now are gone.
fn take(rows: &mut Rows, id: i64, answer: &Answer, names: Option<&Vec<String>>) -> Result<()> {
    let rejected = rows.rejected();
    if !rows.page_of(id, &answer.page, answer.received_at) {
        let what = format!("FreshBooks was asked for {} of {id} and answered of another", rows.table());
        return Err(Error::new(ErrorKind::Malformed, what).next("report this: the API may have changed"));
    }
    if rows.rejected() == rejected {
        for name in names.into_iter().flatten().filter(|name| !rows.holds(name)).cloned().collect::<Vec<_>>()
        {
            rows.bury(&name, answer.received_at);
        }
    }
    Ok(())
}

/// What a commit remembers of the table's own rows.
fn own(known: &Seen) -> Seen {
    let mut own = Seen::default();
    for (key, name) in known.named() {
        if let Some(digest) = known.digest(key) {
            own.insert(key, digest);
            own.name(key, name);
        }
    }
    own
}

/// The living rows by the first part of their key, which is the row that they belong to.
fn names(known: &Seen) -> Names {
    let mut names = Names::new();
    for (key, name) in known.named() {
        let parent = name.split('/').next().and_then(|id| id.parse().ok());
        if let Some(parent) = parent.filter(|_| known.digest(key).is_some_and(lives)) {
            names.entry(parent).or_default().push(name.to_owned());
        }
    }
    names
}
