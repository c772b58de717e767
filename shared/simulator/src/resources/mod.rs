//! Every resource as data: where it is, what it answers to, and how one of its rows is written.

mod bills;
mod clients;
mod credit_notes;
mod estimates;
pub(crate) mod expenses;
pub(crate) mod invoices;
mod items;
mod lines;
pub(crate) mod payments;
mod projects;
pub(crate) mod services;
mod taxes;
pub(crate) mod time_entries;

use jiff::Timestamp;

use crate::book::{Book, State};
use crate::row::Row;

/// The resources with generated rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Clients,
    Invoices,
    Estimates,
    Expenses,
    Payments,
    Items,
    Taxes,
    CreditNotes,
    Bills,
    Projects,
    TimeEntries,
    Services,
}

impl Kind {
    pub(crate) const ALL: [Self; 12] = [
        Self::Clients,
        Self::Invoices,
        Self::Estimates,
        Self::Expenses,
        Self::Payments,
        Self::Items,
        Self::Taxes,
        Self::CreditNotes,
        Self::Bills,
        Self::Projects,
        Self::TimeEntries,
        Self::Services,
    ];

    pub(crate) fn declaration(self) -> &'static Declaration {
        match self {
            Self::Clients => &clients::DECLARATION,
            Self::Invoices => &invoices::DECLARATION,
            Self::Estimates => &estimates::DECLARATION,
            Self::Expenses => &expenses::DECLARATION,
            Self::Payments => &payments::DECLARATION,
            Self::Items => &items::DECLARATION,
            Self::Taxes => &taxes::DECLARATION,
            Self::CreditNotes => &credit_notes::DECLARATION,
            Self::Bills => &bills::DECLARATION,
            Self::Projects => &projects::DECLARATION,
            Self::TimeEntries => &time_entries::DECLARATION,
            Self::Services => &services::DECLARATION,
        }
    }

    /// The id of row `index`.
    pub(crate) fn id(self, index: u64) -> i64 {
        self.declaration().first_id.saturating_add(i64::try_from(index).unwrap_or(i64::MAX))
    }

    /// The index of the row that has `id`, whether or not it exists.
    pub(crate) fn index_of(self, id: i64) -> Option<u64> {
        u64::try_from(id.checked_sub(self.declaration().first_id)?).ok()
    }

    /// The resource of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.declaration().name == name)
    }
}

/// The families of the API: each has its own envelope, filters and error shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Accounting,
    Projects,
    TimeTracking,
    Comments,
    Auth,
    Events,
}

/// How a row of a resource ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    /// `vis_state` says so.
    VisState,
    /// `active` says so.
    ActiveFlag,
    /// The row vanishes.
    Hard,
}

/// The key of `updated` and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpdatedKey {
    /// Eastern wall clock.
    Eastern(&'static str),
    /// UTC wall clock without a zone.
    Utc(&'static str),
    /// ISO in UTC, without `Z`.
    Iso(&'static str),
    /// Not told.
    Hidden,
}

/// How a filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// `search[key]=value`.
    Equals,
    /// `search[key][]=value`, repeated.
    OneOf,
    /// Holds the text, whatever its case.
    Contains,
    /// A calendar date, inclusive.
    DateFrom,
    /// A calendar date, inclusive.
    DateTo,
    /// A decimal, inclusive.
    AtLeast,
    /// A decimal, inclusive.
    AtMost,
    /// An instant with time, inclusive; a bad one is a 422.
    InstantFrom,
    /// An instant with time, inclusive; a bad one is a 422.
    InstantTo,
}

/// A filter that has to look at each row: its key in the query, the field, and the comparison.
pub(crate) type Filter = (&'static str, &'static str, Match);

/// One resource.
pub(crate) struct Declaration {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) family: Family,
    /// Behind the account or the business.
    pub(crate) list_path: &'static str,
    /// Behind the account or the business, before the id.
    pub(crate) single_path: &'static str,
    pub(crate) list_key: &'static str,
    pub(crate) single_key: &'static str,
    /// The keys that carry the id.
    pub(crate) id_keys: &'static [&'static str],
    /// `user:<scope>:read`.
    pub(crate) scope: &'static str,
    pub(crate) first_id: i64,
    pub(crate) lifecycle: Lifecycle,
    /// Residues of `index % 20` that are deleted.
    pub(crate) deleted: u32,
    /// Residues of `index % 20` that are archived.
    pub(crate) archived: u32,
    pub(crate) updated: UpdatedKey,
    pub(crate) filters: &'static [Filter],
    /// Query flags of the project-like families that test a boolean field, with the residues where it is true.
    pub(crate) flags: &'static [(&'static str, u32)],
    /// Sort keys that are honoured, and the field behind each.
    pub(crate) sorts: &'static [(&'static str, &'static str)],
    /// Keys of a row that only appear when included.
    pub(crate) includes: &'static [&'static str],
    /// Keys without which a new row is refused.
    pub(crate) required: &'static [&'static str],
    pub(crate) write: fn(&Sheet<'_>, &mut Row<'_>),
    /// One field as text, cheaper than the whole row; `None` if there is no short cut.
    pub(crate) fact: fn(&Book, u64, &str) -> Option<String>,
}

impl Declaration {
    /// The value of a declared flag in row `index`, before any change.
    pub(crate) fn flag(&self, flag: &str, index: u64) -> bool {
        let bit = 1_u32 << (index % crate::book::CYCLE);
        self.flags.iter().any(|(name, residues)| *name == flag && residues & bit != 0)
    }

    pub(crate) fn is_accounting(&self) -> bool {
        self.family == Family::Accounting
    }
}

/// What the writer of a row is given.
pub(crate) struct Sheet<'a> {
    pub(crate) book: &'a Book,
    pub(crate) index: u64,
    pub(crate) id: i64,
    pub(crate) updated: Timestamp,
    pub(crate) state: State,
    pub(crate) includes: Includes<'a>,
}

/// The includes of a request.
#[derive(Clone, Copy)]
pub(crate) enum Includes<'a> {
    /// These.
    Some(&'a [String]),
    /// All there are: for rows that are held, and for the truth.
    All,
}

impl Includes<'_> {
    pub(crate) fn has(self, name: &str) -> bool {
        match self {
            Self::Some(names) => names.iter().any(|n| n == name),
            Self::All => true,
        }
    }
}

/// Residues of the cycle as a set of bits.
pub(crate) const fn residues(list: &[u32]) -> u32 {
    let mut bits = 0;
    let mut at = 0;
    while at < list.len() {
        bits |= 1 << list[at];
        at += 1;
    }
    bits
}

/// No row of the cycle.
pub(crate) const NONE: u32 = 0;

/// The deleted rows of most resources.
pub(crate) const DELETED: u32 = residues(&[6]);

/// The archived rows of most resources.
pub(crate) const ARCHIVED: u32 = residues(&[3, 13]);
