//! What becomes of the rows under each key that arrived.

use std::ops::Range;

use super::arrivals::Arrivals;
use super::keys::{Keys, gallop};

/// What becomes of the rows under one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    /// The live ones go: others came in their place, or none.
    pub(super) drops: bool,
    /// Those that stay or came are deleted since this burial.
    pub(super) buried: Option<usize>,
}

impl Fate {
    fn touches(self) -> bool {
        self.drops || self.buried.is_some()
    }
}

/// What becomes of the rows of one table under every key that arrived.
pub(super) struct Fates<'a> {
    pub(super) arrivals: &'a Arrivals<'a>,
    /// By key.
    by_key: Vec<Fate>,
    /// Which of the table's arrived rows come into the lake.
    selected: Vec<bool>,
    /// Keys of which only a tombstone came, and its row: it comes into the lake where no live row has the key.
    alone: Vec<(usize, usize)>,
}

/// What becomes of some sorted rows.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Those that stay.
    pub(super) spans: Vec<Range<usize>>,
    /// Those that are deleted, each with its burial.
    pub(super) buried: Vec<(usize, usize)>,
}

impl<'a> Fates<'a> {
    /// Of the table itself: its last row wins. A tombstone behind it leaves the row its values, as it does a live one.
    pub(super) fn of_table(arrivals: &'a Arrivals<'a>) -> Self {
        let mut fates = Self::new(arrivals, Vec::with_capacity(arrivals.len()), vec![false; arrivals.rows()]);
        for key in 0..arrivals.len() {
            let rows = arrivals.rows_of(key);
            let last = rows.last().copied().unwrap_or_default();
            let buried = arrivals.tombstone(last);
            let winner = rows.iter().rev().find(|row| arrivals.tombstone(**row).is_none());
            match winner {
                Some(row) => fates.select(*row),
                None => fates.alone.push((key, last)),
            }
            fates.by_key.push(Fate { drops: winner.is_some(), buried });
        }
        fates
    }

    /// Of a child whose arrived rows in `selected` come into the lake.
    pub(super) fn new(arrivals: &'a Arrivals<'a>, by_key: Vec<Fate>, selected: Vec<bool>) -> Self {
        Self { arrivals, by_key, selected, alone: Vec::new() }
    }

    fn select(&mut self, row: usize) {
        if let Some(selected) = self.selected.get_mut(row) {
            *selected = true;
        }
    }

    /// Lets the tombstones come into the lake whose keys are not in `found`.
    pub(super) fn settle(&mut self, found: &[bool]) {
        for (key, row) in std::mem::take(&mut self.alone) {
            if !found.get(key).copied().unwrap_or_default() {
                self.select(row);
            }
        }
    }

    /// How many tombstones would come into the lake.
    pub(super) fn lonely(&self, found: &[bool]) -> usize {
        self.alone.iter().filter(|(key, _)| !found.get(*key).copied().unwrap_or_default()).count()
    }

    /// Which rows come into the lake.
    pub(super) fn selected(&self) -> &[bool] {
        &self.selected
    }

    /// How many rows come into the lake.
    pub(super) fn count(&self) -> usize {
        self.selected.iter().filter(|selected| **selected).count()
    }

    /// The keys between two bounds, each the beginning of a key.
    pub(super) fn between(&self, first: Option<&[u8]>, last: Option<&[u8]>) -> Range<usize> {
        let all = self.arrivals.len();
        let from = first.map_or(0, |first| gallop(0, all, |key| self.arrivals.key(key) < first));
        let to = last.map_or(all, |last| {
            gallop(from, all, |key| {
                self.arrivals.key(key) <= last || self.arrivals.key(key).starts_with(last)
            })
        });
        from..to
    }

    /// Whether a live row under one of `keys` would be replaced or marked.
    pub(super) fn touch(&self, keys: Range<usize>) -> bool {
        self.by_key.get(keys).unwrap_or_default().iter().any(|fate| fate.touches())
    }

    /// How many of `keys` bring rows in place of the live ones.
    pub(super) fn drops(&self, keys: Range<usize>) -> usize {
        self.by_key.get(keys).unwrap_or_default().iter().filter(|fate| fate.drops).count()
    }

    /// Calls `each` with every row whose key is touched, the key's number, and its fate.
    pub(super) fn meet(&self, rows: &Keys, mut each: impl FnMut(usize, usize, Fate)) {
        let (mut row, mut key) = (0, 0);
        while row < rows.len() && key < self.arrivals.len() {
            let wanted = self.arrivals.key(key);
            row = gallop(row, rows.len(), |row| rows.get(row) < wanted);
            if row == rows.len() {
                return;
            }
            let here = rows.get(row);
            if here == wanted {
                if let Some(fate) = self.by_key.get(key).filter(|fate| fate.touches()) {
                    each(row, key, *fate);
                }
                row += 1;
            } else {
                key = gallop(key, self.arrivals.len(), |key| self.arrivals.key(key) < here);
            }
        }
    }

    /// What becomes of live rows.
    pub(super) fn judge(&self, rows: &Keys) -> Judged {
        let mut judged = Judged::default();
        let mut start = 0;
        self.meet(rows, |row, _, fate| {
            if fate.drops {
                if start < row {
                    judged.spans.push(start..row);
                }
                start = row + 1;
            } else if let Some(burial) = fate.buried {
                judged.buried.push((row, burial));
            }
        });
        if start < rows.len() {
            judged.spans.push(start..rows.len());
        }
        judged
    }

    /// Which rows that came are deleted already, each with its burial.
    pub(super) fn buried(&self, rows: &Keys) -> Vec<(usize, usize)> {
        let mut buried = Vec::new();
        if !self.arrivals.burials().is_empty() {
            self.meet(rows, |row, _, fate| buried.extend(fate.buried.map(|burial| (row, burial))));
        }
        buried
    }
}
