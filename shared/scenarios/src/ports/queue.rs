//! A queue as SQS is one: at least once, mostly in order, and after five deliveries a message is parked.

use std::time::Duration;

use async_trait::async_trait;
use model::{Error, ErrorKind, Result, Task};
use sync::Queue;

use crate::faults::{Fault, Point, Port};
use crate::ground::{Failed, Machine, Strike, lock};

/// After it a message that was not deleted is shown again.
pub(crate) const VISIBILITY: Duration = Duration::from_secs(5400);
/// Deliveries before a message is parked.
const MOST_RECEIVES: u32 = 5;

/// A message that waits or is being worked on.
#[derive(Clone, Debug)]
struct Message {
    body: String,
    receives: u32,
    visible_at: i64,
    receipt: u64,
}

/// All messages.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    waiting: Vec<Message>,
    parked: Vec<Message>,
    receipts: u64,
    /// How often each message is delivered at most, and how late.
    copies: Option<(u32, Duration)>,
}

/// A delivery.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) body: String,
    pub(crate) receipt: u64,
    /// How often it was delivered, this time included.
    pub(crate) receives: u32,
}

impl Messages {
    pub(crate) fn new(copies: Option<(u32, Duration)>) -> Self {
        Self { copies, ..Self::default() }
    }

    fn send(&mut self, body: &str, visible_at: i64) {
        self.waiting.push(Message { body: body.to_owned(), receives: 0, visible_at, receipt: 0 });
    }

    /// From now on each message is sent once.
    pub(crate) fn send_once(&mut self) {
        self.copies = None;
    }

    /// Whether nothing waits and nothing is being worked on.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The tasks of the parked messages.
    pub(crate) fn parked(&self) -> Vec<Task> {
        self.parked.iter().filter_map(|m| serde_json::from_str(&m.body).ok()).collect()
    }

    /// Sends every parked message again.
    pub(crate) fn redrive(&mut self, now: i64) -> usize {
        let parked = std::mem::take(&mut self.parked);
        let count = parked.len();
        self.waiting.extend(parked.into_iter().map(|m| Message { receives: 0, visible_at: now, ..m }));
        count
    }

    /// When the next message is shown.
    pub(crate) fn next_visible(&self) -> Option<i64> {
        self.waiting.iter().map(|m| m.visible_at).min()
    }

    /// Parks what was delivered too often; how many.
    fn park(&mut self, now: i64) -> usize {
        let done = |m: &mut Message| m.visible_at <= now && m.receives >= MOST_RECEIVES;
        let before = self.parked.len();
        self.parked.extend(self.waiting.extract_if(.., done));
        self.parked.len() - before
    }

    /// Delivers a message: the oldest visible one, or another; it stays visible if it is to come twice.
    fn receive(&mut self, now: i64, any: Option<u64>, twice: bool) -> Option<Delivery> {
        let visible: Vec<usize> =
            self.waiting.iter().enumerate().filter(|(_, m)| m.visible_at <= now).map(|(at, _)| at).collect();
        let picked = match any {
            Some(chance) => {
                let at = usize::try_from(chance.checked_rem(visible.len() as u64)?).ok()?;
                *visible.get(at)?
            }
            None => *visible.first()?,
        };
        self.receipts += 1;
        let receipt = self.receipts;
        let message = self.waiting.get_mut(picked)?;
        message.receives += 1;
        message.receipt = receipt;
        if !twice {
            message.visible_at = now + micros(VISIBILITY);
        }
        Some(Delivery { body: message.body.clone(), receipt, receives: message.receives })
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// The queue, as one process reaches it.
#[derive(Debug)]
pub(crate) struct QueuePort(pub(crate) Machine);

fn failure(_: Failed) -> Error {
    Error::new(ErrorKind::Storage, "the queue does not answer")
}

impl QueuePort {
    /// Waits for a message.
    pub(crate) async fn receive(&self) -> Result<Delivery> {
        let ground = &self.0.ground;
        loop {
            let seen = ground.queue_bell.rung();
            let (parked, next) = {
                let now = ground.handle.micros();
                let mut queue = lock(&ground.queue);
                (queue.park(now), queue.next_visible())
            };
            for _ in 0..parked {
                ground.trace.count("parked");
            }
            if parked > 0 {
                ground.queue_bell.ring();
                continue;
            }
            if next.is_none_or(|at| at > ground.handle.micros()) {
                ground.queue_bell.wait(&ground.handle, seen, next).await;
                continue;
            }
            let effect = |strike: Strike| {
                let any =
                    (strike.fault == Some(Fault::Reorder)).then(|| ground.chance(strike.number, "reorder"));
                let twice = strike.fault == Some(Fault::Duplicate);
                Ok(lock(&ground.queue).receive(ground.handle.micros(), any, twice))
            };
            let point = Point { port: Port::Queue, verb: "receive", of: "" };
            if let Some(delivery) = self.0.call(point, effect, failure).await? {
                if delivery.receives > 1 {
                    ground.trace.count("delivered again");
                }
                return Ok(delivery);
            }
        }
    }

    /// Deletes a message that is done.
    pub(crate) async fn delete(&self, receipt: u64) -> Result<()> {
        let ground = &self.0.ground;
        let effect = |_| {
            lock(&ground.queue).waiting.retain(|m| m.receipt != receipt);
            ground.queue_bell.ring();
            Ok(())
        };
        self.0.call(Point { port: Port::Queue, verb: "delete", of: "" }, effect, failure).await
    }

    /// Shows a message again after `pause`.
    pub(crate) async fn again_after(&self, receipt: u64, pause: Duration) -> Result<()> {
        let ground = &self.0.ground;
        let effect = |_| {
            let at = ground.handle.micros() + micros(pause);
            let mut queue = lock(&ground.queue);
            queue.waiting.iter_mut().filter(|m| m.receipt == receipt).for_each(|m| m.visible_at = at);
            drop(queue);
            ground.queue_bell.ring();
            Ok(())
        };
        self.0.call(Point { port: Port::Queue, verb: "again_after", of: "" }, effect, failure).await
    }
}

#[async_trait]
impl Queue for QueuePort {
    async fn send(&self, tasks: &[Task]) -> Result<()> {
        let ground = &self.0.ground;
        let mut bodies = Vec::new();
        for task in tasks {
            let body = serde_json::to_string(task);
            bodies.push(body.map_err(|e| Error::new(ErrorKind::Internal, "a task is not JSON").because(e))?);
        }
        let effect = |strike: Strike| {
            let now = ground.handle.micros();
            let mut dice = fastrand::Rng::with_seed(ground.chance(strike.number, "send"));
            let mut order: Vec<&String> = bodies.iter().collect();
            if strike.fault == Some(Fault::Reorder) {
                dice.shuffle(&mut order);
            }
            // A batch whose answer is lost may have been taken in part.
            if strike.fault == Some(Fault::ErrorAfterEffect) {
                order.truncate(dice.usize(..=bodies.len()));
            }
            let mut queue = lock(&ground.queue);
            let copies = queue.copies;
            for body in order {
                queue.send(body, now);
                let Some((most, late)) = copies else { continue };
                for _ in 1..dice.u32(2..=most.max(2)) {
                    let delay = if dice.bool() { 0 } else { dice.i64(0..=micros(late)) };
                    queue.send(body, now + delay);
                    ground.trace.count("delivered many times");
                }
            }
            drop(queue);
            ground.queue_bell.ring();
            Ok(())
        };
        self.0.call(Point { port: Port::Queue, verb: "send", of: "" }, effect, failure).await
    }
}
