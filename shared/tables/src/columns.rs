//! Growing Arrow columns.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Decimal128Builder, Int32Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};

use crate::declaration::{Column, Kind};
use crate::decode::Context;
use crate::schema::{RawText, arrow_types, instant_type};
use crate::value::Value;

/// One column, with the companion that its kind has.
#[derive(Debug)]
enum Builder {
    Int(Int64Builder),
    Bool(BooleanBuilder),
    Text(StringBuilder),
    Date(Date32Builder),
    Instant(TimestampMicrosecondBuilder, StringBuilder),
    Money(Decimal128Builder, StringBuilder),
    Decimal(Decimal128Builder),
}

impl Builder {
    fn new(kind: Kind) -> Self {
        let decimal = || Decimal128Builder::new().with_data_type(arrow_types(kind).0);
        match kind {
            Kind::Int => Self::Int(Int64Builder::new()),
            Kind::Bool => Self::Bool(BooleanBuilder::new()),
            Kind::Text | Kind::Json => Self::Text(StringBuilder::new()),
            Kind::Date => Self::Date(Date32Builder::new()),
            Kind::Instant(_) => Self::Instant(instants(), StringBuilder::new()),
            Kind::Money(_) => Self::Money(decimal(), StringBuilder::new()),
            Kind::Decimal(_) => Self::Decimal(decimal()),
        }
    }

    /// Appends `value`; one of another kind than the column's, which the decoder never makes, becomes null.
    fn append(&mut self, value: &Value<'_>) {
        match (self, value) {
            (Self::Int(b), Value::Int(v)) => b.append_value(*v),
            (Self::Int(b), _) => b.append_null(),
            (Self::Bool(b), Value::Bool(v)) => b.append_value(*v),
            (Self::Bool(b), _) => b.append_null(),
            (Self::Text(b), Value::Text(v)) => b.append_value(v),
            (Self::Text(b), _) => b.append_null(),
            (Self::Date(b), Value::Date(v)) => b.append_value(*v),
            (Self::Date(b), _) => b.append_null(),
            (Self::Instant(b, text), Value::Instant(v, words)) => {
                b.append_option(*v);
                text.append_value(words);
            }
            (Self::Instant(b, text), _) => {
                b.append_null();
                text.append_null();
            }
            (Self::Money(b, codes), Value::Money(v, code)) => {
                b.append_value(*v);
                codes.append_option(code.as_deref());
            }
            (Self::Money(b, codes), _) => {
                b.append_null();
                codes.append_null();
            }
            (Self::Decimal(b), Value::Decimal(v)) => b.append_value(*v),
            (Self::Decimal(b), _) => b.append_null(),
        }
    }

    fn finish(&mut self, into: &mut Vec<ArrayRef>) {
        match self {
            Self::Int(b) => into.push(Arc::new(b.finish())),
            Self::Bool(b) => into.push(Arc::new(b.finish())),
            Self::Text(b) => into.push(Arc::new(b.finish())),
            Self::Date(b) => into.push(Arc::new(b.finish())),
            Self::Instant(b, text) => {
                into.push(Arc::new(b.finish()));
                into.push(Arc::new(text.finish()));
            }
            Self::Money(b, codes) => {
                into.push(Arc::new(b.finish()));
                into.push(Arc::new(codes.finish()));
            }
            Self::Decimal(b) => into.push(Arc::new(b.finish())),
        }
    }
}

fn instants() -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::new().with_data_type(instant_type())
}

/// Where a child row belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) parent_key: i64,
    pub(crate) position: i32,
}

/// The growing columns of one table.
#[derive(Debug)]
pub(crate) struct Columns {
    schema: SchemaRef,
    context: Arc<Context>,
    places: Option<(Int64Builder, Int32Builder)>,
    builders: Vec<Builder>,
    extracted_at: TimestampMicrosecondBuilder,
    deleted: BooleanBuilder,
    extra: StringBuilder,
    raw: Option<StringBuilder>,
    rows: usize,
}

