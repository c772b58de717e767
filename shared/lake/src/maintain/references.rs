//! What names what, as it is now.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use model::planted::{self, Bug};
use model::port::ObjectInfo;
use model::{Error, ErrorKind, Result, Timestamp};
use tables::Table;

use super::object::{self, Object};
use super::{Leftover, Sweeper};
use crate::catalog::Heads;
use crate::catalog::pointer::stem;
use crate::table::Metadata;
use crate::{Lake, layout};

/// Everything of a family of tables that something names.
#[derive(Debug, Default)]
pub(super) struct References {
    /// The versions that count, by table; none where nothing was ever swapped, and all that is there may be on its way.
    pub(super) heads: BTreeMap<&'static str, Metadata>,
    /// Snapshots that are no longer named, by table, oldest first.
    pub(super) expired: BTreeMap<&'static str, Vec<i64>>,
    /// Raw files that commits name.
    pub(super) raw: HashSet<String>,
    keys: HashSet<String>,
    /// Pointers that are old, and many have followed.
    pointers: HashSet<String>,
    /// The number of the commit that is shown of each unit.
    shown: BTreeMap<String, u64>,
    /// `lake/<database>/`
    database: String,
}

/// When each object was put.
struct Put<'p>(HashMap<&'p str, Timestamp>);

impl<'p> Put<'p> {
    fn new(listed: &'p [ObjectInfo]) -> Self {
        Self(listed.iter().map(|object| (object.key.as_str(), object.modified)).collect())
    }

    /// Nothing if it was put since the listing.
    fn at(&self, key: &str) -> Option<Timestamp> {
        self.0.get(key).copied()
    }
}

