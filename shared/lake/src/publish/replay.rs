//! Rebuilding the current tables of a family from `raw`: every row that a commit has named, in the order of the commits.
//!
//! The rows are written anew and take the place of what is there in one swap per unit. Cursors, tasks and certificates stay
//! as they are. What is there is not read, so it may be damaged or missing.

use std::collections::BTreeMap;

use model::{Error, ErrorKind, Result, TaskId, Timestamp, Unit};
use tables::Table;

use super::{Publication, REBASES, Raw};
use crate::catalog::Swap;
use crate::merge::{Arrivals, RawFiles};
use crate::table::{Owner, Plan};
use crate::{Commit, Lake};

/// What was rebuilt of one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Whose rows.
    pub unit: Unit,
    /// The commits that were laid over one another.
    pub commits: u64,
    /// The raw files that they name.
    pub files: u64,
}

impl Lake {
    /// Rebuilds `table` and its children from `raw`, unit by unit; `at` is now, by the local clock. A task that commits
    /// meanwhile is not lost: its unit is done again.
    pub async fn replay(&self, table: &'static Table, at: Timestamp) -> Result<Vec<Replayed>> {
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
            replayed.push(self.replay_unit(table, unit, at).await?);
        }
        Ok(replayed)
    }

    async fn replay_unit(&self, family: &'static Table, unit: Unit, at: Timestamp) -> Result<Replayed> {
        for _ in 0..=REBASES {
            let commits = self.commits(family.name, &unit).await?;
            let Some(head) = commits.last().cloned() else { break };
            let mut raw = Raw::default();
            for commit in &commits {
                raw.add(commit.files.iter().cloned());
            }
            let files = raw.0.values().map(|files| files.len() as u64).sum();
            let replayed = Replayed { unit: unit.clone(), commits: commits.len() as u64, files };
            if raw.of(family.name).is_empty() || self.rebuild(family, &unit, head, &raw, at).await? {
                return Ok(replayed);
            }
        }
        let what =
            format!("cannot rebuild {} of {unit}: others committed first, {REBASES} times", family.name);
        Err(Error::new(ErrorKind::Conflict, what).next("run again when no other run is under way"))
    }

    /// Whether the rows of `raw` are what the tables show of the unit now; not if the unit has moved from `head`.
    async fn rebuild(
        &self,
        family: &'static Table,
        unit: &Unit,
        head: Commit,
        raw: &Raw,
        at: Timestamp,
    ) -> Result<bool> {
        let parents = RawFiles::new(&*self.store, raw.of(family.name));
        let arrivals = Arrivals::read(family, &parents).await?;
        // A name of its own: what has the name of a damaged file would be taken for it.
        let anew = TaskId(format!("{}-replayed-{}", head.task, at.as_microsecond()));
        let mut publication = Publication {
            lake: self,
            family,
            plans: Plan::family(family),
            base: None,
            commit: Commit { committed_at: at, ..head },
            fence: None,
            unit,
            raw,
            arrivals: Some(arrivals),
            merged: BTreeMap::new(),
            read: BTreeMap::new(),
            anew: Some(anew),
        };
        for step in self.catalog.steps(family) {
            if !publication.take_place(&step).await? {
                return Ok(false);
            }
        }
        publication.settle().await;
        Ok(true)
    }
}

impl Publication<'_> {
    /// Swaps the tables of a step for their rebuilt versions.
    async fn take_place(&mut self, step: &[&'static str]) -> Result<bool> {
        for _ in 0..=REBASES {
            let heads = self.lake.catalog.load(self.family).await?;
            if self.shown(&heads).await?.as_ref() != Some(&self.commit.entry) {
                return Ok(false);
            }
            // After a lost answer it is done again: twice the same is the same.
            if matches!(self.swap(step, &heads, None).await?, None | Some(Swap::Won)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The unit that a partition is of.
fn unit(table: &Table, partition: &str) -> Option<Unit> {
    let (_, id) = partition.split_once('=')?;
    let owner = id.parse().map_or_else(|_| Owner::Text(id.to_owned()), Owner::Number);
    Plan::unit_of(table.family, &owner).or_else(|| Plan::unit_of(table.family, &Owner::Text(id.to_owned())))
}
