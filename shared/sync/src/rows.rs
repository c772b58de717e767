//! The rows of one task: decoded, told apart by key and digest, and written where they differ from what the lake has.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;

use freshbooks::{Page, Request};
use lake::{DataFile, KeyHash, Packing, Seen, Sight};
use model::planted::{self, Bug};
use model::{Certificate, Error, ErrorKind, Result, TableName, TableStatus, Timestamp};
use tables::{CursorRule, Decoder, DeleteRule, Facts, Rejected, Table, Verdict};

use crate::census::{Census, Count};
use crate::memory::Memory;
use crate::parents::Parents;
use crate::passes::is_filtered;
use crate::periods;
use crate::trial::Dated;
use crate::write::{Files, Writer};

/// More rejected rows than one in this many mean that the API has changed.
const REJECTED_SHARE: u64 = 100;
/// So few rejected rows are never taken for a change of the API.
const REJECTED_FEW: u64 = 3;

/// Stands for the digest of a rejected row: it is remembered by its text alone.
pub(crate) const REJECTED: u64 = 0;
/// Stands for the digest of a row that is marked as gone.
pub(crate) const GONE: u64 = u64::MAX;

/// Stands for the digest of a row that is not wanted and was never landed.
const PASSED: u64 = 2;

/// The rows of one task.
#[derive(Debug)]
pub(crate) struct Rows {
    table: &'static Table,
    decoder: Decoder,
    writer: Writer,
    known: Seen,
    /// Whether the rows are asked for by a filter, if not in every list.
    filtered: bool,
    /// How the keys begin of rows that were asked for, where only some periods are.
    periods: Option<HashSet<String>>,
    /// When each row last changed, where a filter has yet to prove that it goes by that.
    dated: Option<Dated>,
    /// What was listed, where rows are only listed and not written.
    parents: Option<Parents>,
    tally: Tally,
}

/// What is counted while rows go by.
#[derive(Debug, Default)]
struct Tally {
    /// Whether rows may have been landed that are not remembered.
    forgetful: bool,
    /// Whether rows that are written as gone count as nothing else.
    vanishes: bool,
    rows: HashMap<KeyHash, Sighting>,
    rejected: HashMap<KeyHash, u32>,
    /// Rows of lists that are read whole although the window is not: they come again, however old they are.
    always: HashSet<KeyHash>,
    /// Rows that came without children that they announce, each with the reading that last did.
    withheld: HashMap<KeyHash, u32>,
    /// How many of them earlier lists have left.
    withheld_before: usize,
    /// Whether these are waited for rather than taken as they are.
    waits: bool,
    /// Rows of the present reading that are as they should be.
    whole: u64,
    /// What was written of rows that changed while they were read.
    written: HashSet<(KeyHash, u64)>,
    /// Keys by name, where a row that is missing later has to be named.
    names: Option<HashMap<KeyHash, Box<str>>>,
    count: Count,
    read: u64,
    new: u64,
    changed: u64,
    unchanged: u64,
    deleted: u64,
    undeleted: u64,
    first_updated: Option<Timestamp>,
    last_updated: Option<Timestamp>,
}

/// A row as this task saw it last. There is one per row of the table, so it is kept small.
#[derive(Clone, Copy, Debug)]
struct Sighting {
    digest: u64,
    updated: Option<Second>,
    reading: u32,
}

/// Seconds since 1970. Never 0, so that an option takes no space.
type Second = NonZeroU32;

impl Rows {
    /// The rows of `table`, of which the lake has `known`; `filtered` tells whether only what changed is asked for.
    pub(crate) fn new(
        table: &'static Table,
        decoder: Decoder,
        known: Seen,
        filtered: bool,
        packing: Packing,
    ) -> Self {
        let vanishes = table.deleted == DeleteRule::Vanishes;
        let names = vanishes.then(HashMap::new);
        let tally = Tally { vanishes, names, ..Tally::default() };
        let tries = matches!(table.cursor, CursorRule::UpdatedDay { established: false, .. }) && !filtered;
        let dated = tries.then(Dated::new);
        let periods = (table.cursor == CursorRule::Months).then(HashSet::new);
        Self {
            table,
            decoder,
            writer: Writer::new(packing),
            known,
            filtered,
            periods,
            dated,
            parents: None,
            tally,
        }
    }

    /// The same rows, only listed: none is written.
    pub(crate) fn only_listed(self) -> Self {
        Self { parents: Some(Parents::default()), ..self }
    }

    /// The same rows, of which some may be in the lake and not be remembered: a row that is not wanted, and not known, is then
    /// written as deleted.
    pub(crate) fn forgetful(mut self, forgetful: bool) -> Self {
        self.tally.forgetful = forgetful;
        self
    }

