//! `freshlake show`: rows of the lake's committed files, newest commit first.
//!
//! A row that changed is there once per version: that is what `raw` holds.

use std::collections::BTreeSet;

use arrow_array::RecordBatch;
use host::Folder;
use lake::{Commit, DataFile, Lake};
use model::port::ObjectStore;
use model::{AccountId, BusinessId, Error, ErrorKind, Result, Unit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tables::{Column, Kind, Table};

use crate::cli;
use crate::grid::{Grid, Side, clip};
use crate::rows::{json_line, text, value};
use crate::screen::{Ink, Screen};
use crate::settings::Settings;

/// A cell of a table on a terminal is no wider.
const WIDEST_CELL: usize = 28;
const NARROWEST: usize = 60;

/// Shows rows as a table to a person, as JSON lines to a program.
pub(crate) async fn run(arguments: &cli::Show, settings: Settings, screen: &Screen) -> Result<u8> {
    let name = arguments.table.as_str();
    if name != "rejected" && tables::find(name).is_none() {
        return Err(sync::unknown_table(name));
    }
    let nothing = |what: String| Error::new(ErrorKind::Config, what).next("fill it with: freshlake sync");
    if !settings.lake.exists() {
        return Err(nothing(format!("there is no lake at {}", settings.lake.display())));
    }
    let folder = Folder::open(&settings.lake)?;
    let Some(batches) = batches(&folder, &settings.database, name, arguments.limit).await? else {
        return Err(nothing(format!("the lake has no {name} yet")));
    };
    if batches.iter().all(|batch| batch.num_rows() == 0) {
        screen.note(format!("{name} is empty"));
        return Ok(0);
    }
    if screen.person_reads {
        let width = usize::from(console::Term::stdout().size().1).max(NARROWEST);
        for (at, line) in grid(name, &batches, width).lines().into_iter().enumerate() {
            screen.out(if at == 0 { Ink::Bold.on(screen.coloured, &line) } else { line });
        }
        return Ok(0);
    }
    for batch in &batches {
        for row in 0..batch.num_rows() {
            screen.out(json_line(None, batch, row, &["_raw"]));
        }
    }
    Ok(0)
}

/// Up to `limit` rows of the table `name`; `None` if nothing of it was ever committed.
pub(crate) async fn batches(
    folder: &Folder,
    database: &str,
    name: &str,
    limit: usize,
) -> Result<Option<Vec<RecordBatch>>> {
    let store: std::sync::Arc<dyn ObjectStore> = std::sync::Arc::new(folder.clone());
    let lake = Lake::new(std::sync::Arc::clone(&store), database);
    let parents: Vec<&Table> = tables::ALL
        .iter()
        .copied()
        .filter(|table| name == "rejected" || table.lake_names().any(|own| own == name))
        .collect();
    let mut commits: Vec<Commit> = Vec::new();
    for table in parents {
        for unit in units(&*store, database, table).await? {
            commits.extend(lake.commits(table.name, &unit).await?);
        }
    }
    if commits.is_empty() {
        return Ok(None);
    }
    commits.sort_by_key(|commit| std::cmp::Reverse(commit.committed_at));
    let files = commits.iter().flat_map(|commit| &commit.files).filter(|file| file.table.as_str() == name);
    let (mut found, mut left) = (Vec::new(), limit);
    for file in files {
        if left == 0 {
            break;
        }
        for batch in read(&*store, file, left).await? {
            left = left.saturating_sub(batch.num_rows());
            found.push(batch);
        }
    }
    Ok(Some(found))
}

/// Whose commits there are of `table`.
pub(crate) async fn units(store: &dyn ObjectStore, database: &str, table: &Table) -> Result<Vec<Unit>> {
    let prefix = format!("lake/{database}/{}/commits/", table.name);
    let listed = store.list(&prefix).await?;
    let partitions: BTreeSet<&str> = listed
        .iter()
        .filter_map(|object| object.key.strip_prefix(&prefix)?.split_once('/'))
        .map(|(partition, _)| partition)
        .collect();
    let unit = |partition: &str| match partition.split_once('=')? {
        ("account_id", id) => Some(Unit::Account(AccountId(id.to_owned()))),
        ("business_id", id) => Some(Unit::Business(BusinessId(id.parse().ok()?))),
        ("identity", id) => Some(Unit::Identity(id.parse().ok()?)),
        _ => None,
    };
    Ok(partitions.into_iter().filter_map(unit).collect())
}

async fn read(store: &dyn ObjectStore, file: &DataFile, limit: usize) -> Result<Vec<RecordBatch>> {
    let damaged = |why: String| {
        Error::new(ErrorKind::Storage, format!("{} cannot be read: {why}", file.key))
            .next("restore it from a backup, or read the table again with: freshlake sync --full")
    };
    let bytes = store.get(&file.key).await?.ok_or_else(|| damaged("it is missing".to_owned()))?;
    ParquetRecordBatchReaderBuilder::try_new(bytes)
        .and_then(|builder| builder.with_limit(limit).build())
        .map_err(|error| damaged(error.to_string()))?
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| damaged(error.to_string()))
}

