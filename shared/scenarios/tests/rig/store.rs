//! A lake in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use model::port::{ObjectInfo, ObjectStore, Put};
use model::{Result, Timestamp, Unit};

#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<BTreeMap<String, Bytes>>);

impl Memory {
    pub(crate) fn with<T>(&self, look: impl FnOnce(&BTreeMap<String, Bytes>) -> T) -> T {
        look(&self.0.lock().unwrap())
    }

    /// The pointer of the last commit.
    pub(crate) fn head(&self, table: &str, unit: &Unit) -> Option<serde_json::Value> {
        let prefix = format!("lake/freshbooks/{table}/commits/{}/", unit.partition());
        self.with(|objects| {
            let (_, body) =
                objects.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix)).last()?;
            Some(serde_json::from_slice(body).unwrap())
        })
    }
}

#[async_trait]
impl ObjectStore for Memory {
    fn uri(&self) -> String {
        "memory://lake".to_owned()
    }

    async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<Put> {
        let mut objects = self.0.lock().unwrap();
        if objects.contains_key(key) {
            return Ok(Put::AlreadyThere);
        }
        objects.insert(key.to_owned(), body);
        Ok(Put::Created)
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        self.0.lock().unwrap().insert(key.to_owned(), body);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let objects = self.0.lock().unwrap();
        let found = objects.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        Ok(found
            .map(|(key, body)| ObjectInfo {
                key: key.clone(),
                size: body.len() as u64,
                modified: Timestamp::UNIX_EPOCH,
            })
            .collect())
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }
}
