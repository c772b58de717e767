//! One sorted stream to files of bounded size.

use std::ops::Range;

use arrow_array::RecordBatch;
use arrow_select::interleave::interleave_record_batch;
use model::{Error, ErrorKind, Result};

use super::parts::BATCH_ROWS;
use super::{Limits, Shape, Sink, SortedFile};
use crate::{Encoder, Packing};

/// Slices of fewer rows than this, on average, are copied together before they are file.
const SLICE_ROWS: usize = 64;

/// Writes sorted rows to files.
pub(super) struct Writer<'a> {
    shape: &'a Shape,
    limits: Limits,
    packing: Packing,
    sink: &'a mut dyn Sink,
    encoder: Option<Encoder>,
    /// Rows in the open file.
    rows: u64,
    /// Rows after which a file is closed, however small.
    rows_per_file: u64,
    slices: Vec<(RecordBatch, Range<usize>)>,
    waiting: usize,
    /// Rows of all files.
    pub(super) written: u64,
    /// Files.
    pub(super) files: u64,
}

impl<'a> Writer<'a> {
    pub(super) fn new(shape: &'a Shape, limits: Limits, packing: Packing, sink: &'a mut dyn Sink) -> Self {
        Self {
            shape,
            limits,
            packing,
            sink,
            encoder: None,
            rows: 0,
            rows_per_file: u64::MAX,
            slices: Vec::new(),
            waiting: 0,
            written: 0,
            files: 0,
        }
    }

    /// Begins another file, and closes each after `rows_per_file` rows.
    pub(super) async fn segment(&mut self, rows_per_file: u64) -> Result<()> {
        self.finish().await?;
        self.rows_per_file = rows_per_file.max(1);
        Ok(())
    }

    /// Adds rows, whose keys follow those before.
    pub(super) async fn add(&mut self, batch: RecordBatch, mut rows: Range<usize>) -> Result<()> {
        while !rows.is_empty() {
            let room = self.step().saturating_sub(self.waiting).max(1);
            let end = rows.end.min(rows.start + room);
            self.slices.push((batch.clone(), rows.start..end));
            self.waiting += end - rows.start;
            rows.start = end;
            if self.waiting >= self.step() {
                self.flush()?;
                let full = self.encoder.as_ref().is_some_and(|e| e.size() >= self.limits.file_bytes);
                if full || self.rows >= self.rows_per_file {
                    self.close().await?;
                }
            }
        }
        Ok(())
    }

    /// Closes the last file.
    pub(super) async fn finish(&mut self) -> Result<()> {
        self.flush()?;
        self.close().await
    }

    /// Rows to encode before the file's size is looked at again.
    fn step(&self) -> usize {
        let step = (self.limits.file_bytes / 4096).clamp(16, BATCH_ROWS);
        let left = usize::try_from(self.rows_per_file.saturating_sub(self.rows)).unwrap_or(step);
        step.min(left).max(1)
    }

    fn flush(&mut self) -> Result<()> {
        if self.waiting == 0 {
            return Ok(());
        }
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(Encoder::new(self.shape.schema.clone(), self.packing)?),
        };
        if self.slices.len() > 1 && self.waiting / self.slices.len() < SLICE_ROWS {
            let joined = join(&self.slices).map_err(|e| {
                let what = format!("cannot merge rows of {}", self.shape.table);
                Error::new(ErrorKind::Internal, what).because(e)
            })?;
            encoder.write(&joined)?;
        } else {
            for (batch, rows) in &self.slices {
                encoder.write(&batch.slice(rows.start, rows.len()))?;
            }
        }
        self.rows += self.waiting as u64;
        self.slices.clear();
        self.waiting = 0;
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        let Some(encoder) = self.encoder.take() else { return Ok(()) };
        self.rows = 0;
        let (file, metadata) = encoder.finish_with_metadata()?;
        self.written += file.rows;
        self.files += 1;
        self.sink.put(SortedFile { bytes: file.bytes, metadata }).await
    }
}

/// The rows of all slices as one batch.
fn join(slices: &[(RecordBatch, Range<usize>)]) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let mut batches: Vec<&RecordBatch> = Vec::new();
    let mut rows = Vec::new();
    let same = |a: &RecordBatch, b: &RecordBatch| match (a.columns().first(), b.columns().first()) {
        (Some(a), Some(b)) => std::sync::Arc::ptr_eq(a, b),
        _ => false,
    };
    for (batch, range) in slices {
        let at = batches.iter().rposition(|known| same(known, batch)).unwrap_or_else(|| {
            batches.push(batch);
            batches.len() - 1
        });
        rows.extend(range.clone().map(|row| (at, row)));
    }
    interleave_record_batch(&batches, &rows)
}
