//! A directory as an object store.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use model::port::{ObjectInfo, ObjectStore, Put, Random};
use model::{Error, ErrorKind, Result, Timestamp};

use crate::OsRandom;
use crate::lock::FolderLock;

/// Where bodies are written before they get their name. One hidden directory, so that what a killed run
/// left behind is found without a walk.
const TEMPORARY: &str = ".tmp";
const LOCK: &str = ".lock";
/// No write takes so long.
const LEFT_BEHIND: Duration = Duration::from_hours(1);

/// Objects as files under one directory, on one file system that has hard links.
///
/// An object is complete and on disk before it can be seen under its key.
#[derive(Clone)]
pub struct Folder {
    root: Arc<Path>,
}

impl Folder {
    /// The store in the directory `root`, which is made if it is not there.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        let temporary = root.join(TEMPORARY);
        fs::create_dir_all(&temporary).map_err(|error| failed("make the folder", &temporary, error))?;
        Ok(Self { root: root.into() })
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Takes the folder for one run, for as long as the guard lives, and removes what killed runs left half
    /// written. Fails with [`ErrorKind::Busy`] if another process has it.
    pub fn lock(&self) -> Result<FolderLock> {
        let lock = FolderLock::take(&self.root.join(LOCK), &self.root)?;
        // Younger files may be those of someone who works without the lock, such as `freshlake connect`.
        let is_left = |entry: &fs::DirEntry| {
            let age = entry.metadata().and_then(|file| file.modified()).map(|time| time.elapsed());
            matches!(age, Ok(Ok(age)) if age > LEFT_BEHIND)
        };
        if let Ok(files) = fs::read_dir(self.root.join(TEMPORARY)) {
            files.flatten().filter(is_left).for_each(|entry| drop(fs::remove_file(entry.path())));
        }
        Ok(lock)
    }

    fn path(&self, key: &str) -> Result<PathBuf> {
        let wrong = |part: &str| matches!(part, "" | "." | "..") || part.contains(['\0', '\\']);
        let first = key.split('/').next();
        if key.split('/').any(wrong) || matches!(first, Some(TEMPORARY | LOCK)) {
            return Err(Error::new(ErrorKind::Storage, format!("{key:?} cannot be the key of an object")));
        }
        Ok(self.root.join(key))
    }

    /// Runs blocking file work off the async threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || work(&this)).await.map_err(|error| {
            Error::new(ErrorKind::Internal, "the work on a file was broken off").because(error)
        })?
    }

    /// Writes `body` to disk under a temporary name.
    fn write_temporary(&self, body: &[u8]) -> Result<Temporary> {
        let mut random = [0; 16];
        OsRandom.fill(&mut random);
        let path = self.root.join(TEMPORARY).join(format!("{:032x}", u128::from_le_bytes(random)));
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
            let temporary = Temporary(path.clone());
            file.write_all(body)?;
            file.sync_all()?;
            Ok(temporary)
        };
        write().map_err(|error| failed("write", &path, error))
    }

    fn put_if_absent_now(&self, path: &Path, body: &[u8]) -> Result<Put> {
        match fs::symlink_metadata(path) {
            Ok(there) if there.is_file() => return Ok(Put::AlreadyThere),
            Ok(_) => return Err(failed("write", path, io::ErrorKind::IsADirectory.into())),
            Err(_) => {}
        }
        let parent = self.make_parent(path)?;
        let temporary = self.write_temporary(body)?;
        match fs::hard_link(&temporary.0, path) {
            Ok(()) => sync_directory(parent).map(|()| Put::Created),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Put::AlreadyThere),
            Err(error) => Err(failed("write", path, error)),
        }
    }

    fn put_now(&self, path: &Path, body: &[u8]) -> Result<()> {
        let parent = self.make_parent(path)?;
        let temporary = self.write_temporary(body)?;
        fs::rename(&temporary.0, path).map_err(|error| failed("write", path, error))?;
        sync_directory(parent)
    }

    /// Makes the directory a file is going to be in, and writes each new directory's name to disk.
    fn make_parent<'p>(&self, path: &'p Path) -> Result<&'p Path> {
        let parent = path.parent().unwrap_or(path);
        let missing: Vec<&Path> =
            parent.ancestors().take_while(|above| *above != &*self.root && !above.is_dir()).collect();
        for directory in missing.into_iter().rev() {
            match fs::create_dir(directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(failed("make the folder", directory, error));
                }
                _ => sync_directory(directory.parent().unwrap_or(directory))?,
            }
        }
        Ok(parent)
    }

    fn list_now(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        // Only the directory part of a prefix is sure to be one.
        let directory = prefix.rsplit_once('/').map_or("", |(directory, _)| directory);
        let mut found = Vec::new();
        let mut waiting = vec![directory.to_owned()];
        while let Some(directory) = waiting.pop() {
            let path = if directory.is_empty() { self.root.to_path_buf() } else { self.path(&directory)? };
            let entries = match fs::read_dir(&path) {
                Err(error) if is_absent(&error) => continue,
                other => other.map_err(|error| failed("list", &path, error))?,
            };
            for entry in entries {
                let entry = entry.map_err(|error| failed("list", &path, error))?;
                let name = entry.file_name();
                let Some(name) = name.to_str() else { continue };
                if directory.is_empty() && matches!(name, TEMPORARY | LOCK) {
                    continue;
                }
                let key = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
                let metadata = match entry.metadata() {
                    // Deleted since the directory was read.
                    Err(error) if is_absent(&error) => continue,
                    other => other.map_err(|error| failed("list", &entry.path(), error))?,
                };
                if metadata.is_dir() {
                    if key.starts_with(prefix) || prefix.starts_with(&key) {
                        waiting.push(key);
                    }
                } else if metadata.is_file() && key.starts_with(prefix) {
                    // A file whose time is unknown is never old.
                    let modified = metadata.modified().ok().and_then(|at| Timestamp::try_from(at).ok());
                    let modified = modified.unwrap_or(Timestamp::MAX);
                    found.push(ObjectInfo { key, size: metadata.len(), modified });
                }
            }
        }
        found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Folder").field(&self.root).finish()
    }
}

