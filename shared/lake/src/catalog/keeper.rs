//! Who keeps a lake: two catalogs over the same files would each forget what the other has committed.
//!
//! `lake/<database>/catalog.json` says it, put if absent with the first swap and never changed. It is read once per process;
//! a lake of before it is known by what is there, since only pointers leave objects in the store.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use model::port::{ObjectStore, Put};
use model::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use tables::Table;

use super::{Catalog, Heads, Move, Swap};
use crate::layout;

/// The version of what the object says. A newer one is refused, not guessed at.
const FORMAT: u32 = 1;

/// An object is put and looked for this often, if answers are lost.
const TRIES: usize = 3;

/// A kind of catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Numbered objects in the store.
    Pointers,
    /// The Glue Data Catalog.
    Glue,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pointers => "pointers in the store",
            Self::Glue => "the Glue Data Catalog",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Pointers => Self::Glue,
            Self::Glue => Self::Pointers,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    format: u32,
    kind: Kind,
}

/// What is known of a lake's keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Nothing,
    /// Nobody has said so far.
    Unclaimed,
    Ours,
}

/// A catalog that first looks whether it is the one.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) catalog: Arc<dyn Catalog>,
    store: Arc<dyn ObjectStore>,
    database: String,
    kind: Kind,
    known: Mutex<Known>,
}

impl Keeper {
    pub(crate) fn new(
        catalog: Arc<dyn Catalog>,
        store: Arc<dyn ObjectStore>,
        database: String,
        kind: Kind,
    ) -> Self {
        Self { catalog, store, database, kind, known: Mutex::new(Known::Nothing) }
    }

    /// Where it is said.
    pub(crate) fn key(&self) -> String {
        layout::keeper(&self.database)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    fn known(&self) -> Known {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is(&self, known: Known) -> Known {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        known
    }

    /// What the object says, if it is there: that we are the one.
    pub(crate) async fn told(&self) -> Result<bool> {
        let key = self.key();
        let Some(body) = self.store.get(&key).await? else { return Ok(false) };
        let damaged = || {
            Error::new(ErrorKind::Storage, format!("{key} has another content than was written"))
                .next("restore it from a backup, or delete it: the next run puts it again")
        };
        let note: Note = serde_json::from_slice(&body).map_err(|e| damaged().because(e))?;
        if note.format > FORMAT {
            let what = format!("{key} was written by a newer freshlake (format {})", note.format);
            return Err(Error::new(ErrorKind::Storage, what).next("install the newer version"));
        }
        if note.kind != self.kind {
            return Err(self.anothers(&format!("as {key} says")));
        }
        if body == self.note()? { Ok(true) } else { Err(damaged()) }
    }

    fn note(&self) -> Result<Bytes> {
        let note = serde_json::to_vec(&Note { format: FORMAT, kind: self.kind });
        note.map(Bytes::from)
            .map_err(|e| Error::new(ErrorKind::Internal, "cannot write who keeps the lake").because(e))
    }

    fn anothers(&self, proof: &str) -> Error {
        let (ours, other) = (self.kind.as_str(), self.kind.other().as_str());
        let what = format!("the database {} is kept by {other}, {proof}, and not by {ours}", self.database);
        Error::new(ErrorKind::Config, what).next(match self.kind {
            Kind::Pointers => "go on where it is kept by Glue, or name another database here",
            Kind::Glue => "go on without Glue as its catalog, or give the lake in Glue a database of its own",
        })
    }

    /// Reads who it is, unless that is known.
    async fn read(&self) -> Result<Known> {
        match self.known() {
            Known::Nothing if self.told().await? => Ok(self.is(Known::Ours)),
            Known::Nothing => Ok(self.is(Known::Unclaimed)),
            known => Ok(known),
        }
    }

    /// Says that it is us, before anything counts by us.
    async fn claim(&self) -> Result<()> {
        if self.read().await? == Known::Ours {
            return Ok(());
        }
        if self.left_behind().await? == Some(self.kind.other()) {
            return Err(self.anothers("as what is there says"));
        }
        let mut last = None;
        for _ in 0..TRIES {
            match self.store.put_if_absent(&self.key(), self.note()?).await {
                Ok(Put::Created) => last = None,
                // Whose it is, reading tells.
                Ok(Put::AlreadyThere) => {}
                Err(error) if error.kind() == ErrorKind::CommitUnknown => last = Some(error),
                Err(error) => return Err(error),
            }
            if self.told().await? {
                self.is(Known::Ours);
                return Ok(());
            }
        }
        let what = format!("{} was put, and is not there", self.key());
        let error = Error::new(ErrorKind::Storage, what);
        Err(match last {
            Some(cause) => error.because(cause),
            None => error,
        })
    }

    /// Who has kept a lake without such an object.
    async fn left_behind(&self) -> Result<Option<Kind>> {
        let mut kind = None;
        let home = layout::home(&self.database, "");
        for object in self.store.list(&home).await? {
            let key = object.key.strip_prefix(&home).unwrap_or_default();
            let mut parts = key.split('/').skip(1);
            match (parts.next(), parts.next(), parts.next()) {
                (Some("catalog"), Some(_), None) => return Ok(Some(Kind::Pointers)),
                // A first version may be one that never counted; a second one is made of one that did.
                (Some("metadata"), Some(name), None) if follows(name) => kind = Some(Kind::Glue),
                _ => {}
            }
        }
        Ok(kind)
    }
}

/// Whether a version of a table's metadata comes after another one.
fn follows(name: &str) -> bool {
    let version = name.split_once('-').and_then(|(version, _)| version.parse::<u64>().ok());
    name.ends_with(".metadata.json") && version.is_some_and(|version| version > 1)
}

#[async_trait]
impl Catalog for Keeper {
    async fn load(&self, family: &'static Table) -> Result<Heads> {
        self.read().await?;
        self.catalog.load(family).await
    }

    fn steps(&self, family: &'static Table) -> Vec<Vec<&'static str>> {
        self.catalog.steps(family)
    }

    async fn swap(&self, base: &Heads, moved: &Move<'_>) -> Result<Swap> {
        self.claim().await?;
        self.catalog.swap(base, moved).await
    }

    async fn settle(&self, family: &'static Table, heads: Option<&Heads>) -> Result<()> {
        self.catalog.settle(family, heads).await
    }
}
