//! Rows of Arrow columns as text and as JSON.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use jiff::civil::date;
use jiff::{Span, Timestamp};
use model::decimal;
use serde_json::Value;

/// The value in row `row` of `array`: exact numbers and instants as text, `null` where there is none.
pub(crate) fn value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Decimal128(_, scale) => {
            let number = array.as_primitive::<Decimal128Type>().value(row);
            exact(number, u8::try_from(*scale).unwrap_or(0)).into()
        }
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(row);
            let day = Span::new().try_days(days).and_then(|days| date(1970, 1, 1).checked_add(days));
            day.map_or(Value::Null, |day| day.to_string().into())
        }
        DataType::Timestamp(..) => {
            let microseconds = array.as_primitive::<TimestampMicrosecondType>().value(row);
            Timestamp::from_microsecond(microseconds).map_or(Value::Null, |at| at.to_string().into())
        }
        other => Value::String(format!("({other})")),
    }
}

/// A decimal without the zeros that only its column's scale brings.
fn exact(number: i128, scale: u8) -> String {
    let text = decimal::format(number, scale);
    match text.split_once('.') {
        Some((whole, decimals)) => match decimals.trim_end_matches('0') {
            "" => whole.to_owned(),
            decimals => format!("{whole}.{decimals}"),
        },
        None => text,
    }
}

/// The value as a person reads it; nothing for `null`.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Row `row` as one JSON object, in the order of the columns; `table` comes first, where it is given. Columns that
/// `hidden` names are left out.
pub(crate) fn json_line(table: Option<&str>, batch: &RecordBatch, row: usize, hidden: &[&str]) -> String {
    let mut line = String::from("{");
    let mut put = |key: &str, value: &Value| {
        if line.len() > 1 {
            line.push(',');
        }
        line.push_str(&Value::from(key).to_string());
        line.push(':');
        line.push_str(&value.to_string());
    };
    if let Some(table) = table {
        put("table", &table.into());
    }
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if !hidden.contains(&field.name().as_str()) {
            put(field.name(), &value(column, row));
        }
    }
    line.push('}');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_of_the_scale_are_not_shown_and_no_digit_is_lost() {
        let texts = [(41_940_000_000_000, 12), (-1, 12), (0, 12), (100, 0), (5_000_000_000_000, 12)]
            .map(|(number, scale)| exact(number, scale));
        assert_eq!(texts, ["41.94", "-0.000000000001", "0", "100", "5"]);
    }
}
