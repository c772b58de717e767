//! Which version of each table counts.

mod glue;
mod glue_raw;
mod keeper;
pub(crate) mod pointer;

#[cfg(test)]
pub(crate) mod conformance;

pub(crate) use glue::Glue;
pub(crate) use keeper::{Keeper, Kind};
pub(crate) use pointer::Pointer;

use std::collections::BTreeMap;

use async_trait::async_trait;
use model::{Error, Result, TaskId, Timestamp, Unit};
use tables::Table;

use crate::glue::GlueColumn;

/// Where tables are at a moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heads {
    /// The key of the metadata of each table that there is.
    pub(crate) metadata: BTreeMap<String, String>,
    /// By which the catalog knows that nothing has changed since.
    pub(crate) version: BTreeMap<String, String>,
}

/// What a swap wants to make count.
#[derive(Debug)]
pub(crate) struct Move<'m> {
    pub(crate) family: &'static Table,
    pub(crate) unit: &'m Unit,
    pub(crate) task: &'m TaskId,
    pub(crate) at: Timestamp,
    /// The new metadata of each table that changes.
    pub(crate) metadata: BTreeMap<String, String>,
    /// The columns of each of them, for a catalog that shows them.
    pub(crate) columns: BTreeMap<String, Vec<GlueColumn>>,
}

/// What became of a swap.
#[derive(Debug)]
pub(crate) enum Swap {
    /// The new versions count.
    Won,
    /// Another swap came first: none of them does.
    Lost,
    /// The answer was lost: only loading again tells.
    Unknown(Error),
}

/// Says which metadata of a table counts, and swaps it atomically.
#[async_trait]
pub(crate) trait Catalog: Send + Sync + std::fmt::Debug {
    /// The tables of a family as they are now.
    async fn load(&self, family: &'static Table) -> Result<Heads>;

    /// Tables that switch together, in the order in which they have to: the last one is the parent.
    fn steps(&self, family: &'static Table) -> Vec<Vec<&'static str>>;

    /// Makes the metadata of `moved` count, if it is still as `base` says.
    async fn swap(&self, base: &Heads, moved: &Move<'_>) -> Result<Swap>;

    /// Finishes what a swap that counts has left for afterwards, as far as that is not done: where readers without a catalog
    /// look, for one. `heads` is what was loaded just now, if anything was.
    async fn settle(&self, family: &'static Table, heads: Option<&Heads>) -> Result<()>;
}
