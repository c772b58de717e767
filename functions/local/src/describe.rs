//! `freshlake describe`: all about one table, and what is set for it.

use std::collections::BTreeMap;

use model::{Result, TableName, TableSettings};
use tables::{Child, Column, CursorRule, Kind, RawText, Rows, Table};

use crate::catalog::{belongs_to, columns, deleted, read};
use crate::cli;
use crate::grid::{Grid, Side, wrap};
use crate::screen::{Ink, Screen};
use crate::settings::Settings;

/// Lines are not longer, as far as names allow.
const WIDTH: usize = 100;
/// What a meaning needs at least.
const NARROWEST: usize = 24;

/// Tells everything about one table. Settings that are wrong do not keep it from that: they may be why it is asked.
pub(crate) fn run(arguments: &cli::Describe, settings: Result<Settings>, screen: &Screen) -> Result<u8> {
    let name = arguments.table.as_str();
    let table = tables::find(name).ok_or_else(|| sync::unknown_table(name))?;
    let child = table.children.iter().find(|child| child.name == name);
    let bold = |text: &str| Ink::Bold.on(screen.coloured, text);
    let fact = |what: &str, text: &str| screen.out(format!("{what:14}{text}"));
    screen.out(format!("{}  {}", bold(name), child.map_or(table.doc, |child| child.doc)));
    screen.out("");
    match child {
        Some(child) => {
            fact("part of", table.name);
            fact("inside", child.source);
            fact("key", &[child.parent_key, child.own_key.unwrap_or("_position")].join(", "));
        }
        None => fact("key", &table.key.join(", ")),
    }
    fact("api", &format!("GET {}", table.path));
    fact("family", table.family.as_str());
    fact("of", belongs_to(table.family));
    fact("read", &reads(table));
    fact("deleted rows", &deleted(table.deleted));
    fact("scope", table.scope);
    fact("shape", &format!("{} confidence", table.confidence.as_str()));
    if child.is_none() && !table.children.is_empty() {
        let children: Vec<&str> = table.children.iter().map(|child| child.name).collect();
        fact("children", &children.join(", "));
    }
    let settings = match settings {
        Ok(settings) => settings.tables,
        Err(error) => {
            screen.warn(format!("what is set for it cannot be told: {}", error.message()));
            BTreeMap::new()
        }
    };
    let shown = settings.get(&TableName::from(table.name)).is_some_and(|set| set.secrets);
    if !table.secrets.is_empty() {
        fact(if shown { "not masked" } else { "masked" }, &table.secrets.join(", "));
    }
    if let Some(set) = settings.get(&TableName::from(name)) {
        in_force(set, &fact);
    }
    screen.out("");
    for (at, line) in grid(name, table, child).into_iter().enumerate() {
        screen.out(if at == 0 { bold(&line) } else { line });
    }
    Ok(0)
}

fn reads(table: &Table) -> String {
    let how = match (table.cursor, table.rows) {
        (CursorRule::Whole, Rows::List { .. }) => "whole, page by page",
        (rule, _) => read(rule),
    };
    let each = table.each.map(|each| format!(", one request for each row of {}", each.parent));
    let request = if table.on_request { "; only where it is asked for by name" } else { "" };
    format!("{how}{}{request}", each.unwrap_or_default())
}

/// The settings of a table, each with the key by which it is set.
fn in_force(set: &TableSettings, fact: &impl Fn(&str, &str)) {
    let list = |key: &str, names: &[String]| {
        if !names.is_empty() {
            fact(key, &names.join(", "));
        }
    };
    list("set: columns", set.columns.as_deref().unwrap_or_default());
    list("set: drop", &set.drop);
    list("set: hash", &set.hash);
    let renamed: Vec<String> = set.rename.iter().map(|(old, new)| format!("{old} as {new}")).collect();
    list("set: rename", &renamed);
    list("set: where", set.filter.as_slice());
}

/// Columns with their types, the keys they come from, and what they mean.
fn grid(name: &str, table: &'static Table, child: Option<&'static Child>) -> Vec<String> {
    let Some(schema) = tables::arrow_schema(name, RawText::Keep) else { return Vec::new() };
    let mut sources: BTreeMap<String, String> =
        child.map_or(table.columns, |child| child.columns).iter().flat_map(origins).collect();
    if let Some(child) = child {
        sources.insert(child.parent_key.to_owned(), format!("{} of {}", table.key.join(", "), table.name));
    }
    let rows: Vec<[String; 4]> = columns(&schema)
        .map(|[column, kind, doc]| {
            let source = sources.get(column).cloned().unwrap_or_default();
            [column.to_owned(), kind.to_owned(), source, doc.to_owned()]
        })
        .collect();
    let widest = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(String::len).max().unwrap_or(0);
    let before: usize = (0..3).map(|at| widest(at).max(11) + 2).sum();
    let width = WIDTH.saturating_sub(before).max(NARROWEST);
    let header = ["column", "type", "from", "meaning"];
    let mut grid = Grid::new(&header.map(|name| (name, Side::Left)));
    for [column, kind, source, doc] in rows {
        let mut lines = wrap(&doc, width).into_iter();
        grid.row([column, kind, source, lines.next().unwrap_or_default()]);
        for line in lines {
            grid.row([String::new(), String::new(), String::new(), line]);
        }
    }
    grid.lines()
}

/// Where a column and its companion come from.
fn origins(column: &'static Column) -> impl Iterator<Item = (String, String)> {
    let alias = column.alias.map(|alias| format!(" or {alias}")).unwrap_or_default();
    let companion = match column.kind {
        Kind::Money(_) => Some(("_code", format!("{}.code", column.source))),
        Kind::Instant(_) => Some(("_text", column.source.to_owned())),
        _ => None,
    };
    let own = (column.name.to_owned(), format!("{}{alias}", column.source));
    let companion = companion.map(|(suffix, source)| (format!("{}{suffix}", column.name), source));
    [Some(own), companion].into_iter().flatten()
}
