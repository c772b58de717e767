//! `raw` in the Glue Data Catalog: the rows as received, for views over the history of a table.
//!
//! A table is called `raw_<table>` and is in the same database, so that a view names both without naming a database.
//! Its partitions are projected: which units there are, and the days from the first one until now. So nothing has to be
//! registered when files come, only when a unit or a column is new; the entry of the current table remembers that.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use arrow_schema::DataType;
use model::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use tables::RawText;

use super::Move;
use super::glue::{Glue, parameters};
use crate::glue::{GlueColumn, GlueTable, Registered, Registration, StoredAs};
use crate::layout;

/// Which units `raw` is registered for, in the entry of the current table.
const UNITS: &str = "freshlake.raw.units";
/// Which columns it is registered with.
const COLUMNS: &str = "freshlake.raw.columns";

/// Somebody else may register another unit at the same time, this often.
const TRIES: usize = 4;

impl Glue {
    /// Registers the raw tables of the unit unless `told`, the entry of the current table, says that they are, and notes
    /// it there. Data counts without them: a failure is told, and the next commit tries again.
    pub(super) async fn register_raw(&self, moved: &Move<'_>, told: &mut BTreeMap<String, String>) {
        if let Err(error) = self.try_register_raw(moved, told).await {
            let table = moved.family.name;
            tracing::warn!(table, %error, "the raw rows cannot be registered; the next commit tries again");
        }
    }

    async fn try_register_raw(&self, moved: &Move<'_>, told: &mut BTreeMap<String, String>) -> Result<()> {
        let partition = moved.unit.partition();
        let (key, unit) = partition.split_once('=').unwrap_or_default();
        let mut wanted = Vec::new();
        for name in moved.family.lake_names() {
            wanted.push(Raw { name, key, columns: columns(name, key)? });
        }
        let digest = digest(&wanted);
        let mut units = values(told.get(UNITS));
        if told.get(COLUMNS) == Some(&digest) && units.contains(unit) {
            return Ok(());
        }
        for raw in wanted {
            self.register(raw, unit).await?;
        }
        units.insert(unit.to_owned());
        told.insert(UNITS.to_owned(), list(&units));
        told.insert(COLUMNS.to_owned(), digest);
        Ok(())
    }

    /// Registers one raw table, or adds the unit to it.
    async fn register(&self, raw: Raw<'_>, unit: &str) -> Result<()> {
        let day = self.first_day(&raw, unit).await?;
        let table = layout::raw_table(raw.name);
        let mut wanted = GlueTable {
            name: table.clone(),
            doc: format!("{} as received: one row for each time it was read with a change", raw.name),
            location: self.uri(&layout::raw(raw.name)),
            stored_as: StoredAs::Parquet,
            columns: raw.columns.clone(),
            partition_keys: vec![
                GlueColumn::new(raw.key, "string", "Whose rows"),
                GlueColumn::new("dt", "date", "The day on which they were read, in UTC"),
            ],
            parameters: BTreeMap::new(),
        };
        for _ in 0..TRIES {
            let entry = self.tables.get(&self.database, &table).await?;
            if let Some(foreign) =
                entry.as_ref().filter(|entry| entry.location.as_ref() != Some(&wanted.location))
            {
                let at = foreign.location.as_deref().unwrap_or("nowhere");
                let what =
                    format!("{}.{table} in the Glue Data Catalog is at another place ({at})", self.database);
                return Err(
                    Error::new(ErrorKind::Storage, what).next("rename or delete that entry of the catalog")
                );
            }
            wanted.parameters = projected(&wanted.location, raw.key, unit, day.as_deref(), entry.as_ref());
            let done = match &entry {
                Some(entry) => self.tables.update(&self.database, &wanted, &entry.version).await,
                None => self.tables.create(&self.database, &wanted).await,
            };
            match done {
                Ok(Registration::Done) => return Ok(()),
                // Whether it was our own: the entry is read again and replaced again, which changes nothing.
                Ok(Registration::AnotherFirst) => {}
                Err(error) if error.kind() == ErrorKind::CommitUnknown => {}
                Err(error) => return Err(error),
            }
        }
        let what = format!("{}.{table} in the Glue Data Catalog keeps changing", self.database);
        Err(Error::new(ErrorKind::Conflict, what))
    }

