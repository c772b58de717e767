//! Rows as they are in a file to rows as the lake has them today.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_cast::cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use model::{Error, ErrorKind, Result};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

/// Where each column of the lake is in a file.
#[derive(Debug)]
pub(super) struct Conform {
    table: String,
    schema: SchemaRef,
    picks: Vec<Option<usize>>,
}

impl Conform {
    /// Finds the columns of `schema` by name.
    pub(super) fn by_name(table: &str, schema: &SchemaRef, from: &Schema) -> Result<Self> {
        Self::new(table, schema, from, |field| from.fields().iter().position(|f| f.name() == field.name()))
    }

    /// Finds the columns of `schema` by field id, since they may have had another name or not been there.
    pub(super) fn by_id(table: &str, schema: &SchemaRef, from: &Schema) -> Result<Self> {
        Self::new(table, schema, from, |field| {
            let id = field_id(field)?;
            from.fields().iter().position(|f| field_id(f) == Some(id))
        })
    }

    fn new(
        table: &str,
        schema: &SchemaRef,
        from: &Schema,
        find: impl Fn(&Field) -> Option<usize>,
    ) -> Result<Self> {
        let picks: Vec<_> = schema.fields().iter().map(|field| find(field)).collect();
        for (to, pick) in schema.fields().iter().zip(&picks) {
            let Some(from) = pick.and_then(|at| from.fields().get(at)) else { continue };
            if !widens(from.data_type(), to.data_type()) {
                let (has, wants) = (from.data_type(), to.data_type());
                let what = format!("{table}.{} cannot be taken from {has} to {wants}", to.name());
                return Err(Error::new(ErrorKind::Internal, what));
            }
        }
        Ok(Self { table: table.to_owned(), schema: Arc::clone(schema), picks })
    }

    /// The rows of `batch` in the lake's columns; one that the file lacks is null.
    pub(super) fn batch(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.schema.fields().iter().zip(&self.picks).map(|(field, pick)| {
            match pick.and_then(|at| batch.columns().get(at)) {
                None => Ok(new_null_array(field.data_type(), batch.num_rows())),
                Some(column) => self.widen(field, column),
            }
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map_err(|e| {
            Error::new(ErrorKind::Internal, format!("rows of {} do not fit the table", self.table)).because(e)
        })
    }

    fn widen(&self, field: &Field, column: &ArrayRef) -> Result<ArrayRef> {
        if column.data_type() == field.data_type() {
            return Ok(Arc::clone(column));
        }
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(column, field.data_type(), &options).map_err(|e| {
            let what = format!("{}.{} cannot be taken to {}", self.table, field.name(), field.data_type());
            Error::new(ErrorKind::Internal, what).because(e)
        })
    }
}

fn field_id(field: &Field) -> Option<&str> {
    field.metadata().get(PARQUET_FIELD_ID_META_KEY).map(String::as_str)
}

/// The places in `from` of the columns that `wanted` has too, by field id, in the order of `from`.
pub(super) fn shared(wanted: &Schema, from: &Schema) -> Vec<usize> {
    let ids: Vec<_> = wanted.fields().iter().filter_map(|field| field_id(field)).collect();
    let has = |field: &Field| field_id(field).is_some_and(|id| ids.contains(&id));
    from.fields().iter().enumerate().filter(|(_, field)| has(field)).map(|(at, _)| at).collect()
}

/// Whether every value of type `from` is one of type `to`.
fn widens(from: &DataType, to: &DataType) -> bool {
    use DataType::{Decimal128, Int8, Int16, Int32, Int64, LargeUtf8, Timestamp, Utf8};
    match (from, to) {
        _ if from == to => true,
        (Int8 | Int16 | Int32, Int64) | (Int8 | Int16, Int32) | (Utf8, LargeUtf8) => true,
        (Decimal128(digits, scale), Decimal128(more_digits, more_scale)) => {
            let before = i16::from(*digits) - i16::from(*scale);
            more_scale >= scale && i16::from(*more_digits) - i16::from(*more_scale) >= before
        }
        // Both are instants: the zone is only how they are shown.
        (Timestamp(unit, Some(_)), Timestamp(other, Some(_))) => unit == other,
        _ => false,
    }
}
