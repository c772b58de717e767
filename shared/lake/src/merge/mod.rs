//! What arrived of one table, merged into its live data files: copy on write, one row per key, sorted.
//!
//! ```text
//! arrivals   the keys that came, each with its rows          (parent's parts: key columns only)
//! fates      what becomes of the rows under each key         (children: which lines are the parent's last)
//! plan       which live files are rewritten, where cuts are  (live files: key columns only)
//! delta      the rows that came, in sorted chunks
//! stream     live files and the first chunk, slice by slice in the order of keys
//! write      files of bounded size
//! ```
//!
//! It knows Arrow and Parquet, and nothing of catalogs or commits.

mod anew;
mod apart;
mod arrivals;
mod children;
mod conform;
mod delta;
mod fates;
mod inspect;
mod keys;
mod live;
mod parts;
mod plan;
mod renamed;
mod stream;
#[cfg(test)]
pub(crate) mod tests;
mod tiers;
mod tombstone;
mod write;

use std::collections::VecDeque;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use model::port::ObjectStore;
use model::{Error, ErrorKind, Result};
use parquet::file::metadata::ParquetMetaData;

use crate::Packing;
use delta::Delta;
use fates::Fates;
use live::LiveFiles;
use plan::Plan;
use stream::{Source, Stream};
use write::Writer;

pub(crate) use anew::{Retyped, Untyped};
pub(crate) use arrivals::Arrivals;
pub(crate) use inspect::inspect;
pub(crate) use parts::{Parts, RawFiles};
pub(crate) use renamed::Renamed;

/// How the rows of a lake table are laid out.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Its name: the arrivals' own table, or one of that table's children.
    pub(crate) table: String,
    /// Its columns, in order. Each has a field id (`PARQUET:field_id`), by which it is found in older files.
    pub(crate) schema: SchemaRef,
    /// The places of the columns that tell one row from another, most significant first. Rows are sorted by them.
    pub(crate) key: Vec<usize>,
    /// How many of these name what FreshBooks sends whole: all of a table's own, the first of a child's.
    pub(crate) whole: usize,
}

impl Shape {
    fn is_child(&self) -> bool {
        self.whole < self.key.len()
    }

    /// The places of the columns that name what is sent whole.
    fn whole_key(&self) -> &[usize] {
        self.key.get(..self.whole).unwrap_or(&self.key)
    }
}

/// A live data file of the partition.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    /// Its key in the store.
    pub(crate) key: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// No value of the first key column is smaller.
    pub(crate) first: Option<KeyPart>,
    /// No value of the first key column is greater.
    pub(crate) last: Option<KeyPart>,
}

/// A value of a key column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KeyPart {
    Int(i64),
    Text(String),
    /// Days since 1970-01-01.
    Date(i32),
}

/// How large files and what is held in memory may become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// About how large a file may be, encoded.
    pub(crate) file_bytes: usize,
    /// About how much of what came is held at once, as Arrow.
    pub(crate) delta_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 32 << 20, delta_bytes: 24 << 20 }
    }
}

/// A finished file.
#[derive(Debug)]
pub(crate) struct SortedFile {
    pub(crate) bytes: Bytes,
    /// Has the statistics of its columns.
    pub(crate) metadata: ParquetMetaData,
}

#[cfg(test)]
impl SortedFile {
    fn rows(&self) -> u64 {
        u64::try_from(self.metadata.file_metadata().num_rows()).unwrap_or_default()
    }
}

/// Takes finished files.
#[async_trait]
pub(crate) trait Sink: Send {
    /// Takes a file; they come in no particular order of keys.
    async fn put(&mut self, file: SortedFile) -> Result<()>;
}

/// What a merge did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Merged {
    /// The places of the live files whose rows are in the new ones, as far as they are still there. Ascending.
    pub(crate) replaced: Vec<usize>,
    /// Rows of those.
    pub(crate) rows_replaced: u64,
    /// Rows of the new files.
    pub(crate) rows_written: u64,
    /// New files.
    pub(crate) files_written: u64,
    /// Rows that came and are in the new files.
    pub(crate) rows_arrived: u64,
    /// Bytes of live files that were loaded.
    pub(crate) bytes_read: u64,
}

/// What came of one table.
#[derive(Clone, Copy)]
pub(crate) struct Came<'a> {
    /// The keys of the table itself, or of the parent where it is a child.
    pub(crate) arrivals: &'a Arrivals<'a>,
    /// Its own rows.
    pub(crate) parts: &'a dyn Parts,
}

/// Merges what came of the table of `shape` into its live files. Where nothing changes, nothing is
/// written.
pub(crate) async fn merge(
    store: &dyn ObjectStore,
    shape: &Shape,
    came: Came<'_>,
    live: &[Live],
    limits: Limits,
    packing: Packing,
    sink: &mut dyn Sink,
) -> Result<Merged> {
    let mut fates = fates(shape, came).await?;
    let files = LiveFiles { store, shape, files: live };
    let plan = Plan::make(files, &fates, limits).await?;
    fates.settle(&plan.found);
    let fates = fates;

    let mut merged =
        Merged { rows_arrived: fates.count() as u64, bytes_read: plan.loaded, ..Merged::default() };
    for rewrite in &plan.rewrite {
        merged.replaced.push(rewrite.place);
        let Some(file) = live.get(rewrite.place) else { continue };
        merged.rows_replaced += file.rows;
        merged.bytes_read += if rewrite.bytes.is_some() || rewrite.emptied { 0 } else { file.bytes };
    }
    merged.replaced.sort_unstable();

    let mut delta = Delta::new(shape, &fates, came.parts, limits.delta_bytes);
    let mut writer = Writer::new(shape, limits, packing, sink);
    let mut waiting: VecDeque<_> = plan.rewrite.into_iter().filter(|file| !file.emptied).collect();
    let mut segments: VecDeque<_> = plan.segments.into();
    loop {
        let chunk = match delta.chunk().await? {
            Some(chunk) => Source::came(shape, &fates, chunk)?,
            None if waiting.is_empty() => break,
            None => None,
        };
        let (waiting, segments) = (std::mem::take(&mut waiting), std::mem::take(&mut segments));
        let open = chunk.into_iter().collect();
        Stream { live: files, fates: &fates, waiting, segments, open }.run(&mut writer).await?;
        // What comes now may have any key.
        writer.segment(u64::MAX).await?;
    }
    writer.finish().await?;
    merged.rows_written = writer.written;
    merged.files_written = writer.files;
    Ok(merged)
}

async fn fates<'a>(shape: &Shape, came: Came<'a>) -> Result<Fates<'a>> {
    let Came { arrivals, parts } = came;
    if shape.table == arrivals.table().name {
        return Ok(Fates::of_table(arrivals));
    }
    let child = arrivals.table().children.iter().find(|child| child.name == shape.table);
    let child = child.ok_or_else(|| {
        let what = format!("{} is not part of {}", shape.table, arrivals.table().name);
        Error::new(ErrorKind::Internal, what)
    })?;
    children::fates(arrivals, child, parts).await
}
