//! The Arrow schemas that follow from the declarations.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use model::decimal::PRECISION;

use crate::declaration::{Child, Column, Kind, Table};

/// Whether a table has the column `_raw`: the row's own JSON text, from which it can be decoded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawText {
    /// It has.
    Keep,
    /// It has not.
    Drop,
}

fn field(name: impl Into<String>, data_type: DataType, nullable: bool, doc: &str) -> Field {
    Field::new(name, data_type, nullable)
        .with_metadata(HashMap::from([("comment".to_owned(), doc.to_owned())]))
}

/// Instants in every table: UTC, microseconds.
pub(crate) fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The Arrow types that `kind` takes up: a column, and a second one where the kind has a companion.
pub(crate) fn arrow_types(kind: Kind) -> (DataType, Option<&'static str>) {
    #[expect(clippy::cast_possible_wrap, reason = "a scale is at most 38")]
    match kind {
        Kind::Int => (DataType::Int64, None),
        Kind::Text | Kind::Json => (DataType::Utf8, None),
        Kind::Bool => (DataType::Boolean, None),
        Kind::Date => (DataType::Date32, None),
        Kind::Instant(_) => (instant_type(), Some("_text")),
        Kind::Money(scale) => (DataType::Decimal128(PRECISION, scale as i8), Some("_code")),
        Kind::Decimal(scale) => (DataType::Decimal128(PRECISION, scale as i8), None),
    }
}

fn columns(columns: &[Column], key: &[&str], fields: &mut Vec<Field>) {
    for column in columns {
        let (data_type, companion) = arrow_types(column.kind);
        fields.push(field(column.name, data_type, !key.contains(&column.name), column.doc));
        if let Some(suffix) = companion {
            let doc = match column.kind {
                Kind::Money(_) => "Its currency, ISO 4217",
                _ => "The same as FreshBooks wrote it",
            };
            fields.push(field(format!("{}{suffix}", column.name), DataType::Utf8, true, doc));
        }
    }
}

fn system(raw: RawText, fields: &mut Vec<Field>) {
    fields.extend([
        field("_account_id", DataType::Utf8, true, "The accounting account the row was read from"),
        field("_business_id", DataType::Int64, true, "The business the row was read from"),
        field("_run_id", DataType::Utf8, false, "The run that read the row"),
        field("_extracted_at", instant_type(), false, "When the row was read"),
        field("_is_deleted", DataType::Boolean, false, "Whether FreshBooks says that the row is deleted"),
        field("_extra", DataType::Utf8, true, "Keys that no column takes, as a JSON object"),
    ]);
    if raw == RawText::Keep {
        let doc =
            "The row as FreshBooks sent it, secrets masked; null where all that came is that it is gone";
        fields.push(field("_raw", DataType::Utf8, true, doc));
    }
}

fn schema(fields: Vec<Field>, doc: &str) -> SchemaRef {
    Arc::new(Schema::new_with_metadata(fields, HashMap::from([("comment".to_owned(), doc.to_owned())])))
}

/// The schema of `table` itself.
pub fn table_schema(table: &Table, raw: RawText) -> SchemaRef {
    let mut fields = Vec::new();
    columns(table.columns, table.key, &mut fields);
    system(raw, &mut fields);
    schema(fields, table.doc)
}

/// The schema of a child table: its parent's key first, its position in the parent behind its own columns.
pub fn child_schema(child: &Child, raw: RawText) -> SchemaRef {
    let mut fields = vec![field(child.parent_key, DataType::Int64, false, "The row it is part of")];
    columns(child.columns, &[], &mut fields);
    fields.push(field("_position", DataType::Int32, false, "Its place in that row, from 0"));
    system(raw, &mut fields);
    schema(fields, child.doc)
}

/// The schema of the table called `name` in the lake.
pub fn arrow_schema(name: &str, raw: RawText) -> Option<SchemaRef> {
    if name == "rejected" {
        return Some(rejected_schema());
    }
    let table = crate::find(name)?;
    match table.children.iter().find(|c| c.name == name) {
        Some(child) => Some(child_schema(child, raw)),
        None => Some(table_schema(table, raw)),
    }
}

/// The schema of `rejected`: rows of any table that could not be typed, whole.
pub fn rejected_schema() -> SchemaRef {
    let text = DataType::Utf8;
    schema(
        vec![
            field("table_name", text.clone(), false, "The table the row belongs to"),
            field("key", text.clone(), true, "Its key, where that could be read"),
            field("path", text.clone(), false, "The key at fault, dotted"),
            field("reason", text.clone(), false, "What is wrong with it"),
            field("_account_id", text.clone(), true, "The accounting account the row was read from"),
            field("_business_id", DataType::Int64, true, "The business the row was read from"),
            field("_run_id", text.clone(), false, "The run that read the row"),
            field("_extracted_at", instant_type(), false, "When the row was read"),
            field("_raw", text, false, "The row as FreshBooks sent it, secrets masked"),
        ],
        "Rows that could not be typed.",
    )
}
