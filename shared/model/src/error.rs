//! The one error type, and the one place that decides what to do about each kind.

use std::error::Error as StdError;
use std::fmt;

/// A result whose error names what happened, to what, and what to do next.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, by what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Settings, arguments or input that cannot work as they are.
    Config,
    /// FreshBooks did not take the access token.
    TokenRejected,
    /// The grant is dead: a person has to authorise again.
    ReconnectNeeded,
    /// The grant lacks the scope that this table needs.
    OutOfScope,
    /// The plan of this FreshBooks account does not include this table.
    OutOfPlan,
    /// No such account, business or object; often the wrong kind of id.
    NotFound,
    /// FreshBooks asks for fewer requests.
    RateLimited,
    /// FreshBooks, or the way to it, does not work just now.
    Unavailable,
    /// The answer is not what the API promises: HTML, a cut body, another shape.
    Malformed,
    /// The source moved faster than a bounded number of re-reads could follow.
    Incomplete,
    /// Too many rows of a table were rejected: the API has changed.
    TooManyRejected,
    /// The table is frozen, and what comes no longer fits it.
    Contract,
    /// The lake or the secret store could not be read or written.
    Storage,
    /// Someone else committed first.
    Conflict,
    /// A commit was sent and its answer lost: it may or may not have happened.
    CommitUnknown,
    /// Another run holds the lake.
    Busy,
    /// The task was told to stop, or would not have finished before its deadline.
    Interrupted,
    /// A promise inside this program was broken.
    Internal,
}

/// What the caller does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Try the same request again, after a short and growing wait, a bounded number of times.
    RetryNow,
    /// Give the task back: the queue delivers it again.
    RetryLater,
    /// Read the token again, once.
    Refresh,
    /// Stop and ask a person to authorise again.
    Reconnect,
    /// Record the table as unavailable and go on with the others.
    Park,
    /// Stop: a person has to change something first.
    Stop,
}

impl ErrorKind {
    /// What to do about it.
    pub fn action(self) -> Action {
        match self {
            Self::RateLimited | Self::Unavailable | Self::Malformed => Action::RetryNow,
            Self::Incomplete
            | Self::Storage
            | Self::Conflict
            | Self::CommitUnknown
            | Self::Busy
            | Self::Interrupted => Action::RetryLater,
            Self::TokenRejected => Action::Refresh,
            Self::ReconnectNeeded => Action::Reconnect,
            Self::OutOfScope | Self::OutOfPlan => Action::Park,
            Self::Config | Self::NotFound | Self::TooManyRejected | Self::Contract | Self::Internal => {
                Action::Stop
            }
        }
    }

    /// The exit code of the `freshlake` command.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Internal | Self::Conflict | Self::CommitUnknown => 1,
            Self::Config | Self::NotFound => 2,
            Self::TooManyRejected | Self::Contract => 3,
            Self::TokenRejected | Self::ReconnectNeeded => 4,
            Self::OutOfScope | Self::OutOfPlan => 5,
            Self::RateLimited | Self::Unavailable | Self::Malformed | Self::Incomplete => 6,
            Self::Storage => 7,
            Self::Busy => 75,
            Self::Interrupted => 130,
        }
    }
}

/// What happened, to what, and what to do next.
///
/// Displayed as `message: cause; next step`; messages are lower case and without a full stop.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    next_step: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `message` names the thing it happened to.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), next_step: None, source: None }
    }

    /// Adds what a person should do next.
    #[must_use]
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.next_step = Some(step.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Puts what was being done in front of the message: `cannot read invoices: …`.
    #[must_use]
    pub fn while_doing(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message alone, without cause and next step.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What a person should do next, where one thing helps.
    pub fn next_step(&self) -> Option<&str> {
        self.next_step.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut cause = self.source.as_deref().map(|e| e as &dyn StdError);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        if let Some(step) = &self.next_step {
            write!(f, "; {step}")?;
        }
        Ok(())
    }
}

// The cause is part of the text above, so it is not offered a second time as `source`.
impl StdError for Error {}
