//! The authorisation server: consent, codes, tokens.

mod consent;
mod grants;
mod token;

pub(crate) use consent::{authorize, metadata};
pub(crate) use grants::Grants;
pub(crate) use token::{revoke, token};

const READ_AND_WRITE: &[&str] = &[
    "bill_payments",
    "bill_vendors",
    "billable_items",
    "bills",
    "business",
    "clients",
    "credit_notes",
    "estimates",
    "expenses",
    "invoices",
    "journal_entries",
    "online_payments",
    "other_income",
    "payments",
    "projects",
    "retainers",
    "taxes",
    "teams",
    "time_entries",
    "uploads",
];

const READ_ONLY: &[&str] = &["notifications", "profile", "reports"];

/// Every scope FreshBooks names.
pub(crate) fn all_scopes() -> Vec<String> {
    let read = READ_AND_WRITE.iter().chain(READ_ONLY).map(|object| format!("user:{object}:read"));
    read.chain(READ_AND_WRITE.iter().map(|object| format!("user:{object}:write"))).collect()
}
