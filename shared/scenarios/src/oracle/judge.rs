//! Takes commits one after the other and remembers what they came to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bytes::Bytes;
use model::{Timestamp, Unit};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::facts::{self, Facts};
use super::fold::{self, Fold, View};
use super::known::{Past, digest};
use super::pointer::{Named, Place, Pointer, catalog, is_pointer, place};
use super::shown::{self, Shown};
use super::{
    Except, FILES, Findings, INVENTED, NUMBERS, TABLES, TWICE, Violation, current, cursor, file, lines,
};
use crate::source::Source;

/// Remembers the commits it was shown, so that each is read once.
#[derive(Debug)]
pub struct Judge {
    source: Source,
    books: BTreeMap<Place, Book>,
    /// Every file that a commit named.
    named: BTreeSet<String>,
    /// The pointer that was taken last of each table.
    last: BTreeMap<Place, String>,
}

/// What the commits of one table of one unit came to.
#[derive(Debug, Default)]
struct Book {
    /// The commits, oldest first.
    keys: Vec<String>,
    number: u64,
    cursor: Option<Timestamp>,
    done: BTreeSet<String>,
    past: Past,
    view: View,
    shown: Shown,
    /// Parents whose lines a task has switched that may have died before it switched the parents.
    ahead: BTreeSet<i64>,
}

impl Judge {
    /// A judge who has seen nothing yet.
    pub fn new(source: &Source) -> Self {
        Self { source: source.clone(), books: BTreeMap::new(), named: BTreeSet::new(), last: BTreeMap::new() }
    }

    /// Takes every commit in `objects` that counts and that it has not taken yet.
    pub fn catch_up(&mut self, objects: &BTreeMap<String, Bytes>, now: Timestamp) -> Vec<Violation> {
        let get = |key: &str| objects.get(key).cloned();
        let mut found = Vec::new();
        for key in objects.keys().filter(|key| is_pointer(key)) {
            let taken = |(place, _): (Place, u64)| self.last.get(&place).is_some_and(|last| last >= key);
            if !place(key).is_some_and(taken) {
                found.extend(self.commit(key, &get, now));
            }
        }
        let mut last: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        last.extend(objects.keys().filter_map(|key| Some((catalog(key)?, key.as_str()))));
        for key in last.into_values() {
            found.extend(self.swapped(key, &get, now));
        }
        found
    }

    /// Takes a swap: the commits that it makes count, and the tables that it shows; `key` is that of its pointer.
    pub fn swapped(
        &mut self,
        key: &str,
        get: &dyn Fn(&str) -> Option<Bytes>,
        now: Timestamp,
    ) -> Vec<Violation> {
        let mut findings = Findings::default();
        let Some((database, family)) = catalog(key) else {
            findings.add(NUMBERS, format!("{key} is no place for a pointer"));
            return findings.0;
        };
        let pointer = get(key).and_then(|body| serde_json::from_slice::<Value>(&body).ok());
        let tables = pointer.as_ref().and_then(|pointer| pointer["tables"].as_object()).into_iter().flatten();
        let tables =
            tables.map(|(table, at)| (table.clone(), at.as_str().unwrap_or_default().to_owned())).collect();
        self.shows((database, family), &tables, key, get, now)
    }

    /// Takes a changed entry of a catalog whose tables switch one by one, children first; `metadata` is where the
    /// metadata of every table is. Nothing to tell unless it is a parent's.
    pub fn switched(
        &mut self,
        database: &str,
        table: &str,
        metadata: &BTreeMap<String, String>,
        get: &dyn Fn(&str) -> Option<Bytes>,
        now: Timestamp,
    ) -> Option<Vec<Violation>> {
        if facts::find(table).is_some() {
            return Some(self.shows((database, table), metadata, table, get, now));
        }
        let facts = facts::parent_of(table)?;
        let json = get(metadata.get(table)?).and_then(|body| serde_json::from_slice::<Value>(&body).ok())?;
        for (unit, entry) in units(&json) {
            let place = Place { database: database.to_owned(), table: facts.name.to_owned(), unit };
            let (commit, book) = (place.commit(&entry), self.books.entry(place).or_default());
            if book.keys.contains(&commit) {
                continue;
            }
            let commit = get(&commit).and_then(|body| serde_json::from_slice::<Pointer>(&body).ok());
            let parents =
                commit.iter().flat_map(|commit| &commit.files).filter(|file| file.table == facts.name);
            for body in parents.filter_map(|file| get(&file.key)) {
                book.ahead.extend(shown::keys(facts, body));
            }
        }
        None
    }

