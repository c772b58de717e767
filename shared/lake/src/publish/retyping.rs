//! Replays: rows of another day under today's declaration, and over what is there.

use arrow_array::RecordBatch;
use arrow_cast::cast;
use arrow_schema::DataType;
use jiff::civil::date;

use ::model::Timestamp;

use super::rig::{Rig, as_it_is};
use super::{Replayed, Untyped};

/// `batch` without some columns: a declaration of another day.
fn without(names: &'static [&'static str]) -> impl Fn(&str, RecordBatch) -> RecordBatch {
    move |_, batch| {
        let fields = batch.schema();
        let places: Vec<_> = (0..batch.num_columns())
            .filter(|at| !names.contains(&fields.field(*at).name().as_str()))
            .collect();
        batch.project(&places).unwrap()
    }
}

/// `batch` with one text column in place of another text.
fn with_text(name: &'static str, text: &'static str) -> impl Fn(&str, RecordBatch) -> RecordBatch {
    move |_, batch| {
        let Ok(at) = batch.schema().index_of(name) else { return batch };
        let mut columns = batch.columns().to_vec();
        let texts = arrow_array::StringArray::from(vec![text; batch.num_rows()]);
        columns[at] = cast::cast(&texts, &DataType::Utf8).unwrap();
        RecordBatch::try_new(batch.schema(), columns).unwrap()
    }
}

const INVOICE: &str = r#"{"id":1,"notes":"one","amount":{"amount":"5.00","code":"CAD"},
    "lines":[{"lineid":1,"name":"a","qty":"2"},{"lineid":2,"name":"b","qty":"3"}]}"#;
const OTHER: &str = r#"{"id":2,"notes":"two","lines":[{"lineid":1,"name":"c","qty":"4"}]}"#;

