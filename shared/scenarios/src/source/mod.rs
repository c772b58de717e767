//! A FreshBooks whose every change is remembered, so that an oracle can tell what could be seen when.
//!
//! Whoever writes to the simulator writes through [`Source`]: a change behind its back would be a row that nobody had.

mod fields;
mod history;
mod random;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::port::Clock;
use model::{AccountId, BusinessId, Timestamp, Unit};
use serde_json::{Value, json};
use simulator::{Control, Options, Simulator};

pub use history::{Rows, Version};

/// Tables whose rows belong to a business; every other one belongs to an account.
const OF_A_BUSINESS: [&str; 3] = ["projects", "time_entries", "services"];

/// A FreshBooks with a memory. Cheap to clone: clones share everything.
#[derive(Clone)]
pub struct Source {
    inner: Arc<Inner>,
}

struct Inner {
    simulator: Simulator,
    tables: Vec<&'static str>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tables: BTreeMap<(Unit, &'static str), Rows>,
    /// How many writes there were: makes each one differ from the others.
    writes: u64,
    last: Option<(Unit, &'static str, i64)>,
    hid_rows: bool,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("tables", &self.inner.tables).finish_non_exhaustive()
    }
}

impl Source {
    /// A source whose writes go to `tables`, which are named as in the lake and have keys of one number.
    pub fn new(options: Options, clock: Arc<dyn Clock>, tables: &[&'static str]) -> Self {
        let simulator = Simulator::new(options, clock);
        let inner = Inner { simulator, tables: tables.to_vec(), state: Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// What answers requests.
    pub fn simulator(&self) -> &Simulator {
        &self.inner.simulator
    }

    /// The tables that are written to.
    pub fn tables(&self) -> &[&'static str] {
        &self.inner.tables
    }

    /// The source's own time.
    pub fn now(&self) -> Timestamp {
        self.control().now()
    }

    /// The units that have rows of `table`.
    pub fn units(&self, table: &str) -> Vec<Unit> {
        let businesses = self.inner.simulator.businesses().into_iter();
        if OF_A_BUSINESS.contains(&table) {
            businesses.map(|b| Unit::Business(BusinessId(b.business_id))).collect()
        } else {
            businesses.map(|b| Unit::Account(AccountId(b.account_id))).collect()
        }
    }

    /// Makes somebody else of the identity: an employee or a contractor is shown half of the rows.
    pub fn set_role(&self, role: &str) {
        self.state().hid_rows |= self.hides_rows();
        self.control().set_options(|options| role.clone_into(&mut options.role));
    }

    /// Whether lists leave out rows with an odd id, now or at any time before.
    pub fn ever_hid_rows(&self) -> bool {
        self.state().hid_rows || self.hides_rows()
    }

    fn hides_rows(&self) -> bool {
        matches!(self.control().options().role.as_str(), "business_employee" | "contractor")
    }

    /// Every version of a row, oldest first; none if there never was such a row.
    pub fn history(&self, unit: &Unit, table: &'static str, id: i64) -> Vec<Version> {
        self.with(unit, table, |rows| rows.history(id).to_vec())
    }

    /// Looks at the history of a whole table.
    pub(crate) fn with<T>(&self, unit: &Unit, table: &'static str, look: impl FnOnce(&Rows) -> T) -> T {
        let mut state = self.state();
        let rows = state.tables.entry((unit.clone(), table));
        look(rows.or_insert_with(|| Rows::load(&self.control(), &control_name(unit), table)))
    }

    /// Adds a row; returns its id.
    pub fn insert(&self, unit: &Unit, table: &'static str) -> Option<i64> {
        self.insert_with(unit, table, &json!({}))
    }

    /// Adds a row that has `fields`; returns its id.
    pub fn insert_with(&self, unit: &Unit, table: &'static str, fields: &Value) -> Option<i64> {
        self.remembered(unit, table, |control, unit| control.insert(unit, table, fields).ok())
    }

    /// Changes a row into one that never was before; whether there is such a row.
    pub fn change(&self, unit: &Unit, table: &'static str, id: i64) -> bool {
        let write = self.next_write();
        self.change_with(unit, table, id, &fields::text(table, write))
    }

    /// Puts `fields` over a row; whether there is such a row.
    pub fn change_with(&self, unit: &Unit, table: &'static str, id: i64, fields: &Value) -> bool {
        self.act(unit, table, id, |control, unit| control.change(unit, table, id, fields))
    }

    /// Archives a row; whether there is such a row.
    pub fn archive(&self, unit: &Unit, table: &'static str, id: i64) -> bool {
        self.act(unit, table, id, |control, unit| control.archive(unit, table, id))
    }

    /// Deletes a row, for good where the table knows no deleted state; whether there is such a row.
    pub fn delete(&self, unit: &Unit, table: &'static str, id: i64) -> bool {
        self.act(unit, table, id, |control, unit| control.delete(unit, table, id))
    }

    /// Makes a row active again; whether there is or was such a row.
    pub fn undelete(&self, unit: &Unit, table: &'static str, id: i64) -> bool {
        self.act(unit, table, id, |control, unit| control.undelete(unit, table, id))
    }

    fn act(
        &self,
        unit: &Unit,
        table: &'static str,
        id: i64,
        act: impl FnOnce(&Control, &str) -> Result<(), simulator::ControlError>,
    ) -> bool {
        self.remembered(unit, table, |control, unit| act(control, unit).ok().map(|()| id)).is_some()
    }

    /// Writes, and remembers what has become of the row that `write` tells; under one lock, so that nobody judges in
    /// between.
    fn remembered(
        &self,
        unit: &Unit,
        table: &'static str,
        write: impl FnOnce(&Control, &str) -> Option<i64>,
    ) -> Option<i64> {
        let (control, name) = (self.control(), control_name(unit));
        let mut state = self.state();
        // what the rows were has to be known before one changes
        let rows = state.tables.entry((unit.clone(), table));
        let rows = rows.or_insert_with(|| Rows::load(&control, &name, table));
        let id = write(&control, &name)?;
        rows.push(id, Version::now(&control, &name, table, id));
        state.last = Some((unit.clone(), table, id));
        Some(id)
    }

    fn next_write(&self) -> u64 {
        let mut state = self.state();
        state.writes += 1;
        state.writes
    }

    fn control(&self) -> Control {
        self.inner.simulator.control()
    }

    // A panic while the lock was held leaves at worst one version out, and its test has failed already.
    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name by which the simulator's control knows `unit`.
fn control_name(unit: &Unit) -> String {
    match unit {
        Unit::Account(id) => id.to_string(),
        Unit::Business(id) => id.to_string(),
        Unit::Identity(id) => id.to_string(),
    }
}
