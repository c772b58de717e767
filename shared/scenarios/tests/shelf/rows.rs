//! Raw rows of invoices, and drafts of them.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow_schema::DataType;
use jiff::Span;
use jiff::civil::Date;
use lake::{DataFile, Draft, Encoded, Encoder, Habits, Lake, Packing, Seen};
use model::{AccountId, Certificate, Mode, Result, TableStatus, TaskId, Timestamp, Unit};

/// An invoice as it came: `value` stands in a column of it, and one in each of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) key: i64,
    pub(crate) value: String,
    pub(crate) deleted: bool,
    pub(crate) lines: Vec<String>,
}

/// One row of a raw file, of either table.
struct Cells<'r> {
    key: i64,
    place: i32,
    deleted: bool,
    value: &'r str,
    raw: String,
}

fn encode(table: &str, account: &str, at: Timestamp, cells: &[Cells<'_>]) -> Encoded {
    let schema = tables::arrow_schema(table, tables::RawText::Keep).unwrap();
    let count = cells.len();
    let text = |text: &dyn Fn(&Cells<'_>) -> String| -> ArrayRef {
        Arc::new(cells.iter().map(|cells| Some(text(cells))).collect::<StringArray>())
    };
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match (field.name().as_str(), field.data_type()) {
            ("id" | "invoiceid", DataType::Int64) => {
                Arc::new(Int64Array::from_iter_values(cells.iter().map(|c| c.key)))
            }
            ("_position", DataType::Int32) => {
                Arc::new(Int32Array::from_iter_values(cells.iter().map(|c| c.place)))
            }
            ("_is_deleted", DataType::Boolean) => {
                Arc::new(cells.iter().map(|c| Some(c.deleted)).collect::<BooleanArray>())
            }
            ("_account_id", DataType::Utf8) => text(&|_| account.to_owned()),
            ("_raw", DataType::Utf8) => text(&|cells| cells.raw.clone()),
            ("invoice_number" | "name", DataType::Utf8) => text(&|cells| cells.value.to_owned()),
            // What an older version did not know.
            ("vat_number" | "description", DataType::Utf8) => {
                text(&|cells| format!("more of {}", cells.value))
            }
            ("_extracted_at", DataType::Timestamp(..)) => {
                let at = TimestampMicrosecondArray::from(vec![at.as_microsecond(); count]);
                Arc::new(at.with_data_type(field.data_type().clone()))
            }
            ("amount", DataType::Decimal128(precision, scale)) => {
                // The key and a hundredth, with the twelve places that money has.
                let amounts = cells.iter().map(|c| i128::from(c.key) * 1_000_000_000_000 + 10_000_000_000);
                let amounts = Decimal128Array::from_iter_values(amounts);
                Arc::new(amounts.with_precision_and_scale(*precision, *scale).unwrap())
            }
            ("create_date", DataType::Date32) => {
                let days = cells.iter().map(|c| 20_000 + i32::try_from(c.key).unwrap());
                Arc::new(Date32Array::from_iter_values(days))
            }
            (_, DataType::Utf8) if !field.is_nullable() => text(&|_| "x".to_owned()),
            (_, DataType::Int64) if !field.is_nullable() => Arc::new(Int64Array::from(vec![0; count])),
            (_, DataType::Int32) if !field.is_nullable() => Arc::new(Int32Array::from(vec![0; count])),
            (_, other) => new_null_array(other, count),
        }
    });
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
    let mut encoder = Encoder::new(schema, Packing::None).unwrap();
    encoder.write(&batch).unwrap();
    encoder.finish().unwrap()
}

/// Puts raw files of invoices that were read at `at`.
pub(crate) async fn put(
    lake: &Lake,
    unit: &Unit,
    task: &TaskId,
    at: Timestamp,
    rows: &[Row],
) -> Result<Vec<DataFile>> {
    let Unit::Account(AccountId(account)) = unit else { panic!("invoices are of an account") };
    let parents: Vec<_> = rows
        .iter()
        .map(|row| {
            let lines: Vec<String> = row.lines.iter().map(|value| line(value)).collect();
            let Row { key, value, .. } = row;
            let day = Date::constant(1970, 1, 1).checked_add(Span::new().days(20_000 + key)).unwrap();
            let raw = format!(
                r#"{{"id":{key},"invoice_number":{value:?},"vat_number":"more of {value}","create_date":"{day}",
                    "amount":{{"amount":"{key}.01"}},"lines":[{}]}}"#,
                lines.join(",")
            );
            Cells { key: row.key, place: 0, deleted: row.deleted, value: &row.value, raw }
        })
        .collect();
    let lines: Vec<_> = rows
        .iter()
        .flat_map(|row| {
            (0..).zip(&row.lines).map(|(place, value)| Cells {
                key: row.key,
                place,
                deleted: row.deleted,
                value,
                raw: line(value),
            })
        })
        .collect();
    let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut files = Vec::new();
    for (table, cells) in [("invoices", parents), ("invoice_lines", lines)] {
        if !cells.is_empty() {
            let file = encode(table, account, at, &cells);
            files.push(lake.put_data(&table.into(), unit, day, task, 0, file).await?);
        }
    }
    Ok(files)
}

/// A line as FreshBooks would send it.
fn line(value: &str) -> String {
    format!(r#"{{"name":{value:?},"description":"more of {value}"}}"#)
}

/// A draft that brings `files`.
pub(crate) fn draft<'d>(
    unit: &'d Unit,
    task: &'d TaskId,
    at: Timestamp,
    files: Vec<DataFile>,
    seen: &'d Seen,
) -> Draft<'d> {
    let count =
        |table: &str| files.iter().filter(|file| file.table.as_str() == table).map(|file| file.rows).sum();
    let (rows, child_rows) = (count("invoices"), count("invoice_lines"));
    let certificate = Certificate {
        rows_new: rows,
        distinct_keys: rows,
        child_rows,
        status: TableStatus::Ok,
        ..Certificate::unread()
    };
    Draft {
        table: "invoices",
        unit,
        task,
        mode: Mode::Incremental,
        done: true,
        committed_at: at,
        cursor: None,
        loading: None,
        habits: Habits::default(),
        files,
        certificate,
        seen,
    }
}
