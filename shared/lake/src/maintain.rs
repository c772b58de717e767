//! Sweeping: old snapshots expire, and what nothing names any more is deleted. Never what something names, and never what
//! somebody may still be about to name.
//!
//! It works while workers do, and any number of sweepers may work at once. Why that is safe:
//!
//! 1. Objects are listed *first*, and what names them is read *afterwards*. What a swap before that reading has named is seen
//!    by it.
//! 2. A swap after that reading names two kinds of objects. Those that it carries over were named before, so the reading has
//!    them. The others its task has put itself, by names that no other attempt has, since each has an instant inside or is
//!    about content that has: so they are younger than the longest task was old when it swapped, and younger still when
//!    they were listed. Younger ones than [`Upkeep::spare`], which is longer than any task, are never touched.
//! 3. Both ages are by one clock: that of the store, which tells when each object was put. What time it is there, an object
//!    tells that is put for that alone, before anything is listed. No machine's clock is asked: they jump.
//! 4. Snapshots expire by a swap like any other, before their files go; a sweeper that dies in between leaves orphans.
//!    What a reader that is still at work may have seen as current goes [`Upkeep::keep`] after it was replaced, not after it
//!    was made; so does a list of rows seen after its commit was followed by another.
//!
//! What cannot be read stops the sweep of that table before anything is deleted: nothing is deleted on a guess.

mod expire;
mod references;

use std::collections::HashSet;

use jiff::SignedDuration;
use model::port::ObjectInfo;
use model::{Error, ErrorKind, Result, Timestamp};
use tables::Table;

use crate::{Lake, layout};
use references::References;

/// So many pointers are kept in any case, and for so long.
const POINTERS: usize = 1_000;
const POINTER_AGE: SignedDuration = SignedDuration::from_hours(24 * 30);

/// What may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upkeep {
    /// A snapshot stays for so long after another has taken its place: so far readers can go back.
    pub keep: SignedDuration,
    /// What nothing names stays for so long after it was put. It has to be longer than the longest task.
    pub spare: SignedDuration,
    /// Whether anything is deleted; else it is only told what would be.
    pub delete: bool,
}

impl Default for Upkeep {
    fn default() -> Self {
        let (keep, spare) = (SignedDuration::from_hours(24 * 14), SignedDuration::from_hours(26));
        Self { keep, spare, delete: false }
    }
}

/// An object that went, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// What it is.
    pub what: &'static str,
}

/// What was swept, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Snapshots that expired.
    pub expired: u64,
    /// Objects, in the order of their keys for each family of tables.
    pub swept: Vec<Swept>,
}

impl Lake {
    /// Lets old snapshots of `table` with its children, or of all tables, expire, and deletes what nothing names.
    pub async fn maintain(&self, table: Option<&str>, upkeep: Upkeep) -> Result<Maintained> {
        let now = self.store_time().await?;
        let mut maintained = Maintained::default();
        let rejected = match table {
            None => self.store.list("raw/rejected/").await?,
            // Rows of all tables are among them.
            Some(_) => Vec::new(),
        };
        let mut named = HashSet::new();
        for family in tables::ALL.iter().filter(|family| table.is_none_or(|table| family.name == table)) {
            self.sweep(family, upkeep, now, &mut named, &mut maintained).await?;
        }
        let orphan = |object: &ObjectInfo| !named.contains(&object.key);
        for object in rejected.into_iter().filter(orphan) {
            self.swept(object, "raw rows of no commit", upkeep, now, &mut maintained).await?;
        }
        Ok(maintained)
    }

    /// What time it is by the store's clock.
    async fn store_time(&self) -> Result<Timestamp> {
        /// Another sweeper may take the object away.
        const TRIES: usize = 5;
        let key = layout::probe(&self.database);
        for _ in 0..TRIES {
            self.store.put(&key, "when?".into()).await?;
            let listed = self.store.list(&key).await?;
            if let Some(object) = listed.into_iter().find(|object| object.key == key) {
                self.store.delete(&key).await?;
                return Ok(object.modified);
            }
        }
        let what = format!("{key} does not stay where it was put");
        Err(Error::new(ErrorKind::Conflict, what).next("run again when nobody else maintains the lake"))
    }

    async fn sweep(
        &self,
        family: &'static Table,
        upkeep: Upkeep,
        now: Timestamp,
        named: &mut HashSet<String>,
        maintained: &mut Maintained,
    ) -> Result<()> {
        let mut listed = Vec::new();
        for table in family.lake_names() {
            listed.extend(self.store.list(&format!("{}/", layout::home(&self.database, table))).await?);
            listed.extend(self.store.list(&format!("raw/{table}/")).await?);
        }
        if listed.is_empty() {
            return Ok(());
        }
        let expiry = self.expire(family, &listed, upkeep, now).await?;
        maintained.expired += expiry.snapshots();
        let references = References::read(self, family, &listed, upkeep, now, &expiry).await?;
        named.extend(references.raw.iter().cloned());
        if !references.counts {
            return Ok(());
        }
        for object in listed {
            if let Some(what) = references.orphan(&object.key) {
                self.swept(object, what, upkeep, now, maintained).await?;
            }
        }
        Ok(())
    }

    async fn swept(
        &self,
        object: ObjectInfo,
        what: &'static str,
        upkeep: Upkeep,
        now: Timestamp,
        maintained: &mut Maintained,
    ) -> Result<()> {
        if now.duration_since(object.modified) < upkeep.spare {
            return Ok(());
        }
        if upkeep.delete {
            self.store.delete(&object.key).await?;
        }
        maintained.swept.push(Swept { key: object.key, bytes: object.size, what });
        Ok(())
    }
}
