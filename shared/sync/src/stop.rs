//! When to stop: somebody asks, or the deadline comes near.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::port::Clock;
use model::{Error, ErrorKind, Result, Timestamp};

/// A task gives itself back this long before its deadline.
const MARGIN: Duration = Duration::from_secs(5);

/// Tells a task to give itself back. Clones share the request.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    deadline: Option<Timestamp>,
}

impl Stop {
    /// Stops at `deadline`, by the local clock.
    pub fn at(deadline: Timestamp) -> Self {
        Self { asked: Arc::default(), deadline: Some(deadline) }
    }

    /// Asks for a stop: Ctrl-C.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// An error if it is time to stop. `table` is what is being read.
    pub fn check(&self, clock: &dyn Clock, table: &str) -> Result<()> {
        if self.asked.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Interrupted, format!("stopped while reading {table}"))
                .next("nothing half-read was published; run again to go on"));
        }
        let late =
            self.deadline.and_then(|d| d.checked_sub(MARGIN).ok()).is_some_and(|end| clock.now() >= end);
        if late {
            return Err(Error::new(
                ErrorKind::Interrupted,
                format!("the deadline came while reading {table}"),
            )
            .next("the queue delivers the task again"));
        }
        Ok(())
    }
}
