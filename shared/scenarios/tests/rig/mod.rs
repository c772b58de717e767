//! One worker, one lake in memory, and a FreshBooks that is written to between any two answers; all in virtual time.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod cases;
mod store;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use freshbooks::{Budget, FixedToken};
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use lake::{Lake, Packing};
use model::port::{Clock, Random, Transport, TransportError};
use model::{ConnectionName, Mode, RunId, Task, Unit};
use scenarios::oracle::{Except, Judge, Violation};
use scenarios::source::Source;
use secrecy::SecretString;
use simulator::{InProcess, Options};
use sync::{Report, Stop, Worker};

pub(crate) use store::Memory;

/// Time that passes only when somebody waits.
#[derive(Debug)]
pub(crate) struct Virtual(Mutex<Timestamp>);

impl Virtual {
    pub(crate) fn new(start: Timestamp) -> Arc<Self> {
        Arc::new(Self(Mutex::new(start)))
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }
}

#[async_trait]
impl Clock for Virtual {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, time: Duration) {
        self.advance(SignedDuration::try_from(time).unwrap());
    }
}

/// Jitter out of the seed.
#[derive(Debug)]
struct Seeded(Mutex<fastrand::Rng>);

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill(bytes);
    }
}

/// Writes to the source while requests are under way.
#[derive(Debug)]
struct Drift {
    inner: InProcess,
    source: Source,
    clock: Arc<Virtual>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    dice: fastrand::Rng,
    /// Of a hundred gaps between two requests, so many have writes in them.
    writes: u32,
    /// Whether time passes from request to request.
    passes: bool,
}

impl Drift {
    /// What happens in one gap; tells how many turns others get before this request goes on.
    fn gap(&self) -> u32 {
        let (mut dice, writes, passes) = {
            let mut state = self.state.lock().unwrap();
            (state.dice.fork(), state.writes, state.passes)
        };
        if passes && dice.bool() {
            self.clock.advance(SignedDuration::from_millis(dice.i64(0..2500)));
        }
        while dice.u32(..100) < writes {
            self.source.write(&mut dice);
        }
        dice.u32(..4)
    }
}

#[async_trait]
impl Transport for Drift {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        for _ in 0..self.gap() {
            tokio::task::yield_now().await;
        }
        let answer = self.inner.send(request).await;
        for _ in 0..self.gap() {
            tokio::task::yield_now().await;
        }
        answer
    }
}

/// Everything that one case needs.
pub(crate) struct Rig {
    pub(crate) source: Source,
    pub(crate) clock: Arc<Virtual>,
    pub(crate) store: Arc<Memory>,
    pub(crate) judge: Judge,
    worker: Worker,
    drift: Arc<Drift>,
    token: String,
    runs: u32,
}

impl Rig {
    pub(crate) fn new(
        options: Options,
        start: Timestamp,
        tables: &[&'static str],
        dice: &mut fastrand::Rng,
    ) -> Self {
        let clock = Virtual::new(start);
        let source = Source::new(options, clock.clone(), tables);
        let state = State { dice: dice.fork(), writes: 0, passes: true };
        let drift = Arc::new(Drift {
            inner: source.simulator().transport(),
            source: source.clone(),
            clock: clock.clone(),
            state: Mutex::new(state),
        });
        let store = Arc::new(Memory::default());
        let worker = Worker {
            lake: Lake::new(store.clone(), "freshbooks").packed(Packing::None),
            api_url: "http://127.0.0.1:1".parse().unwrap(),
            transport: drift.clone(),
            clock: clock.clone(),
            random: Arc::new(Seeded(Mutex::new(dice.fork()))),
            budget: Arc::new(Budget::new(8)),
            in_flight: dice.usize(1..5),
            // Most readings are cut into windows, or none is.
            window_rows: [3, 9, sync::WINDOW_ROWS][dice.usize(..3)],
            reach: sync::Reach::default(),
            brake: sync::Brake { percent: 100, rows: usize::MAX, empty: usize::MAX },
            progress: Arc::new(sync::Quiet),
            salt: None,
        };
        let token = source.simulator().bearer_token(&[]);
        let judge = Judge::new(&source);
        Self { source, clock, store, judge, worker, drift, token, runs: 0 }
    }

    /// From now on so many of a hundred gaps have writes in them.
    pub(crate) fn drift(&self, writes: u32, passes: bool) {
        let mut state = self.drift.state.lock().unwrap();
        (state.writes, state.passes) = (writes, passes);
    }

    /// One task of a new run, and what it breaks.
    pub(crate) async fn extract(
        &mut self,
        table: &str,
        unit: &Unit,
        mode: Mode,
    ) -> (model::Result<Report>, Vec<Violation>) {
        self.runs += 1;
        let connection = ConnectionName::new("test").unwrap();
        let run = RunId(format!("run{}", self.runs));
        let task = Task::new(&connection, &run, table.into(), unit.clone(), mode);
        // a token lives half a day
        self.token = self.source.simulator().bearer_token(&[]);
        let tokens = Arc::new(FixedToken(SecretString::from(self.token.clone())));
        let before = self.store.head(table, unit);
        let done = sync::extract(&self.worker, tokens, &task, &Stop::default()).await;
        let mut broken = self.store.with(|objects| self.judge.catch_up(objects, self.source.now()));
        let after = self.store.head(table, unit);
        if done.is_err() && before != after {
            // a first load may have committed some windows, which promise nothing yet
            let is_promise = after.as_ref().is_some_and(|head| head["done"] != false);
            let cursor = |head: &Option<serde_json::Value>| head.as_ref().map(|head| head["cursor"].clone());
            if is_promise
                || cursor(&before) != cursor(&after) && cursor(&after) != Some(serde_json::Value::Null)
            {
                let what = format!("{table}: the task failed, and committed");
                broken.push(Violation { rule: "failed and committed", what });
            }
        }
        (done, broken)
    }

    /// What is not as the source has it.
    pub(crate) fn current(&mut self) -> Vec<Violation> {
        let except = Except::default();
        self.judge.current(&except)
    }

    /// Like [`current`](Self::current), of one table of one unit.
    pub(crate) fn current_of(&mut self, table: &str, unit: &Unit) -> Vec<Violation> {
        let mut except = Except::default();
        let options = self.source.simulator().control().options();
        if options.phantom_total + options.short_total > 0 {
            // A list that disagrees with its own total is no proof that a row is gone.
            except.unswept.insert((unit.partition(), table.to_owned()));
        }
        for other in self.source.tables() {
            for place in self.source.units(other) {
                if (*other, &place) != (table, unit) {
                    except.unavailable.insert((place.partition(), (*other).to_owned()));
                }
            }
        }
        self.judge.current(&except)
    }

    pub(crate) fn objects(&self) -> BTreeMap<String, Bytes> {
        self.store.with(Clone::clone)
    }
}
