//! What there is, told independently of how it is extracted: counts, exact sums, ranges and nulls of the very
//! rows the API serves, found by looking at the shape of each value and not at any table declaration.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::book::{Book, State};
use crate::changes::{Business, write_whole_row};
use crate::resources::{Kind, Lifecycle};
use crate::seen::Seen;

/// Places kept by sums: as many as have been seen in an amount.
const SCALE: u8 = 26;

/// Decimals and percentages that come as bare text or numbers.
const DECIMALS: &[&str] = &[
    "balance",
    "billed_amount",
    "budget",
    "credit",
    "debit",
    "deposit_percentage",
    "discount_value",
    "duration",
    "excess_rate",
    "expense_markup",
    "fee",
    "fixed_price",
    "inventory",
    "markup_percent",
    "qty",
    "quantity",
    "rate",
    "taxAmount1",
    "taxAmount2",
    "taxPercent1",
    "taxPercent2",
];

/// The truth about one resource, or about the objects nested in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// How many there are.
    pub rows: u64,
    /// How many are in each lifecycle state: `active`, `deleted`, `archived`. Only of top-level rows.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub states: BTreeMap<String, u64>,
    /// Exact sums over all rows, whatever their state: column, then currency (empty for bare decimals), then
    /// plain decimal text without needless zeros.
    pub sums: BTreeMap<String, BTreeMap<String, String>>,
    /// The smallest and largest text of every date and instant.
    pub dates: BTreeMap<String, (String, String)>,
    /// How often each key is null.
    pub nulls: BTreeMap<String, u64>,
    /// The sorted ids, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<i64>>,
    /// Nested objects and lists of objects, by their key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub children: BTreeMap<String, Truth>,
}

#[derive(Default)]
struct Tally {
    rows: u64,
    sums: BTreeMap<String, BTreeMap<String, i128>>,
    dates: BTreeMap<String, (String, String)>,
    nulls: BTreeMap<String, u64>,
    children: BTreeMap<String, Tally>,
}

/// Looks at every row of `kind`, with everything that can be included.
pub(crate) fn truth(business: &Business, kind: Kind, with_ids: bool) -> Truth {
    let book = &business.book;
    let declaration = kind.declaration();
    let mut tally = Tally::default();
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    let mut ids = Vec::new();
    let mut look = |index: u64, state: State, row: &[u8]| {
        // what the simulator wrote is an object
        if let Ok(Seen::Object(row)) = serde_json::from_slice(row) {
            tally.look(&row);
        }
        let name = match state {
            State::Active => "active",
            State::Deleted => "deleted",
            State::Archived => "archived",
        };
        *states.entry(name.to_owned()).or_default() += 1;
        if with_ids {
            ids.push(kind.id(index));
        }
    };
    let mut row = Vec::new();
    let untouched = |index: &u64| business.change_of(kind, *index).is_none() && book.has(kind, *index);
    for index in (0..book.count(kind)).filter(untouched) {
        let state = Book::state(declaration, index);
        row.clear();
        write_whole_row(&mut row, book, kind, index, (book.updated(kind, index), state));
        look(index, state, &row);
    }
    for (index, change) in business.changed(kind).filter(|(_, change)| !change.gone) {
        let state = if declaration.lifecycle == Lifecycle::Hard { State::Active } else { change.state };
        look(index, state, &serde_json::to_vec(&change.row).unwrap_or_default());
    }
    ids.sort_unstable();
    Truth { states, ids: with_ids.then_some(ids), ..tally.into() }
}

/// Looks at rows that were worked out: they have no state and no number.
pub(crate) fn of_rows(rows: &[Value]) -> Truth {
    let mut tally = Tally::default();
    for row in rows {
        let text = serde_json::to_vec(row).unwrap_or_default();
        if let Ok(Seen::Object(row)) = serde_json::from_slice(&text) {
            tally.look(&row);
        }
    }
    tally.into()
}

impl Tally {
    fn look(&mut self, row: &[(Cow<'_, str>, Seen<'_>)]) {
        self.rows += 1;
        for (key, value) in row {
            match value {
                Seen::Null => *entry(&mut self.nulls, key) += 1,
                Seen::Text(text) if is_date(text) => self.date(key, text),
                Seen::Text(text) => self.decimal(key, text),
                Seen::Integer(number) => self.decimal(key, &number.to_string()),
                Seen::Object(object) => match object.as_slice() {
                    [(amount, Seen::Text(value)), (code, Seen::Text(currency))]
                        if amount == "amount" && code == "code" =>
                    {
                        self.add(key, currency, value);
                    }
                    _ => entry(&mut self.children, key).look(object),
                },
                Seen::List(items) => {
                    for item in items {
                        if let Seen::Object(object) = item {
                            entry(&mut self.children, key).look(object);
                        }
                    }
                }
                Seen::Other => {}
            }
        }
    }

    fn date(&mut self, key: &str, text: &str) {
        match self.dates.get_mut(key) {
            None => {
                self.dates.insert(key.to_owned(), (text.to_owned(), text.to_owned()));
            }
            Some((low, _)) if text < low.as_str() => text.clone_into(low),
            Some((_, high)) if text > high.as_str() => text.clone_into(high),
            Some(_) => {}
        }
    }

    fn decimal(&mut self, key: &str, text: &str) {
        // a tax has its percentage in `amount`
        if DECIMALS.contains(&key) || key == "amount" {
            self.add(key, "", text);
        }
    }

    fn add(&mut self, key: &str, code: &str, amount: &str) {
        if let Ok(amount) = model::decimal::parse(amount, SCALE) {
            let sum = entry(entry(&mut self.sums, key), code);
            *sum = sum.saturating_add(amount);
        }
    }
}

/// The value of `key`, made if need be.
fn entry<'a, T: Default>(map: &'a mut BTreeMap<String, T>, key: &str) -> &'a mut T {
    map.entry(key.to_owned()).or_default()
}

/// `2026-03-31`, whatever follows.
fn is_date(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| {
        text.get(range).is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    digits(0..4)
        && text.get(4..5) == Some("-")
        && digits(5..7)
        && text.get(7..8) == Some("-")
        && digits(8..10)
        && text.get(10..11).is_none_or(|separator| separator == " " || separator == "T")
}

impl From<Tally> for Truth {
    fn from(tally: Tally) -> Self {
        let text = |sum: i128| {
            let text = model::decimal::format(sum, SCALE);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        let sums = tally
            .sums
            .into_iter()
            .map(|(column, sums)| (column, sums.into_iter().map(|(code, sum)| (code, text(sum))).collect()));
        Self {
            rows: tally.rows,
            states: BTreeMap::new(),
            sums: sums.collect(),
            dates: tally.dates,
            nulls: tally.nulls,
            ids: None,
            children: tally.children.into_iter().map(|(key, child)| (key, child.into())).collect(),
        }
    }
}
