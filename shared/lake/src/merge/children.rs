//! Which rows of a child belong to what arrived of its parent.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch};
use model::{Error, ErrorKind, Result};
use tables::{Child, Form, json};

use super::arrivals::{Arrivals, typed};
use super::fates::{Fate, Fates};
use super::keys::{Keys, gallop};
use super::parts::Parts;

/// The rows of one array: they follow each other, and their positions grow.
#[derive(Debug)]
struct Run {
    /// The parent.
    key: usize,
    instant: i64,
    /// The number of its first row.
    start: usize,
    rows: usize,
}

/// What a parent's row says of its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// Nothing: the array is not there.
    Absent,
    Empty,
    Filled,
}

/// Finds which rows of `child`, which are in `parts`, come into the lake, and under which parents live ones go.
pub(super) async fn fates<'a>(
    arrivals: &'a Arrivals<'a>,
    child: &Child,
    parts: &dyn Parts,
) -> Result<Fates<'a>> {
    let mut reading = Reading { arrivals, child, runs: Vec::new(), rows: 0, last: None };
    for part in 0..parts.count() {
        for batch in parts.open(part, &[child.parent_key, "_position", "_extracted_at"]).await? {
            reading.add(&batch?)?;
        }
    }
    let Reading { mut runs, rows, .. } = reading;
    // Stable, so the runs of one parent stay in the order of arrival.
    runs.sort_by_key(|run| run.key);

    let mut unclear = Vec::new();
    let mut fates = Vec::with_capacity(arrivals.len());
    let mut selected = vec![false; rows];
    let mut from = 0;
    for key in 0..arrivals.len() {
        let to = gallop(from, runs.len(), |at| runs.get(at).is_some_and(|run| run.key <= key));
        let own = from..to;
        from = to;
        let (drops, since) = match winner(arrivals, key, runs.get(own.clone()).unwrap_or_default()) {
            Winner::None => (false, None),
            Winner::Run(row, run) => {
                select(&mut selected, run);
                (true, Some(row))
            }
            Winner::Unclear => {
                unclear.push((key, own));
                (false, None)
            }
        };
        let buried = buried(arrivals, key, since);
        fates.push(Fate { drops, buried });
    }

    let wanted = unclear.iter().flat_map(|(key, _)| values(arrivals, *key)).map(|row| (row, Says::Absent));
    let arrays = arrays(arrivals, child, wanted.collect()).await?;
    for (key, own) in unclear {
        let says = |row: usize| arrays.get(&row).copied().unwrap_or(Says::Absent);
        let Some(row) = values(arrivals, key).rev().find(|row| says(*row) != Says::Absent) else { continue };
        if let Some(fate) = fates.get_mut(key) {
            *fate = Fate { drops: true, buried: buried(arrivals, key, Some(row)) };
        }
        if says(row) == Says::Filled {
            // Rows read at the same instant: each array that is not empty has one run, in the same order.
            let instant = arrivals.instant(row);
            let before = values(arrivals, key)
                .take_while(|other| *other != row)
                .filter(|other| arrivals.instant(*other) == instant && says(*other) == Says::Filled)
                .count();
            let own = runs.get(own).unwrap_or_default();
            let run = own.iter().filter(|run| run.instant == instant).nth(before);
            select(&mut selected, run.ok_or_else(|| lost(child))?);
        }
    }
    Ok(Fates::new(arrivals, fates, selected))
}

fn lost(child: &Child) -> Error {
    let what = format!("raw rows of {} are missing that their parents' rows tell of", child.name);
    Error::new(ErrorKind::Storage, what).next("see what `freshlake verify` says")
}

fn select(selected: &mut [bool], run: &Run) {
    if let Some(rows) = selected.get_mut(run.start..run.start + run.rows) {
        rows.fill(true);
    }
}

/// The rows of a key that have values, oldest first.
fn values<'a>(arrivals: &'a Arrivals<'_>, key: usize) -> impl DoubleEndedIterator<Item = usize> + 'a {
    arrivals.rows_of(key).iter().copied().filter(|row| arrivals.tombstone(*row).is_none())
}

/// The burial of the children of `key`: by the last tombstone, if it came behind the row that has them. A row that says
/// nothing about them does not bring them back either.
fn buried(arrivals: &Arrivals<'_>, key: usize, since: Option<usize>) -> Option<usize> {
    let rows = arrivals.rows_of(key).iter().rev().copied();
    rows.take_while(|row| Some(*row) != since).find_map(|row| arrivals.tombstone(row))
}

enum Winner<'r> {
    /// Only tombstones came.
    None,
    /// The parent's row, and the run of its array.
    Run(usize, &'r Run),
    /// Only the parents' own text tells.
    Unclear,
}

