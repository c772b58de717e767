//! One thread, virtual time, and a seed that picks who goes on.
//!
//! A *process* is a root future: a worker, a dispatcher, the schedule. Of those that are ready the dice pick one; when
//! none is, time jumps to the next timer. A killed process is dropped at whatever await it is, as the end of a machine
//! would.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use jiff::Timestamp;

use crate::bell::Bell;

/// A process of this run; never used again after its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

/// Why a run did not end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    /// Nobody is ready and no timer is set.
    #[error("deadlock: nobody is ready and nobody waits for time")]
    Deadlock,
    /// More polls than the bound.
    #[error("the run took more steps than its bound")]
    Steps,
    /// More virtual time than the bound.
    #[error("the run took more virtual time than its bound")]
    Time,
}

/// What a run may use up.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Polls.
    pub steps: u64,
    /// Virtual time.
    pub time: Duration,
}

#[derive(Debug, Default)]
struct State {
    now: i64,
    timers: BTreeMap<(i64, u64), Waker>,
    sequence: u64,
    ready: Vec<ProcessId>,
    killed: Vec<ProcessId>,
    processes: u32,
}

/// Time and processes, as seen from inside. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Mutex<State>>);

impl Handle {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Virtual time in microseconds since 1970.
    pub fn micros(&self) -> i64 {
        self.state().now
    }

    /// Virtual time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.micros()).unwrap_or(Timestamp::MAX)
    }

    /// Waits.
    pub fn sleep(&self, time: Duration) -> Sleep {
        let at = self.micros().saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
        self.sleep_until(at)
    }

    /// Waits until an instant in microseconds.
    pub fn sleep_until(&self, at: i64) -> Sleep {
        Sleep { handle: self.clone(), at, timer: None }
    }

    /// A process id for [`Spawner::spawn`].
    pub fn reserve(&self) -> ProcessId {
        let mut state = self.state();
        state.processes += 1;
        ProcessId(state.processes)
    }

    /// Ends a process; what it holds is dropped before anybody else goes on.
    pub fn kill(&self, process: ProcessId) {
        self.state().killed.push(process);
    }

    fn is_ready(&self, process: ProcessId) {
        self.state().ready.push(process);
    }
}

/// A timer.
#[derive(Debug)]
pub struct Sleep {
    handle: Handle,
    at: i64,
    timer: Option<(i64, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let handle = self.handle.clone();
        let mut state = handle.state();
        if state.now >= self.at {
            if let Some(timer) = self.timer.take() {
                state.timers.remove(&timer);
            }
            return Poll::Ready(());
        }
        let timer = *self.timer.get_or_insert_with(|| {
            state.sequence += 1;
            (0, state.sequence)
        });
        let timer = (self.at, timer.1);
        self.timer = Some(timer);
        state.timers.insert(timer, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            self.handle.state().timers.remove(&timer);
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It came to its end.
    Returned,
    /// It was killed.
    Killed,
}

/// Tells when and how a process ended.
#[derive(Debug)]
pub struct Exit {
    ended: Rc<Cell<Option<Ended>>>,
    bell: Rc<Bell>,
}

impl Exit {
    /// Waits for the end.
    pub async fn wait(self, handle: &Handle) -> Ended {
        loop {
            let seen = self.bell.rung();
            if let Some(ended) = self.ended.get() {
                return ended;
            }
            self.bell.wait(handle, seen, None).await;
        }
    }
}

struct Process {
    future: Pin<Box<dyn Future<Output = ()>>>,
    waker: Arc<Task>,
    ended: Rc<Cell<Option<Ended>>>,
    bell: Rc<Bell>,
}

/// Starts processes, from inside one.
#[derive(Clone)]
pub struct Spawner {
    handle: Handle,
    new: Rc<RefCell<Vec<(ProcessId, Process)>>>,
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spawner")
    }
}

impl Spawner {
    /// Starts `future` as process `id`.
    pub fn spawn(&self, id: ProcessId, future: impl Future<Output = ()> + 'static) -> Exit {
        let waker = Arc::new(Task { handle: self.handle.clone(), id, queued: AtomicBool::new(true) });
        let (ended, bell) = (Rc::new(Cell::new(None)), Rc::new(Bell::default()));
        let exit = Exit { ended: Rc::clone(&ended), bell: Rc::clone(&bell) };
        self.new.borrow_mut().push((id, Process { future: Box::pin(future), waker, ended, bell }));
        self.handle.is_ready(id);
        exit
    }
}

/// Wakes one process.
struct Task {
    handle: Handle,
    id: ProcessId,
    queued: AtomicBool,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.handle.is_ready(self.id);
        }
    }
}

/// The machine under a whole run.
#[derive(Debug)]
pub struct Runtime {
    handle: Handle,
    spawner: Spawner,
    dice: fastrand::Rng,
    steps: u64,
}

impl Runtime {
    /// A runtime whose time begins at `start` and whose order `dice` decide.
    pub fn new(dice: fastrand::Rng, start: Timestamp) -> Self {
        let handle = Handle(Arc::new(Mutex::new(State { now: start.as_microsecond(), ..State::default() })));
        let spawner = Spawner { handle: handle.clone(), new: Rc::default() };
        Self { handle, spawner, dice, steps: 0 }
    }

