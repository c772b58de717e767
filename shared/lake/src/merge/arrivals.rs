//! What arrived: for each key of the parent table, in which rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, TimestampMicrosecondType};
use arrow_array::{Array, PrimitiveArray, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use model::{Error, ErrorKind, Result};
use tables::{DeleteRule, RawText, Table};

use super::conform::Conform;
use super::keys::Keys;
use super::parts::Parts;

/// The keys that a commit brings, each with its rows. A row is named by its number over all parts.
pub(crate) struct Arrivals<'p> {
    table: &'static Table,
    parts: &'p dyn Parts,
    /// Of every row, in the order of arrival.
    keys: Keys,
    /// The rows by key, and by arrival where the key is the same.
    order: Vec<usize>,
    /// Where each key begins in `order`; its end, too, behind the last.
    starts: Vec<usize>,
    /// When each row was read; empty where no child asks.
    instants: Vec<i64>,
    /// The number of the first row of each part.
    part_starts: Vec<usize>,
    /// Rows that only say that the key is gone: which of `burials` each is.
    tombstones: BTreeMap<usize, usize>,
    burials: Vec<Burial>,
}

/// By which run and when rows were found to be gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Burial {
    pub(super) run: String,
    /// Microseconds since 1970.
    pub(super) at: i64,
}

impl<'p> Arrivals<'p> {
    /// Reads the keys of the rows of `table`, which is no child.
    pub(crate) async fn read(table: &'static Table, parts: &'p dyn Parts) -> Result<Self> {
        let mut arrivals = Self {
            table,
            parts,
            keys: Keys::default(),
            order: Vec::new(),
            starts: Vec::new(),
            instants: Vec::new(),
            part_starts: Vec::new(),
            tombstones: BTreeMap::new(),
            burials: Vec::new(),
        };
        let key_schema = key_schema(table)?;
        let mut columns = table.key.to_vec();
        if arrivals.may_bury() {
            columns.extend(["_is_deleted", "_run_id", "_extracted_at"]);
        } else if !table.children.is_empty() {
            columns.push("_extracted_at");
        }
        for part in 0..parts.count() {
            arrivals.part_starts.push(arrivals.keys.len());
            for batch in parts.open(part, &columns).await? {
                arrivals.add(&batch?, &key_schema)?;
            }
        }
        arrivals.sort();
        Ok(arrivals)
    }

    fn add(&mut self, batch: &RecordBatch, key_schema: &SchemaRef) -> Result<()> {
        let first = self.keys.len();
        let keys = Conform::by_name(self.table.name, key_schema, &batch.schema())?.batch(batch)?;
        self.keys.extend(keys.columns())?;
        if !self.table.children.is_empty() {
            let instants = typed::<TimestampMicrosecondType>(batch, self.table.name, "_extracted_at")?;
            self.instants.extend_from_slice(instants.values());
        }
        if self.may_bury() {
            self.bury(batch, first)?;
        }
        Ok(())
    }

    /// Whether rows may say that their key is gone, and nothing else. FreshBooks itself never calls a row of such a table
    /// deleted, so those that are said to be are tombstones.
    fn may_bury(&self) -> bool {
        self.table.deleted == DeleteRule::Vanishes
    }

    fn bury(&mut self, batch: &RecordBatch, first: usize) -> Result<()> {
        let name = self.table.name;
        let deleted = column(batch, name, "_is_deleted")?;
        let deleted = deleted.as_boolean_opt().ok_or_else(|| odd(name, "_is_deleted"))?;
        let runs = column(batch, name, "_run_id")?;
        let runs = runs.as_string_opt::<i32>().ok_or_else(|| odd(name, "_run_id"))?;
        let instants = typed::<TimestampMicrosecondType>(batch, name, "_extracted_at")?;
        for row in (0..batch.num_rows()).filter(|row| deleted.is_valid(*row) && deleted.value(*row)) {
            let burial = Burial { run: runs.value(row).to_owned(), at: instants.value(row) };
            let known = self.burials.iter().rposition(|known| *known == burial);
            let which = known.unwrap_or_else(|| {
                self.burials.push(burial);
                self.burials.len() - 1
            });
            self.tombstones.insert(first + row, which);
        }
        Ok(())
    }

    fn sort(&mut self) {
        let keys = &self.keys;
        self.order = (0..keys.len()).collect();
        // Stable, so rows of one key stay in the order of arrival.
        self.order.sort_by(|a, b| keys.get(*a).cmp(keys.get(*b)));
        let mut last: Option<&[u8]> = None;
        for (at, row) in self.order.iter().enumerate() {
            let key = keys.get(*row);
            if last != Some(key) {
                self.starts.push(at);
            }
            last = Some(key);
        }
        self.starts.push(self.order.len());
    }

    pub(super) fn table(&self) -> &'static Table {
        self.table
    }

    pub(super) fn parts(&self) -> &dyn Parts {
        self.parts
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.keys.len()
    }

    /// A key; they are sorted.
    pub(super) fn key(&self, at: usize) -> &[u8] {
        self.rows_of(at).first().map(|row| self.keys.get(*row)).unwrap_or_default()
    }

    /// The rows that have a key, oldest first.
    pub(super) fn rows_of(&self, at: usize) -> &[usize] {
        let (from, to) = (self.starts.get(at), self.starts.get(at + 1));
        from.zip(to).and_then(|(from, to)| self.order.get(*from..*to)).unwrap_or_default()
    }

    /// Which burial a row tells of, if it is a tombstone.
    pub(super) fn tombstone(&self, row: usize) -> Option<usize> {
        self.tombstones.get(&row).copied()
    }

    pub(super) fn burials(&self) -> &[Burial] {
        &self.burials
    }

    /// When a row was read, in microseconds since 1970.
    pub(super) fn instant(&self, row: usize) -> i64 {
        self.instants.get(row).copied().unwrap_or_default()
    }

    /// The number of a part's first row, and of the first one behind it.
    pub(super) fn part_rows(&self, part: usize) -> (usize, usize) {
        let start = self.part_starts.get(part).copied().unwrap_or_default();
        (start, self.part_starts.get(part + 1).copied().unwrap_or(self.keys.len()))
    }
}

fn key_schema(table: &Table) -> Result<SchemaRef> {
    let schema = tables::table_schema(table, RawText::Drop);
    let fields = table.key.iter().map(|name| schema.field_with_name(name).cloned());
    let fields = fields.collect::<Result<Vec<_>, _>>().map_err(|_| odd(table.name, "the key"))?;
    Ok(Arc::new(Schema::new(fields)))
}

fn odd(table: &str, name: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("raw rows of {table} have no {name}, or one of another type"))
}

fn column<'b>(batch: &'b RecordBatch, table: &str, name: &str) -> Result<&'b dyn Array> {
    batch.column_by_name(name).map(|column| &**column).ok_or_else(|| odd(table, name))
}

/// A column of raw rows that must be there, and of this type.
pub(super) fn typed<'b, T: ArrowPrimitiveType>(
    batch: &'b RecordBatch,
    table: &str,
    name: &str,
) -> Result<&'b PrimitiveArray<T>> {
    column(batch, table, name)?.as_primitive_opt::<T>().ok_or_else(|| odd(table, name))
}
