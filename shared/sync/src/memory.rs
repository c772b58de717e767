//! What a commit remembers of the rows it has read.

use lake::{Habits, KeyHash, Loading, Seen, Sight};
use model::{Cursor, Timestamp};
use tables::{Rejected, Table};

use crate::passes::{self, Window};
use crate::tally::{REJECTED, Tally, instant};

/// What a commit remembers of the rows it has read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Rows that changed before are not asked for again; without it all may be.
    pub(crate) from: Option<Timestamp>,
    /// Rows that were known before and not read now may still come, unless they changed before this instant; without it
    /// none does.
    pub(crate) unread_from: Option<Timestamp>,
}

impl Memory {
    /// All rows that were read, and no others.
    pub(crate) const OF_WHAT_WAS_READ: Self = Self { from: None, unread_from: None };

    /// All rows that were read, now or before.
    pub(crate) const OF_ALL: Self = Self { from: None, unread_from: Some(Timestamp::MIN) };

    /// What a commit has to remember, so that rows which come again are known.
    pub(crate) fn after(
        table: &Table,
        window: &Window,
        loading: Option<&Loading>,
        cursor: Option<Cursor>,
        habits: &Habits,
    ) -> Self {
        if habits.honours_updated == Some(false) {
            return Self::OF_WHAT_WAS_READ;
        }
        let unproved = habits.honours_updated.is_none() && !window.is_filtered();
        match window.until {
            // The lists of archived and deleted rows, which are read whole until the filter is proved, come again.
            None if unproved => Self::OF_WHAT_WAS_READ,
            Some(day) => {
                let from = passes::asked_again_from_day(day).unwrap_or(Timestamp::MIN);
                // Beside a task that reads everything anew, others go on from the cursor.
                let anew = loading.is_some_and(|loading| loading.of.is_some());
                let others = anew.then(|| passes::asked_again_from(table, cursor).unwrap_or(Timestamp::MIN));
                Self { from: Some(from), unread_from: others.into_iter().chain([from]).min() }
            }
            None => Self { from: passes::asked_again_from(table, cursor), unread_from: None },
        }
    }
}

/// Under which key a rejected row is remembered, so that it is written once: no real key begins so.
pub(crate) fn rejected_key(row: &Rejected) -> KeyHash {
    KeyHash::of(&format!("rejected/{}/{}", row.key.as_deref().unwrap_or_default(), row.raw))
}

/// The rows that a later reading may bring again.
pub(crate) fn remembered(tally: Tally, known: &Seen, rejected: &[Rejected], memory: Memory) -> Seen {
    let mut seen = Seen::default();
    for row in rejected {
        seen.insert(rejected_key(row), REJECTED);
    }
    let mut names = tally.names;
    for (key, name) in known.named() {
        // Still in doubt, or gone: in either case a later listing is compared with it.
        if let Some(digest) = known.digest(key)
            && !tally.rows.contains_key(&key)
        {
            seen.insert(key, digest);
            seen.name(key, name);
        } else if let Some(names) = &mut names {
            names.entry(key).or_insert_with(|| name.into());
        }
    }
    if let Some(from) = memory.unread_from {
        for (key, row) in known.iter().filter(|(_, row)| row.updated.is_none_or(|at| instant(at) >= from)) {
            seen.remember(key, row);
        }
    }
    for (key, row) in tally.rows {
        // What comes again whenever it changed is remembered without an instant.
        let updated = row.updated.filter(|_| memory.from.is_some() && !tally.always.contains(&key));
        let comes_again = match (memory.from, updated) {
            (Some(from), Some(updated)) => instant(updated) >= from,
            _ => true,
        };
        if comes_again {
            seen.remember(key, Sight { digest: row.digest, updated });
        }
    }
    for (key, name) in names.into_iter().flatten() {
        seen.name(key, name);
    }
    seen
}
