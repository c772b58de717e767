//! `freshlake runs`: what each run has changed, and the snapshots that lead back to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use host::Folder;
use lake::{Lake, Run};
use model::{Error, ErrorKind, Result, Timestamp};
use serde_json::{Value, json};
use tables::Table;

use crate::cli;
use crate::grid::{Grid, Side, thousands};
use crate::screen::{Ink, Screen};
use crate::settings::Settings;

/// Runs that are shown, unless more are asked for.
const MOST: usize = 20;

/// Lists runs, newest first: those of all tables, or of one with its snapshots.
pub(crate) async fn run(arguments: &cli::Runs, settings: Settings, screen: &Screen) -> Result<u8> {
    let family = match &arguments.table {
        None => None,
        Some(name) => Some(tables::find(name).ok_or_else(|| sync::unknown_table(name))?),
    };
    if !settings.lake.exists() {
        let what = format!("there is no lake at {}", settings.lake.display());
        return Err(Error::new(ErrorKind::Config, what).next("fill it with: freshlake sync"));
    }
    let folder = Folder::open(&settings.lake)?;
    let lake = Lake::new(Arc::new(folder), settings.database.clone());
    let mut runs: BTreeMap<String, Run> = BTreeMap::new();
    let families: Vec<&'static Table> = family.map_or_else(|| tables::ALL.to_vec(), |family| vec![family]);
    for family in families {
        for run in lake.runs(family).await? {
            let known =
                runs.entry(run.id.clone()).or_insert_with(|| Run { tables: Vec::new(), ..run.clone() });
            known.at = known.at.max(run.at);
            known.tables.extend(run.tables);
        }
    }
    let mut runs: Vec<Run> = runs.into_values().collect();
    if let Some(name) = &arguments.table {
        for run in &mut runs {
            run.tables.retain(|one| one.table == name);
        }
        runs.retain(|run| !run.tables.is_empty());
    }
    runs.sort_by(|one, other| (other.at, &other.id).cmp(&(one.at, &one.id)));
    if arguments.json {
        screen.out(format!("{:#}", as_json(&runs)));
        return Ok(0);
    }
    if runs.is_empty() {
        let of = arguments.table.as_ref().map(|table| format!(" of {table}")).unwrap_or_default();
        screen.warn(format!("there is no snapshot{of} yet"));
        return Ok(0);
    }
    let shown = arguments.limit.unwrap_or(MOST).min(runs.len());
    let newest = runs.get(..shown).unwrap_or_default();
    let lines = match &arguments.table {
        Some(_) => of_one(newest),
        None => of_all(newest),
    };
    for (at, line) in lines.iter().enumerate() {
        screen.out(if at == 0 { Ink::Bold.on(screen.coloured, line) } else { line.clone() });
    }
    if shown < runs.len() {
        let hint = format!("and {} older: --limit {}", runs.len() - shown, runs.len());
        screen.out(Ink::Dim.on(screen.coloured, &hint));
    }
    let example = match &arguments.table {
        None => "go back in one table: freshlake runs invoices".to_owned(),
        Some(table) => {
            let home = settings.lake.join("lake").join(&settings.database).join(table);
            let snapshot = newest.last().and_then(|run| run.tables.first()).map_or(0, |one| one.snapshot);
            query(&home.display().to_string(), snapshot)
        }
    };
    screen.out("");
    screen.out(example);
    Ok(0)
}

/// Asks for a table as it was.
fn query(home: &str, snapshot: i64) -> String {
    let home = home.replace('\'', "''");
    format!(
        "as it was after the last of these, in DuckDB:\nINSTALL iceberg; LOAD iceberg;\nSELECT count(*) FROM \
         iceberg_scan('{home}', snapshot_from_id => {snapshot});"
    )
}

fn of_one(runs: &[Run]) -> Vec<String> {
    let mut grid = Grid::new(&[
        ("run", Side::Left),
        ("at", Side::Left),
        ("snapshot", Side::Right),
        ("written", Side::Right),
        ("replaced", Side::Right),
        ("rows", Side::Right),
    ]);
    for run in runs {
        for one in &run.tables {
            let figures = [one.added, one.removed, one.rows].map(thousands);
            let cells = [run.id.clone(), minute(run.at), one.snapshot.to_string()];
            grid.row(cells.into_iter().chain(figures));
        }
    }
    grid.lines()
}

fn of_all(runs: &[Run]) -> Vec<String> {
    let mut grid = Grid::new(&[
        ("run", Side::Left),
        ("at", Side::Left),
        ("tables", Side::Right),
        ("written", Side::Right),
        ("replaced", Side::Right),
    ]);
    for run in runs {
        let added = run.tables.iter().map(|one| one.added).sum();
        let removed = run.tables.iter().map(|one| one.removed).sum();
        grid.row([
            run.id.clone(),
            minute(run.at),
            thousands(run.tables.len() as u64),
            thousands(added),
            thousands(removed),
        ]);
    }
    grid.lines()
}

/// `2026-03-31 06:00`, in UTC.
fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

fn as_json(runs: &[Run]) -> Value {
    let table = |one: &lake::RunOfTable| {
        json!({
            "table": one.table, "snapshot": one.snapshot, "written": one.added, "replaced": one.removed,
            "rows": one.rows,
        })
    };
    let run = |run: &Run| {
        let tables: Vec<Value> = run.tables.iter().map(table).collect();
        json!({"run": run.id, "at": run.at, "tables": tables})
    };
    json!({"runs": runs.iter().map(run).collect::<Vec<Value>>()})
}
