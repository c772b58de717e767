//! How a table of the lake is laid out: what follows from its declaration, before Iceberg comes into it.

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use model::planted;
use model::{AccountId, BusinessId, Unit};
use tables::{RawText, Rules, Table};

/// The layout of one table of the lake.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Its name.
    pub(crate) name: &'static str,
    /// What a row is.
    pub(crate) doc: &'static str,
    /// Its columns, as declared.
    pub(crate) columns: SchemaRef,
    /// The columns that tell one row from another, by which files are sorted.
    pub(crate) key: Vec<&'static str>,
    /// So many of `key` name what FreshBooks sends whole: all of them, or the parent's key for a child.
    pub(crate) whole: usize,
    /// The column whose value says whose rows they are; each unit's rows are in files of their own.
    pub(crate) unit: &'static str,
}

impl Plan {
    /// The layouts of the tables that are read together, children first and the parent last.
    pub(crate) fn family(table: &'static Table) -> Vec<Self> {
        let unit = match table.family.owner() {
            tables::Owner::Person => table.key.first().copied().unwrap_or_default(),
            tables::Owner::Account => "_account_id",
            tables::Owner::Business => "_business_id",
        };
        let children = table.children.iter().map(|child| {
            let own = [child.parent_key].into_iter().chain(child.own_key).chain(["_position"]);
            Self {
                name: child.name,
                doc: child.doc,
                columns: declared(tables::child_schema(child, RawText::Drop)),
                key: own.collect(),
                whole: 1,
                unit,
            }
        });
        let parent = Self {
            name: table.name,
            doc: table.doc,
            columns: declared(tables::table_schema(table, RawText::Drop)),
            key: table.key.to_vec(),
            whole: table.key.len(),
            unit,
        };
        children.chain([parent]).collect()
    }

    /// The same, with the columns that `rules` want.
    pub(crate) fn wanted(table: &'static Table, rules: Option<&Arc<Rules>>) -> Vec<Self> {
        let mut plans = Self::family(table);
        for plan in &mut plans {
            if let Some(rules) = rules {
                plan.columns = rules.schema(plan.name, &plan.columns);
            }
        }
        plans
    }
}

/// The columns as they are declared; a simulation may want them as an older version had them.
fn declared(columns: SchemaRef) -> SchemaRef {
    let without = planted::undeclared();
    if without.is_empty() {
        return columns;
    }
    let kept = columns.fields().iter().filter(|field| !without.contains(&field.name().as_str())).cloned();
    Arc::new(Schema::new(kept.collect::<Vec<_>>()))
}

/// The value of the unit column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Text(String),
    Number(i64),
}

impl From<&Unit> for Owner {
    fn from(unit: &Unit) -> Self {
        match unit {
            Unit::Account(AccountId(id)) => Self::Text(id.clone()),
            Unit::Business(BusinessId(id)) | Unit::Identity(id) => Self::Number(*id),
        }
    }
}
