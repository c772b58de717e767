//! The commit: one numbered pointer per table and unit, put only if absent.
//!
//! Whoever creates number N+1 has committed on top of N; everyone else has lost and loads again. The pointer carries
//! the files, the cursor, the task id and the certificate together, so none of them is ever visible without the others.

use bytes::Bytes;
use model::planted::{self, Bug};
use model::port::Put;
use model::{Certificate, Cursor, Date, Error, ErrorKind, Mode, Result, TaskId, Timestamp, Unit};
use serde::{Deserialize, Serialize};

use crate::{DataFile, Lake, Seen, files, layout};

/// The version of the pointer's own format. A newer one is refused, not guessed at.
const FORMAT: u32 = 1;

/// Task ids that a pointer remembers: more than a queue can redeliver within its retention.
const RECENT_TASKS: usize = 256;

/// A swap whose outcome is unknown is looked up and tried again this often.
const TRIES: usize = 4;

/// One committed state of one table of one unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    format: u32,
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

/// What became of a swap.
#[derive(Clone, Debug)]
pub enum Published {
    /// The commit is in; it may have been put by an earlier delivery of the same task.
    Won(Box<Commit>),
    /// Another task committed on the same base.
    Lost(Box<Commit>),
}

impl Commit {
    /// Whether `task` is in this state already.
    pub fn holds(&self, task: &TaskId) -> bool {
        !planted::is(Bug::TaskIdForgotten) && self.recent_tasks.contains(task)
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
        let version: Version = serde_json::from_slice(body).map_err(damaged)?;
        if version.format > FORMAT {
            let what = format!("{key} was written by a newer freshlake (format {})", version.format);
            return Err(Error::new(ErrorKind::Storage, what).next("install the newer version"));
        }
        serde_json::from_slice(body).map_err(damaged)
    }
}

impl Lake {
    /// The latest commit of a table, if there is one.
    pub async fn head(&self, table: &str, unit: &Unit) -> Result<Option<Commit>> {
        let listed = self.store.list(&layout::commits(&self.database, table, unit)).await?;
        let Some(last) = listed.last() else { return Ok(None) };
        self.commit_at(&last.key).await
    }

    /// Every commit of a table, oldest first.
    pub async fn commits(&self, table: &str, unit: &Unit) -> Result<Vec<Commit>> {
        let mut commits = Vec::new();
        for object in self.store.list(&layout::commits(&self.database, table, unit)).await? {
            commits.extend(self.commit_at(&object.key).await?);
        }
        Ok(commits)
    }

    pub(crate) async fn commit_at(&self, key: &str) -> Result<Option<Commit>> {
        self.store.get(key).await?.map(|body| Commit::read(key, &body)).transpose()
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

    /// Publishes `draft` on top of `base` in one atomic step.
    pub async fn publish(&self, base: Option<&Commit>, draft: Draft<'_>) -> Result<Published> {
        let seen = draft.seen.encode(self.packing)?;
        let digest = files::sha256(&seen);
        let seen_key = layout::seen(&self.database, draft.table, draft.unit, draft.task, &digest);
        self.put_content(&seen_key, seen).await?;

        let mut recent_tasks: Vec<_> = base.map(|b| b.recent_tasks.clone()).unwrap_or_default();
        if draft.done || planted::is(Bug::WindowEndsTask) {
            recent_tasks.push(draft.task.clone());
        }
        let surplus = recent_tasks.len().saturating_sub(RECENT_TASKS);
        recent_tasks.drain(..surplus);
        let commit = Commit {
            format: FORMAT,
            number: base.map_or(0, |b| b.number) + 1,
            task: draft.task.clone(),
            committed_at: draft.committed_at,
            mode: draft.mode,
            done: draft.done,
            cursor: draft.cursor,
            loading: draft.loading,
            habits: draft.habits,
            files: draft.files,
            certificate: draft.certificate,
            seen: seen_key,
            recent_tasks,
        };
        let key = layout::commit(&self.database, draft.table, draft.unit, commit.number);
        let body = serde_json::to_vec_pretty(&commit)
            .map_err(|e| Error::new(ErrorKind::Internal, "cannot write a commit").because(e))?;
        self.swap(&key, body.into(), commit).await
    }

    async fn swap(&self, key: &str, body: Bytes, commit: Commit) -> Result<Published> {
        if planted::is(Bug::UnfencedCommit) {
            self.store.put(key, body).await?;
            return Ok(Published::Won(Box::new(commit)));
        }
        let mut unknown = None;
        for _ in 0..TRIES {
            match self.store.put_if_absent(key, body.clone()).await {
                Ok(Put::Created) => return Ok(Published::Won(Box::new(commit))),
                Ok(Put::AlreadyThere) if planted::is(Bug::RefusalTrusted) => {
                    return Ok(Published::Won(Box::new(commit)));
                }
                Ok(Put::AlreadyThere) => {}
                Err(e) if e.kind() == ErrorKind::CommitUnknown => unknown = Some(e),
                Err(e) => return Err(e),
            }
            if unknown.is_some() && planted::is(Bug::UnknownCommitUndone) {
                for file in &commit.files {
                    self.store.delete(&file.key).await?;
                }
                break;
            }
            // Refused, or the answer was lost: only the object itself tells whose it is.
            match self.commit_at(key).await {
                Ok(Some(there)) if there.task == commit.task => {
                    tracing::debug!(name: "commit_was_ours", target: "path", key, "the commit is in");
                    return Ok(Published::Won(Box::new(there)));
                }
                Ok(Some(there)) => {
                    tracing::debug!(name: "commit_was_anothers", target: "path", key, "another task was first");
                    return Ok(Published::Lost(Box::new(there)));
                }
                Ok(None) => {
                    tracing::debug!(name: "commit_never_arrived", target: "path", key, "the commit is not in");
                }
                Err(e) => unknown = Some(e),
            }
        }
        let error = Error::new(ErrorKind::CommitUnknown, format!("cannot tell whether {key} was committed"))
            .next("run again: a commit that happened is recognised by its task id");
        Err(match unknown {
            Some(cause) => error.because(cause),
            None => error,
        })
    }
}
