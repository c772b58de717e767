//! Reading live data files.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use model::port::ObjectStore;
use model::{Error, ErrorKind, Result};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::conform::{self, Conform};
use super::{KeyPart, Live, Shape, parts};

/// The live files of one partition.
#[derive(Clone, Copy)]
pub(super) struct LiveFiles<'a> {
    pub(super) store: &'a dyn ObjectStore,
    pub(super) shape: &'a Shape,
    pub(super) files: &'a [Live],
}

/// One live file, read batch by batch.
pub(super) struct Reader<'a> {
    shape: &'a Shape,
    file: &'a Live,
    conform: Conform,
    batches: ParquetRecordBatchReader,
    rows: u64,
}

fn damaged(shape: &Shape, file: &Live, what: &str) -> Error {
    let next = format!("see what `freshlake verify` says; `freshlake replay {}` makes it anew", shape.table);
    Error::new(ErrorKind::Storage, format!("{} {what}", file.key)).next(next)
}

impl<'a> LiveFiles<'a> {
    /// Loads a file.
    pub(super) async fn load(&self, file: &Live) -> Result<Bytes> {
        let bytes = self.store.get(&file.key).await?;
        let bytes = bytes.ok_or_else(|| damaged(self.shape, file, "is missing"))?;
        if bytes.len() as u64 != file.bytes {
            let what = format!("has {} bytes instead of {}", bytes.len(), file.bytes);
            return Err(damaged(self.shape, file, &what));
        }
        Ok(bytes)
    }

    /// Reads the columns of `schema`, some of the table's.
    pub(super) fn open(&self, file: &'a Live, bytes: Bytes, schema: &SchemaRef) -> Result<Reader<'a>> {
        let mut found = Ok(());
        let opened = parts::read(bytes, |from| {
            found = Conform::by_id(&self.shape.table, schema, from).map(|_| ());
            conform::shared(schema, from)
        });
        found?;
        let (batches, rows) = opened.map_err(|e| damaged(self.shape, file, "is damaged").because(e))?;
        if rows != file.rows {
            return Err(damaged(self.shape, file, &format!("has {rows} rows instead of {}", file.rows)));
        }
        let conform =
            Conform::by_id(&self.shape.table, schema, &arrow_array::RecordBatchReader::schema(&batches))?;
        Ok(Reader { shape: self.shape, file, conform, batches, rows: 0 })
    }

    /// A bound as the beginning of the keys that have it.
    pub(super) fn bound(&self, part: Option<&KeyPart>) -> Option<Vec<u8>> {
        let column = self.shape.schema.fields().get(*self.shape.key.first()?)?;
        part?.encode(column.data_type())
    }

    /// The schema of some of the table's columns.
    pub(super) fn some(&self, places: &[usize]) -> Result<SchemaRef> {
        let schema = self.shape.schema.project(places).map_err(|e| {
            Error::new(ErrorKind::Internal, format!("{} has no such key", self.shape.table)).because(e)
        })?;
        Ok(Arc::new(schema))
    }
}

impl Reader<'_> {
    /// The next rows, as the table has them today.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(batch) = self.batches.next() else {
            if self.rows == self.file.rows {
                return Ok(None);
            }
            let what = format!("has {} rows instead of {}", self.rows, self.file.rows);
            return Err(damaged(self.shape, self.file, &what));
        };
        let batch = batch.map_err(|e| damaged(self.shape, self.file, "is damaged").because(e))?;
        self.rows += batch.num_rows() as u64;
        self.conform.batch(&batch).map(Some)
    }

    /// The error of rows that are not in the order of their keys.
    pub(super) fn unsorted(&self) -> Error {
        damaged(self.shape, self.file, "is not sorted by key")
    }
}