    /// Takes what the tables of a family show from now on.
    fn shows(
        &mut self,
        (database, family): (&str, &str),
        tables: &BTreeMap<String, String>,
        key: &str,
        get: &dyn Fn(&str) -> Option<Bytes>,
        now: Timestamp,
    ) -> Vec<Violation> {
        let mut findings = Findings::default();
        let json = |key: &str| get(key).and_then(|body| serde_json::from_slice::<Value>(&body).ok());
        let mut metadata = BTreeMap::new();
        for (table, at) in tables {
            match json(at) {
                Some(json) => _ = metadata.insert(table.clone(), json),
                None => findings.add(FILES, format!("{key}: {at} is not there")),
            }
        }
        // A swap that makes no commit count has kept the tables, or written them anew: they are to show what they did.
        let (mut same, mut changed) = (Vec::new(), false);
        for (unit, entry) in metadata.get(family).map(units).unwrap_or_default() {
            let place = Place { database: database.to_owned(), table: family.to_owned(), unit };
            let mut new = vec![place.commit(&entry)];
            while let Some(last) = new.last().filter(|key| self.last.get(&place) != Some(key)) {
                let before = get(last).and_then(|body| serde_json::from_slice::<Pointer>(&body).ok());
                match before.and_then(|commit| commit.previous) {
                    Some(before) => new.push(place.commit(&before)),
                    None => break,
                }
            }
            new.retain(|key| self.last.get(&place) != Some(key));
            if new.is_empty() {
                same.push(place);
                continue;
            }
            for commit in new.iter().rev() {
                findings.0.extend(self.commit(commit, get, now));
            }
            let Some(facts) = facts::find(family) else { continue };
            if let Some(book) = self.books.get(&place) {
                let due = (&book.shown, &book.ahead);
                shown::judge(facts, &place.unit, &metadata, due, key, get, &mut findings);
            }
            changed = true;
        }
        for place in same.iter().filter(|_| !changed) {
            if let (Some(facts), Some(book)) = (facts::find(family), self.books.get(place)) {
                let due = (&book.shown, &book.ahead);
                shown::judge(facts, &place.unit, &metadata, due, key, get, &mut findings);
            }
        }
        findings.0
    }

    /// Takes one new commit, whose pointer is at `key`; `get` reads an object. Commits of a table come in their order,
    /// `now` is the source's time.
    pub fn commit(
        &mut self,
        key: &str,
        get: &dyn Fn(&str) -> Option<Bytes>,
        now: Timestamp,
    ) -> Vec<Violation> {
        let mut findings = Findings::default();
        let Some((place, number)) = place(key) else {
            findings.add(NUMBERS, format!("{key} is no place for a commit"));
            return findings.0;
        };
        let pointer = get(key).map(|body| serde_json::from_slice::<Pointer>(&body));
        let pointer = match pointer {
            Some(Ok(pointer)) => pointer,
            Some(Err(error)) => {
                findings.add(NUMBERS, format!("{key} cannot be read: {error}"));
                return findings.0;
            }
            None => {
                findings.add(NUMBERS, format!("{key} is not there"));
                return findings.0;
            }
        };
        self.last.insert(place.clone(), key.to_owned());
        let mut book = self.books.remove(&place).unwrap_or_default();
        book.keys.push(key.to_owned());
        book.numbers(&pointer, (key, number), now, &mut findings);
        let files = self.files(&place, &pointer, key, get, &mut findings);
        let facts = facts::find(&place.table);
        if let Some((facts, unit)) = facts.and_then(|facts| Some((facts, self.unit(facts, &place)?))) {
            book.past.update(&self.source, &unit, facts);
            book.rows(facts, &pointer, key, files, &mut findings);
            if let Some(cursor) = pointer.cursor {
                let hides_odd = self.source.ever_hid_rows();
                cursor::judge(&book.past, &book.view, cursor, hides_odd, key, &mut findings);
            }
        }
        self.books.insert(place, book);
        findings.0
    }

