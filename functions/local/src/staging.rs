//! Where the files of a pull wait until all tables are complete.
//!
//! `DIR/.freshlake-pull` is a store with a lock: whoever holds it pulls into `DIR`. What a dead pull left in it is put
//! back or removed by the next one. A table's folder gets its place by a rename, the one before it gives way by another.

use std::fs::{self, File};
use std::io::ErrorKind as IoKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use host::{Folder, FolderLock};
use model::port::{ObjectInfo, ObjectStore, Put};
use model::{Error, ErrorKind, Result};

const STAGING: &str = ".freshlake-pull";
/// Inside the staging: folders that had to give way, until all are replaced.
const FORMER: &str = "former";
/// Inside the staging: the folders to come.
const TABLES: &str = "tables";

/// The hidden folder inside `out`. Nothing else in `out` changes before [`place`](Self::place).
#[derive(Debug)]
pub(crate) struct Staging {
    out: PathBuf,
    root: PathBuf,
    folder: Folder,
    made_out: bool,
    _lock: FolderLock,
}

impl Staging {
    /// Takes `out` for this pull. `folders` are those that may be replaced: each has to be absent, or hold nothing but
    /// Parquet files.
    pub(crate) fn open(out: &Path, folders: &[String]) -> Result<Self> {
        let made_out = !out.exists();
        let root = out.join(STAGING);
        let folder = Folder::open(&root)?;
        let lock = folder.lock()?;
        let staging = Self { out: out.to_owned(), root, folder, made_out, _lock: lock };
        staging.restore()?;
        for folder in folders {
            check_replaceable(&staging.out.join(folder))?;
        }
        Ok(staging)
    }

    /// The store for the files of `table`.
    pub(crate) fn store(&self, table: &'static str) -> Arc<dyn ObjectStore> {
        Arc::new(TableStore { folder: self.folder.clone(), table })
    }

    /// Moves what was pulled into its place, all or nothing. Of `folders`, those that were not pulled go away.
    pub(crate) fn place(self, folders: &[String]) -> Result<()> {
        let mut moved: Vec<&String> = Vec::new();
        let placed = folders.iter().try_for_each(|folder| {
            check_replaceable(&self.out.join(folder))?;
            moved.push(folder);
            self.swap(folder)
        });
        if placed.is_err() {
            for folder in moved {
                let target = self.out.join(folder);
                let _ = rename(&target, &self.root.join(TABLES).join(folder));
                let _ = rename(&self.root.join(FORMER).join(folder), &target);
            }
        }
        let _ = fs::remove_dir(self.out.join("rejected"));
        // A power cut may otherwise bring the former files back, which is no harm: no error either.
        let _ = File::open(&self.out).and_then(|directory| directory.sync_all());
        placed
    }

    fn swap(&self, folder: &str) -> Result<()> {
        let target = self.out.join(folder);
        if target.exists() {
            rename(&target, &self.root.join(FORMER).join(folder))?;
        }
        let source = self.root.join(TABLES).join(folder);
        if source.exists() { rename(&source, &target) } else { Ok(()) }
    }

