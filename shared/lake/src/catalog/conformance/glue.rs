//! What Glue's entries say to other programs, and what of theirs is respected.

use std::collections::BTreeSet;

use super::*;
use crate::glue::StoredAs;

async fn filled() -> (Rig, Arc<FakeGlue>) {
    let rig = Rig::glue();
    rig.all(1, "a").await;
    let glue = Arc::clone(rig.glue.as_ref().unwrap());
    glue.calls();
    (rig, glue)
}

#[tokio::test]
async fn an_entry_is_what_iceberg_readers_expect() {
    let (rig, glue) = filled().await;
    rig.all(2, "b").await;
    for name in family().lake_names() {
        let table = glue.table(name).unwrap();
        assert_eq!(table.stored_as, StoredAs::Iceberg);
        assert_eq!(table.location, format!("s3://bucket/lake/books/{name}"));
        assert_eq!(table.parameters["table_type"], "ICEBERG");
        assert_eq!(table.parameters["metadata_location"], format!("s3://bucket/{}", key(name, 2, "b")));
        assert_eq!(
            table.parameters["previous_metadata_location"],
            format!("s3://bucket/{}", key(name, 1, "a"))
        );
        assert_eq!(table.columns, [GlueColumn::new("id", "bigint", "The id")]);
        assert!(!table.doc.is_empty() && table.partition_keys.is_empty());
    }
}

#[tokio::test]
async fn what_others_have_put_there_stays_but_costs_the_swap() {
    let (rig, glue) = filled().await;
    let base = rig.load().await.unwrap();
    glue.edit("invoices", |table| {
        table.parameters.insert("owner.of.this".to_owned(), "finance".to_owned());
    });
    assert!(matches!(rig.step(&base, &["invoices"], 2, "b").await.unwrap(), Swap::Lost));
    rig.all(2, "b").await;
    assert_eq!(glue.table("invoices").unwrap().parameters["owner.of.this"], "finance");
}

#[tokio::test]
async fn a_table_of_someone_else_is_refused_and_left_alone() {
    let elsewhere = "s3://other/lake/books/invoices/m";
    let edits = [
        ("metadata_location", None, "is not an Iceberg table"),
        ("table_type", Some("HUDI"), "is not an Iceberg table"),
        ("metadata_location", Some(elsewhere), "is at another place (s3://other/lake/books/invoices/m)"),
        ("metadata_location", Some("s3://bucket/lake/books/invoices2/m"), "is at another place"),
    ];
    for (key, value, wanted) in edits {
        let (rig, glue) = filled().await;
        let base = rig.load().await.unwrap();
        glue.edit("invoices", |table| {
            table.parameters.remove(key);
            table.parameters.extend(value.map(|value| (key.to_owned(), value.to_owned())));
        });
        let before = glue.table("invoices");
        for text in [refusal(rig.load().await), refusal(rig.step(&base, &["invoices"], 2, "b").await)] {
            assert!(text.contains("books.invoices in the Glue Data Catalog"), "{text}");
            assert!(text.contains(wanted) && text.contains("a database of its own"), "{text}");
        }
        assert_eq!(glue.table("invoices"), before);
    }
}

#[tokio::test]
async fn a_lake_that_is_kept_by_pointers_is_not_begun_anew() {
    let rig = Rig::glue();
    rig.store.put(&layout::pointer(DATABASE, "invoices", 1), "{}".into()).await.unwrap();
    let text = refusal(rig.load().await);
    assert!(text.contains("kept without the Glue Data Catalog") && text.contains("pointers"), "{text}");
}

#[tokio::test]
async fn one_table_switches_at_a_time() {
    let (rig, _) = filled().await;
    let base = rig.load().await.unwrap();
    assert!(rig.step(&base, &["invoices", "invoice_lines"], 2, "b").await.is_err());
}

