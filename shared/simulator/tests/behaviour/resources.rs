//! Every resource that is known, against what is known of it: its path answers, under its list key, and each of
//! its fields is in some row.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::world::{A, A_BUSINESS, World, world, world_with};

const RESOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/freshbooks/resources.json");

/// Fields that are left out on purpose.
const EXCEPTIONS: &[&str] = &[
    // of one test body alone
    "clients.test_amount",
    // a map whose keys are account ids
    "users_me.permissions.ABC123",
    "users_me.permissions.ABC124",
    "users_me.subscription_statuses.ABC123",
    "users_me.subscription_statuses.ABC124",
    // spellings of one test of the Node SDK; the wire has the other one
    "tasks.visState",
    "projects.groupId",
    // only in the search
    "time_entries.highlight",
];

/// Fields that come in more than one shape, as other sources have it.
const SHAPES: &[&str] = &["expenses.taxPercent1", "projects.budget"];

fn resources() -> Vec<Value> {
    let Ok(text) = std::fs::read(Path::new(RESOURCES)) else {
        eprintln!("SKIPPED: no {RESOURCES}");
        return Vec::new();
    };
    let all: Value = serde_json::from_slice(&text).unwrap();
    all["resources"].as_array().unwrap().clone()
}

/// Where a resource is asked for, with everything that shows all of it; nothing where the path is not known.
fn path_of(world: &World, resource: &Value) -> Option<Vec<String>> {
    let path = resource["path"].as_str()?.split(' ').next()?.strip_prefix('/')?;
    let business = world.simulator.businesses().remove(0);
    let path = path
        .replace("{account_id}", A)
        .replace("{business_id}", A_BUSINESS)
        .replace("{business_uuid}", &business.business_uuid)
        .replace("{id}", "654000");
    let mark = if path.contains('?') { '&' } else { '?' };
    let mut query =
        "per_page=100&search[vis_state][]=0&search[vis_state][]=1&search[vis_state][]=2&team=true\
        &include_deleted=true&include_unlogged=true&include_task_id=true&resolution=3m&start_date=2024-01-01\
        &sales_type=billed"
            .to_owned();
    let includes = resource["includes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for include in includes.chain(["contacts", "lines", "presentation", "allocations"]) {
        query.extend(["&include[]=", include.split(' ').next().unwrap()]);
    }
    // a report of one day without a resolution has no dates of periods
    let path = format!("{path}{mark}{query}");
    if !path.contains("{invoice_id}") {
        return Some(vec![path]);
    }
    let ids = world.simulator.control().all(A, "invoices").unwrap();
    Some(ids.iter().take(30).map(|(id, _)| path.replace("{invoice_id}", &id.to_string())).collect())
}

/// What a pointer with `*` leads to.
fn found<'a>(body: &'a Value, pointer: &str) -> Vec<&'a Value> {
    pointer.split('/').filter(|part| !part.is_empty()).fold(vec![body], |values, part| {
        values
            .into_iter()
            .flat_map(|value| match (value, part) {
                (Value::Array(items), "*") => items.iter().collect::<Vec<_>>(),
                (Value::Object(object), part) => object.get(part).into_iter().collect(),
                _ => Vec::new(),
            })
            .collect()
    })
}

/// The rows: the items of lists, and what is no list itself.
fn rows<'a>(values: &[&'a Value]) -> Vec<&'a Value> {
    let items = values.iter().flat_map(|value| match value {
        Value::Array(items) => items.iter().collect(),
        other => vec![*other],
    });
    items.filter(|row| row.is_object()).collect()
}

/// Whether a value is of the type, or of one of the types, that were seen.
fn has_type(value: &Value, types: &Value) -> bool {
    match types {
        Value::Array(types) => types.iter().any(|one| has_type(value, one)),
        Value::String(name) => match name.as_str() {
            "string" => value.is_string(),
            "integer" => value.is_i64(),
            "boolean" => value.is_boolean(),
            "object" => value.is_object(),
            "array" => value.is_array(),
            // where all samples have null
            _ => true,
        },
        _ => true,
    }
}

fn missing(fields: &Value, rows: &[&Value], at: &str, absent: &mut BTreeSet<String>) {
    for field in fields.as_array().into_iter().flatten() {
        let name = field["name"].as_str().unwrap();
        let path = format!("{at}.{name}");
        let values: Vec<&Value> = rows.iter().filter_map(|row| row.get(name)).collect();
        if values.is_empty() {
            if !EXCEPTIONS.contains(&path.as_str()) {
                absent.insert(path);
            }
            continue;
        }
        for value in values.iter().filter(|value| !value.is_null()) {
            if !has_type(value, &field["json_type"]) && !SHAPES.contains(&path.as_str()) {
                absent.insert(format!("{path} is {value}, not {}", field["json_type"]));
            }
        }
        for inner in ["fields", "items"] {
            if field[inner][0]["name"].is_string() {
                missing(&field[inner], &self::rows(&values), &path, absent);
            }
        }
    }
}

#[tokio::test]
async fn every_resource_with_a_path_answers_with_all_its_fields() {
    let world = world();
    let mut served = 0;
    let mut absent = BTreeSet::new();
    for resource in &resources() {
        let name = resource["name"].as_str().unwrap();
        // files are bytes, and what is only posted is not read: both have tests of their own
        if name.starts_with("uploads_") || name == "journal_entries_created" {
            continue;
        }
        let Some(paths) = path_of(&world, resource) else { continue };
        let mut bodies = Vec::new();
        for path in &paths {
            let asked = world.send("GET", path, &[("x-api-version", "2023-09-25")], "").await.unwrap();
            if paths.len() > 1 && asked.status == 404 {
                continue;
            }
            assert_eq!(asked.status, 200, "{name}: {path} {}", asked.body);
            assert!(asked.body.pointer("/response/errors").is_none(), "{name}: {}", asked.body);
            bodies.push(asked.body);
        }
        let key = resource["list_key"].as_str().unwrap();
        let key = if key.contains("(unknown)") { "/" } else { key.split(' ').next().unwrap() };
        let values: Vec<&Value> = bodies.iter().flat_map(|body| found(body, key)).collect();
        assert!(!values.is_empty(), "{name}: nothing under {key} in {}", bodies[0]);
        let mut rows = rows(&values);
        if resource["list_key"].as_str().unwrap().contains("(unknown)") {
            rows = self::rows(&found(&bodies[0], "/data"));
        }
        missing(&resource["fields"], &rows, name, &mut absent);
        served += 1;
    }
    assert!(absent.is_empty(), "{absent:#?}");
    assert!(served == 0 || served >= 70, "only {served}");
}

#[tokio::test]
async fn a_lack_of_scope_is_told_of_every_resource() {
    let mut world = world_with(|options| options.request_log = 1);
    world.token = Some(world.simulator.bearer_token(&["user:nothing:read"]));
    for resource in &resources() {
        let name = resource["name"].as_str().unwrap();
        let Some(paths) = path_of(&world, resource) else { continue };
        let asked = world.send("GET", &paths[0], &[("x-api-version", "2023-09-25")], "").await.unwrap();
        assert_eq!(asked.status, 403, "{name}: {}", asked.body);
    }
}
