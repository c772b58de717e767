//! Time and chance.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use model::port::{Clock, Random};

use crate::faults::{Fault, Point, Port};
use crate::ground::{Machine, lock};
use crate::runtime::Handle;

/// The clock of the source: always right.
#[derive(Debug)]
pub(crate) struct SourceClock(pub(crate) Handle);

#[async_trait]
impl Clock for SourceClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, time: Duration) {
        self.0.sleep(time).await;
    }
}

/// The clock of one process, which may be off.
#[derive(Debug)]
pub(crate) struct ProcessClock(pub(crate) Machine);

#[async_trait]
impl Clock for ProcessClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.now()).unwrap_or(Timestamp::MAX)
    }

    async fn sleep(&self, time: Duration) {
        let strike = self.0.begin(Point { port: Port::Clock, verb: "sleep", of: "" }).await;
        let longer = match strike.fault {
            Some(Fault::Slow) => Duration::from_millis(self.0.ground.chance(strike.number, "slow") % 50_000),
            _ => Duration::ZERO,
        };
        self.0.ground.handle.sleep(time + longer).await;
        if strike.fault == Some(Fault::CrashAfter) {
            self.0.die::<()>().await;
        }
    }
}

/// Bytes from the seed.
#[derive(Debug)]
pub(crate) struct SeededRandom(Arc<Mutex<fastrand::Rng>>);

impl SeededRandom {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        lock(&self.0).fill(bytes);
    }
}
