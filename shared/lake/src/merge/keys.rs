//! Keys as bytes whose order is that of the rows.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray, RecordBatch, StringArray};
use arrow_schema::DataType;
use model::{Error, ErrorKind, Result};

use super::KeyPart;

/// In front of a value that is there; a null is one [`NULL`], so nulls sort first.
const VALUE: u8 = 1;
const NULL: u8 = 0;

/// The keys of some rows. Each is the encoding of its columns one after the other, so that the first columns of a key
/// are a prefix of it.
#[derive(Debug, Default)]
pub(super) struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Keys {
    /// The keys of `batch` by its columns at `places`.
    pub(super) fn of(batch: &RecordBatch, places: &[usize]) -> Result<Self> {
        let mut keys = Self::default();
        keys.add(batch, places)?;
        Ok(keys)
    }

    /// Adds the keys of `batch`.
    pub(super) fn add(&mut self, batch: &RecordBatch, places: &[usize]) -> Result<()> {
        let columns = places.iter().filter_map(|at| batch.columns().get(*at).cloned());
        self.extend(&columns.collect::<Vec<_>>())
    }

    /// Adds the keys that are in `columns`.
    pub(super) fn extend(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let parts: Vec<Part<'_>> = columns.iter().map(Part::of).collect::<Result<_>>()?;
        let rows = columns.first().map_or(0, Array::len);
        self.ends.reserve(rows);
        self.bytes.reserve(rows * parts.len() * 9);
        for row in 0..rows {
            for part in &parts {
                part.push(row, &mut self.bytes);
            }
            self.ends.push(self.bytes.len());
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The key of a row.
    pub(super) fn get(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends.get(row - 1).copied().unwrap_or_default() };
        let end = self.ends.get(row).copied().unwrap_or_default();
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Whether no key is smaller than the one before it.
    pub(super) fn are_sorted(&self) -> bool {
        (1..self.len()).all(|row| self.get(row - 1) <= self.get(row))
    }
}

/// A key column, typed.
enum Part<'a> {
    Long(&'a PrimitiveArray<Int64Type>),
    Int(&'a PrimitiveArray<Int32Type>),
    Date(&'a PrimitiveArray<Date32Type>),
    Flag(&'a BooleanArray),
    Text(&'a StringArray),
}

impl<'a> Part<'a> {
    fn of(column: &'a ArrayRef) -> Result<Self> {
        Ok(match column.data_type() {
            DataType::Int64 => Self::Long(column.as_primitive()),
            DataType::Int32 => Self::Int(column.as_primitive()),
            DataType::Date32 => Self::Date(column.as_primitive()),
            DataType::Boolean => Self::Flag(column.as_boolean()),
            DataType::Utf8 => Self::Text(column.as_string()),
            other => {
                return Err(Error::new(ErrorKind::Internal, format!("rows cannot be sorted by {other}")));
            }
        })
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::Long(column) => column,
            Self::Int(column) => column,
            Self::Date(column) => column,
            Self::Flag(column) => column,
            Self::Text(column) => column,
        }
    }

    fn push(&self, row: usize, into: &mut Vec<u8>) {
        if self.array().is_null(row) {
            into.push(NULL);
            return;
        }
        into.push(VALUE);
        match self {
            Self::Long(column) => long(column.value(row), into),
            Self::Int(column) => int(column.value(row), into),
            Self::Date(column) => int(column.value(row), into),
            Self::Flag(column) => into.push(u8::from(column.value(row))),
            Self::Text(column) => text(column.value(row), into),
        }
    }
}

/// Big-endian, with the sign turned, so that negative numbers come first.
fn long(value: i64, into: &mut Vec<u8>) {
    into.extend_from_slice(&(value ^ i64::MIN).to_be_bytes());
}

fn int(value: i32, into: &mut Vec<u8>) {
    into.extend_from_slice(&(value ^ i32::MIN).to_be_bytes());
}

/// Ends in two zeroes; a zero inside is followed by 255, so that no text's end looks like part of another.
fn text(value: &str, into: &mut Vec<u8>) {
    for byte in value.bytes() {
        into.push(byte);
        if byte == 0 {
            into.push(u8::MAX);
        }
    }
    into.extend_from_slice(&[0, 0]);
}

impl KeyPart {
    /// As the beginning of the keys of a table whose first key column is of type `column`; none if it cannot be.
    pub(super) fn encode(&self, column: &DataType) -> Option<Vec<u8>> {
        let mut bytes = vec![VALUE];
        match (self, column) {
            (Self::Int(value), DataType::Int64) => long(*value, &mut bytes),
            (Self::Int(value), DataType::Int32) => int(i32::try_from(*value).ok()?, &mut bytes),
            (Self::Date(value), DataType::Date32) => int(*value, &mut bytes),
            (Self::Text(value), DataType::Utf8) => text(value, &mut bytes),
            _ => return None,
        }
        Some(bytes)
    }
}

/// The first of `from..to` for which `before` is false, where it is true for some first ones and then no more. Looks
/// near `from` first.
pub(super) fn gallop(from: usize, to: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut step) = (from, 1);
    let mut high = loop {
        let probe = low + step - 1;
        if probe >= to {
            break to;
        }
        if !before(probe) {
            break probe;
        }
        low = probe + 1;
        step *= 2;
    };
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Date32Array, Int64Array};

    use super::*;

    #[test]
    fn bytes_are_ordered_as_their_values_are_and_nulls_come_first() {
        let texts = [None, Some(""), Some("\0"), Some("a"), Some("a\0"), Some("a\0b"), Some("aa"), Some("é")];
        let longs = [None, Some(i64::MIN), Some(-1), Some(0), Some(1), Some(i64::MAX)];
        let mut rows: Vec<_> =
            texts.iter().flat_map(|text| longs.iter().map(|long| (*text, *long))).collect();
        rows.sort_unstable();
        let mut keys = Keys::default();
        let text: StringArray = rows.iter().map(|row| row.0).collect();
        let long: Int64Array = rows.iter().map(|row| row.1).collect();
        keys.extend(&[Arc::new(text) as ArrayRef, Arc::new(long)]).unwrap();
        assert!((1..keys.len()).all(|row| keys.get(row - 1) < keys.get(row)));
    }

    #[test]
    fn a_bound_is_the_beginning_of_the_keys_that_have_it() {
        let mut keys = Keys::default();
        let columns: [ArrayRef; 2] =
            [Arc::new(Date32Array::from(vec![-3])), Arc::new(BooleanArray::from(vec![true]))];
        keys.extend(&columns).unwrap();
        assert!(keys.get(0).starts_with(&KeyPart::Date(-3).encode(&DataType::Date32).unwrap()));
        assert_eq!(KeyPart::Text("x".into()).encode(&DataType::Int64), None);
    }

    #[test]
    fn galloping_finds_what_a_scan_finds() {
        for to in 0..40 {
            for from in 0..=to {
                for end in from..=to {
                    assert_eq!(gallop(from, to, |at| at < end), end);
                }
            }
        }
    }
}
