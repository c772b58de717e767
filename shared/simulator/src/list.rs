//! One page of a list, at a cost of the page: totals are counted by arithmetic and binary search, unless a
//! filter has to look at each row.

use std::ops::Range;

use crate::book::{Book, CYCLE};
use crate::changes::{Business, Change, whole_row};
use crate::filter::{Selection, text_of};
use crate::options::Order;
use crate::resources::{Declaration, Includes, Sheet};
use crate::row::Row;

/// A sort that has to look at more rows than this is ignored: memory stays flat.
const MOST_SORTED: u64 = 50_000;

/// A row of a page.
#[derive(Clone, Copy)]
pub(crate) enum Found<'a> {
    Generated(u64),
    Changed(&'a Change),
}

/// The rows of one page, and how many there are on all pages.
pub(crate) struct Page<'a> {
    pub(crate) rows: Vec<Found<'a>>,
    pub(crate) total: u64,
}

/// A stretch of the list, in its order: from the highest index down.
enum Stretch<'a> {
    Generated(Range<u64>),
    Changed(&'a Change),
}

/// The rows from `skip` on, at most `take`.
pub(crate) fn page<'a>(
    business: &'a Business,
    declaration: &Declaration,
    selection: &Selection,
    skip: u64,
    take: u64,
) -> Page<'a> {
    let stretches = stretches(business, declaration, selection);
    let candidates: u64 = stretches.iter().map(|stretch| stretch.len(selection)).sum();
    if let Some((field, descending)) = selection.sort.filter(|_| candidates <= MOST_SORTED) {
        return sorted(business, declaration, selection, &stretches, (field, descending, skip, take));
    }
    let mut page = Page { rows: Vec::new(), total: 0 };
    let wanted = skip..skip.saturating_add(take);
    for stretch in &stretches {
        if selection.tests.is_empty() && declaration.exists.is_none() {
            // Only as many rows are visited as the page shows.
            let count = stretch.len(selection);
            let (from, to) = (page.total.max(wanted.start), (page.total + count).min(wanted.end));
            if from < to {
                let skipped = from - page.total;
                stretch.visit(selection, skipped, to - from, |row| page.rows.push(row));
            }
            page.total += count;
        } else {
            stretch.visit(selection, 0, u64::MAX, |row| {
                if passes(business, declaration, selection, row) {
                    if wanted.contains(&page.total) {
                        page.rows.push(row);
                    }
                    page.total += 1;
                }
            });
        }
    }
    page
}

fn sorted<'a>(
    business: &'a Business,
    declaration: &Declaration,
    selection: &Selection,
    stretches: &[Stretch<'a>],
    (field, descending, skip, take): (&str, bool, u64, u64),
) -> Page<'a> {
    let mut keyed = Vec::new();
    for stretch in stretches {
        stretch.visit(selection, 0, u64::MAX, |row| {
            if passes(business, declaration, selection, row) {
                keyed.push((field_of(business, declaration, row, field), row));
            }
        });
    }
    // stable: rows with the same key stay newest first
    keyed.sort_by(|(a, _), (b, _)| if descending { b.cmp(a) } else { a.cmp(b) });
    let total = keyed.len() as u64;
    let bounded = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let rows = keyed.into_iter().map(|(_, row)| row).skip(bounded(skip)).take(bounded(take)).collect();
    Page { rows, total }
}

fn passes(business: &Business, declaration: &Declaration, selection: &Selection, row: Found<'_>) -> bool {
    let is_there = match (row, declaration.exists) {
        (Found::Generated(index), Some(exists)) => exists(&business.book, index),
        _ => true,
    };
    is_there
        && selection.tests.iter().all(|test| test.passes(&field_of(business, declaration, row, test.field)))
}

/// The text of one field of a row.
fn field_of(business: &Business, declaration: &Declaration, row: Found<'_>, field: &str) -> String {
    let book = &business.book;
    match row {
        Found::Changed(change) => text_of(&change.row, field),
        Found::Generated(index) => (declaration.fact)(book, index, field).unwrap_or_else(|| {
            let state = Book::state(declaration, index);
            let updated = book.updated(declaration.kind, index);
            text_of(&whole_row(book, declaration.kind, index, updated, state), field)
        }),
    }
}

impl<'a> Stretch<'a> {
    fn len(&self, selection: &Selection) -> u64 {
        match self {
            Self::Generated(range) => count(range, selection.residues),
            Self::Changed(_) => 1,
        }
    }

