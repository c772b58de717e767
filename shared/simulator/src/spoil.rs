//! Faults that change the body of an answer.

use serde_json::{Map, Value, json};

/// Gives every row of the answer one more key.
pub(crate) fn unknown_key(body: &mut Vec<u8>, key: &str) {
    edit(body, |rows| {
        for row in rows {
            row.insert(key.to_owned(), json!({"brand": "new", "since": 2026}));
        }
    });
}

/// Changes the type of `key`, in every row or in the n-th.
pub(crate) fn type_changed(body: &mut Vec<u8>, key: &str, only: Option<usize>) {
    edit(body, |rows| {
        for (_, row) in rows.into_iter().enumerate().filter(|(n, _)| only.is_none_or(|only| only == *n)) {
            if let Some(value) = row.get_mut(key) {
                *value = other_type(value);
            }
        }
    });
}

fn other_type(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(flag) => json!(flag.to_string()),
        Value::Number(number) => json!([number]),
        Value::String(text) => json!({"value": text}),
        Value::Array(items) => json!(items.len()),
        Value::Object(object) => object.get("amount").cloned().unwrap_or(json!(false)),
    }
}

fn edit(body: &mut Vec<u8>, edit: impl FnOnce(Vec<&mut Map<String, Value>>)) {
    if let Ok(mut answer) = serde_json::from_slice::<Value>(body) {
        edit(rows(&mut answer));
        *body = serde_json::to_vec(&answer).unwrap_or_default();
    }
}

/// The rows of an answer of any family: a list, or the one object.
fn rows(answer: &mut Value) -> Vec<&mut Map<String, Value>> {
    let inner = ["/response/result", "/response", ""].into_iter().find(|path| answer.pointer(path).is_some());
    match inner.and_then(|path| answer.pointer_mut(path)) {
        Some(Value::Array(items)) => items.iter_mut().filter_map(Value::as_object_mut).collect(),
        Some(Value::Object(object)) => match key_of_rows(object) {
            None => vec![object],
            Some(key) => match object.get_mut(&key) {
                Some(Value::Array(items)) => items.iter_mut().filter_map(Value::as_object_mut).collect(),
                Some(Value::Object(row)) => vec![row],
                _ => Vec::new(),
            },
        },
        _ => Vec::new(),
    }
}

/// The key under which an envelope has its rows; none if it is a row itself, as in `users/me`.
fn key_of_rows(envelope: &Map<String, Value>) -> Option<String> {
    let is_envelope =
        envelope.len() <= 2 || envelope.contains_key("pages") || envelope.contains_key("aggregations");
    let holds_rows = |(key, value): &(&String, &Value)| {
        value.is_array() && *key != "abilities" || value.is_object() && *key != "meta"
    };
    envelope.iter().filter(|_| is_envelope).find(holds_rows).map(|(key, _)| key.clone())
}