    /// The day of the unit's first raw file.
    async fn first_day(&self, raw: &Raw<'_>, unit: &str) -> Result<Option<String>> {
        let prefix = format!("{}/{}={unit}/dt=", layout::raw(raw.name), raw.key);
        let files = self.store.list(&prefix).await?;
        let day = files.first().and_then(|file| file.key.strip_prefix(&prefix)?.split_once('/'));
        Ok(day.map(|(day, _)| day.to_owned()))
    }
}

/// A raw table of one unit.
struct Raw<'r> {
    /// The name of the table whose rows it has.
    name: &'static str,
    /// The partition that says whose rows.
    key: &'r str,
    columns: Vec<GlueColumn>,
}

/// The parameters by which a reader finds the partitions without asking the catalog.
fn projected(
    location: &str,
    key: &str,
    unit: &str,
    day: Option<&str>,
    entry: Option<&Registered>,
) -> BTreeMap<String, String> {
    let mut told = entry.map(|entry| entry.parameters.clone()).unwrap_or_default();
    let mut units = values(told.get(&format!("projection.{key}.values")));
    units.insert(unit.to_owned());
    let range = told.get("projection.dt.range").and_then(|range| range.split_once(','));
    let known = range.map(|(first, _)| first).filter(|first| *first != NEVER);
    // Days as text are in the order of time.
    let first = known.into_iter().chain(day).min().unwrap_or(NEVER).to_owned();
    told.extend(parameters([
        ("classification", "parquet".to_owned()),
        ("projection.enabled", "true".to_owned()),
        ("projection.dt.type", "date".to_owned()),
        ("projection.dt.format", "yyyy-MM-dd".to_owned()),
        ("projection.dt.range", format!("{first},NOW")),
        ("storage.location.template", format!("{location}/{key}=${{{key}}}/dt=${{dt}}")),
    ]));
    told.insert(format!("projection.{key}.type"), "enum".to_owned());
    told.insert(format!("projection.{key}.values"), list(&units));
    told
}

/// The first day of a table that has no file yet: any that is not after the day on which one comes.
const NEVER: &str = "2026-01-01";

fn values(list: Option<&String>) -> BTreeSet<String> {
    list.into_iter().flat_map(|list| list.split(',')).filter(|v| !v.is_empty()).map(str::to_owned).collect()
}

fn list(values: &BTreeSet<String>) -> String {
    values.iter().map(String::as_str).collect::<Vec<_>>().join(",")
}

/// The columns of a raw table. One that is a partition at the same time is read from the path.
pub(super) fn columns(name: &str, key: &str) -> Result<Vec<GlueColumn>> {
    let schema = tables::arrow_schema(name, RawText::Keep)
        .ok_or_else(|| Error::new(ErrorKind::Internal, format!("there is no table {name}")))?;
    let fields = schema.fields().iter().filter(|field| field.name() != key && field.name() != "dt");
    fields
        .map(|field| {
            let doc = field.metadata().get("comment").map_or("", String::as_str);
            Ok(GlueColumn::new(field.name(), glue_type(field.data_type())?, doc))
        })
        .collect()
}

fn glue_type(arrow: &DataType) -> Result<String> {
    Ok(match arrow {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int32 => "int".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Utf8 => "string".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        other => {
            return Err(Error::new(ErrorKind::Internal, format!("no column of a table may be {other}")));
        }
    })
}

/// Tells one set of columns from another.
fn digest(tables: &[Raw<'_>]) -> String {
    let mut hash = Sha256::new();
    for raw in tables {
        hash.update(raw.name);
        for column in &raw.columns {
            hash.update(format!("\n{} {} {}", column.name, column.kind, column.doc));
        }
    }
    hash.finalize().iter().take(6).fold(String::new(), |mut hex, byte| {
        let written = write!(hex, "{byte:02x}");
        debug_assert!(written.is_ok(), "writing to a string");
        hex
    })
}
