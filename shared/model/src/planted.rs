//! Bugs planted on purpose, to show that the simulation finds them.
//!
//! Compiled to nothing unless the feature `planted` is on, which only `shared/scenarios` turns on; even then no bug is
//! active until a simulation activates one for its own thread.

/// A bug that the simulation must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bug {
    /// The cursor of a commit is the newest row seen, not the clock before the first row was read.
    CursorFromRows,
    /// The cursor comes from this machine's clock.
    LocalClockAsCursor,
    /// An incremental reading starts at the cursor's day, without overlap.
    NoLookback,
    /// Days are cut in UTC where FreshBooks means Eastern, without overlap.
    WrongZone,
    /// A task that is in the lake already is done again.
    TaskIdForgotten,
    /// A refused conditional put is taken for our own commit.
    RefusalTrusted,
    /// A commit whose answer was lost is taken for failed, and its files are deleted.
    UnknownCommitUndone,
    /// A commit replaces whatever is there.
    UnfencedCommit,
    /// Children that another task has switched are replaced without a fence.
    FenceIgnored,
    /// What a task left in children that never came to its commit stays there. The next reading brings nearly all of it
    /// anew, so scenarios hardly show it: random sequences of commits do.
    LeftoverKept,
    /// A swap that is made again leaves out the files of other units.
    RebaseForgetsOthers,
    /// A swap that is made again takes what was merged before, whatever the live files are now.
    StaleMergeReused,
    /// A moved list is taken for complete.
    DriftIgnored,
    /// A row that joined a list while another left it is not noticed.
    SwapIgnored,
    /// The first page that is not full ends the list.
    ShortPageEnds,
    /// Deleted rows are not asked for.
    DeletedNotRead,
    /// The list that a sweep goes by is not proved to be complete.
    SweepUnproved,
    /// A refused refresh request is sent again though it may have arrived.
    TokenResent,
    /// The successor is made current without being saved as pending first.
    SuccessorNotSaved,
    /// Rows seen before are never written again, changed or not.
    ChangedRowSkipped,
    /// A window of a first load counts as loaded one day further than it was read.
    WindowGap,
    /// A finished window marks its task as done.
    WindowEndsTask,
    /// A rejected row is dropped in silence.
    RejectedDropped,
    /// A task works on until its time is over.
    DeadlineIgnored,
    /// The upkeep deletes what nothing names yet, however young.
    SweepIgnoresAge,
    /// The upkeep takes for named only what the current snapshot names.
    SweepForgetsHistory,
    /// The upkeep takes for named only the raw files of the last commit.
    SweepForgetsCommits,
}

impl Bug {
    /// Every bug that a scenario finds.
    pub const ALL: &'static [Self] = &[
        Self::CursorFromRows,
        Self::LocalClockAsCursor,
        Self::NoLookback,
        Self::WrongZone,
        Self::TaskIdForgotten,
        Self::RefusalTrusted,
        Self::UnknownCommitUndone,
        Self::UnfencedCommit,
        Self::FenceIgnored,
        Self::RebaseForgetsOthers,
        Self::StaleMergeReused,
        Self::DriftIgnored,
        Self::SwapIgnored,
        Self::ShortPageEnds,
        Self::DeletedNotRead,
        Self::SweepUnproved,
        Self::TokenResent,
        Self::SuccessorNotSaved,
        Self::ChangedRowSkipped,
        Self::WindowGap,
        Self::WindowEndsTask,
        Self::RejectedDropped,
        Self::DeadlineIgnored,
        Self::SweepIgnoresAge,
        Self::SweepForgetsHistory,
        Self::SweepForgetsCommits,
    ];
}

#[cfg(feature = "planted")]
thread_local! {
    static ACTIVE: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
    static UNDECLARED: std::cell::Cell<&'static [&'static str]> = const { std::cell::Cell::new(&[]) };
}

/// From now on, on this thread, tables are declared without `columns`: as they were by an older version.
#[cfg(feature = "planted")]
pub fn undeclare(columns: &'static [&'static str]) {
    UNDECLARED.set(columns);
}

/// The columns that declarations are without here.
#[cfg(feature = "planted")]
pub fn undeclared() -> &'static [&'static str] {
    UNDECLARED.get()
}

/// The columns that declarations are without here: none, in what is shipped.
#[cfg(not(feature = "planted"))]
#[inline]
pub const fn undeclared() -> &'static [&'static str] {
    &[]
}

/// Activates `bug`, or none, for everything that runs on this thread.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    ACTIVE.set(bug);
}

/// Whether `bug` is active here.
#[cfg(feature = "planted")]
pub fn is(bug: Bug) -> bool {
    ACTIVE.get() == Some(bug)
}

/// Whether `bug` is active here: never, in what is shipped.
#[cfg(not(feature = "planted"))]
#[inline]
pub const fn is(_: Bug) -> bool {
    false
}
