//! The versions of the rows of one table of one unit.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Timestamp;
use simulator::{Control, State};

/// What a row was from one instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// When it could first be seen, by the source's clock.
    pub at: Timestamp,
    /// The row's JSON text; none while it is deleted for good.
    pub text: Option<Arc<str>>,
    /// Its state; none while it is deleted for good.
    pub state: Option<State>,
}

impl Version {
    /// What a row is now.
    pub(crate) fn now(control: &Control, unit: &str, table: &str, id: i64) -> Self {
        let text = control.row(unit, table, id).ok().flatten().map(Arc::from);
        let state = control.state(unit, table, id).ok().flatten();
        Self { at: control.now(), text, state }
    }
}

/// Every version of every row of one table of one unit.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    rows: BTreeMap<i64, Vec<Version>>,
    /// The rows that got another version, in the order in which they did.
    log: Vec<i64>,
}

impl Rows {
    /// The rows as they are before the first write, which is as they always were.
    pub(crate) fn load(control: &Control, unit: &str, table: &str) -> Self {
        let all = control.all(unit, table).unwrap_or_default();
        let rows = all.into_iter().map(|(id, _)| {
            let version = Version { at: Timestamp::MIN, ..Version::now(control, unit, table, id) };
            (id, vec![version])
        });
        Self { rows: rows.collect(), log: Vec::new() }
    }

    /// Remembers what a write has made of a row: also one that shows no difference, since a filter by time brings the row.
    pub(crate) fn push(&mut self, id: i64, version: Version) {
        self.rows.entry(id).or_default().push(version);
        self.log.push(id);
    }

    /// The versions of one row, oldest first.
    pub fn history(&self, id: i64) -> &[Version] {
        self.rows.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Every row that there ever was, by id.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &[Version])> {
        self.rows.iter().map(|(id, versions)| (*id, versions.as_slice()))
    }

    /// The rows that got another version, in that order: a row as often as it did.
    pub fn log(&self) -> &[i64] {
        &self.log
    }
}
