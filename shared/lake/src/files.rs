//! Putting data files where a commit can name them.

use bytes::Bytes;
use jiff::civil::Date;
use model::port::{ObjectStore, Put};
use model::{Error, ErrorKind, Result, TableName, TaskId, Unit};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Encoded, Lake, layout};

/// A file that is part of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// The table whose rows it holds: the task's own, a child, or `rejected`.
    pub table: TableName,
    /// Its key in the store.
    pub key: String,
    /// Its rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

impl Lake {
    /// Puts a data file of `task` under `raw`. Until a commit names it, it is an orphan: true rows that nobody counts.
    pub async fn put_data(
        &self,
        table: &TableName,
        unit: &Unit,
        day: Date,
        task: &TaskId,
        part: usize,
        file: Encoded,
    ) -> Result<DataFile> {
        let sha256 = sha256(&file.bytes);
        let key = layout::raw_file(table.as_str(), unit, day, task, part, &sha256);
        let (rows, bytes) = (file.rows, file.bytes.len() as u64);
        self.put_content(&key, file.bytes).await?;
        Ok(DataFile { table: table.clone(), key, rows, bytes, sha256 })
    }

    /// Puts an object whose name says what is inside.
    pub(crate) async fn put_content(&self, key: &str, body: Bytes) -> Result<()> {
        put_once(&*self.store, key, body).await
    }
}

/// Puts an object whose name says what is inside: one that is there already is the same.
pub(crate) async fn put_once(store: &dyn ObjectStore, key: &str, body: Bytes) -> Result<()> {
    /// A put whose answer was lost is sent again this often: the name makes that harmless.
    const TRIES: usize = 3;
    let mut last = None;
    for _ in 0..TRIES {
        match store.put_if_absent(key, body.clone()).await {
            Ok(Put::Created | Put::AlreadyThere) => return Ok(()),
            Err(e) if e.kind() == ErrorKind::CommitUnknown => last = Some(e),
            Err(e) => return Err(e),
        }
    }
    Err(last.unwrap_or_else(|| Error::new(ErrorKind::Storage, format!("cannot write {key}"))))
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let written = write!(hex, "{byte:02x}");
        debug_assert!(written.is_ok(), "writing to a string");
        hex
    })
}
