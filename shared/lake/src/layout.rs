//! Where each object of a lake is.

use jiff::civil::Date;
use model::{TaskId, Timestamp, Unit};

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
    format!("raw/{table}/{}/dt={day}/{task}-{part:04}-{}.parquet", unit.partition(), short(digest))
}

/// The day on which the rows of the raw file at `key` were written.
pub(crate) fn day(key: &str) -> Option<Date> {
    let (_, rest) = key.split_once("/dt=")?;
    rest.split_once('/')?.0.parse().ok()
}

/// The rows of a table as received, of all units.
pub(crate) fn raw(table: &str) -> String {
    format!("raw/{table}")
}

/// What those rows are called where tables have names and no paths.
pub(crate) fn raw_table(table: &str) -> String {
    format!("raw_{table}")
}

/// The folder of one table, which Iceberg calls its location.
pub(crate) fn home(database: &str, table: &str) -> String {
    format!("lake/{database}/{table}")
}

/// The table in whose folder `key` lies; nothing stands for the folder of the database itself.
pub(crate) fn table_of<'k>(database: &str, key: &'k str) -> Option<&'k str> {
    let rest = key.strip_prefix("lake/")?.strip_prefix(database)?.strip_prefix('/')?;
    Some(rest.split_once('/').map_or("", |(table, _)| table))
}

/// What stands in `key` behind the folder of its table.
pub(crate) fn below_home<'k>(database: &str, key: &'k str) -> Option<&'k str> {
    let rest = key.strip_prefix("lake/")?.strip_prefix(database)?.strip_prefix('/')?;
    rest.split_once('/').map(|(_, rest)| rest)
}

/// What is put for a moment, to be told by the store what time it is.
pub(crate) fn probe(database: &str) -> String {
    format!("lake/{database}/what-time-is-it")
}

/// Who keeps a database.
pub(crate) fn keeper(database: &str) -> String {
    format!("lake/{database}/catalog.json")
}

/// A data file of a table.
///
/// The instant makes it an attempt's own, as with [`seen`]: a file may have no row in it that this attempt has brought.
pub(crate) fn data(
    database: &str,
    table: &str,
    unit: &Unit,
    task: &TaskId,
    at: Timestamp,
    part: usize,
    digest: &str,
) -> String {
    let (home, unit, at) = (home(database, table), unit.partition(), at.as_microsecond());
    format!("{home}/data/{unit}/{task}-{at}-{part:04}-{}.parquet", short(digest))
}

/// A version of a table's metadata.
pub(crate) fn metadata(database: &str, table: &str, version: u64, digest: &str) -> String {
    format!("{}/metadata/{version:05}-{}.metadata.json", home(database, table), short(digest))
}

/// Which version of a table's metadata readers without a catalog take.
pub(crate) fn hint(database: &str, table: &str) -> String {
    format!("{}/metadata/version-hint.text", home(database, table))
}

/// All pointers of a family of tables, which is called like the parent.
pub(crate) fn pointers(database: &str, family: &str) -> String {
    format!("{}/catalog/", home(database, family))
}

/// One pointer. The width keeps names in the order of their numbers.
pub(crate) fn pointer(database: &str, family: &str, number: u64) -> String {
    format!("{}{number:010}.json", pointers(database, family))
}

/// All commits of one table of one unit.
pub(crate) fn commits(database: &str, table: &str, unit: &Unit) -> String {
    format!("{}/commits/{}/", home(database, table), unit.partition())
}

/// What the table says of a commit: its number, and what is inside.
pub(crate) fn entry(number: u64, digest: &str) -> String {
    format!("{number:010}-{}", short(digest))
}

/// One commit.
pub(crate) fn commit(database: &str, table: &str, unit: &Unit, entry: &str) -> String {
    format!("{}{entry}.json", commits(database, table, unit))
}

/// What a commit is called that was a pointer itself.
pub(crate) fn pointer_commit(number: u64) -> String {
    format!("{number:010}")
}

/// Whether the commit at `key` was a pointer itself.
pub(crate) fn is_pointer_commit(key: &str) -> bool {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    name.strip_suffix(".json")
        .is_some_and(|name| name.len() == 10 && name.bytes().all(|b| b.is_ascii_digit()))
}

/// The keys and digests of the rows that `task` read.
///
/// The instant makes it an attempt's own: a task that comes again after days, and reads the same rows, must not name a file
/// that is being swept because nothing has named it so far. All else that a commit makes count has such an instant inside.
pub(crate) fn seen(
    database: &str,
    table: &str,
    unit: &Unit,
    task: &TaskId,
    at: Timestamp,
    digest: &str,
) -> String {
    let (home, unit, at) = (home(database, table), unit.partition(), at.as_microsecond());
    format!("{home}/seen/{unit}/{task}-{at}-{}.parquet", short(digest))
}

/// As much of a digest as is part of a name.
pub(crate) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// Whether `key`, one of those that end in the digest of their content, has this content.
pub(crate) fn names_content(key: &str, digest: &str) -> bool {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    let name = name.split_once('.').map_or(name, |(name, _)| name);
    name.rsplit_once('-').is_some_and(|(_, told)| !told.is_empty() && digest.starts_with(told))
}
