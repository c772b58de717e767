//! Rebuilding the current tables of a family from `raw`: every row that a commit has named, in the order of the commits.
//!
//! The rows are written anew and take the place of what is there in one swap per unit. Cursors, tasks and certificates stay
//! as they are. What is there is not read, so it may be damaged or missing; unless only rows from some day on are laid over
//! it. Rows are typed anew from the text that came, so a column that was declared since has their values.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use model::{Error, ErrorKind, Result, TaskId, Timestamp, Unit};
use tables::Table;

use super::fence::Standing;
use super::{Publication, REBASES, Raw};
use crate::catalog::{Heads, Swap};
use crate::merge::{self, Arrivals, RawFiles, Retyped};
use crate::table::{Owner, Plan};
use crate::{Commit, DataFile, Lake, layout};

/// What was rebuilt of one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Whose rows.
    pub unit: Unit,
    /// The commits that were laid over one another.
    pub commits: u64,
    /// The raw files that they name.
    pub files: u64,
    /// Rows whose text can no longer be typed; they are as they were typed when they came.
    pub untyped: Vec<Untyped>,
}

/// Rows of a table whose text can no longer be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untyped {
    /// The table, perhaps a child.
    pub table: &'static str,
    /// How many.
    pub rows: u64,
    /// What is wrong with the first.
    pub first: String,
}

/// What a rebuild came to.
enum Rebuilt {
    /// With what could no longer be typed.
    Done(Vec<Untyped>),
    /// The unit has moved meanwhile, or was held.
    Moved,
    /// A child shows nothing, or rows that were never committed: nothing can be laid over it.
    Unsound,
}

/// What became of a step; as in `Rebuilt`.
enum Place {
    Taken,
    Moved,
    Unsound,
}

/// How rows of earlier commits are written anew.
pub(super) struct Replaying {
    /// A name of its own: what has the name of a damaged file would be taken for it.
    pub(super) name: TaskId,
    /// Whether these are all rows that there are, so that nothing that is there stays.
    pub(super) all: bool,
    /// What could no longer be typed, by table.
    pub(super) untyped: BTreeMap<&'static str, merge::Untyped>,
}

impl Lake {
    /// Rebuilds `table` and its children from `raw`, unit by unit; `at` is now, by the local clock. A task that commits
    /// meanwhile is not lost: its unit is done again.
    pub async fn replay(&self, table: &'static Table, at: Timestamp) -> Result<Vec<Replayed>> {
        self.replay_from(table, None, at).await
    }

    /// The same, with what `raw` has from a day on (in UTC): it is laid over the rows that are there, as if it came now.
    pub async fn replay_from(
        &self,
        table: &'static Table,
        from: Option<Date>,
        at: Timestamp,
    ) -> Result<Vec<Replayed>> {
        let heads = self.catalog.load(table).await?;
        let Some(key) = heads.metadata.get(table.name) else { return Ok(Vec::new()) };
        let mut replayed = Vec::new();
        for partition in self.metadata(key).await?.units()?.into_keys() {
            let unit = unit(table, &partition).ok_or_else(|| {
                Error::new(
                    ErrorKind::Storage,
                    format!("{key} names {partition}, which {} has no rows of", table.name),
                )
            })?;
            replayed.push(self.replay_unit(table, unit, from, at).await?);
        }
        Ok(replayed)
    }

    async fn replay_unit(
        &self,
        family: &'static Table,
        unit: Unit,
        from: Option<Date>,
        at: Timestamp,
    ) -> Result<Replayed> {
        let mut from = from;
        for _ in 0..=REBASES {
            let commits = self.commits(family.name, &unit).await?;
            let Some(head) = commits.last().cloned() else { break };
            let counts = |file: &&DataFile| {
                from.is_none_or(|from| layout::day(&file.key).is_none_or(|day| day >= from))
            };
            let (mut raw, mut count) = (Raw::default(), 0);
            for commit in &commits {
                let files: Vec<_> = commit.files.iter().filter(counts).cloned().collect();
                count += u64::from(!commit.fence && (from.is_none() || !files.is_empty()));
                raw.add(files);
            }
            let files = raw.0.values().map(|files| files.len() as u64).sum();
            let replayed = Replayed { unit: unit.clone(), commits: count, files, untyped: Vec::new() };
            if raw.of(family.name).is_empty() {
                return Ok(replayed);
            }
            // What is rebuilt is named after the last that brought rows; a fence brings none.
            let Some(settled) = commits.iter().rfind(|commit| !commit.fence) else { return Ok(replayed) };
            match self.rebuild(family, &unit, (head, settled), &raw, from.is_none(), at).await? {
                Rebuilt::Done(untyped) => return Ok(Replayed { untyped, ..replayed }),
                Rebuilt::Moved => {}
                Rebuilt::Unsound => from = None,
            }
        }
        let what =
            format!("cannot rebuild {} of {unit}: others committed first, {REBASES} times", family.name);
        Err(Error::new(ErrorKind::Conflict, what).next("run again when no other run is under way"))
    }

