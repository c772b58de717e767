//! The versions of a table's rows as the lake would hold them: secrets masked, told apart by a digest of their text.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Timestamp, Unit};
use simulator::State;
use xxhash_rust::xxh3::xxh3_128;

use super::facts::{Ends, Facts};
use super::text::masked;
use crate::source::{Rows, Source, Version};

/// The digest of a row's text.
pub(super) type Digest = u128;

pub(super) fn digest(text: &str) -> Digest {
    xxh3_128(text.as_bytes())
}

/// One version; of a row that no list shows it has no text.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) at: Timestamp,
    pub(super) text: Option<(Digest, Arc<str>)>,
}

impl Known {
    fn new(facts: &Facts, version: &Version) -> Self {
        let vanished = facts.ends == Ends::Vanishes && version.state == Some(State::Deleted);
        let text =
            version.text.as_ref().filter(|_| !vanished).map(|text| match masked(text, facts.secrets) {
                Cow::Borrowed(_) => (digest(text), Arc::clone(text)),
                Cow::Owned(masked) => (digest(&masked), Arc::from(masked)),
            });
        Self { at: version.at, text }
    }

    pub(super) fn digest(&self) -> Option<Digest> {
        self.text.as_ref().map(|(digest, _)| *digest)
    }
}

/// What the source had in one table of one unit, as far as it was asked.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) rows: BTreeMap<i64, Vec<Known>>,
    /// How much of the source's log is in.
    taken: Option<usize>,
}

impl Past {
    /// Takes in what the source has become since.
    pub(super) fn update(&mut self, source: &Source, unit: &Unit, facts: &'static Facts) {
        source.with(unit, facts.name, |rows| {
            let log = rows.log();
            match self.taken {
                None => rows.iter().for_each(|(id, _)| self.take(facts, rows, id)),
                Some(taken) => {
                    log.get(taken..).unwrap_or_default().iter().for_each(|id| self.take(facts, rows, *id));
                }
            }
            self.taken = Some(log.len());
        });
    }

    fn take(&mut self, facts: &Facts, rows: &Rows, id: i64) {
        let known = self.rows.entry(id).or_default();
        let new = rows.history(id).get(known.len()..).unwrap_or_default();
        known.extend(new.iter().map(|version| Known::new(facts, version)));
    }

    pub(super) fn of(&self, id: i64) -> &[Known] {
        self.rows.get(&id).map_or(&[], Vec::as_slice)
    }
}