impl Columns {
    pub(crate) fn new(
        schema: SchemaRef,
        columns: &[Column],
        is_child: bool,
        raw: RawText,
        context: Arc<Context>,
    ) -> Self {
        Self {
            schema,
            context,
            places: is_child.then(|| (Int64Builder::new(), Int32Builder::new())),
            builders: columns.iter().map(|c| Builder::new(c.kind)).collect(),
            extracted_at: instants(),
            deleted: BooleanBuilder::new(),
            extra: StringBuilder::new(),
            raw: (raw == RawText::Keep).then(StringBuilder::new),
            rows: 0,
        }
    }

    /// Rows since the last [`finish`](Self::finish).
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the texts of rows are kept.
    pub(crate) fn keeps_raw(&self) -> bool {
        self.raw.is_some()
    }

    /// Bytes of the texts of these rows, where they are kept.
    pub(crate) fn raw_bytes(&self) -> usize {
        self.raw.as_ref().map_or(0, |raw| raw.values_slice().len())
    }

    pub(crate) fn append(
        &mut self,
        values: &[Value<'_>],
        place: Option<Place>,
        extracted_at: i64,
        deleted: bool,
        extra: &[(Cow<'_, str>, &str)],
        raw: Option<&str>,
    ) {
        for (builder, value) in self.builders.iter_mut().zip(values) {
            builder.append(value);
        }
        if let (Some((keys, positions)), Some(place)) = (&mut self.places, place) {
            keys.append_value(place.parent_key);
            positions.append_value(place.position);
        }
        self.extracted_at.append_value(extracted_at);
        self.deleted.append_value(deleted);
        if extra.is_empty() {
            self.extra.append_null();
        } else {
            self.extra.append_value(object(extra));
        }
        if let Some(builder) = &mut self.raw {
            builder.append_option(raw);
        }
        self.rows += 1;
    }

    /// The rows so far as one batch; the columns are empty again.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        let (keys, positions) = match &mut self.places {
            Some((keys, positions)) => (Some(keys.finish()), Some(positions.finish())),
            None => (None, None),
        };
        arrays.extend(keys.map(|k| Arc::new(k) as ArrayRef));
        for builder in &mut self.builders {
            builder.finish(&mut arrays);
        }
        arrays.extend(positions.map(|p| Arc::new(p) as ArrayRef));
        let context = &self.context;
        arrays.push(same_text(context.account_id.as_deref(), rows));
        arrays.push(same_int(context.business_id, rows));
        arrays.push(same_text(Some(&context.run_id), rows));
        arrays.push(Arc::new(self.extracted_at.finish()));
        arrays.push(Arc::new(self.deleted.finish()));
        arrays.push(Arc::new(self.extra.finish()));
        if let Some(raw) = &mut self.raw {
            arrays.push(Arc::new(raw.finish()));
        }
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
    }
}

/// A column with the same text in each of `rows` rows.
pub(crate) fn same_text(value: Option<&str>, rows: usize) -> ArrayRef {
    let mut builder = StringBuilder::with_capacity(rows, rows * value.map_or(0, str::len));
    for _ in 0..rows {
        builder.append_option(value);
    }
    Arc::new(builder.finish())
}

/// A column with the same number in each of `rows` rows.
pub(crate) fn same_int(value: Option<i64>, rows: usize) -> ArrayRef {
    let mut builder = Int64Builder::with_capacity(rows);
    for _ in 0..rows {
        builder.append_option(value);
    }
    Arc::new(builder.finish())
}

/// `{"key":value,…}` of entries whose values are JSON text already.
fn object(entries: &[(Cow<'_, str>, &str)]) -> String {
    let mut out = String::with_capacity(entries.iter().map(|(k, v)| k.len() + v.len() + 4).sum());
    for (at, (key, value)) in entries.iter().enumerate() {
        out.push(if at == 0 { '{' } else { ',' });
        // Writing text to a string as JSON cannot fail.
        out.push_str(&serde_json::to_string(key).unwrap_or_default());
        out.push(':');
        out.push_str(value);
    }
    out.push('}');
    out
}
