//! From the first connect through the storm to the end, when everything has to be as it should.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use grants::Connection;
use jiff::{SignedDuration, Timestamp};
use model::{Mode, Unit};
use serde_json::{Value, json};

use crate::checks;
use crate::fleet;
use crate::ground::{Machine, lock};
use crate::keeper;
use crate::person;
use crate::ports::objects::Bucket;
use crate::setup::Course;
use crate::world::World;

/// How long the queue may take to run empty once nothing goes wrong any more.
const DRAIN: Duration = Duration::from_hours(30);
/// Healed runs within which everything has to be current.
const RUNS_TO_HEAL: u32 = 2;

/// The whole course of a world.
pub(crate) async fn run(world: Rc<World>) {
    if !begin(&world).await {
        world.ground.violated("a person can connect", "the first connect failed".to_owned());
        return;
    }
    set_calm(&world, false);
    match world.setup.course {
        Course::Days { days, runs_a_day, writes_a_day } => {
            storm(&world, days, runs_a_day, writes_a_day).await;
        }
        Course::Runs { runs, apart, writes } => runs_apart(&world, runs, apart, writes).await,
    }
    heal(&world).await;
    becomes_current(&world).await;
    adds_nothing(&world).await;
    keeper::at_the_end(&world).await;
    checks::at_the_end(&world);
}

fn set_calm(world: &World, calm: bool) {
    lock(&world.ground.faults).set_calm(calm);
}

/// The first connect, without faults, and the choice of tables.
async fn begin(world: &Rc<World>) -> bool {
    if !person::connect(world, false).await {
        return false;
    }
    let machine = Machine::new(&world.ground, world.ground.handle.reserve(), false);
    let bucket = Bucket(machine);
    let Ok(Some(connection)) = Connection::load(&bucket, &world.connection).await else { return false };
    let tables = world.setup.tables.iter().map(|table| (*table).into()).collect();
    if (Connection { tables: Some(tables), ..connection }).save(&bucket).await.is_err() {
        return false;
    }
    start(world, person::watch(Rc::clone(world)));
    for _ in 0..world.setup.workers {
        start(world, fleet::place(Rc::clone(world)));
    }
    true
}

/// A process of the world itself: nothing strikes it.
fn start(world: &World, future: impl Future<Output = ()> + 'static) {
    drop(world.spawner.spawn(world.ground.handle.reserve(), future));
}

fn now(world: &World) -> Timestamp {
    // Firings are scheduled to the second.
    Timestamp::from_second(world.ground.handle.now().as_second()).unwrap_or_default()
}

/// Writes and firings all the time.
async fn storm(world: &Rc<World>, days: u32, runs_a_day: u32, writes_a_day: u32) {
    let handle = &world.ground.handle;
    let end = handle.micros() + i64::from(days) * 86_400_000_000;
    start(world, writes(Rc::clone(world), end, writes_a_day));
    let apart = Duration::from_secs(86_400 / u64::from(runs_a_day.max(1)));
    if let Some(keeping) = world.setup.upkeep {
        for _ in 0..keeping.keepers {
            start(world, keeper::keep(Rc::clone(world), keeping, apart));
        }
        start(world, keeper::rebuild(Rc::clone(world)));
    }
    while handle.micros() < end {
        let scheduled_at = now(world);
        // A schedule fires at least once.
        if world.dice(|dice| dice.u32(..12)) == 0 {
            world.ground.trace.count("firing delivered twice");
            start(world, fleet::fire(Rc::clone(world), scheduled_at, Mode::Incremental));
            if world.dice(fastrand::Rng::bool) {
                handle.sleep(Duration::from_secs(world.dice(|dice| dice.u64(..300)))).await;
            }
        }
        start(world, fleet::fire(Rc::clone(world), scheduled_at, Mode::Incremental));
        handle.sleep(apart).await;
    }
}

async fn writes(world: Rc<World>, end: i64, writes_a_day: u32) {
    let handle = &world.ground.handle;
    let most = 2 * 86_400 / u64::from(writes_a_day.max(1));
    loop {
        let pause = world.dice(|dice| match dice.u32(..8) {
            // Some writes come while a list is read.
            0 => Duration::from_millis(dice.u64(..3_000)),
            _ => Duration::from_secs(dice.u64(..most)),
        });
        handle.sleep(pause).await;
        if handle.micros() >= end {
            return;
        }
        write(&world);
    }
}

fn write(world: &World) {
    world.ground.trace.count("writes");
    let mut dice = fastrand::Rng::with_seed(world.dice(|dice| dice.u64(..)));
    world.ground.source.write(&mut dice);
}

