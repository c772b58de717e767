//! Publishing: rows, cursor, task id and certificate of a task become visible in one swap.
//!
//! Everything that the swap makes count is put before it, under names of its own: an object that no metadata names is
//! true, and invisible. Another unit that swaps first costs a rebase, which carries over what it did and reuses what was
//! merged; another commit of the same unit costs the task its reading.

mod fence;
mod replay;
#[cfg(test)]
mod retyping;
#[cfg(test)]
pub(crate) mod rig;
#[cfg(test)]
mod ruled;
#[cfg(test)]
mod types;

pub(crate) use replay::unit;
pub use replay::{Replayed, Untyped};

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use model::planted::{self, Bug};
use model::{Error, ErrorKind, Result, TaskId, Timestamp, Unit};
use tables::Table;

use crate::catalog::{Heads, Move, Swap};
use crate::glue::GlueColumn;
use crate::merge::{
    self, Arrivals, Came, Limits, Live, Merged, Parts, RawFiles, Renamed, Retyped, Sink, SortedFile,
};
use crate::table::{Change, Metadata, NewFile, Owner, Plan};
use crate::{Commit, DataFile, Draft, Lake, Published, Seen, files, layout};
use fence::Standing;
use replay::Replaying;

/// A swap that lost against another unit's is made again this often.
const REBASES: usize = 8;

/// A draft on its way into the tables.
struct Publication<'p> {
    lake: &'p Lake,
    family: &'static Table,
    plans: Vec<Plan>,
    base: Option<Commit>,
    commit: Commit,
    /// The fence that was put, and perhaps is up.
    fence: Option<Commit>,
    unit: &'p Unit,
    raw: &'p Raw,
    /// Whether `raw` has what every table needs: all of before, where that is not shown.
    whole: bool,
    /// What came of the parent; nothing if nothing did.
    arrivals: Option<Arrivals<'p>>,
    merged: BTreeMap<&'static str, Prepared>,
    /// Versions that were read, by the key of their object: its name tells its content, so they stay as they are.
    read: BTreeMap<String, Metadata>,
    /// How rows of earlier commits are written anew; nothing where new ones come.
    replaying: Option<Replaying>,
    /// For whoever reads the report: what the tables could not hold, and what was mended.
    notes: BTreeSet<String>,
}

/// The keys of the raw files to merge, by table: those of the commit, after those of all before where no table shows them
/// yet.
#[derive(Debug, Default)]
struct Raw(BTreeMap<String, Vec<String>>);

impl Raw {
    fn add(&mut self, files: impl IntoIterator<Item = DataFile>) {
        for file in files {
            self.0.entry(file.table.0).or_default().push(file.key);
        }
    }

    fn of(&self, table: &str) -> &[String] {
        self.0.get(table).map_or(&[], Vec::as_slice)
    }
}

/// New files of one table that are put already.
struct Prepared {
    /// The files that were merged with. While they are those of the table, so are the new ones right.
    live: Vec<String>,
    added: Vec<NewFile>,
    replaced: HashSet<String>,
}

/// What one attempt at a swap came to.
enum Attempt {
    Won,
    Lost,
    /// Our fence is up: everything anew, on top of it.
    Fenced,
    /// This child shows nothing of the unit, whose parent shows commits.
    Without(&'static str),
    Again(Option<Error>),
}

/// How a publication ends.
enum Ended {
    Published(Published),
    /// It takes all rows of before to go on: this child has none of them.
    Without(&'static str),
}

impl Lake {
    /// Publishes `draft` on top of `base` in one atomic step.
    pub async fn publish(&self, base: Option<&Commit>, draft: Draft<'_>) -> Result<Published> {
        let family = tables::find(draft.table)
            .ok_or_else(|| Error::new(ErrorKind::Internal, format!("there is no table {}", draft.table)))?;
        let seen = draft.seen.encode(self.packing)?;
        let at = draft.committed_at;
        let key =
            layout::seen(&self.database, draft.table, draft.unit, draft.task, at, &files::sha256(&seen));
        self.put_content(&key, seen).await?;
        let mut commit = Commit::on(base, &draft, key);
        self.put_commit(draft.table, draft.unit, &mut commit).await?;

        let mut earlier = Vec::new();
        let mut whole = self.is_unshown(draft.table, draft.unit, base).await?;
        if whole {
            earlier = self.files(draft.table, draft.unit).await?;
        }
        let mut notes = BTreeSet::new();
        loop {
            let mut raw = Raw::default();
            raw.add(earlier.iter().chain(&draft.files).cloned());
            let parents = RawFiles::new(&*self.store, raw.of(family.name));
            let arrivals = match raw.of(family.name) {
                [] => None,
                _ => Some(Arrivals::read(family, &parents).await?),
            };
            let publication = Publication {
                lake: self,
                family,
                plans: Plan::wanted(family, self.rules(family)),
                base: base.cloned(),
                commit: commit.clone(),
                fence: None,
                unit: draft.unit,
                raw: &raw,
                whole,
                arrivals,
                merged: BTreeMap::new(),
                read: BTreeMap::new(),
                replaying: None,
                notes: notes.clone(),
            };
            let child = match publication.run().await? {
                Ended::Published(published) => return Ok(published),
                Ended::Without(child) => child,
            };
            whole = true;
            let files = self.files(draft.table, draft.unit).await?;
            // Otherwise it is new: there was never a row of it.
            if files.iter().any(|file| file.table.as_str() == child) {
                tracing::warn!(table = child, unit = %draft.unit, "its rows were gone from the catalog: made anew from raw");
                notes.insert(format!(
                    "{child}: its rows were gone from the catalog, and are made anew from raw"
                ));
                earlier = files;
            }
        }
    }

