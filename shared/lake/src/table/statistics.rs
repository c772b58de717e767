//! What a data file says of itself: sizes, nulls and bounds per column, from its Parquet footer.

use std::collections::{HashMap, HashSet};

use iceberg::spec::{
    DataContentType, DataFile, DataFileBuilder, DataFileFormat, Datum, Literal, PrimitiveType, Schema,
    Struct, Type,
};
use model::{Error, ErrorKind, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::plan::Owner;

/// Text bounds are kept this long, in characters, unless they are of a key: what planning needs is short.
const BOUND: usize = 16;

/// Describes a file whose rows are of `owner`, for a manifest.
pub(super) fn describe(
    path: String,
    bytes: u64,
    footer: &ParquetMetaData,
    schema: &Schema,
    owner: &Owner,
    spec: i32,
) -> Result<DataFile> {
    let mut columns = Columns::default();
    for group in footer.row_groups() {
        for chunk in group.columns() {
            let name = chunk.column_descr().name();
            let Some(field) = schema.field_by_name(name) else { continue };
            let Type::Primitive(kind) = &*field.field_type else { continue };
            let size = u64::try_from(chunk.compressed_size()).unwrap_or_default();
            *columns.sizes.entry(field.id).or_default() += size;
            *columns.values.entry(field.id).or_default() +=
                u64::try_from(chunk.num_values()).unwrap_or_default();
            if let Some(statistics) = chunk.statistics() {
                *columns.nulls.entry(field.id).or_default() +=
                    statistics.null_count_opt().unwrap_or_default();
                columns.bound(field.id, kind, statistics);
            } else {
                columns.unbounded.insert(field.id);
            }
        }
    }
    columns.lower.retain(|id, _| !columns.unbounded.contains(id));
    columns.upper.retain(|id, _| !columns.unbounded.contains(id));
    let owner = match owner {
        Owner::Text(text) => Literal::string(text),
        Owner::Number(number) => Literal::long(*number),
    };
    let offsets = footer.row_groups().iter().filter_map(RowGroupMetaData::file_offset).collect();
    let file = DataFileBuilder::default()
        .content(DataContentType::Data)
        .file_path(path)
        .file_format(DataFileFormat::Parquet)
        .partition(Struct::from_iter([Some(owner)]))
        .partition_spec_id(spec)
        .record_count(u64::try_from(footer.file_metadata().num_rows()).unwrap_or_default())
        .file_size_in_bytes(bytes)
        .column_sizes(columns.sizes)
        .value_counts(columns.values)
        .null_value_counts(columns.nulls)
        .lower_bounds(columns.lower)
        .upper_bounds(columns.upper)
        .split_offsets(Some(offsets))
        .build();
    file.map_err(|e| Error::new(ErrorKind::Internal, "cannot describe a data file").because(e))
}

#[derive(Default)]
struct Columns {
    sizes: HashMap<i32, u64>,
    values: HashMap<i32, u64>,
    nulls: HashMap<i32, u64>,
    lower: HashMap<i32, Datum>,
    upper: HashMap<i32, Datum>,
    /// Some values of these columns lie nobody knows where.
    unbounded: HashSet<i32>,
}

impl Columns {
    fn bound(&mut self, id: i32, kind: &PrimitiveType, statistics: &Statistics) {
        let (lower, upper) = bounds(kind, statistics);
        let values = self.values.get(&id).copied().unwrap_or_default();
        let nulls = self.nulls.get(&id).copied().unwrap_or_default();
        if (lower.is_none() || upper.is_none()) && nulls < values {
            self.unbounded.insert(id);
        }
        let wider = |held: &Datum, new: &Datum, order| held.partial_cmp(new) == Some(order);
        if let Some(lower) = lower {
            let held = self.lower.entry(id).or_insert_with(|| lower.clone());
            if wider(held, &lower, std::cmp::Ordering::Greater) {
                *held = lower;
            }
        }
        if let Some(upper) = upper {
            let held = self.upper.entry(id).or_insert_with(|| upper.clone());
            if wider(held, &upper, std::cmp::Ordering::Less) {
                *held = upper;
            }
        }
    }
}

/// The least and the greatest value of a column chunk; absent where Parquet keeps none.
fn bounds(kind: &PrimitiveType, statistics: &Statistics) -> (Option<Datum>, Option<Datum>) {
    match (kind, statistics) {
        (PrimitiveType::Boolean, Statistics::Boolean(s)) => {
            (s.min_opt().map(|v| Datum::bool(*v)), s.max_opt().map(|v| Datum::bool(*v)))
        }
        (PrimitiveType::Int, Statistics::Int32(s)) => {
            (s.min_opt().map(|v| Datum::int(*v)), s.max_opt().map(|v| Datum::int(*v)))
        }
        (PrimitiveType::Date, Statistics::Int32(s)) => {
            (s.min_opt().map(|v| Datum::date(*v)), s.max_opt().map(|v| Datum::date(*v)))
        }
        (PrimitiveType::Long, Statistics::Int64(s)) => {
            (s.min_opt().map(|v| Datum::long(*v)), s.max_opt().map(|v| Datum::long(*v)))
        }
        (PrimitiveType::Timestamptz, Statistics::Int64(s)) => {
            let datum = |v: &i64| Datum::timestamptz_micros(*v);
            (s.min_opt().map(datum), s.max_opt().map(datum))
        }
        (PrimitiveType::String, Statistics::ByteArray(s)) => {
            let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
            let lower = s.min_bytes_opt().and_then(text).map(|text| first(&text));
            // What Parquet has cut may be less than what it stands for; and a cut upper bound would be, too.
            let whole = |text: &String| s.max_is_exact() && text.chars().count() <= BOUND;
            let upper = s.max_bytes_opt().and_then(text).filter(whole);
            (lower.map(Datum::string), upper.map(Datum::string))
        }
        (PrimitiveType::Decimal { precision, scale }, Statistics::FixedLenByteArray(s)) => {
            let datum = |bytes: &[u8]| decimal(bytes, *precision, *scale);
            (s.min_bytes_opt().and_then(datum), s.max_bytes_opt().and_then(datum))
        }
        _ => (None, None),
    }
}

fn first(text: &str) -> String {
    text.chars().take(BOUND).collect()
}

/// A decimal as Parquet stores it: big-endian, two's complement.
fn decimal(bytes: &[u8], precision: u32, scale: u32) -> Option<Datum> {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    wide.get_mut(16_usize.checked_sub(bytes.len())?..)?.copy_from_slice(bytes);
    let kind = PrimitiveType::Decimal { precision, scale };
    Datum::try_from_bytes(&i128::from_be_bytes(wide).to_be_bytes(), kind).ok()
}
