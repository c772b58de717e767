//! The rows of one commit laid over the view.

use std::collections::{BTreeMap, BTreeSet};

use model::Timestamp;

use super::facts::{Ends, Facts};
use super::file::Batch;
use super::known::{Digest, Known, Past, digest};
use super::lines::Lines;
use super::{BACKWARDS, Findings, GUESS, INVENTED, TWICE, typed};

/// What a reader sees of one key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// The row's text; none if it is marked gone.
    pub(super) digest: Option<Digest>,
    /// The oldest version that it can be, given what was there before.
    pub(super) least: usize,
}

/// What a reader sees of one table of one unit.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) rows: BTreeMap<i64, Held>,
    /// Versions that could not be typed, by key.
    pub(super) rejected: BTreeSet<(i64, Digest)>,
}

/// One commit while its rows are read.
pub(super) struct Fold<'f> {
    pub(super) facts: &'static Facts,
    pub(super) past: &'f Past,
    pub(super) at: &'f str,
    pub(super) cursor: Option<Timestamp>,
    pub(super) full: bool,
    pub(super) lines: Lines,
    /// Of each key written: its last text.
    last: BTreeMap<i64, Option<Digest>>,
    /// How often each text was written.
    texts: BTreeMap<(i64, Option<Digest>), usize>,
}

/// The columns that are looked at.
pub(super) fn columns(facts: &Facts) -> Vec<&'static str> {
    let mut columns = vec![facts.key, "_is_deleted", "_raw"];
    columns.extend(match facts.ends {
        Ends::VisState => Some("vis_state"),
        Ends::Active => Some("active"),
        Ends::Vanishes => None,
    });
    columns.extend(facts.amount);
    columns
}

impl<'f> Fold<'f> {
    pub(super) fn new(
        facts: &'static Facts,
        past: &'f Past,
        at: &'f str,
        (cursor, full): (Option<Timestamp>, bool),
    ) -> Self {
        let (lines, last, texts) = (Lines::default(), BTreeMap::new(), BTreeMap::new());
        Self { facts, past, at, cursor, full, lines, last, texts }
    }

    /// Takes the rows of a file.
    pub(super) fn batch(&mut self, view: &View, batch: &Batch, findings: &mut Findings) {
        for row in 0..batch.rows() {
            let at = self.at;
            let Some(key) = batch.int(self.facts.key, row) else {
                findings.add(INVENTED, format!("{at}: a row without a key"));
                continue;
            };
            let raw = batch.text("_raw", row);
            let text = raw.map(digest);
            match raw {
                Some(raw) => self.row(key, raw, batch, row, findings),
                None => self.mark(key, batch, row, findings),
            }
            let times = self.texts.entry((key, text)).or_default();
            *times += 1;
            let before = self.last.insert(key, text);
            // a text may come back if the source came back to it
            let versions = self.past.of(key).iter().filter(|known| known.digest() == text).count();
            if before == Some(text) || *times > versions.max(1) {
                findings.add(TWICE, format!("{at}: row {key} twice with the same text"));
            }
            let held = view.rows.get(&key).filter(|_| before.is_none() && !self.full);
            if held.is_some_and(|held| held.digest == text && self.fits(key, text, held.least + 1).is_none())
            {
                findings.add(TWICE, format!("{at}: row {key} again, as it was"));
            }
        }
    }

    fn row(&mut self, key: i64, raw: &str, batch: &Batch, row: usize, findings: &mut Findings) {
        let at = self.at;
        let text = Some(digest(raw));
        if !self.past.of(key).iter().any(|known| known.digest() == text) {
            findings.add(INVENTED, format!("{at}: row {key} never was so: {raw}"));
        } else if let Some(wrong) = typed::wrong(self.facts, batch, row, raw) {
            findings.add(INVENTED, format!("{at}: row {key}: {wrong}"));
        }
        let deleted = batch.flag("_is_deleted", row).unwrap_or_default();
        for child in self.facts.children {
            self.lines.parent(*child, key, raw, deleted);
        }
    }

    /// The oldest version of a row with this text, from one of them on.
    fn fits(&self, key: i64, text: Option<Digest>, from: usize) -> Option<usize> {
        let rest = self.past.of(key).get(from..).unwrap_or_default();
        rest.iter().position(|known| known.digest() == text).map(|place| from + place)
    }

    /// A row that says no more than that its key is gone.
    fn mark(&self, key: i64, batch: &Batch, row: usize, findings: &mut Findings) {
        let at = self.at;
        if self.facts.ends != Ends::Vanishes {
            findings.add(GUESS, format!("{at}: row {key} is marked gone in a table whose rows stay"));
        } else if !lacked(self.past.of(key), self.cursor) {
            findings.add(GUESS, format!("{at}: row {key} is marked gone, and the source never lacked it"));
        }
        if batch.flag("_is_deleted", row) != Some(true)
            || !batch.is_bare(&[self.facts.key, "_is_deleted"], row)
        {
            findings.add(GUESS, format!("{at}: row {key} has no text and is no plain mark either"));
        }
    }

    /// Lays what was written over the view.
    pub(super) fn finish(self, view: &mut View, findings: &mut Findings) {
        let at = self.at;
        for (&key, &text) in &self.last {
            let held = view.rows.get(&key);
            let before = held.map_or(0, |held| held.least);
            let again = held.is_some_and(|held| held.digest == text && !self.full);
            // what was read after the cursor is not older than what was there at the cursor
            let read = self.cursor.map_or(0, |cursor| {
                self.past.of(key).iter().rposition(|known| known.at < cursor).unwrap_or(0)
            });
            let from = [read.max(before + usize::from(again)), before + usize::from(again), before];
            let least = from.into_iter().find_map(|from| self.fits(key, text, from)).unwrap_or_else(|| {
                // what never was at all has been told already
                if self.fits(key, text, 0).is_some() {
                    findings.add(BACKWARDS, format!("{at}: row {key} is older than what was there"));
                }
                before
            });
            view.rows.insert(key, Held { digest: text, least });
        }
        for child in self.facts.children {
            self.lines.judge(*child, at, findings);
        }
    }
}

/// Whether the source lacked the row at some instant since `cursor`.
fn lacked(versions: &[Known], cursor: Option<Timestamp>) -> bool {
    let ends = versions.iter().skip(1).map(|next| Some(next.at)).chain([None]);
    versions.iter().zip(ends).any(|(known, end)| {
        // A cursor is of whole seconds: what ended within its second may have been read before.
        let over = matches!((end, cursor), (Some(end), Some(cursor)) if end < cursor);
        known.text.is_none() && !over
    })
}
