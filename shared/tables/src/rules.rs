//! What a deployment wants of a table: which columns come and what they are called, what of them is only a digest, and
//! which rows.
//!
//! It takes effect where text becomes rows. What is dropped or hashed is so in the text, too, before anything is typed:
//! neither `_raw` nor `_extra` nor a rejected row has what a column has not, and rows that are typed anew from their text
//! stay as they were wanted. A new name is that of the column in the current table; raw rows keep FreshBooks' own.

mod check;
mod filter;
mod read;
mod rewrite;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Schema, SchemaRef};
use model::{TableName, TableSettings};

pub use read::{KEYS, read};

use crate::declaration::{Child, Column, DeleteRule, Table};
use crate::schema::arrow_types;
use crate::value::Value;
use filter::Filter;
pub(crate) use rewrite::{Rewriter, Source, is_digest};

/// How a hashed value begins. No salt of today tells it from one of another salt.
const MARK: &str = "sha256:";

/// What is wanted of a table and of its children.
#[derive(Debug)]
pub struct Rules {
    family: &'static Table,
    /// What is wanted of each table that something is set for.
    wanted: BTreeMap<&'static str, Wanted>,
    filter: Option<Filter>,
    /// The words of the filter.
    condition: Option<String>,
    rewriter: Rewriter,
}

/// What is wanted of one table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Columns that are always null, by their place.
    pub(crate) dropped: Vec<usize>,
    /// Columns that are hashed.
    pub(crate) hashed: Vec<usize>,
    /// Whether keys that no column takes come.
    pub(crate) only: bool,
    /// New names, the declared ones first.
    pub(crate) renamed: BTreeMap<String, String>,
    /// Whether secrets stay as they came.
    pub(crate) secrets: bool,
}

/// A table or a child, as settings see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) table: &'static Table,
    pub(crate) child: Option<&'static Child>,
}

impl Part {
    pub(crate) fn all(table: &'static Table) -> impl Iterator<Item = Self> {
        let children = table.children.iter().map(move |child| Self { table, child: Some(child) });
        std::iter::once(Self { table, child: None }).chain(children)
    }

    pub(crate) fn name(self) -> &'static str {
        self.child.map_or(self.table.name, |child| child.name)
    }

    pub(crate) fn columns(self) -> &'static [Column] {
        self.child.map_or(self.table.columns, |child| child.columns)
    }

    /// Why a column has to come as it is, if it has to.
    pub(crate) fn needed(self, name: &str) -> Option<&'static str> {
        if let Some(child) = self.child {
            let key = child.parent_key == name || child.own_key == Some(name);
            return key.then_some("it is part of the key");
        }
        if self.table.key.contains(&name) {
            return Some("it is part of the key");
        }
        if self.table.updated() == Some(name) {
            return Some("it tells when a row changed");
        }
        match self.table.deleted {
            DeleteRule::VisState if name == "vis_state" => Some("it tells whether a row is deleted"),
            DeleteRule::Inactive(column) if name == column => Some("it tells whether a row is deleted"),
            _ => None,
        }
    }
}

impl Rules {
    /// What `settings` want of `family`; nothing if they want nothing. Answers everything that is wrong with them, each with
    /// table and column.
    pub fn new(
        family: &'static Table,
        settings: &BTreeMap<TableName, TableSettings>,
        salt: Option<&str>,
    ) -> Result<Option<Arc<Self>>, Vec<String>> {
        let mut problems = Vec::new();
        let mut wanted = BTreeMap::new();
        let (mut filter, mut condition) = (None, None);
        for part in Part::all(family) {
            let Some(set) = settings.get(&TableName::from(part.name())) else { continue };
            if *set == TableSettings::default() {
                continue;
            }
            wanted.insert(part.name(), check::wanted(part, set, &mut problems));
            if let Some(text) = &set.filter {
                filter = check::filter(part, text, &mut problems);
                condition = Some(text.clone());
            }
        }
        if wanted.values().any(|wanted| !wanted.hashed.is_empty()) && salt.is_none() {
            problems.push(format!("{}: there is no salt to hash with", family.name));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        if wanted.is_empty() {
            return Ok(None);
        }
        let rewriter = Rewriter::new(family, &wanted, salt.unwrap_or_default());
        Ok(Some(Arc::new(Self { family, wanted, filter, condition, rewriter })))
    }

    /// The table that they are for, with its children.
    pub fn family(&self) -> &'static Table {
        self.family
    }

    /// The words that say which rows come.
    pub fn condition(&self) -> Option<&str> {
        self.condition.as_deref()
    }

    /// What the columns of `table` are called in the current table that are declared under another name.
    pub fn names(&self, table: &str) -> impl Iterator<Item = (&str, &str)> {
        let renamed = self.wanted.get(table).into_iter().flat_map(|wanted| &wanted.renamed);
        renamed.map(|(declared, name)| (declared.as_str(), name.as_str()))
    }

    /// The columns of `table` that the current table need not have.
    pub fn dropped(&self, table: &str) -> impl Iterator<Item = String> {
        let part = Part::all(self.family).find(|part| part.name() == table);
        let columns = part.map(Part::columns).unwrap_or_default();
        let places = self.wanted.get(table).map(|wanted| wanted.dropped.as_slice()).unwrap_or_default();
        places.iter().filter_map(|at| columns.get(*at)).flat_map(both)
    }

    /// The columns of the current table called `table`, declared as `schema`.
    pub fn schema(&self, table: &str, schema: &SchemaRef) -> SchemaRef {
        let (kept, fields) = self.kept(table, schema);
        if kept.len() == schema.fields().len() && self.names(table).next().is_none() {
            return Arc::clone(schema);
        }
        Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
    }

    /// Rows with the columns of the current table.
    pub fn shown(&self, table: &str, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let (kept, _) = self.kept(table, &batch.schema());
        let columns = kept.iter().map(|at| Arc::clone(batch.column(*at))).collect();
        RecordBatch::try_new(self.schema(table, &batch.schema()), columns)
    }

    fn kept(&self, table: &str, schema: &Schema) -> (Vec<usize>, Vec<arrow_schema::FieldRef>) {
        let dropped: Vec<String> = self.dropped(table).collect();
        let names: BTreeMap<&str, &str> = self.names(table).collect();
        let fields = schema.fields().iter().enumerate().filter(|(_, f)| !dropped.contains(f.name()));
        let shown = fields.map(|(at, field)| match names.get(field.name().as_str()) {
            Some(name) => (at, Arc::new(field.as_ref().clone().with_name(*name))),
            None => (at, Arc::clone(field)),
        });
        shown.unzip()
    }

    pub(crate) fn wanted(&self, table: &str) -> Wanted {
        self.wanted.get(table).cloned().unwrap_or_default()
    }

    /// Whether something of the rows' text may not be kept.
    pub(crate) fn hides(&self) -> bool {
        self.wanted.values().any(|w| w.only || !w.dropped.is_empty() || !w.hashed.is_empty())
            || self.filter.is_some()
    }

    pub(crate) fn rewriter(&self) -> &Rewriter {
        &self.rewriter
    }

    /// Whether a row with these values comes.
    pub(crate) fn wants(&self, values: &[Value<'_>]) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.holds(values))
    }
}

/// A column's name, and that of its companion.
pub(crate) fn both(column: &Column) -> impl Iterator<Item = String> {
    let companion = arrow_types(column.kind).1.map(|suffix| format!("{}{suffix}", column.name));
    std::iter::once(column.name.to_owned()).chain(companion)
}
