//! Batches to files of a bounded size.

use std::collections::BTreeMap;

use async_trait::async_trait;
use lake::{DataFile, Encoded, Encoder, FILE_TARGET, Packing};
use model::{Error, ErrorKind, Result, TableName};
use tables::Decoder;

/// Rows that are decoded before they are encoded: enough for a batch, few enough to hold many pages.
const BATCH_ROWS: usize = 2048;
/// As many bytes of text are a batch, too, however few the rows.
const BATCH_BYTES: usize = 12 << 20;

/// Where finished files go.
#[async_trait]
pub(crate) trait Files: Send + Sync {
    /// Puts file number `part` of `table`.
    async fn put(&self, table: &TableName, part: usize, file: Encoded) -> Result<DataFile>;
}

/// The open and the finished files of one task.
#[derive(Debug)]
pub(crate) struct Writer {
    packing: Packing,
    open: BTreeMap<TableName, Encoder>,
    done: Vec<DataFile>,
}

impl Writer {
    /// A writer of files that are packed so.
    pub(crate) fn new(packing: Packing) -> Self {
        Self { packing, open: BTreeMap::new(), done: Vec::new() }
    }

    /// Takes what `decoder` holds, if it is enough for a batch; `rest` takes whatever there is.
    pub(crate) async fn drain(&mut self, decoder: &mut Decoder, rest: bool, files: &dyn Files) -> Result<()> {
        if !rest && decoder.buffered() < BATCH_ROWS && decoder.buffered_bytes() < BATCH_BYTES {
            return Ok(());
        }
        let batches = decoder
            .take()
            .map_err(|e| Error::new(ErrorKind::Internal, "cannot build a record batch").because(e))?;
        for (table, batch) in batches {
            self.write(table, &batch, files).await?;
        }
        Ok(())
    }

    /// Writes a batch of `table`; a file that has become large enough is put.
    pub(crate) async fn write(
        &mut self,
        table: TableName,
        batch: &arrow_array::RecordBatch,
        files: &dyn Files,
    ) -> Result<()> {
        let encoder = match self.open.entry(table.clone()) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(Encoder::new(batch.schema(), self.packing)?)
            }
        };
        encoder.write(batch)?;
        if encoder.size() >= FILE_TARGET
            && let Some(full) = self.open.remove(&table)
        {
            self.put(&table, full, files).await?;
        }
        Ok(())
    }

    /// Puts the files that are still open, and tells all that were put.
    pub(crate) async fn finish(mut self, files: &dyn Files) -> Result<Vec<DataFile>> {
        while let Some((table, encoder)) = self.open.pop_first() {
            self.put(&table, encoder, files).await?;
        }
        Ok(self.done)
    }

    async fn put(&mut self, table: &TableName, encoder: Encoder, files: &dyn Files) -> Result<()> {
        let part = self.done.iter().filter(|f| f.table == *table).count();
        self.done.push(files.put(table, part, encoder.finish()?).await?);
        Ok(())
    }
}
