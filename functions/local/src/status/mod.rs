//! `freshlake status`: what the lake has, how far it is read, and what each commit can prove. Asks nobody.

mod history;
mod overview;

use std::sync::Arc;

use grants::Connection;
use host::{Folder, SystemClock};
use lake::{Commit, Lake};
use model::port::{Clock, ObjectStore};
use model::{ConnectionName, Error, ErrorKind, Mode, Result, TableName, Timestamp, Unit};
use serde_json::{Value, json};
use sync::Firing;
use tables::Table;

use crate::cli;
use crate::pull::unit_id;
use crate::screen::Screen;
use crate::settings::Settings;
use crate::show::units;

/// One table of one account, business or person.
#[derive(Debug)]
struct Entry {
    /// Whose it is; none where a connection is gone and its rows are still there.
    connection: Option<ConnectionName>,
    table: &'static str,
    unit: Unit,
    /// Oldest first; none if nothing was ever committed.
    commits: Vec<Commit>,
}

/// Shows one line per table, the history of one table, or everything as JSON.
pub(crate) async fn run(arguments: &cli::Status, settings: Settings, screen: &Screen) -> Result<u8> {
    let table = match &arguments.table {
        None => None,
        Some(name) => Some(tables::find(name).ok_or_else(|| sync::unknown_table(name))?),
    };
    let nothing = |what: String| Error::new(ErrorKind::Config, what).next("make one: freshlake connect NAME");
    if !settings.lake.exists() {
        return Err(nothing(format!("there is no lake at {}", settings.lake.display())));
    }
    let folder = Folder::open(&settings.lake)?;
    let connections = Connection::list(&folder).await?;
    if let Some(name) = &arguments.name
        && !connections.iter().any(|connection| connection.name == *name)
    {
        return Err(nothing(format!("there is no connection {name}")));
    }
    let now = SystemClock.now();
    let mut entries = entries(&folder, &settings, &connections, table, now).await?;
    if let Some(name) = &arguments.name {
        entries.retain(|entry| entry.connection.as_ref() == Some(name));
    }
    if arguments.json {
        let all: Vec<Value> = entries.iter().map(|entry| entry.as_json(table.is_some(), now)).collect();
        screen.out(format!("{:#}", json!({"lake": settings.lake, "tables": all})));
    } else if entries.is_empty() {
        let what =
            if connections.is_empty() { "there is no connection yet" } else { "there is nothing here" };
        return Err(nothing(what.to_owned()));
    } else if table.is_some() {
        for entry in &entries {
            history::print(entry, screen);
        }
    } else {
        overview::print(&entries, now, screen);
    }
    Ok(0)
}

/// What the connections are to read, and what there is beside that, in the order of the table list.
async fn entries(
    folder: &Folder,
    settings: &Settings,
    connections: &[Connection],
    asked: Option<&'static Table>,
    now: Timestamp,
) -> Result<Vec<Entry>> {
    let store: Arc<dyn ObjectStore> = Arc::new(folder.clone());
    let lake = Lake::new(Arc::clone(&store), &*settings.database);
    let mut planned: Vec<(ConnectionName, TableName, Unit)> = Vec::new();
    for connection in connections {
        let chosen = settings.connections.get(&connection.name).and_then(|chosen| chosen.tables.clone());
        let firing = Firing {
            scheduled_at: now,
            connection: Some(connection.name.clone()),
            tables: chosen.unwrap_or_default(),
            mode: Mode::Incremental,
            accept_deletions: false,
            settings: settings.tables.clone(),
        };
        // A connection that has nothing to read has no line either.
        let tasks = sync::plan(connection, &firing).unwrap_or_default();
        planned.extend(tasks.into_iter().map(|task| (task.connection, task.table, task.unit)));
    }
    let mut entries = Vec::new();
    for table in tables::ALL.iter().filter(|table| asked.is_none_or(|asked| asked.name == table.name)) {
        let plan = planned.iter().filter(|(_, name, _)| name.as_str() == table.name);
        let mut lines: Vec<(Option<ConnectionName>, Unit)> =
            plan.map(|(connection, _, unit)| (Some(connection.clone()), unit.clone())).collect();
        for unit in units(&*store, &settings.database, table).await? {
            // Other ids that make the same folder name are the same rows.
            if !lines.iter().any(|(_, known)| known.partition() == unit.partition()) {
                lines.push((owner(connections, &unit), unit));
            }
        }
        for (connection, unit) in lines {
            let commits = lake.commits(table.name, &unit).await?;
            entries.push(Entry { connection, table: table.name, unit, commits });
        }
    }
    Ok(entries)
}

/// The connection that reaches `unit`, though it is not asked to read this table.
fn owner(connections: &[Connection], unit: &Unit) -> Option<ConnectionName> {
    let reaches = |connection: &&Connection| match unit {
        Unit::Identity(id) => connection.identity_id == *id,
        Unit::Account(id) => connection.businesses.iter().any(|b| b.account_id.as_ref() == Some(id)),
        Unit::Business(id) => connection.businesses.iter().any(|b| b.business_id == *id),
    };
    connections.iter().find(reaches).map(|connection| connection.name.clone())
}

impl Entry {
    fn head(&self) -> Option<&Commit> {
        self.commits.last()
    }

    fn of(&self) -> String {
        unit_id(&self.unit)
    }

    /// Rows of the table's own files: a row that changed counts once per version.
    fn rows(&self) -> u64 {
        let files = self.commits.iter().flat_map(|commit| &commit.files);
        files.filter(|file| file.table.as_str() == self.table).map(|file| file.rows).sum()
    }

    /// Seconds between the cursor and `now`.
    fn lag(&self, now: Timestamp) -> Option<i64> {
        let cursor = self.head()?.cursor?;
        Some(now.duration_since(cursor.0).as_secs().max(0))
    }

    /// The run of a commit, which its task's id begins with.
    fn run<'c>(&self, commit: &'c Commit) -> &'c str {
        let task = commit.task.0.as_str();
        let partition = self.unit.partition();
        let id = partition.split_once('=').map_or("", |(_, id)| id);
        task.strip_suffix(&format!("-{}-{id}", self.table)).unwrap_or(task)
    }

    fn as_json(&self, whole: bool, now: Timestamp) -> Value {
        let commit = |commit: &Commit| {
            let files: Vec<Value> = commit.files.iter().map(|file| json!(file)).collect();
            json!({
                "number": commit.number,
                "committed_at": commit.committed_at,
                "run": self.run(commit),
                "task": commit.task,
                "cursor": commit.cursor,
                "loading": commit.loading,
                "certificate": commit.certificate,
                "files": files,
            })
        };
        let mut entry = json!({
            "connection": self.connection,
            "table": self.table,
            "of": self.of(),
            "unit": self.unit,
            "state": overview::words(self),
            "rows": self.rows(),
            "lag_seconds": self.lag(now),
            "commit": self.head().map(commit),
        });
        if whole && let Some(entry) = entry.as_object_mut() {
            entry.insert("commits".to_owned(), self.commits.iter().map(commit).collect());
        }
        entry
    }
}
