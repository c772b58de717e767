//! What stands between a task and the children of its table, where each table switches by itself.
//!
//! Children switch first, so a task that died or is slow leaves children behind that its parent does not show yet: they
//! are *pending*. Whoever comes next reads the same commit as its base and may replace them, perhaps with an older
//! reading. If the slow task then switched the parent, rows of the older reading would stay under it. So before anyone
//! replaces what is pending, a fence goes up: a commit of the unit that changes nothing. From then on the parent does not
//! show what the slow task was based on, and it has lost; and the one who fenced goes on from the fence, with what it has
//! read, as nothing else has changed.

#[cfg(test)]
mod model;

/// What a child's entry means to a commit of the same unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The commit has switched this child already.
    Ours,
    /// Nothing stands against replacing it.
    Free,
    /// Another task has switched it and may still switch the parent: fence first.
    Pending,
}

/// Judges the `entry` that a child shows for the unit. `base` is the number of the commit that the parent shows, `ours`
/// the commit to be published on top of it.
///
/// A number up to that of the base is settled: its commit is what the parent shows or showed, or can no longer win.
pub(crate) fn standing(entry: Option<&str>, base: u64, ours: &str) -> Standing {
    match entry {
        Some(entry) if entry == ours => Standing::Ours,
        Some(entry) if number(entry) > base => Standing::Pending,
        _ => Standing::Free,
    }
}

/// The number in the name of a commit.
fn number(entry: &str) -> u64 {
    let number = entry.split_once('-').map_or(entry, |(number, _)| number);
    // What cannot be read is never settled.
    number.parse().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_later_number_of_another_is_pending() {
        let ours = "0000000008-aaaaaaaaaaaa";
        assert_eq!(standing(None, 7, ours), Standing::Free);
        assert_eq!(standing(Some("0000000003-bbbbbbbbbbbb"), 7, ours), Standing::Free);
        assert_eq!(standing(Some("0000000007-bbbbbbbbbbbb"), 7, ours), Standing::Free);
        assert_eq!(standing(Some("0000000007"), 7, ours), Standing::Free);
        assert_eq!(standing(Some(ours), 7, ours), Standing::Ours);
        assert_eq!(standing(Some("0000000008-bbbbbbbbbbbb"), 7, ours), Standing::Pending);
        assert_eq!(standing(Some("0000000001-bbbbbbbbbbbb"), 0, ours), Standing::Pending);
        assert_eq!(standing(Some("whatever"), 7, ours), Standing::Pending);
    }
}
