//! When to stop: somebody asks, or the deadline comes near.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::{Either, select};
use model::planted::{self, Bug};
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
        if self.left(clock) == Some(Duration::ZERO) {
            return Err(out_of_time(table));
        }
        Ok(())
    }

    /// An error if less than `needed` is left: what cannot be finished is not gone on with.
    pub(crate) fn leaves(&self, clock: &dyn Clock, needed: Duration, table: &str) -> Result<()> {
        match self.left(clock) {
            Some(left) if left < needed => {
                tracing::debug!(name: "would_not_fit", target: "path", table, ?needed, ?left, "given back early");
                let (needed, left) = (needed.as_secs(), left.as_secs());
                Err(Error::new(
                    ErrorKind::Interrupted,
                    format!("{table} needs about {needed} s more, and {left} s are left"),
                )
                .next("the queue delivers the task again; if it never fits, give it more time or more --in-flight"))
            }
            _ => Ok(()),
        }
    }

    /// Does `work`, and breaks it off when the deadline has come: whatever it waits for then.
    pub(crate) async fn bound<T>(
        &self,
        clock: &dyn Clock,
        table: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Some(left) = self.left(clock) else { return work.await };
        if left.is_zero() {
            return Err(out_of_time(table));
        }
        let work = std::pin::pin!(work);
        match select(work, clock.sleep(left)).await {
            Either::Left((done, _)) => done,
            Either::Right(((), _)) => {
                tracing::debug!(name: "deadline_came", target: "path", table, "broken off");
                Err(out_of_time(table))
            }
        }
    }

    /// The time until the task has to give itself back.
    fn left(&self, clock: &dyn Clock) -> Option<Duration> {
        if planted::is(Bug::DeadlineIgnored) {
            return None;
        }
        let left = self.deadline?.duration_since(clock.now());
        Some(Duration::try_from(left).unwrap_or_default().saturating_sub(MARGIN))
    }
}

fn out_of_time(table: &str) -> Error {
    Error::new(ErrorKind::Interrupted, format!("the deadline came while reading {table}"))
        .next("the queue delivers the task again, and it goes on from what was committed")
}
