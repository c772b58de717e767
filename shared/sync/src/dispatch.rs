//! A firing of the schedule becomes one task per table and unit.

use std::collections::BTreeMap;
use std::sync::Arc;

use grants::{Broker, Connection};
use model::port::ObjectStore;
use model::{
    ConnectionName, Error, ErrorKind, Mode, OtherIds, Result, RunId, TableName, TableSettings, Task,
    Timestamp, Unit,
};
use tables::{Owner, Table};

use crate::port::Queue;
use crate::rules::{settings_of, wrong_settings};

/// One firing of the schedule, or of a person.
#[derive(Clone, Debug)]
pub struct Firing {
    /// When it was scheduled: the same on every delivery, so that the run keeps its id.
    pub scheduled_at: Timestamp,
    /// The one connection it is for; all of them if absent.
    pub connection: Option<ConnectionName>,
    /// The tables it is for; all of the connection's if empty.
    pub tables: Vec<TableName>,
    /// How much to read.
    pub mode: Mode,
    /// A person's word that rows which are no longer listed are truly gone.
    pub accept_deletions: bool,
    /// What is set for tables, over what is set for the connection.
    pub settings: BTreeMap<TableName, TableSettings>,
}

/// What became of one connection.
#[derive(Debug)]
pub struct Dispatched {
    /// The connection.
    pub connection: ConnectionName,
    /// Its tasks, now in the queue.
    pub tasks: Result<Vec<Task>>,
}

/// Turns firings into tasks. The only one that refreshes tokens.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    /// Where the connections' settings are.
    pub objects: Arc<dyn ObjectStore>,
    /// Keeps their tokens fresh.
    pub broker: Arc<Broker>,
    /// Where the tasks go.
    pub queue: Arc<dyn Queue>,
}

impl Dispatcher {
    /// Sends the tasks of every connection that `firing` is for. One that cannot run does not keep the others from it.
    pub async fn dispatch(&self, firing: &Firing) -> Result<Vec<Dispatched>> {
        let connections = match &firing.connection {
            None => Connection::list(&*self.objects).await?,
            Some(name) => vec![Connection::load(&*self.objects, name).await?.ok_or_else(|| {
                Error::new(ErrorKind::Config, format!("there is no connection {name}"))
                    .next(format!("make it with: freshlake connect {name}"))
            })?],
        };
        let mut dispatched = Vec::new();
        for connection in connections.into_iter().filter(|c| !c.paused) {
            let tasks = self.start(&connection, firing).await;
            match &tasks {
                Ok(tasks) => {
                    tracing::info!(connection = %connection.name, tasks = tasks.len(), "run dispatched");
                }
                Err(error) => tracing::error!(connection = %connection.name, %error, "run not dispatched"),
            }
            dispatched.push(Dispatched { connection: connection.name, tasks });
        }
        Ok(dispatched)
    }

    async fn start(&self, connection: &Connection, firing: &Firing) -> Result<Vec<Task>> {
        let tasks = plan(connection, firing)?;
        self.broker.ready(&connection.name).await?;
        self.queue.send(&tasks).await?;
        Ok(tasks)
    }
}

/// The tasks of one run: each table once per unit that has it, in the order of the table list.
pub fn plan(connection: &Connection, firing: &Firing) -> Result<Vec<Task>> {
    let run = RunId::new(&connection.name, firing.scheduled_at);
    let mut settings = tables::rules::read(&connection.settings).map_err(|problems| {
        wrong_settings(&problems).while_doing(format!("the settings of {}", connection.name))
    })?;
    settings.extend(firing.settings.clone());
    let mut tasks = Vec::new();
    for table in wanted(connection, firing)? {
        for (unit, ids) in units(connection, table) {
            let task = Task::new(&connection.name, &run, table.name.into(), unit, firing.mode).called(ids);
            let task = task.under(settings_of(table, &settings));
            tasks.push(if firing.accept_deletions { task.accepting_deletions() } else { task });
        }
    }
    if tasks.is_empty() {
        return Err(Error::new(
            ErrorKind::Config,
            format!("there is nothing to read for {}", connection.name),
        )
        .next("check its tables and businesses, or connect again"));
    }
    Ok(tasks)
}

/// The tables of a run, parents in place of the children that were named.
fn wanted(connection: &Connection, firing: &Firing) -> Result<Vec<&'static Table>> {
    let named: &[TableName] = match (&*firing.tables, &connection.tables) {
        ([], Some(tables)) => tables,
        (tables, _) => tables,
    };
    if named.is_empty() {
        return Ok(tables::ALL.iter().copied().filter(|table| !table.on_request).collect());
    }
    let mut parents = Vec::new();
    for name in named {
        let table = tables::find(name.as_str()).ok_or_else(|| unknown_table(name.as_str()))?;
        if !parents.iter().any(|t: &&Table| t.name == table.name) {
            parents.push(table);
        }
    }
    Ok(parents)
}

/// The error for a table that does not exist, with the one that was probably meant.
pub fn unknown_table(name: &str) -> Error {
    let error = Error::new(ErrorKind::Config, format!("there is no table {name}"));
    match tables::nearest(name) {
        Some(near) => error.next(format!("did you mean {near}?")),
        None => error.next("see: freshlake tables"),
    }
}

fn units(connection: &Connection, table: &Table) -> Vec<(Unit, OtherIds)> {
    let businesses = connection.businesses.iter();
    match table.family.owner() {
        Owner::Person => vec![(Unit::Identity(connection.identity_id), OtherIds::default())],
        // A business without an accounting system still has projects and time.
        Owner::Account => {
            businesses.filter_map(|b| Some((Unit::Account(b.account_id.clone()?), b.other_ids()))).collect()
        }
        Owner::Business => businesses.map(|b| (Unit::Business(b.business_id), b.other_ids())).collect(),
    }
}
