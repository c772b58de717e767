//! Upkeep: old snapshots expire, and what nothing names any more is deleted. Never what something names, and never what
//! somebody may still be about to name.
//!
//! It works while tasks do, any number of it at once, and may die at any step. Why that is safe:
//!
//! 1. What may go is listed *first*, and what names it is read *afterwards*, from the versions that count: whatever a swap
//!    before that reading has named is seen by it.
//! 2. A swap after that reading names two kinds of objects. Those that it carries over were named before, so the reading has
//!    them. The others are new with it. Versions, manifests and commits are numbered, and new ones have higher numbers than
//!    those that count: only lower ones are touched. Data files, raw files and lists of rows seen have the instant of their
//!    attempt in their name or their content, so that no other attempt names them; they are younger than the longest task
//!    takes, and nothing younger than [`Upkeep::spare`] is touched.
//! 3. Ages are by one clock: that of the store, which tells when each object was put. What time it is there, an object
//!    tells that is put for that alone, before anything is listed. No machine's clock is asked: they jump.
//! 4. Snapshots expire by a swap like any other, on top of the very versions that the reading was of, and their files go only
//!    if it has won. They expire [`Upkeep::keep`] after they were replaced, not after they were made; and those of versions
//!    that were current until lately stay, for the readers that are still at work on them.
//!
//! What cannot be read stops the upkeep of that family of tables before anything is changed. Objects that are not called as
//! ours are, are told and left alone.

mod expire;
mod object;
mod references;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use jiff::SignedDuration;
use model::planted::{self, Bug};
use model::port::ObjectInfo;
use model::{Error, ErrorKind, Result, Timestamp};
use tables::Table;

use crate::{Lake, layout};
use object::Foreign;

pub use object::Leftover;

/// What may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upkeep {
    /// A snapshot stays for so long after another has taken its place: so far readers can go back.
    pub keep: SignedDuration,
    /// What nothing names stays for so long after it was put. It has to be longer than the longest task.
    pub spare: SignedDuration,
    /// So many pointers stay, however old; `verify` takes fewer for a loss.
    pub pointers: usize,
    /// Whether anything is changed; else it is only told what would be.
    pub delete: bool,
}

impl Default for Upkeep {
    /// Two weeks, and the longest task plus a day: a function ends after 15 minutes, and a first load on one's own machine
    /// may take some hours.
    fn default() -> Self {
        let (keep, spare) = (SignedDuration::from_hours(24 * 14), SignedDuration::from_hours(48));
        Self { keep, spare, pointers: 1_000, delete: false }
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
    pub what: Leftover,
}

/// What was done for a family of tables, or would be.
#[derive(Debug)]
pub struct Tended {
    /// The parent's name; `rejected` for the rows that could not be typed, which all tables share.
    pub table: &'static str,
    /// Snapshots that expired, of the parent and its children.
    pub expired: u64,
    /// What was deleted, in the order of its keys.
    pub swept: Vec<Swept>,
    /// Keys of objects that are none of ours; they stay.
    pub strange: Vec<String>,
    /// Why raw files were left alone.
    pub withheld: Option<String>,
    /// What stopped it; whatever is not in `swept` is still there.
    pub stopped: Option<Error>,
}

impl Tended {
    fn new(table: &'static str) -> Self {
        let (swept, strange) = (Vec::new(), Vec::new());
        Self { table, expired: 0, swept, strange, withheld: None, stopped: None }
    }
}

/// The upkeep of one lake, under way.
struct Sweeper<'k> {
    lake: &'k Lake,
    upkeep: Upkeep,
    /// By the store's clock, before anything was listed.
    now: Timestamp,
    /// What lies below `lake/`, by the folder of each table.
    homes: BTreeMap<String, Vec<ObjectInfo>>,
    foreign: Foreign,
    /// Raw files that commits of any family name.
    raw: HashSet<String>,
}

