//! What becomes of values whose type the table does not hold.

use arrow_array::RecordBatch;
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema};

use super::rig::{Rig, as_it_is};
use crate::Contract;

const NEW: &str = r#"{"id":1,"name":"HST","amount":"13.50","compound":true,"other":[1]}"#;
const SEEN: [&str; 4] = ["id", "name", "amount", "_extra"];

fn of_type(name: &'static str, kind: DataType) -> impl Fn(Field) -> Field {
    move |field| if field.name() == name { field.with_data_type(kind.clone()) } else { field }
}

/// `batch` as it would have been with a column of another type.
fn with(name: &'static str, kind: DataType) -> impl Fn(&str, RecordBatch) -> RecordBatch {
    move |_, batch| {
        let fields: Vec<_> = batch
            .schema()
            .fields()
            .iter()
            .map(|field| of_type(name, kind.clone())(Field::clone(field)))
            .collect();
        let columns = batch.columns().iter().zip(&fields);
        let columns = columns.map(|(column, field)| cast::cast(column, field.data_type()).unwrap());
        RecordBatch::try_new(Schema::new(fields.clone()).into(), columns.collect()).unwrap()
    }
}

#[tokio::test]
async fn what_a_column_does_not_hold_is_kept_in_extra_and_told_and_comes_back_with_its_type() {
    let extra = |value: &str, name: &str| format!(r#"{{"other":[1],"{name}":{value}}}"#);
    for (name, table, old, value, note) in [
        // The table has numbers, text comes.
        ("name", DataType::Int64, "7", r#""HST""#, "taxes.name is string, not long: kept in _extra"),
        // It has text, decimals come: as text, because JSON's numbers are not exact everywhere.
        (
            "amount",
            DataType::Utf8,
            "old",
            r#""13.500000000000""#,
            "taxes.amount is decimal(38, 12), not string",
        ),
        ("amount", DataType::Int64, "7", r#""13.500000000000""#, "taxes.amount is decimal(38, 12), not long"),
        // Fewer digits behind the point than come, or fewer before it.
        (
            "amount",
            DataType::Decimal128(38, 2),
            "7.00",
            r#""13.500000000000""#,
            "taxes.amount is decimal(38, 12), not decimal(38, 2)",
        ),
        (
            "amount",
            DataType::Decimal128(38, 13),
            "7.0000000000000",
            r#""13.500000000000""#,
            "taxes.amount is decimal(38, 12), not decimal(38, 13)",
        ),
    ] {
        let rig = Rig::new("taxes");
        rig.begin(of_type(name, table.clone())).await;
        let notes = rig.commit("one", "2026-03-01", &[NEW], &as_it_is).await;
        assert!(notes.iter().any(|told| told.starts_with(note)), "{notes:?}");
        let row = |name_: &str, amount: &str, extra: &str| format!("1|{name_}|{amount}|{extra}");
        let apart = extra(value, name);
        let expected =
            if name == "name" { row("-", "13.500000000000", &apart) } else { row("HST", "-", &apart) };
        assert_eq!(rig.see("taxes", &SEEN).await, [expected]);
        // The source goes back to what the table has: the column is filled again.
        let old_row = r#"{"id":1,"name":"7","amount":"7","other":[1]}"#;
        rig.commit("two", "2026-03-02", &[old_row], &with(name, table.clone())).await;
        let amount = if name == "name" { "7.000000000000" } else { old };
        let amount = if table == DataType::Utf8 { "7.000000000000" } else { amount };
        assert_eq!(rig.see("taxes", &SEEN).await, [row("7", amount, r#"{"other":[1]}"#)]);
        // And the table is still of its type.
        assert_eq!(rig.lake.verify(Some("taxes")).await.unwrap().damage, []);
    }
}

#[tokio::test]
async fn a_narrower_type_is_held_by_the_wider_column() {
    let rig = Rig::new("taxes");
    rig.begin(|field| field).await;
    let notes = rig.commit("one", "2026-03-01", &[NEW], &with("amount", DataType::Decimal128(10, 2))).await;
    assert_eq!(notes, Vec::<String>::new());
    assert_eq!(rig.see("taxes", &SEEN).await, [r#"1|HST|13.500000000000|{"other":[1]}"#]);
}

#[tokio::test]
async fn each_type_is_kept_as_json() {
    let rig = Rig::new("taxes");
    let text = |field: Field| {
        let told = ["number", "amount", "compound", "updated", "taxid"].contains(&field.name().as_str());
        if told { field.with_data_type(DataType::Date32) } else { field }
    };
    rig.begin(text).await;
    let row = r#"{"id":1,"taxid":5,"number":"a \"b\"\n","amount":"-0.25","compound":false,
        "updated":"2026-03-01 09:30:00","taxid_":1,"number_":2}"#;
    let nulls = r#"{"id":2,"taxid":null}"#;
    let notes = rig.commit("one", "2026-03-01", &[row, nulls], &as_it_is).await;
    assert_eq!(notes.len(), 5, "{notes:?}");
    let extra = concat!(
        r#"{"taxid_":1,"number_":2,"taxid":5,"number":"a \"b\"\n","amount":"-0.250000000000","#,
        r#""compound":false,"updated":"2026-03-01T14:30:00Z"}"#
    );
    assert_eq!(rig.see("taxes", &["id", "_extra"]).await, [format!("1|{extra}"), "2|-".to_owned()]);
}

#[tokio::test]
async fn what_freshbooks_calls_so_itself_keeps_its_name() {
    let rig = Rig::new("taxes");
    rig.begin(of_type("updated_text", DataType::Int64)).await;
    let row = r#"{"id":1,"updated":"2026-03-01 09:30:00","updated_text":"theirs"}"#;
    rig.commit("one", "2026-03-01", &[row], &as_it_is).await;
    let extra = r#"{"updated_text":"theirs","updated_text_":"2026-03-01 09:30:00"}"#;
    assert_eq!(rig.see("taxes", &["updated_text", "_extra"]).await, [format!("-|{extra}")]);
}

#[tokio::test]
async fn lines_keep_theirs_in_their_own_extra_and_a_frozen_table_refuses() {
    let rig = Rig::new("invoices");
    rig.begin(of_type("qty", DataType::Utf8)).await;
    let row = r#"{"id":1,"lines":[{"lineid":1,"qty":"2"}]}"#;
    let notes = rig.commit("one", "2026-03-01", &[row], &as_it_is).await;
    assert_eq!(notes, ["invoice_lines.qty is decimal(38, 12), not string: kept in _extra"]);
    let seen = rig.see("invoice_lines", &["lineid", "qty", "_extra"]).await;
    assert_eq!(seen, [r#"1|-|{"qty":"2.000000000000"}"#]);

    let frozen = Rig { lake: rig.lake.clone().under(Contract::Freeze), ..rig };
    let files = frozen.raw("two", "2026-03-02", &[row], &as_it_is).await;
    let head = frozen.lake.head("invoices", &frozen.unit).await.unwrap();
    let error = frozen.publish(head.as_ref(), "two", files).await.unwrap_err().to_string();
    assert!(error.contains("frozen") && error.contains("qty is decimal(38, 12), not string"), "{error}");
}

#[tokio::test]
async fn a_key_of_another_type_is_refused() {
    let rig = Rig::new("taxes");
    rig.begin(of_type("id", DataType::Utf8)).await;
    let files = rig.raw("one", "2026-03-01", &[NEW], &as_it_is).await;
    let error = rig.publish(None, "one", files).await.unwrap_err().to_string();
    assert!(error.contains("taxes.id cannot be taken from Int64 to Utf8"), "{error}");
}

#[tokio::test]
async fn a_type_that_is_not_to_be_widened_is_kept_in_extra_as_well() {
    let rig = Rig::new("taxes");
    rig.begin(of_type("taxid", DataType::Int32)).await;
    let discarding = Rig { lake: rig.lake.clone().under(Contract::Discard), ..rig };
    let notes = discarding.commit("one", "2026-03-01", &[r#"{"id":1,"taxid":9}"#], &as_it_is).await;
    assert_eq!(notes, ["taxes.taxid is long, not int: kept in _extra"]);
    assert_eq!(discarding.see("taxes", &["taxid", "_extra"]).await, [r#"-|{"taxid":9}"#]);
    // Once it may follow, it does.
    let evolving = Rig { lake: discarding.lake.clone().under(Contract::Evolve), ..discarding };
    let notes = evolving.commit("two", "2026-03-02", &[r#"{"id":2,"taxid":8}"#], &as_it_is).await;
    assert_eq!(notes, Vec::<String>::new());
    assert_eq!(evolving.see("taxes", &["taxid", "_extra"]).await, [r#"-|{"taxid":9}"#, "8|-"]);
}

#[tokio::test]
async fn raw_rows_of_before_have_their_mark_under_its_former_name() {
    let former = |_: &str, batch: RecordBatch| {
        let schema = batch.schema();
        let fields = schema.fields().iter().map(|field| match field.name().as_str() {
            "_is_deleted" => Field::clone(field).with_name("_deleted"),
            _ => Field::clone(field),
        });
        let fields: Vec<_> = fields.collect();
        RecordBatch::try_new(Schema::new(fields).into(), batch.columns().to_vec()).unwrap()
    };
    let rig = Rig::new("items");
    let rows = [r#"{"id":1,"name":"a","vis_state":0}"#, r#"{"id":2,"name":"b","vis_state":1}"#];
    rig.commit("one", "2026-03-01", &rows, &former).await;
    assert_eq!(rig.see("items", &["id", "_is_deleted"]).await, ["1|false", "2|true"]);
}
