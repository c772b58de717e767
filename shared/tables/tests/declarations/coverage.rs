//! Whether each resource that FreshBooks is known to have, and each of its fields, has a place.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;
use tables::{Column, Kind, Rows, UNREACHABLE};

use super::{Shown, pages};

/// Resources whose table has another name: these two are words that say too little, or that SQL has for itself.
const RENAMED: &[(&str, &str)] = &[("roles", "user_roles"), ("groups", "user_groups")];

/// Fields of recorded bodies that FreshBooks does not have: the author of a test made them up.
const MADE_UP: &[(&str, &str)] = &[("clients", "test_amount")];

/// Instants of which the zone is unknown, or that mean nothing by themselves: they stay text.
const OPAQUE: &[&str] = &["version", "local_started_at", "date"];

fn resources() -> Option<Vec<Value>> {
    let path =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/freshbooks/resources.json"));
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!(
            "SKIPPED: the list of resources is not beside the checkout, their coverage was not checked"
        );
        return None;
    };
    let mut list: Value = serde_json::from_str(&text).unwrap();
    let Value::Array(resources) = list["resources"].take() else { panic!("it lists no resources") };
    Some(resources)
}

fn name(value: &Value) -> &str {
    value["name"].as_str().unwrap()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// What is inside a field: the fields of an object, or those of the rows of a list.
fn inside(field: &Value) -> &[Value] {
    let rows = list(field, "items");
    if rows.is_empty() { list(field, "fields") } else { rows }
}

fn shown(resource: &Value) -> Option<Shown> {
    let name = name(resource);
    let renamed = RENAMED.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| *new);
    Shown::find(renamed)
}

/// What was found of a resource.
#[derive(Default)]
struct Tally {
    fields: usize,
    typed: usize,
    json: usize,
    children: usize,
    masked: usize,
    lost: Vec<String>,
}

impl Tally {
    fn of(resource: &Value, shown: Shown) -> Self {
        let mut tally = Self::default();
        for field in list(resource, "fields") {
            if !MADE_UP.contains(&(name(resource), name(field))) {
                tally.field(shown, name(field), field);
            }
        }
        tally
    }

    fn field(&mut self, shown: Shown, path: &str, field: &Value) {
        let below = format!("{path}.");
        if let Rows::Report(layout) = shown.table.rows
            && (layout.sections.contains(&path) || layout.below.contains(&path))
        {
            return self.line(shown, path, field);
        }
        let column = shown.columns().iter().find(|c| c.source == path || c.alias == Some(path));
        let own = shown.child.is_none();
        let secret = match shown.child {
            None => shown.table.secrets.contains(&path),
            Some(child) => shown.table.secrets.contains(&&*format!("{}.{path}", child.source)),
        };
        if let Some(column) = column {
            self.fields += 1;
            *(if column.kind == Kind::Json { &mut self.json } else { &mut self.typed }) += 1;
            self.typing(shown, column, field);
        } else if secret {
            self.fields += 1;
            self.masked += 1;
        } else if let Some(child) = shown.table.children.iter().find(|child| own && child.source == path) {
            self.fields += 1;
            self.children += 1;
            let child = Shown { child: Some(child), ..shown };
            let mut inner = Self::default();
            for field in inside(field) {
                inner.field(child, name(field), field);
            }
            self.lost.extend(inner.lost.into_iter().map(|lost| format!("{path}.{lost}")));
        } else if told_elsewhere(shown, path) {
            self.fields += 1;
            self.children += 1;
        } else if sources(shown).any(|source| source.starts_with(&below)) {
            let null = inside(field).is_empty();
            self.fields += usize::from(null);
            self.typed += usize::from(null);
            for inner in inside(field) {
                self.field(shown, &format!("{below}{}", name(inner)), inner);
            }
        } else {
            self.lost.push(path.to_owned());
        }
    }

    /// What is below a line of a report, or a section.
    fn line(&mut self, shown: Shown, path: &str, field: &Value) {
        let format = field["format"].as_str().unwrap_or_default();
        if format.contains("money") || field["json_type"] == "string" {
            self.fields += 1;
            self.typed += 1;
            let amount = shown.table.column("amount").or(shown.table.column("quantity"));
            self.lost.extend(amount.is_none().then(|| path.to_owned()));
        }
        for inner in inside(field) {
            self.field(shown, name(inner), inner);
        }
    }

