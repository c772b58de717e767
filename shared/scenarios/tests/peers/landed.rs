//! What is in the lake, read back from its files, and a way to FreshBooks that somebody meddles with.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use lake::DataFile;
use model::port::{Transport, TransportError};
use model::{Timestamp, Unit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use simulator::InProcess;

use crate::world::World;

/// The committed files of a table or a child, oldest first, with their unit.
pub(crate) async fn files(world: &World, name: &str) -> Vec<(Unit, DataFile)> {
    let table = tables::find(name).unwrap();
    let mut files = Vec::new();
    for unit in world.units_of(table) {
        for commit in world.worker.lake.commits(table.name, &unit).await.unwrap() {
            let own = commit.files.into_iter().filter(|file| file.table.as_str() == name);
            files.extend(own.map(|file| (unit.clone(), file)));
        }
    }
    files
}

/// The committed rows of a table or a child, oldest first.
pub(crate) async fn batches(world: &World, name: &str) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    for (_, file) in files(world, name).await {
        let bytes = world.worker.lake.store().get(&file.key).await.unwrap().unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
        batches.extend(reader.map(Result::unwrap));
    }
    batches
}

pub(crate) fn ids(batch: &RecordBatch) -> Vec<i64> {
    batch.column_by_name("id").unwrap().as_primitive::<Int64Type>().values().to_vec()
}

pub(crate) fn texts<'b>(batch: &'b RecordBatch, name: &str) -> Vec<Option<&'b str>> {
    batch.column_by_name(name).unwrap().as_string::<i32>().iter().collect()
}

/// The newest version of the row `id`: the batch it is in, and its place there.
pub(crate) fn newest(batches: &[RecordBatch], id: i64) -> (&RecordBatch, usize) {
    let found =
        batches.iter().rev().find_map(|batch| Some((batch, ids(batch).iter().rposition(|i| *i == id)?)));
    found.unwrap_or_else(|| panic!("row {id} is not in the lake"))
}

pub(crate) fn instant(batch: &RecordBatch, row: usize, name: &str) -> Timestamp {
    let column = batch.column_by_name(name).unwrap().as_primitive::<TimestampMicrosecondType>();
    Timestamp::from_microsecond(column.value(row)).unwrap()
}

/// The exact sum of a money column, by currency, in units of the column's own scale.
pub(crate) fn sums(batches: &[RecordBatch], name: &str) -> BTreeMap<String, i128> {
    let mut sums = BTreeMap::new();
    for batch in batches {
        let amounts = batch.column_by_name(name).unwrap().as_primitive::<Decimal128Type>();
        for (row, code) in texts(batch, &format!("{name}_code")).into_iter().enumerate() {
            if !amounts.is_null(row) {
                *sums.entry(code.unwrap_or_default().to_owned()).or_default() += amounts.value(row);
            }
        }
    }
    sums
}

/// Changes requests on their way, and answers on their way back.
#[derive(Debug)]
pub(crate) struct Meddler {
    pub(crate) simulator: InProcess,
    /// What becomes of path and query.
    pub(crate) request: fn(&str) -> String,
    /// What becomes of the body of an answer to this path and query.
    pub(crate) answer: fn(&str, Bytes) -> Bytes,
}

#[async_trait]
impl Transport for Meddler {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let (mut parts, body) = request.into_parts();
        let target = parts.uri.path_and_query().unwrap().to_string();
        let changed = (self.request)(&target);
        let mut uri = parts.uri.into_parts();
        uri.path_and_query = Some(changed.parse().unwrap());
        parts.uri = http::Uri::from_parts(uri).unwrap();
        let answer = self.simulator.send(Request::from_parts(parts, body)).await?;
        Ok(answer.map(|body| (self.answer)(&target, body)))
    }
}
