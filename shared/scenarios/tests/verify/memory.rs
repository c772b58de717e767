//! Objects in memory, cheap to copy.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use model::port::{ObjectInfo, ObjectStore, Put};
use model::{Result, Timestamp};

pub(crate) type Objects = BTreeMap<String, Bytes>;

#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) objects: Mutex<Objects>,
    pub(crate) modified: Mutex<BTreeMap<String, Timestamp>>,
    pub(crate) now: Mutex<Timestamp>,
}

impl Memory {
    pub(crate) fn of(objects: Objects) -> Self {
        Self { objects: Mutex::new(objects), ..Self::default() }
    }

    fn touch(&self, key: &str) {
        self.modified.lock().unwrap().insert(key.to_owned(), *self.now.lock().unwrap());
    }
}

#[async_trait]
impl ObjectStore for Memory {
    fn uri(&self) -> String {
        "memory://bucket".to_owned()
    }

    async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<Put> {
        let mut objects = self.objects.lock().unwrap();
        if objects.contains_key(key) {
            return Ok(Put::AlreadyThere);
        }
        objects.insert(key.to_owned(), body);
        self.touch(key);
        Ok(Put::Created)
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        self.objects.lock().unwrap().insert(key.to_owned(), body);
        self.touch(key);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.objects.lock().unwrap().get(key).cloned())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let (objects, modified) = (self.objects.lock().unwrap(), self.modified.lock().unwrap());
        let found = objects.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        let info = |(key, body): (&String, &Bytes)| ObjectInfo {
            key: key.clone(),
            size: body.len() as u64,
            modified: modified.get(key).copied().unwrap_or_default(),
        };
        Ok(found.map(info).collect())
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.objects.lock().unwrap().remove(key);
        Ok(())
    }
}
