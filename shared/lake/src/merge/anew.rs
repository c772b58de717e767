//! Raw rows, their columns made anew from the text that came.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;
use arrow_select::interleave::interleave;
use async_trait::async_trait;
use model::{Error, ErrorKind, Result};
use tables::{Anew, RawText, Rules};

use super::Shape;
use super::conform::Conform;
use super::parts::{Batches, Parts};

/// What the text of a row does not tell.
const STAMPS: [&str; 7] =
    ["_account_id", "_business_id", "_run_id", "_extracted_at", "_is_deleted", "_position", "_raw"];

/// Rows of one table, as today's declaration types their text. A row without a text, or whose text can no longer be typed,
/// is as it was typed then.
#[derive(Debug)]
pub(crate) struct Retyped<P> {
    parts: P,
    table: String,
    rules: Option<Arc<Rules>>,
    /// What only the row itself has: its stamps, and the key of its parent.
    stamps: Vec<&'static str>,
    /// By part: rows whose text can no longer be typed.
    untyped: Arc<Mutex<BTreeMap<usize, Untyped>>>,
}

/// Rows whose text can no longer be typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Untyped {
    pub(crate) rows: u64,
    /// What is wrong with the first.
    pub(crate) first: String,
}

impl<P: Parts> Retyped<P> {
    /// The rows of `parts`, which are of the table called `table`, as `rules` want them.
    pub(crate) fn new(parts: P, table: &str, rules: Option<&Arc<Rules>>) -> Self {
        let family = tables::find(table);
        let child = family.and_then(|family| family.children.iter().find(|child| child.name == table));
        let stamps = STAMPS.into_iter().chain(child.map(|child| child.parent_key)).collect();
        Self { parts, table: table.to_owned(), rules: rules.cloned(), stamps, untyped: Arc::default() }
    }

    /// What could no longer be typed, of all parts that were read.
    pub(crate) fn untyped(&self) -> Untyped {
        let untyped = self.untyped.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = untyped.values().map(|part| part.rows).sum();
        let first = untyped.values().find(|part| part.rows > 0).map(|part| part.first.clone());
        Untyped { rows, first: first.unwrap_or_default() }
    }
}

#[async_trait]
impl<P: Parts> Parts for Retyped<P> {
    fn count(&self) -> usize {
        self.parts.count()
    }

    async fn open(&self, part: usize, columns: &[&str]) -> Result<Batches> {
        if columns.iter().all(|column| self.stamps.contains(column)) {
            return self.parts.open(part, columns).await;
        }
        let table = &self.table;
        let odd = || Error::new(ErrorKind::Internal, format!("there is no table {table}"));
        let schema = tables::arrow_schema(table, RawText::Keep).ok_or_else(odd)?;
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let wanted: Vec<_> =
            (0..names.len()).filter(|at| names.get(*at).is_some_and(|name| columns.contains(name))).collect();
        let mut retyping = Retyping {
            shape: Shape { table: table.clone(), schema: schema.clone(), key: Vec::new(), whole: 0 },
            anew: Anew::new(table, self.rules.as_ref()).ok_or_else(odd)?,
            stamps: self.stamps.clone(),
        };
        let (told, mut untyped) = (Arc::clone(&self.untyped), Untyped::default());
        let batches = self.parts.open(part, &names).await?;
        Ok(Box::new(batches.map(move |batch| {
            let batch = retyping.batch(&batch?, &mut untyped)?;
            told.lock().unwrap_or_else(PoisonError::into_inner).insert(part, untyped.clone());
            batch.project(&wanted).map_err(|e| retyping.failed(e))
        })))
    }
}

struct Retyping {
    /// The table as it is declared today.
    shape: Shape,
    anew: Anew,
    stamps: Vec<&'static str>,
}

impl Retyping {
    fn batch(&mut self, batch: &RecordBatch, untyped: &mut Untyped) -> Result<RecordBatch> {
        let schema: SchemaRef = self.shape.schema.clone();
        let then = Conform::of_rows(&self.shape, &batch.schema())?.batch(batch)?;
        let texts = batch.column_by_name("_raw").and_then(|column| column.as_string_opt::<i32>());
        let mut places: Vec<(usize, usize)> = (0..batch.num_rows()).map(|row| (0, row)).collect();
        let mut typed = 0;
        for (row, place) in places.iter_mut().enumerate() {
            let Some(text) = texts.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row)) else {
                continue;
            };
            match self.anew.row(text) {
                Ok(()) => {
                    *place = (1, typed);
                    typed += 1;
                }
                Err(reason) => {
                    if untyped.rows == 0 {
                        untyped.first = reason;
                    }
                    untyped.rows += 1;
                }
            }
        }
        if typed == 0 {
            return Ok(then);
        }
        let now = self.anew.take().map_err(|e| self.failed(e))?;
        let columns = schema.fields().iter().zip(then.columns()).map(|(field, before)| {
            match now.column_by_name(field.name()) {
                Some(after) if !self.stamps.contains(&field.name().as_str()) => {
                    let both: [&dyn Array; 2] = [&**before, &**after];
                    interleave(&both, &places).map_err(|e| self.failed(e))
                }
                _ => Ok(before.clone()),
            }
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        RecordBatch::try_new(schema, columns).map_err(|e| self.failed(e))
    }

    fn failed(&self, error: arrow_schema::ArrowError) -> Error {
        Error::new(ErrorKind::Internal, format!("cannot type rows of {} anew", self.shape.table))
            .because(error)
    }
}
