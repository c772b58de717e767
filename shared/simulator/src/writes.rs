//! Answers `POST`, `PUT` and `DELETE` once the asker is known.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::api::{not_found, single_body};
use crate::book::State;
use crate::changes::Business;
use crate::options::Options;
use crate::query::Query;
use crate::refusal::Refusal;
use crate::resources::{Declaration, Family, Kind, Lifecycle, Verbs, callbacks, journal_entries};
use crate::route::What;

/// Answers `POST`, `PUT` and `DELETE`.
pub(crate) fn write(
    business: &mut Business,
    what: &What<'_>,
    method: &Method,
    (query, body): (&Query, &[u8]),
    options: &Options,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let not_allowed = || Refusal::Status(StatusCode::METHOD_NOT_ALLOWED);
    let (What::List(kind) | What::Single(kind, _)) = what else {
        return match what {
            What::View(view, id) if matches!(*method, Method::POST | Method::PUT) => {
                view.post.ok_or_else(not_allowed)?(business, id, body)
            }
            _ => Err(not_allowed()),
        };
    };
    let declaration = kind.declaration();
    match (what, method, declaration.verbs) {
        (_, _, Verbs::Read) => Err(not_allowed()),
        (What::List(_), &Method::POST, _) => create(business, declaration, (query, body), options, now),
        (What::Single(_, id), &Method::PUT | &Method::PATCH, Verbs::All) => {
            let number = number_of(business, declaration, id)?;
            let mut fields = object(declaration, body)?;
            // FreshBooks quirk: with `vis_state` in it, everything else in a PUT is dropped
            if declaration.lifecycle == Lifecycle::VisState && fields.contains_key("vis_state") {
                fields.retain(|key, _| key == "vis_state");
            }
            if *kind == Kind::Callbacks {
                callbacks::verified(&mut fields);
            }
            if !business.change(*kind, number, &fields, now) {
                return Err(not_found(declaration, id));
            }
            if options.children_touch {
                business.touch_parent(*kind, number, now);
            }
            let index = business.find(*kind, number).ok_or_else(|| not_found(declaration, id))?;
            Ok(Answer::ok(single_body(business, declaration, index, query, options)))
        }
        (What::Single(_, id), &Method::DELETE, Verbs::All) => {
            let number = number_of(business, declaration, id)?;
            let moved = business.move_to(*kind, number, State::Deleted, now);
            if moved && options.children_touch {
                business.touch_parent(*kind, number, now);
            }
            match (moved, declaration.family == Family::Accounting) {
                (false, _) => Err(not_found(declaration, id)),
                (true, true) => Ok(Answer::json(StatusCode::OK, &json!({"response": {}}))),
                (true, false) => Ok(Answer::empty(StatusCode::NO_CONTENT)),
            }
        }
        _ => Err(not_allowed()),
    }
}

/// The number of the existing row that a path names.
fn number_of(business: &Business, declaration: &Declaration, id: &str) -> Result<i64, Refusal> {
    let index = business.find_text(declaration.kind, id).ok_or_else(|| not_found(declaration, id))?;
    Ok(declaration.kind.id(index))
}

/// The object in a body: `{"client": {…}}`; of the chart of accounts, the body itself.
fn object(declaration: &Declaration, body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let mut body: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    if declaration.family == Family::Ledger {
        return Ok(body);
    }
    match body.remove(declaration.single_key) {
        Some(Value::Object(fields)) => Ok(fields),
        _ => Err(Refusal::Missing(vec![declaration.single_key])),
    }
}

fn create(
    business: &mut Business,
    declaration: &Declaration,
    (query, body): (&Query, &[u8]),
    options: &Options,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let mut fields = object(declaration, body)?;
    let missing: Vec<&'static str> =
        declaration.required.iter().copied().filter(|key| !fields.contains_key(*key)).collect();
    if !missing.is_empty() {
        return Err(Refusal::Missing(missing));
    }
    match declaration.kind {
        Kind::Callbacks => callbacks::check(&mut fields)?,
        Kind::JournalEntries => journal_entries::check(&fields)?,
        _ => {}
    }
    let id = business.insert(declaration.kind, &fields, now);
    if declaration.kind == Kind::JournalEntries {
        // its lines get their numbers from the entry's
        business.change(declaration.kind, id, &journal_entries::completed(fields, id), now);
    }
    if options.children_touch {
        business.touch_parent(declaration.kind, id, now);
    }
    let index = business.find(declaration.kind, id).ok_or_else(Refusal::nothing_here)?;
    Ok(Answer::ok(single_body(business, declaration, index, query, options)))
}
