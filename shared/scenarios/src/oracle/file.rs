//! The few columns of a data file that are judged.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_row::{RowConverter, SortField};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use xxhash_rust::xxh3::xxh3_64;

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

    /// An instant, in microseconds since 1970.
    pub(super) fn instant(&self, name: &str, row: usize) -> Option<i64> {
        let column = self.0.column_by_name(name).filter(|column| column.is_valid(row))?;
        column.as_primitive_opt::<TimestampMicrosecondType>().map(|column| column.value(row))
    }

    /// A digest per row over all columns but those named, whatever their order.
    pub(super) fn digests(&self, but: &[&str]) -> Result<Vec<u64>, String> {
        let schema = self.0.schema();
        let mut columns: Vec<_> = schema
            .fields()
            .iter()
            .zip(self.0.columns())
            .filter(|(field, _)| !but.contains(&field.name().as_str()))
            .collect();
        columns.sort_by_key(|(field, _)| field.name().clone());
        let sorted = columns.iter().map(|(field, _)| SortField::new(field.data_type().clone())).collect();
        let values: Vec<_> = columns.iter().map(|(_, values)| Arc::clone(values)).collect();
        let rows = RowConverter::new(sorted).and_then(|converter| converter.convert_columns(&values));
        Ok(rows.map_err(|e| e.to_string())?.iter().map(|row| xxh3_64(row.as_ref())).collect())
    }

    /// Whether every column but those named is null.
    pub(super) fn is_bare(&self, but: &[&str], row: usize) -> bool {
        let schema = self.0.schema();
        let mut columns = schema.fields().iter().zip(self.0.columns());
        columns.all(|(field, column)| but.contains(&field.name().as_str()) || column.is_null(row))
    }
}

/// Reads all columns.
pub(super) fn whole(bytes: Bytes) -> Result<Vec<Batch>, String> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(|e| e.to_string())?;
    reader.map(|batch| batch.map(Batch).map_err(|e| e.to_string())).collect()
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
