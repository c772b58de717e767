//! What a commit remembers of the rows it has read.

use lake::{Habits, Loading};
use model::{Cursor, Timestamp};
use tables::Table;

use crate::passes::{self, Window};

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
