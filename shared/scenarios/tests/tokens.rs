//! REL-22: an access token that dies while a table is read costs one call, whatever this machine's clock says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use freshbooks::Tokens;
use http::{Request, Response};
use jiff::SignedDuration;
use model::port::{Clock, Transport, TransportError};
use model::{ConnectionName, Error, ErrorKind, Mode, Result, Task, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use simulator::{Options, Simulator};
use sync::{Outcome, Stop};
use world::{StandingClock, World};

/// Ends every access token before request `at`.
#[derive(Debug)]
struct Ends {
    simulator: Simulator,
    at: u64,
    sent: AtomicU64,
}

#[async_trait]
impl Transport for Ends {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if self.sent.fetch_add(1, Ordering::Relaxed) + 1 == self.at {
            self.simulator.control().revoke_access_tokens();
        }
        self.simulator.transport().send(request).await
    }
}

/// A secret in which another token appears once the first has died.
#[derive(Debug)]
struct Secret {
    simulator: Simulator,
    first: SecretString,
}

#[async_trait]
impl Tokens for Secret {
    async fn current(&self) -> Result<SecretString> {
        Ok(self.first.clone())
    }

    async fn after_rejection(&self, rejected: &SecretString) -> Result<SecretString> {
        if rejected.expose_secret() == self.first.expose_secret() {
            let scopes: Vec<_> = grants::READ_SCOPES.iter().map(|(scope, _)| *scope).collect();
            return Ok(self.simulator.bearer_token(&scopes).into());
        }
        Err(Error::new(ErrorKind::TokenRejected, "the second one too"))
    }
}

/// A clock that is off.
#[derive(Debug)]
struct Skewed(Arc<StandingClock>, SignedDuration);

#[async_trait]
impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        self.0.now().checked_add(self.1).unwrap()
    }

    async fn sleep(&self, time: std::time::Duration) {
        self.0.sleep(time).await;
    }
}

/// Requests of a first load of the invoices, whose tokens end before request `at`, on a machine whose clock is off.
async fn requests(at: u64, off: SignedDuration) -> u64 {
    let mut world = World::new(Options { scale: 1_000, ..Options::default() });
    let sent = Arc::new(Ends { simulator: world.simulator.clone(), at, sent: AtomicU64::new(0) });
    world.worker.transport = sent.clone();
    world.worker.clock = Arc::new(Skewed(world.clock.clone(), off));
    world.worker.in_flight = 1;
    let unit = world.units_of(tables::find("invoices").unwrap()).remove(0);
    let connection = ConnectionName::new("test").unwrap();
    let task = Task::new(&connection, &world.next_run(), "invoices".into(), unit.clone(), Mode::Incremental);
    let tokens = Arc::new(Secret { simulator: world.simulator.clone(), first: world.token.clone().into() });
    let report = sync::extract(&world.worker, tokens, &task, &Stop::default()).await.unwrap();
    assert!(matches!(report.outcome, Outcome::Committed(_)));
    let head = world.worker.lake.head("invoices", &unit).await.unwrap().unwrap();
    let now = world.clock.now().as_second();
    assert!(now.abs_diff(head.cursor.unwrap().0.as_second()) < 60, "the cursor is of the source's clock");
    assert_eq!(report.certificate.unwrap().requests, sent.sent.load(Ordering::Relaxed));
    sent.sent.load(Ordering::Relaxed)
}

#[tokio::test]
async fn a_token_that_dies_mid_sync_costs_one_call() {
    let undisturbed = requests(u64::MAX, SignedDuration::ZERO).await;
    for hours in [-24, 0, 24] {
        let off = SignedDuration::from_hours(hours);
        for at in 1..=undisturbed {
            assert_eq!(requests(at, off).await, undisturbed + 1, "dead before request {at}, {hours} h off");
        }
    }
}
