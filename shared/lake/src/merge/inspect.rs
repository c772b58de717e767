//! Reading a live data file through, without merging anything.

use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;
use model::Result;
use model::port::ObjectStore;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;
use xxhash_rust::xxh3::xxh3_64;

use super::keys::Keys;
use super::live::LiveFiles;
use super::{Live, Shape};

/// Reads every row of `file`, whose bytes are `bytes`, as the table has them today; `each` gets them with the hashes of their
/// keys. Tells the footer, and whether each key is greater than the one before it.
pub(crate) fn inspect(
    store: &dyn ObjectStore,
    shape: &Shape,
    file: &Live,
    bytes: Bytes,
    mut each: impl FnMut(&RecordBatch, &[u64]),
) -> Result<(Arc<ParquetMetaData>, bool)> {
    let files = LiveFiles { store, shape, files: &[] };
    let mut reader = files.open(file, bytes.clone(), &shape.schema)?;
    let (mut last, mut ascends): (Option<Vec<u8>>, bool) = (None, true);
    while let Some(batch) = reader.next()? {
        let keys = Keys::of(&batch, &shape.key)?;
        let mut hashes = Vec::with_capacity(keys.len());
        for row in 0..keys.len() {
            let key = keys.get(row);
            ascends &= last.as_deref().is_none_or(|last| last < key);
            hashes.push(xxh3_64(key));
            last = Some(key.to_vec());
        }
        each(&batch, &hashes);
    }
    let footer =
        ParquetRecordBatchReaderBuilder::try_new(bytes).map(|builder| Arc::clone(builder.metadata()));
    footer.map(|footer| (footer, ascends)).map_err(crate::encode::failed)
}
