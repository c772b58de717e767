//! Rows typed anew from the text that `raw` keeps of them, each by itself: what a declaration of today makes of rows of
//! another day.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use crate::columns::{Columns, Place};
use crate::decode::Context;
use crate::row::{Plan, Row};
use crate::rules::{Rules, Source};
use crate::schema::{RawText, child_schema, table_schema};
use crate::value::Value;

/// Types rows of one table, a child's too. Whose rows they are, when they came and where in their parent they stood, their
/// text does not tell: only the declared columns and `_extra` count.
#[derive(Debug)]
pub struct Anew {
    plan: Plan,
    columns: Columns,
    /// The parts of a row that are tables of their own.
    children: usize,
    /// The places of the key, without which there is no row.
    key: Vec<(usize, &'static str)>,
    place: Option<Place>,
    /// What is wanted, and of which table this is.
    rules: Option<(&'static str, Arc<Rules>)>,
}

impl Anew {
    /// For the table called `name`, as `rules` want it.
    pub fn new(name: &str, rules: Option<&Arc<Rules>>) -> Option<Self> {
        let table = crate::find(name)?;
        let rules = rules.filter(|rules| rules.family().name == table.name);
        let shown = rules.is_some_and(|rules| rules.wanted(table.name).secrets);
        let secrets = |secrets: Vec<&'static str>| if shown { Vec::new() } else { secrets };
        let context = Arc::new(Context::default());
        if let Some(child) = table.children.iter().find(|child| child.name == name) {
            let schema = child_schema(child, RawText::Drop);
            return Some(Self {
                plan: Plan::new(
                    child.columns,
                    std::iter::empty(),
                    &secrets(table.secrets_of(child)),
                    table.told_elsewhere(child),
                )
                .under(rules, name),
                columns: Columns::new(schema, child.columns, true, RawText::Drop, context),
                children: 0,
                key: Vec::new(),
                rules: rules.map(|rules| (child.name, Arc::clone(rules))),
                place: Some(Place { parent_key: 0, position: 0 }),
            });
        }
        let schema = table_schema(table, RawText::Drop);
        let at = |name: &&'static str| Some((table.columns.iter().position(|c| c.name == *name)?, *name));
        Some(Self {
            plan: Plan::new(
                table.columns,
                table.children.iter().map(|c| c.source),
                &secrets(table.secrets.to_vec()),
                std::iter::empty(),
            )
            .under(rules, name),
            columns: Columns::new(schema, table.columns, false, RawText::Drop, context),
            children: table.children.len(),
            key: table.key.iter().filter_map(at).collect(),
            rules: rules.map(|rules| (table.name, Arc::clone(rules))),
            place: None,
        })
    }

    /// Types a row; if it cannot be typed, nothing is added, and what is wrong with it is told.
    pub fn row(&mut self, text: &str) -> Result<(), String> {
        let rewritten;
        let text = match &self.rules {
            None => text,
            Some((name, rules)) => {
                let wanted = rules.rewriter().row(name, text, Source::Raw);
                rewritten = wanted.map_err(|error| error.to_string())?;
                &rewritten
            }
        };
        let mut row = Row::default();
        self.plan.read(text, self.children, &mut row).map_err(|fault| match fault.path.as_str() {
            "" => fault.reason,
            path => format!("{path}: {}", fault.reason),
        })?;
        if let Some((_, name)) = self.key.iter().find(|(at, _)| row.values.get(*at) == Some(&Value::Null)) {
            return Err(format!("{name}: the row has no key"));
        }
        self.columns.append(&row.values, self.place, 0, false, &row.extra, None);
        Ok(())
    }

    /// The rows typed since the last time.
    pub fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        self.columns.finish()
    }
}
