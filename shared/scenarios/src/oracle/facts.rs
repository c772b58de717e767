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
    pub(super) array: &'static str,
    pub(super) parent_key: &'static str,
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
    pub(super) child: Option<Child>,
    /// Dotted keys whose values are masked.
    pub(super) secrets: &'static [&'static str],
}

const PLAIN: Facts =
    Facts { name: "", key: "id", ends: Ends::VisState, amount: None, child: None, secrets: &[] };

static TABLES: [Facts; 12] = [
    Facts { name: "clients", secrets: &["direct_link_token", "statement_token"], ..PLAIN },
    Facts {
        name: "invoices",
        amount: Some("amount"),
        child: Some(Child { name: "invoice_lines", array: "lines", parent_key: "invoiceid" }),
        secrets: &["direct_links"],
        ..PLAIN
    },
    Facts {
        name: "estimates",
        key: "estimateid",
        amount: Some("amount"),
        child: Some(Child { name: "estimate_lines", array: "lines", parent_key: "estimateid" }),
        secrets: &["direct_links"],
        ..PLAIN
    },
    Facts { name: "payments", amount: Some("amount"), ..PLAIN },
    Facts {
        name: "credit_notes",
        amount: Some("amount"),
        child: Some(Child { name: "credit_note_lines", array: "lines", parent_key: "creditid" }),
        secrets: &["direct_links"],
        ..PLAIN
    },
    Facts {
        name: "expenses",
        amount: Some("amount"),
        secrets: &["attachment.jwt", "attachment.id"],
        ..PLAIN
    },
    Facts {
        name: "bills",
        amount: Some("amount"),
        child: Some(Child { name: "bill_lines", array: "lines", parent_key: "bill_id" }),
        ..PLAIN
    },
    Facts { name: "items", amount: Some("unit_cost"), ..PLAIN },
    Facts { name: "taxes", amount: Some("amount"), ends: Ends::Vanishes, ..PLAIN },
    Facts {
        name: "projects",
        amount: Some("fixed_price"),
        ends: Ends::Vanishes,
        child: Some(Child { name: "project_services", array: "services", parent_key: "project_id" }),
        ..PLAIN
    },
    Facts { name: "time_entries", ends: Ends::Active, ..PLAIN },
    Facts { name: "services", ends: Ends::Vanishes, ..PLAIN },
];

/// The table of that name, if it is one whose rows are judged.
pub(super) fn parent_of(child: &str) -> Option<&'static Facts> {
    TABLES.iter().find(|facts| facts.child.is_some_and(|of| of.name == child))
}

pub(super) fn find(name: &str) -> Option<&'static Facts> {
    TABLES.iter().find(|facts| facts.name == name)
}
