//! One lake, one catalog: whoever comes with the other one is told.

use super::*;
use crate::publish::rig::{Rig as Process, as_it_is};

const MARKER: &str = "lake/books/catalog.json";

/// A process that commits a row.
async fn commit(process: &Process, task: &str) -> Result<()> {
    let row = format!(r#"{{"id":1,"name":"{task}"}}"#);
    let files = process.raw(task, "2026-03-01", &[&row], &as_it_is).await;
    let head = process.lake.head("taxes", &process.unit).await?;
    process.publish(head.as_ref(), task, files).await.map(|_| ())
}

async fn said(store: &Memory) -> Option<String> {
    store.get(MARKER).await.unwrap().map(|body| String::from_utf8(body.to_vec()).unwrap())
}

/// Both kinds over one store.
fn pair() -> (Arc<Memory>, Process, Process) {
    let (glue, _) = Process::in_glue("taxes");
    let store = Arc::clone(&glue.store);
    (Arc::clone(&store), Process::over(store, "taxes"), glue)
}

#[tokio::test]
async fn the_first_commit_says_who_keeps_the_lake_and_the_other_is_refused() {
    for glue_first in [false, true] {
        let (store, pointers, glue) = pair();
        let (ours, theirs) = if glue_first { (glue, pointers) } else { (pointers, glue) };
        // Looking alone says nothing.
        assert!(ours.lake.head("taxes", &ours.unit).await.unwrap().is_none());
        assert!(theirs.lake.head("taxes", &theirs.unit).await.unwrap().is_none());
        assert_eq!(said(&store).await, None);
        commit(&ours, "one").await.unwrap();
        let kind = if glue_first { "glue" } else { "pointers" };
        assert_eq!(said(&store).await.unwrap(), format!(r#"{{"format":1,"kind":"{kind}"}}"#));
        // A process that has looked before, and one that has not: by a commit, by a look, for another table.
        let error = commit(&theirs, "two").await.unwrap_err();
        assert_eq!(error.kind(), ::model::ErrorKind::Config);
        let late = if glue_first {
            Process::over(Arc::clone(&store), "clients")
        } else {
            Process::over_in_glue(Arc::clone(&store), &Arc::default(), "clients")
        };
        let look = late.lake.head("clients", &late.unit).await.unwrap_err();
        let verify = late.lake.verify(None).await.unwrap_err();
        let replay = late.lake.replay(late.table, Timestamp::UNIX_EPOCH).await.unwrap_err();
        let (keeps, not, next) = if glue_first {
            (
                "kept by the Glue Data Catalog",
                "not by pointers in the store",
                "go on where it is kept by Glue",
            )
        } else {
            ("kept by pointers in the store", "not by the Glue Data Catalog", "go on without Glue")
        };
        assert!(error.to_string().contains("is kept"), "{error}");
        for text in [look, verify, replay].map(|error| error.to_string()) {
            assert!(text.starts_with(&format!("the database books is {keeps}, as {MARKER} says")), "{text}");
            assert!(text.contains(not) && text.contains(next), "{text}");
        }
        commit(&ours, "three").await.unwrap();
        assert_eq!(ours.lake.verify(None).await.unwrap().damage, []);
    }
}

#[tokio::test]
async fn a_process_asks_once() {
    let (store, pointers, _) = pair();
    for task in ["one", "two"] {
        commit(&pointers, task).await.unwrap();
    }
    // Once for nothing, once for what was put.
    assert_eq!(store.reads(MARKER), 2);
    let next = Process::over(Arc::clone(&store), "taxes");
    for task in ["three", "four"] {
        commit(&next, task).await.unwrap();
    }
    assert_eq!(store.reads(MARKER), 1);
}

#[tokio::test]
async fn a_lake_of_before_is_known_by_what_is_there() {
    for by_glue in [false, true] {
        let (store, pointers, glue) = pair();
        let (ours, theirs) = if by_glue { (glue, pointers) } else { (pointers, glue) };
        for task in ["one", "two"] {
            commit(&ours, task).await.unwrap();
        }
        store.delete(MARKER).await.unwrap();
        // Another table, of which nothing is there yet.
        let other = if by_glue {
            Process::over(Arc::clone(&store), "clients")
        } else {
            Process::over_in_glue(Arc::clone(&store), &Arc::default(), "clients")
        };
        let files = other.raw("three", "2026-03-01", &[r#"{"id":1}"#], &as_it_is).await;
        let error = other.publish(None, "three", files).await.unwrap_err();
        assert!(error.to_string().contains("as what is there says"), "{error}");
        assert!(commit(&theirs, "three").await.is_err());
        assert_eq!(said(&store).await, None);
        // Whose it is goes on, and says so.
        let next = if by_glue { ours } else { Process::over(Arc::clone(&store), "taxes") };
        commit(&next, "three").await.unwrap();
        assert_eq!(said(&store).await.is_some(), !by_glue, "who has said it once does not look again");
    }
}

#[tokio::test]
async fn what_never_counted_binds_nobody() {
    for glue in [false, true] {
        let (store, pointers, in_glue) = pair();
        // A run that died before its first swap.
        for key in
            ["lake/books/taxes/metadata/00001-0a0a0a0a0a0a.metadata.json", "lake/books/taxes/commits/x.json"]
        {
            store.put(key, "{}".into()).await.unwrap();
        }
        commit(if glue { &in_glue } else { &pointers }, "one").await.unwrap();
    }
}

#[tokio::test]
async fn of_two_that_begin_at_once_one_keeps_the_lake() {
    for fate in [Fate::LostBefore, Fate::LostAfter] {
        let (_, pointers, glue) = pair();
        let files = pointers.raw("one", "2026-03-01", &[r#"{"id":1}"#], &as_it_is).await;
        let heads = pointers.lake.catalog.load(pointers.table).await.unwrap();
        assert!(heads.metadata.is_empty());
        // The other one has looked before, too, and claims the lake in between.
        assert!(glue.lake.head("taxes", &glue.unit).await.unwrap().is_none());
        commit(&glue, "two").await.unwrap();
        let error = pointers.publish(None, "one", files).await.unwrap_err();
        assert!(error.to_string().contains("kept by the Glue Data Catalog"), "{error}");
        // A lost answer is asked after.
        let (store, pointers, _) = pair();
        let files = pointers.raw("one", "2026-03-01", &[r#"{"id":1}"#], &as_it_is).await;
        store.next_of(MARKER, fate);
        assert!(pointers.publish(None, "one", files).await.is_ok());
        assert!(said(&store).await.is_some());
    }
}

#[tokio::test]
async fn a_damaged_word_is_named_and_a_newer_one_refused() {
    let (store, pointers, _) = pair();
    commit(&pointers, "one").await.unwrap();
    for (body, wanted) in [
        ("", "has another content"),
        (r#"{"format":1,"kind":"pointer"}"#, "has another content"),
        (r#"{"format":1,"kind":"pointers"} "#, "has another content"),
        (r#"{"format":2,"kind":"pointers"}"#, "newer freshlake (format 2)"),
    ] {
        store.put(MARKER, body.into()).await.unwrap();
        let next = Process::over(Arc::clone(&store), "taxes");
        let text = commit(&next, "two").await.unwrap_err().to_string();
        assert!(text.contains(MARKER) && text.contains(wanted), "{text}");
        let damage = next.lake.verify(None).await.unwrap().damage;
        let [damage] = damage.as_slice() else { panic!("{damage:?}") };
        assert!(damage.key == MARKER && damage.what.contains(wanted), "{damage}");
    }
    store.delete(MARKER).await.unwrap();
    let next = Process::over(Arc::clone(&store), "taxes");
    assert_eq!(next.lake.verify(None).await.unwrap().damage, []);
    commit(&next, "two").await.unwrap();
    assert!(said(&store).await.is_some());
}
