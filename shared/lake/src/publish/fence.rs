//! What stands between a task and the children of its table, where each table switches by itself.
//!
//! Children switch first, so a task that died or is slow leaves children behind that its parent does not show yet: they
//! are *pending*. Whoever comes next reads the same commit as its base and may replace them, perhaps with an older
//! reading. If the slow task then switched the parent, rows of the older reading would stay under it. So before anyone
//! replaces what is pending, a fence goes up: a commit of the unit that changes nothing. From then on the parent does not
//! show what the slow task was based on, and it has lost; and the one who fenced goes on from the fence, with what it has
//! read, as nothing else has changed. What the slow task left in the children was never committed, so their rows are made
//! anew from those that were.
//!
//! A rebuild replaces children as well, with rows of the commit that the parent shows, and in its name. It does as one who
//! comes next does: a fence first, then everything anew on top of it.

#[cfg(test)]
mod half_way;
#[cfg(test)]
mod model;

use ::model::{Certificate, Mode, TableStatus};

use crate::Commit;

/// What a child's entry means to a commit of the same unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The commit has switched this child already.
    Ours,
    /// Nothing stands against replacing it.
    Free,
    /// Another task has switched it and may still switch the parent: fence first.
    Pending,
    /// Another task has switched it and can no longer win: its rows have to go.
    Left,
    /// No task can have come there from what the parent shows: somebody has dropped the parent, or set it back.
    Ahead,
}

/// Judges the `entry` that a child shows for the unit. `shown` is the commit that the parent shows, `settled` the number of
/// the last one below it that is no fence, `ours` the commit to be published on top of it.
///
/// A commit switches the children before the parent, so once it counts they show it or a later one: what they show up to
/// `settled` was committed. A fence never switches a child; one that shows it was rebuilt.
pub(crate) fn standing(entry: Option<&str>, settled: u64, shown: Option<&str>, ours: &str) -> Standing {
    let Some(entry) = entry else { return Standing::Free };
    let (at, parent) = (number(entry), shown.map_or(0, number));
    match () {
        () if entry == ours => Standing::Ours,
        () if Some(entry) == shown || at <= settled => Standing::Free,
        () if at <= parent => Standing::Left,
        () if at == parent.saturating_add(1) => Standing::Pending,
        () => Standing::Ahead,
    }
}

/// The number in the name of a commit.
pub(super) fn number(entry: &str) -> u64 {
    let number = entry.split_once('-').map_or(entry, |(number, _)| number);
    // What cannot be read is never settled.
    number.parse().unwrap_or(u64::MAX)
}

impl Commit {
    /// A fence by the task of `next` on top of `base`: the same state under a name of its own. `nothing` names what was
    /// seen before the first commit.
    pub(crate) fn fence(base: Option<&Self>, next: &Self, nothing: String) -> Self {
        let proof = base.map(|base| &base.certificate);
        Self {
            entry: String::new(),
            number: next.number,
            mode: Mode::Incremental,
            // The task that fences has more to do, and is not among those that are done.
            done: false,
            cursor: base.and_then(|base| base.cursor),
            loading: base.and_then(|base| base.loading.clone()),
            habits: base.map(|base| base.habits.clone()).unwrap_or_default(),
            files: Vec::new(),
            certificate: Certificate {
                status: proof.map_or(TableStatus::Empty, |proof| proof.status),
                notes: proof.map(|proof| proof.notes.clone()).unwrap_or_default(),
                ..Certificate::unread()
            },
            seen: base.map_or(nothing, |base| base.seen.clone()),
            recent_tasks: base.map(|base| base.recent_tasks.clone()).unwrap_or_default(),
            fence: true,
            ..next.clone()
        }
    }

    /// The same commit on top of `fence`, which has changed nothing.
    pub(crate) fn behind(self, fence: &Self) -> Self {
        Self { entry: String::new(), number: fence.number + 1, previous: Some(fence.entry.clone()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_later_number_of_another_is_pending() {
        let ours = "0000000008-aaaaaaaaaaaa";
        let shown = Some("0000000007-cccccccccccc");
        assert_eq!(standing(None, 7, shown, ours), Standing::Free);
        assert_eq!(standing(Some("0000000003-bbbbbbbbbbbb"), 7, shown, ours), Standing::Free);
        assert_eq!(standing(Some("0000000007-bbbbbbbbbbbb"), 7, shown, ours), Standing::Free);
        assert_eq!(standing(Some("0000000007"), 7, shown, ours), Standing::Free);
        assert_eq!(standing(Some(ours), 7, shown, ours), Standing::Ours);
        assert_eq!(standing(Some("0000000008-bbbbbbbbbbbb"), 7, shown, ours), Standing::Pending);
        assert_eq!(standing(Some("0000000001-bbbbbbbbbbbb"), 0, None, ours), Standing::Pending);
        assert_eq!(standing(Some("0000000009-bbbbbbbbbbbb"), 7, shown, ours), Standing::Ahead);
        assert_eq!(standing(Some("whatever"), 7, shown, ours), Standing::Ahead);
    }

    #[test]
    fn behind_a_fence_it_is_left_unless_it_was_rebuilt() {
        let ours = "0000000009-aaaaaaaaaaaa";
        let fence = Some("0000000008-ffffffffffff");
        assert_eq!(standing(Some("0000000008-bbbbbbbbbbbb"), 7, fence, ours), Standing::Left);
        assert_eq!(standing(fence, 7, fence, ours), Standing::Free);
        assert_eq!(standing(Some("0000000007-bbbbbbbbbbbb"), 7, fence, ours), Standing::Free);
        assert_eq!(standing(Some("0000000009-bbbbbbbbbbbb"), 7, fence, ours), Standing::Pending);
        assert_eq!(standing(Some(ours), 7, fence, ours), Standing::Ours);
    }
}