impl Lake {
    /// Lets old snapshots of `table` with its children, or of all tables, expire, and deletes what nothing names.
    ///
    /// An error is that the store cannot be listed. What stops the upkeep of one family is told with it, and the others go
    /// on.
    pub async fn maintain(&self, table: Option<&str>, upkeep: Upkeep) -> Result<Vec<Tended>> {
        let now = self.store_time().await?;
        let listed = self.store.list("lake/").await?;
        let rejected = match table {
            None => self.store.list("raw/rejected/").await?,
            // Rows of all tables are among them.
            Some(_) => Vec::new(),
        };
        let foreign = Foreign::new(&self.database, &listed);
        let mut homes: BTreeMap<String, Vec<ObjectInfo>> = BTreeMap::new();
        for object in listed {
            if let Some(table) = layout::table_of(&self.database, &object.key) {
                homes.entry(table.to_owned()).or_default().push(object);
            }
        }
        let mut sweeper = Sweeper { lake: self, upkeep, now, homes, foreign, raw: HashSet::new() };
        let mut tended = Vec::new();
        for family in tables::ALL.iter().filter(|family| table.is_none_or(|table| family.name == table)) {
            let mut one = Tended::new(family.name);
            if let Err(error) = sweeper.family(family, &mut one).await {
                one.stopped = Some(error.while_doing(family.name));
            }
            tended.push(one);
        }
        if table.is_none() {
            let whole = tended.iter().all(|one| one.stopped.is_none());
            let mut one = Tended::new("rejected");
            if let Err(error) = sweeper.rejected(rejected, whole, &mut one).await {
                one.stopped = Some(error);
            }
            one.strange.extend(sweeper.unknown());
            tended.push(one);
        }
        Ok(tended)
    }

    /// What time it is by the store's clock, or was a moment ago.
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
        let error = Error::new(ErrorKind::Conflict, format!("{key} does not stay where it was put"));
        Err(error.next("run again when nobody else maintains the lake"))
    }
}

impl Sweeper<'_> {
    async fn family(&mut self, family: &'static Table, tended: &mut Tended) -> Result<()> {
        // All of them, whatever stops the rest.
        let homes: Vec<ObjectInfo> =
            family.lake_names().filter_map(|table| self.homes.remove(table)).flatten().collect();
        let mut raw = Vec::new();
        for table in family.lake_names() {
            raw.extend(self.lake.store.list(&format!("{}/", layout::raw(table))).await?);
        }
        if homes.is_empty() && raw.is_empty() {
            return Ok(());
        }
        let (references, expired) = self.expire(family, &homes).await?;
        tended.expired = expired;
        for object in homes {
            let Some(key) = layout::below_home(&self.lake.database, &object.key) else { continue };
            match object::lake(key) {
                Some(kind) => {
                    if let Some(what) = references.leftover(&object.key, &kind) {
                        self.sweep(object, what, tended).await?;
                    }
                }
                None => tended.strange.push(object.key),
            }
        }
        self.raw.extend(references.raw.iter().cloned());
        if let Some(why) = self.foreign.shares(family) {
            tended.withheld = Some(why);
            return Ok(());
        }
        // Without the parent nobody knows which commits count.
        if !references.heads.contains_key(family.name) {
            return Ok(());
        }
        for object in raw {
            if !object::is_raw(&object.key) {
                tended.strange.push(object.key);
            } else if !references.raw.contains(&object.key) {
                self.sweep(object, Leftover::Raw, tended).await?;
            }
        }
        Ok(())
    }

    /// Rows that could not be typed lie together, whatever their table: only who has read all commits knows whose they are.
    async fn rejected(&self, listed: Vec<ObjectInfo>, whole: bool, tended: &mut Tended) -> Result<()> {
        let left: Vec<ObjectInfo> = listed.into_iter().filter(|o| !self.raw.contains(&o.key)).collect();
        if left.is_empty() {
            return Ok(());
        }
        if !whole {
            tended.withheld = Some("not all commits could be read".to_owned());
            return Ok(());
        }
        if let Some(why) = self.foreign.any() {
            tended.withheld = Some(why);
            return Ok(());
        }
        for object in left {
            if object::is_raw(&object.key) {
                self.sweep(object, Leftover::Raw, tended).await?;
            } else {
                tended.strange.push(object.key);
            }
        }
        Ok(())
    }

    /// What lies where no table is that this version knows.
    fn unknown(&self) -> impl Iterator<Item = String> {
        let database = &self.lake.database;
        let known = [layout::probe(database), layout::keeper(database)];
        self.homes.values().flatten().map(|object| object.key.clone()).filter(move |key| !known.contains(key))
    }

    async fn sweep(&self, object: ObjectInfo, what: Leftover, tended: &mut Tended) -> Result<()> {
        if !self.is_old(object.modified) && !planted::is(Bug::SweepIgnoresAge) {
            return Ok(());
        }
        if self.upkeep.delete {
            self.lake.store.delete(&object.key).await?;
            tracing::debug!(name: "orphan_swept", target: "path", key = object.key, ?what, "deleted");
        }
        tended.swept.push(Swept { key: object.key, bytes: object.size, what });
        Ok(())
    }

    /// Whether what was put then may be without a name for good.
    fn is_old(&self, put: Timestamp) -> bool {
        self.now.duration_since(put) >= self.upkeep.spare
    }

    /// Whether what was replaced then may go.
    fn is_outdated(&self, replaced: Timestamp) -> bool {
        self.now.duration_since(replaced) >= self.upkeep.keep.max(self.upkeep.spare)
    }
}
