//! Sorted sources to one sorted stream, slice by slice.

use std::collections::VecDeque;
use std::ops::Range;

use arrow_array::RecordBatch;
use bytes::Bytes;
use model::Result;

use super::Shape;
use super::delta::Chunk;
use super::fates::Fates;
use super::keys::{Keys, gallop};
use super::live::{LiveFiles, Reader};
use super::plan::{Rewrite, Segment};
use super::tombstone;
use super::write::Writer;

/// Merges live files and a chunk of what came.
pub(super) struct Stream<'a> {
    pub(super) live: LiveFiles<'a>,
    pub(super) fates: &'a Fates<'a>,
    /// Live files that wait for their first key, in its order.
    pub(super) waiting: VecDeque<Rewrite>,
    pub(super) segments: VecDeque<Segment>,
    pub(super) open: Vec<Source<'a>>,
}

/// Where sorted rows come from.
pub(super) struct Source<'a> {
    shape: &'a Shape,
    fates: &'a Fates<'a>,
    input: Input<'a>,
    batch: RecordBatch,
    keys: Keys,
    /// The rows of `batch` that are still to come.
    spans: VecDeque<Range<usize>>,
}

enum Input<'a> {
    Live { reader: Box<Reader<'a>>, last: Vec<u8> },
    Came(Chunk<'a>),
}

impl Stream<'_> {
    /// Writes all rows, those of the smallest key first.
    pub(super) async fn run(mut self, writer: &mut Writer<'_>) -> Result<()> {
        loop {
            let head = self.open.iter().map(Source::head).min();
            let opens = |next: &Rewrite| match (head, &next.first) {
                (Some(head), Some(first)) => first.as_slice() <= head,
                _ => true,
            };
            if let Some(next) = self.waiting.pop_front_if(|next| opens(next)) {
                self.load(next).await?;
                continue;
            }
            let Some(head) = head else { return Ok(()) };
            if let Some(segment) = self.segments.pop_front_if(|segment| segment.from.as_slice() <= head) {
                writer.segment(segment.rows_per_file).await?;
                continue;
            }
            self.step(writer).await?;
        }
    }

    async fn load(&mut self, next: Rewrite) -> Result<()> {
        let Some(file) = self.live.files.get(next.place) else { return Ok(()) };
        let bytes: Bytes = match next.bytes {
            Some(bytes) => bytes,
            None => self.live.load(file).await?,
        };
        let reader = self.live.open(file, bytes, &self.live.shape.schema)?;
        // A key before the first would break the order of the rows that are written already.
        let last = next.first.unwrap_or_default();
        let input = Input::Live { reader: Box::new(reader), last };
        self.open.extend(Source::new(self.live.shape, self.fates, input)?);
        Ok(())
    }

    /// Takes rows of the first source, up to where another begins, or another segment; tells which source it was.
    fn slice(&mut self) -> Option<(usize, RecordBatch, Range<usize>)> {
        let heads = self.open.iter().enumerate().map(|(at, source)| (source.head(), at));
        let (_, first) = heads.clone().min()?;
        let other = heads.filter(|(_, at)| *at != first).map(|(head, _)| head).min();
        let file = self.waiting.front().and_then(|next| next.first.as_deref());
        let segment = self.segments.front().map(|segment| segment.from.as_slice());
        let bound: Option<Vec<u8>> = [other, file, segment].into_iter().flatten().min().map(<[u8]>::to_vec);
        let source = self.open.get_mut(first)?;
        let rows = source.until(bound.as_deref());
        Some((first, source.batch.clone(), rows))
    }

    async fn step(&mut self, writer: &mut Writer<'_>) -> Result<()> {
        let Some((first, batch, rows)) = self.slice() else { return Ok(()) };
        writer.add(batch, rows).await?;
        if let Some(source) = self.open.get_mut(first)
            && !source.fill()?
        {
            self.open.swap_remove(first);
        }
        Ok(())
    }
}

impl<'a> Source<'a> {
    /// A source of rows that came.
    pub(super) fn came(shape: &'a Shape, fates: &'a Fates<'a>, chunk: Chunk<'a>) -> Result<Option<Self>> {
        Self::new(shape, fates, Input::Came(chunk))
    }

    /// None if there are no rows.
    fn new(shape: &'a Shape, fates: &'a Fates<'a>, input: Input<'a>) -> Result<Option<Self>> {
        let batch = RecordBatch::new_empty(shape.schema.clone());
        let mut source = Self { shape, fates, input, batch, keys: Keys::default(), spans: VecDeque::new() };
        Ok(source.fill()?.then_some(source))
    }

    /// The key of the next row.
    fn head(&self) -> &[u8] {
        self.spans.front().map(|span| self.keys.get(span.start)).unwrap_or_default()
    }

    /// Takes the next rows that follow each other and whose keys come before `bound`; at least one.
    fn until(&mut self, bound: Option<&[u8]>) -> Range<usize> {
        let Some(span) = self.spans.front_mut() else { return 0..0 };
        let keys = &self.keys;
        let end = match bound {
            Some(bound) => gallop(span.start + 1, span.end, |row| keys.get(row) < bound),
            None => span.end,
        };
        let taken = span.start..end;
        span.start = end;
        if span.start == span.end {
            self.spans.pop_front();
        }
        taken
    }

    /// Reads on, if nothing is left of the batch; tells whether there are rows.
    fn fill(&mut self) -> Result<bool> {
        while self.spans.is_empty() {
            let batch = match &mut self.input {
                Input::Live { reader, .. } => reader.next()?,
                Input::Came(chunk) => chunk.next()?,
            };
            let Some(batch) = batch else { return Ok(false) };
            self.take(batch)?;
        }
        Ok(true)
    }

    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        self.keys = Keys::of(&batch, &self.shape.key)?;
        let Input::Live { reader, last } = &mut self.input else {
            self.spans.push_back(0..batch.num_rows());
            self.batch = batch;
            return Ok(());
        };
        if batch.num_rows() > 0 {
            if !self.keys.are_sorted() || self.keys.get(0) < last.as_slice() {
                return Err(reader.unsorted());
            }
            last.clear();
            last.extend_from_slice(self.keys.get(batch.num_rows() - 1));
        }
        let judged = if self.shape.is_child() {
            self.fates.judge(&Keys::of(&batch, self.shape.whole_key())?)
        } else {
            self.fates.judge(&self.keys)
        };
        self.spans.extend(judged.spans);
        let burials = self.fates.arrivals.burials();
        self.batch = tombstone::mark(&self.shape.schema, batch, &judged.buried, burials)?;
        Ok(())
    }
}
