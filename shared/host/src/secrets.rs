//! Secrets in one file that only its owner can read.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use grants::{Moved, SecretStore, SecretVersion, Stage, VersionId};
use model::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::folder::{failed, sync_directory};

const FORMAT: u32 = 1;
const OWNER_ONLY: u32 = 0o600;

/// A secret store for one machine: a JSON file of mode 0600, replaced as a whole by every change.
///
/// Versions without a label are dropped, as Secrets Manager drops them in time. Two processes may use the
/// file at once; changes wait for each other on a lock beside it.
#[derive(Clone)]
pub struct SecretsFile {
    path: Arc<Path>,
}

// No Debug: it holds secrets. This is what the file looks like, and the only place that writes it.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    format: u32,
    secrets: BTreeMap<String, Versions>,
}

#[derive(Deserialize)]
struct Header {
    format: u32,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Versions {
    current: Option<String>,
    pending: Option<String>,
    values: BTreeMap<String, String>,
}

impl Versions {
    fn label(&self, stage: Stage) -> Option<&String> {
        match stage {
            Stage::Current => self.current.as_ref(),
            Stage::Pending => self.pending.as_ref(),
        }
    }

    fn drop_unlabelled(&mut self) {
        let Self { current, pending, values } = self;
        values.retain(|id, _| current.as_ref() == Some(id) || pending.as_ref() == Some(id));
    }
}

impl SecretsFile {
    /// The store in the file `path`. The file is made by the first secret.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into().into() }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || work(&this)).await.map_err(|error| {
            Error::new(ErrorKind::Internal, "the work on the secrets file was broken off").because(error)
        })?
    }

    fn load(&self) -> Result<Contents> {
        let path = &*self.path;
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Contents { format: FORMAT, ..Contents::default() });
            }
            other => other.map_err(|error| failed("read the secrets file", path, error))?,
        };
        let mode = file.metadata().map_err(|error| failed("read the secrets file", path, error))?;
        let mode = mode.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let message =
                format!("the secrets file {} can be read by other users (mode {mode:o})", path.display());
            let step = format!("run `chmod 600 {}` and treat its tokens as seen", path.display());
            return Err(Error::new(ErrorKind::Storage, message).next(step));
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(|error| failed("read the secrets file", path, error))?;
        // serde_json's message can quote what it read, which is a secret: only the place is told.
        let damaged = |at: String| {
            Error::new(ErrorKind::Storage, format!("the secrets file {} cannot be read {at}", path.display()))
                .next("restore it from a backup, or move it away and connect again")
        };
        let place = |e: serde_json::Error| damaged(format!("at line {} column {}", e.line(), e.column()));
        let header: Header = serde_json::from_slice(&text).map_err(place)?;
        if header.format != FORMAT {
            return Err(damaged(format!("by this version: its format is {}, not {FORMAT}", header.format))
                .next("use the version of freshlake that wrote it, or a newer one"));
        }
        serde_json::from_slice(&text).map_err(place)
    }

    /// Changes the file under the lock. `change` answers whether there is anything to write.
    fn change<T>(&self, change: impl FnOnce(&mut Contents) -> Result<(T, bool)>) -> Result<T> {
        let directory = match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(directory).map_err(|error| failed("make the folder", directory, error))?;
        let lock_path = self.beside(".lock");
        let lock = private().create(true).truncate(false).open(&lock_path);
        let lock = lock.map_err(|error| failed("open", &lock_path, error))?;
        lock.lock().map_err(|error| failed("lock", &lock_path, error))?;

        let mut contents = self.load()?;
        let (answer, changed) = change(&mut contents)?;
        if changed {
            self.replace(directory, &contents)?;
        }
        Ok(answer)
    }

    fn replace(&self, directory: &Path, contents: &Contents) -> Result<()> {
        let text = serde_json::to_vec_pretty(contents)
            .map_err(|_| Error::new(ErrorKind::Internal, "the secrets file could not be put together"))?;
        // The lock makes this the only writer: one fixed name leaves no pile of secrets behind kills.
        let temporary = self.beside(".tmp");
        let _ = fs::remove_file(&temporary);
        let write = || {
            let mut file = private().create_new(true).open(&temporary)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&temporary, &self.path)
        };
        write().map_err(|error| {
            let _ = fs::remove_file(&temporary);
            failed("write the secrets file", &self.path, error)
        })?;
        sync_directory(directory)
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    }
}