    /// Puts back what a pull that died while it placed its tables had moved away, and removes the rest of it.
    fn restore(&self) -> Result<()> {
        let former = self.root.join(FORMER);
        for folder in folders_in(&former) {
            if !self.out.join(&folder).exists() {
                rename(&former.join(&folder), &self.out.join(&folder))?;
            }
        }
        for left in [former, self.root.join(TABLES)] {
            match fs::remove_dir_all(&left) {
                Err(error) if error.kind() != IoKind::NotFound => return Err(failed("remove", &left, error)),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
        if self.made_out {
            // Only succeeds if nothing was placed.
            let _ = fs::remove_dir(&self.out);
        }
    }
}

/// `invoices`, `rejected/invoices`: folders with files in them.
fn folders_in(root: &Path) -> Vec<String> {
    let names = |path: &Path| -> Vec<String> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.filter(|e| e.path().is_dir()).filter_map(|e| e.file_name().into_string().ok()).collect()
    };
    let inner = |name: String| match name.as_str() {
        "rejected" => names(&root.join("rejected")).into_iter().map(|n| format!("rejected/{n}")).collect(),
        _ => vec![name],
    };
    names(root).into_iter().flat_map(inner).collect()
}

/// Nothing that a person may miss is ever moved away.
fn check_replaceable(folder: &Path) -> Result<()> {
    let refused = |why: &str| {
        Error::new(ErrorKind::Config, format!("{} cannot be replaced: {why}", folder.display()))
            .next("choose another --out, or move it away")
    };
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == IoKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("look at", folder, error)),
        Ok(there) if !there.is_dir() => return Err(refused("it is not a folder")),
        Ok(_) => {}
    }
    for entry in fs::read_dir(folder).map_err(|error| failed("list", folder, error))? {
        let entry = entry.map_err(|error| failed("list", folder, error))?;
        let file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if !file || entry.path().extension().is_none_or(|extension| extension != "parquet") {
            return Err(refused(&format!("{} is not from a pull", entry.file_name().display())));
        }
    }
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(|error| failed("make the folder", parent, error))?;
    }
    fs::rename(from, to).map_err(|error| failed("write", to, error))
}

fn failed(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("cannot {what} {}", path.display())).because(error)
}

/// The staging as one table's pull sees it: rejected rows of several tables do not meet.
#[derive(Debug)]
struct TableStore {
    folder: Folder,
    table: &'static str,
}

impl TableStore {
    fn key(&self, key: &str) -> String {
        match key.strip_prefix("rejected/") {
            Some(file) => format!("{TABLES}/rejected/{}/{file}", self.table),
            None => format!("{TABLES}/{key}"),
        }
    }
}

#[async_trait]
impl ObjectStore for TableStore {
    fn uri(&self) -> String {
        self.folder.uri()
    }

    async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<Put> {
        self.folder.put_if_absent(&self.key(key), body).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        self.folder.put(&self.key(key), body).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.folder.get(&self.key(key)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        self.folder.list(&self.key(prefix)).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.folder.delete(&self.key(key)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn put(staging: &Staging, key: &str) {
        let path = staging.root.join(TABLES).join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "new").unwrap();
    }

    fn folders(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_pull_that_is_dropped_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("out");
        let staging = Staging::open(&out, &[]).unwrap();
        put(&staging, "invoices/a.parquet");
        drop(staging);
        assert!(!out.exists());
    }

    #[test]
    fn the_former_pull_is_replaced_and_what_is_not_from_a_pull_never() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path();
        let all = folders(&["invoices", "rejected/invoices"]);
        for (folder, file) in [("invoices", "old.parquet"), ("rejected/invoices", "old.parquet"), ("x", "y")]
        {
            fs::create_dir_all(out.join(folder)).unwrap();
            fs::write(out.join(folder).join(file), "old").unwrap();
        }
        let staging = Staging::open(out, &all).unwrap();
        put(&staging, "invoices/new.parquet");
        staging.place(&all).unwrap();
        assert_eq!(names(out), ["invoices", "x"]);
        assert_eq!(names(&out.join("invoices")), ["new.parquet"]);

        fs::write(out.join("invoices/notes.txt"), "mine").unwrap();
        let error = Staging::open(out, &all).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().ends_with("cannot be replaced: notes.txt is not from a pull"), "{error}");
        assert_eq!(names(out), ["invoices", "x"]);
    }

    #[test]
    fn a_kill_while_tables_are_placed_is_undone_by_the_next_pull() {
        let directory = tempfile::tempdir().unwrap();
        let former = directory.path().join(".freshlake-pull/former/invoices");
        fs::create_dir_all(&former).unwrap();
        fs::write(former.join("old.parquet"), "old").unwrap();
        let _staging = Staging::open(directory.path(), &[]).unwrap();
        assert_eq!(names(&directory.path().join("invoices")), ["old.parquet"]);
    }
}
