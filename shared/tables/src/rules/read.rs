//! Settings as they are written: `[tables.NAME]` of a settings file, `settings` of a connection.

use std::collections::BTreeMap;

use model::{TableName, TableSettings};
use serde_json::{Map, Value};

use super::Rules;
use crate::catalog::{distance, find, nearest};

/// What can be set for a table.
pub const KEYS: [&str; 6] = ["columns", "drop", "hash", "rename", "where", "secrets"];

/// What is set for tables, by their names; or everything that is wrong with it.
pub fn read(tables: &Map<String, Value>) -> Result<BTreeMap<TableName, TableSettings>, Vec<String>> {
    let mut problems = Vec::new();
    let mut settings = BTreeMap::new();
    for (name, value) in tables {
        if find(name).is_none() {
            let near = nearest(name).map(|near| format!(": did you mean {near}?")).unwrap_or_default();
            problems.push(format!("tables.{name}: there is no table {name}{near}"));
            continue;
        }
        settings.insert(TableName::from(name.as_str()), table(name, value, &mut problems));
    }
    let mut families: Vec<&str> = Vec::new();
    for family in settings.keys().filter_map(|name| find(name.as_str())) {
        if !families.contains(&family.name) {
            families.push(family.name);
            problems.extend(Rules::new(family, &settings, Some("")).err().into_iter().flatten());
        }
    }
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

fn table(name: &str, value: &Value, problems: &mut Vec<String>) -> TableSettings {
    let mut settings = TableSettings::default();
    let Value::Object(set) = value else {
        problems.push(format!("tables.{name} has to be a section"));
        return settings;
    };
    for (key, value) in set {
        let wanted = match key.as_str() {
            "columns" => texts(value).map(|v| settings.columns = Some(v)).ok_or("a list of columns"),
            "drop" => texts(value).map(|v| settings.drop = v).ok_or("a list of columns"),
            "hash" => texts(value).map(|v| settings.hash = v).ok_or("a list of columns"),
            "rename" => names(value).map(|v| settings.rename = v).ok_or("columns with their new names"),
            "where" => match value {
                Value::String(text) if !text.trim().is_empty() => {
                    settings.filter = Some(text.trim().to_owned());
                    Ok(())
                }
                _ => Err("a condition, such as \"amount >= 100\""),
            },
            "secrets" => value.as_bool().map(|v| settings.secrets = v).ok_or("true or false"),
            _ => {
                let near = KEYS.iter().map(|known| (distance(key, known), known)).min();
                let near = near.filter(|(distance, _)| *distance <= 2);
                let near = near.map(|(_, near)| format!(": did you mean {near}?")).unwrap_or_default();
                problems.push(format!("there is no setting tables.{name}.{key}{near}"));
                Ok(())
            }
        };
        if let Err(wanted) = wanted {
            problems.push(format!("tables.{name}.{key} has to be {wanted}"));
        }
    }
    settings
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn names(value: &Value) -> Option<BTreeMap<String, String>> {
    let names: &Map<String, Value> = value.as_object()?;
    names.iter().map(|(old, new)| Some((old.clone(), new.as_str()?.to_owned()))).collect()
}
