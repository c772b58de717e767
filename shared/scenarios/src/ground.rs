//! What all processes of a run share, and one process's way to it.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use lake::glue::GlueTable;
use xxhash_rust::xxh3::Xxh3;

use crate::bell::Bell;
use crate::faults::{Fault, Injector, Point, Port};
use crate::oracle::{Judge, Manifests, Violation};
use crate::ports::queue::Messages;
use crate::ports::secrets::Secret;
use crate::ports::tables::Tables;
use crate::runtime::{Handle, ProcessId};
use crate::source::Source;
use crate::trace::Trace;

/// A day, in microseconds.
const DAY: i64 = 86_400_000_000;
/// How long a time-out is.
const SILENCE: Duration = Duration::from_mins(1);

/// Lock without poison: a panic ends the run anyhow.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What all processes share.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) handle: Handle,
    pub(crate) seed: u64,
    pub(crate) source: Source,
    pub(crate) trace: Trace,
    pub(crate) faults: Mutex<Injector>,
    pub(crate) dice: Mutex<fastrand::Rng>,
    pub(crate) objects: Mutex<BTreeMap<String, Bytes>>,
    /// The Glue Data Catalog, where that keeps the tables.
    pub(crate) tables: Mutex<Tables>,
    /// When each object was put.
    pub(crate) modified: Mutex<BTreeMap<String, i64>>,
    pub(crate) secrets: Mutex<BTreeMap<String, Secret>>,
    pub(crate) queue: Mutex<Messages>,
    /// Rung when a message comes, goes or is shown again.
    pub(crate) queue_bell: Bell,
    /// How far every clock of the deployment is off at first, in microseconds.
    pub(crate) skew: AtomicI64,
    /// Whether every clock is right again.
    pub(crate) healed: AtomicBool,
    /// What each way to the source and back takes longer until then, in microseconds.
    pub(crate) latency: u64,
    pub(crate) judge: Mutex<Option<Judge>>,
    pub(crate) manifests: Mutex<Manifests>,
    pub(crate) violations: Mutex<Vec<Violation>>,
    /// Refresh tokens that a process has sent, by hash, with that process.
    pub(crate) redeemed: Mutex<Vec<(ProcessId, u64)>>,
    /// Whether something has happened since the last connect that may cost the grant.
    pub(crate) may_lose_grant: AtomicBool,
}

impl Ground {
    pub(crate) fn violated(&self, rule: &'static str, what: String) {
        self.trace.count("violations");
        self.trace.note(&self.handle, &format!("VIOLATION {rule}: {what}"));
        lock(&self.violations).push(Violation { rule, what });
    }

    /// A number that depends on the seed and a call alone, so that a fault does the same when it is replayed.
    pub(crate) fn chance(&self, number: u64, of: &str) -> u64 {
        let mut hash = Xxh3::with_seed(self.seed);
        hash.write_u64(number);
        hash.write(of.as_bytes());
        hash.finish()
    }

    /// The key of the metadata of each table that the catalog has.
    pub(crate) fn entries(&self) -> BTreeMap<String, String> {
        let key = |(_, entry): &(u64, GlueTable)| {
            let location = entry.parameters.get("metadata_location")?;
            location.split_once("//bucket/").map(|(_, key)| key.to_owned())
        };
        let tables = lock(&self.tables);
        tables.iter().filter_map(|(table, entry)| Some((table.clone(), key(entry)?))).collect()
    }

    /// Shows a changed entry of the catalog to the judge.
    pub(crate) fn judge_entry(&self, table: &str) {
        let mut judge = lock(&self.judge);
        let Some(judge) = judge.as_mut() else { return };
        let (get, metadata) = (|key: &str| lock(&self.objects).get(key).cloned(), self.entries());
        let Some(switched) = judge.switched("freshbooks", table, &metadata, &get, self.source.now()) else {
            return;
        };
        self.trace.count("commits");
        for Violation { rule, what } in switched {
            self.violated(rule, what);
        }
    }

    /// Shows a new swap to the judge; `key` is that of its pointer.
    pub(crate) fn judge_swap(&self, key: &str) {
        self.trace.count("commits");
        let mut judge = lock(&self.judge);
        let Some(judge) = judge.as_mut() else { return };
        let get = |key: &str| lock(&self.objects).get(key).cloned();
        let found = judge.swapped(key, &get, self.source.now());
        for Violation { rule, what } in found {
            self.violated(rule, what);
        }
    }
}

/// One process's way to everything outside it. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) ground: Arc<Ground>,
    pub(crate) process: ProcessId,
    skew: Arc<AtomicI64>,
    /// Whether faults strike it.
    mortal: bool,
}

/// What a struck call has to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strike {
    pub(crate) number: u64,
    pub(crate) fault: Option<Fault>,
}

/// How a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// It never left.
    Before,
    /// It may have had its effect.
    Unknown,
}

impl Machine {
    /// The way of process `process`; nothing strikes one that is not `mortal`.
    pub(crate) fn new(ground: &Arc<Ground>, process: ProcessId, mortal: bool) -> Self {
        let skew = AtomicI64::new(ground.skew.load(Ordering::Relaxed));
        Self { ground: Arc::clone(ground), process, skew: Arc::new(skew), mortal }
    }

