//! The Glue Data Catalog: each table's entry names its metadata, and is replaced only while it is the version that was
//! loaded.
//!
//! Glue changes one table at a time, so children switch before their parent, which has the cursor. What the entry says
//! beyond that is for readers: the columns, and where the files are.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use model::port::ObjectStore;
use model::{Error, ErrorKind, Result};
use tables::Table;

use super::{Catalog, Heads, Move, Swap};
use crate::glue::{GlueTable, GlueTables, Registered, Registration, StoredAs};
use crate::layout;

/// The version of what we keep in an entry. A newer one is refused, not guessed at.
const FORMAT: u32 = 1;

const FORMAT_KEY: &str = "freshlake.format";
const TABLE_TYPE: &str = "table_type";
const METADATA: &str = "metadata_location";
const PREVIOUS: &str = "previous_metadata_location";

/// The tables of one database of the catalog.
#[derive(Clone, Debug)]
pub(crate) struct Glue {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) database: String,
    pub(super) tables: Arc<dyn GlueTables>,
}

impl Glue {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, database: String, tables: Arc<dyn GlueTables>) -> Self {
        Self { store, database, tables }
    }

    /// The URI of something in the store.
    pub(super) fn uri(&self, key: &str) -> String {
        format!("{}/{key}", self.store.uri())
    }

    fn called(&self, table: &str) -> String {
        format!("{}.{table} in the Glue Data Catalog", self.database)
    }

    /// The entry of a table and the key of its metadata, if it is one of this lake's.
    async fn entry(&self, table: &str) -> Result<Option<(Registered, String)>> {
        let Some(entry) = self.tables.get(&self.database, table).await? else { return Ok(None) };
        let parameter = |key: &str| entry.parameters.get(key).map_or("", String::as_str);
        let Some(location) = entry.parameters.get(METADATA) else {
            return Err(self.foreign(table, "is not an Iceberg table"));
        };
        if !parameter(TABLE_TYPE).eq_ignore_ascii_case("iceberg") {
            return Err(self.foreign(table, "is not an Iceberg table"));
        }
        let format = parameter(FORMAT_KEY);
        if format.parse::<u32>().is_ok_and(|format| format > FORMAT) {
            let what = format!("{} was written by a newer freshlake (format {format})", self.called(table));
            return Err(Error::new(ErrorKind::Storage, what).next("install the newer version"));
        }
        let home = layout::home(&self.database, table);
        let key = location.strip_prefix(&self.store.uri()).and_then(|rest| rest.strip_prefix('/'));
        match key.filter(|key| key.strip_prefix(&home).is_some_and(|rest| rest.starts_with('/'))) {
            Some(key) => {
                let key = key.to_owned();
                Ok(Some((entry, key)))
            }
            None => Err(self.foreign(table, &format!("is at another place ({location})"))),
        }
    }

    /// Two catalogs over the same files would each forget what the other has committed.
    async fn kept_by_none_else(&self, family: &str) -> Result<()> {
        let pointers = layout::pointers(&self.database, family);
        if self.store.list(&pointers).await?.is_empty() {
            return Ok(());
        }
        let what = format!("{} is kept without the Glue Data Catalog", self.uri(&pointers));
        Err(Error::new(ErrorKind::Config, what)
            .next("go on with pointers as its catalog, or give the lake in Glue a database of its own"))
    }

    fn foreign(&self, table: &str, how: &str) -> Error {
        let home = self.uri(&layout::home(&self.database, table));
        Error::new(ErrorKind::Storage, format!("{} {how}, and not this lake's {home}", self.called(table)))
            .next(
                "give the lake a database of its own, or delete that entry of the catalog if nobody needs it",
            )
    }

    /// What the entry of a table is to be once `metadata` counts.
    fn wanted(&self, table: &str, metadata: &str, moved: &Move<'_>, now: Option<&Registered>) -> GlueTable {
        // What other programs have put there stays.
        let mut parameters = now.map(|entry| entry.parameters.clone()).unwrap_or_default();
        parameters.remove(PREVIOUS);
        if let Some(previous) = parameters.remove(METADATA) {
            parameters.insert(PREVIOUS.to_owned(), previous);
        }
        parameters.insert(METADATA.to_owned(), self.uri(metadata));
        parameters.insert(TABLE_TYPE.to_owned(), "ICEBERG".to_owned());
        parameters.insert(FORMAT_KEY.to_owned(), FORMAT.to_string());
        let child = moved.family.children.iter().find(|child| child.name == table);
        GlueTable {
            name: table.to_owned(),
            doc: child.map_or(moved.family.doc, |child| child.doc).to_owned(),
            location: self.uri(&layout::home(&self.database, table)),
            stored_as: StoredAs::Iceberg,
            columns: moved.columns.get(table).cloned().unwrap_or_default(),
            partition_keys: Vec::new(),
            parameters,
        }
    }
}

#[async_trait]
impl Catalog for Glue {
    async fn load(&self, family: &'static Table) -> Result<Heads> {
        let mut heads = Heads::default();
        for table in self.steps(family).into_iter().flatten() {
            if let Some((entry, key)) = self.entry(table).await? {
                heads.metadata.insert(table.to_owned(), key);
                heads.version.insert(table.to_owned(), entry.version);
            }
        }
        if heads.metadata.is_empty() {
            self.kept_by_none_else(family.name).await?;
        }
        Ok(heads)
    }

    fn steps(&self, family: &'static Table) -> Vec<Vec<&'static str>> {
        let children = family.children.iter().map(|child| child.name);
        children.chain([family.name]).map(|table| vec![table]).collect()
    }

    async fn swap(&self, base: &Heads, moved: &Move<'_>) -> Result<Swap> {
        let mut metadata = moved.metadata.iter();
        let (Some((table, key)), None) = (metadata.next(), metadata.next()) else {
            return Err(Error::new(ErrorKind::Internal, "Glue changes one table at a time"));
        };
        // Read again for what others have put into the entry; the version says that it is still the one of `base`.
        let now = self.entry(table).await?.map(|(entry, _)| entry);
        if now.as_ref().map(|entry| &entry.version) != base.version.get(table) {
            return Ok(Swap::Lost);
        }
        let mut wanted = self.wanted(table, key, moved, now.as_ref());
        if *table == moved.family.name {
            self.register_raw(moved, &mut wanted.parameters).await;
        }
        let changed = match &now {
            Some(entry) => self.tables.update(&self.database, &wanted, &entry.version).await,
            None => self.tables.create(&self.database, &wanted).await,
        };
        match changed {
            Ok(Registration::Done) => Ok(Swap::Won),
            // Perhaps our own, from a try whose answer was lost: whoever loads again sees it.
            Ok(Registration::AnotherFirst) => Ok(Swap::Lost),
            Err(error) if error.kind() == ErrorKind::CommitUnknown => Ok(Swap::Unknown(error)),
            Err(error) => Err(error),
        }
    }

    /// Nothing: readers come by the catalog.
    async fn settle(&self, _: &'static Table, _: Option<&Heads>) -> Result<()> {
        Ok(())
    }
}

/// Parameters by their names.
pub(super) fn parameters<const N: usize>(pairs: [(&str, String); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
