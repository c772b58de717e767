//! What is named, from the last pointer of each family of tables on, or from the entries of the catalog; and what is there beside it.
//!
//! Every snapshot that a table still tells of can be gone back to, so all that it is made of is named, too.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use iceberg::spec::{FormatVersion, Manifest, ManifestList};
use serde_json::Value;

use super::pointer::{Pointer, catalog};

/// What leads from the pointers to everything that counts.
#[derive(Debug, Default)]
pub struct Reach {
    /// Keys of all that is named.
    pub named: BTreeSet<String>,
    /// What is named and cannot be read, with who names it.
    pub missing: Vec<String>,
    /// The highest number there is of each kind of things that are numbered, by what their keys begin with.
    numbers: BTreeMap<String, u64>,
}

/// The files that each manifest names, and the manifests that each list does, with the size that was read: what is called
/// so is never replaced, so each is read once.
pub type Manifests = BTreeMap<String, (usize, Vec<String>)>;

/// Follows all names in `objects`; `entries` tells of each table that is in a catalog where its metadata is.
pub fn reach(
    objects: &BTreeMap<String, Bytes>,
    entries: &BTreeMap<String, String>,
    manifests: &mut Manifests,
) -> Reach {
    let mut reach = Reach::default();
    for (table, key) in entries {
        let home = format!("lake/freshbooks/{table}");
        reach.named.insert("lake/freshbooks/catalog.json".to_owned());
        let units = reach.table(objects, manifests, &home, key, "the catalog");
        // A child shows the commits of its parent.
        let commits = format!("{home}/commits/");
        if objects.range(commits.clone()..).next().is_some_and(|(key, _)| key.starts_with(&commits)) {
            for (unit, entry) in units {
                reach.chain(objects, &home, &unit, &entry);
            }
        }
    }
    let mut last: BTreeMap<(&str, &str), &String> = BTreeMap::new();
    last.extend(objects.keys().filter_map(|key| Some((catalog(key)?, key))));
    for ((database, family), key) in last {
        // Which kind of catalog keeps the database is said once, for good.
        reach.named.extend([key.clone(), format!("lake/{database}/catalog.json")]);
        let Some(pointer) = reach.json(objects, key, "a listing") else { continue };
        for (table, at) in pointer["tables"].as_object().into_iter().flatten() {
            let home = format!("lake/{database}/{table}");
            let units = reach.table(objects, manifests, &home, at.as_str().unwrap_or_default(), key);
            if table == family {
                for (unit, entry) in units {
                    reach.chain(objects, &home, &unit, &entry);
                }
            }
        }
    }
    reach
}

