//! Secrets with versions and labels, in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use grants::{Moved, SecretStore, SecretVersion, Stage, VersionId};
use model::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret, SecretString};

use crate::faults::{Point, Port};
use crate::ground::{Failed, Machine, lock};

/// One secret: its labels, and the versions under them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secret {
    current: Option<VersionId>,
    pending: Option<VersionId>,
    versions: BTreeMap<String, SecretString>,
}

/// The secret store, as one process reaches it.
#[derive(Debug)]
pub(crate) struct SecretPort(pub(crate) Machine);

fn failure(_: Failed) -> Error {
    Error::new(ErrorKind::Storage, "the secret store does not answer")
}

impl SecretPort {
    async fn call<T: Send>(
        &self,
        verb: &'static str,
        name: &str,
        mut effect: impl FnMut(&mut BTreeMap<String, Secret>) -> Result<T> + Send,
    ) -> Result<T> {
        let point = Point { port: Port::Secrets, verb, of: name };
        self.0.call(point, |_| effect(&mut lock(&self.0.ground.secrets)), failure).await
    }
}

#[async_trait]
impl SecretStore for SecretPort {
    async fn read(&self, name: &str, stage: Stage) -> Result<Option<SecretVersion>> {
        self.call("read", name, |secrets| {
            let Some(secret) = secrets.get(name) else { return Ok(None) };
            let id = if stage == Stage::Current { &secret.current } else { &secret.pending };
            let version = id.as_ref().and_then(|id| Some((id, secret.versions.get(&id.0)?)));
            Ok(version.map(|(id, value)| SecretVersion { id: id.clone(), value: value.clone() }))
        })
        .await
    }

    async fn put_pending(&self, name: &str, version: &SecretVersion) -> Result<()> {
        self.call("put_pending", name, |secrets| {
            let secret = secrets.entry(name.to_owned()).or_default();
            if let Some(there) = secret.versions.get(&version.id.0) {
                return if there.expose_secret() == version.value.expose_secret() {
                    Ok(())
                } else {
                    Err(Error::new(ErrorKind::Storage, "another value under the same version id"))
                };
            }
            secret.versions.insert(version.id.0.clone(), version.value.clone());
            secret.pending = Some(version.id.clone());
            // As a store may: what has no label goes.
            let Secret { current, pending, versions } = secret;
            versions.retain(|id, _| [&*current, &*pending].into_iter().flatten().any(|label| label.0 == *id));
            Ok(())
        })
        .await
    }

    async fn make_current(&self, name: &str, to: &VersionId, from: Option<&VersionId>) -> Result<Moved> {
        self.call("make_current", name, |secrets| {
            let Some(secret) = secrets.get_mut(name) else { return Ok(Moved::Lost) };
            if secret.current.as_ref() != from || !secret.versions.contains_key(&to.0) {
                return Ok(Moved::Lost);
            }
            secret.current = Some(to.clone());
            Ok(Moved::Won)
        })
        .await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        self.call("delete", name, |secrets| {
            secrets.remove(name);
            Ok(())
        })
        .await
    }
}
