//! `freshlake plan`: what the next run would ask FreshBooks for. It writes nothing, and asks only if it is told to.

use std::sync::Arc;

use ::sync::{Firing, Outlook, PerRow, Reading, Worker, outlook};
use freshbooks::Tokens;
use grants::{Broker, Connection, ConnectionTokens};
use host::SystemClock;
use model::port::Clock;
use model::{Error, ErrorKind, Mode, Result, TableName, Task};
use serde_json::{Value, json};

use crate::cli;
use crate::connect::redirect_url;
use crate::engine::worker;
use crate::grid::{Grid, Side, thousands};
use crate::machine::Machine;
use crate::pull::{unit_id, wanted};
use crate::salt::salt;
use crate::screen::{Ink, Screen};
use crate::settings::Settings;

/// Before its tasks, a run asks whose token it has.
const WHO: u64 = 1;

/// What the next run of one connection would do.
struct Planned {
    connection: Connection,
    tasks: Vec<(Task, Outlook)>,
}

/// Tells what the next run of the connections that were named, or of all, would ask for.
pub(crate) async fn run(arguments: cli::Plan, settings: Settings, screen: &Screen) -> Result<u8> {
    wanted(&arguments.tables)?;
    let nothing = |what: String| Error::new(ErrorKind::Config, what).next("make one: freshlake connect NAME");
    if !settings.lake.exists() {
        return Err(nothing(format!("there is no lake at {}", settings.lake.display())));
    }
    let machine = Machine::new(settings)?;
    let mut connections = Connection::list(&machine.folder).await?;
    if let Some(name) = &arguments.name {
        connections.retain(|connection| connection.name == *name);
        if connections.is_empty() {
            return Err(nothing(format!("there is no connection {name}")));
        }
    }
    if connections.is_empty() {
        return Err(nothing("there is no connection yet".to_owned()));
    }
    // A salt that is not made yet plays no part: nothing is read.
    let salt = salt(&machine.settings, false).await?.or_else(|| Some("not made yet".into()));
    let worker = Worker { salt, ..worker(&machine) };
    let broker = if arguments.ask {
        Some(Arc::new(machine.broker(machine.app(redirect_url(0)?).await?)))
    } else {
        None
    };
    let mut planned = Vec::new();
    for connection in connections {
        if connection.paused {
            screen.warn(format!("{} is paused: runs leave it out", connection.name));
            continue;
        }
        planned.push(plan(&arguments, &machine, &worker, broker.as_ref(), connection).await?);
    }
    if arguments.json {
        let all: Vec<Value> = planned.iter().map(Planned::as_json).collect();
        let requests: u64 = planned.iter().map(Planned::requests).sum();
        screen.out(format!("{:#}", json!({"connections": all, "requests": requests})));
    } else {
        for (at, planned) in planned.iter().enumerate() {
            if at > 0 {
                screen.out("");
            }
            planned.print(&arguments, screen);
        }
    }
    Ok(0)
}

