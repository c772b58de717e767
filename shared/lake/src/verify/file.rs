//! One file, read back whole.

use std::collections::HashSet;
use std::fmt::Write as _;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int64Type};
use arrow_schema::DataType;
use bytes::Bytes;
use model::Result;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::files::sha256;
use crate::{DataFile, KeyHash, Seen};

/// Rows decoded at once.
const BATCH_ROWS: usize = 4096;

/// What the files of one commit hold.
#[derive(Debug, Default)]
pub(super) struct Contents {
    distinct: HashSet<KeyHash>,
    /// Distinct keys of the commit's own table.
    pub(super) keys: u64,
    /// Rows of its children.
    pub(super) child_rows: u64,
    /// Rows of the table `rejected`.
    pub(super) rejected: u64,
    /// Whether a file could not be read, so that the numbers are too small.
    pub(super) incomplete: bool,
}

/// What one file holds.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) rows: u64,
    /// The keys of its rows, if it is of the commit's own table.
    keys: Option<HashSet<KeyHash>>,
}

impl Contents {
    /// Adds the distinct keys of the commit's own table to `keys`.
    pub(super) fn keys_into(&self, keys: &mut HashSet<KeyHash>) {
        keys.extend(&self.distinct);
    }

    pub(super) fn add(&mut self, file: &DataFile, read: Read) {
        match read.keys {
            Some(keys) => {
                self.distinct.extend(keys);
                self.keys = self.distinct.len() as u64;
            }
            None if file.table.as_str() == "rejected" => self.rejected += read.rows,
            None => self.child_rows += read.rows,
        }
    }
}

/// Reads back a data file of a commit of `table`; tells what is wrong with it.
pub(super) fn check(body: Result<Option<Bytes>>, file: &DataFile, table: &str) -> Result<Read, String> {
    let body = there(body)?;
    if body.len() as u64 != file.bytes {
        return Err(format!("has {} bytes instead of {}", body.len(), file.bytes));
    }
    if sha256(&body) != file.sha256 {
        return Err("has another content than was committed (SHA-256)".to_owned());
    }
    // Only bytes that are what was written are decoded: the reader may panic over others.
    let key = tables::find(table).filter(|_| file.table.as_str() == table).map(|table| table.key);
    let read = decode(body, key)?;
    if read.rows != file.rows {
        return Err(format!("has {} rows instead of {}", read.rows, file.rows));
    }
    Ok(read)
}

/// Reads back a list of rows seen, whose name tells what is inside; tells its size in bytes.
pub(super) fn check_seen(body: Result<Option<Bytes>>, key: &str) -> Result<u64, String> {
    let body = there(body)?;
    let told = key.strip_suffix(".parquet").and_then(|stem| stem.rsplit_once('-')).map(|(_, digest)| digest);
    let digest = sha256(&body);
    if told.is_none_or(|told| told.len() != 12 || !digest.starts_with(told)) {
        return Err("has another content than its name says (SHA-256)".to_owned());
    }
    let bytes = body.len() as u64;
    Seen::decode(body).map_err(|error| error.to_string())?;
    Ok(bytes)
}

pub(super) fn there(body: Result<Option<Bytes>>) -> Result<Bytes, String> {
    match body {
        Ok(Some(body)) => Ok(body),
        Ok(None) => Err("is missing".to_owned()),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

/// Decodes every row, and finds the hashes of their `key`, if that is asked for.
fn decode(body: Bytes, key: Option<&[&str]>) -> Result<Read, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("cannot be decoded: {error}");
    let builder = ParquetRecordBatchReaderBuilder::try_new(body).map_err(|e| unreadable(&e))?;
    let told = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(u64::MAX);
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|e| unreadable(&e))?;
    let mut read = Read { rows: 0, keys: key.map(|_| HashSet::new()) };
    for batch in reader {
        let batch = batch.map_err(|e| unreadable(&e))?;
        read.rows += batch.num_rows() as u64;
        if let (Some(key), Some(keys)) = (key, &mut read.keys) {
            hash_keys(&batch, key, keys)?;
        }
    }
    if told != read.rows {
        return Err(format!("has {} rows, but its end tells of {told}", read.rows));
    }
    Ok(read)
}

pub(super) fn hash_keys(
    batch: &RecordBatch,
    key: &[&str],
    into: &mut HashSet<KeyHash>,
) -> Result<(), String> {
    let mut texts = vec![String::new(); batch.num_rows()];
    for name in key {
        let column = batch.column_by_name(name).ok_or_else(|| format!("has no column {name}"))?;
        for (row, text) in texts.iter_mut().enumerate() {
            let written = match column.data_type() {
                _ if column.is_null(row) => return Err(format!("has a row without a {name}")),
                DataType::Int64 => write!(text, "{}/", column.as_primitive::<Int64Type>().value(row)),
                DataType::Utf8 => write!(text, "{}/", column.as_string::<i32>().value(row)),
                DataType::Date32 => write!(text, "{}/", column.as_primitive::<Date32Type>().value(row)),
                DataType::Boolean => write!(text, "{}/", column.as_boolean().value(row)),
                other => return Err(format!("has a column {name} of type {other}")),
            };
            debug_assert!(written.is_ok(), "writing to a string");
        }
    }
    into.extend(texts.iter().map(|text| KeyHash::of(text)));
    Ok(())
}
