//! What happened: a hash of every event, the lines if they are wanted, and counters of the paths that were taken.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Metadata, Subscriber};
use xxhash_rust::xxh3::Xxh3;

use crate::runtime::Handle;

/// How often each path was taken.
pub type Counters = BTreeMap<String, u64>;

/// The target of events that name a rare path.
const PATH: &str = "path";

#[derive(Default)]
struct Inner {
    hash: Xxh3,
    events: u64,
    lines: Option<Vec<String>>,
    counters: Counters,
}

/// The trace of one run. Cheap to clone.
#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Inner>>);

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("events", &self.inner().events).finish_non_exhaustive()
    }
}

impl Trace {
    /// A trace that keeps its lines only if `lines`.
    pub fn new(lines: bool) -> Self {
        let trace = Self::default();
        trace.inner().lines = lines.then(Vec::new);
        trace
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an event: when, by whom, its numbers, and its texts.
    pub fn event(&self, at: i64, process: u32, number: u64, texts: &[&str]) {
        let mut inner = self.inner();
        inner.events += 1;
        inner.hash.update(&at.to_le_bytes());
        inner.hash.update(&process.to_le_bytes());
        inner.hash.update(&number.to_le_bytes());
        for text in texts {
            inner.hash.update(text.as_bytes());
            inner.hash.update(&[0]);
        }
        if let Some(lines) = &mut inner.lines {
            let time = jiff::Timestamp::from_microsecond(at).unwrap_or_default();
            lines.push(format!("{time:.3} p{process} #{number} {}", texts.join(" ")));
        }
    }

    /// Adds a line that is for people alone.
    pub fn note(&self, handle: &Handle, text: &str) {
        let mut inner = self.inner();
        if let Some(lines) = &mut inner.lines {
            lines.push(format!("{:.3} {text}", handle.now()));
        }
    }

    /// Whether lines are kept.
    pub fn keeps_lines(&self) -> bool {
        self.inner().lines.is_some()
    }

    /// Counts one more of `what`.
    pub fn count(&self, what: &str) {
        let mut inner = self.inner();
        match inner.counters.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(inner.counters.insert(what.to_owned(), 1)),
        }
    }

    /// Equal for equal runs.
    pub fn hash(&self) -> u64 {
        self.inner().hash.digest()
    }

    /// Events so far.
    pub fn events(&self) -> u64 {
        self.inner().events
    }

    /// The counters.
    pub fn counters(&self) -> Counters {
        self.inner().counters.clone()
    }

    /// The lines, if they were kept.
    pub fn lines(&self) -> Vec<String> {
        self.inner().lines.clone().unwrap_or_default()
    }
}

/// Counts the engine's events of target `path` by their name; with a trace that keeps lines, also notes every event.
#[derive(Debug)]
pub struct Watch {
    trace: Trace,
    handle: Handle,
    all: bool,
}

impl Watch {
    /// Watches for `trace`.
    pub fn new(trace: &Trace, handle: &Handle) -> Self {
        Self { trace: trace.clone(), handle: handle.clone(), all: trace.keeps_lines() }
    }
}

impl Subscriber for Watch {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && (self.all || metadata.target() == PATH)
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        if metadata.target() == PATH {
            self.trace.count(metadata.name());
        }
        if self.all {
            let mut words = Words(String::new());
            event.record(&mut words);
            self.trace.note(&self.handle, &format!("{} {}{}", metadata.level(), metadata.target(), words.0));
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}
