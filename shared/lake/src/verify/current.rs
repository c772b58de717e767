//! Whether a table that readers see is made of files that are there, whole, sorted, and as its manifests say.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, RecordBatch};
use model::Result;

use super::file::{hash_keys, there};
use super::{Place, RESTORE, Verification, replay};
use crate::files::sha256;
use crate::merge::{self, Live, Shape};
use crate::table::{Entry, Metadata, Owner, Plan};
use crate::{KeyHash, layout};

/// What helps where only older versions are hurt.
const OLDER: &str = "only going back needs it: restore it from a backup, or let it expire";

/// What a parent shows.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// The commit of each unit.
    pub(super) units: BTreeMap<String, String>,
    /// The keys of each unit's rows.
    pub(super) rows: BTreeMap<String, HashSet<KeyHash>>,
    /// Whether every file could be read.
    pub(super) complete: bool,
}

/// What is known of a table's rows so far.
#[derive(Default)]
struct Rows {
    /// Hashes of the keys, by unit: none may be there twice.
    keys: HashMap<String, HashSet<u64>>,
    shown: BTreeMap<String, HashSet<KeyHash>>,
}

impl Verification<'_> {
    /// Reads the table back whose metadata is at `key`; none if it has none that can be read.
    pub(super) async fn table(&mut self, place: &Place, plan: &Plan, key: &str) -> Option<Shown> {
        let lake = self.lake;
        let metadata = match lake.metadata(key).await {
            Ok(metadata) => metadata,
            Err(error) => {
                self.unreadable(plan.name, key, &error, RESTORE);
                return None;
            }
        };
        let before = self.verified.damage.len();
        let units = metadata.units().unwrap_or_else(|error| {
            self.unreadable(plan.name, key, &error, RESTORE);
            BTreeMap::new()
        });
        self.log(place, plan, key, &metadata).await;
        let mut rows = Rows::default();
        // Manifests are shared by snapshots: each is read once.
        let mut known: HashMap<String, Vec<Entry>> = HashMap::new();
        let current = metadata.current();
        for snapshot in metadata.snapshots().into_iter().rev() {
            let is_current = Some(snapshot.id) == current;
            let next = if is_current { replay(place.family) } else { OLDER.to_owned() };
            let entries = self.snapshot(place, plan, &metadata, snapshot.id, &mut known, &next).await;
            if !is_current {
                continue;
            }
            if let Some(what) = metadata.misled(&entries) {
                self.damage(plan.name, key, what, &next);
            }
            self.data(place, plan, key, &metadata, &entries, &mut rows).await;
        }
        Some(Shown { units, rows: rows.shown, complete: self.verified.damage.len() == before })
    }

    /// The versions that a reader can still go back to.
    async fn log(&mut self, place: &Place, plan: &Plan, key: &str, metadata: &Metadata) {
        let log = match metadata.log(&place.home) {
            Ok(log) => log,
            Err(error) => return self.unreadable(plan.name, key, &error, RESTORE),
        };
        for old in log {
            let wrong = match there(self.lake.store.get(&old).await) {
                Ok(body) if layout::names_content(&old, &sha256(&body)) => continue,
                Ok(_) => "has another content than its name says (SHA-256)".to_owned(),
                Err(what) => what,
            };
            self.damage(plan.name, &old, wrong, OLDER);
        }
    }

    /// The files that a snapshot is made of, as far as that can be told.
    async fn snapshot(
        &mut self,
        place: &Place,
        plan: &Plan,
        metadata: &Metadata,
        id: i64,
        known: &mut HashMap<String, Vec<Entry>>,
        next: &str,
    ) -> Vec<Entry> {
        let lake = self.lake;
        // A replay finds by the manifests what it takes the place of, so it cannot do without them.
        let whole = if next == OLDER { OLDER } else { RESTORE };
        let mut files = Vec::new();
        let Ok(list) = metadata.list(&place.home, id) else {
            self.damage(plan.name, &place.home, format!("has a snapshot {id} that is elsewhere"), whole);
            return files;
        };
        let listed = match metadata.listed(&*lake.store, &place.home, &list).await {
            Ok(listed) => listed,
            Err(error) => {
                self.unreadable(plan.name, &list, &error, whole);
                return files;
            }
        };
        for manifest in listed {
            if !known.contains_key(&manifest.key) {
                let entries = match metadata.entries(&*lake.store, &place.home, &manifest).await {
                    Ok(entries) => entries,
                    Err(error) => {
                        self.unreadable(plan.name, &manifest.key, &error, whole);
                        Vec::new()
                    }
                };
                for entry in &entries {
                    let wrong = match place.sizes.get(&entry.key) {
                        Some(size) if *size == entry.bytes => continue,
                        Some(size) => format!("has {size} bytes instead of {}", entry.bytes),
                        None => "is missing".to_owned(),
                    };
                    // One that many snapshots show is told of once, by the newest.
                    if self.named.wrong.insert(entry.key.clone()) {
                        self.damage(plan.name, &entry.key, wrong, next);
                    }
                }
                known.insert(manifest.key.clone(), entries);
            }
            files.extend(known.get(&manifest.key).into_iter().flatten().cloned());
        }
        files
    }

    async fn data(
        &mut self,
        place: &Place,
        plan: &Plan,
        key: &str,
        metadata: &Metadata,
        entries: &[Entry],
        rows: &mut Rows,
    ) {
        let next = replay(place.family);
        let shape = match metadata.shape(plan) {
            Ok(shape) => shape,
            Err(error) => return self.unreadable(plan.name, key, &error, &next),
        };
        for entry in entries.iter().filter(|entry| !self.named.wrong.contains(&entry.key)).collect::<Vec<_>>()
        {
            match self.file(place, plan, metadata, &shape, entry, rows).await {
                Ok(()) => {
                    self.verified.files += 1;
                    self.verified.rows += entry.rows;
                    self.verified.bytes += entry.bytes;
                }
                Err(what) => self.damage(plan.name, &entry.key, what, &next),
            }
        }
    }

    async fn file(
        &self,
        place: &Place,
        plan: &Plan,
        metadata: &Metadata,
        shape: &Shape,
        entry: &Entry,
        rows: &mut Rows,
    ) -> Result<(), String> {
        let body = there(self.lake.store.get(&entry.key).await)?;
        if body.len() as u64 != entry.bytes {
            return Err(format!("has {} bytes instead of {}", body.len(), entry.bytes));
        }
        // Only bytes that are what was written are decoded: the reader may panic over others.
        if !layout::names_content(&entry.key, &sha256(&body)) {
            return Err("has another content than its name says (SHA-256)".to_owned());
        }
        let owner = entry.owner.as_ref().ok_or("is of nobody")?;
        let unit = Plan::unit_of(place.family.family, owner).ok_or("is of another kind of owner")?;
        let partition = unit.partition();
        if !entry.key.starts_with(&format!("{}/data/{partition}/", place.home)) {
            return Err(format!("is not where rows of {partition} are"));
        }
        let live =
            Live { key: entry.key.clone(), rows: entry.rows, bytes: entry.bytes, first: None, last: None };
        let parent = plan.name == place.family.name;
        let keys = rows.keys.entry(partition.clone()).or_default();
        let shown = rows.shown.entry(partition).or_default();
        let (mut twice, mut strange) = (0_u64, Ok(true));
        let (footer, ascends) = merge::inspect(&*self.lake.store, shape, &live, body, |batch, hashes| {
            twice += hashes.iter().filter(|hash| !keys.insert(**hash)).count() as u64;
            if strange == Ok(true) {
                strange = is_of(batch, plan.unit, owner);
            }
            if parent && let Err(what) = hash_keys(batch, &plan.key, shown) {
                strange = Err(what);
            }
        })
        .map_err(|error| {
            error.message().strip_prefix(&*entry.key).unwrap_or(error.message()).trim().to_owned()
        })?;
        if !ascends {
            return Err("is not sorted by key, or has a key twice".to_owned());
        }
        if twice > 0 {
            return Err(format!("has {twice} rows that another file has, too"));
        }
        if !strange? {
            return Err("has rows of somebody else".to_owned());
        }
        match metadata.differs(entry, &footer).map_err(|error| error.to_string())? {
            Some(what) => Err(format!("has other figures than its manifest says: {what}")),
            None => Ok(()),
        }
    }
}

/// Whether every row of `batch` is of `owner`.
fn is_of(batch: &RecordBatch, column: &str, owner: &Owner) -> Result<bool, String> {
    let column = batch.column_by_name(column).ok_or_else(|| format!("has no column {column}"))?;
    let rows = 0..column.len();
    Ok(column.null_count() == 0
        && match owner {
            Owner::Text(text) => {
                let texts = column.as_string_opt::<i32>().ok_or("has an owner of another type")?;
                rows.into_iter().all(|row| texts.value(row) == text)
            }
            Owner::Number(number) => {
                let numbers = column.as_primitive_opt::<Int64Type>().ok_or("has an owner of another type")?;
                rows.into_iter().all(|row| numbers.value(row) == *number)
            }
        })
}
