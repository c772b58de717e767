//! What names what, as it is now.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use model::port::ObjectInfo;
use model::{Error, ErrorKind, Result, Timestamp};
use tables::Table;

use super::expire::Expiry;
use super::{POINTER_AGE, POINTERS, Upkeep};
use crate::catalog::Heads;
use crate::catalog::pointer::stem;
use crate::{Lake, layout};

/// Everything of a family of tables that something names.
#[derive(Debug, Default)]
pub(super) struct References {
    /// Whether there are tables at all: where nothing was ever swapped, all that is there may be on its way.
    pub(super) counts: bool,
    /// Raw files that commits name.
    pub(super) raw: HashSet<String>,
    keys: HashSet<String>,
    /// Pointers that are old, and many have followed.
    pointers: HashSet<String>,
    /// `lake/<database>/`
    root: String,
}

impl References {
    /// Reads what names the objects of `listed`, which was listed before.
    pub(super) async fn read(
        lake: &Lake,
        family: &'static Table,
        listed: &[ObjectInfo],
        upkeep: Upkeep,
        now: Timestamp,
        expiry: &Expiry,
    ) -> Result<Self> {
        let mut references = Self { root: layout::database(&lake.database), ..Self::default() };
        let heads = lake.catalog.load(family).await?;
        references.counts = !heads.metadata.is_empty();
        references.not_ahead(lake, family, &heads).await?;
        let mut units = BTreeMap::new();
        for table in family.lake_names() {
            if let Some(key) = heads.metadata.get(table) {
                units = references.table(lake, table, key, expiry.of(table)).await?;
            }
        }
        if let Some(key) = heads.metadata.get(family.name) {
            units = lake.metadata(key).await?.units()?;
        }
        references.chains(lake, family, units, listed, upkeep, now).await?;
        let folder = layout::pointers(&lake.database, family.name);
        let pointers: Vec<_> = listed.iter().filter(|object| object.key.starts_with(&folder)).collect();
        let old = pointers.iter().take(pointers.len().saturating_sub(POINTERS));
        let old = old.filter(|object| now.duration_since(object.modified) >= POINTER_AGE);
        references.pointers = old.map(|object| object.key.clone()).collect();
        Ok(references)
    }

    /// Fails where readers were shown a version that no pointer names: then the last pointer was lost, and what it named is
    /// not to be swept.
    async fn not_ahead(&self, lake: &Lake, family: &Table, heads: &Heads) -> Result<()> {
        let version = |stem: &str| stem.split_once('-').and_then(|(version, _)| version.parse::<u64>().ok());
        for table in family.lake_names() {
            let hint = layout::hint(&lake.database, table);
            let Some(told) = lake.store.get(&hint).await? else { continue };
            let told = version(&String::from_utf8_lossy(&told));
            let current = heads.metadata.get(table).and_then(|key| version(stem(key)));
            if told > current {
                let what = format!("{hint} names a newer version of {table} than counts: a pointer was lost");
                return Err(Error::new(ErrorKind::Storage, what).next("see what freshlake verify says"));
            }
        }
        Ok(())
    }

    /// What the metadata at `key` names; tells which commit of each unit it shows.
    async fn table(
        &mut self,
        lake: &Lake,
        table: &str,
        key: &str,
        expired: &[i64],
    ) -> Result<BTreeMap<String, String>> {
        let home = layout::home(&lake.database, table);
        let metadata = lake.metadata(key).await?;
        self.keys.insert(key.to_owned());
        self.keys.insert(layout::hint(&lake.database, table));
        self.keys.extend(metadata.log(&home)?);
        let mut read = HashSet::new();
        for snapshot in metadata.snapshots().into_iter().filter(|snapshot| !expired.contains(&snapshot.id)) {
            let list = metadata.list(&home, snapshot.id)?;
            for manifest in metadata.listed(&*lake.store, &home, &list).await? {
                if read.insert(manifest.key.clone()) {
                    let entries = metadata.entries(&*lake.store, &home, &manifest).await?;
                    self.keys.extend(entries.into_iter().map(|entry| entry.key));
                    self.keys.insert(manifest.key);
                }
            }
            self.keys.insert(list);
        }
        metadata.units()
    }

    /// The commits of every unit, the raw files that they name, and the lists of rows seen that are still compared with.
    async fn chains(
        &mut self,
        lake: &Lake,
        family: &Table,
        mut units: BTreeMap<String, String>,
        listed: &[ObjectInfo],
        upkeep: Upkeep,
        now: Timestamp,
    ) -> Result<()> {
        let put: HashMap<&str, Timestamp> =
            listed.iter().map(|object| (object.key.as_str(), object.modified)).collect();
        let home = layout::home(&lake.database, family.name);
        let commits = format!("{home}/commits/");
        // Commits that were pointers themselves count by being there, until a table shows one of their unit.
        let mut pointers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for object in listed.iter().filter(|object| layout::is_pointer_commit(&object.key)) {
            if let Some((unit, name)) =
                object.key.strip_prefix(&commits).and_then(|rest| rest.split_once('/'))
            {
                self.keys.insert(object.key.clone());
                let name = name.strip_suffix(".json").unwrap_or(name);
                pointers.entry(unit.to_owned()).or_default().insert(name.to_owned());
            }
        }
        for (unit, names) in pointers {
            if let Some(last) = names.into_iter().next_back() {
                units.entry(unit).or_insert(last);
            }
        }
        for (unit, entry) in units {
            // When the commit behind was put; none behind the last one, and none if it was put since.
            let (mut next, mut followed) = (Some(entry), None);
            while let Some(entry) = next {
                let key = format!("{commits}{unit}/{entry}.json");
                let commit = lake.commit_at(&key).await?.ok_or_else(|| {
                    let error = Error::new(ErrorKind::Storage, format!("{key} is missing"));
                    error.next("see what freshlake verify says")
                })?;
                self.raw.extend(commit.files.iter().map(|file| file.key.clone()));
                let long_ago = |at: Timestamp| now.duration_since(at) >= upkeep.spare;
                if !followed.is_some_and(long_ago) {
                    self.keys.insert(commit.seen.clone());
                }
                followed = put.get(key.as_str()).copied();
                next = match &commit.previous {
                    Some(previous) => Some(previous.clone()),
                    None if commit.is_pointer() && commit.number > 1 => {
                        Some(layout::pointer_commit(commit.number - 1))
                    }
                    None => None,
                };
                self.keys.insert(key);
            }
        }
        Ok(())
    }

    /// What an object is that nothing names; none where something does, or where it is not known what it is.
    pub(super) fn orphan(&self, key: &str) -> Option<&'static str> {
        if self.keys.contains(key) || self.raw.contains(key) {
            return None;
        }
        if key.starts_with("raw/") {
            return key.ends_with(".parquet").then_some("raw rows of no commit");
        }
        let mut parts = key.strip_prefix(&self.root)?.splitn(3, '/');
        let (_, folder, name) = (parts.next()?, parts.next()?, parts.next()?);
        match folder {
            "commits" if name.ends_with(".json") => Some("a commit that lost"),
            "seen" if name.ends_with(".parquet") => Some("a list of rows seen that is out of use"),
            "data" if name.ends_with(".parquet") => Some("a data file of no snapshot"),
            "metadata" if name.ends_with(".avro") => Some("a manifest of no snapshot"),
            "metadata" if name.ends_with(".metadata.json") => Some("a version that fell off the log"),
            "catalog" if self.pointers.contains(key) => Some("an old pointer"),
            _ => None,
        }
    }
}
