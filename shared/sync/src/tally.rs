//! What is counted while rows go by, and which of them differ from what the lake has.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;

use lake::{DataFile, KeyHash, Seen};
use model::planted::{self, Bug};
use model::{Certificate, TableStatus, Timestamp};
use tables::{Decoder, Facts, Table, Verdict};

use crate::census::Count;

/// Stands for the digest of a rejected row: it is remembered by its text alone.
pub(crate) const REJECTED: u64 = 0;
/// Stands for the digest of a row that is marked as gone.
pub(crate) const GONE: u64 = u64::MAX;

/// Stands for the digest of a row that is not wanted and was never landed.
const PASSED: u64 = 2;

/// What is counted while rows go by.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Whether rows may have been landed that are not remembered.
    pub(crate) forgetful: bool,
    /// Whether rows that are written as gone count as nothing else.
    pub(crate) vanishes: bool,
    pub(crate) rows: HashMap<KeyHash, Sighting>,
    pub(crate) rejected: HashMap<KeyHash, u32>,
    /// Rows of lists that are read whole although the window is not: they come again, however old they are.
    pub(crate) always: HashSet<KeyHash>,
    /// Rows that came without children that they announce, each with the reading that last did.
    pub(crate) withheld: HashMap<KeyHash, u32>,
    /// How many of them earlier lists have left.
    pub(crate) withheld_before: usize,
    /// Whether these are waited for rather than taken as they are.
    pub(crate) waits: bool,
    /// Rows of the present reading that are as they should be.
    pub(crate) whole: u64,
    /// What was written of rows that changed while they were read.
    pub(crate) written: HashSet<(KeyHash, u64)>,
    /// Keys by name, where a row that is missing later has to be named.
    pub(crate) names: Option<HashMap<KeyHash, Box<str>>>,
    pub(crate) count: Count,
    pub(crate) read: u64,
    pub(crate) new: u64,
    pub(crate) changed: u64,
    pub(crate) unchanged: u64,
    pub(crate) deleted: u64,
    pub(crate) undeleted: u64,
    pub(crate) first_updated: Option<Timestamp>,
    pub(crate) last_updated: Option<Timestamp>,
}

/// A row as this task saw it last. There is one per row of the table, so it is kept small.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sighting {
    pub(crate) digest: u64,
    pub(crate) updated: Option<Second>,
    pub(crate) reading: u32,
}

/// Seconds since 1970. Never 0, so that an option takes no space.
pub(crate) type Second = NonZeroU32;

impl Tally {
    pub(crate) fn sight(&mut self, facts: &Facts<'_>, known: &Seen) -> Verdict {
        self.read += 1;
        self.first_updated = self.first_updated.into_iter().chain(facts.updated).min();
        self.last_updated = self.last_updated.into_iter().chain(facts.updated).max();
        let key = KeyHash::of(facts.key);
        let landed = self.rows.get(&key).map(|before| before.digest).or_else(|| known.digest(key));
        let digest = match landed {
            _ if facts.wanted => digest(facts),
            Some(PASSED) => PASSED,
            None if !self.forgetful => PASSED,
            _ => GONE,
        };
        let reading = self.count.now;
        if self.count.unfiltered {
            self.always.insert(key);
        }
        let here = Sighting { digest, updated: facts.updated.and_then(second), reading };
        let came_before = self.withheld.get(&key).copied();
        if facts.withheld {
            let with_them = self.rows.get(&key).filter(|before| before.updated >= here.updated).copied();
            let is_whole = with_them.is_some() && came_before.is_none();
            if is_whole || self.waits {
                let before = with_them.map(|before| before.reading).or(came_before);
                match with_them.filter(|_| is_whole) {
                    Some(before) => drop(self.rows.insert(key, Sighting { reading, ..before })),
                    None => drop(self.withheld.insert(key, reading)),
                }
                self.count.key(key, before, facts.updated);
                self.count.row(facts);
                return Verdict::Skip;
            }
            self.withheld.insert(key, reading);
        } else {
            self.whole += 1;
            self.withheld.remove(&key);
        }
        let before = self.rows.insert(key, here);
        self.count.key(key, before.map(|b| b.reading).or(came_before), facts.updated);
        self.count.row(facts);
        if let Some(before) = before {
            // Seen on another page or in another reading; it is written again only if it changed in between.
            if before.digest == digest {
                return Verdict::Skip;
            }
            // Pages that were asked for together may come with the older one last.
            self.written
                .extend([(key, before.digest)].into_iter().chain(known.digest(key).map(|d| (key, d))));
            if here.updated < before.updated || !self.written.insert((key, digest)) {
                self.rows.insert(key, Sighting { reading, ..before });
                return Verdict::Skip;
            }
            return Verdict::Write;
        }
        if let Some(names) = &mut self.names {
            names.insert(key, facts.key.into());
        }
        let known = known.digest(key);
        if !facts.wanted {
            if digest == PASSED || known == Some(GONE) {
                self.unchanged += 1;
                return Verdict::Skip;
            }
            tracing::debug!(name: "row_unwanted", target: "path", key = facts.key, "written as deleted");
            self.deleted += 1;
            match known {
                _ if self.vanishes => {}
                None => self.new += 1,
                Some(_) => self.changed += 1,
            }
            return Verdict::Write;
        }
        match known {
            None | Some(PASSED) => self.new += 1,
            Some(known) if known == digest || planted::is(Bug::ChangedRowSkipped) => {
                self.unchanged += 1;
                return Verdict::Skip;
            }
            Some(_) => self.changed += 1,
        }
        let was_deleted = known.is_some_and(is_deleted);
        if facts.deleted {
            self.deleted += 1;
        } else if was_deleted {
            tracing::debug!(name: "row_undeleted", target: "path", key = facts.key, "it lives again");
            self.undeleted += 1;
        }
        Verdict::Write
    }

