//! FreshBooks' error shapes, and what each means for us.

use std::fmt;

use http::StatusCode;
use model::{Error, ErrorKind};
use serde::Deserialize;
use serde_json::Value;
use tables::Table;

use crate::request::Request;

/// Why an answer holds no page.
#[derive(Debug)]
pub enum Trouble {
    /// FreshBooks says why.
    Api(ApiError),
    /// Not JSON; the text begins so.
    NotJson(String),
    /// JSON that ends too early or is not well formed.
    Garbled(String),
    /// JSON of something else.
    OtherShape(String),
}

/// An error as FreshBooks words it, whatever the family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiError {
    /// FreshBooks' number for it.
    pub errno: Option<i64>,
    /// What it says.
    pub message: String,
}

/// Numbers that mean that the plan does not include a resource, seen with HTTP 200: items, bill vendors, bills,
/// bill payments, and the general refusal.
const PLAN_GATES: [i64; 5] = [12001, 31001, 41001, 41101, 1003];

impl Trouble {
    pub(crate) fn not_json(body: &[u8]) -> Self {
        let start: String =
            String::from_utf8_lossy(body.get(..200).unwrap_or(body)).chars().take(60).collect();
        Self::NotJson(start)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api(error) => error.fmt(f),
            Self::NotJson(start) if start.trim_start().starts_with('<') => {
                write!(f, "it is HTML, not JSON: {start}")
            }
            Self::NotJson(start) if start.is_empty() => f.write_str("it is empty"),
            Self::NotJson(start) => write!(f, "it is not JSON: {start}"),
            Self::Garbled(why) => write!(f, "it breaks off or is garbled: {why}"),
            Self::OtherShape(why) => f.write_str(why),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errno {
            Some(errno) => write!(f, "errno {errno}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Every shape at once; each family fills in other keys.
#[derive(Deserialize)]
struct Shapes {
    response: Option<Value>,
    errors: Option<Value>,
    error: Option<Value>,
    error_description: Option<String>,
    errno: Option<Value>,
    code: Option<Value>,
    message: Option<String>,
    details: Option<Value>,
}

impl ApiError {
    /// The error in `text`, whatever its shape (API reference, "Errors").
    pub fn find(text: &str) -> Option<Self> {
        let shapes: Shapes = serde_json::from_str(text).ok()?;
        let accounting = shapes.response.as_ref().and_then(|r| r.get("errors")).or(shapes.errors.as_ref());
        if let Some(errors) = accounting {
            // A list, or a single object.
            let first = errors.get(0).unwrap_or(errors);
            let message = words(first.get("message"), errors);
            // The chart of accounts says what it is about further down.
            let detail = errors.pointer("/details/0/metadata/message").and_then(Value::as_str);
            return Some(Self {
                errno: integer(first.get("errno")),
                message: detail.map_or(message.clone(), |detail| format!("{message}: {detail}")),
            });
        }
        if let Some(error) = &shapes.error {
            let message = shapes.error_description.unwrap_or_else(|| words(Some(error), error));
            return Some(Self { errno: integer(shapes.errno.as_ref()), message });
        }
        let message = shapes.message?;
        let reason = shapes.details.as_ref().and_then(|d| d.get(0)).and_then(|d| d.get("reason"));
        let said =
            shapes.details.as_ref().and_then(|d| d.get(0)).and_then(|d| d.pointer("/metadata/message"));
        Some(Self {
            errno: integer(reason)
                .or_else(|| integer(shapes.errno.as_ref()))
                .or_else(|| integer(shapes.code.as_ref())),
            message: said.and_then(Value::as_str).map_or(message, str::to_owned),
        })
    }
}

fn integer(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// The message as text; a message that is no text is shown as JSON, shortened.
fn words(message: Option<&Value>, whole: &Value) -> String {
    match message {
        Some(Value::String(text)) => text.clone(),
        _ => whole.to_string().chars().take(200).collect(),
    }
}

/// What an answer without a page means for a task that reads `table`.
pub(crate) fn error(table: &Table, status: StatusCode, trouble: &Trouble) -> Error {
    let name = table.name;
    let errno = match trouble {
        Trouble::Api(error) => error.errno,
        _ => None,
    };
    let is_api = matches!(trouble, Trouble::Api(_));
    let says = |words: &str| match trouble {
        Trouble::Api(error) => error.message.to_ascii_lowercase().contains(words),
        _ => false,
    };
    // Inside status 200 both a plan and a scope may be what is lacking.
    let is_denied = errno == Some(1003) && says("permission denied");
    match status.as_u16() {
        401 => Error::new(
            ErrorKind::TokenRejected,
            format!("FreshBooks does not take the access token: {trouble}"),
        )
        .next("connect again if this lasts: freshlake connect NAME"),
        403 => out_of_scope(table, trouble),
        200 if is_api && is_denied => out_of_scope(table, trouble),
        404 => not_found(table, trouble),
        429 => Error::new(
            ErrorKind::RateLimited,
            format!("FreshBooks asks for fewer requests while reading {name}"),
        )
        .next("run again later, or lower --in-flight"),
        500..=599 => {
            Error::new(ErrorKind::Unavailable, format!("FreshBooks answers {status} for {name}: {trouble}"))
                .next("run again later")
        }
        // Families without such numbers only say so; 1012 says the same of an account that is not ours.
        200 if errno.is_some_and(|n| PLAN_GATES.contains(&n))
            || errno != Some(1012) && says("do not have access") =>
        {
            Error::new(
                ErrorKind::OutOfPlan,
                format!("the FreshBooks plan of this account does not include {name}: {trouble}"),
            )
            .next("leave the table out, or change the plan")
        }
        200 if errno == Some(1012) || errno == Some(404) => not_found(table, trouble),
        200 if errno == Some(500) => {
            Error::new(ErrorKind::Unavailable, format!("FreshBooks failed while reading {name}: {trouble}"))
                .next("run again later")
        }
        200 if !is_api => Error::new(
            ErrorKind::Malformed,
            format!("the answer for {name} is not what FreshBooks sends: {trouble}"),
        )
        .next("check FRESHBOOKS_API_URL and what stands between here and FreshBooks"),
        300..=399 => Error::new(
            ErrorKind::Malformed,
            format!("FreshBooks redirects {name} elsewhere ({status}), which is not followed"),
        )
        .next("check FRESHBOOKS_API_URL"),
        _ => Error::new(
            ErrorKind::Config,
            format!("FreshBooks refuses the request for {name} ({status}): {trouble}"),
        )
        .next("report this with the message: the API may have changed"),
    }
}

/// Whether a report was refused for its currency, which the account lacks: then it has no lines.
pub(crate) fn lacks_currency(request: &Request, status: StatusCode, trouble: &Trouble) -> bool {
    let asked = request.parameters.iter().any(|(key, _)| *key == "currency_code");
    let Trouble::Api(error) = trouble else { return false };
    let refused = matches!(status.as_u16(), 200 | 400 | 422);
    asked && refused && error.message.to_ascii_lowercase().contains("currency")
}

fn out_of_scope(table: &Table, trouble: &Trouble) -> Error {
    Error::new(ErrorKind::OutOfScope, format!("the grant may not read {}: {trouble}", table.name))
        .next(format!("give the app the scope {}, then connect again", table.scope))
}

fn not_found(table: &Table, trouble: &Trouble) -> Error {
    Error::new(ErrorKind::NotFound, format!("FreshBooks does not know where to find {}: {trouble}", table.name))
        .next("check the account and business id: accounting tables take the account id (letters and digits), projects and time entries the business id (a number)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_words_its_errors_differently() {
        let found = |text: &str| ApiError::find(text).map(|e| e.to_string()).unwrap_or_default();
        assert_eq!(
            found(r#"{"response":{"errors":{"errno":1012,"message":"Client not found."}}}"#),
            "errno 1012: Client not found."
        );
        assert_eq!(
            found(
                r#"{"code":5,"message":"Request failed","details":[{"reason":"1012","metadata":{"message":"Gone."}}]}"#
            ),
            "errno 1012: Gone."
        );
        assert_eq!(found(r#"{"error":"unauthenticated","error_description":"Log in."}"#), "Log in.");
        assert_eq!(
            found(r#"{"errno":2001,"error":{"updated_since":"bad"}}"#),
            r#"errno 2001: {"updated_since":"bad"}"#
        );
        assert_eq!(
            found(
                r#"{"errors":{"message":"Failed","status":400,"details":[{"reason":"x","metadata":{"message":"Bad."}}]}}"#
            ),
            "Failed: Bad."
        );
        assert_eq!(found(r#"{"message":"Unauthorized"}"#), "Unauthorized");
        assert_eq!(found(r#"{"invoices":[]}"#), "");
    }
}