    /// The keys of the commits of a table of a unit that count, oldest first.
    pub fn commits(&self, table: &str, unit: &Unit) -> &[String] {
        let unit = unit.partition();
        let book = self.books.iter().find(|(place, _)| place.table == table && place.unit == unit);
        book.map_or(&[], |(_, book)| &book.keys)
    }

    /// The keys of all commits that count, table by table, oldest first.
    pub fn all_commits(&self) -> impl Iterator<Item = &[String]> {
        self.books.values().map(|book| book.keys.as_slice())
    }

    /// Whether everything that was committed is all there is now.
    pub fn current(&mut self, except: &Except) -> Vec<Violation> {
        let mut findings = Findings::default();
        let hides_odd = self.source.ever_hid_rows();
        let tables = self.source.tables().to_vec();
        for facts in tables.into_iter().filter_map(facts::find) {
            for unit in self.source.units(facts.name) {
                let at = (unit.partition(), facts.name.to_owned());
                if except.unavailable.contains(&at) {
                    continue;
                }
                let unswept = except.no_sweeps || except.unswept.contains(&at);
                let mut empty = Book::default();
                let of = |place: &Place| place.table == at.1 && place.unit == at.0;
                let book = self.books.iter_mut().find(|(place, _)| of(place)).map(|(_, book)| book);
                let book = book.unwrap_or(&mut empty);
                book.past.update(&self.source, &unit, facts);
                let at = format!("{} of {}", at.1, at.0);
                current::judge(&book.past, &book.view, unswept, hides_odd, &at, &mut findings);
                if let Some(key) = book.ahead.first() {
                    let what = format!("{at}: the lines of {key} are those of a commit that never was");
                    findings.add(TABLES, what);
                }
            }
        }
        findings.0
    }

    fn unit(&self, facts: &Facts, place: &Place) -> Option<Unit> {
        self.source.units(facts.name).into_iter().find(|unit| unit.partition() == place.unit)
    }

    /// The files of a commit that are there, with their tables.
    fn files(
        &mut self,
        place: &Place,
        pointer: &Pointer,
        at: &str,
        get: &dyn Fn(&str) -> Option<Bytes>,
        findings: &mut Findings,
    ) -> Vec<(String, u64, String, Bytes)> {
        let mut files = Vec::new();
        for Named { table, key, rows, bytes, sha256 } in &pointer.files {
            if !self.named.insert(key.clone()) {
                findings.add(FILES, format!("{at}: {key} was named before"));
            }
            if !key.starts_with(&format!("raw/{table}/{}/", place.unit)) {
                findings.add(FILES, format!("{at}: {key} is no place for {table} of {}", place.unit));
            }
            let Some(body) = get(key) else {
                findings.add(FILES, format!("{at}: {key} is not there"));
                continue;
            };
            if body.len() as u64 != *bytes {
                findings.add(FILES, format!("{at}: {key} has {} bytes, not {bytes}", body.len()));
            }
            if hex(&body) != *sha256 {
                findings.add(FILES, format!("{at}: {key} does not have the digest {sha256}"));
            }
            files.push((table.clone(), *rows, key.clone(), body));
        }
        if let Some(seen) = pointer.seen.as_ref().filter(|seen| get(seen).is_none()) {
            findings.add(FILES, format!("{at}: {seen} is not there"));
        }
        files
    }
}

