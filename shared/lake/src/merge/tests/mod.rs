//! A lake in memory, and the tables that it must hold.

mod cases;
mod damage;
mod folding;
mod model;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ::model::Result;
use ::model::port::{ObjectInfo, ObjectStore, Put};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, Field, Schema};
use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use tables::{Context, Decoder, RawText, Table, Verdict};

use super::keys::Keys;
use super::{Arrivals, Came, KeyPart, Limits, Live, Merged, RawFiles, Shape, Sink, SortedFile, merge, parts};
use crate::{Encoder, Packing};

/// Objects in memory.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<BTreeMap<String, Bytes>>);

#[async_trait]
impl ObjectStore for Memory {
    fn uri(&self) -> String {
        "memory://lake".to_owned()
    }

    async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<Put> {
        let mut objects = self.0.lock().unwrap();
        if objects.contains_key(key) {
            return Ok(Put::AlreadyThere);
        }
        objects.insert(key.to_owned(), body);
        Ok(Put::Created)
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        self.0.lock().unwrap().insert(key.to_owned(), body);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn list(&self, _: &str) -> Result<Vec<ObjectInfo>> {
        Ok(Vec::new())
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(super) struct Files(pub(super) Vec<SortedFile>);

#[async_trait]
impl Sink for Files {
    async fn put(&mut self, file: SortedFile) -> Result<()> {
        self.0.push(file);
        Ok(())
    }
}

/// The schema of a lake table, with field ids.
pub(super) fn shape(name: &str) -> Shape {
    let table = tables::find(name).unwrap();
    let schema = tables::arrow_schema(name, RawText::Drop).unwrap();
    let fields = schema.fields().iter().enumerate().map(|(at, field)| {
        let mut metadata = field.metadata().clone();
        metadata.insert("PARQUET:field_id".to_owned(), (at + 1).to_string());
        Field::clone(field).with_metadata(metadata)
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let at = |name: &&str| schema.index_of(name).unwrap();
    let (key, whole): (Vec<usize>, _) = match table.children.iter().find(|child| child.name == name) {
        Some(child) => {
            ([child.parent_key].iter().chain(&child.own_key).chain(&["_position"]).map(at).collect(), 1)
        }
        None => (table.key.iter().map(at).collect(), table.key.len()),
    };
    Shape { table: name.to_owned(), schema, key, whole }
}

/// One answer of FreshBooks: rows as JSON, or keys that are gone.
#[derive(Clone, Debug)]
pub(super) enum Page {
    Rows(Vec<String>),
    Gone(Vec<i64>),
    /// The raw files end here, and others begin.
    Cut,
}

pub(super) fn rows(rows: &[&str]) -> Page {
    Page::Rows(rows.iter().map(|row| (*row).to_owned()).collect())
}

/// A lake of one table and its children.
pub(super) struct Lake {
    pub(super) store: Memory,
    pub(super) table: &'static Table,
    pub(super) limits: Limits,
    pub(super) live: BTreeMap<&'static str, Vec<Live>>,
    pub(super) commits: usize,
    files: usize,
}

pub(super) const LIMITS: Limits = Limits { file_bytes: 48 << 10, delta_bytes: 64 << 20 };

impl Lake {
    pub(super) fn new(table: &str, limits: Limits) -> Self {
        let table = tables::find(table).unwrap();
        Self { store: Memory::default(), table, limits, live: BTreeMap::new(), commits: 0, files: 0 }
    }

    /// What commit `number` says of its rows.
    pub(super) fn context(number: usize) -> Context {
        Context { account_id: Some("qX4mRt".to_owned()), business_id: None, run_id: format!("run-{number}") }
    }

    pub(super) fn instant(commit: usize, page: usize) -> Timestamp {
        Timestamp::from_second(i64::try_from(1_700_000_000 + commit * 1000 + page).unwrap()).unwrap()
    }

    async fn put(&mut self, folder: &str, bytes: Bytes) -> String {
        self.files += 1;
        let key = format!("{folder}/{:05}.parquet", self.files);
        self.store.put(&key, bytes).await.unwrap();
        key
    }

    /// Writes raw files as an extraction does.
    pub(super) async fn raw(&mut self, pages: &[Page]) -> BTreeMap<String, Vec<String>> {
        let mut decoder = Decoder::new(self.table, Self::context(self.commits), RawText::Keep);
        let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut open: BTreeMap<String, Encoder> = BTreeMap::new();
        for (number, page) in pages.iter().chain([&Page::Cut]).enumerate() {
            let at = Self::instant(self.commits, number);
            match page {
                Page::Rows(rows) => {
                    decoder.rows(rows.iter().map(String::as_str), at, &mut |_| Verdict::Write);
                    assert!(decoder.rejected().is_empty(), "{:?}", decoder.rejected());
                }
                Page::Gone(keys) => {
                    for key in keys {
                        assert!(decoder.tombstone(&key.to_string(), at));
                    }
                }
                Page::Cut => {}
            }
            for (name, batch) in decoder.take().unwrap() {
                let fresh = || Encoder::new(batch.schema(), Packing::None).unwrap();
                open.entry(name.0).or_insert_with(fresh).write(&batch).unwrap();
            }
            if matches!(page, Page::Cut) {
                for (name, encoder) in std::mem::take(&mut open) {
                    let key = self.put("raw", encoder.finish().unwrap().bytes).await;
                    files.entry(name).or_default().push(key);
                }
            }
        }
        files
    }

    /// Commits what `pages` bring; tells what each merge did.
    pub(super) async fn commit(&mut self, pages: &[Page]) -> BTreeMap<&'static str, Merged> {
        let raw = self.raw(pages).await;
        self.commits += 1;
        self.merge(&raw).await.unwrap()
    }

    /// Merges raw files into the lake.
    pub(super) async fn merge(
        &mut self,
        raw: &BTreeMap<String, Vec<String>>,
    ) -> Result<BTreeMap<&'static str, Merged>> {
        let of = |name: &str| raw.get(name).cloned().unwrap_or_default();
        let mut all = BTreeMap::new();
        for name in self.table.lake_names().collect::<Vec<_>>() {
            let (parents, own) = (of(self.table.name), of(name));
            let shape = shape(name);
            let live = self.live.get(name).cloned().unwrap_or_default();
            let mut files = Files::default();
            let merged = {
                let parents = RawFiles::new(&self.store, &parents);
                let own = RawFiles::new(&self.store, &own);
                let arrivals = Arrivals::read(self.table, &parents).await?;
                let came = Came { arrivals: &arrivals, parts: &own };
                let (limits, packing) = (self.limits, Packing::None);
                sent(merge(&self.store, &shape, came, &live, limits, packing, &mut files)).await?
            };
            let rows: u64 = files.0.iter().map(SortedFile::rows).sum();
            assert_eq!((rows, files.0.len() as u64), (merged.rows_written, merged.files_written));
            let kept = live.into_iter().enumerate().filter(|(at, _)| !merged.replaced.contains(at));
            let mut live: Vec<Live> = kept.map(|(_, file)| file).collect();
            for file in files.0 {
                live.push(self.add(&shape, file).await);
            }
            self.live.insert(name, live);
            all.insert(name, merged);
        }
        Ok(all)
    }

    /// Puts a file that a merge made, after a look at it.
    async fn add(&mut self, shape: &Shape, file: SortedFile) -> Live {
        let batches = read(file.bytes.clone());
        let mut keys = Keys::default();
        for batch in &batches {
            keys.add(batch, &shape.key).unwrap();
        }
        assert!((1..keys.len()).all(|row| keys.get(row - 1) < keys.get(row)), "a key stands twice");
        assert_eq!(keys.len() as u64, file.rows());
        let most = self.limits.file_bytes * 3 / 2 + (32 << 10);
        assert!(file.bytes.len() <= most, "{} bytes in a file", file.bytes.len());
        let part = |batch: Option<&RecordBatch>, last: bool| {
            let column = batch?.column(shape.key[0]);
            let row = if last { column.len() - 1 } else { 0 };
            Some(match column.data_type() {
                DataType::Int64 => KeyPart::Int(column.as_primitive::<Int64Type>().value(row)),
                DataType::Date32 => KeyPart::Date(column.as_primitive::<Date32Type>().value(row)),
                _ => KeyPart::Text(column.as_string::<i32>().value(row).to_owned()),
            })
        };
        let (first, last) = (part(batches.first(), false), part(batches.last(), true));
        let (rows, bytes) = (file.rows(), file.bytes.len() as u64);
        Live { key: self.put("lake", file.bytes).await, rows, bytes, first, last }
    }

    /// All rows of a table, as text, sorted.
    pub(super) async fn rows(&self, name: &str) -> Vec<String> {
        let mut rows = Vec::new();
        for file in self.live.get(name).into_iter().flatten() {
            for batch in read(self.store.get(&file.key).await.unwrap().unwrap()) {
                rows.extend(texts(&batch));
            }
        }
        rows.sort();
        rows
    }

    /// What is said of a few columns, row by row in the order of keys.
    pub(super) async fn see(&self, name: &str, columns: &[&str]) -> Vec<String> {
        let mut rows = Vec::new();
        for file in self.live.get(name).into_iter().flatten() {
            for batch in read(self.store.get(&file.key).await.unwrap().unwrap()) {
                let places: Vec<_> = columns.iter().map(|c| batch.schema().index_of(c).unwrap()).collect();
                rows.extend(texts(&batch.project(&places).unwrap()));
            }
        }
        rows
    }
}

/// A task may move between threads while it merges.
fn sent<F: Future + Send>(future: F) -> F {
    future
}

pub(crate) fn read(bytes: Bytes) -> Vec<RecordBatch> {
    let (reader, _) = parts::read(bytes, |schema| (0..schema.fields().len()).collect()).unwrap();
    reader.map(Result::unwrap).collect()
}

/// Each row as text: every column, exactly.
pub(crate) fn texts(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::new().with_null("-");
    // Instants as numbers: to show them in UTC takes a database of time zones.
    let plain: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| match column.data_type() {
            DataType::Timestamp(..) => cast(column, &DataType::Int64).unwrap(),
            _ => column.clone(),
        })
        .collect();
    let columns: Vec<_> =
        plain.iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|"))
        .collect()
}