impl Sweeper<'_> {
    /// Reads what names the objects of `listed`, which was listed before.
    pub(super) async fn references(
        &self,
        family: &'static Table,
        listed: &[ObjectInfo],
    ) -> Result<(Heads, References)> {
        let put = Put::new(listed);
        let mut references = References { database: self.lake.database.clone(), ..References::default() };
        // First: what a hint tells was swapped before it was written.
        let told = self.hints(family).await?;
        let heads = self.lake.catalog.load(family).await?;
        not_ahead(&told, &heads)?;
        self.pointers(family, listed, &mut references)?;
        for table in family.lake_names() {
            if let Some(key) = heads.metadata.get(table) {
                self.table(table, key, &put, &mut references).await?;
            }
        }
        self.chains(family, listed, &put, &mut references).await?;
        Ok((heads, references))
    }

    /// The versions that readers without a catalog are shown, by the key of what tells them.
    async fn hints(&self, family: &'static Table) -> Result<Vec<(&'static str, String, String)>> {
        let mut told = Vec::new();
        for table in family.lake_names() {
            let key = layout::hint(&self.lake.database, table);
            if let Some(body) = self.lake.store.get(&key).await? {
                told.push((table, key, String::from_utf8_lossy(&body).into_owned()));
            }
        }
        Ok(told)
    }

    /// Fails where a pointer is missing; notes which ones may go, from the first one on.
    fn pointers(&self, family: &Table, listed: &[ObjectInfo], references: &mut References) -> Result<()> {
        let folder = layout::pointers(&self.lake.database, family.name);
        let pointers: Vec<_> = listed
            .iter()
            .filter(|o| o.key.starts_with(&folder))
            .filter(|o| {
                object::lake(o.key.strip_prefix(&*references.home(family)).unwrap_or_default())
                    == Some(Object::Pointer)
            })
            .collect();
        let number = |object: &ObjectInfo| stem_number(&object.key);
        for (one, next) in pointers.iter().zip(pointers.iter().skip(1)) {
            if number(next) != number(one) + 1 {
                let missing = layout::pointer(&self.lake.database, family.name, number(one) + 1);
                return Err(missing_object(&missing));
            }
        }
        let old = pointers.iter().take(pointers.len().saturating_sub(self.upkeep.pointers.max(1)));
        // Whoever still wants to put one of these has loaded the one before it, and is no longer at work.
        let old = old.take_while(|object| self.is_outdated(object.modified));
        references.pointers = old.map(|object| object.key.clone()).collect();
        Ok(())
    }

    /// What the table names whose metadata is at `key`.
    async fn table(
        &self,
        table: &'static str,
        key: &str,
        put: &Put<'_>,
        references: &mut References,
    ) -> Result<()> {
        let (lake, store) = (self.lake, &*self.lake.store);
        let home = layout::home(&lake.database, table);
        let head = lake.metadata(key).await?;
        let expired = self.outdated(&head, &home, put, false)?;
        references.keys.insert(key.to_owned());
        references.keys.extend(head.log(&home)?);
        let mut lists = BTreeSet::new();
        lists_of(&head, &home, &expired, &mut lists)?;
        if planted::is(Bug::SweepForgetsHistory) {
            lists = head.current().map(|id| head.list(&home, id)).transpose()?.into_iter().collect();
        } else {
            self.lately((key, &head), &home, put, &mut lists, references).await?;
        }
        // Manifests are shared by snapshots: each is read once.
        for list in lists {
            for manifest in head.listed(store, &home, &list).await? {
                if references.keys.insert(manifest.key.clone()) {
                    let entries = head.entries(store, &home, &manifest).await?;
                    references.keys.extend(entries.into_iter().map(|entry| entry.key));
                }
            }
            references.keys.insert(list);
        }
        if !expired.is_empty() {
            references.expired.insert(table, expired);
        }
        references.heads.insert(table, head);
        Ok(())
    }

    /// The snapshots that another one has followed for long, from the oldest on; `past` tells that the version was put
    /// before the listing, and is no longer the one that counts.
    fn outdated(&self, metadata: &Metadata, home: &str, put: &Put<'_>, past: bool) -> Result<Vec<i64>> {
        let snapshots = metadata.snapshots();
        let mut outdated = 0;
        for (at, next) in snapshots.iter().enumerate().skip(1) {
            let replaced = put.at(&metadata.list(home, next.id)?);
            // Where even the next one's list was swept, it was replaced for long, too.
            if replaced.map_or(past, |at| self.is_outdated(at)) {
                outdated = at;
            }
        }
        let old = snapshots.iter().take(outdated).map(|snapshot| snapshot.id);
        Ok(old.take_while(|id| past || Some(*id) != metadata.current()).collect())
    }

    /// What was current until lately is still read: the versions before the one that counts, as far back as they were
    /// replaced less than [`spare`](super::Upkeep::spare) ago.
    async fn lately(
        &self,
        (key, head): (&str, &Metadata),
        home: &str,
        put: &Put<'_>,
        lists: &mut BTreeSet<String>,
        references: &mut References,
    ) -> Result<()> {
        let mut next = key.to_owned();
        let mut before = head.log(home)?;
        while let Some(previous) = before.pop() {
            if put.at(&next).is_some_and(|at| self.is_old(at)) {
                break;
            }
            let version = self.lake.metadata(&previous).await?;
            let expired = self.outdated(&version, home, put, put.at(&previous).is_some())?;
            lists_of(&version, home, &expired, lists)?;
            if before.is_empty() {
                before = version.log(home)?;
            }
            references.keys.insert(previous.clone());
            next = previous;
        }
        Ok(())
    }

    /// Fails where there are commits that no task can have left behind that is not shown: then more was shown once. A task
    /// is two numbers ahead at most, one for a fence and one for itself.
    fn not_behind(home: &str, listed: &[ObjectInfo], shown: &BTreeMap<String, u64>) -> Result<()> {
        const AHEAD: u64 = 2;
        let mut last = shown.clone();
        let (mut found, mut pointers) = (Vec::new(), BTreeMap::new());
        for object in listed {
            let Some(rest) = object.key.strip_prefix(home) else { continue };
            match object::lake(rest) {
                Some(Object::Commit { unit, number }) => found.push((object, unit, number)),
                Some(Object::PointerCommit) => {
                    let unit = rest.split('/').nth(1).unwrap_or_default();
                    pointers.insert(unit.to_owned(), stem_number(rest));
                }
                _ => {}
            }
        }
        // They count by being there, until a commit behind them is shown.
        for (unit, number) in pointers {
            last.entry(unit).or_insert(number);
        }
        for (object, unit, number) in found {
            let last = last.get(unit).copied().unwrap_or_default();
            if number > last + AHEAD {
                let what =
                    format!("{} is there, and the table shows only commit {last} of {unit}", object.key);
                let error = Error::new(ErrorKind::Storage, what);
                return Err(error.next(
                    "bring back the entry of the catalog that was dropped or set back, or move those commits elsewhere",
                ));
            }
        }
        Ok(())
    }

    /// The commits of every unit, the raw files that they name, and the lists of rows seen that are still compared with.
    async fn chains(
        &self,
        family: &'static Table,
        listed: &[ObjectInfo],
        put: &Put<'_>,
        references: &mut References,
    ) -> Result<()> {
        let lake = self.lake;
        let home = format!("{}/", layout::home(&lake.database, family.name));
        let mut units = match references.heads.get(family.name) {
            Some(parent) => parent.units()?,
            None => BTreeMap::new(),
        };
        references.shown = units.iter().map(|(unit, entry)| (unit.clone(), entry_number(entry))).collect();
        Self::not_behind(&home, listed, &references.shown)?;
        // Commits that were pointers themselves count by being there.
        let mut pointers: BTreeMap<&str, &str> = BTreeMap::new();
        for object in listed {
            let Some(rest) = object.key.strip_prefix(&home) else { continue };
            if object::lake(rest) != Some(Object::PointerCommit) {
                continue;
            }
            let commit = existing(lake, &object.key).await?;
            references.keys.extend([object.key.clone(), commit.seen]);
            references.raw.extend(commit.files.into_iter().map(|file| file.key));
            if let Some((unit, name)) = rest.strip_prefix("commits/").and_then(|rest| rest.split_once('/')) {
                pointers.insert(unit, name.strip_suffix(".json").unwrap_or(name));
            }
        }
        for (unit, name) in pointers {
            units.entry(unit.to_owned()).or_insert_with(|| name.to_owned());
        }
        for (unit, entry) in units {
            // When the commit behind was put; nothing behind the last one, and nothing if it was put since the listing.
            let (mut next, mut followed) = (Some(entry), None);
            while let Some(entry) = next {
                let key = format!("{home}commits/{unit}/{entry}.json");
                let commit = existing(lake, &key).await?;
                next = match &commit.previous {
                    Some(_) if planted::is(Bug::SweepForgetsCommits) => None,
                    Some(previous) => Some(previous.clone()),
                    None if commit.is_pointer() && commit.number > 1 => {
                        Some(layout::pointer_commit(commit.number - 1))
                    }
                    None => None,
                };
                references.raw.extend(commit.files.into_iter().map(|file| file.key));
                if !followed.is_some_and(|at| self.is_old(at)) {
                    references.keys.insert(commit.seen);
                }
                followed = put.at(&key);
                references.keys.insert(key);
            }
        }
        Ok(())
    }
}

