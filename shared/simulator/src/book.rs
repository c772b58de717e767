//! One business's generated rows: a pure function of (seed, kind, index). Nothing is held.
//!
//! `updated` grows with the index, so a window of it is a range of indices, found by binary search. States
//! and flags follow from `index % 20`, so their counts are arithmetic and need no scan.

use jiff::Timestamp;

use crate::dice::Dice;
use crate::money::Currency;
use crate::resources::{Declaration, Kind};
use crate::{moment, words};

/// The cycle in which states and flags repeat.
pub(crate) const CYCLE: u64 = 20;

/// Three years, in seconds.
const SPAN: i64 = 3 * 365 * 86_400 + 86_400;

/// Where a row is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// In use.
    Active,
    /// Deleted, and still there for who asks for deleted rows.
    Deleted,
    /// Put away.
    Archived,
}

impl State {
    /// FreshBooks' number for it.
    pub(crate) fn vis_state(self) -> i64 {
        match self {
            Self::Active => 0,
            Self::Deleted => 1,
            Self::Archived => 2,
        }
    }

    /// The word for it in the chart of accounts.
    pub(crate) fn ledger_state(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deleted => "inactive",
            Self::Archived => "archived",
        }
    }

    pub(crate) fn from_ledger_state(word: &str) -> Option<Self> {
        [Self::Active, Self::Deleted, Self::Archived].into_iter().find(|state| state.ledger_state() == word)
    }

    pub(crate) fn from_vis_state(number: i64) -> Option<Self> {
        [Self::Active, Self::Deleted, Self::Archived].into_iter().find(|state| state.vis_state() == number)
    }
}

/// One business and its accounting system.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub(crate) seed: u64,
    pub(crate) name: &'static str,
    pub(crate) account_id: &'static str,
    pub(crate) business_id: i64,
    pub(crate) business_uuid: String,
    /// Who owns it: the identity's id.
    pub(crate) owner: i64,
    /// The person beside the owner who also tracks time.
    pub(crate) colleague: i64,
    pub(crate) home: Currency,
    /// Number of invoices before any change.
    pub(crate) scale: u64,
    /// Generated rows were last updated at or after this second, and before `until`.
    pub(crate) from: i64,
    pub(crate) until: i64,
    odd_hours: Vec<i64>,
}

impl Book {
    pub(crate) fn new(place: &Place, seed: u64, scale: u64, until: Timestamp) -> Self {
        let until = until.as_second();
        let from = until.saturating_sub(SPAN);
        let seed = Dice::new(seed, place.account_id, 0).draw("seed");
        Self {
            seed,
            name: place.name,
            account_id: place.account_id,
            business_id: place.business_id,
            business_uuid: Dice::new(seed, "business", 0).uuid("uuid"),
            owner: place.owner,
            colleague: place.owner + 1,
            home: place.home,
            scale,
            from,
            until,
            odd_hours: moment::odd_hours(from, until),
        }
    }

    /// The draws of row `index` of `kind`.
    pub(crate) fn dice(&self, kind: Kind, index: u64) -> Dice {
        Dice::new(self.seed, kind.declaration().name, index)
    }

    /// How many rows of `kind` are generated.
    pub(crate) fn count(&self, kind: Kind) -> u64 {
        let (share, least, most) = kind.declaration().count;
        if self.scale == 0 { 0 } else { (self.scale.saturating_mul(share) / 120).max(least).min(most) }
    }

    /// Whether there is a generated row `index` of `kind`.
    pub(crate) fn has(&self, kind: Kind, index: u64) -> bool {
        index < self.count(kind) && kind.declaration().exists.is_none_or(|exists| exists(self, index))
    }

    /// The id of one existing row of `kind`, chosen by `dice`.
    pub(crate) fn any(&self, kind: Kind, dice: Dice, what: &str) -> i64 {
        kind.id(dice.below(what, self.count(kind)))
    }

