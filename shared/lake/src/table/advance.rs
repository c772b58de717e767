//! From one version of a table to the next: files come and go in one snapshot.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use iceberg::spec::{
    DataFile, MAIN_BRANCH, ManifestFile, Operation, Snapshot, SnapshotSummaryCollector, Summary,
};
use model::{Error, ErrorKind, Result, Timestamp, Unit};
use parquet::file::metadata::ParquetMetaData;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::desk::Desk;
use super::metadata::{Contents, Metadata, Staged};
use super::plan::Owner;
use super::{failed, statistics};
use crate::{files, layout};
use model::port::ObjectStore;

/// Snapshots that a table keeps: what a reader can go back to, and the bound of its metadata.
const SNAPSHOTS: usize = 200;

/// Earlier versions that the metadata names.
pub(super) const VERSIONS: usize = 20;

/// A data file that is put and not yet part of the table.
#[derive(Clone, Debug)]
pub(crate) struct NewFile {
    pub(crate) key: String,
    pub(crate) bytes: u64,
    pub(crate) footer: Arc<ParquetMetaData>,
}

/// What one commit changes.
#[derive(Debug)]
pub(crate) struct Change<'c> {
    pub(crate) unit: &'c Unit,
    /// The commit of the unit that the table shows from now on.
    pub(crate) entry: &'c str,
    /// When; a clock that went back does not take the table along.
    pub(crate) at: Timestamp,
    /// What the snapshot says of itself beside Iceberg's own figures.
    pub(crate) told: &'c [(&'c str, String)],
    pub(crate) added: &'c [NewFile],
    /// The keys of files that are no longer part of the table.
    pub(crate) replaced: &'c HashSet<String>,
}

impl Metadata {
    /// The version that `change` leads to. Its manifests are put to `store`, it is itself not.
    pub(crate) async fn advance(
        self,
        store: &dyn ObjectStore,
        home: &str,
        contents: Contents,
        change: Change<'_>,
    ) -> Result<Staged> {
        let at = change.at.as_millisecond().max(self.inner.last_updated_ms());
        let mut units = self.units()?;
        units.insert(change.unit.partition(), change.entry.to_owned());
        let units = Self::units_property(&units)?;
        if change.added.is_empty() && change.replaced.is_empty() {
            return self.successor(home, at, |json| {
                if let Some(Value::Object(properties)) = json.get_mut("properties") {
                    properties.extend(units.into_iter().map(|(key, value)| (key, value.into())));
                }
            });
        }
        let snapshot = self.snapshot(store, home, contents, &change, at).await?;
        let (outlived, previous) = (self.outlived(), self.path(home));
        let builder = self.inner.into_builder(previous).set_properties(units).map_err(failed)?;
        let builder = builder.set_branch_snapshot(snapshot, MAIN_BRANCH).map_err(failed)?;
        let built = builder.remove_snapshots(&outlived).build().map_err(failed)?;
        Self { inner: built.metadata, stored: None }.staged(at, |_| {})
    }

    /// Where this version is stored.
    pub(super) fn path(&self, home: &str) -> Option<String> {
        let rest = self.stored.as_deref().and_then(|key| key.strip_prefix(home))?;
        Some(format!("{}{rest}", self.location()))
    }

    /// The oldest snapshots, where one more would be too many.
    fn outlived(&self) -> Vec<i64> {
        let snapshots = self.snapshots();
        let surplus = (snapshots.len() + 1).saturating_sub(SNAPSHOTS);
        snapshots.iter().take(surplus).map(|snapshot| snapshot.id).collect()
    }

