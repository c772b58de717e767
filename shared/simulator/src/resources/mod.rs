//! Every resource as data: where it is, what it answers to, and how one of its rows is written.

mod bill_payments;
pub(crate) mod bill_vendors;
pub(crate) mod bills;
pub(crate) mod callbacks;
mod clients;
mod contacts;
mod credit_notes;
mod documents;
mod estimates;
pub(crate) mod expense_categories;
pub(crate) mod expenses;
mod gateways;
mod invoice_profiles;
pub(crate) mod invoices;
mod items;
pub(crate) mod journal_entries;
pub(crate) mod ledger_accounts;
mod lines;
mod other_income;
pub(crate) mod payments;
mod projects;
mod retainers;
pub(crate) mod services;
mod staff;
mod tasks;
mod taxes;
pub(crate) mod time_entries;

use jiff::Timestamp;

use crate::book::{Book, State};
use crate::row::Row;

/// The resources with generated rows: a kind and the module that declares it.
macro_rules! kinds {
    ($($kind:ident in $module:ident,)*) => {
        /// The resources with generated rows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Kind {
            $($kind,)*
        }

        impl Kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$kind,)*];

            pub(crate) fn declaration(self) -> &'static Declaration {
                match self {
                    $(Self::$kind => &$module::DECLARATION,)*
                }
            }
        }
    };
}

kinds! {
    Clients in clients,
    Invoices in invoices,
    InvoiceProfiles in invoice_profiles,
    Estimates in estimates,
    Expenses in expenses,
    ExpenseCategories in expense_categories,
    Payments in payments,
    Items in items,
    Taxes in taxes,
    Tasks in tasks,
    CreditNotes in credit_notes,
    OtherIncome in other_income,
    Bills in bills,
    BillPayments in bill_payments,
    BillVendors in bill_vendors,
    Staff in staff,
    Gateways in gateways,
    JournalEntries in journal_entries,
    LedgerAccounts in ledger_accounts,
    Projects in projects,
    TimeEntries in time_entries,
    Services in services,
    Retainers in retainers,
    Callbacks in callbacks,
}

impl Kind {
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
        Self::ALL.iter().copied().find(|kind| kind.declaration().name == name)
    }
}

/// The families of the API: each has its own envelope, filters and error shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Accounting,
    /// The newer part of accounting, by the uuid of a business.
    Ledger,
    Projects,
    TimeTracking,
    Comments,
    Auth,
    Events,
    Payments,
    Uploads,
}

/// How a row of a resource ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    /// `vis_state` says so.
    VisState,
    /// `active` says so.
    ActiveFlag,
    /// `state` says so, and nothing is hidden.
    LedgerState,
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
    /// ISO in UTC, with `Z`.
    IsoZ(&'static str),
    /// ISO in UTC, with microseconds and `Z`.
    Micros(&'static str),
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
    /// An event, or the noun that stands for all its events.
    Event,
}

/// A filter that has to look at each row: its key in the query, the field, and the comparison.
pub(crate) type Filter = (&'static str, &'static str, Match);

/// What can be done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbs {
    All,
    /// Neither `POST` nor `PUT` nor `DELETE`.
    Read,
    /// No `GET`.
    Create,
}

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
    /// How many rows are generated: per 120 invoices; at least; at most.
    pub(crate) count: (u64, u64, u64),
    /// Whether there is a row `index` at all, for what only some rows of another resource have.
    pub(crate) exists: Option<fn(&Book, u64) -> bool>,
    /// Whether its list comes in pages; if not, all of it comes at once.
    pub(crate) paged: bool,
    pub(crate) verbs: Verbs,
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

    /// Whether it speaks as accounting does: envelope, `search[…]`, errors.
    pub(crate) fn is_accounting(&self) -> bool {
        matches!(self.family, Family::Accounting | Family::Events)
    }
}

/// What a resource is unless it says otherwise.
const USUAL: Declaration = Declaration {
    kind: Kind::Clients,
    name: "",
    family: Family::Accounting,
    list_path: "",
    single_path: "",
    list_key: "",
    single_key: "",
    id_keys: &["id"],
    scope: "",
    first_id: 1,
    lifecycle: Lifecycle::VisState,
    deleted: NONE,
    archived: NONE,
    updated: UpdatedKey::Hidden,
    filters: &[],
    flags: &[],
    sorts: &[],
    includes: &[],
    required: &[],
    count: (0, 0, 0),
    exists: None,
    paged: true,
    verbs: Verbs::All,
    write: |_, _| (),
    fact: |_, _, _| None,
};

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
