//! Every error answer, in the shape of the family that was asked.

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::options::PaymentErrors;
use crate::resources::Family;

/// Why a request is not answered as hoped.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// No valid bearer token.
    Unauthenticated,
    /// The token lacks a scope.
    OutOfScope { needed: String, held: String },
    /// Nothing there.
    NotFound { object: &'static str, field: &'static str, value: String },
    /// A bad value in an accounting request.
    Value { errno: u32, field: String, value: String, message: String },
    /// A bad value in a request of the project-like families.
    Field { field: String, message: String },
    /// Keys that a new row has to have.
    Missing(Vec<&'static str>),
    /// Permission denied, and no more is told.
    Denied(StatusCode),
    /// An error about online payments, in the shape that the options have.
    Payments { status: StatusCode, shape: PaymentErrors, field: &'static str, message: String },
    /// Not part of the plan: status 200.
    Gated { errno: u32, name: String },
    /// Too many requests.
    RateLimited,
    /// Injected, or not supported.
    Status(StatusCode),
}

impl Refusal {
    /// A filter value that cannot be read.
    pub(crate) fn filter(errno: u32, field: &str, value: &str) -> Self {
        let message = format!("Invalid value '{value}' for field '{field}'.");
        Self::Value { errno, field: field.to_owned(), value: value.to_owned(), message }
    }

    /// A bare value that cannot be read.
    pub(crate) fn field(field: &str, message: &str) -> Self {
        Self::Field { field: field.to_owned(), message: message.to_owned() }
    }

    /// No such path, account or business.
    pub(crate) fn nothing_here() -> Self {
        Self::NotFound { object: "resource", field: "", value: String::new() }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::OutOfScope { .. } => StatusCode::FORBIDDEN,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Value { .. } | Self::Field { .. } | Self::Missing(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Gated { .. } => StatusCode::OK,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Status(code) | Self::Denied(code) | Self::Payments { status: code, .. } => *code,
        }
    }

    /// The answer; `newer` selects the newer shape of accounting errors.
    pub(crate) fn answer(&self, family: Family, newer: bool) -> Answer {
        let body = match family {
            Family::Accounting if newer => self.newer_accounting(),
            Family::Accounting => self.accounting(),
            Family::Ledger => return self.ledger(),
            Family::Projects | Family::TimeTracking | Family::Comments => self.project_like(),
            Family::Events => self.events(),
            Family::Payments => self.payments(),
            Family::Uploads => json!({"error": self.parts().1}),
            Family::Auth => self.auth(),
        };
        Answer::json(self.status(), &body)
    }

    fn accounting(&self) -> Value {
        // the gateway in front of the family answers for it
        if matches!(self, Self::Unauthenticated) {
            return self.auth();
        }
        let (errno, message, object, field, value) = self.parts();
        json!({"response": {"errors": [
            {"errno": errno, "field": field, "message": message, "object": object, "value": value}
        ]}})
    }

    fn newer_accounting(&self) -> Value {
        let (errno, message, object, field, value) = self.parts();
        let code = match self {
            Self::Unauthenticated => 16,
            Self::OutOfScope { .. } | Self::Gated { .. } | Self::Denied(_) => 7,
            Self::NotFound { .. } => 5,
            Self::Value { .. } | Self::Field { .. } | Self::Missing(_) => 3,
            Self::RateLimited => 8,
            Self::Status(_) | Self::Payments { .. } => 13,
        };
        let text = |value: Option<String>| value.unwrap_or_default();
        json!({
            "code": code,
            "message": format!("Request failed with status_code: {}", self.status().as_u16()),
            "details": [{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": errno.to_string(),
                "domain": "accounting.api.freshbooks.com",
                "metadata": {"object": text(object), "message": message, "value": text(value), "field": text(field)},
            }],
        })
    }

    /// errno, message, object, field, value
    fn parts(&self) -> (u32, String, Option<String>, Option<String>, Option<String>) {
        match self {
            Self::Unauthenticated => (1003, UNAUTHENTICATED.to_owned(), None, None, None),
            Self::OutOfScope { needed, held } => (1003, scope_message(needed, held), None, None, None),
            Self::NotFound { object, field, value } => {
                let mut name = (*object).to_owned();
                name.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
                (
                    1012,
                    format!("{name} not found."),
                    Some((*object).to_owned()),
                    Some((*field).to_owned()),
                    Some(value.clone()),
                )
            }
            Self::Value { errno, field, value, message } => {
                (*errno, message.clone(), None, Some(field.clone()), Some(value.clone()))
            }
            Self::Field { field, message } => (1004, message.clone(), None, Some(field.clone()), None),
            Self::Missing(keys) => {
                let key = keys.first().copied().unwrap_or_default();
                (1001, format!("{key} is required."), None, Some(key.to_owned()), Some(String::new()))
            }
            Self::Denied(_) => (1003, DENIED.to_owned(), None, None, None),
            Self::Payments { message, .. } => (500, message.clone(), None, None, None),
            Self::Gated { errno, name } => {
                (*errno, format!("You do not have access to {name}."), None, None, None)
            }
            Self::RateLimited => (429, TOO_MANY.to_owned(), None, None, None),
            Self::Status(code) => (500, reason(*code), None, None, None),
        }
    }

    fn project_like(&self) -> Value {
        match self {
            Self::Unauthenticated => json!({"message": CANNOT_VERIFY}),
            Self::OutOfScope { needed, held } => json!({"message": scope_message(needed, held)}),
            Self::NotFound { .. } => json!({"error": "Requested resource could not be found."}),
            Self::Value { field, message, .. } | Self::Field { field, message } => {
                json!({"errno": 2001, "error": {field.as_str(): message}})
            }
            Self::Missing(keys) => {
                let keys: serde_json::Map<String, Value> =
                    keys.iter().map(|key| ((*key).to_owned(), json!("field required"))).collect();
                json!({"errno": 2001, "error": keys})
            }
            Self::Denied(_) => json!({"message": DENIED}),
            Self::Payments { message, .. } => json!({"error": message}),
            Self::Gated { name, .. } => json!({"error": format!("You do not have access to {name}.")}),
            Self::RateLimited => json!({"error": TOO_MANY}),
            Self::Status(code) => json!({"error": reason(*code)}),
        }
    }

    fn auth(&self) -> Value {
        let (error, description) = match self {
            Self::Unauthenticated => ("unauthenticated", UNAUTHENTICATED.to_owned()),
            Self::OutOfScope { needed, held } => ("insufficient_scope", scope_message(needed, held)),
            Self::NotFound { .. } => ("not_found", "The requested resource was not found.".to_owned()),
            Self::Value { message, .. } | Self::Field { message, .. } => ("invalid_request", message.clone()),
            Self::Missing(_) => ("invalid_request", self.parts().1),
            Self::Denied(_) => ("forbidden", DENIED.to_owned()),
            Self::Payments { message, .. } => ("server_error", message.clone()),
            Self::Gated { name, .. } => ("forbidden", format!("You do not have access to {name}.")),
            Self::RateLimited => ("too_many_requests", TOO_MANY.to_owned()),
            Self::Status(code) => ("server_error", reason(*code)),
        };
        json!({"error": error, "error_description": description})
    }

    /// A validation error lists its fields; everything else is one sentence.
    fn events(&self) -> Value {
        let errno = self.status().as_u16();
        let details: Vec<String> = match self {
            Self::Field { field, message } => vec![format!("{field}: {message}")],
            Self::Missing(keys) => keys.iter().map(|key| format!("{key}: Field required")).collect(),
            _ => return json!({"errno": errno, "message": self.events_message()}),
        };
        let message = "The request was well-formed but was unable to be followed due to semantic errors.";
        json!({"errno": errno, "message": message, "details": details})
    }

    /// The chart of accounts calls a bad value 400.
    fn ledger(&self) -> Answer {
        let status = match self {
            Self::Value { .. } | Self::Field { .. } | Self::Missing(_) => StatusCode::BAD_REQUEST,
            _ => self.status(),
        };
        let detail = |field: Option<&str>, message: &str| {
            let reason = field.map_or_else(|| message.to_owned(), |field| format!("{field}: {message}"));
            json!({"reason": reason, "metadata": {"message": message, "field": field}})
        };
        let details: Vec<Value> = match self {
            Self::Missing(keys) => {
                keys.iter().map(|key| detail(Some(*key), "This field is required.")).collect()
            }
            Self::Value { field, message, .. } | Self::Field { field, message } => {
                vec![detail(Some(field.as_str()), message)]
            }
            Self::NotFound { .. } => vec![detail(None, "Not found.")],
            _ => vec![detail(None, &self.parts().1)],
        };
        let message = format!("Request failed with status code {}", status.as_u16());
        let body = json!({"errors": {"message": message, "status": status.as_u16(), "details": details}});
        Answer::json(status, &body)
    }

    fn payments(&self) -> Value {
        let (kind, message) = match self {
            Self::Payments { shape, field, message, .. } => match shape {
                PaymentErrors::ErrorType => ("validation", message.clone()),
                PaymentErrors::List => return json!({"errors": [{"field": field, "message": message}]}),
                PaymentErrors::Object => return json!({"errors": {"field": field, "message": message}}),
                PaymentErrors::Bare => return json!({"message": message}),
            },
            Self::NotFound { .. } => ("not_found", "Resource not found".to_owned()),
            Self::Unauthenticated => return self.auth(),
            other => ("error", other.parts().1),
        };
        json!({"error_type": kind, "message": message})
    }

    fn events_message(&self) -> String {
        match self {
            Self::Unauthenticated => {
                "invalid_token: The request token failed to authenticate or validate.".to_owned()
            }
            Self::NotFound { .. } => "Requested resource could not be found.".to_owned(),
            other => other.parts().1,
        }
    }
}

const UNAUTHENTICATED: &str = "This action requires authentication to continue.";

const CANNOT_VERIFY: &str = "The server could not verify that you are authorized to access the URL requested. You \
    either supplied the wrong credentials (e.g. a bad password), or your browser doesn't understand how to supply the \
    credentials required.";

const DENIED: &str = "Permission Denied.";

const TOO_MANY: &str = "Too many requests.";

fn reason(code: StatusCode) -> String {
    code.canonical_reason().unwrap_or("Error").to_owned()
}

/// FreshBooks names the scopes held and needed; its exact words are not established.
fn scope_message(needed: &str, held: &str) -> String {
    format!("This action requires the scope {needed}; the token has: {held}.")
}
