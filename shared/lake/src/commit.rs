//! The commit: one numbered pointer per table and unit, put only if absent.
//!
//! Whoever creates number N+1 has committed on top of N; everyone else has lost and loads again. The pointer carries
//! the files, the cursor, the task id and the certificate together, so none of them is ever visible without the others.

use bytes::Bytes;
use model::port::Put;
use model::{Certificate, Cursor, Error, ErrorKind, Result, TaskId, Timestamp, Unit};
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
    /// Up to where the table is read.
    pub cursor: Option<Cursor>,
    /// Whether one list holds rows of every lifecycle state, as a probe has shown; `None` where it was not probed.
    pub lists_all_states: Option<bool>,
    /// The files this commit added.
    pub files: Vec<DataFile>,
    /// What the reading can prove.
    pub certificate: Certificate,
    /// Where the keys and digests of the rows read last are.
    pub seen: String,
    /// The tasks that committed last, this one included.
    pub recent_tasks: Vec<TaskId>,
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
    /// Now, by the local clock.
    pub committed_at: Timestamp,
    /// Up to where the table is read.
    pub cursor: Option<Cursor>,
    /// What a probe has shown of lifecycle lists.
    pub lists_all_states: Option<bool>,
    /// The files, already put.
    pub files: Vec<DataFile>,
    /// What the reading can prove.
    pub certificate: Certificate,
    /// The rows the reading brought.
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
        self.recent_tasks.contains(task)
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

    /// The rows that the reading behind `commit` brought.
    pub async fn seen(&self, commit: &Commit) -> Result<Seen> {
        match self.store.get(&commit.seen).await? {
            Some(bytes) => Seen::decode(bytes).map_err(|e| e.while_doing(&commit.seen)),
            None => Err(Error::new(ErrorKind::Storage, format!("{} is missing", commit.seen))
                .next("restore it, or run with --full to read the table again")),
        }
    }

    /// Publishes `draft` on top of `base` in one atomic step.
    pub async fn publish(&self, base: Option<&Commit>, draft: Draft<'_>) -> Result<Published> {
        let seen = draft.seen.encode()?;
        let digest = files::sha256(&seen);
        let seen_key = layout::seen(&self.database, draft.table, draft.unit, draft.task, &digest);
        self.put_content(&seen_key, seen).await?;

        let mut recent_tasks: Vec<_> = base.map(|b| b.recent_tasks.clone()).unwrap_or_default();
        recent_tasks.push(draft.task.clone());
        let surplus = recent_tasks.len().saturating_sub(RECENT_TASKS);
        recent_tasks.drain(..surplus);
        let commit = Commit {
            format: FORMAT,
            number: base.map_or(0, |b| b.number) + 1,
            task: draft.task.clone(),
            committed_at: draft.committed_at,
            cursor: draft.cursor,
            lists_all_states: draft.lists_all_states,
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
        let mut unknown = None;
        for _ in 0..TRIES {
            match self.store.put_if_absent(key, body.clone()).await {
                Ok(Put::Created) => return Ok(Published::Won(Box::new(commit))),
                Ok(Put::AlreadyThere) => {}
                Err(e) if e.kind() == ErrorKind::CommitUnknown => unknown = Some(e),
                Err(e) => return Err(e),
            }
            // Refused, or the answer was lost: only the object itself tells whose it is.
            match self.commit_at(key).await {
                Ok(Some(there)) if there.task == commit.task => return Ok(Published::Won(Box::new(there))),
                Ok(Some(there)) => return Ok(Published::Lost(Box::new(there))),
                Ok(None) => {}
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
