//! What the current tables should show by what commits name, and what they do show.
//!
//! The model is the simplest there is: rows by key in memory, one laid over the other. Metadata is read as JSON, manifests by
//! Iceberg's own reader; where a path leads is worked out here.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use iceberg::spec::{FormatVersion, Literal, Manifest, ManifestList, PrimitiveLiteral};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::facts::{Child, Facts};
use super::file::{self, Batch};
use super::{Findings, TABLES, text};

/// Columns that say when and by whom a row was read, and whether it is gone: a mark changes these and no other.
const STAMP: [&str; 3] = ["_is_deleted", "_run_id", "_extracted_at"];

/// One row of a current table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    body: u64,
    stamp: Stamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stamp {
    deleted: bool,
    run: u64,
    at: i64,
}

/// The rows of one table of one unit, and those of its children by their parent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    rows: BTreeMap<i64, Row>,
    lines: BTreeMap<(i64, &'static str), Vec<Row>>,
}

fn stamp(batch: &Batch, row: usize) -> Stamp {
    Stamp {
        deleted: batch.flag("_is_deleted", row).unwrap_or_default(),
        run: xxh3_64(batch.text("_run_id", row).unwrap_or_default().as_bytes()),
        at: batch.instant("_extracted_at", row).unwrap_or_default(),
    }
}

/// A parent as it came last in a commit.
struct Came {
    row: Row,
    /// How many lines it says it has in each child, where it says so.
    lines: BTreeMap<&'static str, usize>,
    /// Whether it says no more than that it is gone.
    mark: bool,
}

impl Shown {
    /// Lays the files of one commit over what is there: table, key and body of each, in order. Tells which parents came
    /// with their lines.
    pub(super) fn lay(
        &mut self,
        facts: &Facts,
        files: &[(String, u64, String, Bytes)],
    ) -> Result<BTreeSet<i64>, String> {
        let of = |name: &'static str| {
            let files = files.iter().filter(move |(table, ..)| table == name);
            files.map(|(.., body)| file::whole(body.clone())).collect::<Result<Vec<_>, _>>()
        };
        let mut came: BTreeMap<i64, Came> = BTreeMap::new();
        for batch in of(facts.name)?.iter().flatten() {
            let bodies = batch.digests(&[&STAMP[..], &["_raw"]].concat())?;
            for (row, body) in bodies.into_iter().enumerate() {
                let Some(key) = batch.int(facts.key, row) else { continue };
                let raw = batch.text("_raw", row);
                let told = facts.children.iter().filter_map(|child| Some((child.name, told(*child, raw?)?)));
                let told = told.collect();
                let row = Row { body, stamp: stamp(batch, row) };
                came.insert(key, Came { row, lines: told, mark: raw.is_none() });
            }
        }
        let mut new = BTreeMap::new();
        for child in facts.children {
            new.extend(lines(*child, &of(child.name)?, &came)?);
        }
        let keys = came.iter().filter(|(_, came)| !came.mark).map(|(key, _)| *key).collect();
        for (key, came) in came {
            if came.mark {
                self.rows.entry(key).or_insert(came.row).stamp = came.row.stamp;
                for child in facts.children {
                    for line in self.lines.get_mut(&(key, child.name)).into_iter().flatten() {
                        line.stamp = came.row.stamp;
                    }
                }
                continue;
            }
            self.rows.insert(key, came.row);
            for child in came.lines.into_keys() {
                self.lines.insert((key, child), new.remove(&(key, child)).unwrap_or_default());
            }
        }
        self.lines.retain(|_, lines| !lines.is_empty());
        Ok(keys)
    }

    /// Whether a parent is marked as gone.
    pub(super) fn is_gone(&self, key: i64) -> bool {
        self.rows.get(&key).is_some_and(|row| row.stamp.deleted)
    }
}

/// How many lines a parent says it has in `child`, if it says so. What is inside an object that is null is not there either.
fn told(child: Child, raw: &str) -> Option<usize> {
    let place = text::value(raw, child.source);
    let above = child.source.rsplit_once('.').and_then(|(above, _)| text::value(raw, above));
    match (place, above) {
        (None, Some("null")) => Some(0),
        (None, _) => None,
        (Some("null"), _) => child.object.then_some(0),
        _ => Some(text::elements(raw, child.source).len()),
    }
}

