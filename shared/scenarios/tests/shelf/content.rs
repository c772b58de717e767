//! Reads what tables show, with none of the code that wrote it.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array as _, RecordBatch};
use bytes::Bytes;
use iceberg::spec::{FormatVersion, Manifest, ManifestList};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::Things;

/// The lines of an invoice, by their places.
pub(crate) type Lines = BTreeMap<i64, Vec<(i32, String, bool)>>;

/// Where the metadata of each table is.
pub(crate) fn heads(things: &Things, glue: bool) -> BTreeMap<String, String> {
    if glue {
        let location = |table: &lake::glue::GlueTable| table.parameters.get("metadata_location").cloned();
        let keys =
            things.entries.iter().filter_map(|(name, (_, table))| Some((name.clone(), location(table)?)));
        return keys
            .map(|(name, at)| (name, at.strip_prefix("memory://bucket/").unwrap().to_owned()))
            .collect();
    }
    let last = things.objects.keys().rfind(|key| key.starts_with("lake/freshbooks/invoices/catalog/"));
    let Some(last) = last else { return BTreeMap::new() };
    let pointer: Value = serde_json::from_slice(&things.objects[last]).unwrap();
    let tables = pointer["tables"].as_object().unwrap().iter();
    tables.map(|(table, key)| (table.clone(), key.as_str().unwrap().to_owned())).collect()
}

/// The rows of a table, read by the test's own means.
pub(crate) fn batches(things: &Things, metadata: &str) -> Vec<RecordBatch> {
    let object = |path: &str| -> Bytes {
        let key = &path[path.find("lake/freshbooks/").unwrap()..];
        things.objects.get(key).unwrap_or_else(|| panic!("{key} is not there")).clone()
    };
    let metadata: Value = serde_json::from_slice(&object(metadata)).unwrap();
    let mut snapshots = metadata["snapshots"].as_array().into_iter().flatten();
    let Some(current) = snapshots.find(|s| s["snapshot-id"] == metadata["current-snapshot-id"]) else {
        return Vec::new();
    };
    let list = object(current["manifest-list"].as_str().unwrap());
    let list = ManifestList::parse_with_version(&list, FormatVersion::V2).unwrap();
    let mut batches = Vec::new();
    for manifest in list.entries() {
        let manifest = Manifest::parse_avro(&object(&manifest.manifest_path)).unwrap();
        for entry in manifest.entries().iter().filter(|entry| entry.is_alive()) {
            let reader = ParquetRecordBatchReaderBuilder::try_new(object(entry.file_path())).unwrap();
            batches.extend(reader.build().unwrap().map(Result::unwrap));
        }
    }
    batches
}

/// A row of either table: its value, whether it is deleted, and what an older version did not know.
pub(crate) type Cell = (String, bool, Option<String>);

/// The rows of an account by their keys and places.
pub(crate) fn cells(batches: &[RecordBatch], table: &str, account: &str) -> BTreeMap<(i64, i32), Cell> {
    let (key, value, more) = match table {
        "invoices" => ("id", "invoice_number", "vat_number"),
        _ => ("invoiceid", "name", "description"),
    };
    let mut cells = BTreeMap::new();
    for batch in batches {
        let column =
            |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("{table} lacks {name}"));
        let (keys, values) = (column(key).as_primitive::<Int64Type>(), column(value).as_string::<i32>());
        let (deleted, accounts) =
            (column("_is_deleted").as_boolean(), column("_account_id").as_string::<i32>());
        for row in (0..batch.num_rows()).filter(|row| accounts.value(*row) == account) {
            let place = batch.column_by_name("_position").map(|c| c.as_primitive::<Int32Type>().value(row));
            // A file of before the column was added does not have it.
            let more = batch.column_by_name(more).map(AsArray::as_string::<i32>);
            let more = more.filter(|column| column.is_valid(row)).map(|column| column.value(row).to_owned());
            let at = (keys.value(row), place.unwrap_or_default());
            let cell = (values.value(row).to_owned(), deleted.value(row), more);
            assert!(cells.insert(at, cell).is_none(), "{table} has {at:?} twice");
        }
    }
    cells
}

/// The invoices of an account with their value and whether they are deleted, and their lines.
pub(crate) fn content(things: &Things, glue: bool, account: &str) -> (BTreeMap<i64, (String, bool)>, Lines) {
    let heads = heads(things, glue);
    let of = |table: &str| {
        let batches = heads.get(table).map(|head| batches(things, head)).unwrap_or_default();
        cells(&batches, table, account)
    };
    let invoices = of("invoices").into_iter().map(|((key, _), (value, deleted, _))| (key, (value, deleted)));
    let mut lines = Lines::new();
    for ((key, place), (value, deleted, _)) in of("invoice_lines") {
        lines.entry(key).or_default().push((place, value, deleted));
    }
    (invoices.collect(), lines)
}
