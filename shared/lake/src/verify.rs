//! Reading a lake back: whether everything that its commits name is there, whole, and as they say.
//!
//! What this cannot see: a commit that is missing at the very end of a table, since it looks like one that never was.

mod commit;
mod file;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use model::{Error, Result};

use crate::{Commit, Lake, layout};
use commit::Chain;

/// What helps where bytes are gone: nothing but another copy of them.
const RESTORE: &str = "restore it from a backup or an earlier version of the object";
/// What helps where a pointer contradicts itself or its files.
const RESTORE_COMMIT: &str = "restore the commit from a backup or an earlier version of the object";
/// What helps where rows count twice.
const REPORT: &str = "readers see these rows twice: report this, with the commit";

/// One thing that is wrong with a lake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The table whose commit it was found by.
    pub table: String,
    /// The object at fault.
    pub key: String,
    /// What is wrong with it.
    pub what: String,
    /// What a person should do.
    pub next: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}; {}", self.key, self.what, self.next)
    }
}

/// What was read back, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Commits read.
    pub commits: u64,
    /// Files read that commits name: data, and lists of rows seen.
    pub files: u64,
    /// Rows decoded.
    pub rows: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What is wrong, by table and commit.
    pub damage: Vec<Damage>,
}

/// What is known of all files so far, to tell when one counts twice.
#[derive(Debug, Default)]
struct Named {
    by_key: HashMap<String, String>,
    by_content: HashMap<String, String>,
    /// Lists of rows seen: two windows of one task that leave the same list share it.
    lists: HashSet<String>,
}

impl Lake {
    /// Reads back every commit of `table`, or of all tables, and every file that one names; one file at a time.
    ///
    /// What is wrong with an object is damage, whatever the reason; an error is that the lake cannot be listed.
    pub async fn verify(&self, table: Option<&str>) -> Result<Verified> {
        let mut verified = Verified::default();
        let mut named = Named::default();
        for (place, keys) in self.chains(table).await? {
            let mut chain = Chain::new(&place.0, &place.1);
            for key in keys {
                match self.commit_at(&key).await {
                    Ok(Some(commit)) => {
                        verified.commits += 1;
                        self.one(&mut chain, &key, &commit, &mut named, &mut verified).await;
                    }
                    // Between the listing and now it went away.
                    Ok(None) => verified.damage.push(chain.damage(&key, "is missing", RESTORE_COMMIT)),
                    Err(error) => {
                        verified.damage.push(chain.unreadable(&key, &error));
                        chain.skip(&key);
                    }
                }
            }
        }
        Ok(verified)
    }

    /// The commits of each table and unit, in the order of their names.
    async fn chains(&self, table: Option<&str>) -> Result<BTreeMap<(String, String), Vec<String>>> {
        let root = layout::database(&self.database);
        let prefix = table.map_or_else(|| root.clone(), |table| format!("{root}{table}/commits/"));
        let mut chains: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for object in self.store.list(&prefix).await? {
            let Some(rest) = object.key.strip_prefix(&root) else { continue };
            let mut parts = rest.splitn(4, '/');
            if let (Some(table), Some("commits"), Some(unit), Some(_)) =
                (parts.next(), parts.next(), parts.next(), parts.next())
            {
                chains.entry((table.to_owned(), unit.to_owned())).or_default().push(object.key);
            }
        }
        Ok(chains)
    }

    async fn one(
        &self,
        chain: &mut Chain,
        key: &str,
        commit: &Commit,
        named: &mut Named,
        verified: &mut Verified,
    ) {
        verified.damage.extend(chain.link(key, commit));
        let mut contents = file::Contents::default();
        for data in &commit.files {
            if let Some(before) = named.by_key.insert(data.key.clone(), key.to_owned()) {
                let what = format!("is named twice, by {before} and {key}");
                verified.damage.push(chain.damage(&data.key, what, REPORT));
                continue;
            }
            if let Some(before) = named.by_content.insert(data.sha256.clone(), data.key.clone()) {
                let what = format!("holds the same rows as {before}");
                verified.damage.push(chain.damage(&data.key, what, REPORT));
            }
            let body = self.store.get(&data.key).await;
            match file::check(body, data, chain.table()) {
                Ok(read) => {
                    verified.files += 1;
                    verified.rows += read.rows;
                    verified.bytes += data.bytes;
                    contents.add(data, read);
                }
                Err(what) => {
                    contents.incomplete = true;
                    verified.damage.push(chain.damage(&data.key, what, RESTORE));
                }
            }
        }
        verified.damage.extend(chain.certificate(key, commit, &contents));
        if !named.lists.insert(commit.seen.clone()) {
            return;
        }
        match file::check_seen(self.store.get(&commit.seen).await, &commit.seen) {
            Ok(bytes) => {
                verified.files += 1;
                verified.bytes += bytes;
            }
            Err(what) => verified.damage.push(chain.damage(&commit.seen, what, RESTORE)),
        }
    }
}

impl Chain {
    fn damage(&self, key: &str, what: impl Into<String>, next: &str) -> Damage {
        let (table, key) = (self.table().to_owned(), key.to_owned());
        Damage { table, key, what: what.into(), next: next.to_owned() }
    }

    fn unreadable(&self, key: &str, error: &Error) -> Damage {
        let next = error.next_step().unwrap_or(RESTORE_COMMIT);
        let whole = error.to_string();
        let what = whole.strip_suffix(&format!("; {next}")).unwrap_or(&whole);
        // The message names the object itself.
        let what = what.strip_prefix(key).map_or(what, str::trim_start);
        self.damage(key, what, next)
    }
}
