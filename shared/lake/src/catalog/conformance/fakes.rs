//! A store and a Glue in memory, each behind one lock, that lose answers when told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use model::port::{ObjectInfo, ObjectStore, Put};
use model::{Error, ErrorKind, Result, Timestamp};

use crate::glue::{GlueTable, GlueTables, Registered, Registration};

/// What happens to the next change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    #[default]
    Fine,
    /// It never arrives, and nobody says so.
    LostBefore,
    /// It takes effect, and nobody says so.
    LostAfter,
    /// It is refused for good.
    Refused,
}

fn lost() -> Error {
    Error::new(ErrorKind::CommitUnknown, "the answer was lost")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// With the instant at which each was put.
    objects: Mutex<BTreeMap<String, (Bytes, Timestamp)>>,
    fate: Mutex<Fate>,
    /// The next object whose key has this inside cannot be put.
    refused: Mutex<Option<&'static str>>,
    now: Mutex<Timestamp>,
    /// The object whose next change has this fate.
    fated: Mutex<BTreeMap<String, Fate>>,
    /// How often each object was read.
    read: Mutex<BTreeMap<String, usize>>,
}

impl Memory {
    pub(crate) fn next_of(&self, key: &str, fate: Fate) {
        locked(&self.fated).insert(key.to_owned(), fate);
    }

    /// How often `key` was read since the last time.
    pub(crate) fn reads(&self, key: &str) -> usize {
        locked(&self.read).remove(key).unwrap_or_default()
    }

    pub(crate) fn next(&self, fate: Fate) {
        *locked(&self.fate) = fate;
    }

    pub(crate) fn refuse(&self, part: &'static str) {
        *locked(&self.refused) = Some(part);
    }

    /// What time it is from now on.
    pub(crate) fn set(&self, now: Timestamp) {
        *locked(&self.now) = now;
    }

    pub(crate) fn keys(&self) -> BTreeSet<String> {
        locked(&self.objects).keys().cloned().collect()
    }
}

#[async_trait]
impl ObjectStore for Memory {
    fn uri(&self) -> String {
        "s3://bucket".to_owned()
    }

    async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<Put> {
        let fate = locked(&self.fated).remove(key);
        let fate = fate.unwrap_or_else(|| std::mem::take(&mut *locked(&self.fate)));
        if fate == Fate::LostBefore {
            return Err(lost());
        }
        if locked(&self.refused).take_if(|part| key.contains(*part)).is_some() {
            return Err(Error::new(ErrorKind::Storage, "no"));
        }
        let mut objects = locked(&self.objects);
        let put = if objects.contains_key(key) { Put::AlreadyThere } else { Put::Created };
        objects.entry(key.to_owned()).or_insert((body, *locked(&self.now)));
        if fate == Fate::LostAfter { Err(lost()) } else { Ok(put) }
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        locked(&self.objects).insert(key.to_owned(), (body, *locked(&self.now)));
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        *locked(&self.read).entry(key.to_owned()).or_default() += 1;
        Ok(locked(&self.objects).get(key).map(|(body, _)| body.clone()))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let objects = locked(&self.objects);
        let found = objects.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(found
            .map(|(key, (body, at))| ObjectInfo { key: key.clone(), size: body.len() as u64, modified: *at })
            .collect())
    }

    async fn delete(&self, key: &str) -> Result<()> {
        locked(&self.objects).remove(key);
        Ok(())
    }
}

/// Glue as its documentation says: one entry per name, replaced only at the version that was read.
#[derive(Debug, Default)]
pub(crate) struct FakeGlue {
    tables: Mutex<BTreeMap<String, (u64, GlueTable)>>,
    fate: Mutex<Fate>,
    /// The table whose next change has this fate.
    fated: Mutex<BTreeMap<String, Fate>>,
    /// Every call, in order.
    calls: Mutex<Vec<String>>,
}

impl FakeGlue {
    pub(crate) fn next(&self, fate: Fate) {
        *locked(&self.fate) = fate;
    }

    pub(crate) fn next_of(&self, table: &str, fate: Fate) {
        locked(&self.fated).insert(table.to_owned(), fate);
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *locked(&self.calls))
    }

    pub(crate) fn table(&self, name: &str) -> Option<GlueTable> {
        locked(&self.tables).get(name).map(|(_, table)| table.clone())
    }

    /// What another program does.
    pub(crate) fn edit(&self, name: &str, edit: impl FnOnce(&mut GlueTable)) {
        if let Some((version, table)) = locked(&self.tables).get_mut(name) {
            *version += 1;
            edit(table);
        }
    }

    /// Somebody drops a table in the console.
    pub(crate) fn drop_table(&self, name: &str) {
        assert!(locked(&self.tables).remove(name).is_some());
    }

    fn told(&self, call: &str, table: &str) {
        locked(&self.calls).push(format!("{call} {table}"));
    }

    fn change(
        &self,
        name: &str,
        change: impl FnOnce(&mut BTreeMap<String, (u64, GlueTable)>) -> Registration,
    ) -> Result<Registration> {
        // Raw tables are no swaps.
        let fate =
            if name.starts_with("raw_") { Fate::Fine } else { std::mem::take(&mut *locked(&self.fate)) };
        let fate = locked(&self.fated).remove(name).unwrap_or(fate);
        if fate == Fate::LostBefore {
            return Err(lost());
        }
        if fate == Fate::Refused {
            return Err(Error::new(ErrorKind::Storage, "no"));
        }
        let registration = change(&mut locked(&self.tables));
        if fate == Fate::LostAfter { Err(lost()) } else { Ok(registration) }
    }
}

#[async_trait]
impl GlueTables for FakeGlue {
    async fn get(&self, _: &str, table: &str) -> Result<Option<Registered>> {
        self.told("get", table);
        Ok(locked(&self.tables).get(table).map(|(version, table)| Registered {
            version: version.to_string(),
            location: Some(table.location.clone()),
            parameters: table.parameters.clone(),
        }))
    }

    async fn create(&self, _: &str, table: &GlueTable) -> Result<Registration> {
        self.told("create", &table.name);
        self.change(&table.name, |tables| {
            if tables.contains_key(&table.name) {
                return Registration::AnotherFirst;
            }
            tables.insert(table.name.clone(), (0, table.clone()));
            Registration::Done
        })
    }

    async fn update(&self, _: &str, table: &GlueTable, version: &str) -> Result<Registration> {
        self.told("update", &table.name);
        self.change(&table.name, |tables| match tables.get_mut(&table.name) {
            Some((now, stored)) if now.to_string() == version => {
                *now += 1;
                *stored = table.clone();
                Registration::Done
            }
            _ => Registration::AnotherFirst,
        })
    }
}