/// The columns that say most, as many as fit into `width`.
pub(crate) fn grid(name: &str, batches: &[RecordBatch], width: usize) -> Grid {
    let mut shown: Vec<(&'static str, Side, Vec<String>)> = Vec::new();
    let mut used = 0;
    for (column, side) in telling_columns(name) {
        let cells: Vec<String> = batches.iter().flat_map(|batch| cells(batch, column)).collect();
        let wide = cells.iter().map(|cell| console::measure_text_width(cell)).max().unwrap_or(0);
        // A column of nothing tells nothing.
        if wide == 0 {
            continue;
        }
        let wide = wide.max(column.len()) + 2;
        if used + wide > width + 2 {
            continue;
        }
        used += wide;
        shown.push((column, side, cells));
    }
    let header: Vec<_> = shown.iter().map(|(name, side, _)| (*name, *side)).collect();
    let mut grid = Grid::new(&header);
    for row in 0..shown.first().map_or(0, |(_, _, cells)| cells.len()) {
        grid.row(shown.iter().map(|(_, _, cells)| cells.get(row).cloned().unwrap_or_default()));
    }
    grid
}

/// One column's texts; an amount with its currency.
fn cells(batch: &RecordBatch, name: &str) -> Vec<String> {
    let Some(column) = batch.column_by_name(name) else { return Vec::new() };
    let code = batch.column_by_name(&format!("{name}_code"));
    let cell = |row| {
        let mut cell = text(&value(column, row));
        let code = code.map(|code| text(&value(code, row))).unwrap_or_default();
        if !cell.is_empty() && !code.is_empty() {
            cell = format!("{} {code}", with_cents(cell));
        }
        clip(&cell, WIDEST_CELL)
    };
    (0..batch.num_rows()).map(cell).collect()
}

/// An amount with two decimals at least.
fn with_cents(amount: String) -> String {
    match amount.split_once('.') {
        None => format!("{amount}.00"),
        Some((_, cents)) if cents.len() == 1 => format!("{amount}0"),
        Some(_) => amount,
    }
}

/// Keys first, then what people look for: names, numbers, days, amounts; never ids of other tables or flags.
fn telling_columns(name: &str) -> Vec<(&'static str, Side)> {
    if name == "rejected" {
        return ["table_name", "key", "path", "reason"].map(|name| (name, Side::Left)).to_vec();
    }
    let Some(table) = tables::find(name) else { return Vec::new() };
    let (mut found, columns): (Vec<(&str, Side)>, &[Column]) =
        match table.children.iter().find(|child| child.name == name) {
            Some(child) => (vec![(child.parent_key, Side::Right), ("_position", Side::Right)], child.columns),
            None => (table.key.iter().map(|key| (*key, Side::Right)).collect(), table.columns),
        };
    let wanted = |column: &&Column| match column.kind {
        Kind::Money(_) | Kind::Decimal(_) | Kind::Date => true,
        Kind::Text => {
            let name = column.name;
            !name.contains("id") && !["uuid", "version", "template", "language"].contains(&name)
        }
        _ => false,
    };
    let side = |column: &Column| match column.kind {
        Kind::Money(_) | Kind::Decimal(_) => Side::Right,
        _ => Side::Left,
    };
    for column in columns.iter().filter(wanted) {
        if !found.iter().any(|(known, _)| *known == column.name) {
            found.push((column.name, side(column)));
        }
    }
    found
}
