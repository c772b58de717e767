//! Letting snapshots expire.

use std::collections::{BTreeMap, HashMap};

use model::port::ObjectInfo;
use model::{ErrorKind, Result, TaskId, Timestamp};
use tables::Table;

use super::Upkeep;
use crate::catalog::{Heads, Move, Swap};
use crate::table::Metadata;
use crate::{Lake, files, layout};

/// A swap that lost is made again this often; then it is left to the next sweep.
const TRIES: usize = 5;

/// The snapshots that expired, or would, by table.
#[derive(Debug, Default)]
pub(super) struct Expiry(HashMap<&'static str, Vec<i64>>);

impl Expiry {
    pub(super) fn snapshots(&self) -> u64 {
        self.0.values().map(|ids| ids.len() as u64).sum()
    }

    pub(super) fn of(&self, table: &str) -> &[i64] {
        self.0.get(table).map_or(&[], Vec::as_slice)
    }
}

impl Lake {
    /// Takes old snapshots out of the tables of a family, in one swap for those that switch together.
    pub(super) async fn expire(
        &self,
        family: &'static Table,
        listed: &[ObjectInfo],
        upkeep: Upkeep,
        now: Timestamp,
    ) -> Result<Expiry> {
        let put: HashMap<&str, Timestamp> =
            listed.iter().map(|object| (object.key.as_str(), object.modified)).collect();
        let old = |key: &str| {
            put.get(key).is_some_and(|at| now.duration_since(*at) >= upkeep.keep.max(upkeep.spare))
        };
        let mut expiry = Expiry::default();
        for step in self.catalog.steps(family) {
            for _ in 0..TRIES {
                let heads = self.catalog.load(family).await?;
                let expired = self.outdated(&step, &heads, &old).await?;
                if !upkeep.delete
                    || expired.0.is_empty()
                    || self.swap_without(family, &heads, &expired, now).await?
                {
                    expiry.0.extend(expired.0);
                    break;
                }
            }
        }
        Ok(expiry)
    }

    /// Which snapshots another one has followed for long.
    async fn outdated(
        &self,
        step: &[&'static str],
        heads: &Heads,
        old: &impl Fn(&str) -> bool,
    ) -> Result<Expiry> {
        let mut expiry = Expiry::default();
        for table in step {
            let Some(key) = heads.metadata.get(*table) else { continue };
            let home = layout::home(&self.database, table);
            let metadata = self.metadata(key).await?;
            let snapshots = metadata.snapshots();
            let followed = snapshots.iter().zip(snapshots.iter().skip(1));
            let mut ids = Vec::new();
            for (snapshot, next) in followed {
                if Some(snapshot.id) != metadata.current() && old(&metadata.list(&home, next.id)?) {
                    ids.push(snapshot.id);
                }
            }
            if !ids.is_empty() {
                expiry.0.insert(table, ids);
            }
        }
        Ok(expiry)
    }

    /// Whether the tables are without these snapshots now.
    async fn swap_without(
        &self,
        family: &'static Table,
        heads: &Heads,
        expired: &Expiry,
        now: Timestamp,
    ) -> Result<bool> {
        let mut metadata = BTreeMap::new();
        for (table, ids) in &expired.0 {
            let Some(key) = heads.metadata.get(*table) else { continue };
            let home = layout::home(&self.database, table);
            let current = self.metadata(key).await?;
            let version = current.version() + 1;
            let next: Metadata = current.without(&home, ids, now)?;
            let body = next.to_json()?;
            let key = layout::metadata(&self.database, table, version, &files::sha256(&body));
            self.put_content(&key, body).await?;
            metadata.insert((*table).to_owned(), key);
        }
        let task = TaskId("maintain".to_owned());
        let moved = Move { family, task: &task, at: now, metadata };
        let won = match self.catalog.swap(heads, &moved).await? {
            Swap::Won => true,
            Swap::Lost => false,
            Swap::Unknown(error) if error.kind() != ErrorKind::CommitUnknown => return Err(error),
            Swap::Unknown(_) => {
                let heads = self.catalog.load(family).await?;
                moved.metadata.iter().all(|(table, key)| heads.metadata.get(table) == Some(key))
            }
        };
        if won {
            let heads = self.catalog.load(family).await?;
            self.catalog.settle(family, &heads).await?;
        }
        Ok(won)
    }
}
