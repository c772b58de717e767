//! The metadata of one table: its schema, its snapshots, and which commit of each unit it shows.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use iceberg::spec::{
    FormatVersion, Manifest, ManifestFile, ManifestList, NullOrder, SortDirection, SortField, SortOrder,
    TableMetadata, TableMetadataBuilder, Transform, UnboundPartitionSpec,
};
use model::port::ObjectStore;
use model::{Error, ErrorKind, Result, Unit};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::advance::VERSIONS;
use super::desk::Desk;
use super::plan::{Owner, Plan};
use super::{failed, schema};
use crate::Contract;
use crate::glue::GlueColumn;
use crate::merge::{KeyPart, Live, Shape};
use crate::{files, layout};

/// The property that says which commit of each unit the table shows: one, and small, however many units there are.
const UNITS: &str = "freshlake.units";

/// A version of a table.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(super) inner: TableMetadata,
    /// The key of the object it is stored in; none before it is stored.
    pub(super) stored: Option<String>,
}

/// A version that is to be stored, under a name that comes of its text.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) body: Bytes,
    /// The columns, for a catalog that shows them.
    pub(crate) columns: Vec<GlueColumn>,
}

/// One moment of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) id: i64,
    pub(crate) at: jiff::Timestamp,
    /// What the commit has said of itself: run, task, rows added and removed.
    pub(crate) summary: BTreeMap<String, String>,
}

/// The manifests of a snapshot, those of one unit read.
pub(crate) struct Contents {
    /// Of other units: carried over as they are.
    pub(super) others: Vec<ManifestFile>,
    pub(super) own: Vec<Manifest>,
}

impl Metadata {
    /// A new table below `location`, without rows.
    pub(crate) fn create(plan: &Plan, location: String, at: i64) -> Result<Self> {
        let schema = schema::fresh(plan)?;
        let id = |name: &str| {
            schema
                .field_id_by_name(name)
                .ok_or_else(|| Error::new(ErrorKind::Internal, format!("{} has no column {name}", plan.name)))
        };
        let spec = UnboundPartitionSpec::builder()
            .add_partition_field(id(plan.unit)?, plan.unit, Transform::Identity)
            .map_err(failed)?
            .build();
        let mut sorted = SortOrder::builder();
        for name in &plan.key {
            sorted.with_sort_field(SortField {
                source_id: id(name)?,
                transform: Transform::Identity,
                direction: SortDirection::Ascending,
                null_order: NullOrder::First,
            });
        }
        let sorted = sorted.build_unbound().map_err(failed)?;
        let properties = [
            ("comment", plan.doc),
            ("write.parquet.compression-codec", "zstd"),
            ("write.metadata.previous-versions-max", &VERSIONS.to_string()),
            (UNITS, "{}"),
        ];
        let properties = properties.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let digest = Sha256::digest(&location).first_chunk().copied().unwrap_or_default();
        let uuid = uuid::Builder::from_custom_bytes(digest).into_uuid();
        let builder =
            TableMetadataBuilder::new(schema, spec, sorted, location, FormatVersion::V2, properties.into())
                .map_err(failed)?
                .assign_uuid(uuid);
        Self::dated(builder.build().map_err(failed)?.metadata, at)
    }

