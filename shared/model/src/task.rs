//! The unit of queueing and retry.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ConnectionName, OtherIds, RunId, TableName, TableSettings, TaskId, Unit};

/// How much of a table a task reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// What changed since the committed cursor, where the table has a filter for it; else everything.
    Incremental,
    /// Everything, whatever was committed before.
    Full,
}

/// One table of one unit in one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Decided when the task is planned, the same on every delivery.
    pub id: TaskId,
    /// The run it belongs to.
    pub run: RunId,
    /// Whose grant reads it.
    pub connection: ConnectionName,
    /// The parent table; its child tables are read with it.
    pub table: TableName,
    /// Whose rows.
    pub unit: Unit,
    /// What else that unit is called.
    #[serde(default, skip_serializing_if = "OtherIds::is_empty")]
    pub ids: OtherIds,
    /// How much.
    pub mode: Mode,
    /// A person has said that the rows which are no longer listed are truly gone, however many they are.
    #[serde(default)]
    pub accept_deletions: bool,
    /// What is set for the table and its children.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<TableName, TableSettings>,
}

impl Task {
    /// Plans one task; equal arguments give an equal id.
    pub fn new(connection: &ConnectionName, run: &RunId, table: TableName, unit: Unit, mode: Mode) -> Self {
        Self {
            id: TaskId::new(run, &table, &unit),
            run: run.clone(),
            connection: connection.clone(),
            table,
            unit,
            ids: OtherIds::default(),
            mode,
            accept_deletions: false,
            settings: BTreeMap::new(),
        }
    }

    /// The same task, of a unit that is also called `ids`.
    #[must_use]
    pub fn called(self, ids: OtherIds) -> Self {
        Self { ids, ..self }
    }

    /// The same task, under these settings.
    #[must_use]
    pub fn under(self, settings: BTreeMap<TableName, TableSettings>) -> Self {
        Self { settings, ..self }
    }

    /// The same task, with a person's word that missing rows are truly gone.
    #[must_use]
    pub fn accepting_deletions(self) -> Self {
        Self { accept_deletions: true, ..self }
    }
}

/// Up to where a table has been read: an instant of the source's clock, never of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub Timestamp);