/// The lines of each parent as it came last.
fn lines(
    child: Child,
    files: &[Vec<Batch>],
    came: &BTreeMap<i64, Came>,
) -> Result<BTreeMap<(i64, &'static str), Vec<Row>>, String> {
    let mut lines: BTreeMap<(i64, &'static str), Vec<Row>> = BTreeMap::new();
    for batch in files.iter().flatten() {
        for (row, body) in batch.digests(&[&STAMP[..], &["_raw"]].concat())?.into_iter().enumerate() {
            let Some(parent) = batch.int(child.parent_key, row) else { continue };
            let line = Row { body, stamp: stamp(batch, row) };
            if came.get(&parent).is_some_and(|came| came.row.stamp.at == line.stamp.at) {
                lines.entry((parent, child.name)).or_default().push(line);
            }
        }
    }
    for ((parent, _), held) in &mut lines {
        // the parent may have come twice in that instant, and its lines each time: the last ones are its own
        let due = came.get(parent).and_then(|came| came.lines.get(child.name)).copied().unwrap_or_default();
        held.drain(..held.len().saturating_sub(due));
        held.sort_unstable();
    }
    Ok(lines)
}

/// The keys of the rows of a file.
pub(super) fn keys(facts: &Facts, body: Bytes) -> BTreeSet<i64> {
    let batches = file::whole(body).unwrap_or_default();
    batches.iter().flat_map(|batch| (0..batch.rows()).filter_map(|row| batch.int(facts.key, row))).collect()
}

/// Compares what the tables of a family show of one unit with what they should; of the parents in `ahead` the lines may be
/// others.
pub(super) fn judge(
    facts: &Facts,
    unit: &str,
    metadata: &BTreeMap<String, Value>,
    (due, ahead): (&Shown, &BTreeSet<i64>),
    at: &str,
    get: &dyn Fn(&str) -> Option<Bytes>,
    findings: &mut Findings,
) {
    let shown = match shown(facts, unit, metadata, get) {
        Ok(shown) => shown,
        Err(wrong) => return findings.add(TABLES, format!("{at}: {wrong}")),
    };
    if shown == *due {
        return;
    }
    let differs = |key: &&i64| shown.rows.get(key) != due.rows.get(key);
    if let Some(key) = due.rows.keys().chain(shown.rows.keys()).find(differs) {
        let (is, should) = (shown.rows.get(key), due.rows.get(key));
        let count = (shown.rows.len(), due.rows.len());
        findings.add(
            TABLES,
            format!("{at}: {} of {unit}: row {key} is {is:?}, not {should:?}; rows {count:?}", facts.name),
        );
        return;
    }
    let differs = |key: &&(i64, &str)| !ahead.contains(&key.0) && shown.lines.get(key) != due.lines.get(key);
    let key = due.lines.keys().chain(shown.lines.keys()).find(differs);
    if key.is_none() {
        return;
    }
    let (is, should) = (key.and_then(|k| shown.lines.get(k)), key.and_then(|k| due.lines.get(k)));
    findings.add(
        TABLES,
        format!("{at}: {} of {unit}: the lines of {key:?} are {is:?}, not {should:?}", facts.name),
    );
}

fn shown(
    facts: &Facts,
    unit: &str,
    metadata: &BTreeMap<String, Value>,
    get: &dyn Fn(&str) -> Option<Bytes>,
) -> Result<Shown, String> {
    let mut shown = Shown::default();
    for batch in rows(facts.name, unit, metadata, get)? {
        for (row, body) in batch.digests(&STAMP)?.into_iter().enumerate() {
            let key = batch.int(facts.key, row).ok_or("a row without a key")?;
            if shown.rows.insert(key, Row { body, stamp: stamp(&batch, row) }).is_some() {
                return Err(format!("{} shows row {key} twice", facts.name));
            }
        }
    }
    // A task may have died before it made them all; one that is not there shows nothing, and must have nothing to show.
    for child in facts.children.iter().filter(|child| metadata.contains_key(child.name)) {
        for batch in rows(child.name, unit, metadata, get)? {
            for (row, body) in batch.digests(&STAMP)?.into_iter().enumerate() {
                let parent = batch.int(child.parent_key, row).ok_or("a line without a parent")?;
                let line = Row { body, stamp: stamp(&batch, row) };
                shown.lines.entry((parent, child.name)).or_default().push(line);
            }
        }
    }
    for lines in shown.lines.values_mut() {
        lines.sort_unstable();
    }
    Ok(shown)
}

/// The rows of one unit in the current snapshot of a table.
fn rows(
    table: &str,
    unit: &str,
    metadata: &BTreeMap<String, Value>,
    get: &dyn Fn(&str) -> Option<Bytes>,
) -> Result<Vec<Batch>, String> {
    let metadata = metadata.get(table).ok_or_else(|| format!("there is no table {table}"))?;
    let current = &metadata["current-snapshot-id"];
    let snapshots = metadata["snapshots"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(snapshot) = snapshots.iter().find(|s| s["snapshot-id"] == *current) else {
        return if current.is_null() || *current == -1 {
            Ok(Vec::new())
        } else {
            Err("no snapshot".to_owned())
        };
    };
    let object = |path: &str| {
        let at = path.find("lake/freshbooks/").ok_or_else(|| format!("{path} is outside the lake"))?;
        let key = path.get(at..).unwrap_or_default();
        get(key).ok_or_else(|| format!("{key} is not there"))
    };
    let list = object(snapshot["manifest-list"].as_str().unwrap_or_default())?;
    let list = ManifestList::parse_with_version(&list, FormatVersion::V2).map_err(|e| e.to_string())?;
    let mut batches = Vec::new();
    let owner = unit.split_once('=').map_or("", |(_, owner)| owner);
    for manifest in list.entries() {
        let bytes = object(&manifest.manifest_path)?;
        if i64::try_from(bytes.len()) != Ok(manifest.manifest_length) {
            return Err(format!("{} is not as long as its list says", manifest.manifest_path));
        }
        let manifest = Manifest::parse_avro(&bytes).map_err(|e| e.to_string())?;
        for entry in manifest.entries().iter().filter(|entry| entry.is_alive()) {
            let of = match entry.data_file().partition().fields().first() {
                Some(Some(Literal::Primitive(PrimitiveLiteral::String(text)))) => text.clone(),
                Some(Some(Literal::Primitive(PrimitiveLiteral::Long(number)))) => number.to_string(),
                other => return Err(format!("{} is of {other:?}", entry.file_path())),
            };
            if of != owner {
                continue;
            }
            let body = object(entry.file_path())?;
            if body.len() as u64 != entry.file_size_in_bytes() {
                return Err(format!("{} is not as large as its manifest says", entry.file_path()));
            }
            let read = file::whole(body)?;
            let count: usize = read.iter().map(Batch::rows).sum();
            if count as u64 != entry.record_count() {
                return Err(format!("{} has {count} rows, not {}", entry.file_path(), entry.record_count()));
            }
            batches.extend(read);
        }
    }
    Ok(batches)
}
