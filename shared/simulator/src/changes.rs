//! What has changed since the start: the only rows that are held.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::Timestamp;
use model::time::{Zone, parse_instant};
use serde_json::{Map, Value};

use crate::book::{Book, State};
use crate::moment;
use crate::papers::Papers;
use crate::resources::{Declaration, Includes, Kind, Lifecycle, Sheet, UpdatedKey, ledger_accounts};
use crate::row::Row;

/// A row that no longer is as it was generated.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The whole row, with everything that could be included.
    pub(crate) row: Map<String, Value>,
    pub(crate) updated: Timestamp,
    pub(crate) state: State,
    /// Deleted for good: in no list and under no id.
    pub(crate) gone: bool,
}

/// A business with its changes.
#[derive(Debug)]
pub(crate) struct Business {
    pub(crate) book: Book,
    changes: BTreeMap<Kind, BTreeMap<u64, Change>>,
    /// What reports add up of the generated rows, read when first asked for.
    pub(crate) papers: OnceLock<Papers>,
    /// Fields put over what hangs on a row and is no row itself: by view and number of the row.
    pub(crate) over: BTreeMap<(&'static str, i64), Map<String, Value>>,
    /// Uploaded files by their key: media type and bytes.
    pub(crate) uploads: BTreeMap<String, (String, Vec<u8>)>,
}

/// Writes the row, generated with everything that could be included.
pub(crate) fn write_whole_row(
    out: &mut Vec<u8>,
    book: &Book,
    kind: Kind,
    index: u64,
    (updated, state): (Timestamp, State),
) {
    let sheet = Sheet { book, index, id: kind.id(index), updated, state, includes: Includes::All };
    Row::write(out, |row| (kind.declaration().write)(&sheet, row));
}

/// The same as a tree.
pub(crate) fn whole_row(
    book: &Book,
    kind: Kind,
    index: u64,
    updated: Timestamp,
    state: State,
) -> Map<String, Value> {
    let mut out = Vec::new();
    write_whole_row(&mut out, book, kind, index, (updated, state));
    serde_json::from_slice(&out).unwrap_or_default()
}

/// The same with the lines of documents and no other includes: what the books of account need.
pub(crate) fn row_with_lines(book: &Book, kind: Kind, index: u64) -> Map<String, Value> {
    let (updated, state) = (book.updated(kind, index), Book::state(kind.declaration(), index));
    let includes = ["lines".to_owned()];
    let sheet =
        Sheet { book, index, id: kind.id(index), updated, state, includes: Includes::Some(&includes) };
    let mut out = Vec::new();
    Row::write(&mut out, |row| (kind.declaration().write)(&sheet, row));
    serde_json::from_slice(&out).unwrap_or_default()
}

impl Business {
    pub(crate) fn new(book: Book) -> Self {
        Self {
            book,
            changes: BTreeMap::new(),
            papers: OnceLock::new(),
            over: BTreeMap::new(),
            uploads: BTreeMap::new(),
        }
    }

    /// The changed rows of `kind`, by index.
    pub(crate) fn changed(&self, kind: Kind) -> impl DoubleEndedIterator<Item = (u64, &Change)> {
        self.changes.get(&kind).into_iter().flatten().map(|(index, change)| (*index, change))
    }

    /// How row `index` was changed, if it was.
    pub(crate) fn change_of(&self, kind: Kind, index: u64) -> Option<&Change> {
        self.changes.get(&kind)?.get(&index)
    }

    /// The index of an existing row.
    pub(crate) fn find(&self, kind: Kind, id: i64) -> Option<u64> {
        let index = kind.index_of(id)?;
        match self.change_of(kind, index) {
            Some(change) => (!change.gone).then_some(index),
            None => self.book.has(kind, index).then_some(index),
        }
    }

    /// The indices of all existing rows.
    pub(crate) fn indices(&self, kind: Kind) -> impl Iterator<Item = u64> {
        let untouched =
            move |index: &u64| self.change_of(kind, *index).is_none() && self.book.has(kind, *index);
        let changed = self.changed(kind).filter(|(_, change)| !change.gone).map(|(index, _)| index);
        (0..self.book.count(kind)).filter(untouched).chain(changed)
    }

    /// The index of an existing row by its id in a path: a number, or the uuid of a ledger account.
    pub(crate) fn find_text(&self, kind: Kind, id: &str) -> Option<u64> {
        if kind != Kind::LedgerAccounts {
            return self.find(kind, id.parse().ok()?);
        }
        let added = self.changed(kind).map(|(index, _)| index);
        (0..self.book.count(kind)).chain(added).find(|index| {
            ledger_accounts::uuid(&self.book, *index) == id && self.find(kind, kind.id(*index)).is_some()
        })
    }

    /// The change of an existing or removed row, made from the generated row at its first use.
    fn open(&mut self, kind: Kind, id: i64) -> Option<&mut Change> {
        let index = kind.index_of(id)?;
        let known = self.change_of(kind, index).is_some();
        if !known && !self.book.has(kind, index) {
            return None;
        }
        let changes = self.changes.entry(kind).or_default();
        Some(changes.entry(index).or_insert_with(|| {
            let updated = self.book.updated(kind, index);
            let state = Book::state(kind.declaration(), index);
            Change { row: whole_row(&self.book, kind, index, updated, state), updated, state, gone: false }
        }))
    }