/// One run after the other.
async fn runs_apart(world: &Rc<World>, runs: u32, apart: Duration, writes: u32) {
    let handle = &world.ground.handle;
    for run in 1..=runs {
        let started = handle.micros();
        if run == runs {
            let trouble = world.setup.trouble.clone();
            world.ground.source.simulator().control().set_options(|options| options.faults = trouble);
            poison(world, &json!({"not": "a day"}));
        }
        fleet::fire(Rc::clone(world), now(world), Mode::Incremental).await;
        drained(world).await;
        if run == runs && !world.setup.trouble.is_empty() {
            checks::in_trouble(world);
            poison(world, &json!("2026-01-05"));
        }
        if run < runs {
            for _ in 0..writes {
                write(world);
            }
        }
        let next = started + i64::try_from(apart.as_micros()).unwrap_or(i64::MAX);
        handle.sleep_until(next).await;
    }
}

/// Puts `day` where one row has a day.
fn poison(world: &World, day: &Value) {
    let Some((table, column)) = world.setup.poison else { return };
    let source = &world.ground.source;
    let Some(unit) = source.units(table).into_iter().next() else { return };
    let truth = source.simulator().control().truth(&unit_name(&unit), table, true);
    let Some(id) = truth.ok().and_then(|truth| truth.ids?.first().copied()) else { return };
    source.change_with(&unit, table, id, &json!({column: day}));
}

fn unit_name(unit: &Unit) -> String {
    match unit {
        Unit::Account(id) => id.to_string(),
        Unit::Business(id) => id.to_string(),
        Unit::Identity(id) => id.to_string(),
    }
}

/// Nothing goes wrong from here on, and the source is quiet.
async fn heal(world: &Rc<World>) {
    set_calm(world, true);
    let ground = &world.ground;
    ground.healed.store(true, Ordering::Relaxed);
    ground.source.simulator().control().set_options(|options| options.faults.clear());
    world.person.hurry();
    lock(&ground.queue).send_once();
    drained(world).await;
    // Early in the day, so that what follows lies within it: 15:00 UTC is the morning in New York.
    let now = ground.handle.now();
    let day = SignedDuration::from_hours(24);
    let since = SignedDuration::from_secs((now.as_second() - 15 * 3600).rem_euclid(86_400));
    let wait = Duration::try_from(day - since).unwrap_or_default();
    ground.handle.sleep(wait).await;
}

/// What was parked is sent again: after a dispatch, whose tokens it needs.
fn redrive(world: &World) {
    let ground = &world.ground;
    let now = ground.handle.micros();
    let redriven = lock(&ground.queue).redrive(now);
    for _ in 0..redriven {
        ground.trace.count("redriven");
    }
    ground.queue_bell.ring();
}

async fn becomes_current(world: &Rc<World>) {
    let except = world.except();
    for run in 1..=RUNS_TO_HEAL {
        fleet::fire(Rc::clone(world), now(world), Mode::Incremental).await;
        redrive(world);
        drained(world).await;
        let ground = &world.ground;
        let missing = lock(&ground.judge).as_mut().map(|judge| judge.current(&except)).unwrap_or_default();
        if missing.is_empty() {
            ground.trace.count(&format!("current after {run} healed runs"));
            break;
        }
        if run == RUNS_TO_HEAL {
            for violation in missing {
                ground.violated(violation.rule, format!("after {run} healed runs: {}", violation.what));
            }
        }
        ground.handle.sleep(Duration::from_hours(1)).await;
    }
}

/// A run on top of a finished one.
async fn adds_nothing(world: &Rc<World>) {
    let keys = || -> BTreeSet<String> {
        let objects = lock(&world.ground.objects);
        objects.keys().filter(|key| key.starts_with("raw/") || key.starts_with("lake/")).cloned().collect()
    };
    world.ground.handle.sleep(Duration::from_mins(20)).await;
    let before = keys();
    fleet::fire(Rc::clone(world), now(world), Mode::Incremental).await;
    drained(world).await;
    for key in keys().difference(&before) {
        world.ground.violated("a finished sync that runs again adds nothing", format!("it added {key}"));
    }
}

/// Waits until the queue is empty and no alarm is open.
async fn drained(world: &World) {
    let ground = &world.ground;
    let end = ground.handle.micros() + i64::try_from(DRAIN.as_micros()).unwrap_or(i64::MAX);
    loop {
        let seen = ground.queue_bell.rung();
        let waits = lock(&ground.faults).is_calm() && world.person.is_alarmed();
        if lock(&ground.queue).is_empty() && !waits {
            return;
        }
        if ground.handle.micros() >= end {
            ground.trace.count("the queue did not run empty");
            return;
        }
        ground.queue_bell.wait(&ground.handle, seen, Some(end)).await;
    }
}
