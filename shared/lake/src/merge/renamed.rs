//! Raw rows, their columns called as the current table calls them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use async_trait::async_trait;
use model::{Error, ErrorKind, Result};
use tables::Rules;

use super::parts::{Batches, Parts};

/// Rows of one table under the names of its columns today. A column that has a new name is not there under its own, which
/// then says nothing of these rows; and what is dropped is not there.
pub(crate) struct Renamed<'p> {
    parts: &'p dyn Parts,
    table: &'static str,
    /// What is called otherwise, by its declared name.
    names: BTreeMap<String, String>,
    dropped: Vec<String>,
}

impl<'p> Renamed<'p> {
    pub(crate) fn new(parts: &'p dyn Parts, table: &'static str, rules: &Rules) -> Self {
        let names = rules.names(table).map(|(declared, name)| (declared.to_owned(), name.to_owned()));
        Self { parts, table, names: names.collect(), dropped: rules.dropped(table).collect() }
    }
}

#[async_trait]
impl Parts for Renamed<'_> {
    fn count(&self) -> usize {
        self.parts.count()
    }

    async fn open(&self, part: usize, columns: &[&str]) -> Result<Batches> {
        let own = |column: &&str| {
            !self.names.contains_key(*column) && !self.dropped.iter().any(|dropped| dropped == column)
        };
        let declared =
            |column| self.names.iter().find(|(_, name)| name.as_str() == column).map(|(old, _)| &**old);
        let wanted: Vec<&str> =
            columns.iter().copied().filter(own).map(|c| declared(c).unwrap_or(c)).collect();
        let (names, table) = (self.names.clone(), self.table);
        let batches = self.parts.open(part, &wanted).await?;
        Ok(Box::new(batches.map(move |batch| {
            let batch = batch?;
            let fields = batch.schema();
            let fields = fields.fields().iter().map(|field| match names.get(field.name()) {
                Some(name) => Arc::new(Field::clone(field).with_name(name)),
                None => Arc::clone(field),
            });
            let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
            RecordBatch::try_new(schema, batch.columns().to_vec()).map_err(|error| {
                Error::new(ErrorKind::Internal, format!("rows of {table} cannot be renamed")).because(error)
            })
        })))
    }
}