    /// The files of all commits, oldest first.
    async fn files(&self, table: &str, unit: &Unit) -> Result<Vec<DataFile>> {
        Ok(self.commits(table, unit).await?.into_iter().flat_map(|commit| commit.files).collect())
    }

    /// Puts a commit and names it by what is inside.
    async fn put_commit(&self, table: &str, unit: &Unit, commit: &mut Commit) -> Result<()> {
        let body = commit.to_json()?;
        commit.entry = layout::entry(commit.number, &files::sha256(&body));
        self.put_content(&layout::commit(&self.database, table, unit, &commit.entry), body).await
    }

    /// Whether no table shows the rows of `base` yet; a fence shows no more than what it stands on.
    async fn is_unshown(&self, table: &str, unit: &Unit, base: Option<&Commit>) -> Result<bool> {
        let Some(mut commit) = base.cloned() else { return Ok(false) };
        while let Some(previous) = commit.previous.clone().filter(|_| commit.fence) {
            commit = self.commit(table, unit, &previous).await?;
        }
        Ok(commit.is_pointer())
    }
}

impl Publication<'_> {
    async fn run(mut self) -> Result<Ended> {
        let steps = self.lake.catalog.steps(self.family);
        let (mut at, mut rebases, mut sent, mut unknown) = (0, 0, false, None);
        while let Some(step) = steps.get(at) {
            match self.attempt(step, sent, unknown.is_some()).await? {
                Attempt::Won => {
                    (at, rebases, sent, unknown) = (at + 1, 0, false, None);
                    continue;
                }
                Attempt::Lost => return Ok(Ended::Published(Published::Lost)),
                Attempt::Without(child) => return Ok(Ended::Without(child)),
                Attempt::Fenced => (at, sent, unknown) = (0, false, None),
                Attempt::Again(error) => (sent, unknown) = (true, error.or(unknown)),
            }
            rebases += 1;
            if rebases > REBASES {
                return Err(self.given_up(unknown));
            }
        }
        self.settle().await;
        // For whoever reads the report: what the tables hold is known only now.
        let mut commit = self.commit;
        commit.certificate.notes.extend(self.notes);
        Ok(Ended::Published(Published::Won(Box::new(commit))))
    }

    /// Where the tables are, which commit they show, and whether ours is that one or below it.
    async fn look(&mut self, sent: bool) -> Result<(Heads, Option<String>, bool)> {
        let heads = self.lake.catalog.load(self.family).await?;
        self.read.retain(|key, _| heads.metadata.values().any(|current| current == key));
        let shown = self.shown(&heads).await?;
        let ours = &self.commit.entry;
        let mut below = shown.clone();
        // Others may have gone on from ours before it was looked for.
        while let Some(other) = below.take_if(|below| sent && fence::number(below) > self.commit.number) {
            below = self.lake.commit(self.family.name, self.unit, &other).await?.previous;
        }
        let is_in = below.as_ref() == Some(ours);
        Ok((heads, shown, is_in))
    }

