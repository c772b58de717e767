//! What a table declaration says.

use model::time::Zone;

/// Decimals behind the point of money, rates, quantities and percentages: DECIMAL(38, 12) leaves 26 digits
/// before it.
pub const SCALE: u8 = 12;

/// One FreshBooks table, as data. Everything else about it follows from this.
#[derive(Debug)]
pub struct Table {
    /// Its name in the lake.
    pub name: &'static str,
    /// What a row is, for the catalog and for `freshlake describe`.
    pub doc: &'static str,
    /// Which part of the API serves it: decides the envelope, the paging and the error shapes.
    pub family: Family,
    /// Its path, with `{account_id}` or `{business_id}` to fill in.
    pub path: &'static str,
    /// Where the rows are in an answer.
    pub rows: Rows,
    /// The columns that tell one row from another.
    pub key: &'static [&'static str],
    /// Its columns, in order.
    pub columns: &'static [Column],
    /// Keys that FreshBooks sends and nobody should store: links and tokens that open documents. Dotted paths.
    pub secrets: &'static [&'static str],
    /// What is inside a row and a table of its own.
    pub children: &'static [Child],
    /// Values of `include[]`, without which FreshBooks leaves parts of a row away.
    pub includes: &'static [&'static str],
    /// Query parameters that every request carries.
    pub parameters: &'static [(&'static str, &'static str)],
    /// How a later run asks for less than everything.
    pub cursor: CursorRule,
    /// How FreshBooks shows that a row was deleted.
    pub deleted: DeleteRule,
    /// The scope a grant needs.
    pub scope: &'static str,
    /// The table by whose rows it is asked for, one request each; none where one list has all rows.
    pub each: Option<Each>,
    /// Whether it is read only where it is asked for by name: what it holds opens doors, or costs many requests.
    pub on_request: bool,
    /// How well its shape is established.
    pub confidence: Confidence,
}

/// A table that is asked for row by row of another one. Its key begins with the other row's, each answer has all that there
/// is of one, and its rows are gone when the other one is: [`DeleteRule::Vanishes`].
#[derive(Clone, Copy, Debug)]
pub struct Each {
    /// The other table, whose rows have an `id`.
    pub parent: &'static str,
    /// What stands for that id in the path: `{invoice_id}`.
    pub placeholder: &'static str,
}

/// How well the shape of a table is established.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Bodies were seen.
    High,
    /// Bodies were seen, condensed ones or few.
    Medium,
    /// Only its path is known, and what documents or models say.
    Low,
}

impl Confidence {
    /// The word people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// What is inside a parent's row and a table of its own: invoice lines, the group of a project.
#[derive(Debug)]
pub struct Child {
    /// Its name in the lake.
    pub name: &'static str,
    /// What a row is.
    pub doc: &'static str,
    /// Where in the parent's row its rows are, dotted where that is inside an object: `lines`, `group.members`. An array, or
    /// an object, which is one row.
    pub source: &'static str,
    /// The column that carries the parent's key, `invoiceid`; filled from the parent, whatever the row itself says.
    pub parent_key: &'static str,
    /// The own column that, with the parent's key, tells one row from another; none where only the position does.
    pub own_key: Option<&'static str>,
    /// The column of the parent that is not zero where there have to be rows: a document of some amount has lines.
    pub announced_by: Option<&'static str>,
    /// Its columns, in order, without the parent's key.
    pub columns: &'static [Column],
    /// How its rows are written.
    pub form: Form,
}

/// How a child's rows stand in their parent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As an array. A parent with null there says nothing of them.
    Array,
    /// As one object. A parent with null there has none.
    Object,
}

/// Which part of the API serves a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `/auth/api/v1/users/me`: one object, no paging.
    Identity,
    /// `/auth/api/v1/…` about one business: the rows or the object under `response`, `meta` beside it.
    Team,
    /// `/accounting/account/{account_id}/…`: `response.result`, `search[…]` filters.
    Accounting,
    /// `/accounting/businesses/{business_uuid}/…` and `/accounting/ledger_accounts/…`: `data`, no paging.
    Ledger,
    /// `/accounting/account/{account_id}/reports/…`: one object, no paging.
    Report,
    /// `/accounting/businesses/{business_uuid}/reports/…`: as the reports of an account.
    BusinessReport,
    /// `/projects/business/{business_id}/…`: flat, `meta`, bare filters.
    Projects,
    /// `/timetracking/business/{business_id}/…`: as projects.
    TimeTracking,
    /// `/comments/business/{business_id}/…`: as projects.
    Comments,
    /// `/events/account/{account_id}/…`: as accounting, with errors of its own.
    Events,
    /// `/payments/account/{account_id}/…`: flat, no paging.
    Payments,
}

