//! One run at a time on a folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use model::{Error, ErrorKind, Result, Timestamp};

use crate::folder::failed;

/// The folder belongs to this process until this is dropped or the process ends, however it ends.
#[derive(Debug)]
#[must_use = "the folder is free again when this is dropped"]
pub struct FolderLock {
    file: File,
    path: PathBuf,
    last_run: Option<Timestamp>,
}

impl FolderLock {
    pub(crate) fn take(path: &Path, what: &Path) -> Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| failed("open", path, error))?;
        let locked = file.try_lock();
        let mut text = String::new();
        let _ = (&mut file).take(100).read_to_string(&mut text);
        let mut lines = text.lines();
        let holder = lines.next().map(str::trim).filter(|pid| !pid.is_empty());
        match locked {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(failed("lock", path, error)),
            Err(TryLockError::WouldBlock) => {
                let process = holder.map_or("another process".to_owned(), |pid| format!("process {pid}"));
                let message = format!("{process} is working on {}", what.display());
                return Err(Error::new(ErrorKind::Busy, message).next("wait until it ends, or stop it"));
            }
        }
        let last_run = lines.next().and_then(|instant| instant.trim().parse().ok());
        let lock = Self { file, path: path.to_owned(), last_run };
        lock.note(last_run)?;
        Ok(lock)
    }

    /// When the last run on this folder began, as it was [noted](Self::begin_run).
    pub fn last_run(&self) -> Option<Timestamp> {
        self.last_run
    }

    /// Notes that a run begins, for the ones after it.
    pub fn begin_run(&mut self, at: Timestamp) -> Result<()> {
        self.last_run = Some(at);
        self.note(self.last_run)
    }

    /// Whose the folder is, which only helps a person: the lock itself is the kernel's and dies with the process. And when
    /// the last run began.
    fn note(&self, last_run: Option<Timestamp>) -> Result<()> {
        let last_run = last_run.map(|at| at.to_string()).unwrap_or_default();
        let text = format!("{}\n{last_run}\n", std::process::id());
        let mut file = &self.file;
        let mut write = || {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(text.as_bytes())?;
            file.set_len(text.len() as u64)
        };
        write().map_err(|error| failed("write", &self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_told_who_works_and_the_next_one_gets_the_folder() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".lock");
        let first = FolderLock::take(&path, directory.path()).unwrap();
        let error = FolderLock::take(&path, directory.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy);
        let expected = format!("process {} is working on {}", std::process::id(), directory.path().display());
        assert_eq!(error.message(), expected);
        drop(first);
        let _second = FolderLock::take(&path, directory.path()).unwrap();
    }

    #[test]
    fn a_run_finds_when_the_one_before_it_began() {
        let directory = tempfile::tempdir().unwrap();
        let take = || FolderLock::take(&directory.path().join(".lock"), directory.path()).unwrap();
        assert_eq!(take().last_run(), None);
        let at: Timestamp = "2026-11-22T23:59:59.123456Z".parse().unwrap();
        take().begin_run(at).unwrap();
        assert_eq!(take().last_run(), Some(at));
        // Who takes the folder for something else leaves that as it is.
        assert_eq!(take().last_run(), Some(at));
        let earlier: Timestamp = "2026-11-22T23:59:59Z".parse().unwrap();
        take().begin_run(earlier).unwrap();
        assert_eq!(take().last_run(), Some(earlier));
    }
}
