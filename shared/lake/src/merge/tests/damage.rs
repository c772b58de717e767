//! Files that are older, or not as they were written.

use std::sync::Arc;

use ::model::ErrorKind;
use ::model::port::ObjectStore;
use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use tables::RawText;

use super::super::conform::Conform;
use super::{KeyPart, LIMITS, Lake, Live, Page, read, rows, shape};
use crate::{Encoder, Packing};

async fn taxes() -> Lake {
    let mut lake = Lake::new("taxes", LIMITS);
    lake.commit(&[rows(&[r#"{"id":1,"name":"HST","amount":"13"}"#, r#"{"id":2,"name":"GST"}"#])]).await;
    lake
}

#[tokio::test]
async fn a_file_that_is_older_than_a_column_has_nulls_there_and_follows_a_new_name() {
    let mut lake = taxes().await;
    let old = lake.live["taxes"][0].clone();
    let batch = &read(lake.store.get(&old.key).await.unwrap().unwrap())[0];
    // `number` did not exist, `name` had another name, and the older id was narrower.
    let keep: Vec<usize> = (0..batch.num_columns()).filter(|at| *at != 4).collect();
    let batch = batch.project(&keep).unwrap();
    let mut fields: Vec<Field> = batch.schema().fields().iter().map(|f| Field::clone(f)).collect();
    let name = batch.schema().index_of("name").unwrap();
    fields[name] = fields[name].clone().with_name("called");
    fields[1] = fields[1].clone().with_data_type(DataType::Int32);
    let mut columns = batch.columns().to_vec();
    columns[1] = Arc::new(Int32Array::from(vec![Some(-5), None])) as ArrayRef;
    let schema = Arc::new(Schema::new(fields));
    let mut encoder = Encoder::new(schema.clone(), Packing::None).unwrap();
    encoder.write(&RecordBatch::try_new(schema, columns).unwrap()).unwrap();
    let bytes = encoder.finish().unwrap().bytes;
    lake.live.insert("taxes", vec![Live { bytes: bytes.len() as u64, ..old.clone() }]);
    lake.store.put(&old.key, bytes).await.unwrap();

    lake.commit(&[rows(&[r#"{"id":2,"name":"GST","number":"R1"}"#])]).await;
    let seen = lake.see("taxes", &["id", "taxid", "name", "number", "_run_id"]).await;
    assert_eq!(seen, ["1|-5|HST|-|run-0", "2|-|GST|R1|run-1"]);
}

#[tokio::test]
async fn a_live_file_that_is_damaged_is_named_with_what_to_do() {
    let mut lake = taxes().await;
    let raw = lake.raw(&[rows(&[r#"{"id":2,"name":"x"}"#])]).await;
    let file = lake.live["taxes"][0].clone();
    let good = lake.store.get(&file.key).await.unwrap().unwrap();
    let other = Live { rows: 3, ..file.clone() };
    let mut broken = good.to_vec();
    broken.truncate(good.len() - 9);
    broken.extend_from_slice(b"nine more");
    for (body, live, says) in [
        (None, &file, "is missing"),
        (Some(good.slice(..good.len() - 1)), &file, "bytes instead of"),
        (Some(broken.into()), &file, "is damaged"),
        (Some(good.clone()), &other, "has 2 rows instead of 3"),
    ] {
        lake.store.delete(&file.key).await.unwrap();
        if let Some(body) = body {
            lake.store.put(&file.key, body).await.unwrap();
        }
        lake.live.insert("taxes", vec![live.clone()]);
        let error = lake.merge(&raw).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
        let text = error.to_string();
        assert!(text.starts_with(&file.key) && text.contains(says), "{text}");
        assert!(text.contains("freshlake verify") && text.contains("freshlake replay taxes"), "{text}");
    }
}

#[tokio::test]
async fn a_live_file_that_is_not_sorted_is_not_merged() {
    let mut lake = taxes().await;
    let file = lake.live["taxes"][0].clone();
    let batch = &read(lake.store.get(&file.key).await.unwrap().unwrap())[0];
    let schema = shape("taxes").schema;
    let mut encoder = Encoder::new(schema, Packing::None).unwrap();
    encoder.write(&batch.slice(1, 1)).unwrap();
    encoder.write(&batch.slice(0, 1)).unwrap();
    let bytes = encoder.finish().unwrap().bytes;
    lake.live.insert("taxes", vec![Live { bytes: bytes.len() as u64, ..file.clone() }]);
    lake.store.put(&file.key, bytes).await.unwrap();
    let raw = lake.raw(&[rows(&[r#"{"id":2,"name":"x"}"#])]).await;
    assert!(lake.merge(&raw).await.unwrap_err().to_string().contains("is not sorted by key"));

    // Nor is one that has a smaller key than is said of it.
    let mut lake = taxes().await;
    let file = lake.live["taxes"][0].clone();
    lake.live.insert("taxes", vec![Live { first: Some(KeyPart::Int(2)), ..file }]);
    let raw = lake.raw(&[rows(&[r#"{"id":2,"name":"x"}"#])]).await;
    assert!(lake.merge(&raw).await.unwrap_err().to_string().contains("is not sorted by key"));
}

#[tokio::test]
async fn a_raw_file_that_is_missing_is_named() {
    let mut lake = taxes().await;
    let raw = lake.raw(&[Page::Gone(vec![1])]).await;
    lake.store.delete(&raw["taxes"][0]).await.unwrap();
    let error = lake.merge(&raw).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().starts_with(&format!("{} is missing", raw["taxes"][0])), "{error}");
}

#[tokio::test]
async fn lines_that_are_missing_from_the_raw_files_are_not_taken_for_none() {
    let mut lake = Lake::new("invoices", LIMITS);
    let mut raw = lake.raw(&[rows(&[r#"{"id":1,"lines":[{"lineid":1}]}"#])]).await;
    raw.remove("invoice_lines");
    let error = lake.merge(&raw).await.unwrap_err();
    assert!(error.to_string().starts_with("raw rows of invoice_lines are missing"), "{error}");
}

#[test]
fn a_column_of_a_type_that_would_lose_something_is_refused_by_name() {
    let lake = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    let text = Schema::new(vec![Field::new("n", DataType::Utf8, true)]);
    let error = Conform::by_name("taxes", &lake, &text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert_eq!(error.to_string(), "taxes.n cannot be taken from Utf8 to Int64");

    let wide = Arc::new(Schema::new(vec![Field::new("n", DataType::Decimal128(38, 12), true)]));
    let narrow = |scale| Schema::new(vec![Field::new("n", DataType::Decimal128(20, scale), true)]);
    assert!(Conform::by_name("taxes", &wide, &narrow(2)).is_ok());
    assert!(Conform::by_name("taxes", &wide, &narrow(13)).is_err());

    let from = Arc::new(Schema::new(vec![
        Field::new("x", DataType::Utf8, true),
        Field::new("n", DataType::Int64, true),
    ]));
    let columns: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from(vec!["-"])), Arc::new(Int64Array::from(vec![4]))];
    let batch = RecordBatch::try_new(from.clone(), columns).unwrap();
    let out = Conform::by_name("taxes", &lake, &from).unwrap().batch(&batch).unwrap();
    assert_eq!(super::texts(&out), ["4"]);
    assert!(tables::arrow_schema("taxes", RawText::Keep).is_some());
}
