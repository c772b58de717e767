//! The rows of one task: decoded, told apart by key and digest, and written where they differ from what the lake has.

use std::collections::{HashMap, HashSet};

use freshbooks::{Page, Request};
use lake::{DataFile, KeyHash, Packing, Seen};
use model::planted::{self, Bug};
use model::{Certificate, Error, ErrorKind, Result, TableName, Timestamp};
use tables::{CursorRule, Decoder, DeleteRule, Table, Verdict};

use crate::census::Census;
use crate::memory::{Memory, rejected_key, remembered};
use crate::parents::Parents;
use crate::passes::is_filtered;
use crate::periods;
use crate::tally::{GONE, Sighting, Tally, lives, second};
use crate::trial::Dated;
use crate::write::{Files, Writer};

/// More rejected rows than one in this many mean that the API has changed.
const REJECTED_SHARE: u64 = 100;
/// So few rejected rows are never taken for a change of the API.
const REJECTED_FEW: u64 = 3;

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

/// What a task's rows became.
pub(crate) struct Finished {
    pub(crate) files: Vec<DataFile>,
    pub(crate) certificate: Certificate,
    pub(crate) seen: Seen,
    pub(crate) rejected: Vec<tables::Rejected>,
    /// Keys that no column takes.
    pub(crate) unknown: Vec<String>,
    /// The currencies of the amounts.
    pub(crate) currencies: Vec<String>,
}