    /// Begins a list.
    pub(crate) fn begin_list(&mut self, request: &Request) {
        if let Some(periods) = &mut self.periods {
            periods.extend(periods::key(request));
        }
        self.tally.withheld_before = self.tally.withheld.len();
        self.tally.count.begin_list(request, self.filtered && !is_filtered(request));
    }

    /// Begins a reading of the list, when the source's clock says `now`.
    pub(crate) fn begin_reading(&mut self, now: Option<Timestamp>) {
        self.tally.whole = 0;
        self.tally.count.begin_reading(now);
    }

    /// Tells whether rows without the children that they announce are left for another reading.
    pub(crate) fn wait_for_children(&mut self, waits: bool) {
        self.tally.waits = waits && self.parents.is_none();
    }

    /// Rows that came without the children that they announce.
    pub(crate) fn backlog(&self) -> u64 {
        self.tally.withheld.len() as u64
    }

    /// The same, of this list alone.
    pub(crate) fn backlog_of_list(&self) -> u64 {
        self.tally.withheld.len().saturating_sub(self.tally.withheld_before) as u64
    }

    /// Whether rows with children come at all: if not, waiting does not help.
    pub(crate) fn some_are_whole(&self) -> bool {
        self.tally.whole > 0
    }

    /// Tells whether the next page is the first of its reading.
    pub(crate) fn on_first_page(&mut self, is: bool) {
        self.tally.count.on_first_page(is);
    }

    /// What this reading has shown so far.
    pub(crate) fn census(&self) -> Census {
        self.tally.count.census()
    }

    /// What the lake has, to begin anew with.
    pub(crate) fn into_known(self) -> Seen {
        self.known
    }

    /// The same, and what was listed.
    pub(crate) fn into_listing(self) -> (Seen, Parents) {
        (self.known, self.parents.unwrap_or_default())
    }

    /// When each row last changed, where a filter has yet to prove that it goes by that; not where some could not be read,
    /// nor where nothing is new, so that nothing more can be proved than before.
    pub(crate) fn dated(&self) -> Option<&Dated> {
        let anything = self.tally.new + self.tally.changed > 0;
        self.dated.as_ref().filter(|_| anything && self.rejected() == 0)
    }

    /// The newest change seen.
    pub(crate) fn last_updated(&self) -> Option<Timestamp> {
        self.tally.last_updated
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
        let Self { decoder, known, dated, parents, tally, .. } = self;
        let rejected = decoder.rejected().len();
        decoder.rows(page.rows(), received_at, &mut |facts| {
            let verdict = tally.sight(facts, known);
            if let (Some(dated), Ok(id)) = (&mut *dated, facts.key.parse()) {
                dated.insert(id, facts.updated.and_then(second));
            }
            let Some(parents) = parents else { return verdict };
            parents.see(facts, tally.count.unfiltered);
            Verdict::Skip
        });
        for row in decoder.rejected().get(rejected..).unwrap_or_default() {
            tally.sight_rejected(rejected_key(row));
            if let Some(parents) = parents {
                parents.see_rejected(row);
            }
        }
    }

    /// Takes the rows of a page about one row of another table; whether they are.
    pub(crate) fn page_of(&mut self, parent: i64, page: &Page, received_at: Timestamp) -> bool {
        let Self { decoder, known, tally, .. } = self;
        let rejected = decoder.rejected().len();
        let mut fits = true;
        decoder.rows(page.rows(), received_at, &mut |facts| {
            fits &= facts.key.split('/').next().and_then(|id| id.parse().ok()) == Some(parent);
            tally.sight(facts, known)
        });
        for row in decoder.rejected().get(rejected..).unwrap_or_default() {
            tally.sight_rejected(rejected_key(row));
        }
        fits
    }

    /// How many rows could not be typed so far.
    pub(crate) fn rejected(&self) -> usize {
        self.decoder.rejected().len()
    }

    /// Whether the row of that name was read.
    pub(crate) fn holds(&self, name: &str) -> bool {
        self.tally.rows.contains_key(&KeyHash::of(name))
    }

    /// Writes what is enough for a batch.
    pub(crate) async fn drain(&mut self, files: &dyn Files) -> Result<()> {
        self.writer.drain(&mut self.decoder, false, files).await
    }

