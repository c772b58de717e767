//! What the oracle knows of each table: written down here a second time, on purpose.

/// How a row tells that it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// `vis_state` is 1.
    VisState,
    /// `active` is false.
    Active,
    /// It does not: it vanishes.
    Vanishes,
}

/// A table of rows that come inside those of another one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Child {
    pub(super) name: &'static str,
    /// Where its rows are, dotted.
    pub(super) source: &'static str,
    pub(super) parent_key: &'static str,
    /// Whether its one row comes as an object, and null says that there is none.
    pub(super) object: bool,
}

/// One table with a key of one number.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) name: &'static str,
    /// The column of the key.
    pub(super) key: &'static str,
    pub(super) ends: Ends,
    /// One exact number: money or bare.
    pub(super) amount: Option<&'static str>,
    pub(super) children: &'static [Child],
    /// Dotted keys whose values are masked.
    pub(super) secrets: &'static [&'static str],
}

const fn child(name: &'static str, source: &'static str, parent_key: &'static str) -> Child {
    Child { name, source, parent_key, object: false }
}

const fn object(name: &'static str, source: &'static str, parent_key: &'static str) -> Child {
    Child { object: true, ..child(name, source, parent_key) }
}

const PLAIN: Facts =
    Facts { name: "", key: "id", ends: Ends::VisState, amount: None, children: &[], secrets: &[] };

static TABLES: [Facts; 12] = [
    Facts {
        name: "clients",
        children: &[child("client_contacts", "contacts", "clientid")],
        secrets: &["direct_link_token", "statement_token", "fasttrack_token"],
        ..PLAIN
    },
    Facts {
        name: "invoices",
        amount: Some("amount"),
        children: &[
            child("invoice_lines", "lines", "invoiceid"),
            object("invoice_presentation", "presentation", "invoiceid"),
        ],
        secrets: &["direct_links"],
        ..PLAIN
    },
    Facts {
        name: "estimates",
        key: "estimateid",
        amount: Some("amount"),
        children: &[child("estimate_lines", "lines", "estimateid")],
        secrets: &["direct_links"],
        ..PLAIN
    },
    Facts { name: "payments", amount: Some("amount"), ..PLAIN },
    Facts {
        name: "credit_notes",
        amount: Some("amount"),
        children: &[child("credit_note_lines", "lines", "creditid")],
        secrets: &["direct_links"],
        ..PLAIN
    },
    Facts {
        name: "expenses",
        amount: Some("amount"),
        children: &[object("expense_attachments", "attachment", "expenseid")],
        secrets: &["attachment.jwt", "attachment.id"],
        ..PLAIN
    },
    Facts {
        name: "bills",
        amount: Some("amount"),
        children: &[
            child("bill_lines", "lines", "bill_id"),
            object("bill_attachments", "attachment", "bill_id"),
        ],
        secrets: &["attachment.jwt", "attachment.id"],
        ..PLAIN
    },
    Facts { name: "items", amount: Some("unit_cost"), ..PLAIN },
    Facts { name: "taxes", amount: Some("amount"), ends: Ends::Vanishes, ..PLAIN },
    Facts {
        name: "projects",
        amount: Some("fixed_price"),
        ends: Ends::Vanishes,
        children: &[
            child("project_services", "services", "project_id"),
            object("project_groups", "group", "project_id"),
            child("project_group_members", "group.members", "project_id"),
        ],
        ..PLAIN
    },
    Facts {
        name: "time_entries",
        ends: Ends::Active,
        children: &[object("time_entry_timers", "timer", "time_entry_id")],
        ..PLAIN
    },
    Facts { name: "services", ends: Ends::Vanishes, ..PLAIN },
];

/// The table of that name, if it is one whose rows are judged.
pub(super) fn parent_of(child: &str) -> Option<&'static Facts> {
    TABLES.iter().find(|facts| facts.children.iter().any(|of| of.name == child))
}

pub(super) fn find(name: &str) -> Option<&'static Facts> {
    TABLES.iter().find(|facts| facts.name == name)
}
