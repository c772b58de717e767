//! Where tokens are kept.

use std::fmt;

use async_trait::async_trait;
use model::Result;
use secrecy::SecretString;

/// The label of a secret's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// What workers read; `AWSCURRENT` in Secrets Manager.
    Current,
    /// Saved, not yet current: a successor waiting to be moved forward. `FRESHLAKE_PENDING` in Secrets Manager.
    Pending,
}

/// The id of one version, chosen by the writer (32 to 64 characters) so that a repeated put is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VersionId(pub String);

/// One version of a secret.
#[derive(Clone, Debug)]
pub struct SecretVersion {
    /// Its id.
    pub id: VersionId,
    /// Its value.
    pub value: SecretString,
}

/// What became of a compare-and-set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// The label is where it was asked to be.
    Won,
    /// Someone else had moved it before, or has put a newer version and `to` is gone; nothing was changed.
    Lost,
}

/// A store of versioned secrets with labels, as AWS Secrets Manager is one. Names have `/` between their parts.
///
/// Errors are of kind [`Storage`](model::ErrorKind::Storage).
#[async_trait]
pub trait SecretStore: Send + Sync + fmt::Debug {
    /// The version under `stage`, or `None` if there is no such secret or label.
    async fn read(&self, name: &str, stage: Stage) -> Result<Option<SecretVersion>>;

    /// Adds a version under [`Stage::Pending`], creating the secret if need be. The label leaves the version that
    /// had it, and a store may drop a version that has no label. Adding the same id and value again changes
    /// nothing; the same id with another value is an error.
    async fn put_pending(&self, name: &str, version: &SecretVersion) -> Result<()>;

    /// Moves [`Stage::Current`] onto `to`, if it is on `from` now (`None`: on no version); one atomic step.
    async fn make_current(&self, name: &str, to: &VersionId, from: Option<&VersionId>) -> Result<Moved>;

    /// Removes the secret with all its versions; removing what is not there is no error.
    async fn delete(&self, name: &str) -> Result<()>;
}