async fn plan(
    arguments: &cli::Plan,
    machine: &Machine,
    worker: &Worker,
    broker: Option<&Arc<Broker>>,
    connection: Connection,
) -> Result<Planned> {
    let chosen = machine.settings.connections.get(&connection.name).and_then(|chosen| chosen.tables.clone());
    let asked: Vec<TableName> = arguments.tables.iter().cloned().map(TableName).collect();
    let firing = Firing {
        scheduled_at: SystemClock.now(),
        connection: Some(connection.name.clone()),
        tables: if asked.is_empty() { chosen.unwrap_or_default() } else { asked },
        mode: if arguments.full { Mode::Full } else { Mode::Incremental },
        accept_deletions: false,
        settings: machine.settings.tables.clone(),
    };
    let tokens = match broker {
        None => None,
        Some(broker) => {
            broker.ready(&connection.name).await?;
            let (broker, connection) = (Arc::clone(broker), connection.name.clone());
            Some(Arc::new(ConnectionTokens { broker, connection }) as Arc<dyn Tokens>)
        }
    };
    let mut tasks = Vec::new();
    for task in ::sync::plan(&connection, &firing)? {
        match outlook(worker, tokens.clone(), &task).await {
            Ok(outlook) => tasks.push((task, outlook)),
            // Asking is what tells.
            Err(error) if [ErrorKind::OutOfPlan, ErrorKind::OutOfScope].contains(&error.kind()) => {
                let one = Outlook {
                    reading: Reading::First,
                    lists: 1,
                    requests: 1,
                    rows: Some(0),
                    per_row: PerRow::No,
                };
                tasks.push((task, one));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Planned { connection, tasks })
}

impl Planned {
    fn requests(&self) -> u64 {
        WHO + self.tasks.iter().map(|(_, outlook)| outlook.requests).sum::<u64>()
    }

    fn print(&self, arguments: &cli::Plan, screen: &Screen) {
        let counted = if arguments.ask { "as FreshBooks counts now" } else { "if nothing has changed" };
        screen.out(format!("{}  the next run, {counted}", self.connection.name));
        let mut grid = Grid::new(&[
            ("table", Side::Left),
            ("of", Side::Left),
            ("reads", Side::Left),
            ("lists", Side::Right),
            ("requests", Side::Right),
            ("rows", Side::Right),
        ]);
        for (task, outlook) in &self.tasks {
            grid.row([
                task.table.to_string(),
                unit_id(&task.unit),
                words(outlook.reading),
                thousands(outlook.lists as u64),
                requests(outlook),
                outlook.rows.map_or_else(|| "?".to_owned(), thousands),
            ]);
        }
        for (at, line) in grid.lines().into_iter().enumerate() {
            screen.out(if at == 0 { Ink::Bold.on(screen.coloured, &line) } else { line });
        }
        let first = self.tasks.iter().filter(|(_, o)| o.reading == Reading::First && !arguments.ask).count();
        let (requests, tasks) = (thousands(self.requests()), thousands(self.tasks.len() as u64));
        let rows: u64 = self.tasks.iter().filter_map(|(_, outlook)| outlook.rows).sum();
        let least = if first > 0 { "at least " } else { "" };
        screen.out(format!(
            "{tasks} tables, {least}{requests} requests (one to see whose the token is), {} rows",
            thousands(rows)
        ));
        let by_row = self.tasks.iter().filter(|(_, outlook)| outlook.per_row != PerRow::No).count();
        if by_row > 0 {
            screen.note(format!(
                "{by_row} of them are asked for row by row of another table, on top of that: a request for each row that changed"
            ));
        }
        if first > 0 {
            screen.note(format!(
                "{first} of them were never read: how many rows they have is not known; to ask: freshlake plan --ask"
            ));
        }
    }

    fn as_json(&self) -> Value {
        let tables: Vec<Value> = self
            .tasks
            .iter()
            .map(|(task, outlook)| {
                let (reads, since) = match outlook.reading {
                    Reading::First => ("first", None),
                    Reading::Whole => ("whole", None),
                    Reading::Day(day) => ("changed", Some(day.to_string())),
                    Reading::Instant(at) => ("changed", Some(at.to_string())),
                    Reading::Months(month) => ("months", Some(month.to_string())),
                };
                let most = match outlook.per_row {
                    PerRow::No => Some(0),
                    PerRow::AtMost(most) => Some(most),
                    PerRow::Every => None,
                };
                json!({
                    "table": task.table, "of": unit_id(&task.unit), "reads": reads, "since": since,
                    "lists": outlook.lists, "requests": outlook.requests, "rows": outlook.rows,
                    "requests_for_rows_at_most": most,
                })
            })
            .collect();
        json!({"connection": self.connection.name, "requests": self.requests(), "tables": tables})
    }
}

/// The requests for lists, and those for single rows.
fn requests(outlook: &Outlook) -> String {
    let lists = thousands(outlook.requests);
    match outlook.per_row {
        PerRow::No => lists,
        PerRow::AtMost(most) => format!("{lists} + up to {}", thousands(most)),
        PerRow::Every => format!("{lists} + 1 a row"),
    }
}

fn words(reading: Reading) -> String {
    match reading {
        Reading::First => "everything, for the first time".to_owned(),
        Reading::Whole => "everything".to_owned(),
        Reading::Day(day) => format!("changed since {day}"),
        Reading::Instant(at) => format!("changed since {}", at.strftime("%Y-%m-%d %H:%M UTC")),
        Reading::Months(month) => format!("months from {}", month.strftime("%Y-%m")),
    }
}