    /// Adds a row: a generated one, with `fields` put over it. Returns its id.
    pub(crate) fn insert(&mut self, kind: Kind, fields: &Map<String, Value>, now: Timestamp) -> i64 {
        let last =
            self.changes.get(&kind).and_then(|changes| changes.last_key_value()).map(|(index, _)| *index);
        let index = last.map_or(0, |last| last + 1).max(self.book.count(kind));
        let row = whole_row(&self.book, kind, index, now, State::Active);
        let mut change = Change { row, updated: now, state: State::Active, gone: false };
        set_state(kind.declaration(), &mut change, State::Active);
        merge(kind.declaration(), &mut change, fields, now);
        self.changes.entry(kind).or_default().insert(index, change);
        kind.id(index)
    }

    /// Puts `fields` over a row; false if there is no such row.
    pub(crate) fn change(
        &mut self,
        kind: Kind,
        id: i64,
        fields: &Map<String, Value>,
        now: Timestamp,
    ) -> bool {
        let Some(change) = self.open(kind, id).filter(|change| !change.gone) else { return false };
        merge(kind.declaration(), change, fields, now);
        true
    }

    /// Moves the time of the invoice or the bill that a payment is of.
    pub(crate) fn touch_parent(&mut self, kind: Kind, id: i64, now: Timestamp) {
        let (parent, key) = match kind {
            Kind::Payments => (Kind::Invoices, "invoiceid"),
            Kind::BillPayments => (Kind::Bills, "billid"),
            _ => return,
        };
        let number = self.open(kind, id).and_then(|change| change.row.get(key)?.as_i64());
        if let Some(number) = number.filter(|number| self.find(parent, *number).is_some()) {
            self.change(parent, number, &Map::new(), now);
        }
    }

    /// Moves a row to another state; false if there is no such row.
    ///
    /// Where the resource has no state, deleting removes it and archiving clears its `active` flag.
    pub(crate) fn move_to(&mut self, kind: Kind, id: i64, state: State, now: Timestamp) -> bool {
        let declaration = kind.declaration();
        let Some(change) = self.open(kind, id) else { return false };
        if change.gone && state != State::Active {
            return false;
        }
        stamp(declaration, change, now);
        if declaration.lifecycle == Lifecycle::Hard {
            change.gone = state == State::Deleted;
            if kind == Kind::Projects && !change.gone {
                change.row.insert("active".to_owned(), Value::Bool(state == State::Active));
            }
        } else {
            set_state(declaration, change, state);
        }
        true
    }
}

fn merge(declaration: &Declaration, change: &mut Change, fields: &Map<String, Value>, now: Timestamp) {
    let ids: Vec<(String, Value)> = declaration
        .id_keys
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), change.row.get(*key)?.clone())))
        .collect();
    stamp(declaration, change, now);
    change.row.extend(fields.iter().map(|(key, value)| (key.clone(), value.clone())));
    // whatever was posted, a row keeps its id
    change.row.extend(ids);
    if declaration.lifecycle == Lifecycle::VisState
        && let Some(state) = fields.get("vis_state").and_then(Value::as_i64).and_then(State::from_vis_state)
    {
        change.state = state;
    }
    if declaration.lifecycle == Lifecycle::ActiveFlag
        && let Some(active) = fields.get("active").and_then(Value::as_bool)
    {
        change.state = if active { State::Active } else { State::Deleted };
    }
    if declaration.lifecycle == Lifecycle::LedgerState
        && let Some(state) = fields.get("state").and_then(Value::as_str).and_then(State::from_ledger_state)
    {
        change.state = state;
    }
    // a change may also be given a time of its own: a row that turns up late
    let (key, zone) = match declaration.updated {
        UpdatedKey::Eastern(key) => (key, Zone::Eastern),
        UpdatedKey::Utc(key) | UpdatedKey::Iso(key) | UpdatedKey::IsoZ(key) | UpdatedKey::Micros(key) => {
            (key, Zone::Utc)
        }
        UpdatedKey::Hidden => return,
    };
    if let Some(Ok(given)) = fields.get(key).and_then(Value::as_str).map(|text| parse_instant(text, zone)) {
        change.updated = given;
    }
}

/// Marks the row as updated now, as this resource writes it.
fn stamp(declaration: &Declaration, change: &mut Change, now: Timestamp) {
    change.updated = now;
    let mut text = Vec::new();
    let key = match declaration.updated {
        UpdatedKey::Eastern(key) => {
            moment::write_wall(&mut text, moment::eastern(now), b' ');
            key
        }
        UpdatedKey::Utc(key) => {
            moment::write_wall(&mut text, moment::utc(now), b' ');
            key
        }
        UpdatedKey::Iso(key) | UpdatedKey::IsoZ(key) | UpdatedKey::Micros(key) => {
            moment::write_wall(&mut text, moment::utc(now), b'T');
            match declaration.updated {
                UpdatedKey::IsoZ(_) => text.push(b'Z'),
                UpdatedKey::Micros(_) => {
                    text.extend_from_slice(format!(".{:06}Z", now.subsec_microsecond()).as_bytes());
                }
                _ => {}
            }
            key
        }
        UpdatedKey::Hidden => return,
    };
    let text = String::from_utf8(text).unwrap_or_default();
    if let Some(version) = change.row.get_mut("version") {
        *version = Value::String(format!("{text}.{:06}", now.subsec_microsecond()));
    }
    change.row.insert(key.to_owned(), Value::String(text));
}

fn set_state(declaration: &Declaration, change: &mut Change, state: State) {
    change.state = state;
    match declaration.lifecycle {
        Lifecycle::VisState => change.row.insert("vis_state".to_owned(), state.vis_state().into()),
        Lifecycle::ActiveFlag => change.row.insert("active".to_owned(), (state != State::Deleted).into()),
        Lifecycle::LedgerState => change.row.insert("state".to_owned(), state.ledger_state().into()),
        Lifecycle::Hard => None,
    };
}
