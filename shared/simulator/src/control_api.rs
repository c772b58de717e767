//! The control handle over HTTP, under `/_simulator`. No token: the server listens on loopback only.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::control::ControlError;
use crate::exchange::Simulator;
use crate::query::Query;

/// A body of `POST /_simulator/rows/{unit}/{resource}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    #[serde(rename = "action")]
    verb: Verb,
    #[serde(default)]
    id: Option<i64>,
    #[serde(default)]
    fields: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verb {
    Insert,
    Change,
    Archive,
    Delete,
    Undelete,
}

/// Answers a control request; `path` is what follows `/_simulator/`.
pub(crate) fn answer(simulator: &Simulator, method: &Method, path: &str, request: &Request<Bytes>) -> Answer {
    // Keeps web pages out: a browser tells the name it thinks it talks to.
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if !matches!(name, "127.0.0.1" | "localhost" | "[::1]") || request.headers().contains_key(header::ORIGIN)
    {
        return Answer::json(
            StatusCode::FORBIDDEN,
            &json!({"error": "the control API is for this machine only"}),
        );
    }
    let query = Query::parse(request.uri().query().unwrap_or_default());
    match control(simulator, method, path, &query, request.body()) {
        Ok(Some(answer)) => Answer::json(StatusCode::OK, &answer),
        Ok(None) => Answer::json(StatusCode::NOT_FOUND, &json!({"error": "no such control path"})),
        Err(error) => {
            let status = match error {
                ControlError::BadOptions(_) => StatusCode::BAD_REQUEST,
                _ => StatusCode::NOT_FOUND,
            };
            Answer::json(status, &json!({"error": error.to_string()}))
        }
    }
}

fn control(
    simulator: &Simulator,
    method: &Method,
    path: &str,
    query: &Query,
    body: &[u8],
) -> Result<Option<Value>, ControlError> {
    let control = simulator.control();
    let bad = |error: serde_json::Error| ControlError::BadOptions(error.to_string());
    let posted: Value = if body.iter().all(u8::is_ascii_whitespace) {
        json!({})
    } else {
        serde_json::from_slice(body).map_err(bad)?
    };
    let parts: Vec<&str> = path.split('/').collect();
    let done = json!({"done": true});
    Ok(Some(match (method, parts.as_slice()) {
        (&Method::GET, [""]) => {
            let (client_id, client_secret) = simulator.app();
            json!({
                "businesses": value_of(&simulator.businesses())?, "client_id": client_id,
                "client_secret": client_secret, "now": simulator.now().to_string(),
            })
        }
        (&Method::GET, ["options"]) => value_of(&control.options())?,
        (&Method::POST, ["options"]) => {
            let changes = posted.as_object().cloned().unwrap_or_default();
            value_of(&control.patch_options(&changes)?)?
        }
        (&Method::POST, ["rows", unit, resource]) => {
            let Action { verb, id, fields } = serde_json::from_value(posted).map_err(bad)?;
            let row = id.unwrap_or_default();
            match verb {
                Verb::Insert => return Ok(Some(json!({"id": control.insert(unit, resource, &fields)?}))),
                Verb::Change => control.change(unit, resource, row, &fields)?,
                Verb::Archive => control.archive(unit, resource, row)?,
                Verb::Delete => control.delete(unit, resource, row)?,
                Verb::Undelete => control.undelete(unit, resource, row)?,
            }
            json!({"id": row})
        }
        (&Method::GET, ["truth", unit, resource]) => {
            let with_ids = query.flag("ids") == Ok(Some(true));
            value_of(&control.truth(unit, resource, with_ids)?)?
        }
        (&Method::POST, ["clock"]) => {
            let seconds = posted.get("advance_seconds").and_then(Value::as_i64).unwrap_or(0);
            control.advance(SignedDuration::from_secs(seconds));
            json!({"now": simulator.now().to_string()})
        }
        (&Method::POST, ["token"]) => {
            let scopes = posted.get("scopes").and_then(Value::as_array).into_iter().flatten();
            let scopes: Vec<&str> = scopes.filter_map(Value::as_str).collect();
            json!({"access_token": simulator.bearer_token(&scopes)})
        }
        (&Method::POST, ["revoke"]) => {
            match posted.get("token").and_then(Value::as_str) {
                Some(token) => control.revoke(token),
                None => control.revoke_access_tokens(),
            }
            done
        }
        (&Method::POST, ["kill_grant"]) => {
            control.kill_grants();
            done
        }
        (&Method::GET, ["requests"]) => {
            let mut requests = control.requests();
            let last = query.value("last").and_then(|n| n.parse().ok()).unwrap_or(50);
            let surplus = requests.last.len().saturating_sub(last);
            requests.last.drain(..surplus);
            value_of(&requests)?
        }
        (&Method::POST, ["requests"]) => {
            control.reset_requests();
            done
        }
        _ => return Ok(None),
    }))
}

fn value_of(answer: &impl serde::Serialize) -> Result<Value, ControlError> {
    serde_json::to_value(answer).map_err(|error| ControlError::BadOptions(error.to_string()))
}
