//! Ctrl-C: the first asks for an orderly stop, the second ends the process.

use std::time::Duration;

use host::SystemClock;
use model::port::Clock;
use model::{Error, ErrorKind, Result};
use sync::Stop;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::screen::Screen;

/// A page under way may take so long to arrive; what waits longer, for a retry, is broken off.
const GRACE: Duration = Duration::from_secs(3);

/// Tells when a person wants an end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    stop: Stop,
    asked: watch::Receiver<bool>,
}

/// Ctrl-C, and what service managers send.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

impl Interrupt {
    /// Listens from now on; `notice` is told to the person who presses Ctrl-C.
    pub(crate) fn listen(screen: &Screen, notice: &'static str) -> Result<Self> {
        let failed = |e| Error::new(ErrorKind::Internal, "cannot listen for Ctrl-C").because(e);
        let mut signals = Signals {
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
        };
        let (sender, asked) = watch::channel(false);
        let stop = Stop::default();
        let this = Self { stop: stop.clone(), asked };
        let screen = screen.clone();
        tokio::spawn(async move {
            signals.next().await;
            stop.ask();
            let _ = sender.send(true);
            if !notice.is_empty() {
                screen.warn(notice);
            }
            signals.next().await;
            std::process::exit(i32::from(ErrorKind::Interrupted.exit_code()));
        });
        Ok(this)
    }

    /// For tasks, which look at it between pages.
    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Waits until somebody asks.
    pub(crate) async fn asked(&self) {
        let mut asked = self.asked.clone();
        if asked.wait_for(|asked| *asked).await.is_err() {
            // Nobody can ask any more.
            std::future::pending::<()>().await;
        }
    }

    /// Does `work`, which looks at [`stop`](Self::stop) itself; breaks it off where it does not look for long.
    pub(crate) async fn bounds<T>(&self, what: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let stuck = async {
            self.asked().await;
            SystemClock.sleep(GRACE).await;
        };
        tokio::select! {
            done = work => done,
            () = stuck => Err(Error::new(ErrorKind::Interrupted, format!("stopped while waiting for {what}"))
                .next("nothing half-read was published; run again to go on")),
        }
    }
}
