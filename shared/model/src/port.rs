//! The ports through which the outside world arrives: time, randomness and the network.
//!
//! `shared/host` implements them for a real machine, `shared/simulator` for virtual time and an
//! in-process FreshBooks. Storage, secrets and queues have their ports with the crates that need them.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

/// Tells the time and waits.
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// The local machine's idea of now. Never a cursor: that comes from the source's own clock.
    fn now(&self) -> Timestamp;
    /// Waits.
    async fn sleep(&self, time: Duration);
}

/// Gives random bytes: for retry jitter, and, from the operating system, for secrets.
pub trait Random: Send + Sync + fmt::Debug {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);

    /// A number in `0..bound`; 0 if `bound` is 0.
    fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes).checked_rem(bound).unwrap_or(0)
    }
}

/// One HTTP exchange that did not end in an answer.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    /// Whether the request may have reached the server. A refresh token that may have arrived is
    /// never sent again.
    pub may_have_arrived: bool,
    /// What happened, without the secrets of the request.
    pub message: String,
}

/// Sends HTTP requests. Follows no redirect, stores no cookie, retries nothing.
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends `request` and reads the whole answer.
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError>;
}
