//! A Glue Data Catalog in memory: one for all processes. A table is replaced only at the version that was read.

use std::collections::BTreeMap;

use async_trait::async_trait;
use lake::glue::{GlueTable, GlueTables, Registered, Registration};
use model::{Error, ErrorKind, Result};

use crate::faults::{Point, Port};
use crate::ground::{Failed, Machine, lock};

/// The tables of the catalog with their versions.
pub(crate) type Tables = BTreeMap<String, (u64, GlueTable)>;

/// The catalog, as one process reaches it.
#[derive(Debug)]
pub(crate) struct Entries(pub(crate) Machine);

fn failure(failed: Failed) -> Error {
    match failed {
        Failed::Before => Error::new(ErrorKind::Storage, "the catalog does not answer"),
        Failed::Unknown => Error::new(ErrorKind::CommitUnknown, "the answer of the catalog was lost"),
    }
}

impl Entries {
    async fn change(
        &self,
        verb: &'static str,
        table: &GlueTable,
        change: impl Fn(&mut Tables) -> Registration + Send + Sync,
    ) -> Result<Registration> {
        let ground = &self.0.ground;
        let effect = |_| {
            let done = change(&mut lock(&ground.tables));
            if done == Registration::Done {
                ground.judge_entry(&table.name);
            } else {
                ground.trace.count("table refused");
            }
            Ok(done)
        };
        let point = Point { port: Port::Store, verb, of: &table.name };
        self.0.call(point, effect, failure).await
    }
}

#[async_trait]
impl GlueTables for Entries {
    async fn get(&self, _: &str, table: &str) -> Result<Option<Registered>> {
        let effect = |_| {
            Ok(lock(&self.0.ground.tables).get(table).map(|(version, table)| Registered {
                version: version.to_string(),
                location: Some(table.location.clone()),
                parameters: table.parameters.clone(),
            }))
        };
        let point = Point { port: Port::Store, verb: "get", of: table };
        self.0.call(point, effect, |_| failure(Failed::Before)).await
    }

    async fn create(&self, _: &str, table: &GlueTable) -> Result<Registration> {
        let create = |tables: &mut Tables| {
            if tables.contains_key(&table.name) {
                return Registration::AnotherFirst;
            }
            tables.insert(table.name.clone(), (0, table.clone()));
            Registration::Done
        };
        self.change("create", table, create).await
    }

    async fn update(&self, _: &str, table: &GlueTable, version: &str) -> Result<Registration> {
        let update = |tables: &mut Tables| match tables.get_mut(&table.name) {
            Some((now, stored)) if now.to_string() == version => {
                *now += 1;
                *stored = table.clone();
                Registration::Done
            }
            _ => Registration::AnotherFirst,
        };
        self.change("update", table, update).await
    }
}
