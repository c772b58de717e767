//! How many requests may be under way at once.
//!
//! One budget per connection, shared by its tables. It grows by one page per round while answers come, halves when
//! FreshBooks asks for less or fails, and pauses as long as `Retry-After` says.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use model::port::Clock;
use tokio::sync::Notify;

/// A task does not sit out a longer pause: it is given back.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// How often a request is tried, and how long is waited in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// A request is tried this often before its task gives up.
    pub tries: u32,
    /// The first wait between two tries; it doubles from there, with jitter.
    pub first_wait: Duration,
    /// No wait of our own choice is longer.
    pub longest_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: 8, first_wait: Duration::from_millis(250), longest_wait: Duration::from_secs(30) }
    }
}

/// A shared, adaptive bound on requests under way.
#[derive(Debug)]
pub struct Budget {
    most: f64,
    patience: Patience,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    limit: f64,
    under_way: u32,
    paused_until: Timestamp,
}

impl Budget {
    /// Allows up to `most` requests at once, and starts there.
    pub fn new(most: u16) -> Self {
        let most = f64::from(most.max(1));
        let state = State { limit: most, under_way: 0, paused_until: Timestamp::UNIX_EPOCH };
        Self { most, patience: Patience::default(), state: Mutex::new(state), changed: Notify::new() }
    }

    /// The same budget with another patience.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// Waits for a place. The place is given back when the pass is dropped.
    pub(crate) async fn enter(&self, clock: &dyn Clock) -> Pass<'_> {
        loop {
            // Asked for before looking, so that a place freed in between is not missed.
            let changed = self.changed.notified();
            let wait = {
                let mut state = self.state();
                let now = clock.now();
                let mut pause = state.paused_until.duration_since(now);
                if pause > SignedDuration::try_from(LONGEST_PAUSE).unwrap_or(SignedDuration::MAX) {
                    // Nobody asked for so much: the clock was put back, and with it the pause is over.
                    tracing::debug!(name: "pause_out_of_time", target: "path", ?pause, "the clock was put back");
                    state.paused_until = now;
                    pause = SignedDuration::ZERO;
                }
                if pause.is_positive() {
                    Some(pause.unsigned_abs())
                } else if f64::from(state.under_way) < state.limit.floor() {
                    state.under_way += 1;
                    return Pass { budget: self };
                } else {
                    None
                }
            };
            match wait {
                Some(pause) => clock.sleep(pause).await,
                None => changed.await,
            }
        }
    }

    /// An answer came as it should.
    pub(crate) fn went_well(&self) {
        let mut state = self.state();
        state.limit = (state.limit + 1.0 / state.limit).min(self.most);
        drop(state);
        self.changed.notify_one();
    }

    /// FreshBooks asks for less, or fails.
    pub(crate) fn went_badly(&self, now: Timestamp, pause: Option<Duration>) {
        let mut state = self.state();
        state.limit = (state.limit / 2.0).max(1.0);
        if let Some(until) =
            pause.and_then(|p| SignedDuration::try_from(p).ok()).and_then(|p| now.checked_add(p).ok())
        {
            state.paused_until = state.paused_until.max(until);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is a few numbers, whole after any panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the budget.
#[derive(Debug)]
pub(crate) struct Pass<'b> {
    budget: &'b Budget,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.budget.state().under_way -= 1;
        self.budget.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Debug)]
    struct Hand(Mutex<Timestamp>);

    #[async_trait::async_trait]
    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }

        async fn sleep(&self, time: Duration) {
            let mut now = self.0.lock().unwrap();
            *now = now.checked_add(SignedDuration::try_from(time).unwrap()).unwrap();
        }
    }

    #[tokio::test]
    async fn a_pause_is_kept_and_ends_when_the_clock_is_put_back() {
        let start: Timestamp = "2026-03-31T15:00:00Z".parse().unwrap();
        let clock = Hand(Mutex::new(start));
        let budget = Budget::new(2);
        budget.went_badly(clock.now(), Some(Duration::from_secs(90)));
        drop(budget.enter(&clock).await);
        assert_eq!(clock.now(), start + SignedDuration::from_secs(90));

        budget.went_badly(clock.now(), Some(Duration::from_secs(90)));
        *clock.0.lock().unwrap() = start - SignedDuration::from_hours(24);
        drop(budget.enter(&clock).await);
        assert_eq!(clock.now(), start - SignedDuration::from_hours(24), "nobody waits for a day");
    }
}
