//! The rows that a table's last reading brought: keys and digests, so that a row read again without a difference is not
//! written again.
//!
//! Both are 64-bit hashes: two keys that share one (one chance in ten million at a million rows) make a row look changed
//! and be written once more, never be left out.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use model::{Error, ErrorKind, Result};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use xxhash_rust::xxh3::xxh3_64;

use crate::encode::{Encoder, Packing, failed};

/// The hash of a row's key, which is text with its parts joined by `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash(u64);

impl KeyHash {
    /// Hashes `key`.
    pub fn of(key: &str) -> Self {
        Self(xxh3_64(key.as_bytes()))
    }

    /// As a number: the sum over a set of keys identifies the set.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

/// How a row was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sight {
    /// The digest of its content.
    pub digest: u64,
    /// When it last changed, in seconds since 1970, where that tells when it comes again.
    pub updated: Option<NonZeroU32>,
}

/// Keys and digests of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    rows: HashMap<KeyHash, Sight>,
    /// The keys themselves, for tables whose rows vanish: whoever finds one missing has to name it.
    names: HashMap<KeyHash, Box<str>>,
}

impl Seen {
    /// The digest under which `key` was read.
    pub fn digest(&self, key: KeyHash) -> Option<u64> {
        self.rows.get(&key).map(|row| row.digest)
    }

    /// Remembers a row, whenever it changed.
    pub fn insert(&mut self, key: KeyHash, digest: u64) {
        self.remember(key, Sight { digest, updated: None });
    }

    /// Remembers a row.
    pub fn remember(&mut self, key: KeyHash, sight: Sight) {
        self.rows.insert(key, sight);
    }

    /// Remembers what the key of a row is.
    pub fn name(&mut self, key: KeyHash, name: impl Into<Box<str>>) {
        self.names.insert(key, name.into());
    }

    /// Every row whose key is remembered by name.
    pub fn named(&self) -> impl Iterator<Item = (KeyHash, &str)> {
        self.names.iter().map(|(key, name)| (*key, &**name))
    }

    /// How many rows are remembered.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row is remembered.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Every row: the hash of its key, and how it was read.
    pub fn iter(&self) -> impl Iterator<Item = (KeyHash, Sight)> {
        self.rows.iter().map(|(key, row)| (*key, *row))
    }

    /// As a Parquet file, sorted by key so that equal sets have equal bytes.
    pub(crate) fn encode(&self, packing: Packing) -> Result<Bytes> {
        let mut rows: Vec<_> = self.iter().collect();
        rows.sort_unstable();
        let keys: UInt64Array = rows.iter().map(|(key, _)| key.0).collect();
        let digests: UInt64Array = rows.iter().map(|(_, row)| row.digest).collect();
        let mut fields = vec![
            Field::new("key_hash", DataType::UInt64, false),
            Field::new("digest", DataType::UInt64, false),
        ];
        let mut columns: Vec<ArrayRef> = vec![Arc::new(keys), Arc::new(digests)];
        if rows.iter().any(|(_, row)| row.updated.is_some()) {
            let updated: UInt32Array = rows.iter().map(|(_, row)| row.updated.map(NonZeroU32::get)).collect();
            fields.push(Field::new("updated", DataType::UInt32, true));
            columns.push(Arc::new(updated));
        }
        if !self.names.is_empty() {
            let names: StringArray = rows.iter().map(|(key, _)| self.names.get(key).map(|n| &**n)).collect();
            fields.push(Field::new("key", DataType::Utf8, true));
            columns.push(Arc::new(names));
        }
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|e| failed(e.into()))?;
        let mut encoder = Encoder::new(schema, packing)?;
        encoder.write(&batch)?;
        Ok(encoder.finish()?.bytes)
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(crate) fn decode(bytes: Bytes) -> Result<Self> {
        let damaged =
            |why: &str| Error::new(ErrorKind::Storage, format!("a list of seen rows is damaged: {why}"));
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
            .and_then(ParquetRecordBatchReaderBuilder::build)
            .map_err(|e| damaged(&e.to_string()))?;
        let mut seen = Self::default();
        for batch in reader {
            let batch = batch.map_err(|e| damaged(&e.to_string()))?;
            let column = |name| {
                let column = batch.column_by_name(name).ok_or_else(|| damaged("a column is missing"))?;
                column.as_primitive_opt::<UInt64Type>().ok_or_else(|| damaged("a column has another type"))
            };
            let (keys, digests) = (column("key_hash")?, column("digest")?);
            // Older files lack it.
            let updated = match batch.column_by_name("updated") {
                Some(column) => Some(
                    column
                        .as_primitive_opt::<UInt32Type>()
                        .ok_or_else(|| damaged("a column has another type"))?,
                ),
                None => None,
            };
            let updated =
                |row: usize| updated.filter(|u| u.is_valid(row)).and_then(|u| NonZeroU32::new(u.value(row)));
            let rows = keys.values().iter().zip(digests.values()).enumerate();
            seen.rows.extend(
                rows.map(|(at, (key, digest))| {
                    (KeyHash(*key), Sight { digest: *digest, updated: updated(at) })
                }),
            );
            if let Some(names) = batch.column_by_name("key") {
                let names =
                    names.as_string_opt::<i32>().ok_or_else(|| damaged("a column has another type"))?;
                let rows = keys.values().iter().zip(names.iter());
                seen.names.extend(rows.filter_map(|(key, name)| Some((KeyHash(*key), name?.into()))));
            }
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_reads_back_and_equal_sets_have_equal_bytes() {
        let mut one = Seen::default();
        let mut two = Seen::default();
        for key in 0..1000_u64 {
            one.insert(KeyHash::of(&key.to_string()), key << 50);
            two.insert(KeyHash::of(&(999 - key).to_string()), (999 - key) << 50);
        }
        for set in [&mut one, &mut two] {
            set.name(KeyHash::of("7"), "7");
            set.remember(KeyHash::of("8"), Sight { digest: 8, updated: NonZeroU32::new(1_774_958_400) });
        }
        assert_eq!(one.encode(Packing::default()).unwrap(), two.encode(Packing::default()).unwrap());
        assert_eq!(Seen::decode(one.encode(Packing::default()).unwrap()).unwrap(), one);
        assert_eq!(
            Seen::decode(Seen::default().encode(Packing::default()).unwrap()).unwrap(),
            Seen::default()
        );
        assert!(Seen::decode(Bytes::from_static(b"PAR1 not")).is_err());
    }
}
