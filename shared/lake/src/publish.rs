//! Publishing: rows, cursor, task id and certificate of a task become visible in one swap.
//!
//! Everything that the swap makes count is put before it, under names of its own: an object that no metadata names is
//! true, and invisible. Another unit that swaps first costs a rebase, which carries over what it did and reuses what was
//! merged; another commit of the same unit costs the task its reading.

mod attempt;
mod fence;
mod replay;
#[cfg(test)]
mod retyping;
#[cfg(test)]
pub(crate) mod rig;
#[cfg(test)]
mod ruled;
mod stage;
#[cfg(test)]
mod types;

pub(crate) use replay::unit;
pub use replay::{Replayed, Untyped};

use std::collections::{BTreeMap, BTreeSet, HashSet};

use model::{Error, ErrorKind, Result, Unit};
use tables::Table;

use crate::merge::{Arrivals, RawFiles};
use crate::table::{Metadata, NewFile, Plan};
use crate::{Commit, DataFile, Draft, Lake, Published, files, layout};
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
    /// The number of the last commit that is no fence; what children show beyond it was never committed.
    settled: u64,
    /// Whether `raw` has all of before.
    whole: bool,
    /// Children whose rows are made anew from all of `raw`: they are gone, or those of a task that died half way.
    anew: BTreeSet<&'static str>,
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

/// How a publication ends.
enum Ended {
    Published(Published),
    /// It takes all rows of before to go on from this commit: the child shows what is not to be gone on from.
    Anew(Box<Start>, &'static str, Why),
}

/// Where a publication goes on.
struct Start {
    base: Option<Commit>,
    commit: Commit,
}

/// Why the rows of a child are made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It shows nothing of the unit, whose parent shows commits.
    Gone,
    /// It shows rows of a task that never came to switch the parent.
    Left,
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

        let settled = self.settled(draft.table, draft.unit, base).await?;
        let mut whole = settled.as_ref().is_some_and(Commit::is_pointer);
        let mut earlier = if whole { self.files(draft.table, draft.unit).await? } else { Vec::new() };
        let (mut base, mut anew, mut notes) = (base.cloned(), BTreeSet::new(), BTreeSet::new());
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
                base,
                commit,
                fence: None,
                unit: draft.unit,
                raw: &raw,
                settled: settled.as_ref().map_or(0, |settled| settled.number),
                whole,
                anew: anew.clone(),
                arrivals,
                merged: BTreeMap::new(),
                read: BTreeMap::new(),
                replaying: None,
                notes: notes.clone(),
            };
            let (from, child, why) = match publication.run().await? {
                Ended::Published(published) => return Ok(published),
                Ended::Anew(from, child, why) => (from, child, why),
            };
            (base, commit) = (from.base, from.commit);
            (whole, earlier) = (true, self.files(draft.table, draft.unit).await?);
            tracing::debug!(name: "child_made_anew", target: "path", task = %draft.task, child, ?why, "from all of raw");
            anew.insert(child);
            if let Some(note) = why.note(child, &earlier) {
                tracing::warn!(unit = %draft.unit, "{note}");
                notes.insert(note);
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

    /// `base`, or what it stands on: a fence shows no more than that.
    async fn settled(&self, table: &str, unit: &Unit, base: Option<&Commit>) -> Result<Option<Commit>> {
        let mut settled = base.cloned();
        while let Some(fence) = settled.take_if(|commit| commit.fence) {
            let Some(previous) = &fence.previous else { break };
            settled = Some(self.commit(table, unit, previous).await?);
        }
        Ok(settled)
    }
}

impl Why {
    /// What to tell of `child`, if there is anything to tell. `files` are all there were of its family.
    fn note(self, child: &str, files: &[DataFile]) -> Option<String> {
        match self {
            // Otherwise it is new: there was never a row of it.
            Self::Gone if !files.iter().any(|file| file.table.as_str() == child) => None,
            Self::Gone => {
                Some(format!("{child}: its rows were gone from the catalog, and are made anew from raw"))
            }
            // Nobody has to know: it is what came of it that counts.
            Self::Left => None,
        }
    }
}