impl References {
    fn home(&self, family: &Table) -> String {
        format!("{}/", layout::home(&self.database, family.name))
    }

    /// What an object of the folder of a table is that nothing names and nobody is about to name, if it is old.
    pub(super) fn leftover(&self, key: &str, object: &Object<'_>) -> Option<Leftover> {
        if self.keys.contains(key) {
            return None;
        }
        let head = self.heads.get(layout::table_of(&self.database, key)?);
        match object {
            Object::Version { version } => {
                head.filter(|head| *version <= head.version()).map(|_| Leftover::Version)
            }
            Object::Manifest { sequence } => {
                head.filter(|head| *sequence <= head.sequence()).map(|_| Leftover::Manifest)
            }
            Object::Data => head.map(|_| Leftover::Data),
            Object::Commit { unit, number } => {
                self.shown.get(*unit).filter(|shown| *number <= **shown).map(|_| Leftover::Commit)
            }
            Object::Seen => head.map(|_| Leftover::Seen),
            Object::Pointer => self.pointers.contains(key).then_some(Leftover::Pointer),
            Object::Hint | Object::PointerCommit => None,
        }
    }
}

fn lists_of(version: &Metadata, home: &str, expired: &[i64], lists: &mut BTreeSet<String>) -> Result<()> {
    for snapshot in version.snapshots().into_iter().filter(|snapshot| !expired.contains(&snapshot.id)) {
        lists.insert(version.list(home, snapshot.id)?);
    }
    Ok(())
}

/// Fails where readers were shown a version that no pointer names: then the last pointer was lost, and what it named is
/// not to be swept.
fn not_ahead(told: &[(&'static str, String, String)], heads: &Heads) -> Result<()> {
    let version = |stem: &str| stem.split_once('-').and_then(|(version, _)| version.parse::<u64>().ok());
    for (table, hint, told) in told {
        let current = heads.metadata.get(*table).and_then(|key| version(stem(key)));
        if version(told) > current {
            let what = format!("{hint} names a newer version of {table} than counts: a pointer was lost");
            let error = Error::new(ErrorKind::Storage, what);
            return Err(
                error.next("see what else is missing with freshlake verify, and restore it from a backup")
            );
        }
    }
    Ok(())
}

async fn existing(lake: &Lake, key: &str) -> Result<crate::Commit> {
    lake.commit_at(key).await?.ok_or_else(|| missing_object(key))
}

fn missing_object(key: &str) -> Error {
    let error = Error::new(ErrorKind::Storage, format!("{key} is missing"));
    error.next("see what else is missing with freshlake verify, and restore it from a backup")
}

/// The number in the name of a commit.
fn entry_number(entry: &str) -> u64 {
    entry.split_once('-').map_or(entry, |(number, _)| number).parse().unwrap_or_default()
}

/// The number in the name of a pointer.
fn stem_number(key: &str) -> u64 {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    name.strip_suffix(".json").and_then(|name| name.parse().ok()).unwrap_or_default()
}