/// The run that is the children of a parent now, given all that arrived of it.
fn winner<'r>(arrivals: &Arrivals<'_>, key: usize, runs: &'r [Run]) -> Winner<'r> {
    let Some(last) = values(arrivals, key).next_back() else { return Winner::None };
    let instant = arrivals.instant(last);
    let parents = values(arrivals, key).filter(|row| arrivals.instant(*row) == instant).count();
    let mut own = runs.iter().filter(|run| run.instant == instant);
    let (count, newest) = (own.clone().count(), own.next_back());
    match newest {
        // As many arrays as rows: none of them is empty or absent.
        Some(run) if count >= parents => Winner::Run(last, run),
        _ => Winner::Unclear,
    }
}

struct Reading<'r> {
    arrivals: &'r Arrivals<'r>,
    child: &'r Child,
    runs: Vec<Run>,
    rows: usize,
    /// Parent, instant and position of the last row, and whether the parent arrived.
    last: Option<(i64, i64, i32, bool)>,
}

impl Reading<'_> {
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let name = self.child.name;
        let parents = typed::<Int64Type>(batch, name, self.child.parent_key)?;
        let positions = typed::<Int32Type>(batch, name, "_position")?;
        let instants = typed::<TimestampMicrosecondType>(batch, name, "_extracted_at")?;
        let rows = parents.values().iter().zip(instants.values()).zip(positions.values());
        for ((parent, instant), position) in rows {
            let goes_on =
                self.last.filter(|(key, at, before, _)| key == parent && at == instant && before < position);
            let arrived = match goes_on {
                Some((.., arrived)) => {
                    if let Some(run) = self.runs.last_mut().filter(|_| arrived) {
                        run.rows += 1;
                    }
                    arrived
                }
                None => self.begin(*parent, *instant)?,
            };
            self.last = Some((*parent, *instant, *position, arrived));
            self.rows += 1;
        }
        Ok(())
    }

    /// Begins a run; tells whether its parent arrived.
    fn begin(&mut self, parent: i64, instant: i64) -> Result<bool> {
        let mut keys = Keys::default();
        keys.extend(&[std::sync::Arc::new(Int64Array::from(vec![parent])) as ArrayRef])?;
        let wanted = keys.get(0);
        // Children come in the order of their parents, most often.
        let all = self.arrivals.len();
        let near = self.runs.last().map_or(0, |run| run.key);
        let from = if self.arrivals.key(near) <= wanted { near } else { 0 };
        let key = gallop(from, all, |key| self.arrivals.key(key) < wanted);
        let arrived = key < all && self.arrivals.key(key) == wanted;
        if arrived {
            self.runs.push(Run { key, instant, start: self.rows, rows: 1 });
        }
        Ok(arrived)
    }
}

/// What the texts of the parents' rows in `wanted` say of `child`.
async fn arrays(
    arrivals: &Arrivals<'_>,
    child: &Child,
    mut wanted: BTreeMap<usize, Says>,
) -> Result<BTreeMap<usize, Says>> {
    for part in 0..arrivals.parts().count() {
        let (mut first, end) = arrivals.part_rows(part);
        if wanted.range(first..end).next().is_none() {
            continue;
        }
        // The key, too, since a part without texts would have no column at all.
        let columns: Vec<_> = arrivals.table().key.iter().copied().chain(["_raw"]).collect();
        for batch in arrivals.parts().open(part, &columns).await? {
            let batch = batch?;
            let next = first + batch.num_rows();
            // Where raw rows have no text, nothing is known of their arrays, and nothing is dropped on a guess.
            if let Some(texts) = batch.column_by_name("_raw").and_then(|column| column.as_string_opt::<i32>())
            {
                for (row, says) in wanted.range_mut(first..next) {
                    let at = row - first;
                    if texts.is_valid(at) {
                        *says = array(child, texts.value(at))?;
                    }
                }
            }
            first = next;
        }
    }
    Ok(wanted)
}

/// The object that has what is at `path` inside; the row itself is never null.
fn above(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(above, _)| above)
}

/// What a parent's text says of `child`, as the decoder reads it.
fn array(child: &Child, text: &str) -> Result<Says> {
    let read = json::find(text, child.source).and_then(|found| {
        let rows = match (found, child.form) {
            // What is inside of nothing is not there.
            (None, _) if json::find(text, above(child.source))? == Some("null") => return Ok(Says::Empty),
            (None, _) | (Some("null"), Form::Array) => return Ok(Says::Absent),
            (Some("null"), Form::Object) => return Ok(Says::Empty),
            (Some(rows), _) => rows,
        };
        let mut count = 0_usize;
        json::each(rows, |_| count += 1)?;
        Ok(if count == 0 { Says::Empty } else { Says::Filled })
    });
    match read {
        Ok(says) => Ok(says),
        Err(error) => {
            let what = format!("a raw row with {} of {} cannot be read", child.source, child.name);
            Err(Error::new(ErrorKind::Storage, what).because(error).next("see what `freshlake verify` says"))
        }
    }
}