    /// Time and processes.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Starts processes.
    pub fn spawner(&self) -> Spawner {
        self.spawner.clone()
    }

    /// Polls so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Runs until `main` has ended; then every other process is dropped.
    pub fn run<T: 'static>(
        &mut self,
        main: impl Future<Output = T> + 'static,
        bounds: Bounds,
    ) -> Result<T, Stuck> {
        let result = Rc::new(Cell::new(None));
        let place = Rc::clone(&result);
        let _exit = self.spawner.spawn(self.handle.reserve(), async move { place.set(Some(main.await)) });
        let mut processes = BTreeMap::new();
        let end =
            self.handle.micros().saturating_add(i64::try_from(bounds.time.as_micros()).unwrap_or(i64::MAX));
        loop {
            self.settle(&mut processes);
            if let Some(result) = result.take() {
                return Ok(result);
            }
            if self.steps >= bounds.steps {
                return Err(Stuck::Steps);
            }
            match self.pick() {
                Some(id) => self.poll(id, &mut processes),
                None if !self.pass_time() => return Err(Stuck::Deadlock),
                None if self.handle.micros() > end => return Err(Stuck::Time),
                None => {}
            }
        }
    }

    /// Takes in new processes, and drops killed ones.
    fn settle(&self, processes: &mut BTreeMap<ProcessId, Process>) {
        processes.extend(self.spawner.new.borrow_mut().drain(..));
        // Bound first: a drop may wake others, which takes the lock.
        let killed = std::mem::take(&mut self.handle.state().killed);
        for id in killed {
            if let Some(process) = processes.remove(&id) {
                process.ended.set(Some(Ended::Killed));
                let bell = Rc::clone(&process.bell);
                drop(process);
                bell.ring();
            }
        }
    }

    fn pick(&mut self) -> Option<ProcessId> {
        let mut state = self.handle.state();
        match state.ready.len() {
            0 => None,
            1 => state.ready.pop(),
            n => Some(state.ready.swap_remove(self.dice.usize(..n))),
        }
    }

    fn poll(&mut self, id: ProcessId, processes: &mut BTreeMap<ProcessId, Process>) {
        let Some(process) = processes.get_mut(&id) else { return };
        self.steps += 1;
        process.waker.queued.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&process.waker));
        if process.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
            && let Some(process) = processes.remove(&id)
        {
            process.ended.set(Some(Ended::Returned));
            process.bell.ring();
        }
    }

    /// Goes on to the next timer; false if there is none.
    fn pass_time(&self) -> bool {
        let mut due = Vec::new();
        {
            let mut state = self.handle.state();
            let Some((&(at, _), _)) = state.timers.first_key_value() else { return false };
            state.now = state.now.max(at);
            while let Some(timer) = state.timers.first_entry().filter(|t| t.key().0 <= at) {
                due.push(timer.remove());
            }
        }
        for waker in due {
            waker.wake();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { steps: 1000, time: Duration::from_hours(24) };

    #[test]
    fn time_passes_only_when_everybody_waits() {
        let mut runtime = Runtime::new(fastrand::Rng::with_seed(1), Timestamp::UNIX_EPOCH);
        let handle = runtime.handle();
        let now = runtime.run(
            async move {
                handle.sleep(Duration::from_secs(90)).await;
                handle.now()
            },
            BOUNDS,
        );
        assert_eq!(now, Ok(Timestamp::from_second(90).unwrap()));
    }

    #[test]
    fn a_killed_process_is_dropped_where_it_waits() {
        struct Tell(Rc<Cell<bool>>);
        impl Drop for Tell {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let mut runtime = Runtime::new(fastrand::Rng::with_seed(1), Timestamp::UNIX_EPOCH);
        let (handle, spawner) = (runtime.handle(), runtime.spawner());
        let dropped = Rc::new(Cell::new(false));
        let tell = Tell(Rc::clone(&dropped));
        let ended = runtime.run(
            async move {
                let id = handle.reserve();
                let inner = handle.clone();
                let exit = spawner.spawn(id, async move {
                    let _tell = tell;
                    inner.sleep(Duration::from_secs(60)).await;
                });
                handle.sleep(Duration::from_secs(30)).await;
                handle.kill(id);
                exit.wait(&handle).await
            },
            BOUNDS,
        );
        assert_eq!(ended, Ok(Ended::Killed));
        assert!(dropped.get());
        assert_eq!(runtime.handle().now(), Timestamp::from_second(30).unwrap());
    }

    #[test]
    fn what_never_ends_is_an_error() {
        let mut runtime = Runtime::new(fastrand::Rng::with_seed(1), Timestamp::UNIX_EPOCH);
        assert_eq!(runtime.run(std::future::pending::<()>(), BOUNDS), Err(Stuck::Deadlock));
        let handle = runtime.handle();
        let endless = async move {
            loop {
                handle.sleep(Duration::from_hours(1)).await;
            }
        };
        assert_eq!(runtime.run::<()>(endless, BOUNDS), Err(Stuck::Time));
    }
}