    /// One swap of the tables of a step on top of what they are now. After one that was `sent` it is not known whether
    /// that counts until they are loaded.
    async fn attempt(&mut self, step: &[&'static str], sent: bool, in_doubt: bool) -> Result<Attempt> {
        let looked = self.look(sent).await;
        let (heads, shown, is_in) = looked.map_err(|e| if sent { self.given_up(Some(e)) } else { e })?;
        if is_in {
            tracing::debug!(name: "commit_was_ours", target: "path", task = %self.commit.task, "the commit is in");
            return Ok(Attempt::Won);
        }
        if let Some(fence) = self.fence.take_if(|fence| shown.as_ref() == Some(&fence.entry)) {
            self.commit = self.commit.clone().behind(&fence);
            self.lake.put_commit(self.family.name, self.unit, &mut self.commit).await?;
            self.base = Some(fence);
            return Ok(Attempt::Fenced);
        }
        let base = self.base.as_ref().filter(|base| !base.is_pointer()).map(|base| &base.entry);
        if shown.as_ref() != base {
            tracing::debug!(name: "commit_was_anothers", target: "path", task = %self.commit.task, "another task was first");
            return Ok(Attempt::Lost);
        }
        if in_doubt {
            tracing::debug!(name: "commit_never_arrived", target: "path", task = %self.commit.task, "the commit is not in");
        }
        match self.standing(step, &heads).await? {
            Standing::Ours => return Ok(Attempt::Won),
            Standing::Pending => return self.fence(&heads).await,
            Standing::Ahead => return Err(self.set_back(&heads)),
            Standing::Free => {}
        }
        if let Some(child) = self.bereft(step, &heads).await? {
            return Ok(Attempt::Without(child));
        }
        let Some(swap) = self.swap(step, &heads, None).await? else { return Ok(Attempt::Won) };
        match swap {
            Swap::Won => Ok(Attempt::Won),
            Swap::Lost => {
                tracing::debug!(name: "commit_rebased", target: "path", task = %self.commit.task, "looking who was first");
                Ok(Attempt::Again(None))
            }
            Swap::Unknown(error) => {
                if planted::is(Bug::UnknownCommitUndone) {
                    for key in self.raw.0.values().flatten() {
                        self.lake.store.delete(key).await?;
                    }
                    return Err(error);
                }
                Ok(Attempt::Again(Some(error)))
            }
        }
    }

    /// What stands against switching the tables of a step. Where the parent switches with them, nothing can.
    async fn standing(&mut self, step: &[&'static str], heads: &Heads) -> Result<Standing> {
        if step.contains(&self.family.name) || self.arrivals.is_none() {
            return Ok(Standing::Free);
        }
        let base = self.base.as_ref().map_or(0, |base| base.number);
        let mut ours = 0;
        for key in step.iter().filter_map(|table| heads.metadata.get(*table)) {
            let entry = self.metadata(key).await?.shows(self.unit)?;
            match fence::standing(entry.as_deref(), base, &self.commit.entry) {
                Standing::Ours => ours += 1,
                Standing::Pending if planted::is(Bug::FenceIgnored) => {}
                Standing::Pending => return Ok(Standing::Pending),
                Standing::Ahead => return Ok(Standing::Ahead),
                Standing::Free => {}
            }
        }
        Ok(if ours == step.len() { Standing::Ours } else { Standing::Free })
    }

    /// What to tell of a parent that is behind its children.
    fn set_back(&self, heads: &Heads) -> Error {
        let table = self.family.name;
        let how = if heads.metadata.contains_key(table) { "was set back" } else { "is gone" };
        let what = format!("the entry of {table} in the catalog {how}, and those of its lines are not");
        Error::new(ErrorKind::Storage, what).next(
            "bring the entry back, with the last metadata_location it had; or delete the entries of its lines, too: then \
             everything is read anew",
        )
    }

    /// A child of `step` that shows nothing of the unit although its parent does: somebody has dropped it, or it is new, or
    /// nothing ever came.
    async fn bereft(&mut self, step: &[&'static str], heads: &Heads) -> Result<Option<&'static str>> {
        // A fence before the first commit stands on nothing.
        let is_first = self.base.as_ref().is_none_or(|base| base.fence && base.previous.is_none());
        if self.whole || is_first || self.arrivals.is_none() {
            return Ok(None);
        }
        for child in step.iter().filter(|table| **table != self.family.name) {
            let shown = match heads.metadata.get(*child) {
                Some(key) => self.metadata(key).await?.shows(self.unit)?,
                None => None,
            };
            if shown.is_none() {
                return Ok(Some(child));
            }
        }
        Ok(None)
    }

    /// Sends a fence. Whether it is up, loading tells.
    async fn fence(&mut self, heads: &Heads) -> Result<Attempt> {
        let fence = if let Some(fence) = self.fence.take() {
            fence
        } else {
            let nothing = Seen::default().encode(self.lake.packing)?;
            let (table, unit, task) = (self.family.name, self.unit, &self.commit.task);
            let at = self.commit.committed_at;
            let key = layout::seen(&self.lake.database, table, unit, task, at, &files::sha256(&nothing));
            if self.base.is_none() {
                self.lake.put_content(&key, nothing).await?;
            }
            let mut fence = Commit::fence(self.base.as_ref(), &self.commit, key);
            self.lake.put_commit(table, unit, &mut fence).await?;
            fence
        };
        tracing::debug!(name: "commit_fenced", target: "path", task = %self.commit.task, "another task is half way");
        let swap = self.swap(&[self.family.name], heads, Some(&fence)).await?;
        self.fence = Some(fence);
        Ok(match swap {
            None | Some(Swap::Won | Swap::Lost) => Attempt::Again(None),
            Some(Swap::Unknown(error)) => Attempt::Again(Some(error)),
        })
    }

    /// The commit of the unit that the parent shows.
    async fn shown(&mut self, heads: &Heads) -> Result<Option<String>> {
        match heads.metadata.get(self.family.name) {
            Some(key) => self.metadata(key).await?.shows(self.unit),
            None => Ok(None),
        }
    }

    /// The version in the object called `key`.
    async fn metadata(&mut self, key: &str) -> Result<Metadata> {
        if let Some(metadata) = self.read.get(key) {
            return Ok(metadata.clone());
        }
        let metadata = self.lake.metadata(key).await?;
        self.read.insert(key.to_owned(), metadata.clone());
        Ok(metadata)
    }

    /// Swaps those tables of `step` that change for their next versions; nothing if none does.
    async fn swap(
        &mut self,
        step: &[&'static str],
        heads: &Heads,
        fence: Option<&Commit>,
    ) -> Result<Option<Swap>> {
        let (mut metadata, mut columns) = (BTreeMap::new(), BTreeMap::new());
        for plan in self.plans.clone().iter().filter(|plan| step.contains(&plan.name)) {
            if let Some((key, shows)) = self.stage(plan, heads, fence).await? {
                metadata.insert(plan.name.to_owned(), key);
                columns.insert(plan.name.to_owned(), shows);
            }
        }
        if metadata.is_empty() {
            return Ok(None);
        }
        let (unit, task, at) = (self.unit, &self.commit.task, self.commit.committed_at);
        let moved = Move { family: self.family, unit, task, at, metadata, columns };
        self.lake.catalog.swap(heads, &moved).await.map(Some)
    }

    /// The key and the columns of a table's next version, which is put, if the commit changes the table, or if `fence` is to
    /// go up.
    async fn stage(
        &mut self,
        plan: &Plan,
        heads: &Heads,
        fence: Option<&Commit>,
    ) -> Result<Option<(String, Vec<GlueColumn>)>> {
        let lake = self.lake;
        let home = layout::home(&lake.database, plan.name);
        let stored = heads.metadata.get(plan.name);
        let parent = plan.name == self.family.name;
        let came = self.arrivals.is_some() && fence.is_none();
        // A table that nothing was ever in is made all the same: it can be asked.
        if !came && !parent && stored.is_some() {
            return Ok(None);
        }
        let metadata = if let Some(key) = stored {
            self.metadata(key).await?
        } else {
            let location = format!("{}/{home}", lake.store.uri());
            Metadata::create(plan, location, self.commit.committed_at.as_millisecond())?
        };
        let (metadata, apart) = metadata.evolved(plan, lake.contract)?;
        self.notes.extend(apart.into_iter().map(|column| format!("{}.{column}: kept in _extra", plan.name)));
        let mut contents = metadata.contents(&*lake.store, &home, &Owner::from(self.unit)).await?;
        if planted::is(Bug::RebaseForgetsOthers) && self.merged.contains_key(plan.name) {
            contents.forget_others();
        }
        if came {
            let shape = metadata.shape(plan)?;
            let live = contents.live(&metadata, &home, &shape)?;
            self.merge(plan, &shape, &live).await?;
        }
        let nothing = Prepared { live: Vec::new(), added: Vec::new(), replaced: HashSet::new() };
        let prepared = self.merged.get(plan.name).filter(|_| fence.is_none()).unwrap_or(&nothing);
        let told = [("freshlake.run", self.run_id()), ("freshlake.task", self.commit.task.to_string())];
        let change = Change {
            unit: self.unit,
            entry: &fence.unwrap_or(&self.commit).entry,
            at: self.commit.committed_at,
            told: &told,
            added: &prepared.added,
            replaced: &prepared.replaced,
        };
        let version = metadata.version() + 1;
        let next = metadata.advance(&*lake.store, &home, contents, change).await?;
        let key = layout::metadata(&lake.database, plan.name, version, &files::sha256(&next.body));
        lake.put_content(&key, next.body).await?;
        Ok(Some((key, next.columns)))
    }

    /// Merges what came into the unit's files, unless that is done and they are still the same.
    async fn merge(&mut self, plan: &Plan, shape: &merge::Shape, live: &[Live]) -> Result<()> {
        let there: Vec<String> = live.iter().map(|file| file.key.clone()).collect();
        if self
            .merged
            .get(plan.name)
            .is_some_and(|prepared| prepared.live == there || planted::is(Bug::StaleMergeReused))
        {
            return Ok(());
        }
        let lake = self.lake;
        let Some(arrivals) = &self.arrivals else { return Ok(()) };
        let raw = RawFiles::new(&*lake.store, self.raw.of(plan.name));
        let rules = lake.rules(self.family);
        let retyped = Retyped::new(raw, plan.name, rules);
        let came: &dyn Parts = if self.replaying.is_some() { &retyped } else { &raw };
        let renamed = rules.map(|rules| Renamed::new(came, plan.name, rules));
        let parts: &dyn Parts = renamed.as_ref().map_or(came, |renamed| renamed);
        let came = Came { arrivals, parts };
        let task = self.replaying.as_ref().map_or(&self.commit.task, |replaying| &replaying.name);
        let all = self.replaying.as_ref().is_some_and(|replaying| replaying.all);
        let live = if all { &[] } else { live };
        let at = self.commit.committed_at;
        let mut sink = Files { lake, table: plan.name, unit: self.unit, task, at, put: Vec::new() };
        let limits = Limits::default();
        let Merged { replaced, .. } =
            merge::merge(&*lake.store, shape, came, live, limits, lake.packing, &mut sink).await?;
        let replaced = if all {
            there.iter().cloned().collect()
        } else {
            replaced.into_iter().filter_map(|at| there.get(at).cloned()).collect()
        };
        self.merged.insert(plan.name, Prepared { live: there, added: sink.put, replaced });
        if let Some(replaying) = &mut self.replaying {
            replaying.untyped.insert(plan.name, retyped.untyped());
        }
        Ok(())
    }

    /// The run that the task belongs to.
    fn run_id(&self) -> String {
        let task = self.commit.task.to_string();
        let table = format!("-{}-", self.family.name);
        task.split_once(&table).map_or(task.clone(), |(run, _)| run.to_owned())
    }

    /// What is left to do once the swap counts. If it fails, the next run does it.
    async fn settle(&self) {
        if let Err(error) = self.lake.catalog.settle(self.family, None).await {
            tracing::warn!(table = self.family.name, %error, "the commit is in, but not shown to all readers yet");
        }
    }

    fn given_up(&self, unknown: Option<Error>) -> Error {
        let table = self.family.name;
        if let Some(cause) = unknown {
            return Error::new(
                ErrorKind::CommitUnknown,
                format!("cannot tell whether {table} was committed"),
            )
            .next("run again: a commit that happened is recognised by its task id")
            .because(cause);
        }
        let what = format!("cannot commit {table}: others committed first, {REBASES} times");
        Error::new(ErrorKind::Conflict, what).next("run again when fewer runs are under way")
    }
}

/// Data files of one table of one unit, put as they come.
struct Files<'f> {
    lake: &'f Lake,
    table: &'static str,
    unit: &'f Unit,
    task: &'f TaskId,
    at: Timestamp,
    put: Vec<NewFile>,
}

#[async_trait]
impl Sink for Files<'_> {
    async fn put(&mut self, file: SortedFile) -> Result<()> {
        let digest = files::sha256(&file.bytes);
        let (database, part) = (&self.lake.database, self.put.len());
        let key = layout::data(database, self.table, self.unit, self.task, self.at, part, &digest);
        let bytes = file.bytes.len() as u64;
        self.lake.put_content(&key, file.bytes).await?;
        self.put.push(NewFile { key, bytes, footer: Arc::new(file.metadata) });
        Ok(())
    }
}
