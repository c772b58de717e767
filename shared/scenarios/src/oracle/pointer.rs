//! A commit's pointer, and where it lies.

use model::Timestamp;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Pointer {
    pub(super) number: u64,
    pub(super) task: String,
    #[serde(default)]
    pub(super) cursor: Option<Timestamp>,
    /// Absent means done.
    #[serde(default = "yes")]
    pub(super) done: bool,
    #[serde(default)]
    pub(super) mode: Option<String>,
    pub(super) files: Vec<Named>,
    #[serde(default)]
    pub(super) seen: Option<String>,
    pub(super) recent_tasks: Vec<String>,
}

/// A file as a commit names it.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) table: String,
    pub(super) key: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

fn yes() -> bool {
    true
}

/// `lake/<database>/<table>/commits/<unit>/<number>.json`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) database: String,
    pub(super) table: String,
    pub(super) unit: String,
}

/// Whose commit lies at `key`, and its number; nothing if none does.
pub(super) fn place(key: &str) -> Option<(Place, u64)> {
    let mut parts = key.split('/');
    let mut next = || parts.next();
    let (lake, database, table, commits, unit, file) = (next()?, next()?, next()?, next()?, next()?, next()?);
    if lake != "lake" || commits != "commits" || parts.next().is_some() {
        return None;
    }
    let number = file.strip_suffix(".json")?.parse().ok()?;
    Some((Place { database: database.to_owned(), table: table.to_owned(), unit: unit.to_owned() }, number))
}
