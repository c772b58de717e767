//! What goes back to the asker, on a socket or in process.

use http::{HeaderName, StatusCode, header};
use serde::Serialize;

/// An answer, and how it reaches the other side.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) delivery: Delivery,
}

/// How much of an answer arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// All of it.
    Whole,
    /// The head and half of the body.
    Cut,
    /// Nothing: the connection is closed. The request may have had its effect.
    Lost,
    /// Nothing: there was no connection.
    Refused,
}

impl Answer {
    pub(crate) fn new(status: StatusCode, content_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![(header::CONTENT_TYPE, content_type.to_owned())];
        Self { status, headers, body, delivery: Delivery::Whole }
    }

    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        Self::new(status, "application/json", serde_json::to_vec(body).unwrap_or_default())
    }

    pub(crate) fn ok(body: Vec<u8>) -> Self {
        Self::new(StatusCode::OK, "application/json", body)
    }

    pub(crate) fn html(status: StatusCode, page: String) -> Self {
        Self::new(status, "text/html; charset=utf-8", page.into_bytes())
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), delivery: Delivery::Whole }
    }

    pub(crate) fn redirect(to: String) -> Self {
        Self::empty(StatusCode::FOUND).with(header::LOCATION, to)
    }

    pub(crate) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