    /// That the column's kind is that of the field, and is not relied on where nobody saw a value.
    fn typing(&mut self, shown: Shown, column: &Column, field: &Value) {
        let format = field["format"].as_str().unwrap_or_default();
        let unknown = field["json_type"].as_str().is_some_and(|kind| kind.starts_with("unknown"));
        let only_told = field.get("from").is_some() || unknown;
        let is_key = shown.child.is_none() && shown.table.key.contains(&column.name);
        if only_told && !column.unseen && !is_key && column.kind != Kind::Json && column.alias.is_none() {
            self.lost.push(format!("{} is relied on, but was never seen", column.name));
        }
        let fits = match (field["json_type"].as_str().unwrap_or_default(), format) {
            _ if unknown || column.kind == Kind::Json => true,
            (_, "date") => column.kind == Kind::Date,
            (_, format) if format.starts_with("datetime") => {
                matches!(column.kind, Kind::Instant(_)) || OPAQUE.contains(&column.name)
            }
            ("object", format) => format.starts_with("money") && matches!(column.kind, Kind::Money(_)),
            ("boolean", _) => column.kind == Kind::Bool,
            ("integer", _) => matches!(column.kind, Kind::Int | Kind::Decimal(_)),
            ("string", _) => {
                matches!(column.kind, Kind::Text | Kind::Decimal(_) | Kind::Int | Kind::Instant(_))
            }
            _ => true,
        };
        if !fits {
            self.lost.push(format!("{} is {field}, not {:?}", column.name, column.kind));
        }
    }
}

/// Whether a key of a child's row is its parent's, or the row of another child.
fn told_elsewhere(shown: Shown, path: &str) -> bool {
    let Some(child) = shown.child else { return false };
    let other = format!("{}.{path}", child.source);
    child.parent_key == path || shown.table.children.iter().any(|child| child.source == other)
}

fn sources(shown: Shown) -> impl Iterator<Item = &'static str> {
    let children =
        shown.table.children.iter().filter(move |_| shown.child.is_none()).map(|child| child.source);
    let secrets = shown.table.secrets.iter().copied();
    shown.columns().iter().map(|column| column.source).chain(secrets).chain(children)
}

