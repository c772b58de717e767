//! Looking at a table without changing it: which objects it is made of, and whether they say what is so.

use iceberg::spec::{FormatVersion, Literal, ManifestFile, ManifestList, PrimitiveLiteral};
use model::port::ObjectStore;
use model::{AccountId, BusinessId, Error, ErrorKind, Result, Unit};
use parquet::file::metadata::ParquetMetaData;

use super::desk::Desk;
use super::metadata::{self, Metadata};
use super::plan::{Owner, Plan};
use super::{failed, statistics};
use tables::Family;

/// A manifest, as the list of a snapshot tells of it.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) key: String,
    pub(crate) bytes: u64,
    file: ManifestFile,
}

/// A data file, as a manifest tells of it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Whose rows it holds.
    pub(crate) owner: Option<Owner>,
    told: iceberg::spec::DataFile,
}

impl Metadata {
    /// The keys of the versions before this one that it still names.
    pub(crate) fn log(&self, home: &str) -> Result<Vec<String>> {
        self.inner.metadata_log().iter().map(|entry| self.key_of(&entry.metadata_file, home)).collect()
    }

    /// The number of the last snapshot there was: the next one has a greater one, and so have its manifests.
    pub(crate) fn sequence(&self) -> i64 {
        self.inner.last_sequence_number()
    }

    /// When it was last changed, in milliseconds, as it says.
    pub(crate) fn last_updated(&self) -> i64 {
        self.inner.last_updated_ms()
    }

    /// The key of a snapshot's list of manifests.
    pub(crate) fn list(&self, home: &str, snapshot: i64) -> Result<String> {
        let snapshot = self.inner.snapshot_by_id(snapshot).ok_or_else(|| {
            let what = format!("{} has no snapshot {snapshot}", self.location());
            Error::new(ErrorKind::Storage, what)
        })?;
        self.key_of(snapshot.manifest_list(), home)
    }

    /// The manifests that are in the list at `key`.
    pub(crate) async fn listed(&self, store: &dyn ObjectStore, home: &str, key: &str) -> Result<Vec<Listed>> {
        let bytes = metadata::read(store, key).await?;
        let list = ManifestList::parse_with_version(&bytes, FormatVersion::V2).map_err(failed)?;
        let listed = list.consume_entries().into_iter().map(|file| {
            let bytes = u64::try_from(file.manifest_length).unwrap_or_default();
            Ok(Listed { key: self.key_of(&file.manifest_path, home)?, bytes, file })
        });
        listed.collect()
    }

    /// The live data files in a manifest.
    pub(crate) async fn entries(
        &self,
        store: &dyn ObjectStore,
        home: &str,
        manifest: &Listed,
    ) -> Result<Vec<Entry>> {
        let bytes = metadata::read(store, &manifest.key).await?;
        if bytes.len() as u64 != manifest.bytes {
            let what = format!("{} has {} bytes instead of {}", manifest.key, bytes.len(), manifest.bytes);
            return Err(Error::new(ErrorKind::Storage, what));
        }
        let read = Desk::new().manifest(&manifest.file, bytes).await?;
        let (mut added, mut existing, mut deleted, mut rows) = (0_u32, 0_u32, 0_u32, 0_u64);
        let mut entries = Vec::new();
        for entry in read.entries() {
            if !entry.is_alive() {
                deleted += 1;
                continue;
            }
            if entry.snapshot_id() == Some(manifest.file.added_snapshot_id) {
                added += 1;
            } else {
                existing += 1;
            }
            rows += entry.record_count();
            let told = entry.data_file().clone();
            let owner = match told.partition().fields().first() {
                Some(Some(Literal::Primitive(PrimitiveLiteral::String(text)))) => {
                    Some(Owner::Text(text.clone()))
                }
                Some(Some(Literal::Primitive(PrimitiveLiteral::Long(number)))) => {
                    Some(Owner::Number(*number))
                }
                _ => None,
            };
            let key = self.key_of(told.file_path(), home)?;
            entries.push(Entry {
                key,
                rows: told.record_count(),
                bytes: told.file_size_in_bytes(),
                owner,
                told,
            });
        }
        let file = &manifest.file;
        let told = file.added_rows_count.unwrap_or_default() + file.existing_rows_count.unwrap_or_default();
        let counts = [file.added_files_count, file.existing_files_count, file.deleted_files_count];
        if rows != told || counts != [Some(added), Some(existing), Some(deleted)] {
            let what = format!("{} has other files or rows than its list tells of", manifest.key);
            return Err(Error::new(ErrorKind::Storage, what));
        }
        Ok(entries)
    }

    /// In what the running figures of the current snapshot differ from the files that it is made of.
    pub(crate) fn misled(&self, entries: &[Entry]) -> Option<String> {
        let summary = &self.inner.current_snapshot()?.summary().additional_properties;
        let figures = [
            ("total-records", entries.iter().map(|entry| entry.rows).sum()),
            ("total-data-files", entries.len() as u64),
            ("total-files-size", entries.iter().map(|entry| entry.bytes).sum()),
        ];
        figures.into_iter().find_map(|(name, is)| {
            let told = summary.get(name).map_or("nothing", String::as_str);
            (told != is.to_string()).then(|| format!("says {name} {told}, and its files have {is}"))
        })
    }

    /// In what a manifest differs from the footer of the file that it tells of.
    pub(crate) fn differs(&self, entry: &Entry, footer: &ParquetMetaData) -> Result<Option<&'static str>> {
        let told = &entry.told;
        let Some(owner) = &entry.owner else { return Ok(Some("the owner")) };
        let (path, spec) = (told.file_path().to_owned(), self.inner.default_partition_spec_id());
        let is = statistics::describe(path, entry.bytes, footer, self.inner.current_schema(), owner, spec)?;
        Ok(if is.record_count() != told.record_count() {
            Some("the number of rows")
        } else if is.split_offsets() != told.split_offsets() {
            Some("where row groups begin")
        } else if is.column_sizes() != told.column_sizes() || is.value_counts() != told.value_counts() {
            Some("the sizes of columns")
        } else if is.null_value_counts() != told.null_value_counts() {
            Some("the number of nulls")
        } else {
            // A column that was widened since has bounds of another type in one of the two.
            let bounds = [(is.lower_bounds(), told.lower_bounds()), (is.upper_bounds(), told.upper_bounds())];
            let differ = bounds.into_iter().any(|(is, told)| {
                let typed = |id: &i32| Some((is.get(id)?, told.get(id)?));
                is.keys().filter_map(typed).any(|(is, told)| is.data_type() == told.data_type() && is != told)
            });
            differ.then_some("the bounds of columns")
        })
    }
}

impl Plan {
    /// The unit of a table of `family` whose rows have `owner` in their unit column.
    pub(crate) fn unit_of(family: Family, owner: &Owner) -> Option<Unit> {
        match (family.owner(), owner) {
            (tables::Owner::Account, Owner::Text(id)) => Some(Unit::Account(AccountId(id.clone()))),
            (tables::Owner::Business, Owner::Number(id)) => Some(Unit::Business(BusinessId(*id))),
            (tables::Owner::Person, Owner::Number(id)) => Some(Unit::Identity(*id)),
            _ => None,
        }
    }
}
