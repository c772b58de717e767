//! The commit: what is true of one table of one unit, in one immutable object.
//!
//! It carries the files, the cursor, the task id and the certificate together. It counts once the table's metadata names
//! it, which happens in the same swap that shows its rows: so none of them is ever visible without the others.

use bytes::Bytes;
use model::planted::{self, Bug};
use model::{Certificate, Cursor, Date, Error, ErrorKind, Mode, Result, TaskId, Timestamp, Unit};
use serde::{Deserialize, Serialize};

use crate::table::Metadata;
use crate::{DataFile, Lake, Seen, files, layout};

/// The version of the commit's own format. A newer one is refused, not guessed at.
pub(crate) const FORMAT: u32 = 2;
/// The format of commits that were pointers themselves: numbered, put if absent, and without current tables.
const POINTER: u32 = 1;

/// Task ids that a commit remembers: more than a queue can redeliver within its retention.
const RECENT_TASKS: usize = 256;

/// One committed state of one table of one unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    pub(crate) format: u32,
    /// What the table's metadata calls it; it is the name of the object, so it is not inside.
    #[serde(skip)]
    pub(crate) entry: String,
    /// 1 for the first commit.
    pub number: u64,
    /// The task that committed.
    pub task: TaskId,
    /// When, by the local clock; for people, nothing is decided by it.
    pub committed_at: Timestamp,
    /// How much the task reads.
    #[serde(default = "incremental")]
    pub mode: Mode,
    /// Whether the task is done with this commit, or has landed a window and goes on.
    #[serde(default = "yes")]
    pub done: bool,
    /// Up to where the table is read.
    pub cursor: Option<Cursor>,
    /// How far a reading in windows has come, while it is under way.
    #[serde(default)]
    pub loading: Option<Loading>,
    /// What was found out about the source.
    #[serde(flatten)]
    pub habits: Habits,
    /// The files this commit added.
    pub files: Vec<DataFile>,
    /// What the reading can prove.
    pub certificate: Certificate,
    /// Where the keys and digests of the rows are that a later reading may bring again.
    pub seen: String,
    /// The tasks that finished last, this one included if it is done.
    pub recent_tasks: Vec<TaskId>,
    /// What the metadata called the commit before this one.
    #[serde(default)]
    pub previous: Option<String>,
    /// Whether it changes nothing and only keeps a task from committing that was based on the one before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fence: bool,
}

/// A reading in windows that has not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loading {
    /// Rows that changed before this day, as FreshBooks cuts days, are in the lake.
    pub until: Date,
    /// The task that reads everything anew, and alone may go on; any task may go on with a reading of what is new.
    pub of: Option<TaskId>,
}

/// What was found out about how FreshBooks serves one table of one unit. `None` is not known yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Habits {
    /// Whether one list may hold rows of every lifecycle state.
    #[serde(default)]
    pub lists_all_states: Option<bool>,
    /// Whether the filter for changed rows counts, beside a filter for states too.
    #[serde(default)]
    pub honours_updated: Option<bool>,
    /// Under which role, plan and scopes the rows were listed, as a digest.
    #[serde(default)]
    pub access: Option<String>,
    /// How many runs in a row have waited for children that rows announce and came without.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waited: u32,
    /// The currencies that were met in the rows, or asked for, ISO 4217, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub currencies: Vec<String>,
    /// The condition that rows have to meet under which every row is remembered that was landed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn incremental() -> Mode {
    Mode::Incremental
}

fn yes() -> bool {
    true
}

/// What a task wants to publish.
#[derive(Clone, Debug)]
pub struct Draft<'d> {
    /// The table.
    pub table: &'d str,
    /// Whose rows.
    pub unit: &'d Unit,
    /// The task.
    pub task: &'d TaskId,
    /// How much it reads.
    pub mode: Mode,
    /// Whether it is done.
    pub done: bool,
    /// Now, by the local clock.
    pub committed_at: Timestamp,
    /// Up to where the table is read.
    pub cursor: Option<Cursor>,
    /// How far a reading in windows has come.
    pub loading: Option<Loading>,
    /// What was found out about the source.
    pub habits: Habits,
    /// The files, already put.
    pub files: Vec<DataFile>,
    /// What the reading can prove.
    pub certificate: Certificate,
    /// The rows that a later reading may bring again.
    pub seen: &'d Seen,
}

/// What became of a draft.
#[derive(Clone, Debug)]
pub enum Published {
    /// The commit is in; it may have been put by an earlier delivery of the same task.
    Won(Box<Commit>),
    /// Another task committed on the same base.
    Lost,
}

impl Commit {
    /// Whether `task` is in this state already.
    pub fn holds(&self, task: &TaskId) -> bool {
        !planted::is(Bug::TaskIdForgotten) && self.recent_tasks.contains(task)
    }

    /// Whether it was written before there were current tables, so that none shows its rows yet.
    pub(crate) fn is_pointer(&self) -> bool {
        self.format == POINTER
    }

