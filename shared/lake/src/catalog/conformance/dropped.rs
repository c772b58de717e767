//! A child that somebody has dropped from the catalog, and its parent not: its rows come back, and not the new ones alone.

use super::*;
use crate::publish::rig::{Rig as Process, as_it_is};

const ONE: &str = r#"{"id":1,"lines":[{"lineid":1,"name":"a"},{"lineid":2,"name":"b"}]}"#;
const OTHER: &str = r#"{"id":2,"lines":[{"lineid":1,"name":"c"}]}"#;
const NEW: &str = r#"{"id":3,"lines":[{"lineid":1,"name":"new"}]}"#;
const TOLD: &str = "invoice_lines: its rows were gone from the catalog, and are made anew from raw";

async fn lines(process: &Process) -> Vec<String> {
    process.see("invoice_lines", &["invoiceid", "name", "_run_id"]).await
}

/// Two accounts with invoices.
async fn two() -> (Process, Process, Arc<FakeGlue>) {
    let (a, glue) = Process::in_glue("invoices");
    let b = a.account("ZED");
    for process in [&a, &b] {
        process.commit("one", "2026-03-01", &[ONE, OTHER], &as_it_is).await;
        let less = r#"{"id":1,"lines":[{"lineid":2,"name":"less"}]}"#;
        process.commit("two", "2026-03-02", &[less], &as_it_is).await;
        assert_eq!(lines(process).await, ["1|less|two", "2|c|one"]);
    }
    (a, b, glue)
}

#[tokio::test]
async fn the_next_commit_of_each_account_brings_all_its_lines_back() {
    let (a, b, glue) = two().await;
    glue.drop_table("invoice_lines");
    assert_eq!(a.commit("three", "2026-03-03", &[NEW], &as_it_is).await, [TOLD]);
    assert_eq!(lines(&a).await, ["1|less|two", "2|c|one", "3|new|three"]);
    // The table is there again; those of the other account are not, until something of it comes.
    assert_eq!(b.commit("three", "2026-03-03", &[NEW], &as_it_is).await, [TOLD]);
    assert_eq!(lines(&b).await, ["1|less|two", "2|c|one", "3|new|three"]);
    for process in [&a, &b] {
        let invoices = process.see("invoices", &["id", "_run_id"]).await;
        assert_eq!(invoices, ["1|two", "2|one", "3|three"]);
        assert_eq!(process.commit("four", "2026-03-04", &[ONE], &as_it_is).await, Vec::<String>::new());
        assert_eq!(lines(process).await, ["1|a|four", "1|b|four", "2|c|one", "3|new|three"]);
    }
    let verified = a.lake.verify(Some("invoices")).await.unwrap();
    assert_eq!((verified.damage, verified.notes), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_replay_brings_those_of_all_accounts_back() {
    let (a, b, glue) = two().await;
    glue.drop_table("invoice_lines");
    let damage = a.lake.verify(Some("invoices")).await.unwrap().damage;
    let [damage] = damage.as_slice() else { panic!("{damage:?}") };
    assert_eq!((damage.table.as_str(), damage.key.as_str()), ("invoice_lines", "lake/books/invoice_lines"));
    assert!(damage.what.contains("not in the catalog") && damage.next.contains("freshlake replay invoices"));
    a.lake.replay(a.table, Timestamp::UNIX_EPOCH).await.unwrap();
    for process in [&a, &b] {
        assert_eq!(lines(process).await, ["1|less|two", "2|c|one"]);
        assert_eq!(process.commit("three", "2026-03-03", &[NEW], &as_it_is).await, Vec::<String>::new());
        assert_eq!(lines(process).await, ["1|less|two", "2|c|one", "3|new|three"]);
    }
}

#[tokio::test]
async fn a_task_that_dies_between_the_two_leaves_nothing_half() {
    let (a, _, glue) = two().await;
    glue.drop_table("invoice_lines");
    glue.next_of("invoices", Fate::Refused);
    let files = a.raw("three", "2026-03-03", &[NEW], &as_it_is).await;
    let head = a.lake.head("invoices", &a.unit).await.unwrap();
    a.publish(head.as_ref(), "three", files.clone()).await.unwrap_err();
    // Its own delivery, or another task that puts up a fence: the lines are those of whoever comes last.
    assert_eq!(a.commit("four", "2026-03-04", &[NEW], &as_it_is).await, Vec::<String>::new());
    assert_eq!(lines(&a).await, ["1|less|two", "2|c|one", "3|new|four"]);
    assert_eq!(a.see("invoices", &["id", "_run_id"]).await, ["1|two", "2|one", "3|four"]);
}

#[tokio::test]
async fn a_child_that_never_had_a_row_is_new_and_nothing_is_read_again_for_it() {
    let (a, glue) = Process::in_glue("invoices");
    a.commit("one", "2026-03-01", &[r#"{"id":1}"#], &as_it_is).await;
    // As after an upgrade that declares it.
    glue.drop_table("invoice_lines");
    assert_eq!(a.lake.verify(Some("invoices")).await.unwrap().damage, []);
    assert_eq!(a.commit("two", "2026-03-02", &[NEW], &as_it_is).await, Vec::<String>::new());
    assert_eq!(lines(&a).await, ["3|new|two"]);
    // An account whose first commit brought nothing has no lines either.
    let b = a.account("ZED");
    assert!(matches!(b.publish(None, "one", Vec::new()).await.unwrap(), crate::Published::Won(_)));
    assert_eq!(b.commit("two", "2026-03-02", &[ONE], &as_it_is).await, Vec::<String>::new());
    assert_eq!(lines(&b).await, ["1|a|two", "1|b|two"]);
}
