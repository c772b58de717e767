//! Waiting until something happens, or until a time.

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

use crate::runtime::Handle;

/// Rung when something has changed; whoever waits looks again.
#[derive(Debug, Default)]
pub(crate) struct Bell(Mutex<(u64, Vec<Waker>)>);

impl Bell {
    fn with<T>(&self, act: impl FnOnce(&mut (u64, Vec<Waker>)) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How often it was rung: taken before looking, so that no ring in between is missed.
    pub(crate) fn rung(&self) -> u64 {
        self.with(|(rung, _)| *rung)
    }

    /// Wakes all who wait.
    pub(crate) fn ring(&self) {
        let waiting = self.with(|(rung, waiting)| {
            *rung += 1;
            std::mem::take(waiting)
        });
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Waits until it was rung more often than `seen`, or until `deadline`, in microseconds.
    pub(crate) async fn wait(&self, handle: &Handle, seen: u64, deadline: Option<i64>) {
        let mut timer = std::pin::pin!(handle.sleep_until(deadline.unwrap_or(i64::MAX)));
        let timed = Cell::new(deadline.is_some());
        std::future::poll_fn(|context| {
            let waits = self.with(|(rung, waiting)| {
                let waits = *rung == seen;
                if waits {
                    waiting.push(context.waker().clone());
                }
                waits
            });
            if !waits || (timed.get() && timer.as_mut().poll(context).is_ready()) {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
    }
}