    pub(crate) fn sight_rejected(&mut self, key: KeyHash) {
        self.read += 1;
        let before = self.rejected.insert(key, self.count.now);
        self.count.key(key, before, None);
    }

    pub(crate) fn certificate(
        &self,
        table: &Table,
        decoder: &Decoder,
        known: &Seen,
        files: &[DataFile],
    ) -> Certificate {
        let content = self
            .rows
            .iter()
            .fold(0, |sum: u64, (key, row)| sum.wrapping_add(key.as_u64().rotate_left(32) ^ row.digest));
        let mut notes = Vec::new();
        if !decoder.unknown_keys().is_empty() {
            let keys: Vec<_> = decoder.unknown_keys().keys().map(String::as_str).collect();
            notes.push(format!("keys without a column, kept in _extra: {}", keys.join(", ")));
        }
        for (child, parents) in decoder.withheld() {
            notes.push(format!("{parents} rows came without their {child}"));
        }
        let written = |wanted: bool| -> u64 {
            let own =
                |f: &&DataFile| (f.table.as_str() == table.name) == wanted && f.table.as_str() != "rejected";
            files.iter().filter(own).map(|f| f.rows).sum()
        };
        Certificate {
            status: if self.read == 0 && known.is_empty() { TableStatus::Empty } else { TableStatus::Ok },
            requests: 0,
            pages: 0,
            rereadings: 0,
            total_first: 0,
            total_last: 0,
            distinct_keys: self.rows.len() as u64,
            rows_new: self.new,
            rows_changed: self.changed,
            rows_unchanged: self.unchanged,
            rows_deleted: self.deleted,
            rows_undeleted: self.undeleted,
            rows_rejected: decoder.rejected().len() as u64,
            backlog: self.withheld.len() as u64,
            child_rows: written(false),
            first_updated: self.first_updated,
            last_updated: self.last_updated,
            content_digest: format!("{content:016x}"),
            notes,
        }
    }
}

/// A row's digest, with whether it is deleted in its lowest bit.
pub(crate) fn digest(facts: &Facts<'_>) -> u64 {
    // All ones and zero mean something else.
    (facts.digest & !1 | u64::from(facts.deleted)).clamp(REJECTED + 1, GONE - 1)
}

/// Whether a row that is remembered so is in the lake, and was not marked as gone.
pub(crate) fn lives(digest: u64) -> bool {
    ![GONE, PASSED].contains(&digest)
}

fn is_deleted(digest: u64) -> bool {
    digest & 1 == 1
}

pub(crate) fn second(instant: Timestamp) -> Option<Second> {
    u32::try_from(instant.as_second()).ok().and_then(NonZeroU32::new)
}

pub(crate) fn instant(second: Second) -> Timestamp {
    Timestamp::from_second(second.get().into()).unwrap_or(Timestamp::MAX)
}
