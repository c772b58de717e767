//! Stores in memory, with a step before and after every effect, and faults.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use grants::{Moved, SecretStore, SecretVersion, Stage, VersionId};
use model::port::{ObjectInfo, ObjectStore, Put};
use model::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret, SecretString};

use super::machine::Machine;

/// One fault: the call with this number fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Before(usize),
    AfterEffect(usize),
    /// All calls from this number on.
    AllFrom(usize),
}

#[derive(Debug, Default)]
struct Faults {
    calls: usize,
    fault: Option<Fault>,
}

impl Faults {
    /// Fails before the effect, after it, or not at all.
    fn next(&mut self) -> (bool, bool) {
        let n = self.calls;
        self.calls += 1;
        match self.fault {
            Some(Fault::Before(at)) => (n == at, false),
            Some(Fault::AfterEffect(at)) => (false, n == at),
            Some(Fault::AllFrom(at)) => (n >= at, false),
            None => (false, false),
        }
    }
}

fn failure() -> Error {
    Error::new(ErrorKind::Storage, "the store does not work")
}

#[derive(Clone, Debug, Default)]
struct Secret {
    current: Option<VersionId>,
    pending: Option<VersionId>,
    versions: BTreeMap<String, SecretString>,
}

#[derive(Debug)]
pub struct MemorySecrets {
    machine: Arc<Machine>,
    secrets: Mutex<BTreeMap<String, Secret>>,
    faults: Mutex<Faults>,
}

impl MemorySecrets {
    pub fn new(machine: Arc<Machine>) -> Self {
        Self { machine, secrets: Mutex::default(), faults: Mutex::default() }
    }

    pub fn set_fault(&self, fault: Option<Fault>) {
        *self.faults.lock().unwrap() = Faults { calls: 0, fault };
    }

    pub fn calls(&self) -> usize {
        self.faults.lock().unwrap().calls
    }

    /// Everything stored, to compare.
    pub fn dump(&self) -> String {
        let secrets = self.secrets();
        let texts = secrets.iter().map(|(name, secret)| {
            let values: Vec<_> = secret.versions.iter().map(|(id, v)| (id, v.expose_secret())).collect();
            format!("{name} {:?} {values:?}", secret.current)
        });
        texts.collect()
    }

    pub fn value(&self, name: &str, stage: Stage) -> Option<serde_json::Value> {
        let secrets = self.secrets();
        let secret = secrets.get(name)?;
        let id = if stage == Stage::Current { &secret.current } else { &secret.pending };
        Some(serde_json::from_str(secret.versions.get(&id.as_ref()?.0)?.expose_secret()).unwrap())
    }

    /// Puts another text in the place of the current one.
    pub fn overwrite(&self, name: &str, change: impl FnOnce(String) -> String) {
        let mut secrets = self.secrets();
        let secret = secrets.get_mut(name).unwrap();
        let id = secret.current.clone().unwrap().0;
        let text = secret.versions[&id].expose_secret().to_owned();
        secret.versions.insert(id, change(text).into());
    }

    fn secrets(&self) -> MutexGuard<'_, BTreeMap<String, Secret>> {
        self.secrets.lock().unwrap()
    }

    async fn call<T>(&self, effect: impl FnOnce(&mut BTreeMap<String, Secret>) -> Result<T>) -> Result<T> {
        self.machine.step().await;
        let (before, after) = self.faults.lock().unwrap().next();
        if before {
            return Err(failure());
        }
        let answer = effect(&mut self.secrets());
        self.machine.step().await;
        if after { Err(failure()) } else { answer }
    }
}

#[async_trait]
impl SecretStore for MemorySecrets {
    async fn read(&self, name: &str, stage: Stage) -> Result<Option<SecretVersion>> {
        self.call(|secrets| {
            let Some(secret) = secrets.get(name) else { return Ok(None) };
            let id = if stage == Stage::Current { &secret.current } else { &secret.pending };
            let Some(id) = id.clone() else { return Ok(None) };
            let value = secret.versions[&id.0].clone();
            Ok(Some(SecretVersion { id, value }))
        })
        .await
    }

    async fn put_pending(&self, name: &str, version: &SecretVersion) -> Result<()> {
        self.call(|secrets| {
            let secret = secrets.entry(name.to_owned()).or_default();
            if let Some(there) = secret.versions.get(&version.id.0) {
                assert_eq!(there.expose_secret(), version.value.expose_secret());
                return Ok(());
            }
            secret.versions.insert(version.id.0.clone(), version.value.clone());
            secret.pending = Some(version.id.clone());
            // As the secrets file does at once, and Secrets Manager in time.
            let Secret { current, pending, versions } = secret;
            versions.retain(|id, _| [&*current, &*pending].into_iter().flatten().any(|label| label.0 == *id));
            Ok(())
        })
        .await
    }

    async fn make_current(&self, name: &str, to: &VersionId, from: Option<&VersionId>) -> Result<Moved> {
        self.call(|secrets| {
            let secret = secrets.get_mut(name).ok_or_else(failure)?;
            if secret.current.as_ref() != from || !secret.versions.contains_key(&to.0) {
                return Ok(Moved::Lost);
            }
            secret.current = Some(to.clone());
            Ok(Moved::Won)
        })
        .await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        self.call(|secrets| {
            secrets.remove(name);
            Ok(())
        })
        .await
    }
}

#[derive(Debug)]
pub struct MemoryObjects {
    machine: Arc<Machine>,
    objects: Mutex<BTreeMap<String, Bytes>>,
}

impl MemoryObjects {
    pub fn new(machine: Arc<Machine>) -> Self {
        Self { machine, objects: Mutex::default() }
    }

    pub fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    pub fn dump(&self) -> String {
        format!("{:?}", self.objects.lock().unwrap())
    }
}

#[async_trait]
impl ObjectStore for MemoryObjects {
    fn uri(&self) -> String {
        "memory://objects".to_owned()
    }

    async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<Put> {
        self.machine.step().await;
        let mut objects = self.objects.lock().unwrap();
        if objects.contains_key(key) {
            return Ok(Put::AlreadyThere);
        }
        objects.insert(key.to_owned(), body);
        Ok(Put::Created)
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        self.machine.step().await;
        self.objects.lock().unwrap().insert(key.to_owned(), body);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.machine.step().await;
        Ok(self.objects.lock().unwrap().get(key).cloned())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let objects = self.objects.lock().unwrap();
        let found = objects.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(found
            .map(|(key, body)| ObjectInfo {
                key: key.clone(),
                size: body.len() as u64,
                modified: model::Timestamp::UNIX_EPOCH,
            })
            .collect())
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.objects.lock().unwrap().remove(key);
        Ok(())
    }
}
