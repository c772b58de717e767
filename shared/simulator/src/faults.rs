//! What goes wrong on purpose: which requests a fault meets, and when it strikes.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::options::RetryAfter;

/// One rule. It meets the requests that fit all of `path`, `resource` and `method`, and strikes those that
/// fit `nth`, `every` or `probability`; with none of these three, all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What the path starts with: `/auth/oauth/token`.
    #[serde(default)]
    pub path: Option<String>,
    /// The resource asked for: `invoices`.
    #[serde(default)]
    pub resource: Option<String>,
    /// The method: `GET`.
    #[serde(default)]
    pub method: Option<String>,
    /// Only the n-th such request, counted from 1.
    #[serde(default)]
    pub nth: Option<u64>,
    /// Every n-th such request.
    #[serde(default)]
    pub every: Option<u64>,
    /// Each such request with this probability, decided by the seed and the request's number.
    #[serde(default)]
    pub probability: Option<f64>,
    /// Strike no more often than this.
    #[serde(default)]
    pub times: Option<u64>,
    /// What happens.
    pub kind: FaultKind,
}

impl Fault {
    /// A rule that strikes every request.
    pub fn always(kind: FaultKind) -> Self {
        Self {
            path: None,
            resource: None,
            method: None,
            nth: None,
            every: None,
            probability: None,
            times: None,
            kind,
        }
    }

    /// Only paths that start so.
    #[must_use]
    pub fn on_path(mut self, prefix: impl Into<String>) -> Self {
        self.path = Some(prefix.into());
        self
    }

    /// Only this resource.
    #[must_use]
    pub fn on(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// Only the n-th request that fits, counted from 1.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        self.nth = Some(n);
        self
    }

    /// Only every n-th request that fits.
    #[must_use]
    pub fn every(mut self, n: u64) -> Self {
        self.every = Some(n);
        self
    }

    /// Each request that fits, with this probability.
    #[must_use]
    pub fn probability(mut self, p: f64) -> Self {
        self.probability = Some(p);
        self
    }

    /// At most so many times.
    #[must_use]
    pub fn times(mut self, n: u64) -> Self {
        self.times = Some(n);
        self
    }

    fn fits(&self, request: &Target<'_>) -> bool {
        let token_only = self.kind == FaultKind::TokenConsumedAnswerLost;
        (!token_only || request.path.ends_with("/oauth/token"))
            && self.path.as_deref().is_none_or(|prefix| request.path.starts_with(prefix))
            && self.resource.as_deref().is_none_or(|name| request.resource == Some(name))
            && self.method.as_deref().is_none_or(|method| request.method.eq_ignore_ascii_case(method))
    }
}

/// What happens to a request or its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Answered with this status, without any effect.
    Status {
        /// The HTTP status.
        code: u16,
        /// The body.
        #[serde(default)]
        body: FaultBody,
        /// The form of `Retry-After`, and the seconds it tells.
        #[serde(default)]
        retry_after: Option<(RetryAfter, u64)>,
    },
    /// The request has its effect; half of the answer arrives.
    CutBody,
    /// A web page with status 200 instead of the answer, without any effect.
    Html200,
    /// The connection is closed without an answer and without any effect; the other side cannot know that.
    Reset,
    /// No connection: the request surely never arrived. On a real socket it looks like `Reset`.
    Refused,
    /// The request has its effect, then the connection is closed without an answer.
    AnswerLost,
    /// The same, but only for token requests that succeeded.
    TokenConsumedAnswerLost,
    /// Every row has one more key.
    UnknownKey {
        /// The key.
        key: String,
    },
    /// The value of a key changes its type.
    TypeChanged {
        /// The key.
        key: String,
        /// Only in the n-th row of the page, counted from 0; in every row if absent.
        #[serde(default)]
        row: Option<usize>,
    },
    /// The answer is no JSON.
    Garbled,
    /// The answer takes so many milliseconds longer.
    Slow {
        /// Milliseconds on the simulator's clock.
        ms: u64,
    },
}

/// The body of a [`FaultKind::Status`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultBody {
    /// An error in the shape of the family that was asked.
    #[default]
    Json,
    /// A web page, as gateways send.
    Html,
    /// Nothing.
    Empty,
}

/// What a rule is matched against.
pub(crate) struct Target<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) resource: Option<&'a str>,
}

/// How often each rule has met a request and struck. Belongs to one list of rules.
#[derive(Debug, Default)]
pub(crate) struct Strikes {
    counts: HashMap<usize, (u64, u64)>,
}

impl Strikes {
    /// The faults that strike `request`, in the order of the rules.
    pub(crate) fn strike(&mut self, rules: &[Fault], seed: u64, request: &Target<'_>) -> Vec<FaultKind> {
        let mut kinds = Vec::new();
        for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.fits(request)) {
            let (met, struck) = self.counts.entry(at).or_default();
            *met += 1;
            if rule.times.is_some_and(|times| *struck >= times) {
                continue;
            }
            let timed = rule.nth.is_some() || rule.every.is_some() || rule.probability.is_some();
            let nth = rule.nth.is_some_and(|n| *met == n);
            let every = rule.every.is_some_and(|n| n > 0 && met.is_multiple_of(n));
            let chance = rule.probability.is_some_and(|p| {
                let dice = Dice::new(seed, "fault", at as u64).part("request", *met);
                #[expect(clippy::cast_precision_loss, reason = "a probability needs no exactness")]
                let drawn = dice.below("chance", 1_000_000) as f64 / 1_000_000.0;
                drawn < p
            });
            if !timed || nth || every || chance {
                *struck += 1;
                kinds.push(rule.kind.clone());
            }
        }
        kinds
    }
}