/// Whose rows a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Those of the person who connected.
    Person,
    /// Those of an accounting system.
    Account,
    /// Those of a business.
    Business,
}

impl Family {
    /// The word people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Team => "team",
            Self::Accounting => "accounting",
            Self::Ledger => "ledger",
            Self::Report => "report",
            Self::BusinessReport => "business report",
            Self::Projects => "projects",
            Self::TimeTracking => "time tracking",
            Self::Comments => "comments",
            Self::Events => "events",
            Self::Payments => "payments",
        }
    }

    /// Whose rows its tables have.
    pub fn owner(self) -> Owner {
        match self {
            Self::Identity => Owner::Person,
            Self::Accounting | Self::Report | Self::Events | Self::Payments => Owner::Account,
            Self::Team
            | Self::Ledger
            | Self::BusinessReport
            | Self::Projects
            | Self::TimeTracking
            | Self::Comments => Owner::Business,
        }
    }

    /// The keys that lead to what an answer is about.
    pub fn envelope(self) -> &'static [&'static str] {
        match self {
            Self::Identity => &["response"],
            Self::Accounting | Self::Report | Self::BusinessReport | Self::Events => &["response", "result"],
            Self::Team
            | Self::Ledger
            | Self::Projects
            | Self::TimeTracking
            | Self::Comments
            | Self::Payments => &[],
        }
    }
}

/// Where the rows of an answer are.
#[derive(Clone, Copy, Debug)]
pub enum Rows {
    /// A paged list under `list`; an answer about one object has it under `single`.
    List {
        /// The key of the array.
        list: &'static str,
        /// The key of the object.
        single: &'static str,
    },
    /// A list under this key that comes whole, without pages.
    Whole(&'static str),
    /// One object: under this key, or the envelope's content itself.
    Object(Option<&'static str>),
    /// A tree of report lines, flattened: one row per line. A report whose key has `currency_code` is of one currency, and
    /// is asked for in each; what is not read by [`CursorRule::Months`] is a list without keys, asked for once.
    Report(Layout),
}

/// How a report is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The key of the report in its envelope; none where its sections are there themselves.
    pub key: Option<&'static str>,
    /// The report's sections, in the order in which a person reads them.
    pub sections: &'static [&'static str],
    /// Keys of a line under which there are lines below it.
    pub below: &'static [&'static str],
    /// Keys that name a line. Lines below it repeat those that they lack; amounts are never repeated.
    pub names: &'static [&'static str],
    /// How the report is told its time.
    pub period: Period,
    /// Parameters under which it is asked for, each time anew: cash and accrual. Those that every request carries are the
    /// table's.
    pub variants: &'static [&'static [(&'static str, &'static str)]],
}

/// How a report is told its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// `start_date` and `end_date`, the first and the last day.
    Range,
    /// The last day, in this parameter.
    Day(&'static str),
}

/// How a later run asks for less than everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CursorRule {
    /// `search[updated_min]=YYYY-MM-DD`, by day, inclusive; `updated` names the column that must then lie in the window.
    UpdatedDay {
        /// The column that must lie in the window.
        updated: &'static str,
        /// Whether the filter is known to count. If not, everything is read until it has proved itself.
        established: bool,
    },
    /// `updated_since=<UTC instant>`; rows need not carry what it filters on.
    UpdatedSince,
    /// No filter is established: everything is read each run, and unchanged rows are not written again.
    Whole,
    /// A report: each month once it is over, the open one and the last ones before it with each run.
    Months,
}

/// How FreshBooks shows that a row was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteRule {
    /// `vis_state` 1, and lists leave such rows out unless asked for them.
    VisState,
    /// A boolean column that is `false`.
    Inactive(&'static str),
    /// The row is no longer listed: seen by comparing complete listings.
    Vanishes,
    /// Rows are not deleted.
    Never,
}

/// One column and the key it is read from.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name in the lake.
    pub name: &'static str,
    /// The key in FreshBooks' JSON, dotted where it is inside an object: `business.account_id`.
    pub source: &'static str,
    /// Where the value is if `source` is absent: most accounting objects repeat their id under a second name.
    pub alias: Option<&'static str>,
    /// Its type.
    pub kind: Kind,
    /// Whether no example of a value was ever seen. A value of another type then goes to `_extra` and the
    /// row is kept; on any other column it rejects the row.
    pub unseen: bool,
    /// What it means.
    pub doc: &'static str,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A 64-bit integer; FreshBooks writes some as text.
    Int,
    /// Text.
    Text,
    /// True or false.
    Bool,
    /// A calendar date without a zone.
    Date,
    /// An instant, UTC, to the microsecond; a second column `<name>_text` keeps FreshBooks' own words.
    Instant(Zone),
    /// An exact amount with this many decimals; a second column `<name>_code` holds its ISO 4217 currency.
    Money(u8),
    /// An exact number with this many decimals: a rate, a quantity, a percentage.
    Decimal(u8),
    /// Anything nested, as JSON text.
    Json,
}

