//! What a list says of the rows by which another table is asked for: which there are, and whether they live.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use lake::{KeyHash, Seen, Sight};
use tables::{Facts, Rejected};

use crate::memory::Memory;
use crate::tally::{REJECTED, digest, instant, second};

/// One row of the list, as it was seen last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    /// The digest of its content.
    digest: u64,
    /// Whether FreshBooks calls it deleted.
    pub(crate) deleted: bool,
    /// When it last changed, where that tells when it comes again.
    updated: Option<NonZeroU32>,
}

/// The rows of a list, by their number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parents {
    pub(crate) rows: BTreeMap<i64, Parent>,
    /// Rows that could not even be told apart.
    pub(crate) unnamed: u64,
}

impl Parents {
    /// Notes a row. `comes_always` tells that its list is read whole whatever the window.
    pub(crate) fn see(&mut self, facts: &Facts<'_>, comes_always: bool) {
        let Ok(id) = facts.key.parse() else {
            self.unnamed += 1;
            return;
        };
        let updated = facts.updated.and_then(second);
        let here = Parent { digest: digest(facts), deleted: facts.deleted, updated };
        // Pages that were asked for together may come with the older one last.
        if self.rows.get(&id).is_none_or(|before| before.updated <= updated) {
            self.rows.insert(id, Parent { updated: updated.filter(|_| !comes_always), ..here });
        }
    }

    /// Notes a row that could not be typed: it is there all the same.
    pub(crate) fn see_rejected(&mut self, row: &Rejected) {
        let digest = KeyHash::of(&row.raw).as_u64().max(REJECTED + 1);
        match row.key.as_deref().and_then(|key| key.parse().ok()) {
            Some(id) => {
                self.rows.insert(id, Parent { digest, deleted: false, updated: None });
            }
            None => self.unnamed += 1,
        }
    }

    /// The living rows that were not asked for as they are now, in order.
    pub(crate) fn pending(&self, known: &Seen) -> Vec<i64> {
        let new = |id: i64, row: &Parent| known.digest(name(id)) != Some(row.digest);
        self.rows.iter().filter(|(id, row)| !row.deleted && new(**id, row)).map(|(id, _)| *id).collect()
    }

    /// Adds to `seen` which rows need not be asked for again as they are: those of this list but the ones that are
    /// `left`, and those `known` before that may come again.
    pub(crate) fn remember(&self, known: &Seen, left: &[i64], memory: Memory, seen: &mut Seen) {
        let comes_again = |updated: Option<NonZeroU32>, from| match (updated, from) {
            (Some(updated), Some(from)) => instant(updated) >= from,
            _ => true,
        };
        for (key, row) in unnamed(known) {
            if memory.unread_from.is_some_and(|from| comes_again(row.updated, Some(from))) {
                seen.remember(key, row);
            }
        }
        for (id, row) in &self.rows {
            if left.binary_search(id).is_err() && comes_again(row.updated, memory.from) {
                let updated = row.updated.filter(|_| memory.from.is_some());
                seen.remember(name(*id), Sight { digest: row.digest, updated });
            }
        }
    }
}

/// What a commit remembers of rows that were asked for.
fn unnamed(known: &Seen) -> impl Iterator<Item = (KeyHash, Sight)> {
    let own: std::collections::HashSet<_> = known.named().map(|(key, _)| key).collect();
    known.iter().filter(move |(key, row)| !own.contains(key) && row.digest != REJECTED)
}

/// Under which key a row that was asked for is remembered: no real key begins so.
fn name(id: i64) -> KeyHash {
    KeyHash::of(&format!("parent/{id}"))
}
