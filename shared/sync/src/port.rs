//! Where tasks wait for a worker, and who watches it work.

use std::fmt;

use async_trait::async_trait;
use model::{Result, Task};

/// A queue that delivers each task at least once: SQS, or a channel in one process.
#[async_trait]
pub trait Queue: Send + Sync + fmt::Debug {
    /// Sends all of `tasks`, or fails; a task may then have been sent all the same. Its id is the same on the next
    /// try, so sending it twice is harmless.
    async fn send(&self, tasks: &[Task]) -> Result<()>;
}

/// Is told how far a table is.
pub trait Progress: Send + Sync + fmt::Debug {
    /// `done` of about `pages` pages of `table` are read, with `rows` rows so far.
    fn pages(&self, table: &str, done: u64, pages: u64, rows: u64);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug)]
pub struct Quiet;

impl Progress for Quiet {
    fn pages(&self, _: &str, _: u64, _: u64, _: u64) {}
}