impl Reach {
    /// What nobody needs: nothing names it, and it is no newer than what counts.
    pub fn needless<'o>(&self, objects: &'o BTreeMap<String, Bytes>, pointers: usize) -> Vec<&'o str> {
        let mut by_folder: BTreeMap<&str, usize> = BTreeMap::new();
        let mut left = Vec::new();
        for key in objects.keys().rev().map(String::as_str) {
            if !(key.starts_with("lake/") || key.starts_with("raw/")) || self.named.contains(key) {
                continue;
            }
            let (folder, name) = key.rsplit_once('/').unwrap_or_default();
            // Says who keeps the lake.
            if name == "catalog.json" && folder.matches('/').count() == 1 {
                continue;
            }
            let number = name.split_once('-').and_then(|(number, _)| number.parse::<u64>().ok());
            let kind = if name.contains("-files-") || name.contains("-list-") { "avro" } else { "json" };
            let highest = self.numbers.get(&format!("{folder} {kind}")).copied();
            let ahead = number.is_some_and(|number| highest.is_none_or(|highest| number > highest));
            if folder.ends_with("/catalog") {
                let after = by_folder.entry(folder).or_insert(1);
                *after += 1;
                if *after <= pointers {
                    continue;
                }
            }
            let numbered = folder.ends_with("/metadata") || folder.contains("/commits/");
            if !(numbered && ahead) {
                left.push(key);
            }
        }
        left
    }

    fn json(&mut self, objects: &BTreeMap<String, Bytes>, key: &str, by: &str) -> Option<Value> {
        let read = objects.get(key).and_then(|body| serde_json::from_slice(body).ok());
        if read.is_none() {
            self.missing.push(format!("{by} names {key}"));
        }
        read
    }

    /// Names `key`; its content if it is there.
    fn object(&mut self, objects: &BTreeMap<String, Bytes>, key: &str, by: &str) -> Option<Bytes> {
        self.named.insert(key.to_owned());
        let found = objects.get(key).cloned();
        if found.is_none() {
            self.missing.push(format!("{by} names {key}"));
        }
        found
    }

    /// What a manifest or a list of manifests names.
    fn inside(
        &mut self,
        objects: &BTreeMap<String, Bytes>,
        manifests: &mut Manifests,
        key: &str,
        by: &str,
    ) -> Vec<String> {
        let Some(body) = self.object(objects, key, by) else { return Vec::new() };
        if let Some((_, known)) = manifests.get(key).filter(|(size, _)| *size == body.len()) {
            return known.clone();
        }
        let read = if key.contains("-list-") {
            ManifestList::parse_with_version(&body, FormatVersion::V2)
                .map_err(|_| ())
                .map(|list| list.entries().iter().map(|manifest| below(&manifest.manifest_path)).collect())
        } else {
            let alive = |manifest: &Manifest| -> Vec<String> {
                let entries = manifest.entries().iter().filter(|entry| entry.is_alive());
                entries.map(|entry| below(entry.file_path())).collect()
            };
            Manifest::parse_avro(&body).as_ref().map(alive).map_err(|_| ())
        };
        let Ok(read) = read else {
            self.missing.push(format!("{key} cannot be read"));
            return Vec::new();
        };
        manifests.insert(key.to_owned(), (body.len(), read.clone()));
        read
    }

    /// Follows the metadata of a table; answers which commit of each unit it shows.
    fn table(
        &mut self,
        objects: &BTreeMap<String, Bytes>,
        manifests: &mut Manifests,
        home: &str,
        key: &str,
        by: &str,
    ) -> BTreeMap<String, String> {
        self.named.extend([key.to_owned(), format!("{home}/metadata/version-hint.text")]);
        let Some(metadata) = self.json(objects, key, by) else { return BTreeMap::new() };
        let list_of = |name: &str| metadata[name].as_array().cloned().unwrap_or_default();
        for version in list_of("metadata-log") {
            self.object(objects, &below(version["metadata-file"].as_str().unwrap_or_default()), key);
        }
        for snapshot in list_of("snapshots") {
            let list = below(snapshot["manifest-list"].as_str().unwrap_or_default());
            for manifest in self.inside(objects, manifests, &list, key) {
                if self.named.contains(&manifest) {
                    continue;
                }
                for file in self.inside(objects, manifests, &manifest, &list) {
                    self.object(objects, &file, &manifest);
                }
            }
        }
        let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
        let version = name.split_once('-').and_then(|(version, _)| version.parse().ok()).unwrap_or_default();
        self.numbers.insert(format!("{home}/metadata json"), version);
        let sequence = metadata["last-sequence-number"].as_u64().unwrap_or_default();
        self.numbers.insert(format!("{home}/metadata avro"), sequence);
        let units = metadata["properties"]["freshlake.units"].as_str().unwrap_or("{}");
        serde_json::from_str(units).unwrap_or_default()
    }

    /// Follows the commits of a unit, the raw files that they name, and the list of rows seen of the last one.
    fn chain(&mut self, objects: &BTreeMap<String, Bytes>, home: &str, unit: &str, entry: &str) {
        let folder = format!("{home}/commits/{unit}");
        let number = entry.split_once('-').and_then(|(number, _)| number.parse().ok()).unwrap_or_default();
        self.numbers.insert(format!("{folder} json"), number);
        let (mut next, mut by) = (Some(entry.to_owned()), home.to_owned());
        let mut last = true;
        while let Some(entry) = next {
            let key = format!("{folder}/{entry}.json");
            let Some(body) = self.object(objects, &key, &by) else { return };
            let Ok(commit) = serde_json::from_slice::<Pointer>(&body) else {
                self.missing.push(format!("{key} cannot be read"));
                return;
            };
            for file in &commit.files {
                self.object(objects, &file.key, &key);
            }
            if let Some(seen) = commit.seen.filter(|_| last) {
                self.object(objects, &seen, &key);
            }
            (next, by, last) = (commit.previous, key, false);
        }
    }
}

/// The key of what lies at `path`.
fn below(path: &str) -> String {
    path.find("lake/").and_then(|at| path.get(at..)).unwrap_or(path).to_owned()
}