    /// The same table with the columns of `plan`, as far as `contract` lets it follow; tells the columns, in words, whose
    /// values it cannot hold.
    pub(crate) fn evolved(self, plan: &Plan, contract: Contract) -> Result<(Self, Vec<String>)> {
        let grow = contract == Contract::Evolve;
        let evolution = schema::evolve(self.inner.current_schema(), self.inner.last_column_id(), plan, grow)?;
        let schema::Evolution { schema, differences, kept_apart } = evolution;
        if contract == Contract::Freeze && !(differences.is_empty() && kept_apart.is_empty()) {
            return Err(Contract::broken(plan.name, &[differences, kept_apart].concat()));
        }
        if !kept_apart.is_empty() {
            tracing::warn!(table = plan.name, columns = %kept_apart.join(", "), "kept in _extra");
        }
        if !grow && !differences.is_empty() {
            tracing::warn!(table = plan.name, columns = %differences.join(", "), "left out of the table");
        }
        let Some(schema) = schema else { return Ok((self, kept_apart)) };
        let id = self.inner.schemas_iter().map(|known| known.schema_id()).max().unwrap_or_default() + 1;
        let last = self.inner.last_column_id().max(schema.highest_field_id());
        let schema = schema.into_builder().with_schema_id(id).build().map_err(failed)?;
        let schema = serde_json::to_value(&schema).map_err(unwritable)?;
        let mut evolved = self.edited(self.inner.last_updated_ms(), |json| {
            if let Some(Value::Array(schemas)) = json.get_mut("schemas") {
                schemas.push(schema);
            }
            json.insert("current-schema-id".to_owned(), id.into());
            json.insert("last-column-id".to_owned(), last.into());
        })?;
        evolved.stored = self.stored;
        Ok((evolved, kept_apart))
    }

    /// The same table as of another moment.
    fn dated(metadata: TableMetadata, at: i64) -> Result<Self> {
        Self { inner: metadata, stored: None }.edited(at, |_| {})
    }

    /// The same table with changes that are none of its rows.
    pub(super) fn edited(&self, at: i64, edit: impl FnOnce(&mut Map<String, Value>)) -> Result<Self> {
        let inner = serde_json::from_value(json(&self.inner, at, edit)?).map_err(unwritable)?;
        Ok(Self { inner, stored: None })
    }

    /// The next version of the same table, with changes that are none of its rows.
    pub(crate) fn successor(
        &self,
        home: &str,
        at: i64,
        edit: impl FnOnce(&mut Map<String, Value>),
    ) -> Result<Staged> {
        let (previous, before) = (self.path(home), self.inner.last_updated_ms());
        self.staged(at, |table| {
            edit(table);
            let log = table.entry("metadata-log").or_insert_with(|| Value::Array(Vec::new()));
            if let (Value::Array(log), Some(previous)) = (log, previous) {
                log.push(serde_json::json!({ "metadata-file": previous, "timestamp-ms": before }));
                let surplus = log.len().saturating_sub(VERSIONS);
                log.drain(..surplus);
            }
        })
    }

    /// The same table with changes that are none of its rows, to be stored.
    pub(crate) fn staged(&self, at: i64, edit: impl FnOnce(&mut Map<String, Value>)) -> Result<Staged> {
        let mut json = json(&self.inner, at, edit)?;
        sort(&mut json);
        let body = serde_json::to_vec(&json).map_err(unwritable)?;
        Ok(Staged { body: body.into(), columns: self.columns()? })
    }

    /// Reads the object called `key`.
    pub(crate) fn read(key: &str, body: &[u8]) -> Result<Self> {
        let damaged = |what: &str| {
            Error::new(ErrorKind::Storage, format!("{key} {what}"))
                .next("restore the object from a backup or an earlier version")
        };
        if !layout::names_content(key, &files::sha256(body)) {
            return Err(damaged("has another content than its name says (SHA-256)"));
        }
        let inner = serde_json::from_slice(body).map_err(|e| damaged("is damaged").because(e))?;
        Ok(Self { inner, stored: Some(key.to_owned()) })
    }

    /// Where the table is, as its own paths say. A lake that was moved keeps the place it was made in.
    pub(crate) fn location(&self) -> &str {
        self.inner.location()
    }

    /// Which one in the row of its versions it is; 0 before it is stored.
    pub(crate) fn version(&self) -> u64 {
        let name = self.stored.as_deref().and_then(|key| key.rsplit_once('/'));
        let version = name.and_then(|(_, name)| name.split_once('-'));
        version.and_then(|(version, _)| version.parse().ok()).unwrap_or_default()
    }

    /// Which commit of each unit the table shows.
    pub(crate) fn units(&self) -> Result<BTreeMap<String, String>> {
        let text = self.inner.properties().get(UNITS).map_or("{}", String::as_str);
        serde_json::from_str(text).map_err(|e| {
            Error::new(ErrorKind::Storage, format!("the property {UNITS} of {} is damaged", self.location()))
                .because(e)
                .next("restore the object from a backup or an earlier version")
        })
    }