async fn replay(rig: &Rig, from: Option<jiff::civil::Date>) -> Replayed {
    let at: Timestamp = "2026-04-01T00:00:00Z".parse().unwrap();
    rig.lake.replay_from(rig.table, from, at).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_column_that_was_declared_since_has_its_values_for_old_rows() {
    for glue in [false, true] {
        let rig = if glue { Rig::in_glue("invoices").0 } else { Rig::new("invoices") };
        let old = without(&["notes", "amount", "amount_code", "qty"]);
        rig.commit("one", "2026-03-01", &[INVOICE, OTHER], &old).await;
        rig.commit("two", "2026-03-02", &[r#"{"id":3,"notes":"three","lines":[]}"#], &as_it_is).await;
        let seen = ["id", "notes", "amount", "amount_code", "_run_id"];
        let lines = ["invoiceid", "_position", "name", "qty", "_run_id"];
        assert_eq!(rig.see("invoices", &seen).await, ["1|-|-|-|one", "2|-|-|-|one", "3|three|-|-|two"]);
        assert_eq!(rig.see("invoice_lines", &lines).await, ["1|0|a|-|one", "1|1|b|-|one", "2|0|c|-|one"]);

        let replayed = replay(&rig, None).await;
        assert_eq!((replayed.commits, replayed.files, replayed.untyped), (2, 3, Vec::new()));
        assert_eq!(
            rig.see("invoices", &seen).await,
            ["1|one|5.000000000000|CAD|one", "2|two|-|-|one", "3|three|-|-|two"]
        );
        assert_eq!(
            rig.see("invoice_lines", &lines).await,
            ["1|0|a|2.000000000000|one", "1|1|b|3.000000000000|one", "2|0|c|4.000000000000|one"]
        );
        assert_eq!(rig.lake.verify(Some("invoices")).await.unwrap().damage, []);
    }
}

#[tokio::test]
async fn from_a_day_on_only_what_was_written_since_is_laid_over_what_is_there() {
    for glue in [false, true] {
        let rig = if glue { Rig::in_glue("invoices").0 } else { Rig::new("invoices") };
        let old = without(&["notes", "qty"]);
        rig.commit("one", "2026-03-01", &[INVOICE, OTHER], &old).await;
        rig.commit(
            "two",
            "2026-03-02",
            &[r#"{"id":1,"notes":"now","lines":[{"lineid":3,"qty":"9"}]}"#],
            &old,
        )
        .await;
        rig.commit("three", "2026-03-03", &[r#"{"id":3,"notes":"three","lines":[]}"#], &old).await;
        // An orphan is none of it: no commit names it.
        rig.raw("orphan", "2026-03-04", &[r#"{"id":2,"notes":"orphan","lines":[]}"#], &as_it_is).await;

        let replayed = replay(&rig, Some(date(2026, 3, 2))).await;
        assert_eq!((replayed.commits, replayed.files), (2, 3));
        let seen = ["id", "notes", "_run_id"];
        assert_eq!(rig.see("invoices", &seen).await, ["1|now|two", "2|-|one", "3|three|three"]);
        let lines = ["invoiceid", "lineid", "qty"];
        assert_eq!(rig.see("invoice_lines", &lines).await, ["1|3|9.000000000000", "2|1|-"]);
        // Nothing is there from tomorrow on.
        let replayed = replay(&rig, Some(date(2026, 3, 4))).await;
        assert_eq!((replayed.commits, replayed.files), (0, 0));
        assert_eq!(rig.see("invoices", &seen).await, ["1|now|two", "2|-|one", "3|three|three"]);
        // All of it.
        let replayed = replay(&rig, Some(date(2026, 3, 1))).await;
        assert_eq!((replayed.commits, replayed.files), (3, 5));
        assert_eq!(rig.see("invoices", &seen).await, ["1|now|two", "2|two|one", "3|three|three"]);
        assert_eq!(rig.see("invoice_lines", &lines).await, ["1|3|9.000000000000", "2|1|4.000000000000"]);
        assert_eq!(rig.lake.verify(Some("invoices")).await.unwrap().damage, []);
    }
}

#[tokio::test]
async fn a_row_whose_text_can_no_longer_be_typed_stays_as_it_was_and_is_told() {
    let rig = Rig::new("taxes");
    // A declaration of another day took what today's does not.
    let odd = with_text("_raw", r#"{"id":1,"name":"HST","amount":"thirteen"}"#);
    rig.commit("one", "2026-03-01", &[r#"{"id":1,"name":"HST","amount":"13"}"#], &odd).await;
    rig.commit("two", "2026-03-02", &[r#"{"id":2,"name":"GST","amount":"5"}"#], &without(&["name"])).await;
    // No text at all: a declaration that kept none.
    rig.commit(
        "three",
        "2026-03-03",
        &[r#"{"id":3,"name":"PST","amount":"7"}"#],
        &without(&["_raw", "number"]),
    )
    .await;
    rig.commit("four", "2026-03-04", &[r#"{"id":4,"name":"x"}"#], &with_text("_raw", r#"{"name":"x"}"#))
        .await;
    let replayed = replay(&rig, None).await;
    let [Untyped { table: "taxes", rows: 2, first }] = replayed.untyped.as_slice() else {
        panic!("{replayed:?}")
    };
    assert!(first.starts_with("amount: "), "{first}");
    assert_eq!(
        rig.see("taxes", &["id", "name", "amount"]).await,
        ["1|HST|13.000000000000", "2|GST|5.000000000000", "3|PST|7.000000000000", "4|x|-"]
    );
}

#[tokio::test]
async fn what_is_gone_stays_gone_with_its_values() {
    let rig = Rig::new("taxes");
    rig.commit("one", "2026-03-01", &[r#"{"id":1,"name":"HST"}"#, r#"{"id":2,"name":"GST"}"#], &as_it_is)
        .await;
    rig.bury("two", "2026-03-02", &["1"]).await;
    let seen = ["id", "name", "_is_deleted", "_run_id"];
    let expected = ["1|HST|true|two", "2|GST|false|one"];
    assert_eq!(rig.see("taxes", &seen).await, expected);
    for from in [None, Some(date(2026, 3, 2)), Some(date(2026, 3, 1))] {
        replay(&rig, from).await;
        assert_eq!(rig.see("taxes", &seen).await, expected, "{from:?}");
    }
}