    /// When row `index` was last updated.
    ///
    /// Rows beyond the generated ones, which only changes insert, start from the end of the three years.
    pub(crate) fn updated(&self, kind: Kind, index: u64) -> Timestamp {
        if index >= self.count(kind) {
            return moment::at(self.until.saturating_sub(1));
        }
        let count = i64::try_from(self.count(kind)).unwrap_or(i64::MAX).max(1);
        let index_signed = i64::try_from(index).unwrap_or(i64::MAX);
        let edge = |i: i64| self.from.saturating_add((i.saturating_mul(SPAN)).div_euclid(count));
        let (low, high) = (edge(index_signed), edge(index_signed.saturating_add(1)));
        let dice = self.dice(kind, index);
        // A row whose stretch of time holds an hour in which clocks change is put right into it.
        let first = self.odd_hours.partition_point(|second| *second < low);
        let odd = self.odd_hours.get(first..).unwrap_or_default();
        let within = odd.iter().take_while(|second| **second < high).count() as u64;
        if within > 0 {
            let chosen = usize::try_from(dice.below("odd hour", within)).unwrap_or(0);
            return moment::at(odd.get(chosen).copied().unwrap_or(low));
        }
        moment::at(dice.between("updated", low, high.saturating_sub(1).max(low)))
    }

    /// The first index whose row was updated at or after `instant`.
    pub(crate) fn first_updated_since(&self, kind: Kind, instant: Timestamp) -> u64 {
        let (mut low, mut high) = (0, self.count(kind));
        while low < high {
            let middle = low.midpoint(high);
            if self.updated(kind, middle) < instant {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The state of row `index`, before any change.
    pub(crate) fn state(declaration: &Declaration, index: u64) -> State {
        let bit = 1_u32 << (index % CYCLE);
        if declaration.deleted & bit != 0 {
            State::Deleted
        } else if declaration.archived & bit != 0 {
            State::Archived
        } else {
            State::Active
        }
    }

    /// The currency in which a client is billed.
    pub(crate) fn client_currency(&self, client: u64) -> Currency {
        match self.dice(Kind::Clients, client).below("currency", 20) {
            0 | 1 => Currency::Jpy,
            2 | 3 => Currency::Eur,
            4 => Currency::Gbp,
            5 | 6 => Currency::Usd,
            _ => self.home,
        }
    }

    /// Who a client is.
    pub(crate) fn person(&self, client: u64) -> Person {
        let dice = self.dice(Kind::Clients, client);
        let first = dice.pick("first name", words::FIRST_NAMES);
        let last = dice.pick("last name", words::LAST_NAMES);
        // sole traders have none
        let organization = if dice.one_in("organization", 10) {
            String::new()
        } else {
            let name = dice.pick("trade name", words::TRADE_NAMES);
            format!("{name} {}", dice.pick("trade", words::TRADES))
        };
        let (city, province, country, code) = dice.pick("city", words::CITIES);
        let street = if city.is_empty() {
            String::new()
        } else {
            format!("{} {}", dice.between("number", 1, 480), dice.pick("street", words::STREETS))
        };
        Person {
            first,
            last,
            organization,
            email: format!("client{}@example.com", Kind::Clients.id(client)),
            street,
            city,
            province,
            country,
            code,
        }
    }
}

/// Where a book belongs.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) account_id: &'static str,
    pub(crate) business_id: i64,
    pub(crate) owner: i64,
    pub(crate) home: Currency,
}

/// The name and address of a client, as documents copy them.
pub(crate) struct Person {
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
    pub(crate) organization: String,
    pub(crate) email: String,
    pub(crate) street: String,
    pub(crate) city: &'static str,
    pub(crate) province: &'static str,
    pub(crate) country: &'static str,
    pub(crate) code: &'static str,
}

impl Person {
    /// What stands on a document: the organization, else the person.
    pub(crate) fn addressee(&self) -> String {
        if self.organization.is_empty() {
            format!("{} {}", self.first, self.last)
        } else {
            self.organization.clone()
        }
    }
}
