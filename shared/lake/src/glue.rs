//! The Glue Data Catalog, as far as a lake needs one: the port that `shared/aws` implements.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use model::Result;

/// A column, in the words of Glue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlueColumn {
    /// Its name.
    pub name: String,
    /// Its type: `bigint`, `decimal(38,12)`.
    pub kind: String,
    /// What it means.
    pub doc: String,
}

/// How the files of a table are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredAs {
    /// As its Iceberg metadata says.
    Iceberg,
    /// Every Parquet file below its location.
    Parquet,
}

/// A table as it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlueTable {
    /// Its name.
    pub name: String,
    /// What a row is.
    pub doc: String,
    /// Where its files are, as a URI.
    pub location: String,
    /// How they are to be read.
    pub stored_as: StoredAs,
    /// The columns inside the files.
    pub columns: Vec<GlueColumn>,
    /// The columns that are in the paths of the files.
    pub partition_keys: Vec<GlueColumn>,
    /// Everything else that readers and other programs are told.
    pub parameters: BTreeMap<String, String>,
}

/// What Glue tells of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Changes whenever the table does.
    pub version: String,
    /// Where it says its files are; none for a view.
    pub location: Option<String>,
    /// Everything else that readers and other programs are told.
    pub parameters: BTreeMap<String, String>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It is as wanted now.
    Done,
    /// Someone else was first, and nothing was changed: the table is there already, or is no longer the version that
    /// was to be replaced. It may have been an earlier try of our own whose answer was lost.
    AnotherFirst,
}

/// The tables of the catalog.
///
/// Errors are of kind [`Storage`](model::ErrorKind::Storage), or [`CommitUnknown`](model::ErrorKind::CommitUnknown)
/// where a change was sent and its answer lost.
#[async_trait]
pub trait GlueTables: Send + Sync + fmt::Debug {
    /// The table, or `None` if the database has none of that name.
    async fn get(&self, database: &str, table: &str) -> Result<Option<Registered>>;
    /// Registers a table that is not there.
    async fn create(&self, database: &str, table: &GlueTable) -> Result<Registration>;
    /// Replaces the table if it is still `version`.
    async fn update(&self, database: &str, table: &GlueTable, version: &str) -> Result<Registration>;
}

/// Glue keeps this many bytes of a column's comment.
const COMMENT: usize = 255;

impl GlueColumn {
    /// A column; a comment that is too long for Glue loses its end.
    pub(crate) fn new(name: impl Into<String>, kind: impl Into<String>, doc: &str) -> Self {
        let mut end = doc.len().min(COMMENT);
        while !doc.is_char_boundary(end) {
            end -= 1;
        }
        let doc = doc.get(..end).unwrap_or_default().to_owned();
        Self { name: name.into(), kind: kind.into(), doc }
    }
}
