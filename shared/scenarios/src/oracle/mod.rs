//! Judges what a reader of the lake sees against what the source had. Shares no code with what it judges.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use model::Timestamp;

use crate::source::Source;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The promise.
    pub rule: &'static str,
    /// What breaks it.
    pub what: String,
}

/// What [`judge_current`] leaves out.
#[derive(Clone, Debug, Default)]
pub struct Except {
    /// Tables that cannot be read: the unit's partition and the table's name.
    pub unavailable: BTreeSet<(String, String)>,
    /// Tables whose vanished rows may still be in the lake, because their removal was withheld.
    pub unswept: BTreeSet<(String, String)>,
    /// Vanished rows may still be in the lake, whatever the table.
    pub no_sweeps: bool,
}

/// Remembers the commits it was shown.
#[derive(Debug)]
pub struct Judge {
    source: Source,
}

impl Judge {
    /// A judge who has seen nothing yet.
    pub fn new(source: &Source) -> Self {
        Self { source: source.clone() }
    }

    /// Takes one new commit, whose pointer is at `key`; `get` reads an object.
    pub fn commit(
        &mut self,
        key: &str,
        get: &dyn Fn(&str) -> Option<Bytes>,
        now: Timestamp,
    ) -> Vec<Violation> {
        let _ = (&self.source, key, get, now);
        Vec::new()
    }

    /// Takes every commit in `objects` that it has not taken yet.
    pub fn catch_up(&mut self, objects: &BTreeMap<String, Bytes>, now: Timestamp) -> Vec<Violation> {
        let _ = (objects, now);
        Vec::new()
    }

    /// Whether everything that was committed is all there is now.
    pub fn current(&mut self, except: &Except, now: Timestamp) -> Vec<Violation> {
        let _ = (except, now);
        Vec::new()
    }
}

/// What must hold at any time.
pub fn judge(source: &Source, objects: &BTreeMap<String, Bytes>, now: Timestamp) -> Vec<Violation> {
    Judge::new(source).catch_up(objects, now)
}

/// What must hold once every table was read and the source was quiet since.
pub fn judge_current(
    source: &Source,
    objects: &BTreeMap<String, Bytes>,
    now: Timestamp,
    except: &Except,
) -> Vec<Violation> {
    let mut judge = Judge::new(source);
    let mut found = judge.catch_up(objects, now);
    found.extend(judge.current(except, now));
    found
}