const fn column(name: &'static str, kind: Kind, doc: &'static str) -> Column {
    Column { name, source: name, alias: None, kind, unseen: false, doc }
}

pub(crate) const fn int(name: &'static str, doc: &'static str) -> Column {
    column(name, Kind::Int, doc)
}

pub(crate) const fn text(name: &'static str, doc: &'static str) -> Column {
    column(name, Kind::Text, doc)
}

pub(crate) const fn flag(name: &'static str, doc: &'static str) -> Column {
    column(name, Kind::Bool, doc)
}

pub(crate) const fn date(name: &'static str, doc: &'static str) -> Column {
    column(name, Kind::Date, doc)
}

pub(crate) const fn eastern(name: &'static str, doc: &'static str) -> Column {
    column(name, Kind::Instant(Zone::Eastern), doc)
}

pub(crate) const fn utc(name: &'static str, doc: &'static str) -> Column {
    column(name, Kind::Instant(Zone::Utc), doc)
}

pub(crate) const fn money(name: &'static str, doc: &'static str) -> Column {
    column(name, Kind::Money(SCALE), doc)
}

pub(crate) const fn decimal(name: &'static str, doc: &'static str) -> Column {
    column(name, Kind::Decimal(SCALE), doc)
}

pub(crate) const fn json(name: &'static str, doc: &'static str) -> Column {
    column(name, Kind::Json, doc)
}

impl Column {
    /// Reads the column from another key.
    pub(crate) const fn from(mut self, source: &'static str) -> Self {
        self.source = source;
        self
    }

    /// Takes the value from `alias` where the column's own key is absent.
    pub(crate) const fn or(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// Marks a column of which no value was ever seen, only nulls.
    pub(crate) const fn unseen(mut self) -> Self {
        self.unseen = true;
        self
    }

    /// Money with as many decimals as FreshBooks was seen to send.
    pub(crate) const fn decimals(mut self, scale: u8) -> Self {
        self.kind = match self.kind {
            Kind::Money(_) => Kind::Money(scale),
            _ => Kind::Decimal(scale),
        };
        self
    }
}

impl Table {
    /// What a declaration need not say: what most tables have in common.
    pub(crate) const MOST: Self = Self {
        name: "",
        doc: "",
        family: Family::Accounting,
        path: "",
        rows: Rows::Object(None),
        key: &["id"],
        columns: &[],
        secrets: &[],
        children: &[],
        includes: &[],
        parameters: &[],
        cursor: CursorRule::Whole,
        deleted: DeleteRule::VisState,
        scope: "",
        each: None,
        on_request: false,
        confidence: Confidence::High,
    };

    /// The column called `name`.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The column whose instants the cursor filter is about.
    pub fn updated(&self) -> Option<&'static str> {
        match self.cursor {
            CursorRule::UpdatedDay { updated, .. } => Some(updated),
            _ => ["updated", "updated_at"].into_iter().find(|name| self.column(name).is_some()),
        }
    }

    /// Whether every row is known to come with `child`, since an include asks for it. What comes unasked, FreshBooks leaves
    /// out where there is none; and where no example was ever seen, nobody knows whether there is such an include.
    pub(crate) fn asks_for(&self, child: &Child) -> bool {
        let asked = child.source.split('.').next().is_some_and(|key| self.includes.contains(&key));
        asked && child.columns.iter().any(|column| !column.unseen)
    }

    /// The keys of a child's rows that are not its own: its parent's key, and what is the row of another child.
    pub(crate) fn told_elsewhere(&self, child: &'static Child) -> impl Iterator<Item = &'static str> {
        let others = self.children.iter();
        let inside = others.filter_map(|other| other.source.strip_prefix(child.source)?.strip_prefix('.'));
        std::iter::once(child.parent_key).chain(inside)
    }

    /// The keys inside a child's rows that nobody should store.
    pub(crate) fn secrets_of(&self, child: &Child) -> Vec<&'static str> {
        let inside = |secret: &&'static str| secret.strip_prefix(child.source)?.strip_prefix('.');
        self.secrets.iter().filter_map(inside).collect()
    }

    /// The names of this table and its children, as they stand in the lake.
    pub fn lake_names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.children.iter().map(|c| c.name))
    }
}
