//! `freshlake tables` and `freshlake describe`: the declarations, for people and programs.

use arrow_schema::{DataType, Schema};
use model::Result;
use serde_json::{Value, json};
use tables::{CursorRule, DeleteRule, Family, Form, Owner, RawText, Table};

use crate::cli;
use crate::grid::{Grid, Side};
use crate::screen::{Ink, Screen};

/// Lists the tables.
pub(crate) fn list(arguments: &cli::Tables, screen: &Screen) {
    if arguments.format == cli::Format::Json {
        let all: Vec<Value> = tables::ALL.iter().map(|table| as_json(table)).collect();
        screen.out(format!("{:#}", Value::Array(all)));
        return;
    }
    let header = ["table", "children", "of", "read", "deleted rows", "scope"].map(|name| (name, Side::Left));
    let mut grid = Grid::new(&header);
    for table in tables::ALL {
        let children: Vec<&str> = table.children.iter().map(|child| child.name).collect();
        grid.row([
            table.name.to_owned(),
            children.join(", "),
            belongs_to(table.family).to_owned(),
            when_read(table),
            deleted(table.deleted),
            table.scope.to_owned(),
        ]);
    }
    for (at, line) in grid.lines().into_iter().enumerate() {
        screen.out(if at == 0 { Ink::Bold.on(screen.coloured, &line) } else { line });
    }
}

/// Tells everything about one table.
pub(crate) fn describe(arguments: &cli::Describe, screen: &Screen) -> Result<u8> {
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
            fact("key", &[child.parent_key, child.own_key.unwrap_or("_position")].join(", "));
        }
        None => fact("key", &table.key.join(", ")),
    }
    fact("api", &format!("GET {}", table.path));
    fact("of", belongs_to(table.family));
    fact("read", &when_read(table));
    fact("deleted rows", &deleted(table.deleted));
    fact("scope", table.scope);
    if child.is_none() && !table.children.is_empty() {
        let children: Vec<&str> = table.children.iter().map(|child| child.name).collect();
        fact("children", &children.join(", "));
    }
    if !table.secrets.is_empty() {
        fact("masked", &table.secrets.join(", "));
    }
    screen.out("");
    let Some(schema) = tables::arrow_schema(name, RawText::Keep) else { return Ok(0) };
    let mut grid = Grid::new(&["column", "type", "meaning"].map(|name| (name, Side::Left)));
    for column in columns(&schema) {
        grid.row(column.map(str::to_owned));
    }
    for (at, line) in grid.lines().into_iter().enumerate() {
        screen.out(if at == 0 { bold(&line) } else { line });
    }
    Ok(0)
}

fn belongs_to(family: Family) -> &'static str {
    match family.owner() {
        Owner::Person => "person",
        Owner::Account => "account",
        Owner::Business => "business",
    }
}

fn when_read(table: &Table) -> String {
    let read = read(table.cursor);
    if table.on_request { format!("{read}, if named") } else { read.to_owned() }
}

fn read(rule: CursorRule) -> &'static str {
    match rule {
        CursorRule::UpdatedDay { established: true, .. } => "what changed, by day",
        CursorRule::UpdatedDay { established: false, .. } => "whole, or by day if that works",
        CursorRule::UpdatedSince => "what changed, by instant",
        CursorRule::Whole => "whole",
        CursorRule::Months => "month by month",
    }
}

fn deleted(rule: DeleteRule) -> String {
    match rule {
        DeleteRule::VisState => "marked by vis_state".to_owned(),
        DeleteRule::Inactive(column) => format!("marked by {column}"),
        DeleteRule::Vanishes => "vanish".to_owned(),
        DeleteRule::Never => "never".to_owned(),
    }
}

/// Name, type and meaning of each column.
fn columns(schema: &Schema) -> impl Iterator<Item = [&str; 3]> {
    schema.fields().iter().map(|field| {
        let doc = field.metadata().get("comment").map(String::as_str).unwrap_or_default();
        [field.name().as_str(), type_name(field.data_type()), doc]
    })
}

/// The type as SQL engines call it.
fn type_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Int64 => "BIGINT",
        DataType::Int32 => "INTEGER",
        DataType::Boolean => "BOOLEAN",
        DataType::Date32 => "DATE",
        DataType::Timestamp(..) => "TIMESTAMP UTC",
        DataType::Decimal128(_, 12) => "DECIMAL(38,12)",
        DataType::Decimal128(_, 26) => "DECIMAL(38,26)",
        DataType::Decimal128(..) => "DECIMAL",
        _ => "TEXT",
    }
}

fn as_json(table: &Table) -> Value {
    let schema = |name| {
        let schema = tables::arrow_schema(name, RawText::Keep);
        let columns = schema.as_deref().map(|schema| {
            columns(schema)
                .map(|[name, kind, doc]| json!({"name": name, "type": kind, "doc": doc}))
                .collect::<Vec<_>>()
        });
        columns.unwrap_or_default()
    };
    let children: Vec<Value> = table
        .children
        .iter()
        .map(|child| {
            json!({
                "name": child.name, "doc": child.doc, "source": child.source, "columns": schema(child.name),
                "is_object": child.form == Form::Object,
                "key": [child.parent_key, child.own_key.unwrap_or("_position")],
            })
        })
        .collect();
    json!({
        "name": table.name, "doc": table.doc, "family": table.family.as_str(), "path": table.path,
        "belongs_to": belongs_to(table.family), "key": table.key, "read": read(table.cursor),
        "on_request": table.on_request,
        "deleted": deleted(table.deleted), "scope": table.scope, "includes": table.includes,
        "masked": table.secrets, "columns": schema(table.name), "children": children,
    })
}
