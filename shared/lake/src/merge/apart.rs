//! Values of columns whose type is not the lake's, kept in `_extra` under the name of the column.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, Schema};
use model::{Error, ErrorKind, Result, Timestamp, decimal};
use tables::json;

/// The column that takes what no other column takes: a JSON object.
const EXTRA: &str = "_extra";

/// Columns of a file that the lake has with a type that does not hold their values.
#[derive(Debug)]
pub(super) struct Apart {
    /// The place of `_extra` in the lake.
    pub(super) extra: usize,
    /// Name, and place in the file.
    columns: Vec<(String, usize)>,
}

impl Apart {
    /// Where the lake of `schema` keeps values apart, if it can.
    pub(super) fn new(schema: &Schema) -> Option<Self> {
        let extra = schema.fields().iter().position(|field| field.name() == EXTRA && field.is_nullable())?;
        Some(Self { extra, columns: Vec::new() })
    }

    /// Keeps the column called `name`, which is at `place` in the file.
    pub(super) fn keep(&mut self, name: &str, place: usize) {
        self.columns.push((name.to_owned(), place));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// `extra` with the values of `batch`.
    pub(super) fn add(&self, table: &str, batch: &RecordBatch, extra: &ArrayRef) -> Result<ArrayRef> {
        let odd = |what: String| Error::new(ErrorKind::Storage, format!("raw rows of {table} have {what}"));
        let texts = extra.as_string_opt::<i32>().ok_or_else(|| odd(format!("an odd {EXTRA}")))?;
        let mut rows: Vec<Option<String>> = texts.iter().map(|text| text.map(str::to_owned)).collect();
        for (name, place) in &self.columns {
            let Some(column) = batch.columns().get(*place) else { continue };
            for (row, object) in rows.iter_mut().enumerate().filter(|(row, _)| column.is_valid(*row)) {
                let value = json_of(column, row).map_err(|e| odd(format!("an odd {name}")).because(e))?;
                let with = with(object.as_deref(), name, &value);
                *object = Some(with.map_err(|e| odd(format!("an odd {EXTRA}")).because(e))?);
            }
        }
        Ok(Arc::new(StringArray::from(rows)))
    }
}

/// `object` with one more key. What FreshBooks itself calls so stays as it is.
fn with(object: Option<&str>, name: &str, value: &str) -> serde_json::Result<String> {
    let (mut name, mut entries) = (name.to_owned(), Vec::new());
    if let Some(object) = object {
        json::entries(object, |key, value| entries.push((key.into_owned(), value)))?;
    }
    while entries.iter().any(|(key, _)| *key == name) {
        name.push('_');
    }
    entries.push((name, value));
    let entries =
        entries.into_iter().map(|(key, value)| Ok(format!("{}:{value}", serde_json::to_string(&key)?)));
    Ok(format!("{{{}}}", entries.collect::<serde_json::Result<Vec<_>>>()?.join(",")))
}

/// A value as JSON: exact, so decimals are texts.
fn json_of(column: &ArrayRef, row: usize) -> std::result::Result<String, arrow_schema::ArrowError> {
    let text = match column.data_type() {
        DataType::Boolean => return Ok(column.as_boolean().value(row).to_string()),
        DataType::Int32 => return Ok(column.as_primitive::<Int32Type>().value(row).to_string()),
        DataType::Int64 => return Ok(column.as_primitive::<Int64Type>().value(row).to_string()),
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Decimal128(_, scale) => {
            let value = column.as_primitive::<Decimal128Type>().value(row);
            decimal::format(value, u8::try_from(*scale).unwrap_or_default())
        }
        DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, Some(_)) => {
            let at = column.as_primitive::<TimestampMicrosecondType>().value(row);
            Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |at| at.to_string())
        }
        _ => ArrayFormatter::try_new(column, &FormatOptions::new())?.value(row).to_string(),
    };
    serde_json::to_string(&text).map_err(|e| arrow_schema::ArrowError::ExternalError(Box::new(e)))
}
