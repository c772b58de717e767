//! What settings want of the table of a task.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Error, ErrorKind, Result, TableName, TableSettings};
use secrecy::ExposeSecret;
use tables::{Rules, Table};

use crate::extract::Worker;

/// What `settings` want of `table`; nothing if they want nothing.
pub(crate) fn of(
    worker: &Worker,
    table: &'static Table,
    settings: &BTreeMap<TableName, TableSettings>,
) -> Result<Option<Arc<Rules>>> {
    let salt = worker.salt.as_ref().map(ExposeSecret::expose_secret);
    Rules::new(table, settings, salt).map_err(|problems| wrong_settings(&problems))
}

/// The error for settings of tables that cannot work, with everything that is wrong with them.
pub fn wrong_settings(problems: &[String]) -> Error {
    let what = match problems {
        [one] => one.clone(),
        all => format!("{} settings are wrong:\n  {}", all.len(), all.join("\n  ")),
    };
    Error::new(ErrorKind::Config, what).next("see the settings of tables in functions/local/README.md")
}

/// Of `settings`, those of `table` and its children.
pub fn settings_of(
    table: &Table,
    settings: &BTreeMap<TableName, TableSettings>,
) -> BTreeMap<TableName, TableSettings> {
    let own = |name: &TableName| table.lake_names().any(|known| known == name.as_str());
    settings.iter().filter(|(name, _)| own(name)).map(|(name, set)| (name.clone(), set.clone())).collect()
}
