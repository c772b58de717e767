//! From the query of a list to what it selects. Unknown filters are silently ignored, as FreshBooks does.

use std::ops::Range;

use jiff::Timestamp;
use model::time::{Zone, parse_date, parse_instant};
use serde_json::{Map, Value};

use crate::book::{Book, CYCLE, State};
use crate::moment;
use crate::options::{DefaultStates, Options, Order, VisStateWithWindow};
use crate::query::Query;
use crate::refusal::Refusal;
use crate::resources::{Declaration, Kind, Lifecycle, Match};

/// All twenty residues.
const EVERY: u32 = (1 << CYCLE) - 1;

/// What a list selects, and in which order.
pub(crate) struct Selection {
    /// Generated rows: this range of indices…
    pub(crate) range: Range<u64>,
    /// …and of those the ones with these residues.
    pub(crate) residues: u32,
    /// The states that are shown.
    pub(crate) states: Vec<State>,
    /// Whether rows with an odd id are hidden.
    pub(crate) even_only: bool,
    /// `updated` at or after, and before.
    pub(crate) window: (Option<Timestamp>, Option<Timestamp>),
    /// Whether that means when a row was made.
    pub(crate) by_making: bool,
    /// Tests of changed rows that the residues answer for generated ones.
    pub(crate) changed_tests: Vec<Test>,
    /// Tests of every row.
    pub(crate) tests: Vec<Test>,
    pub(crate) order: Order,
    /// The field to sort by, and whether descending.
    pub(crate) sort: Option<(&'static str, bool)>,
}

/// One field against one wanted value.
pub(crate) struct Test {
    pub(crate) field: &'static str,
    want: Want,
}

enum Want {
    OneOf(Vec<String>),
    Contains(String),
    /// ISO dates compare as text.
    DateFrom(String),
    DateTo(String),
    AtLeast(i128),
    AtMost(i128),
    From(Timestamp),
    To(Timestamp),
}

/// Decimals are compared with as many places as have been seen.
const SCALE: u8 = 26;

impl Test {
    fn equals(field: &'static str, value: impl Into<String>) -> Self {
        Self { field, want: Want::OneOf(vec![value.into()]) }
    }

