//! What has been asked: counters, and the last few request lines.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::Serialize;

/// One request, without headers and body: neither holds more than secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestLine {
    /// When, on the simulator's clock.
    pub at: Timestamp,
    /// The method.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The status, or 0 if nothing arrived.
    pub status: u16,
}

/// All requests since the start or the last reset, those to the control API aside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// How many.
    pub total: u64,
    /// How many to the token endpoint.
    pub token: u64,
    /// How many per status; 0 counts those whose answer was lost.
    pub by_status: BTreeMap<u16, u64>,
    /// How many per resource.
    pub by_resource: BTreeMap<String, u64>,
    /// The last ones, oldest first.
    pub last: VecDeque<RequestLine>,
}

impl Requests {
    pub(crate) fn record(&mut self, line: RequestLine, resource: Option<&str>, is_token: bool, keep: usize) {
        self.total += 1;
        self.token += u64::from(is_token);
        *self.by_status.entry(line.status).or_default() += 1;
        if let Some(name) = resource {
            *self.by_resource.entry(name.to_owned()).or_default() += 1;
        }
        self.last.push_back(line);
        while self.last.len() > keep {
            self.last.pop_front();
        }
    }
}
