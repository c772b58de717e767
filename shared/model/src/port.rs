//! The ports through which the outside world arrives: time, randomness, the network and storage.
//!
//! `shared/host` implements them for one machine, `shared/aws` storage for S3, `shared/simulator` all of
//! them for virtual time. Secrets and queues have their ports with the crates that need them.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::Result;

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

/// What became of a conditional put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object is there now, with this body.
    Created,
    /// Another object was there before, and still is. It may be our own, from an attempt whose answer
    /// was lost: whoever needs to know reads it back.
    AlreadyThere,
}

/// One stored object, as a listing tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The whole key, with `/` between its parts.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was put, by the store's own clock: only another object's instant is compared with it.
    pub modified: Timestamp,
}

/// A folder or a bucket: immutable objects under keys.
///
/// Keys are relative, use `/`, and have no empty, `.` or `..` part. Errors are of kind
/// [`Storage`](crate::ErrorKind::Storage), or [`CommitUnknown`](crate::ErrorKind::CommitUnknown) where a
/// put was sent and its answer lost.
#[async_trait]
pub trait ObjectStore: Send + Sync + fmt::Debug {
    /// Where the store is, as query engines address it: `/srv/lake`, `s3://bucket`. No `/` at the end.
    fn uri(&self) -> String;
    /// Creates the object in one atomic step; never replaces one.
    async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<Put>;
    /// Creates or replaces the object in one atomic step. For settings; data and commits never use it.
    async fn put(&self, key: &str, body: Bytes) -> Result<()>;
    /// The object's body, or `None` if there is no such object.
    async fn get(&self, key: &str) -> Result<Option<Bytes>>;
    /// All objects whose key starts with `prefix`, in the order of their keys.
    async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>>;
    /// Removes the object; removing what is not there is no error.
    async fn delete(&self, key: &str) -> Result<()>;
}