#[async_trait]
impl ObjectStore for Folder {
    fn uri(&self) -> String {
        // A plain path, not a URL: every reader takes it, with blanks and umlauts as they are.
        let root = std::path::absolute(&self.root);
        root.as_deref().unwrap_or(&self.root).display().to_string()
    }

    async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<Put> {
        let path = self.path(key)?;
        self.blocking(move |folder| folder.put_if_absent_now(&path, &body)).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        let path = self.path(key)?;
        self.blocking(move |folder| folder.put_now(&path, &body)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let path = self.path(key)?;
        self.blocking(move |_| match fs::read(&path) {
            Ok(body) => Ok(Some(body.into())),
            Err(error) if is_absent(&error) || error.kind() == io::ErrorKind::IsADirectory => Ok(None),
            Err(error) => Err(failed("read", &path, error)),
        })
        .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let prefix = prefix.to_owned();
        self.blocking(move |folder| folder.list_now(&prefix)).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let path = self.path(key)?;
        self.blocking(move |_| match fs::remove_file(&path) {
            Err(error) if !is_absent(&error) => Err(failed("delete", &path, error)),
            _ => Ok(()),
        })
        .await
    }
}

/// A file that goes away with this value, unless it has been renamed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Writes a directory's new names to disk: a file whose name is lost with the power is lost.
pub(crate) fn sync_directory(path: &Path) -> Result<()> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(|error| failed("write", path, error))
}

/// A storage error that names the file and, where the kind of failure tells, the remedy.
pub(crate) fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    let step = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some("free space and run again"),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Some("make it writable for this user and run again")
        }
        io::ErrorKind::Unsupported | io::ErrorKind::CrossesDevices => {
            Some("use a folder on one file system that has hard links")
        }
        _ => None,
    };
    let failure = Error::new(ErrorKind::Storage, format!("cannot {what} {}", path.display())).because(error);
    match step {
        Some(step) => failure.next(step),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;

    fn folder() -> (tempfile::TempDir, Folder) {
        let directory = tempfile::tempdir().unwrap();
        let folder = Folder::open(directory.path().join("lake")).unwrap();
        (directory, folder)
    }

    #[tokio::test]
    async fn a_folder_is_an_object_store() {
        let (_directory, folder) = folder();
        contract::object_store(&folder).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_half_written_or_the_lock_is_never_listed_and_a_lock_clears_it_up() {
        let (_directory, folder) = folder();
        let left = folder.root().join(".tmp/left-by-a-killed-run");
        let young = folder.root().join(".tmp/being-written");
        fs::write(&left, "half").unwrap();
        fs::write(&young, "half").unwrap();
        let long_ago = fs::metadata(&left).unwrap().modified().unwrap() - Duration::from_hours(2);
        OpenOptions::new().write(true).open(&left).unwrap().set_modified(long_ago).unwrap();
        let guard = folder.lock().unwrap();
        assert!(!left.exists() && young.exists());
        folder.put("a", Bytes::from_static(b"1")).await.unwrap();
        assert_eq!(folder.list("").await.unwrap().len(), 1);
        assert_eq!(fs::read_dir(folder.root().join(".tmp")).unwrap().count(), 1, "only the young one");
        drop(guard);
    }

    #[tokio::test]
    async fn a_key_cannot_leave_the_folder_or_hide_in_it() {
        let (_directory, folder) = folder();
        for key in ["", "/etc/x", "../x", "a/../x", "a//b", "a/", "./a", "a\0b", ".tmp/x", ".lock", "a\\b"] {
            let error = folder.put_if_absent(key, Bytes::new()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Storage, "{key:?}");
            assert!(folder.get(key).await.is_err(), "{key:?}");
        }
    }

    #[test]
    fn a_full_disk_is_a_storage_error_that_names_the_path_and_the_remedy() {
        let error = failed("write", Path::new("/lake/a"), io::ErrorKind::StorageFull.into());
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert_eq!(error.to_string(), "cannot write /lake/a: no storage space; free space and run again");
    }

    #[tokio::test]
    async fn a_file_where_a_folder_has_to_be_is_told_and_not_replaced() {
        let (_directory, folder) = folder();
        folder.put("a", Bytes::from_static(b"1")).await.unwrap();
        assert!(folder.put("a/b", Bytes::from_static(b"2")).await.is_err());
        assert_eq!(folder.get("a").await.unwrap().unwrap().as_ref(), b"1");
        assert_eq!(folder.get("a/b").await.unwrap(), None);
        folder.put("c/d", Bytes::new()).await.unwrap();
        assert!(folder.put_if_absent("c", Bytes::new()).await.is_err());
    }
}
