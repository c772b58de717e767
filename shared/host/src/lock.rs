//! One run at a time on a folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use model::{Error, ErrorKind, Result};

use crate::folder::failed;

/// The folder belongs to this process until this is dropped or the process ends, however it ends.
#[derive(Debug)]
#[must_use = "the folder is free again when this is dropped"]
pub struct FolderLock {
    _file: File,
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
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(failed("lock", path, error)),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = (&mut file).take(20).read_to_string(&mut holder);
                let process = match holder.trim() {
                    "" => "another process".to_owned(),
                    pid => format!("process {pid}"),
                };
                let message = format!("{process} is working on {}", what.display());
                return Err(Error::new(ErrorKind::Busy, message).next("wait until it ends, or stop it"));
            }
        }
        // The number only helps a person; the lock itself is the kernel's and dies with the process.
        let note = |mut file: &File| {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            writeln!(file, "{}", std::process::id())
        };
        note(&file).map_err(|error| failed("write", path, error))?;
        Ok(Self { _file: file })
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
}
