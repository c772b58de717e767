//! Callbacks: accounting's envelope in a family of its own; a deleted one vanishes. Nothing is ever called.

use serde_json::{Map, Value};

use super::{Declaration, Family, Kind, Lifecycle, Match, Sheet, USUAL, UpdatedKey};
use crate::book::Book;
use crate::refusal::Refusal;
use crate::row::Row;

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Callbacks,
    name: "callbacks",
    family: Family::Events,
    list_path: "events/callbacks",
    single_path: "events/callbacks",
    list_key: "callbacks",
    single_key: "callback",
    id_keys: &["callbackid"],
    scope: "notifications",
    first_id: 5_121,
    lifecycle: Lifecycle::Hard,
    updated: UpdatedKey::IsoZ("updated_at"),
    filters: &[("event", "event", Match::Event)],
    required: &["event", "uri"],
    count: (0, 3, 3),
    write,
    fact,
    ..USUAL
};

/// What events are about.
const NOUNS: &[&str] = &[
    "bill",
    "bill_vendor",
    "category",
    "client",
    "credit_note",
    "estimate",
    "expense",
    "invoice",
    "item",
    "payment",
    "project",
    "recurring",
    "service",
    "task",
    "tax",
    "time_entry",
];

fn event(index: u64) -> &'static str {
    let events = ["invoice.create", "payment", "client.update"];
    usize::try_from(index).ok().and_then(|place| events.get(place).copied()).unwrap_or("estimate.create")
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    row.value("callbackid", sheet.id);
    row.value("event", event(sheet.index));
    row.iso("updated_at", sheet.updated, true);
    row.plain("uri", format_args!("https://hooks.example.com/{}", sheet.id));
    row.value("verified", sheet.index < 2);
}

fn fact(_: &Book, index: u64, field: &str) -> Option<String> {
    (field == "event").then(|| event(index).to_owned())
}

/// Refuses what is no event and no address; a new callback is not verified yet.
pub(crate) fn check(fields: &mut Map<String, Value>) -> Result<(), Refusal> {
    let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default();
    let (noun, verb) = text("event").split_once('.').unwrap_or((text("event"), ""));
    if !NOUNS.contains(&noun) || !matches!(verb, "" | "create" | "update" | "delete" | "sendByEmail") {
        return Err(Refusal::field("event", "Value error, Unrecognized event."));
    }
    if !text("uri").contains("://") {
        return Err(Refusal::field("uri", "Input should be a valid URL, relative URL without a base"));
    }
    fields.insert("verified".to_owned(), Value::Bool(false));
    Ok(())
}

/// Turns the verifier, or the wish to have it sent again, into what becomes of the row.
pub(crate) fn verified(fields: &mut Map<String, Value>) {
    fields.remove("resend");
    if let Some(Value::String(verifier)) = fields.remove("verifier") {
        fields.insert("verified".to_owned(), Value::Bool(!verifier.is_empty()));
    }
}
