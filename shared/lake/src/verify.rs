//! Reading a lake back: whether everything that counts is there, whole, and as it says of itself.
//!
//! ```text
//! pointers   numbered without a gap, each as it was written         (a family of tables)
//! current    metadata, lists, manifests, data files, older snapshots  (each of its tables)
//! commit     each agrees with the one before it and with its files    (each unit)
//! file       raw files, and the list of rows seen
//! ```
//!
//! What this cannot see: a last commit whose pointer is missing together with the hint for readers that it left, since it
//! looks like one that never was.

mod commit;
mod current;
mod file;
mod pointers;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use model::{Error, ErrorKind, Result};
use tables::Table;

use crate::catalog::Heads;
use crate::table::Plan;
use crate::{Commit, KeyHash, Lake, layout};
use commit::Chain;

/// What helps where bytes are gone: nothing but another copy of them.
const RESTORE: &str = "restore it from a backup or an earlier version of the object";
/// What helps where nobody can tell who keeps the lake.
const RESTORE_KEEPER: &str = "restore it from a backup, or delete it: the next run puts it again";
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
    /// Files read: raw data, lists of rows seen, and the data files of tables.
    pub files: u64,
    /// Rows decoded.
    pub rows: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What is wrong, by table and commit.
    pub damage: Vec<Damage>,
    /// What is not as it should be and mends itself: no damage.
    pub notes: Vec<Damage>,
}

/// What is known of all files so far, to tell when one counts twice.
#[derive(Debug, Default)]
struct Named {
    by_key: HashMap<String, String>,
    by_content: HashMap<String, String>,
    /// Data files of tables that are not as their manifests say, told of already.
    wrong: HashSet<String>,
    /// Lists of rows seen: two windows of one task that leave the same list share it.
    lists: HashSet<String>,
}

impl Lake {
    /// Reads back every commit of `table`, or of all tables, every file that one names, and the tables that readers see; one
    /// file at a time.
    ///
    /// What is wrong with an object is damage, whatever the reason; an error is that the lake cannot be listed. What nothing
    /// names is no damage: a run that died leaves it.
    pub async fn verify(&self, table: Option<&str>) -> Result<Verified> {
        let mut verification =
            Verification { lake: self, named: Named::default(), verified: Verified::default() };
        verification.keeper().await?;
        for family in tables::ALL.iter().filter(|family| table.is_none_or(|table| family.name == table)) {
            verification.family(family).await?;
        }
        Ok(verification.verified)
    }
}

/// A reading back under way.
struct Verification<'v> {
    lake: &'v Lake,
    named: Named,
    verified: Verified,
}

/// Where a family's objects are, as its folder lists them.
struct Place {
    family: &'static Table,
    home: String,
    /// The size of each object.
    sizes: BTreeMap<String, u64>,
}

