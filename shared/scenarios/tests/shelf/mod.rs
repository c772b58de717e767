//! A store and a catalog in memory that fail as they are told to, rows to publish, and a reader of what tables show.

#![allow(dead_code, unused_imports, reason = "each test file uses its own part")]

mod content;
mod rows;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use lake::glue::{GlueTable, GlueTables, Registered, Registration};
use lake::{Lake, Packing};
use model::port::{ObjectInfo, ObjectStore, Put};
use model::{Error, ErrorKind, Result, Timestamp};

pub(crate) use content::{Cell, Lines, batches, cells, content, heads};
pub(crate) use rows::{Row, draft, put};

/// What is stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Things {
    /// Where it is, if it is to be put into a folder.
    pub(crate) home: Option<String>,
    pub(crate) objects: BTreeMap<String, Bytes>,
    pub(crate) entries: BTreeMap<String, (u64, GlueTable)>,
}

/// What happens to one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    #[default]
    Fine,
    /// It never leaves, and the caller knows.
    Before,
    /// It never arrives, and nobody says so.
    LostBefore,
    /// It takes effect, and nobody says so.
    LostAfter,
    /// It takes effect, its answer is lost on the way, and it is sent again: only the second answer is heard.
    Doubled,
    /// Others are writing just now, and it is refused without an effect: 409.
    Conflict,
}

/// Decides what happens to calls.
#[async_trait]
pub(crate) trait Weather: Send + Sync + fmt::Debug {
    /// The way there. `things` is what is stored.
    async fn there(&self, verb: &'static str, of: &str, things: &Arc<Mutex<Things>>) -> Fate;
    /// The way back.
    async fn back(&self);
}

/// Nothing goes wrong.
#[derive(Debug)]
pub(crate) struct Calm;

#[async_trait]
impl Weather for Calm {
    async fn there(&self, _: &'static str, _: &str, _: &Arc<Mutex<Things>>) -> Fate {
        Fate::Fine
    }

    async fn back(&self) {}
}

/// One process's way to a store and a catalog.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    pub(crate) things: Arc<Mutex<Things>>,
    pub(crate) weather: Arc<dyn Weather>,
}

impl Shelf {
    pub(crate) fn lake(&self, glue: bool) -> Lake {
        let store = Arc::new(self.clone());
        let lake = if glue {
            Lake::in_glue(store.clone(), "freshbooks", store)
        } else {
            Lake::new(store, "freshbooks")
        };
        lake.packed(Packing::None)
    }

    pub(crate) fn calm(&self) -> Self {
        Self { things: Arc::clone(&self.things), weather: Arc::new(Calm) }
    }

    async fn read<T>(&self, verb: &'static str, of: &str, read: impl Fn(&Things) -> T) -> Result<T> {
        let fate = self.weather.there(verb, of, &self.things).await;
        let answer = read(&self.things.lock().unwrap());
        self.weather.back().await;
        if fate == Fate::Fine { Ok(answer) } else { Err(refused()) }
    }

    async fn write<T>(
        &self,
        verb: &'static str,
        of: &str,
        conflict: impl Fn() -> Result<T>,
        write: impl Fn(&mut Things) -> T,
    ) -> Result<T> {
        let fate = self.weather.there(verb, of, &self.things).await;
        let answer = match fate {
            Fate::Fine => Ok(write(&mut self.things.lock().unwrap())),
            Fate::Doubled => {
                write(&mut self.things.lock().unwrap());
                Ok(write(&mut self.things.lock().unwrap()))
            }
            Fate::Before => Err(refused()),
            Fate::Conflict => conflict(),
            Fate::LostBefore => Err(lost()),
            Fate::LostAfter => {
                write(&mut self.things.lock().unwrap());
                Err(lost())
            }
        };
        self.weather.back().await;
        answer
    }
}

fn refused() -> Error {
    Error::new(ErrorKind::Storage, "not now")
}

fn lost() -> Error {
    Error::new(ErrorKind::CommitUnknown, "the answer was lost")
}

#[async_trait]
impl ObjectStore for Shelf {
    fn uri(&self) -> String {
        self.things.lock().unwrap().home.clone().unwrap_or_else(|| "memory://bucket".to_owned())
    }

    async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<Put> {
        self.write(
            "put_if_absent",
            key,
            || Err(refused()),
            |things| {
                if things.objects.contains_key(key) {
                    return Put::AlreadyThere;
                }
                things.objects.insert(key.to_owned(), body.clone());
                Put::Created
            },
        )
        .await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        let write = |things: &mut Things| drop(things.objects.insert(key.to_owned(), body.clone()));
        self.write("put", key, || Err(refused()), write).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.read("get", key, |things| things.objects.get(key).cloned()).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let info = |(key, body): (&String, &Bytes)| ObjectInfo {
            key: key.clone(),
            size: body.len() as u64,
            modified: Timestamp::UNIX_EPOCH,
        };
        self.read("list", prefix, |things| {
            let from = things.objects.range(prefix.to_owned()..);
            from.take_while(|(key, _)| key.starts_with(prefix)).map(info).collect()
        })
        .await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let delete = |things: &mut Things| drop(things.objects.remove(key));
        self.write("delete", key, || Err(refused()), delete).await
    }
}

#[async_trait]
impl GlueTables for Shelf {
    async fn get(&self, _: &str, table: &str) -> Result<Option<Registered>> {
        self.read("get", table, |things| {
            things.entries.get(table).map(|(version, table)| Registered {
                version: version.to_string(),
                location: Some(table.location.clone()),
                parameters: table.parameters.clone(),
            })
        })
        .await
    }

    async fn create(&self, _: &str, table: &GlueTable) -> Result<Registration> {
        self.write(
            "create",
            &table.name,
            || Ok(Registration::AnotherFirst),
            |things| {
                if things.entries.contains_key(&table.name) {
                    return Registration::AnotherFirst;
                }
                things.entries.insert(table.name.clone(), (0, table.clone()));
                Registration::Done
            },
        )
        .await
    }

    async fn update(&self, _: &str, table: &GlueTable, version: &str) -> Result<Registration> {
        let conflict = || Ok(Registration::AnotherFirst);
        self.write("update", &table.name, conflict, |things| match things.entries.get_mut(&table.name) {
            Some((now, stored)) if now.to_string() == version => {
                *now += 1;
                *stored = table.clone();
                Registration::Done
            }
            _ => Registration::AnotherFirst,
        })
        .await
    }
}
