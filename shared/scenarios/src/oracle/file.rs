//! The few columns of a data file that are judged.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

/// A column of a batch, told by name.
pub(super) struct Batch(RecordBatch);

impl Batch {
    pub(super) fn rows(&self) -> usize {
        self.0.num_rows()
    }

    pub(super) fn int(&self, name: &str, row: usize) -> Option<i64> {
        let column = self.0.column_by_name(name).filter(|column| column.is_valid(row))?;
        column
            .as_primitive_opt::<Int64Type>()
            .map(|column| column.value(row))
            .or_else(|| column.as_primitive_opt::<Int32Type>().map(|column| i64::from(column.value(row))))
    }

    pub(super) fn text(&self, name: &str, row: usize) -> Option<&str> {
        let column = self.0.column_by_name(name).filter(|column| column.is_valid(row))?;
        column.as_string_opt::<i32>().map(|column| column.value(row))
    }

    pub(super) fn flag(&self, name: &str, row: usize) -> Option<bool> {
        let column = self.0.column_by_name(name).filter(|column| column.is_valid(row))?;
        column.as_boolean_opt().map(|column| column.value(row))
    }

    /// An exact number as plain text, with all the places of its column.
    pub(super) fn decimal(&self, name: &str, row: usize) -> Option<Cow<'static, str>> {
        let column = self.0.column_by_name(name).filter(|column| column.is_valid(row))?;
        let column = column.as_primitive_opt::<Decimal128Type>()?;
        let places = usize::try_from(column.scale()).ok()?;
        let value = column.value(row);
        let digits = format!("{:0width$}", value.unsigned_abs(), width = places + 1);
        let (whole, part) = digits.split_at(digits.len() - places);
        let sign = if value < 0 { "-" } else { "" };
        Some(Cow::Owned(format!("{sign}{whole}.{part}")))
    }

    /// Whether every column but those named is null.
    pub(super) fn is_bare(&self, but: &[&str], row: usize) -> bool {
        let schema = self.0.schema();
        let mut columns = schema.fields().iter().zip(self.0.columns());
        columns.all(|(field, column)| but.contains(&field.name().as_str()) || column.is_null(row))
    }
}

/// Reads the columns called `names` and tells how many rows the file says it has.
pub(super) fn read(bytes: Bytes, names: &[&str]) -> Result<(u64, Vec<Batch>), String> {
    let said = |error: &dyn std::error::Error| error.to_string();
    // as a reader would that knows nothing of Arrow
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder =
        ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options).map_err(|e| said(&e))?;
    let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
    let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
    let reader = builder.with_projection(mask).build().map_err(|e| said(&e))?;
    let batches: Result<Vec<_>, _> = reader.map(|batch| batch.map(Batch)).collect();
    Ok((rows, batches.map_err(|e| said(&e))?))
}