#[tokio::test]
async fn raw_is_registered_with_the_first_commit_and_then_never_asked_for() {
    let rig = Rig::glue();
    let glue = Arc::clone(rig.glue.as_ref().unwrap());
    for (table, day) in
        [("invoices", "2026-11-03"), ("invoices", "2026-11-05"), ("invoice_lines", "2026-11-03")]
    {
        let key = format!("raw/{table}/account_id=ACM1/dt={day}/x.parquet");
        rig.store.put(&key, "x".into()).await.unwrap();
    }
    rig.all(1, "a").await;
    let raw = glue.table("raw_invoices").unwrap();
    assert_eq!((raw.stored_as, raw.location.as_str()), (StoredAs::Parquet, "s3://bucket/raw/invoices"));
    let keys: Vec<_> = raw.partition_keys.iter().map(|key| (key.name.as_str(), key.kind.as_str())).collect();
    assert_eq!(keys, [("account_id", "string"), ("dt", "date")]);
    for (name, value) in [
        ("projection.enabled", "true"),
        ("projection.account_id.type", "enum"),
        ("projection.account_id.values", "ACM1"),
        ("projection.dt.type", "date"),
        ("projection.dt.format", "yyyy-MM-dd"),
        ("projection.dt.range", "2026-11-03,NOW"),
        ("storage.location.template", "s3://bucket/raw/invoices/account_id=${account_id}/dt=${dt}"),
    ] {
        assert_eq!(raw.parameters[name], value, "{name}");
    }
    let kinds: BTreeMap<_, _> =
        raw.columns.iter().map(|column| (column.name.as_str(), column.kind.as_str())).collect();
    assert_eq!(
        (kinds["_raw"], kinds["amount"], kinds["_extracted_at"]),
        ("string", "decimal(38,12)", "timestamp")
    );
    assert!(glue.table("raw_invoice_lines").is_some());

    glue.calls();
    rig.all(2, "b").await;
    let calls = glue.calls();
    assert!(!calls.iter().any(|call| call.contains("raw_")), "{calls:?}");
}

#[tokio::test]
async fn a_new_unit_is_added_to_raw() {
    let (rig, glue) = filled().await;
    let base = rig.load().await.unwrap();
    rig.store.put("raw/invoices/account_id=ZED-2/dt=2026-02-01/x.parquet", "x".into()).await.unwrap();
    glue.edit("raw_invoices", |table| {
        table.parameters.insert("kept".to_owned(), "yes".to_owned());
    });
    let (task, unit) = (TaskId("c".to_owned()), unit("ZED-2"));
    let metadata = BTreeMap::from([("invoices".to_owned(), key("invoices", 2, "c"))]);
    let at = Timestamp::UNIX_EPOCH;
    let moved = Move { family: family(), unit: &unit, task: &task, at, metadata, columns: BTreeMap::new() };
    assert!(matches!(rig.catalog.swap(&base, &moved).await.unwrap(), Swap::Won));
    let raw = glue.table("raw_invoices").unwrap().parameters;
    assert_eq!(raw["projection.account_id.values"], "ACM1,ZED-2");
    assert_eq!((raw["projection.dt.range"].as_str(), raw["kept"].as_str()), ("2026-02-01,NOW", "yes"));
    assert_eq!(glue.table("invoices").unwrap().parameters["freshlake.raw.units"], "ACM1,ZED-2");
}

#[tokio::test]
async fn raw_that_cannot_be_registered_does_not_stop_a_commit_and_is_tried_again() {
    let rig = Rig::glue();
    let glue = Arc::clone(rig.glue.as_ref().unwrap());
    rig.all(1, "a").await;
    glue.edit("raw_invoices", |table| table.location = "s3://elsewhere/raw".to_owned());
    glue.edit("invoices", |table| drop(table.parameters.remove("freshlake.raw.units")));
    rig.all(2, "b").await;
    assert_eq!(rig.parent().await, Some(key("invoices", 2, "b")));
    assert!(!glue.table("invoices").unwrap().parameters.contains_key("freshlake.raw.units"));
    assert_eq!(glue.table("raw_invoices").unwrap().location, "s3://elsewhere/raw");
    glue.edit("raw_invoices", |table| table.location = "s3://bucket/raw/invoices".to_owned());
    rig.all(3, "c").await;
    assert_eq!(glue.table("invoices").unwrap().parameters["freshlake.raw.units"], "ACM1");
}

#[test]
fn every_raw_table_can_be_described_and_names_no_column_twice() {
    use super::super::glue_raw::columns;
    for table in tables::ALL.iter().flat_map(|table| table.lake_names()) {
        for key in ["account_id", "business_id", "identity"] {
            let columns = columns(table, key).unwrap();
            let names: BTreeSet<_> = columns.iter().map(|column| column.name.to_lowercase()).collect();
            assert_eq!(names.len(), columns.len(), "{table}");
            assert!(!names.contains(key) && !names.contains("dt"), "{table}");
            let fits = |doc: &str| doc.len() <= 255 && !doc.contains(['\n', '\r']);
            assert!(columns.iter().all(|column| fits(&column.doc)), "{table}");
        }
    }
}

#[test]
fn a_long_comment_is_cut_between_letters() {
    let column = GlueColumn::new("x", "string", &"é".repeat(200));
    assert_eq!(column.doc, "é".repeat(127));
}
