//! Judges what a reader of the lake sees against what the source had. Shares no code with what it judges: it reads
//! commit pointers as JSON and data files as Parquet, and has the keys of the tables written down itself.
//!
//! A reader folds the commits of a table in their order: of each key the row written last counts.

mod current;
mod cursor;
mod facts;
mod file;
mod fold;
mod judge;
mod known;
mod lines;
mod pointer;
mod reach;
mod shown;
#[cfg(test)]
mod tests;
mod text;
mod typed;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use model::Timestamp;

use crate::source::Source;

pub use judge::Judge;
pub use reach::{Manifests, Reach, reach};

/// Commits are numbered without a gap, a task is in once, and the cursor never moves back.
pub const NUMBERS: &str = "numbers";
/// What a commit names is there, as it says, and named by no other.
pub const FILES: &str = "files";
/// Every row is one that the source had.
pub const INVENTED: &str = "nothing invented";
/// No row is written again without a difference.
pub const TWICE: &str = "nothing twice";
/// No row is marked gone that the source did not lack.
pub const GUESS: &str = "nothing deleted on a guess";
/// What was there before the cursor is in the lake.
pub const AHEAD: &str = "cursor never ahead";
/// No older row replaces a newer one.
pub const BACKWARDS: &str = "never backwards";
/// The current tables show just what the commits have named: of each key the row written last, of each parent its lines.
pub const TABLES: &str = "current tables show what was committed";
/// The lake has what the source has.
pub const CURRENT: &str = "current";

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The promise: one of the constants of this module.
    pub rule: &'static str,
    /// What breaks it.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
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

/// What must hold at any time. Sharpest right after each commit: use a [`Judge`] for that.
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
    found.extend(judge.current(except));
    found
}

/// What breaks rules while something is looked at.
#[derive(Debug, Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn add(&mut self, rule: &'static str, what: impl Into<String>) {
        self.0.push(Violation { rule, what: what.into() });
    }
}
