//! What a write puts into a row.

use serde_json::{Value, json};

/// Text that only write number `write` has, in a field of `table` that takes any text.
pub(super) fn text(table: &str, write: u64) -> Value {
    let key = match table {
        "invoices" | "estimates" | "expenses" | "credit_notes" => "notes",
        "clients" | "payments" | "time_entries" => "note",
        "bills" => "overall_description",
        "items" | "projects" => "description",
        _ => "name",
    };
    let words = match write % 4 {
        0 => format!("write {write}"),
        1 => format!("write {write} \"quoted\" \\ \u{7}"),
        2 => format!("write {write} Sørensen \u{1F341}\n"),
        _ => format!("{write}"),
    };
    json!({ key: words })
}

/// A secret, in a table that has one.
pub(super) fn secret(table: &str, write: u64) -> Option<Value> {
    match table {
        "clients" => {
            Some(json!({"direct_link_token": format!("canary-{write}-\"x"), "note": format!("{write}")}))
        }
        "invoices" | "estimates" | "credit_notes" => Some(
            json!({"direct_links": {"view": format!("https://canary/{write}")}, "notes": format!("{write}")}),
        ),
        _ => None,
    }
}

/// An amount with as many digits as FreshBooks was seen to send and a column takes.
pub(super) fn amount(table: &str, write: u64) -> Option<Value> {
    let amount = ["0", "-0.01", "41.940000000001", "12345678901234567890123456.5", "1200", "0.1"];
    let amount = amount.get(usize::try_from(write % 6).unwrap_or(0)).copied().unwrap_or("7.25");
    let key = match table {
        "invoices" | "estimates" | "payments" | "credit_notes" | "expenses" | "bills" => "amount",
        "items" => "unit_cost",
        _ => return None,
    };
    Some(json!({ key: {"amount": amount, "code": "CAD"} }))
}

/// The lines of a row in another order, or fewer of them, but never none: a document of some amount has lines.
pub(super) fn lines(row: &str, write: u64) -> Option<Value> {
    let row: Value = serde_json::from_str(row).ok()?;
    let (key, lines) = ["lines", "services"].iter().find_map(|key| Some((key, row.get(key)?.as_array()?)))?;
    let mut lines = lines.clone();
    match write % 3 {
        0 => lines.reverse(),
        1 if lines.len() > 1 => drop(lines.pop()),
        _ => lines.extend(lines.first().cloned()),
    }
    Some(json!({ *key: lines }))
}
