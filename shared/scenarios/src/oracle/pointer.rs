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
    /// What the commit before is called.
    #[serde(default)]
    pub(super) previous: Option<String>,
    /// Whether it changes nothing, and only keeps another from coming.
    #[serde(default)]
    pub(super) fence: bool,
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
    // behind the number stands what is inside, except where the commit is a pointer itself
    let name = file.strip_suffix(".json")?;
    let number = name.split_once('-').map_or(name, |(number, _)| number).parse().ok()?;
    Some((Place { database: database.to_owned(), table: table.to_owned(), unit: unit.to_owned() }, number))
}

/// Whether the commit at `key` counts by being there.
pub(super) fn is_pointer(key: &str) -> bool {
    place(key).is_some() && !key.rsplit('/').next().unwrap_or_default().contains('-')
}

/// `lake/<database>/<family>/catalog/<number>.json`, which says where the tables of a family are.
pub(super) fn catalog(key: &str) -> Option<(&str, &str)> {
    let mut parts = key.split('/');
    let mut next = || parts.next();
    let (lake, database, family, catalog, _) = (next()?, next()?, next()?, next()?, next()?);
    (lake == "lake" && catalog == "catalog" && parts.next().is_none()).then_some((database, family))
}

impl Place {
    /// Where the commit is that is called `entry`.
    pub(super) fn commit(&self, entry: &str) -> String {
        let Self { database, table, unit } = self;
        format!("lake/{database}/{table}/commits/{unit}/{entry}.json")
    }
}