/// Opens files that are the owner's alone from their first moment.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(OWNER_ONLY);
    options
}

impl fmt::Debug for SecretsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretsFile").field(&self.path).finish()
    }
}

#[async_trait]
impl SecretStore for SecretsFile {
    async fn read(&self, name: &str, stage: Stage) -> Result<Option<SecretVersion>> {
        let name = name.to_owned();
        self.blocking(move |file| {
            let mut contents = file.load()?;
            let Some(versions) = contents.secrets.get_mut(&name) else { return Ok(None) };
            let Some(id) = versions.label(stage).cloned() else { return Ok(None) };
            let value = versions.values.remove(&id).map(SecretString::from);
            Ok(value.map(|value| SecretVersion { id: VersionId(id), value }))
        })
        .await
    }

    async fn put_pending(&self, name: &str, version: &SecretVersion) -> Result<()> {
        let (name, version) = (name.to_owned(), version.clone());
        self.blocking(move |file| {
            file.change(|contents| {
                let versions = contents.secrets.entry(name.clone()).or_default();
                let id = version.id.0;
                match versions.values.get(&id) {
                    Some(there) if there == version.value.expose_secret() => return Ok(((), false)),
                    Some(_) => {
                        let message = format!("version {id} of the secret {name} exists with another value");
                        return Err(Error::new(ErrorKind::Storage, message));
                    }
                    None => {}
                }
                versions.values.insert(id.clone(), version.value.expose_secret().to_owned());
                versions.pending = Some(id);
                versions.drop_unlabelled();
                Ok(((), true))
            })
        })
        .await
    }

    async fn make_current(&self, name: &str, to: &VersionId, from: Option<&VersionId>) -> Result<Moved> {
        let (name, to, from) = (name.to_owned(), to.0.clone(), from.map(|id| id.0.clone()));
        self.blocking(move |file| {
            file.change(|contents| {
                let Some(versions) = contents.secrets.get_mut(&name) else {
                    let message = format!("there is no secret {name} with a version to make current");
                    return Err(Error::new(ErrorKind::Storage, message));
                };
                // A version that is gone lost its label to a newer one.
                if versions.current != from || !versions.values.contains_key(&to) {
                    return Ok((Moved::Lost, false));
                }
                versions.current = Some(to.clone());
                versions.drop_unlabelled();
                Ok((Moved::Won, true))
            })
        })
        .await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.blocking(move |file| file.change(|contents| Ok(((), contents.secrets.remove(&name).is_some()))))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;

    fn version(id: u8, value: &str) -> SecretVersion {
        SecretVersion { id: VersionId(format!("{id:032}")), value: value.into() }
    }

    #[tokio::test]
    async fn a_secrets_file_is_a_secret_store() {
        let directory = tempfile::tempdir().unwrap();
        contract::secret_store(&SecretsFile::new(directory.path().join("new/secrets.json"))).await.unwrap();
    }

    #[tokio::test]
    async fn only_the_owner_can_read_the_file_and_a_shared_one_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secrets.json");
        let store = SecretsFile::new(&path);
        store.put_pending("a", &version(1, "hunter2")).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = store.read("a", Stage::Pending).await.unwrap_err().to_string();
        assert!(error.contains("mode 640") && error.contains("chmod 600"), "{error}");
        assert!(store.put_pending("a", &version(2, "other")).await.is_err());
    }

    #[tokio::test]
    async fn a_damaged_or_newer_file_is_refused_and_not_quoted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secrets.json");
        let store = SecretsFile::new(&path);
        store.put_pending("a", &version(1, "hunter2")).await.unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for bad in [
            text.replace("\"format\": 1", "\"format\": 2"),
            text.replace("\"values\"", "\"hunter2\""),
            text.replace("\"secrets\": {", "\"secrets\": \"hunter2\" {"),
        ] {
            fs::write(&path, &bad).unwrap();
            let error = store.put_pending("b", &version(2, "x")).await.unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), bad, "a file that was not understood was changed");
        }
    }

    #[tokio::test]
    async fn writers_at_once_lose_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let store = SecretsFile::new(directory.path().join("secrets.json"));
        let tasks: Vec<_> = (0..8_u8)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move { store.put_pending(&format!("s{n}"), &version(n, "v")).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        for n in 0..8 {
            assert!(store.read(&format!("s{n}"), Stage::Pending).await.unwrap().is_some());
        }
    }
}
