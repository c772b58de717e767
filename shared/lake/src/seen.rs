//! The rows that a table's last reading brought: keys and digests, so that a row read again without a difference is not
//! written again.
//!
//! Both are 64-bit hashes: two keys that share one (one chance in ten million at a million rows) make a row look changed
//! and be written once more, never be left out.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
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

/// Keys and digests of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    digests: HashMap<KeyHash, u64>,
    /// The keys themselves, for tables whose rows vanish: whoever finds one missing has to name it.
    names: HashMap<KeyHash, Box<str>>,
}

impl Seen {
    /// The digest under which `key` was read.
    pub fn digest(&self, key: KeyHash) -> Option<u64> {
        self.digests.get(&key).copied()
    }

    /// Remembers a row.
    pub fn insert(&mut self, key: KeyHash, digest: u64) {
        self.digests.insert(key, digest);
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
        self.digests.len()
    }

    /// Whether no row is remembered.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// Every row: the hash of its key, and its digest.
    pub fn iter(&self) -> impl Iterator<Item = (KeyHash, u64)> {
        self.digests.iter().map(|(key, digest)| (*key, *digest))
    }

    /// As a Parquet file, sorted by key so that equal sets have equal bytes.
    pub(crate) fn encode(&self, packing: Packing) -> Result<Bytes> {
        let mut rows: Vec<_> = self.digests.iter().map(|(key, digest)| (*key, *digest)).collect();
        rows.sort_unstable();
        let keys: UInt64Array = rows.iter().map(|(key, _)| key.0).collect();
        let digests: UInt64Array = rows.iter().map(|(_, digest)| *digest).collect();
        let mut fields = vec![
            Field::new("key_hash", DataType::UInt64, false),
            Field::new("digest", DataType::UInt64, false),
        ];
        let mut columns: Vec<ArrayRef> = vec![Arc::new(keys), Arc::new(digests)];
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
            let rows = keys.values().iter().zip(digests.values());
            seen.digests.extend(rows.map(|(key, digest)| (KeyHash(*key), *digest)));
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
