//! Letting snapshots expire.

use std::collections::{BTreeMap, BTreeSet};

use model::port::ObjectInfo;
use model::{Error, ErrorKind, Result, TaskId, Timestamp};
use serde_json::Value;
use tables::Table;

use super::Sweeper;
use super::references::References;
use crate::catalog::{Heads, Move, Swap};
use crate::table::{Metadata, Staged};
use crate::{files, layout, publish};

/// Others may swap first, so often.
const TRIES: usize = 5;

impl Sweeper<'_> {
    /// What names the objects of `listed`, without the snapshots that expire; tells how many do. Where things are to be
    /// deleted, the tables are without them then.
    pub(super) async fn expire(
        &self,
        family: &'static Table,
        listed: &[ObjectInfo],
    ) -> Result<(References, u64)> {
        // Of which the swap was sent, and those that are gone since.
        let (mut sent, mut gone) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..TRIES {
            let (heads, references) = self.references(family, listed).await?;
            for (table, id) in &sent {
                let head = references.heads.get(table);
                if head.is_some_and(|head| head.snapshots().iter().all(|snapshot| snapshot.id != *id)) {
                    gone.insert((*table, *id));
                }
            }
            let expired: BTreeSet<(&'static str, i64)> = references
                .expired
                .iter()
                .flat_map(|(table, ids)| ids.iter().map(|id| (*table, *id)))
                .collect();
            if !self.upkeep.delete || expired.is_empty() {
                gone.extend(expired);
                return Ok((references, gone.len() as u64));
            }
            sent.extend(&expired);
            if self.swap(family, &heads, &references).await? {
                gone.extend(expired);
                self.settle(family).await;
                tracing::debug!(name: "snapshot_expired", target: "path", table = family.name, count = gone.len(), "swapped");
                return Ok((references, gone.len() as u64));
            }
            tracing::debug!(name: "upkeep_rebased", target: "path", table = family.name, "another swap was first");
        }
        let what = format!("cannot let snapshots expire: others committed first, {TRIES} times");
        Err(Error::new(ErrorKind::Conflict, what).next("run again when fewer runs are under way"))
    }

    /// Whether all tables of the family are without their outdated snapshots now, on top of what `heads` says.
    async fn swap(&self, family: &'static Table, heads: &Heads, references: &References) -> Result<bool> {
        let lake = self.lake;
        for step in lake.catalog.steps(family) {
            let (mut metadata, mut columns) = (BTreeMap::new(), BTreeMap::new());
            let mut units = BTreeMap::new();
            for table in step {
                let ids = references.expired.get(table).map_or(&[][..], Vec::as_slice);
                let Some(head) = references.heads.get(table).filter(|_| !ids.is_empty()) else { continue };
                let home = layout::home(&lake.database, table);
                let next = head.without(&home, ids, self.now)?;
                let digest = files::sha256(&next.body);
                let key = layout::metadata(&lake.database, table, head.version() + 1, &digest);
                lake.put_content(&key, next.body).await?;
                units.extend(head.units()?);
                columns.insert((*table).to_owned(), next.columns);
                metadata.insert((*table).to_owned(), key);
            }
            // Any unit that is there will do: it is registered.
            let unit = units.into_keys().find_map(|partition| publish::unit(family, &partition));
            let Some(unit) = unit else { continue };
            let task = TaskId("maintain".to_owned());
            let moved = Move { family, unit: &unit, task: &task, at: self.now, metadata, columns };
            match lake.catalog.swap(heads, &moved).await? {
                Swap::Won => {}
                // Whether it has won all the same, loading again tells.
                Swap::Lost | Swap::Unknown(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// If it fails, the next run does it.
    async fn settle(&self, family: &'static Table) {
        if let Err(error) = self.lake.catalog.settle(family, None).await {
            tracing::warn!(table = family.name, %error, "what has expired is not hidden from all readers yet");
        }
    }
}

impl Metadata {
    /// The same table without these snapshots, none of which is the current one.
    fn without(&self, home: &str, ids: &[i64], at: Timestamp) -> Result<Staged> {
        self.successor(home, at.as_millisecond().max(self.last_updated()), |table| {
            let stays = |entry: &Value| {
                entry.get("snapshot-id").and_then(Value::as_i64).is_none_or(|id| !ids.contains(&id))
            };
            for list in ["snapshots", "snapshot-log"] {
                if let Some(Value::Array(entries)) = table.get_mut(list) {
                    entries.retain(stays);
                }
            }
        })
    }
}