    async fn snapshot(
        &self,
        store: &dyn ObjectStore,
        home: &str,
        contents: Contents,
        change: &Change<'_>,
        at: i64,
    ) -> Result<Snapshot> {
        let parent = self.current();
        let sequence = self.inner.next_sequence_number();
        let id = snapshot_id(self.location(), change.entry, parent);
        let name = |rest: &str| format!("{}/metadata/{sequence:05}-{id:016x}{rest}.avro", self.location());
        let schema = Arc::clone(self.inner.current_schema());
        let spec = Arc::clone(self.inner.default_partition_spec());
        let owner = Owner::from(change.unit);
        let mut figures = SnapshotSummaryCollector::default();
        let desk = Desk::new();

        let path = name("-files");
        let mut writer = desk.writer(&path, id, Arc::clone(&schema), &spec)?;
        for manifest in &contents.own {
            for entry in manifest.entries().iter().filter(|entry| entry.is_alive()) {
                let file = entry.data_file();
                let (Some(born), Some(by)) = (entry.sequence_number(), entry.snapshot_id()) else {
                    let what = format!("{path}: a file without a sequence number");
                    return Err(Error::new(ErrorKind::Storage, what));
                };
                if change.replaced.contains(&self.key_of(file.file_path(), home)?) {
                    figures.remove_file(file, Arc::clone(&schema), Arc::clone(&spec));
                    writer.add_delete_file(file.clone(), born, entry.file_sequence_number).map_err(failed)?;
                } else {
                    writer
                        .add_existing_file(file.clone(), by, born, entry.file_sequence_number)
                        .map_err(failed)?;
                }
            }
        }
        for new in change.added {
            let file = self.described(new, home, &owner)?;
            figures.add_file(&file, Arc::clone(&schema), Arc::clone(&spec));
            writer.add_file(file, sequence).map_err(failed)?;
        }
        let mut own = writer.write_manifest_file().await.map_err(failed)?;
        let bytes = desk.take(&path).await?;
        own.manifest_path = name(&format!("-files-{}", layout::short(&files::sha256(&bytes))));
        own.manifest_length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        put(store, &self.key_of(&own.manifest_path, home)?, bytes).await?;

        let manifests: Vec<ManifestFile> = contents.others.into_iter().chain([own]).collect();
        let bytes = desk.list(&name("-list"), id, parent, sequence, manifests).await?;
        let list = name(&format!("-list-{}", layout::short(&files::sha256(&bytes))));
        put(store, &self.key_of(&list, home)?, bytes).await?;

        let mut summary: HashMap<String, String> = figures.build();
        self.totals(&mut summary);
        summary.extend(change.told.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        let operation = if change.replaced.is_empty() { Operation::Append } else { Operation::Overwrite };
        Ok(Snapshot::builder()
            .with_snapshot_id(id)
            .with_parent_snapshot_id(parent)
            .with_sequence_number(sequence)
            .with_timestamp_ms(at)
            .with_manifest_list(list)
            .with_summary(Summary { operation, additional_properties: summary })
            .with_schema_id(schema.schema_id())
            .build())
    }

    fn described(&self, new: &NewFile, home: &str, owner: &Owner) -> Result<DataFile> {
        let rest = new.key.strip_prefix(home).ok_or_else(|| {
            Error::new(ErrorKind::Internal, format!("{} is not a file of this table", new.key))
        })?;
        let path = format!("{}{rest}", self.location());
        let spec = self.inner.default_partition_spec_id();
        statistics::describe(path, new.bytes, &new.footer, self.inner.current_schema(), owner, spec)
    }

    /// The running figures of a summary, which the collector does not know.
    fn totals(&self, summary: &mut HashMap<String, String>) {
        let before = self.inner.current_snapshot().map(|snapshot| &snapshot.summary().additional_properties);
        let figure = |of: &HashMap<String, String>, key: &str| -> u64 {
            of.get(key).and_then(|text| text.parse().ok()).unwrap_or_default()
        };
        let running = [
            ("total-records", "added-records", "deleted-records"),
            ("total-data-files", "added-data-files", "deleted-data-files"),
            ("total-files-size", "added-files-size", "removed-files-size"),
        ];
        let totals: BTreeMap<&str, u64> = running
            .into_iter()
            .map(|(total, added, removed)| {
                let before = before.map_or(0, |before| figure(before, total));
                (total, (before + figure(summary, added)).saturating_sub(figure(summary, removed)))
            })
            .collect();
        summary.extend(totals.into_iter().map(|(key, total)| (key.to_owned(), total.to_string())));
        for never in ["total-delete-files", "total-position-deletes", "total-equality-deletes"] {
            summary.insert(never.to_owned(), "0".to_owned());
        }
    }
}

/// An id of its own for each commit on each parent: whoever stages the same commit again finds its own files.
fn snapshot_id(location: &str, entry: &str, parent: Option<i64>) -> i64 {
    let digest = Sha256::digest(format!("{location}\n{entry}\n{parent:?}"));
    let bytes = digest.first_chunk().copied().unwrap_or_default();
    i64::from_be_bytes(bytes) & i64::MAX
}

async fn put(store: &dyn ObjectStore, key: &str, body: bytes::Bytes) -> Result<()> {
    files::put_once(store, key, body).await
}
