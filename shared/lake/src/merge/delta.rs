//! The rows that come into the lake, in sorted chunks.

use std::mem;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use arrow_select::interleave::interleave_record_batch;
use model::{Error, ErrorKind, Result};

use super::conform::Conform;
use super::fates::Fates;
use super::keys::Keys;
use super::parts::{BATCH_ROWS, Batches, Parts};
use super::{Shape, tombstone};

/// Reads the rows that came, as many at once as may be held.
pub(super) struct Delta<'a> {
    shape: &'a Shape,
    fates: &'a Fates<'a>,
    parts: &'a dyn Parts,
    names: Vec<&'a str>,
    /// How many bytes of a chunk may be held.
    bound: usize,
    part: usize,
    open: Option<Batches>,
    /// The number of the next row.
    row: usize,
}

/// Some of the rows that came, sorted by key.
pub(super) struct Chunk<'a> {
    shape: &'a Shape,
    fates: &'a Fates<'a>,
    batches: Vec<RecordBatch>,
    /// Batch and row of each, in the order of their keys.
    order: Vec<(usize, usize)>,
    next: usize,
}

impl<'a> Delta<'a> {
    pub(super) fn new(shape: &'a Shape, fates: &'a Fates<'a>, parts: &'a dyn Parts, bound: usize) -> Self {
        let names = shape.schema.fields().iter().map(|field| field.name().as_str()).collect();
        Self { shape, fates, parts, names, bound, part: 0, open: None, row: 0 }
    }

    /// The next chunk, in the order of arrival.
    pub(super) async fn chunk(&mut self) -> Result<Option<Chunk<'a>>> {
        let (mut batches, mut bytes) = (Vec::new(), 0);
        while bytes < self.bound {
            let Some(batch) = self.batch().await? else { break };
            if let Some(batch) = self.select(&batch)? {
                bytes += batch.get_array_memory_size();
                batches.push(batch);
            }
        }
        if batches.is_empty() { Ok(None) } else { Chunk::new(self.shape, self.fates, batches).map(Some) }
    }

    async fn batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.open.as_mut().and_then(Iterator::next) {
                return batch.map(Some);
            }
            if self.part == self.parts.count() {
                return Ok(None);
            }
            self.open = Some(self.parts.open(self.part, &self.names).await?);
            self.part += 1;
        }
    }

    /// The rows of `batch` that come into the lake.
    fn select(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        let rows = self.row..self.row + batch.num_rows();
        self.row = rows.end;
        let selected = self.fates.selected().get(rows).ok_or_else(|| {
            Error::new(ErrorKind::Internal, format!("{} had fewer rows before", self.shape.table))
        })?;
        if !selected.contains(&true) {
            return Ok(None);
        }
        let filtered = if selected.contains(&false) {
            filter_record_batch(batch, &BooleanArray::from(selected.to_vec())).map_err(|e| self.failed(e))?
        } else {
            batch.clone()
        };
        Conform::of_rows(self.shape, &filtered.schema())?.batch(&filtered).map(Some)
    }

    fn failed(&self, error: arrow_schema::ArrowError) -> Error {
        failed(self.shape, error)
    }
}

fn failed(shape: &Shape, error: arrow_schema::ArrowError) -> Error {
    Error::new(ErrorKind::Internal, format!("cannot sort rows of {}", shape.table)).because(error)
}

impl<'a> Chunk<'a> {
    fn new(shape: &'a Shape, fates: &'a Fates<'a>, batches: Vec<RecordBatch>) -> Result<Self> {
        let mut keys = Keys::default();
        let mut places = Vec::new();
        for (at, batch) in batches.iter().enumerate() {
            keys.add(batch, &shape.key)?;
            places.extend((0..batch.num_rows()).map(|row| (at, row)));
        }
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by(|a, b| keys.get(*a).cmp(keys.get(*b)));
        let order = order.into_iter().filter_map(|row| places.get(row).copied()).collect();
        Ok(Self { shape, fates, batches, order, next: 0 })
    }

    /// The next rows.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>> {
        let end = (self.next + BATCH_ROWS).min(self.order.len());
        let rows = mem::replace(&mut self.next, end)..end;
        let rows = self.order.get(rows).unwrap_or_default();
        if rows.is_empty() {
            return Ok(None);
        }
        let batches: Vec<_> = self.batches.iter().collect();
        let batch = interleave_record_batch(&batches, rows).map_err(|e| failed(self.shape, e))?;
        let buried = self.fates.buried(&Keys::of(&batch, self.shape.whole_key())?);
        tombstone::mark(&self.shape.schema, batch, &buried, self.fates.arrivals.burials()).map(Some)
    }
}
