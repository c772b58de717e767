//! What the code under test talks to: time that passes only when somebody waits, dice that always fall alike, a store
//! in memory, and a FreshBooks with one answer.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use grants::{Moved, SecretStore, SecretVersion, Stage, VersionId};
use model::port::{Clock, ObjectInfo, ObjectStore, Put, Random, Transport, TransportError};
use model::{Result, Timestamp};

/// 31 March 2026, 15:00 UTC.
pub const NOW: i64 = 1_774_969_200;

/// Counts the waiting instead of doing it.
#[derive(Debug, Default)]
pub struct PatientClock {
    waited: AtomicU64,
}

impl PatientClock {
    /// Milliseconds that somebody wanted to wait.
    pub fn waited(&self) -> u64 {
        self.waited.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Clock for PatientClock {
    fn now(&self) -> Timestamp {
        let waited = i64::try_from(self.waited()).unwrap_or(i64::MAX);
        Timestamp::from_millisecond((NOW * 1000).saturating_add(waited)).unwrap_or(Timestamp::MAX)
    }

    async fn sleep(&self, time: Duration) {
        let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.waited.fetch_add(time, Ordering::Relaxed);
    }
}

/// Always the same bytes, so that a crash can be had again.
#[derive(Debug)]
pub struct LoadedDice;

impl Random for LoadedDice {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// Objects in memory.
#[derive(Debug, Default)]
pub struct Memory(Mutex<BTreeMap<String, Bytes>>);

impl Memory {
    /// A store that holds these objects.
    pub fn with(objects: impl IntoIterator<Item = (String, Bytes)>) -> Self {
        Self(Mutex::new(objects.into_iter().collect()))
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
        let found = objects.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(found.map(|(key, body)| ObjectInfo { key: key.clone(), size: body.len() as u64, modified: model::Timestamp::UNIX_EPOCH }).collect())
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }
}

/// Keeps no secret.
#[derive(Debug)]
pub struct NoSecrets;

#[async_trait]
impl SecretStore for NoSecrets {
    async fn read(&self, _: &str, _: Stage) -> Result<Option<SecretVersion>> {
        Ok(None)
    }

    async fn put_pending(&self, _: &str, _: &SecretVersion) -> Result<()> {
        Ok(())
    }

    async fn make_current(&self, _: &str, _: &VersionId, _: Option<&VersionId>) -> Result<Moved> {
        Ok(Moved::Won)
    }

    async fn delete(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

/// Gives the same answer to every request, and counts them.
#[derive(Debug)]
pub struct OneAnswer {
    answer: http::Response<Bytes>,
    asked: AtomicU64,
}

impl OneAnswer {
    /// A FreshBooks that answers so.
    pub fn new(answer: http::Response<Bytes>) -> Self {
        Self { answer, asked: AtomicU64::new(0) }
    }

    /// How often it was asked.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Transport for OneAnswer {
    async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answer = http::Response::new(self.answer.body().clone());
        *answer.status_mut() = self.answer.status();
        *answer.headers_mut() = self.answer.headers().clone();
        Ok(answer)
    }
}

/// Polls a future of which nothing ever has to wait.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}