    /// What this process takes for now, in microseconds.
    pub(crate) fn now(&self) -> i64 {
        let healed = self.ground.healed.load(Ordering::Relaxed);
        let skew = if healed { 0 } else { self.skew.load(Ordering::Relaxed) };
        self.ground.handle.micros().saturating_add(skew)
    }

    pub(crate) fn event(&self, number: u64, texts: &[&str]) {
        self.ground.trace.event(self.ground.handle.micros(), self.process.0, number, texts);
    }

    /// Numbers a call, and lets what strikes it strike as far as it is not about the call itself.
    pub(crate) async fn begin(&self, point: Point<'_>) -> Strike {
        let ground = &self.ground;
        let (number, fault) = if self.mortal { lock(&ground.faults).next(point) } else { (0, None) };
        self.event(number, &[point.port.name(), point.verb, point.of, fault.map_or("", Fault::kind)]);
        if let Some(fault) = fault {
            ground.trace.count(&format!("fault {fault}"));
            if point.port == Port::Token || fault == Fault::TokenRevoked {
                ground.may_lose_grant.store(true, Ordering::Relaxed);
            }
            if matches!(fault, Fault::CrashBefore | Fault::CrashAfter) {
                ground.trace.count(&format!("{} at {}", fault.kind(), point.port.name()));
            }
            if ground.trace.keeps_lines() {
                let text =
                    format!("  !! {fault} strikes {} #{number} {} {}", self.process, point.verb, point.of);
                ground.trace.note(&ground.handle, &text);
            }
        }
        match fault {
            Some(Fault::CrashBefore) => self.die::<()>().await,
            Some(Fault::ClockJump) => self.jump(ground.chance(number, "jump")),
            Some(Fault::SourceWrite) => {
                ground.source.write(&mut fastrand::Rng::with_seed(ground.chance(number, "write")));
            }
            Some(Fault::SourceSwap) => {
                ground.source.swap(&mut fastrand::Rng::with_seed(ground.chance(number, "swap")));
            }
            Some(Fault::TokenRevoked) => self.revoke(ground.chance(number, "revoke")),
            _ => {}
        }
        Strike { number, fault }
    }

    fn jump(&self, chance: u64) {
        // Half of the jumps are of seconds, half of up to a day.
        let most = if chance.is_multiple_of(2) { 600_000_000 } else { DAY };
        let by = i64::try_from(chance / 2 % (2 * most.unsigned_abs())).unwrap_or(0) - most;
        self.skew.store(by, Ordering::Relaxed);
    }

    fn revoke(&self, chance: u64) {
        let control = self.ground.source.simulator().control();
        if chance.is_multiple_of(4) {
            control.kill_grants();
            self.ground.trace.count("grant killed");
        } else {
            control.revoke_access_tokens();
            self.ground.trace.count("access tokens revoked");
        }
    }

    /// The end of this process, here.
    pub(crate) async fn die<T>(&self) -> T {
        self.ground.trace.count("process died");
        self.ground.may_lose_grant.store(true, Ordering::Relaxed);
        self.ground.handle.kill(self.process);
        std::future::pending().await
    }

    /// Some time on the wire.
    pub(crate) async fn travel(&self, port: Port) {
        let (least, most) = match port {
            Port::Api | Port::Token => (20_000, 250_000),
            Port::Store | Port::Secrets | Port::Queue => (2_000, 40_000),
            Port::Clock => return,
        };
        let mut micros = lock(&self.ground.dice).u64(least..most);
        if port == Port::Api && self.mortal && !self.ground.healed.load(Ordering::Relaxed) {
            micros += self.ground.latency;
        }
        self.ground.handle.sleep(Duration::from_micros(micros)).await;
    }

    /// One call: the way there, `effect`, and the way back, with what strikes it.
    pub(crate) async fn call<T, E>(
        &self,
        point: Point<'_>,
        mut effect: impl FnMut(Strike) -> Result<T, E> + Send,
        failed: impl Fn(Failed) -> E + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: Send,
    {
        let strike = self.begin(point).await;
        self.travel(point.port).await;
        let handle = &self.ground.handle;
        let chance = |of| self.ground.chance(strike.number, of);
        let answer = match strike.fault {
            Some(Fault::ErrorBefore) => Err(failed(Failed::Before)),
            Some(Fault::Timeout) => {
                if chance("timeout").is_multiple_of(2) {
                    drop(effect(strike));
                }
                handle.sleep(SILENCE).await;
                Err(failed(Failed::Unknown))
            }
            Some(Fault::ErrorAfterEffect) => {
                drop(effect(strike));
                Err(failed(Failed::Unknown))
            }
            Some(Fault::Duplicate) => {
                drop(effect(strike));
                effect(strike)
            }
            Some(Fault::Slow) => {
                handle.sleep(Duration::from_millis(1_000 + chance("slow") % 50_000)).await;
                effect(strike)
            }
            Some(Fault::CrashAfter) => {
                drop(effect(strike));
                self.die().await
            }
            _ => effect(strike),
        };
        self.travel(point.port).await;
        self.event(strike.number, &[if answer.is_ok() { "ok" } else { "failed" }]);
        answer
    }
}