    /// The rows known before that no list has: their names, in order.
    ///
    /// A row that could not be typed is listed all the same; where not even its key could be read, nobody knows which
    /// one it is, and none is missing.
    pub(crate) fn missing(&self) -> Vec<String> {
        let rejected: Option<HashSet<KeyHash>> =
            self.decoder.rejected().iter().map(|row| row.key.as_deref().map(KeyHash::of)).collect();
        let Some(rejected) = rejected else { return Vec::new() };
        let asked = |name: &str| {
            self.periods
                .as_ref()
                .is_none_or(|periods| periods.iter().any(|period| name.starts_with(&**period)))
        };
        let listed = |key| {
            self.tally.rows.contains_key(&key)
                || rejected.contains(&key)
                || !self.known.digest(key).is_some_and(lives)
        };
        let known = self.known.named().filter(|(key, name)| !listed(*key) && asked(name));
        let mut missing: Vec<String> = known.map(|(_, name)| name.to_owned()).collect();
        missing.sort_unstable();
        missing
    }

    /// Rows known before that were not gone.
    pub(crate) fn known_living(&self) -> usize {
        self.known.named().filter(|(key, _)| self.known.digest(*key).is_some_and(lives)).count()
    }

    /// Marks a missing row as gone.
    pub(crate) fn bury(&mut self, name: &str, at: Timestamp) {
        let key = KeyHash::of(name);
        if self.decoder.tombstone(name, at) {
            self.tally.deleted += 1;
            let reading = self.tally.count.now;
            self.tally.rows.insert(key, Sighting { digest: GONE, updated: None, reading });
        }
    }