#[test]
fn every_known_resource_is_a_table_or_known_not_to_be_and_no_field_is_lost() {
    let Some(resources) = resources() else { return };
    let mut lost = Vec::new();
    for resource in &resources {
        let name = name(resource);
        let unreachable = UNREACHABLE.iter().any(|known| known.name == name);
        match shown(resource) {
            Some(_) if unreachable => lost.push(format!("{name} is a table and is not")),
            Some(shown) => {
                let tally = Tally::of(resource, shown);
                lost.extend(tally.lost.iter().map(|path| format!("{name}: {path}")));
            }
            None if unreachable => {}
            None => lost.push(format!("{name} is no table")),
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
    for unreachable in UNREACHABLE {
        assert!(resources.iter().any(|resource| name(resource) == unreachable.name), "{}", unreachable.name);
    }
    for (old, new) in RENAMED {
        assert!(Shown::find(old).is_none() && Shown::find(new).is_some(), "{old}");
    }
}

/// Keys that open something, by what they are called.
fn opens(key: &str) -> bool {
    ["token", "jwt", "share_link", "direct_link", "publishable_key"].iter().any(|word| key.contains(word))
}

/// The paths of all fields, dotted.
fn paths(fields: &[Value], prefix: &str, into: &mut Vec<String>) {
    for field in fields {
        let path = format!("{prefix}{}", name(field));
        paths(list(field, "fields"), &format!("{path}."), into);
        into.push(path);
    }
}

#[test]
fn what_opens_something_is_masked_and_nothing_else() {
    let Some(resources) = resources() else { return };
    for resource in &resources {
        let Some(shown) = shown(resource).filter(|shown| shown.child.is_none()) else { continue };
        let mut fields = Vec::new();
        paths(list(resource, "fields"), "", &mut fields);
        let secrets = shown.table.secrets;
        for field in fields.iter().filter(|field| opens(field)) {
            assert!(secrets.contains(&&**field), "{}: {field} is not masked", shown.name());
        }
        for secret in secrets {
            // The id of an attachment may be the token itself.
            let known = opens(secret) || *secret == "attachment.id";
            assert!(known, "{}: {secret} opens nothing", shown.name());
        }
    }
}

/// The last key of the path at which a resource's rows are.
fn rows_key(resource: &Value) -> &str {
    resource["list_key"].as_str().unwrap().split_whitespace().next().unwrap().rsplit('/').next().unwrap()
}

#[test]
fn tables_ask_where_the_resources_are() {
    let Some(resources) = resources() else { return };
    for resource in &resources {
        let Some(shown) = shown(resource).filter(|shown| shown.child.is_none()) else { continue };
        let (name, table) = (name(resource), shown.table);
        let text = |key| resource[key].as_str().unwrap_or_default();
        let path = text("path").split(['?', ' ']).next().unwrap();
        assert_eq!(table.path, path.replace("systems/{id}", "systems/{system_id}"), "{name}");
        assert_eq!(table.confidence.as_str(), text("confidence"), "{name}");
        // Where the list is silent, the scope of what is beside it.
        assert!(
            text("scope").starts_with(table.scope) || text("scope").is_empty(),
            "{name}: {}",
            table.scope
        );
        let key = match table.rows {
            Rows::List { list, .. } | Rows::Whole(list) => list,
            Rows::Object(key) => key.unwrap_or(rows_key(resource)),
            Rows::Report(layout) => layout.key.unwrap_or(layout.sections[0]),
        };
        // Where the list is unknown, the one that its path suggests.
        let known = Some(rows_key(resource)).filter(|key| !key.starts_with('('));
        assert_eq!(key, known.unwrap_or(name), "{name}");
        if resource["updated_field"].is_string() {
            assert!(table.updated().is_some(), "{name} has {}", text("updated_field"));
        }
    }
}

#[test]
fn the_coverage_page_is_what_the_resources_say() {
    let Some(resources) = resources() else { return };
    let mut page = String::from(
        "# Coverage\n\nEvery resource that FreshBooks is known to have, and where its fields go. Generated by \
         `WRITE_PAGES=1 cargo test -p tables`; a test fails where it is not what the declarations say.\n\n\
         Fields are those known from published answers, documents and client libraries; a field that has fields of its \
         own counts as those. Others that FreshBooks sends are kept in `_extra`.\n\n\
         | resource | table | fields | columns | as JSON | in other tables | masked | published answers |\n\
         |---|---|--:|--:|--:|--:|--:|--:|\n",
    );
    let mut sum = [0; 5];
    let (mut tables, mut children) = (0, 0);
    for resource in &resources {
        let bodies = list(resource, "samples").len();
        let Some(shown) = shown(resource) else {
            writeln!(page, "| {} | not reachable | | | | | | {bodies} |", name(resource)).unwrap();
            continue;
        };
        *(if shown.child.is_some() { &mut children } else { &mut tables }) += 1;
        let tally = Tally::of(resource, shown);
        let counts = [tally.fields, tally.typed, tally.json, tally.children, tally.masked];
        sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        let [fields, typed, json, others, masked] = counts;
        let (resource, table) = (name(resource), shown.name());
        writeln!(
            page,
            "| {resource} | {table} | {fields} | {typed} | {json} | {others} | {masked} | {bodies} |"
        )
        .unwrap();
    }
    let [fields, typed, json, others, masked] = sum;
    writeln!(
        page,
        "\n{} resources: {tables} tables, {children} tables inside others, {} not reachable. {fields} fields: {typed} in \
         typed columns, {json} as JSON, {others} in other tables, {masked} masked, none lost.",
        resources.len(),
        UNREACHABLE.len(),
    )
    .unwrap();
    assert_eq!(fields, typed + json + others + masked);
    assert_eq!(tables, tables::ALL.len());
    pages::check("COVERAGE.md", &page);
}
