//! Marking rows as deleted, with all their values.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_cast::cast::cast;
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::interleave::interleave;
use model::{Error, ErrorKind, Result};

use super::arrivals::Burial;

/// Marks `rows` of `batch`, each with the number of its burial.
pub(super) fn mark(
    schema: &SchemaRef,
    batch: RecordBatch,
    rows: &[(usize, usize)],
    burials: &[Burial],
) -> Result<RecordBatch> {
    if rows.is_empty() {
        return Ok(batch);
    }
    marked(schema, &batch, rows, burials)
        .map_err(|e| Error::new(ErrorKind::Internal, "cannot mark rows as deleted").because(e))
}

fn marked(
    schema: &SchemaRef,
    batch: &RecordBatch,
    rows: &[(usize, usize)],
    burials: &[Burial],
) -> Result<RecordBatch, ArrowError> {
    let deleted: ArrayRef = Arc::new(BooleanArray::from(vec![true; burials.len()]));
    let runs: ArrayRef = Arc::new(burials.iter().map(|burial| Some(&burial.run)).collect::<StringArray>());
    let instants = burials.iter().map(|burial| Some(burial.at)).collect::<TimestampMicrosecondArray>();
    let instants: ArrayRef = Arc::new(instants.with_timezone("UTC"));

    let mut places: Vec<(usize, usize)> = (0..batch.num_rows()).map(|row| (0, row)).collect();
    for (row, burial) in rows {
        if let Some(place) = places.get_mut(*row) {
            *place = (1, *burial);
        }
    }
    let mut columns = batch.columns().to_vec();
    for (name, values) in [("_is_deleted", deleted), ("_run_id", runs), ("_extracted_at", instants)] {
        let at = schema.index_of(name)?;
        if let Some(column) = columns.get_mut(at) {
            let values = cast(&values, column.data_type())?;
            let both: [&dyn Array; 2] = [&**column, &*values];
            *column = interleave(&both, &places)?;
        }
    }
    RecordBatch::try_new(Arc::clone(schema), columns)
}
