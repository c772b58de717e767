//! Where each object of a lake is.

use jiff::civil::Date;
use model::{TaskId, Unit};

/// `raw/<table>/account_id=<a>/dt=<day>/<task>-<part>-<digest>.parquet`
///
/// The digest makes the name say what is inside: a retry that reads the same rows finds its own file there, one that
/// reads other rows writes beside it.
pub(crate) fn raw_file(
    table: &str,
    unit: &Unit,
    day: Date,
    task: &TaskId,
    part: usize,
    digest: &str,
) -> String {
    let digest = digest.get(..12).unwrap_or(digest);
    format!("raw/{table}/{}/dt={day}/{task}-{part:04}-{digest}.parquet", unit.partition())
}

/// Everything about the tables of a database.
pub(crate) fn database(database: &str) -> String {
    format!("lake/{database}/")
}

/// All commits of one table of one unit.
pub(crate) fn commits(database: &str, table: &str, unit: &Unit) -> String {
    format!("lake/{database}/{table}/commits/{}/", unit.partition())
}

/// One commit. The width keeps names in the order of their numbers.
pub(crate) fn commit(database: &str, table: &str, unit: &Unit, number: u64) -> String {
    format!("{}{number:010}.json", commits(database, table, unit))
}

/// The keys and digests of the rows that `task` read.
pub(crate) fn seen(database: &str, table: &str, unit: &Unit, task: &TaskId, digest: &str) -> String {
    let digest = digest.get(..12).unwrap_or(digest);
    format!("lake/{database}/{table}/seen/{}/{task}-{digest}.parquet", unit.partition())
}

/// Whether `key`, one of those that end in the digest of their content, has this content.
pub(crate) fn names_content(key: &str, digest: &str) -> bool {
    let name = key.rsplit_once('.').map_or(key, |(name, _)| name);
    name.rsplit_once('-').is_some_and(|(_, told)| !told.is_empty() && digest.starts_with(told))
}
