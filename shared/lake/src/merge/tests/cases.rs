//! The rules, one by one.

use arrow_array::RecordBatch;
use async_trait::async_trait;
use tables::{Decoder, RawText, Verdict};

use super::super::Parts;
use super::super::parts::Batches;
use super::{Arrivals, Came, Files, LIMITS, Lake, Limits, Packing, Page, merge, read, rows, shape, texts};

fn invoice(id: i64, note: &str, lines: &str) -> String {
    format!(r#"{{"id":{id},"notes":"{note}","vis_state":0,"lines":{lines}}}"#)
}

async fn lines(lake: &Lake) -> Vec<String> {
    lake.see("invoice_lines", &["invoiceid", "lineid", "_position", "name"]).await
}

#[tokio::test]
async fn the_last_occurrence_wins_and_brings_its_own_lines() {
    let mut lake = Lake::new("invoices", LIMITS);
    let first = invoice(1, "old", r#"[{"lineid":1,"name":"a"},{"lineid":2,"name":"b"}]"#);
    let second = invoice(1, "new", r#"[{"lineid":2,"name":"c"}]"#);
    let other = invoice(2, "other", r#"[{"lineid":1,"name":"z"}]"#);
    lake.commit(&[rows(&[&first, &other]), rows(&[&second])]).await;
    assert_eq!(lake.see("invoices", &["id", "notes"]).await, ["1|new", "2|other"]);
    assert_eq!(lines(&lake).await, ["1|2|0|c", "2|1|0|z"]);
    // The same, where both were read at the same instant, in one page, next to each other.
    let mut lake = Lake::new("invoices", LIMITS);
    lake.commit(&[rows(&[&other, &first, &second])]).await;
    assert_eq!(lines(&lake).await, ["1|2|0|c", "2|1|0|z"]);
    // And where the later array is empty.
    let mut lake = Lake::new("invoices", LIMITS);
    lake.commit(&[rows(&[&other, &first, &invoice(1, "new", "[]")])]).await;
    assert_eq!(lines(&lake).await, ["2|1|0|z"]);
}

#[tokio::test]
async fn a_line_that_is_gone_from_the_invoice_is_gone_from_the_lake() {
    let mut lake = Lake::new("invoices", LIMITS);
    lake.commit(&[rows(&[&invoice(1, "", r#"[{"lineid":1,"name":"a"},{"lineid":2,"name":"b"}]"#)])]).await;
    lake.commit(&[rows(&[&invoice(1, "", r#"[{"lineid":2,"name":"b"},{"lineid":3,"name":"c"}]"#)])]).await;
    assert_eq!(lines(&lake).await, ["1|2|0|b", "1|3|1|c"]);
    lake.commit(&[rows(&[&invoice(1, "", "[]")])]).await;
    assert!(lines(&lake).await.is_empty());
    assert!(lake.live["invoice_lines"].is_empty());
}

#[tokio::test]
async fn lines_with_the_same_id_or_none_do_not_collapse() {
    let mut lake = Lake::new("invoices", LIMITS);
    let text = r#"[{"name":"a"},{"lineid":7,"name":"b"},{"name":"c"},{"lineid":7,"name":"d"}]"#;
    lake.commit(&[rows(&[&invoice(1, "", text)])]).await;
    lake.commit(&[rows(&[&invoice(2, "", text)])]).await;
    assert_eq!(
        lines(&lake).await,
        ["1|-|0|a", "1|-|2|c", "1|7|1|b", "1|7|3|d", "2|-|0|a", "2|-|2|c", "2|7|1|b", "2|7|3|d"]
    );
}

#[tokio::test]
async fn an_invoice_without_the_array_says_nothing_about_its_lines() {
    let mut lake = Lake::new("invoices", LIMITS);
    lake.commit(&[rows(&[&invoice(1, "", r#"[{"lineid":1,"name":"a"}]"#)])]).await;
    lake.commit(&[rows(&[r#"{"id":1,"notes":"\"lines\":[]","vis_state":0}"#])]).await;
    assert_eq!(lines(&lake).await, ["1|1|0|a"]);
    lake.commit(&[rows(&[&invoice(1, "x", "null")])]).await;
    assert_eq!(lines(&lake).await, ["1|1|0|a"]);
    // Of two rows in one commit, the one that has the array tells.
    let b = invoice(1, "", r#"[{"lineid":2,"name":"b"}]"#);
    lake.commit(&[rows(&[&b]), Page::Cut, rows(&[&invoice(1, "y", "null")])]).await;
    assert_eq!(lines(&lake).await, ["1|2|0|b"]);
    assert_eq!(lake.see("invoices", &["id", "notes"]).await, ["1|y"]);
}

#[tokio::test]
async fn a_row_that_vanished_keeps_its_values_and_so_do_its_children() {
    let mut lake = Lake::new("projects", LIMITS);
    let text = r#"{"id":7,"title":"roof","services":[{"id":1,"name":"tiles"}]}"#;
    lake.commit(&[rows(&[text, r#"{"id":8,"title":"door","services":[]}"#])]).await;
    lake.commit(&[Page::Gone(vec![7, 9])]).await;
    let see = ["id", "title", "_is_deleted", "_run_id"];
    let seen = ["7|roof|true|run-1", "8|door|false|run-0", "9|-|true|run-1"];
    assert_eq!(lake.see("projects", &see).await, seen);
    let child = ["project_id", "name", "_is_deleted", "_run_id", "_extracted_at"];
    assert_eq!(lake.see("project_services", &child).await, ["7|tiles|true|run-1|1700001000000000"]);
    // It came back, and went again, in one commit: its newest values stay.
    let again = r#"{"id":7,"title":"attic","services":[{"id":2,"name":"wood"}]}"#;
    lake.commit(&[rows(&[again]), Page::Gone(vec![7])]).await;
    assert_eq!(lake.see("projects", &see).await[0], "7|attic|true|run-2");
    assert_eq!(lake.see("project_services", &child[..4]).await, ["7|wood|true|run-2"]);
    lake.commit(&[Page::Gone(vec![7]), rows(&[text])]).await;
    assert_eq!(lake.see("projects", &see).await[0], "7|roof|false|run-3");
    assert_eq!(lake.see("project_services", &child[..4]).await, ["7|tiles|false|run-3"]);
}

#[tokio::test]
async fn rows_with_a_key_of_several_columns_are_told_apart() {
    let line = |line: &str, end: &str, depth: u32| {
        format!(
            r#"{{"start_date":"2026-01-01","end_date":"{end}","currency_code":"CAD","cash_based":false,"line":"{line}","depth":{depth}}}"#
        )
    };
    let mut lake = Lake::new("report_profitloss_entity", LIMITS);
    lake.commit(&[rows(&[
        &line("income.10", "2026-12-31", 0),
        &line("income", "2026-12-31", 0),
        &line("income", "2025-12-31", 0),
    ])])
    .await;
    lake.commit(&[rows(&[&line("income", "2026-12-31", 5), &line("income.1", "2026-12-31", 1)])]).await;
    assert_eq!(
        lake.see("report_profitloss_entity", &["end_date", "line", "depth"]).await,
        ["2025-12-31|income|0", "2026-12-31|income|5", "2026-12-31|income.1|1", "2026-12-31|income.10|0"]
    );
}

#[tokio::test]
async fn more_than_may_be_held_is_taken_in_chunks() {
    let text: Vec<String> = (0..20_000)
        .rev()
        .map(|id| format!(r#"{{"id":{id},"title":"p{id}","services":[{{"id":{id},"name":"s"}}]}}"#))
        .collect();
    let page = Page::Rows(text);
    let mut whole = Lake::new("projects", LIMITS);
    let mut chunked = Lake::new("projects", Limits { delta_bytes: 1 << 10, ..LIMITS });
    for lake in [&mut whole, &mut chunked] {
        lake.commit(std::slice::from_ref(&page)).await;
        lake.commit(&[Page::Gone(vec![3, 19_999]), page.clone()]).await;
    }
    for name in ["projects", "project_services"] {
        let rows = whole.rows(name).await;
        assert_eq!(rows.len(), 20_000);
        assert!(rows == chunked.rows(name).await);
    }
}

#[tokio::test]
async fn nothing_is_written_where_nothing_changes() {
    let mut lake = Lake::new("invoices", LIMITS);
    lake.commit(&[rows(&[&invoice(1, "", r#"[{"lineid":1,"name":"a"}]"#)])]).await;
    let did = lake.commit(&[rows(&[&invoice(1, "x", "null")])]).await;
    assert_eq!(did["invoice_lines"], super::Merged::default());
    assert_eq!(did["invoices"].replaced, [0]);
}

/// Rows that were decoded anew, without a raw file.
struct Decoded(Vec<RecordBatch>);

#[async_trait]
impl Parts for Decoded {
    fn count(&self) -> usize {
        self.0.len()
    }

    async fn open(&self, part: usize, _: &[&str]) -> ::model::Result<Batches> {
        Ok(Box::new(std::iter::once(Ok(self.0[part].clone()))))
    }
}

#[tokio::test]
async fn rows_may_come_from_elsewhere_than_raw_files() {
    let lake = Lake::new("invoices", LIMITS);
    let (mut parents, mut own) = (Decoded(Vec::new()), Decoded(Vec::new()));
    for (number, note) in ["old", "new"].into_iter().enumerate() {
        let mut decoder = Decoder::new(lake.table, Lake::context(number), RawText::Keep);
        let array = r#"[{"lineid":1,"name":"a"}]"#;
        let text = [invoice(2, note, "[]"), invoice(1, note, if number == 0 { array } else { "null" })];
        decoder.rows(text.iter().map(String::as_str), Lake::instant(number, 0), &mut |_| Verdict::Write);
        for (name, batch) in decoder.take().unwrap() {
            if name.as_str() == "invoices" { parents.0.push(batch) } else { own.0.push(batch) }
        }
    }
    let arrivals = Arrivals::read(lake.table, &parents).await.unwrap();
    for (name, parts, columns, should) in [
        ("invoices", &parents, ["id", "notes"], vec!["1|new", "2|new"]),
        ("invoice_lines", &own, ["invoiceid", "name"], vec!["1|a"]),
    ] {
        let (came, mut files) = (Came { arrivals: &arrivals, parts }, Files::default());
        merge(&lake.store, &shape(name), came, &[], LIMITS, Packing::None, &mut files).await.unwrap();
        let batch = &read(files.0[0].bytes.clone())[0];
        let places = columns.map(|name| batch.schema().index_of(name).unwrap());
        assert_eq!(texts(&batch.project(&places).unwrap()), should);
    }
}