impl Book {
    fn numbers(
        &mut self,
        pointer: &Pointer,
        (at, number): (&str, u64),
        now: Timestamp,
        findings: &mut Findings,
    ) {
        if pointer.number != number || number != self.number + 1 {
            let (said, due) = (pointer.number, self.number + 1);
            findings.add(NUMBERS, format!("{at}: is number {said}, and number {due} was due"));
        }
        self.number = number;
        let distinct: BTreeSet<_> = pointer.recent_tasks.iter().collect();
        if distinct.len() != pointer.recent_tasks.len() {
            findings.add(NUMBERS, format!("{at}: a task is in recent_tasks twice"));
        }
        if pointer.done && !pointer.recent_tasks.contains(&pointer.task) {
            findings.add(NUMBERS, format!("{at}: {} is not in its own recent_tasks", pointer.task));
        }
        if self.done.contains(&pointer.task) {
            findings.add(NUMBERS, format!("{at}: {} commits again after it was done", pointer.task));
        }
        if pointer.done {
            self.done.insert(pointer.task.clone());
        }
        if pointer.cursor < self.cursor {
            let (from, to) = (self.cursor, pointer.cursor);
            findings.add(NUMBERS, format!("{at}: the cursor moves back from {from:?} to {to:?}"));
        }
        self.cursor = self.cursor.max(pointer.cursor);
        if let Some(cursor) = pointer.cursor.filter(|cursor| *cursor > now) {
            findings.add(super::AHEAD, format!("{at}: the cursor is at {cursor}, and it is only {now}"));
        }
    }

    fn rows(
        &mut self,
        facts: &'static Facts,
        pointer: &Pointer,
        at: &str,
        files: Vec<(String, u64, String, Bytes)>,
        findings: &mut Findings,
    ) {
        let full = pointer.mode.as_deref() == Some("full");
        if let Err(error) = self.shown.lay(facts, &files) {
            findings.add(FILES, format!("{at}: {error}"));
        }
        if !pointer.fence {
            // Whoever commits leaves nothing of one that never did.
            self.ahead.clear();
        }
        let mut fold = Fold::new(facts, &self.past, at, (pointer.cursor, full));
        for (table, rows, key, body) in files {
            let child = facts.children.iter().copied().find(|child| child.name == table);
            let columns = match child {
                _ if table == facts.name => fold::columns(facts),
                Some(child) => lines::columns(child),
                None if table == "rejected" => vec!["table_name", "key", "_raw"],
                None => {
                    findings.add(
                        INVENTED,
                        format!("{at}: {key} holds {table}, which is not part of {}", facts.name),
                    );
                    continue;
                }
            };
            let (said, batches) = match file::read(body, &columns) {
                Ok(read) => read,
                Err(error) => {
                    findings.add(FILES, format!("{at}: {key} cannot be read: {error}"));
                    continue;
                }
            };
            if said != rows {
                findings.add(FILES, format!("{at}: {key} has {said} rows, not {rows}"));
            }
            for batch in &batches {
                match child {
                    Some(child) => fold.lines.written(child, batch),
                    None if table == facts.name => fold.batch(&self.view, batch, findings),
                    None => rejected(facts, &self.past, &mut self.view, batch, at, findings),
                }
            }
        }
        fold.finish(&mut self.view, findings);
    }
}

/// Which commit of each unit a table shows.
fn units(metadata: &Value) -> BTreeMap<String, String> {
    let units = metadata["properties"]["freshlake.units"].as_str();
    units.and_then(|units| serde_json::from_str(units).ok()).unwrap_or_default()
}

/// Rows that could not be typed: they too are rows that the source had, each told once.
fn rejected(
    facts: &Facts,
    past: &Past,
    view: &mut View,
    batch: &file::Batch,
    at: &str,
    findings: &mut Findings,
) {
    for row in 0..batch.rows() {
        let (table, raw) = (batch.text("table_name", row), batch.text("_raw", row).unwrap_or_default());
        let key: i64 = batch.text("key", row).and_then(|key| key.parse().ok()).unwrap_or(i64::MIN);
        let text = digest(raw);
        if table != Some(facts.name) || !past.of(key).iter().any(|known| known.digest() == Some(text)) {
            findings.add(INVENTED, format!("{at}: rejected row {key} never was so: {raw}"));
        } else if !view.rejected.insert((key, text)) {
            findings.add(TWICE, format!("{at}: row {key} is rejected again, as it was"));
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // never fails on a `String`
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
