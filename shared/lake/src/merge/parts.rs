//! Where rows that arrived come from.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Field, Schema};
use async_trait::async_trait;
use bytes::Bytes;
use model::port::ObjectStore;
use model::{Error, ErrorKind};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

/// Rows decoded at once.
pub(super) const BATCH_ROWS: usize = 4_096;

/// Batches of one part, in the order in which the rows arrived.
pub(crate) type Batches = Box<dyn Iterator<Item = model::Result<RecordBatch>> + Send>;

/// The rows of one table that a commit brings, part by part, oldest first. The same part gives the same rows each time
/// that it is opened.
#[async_trait]
pub(crate) trait Parts: Send + Sync {
    /// How many parts there are.
    fn count(&self) -> usize;

    /// Opens a part; of its columns, only those in `columns` are needed, and those that it lacks are left out.
    async fn open(&self, part: usize, columns: &[&str]) -> model::Result<Batches>;
}

/// Raw files, each a part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawFiles<'a> {
    store: &'a dyn ObjectStore,
    keys: &'a [String],
}

impl<'a> RawFiles<'a> {
    /// The files under `keys`, oldest first.
    pub(crate) fn new(store: &'a dyn ObjectStore, keys: &'a [String]) -> Self {
        Self { store, keys }
    }
}

#[async_trait]
impl Parts for RawFiles<'_> {
    fn count(&self) -> usize {
        self.keys.len()
    }

    async fn open(&self, part: usize, columns: &[&str]) -> model::Result<Batches> {
        let key = self.keys.get(part).cloned().unwrap_or_default();
        let broken = |what: &str| {
            Error::new(ErrorKind::Storage, format!("{key} {what}"))
                .next("see what `freshlake verify` says, and restore the file from a backup")
        };
        let bytes = self.store.get(&key).await?.ok_or_else(|| broken("is missing"))?;
        let wanted = |schema: &Schema| {
            let fields = schema.fields().iter().enumerate();
            fields.filter(|(_, f)| columns.contains(&today(f.name()))).map(|(at, _)| at).collect()
        };
        let (reader, _) = read(bytes, wanted).map_err(|e| broken("is damaged").because(e))?;
        Ok(Box::new(reader.map(move |batch| {
            batch.and_then(renamed).map_err(|e| {
                Error::new(ErrorKind::Storage, format!("{key} is damaged"))
                    .because(e)
                    .next("see what `freshlake verify` says, and restore the file from a backup")
            })
        })))
    }
}

/// What a column is called today. Iceberg reserves the former name, and some engines refuse tables that have it.
fn today(name: &str) -> &str {
    if name == "_deleted" { "_is_deleted" } else { name }
}

/// A batch with the names of today.
fn renamed(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    if schema.fields().iter().all(|field| today(field.name()) == field.name()) {
        return Ok(batch);
    }
    let fields = schema.fields().iter().map(|field| Field::clone(field).with_name(today(field.name())));
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), batch.columns().to_vec())
}

/// Reads the columns of a Parquet file whose places `wanted` tells; tells its rows, too.
pub(super) fn read(
    bytes: Bytes,
    wanted: impl FnOnce(&Schema) -> Vec<usize>,
) -> parquet::errors::Result<(ParquetRecordBatchReader, u64)> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(u64::MAX);
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted(builder.schema()));
    let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()?;
    Ok((reader, rows))
}
