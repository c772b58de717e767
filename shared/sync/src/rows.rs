//! The rows of one task: decoded, told apart by key and digest, and written where they differ from what the lake has.

use std::collections::HashMap;
use std::num::NonZeroI32;

use freshbooks::Page;
use lake::{DataFile, KeyHash, Seen};
use model::{Certificate, Cursor, Error, ErrorKind, Result, TableName, TableStatus, Timestamp};
use tables::{Decoder, Facts, Rejected, Table, Verdict};

use crate::passes;
use crate::write::{Files, Writer};

/// More rejected rows than one in this many mean that the API has changed.
const REJECTED_SHARE: u64 = 100;
/// So few rejected rows are never taken for a change of the API.
const REJECTED_FEW: u64 = 3;

/// Stands for the digest of a rejected row: it is remembered by its text alone.
const REJECTED: u64 = 0;

/// The rows of one task.
#[derive(Debug)]
pub(crate) struct Rows {
    table: &'static Table,
    decoder: Decoder,
    writer: Writer,
    known: Seen,
    tally: Tally,
}

/// What is counted while rows go by.
#[derive(Debug, Default)]
struct Tally {
    rows: HashMap<KeyHash, Sighting>,
    rejected: HashMap<KeyHash, u32>,
    reading: u32,
    distinct: u64,
    keys: u64,
    read: u64,
    new: u64,
    changed: u64,
    unchanged: u64,
    first_updated: Option<Timestamp>,
    last_updated: Option<Timestamp>,
}

/// A row as this task saw it last. There is one per row of the table, so it is kept small.
#[derive(Clone, Copy, Debug)]
struct Sighting {
    digest: u64,
    updated: Option<Hour>,
    reading: u32,
}

/// Hours since 1970: as much of an update instant as is needed later. Never 0, so that an option takes no space.
type Hour = NonZeroI32;

impl Rows {
    /// The rows of `table`, of which the lake has `known`.
    pub(crate) fn new(table: &'static Table, decoder: Decoder, known: Seen) -> Self {
        Self { table, decoder, writer: Writer::default(), known, tally: Tally::default() }
    }

    /// Begins a reading of one list.
    pub(crate) fn begin(&mut self) {
        self.tally.reading += 1;
        self.tally.distinct = 0;
        self.tally.keys = 0;
    }

    /// Distinct keys of this reading, rejected rows included, and a digest of the set of keys.
    pub(crate) fn reading(&self) -> (u64, u64) {
        (self.tally.distinct, self.tally.keys)
    }

    /// The table's name.
    pub(crate) fn table(&self) -> &'static str {
        self.table.name
    }

    /// Rows read so far.
    pub(crate) fn read(&self) -> u64 {
        self.tally.read
    }

    /// Takes the rows of a page.
    pub(crate) fn page(&mut self, page: &Page, received_at: Timestamp) {
        let Self { decoder, known, tally, .. } = self;
        let rejected = decoder.rejected().len();
        decoder.rows(page.rows(), received_at, &mut |facts| tally.sight(facts, known));
        for row in decoder.rejected().get(rejected..).unwrap_or_default() {
            tally.sight_rejected(rejected_key(row));
        }
    }

    /// Writes what is enough for a batch.
    pub(crate) async fn drain(&mut self, files: &dyn Files) -> Result<()> {
        self.writer.drain(&mut self.decoder, false, files).await
    }

    /// Writes the rest. Fails, before anything of it is published, if too many rows were rejected.
    pub(crate) async fn finish(mut self, cursor: Option<Cursor>, files: &dyn Files) -> Result<Finished> {
        self.check_rejected()?;
        self.writer.drain(&mut self.decoder, true, files).await?;
        let mut seen = Seen::default();
        for row in self.decoder.rejected() {
            seen.insert(rejected_key(row), REJECTED);
        }
        let known = &self.known;
        let rejected = self
            .decoder
            .rejected_batch(|row| known.digest(rejected_key(row)).is_none())
            .map_err(|e| Error::new(ErrorKind::Internal, "cannot build a record batch").because(e))?;
        if let Some(batch) = rejected {
            self.writer.write(TableName::from("rejected"), &batch, files).await?;
        }
        let files = self.writer.finish(files).await?;
        let certificate = self.tally.certificate(self.table, &self.decoder, &self.known, &files);
        for (key, sighting) in self.tally.rows {
            if passes::may_come_again(self.table, sighting.updated.map(instant), cursor) {
                seen.insert(key, sighting.digest);
            }
        }
        let rejected = self.decoder.rejected().to_vec();
        Ok(Finished { files, certificate, seen, rejected })
    }

    fn check_rejected(&self) -> Result<()> {
        let rejected = self.decoder.rejected();
        let count = rejected.len() as u64;
        if count <= REJECTED_FEW || count * REJECTED_SHARE <= self.tally.read {
            return Ok(());
        }
        let (table, read) = (self.table.name, self.tally.read);
        let example =
            rejected.first().map_or(String::new(), |r| format!("; for one, {}: {}", r.path, r.reason));
        let what = format!("{count} of {read} rows of {table} could not be typed{example}");
        Err(Error::new(ErrorKind::TooManyRejected, what)
            .next("nothing was published; the API seems to have changed: report this with the message"))
    }
}

