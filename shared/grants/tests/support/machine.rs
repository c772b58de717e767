//! Time and chance, decided by the test.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use model::Timestamp;
use model::port::{Clock, Random};

#[derive(Debug)]
pub struct Machine {
    seconds: AtomicI64,
    steps: AtomicU64,
    sleepers_pass_time: AtomicBool,
}

impl Machine {
    pub fn new(now: Timestamp) -> Self {
        Self {
            seconds: AtomicI64::new(now.as_second()),
            steps: AtomicU64::new(0),
            sleepers_pass_time: AtomicBool::new(true),
        }
    }

    pub fn pass(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, SeqCst);
    }

    pub fn set_sleepers_pass_time(&self, on: bool) {
        self.sleepers_pass_time.store(on, SeqCst);
    }

    pub fn steps(&self) -> u64 {
        self.steps.load(SeqCst)
    }

    /// The place where another future may go on, or this one dies.
    pub async fn step(&self) {
        Once(false).await;
        self.steps.fetch_add(1, SeqCst);
    }
}

#[async_trait]
impl Clock for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.seconds.load(SeqCst)).unwrap()
    }

    async fn sleep(&self, time: Duration) {
        let seconds = i64::try_from(time.as_secs().max(1)).unwrap();
        if self.sleepers_pass_time.load(SeqCst) {
            self.step().await;
            self.pass(seconds);
        } else {
            let until = self.seconds.load(SeqCst) + seconds;
            while self.seconds.load(SeqCst) < until {
                Once(false).await;
            }
        }
    }
}

/// Pending once.
struct Once(bool);

impl Future for Once {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The same bytes for the same seed.
#[derive(Debug)]
pub struct SeededRandom(AtomicU64);

impl SeededRandom {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            // splitmix64
            let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, SeqCst).wrapping_add(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}