    /// Lets the tables show the rows of `raw`, over what is there unless they are all. `head` is what the parent shows, and
    /// what it stands on if it is a fence.
    async fn rebuild(
        &self,
        family: &'static Table,
        unit: &Unit,
        (head, settled): (Commit, &Commit),
        raw: &Raw,
        all: bool,
        at: Timestamp,
    ) -> Result<Rebuilt> {
        let parents =
            Retyped::new(RawFiles::new(&*self.store, raw.of(family.name)), family.name, self.rules(family));
        let arrivals = Arrivals::read(family, &parents).await?;
        // A name of its own, of which the instant is part: what has the name of a damaged file would be taken for it.
        let name = TaskId(format!("{}-replayed", settled.task));
        let mut publication = Publication {
            lake: self,
            family,
            plans: Plan::wanted(family, self.rules(family)),
            base: Some(head.clone()),
            commit: Commit { committed_at: at, ..head },
            fence: None,
            unit,
            raw,
            arrivals: Some(arrivals),
            merged: BTreeMap::new(),
            read: BTreeMap::new(),
            replaying: Some(Replaying { name, all, untyped: BTreeMap::new() }),
            settled: settled.number,
            whole: all,
            anew: BTreeSet::new(),
            notes: BTreeSet::new(),
        };
        for step in self.catalog.steps(family) {
            match publication.take_place(&step).await? {
                Place::Taken => {}
                Place::Moved => return Ok(Rebuilt::Moved),
                Place::Unsound => return Ok(Rebuilt::Unsound),
            }
        }
        publication.settle().await;
        let untyped = publication.replaying.map(|replaying| replaying.untyped).unwrap_or_default();
        let untyped = untyped.into_iter().filter(|(_, untyped)| untyped.rows > 0);
        let untyped = untyped.map(|(table, merge::Untyped { rows, first })| Untyped { table, rows, first });
        Ok(Rebuilt::Done(untyped.collect()))
    }
}

impl Publication<'_> {
    /// Swaps the tables of a step for their rebuilt versions.
    async fn take_place(&mut self, step: &[&'static str]) -> Result<Place> {
        for _ in 0..=REBASES {
            let heads = self.lake.catalog.load(self.family).await?;
            if self.shown(&heads).await?.as_ref() != Some(&self.commit.entry) {
                return Ok(Place::Moved);
            }
            match self.standing(step, &heads).await?.0 {
                Standing::Ours | Standing::Free => {}
                Standing::Left if self.whole => {}
                Standing::Left => return Ok(Place::Unsound),
                Standing::Pending => {
                    self.hold(&heads).await?;
                    return Ok(Place::Moved);
                }
                Standing::Ahead => return Err(self.set_back(&heads)),
            }
            if self.bereft(step, &heads).await?.is_some() {
                return Ok(Place::Unsound);
            }
            // After a lost answer it is done again: twice the same is the same.
            if matches!(self.swap(step, &heads, None).await?, Swap::Won) {
                return Ok(Place::Taken);
            }
        }
        Ok(Place::Moved)
    }

    /// Sends a fence, so that the task that is half way has lost. Whether it is up, beginning again tells.
    async fn hold(&mut self, heads: &Heads) -> Result<()> {
        let (head, task) = (&self.commit, self.replaying.as_ref().map(|replaying| replaying.name.clone()));
        let next = Commit {
            number: head.number + 1,
            previous: Some(head.entry.clone()),
            task: task.unwrap_or_else(|| head.task.clone()),
            ..head.clone()
        };
        let fence = self.put_fence(&next).await?;
        tracing::debug!(name: "rebuild_fenced", target: "path", task = %fence.task, "another task is half way");
        self.swap(&[self.family.name], heads, Some(&fence)).await?;
        Ok(())
    }
}

/// The unit that a partition is of.
pub(crate) fn unit(table: &Table, partition: &str) -> Option<Unit> {
    let (_, id) = partition.split_once('=')?;
    let owner = id.parse().map_or_else(|_| Owner::Text(id.to_owned()), Owner::Number);
    Plan::unit_of(table.family, &owner).or_else(|| Plan::unit_of(table.family, &Owner::Text(id.to_owned())))
}