    /// Which commit of `unit` the table shows.
    pub(crate) fn shows(&self, unit: &Unit) -> Result<Option<String>> {
        Ok(self.units()?.remove(&unit.partition()))
    }

    pub(super) fn units_property(units: &BTreeMap<String, String>) -> Result<HashMap<String, String>> {
        let text = serde_json::to_string(units).map_err(unwritable)?;
        Ok(HashMap::from([(UNITS.to_owned(), text)]))
    }

    /// Its snapshots, oldest first.
    pub(crate) fn snapshots(&self) -> Vec<Snapshot> {
        let mut snapshots: Vec<_> = self.inner.snapshots().collect();
        snapshots.sort_by_key(|snapshot| snapshot.sequence_number());
        let told = snapshots.into_iter().map(|snapshot| Snapshot {
            id: snapshot.snapshot_id(),
            at: jiff::Timestamp::from_millisecond(snapshot.timestamp_ms()).unwrap_or(jiff::Timestamp::MIN),
            summary: snapshot.summary().additional_properties.clone().into_iter().collect(),
        });
        told.collect()
    }

    /// The id of the snapshot that readers see; none before the first row.
    pub(crate) fn current(&self) -> Option<i64> {
        self.inner.current_snapshot_id()
    }

    /// How rows are laid out, for the merge.
    pub(crate) fn shape(&self, plan: &Plan) -> Result<Shape> {
        let schema = schema::arrow(self.inner.current_schema())?;
        let place = |name: &&str| {
            schema.index_of(name).map_err(|e| {
                Error::new(ErrorKind::Storage, format!("the table {} has lost a key column", plan.name))
                    .because(e)
            })
        };
        let key = plan.key.iter().map(place).collect::<Result<_>>()?;
        Ok(Shape { table: plan.name.to_owned(), schema, key, whole: plan.whole })
    }

    /// The object key of something the metadata names by its path.
    pub(crate) fn key_of(&self, path: &str, home: &str) -> Result<String> {
        path.strip_prefix(self.location()).map(|rest| format!("{home}{rest}")).ok_or_else(|| {
            Error::new(
                ErrorKind::Storage,
                format!("{path} is not below the table's location {}", self.location()),
            )
            .next("bring the lake back together as it was, or restore the object from a backup")
        })
    }

    /// What the current snapshot is made of, the part of `owner` in detail; `home` is the table's folder in `store`.
    pub(crate) async fn contents(
        &self,
        store: &dyn ObjectStore,
        home: &str,
        owner: &Owner,
    ) -> Result<Contents> {
        let mut contents = Contents { others: Vec::new(), own: Vec::new() };
        let desk = Desk::new();
        for file in self.manifests(store, home, self.current()).await? {
            if concerns(&file, owner) {
                let bytes = read(store, &self.key_of(&file.manifest_path, home)?).await?;
                contents.own.push(desk.manifest(&file, bytes).await?);
            } else {
                contents.others.push(file);
            }
        }
        Ok(contents)
    }

    /// The manifests of a snapshot.
    pub(super) async fn manifests(
        &self,
        store: &dyn ObjectStore,
        home: &str,
        snapshot: Option<i64>,
    ) -> Result<Vec<ManifestFile>> {
        let Some(snapshot) = snapshot.and_then(|id| self.inner.snapshot_by_id(id)) else {
            return Ok(Vec::new());
        };
        let bytes = read(store, &self.key_of(snapshot.manifest_list(), home)?).await?;
        let list = ManifestList::parse_with_version(&bytes, FormatVersion::V2).map_err(failed)?;
        Ok(list.consume_entries().into_iter().collect())
    }
}

/// As JSON, with changes. Iceberg's own builder takes the machine's clock for the moment of a change, and refuses it where an
/// earlier commit had a clock that was ahead; here time comes from the caller.
fn json(metadata: &TableMetadata, at: i64, edit: impl FnOnce(&mut Map<String, Value>)) -> Result<Value> {
    let mut json = serde_json::to_value(metadata).map_err(unwritable)?;
    if let Some(json) = json.as_object_mut() {
        json.insert("last-updated-ms".to_owned(), at.into());
        edit(json);
    }
    Ok(json)
}