impl Verification<'_> {
    /// Looks who keeps the lake; if it is another catalog, there is nothing to verify by this one.
    async fn keeper(&mut self) -> Result<()> {
        let keeper = &self.lake.keeper;
        match keeper.told().await {
            Err(error) if error.kind() == ErrorKind::Config => Err(error),
            Err(error) => {
                self.unreadable("-", &keeper.key(), &error, RESTORE_KEEPER);
                Ok(())
            }
            // Who wrote a lake before this was said says it with the next commit.
            Ok(_) => Ok(()),
        }
    }

    async fn family(&mut self, family: &'static Table) -> Result<()> {
        let place = self.place(family, family.name).await?;
        let heads = self.heads(&place).await;
        let mut shown = None;
        for plan in Plan::family(family) {
            let Some(key) = heads.metadata.get(plan.name) else { continue };
            let place = self.place(family, plan.name).await?;
            shown = self.table(&place, &plan, key).await;
        }
        // The parent comes last.
        let shown = shown.unwrap_or_default();
        let mut units: BTreeMap<String, Option<String>> =
            shown.units.iter().map(|(unit, entry)| (unit.clone(), Some(entry.clone()))).collect();
        let commits = format!("{}/commits/", place.home);
        for key in place.sizes.keys().filter_map(|key| key.strip_prefix(&commits)) {
            if let Some((unit, _)) = key.split_once('/') {
                units.entry(unit.to_owned()).or_default();
            }
        }
        for (unit, entry) in units {
            let brought = self.chain(&place, &unit, entry.as_deref()).await;
            let (Some(brought), Some(key)) = (brought, heads.metadata.get(family.name)) else { continue };
            if entry.is_none() || !shown.complete {
                continue;
            }
            let nothing = HashSet::new();
            let rows = shown.rows.get(&unit).unwrap_or(&nothing);
            let lacks = brought.difference(rows).count();
            let invents = rows.difference(&brought).count();
            if lacks + invents > 0 {
                let what = format!(
                    "shows other rows of {unit} than commits have brought: {lacks} are missing, {invents} are of no commit"
                );
                self.damage(family.name, key, what, &replay(family));
            }
        }
        if heads.metadata.contains_key(family.name) {
            self.dropped(family, &heads);
        }
        Ok(())
    }

    /// Children that no catalog knows although commits have brought rows of them.
    fn dropped(&mut self, family: &'static Table, heads: &Heads) {
        for child in family.children.iter().filter(|child| !heads.metadata.contains_key(child.name)) {
            let raw = format!("{}/", layout::raw(child.name));
            if self.named.by_key.keys().any(|key| key.starts_with(&raw)) {
                let home = layout::home(&self.lake.database, child.name);
                let what = "is not in the catalog, though commits have brought rows of it";
                self.damage(child.name, &home, what, &replay(family));
            }
        }
    }

    async fn place(&self, family: &'static Table, table: &str) -> Result<Place> {
        let home = layout::home(&self.lake.database, table);
        let listed = self.lake.store.list(&format!("{home}/")).await?;
        Ok(Place {
            family,
            home,
            sizes: listed.into_iter().map(|object| (object.key, object.size)).collect(),
        })
    }

    /// The commits of a unit that count, oldest first and from `entry` on back; tells the keys that they brought, if all could
    /// be read.
    async fn chain(&mut self, place: &Place, unit: &str, entry: Option<&str>) -> Option<HashSet<KeyHash>> {
        let folder = format!("{}/commits/{unit}/", place.home);
        let mut chain = Chain::new(place.family.name, unit);
        let mut found: Vec<(String, Option<Commit>)> = Vec::new();
        let mut next = entry.map(|entry| format!("{folder}{entry}.json"));
        while let Some(key) = next.take_if(|key| !layout::is_pointer_commit(key)) {
            let commit = self.read(&chain, &key).await;
            next = commit
                .as_ref()
                .and_then(|commit| commit.previous.as_ref())
                .map(|p| format!("{folder}{p}.json"));
            found.push((key, commit));
        }
        // Commits that were pointers themselves count by being there.
        let last = next.filter(|_| entry.is_some());
        let broken = found.last().is_some_and(|(_, commit)| commit.is_none());
        if broken {
            self.behind(place, &chain, &folder, &found).await;
        }
        let mut keys: Vec<&String> = Vec::new();
        if entry.is_none() || last.is_some() || broken {
            let numbered =
                place.sizes.keys().filter(|key| key.starts_with(&folder) && layout::is_pointer_commit(key));
            keys.extend(numbered.filter(|key| last.as_ref().is_none_or(|last| *key <= last)));
            keys.extend(last.iter().filter(|last| !place.sizes.contains_key(*last)));
        }
        for key in keys.into_iter().rev() {
            let commit = self.read(&chain, key).await;
            found.push((key.clone(), commit));
        }
        let mut brought = Some(HashSet::new());
        let head = found.first().map(|(key, _)| key.clone());
        for (key, commit) in found.into_iter().rev() {
            let Some(commit) = commit else {
                chain.skip(&key);
                brought = None;
                continue;
            };
            self.verified.commits += 1;
            let contents = self.one(&mut chain, &key, &commit).await;
            if contents.incomplete {
                brought = None;
            }
            if let Some(brought) = &mut brought {
                contents.keys_into(brought);
            }
            // Only the last list is compared with what is read next; those before it may have been swept.
            if Some(&key) == head.as_ref() || place.sizes.contains_key(&commit.seen) {
                self.seen(&chain, &commit).await;
            }
        }
        brought
    }

    /// Which commits are behind a broken one is not known: none of those that are there may be damaged.
    async fn behind(
        &mut self,
        place: &Place,
        chain: &Chain,
        folder: &str,
        read: &[(String, Option<Commit>)],
    ) {
        let is_new = |key: &&String| {
            key.starts_with(folder)
                && !layout::is_pointer_commit(key)
                && !read.iter().any(|(known, _)| known == *key)
        };
        for key in place.sizes.keys().filter(is_new) {
            self.read(chain, key).await;
        }
    }

    async fn read(&mut self, chain: &Chain, key: &str) -> Option<Commit> {
        match self.lake.commit_at(key).await {
            Ok(Some(commit)) => return Some(commit),
            Ok(None) => self.verified.damage.push(chain.damage(key, "is missing", RESTORE_COMMIT)),
            Err(error) => self.unreadable(chain.table(), key, &error, RESTORE_COMMIT),
        }
        None
    }

    async fn one(&mut self, chain: &mut Chain, key: &str, commit: &Commit) -> file::Contents {
        let Self { lake, named, verified } = self;
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
            let body = lake.store.get(&data.key).await;
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
        contents
    }

    async fn seen(&mut self, chain: &Chain, commit: &Commit) {
        if !self.named.lists.insert(commit.seen.clone()) {
            return;
        }
        match file::check_seen(self.lake.store.get(&commit.seen).await, &commit.seen) {
            Ok(bytes) => {
                self.verified.files += 1;
                self.verified.bytes += bytes;
            }
            Err(what) => self.verified.damage.push(chain.damage(&commit.seen, what, RESTORE)),
        }
    }

    fn damage(&mut self, table: &str, key: &str, what: impl Into<String>, next: &str) {
        let (table, key) = (table.to_owned(), key.to_owned());
        self.verified.damage.push(Damage { table, key, what: what.into(), next: next.to_owned() });
    }

    fn note(&mut self, table: &str, key: &str, what: impl Into<String>, next: &str) {
        let (table, key) = (table.to_owned(), key.to_owned());
        self.verified.notes.push(Damage { table, key, what: what.into(), next: next.to_owned() });
    }

    fn unreadable(&mut self, table: &str, key: &str, error: &Error, otherwise: &str) {
        let next = error.next_step().unwrap_or(otherwise);
        let whole = error.to_string();
        let what = whole.strip_suffix(&format!("; {next}")).unwrap_or(&whole);
        // The message names the object itself.
        let what = what.strip_prefix(key).map_or(what, str::trim_start);
        self.damage(table, key, what, otherwise);
    }
}

/// What helps where only what readers see is hurt.
fn replay(family: &Table) -> String {
    format!("make the table anew from raw: freshlake replay {}", family.name)
}

impl Chain {
    fn damage(&self, key: &str, what: impl Into<String>, next: &str) -> Damage {
        let (table, key) = (self.table().to_owned(), key.to_owned());
        Damage { table, key, what: what.into(), next: next.to_owned() }
    }
}
