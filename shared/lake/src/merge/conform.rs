//! Rows as they are in a file to rows as the lake has them today.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_cast::cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use model::{Error, ErrorKind, Result};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

use super::Shape;
use super::apart::Apart;

/// Where each column of the lake is in a file.
#[derive(Debug)]
pub(super) struct Conform {
    table: String,
    schema: SchemaRef,
    picks: Vec<Option<usize>>,
    /// Columns whose values go into `_extra`.
    apart: Option<Apart>,
}

impl Conform {
    /// Finds the columns of `schema` by name.
    pub(super) fn by_name(table: &str, schema: &SchemaRef, from: &Schema) -> Result<Self> {
        let find = |field: &Field| from.fields().iter().position(|f| f.name() == field.name());
        Self::new(table, schema, from, None, |_, field| find(field))
    }

    /// The same for rows that came. A column with values that the lake's type does not hold is null, and its values are
    /// in `_extra`; not so a key, or what is never null.
    pub(super) fn of_rows(shape: &Shape, from: &Schema) -> Result<Self> {
        let mut apart = Apart::new(&shape.schema);
        let mut kept = Vec::new();
        for (place, to) in shape.schema.fields().iter().enumerate() {
            let Ok(at) = from.index_of(to.name()) else { continue };
            let may = to.is_nullable() && !shape.key.contains(&place);
            if let Some(apart) = apart.as_mut().filter(|apart| may && apart.extra != place)
                && !widens(from.field(at).data_type(), to.data_type())
            {
                apart.keep(to.name(), at);
                kept.push(place);
            }
        }
        let apart = apart.filter(|apart| !apart.is_empty());
        Self::new(&shape.table, &shape.schema, from, apart, |place, field| {
            if kept.contains(&place) { None } else { from.index_of(field.name()).ok() }
        })
    }

    /// Finds the columns of `schema` by field id, since they may have had another name or not been there.
    pub(super) fn by_id(table: &str, schema: &SchemaRef, from: &Schema) -> Result<Self> {
        Self::new(table, schema, from, None, |_, field| {
            let id = field_id(field)?;
            from.fields().iter().position(|f| field_id(f) == Some(id))
        })
    }

    fn new(
        table: &str,
        schema: &SchemaRef,
        from: &Schema,
        apart: Option<Apart>,
        find: impl Fn(usize, &Field) -> Option<usize>,
    ) -> Result<Self> {
        let picks: Vec<_> = (0..).zip(schema.fields()).map(|(place, field)| find(place, field)).collect();
        for (to, pick) in schema.fields().iter().zip(&picks) {
            let Some(from) = pick.and_then(|at| from.fields().get(at)) else { continue };
            if !widens(from.data_type(), to.data_type()) {
                let (has, wants) = (from.data_type(), to.data_type());
                let what = format!("{table}.{} cannot be taken from {has} to {wants}", to.name());
                return Err(Error::new(ErrorKind::Internal, what));
            }
        }
        Ok(Self { table: table.to_owned(), schema: Arc::clone(schema), picks, apart })
    }

    /// The rows of `batch` in the lake's columns; one that the file lacks is null.
    pub(super) fn batch(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.schema.fields().iter().zip(&self.picks).map(|(field, pick)| {
            match pick.and_then(|at| batch.columns().get(at)) {
                None => Ok(new_null_array(field.data_type(), batch.num_rows())),
                Some(column) => self.widen(field, column),
            }
        });
        let mut columns = columns.collect::<Result<Vec<_>>>()?;
        if let Some(apart) = &self.apart
            && let Some(extra) = columns.get_mut(apart.extra)
        {
            *extra = apart.add(&self.table, batch, extra)?;
        }
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
