//! Where tasks wait for a worker.

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
