//! The machine's clock and its entropy.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use model::port::{Clock, Random};

/// The wall clock, and tokio's timer to wait with.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the adapter")]
    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// The operating system's random bytes, fit for secrets.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // A secret made of bytes that are not random is worse than no program, and no kernel that this
        // runs on fails here once it has booted.
        if getrandom::fill(bytes).is_err() {
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_differ_and_stay_below_their_bound() {
        let (mut one, mut two) = ([0; 32], [0; 32]);
        OsRandom.fill(&mut one);
        OsRandom.fill(&mut two);
        assert_ne!(one, two);
        assert!((0..100).all(|_| OsRandom.below(3) < 3));
    }

    #[test]
    fn the_clock_is_in_this_century() {
        assert!(SystemClock.now() > "2025-01-01T00:00:00Z".parse().unwrap());
    }
}
