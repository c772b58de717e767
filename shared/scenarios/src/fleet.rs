//! The processes of a deployment: workers, dispatchers, and who starts them again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use freshbooks::Budget;
use futures::future::{Either, select};
use grants::{Broker, ConnectionTokens};
use lake::{Lake, Packing};
use model::{ErrorKind, Mode, Result, Task, Timestamp};
use sync::{Dispatched, Dispatcher, Firing, Outcome, Report, Stop, Worker};

use crate::checks;
use crate::ground::Machine;
use crate::ports::clock::{ProcessClock, SeededRandom};
use crate::ports::objects::Bucket;
use crate::ports::queue::{Delivery, QueuePort};
use crate::ports::secrets::SecretPort;
use crate::ports::tables::Entries;
use crate::ports::transport::Wire;
use crate::runtime::Ended;
use crate::world::World;

/// A task gives itself back so long before its time-out.
const MARGIN: i64 = 5_000_000;
/// The time-out of the function that dispatches.
const DISPATCH_TIMEOUT: Duration = Duration::from_mins(5);
/// A failed invocation of it is tried once more.
const INVOCATIONS: u32 = 2;
/// The pause before a failed task comes again doubles from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Keeps one place for a worker filled: one that dies is replaced after some seconds.
pub(crate) async fn place(world: Rc<World>) {
    let handle = world.ground.handle.clone();
    loop {
        let id = handle.reserve();
        let machine = Machine::new(&world.ground, id, true);
        let exit = world.spawner.spawn(id, work(Rc::clone(&world), machine));
        if exit.wait(&handle).await == Ended::Returned {
            return;
        }
        let pause = world.dice(|dice| dice.u64(1..20));
        handle.sleep(Duration::from_secs(pause)).await;
    }
}

/// A worker: one message after the other.
async fn work(world: Rc<World>, machine: Machine) {
    let queue = QueuePort(machine.clone());
    let (worker, broker) = engine(&world, &machine);
    loop {
        let Ok(delivery) = queue.receive().await else {
            world.ground.handle.sleep(Duration::from_secs(1)).await;
            continue;
        };
        let outcome = {
            let work = pin!(invoke(&world, &worker, &broker, &machine, &delivery));
            let limit = pin!(world.ground.handle.sleep(world.timeout()));
            match select(work, limit).await {
                Either::Left((outcome, _)) => outcome,
                Either::Right(_) => {
                    world.ground.trace.count("worker timed out");
                    machine.die().await
                }
            }
        };
        tell(&world, &machine, &outcome);
        // Where neither goes through, the message comes again by itself.
        let told = match outcome {
            Ok(_) => queue.delete(delivery.receipt).await,
            Err(error) => {
                let pause = pause(error.kind(), delivery.receives);
                queue.again_after(delivery.receipt, pause).await
            }
        };
        if told.is_err() {
            world.ground.trace.count("result of a task lost");
        }
    }
}

