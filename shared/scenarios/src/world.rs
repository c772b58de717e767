//! A whole deployment in one run: FreshBooks, stores, queue, schedule, workers, and a person.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use grants::App;
use model::{ConnectionName, Unit};

use crate::bell::Bell;
use crate::course;
use crate::faults::{Fault, Injector, Port};
use crate::ground::{Ground, lock};
use crate::oracle::{Except, Judge, Violation};
use crate::person::{self, Person};
use crate::ports::clock::SourceClock;
use crate::ports::queue::Messages;
use crate::runtime::{Bounds, Runtime, Spawner};
use crate::scenario;
use crate::setup::{Course, Setup, WORKER_TIMEOUT};
use crate::source::Source;
use crate::trace::{Counters, Trace, Watch};

/// No run takes more polls.
const MOST_STEPS: u64 = 20_000_000;
/// What a run may take after its course, to heal.
const HEALING: Duration = Duration::from_hours(24 * 20);

/// What the processes of one run share on their one thread.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) ground: Arc<Ground>,
    pub(crate) spawner: Spawner,
    pub(crate) setup: Setup,
    pub(crate) app: App,
    pub(crate) connection: ConnectionName,
    pub(crate) person: Person,
}

impl World {
    pub(crate) fn dice<T>(&self, throw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        throw(&mut lock(&self.ground.dice))
    }

    /// How long a worker may take for a task, now.
    pub(crate) fn timeout(&self) -> Duration {
        if self.ground.healed.load(Ordering::Relaxed) { WORKER_TIMEOUT } else { self.setup.timeout }
    }

    /// The account that the invite asks for.
    pub(crate) fn wanted_account(&self) -> Option<String> {
        let business = self.setup.only_business?;
        let businesses = self.ground.source.simulator().businesses();
        businesses.get(business).map(|b| b.account_id.clone())
    }

    /// What the judge of currency leaves out: the other business, and what is not promised yet.
    pub(crate) fn except(&self) -> Except {
        let mut except = Except::default();
        let Some(only) = self.setup.only_business else { return except };
        let businesses = self.ground.source.simulator().businesses();
        let Some(business) = businesses.get(only) else { return except };
        for table in &self.setup.tables {
            for unit in self.ground.source.units(table) {
                let ours = match &unit {
                    Unit::Account(id) => id.0 == business.account_id,
                    Unit::Business(id) => id.0 == business.business_id,
                    Unit::Identity(_) => true,
                };
                if !ours {
                    except.unavailable.insert((unit.partition(), (*table).to_owned()));
                }
            }
        }
        except
    }
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The scenario.
    pub scenario: &'static str,
    /// The seed.
    pub seed: u64,
    /// Promises that were broken.
    pub violations: Vec<Violation>,
    /// Paths taken.
    pub counters: Counters,
    /// Equal for equal runs.
    pub hash: u64,
    /// What struck, by the number of its call.
    pub struck: Vec<(u64, Fault)>,
    /// Where nothing was planned, every call that could have been struck: its number, port and verb.
    pub points: Vec<(u64, Port, &'static str)>,
    /// The trace, if it was kept.
    pub lines: Vec<String>,
    /// Virtual days.
    pub days: f64,
    /// The objects of the bucket at the end.
    pub objects: BTreeMap<String, bytes::Bytes>,
    /// The entries of the Glue Data Catalog at the end, each with its version.
    pub tables: BTreeMap<String, (u64, lake::glue::GlueTable)>,
}

/// Runs `setup` to its end. `lines` keeps the trace.
pub fn run(setup: Setup, lines: bool) -> Outcome {
    let (scenario, seed, start) = (setup.scenario, setup.seed, setup.start);
    let mut runtime = Runtime::new(scenario::dice(seed, "order"), start);
    let handle = runtime.handle();
    let trace = Trace::new(lines);
    let ground = Arc::new(ground(&setup, &runtime, &trace));
    let days = match setup.course {
        Course::Days { days, .. } => Duration::from_hours(24 * u64::from(days)),
        Course::Runs { runs, apart, .. } => apart * runs,
    };
    let bounds = Bounds { steps: MOST_STEPS, time: days + HEALING };
    let ended = match world(setup, &ground, runtime.spawner()) {
        Some(world) => {
            let watch = Watch::new(&trace, &handle);
            tracing::subscriber::with_default(watch, || runtime.run(course::run(Rc::new(world)), bounds))
        }
        None => Ok(()),
    };
    if let Err(stuck) = ended {
        ground.violated("every run comes to an end", stuck.to_string());
    }
    let faults = lock(&ground.faults);
    #[expect(clippy::cast_precision_loss, reason = "days for people")]
    let days = (handle.micros() - start.as_microsecond()) as f64 / 86_400e6;
    let violations = lock(&ground.violations).clone();
    let objects = std::mem::take(&mut *lock(&ground.objects));
    let tables = std::mem::take(&mut *lock(&ground.tables));
    Outcome {
        scenario,
        seed,
        violations,
        counters: trace.counters(),
        hash: trace.hash(),
        struck: faults.struck().to_vec(),
        points: faults.points().to_vec(),
        lines: trace.lines(),
        days,
        objects,
        tables,
    }
}

fn ground(setup: &Setup, runtime: &Runtime, trace: &Trace) -> Ground {
    let handle = runtime.handle();
    let source = Source::new(setup.options.clone(), Arc::new(SourceClock(handle.clone())), &setup.tables);
    let judge = Judge::new(&source);
    Ground {
        handle,
        seed: setup.seed,
        source,
        trace: trace.clone(),
        faults: Mutex::new(Injector::new(setup.plan.clone())),
        dice: Mutex::new(scenario::dice(setup.seed, "world")),
        objects: Mutex::default(),
        tables: Mutex::default(),
        modified: Mutex::default(),
        secrets: Mutex::default(),
        queue: Mutex::new(Messages::new(setup.copies)),
        queue_bell: Bell::default(),
        skew: AtomicI64::new(setup.skew.saturating_mul(1_000_000)),
        healed: AtomicBool::new(false),
        latency: u64::try_from(setup.latency.as_micros() / 2).unwrap_or(u64::MAX),
        judge: Mutex::new(Some(judge)),
        manifests: Mutex::default(),
        violations: Mutex::default(),
        redeemed: Mutex::default(),
        may_lose_grant: AtomicBool::new(false),
    }
}

/// `None` if the fixed addresses are none, which they are not.
fn world(setup: Setup, ground: &Arc<Ground>, spawner: Spawner) -> Option<World> {
    let (client_id, client_secret) = ground.source.simulator().app();
    let app = App::new(
        client_id,
        client_secret.into(),
        &"https://auth.freshbooks.test".parse().ok()?,
        "https://api.freshbooks.test".parse().ok()?,
        "https://site.test/callback".parse().ok()?,
    );
    let connection = person::connection()?;
    let (app, ground) = (app.ok()?, Arc::clone(ground));
    Some(World { ground, spawner, setup, app, connection, person: Person::default() })
}
