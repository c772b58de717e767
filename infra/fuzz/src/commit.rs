//! What a lake keeps: the pointer of a commit, and the list of rows seen.

use std::sync::Arc;

use bytes::Bytes;
use lake::{Commit, Lake};
use model::{AccountId, Unit};

use crate::stage::{Memory, run};

const KEY: &str = "lake/freshbooks/invoices/commits/account_id=A1/0000000001.json";

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

/// A Parquet file of keys and digests, under the name of another one: whatever is not that one is refused before it is
/// decoded.
pub(crate) fn seen(data: &[u8]) {
    let commit = head(include_bytes!("../corpus/commit/invoices")).unwrap();
    let store = Memory::with([(commit.seen.clone(), Bytes::copy_from_slice(data))]);
    let read = run(Lake::new(Arc::new(store), "freshbooks").seen(&commit));
    assert_eq!(read.is_ok(), data == include_bytes!("../corpus/seen/invoices"), "{read:?}");
}