    /// The commit of `draft` on top of `base`.
    pub(crate) fn on(base: Option<&Self>, draft: &Draft<'_>, seen: String) -> Self {
        let mut recent_tasks: Vec<_> = base.map(|b| b.recent_tasks.clone()).unwrap_or_default();
        if draft.done || planted::is(Bug::WindowEndsTask) {
            recent_tasks.push(draft.task.clone());
        }
        let surplus = recent_tasks.len().saturating_sub(RECENT_TASKS);
        recent_tasks.drain(..surplus);
        Self {
            format: FORMAT,
            entry: String::new(),
            number: base.map_or(0, |b| b.number) + 1,
            task: draft.task.clone(),
            committed_at: draft.committed_at,
            mode: draft.mode,
            done: draft.done,
            cursor: draft.cursor,
            loading: draft.loading.clone(),
            habits: draft.habits.clone(),
            files: draft.files.clone(),
            certificate: draft.certificate.clone(),
            seen,
            recent_tasks,
            previous: base.map(|b| b.entry.clone()),
            fence: false,
        }
    }

    /// Its object.
    pub(crate) fn to_json(&self) -> Result<Bytes> {
        let body = serde_json::to_vec_pretty(self);
        body.map(Bytes::from).map_err(|e| Error::new(ErrorKind::Internal, "cannot write a commit").because(e))
    }

    fn read(key: &str, body: &Bytes) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let damaged = |e: serde_json::Error| {
            Error::new(ErrorKind::Storage, format!("{key} is damaged"))
                .because(e)
                .next("restore the object from a backup or an earlier version")
        };
        if !layout::is_pointer_commit(key) && !layout::names_content(key, &files::sha256(body)) {
            let what = format!("{key} has another content than its name says (SHA-256)");
            let error = Error::new(ErrorKind::Storage, what);
            return Err(error.next("restore the object from a backup or an earlier version"));
        }
        let version: Version = serde_json::from_slice(body).map_err(damaged)?;
        if version.format > FORMAT {
            let what = format!("{key} was written by a newer freshlake (format {})", version.format);
            return Err(Error::new(ErrorKind::Storage, what).next("install the newer version"));
        }
        let mut commit: Self = serde_json::from_slice(body).map_err(damaged)?;
        let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
        name.strip_suffix(".json").unwrap_or(name).clone_into(&mut commit.entry);
        Ok(commit)
    }
}

impl Lake {
    /// The latest commit of a table, if there is one.
    pub async fn head(&self, table: &str, unit: &Unit) -> Result<Option<Commit>> {
        let Some(family) = tables::find(table) else { return Ok(None) };
        let heads = self.catalog.load(family).await?;
        if let Err(error) = self.catalog.settle(family, Some(&heads)).await {
            // Only readers without a catalog are behind, and the next run tries again.
            tracing::warn!(table, %error, "the commit is in, but not shown to all readers yet");
        }
        if let Some(key) = heads.metadata.get(table)
            && let Some(entry) = self.metadata(key).await?.shows(unit)?
        {
            return self.commit(table, unit, &entry).await.map(Some);
        }
        self.last_pointer(table, unit).await
    }

    /// Every commit of a table, oldest first.
    pub async fn commits(&self, table: &str, unit: &Unit) -> Result<Vec<Commit>> {
        let mut commits: Vec<Commit> = self.head(table, unit).await?.into_iter().collect();
        while let Some(previous) = commits.last().and_then(|commit| commit.previous.clone()) {
            commits.push(self.commit(table, unit, &previous).await?);
        }
        if let Some(pointer) = commits.last().filter(|commit| commit.is_pointer()).map(|commit| commit.number)
        {
            for number in (1..pointer).rev() {
                commits.push(self.commit(table, unit, &layout::pointer_commit(number)).await?);
            }
        }
        commits.reverse();
        Ok(commits)
    }

    /// The commit that the metadata calls `entry`.
    pub(crate) async fn commit(&self, table: &str, unit: &Unit, entry: &str) -> Result<Commit> {
        let key = layout::commit(&self.database, table, unit, entry);
        self.commit_at(&key).await?.ok_or_else(|| {
            Error::new(ErrorKind::Storage, format!("{key} is missing"))
                .next("restore the object from a backup or an earlier version")
        })
    }

    pub(crate) async fn commit_at(&self, key: &str) -> Result<Option<Commit>> {
        self.store.get(key).await?.map(|body| Commit::read(key, &body)).transpose()
    }

    pub(crate) async fn metadata(&self, key: &str) -> Result<Metadata> {
        let body = self.store.get(key).await?.ok_or_else(|| {
            Error::new(ErrorKind::Storage, format!("{key} is missing"))
                .next("restore the object from a backup or an earlier version")
        })?;
        Metadata::read(key, &body)
    }

    /// The latest of the commits that were pointers themselves.
    async fn last_pointer(&self, table: &str, unit: &Unit) -> Result<Option<Commit>> {
        let listed = self.store.list(&layout::commits(&self.database, table, unit)).await?;
        let Some(last) = listed.iter().rev().find(|object| layout::is_pointer_commit(&object.key)) else {
            return Ok(None);
        };
        self.commit_at(&last.key).await
    }

    /// The rows that the reading behind `commit` brought. Fails with [`ErrorKind::Storage`] where they are missing or not
    /// as they were written; a reading of everything can do without them.
    pub async fn seen(&self, commit: &Commit) -> Result<Seen> {
        let broken = |what: &str| {
            Error::new(ErrorKind::Storage, format!("{} {what}", commit.seen))
                .next("restore it, or run with --full to read the table again")
        };
        let bytes = self.store.get(&commit.seen).await?.ok_or_else(|| broken("is missing"))?;
        // Checked first: a damaged Parquet file can do worse than fail to decode.
        if !layout::names_content(&commit.seen, &files::sha256(&bytes)) {
            return Err(broken("is damaged"));
        }
        Seen::decode(bytes).map_err(|e| e.while_doing(&commit.seen))
    }
}
