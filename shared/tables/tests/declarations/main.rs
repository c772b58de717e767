//! What every declaration has to keep to, whether all of FreshBooks is declared, and the page that people read.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::panic, reason = "a test says so by failing")]
#![allow(
    clippy::disallowed_methods,
    reason = "whether to write the generated pages is asked for in the environment"
)]

mod consistent;
mod coverage;
mod pages;
mod reference;

use tables::{Child, Column, Table};

/// A table of the lake: one that is asked for, or a child of one.
#[derive(Clone, Copy)]
struct Shown {
    table: &'static Table,
    child: Option<&'static Child>,
}

impl Shown {
    fn all() -> impl Iterator<Item = Self> {
        tables::ALL.iter().flat_map(|table| {
            let own = Self { table, child: None };
            let children = table.children.iter().map(|child| Self { table, child: Some(child) });
            std::iter::once(own).chain(children)
        })
    }

    fn find(name: &str) -> Option<Self> {
        Self::all().find(|shown| shown.name() == name)
    }

    fn name(self) -> &'static str {
        self.child.map_or(self.table.name, |child| child.name)
    }

    fn columns(self) -> &'static [Column] {
        self.child.map_or(self.table.columns, |child| child.columns)
    }

    /// Whether it has a column called `name`.
    fn has(self, name: &str) -> bool {
        self.child.is_some_and(|child| child.parent_key == name)
            || self.columns().iter().any(|column| column.name == name)
    }
}

/// Where `doc` points: `clients.id` in "The client: clients.id; 0 for none".
fn pointers(doc: &str) -> Vec<(Shown, &str)> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.';
    let words = doc.split(|c| !fits(c)).map(|word| word.trim_matches('.'));
    words
        .filter_map(|word| word.split_once('.'))
        .filter_map(|(name, column)| Some((Shown::find(name)?, column)))
        .collect()
}