    /// Writes the rest. Fails, before anything of it is published, if too many rows were rejected.
    pub(crate) async fn finish(mut self, memory: Memory, files: &dyn Files) -> Result<Finished> {
        self.check_rejected()?;
        self.writer.drain(&mut self.decoder, true, files).await?;
        let known = &self.known;
        let rejected = self
            .decoder
            .rejected_batch(|row| known.digest(rejected_key(row)).is_none())
            .map_err(|e| Error::new(ErrorKind::Internal, "cannot build a record batch").because(e))?;
        if let Some(batch) = rejected
            && !planted::is(Bug::RejectedDropped)
        {
            tracing::debug!(name: "row_rejected", target: "path", table = self.table.name, "kept apart");
            self.writer.write(TableName::from("rejected"), &batch, files).await?;
        }
        let files = self.writer.finish(files).await?;
        let certificate = self.tally.certificate(self.table, &self.decoder, &self.known, &files);
        let rejected = self.decoder.rejected().to_vec();
        let unknown = self.decoder.unknown_keys().keys().cloned().collect();
        let currencies = self.decoder.currencies().iter().cloned().collect();
        let seen = remembered(self.tally, &self.known, &rejected, memory);
        Ok(Finished { files, certificate, seen, rejected, unknown, currencies })
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

/// The rows that a later reading may bring again.
fn remembered(tally: Tally, known: &Seen, rejected: &[Rejected], memory: Memory) -> Seen {
    let mut seen = Seen::default();
    for row in rejected {
        seen.insert(rejected_key(row), REJECTED);
    }
    let mut names = tally.names;
    for (key, name) in known.named() {
        // Still in doubt, or gone: in either case a later listing is compared with it.
        if let Some(digest) = known.digest(key)
            && !tally.rows.contains_key(&key)
        {
            seen.insert(key, digest);
            seen.name(key, name);
        } else if let Some(names) = &mut names {
            names.entry(key).or_insert_with(|| name.into());
        }
    }
    if let Some(from) = memory.unread_from {
        for (key, row) in known.iter().filter(|(_, row)| row.updated.is_none_or(|at| instant(at) >= from)) {
            seen.remember(key, row);
        }
    }
    for (key, row) in tally.rows {
        // What comes again whenever it changed is remembered without an instant.
        let updated = row.updated.filter(|_| memory.from.is_some() && !tally.always.contains(&key));
        let comes_again = match (memory.from, updated) {
            (Some(from), Some(updated)) => instant(updated) >= from,
            _ => true,
        };
        if comes_again {
            seen.remember(key, Sight { digest: row.digest, updated });
        }
    }
    for (key, name) in names.into_iter().flatten() {
        seen.name(key, name);
    }
    seen
}

/// What a task's rows became.
pub(crate) struct Finished {
    pub(crate) files: Vec<DataFile>,
    pub(crate) certificate: Certificate,
    pub(crate) seen: Seen,
    pub(crate) rejected: Vec<Rejected>,
    /// Keys that no column takes.
    pub(crate) unknown: Vec<String>,
    /// The currencies of the amounts.
    pub(crate) currencies: Vec<String>,
}

impl Tally {
    fn sight(&mut self, facts: &Facts<'_>, known: &Seen) -> Verdict {
        self.read += 1;
        self.first_updated = self.first_updated.into_iter().chain(facts.updated).min();
        self.last_updated = self.last_updated.into_iter().chain(facts.updated).max();
        let key = KeyHash::of(facts.key);
        let landed = self.rows.get(&key).map(|before| before.digest).or_else(|| known.digest(key));
        let digest = match landed {
            _ if facts.wanted => digest(facts),
            Some(PASSED) => PASSED,
            None if !self.forgetful => PASSED,
            _ => GONE,
        };
        let reading = self.count.now;
        if self.count.unfiltered {
            self.always.insert(key);
        }
        let here = Sighting { digest, updated: facts.updated.and_then(second), reading };
        let came_before = self.withheld.get(&key).copied();
        if facts.withheld {
            let with_them = self.rows.get(&key).filter(|before| before.updated >= here.updated).copied();
            let is_whole = with_them.is_some() && came_before.is_none();
            if is_whole || self.waits {
                let before = with_them.map(|before| before.reading).or(came_before);
                match with_them.filter(|_| is_whole) {
                    Some(before) => drop(self.rows.insert(key, Sighting { reading, ..before })),
                    None => drop(self.withheld.insert(key, reading)),
                }
                self.count.key(key, before, facts.updated);
                self.count.row(facts);
                return Verdict::Skip;
            }
            self.withheld.insert(key, reading);
        } else {
            self.whole += 1;
            self.withheld.remove(&key);
        }
        let before = self.rows.insert(key, here);
        self.count.key(key, before.map(|b| b.reading).or(came_before), facts.updated);
        self.count.row(facts);
        if let Some(before) = before {
            // Seen on another page or in another reading; it is written again only if it changed in between.
            if before.digest == digest {
                return Verdict::Skip;
            }
            // Pages that were asked for together may come with the older one last.
            self.written
                .extend([(key, before.digest)].into_iter().chain(known.digest(key).map(|d| (key, d))));
            if here.updated < before.updated || !self.written.insert((key, digest)) {
                self.rows.insert(key, Sighting { reading, ..before });
                return Verdict::Skip;
            }
            return Verdict::Write;
        }
        if let Some(names) = &mut self.names {
            names.insert(key, facts.key.into());
        }
        let known = known.digest(key);
        if !facts.wanted {
            if digest == PASSED || known == Some(GONE) {
                self.unchanged += 1;
                return Verdict::Skip;
            }
            tracing::debug!(name: "row_unwanted", target: "path", key = facts.key, "written as deleted");
            self.deleted += 1;
            match known {
                _ if self.vanishes => {}
                None => self.new += 1,
                Some(_) => self.changed += 1,
            }
            return Verdict::Write;
        }
        match known {
            None | Some(PASSED) => self.new += 1,
            Some(known) if known == digest || planted::is(Bug::ChangedRowSkipped) => {
                self.unchanged += 1;
                return Verdict::Skip;
            }
            Some(_) => self.changed += 1,
        }
        let was_deleted = known.is_some_and(is_deleted);
        if facts.deleted {
            self.deleted += 1;
        } else if was_deleted {
            tracing::debug!(name: "row_undeleted", target: "path", key = facts.key, "it lives again");
            self.undeleted += 1;
        }
        Verdict::Write
    }

    fn sight_rejected(&mut self, key: KeyHash) {
        self.read += 1;
        let before = self.rejected.insert(key, self.count.now);
        self.count.key(key, before, None);
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
        for (child, parents) in decoder.withheld() {
            notes.push(format!("{parents} rows came without their {child}"));
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
            rereadings: 0,
            total_first: 0,
            total_last: 0,
            distinct_keys: self.rows.len() as u64,
            rows_new: self.new,
            rows_changed: self.changed,
            rows_unchanged: self.unchanged,
            rows_deleted: self.deleted,
            rows_undeleted: self.undeleted,
            rows_rejected: decoder.rejected().len() as u64,
            backlog: self.withheld.len() as u64,
            child_rows: written(false),
            first_updated: self.first_updated,
            last_updated: self.last_updated,
            content_digest: format!("{content:016x}"),
            notes,
        }
    }
}

/// A row's digest, with whether it is deleted in its lowest bit.
pub(crate) fn digest(facts: &Facts<'_>) -> u64 {
    // All ones and zero mean something else.
    (facts.digest & !1 | u64::from(facts.deleted)).clamp(REJECTED + 1, GONE - 1)
}

/// Whether a row that is remembered so is in the lake, and was not marked as gone.
pub(crate) fn lives(digest: u64) -> bool {
    ![GONE, PASSED].contains(&digest)
}

fn is_deleted(digest: u64) -> bool {
    digest & 1 == 1
}

pub(crate) fn second(instant: Timestamp) -> Option<Second> {
    u32::try_from(instant.as_second()).ok().and_then(NonZeroU32::new)
}

pub(crate) fn instant(second: Second) -> Timestamp {
    Timestamp::from_second(second.get().into()).unwrap_or(Timestamp::MAX)
}