/// Puts in order what comes out of hash tables: equal tables have equal texts.
fn sort(json: &mut Value) {
    for (list, by) in
        [("snapshots", "sequence-number"), ("schemas", "schema-id"), ("partition-specs", "spec-id")]
    {
        if let Some(Value::Array(entries)) = json.get_mut(list) {
            entries.sort_by_key(|entry| entry.get(by).and_then(Value::as_i64));
        }
    }
    for schema in json.get_mut("schemas").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(Value::Array(ids)) = schema.get_mut("identifier-field-ids") {
            ids.sort_by_key(Value::as_i64);
        }
    }
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "cannot write table metadata").because(error)
}

impl Contents {
    /// A bug, planted.
    pub(crate) fn forget_others(&mut self) {
        self.others.clear();
    }

    /// The unit's data files with the bounds of their first key column, for the merge.
    pub(crate) fn live(&self, metadata: &Metadata, home: &str, shape: &Shape) -> Result<Vec<Live>> {
        let first = shape.key.first().and_then(|at| shape.schema.fields().get(*at));
        let first = first.and_then(|field| metadata.inner.current_schema().field_id_by_name(field.name()));
        let mut live = Vec::new();
        for entry in self.own.iter().flat_map(Manifest::entries).filter(|entry| entry.is_alive()) {
            let file = entry.data_file();
            let part = |bounds: &HashMap<i32, iceberg::spec::Datum>| {
                first.and_then(|id| bounds.get(&id)).and_then(key_part)
            };
            live.push(Live {
                key: metadata.key_of(file.file_path(), home)?,
                rows: file.record_count(),
                bytes: file.file_size_in_bytes(),
                first: part(file.lower_bounds()),
                last: part(file.upper_bounds()),
            });
        }
        Ok(live)
    }
}

fn key_part(bound: &iceberg::spec::Datum) -> Option<KeyPart> {
    use iceberg::spec::{PrimitiveLiteral, PrimitiveType};
    match (bound.data_type(), bound.literal()) {
        (PrimitiveType::Long, PrimitiveLiteral::Long(number)) => Some(KeyPart::Int(*number)),
        (PrimitiveType::Date, PrimitiveLiteral::Int(days)) => Some(KeyPart::Date(*days)),
        // A lower bound that was cut is still one; an upper one is kept only whole.
        (PrimitiveType::String, PrimitiveLiteral::String(text)) => Some(KeyPart::Text(text.clone())),
        _ => None,
    }
}

/// Whether a manifest may hold files of `owner`: its summary tells the owners between the least and the greatest.
fn concerns(file: &ManifestFile, owner: &Owner) -> bool {
    let Some(summary) = file.partitions.as_ref().and_then(|fields| fields.first()) else { return true };
    let (Some(lower), Some(upper)) = (&summary.lower_bound, &summary.upper_bound) else { return true };
    match owner {
        Owner::Text(text) => (lower.as_slice()..=upper.as_slice()).contains(&text.as_bytes()),
        Owner::Number(number) => {
            let read = |bytes: &[u8]| bytes.try_into().map(i64::from_le_bytes);
            match (read(lower), read(upper)) {
                (Ok(lower), Ok(upper)) => (lower..=upper).contains(number),
                _ => true,
            }
        }
    }
}

/// Reads a manifest or a list of manifests; what is inside is what its name says.
pub(super) async fn read(store: &dyn ObjectStore, key: &str) -> Result<Bytes> {
    let broken = |what: &str| {
        Error::new(ErrorKind::Storage, format!("{key} {what}"))
            .next("see what else is missing with freshlake verify, and restore the object from a backup")
    };
    let bytes = store.get(key).await?.ok_or_else(|| broken("is missing"))?;
    if !layout::names_content(key, &files::sha256(&bytes)) {
        return Err(broken("has another content than its name says (SHA-256)"));
    }
    Ok(bytes)
}
