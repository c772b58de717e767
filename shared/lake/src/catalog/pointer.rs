//! A numbered pointer per family of tables: put if absent, never replaced.
//!
//! Whoever creates number N+1 has swapped on top of N. All tables of a family switch in this one step. Readers that know
//! nothing of it find the same versions by the `version-hint.text` of each table, which is written afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use model::planted::{self, Bug};
use model::port::{ObjectStore, Put};
use model::{Error, ErrorKind, Result, TaskId, Timestamp};
use serde::{Deserialize, Serialize};
use tables::Table;

use super::{Catalog, Heads, Move, Swap};
use crate::{files, layout};

/// The version of the pointer's own format. A newer one is refused, not guessed at.
const FORMAT: u32 = 1;

/// What stands for the version of a family in [`Heads::version`].
const NUMBER: &str = "number";

/// Pointers in an object store: a folder, or a bucket without a catalog service.
#[derive(Clone, Debug)]
pub(crate) struct Pointer {
    store: Arc<dyn ObjectStore>,
    database: String,
}

/// Which versions of a family's tables count.
#[derive(Debug, Serialize, Deserialize)]
struct Numbered {
    format: u32,
    number: u64,
    /// Who swapped.
    task: TaskId,
    /// When, by the local clock; for people, nothing is decided by it.
    committed_at: Timestamp,
    /// The key of the metadata of each table that there is.
    tables: BTreeMap<String, String>,
    /// SHA-256 of where it lies and of all that stands above: the name is only a number.
    digest: String,
}

impl Numbered {
    /// What stands in the object at `key`, as a digest.
    fn digest(&self, key: &str) -> String {
        let Self { format, number, task, committed_at, tables, digest: _ } = self;
        let tables: Vec<String> = tables.iter().map(|(table, key)| format!("{table} {key}")).collect();
        files::sha256(
            format!("{key} {format} {number} {task} {committed_at} {}", tables.join(" ")).as_bytes(),
        )
    }

    fn to_json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
            .map_err(|e| Error::new(ErrorKind::Internal, "cannot write a pointer").because(e))
    }
}

impl Pointer {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, database: String) -> Self {
        Self { store, database }
    }

    async fn hint(&self, table: &str, metadata: &str) -> Result<()> {
        let hint = stem(metadata).to_owned();
        self.store.put(&layout::hint(&self.database, table), hint.into()).await
    }
}

/// What a reader puts before `.metadata.json`.
pub(crate) fn stem(metadata: &str) -> &str {
    let name = metadata.rsplit_once('/').map_or(metadata, |(_, name)| name);
    name.strip_suffix(".metadata.json").unwrap_or(name)
}

fn read(key: &str, body: &Bytes) -> Result<Numbered> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let damaged = |e: serde_json::Error| {
        Error::new(ErrorKind::Storage, format!("{key} is damaged"))
            .because(e)
            .next("restore the object from a backup or an earlier version")
    };
    let version: Version = serde_json::from_slice(body).map_err(damaged)?;
    if version.format > FORMAT {
        let what = format!("{key} was written by a newer freshlake (format {})", version.format);
        return Err(Error::new(ErrorKind::Storage, what).next("install the newer version"));
    }
    let numbered: Numbered = serde_json::from_slice(body).map_err(damaged)?;
    if numbered.digest != numbered.digest(key) {
        let error = Error::new(ErrorKind::Storage, format!("{key} has another content than was written"));
        return Err(error.next("restore the object from a backup or an earlier version"));
    }
    Ok(numbered)
}

/// What is wrong with the pointer at `key`, down to a blank. A pointer names only what was there at its time.
pub(crate) fn examine(key: &str, body: &Bytes) -> Result<()> {
    let numbered = read(key, body)?;
    let named = key.rsplit_once('/').and_then(|(_, name)| name.strip_suffix(".json")?.parse().ok());
    if named == Some(numbered.number) && numbered.to_json()? == *body {
        return Ok(());
    }
    let error = Error::new(ErrorKind::Storage, format!("{key} has another content than was written"));
    Err(error.next("restore the object from a backup or an earlier version"))
}

#[async_trait]
impl Catalog for Pointer {
    async fn load(&self, family: &'static Table) -> Result<Heads> {
        let listed = self.store.list(&layout::pointers(&self.database, family.name)).await?;
        let Some(last) = listed.last() else { return Ok(Heads::default()) };
        let body = self.store.get(&last.key).await?.ok_or_else(|| {
            Error::new(ErrorKind::Storage, format!("{} was there and is missing", last.key))
                .next("restore the object from a backup or an earlier version")
        })?;
        let numbered = read(&last.key, &body)?;
        let version = BTreeMap::from([(NUMBER.to_owned(), numbered.number.to_string())]);
        Ok(Heads { metadata: numbered.tables, version })
    }

    fn steps(&self, family: &'static Table) -> Vec<Vec<&'static str>> {
        let children = family.children.iter().map(|child| child.name);
        vec![children.chain([family.name]).collect()]
    }

    async fn swap(&self, base: &Heads, moved: &Move<'_>) -> Result<Swap> {
        let number =
            base.version.get(NUMBER).and_then(|number| number.parse::<u64>().ok()).unwrap_or_default() + 1;
        let mut tables = base.metadata.clone();
        tables.extend(moved.metadata.clone());
        let (task, committed_at) = (moved.task.clone(), moved.at);
        let mut numbered =
            Numbered { format: FORMAT, number, task, committed_at, tables, digest: String::new() };
        let key = layout::pointer(&self.database, moved.family.name, number);
        numbered.digest = numbered.digest(&key);
        let body = numbered.to_json()?;
        if planted::is(Bug::UnfencedCommit) {
            self.store.put(&key, body.into()).await?;
            return Ok(Swap::Won);
        }
        match self.store.put_if_absent(&key, body.into()).await {
            Ok(Put::Created) => Ok(Swap::Won),
            Ok(Put::AlreadyThere) if planted::is(Bug::RefusalTrusted) => Ok(Swap::Won),
            // Perhaps our own, from an attempt whose answer was lost: whoever loads again sees it.
            Ok(Put::AlreadyThere) => Ok(Swap::Lost),
            Err(error) if error.kind() == ErrorKind::CommitUnknown => Ok(Swap::Unknown(error)),
            Err(error) => Err(error),
        }
    }

    async fn settle(&self, family: &'static Table, heads: Option<&Heads>) -> Result<()> {
        let loaded;
        let heads = if let Some(heads) = heads {
            heads
        } else {
            loaded = self.load(family).await?;
            &loaded
        };
        // The parent's comes last, so it tells for all of them.
        let Some(parent) = heads.metadata.get(family.name) else { return Ok(()) };
        let told = self.store.get(&layout::hint(&self.database, family.name)).await?;
        if told.is_some_and(|told| told == stem(parent)) {
            return Ok(());
        }
        for child in family.children {
            if let Some(metadata) = heads.metadata.get(child.name) {
                self.hint(child.name, metadata).await?;
            }
        }
        self.hint(family.name, parent).await
    }
}