fn pause(kind: ErrorKind, deliveries: u32) -> Duration {
    if kind == ErrorKind::Interrupted {
        return Duration::ZERO;
    }
    let doubled = 1_u32.checked_shl(deliveries.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
}

async fn invoke(
    world: &World,
    worker: &Worker,
    broker: &Arc<Broker>,
    machine: &Machine,
    delivery: &Delivery,
) -> Result<Report> {
    let task: Task = serde_json::from_str(&delivery.body)
        .map_err(|e| model::Error::new(ErrorKind::Config, "the message is not a task").because(e))?;
    let handle = &world.ground.handle;
    let (began, given) = (handle.micros(), micros(world.timeout()));
    let deadline = machine.now().saturating_add(given);
    let stop = Stop::at(Timestamp::from_microsecond(deadline).unwrap_or(Timestamp::MAX));
    let tokens = ConnectionTokens { broker: Arc::clone(broker), connection: task.connection.clone() };
    let outcome = sync::extract(worker, Arc::new(tokens), &task, &stop).await;
    if let Ok(report) = &outcome {
        checks::done(world, &task, &report.outcome);
    }
    // A clock that jumps takes the deadline with it.
    let late = handle.micros() - began > (given - MARGIN).max(0);
    if late && machine.now() <= deadline {
        let what = format!(
            "{} worked for {} s of {}",
            task.id,
            (handle.micros() - began) / 1_000_000,
            given / 1_000_000
        );
        world.ground.violated("a task gives itself back 5 s before its end", what);
    }
    outcome
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn tell(world: &World, machine: &Machine, outcome: &Result<Report>) {
    let trace = &world.ground.trace;
    trace.count("tasks");
    match outcome {
        Ok(report) => {
            trace.count(match report.outcome {
                Outcome::Committed(_) => "task committed",
                Outcome::Unchanged => "task unchanged",
                Outcome::AlreadyDone => "task already done",
                Outcome::Unavailable(_) => "task unavailable",
            });
            if !report.rejected.is_empty() {
                trace.count("task with rejected rows");
            }
        }
        Err(error) => {
            trace.count(&format!("task failed: {:?}", error.kind()));
            if trace.keeps_lines() {
                let text = format!("{} task failed: {error}", machine.process);
                trace.note(&world.ground.handle, &text);
            }
        }
    }
}

/// The lake, as one process has it.
pub(crate) fn lake(world: &World, machine: &Machine) -> Lake {
    let bucket = Arc::new(Bucket(machine.clone()));
    let lake = if world.setup.glue {
        Lake::in_glue(bucket, "freshbooks", Arc::new(Entries(machine.clone())))
    } else {
        Lake::new(bucket, "freshbooks")
    };
    lake.packed(Packing::None)
}

fn engine(world: &World, machine: &Machine) -> (Worker, Arc<Broker>) {
    let broker = Arc::new(broker(world, machine));
    let worker = Worker {
        lake: lake(world, machine),
        api_url: world.app.api_url.clone(),
        transport: Arc::clone(&broker.transport),
        clock: Arc::clone(&broker.clock),
        random: Arc::clone(&broker.random),
        budget: Arc::new(Budget::new(8)),
        in_flight: 4,
        // Most readings are cut in some deployments, few in others, none in the rest.
        window_rows: [6, 15, sync::WINDOW_ROWS][usize::try_from(world.setup.seed % 3).unwrap_or(0)],
        reach: sync::Reach::default(),
        // The source writes at random, and may well delete all that a small table has.
        brake: sync::Brake { empty: usize::MAX, ..sync::Brake::default() },
        progress: Arc::new(sync::Quiet),
        salt: None,
    };
    (worker, broker)
}

/// The keeper of tokens, as one process has it.
pub(crate) fn broker(world: &World, machine: &Machine) -> Broker {
    Broker {
        app: world.app.clone(),
        secrets: Arc::new(SecretPort(machine.clone())),
        transport: Arc::new(Wire(machine.clone())),
        clock: Arc::new(ProcessClock(machine.clone())),
        random: Arc::new(SeededRandom::new(world.dice(|dice| dice.u64(..)))),
    }
}

/// One firing of the schedule: an invocation, and another one if it fails.
pub(crate) async fn fire(world: Rc<World>, scheduled_at: Timestamp, mode: Mode) {
    let handle = world.ground.handle.clone();
    world.ground.trace.count("firings");
    for _ in 0..INVOCATIONS {
        let id = handle.reserve();
        let machine = Machine::new(&world.ground, id, true);
        let result = Rc::new(RefCell::new(None));
        let place = Rc::clone(&result);
        let inside = Rc::clone(&world);
        let exit = world.spawner.spawn(id, async move {
            let firing = Firing {
                scheduled_at,
                connection: None,
                tables: Vec::new(),
                mode,
                accept_deletions: false,
                settings: BTreeMap::new(),
            };
            let dispatched = dispatch(&inside, &machine, &firing).await;
            *place.borrow_mut() = Some(dispatched);
        });
        let ended = exit.wait(&handle).await;
        let dispatched = result.borrow_mut().take();
        match (ended, dispatched) {
            (Ended::Returned, Some(Ok(dispatched))) if dispatched.iter().all(|d| d.tasks.is_ok()) => return,
            (Ended::Returned, Some(Ok(dispatched))) => notice(&world, &dispatched),
            _ => {}
        }
        world.ground.trace.count("dispatch failed");
        handle.sleep(Duration::from_mins(1)).await;
    }
}

/// A person reads the alarm.
fn notice(world: &World, dispatched: &[Dispatched]) {
    for error in dispatched.iter().filter_map(|d| d.tasks.as_ref().err()) {
        world.ground.trace.note(&world.ground.handle, &format!("dispatch failed: {error}"));
        if error.kind() == ErrorKind::ReconnectNeeded {
            // An alarm that is open already is told again by every dispatch.
            if !world.person.is_alarmed() && !world.ground.may_lose_grant.load(Ordering::Relaxed) {
                let what = error.to_string();
                world.ground.violated("a grant is lost only where its successor could be", what);
            }
            world.person.alarm();
        }
    }
}

async fn dispatch(world: &World, machine: &Machine, firing: &Firing) -> Result<Vec<Dispatched>> {
    let dispatcher = Dispatcher {
        objects: Arc::new(Bucket(machine.clone())),
        broker: Arc::new(broker(world, machine)),
        queue: Arc::new(QueuePort(machine.clone())),
    };
    let work = pin!(dispatcher.dispatch(firing));
    let limit = pin!(world.ground.handle.sleep(DISPATCH_TIMEOUT));
    match select(work, limit).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => {
            world.ground.trace.count("dispatch timed out");
            machine.die().await
        }
    }
}