    /// Calls `visit` with the rows from `skip` on, at most `take`.
    fn visit(&self, selection: &Selection, skip: u64, take: u64, mut visit: impl FnMut(Found<'a>)) {
        match self {
            Self::Changed(change) => {
                if skip == 0 && take > 0 {
                    visit(Found::Changed(change));
                }
            }
            Self::Generated(range) => {
                // Whole cycles are skipped at once.
                let per_cycle = u64::from(selection.residues.count_ones());
                let cycles = skip.checked_div(per_cycle).unwrap_or(0);
                let mut skip = skip - cycles * per_cycle;
                let mut left = take;
                let mut index = range.end.saturating_sub(cycles * CYCLE).max(range.start);
                while index > range.start && left > 0 {
                    index -= 1;
                    if selection.residues >> (index % CYCLE) & 1 == 0 {
                        continue;
                    }
                    if skip > 0 {
                        skip -= 1;
                        continue;
                    }
                    left -= 1;
                    visit(Found::Generated(index));
                }
            }
        }
    }
}

/// How many indices of `range` have one of `residues`.
fn count(range: &Range<u64>, residues: u32) -> u64 {
    let below = |end: u64| {
        let rest = residues & ((1_u32 << (end % CYCLE)) - 1);
        end / CYCLE * u64::from(residues.count_ones()) + u64::from(rest.count_ones())
    };
    if range.start >= range.end { 0 } else { below(range.end) - below(range.start) }
}

/// Generated rows between the changed ones: a changed row is cut out of its place and put where the order has it.
fn stretches<'a>(
    business: &'a Business,
    declaration: &Declaration,
    selection: &Selection,
) -> Vec<Stretch<'a>> {
    let mut marks: Vec<(u64, Option<&Change>, u64)> = Vec::new();
    for (index, change) in business.changed(declaration.kind) {
        marks.push((index + 1, None, index));
        let made = (selection.by_making && index < business.book.count(declaration.kind))
            .then(|| business.book.updated(declaration.kind, index));
        if shows(selection, change, made.unwrap_or(change.updated))
            && !(selection.even_only && declaration.kind.id(index) % 2 != 0)
        {
            let place = match selection.order {
                Order::Id => index + 1,
                Order::Updated => {
                    let after = change.updated + jiff::SignedDuration::from_secs(1);
                    business.book.first_updated_since(declaration.kind, after)
                }
            };
            marks.push((place, Some(change), index));
        }
    }
    marks.sort_by_key(|(place, change, index)| {
        std::cmp::Reverse((*place, change.map(|change| change.updated), *index))
    });
    let mut top = selection.range.end;
    let mut stretches = Vec::new();
    for (place, change, index) in marks {
        let cut = place.clamp(selection.range.start, top.max(selection.range.start));
        stretches.push(Stretch::Generated(cut..top));
        top = cut;
        match change {
            Some(change) => stretches.push(Stretch::Changed(change)),
            None if index >= selection.range.start => top = top.min(index),
            None => {}
        }
    }
    stretches.push(Stretch::Generated(selection.range.start..top));
    stretches
}

fn shows(selection: &Selection, change: &Change, at: jiff::Timestamp) -> bool {
    !change.gone
        && selection.states.contains(&change.state)
        && selection.window.0.is_none_or(|start| at >= start)
        && selection.window.1.is_none_or(|end| at < end)
        && selection.changed_tests.iter().all(|test| test.passes(&text_of(&change.row, test.field)))
}

/// Writes one row as the API shows it.
pub(crate) fn write_row(
    out: &mut Vec<u8>,
    business: &Business,
    declaration: &Declaration,
    row: Found<'_>,
    includes: Includes<'_>,
) {
    let book = &business.book;
    match row {
        Found::Generated(index) => {
            let sheet = Sheet {
                book,
                index,
                id: declaration.kind.id(index),
                updated: book.updated(declaration.kind, index),
                state: Book::state(declaration, index),
                includes,
            };
            Row::write(out, |row| (declaration.write)(&sheet, row));
        }
        Found::Changed(change) => Row::write(out, |row| {
            let hidden = |key: &str| declaration.includes.contains(&key) && !includes.has(key);
            for (key, value) in change.row.iter().filter(|(key, _)| !hidden(key)) {
                row.value(key, value);
            }
        }),
    }
}