    /// Whether a field with this text passes.
    pub(crate) fn passes(&self, text: &str) -> bool {
        let decimal = || model::decimal::parse(text, SCALE).ok();
        let instant = || parse_instant(text, Zone::Utc).ok();
        match &self.want {
            Want::OneOf(values) => values.iter().any(|value| value == text),
            Want::Contains(part) => text.to_lowercase().contains(part),
            Want::DateFrom(day) => text >= day.as_str(),
            Want::DateTo(day) => text.get(..10).is_some_and(|text| text <= day.as_str()),
            Want::AtLeast(least) => decimal().is_some_and(|value| value >= *least),
            Want::AtMost(most) => decimal().is_some_and(|value| value <= *most),
            Want::From(least) => instant().is_some_and(|value| value >= *least),
            Want::To(most) => instant().is_some_and(|value| value <= *most),
        }
    }
}

/// The text of a field that is compared: of money its amount, of null nothing.
pub(crate) fn text_of(row: &Map<String, Value>, field: &str) -> String {
    let (field, part) = field.split_once('.').unwrap_or((field, "amount"));
    match row.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(money)) => money.get(part).and_then(Value::as_str).unwrap_or_default().to_owned(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// All rows of a kind that are not deleted.
pub(crate) fn live(book: &Book, kind: Kind) -> Selection {
    let shown = |residue: &u64| Book::state(kind.declaration(), *residue) != State::Deleted;
    Selection {
        range: 0..book.count(kind),
        residues: (0..CYCLE).filter(shown).fold(0, |bits, residue| bits | 1 << residue),
        states: vec![State::Active, State::Archived],
        even_only: false,
        window: (None, None),
        by_making: false,
        changed_tests: Vec::new(),
        tests: Vec::new(),
        order: Order::Id,
        sort: None,
    }
}

/// Reads what a list request selects.
pub(crate) fn selection(
    book: &Book,
    declaration: &Declaration,
    query: &Query,
    options: &Options,
) -> Result<Selection, Refusal> {
    let mut selection = Selection {
        range: 0..book.count(declaration.kind),
        residues: EVERY,
        states: Vec::new(),
        even_only: options.sees_part(),
        window: (None, None),
        by_making: options.updated_means_made,
        changed_tests: Vec::new(),
        tests: tests(declaration, query)?,
        order: options.order,
        sort: sort(declaration, query),
    };
    if declaration.is_accounting() {
        accounting(declaration, query, options, &mut selection)?;
    } else {
        project_like(book, declaration, query, options, &mut selection)?;
    }
    for (bit, residue) in (0..CYCLE).map(|residue| (1_u32 << residue, residue)) {
        // the cycle has an even length, so a residue tells whether an id is even
        let hidden = selection.even_only && declaration.kind.id(residue) % 2 != 0;
        if hidden || !selection.states.contains(&Book::state(declaration, residue)) {
            selection.residues &= !bit;
        }
    }
    let bound = |instant| book.first_updated_since(declaration.kind, instant);
    if let Some(instant) = selection.window.0 {
        selection.range.start = bound(instant);
    }
    if let Some(instant) = selection.window.1 {
        selection.range.end = bound(instant).max(selection.range.start);
    }
    Ok(selection)
}

fn accounting(
    declaration: &Declaration,
    query: &Query,
    options: &Options,
    selection: &mut Selection,
) -> Result<(), Refusal> {
    let honoured = options.honoured_updated.iter().any(|name| name == declaration.name);
    let mut window = (None, None);
    if honoured {
        window = (day(query, "updated_min", options)?, day(query, "updated_max", options)?);
    }
    let mut asked = asked_states(query, options);
    if asked.is_some() && window != (None, None) {
        match options.vis_state_with_window {
            VisStateWithWindow::Both => {}
            VisStateWithWindow::WindowIgnored => window = (None, None),
            VisStateWithWindow::StateIgnored => asked = None,
        }
    }
    selection.window = window;
    selection.states = if declaration.lifecycle != Lifecycle::VisState {
        vec![State::Active]
    } else if let Some(states) = &asked {
        states.clone()
    } else if options.default_states == DefaultStates::ActiveOnly {
        vec![State::Active]
    } else {
        vec![State::Active, State::Archived]
    };
    Ok(())
}

/// The states in `search[vis_state]`; what is no state is ignored.
fn asked_states(query: &Query, options: &Options) -> Option<Vec<State>> {
    let mut asked: Vec<&str> = query.search_list("vis_state");
    asked.extend(query.search("vis_state"));
    let mut states: Vec<State> =
        asked.iter().filter_map(|text| State::from_vis_state(text.parse().ok()?)).collect();
    if !options.vis_state_lists {
        states.drain(..states.len().saturating_sub(1));
    }
    (!states.is_empty()).then_some(states)
}

fn day(query: &Query, key: &'static str, options: &Options) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = query.search(key) else { return Ok(None) };
    match parse_date(text) {
        Ok(day) => Ok(Some(moment::start_of(day, options.updated_zone))),
        Err(_) => Err(Refusal::filter(1023, key, text)),
    }
}

fn project_like(
    book: &Book,
    declaration: &Declaration,
    query: &Query,
    options: &Options,
    selection: &mut Selection,
) -> Result<(), Refusal> {
    use crate::resources::time_entries::{OF_COLLEAGUE, UNLOGGED};
    let flag = |key| query.flag(key).map_err(|()| Refusal::field(key, "Input should be a valid boolean"));
    selection.states = vec![State::Active, State::Archived];
    let shows_inactive = match declaration.lifecycle {
        Lifecycle::LedgerState => true,
        Lifecycle::ActiveFlag => declaration.kind == Kind::Retainers && options.inactive_listed,
        _ => false,
    };
    if shows_inactive {
        selection.states.push(State::Deleted);
    }
    for (name, residues) in declaration.flags {
        if let Some(wanted) = flag(name)? {
            selection.residues &= if wanted { *residues } else { !residues };
            selection.changed_tests.push(Test::equals(name, wanted.to_string()));
        }
    }
    if declaration.kind == Kind::TimeEntries {
        if flag("include_deleted")? == Some(true) {
            selection.states.push(State::Deleted);
        }
        if flag("team")? != Some(true) {
            selection.residues &= !OF_COLLEAGUE;
            selection.changed_tests.push(Test::equals("identity_id", book.owner.to_string()));
        }
        if flag("include_unlogged")? != Some(true) {
            selection.residues &= !UNLOGGED;
            selection.changed_tests.push(Test::equals("is_logged", "true"));
        }
    }
    if matches!(declaration.kind, Kind::Projects | Kind::TimeEntries)
        && let Some(text) = query.value("updated_since")
    {
        selection.window.0 = Some(instant("updated_since", text)?);
    }
    Ok(())
}

fn instant(key: &'static str, text: &str) -> Result<Timestamp, Refusal> {
    // a bare date counts as its midnight
    let bare = parse_date(text).map(|day| format!("{day}T00:00:00Z"));
    parse_instant(bare.as_deref().unwrap_or(text), Zone::Utc)
        .map_err(|_| Refusal::field(key, "Input should be a valid datetime or date, input is too short"))
}

fn tests(declaration: &Declaration, query: &Query) -> Result<Vec<Test>, Refusal> {
    let mut tests = Vec::new();
    for (key, field, how) in declaration.filters {
        let value = if declaration.is_accounting() { query.search(key) } else { query.value(key) };
        let list = if *how == Match::OneOf { query.search_list(key) } else { Vec::new() };
        if value.is_none() && list.is_empty() {
            continue;
        }
        let text = value.unwrap_or_default();
        let decimal = || model::decimal::parse(text, SCALE).map_err(|_| Refusal::filter(1024, key, text));
        let date =
            || parse_date(text).map(|day| day.to_string()).map_err(|_| Refusal::filter(1023, key, text));
        if !declaration.is_accounting() && *how == Match::Equals && text.parse::<i64>().is_err() {
            return Err(Refusal::field(
                key,
                "Input should be a valid integer, unable to parse string as an integer",
            ));
        }
        let want = match how {
            Match::Equals => Want::OneOf(vec![text.to_owned()]),
            Match::OneOf => Want::OneOf(list.into_iter().chain(value).map(str::to_owned).collect()),
            Match::Contains => Want::Contains(text.to_lowercase()),
            Match::DateFrom => Want::DateFrom(date()?),
            Match::DateTo => Want::DateTo(date()?),
            Match::AtLeast => Want::AtLeast(decimal()?),
            Match::AtMost => Want::AtMost(decimal()?),
            Match::InstantFrom => Want::From(instant(key, text)?),
            Match::Event => {
                let noun = text.split_once('.').map_or(text, |(noun, _)| noun);
                Want::OneOf(vec![text.to_owned(), noun.to_owned()])
            }
            Match::InstantTo => Want::To(instant(key, text)?),
        };
        tests.push(Test { field, want });
    }
    Ok(tests)
}

/// `key_asc`, `key_desc` in accounting; `key`, `-key` elsewhere. Unknown keys are ignored.
fn sort(declaration: &Declaration, query: &Query) -> Option<(&'static str, bool)> {
    let text = query.value("sort")?;
    let (key, descending) = if declaration.is_accounting() {
        text.strip_suffix("_desc")
            .map_or_else(|| (text.strip_suffix("_asc").unwrap_or(text), false), |key| (key, true))
    } else {
        text.strip_prefix('-').map_or((text, false), |key| (key, true))
    };
    declaration.sorts.iter().find(|(name, _)| *name == key).map(|(_, field)| (*field, descending))
}
