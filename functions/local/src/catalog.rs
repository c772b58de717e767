//! `freshlake tables`: the declarations, for people and programs.

use arrow_schema::{DataType, Schema};
use serde_json::{Value, json};
use tables::{CursorRule, DeleteRule, Family, Form, Owner, RawText, Table};

use crate::cli;
use crate::grid::{Grid, Side};
use crate::screen::{Ink, Screen};

/// Lists the tables.
pub(crate) fn list(arguments: &cli::Tables, screen: &Screen) {
    if arguments.json || arguments.format == cli::Format::Json {
        let all: Vec<Value> = tables::ALL.iter().map(|table| as_json(table)).collect();
        screen.out(format!("{:#}", Value::Array(all)));
        return;
    }
    let bold = |text: &str| Ink::Bold.on(screen.coloured, text);
    let header = [
        ("table", Side::Left),
        ("family", Side::Left),
        ("key", Side::Left),
        ("reads", Side::Left),
        ("deleted", Side::Left),
        ("scope", Side::Left),
        ("asks", Side::Right),
        ("shape", Side::Left),
    ];
    for (at, group) in tables::GROUPS.iter().enumerate() {
        if at > 0 {
            screen.out("");
        }
        let mut grid = Grid::new(&header);
        for table in group.tables {
            grid.row([
                table.name.to_owned(),
                table.family.as_str().to_owned(),
                short_key(table),
                if table.on_request { "named" } else { short_read(table.cursor) }.to_owned(),
                short_deleted(table.deleted).to_owned(),
                short_scope(table).to_owned(),
                asks(table),
                table.confidence.as_str().to_owned(),
            ]);
        }
        screen.out(bold(group.title));
        for (at, line) in grid.lines().into_iter().enumerate() {
            screen.out(if at == 0 { Ink::Dim.on(screen.coloured, &line) } else { line });
        }
    }
    screen.out("");
    for line in LEGEND {
        screen.out(line);
    }
}

/// What the columns mean.
const LEGEND: [&str; 10] = [
    "key      of a report, the line within what was asked for",
    "reads    each run: what changed, by the day or the instant of the change; the whole table; or the",
    "         open month and the last ones; named: only where the table is asked for by name",
    "deleted  state: the column vis_state says so; active: that one; or the row vanishes from its list",
    "scope    user:SCOPE:read is what the grant needs",
    "asks     requests of a run when nothing has changed, for each account, business or person",
    "         + with each further page; * in each currency; row: for each row of another table",
    "shape    how well it is established what FreshBooks sends",
    "",
    "All about one of them, its columns and the tables inside it: freshlake describe TABLE",
];

fn short_key(table: &Table) -> String {
    match table.key {
        [one] => (*one).to_owned(),
        // A report's key is what it was asked for, and the line.
        _ if table.key.last() == Some(&"line") => "line".to_owned(),
        several => format!("{} columns", several.len()),
    }
}

fn short_read(rule: CursorRule) -> &'static str {
    match rule {
        CursorRule::UpdatedDay { .. } => "day",
        CursorRule::UpdatedSince => "instant",
        CursorRule::Whole => "whole",
        CursorRule::Months => "months",
    }
}

fn short_deleted(rule: DeleteRule) -> &'static str {
    match rule {
        DeleteRule::VisState => "state",
        DeleteRule::Inactive(column) => column,
        DeleteRule::Vanishes => "vanishes",
        DeleteRule::Never => "never",
    }
}

fn short_scope(table: &Table) -> &'static str {
    table.scope.strip_prefix("user:").and_then(|scope| scope.strip_suffix(":read")).unwrap_or(table.scope)
}

/// Requests of an idle run.
fn asks(table: &'static Table) -> String {
    if table.each.is_some() {
        return "row".to_owned();
    }
    let requests = sync::idle_requests(table);
    let paged = matches!(table.rows, tables::Rows::List { .. }) && table.cursor == CursorRule::Whole;
    let currencies = table.cursor == CursorRule::Months && table.key.contains(&"currency_code");
    let more = match (paged, currencies) {
        (true, _) => "+",
        (_, true) => "*",
        _ => "",
    };
    format!("{requests}{more}")
}

pub(crate) fn belongs_to(family: Family) -> &'static str {
    match family.owner() {
        Owner::Person => "person",
        Owner::Account => "account",
        Owner::Business => "business",
    }
}

pub(crate) fn read(rule: CursorRule) -> &'static str {
    match rule {
        CursorRule::UpdatedDay { established: true, .. } => "what changed, by day",
        CursorRule::UpdatedDay { established: false, .. } => "whole, or by day if that works",
        CursorRule::UpdatedSince => "what changed, by instant",
        CursorRule::Whole => "whole",
        CursorRule::Months => "month by month",
    }
}

pub(crate) fn deleted(rule: DeleteRule) -> String {
    match rule {
        DeleteRule::VisState => "marked by vis_state".to_owned(),
        DeleteRule::Inactive(column) => format!("marked by {column}"),
        DeleteRule::Vanishes => "vanish".to_owned(),
        DeleteRule::Never => "never".to_owned(),
    }
}

/// Name, type and meaning of each column.
pub(crate) fn columns(schema: &Schema) -> impl Iterator<Item = [&str; 3]> {
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

fn as_json(table: &'static Table) -> Value {
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
        "belongs_to": belongs_to(table.family), "requests_per_idle_run": asks(table),
        "confidence": table.confidence.as_str(), "on_request": table.on_request, "key": table.key, "read": read(table.cursor),
        "deleted": deleted(table.deleted), "scope": table.scope, "includes": table.includes,
        "masked": table.secrets, "columns": schema(table.name), "children": children,
    })
}