/// Under which key a rejected row is remembered, so that it is written once: no real key begins so.
fn rejected_key(row: &Rejected) -> KeyHash {
    KeyHash::of(&format!("rejected/{}/{}", row.key.as_deref().unwrap_or_default(), row.raw))
}

/// What a task's rows became.
pub(crate) struct Finished {
    pub(crate) files: Vec<DataFile>,
    pub(crate) certificate: Certificate,
    pub(crate) seen: Seen,
    pub(crate) rejected: Vec<Rejected>,
}

impl Tally {
    fn sight(&mut self, facts: &Facts<'_>, known: &Seen) -> Verdict {
        self.read += 1;
        self.first_updated = self.first_updated.into_iter().chain(facts.updated).min();
        self.last_updated = self.last_updated.into_iter().chain(facts.updated).max();
        let key = KeyHash::of(facts.key);
        let here =
            Sighting { digest: facts.digest, updated: facts.updated.and_then(hour), reading: self.reading };
        if let Some(before) = self.rows.insert(key, here) {
            if before.reading != here.reading {
                self.count(key);
            }
            // Seen on another page or in another reading; it is written again only if it changed in between.
            return if before.digest == here.digest { Verdict::Skip } else { Verdict::Write };
        }
        self.count(key);
        match known.digest(key) {
            None => self.new += 1,
            Some(digest) if digest == facts.digest => {
                self.unchanged += 1;
                return Verdict::Skip;
            }
            Some(_) => self.changed += 1,
        }
        Verdict::Write
    }

    fn sight_rejected(&mut self, key: KeyHash) {
        self.read += 1;
        if self.rejected.insert(key, self.reading) != Some(self.reading) {
            self.count(key);
        }
    }

    fn count(&mut self, key: KeyHash) {
        self.distinct += 1;
        self.keys = self.keys.wrapping_add(key.as_u64());
    }

    fn certificate(&self, table: &Table, decoder: &Decoder, known: &Seen, files: &[DataFile]) -> Certificate {
        let content = self
            .rows
            .iter()
            .fold(0, |sum: u64, (key, row)| sum.wrapping_add(key.as_u64().rotate_left(32) ^ row.digest));
        let mut notes = Vec::new();
        if !decoder.unknown_keys().is_empty() {
            let keys: Vec<_> = decoder.unknown_keys().keys().map(String::as_str).collect();
            notes.push(format!("keys without a column, kept in _extra: {}", keys.join(", ")));
        }
        if decoder.childless() > 0 {
            let children: Vec<_> = table.children.iter().map(|c| c.name).collect();
            notes.push(format!("{} rows came without their {}", decoder.childless(), children.join(" or ")));
        }
        if table.cursor == tables::CursorRule::Whole {
            let listed = |key: &KeyHash| known.digest(*key) == Some(REJECTED) || self.rows.contains_key(key);
            let gone = known.keys().filter(|key| !listed(key)).count();
            if gone > 0 {
                notes.push(format!("{gone} rows known before are no longer listed"));
            }
        }
        let written = |wanted: bool| -> u64 {
            let own =
                |f: &&DataFile| (f.table.as_str() == table.name) == wanted && f.table.as_str() != "rejected";
            files.iter().filter(own).map(|f| f.rows).sum()
        };
        Certificate {
            status: if self.read == 0 && known.is_empty() { TableStatus::Empty } else { TableStatus::Ok },
            requests: 0,
            pages: 0,
            total_first: 0,
            total_last: 0,
            distinct_keys: self.rows.len() as u64,
            rows_new: self.new,
            rows_changed: self.changed,
            rows_unchanged: self.unchanged,
            rows_rejected: decoder.rejected().len() as u64,
            child_rows: written(false),
            first_updated: self.first_updated,
            last_updated: self.last_updated,
            content_digest: format!("{content:016x}"),
            notes,
        }
    }
}

fn hour(instant: Timestamp) -> Option<Hour> {
    i32::try_from(instant.as_second().div_euclid(3600)).ok().and_then(NonZeroI32::new)
}

fn instant(hour: Hour) -> Timestamp {
    Timestamp::from_second(i64::from(hour.get()) * 3600).unwrap_or(Timestamp::MAX)
}
