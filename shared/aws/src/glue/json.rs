//! A table as Glue's JSON has it.

use std::collections::BTreeMap;

use lake::glue::{GlueColumn, GlueTable, Registered, StoredAs};
use model::{Error, ErrorKind, Result};
use serde_json::{Value, json};

const PARQUET: &str = "org.apache.hadoop.hive.ql.io.parquet";

/// What is sent of a table.
pub(super) fn table_input(table: &GlueTable) -> Value {
    let mut storage = json!({ "Columns": columns(&table.columns), "Location": table.location });
    if table.stored_as == StoredAs::Parquet {
        storage["InputFormat"] = format!("{PARQUET}.MapredParquetInputFormat").into();
        storage["OutputFormat"] = format!("{PARQUET}.MapredParquetOutputFormat").into();
        storage["SerdeInfo"] = json!({ "SerializationLibrary": format!("{PARQUET}.serde.ParquetHiveSerDe") });
    }
    json!({
        "Name": table.name,
        "Description": table.doc,
        "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": storage,
        "PartitionKeys": columns(&table.partition_keys),
        "Parameters": table.parameters,
    })
}

fn columns(columns: &[GlueColumn]) -> Vec<Value> {
    columns
        .iter()
        .map(|column| json!({ "Name": column.name, "Type": column.kind, "Comment": column.doc }))
        .collect()
}

/// What is understood of an answer about a table.
pub(super) fn registered(body: &[u8]) -> Result<Registered> {
    let malformed = |what: &str| Error::new(ErrorKind::Storage, format!("Glue's answer {what}"));
    let answer: Value = serde_json::from_slice(body).map_err(|e| malformed("is not JSON").because(e))?;
    let table = answer.get("Table").ok_or_else(|| malformed("has no table"))?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let version = text(table.get("VersionId")).ok_or_else(|| malformed("has no version"))?;
    let location = text(table.pointer("/StorageDescriptor/Location"));
    let parameters: BTreeMap<String, String> = table
        .get("Parameters")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    Ok(Registered { version, location, parameters })
}
