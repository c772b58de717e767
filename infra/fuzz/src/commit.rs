//! What a lake keeps: the pointer of a commit, and the list of rows seen.

use std::sync::Arc;

use bytes::Bytes;
use lake::{Commit, Draft, Lake};
use model::{AccountId, TaskId, Unit};

use crate::stage::{Memory, run};

const KEY: &str = "lake/freshbooks/invoices/commits/account_id=A1/0000000001.json";
const SEEN: &str = "lake/freshbooks/invoices/seen/account_id=A1/t-0.parquet";

fn unit() -> Unit {
    Unit::Account(AccountId("A1".to_owned()))
}

fn head(body: &[u8]) -> Option<Commit> {
    let store = Memory::with([(KEY.to_owned(), Bytes::copy_from_slice(body))]);
    run(Lake::new(Arc::new(store), "freshbooks").head("invoices", &unit())).ok().flatten()
}

/// A pointer; what was read once and written is read as the same.
pub(crate) fn commit(data: &[u8]) {
    let Some(commit) = head(data) else { return };
    let again = serde_json::to_vec(&commit).unwrap();
    assert_eq!(head(&again), Some(commit));
}

/// A Parquet file of keys and digests.
pub(crate) fn seen(data: &[u8]) {
    let store = Memory::with([(SEEN.to_owned(), Bytes::copy_from_slice(data))]);
    let lake = Lake::new(Arc::new(store), "freshbooks");
    let mut commit = head(include_bytes!("../corpus/commit/invoices")).unwrap();
    SEEN.clone_into(&mut commit.seen);
    let Ok(seen) = run(lake.seen(&commit)) else { return };
    let task = TaskId("t2".to_owned());
    let draft = Draft {
        table: "invoices",
        unit: &unit(),
        task: &task,
        mode: commit.mode,
        done: commit.done,
        committed_at: commit.committed_at,
        cursor: commit.cursor,
        loading: commit.loading.clone(),
        habits: commit.habits.clone(),
        files: Vec::new(),
        certificate: commit.certificate.clone(),
        seen: &seen,
    };
    run(lake.publish(None, draft)).unwrap();
    let head = run(lake.head("invoices", &unit())).unwrap().unwrap();
    assert_eq!(run(lake.seen(&head)).unwrap(), seen);
}
