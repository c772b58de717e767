//! What is known about a connection beside its tokens. Nothing in it is secret.

use bytes::Bytes;
use freshbooks::Business;
use model::port::ObjectStore;
use model::{ConnectionName, Date, Error, ErrorKind, Result, TableName, Timestamp};
use serde::{Deserialize, Serialize};

const FOLDER: &str = "connections/";

/// The settings of one connection: the object `connections/<name>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its name.
    pub name: ConnectionName,
    /// Who authorised it. Another person cannot take it over.
    pub identity_id: i64,
    /// What it reads.
    pub businesses: Vec<Business>,
    /// The tables to read; all if absent.
    #[serde(default)]
    pub tables: Option<Vec<TableName>>,
    /// What is set for single tables; read where tasks are planned.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Where first loads begin; at the beginning if absent.
    #[serde(default)]
    pub start_date: Option<Date>,
    /// Whether runs leave it out.
    #[serde(default)]
    pub paused: bool,
    /// When a person last authorised it.
    pub connected_at: Timestamp,
}

impl Connection {
    /// The settings of `name`, or `None` if it was never connected.
    pub async fn load(objects: &dyn ObjectStore, name: &ConnectionName) -> Result<Option<Self>> {
        let key = key(name);
        let Some(body) = objects.get(&key).await? else { return Ok(None) };
        Self::parse(&key, &body).map(Some)
    }

    /// Writes the settings.
    pub async fn save(&self, objects: &dyn ObjectStore) -> Result<()> {
        let body = serde_json::to_vec_pretty(self).map_err(|error| {
            Error::new(ErrorKind::Internal, format!("the settings of {} are not JSON", self.name))
                .because(error)
        })?;
        objects.put(&key(&self.name), Bytes::from(body)).await
    }

    /// All connections, in the order of their names.
    pub async fn list(objects: &dyn ObjectStore) -> Result<Vec<Self>> {
        let mut connections = Vec::new();
        for object in objects.list(FOLDER).await? {
            let name = object.key.strip_prefix(FOLDER).and_then(|file| file.strip_suffix(".json"));
            // Other objects may lie deeper in this folder.
            let Some(name) = name.and_then(|name| ConnectionName::new(name).ok()) else { continue };
            connections.extend(Self::load(objects, &name).await?);
        }
        Ok(connections)
    }

    fn parse(key: &str, body: &[u8]) -> Result<Self> {
        serde_json::from_slice(body).map_err(|error| {
            Error::new(ErrorKind::Config, format!("the settings in {key} cannot be read"))
                .because(error)
                .next("correct the file, or delete it and connect again")
        })
    }
}

fn key(name: &ConnectionName) -> String {
    format!("{FOLDER}{name}.json")
}
