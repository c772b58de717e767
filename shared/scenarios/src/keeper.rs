//! Who keeps the lake: sweeps beside the workers, and rebuilds tables, while everything goes on.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use lake::{Lake, Tended, Upkeep};
use model::Result;

use crate::checks;
use crate::fleet;
use crate::ground::{Machine, lock};
use crate::oracle;
use crate::runtime::Ended;
use crate::setup::{Keeping, WORKER_TIMEOUT};
use crate::world::World;

/// Sweeps until everything heals: mostly beside a run, which begins every `apart`, else at any time.
pub(crate) async fn keep(world: Rc<World>, keeping: Keeping, apart: Duration) {
    let handle = world.ground.handle.clone();
    let (began, apart) = (handle.micros(), i64::try_from(apart.as_micros()).unwrap_or(i64::MAX));
    loop {
        let now = handle.micros();
        let next = if world.dice(|dice| dice.u32(..3)) > 0 {
            let firing = began + ((now - began) / apart + world.dice(|dice| dice.i64(1..=2))) * apart;
            firing + world.dice(|dice| dice.i64(0..120_000_000))
        } else {
            now + world.dice(|dice| dice.i64(0..3 * apart))
        };
        handle.sleep_until(next).await;
        if world.ground.healed.load(Ordering::Relaxed) {
            return;
        }
        sweep(&world, keeping, true).await;
    }
}

/// One upkeep, and whether everything that counts is still there after it.
async fn sweep(world: &Rc<World>, keeping: Keeping, mortal: bool) {
    let (trace, handle) = (&world.ground.trace, &world.ground.handle);
    let table = if mortal && world.dice(fastrand::Rng::bool) {
        world.dice(|dice| dice.choice(&world.setup.tables).copied())
    } else {
        None
    };
    let upkeep = Upkeep {
        keep: SignedDuration::try_from(keeping.keep).unwrap_or_default(),
        spare: SignedDuration::try_from(keeping.spare).unwrap_or_default(),
        pointers: keeping.pointers,
        delete: true,
    };
    let done = process(world, mortal, move |lake, _| async move { lake.maintain(table, upkeep).await }).await;
    match done {
        None => trace.count("upkeep died"),
        Some(Err(error)) => {
            trace.count("upkeep failed");
            trace.note(handle, &format!("upkeep failed: {error}"));
        }
        Some(Ok(tended)) => {
            trace.count("upkeep done");
            for one in &tended {
                tell(world, one);
            }
        }
    }
    checks::reached(world);
}

fn tell(world: &World, tended: &Tended) {
    let ground = &world.ground;
    for key in &tended.strange {
        ground.violated("an upkeep knows what is its own", key.clone());
    }
    if let Some(why) = &tended.withheld {
        ground.trace.note(&ground.handle, &format!("upkeep left raw files of {}: {why}", tended.table));
    }
    if let Some(error) = &tended.stopped {
        ground.trace.count(&format!("upkeep stopped: {:?}", error.kind()));
        ground.trace.note(&ground.handle, &format!("upkeep stopped: {error}"));
        if error.to_string().contains("is missing") {
            ground.trace.count("upkeep met another's");
        }
    }
}

/// Rebuilds tables now and then, until everything heals.
pub(crate) async fn rebuild(world: Rc<World>) {
    let handle = world.ground.handle.clone();
    loop {
        handle.sleep(Duration::from_secs(world.dice(|dice| dice.u64(3_600..200_000)))).await;
        let Some(table) = world.dice(|dice| dice.choice(&world.setup.tables).copied()) else { return };
        let Some(table) = tables::find(table) else { return };
        if world.ground.healed.load(Ordering::Relaxed) {
            return;
        }
        let done = process(&world, true, move |lake, now| async move { lake.replay(table, now).await }).await;
        world.ground.trace.count(match done {
            None => "replay died",
            Some(Err(_)) => "replay failed",
            Some(Ok(_)) => "replay done",
        });
    }
}

/// Runs `work` as a process of its own, which takes no longer than a worker may; nothing if it dies.
async fn process<T: 'static, F>(
    world: &Rc<World>,
    mortal: bool,
    work: impl FnOnce(Lake, Timestamp) -> F + 'static,
) -> Option<Result<T>>
where
    F: Future<Output = Result<T>>,
{
    let handle = &world.ground.handle;
    let id = handle.reserve();
    let machine = Machine::new(&world.ground, id, mortal);
    let result = Rc::new(RefCell::new(None));
    let (place, inside) = (Rc::clone(&result), handle.clone());
    let lake = fleet::lake(world, &machine);
    let exit = world.spawner.spawn(id, async move {
        let now = Timestamp::from_microsecond(machine.now()).unwrap_or_default();
        let work = pin!(work(lake, now));
        match select(work, pin!(inside.sleep(WORKER_TIMEOUT))).await {
            Either::Left((done, _)) => *place.borrow_mut() = Some(done),
            Either::Right(_) => machine.die().await,
        }
    });
    let ended = exit.wait(handle).await;
    result.borrow_mut().take().filter(|_| ended == Ended::Returned)
}

/// Once everything is old, two sweeps leave nothing that nobody needs.
pub(crate) async fn at_the_end(world: &Rc<World>) {
    let Some(keeping) = world.setup.upkeep else { return };
    world.ground.handle.sleep(keeping.keep.max(keeping.spare) + Duration::from_mins(1)).await;
    for _ in 0..2 {
        sweep(world, keeping, false).await;
    }
    let objects = lock(&world.ground.objects).clone();
    let mut manifests = lock(&world.ground.manifests);
    for key in
        oracle::reach(&objects, &world.ground.entries(), &mut manifests).needless(&objects, keeping.pointers)
    {
        world.ground.violated("an upkeep leaves nothing that nobody needs", key.to_owned());
    }
}
