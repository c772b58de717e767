//! What a person is asked to allow: reading, and nothing else.

/// The scopes asked for, with the words for them.
///
/// FreshBooks API: a scope that is not enabled on the app fails the whole consent, and scopes cannot be taken
/// away from a token, so a deployment can ask for fewer.
pub const READ_SCOPES: &[(&str, &str)] = &[
    ("user:profile:read", "Your name and the list of your businesses"),
    ("user:business:read", "Details of these businesses"),
    ("user:clients:read", "Clients"),
    ("user:invoices:read", "Invoices"),
    ("user:estimates:read", "Estimates"),
    ("user:payments:read", "Payments received"),
    ("user:online_payments:read", "Online payment settings"),
    ("user:credit_notes:read", "Credit notes"),
    ("user:retainers:read", "Retainers"),
    ("user:other_income:read", "Other income"),
    ("user:expenses:read", "Expenses"),
    ("user:bills:read", "Bills"),
    ("user:bill_payments:read", "Payments of bills"),
    ("user:bill_vendors:read", "Vendors"),
    ("user:billable_items:read", "Items and services"),
    ("user:taxes:read", "Taxes"),
    ("user:journal_entries:read", "Journal entries"),
    ("user:reports:read", "Reports"),
    ("user:projects:read", "Projects"),
    ("user:time_entries:read", "Time entries"),
    ("user:teams:read", "Team members"),
    ("user:notifications:read", "Addresses that FreshBooks calls when something changes"),
];

/// The words for a scope; its own name where there are none.
pub(super) fn words(scope: &str) -> &str {
    READ_SCOPES.iter().find(|(name, _)| *name == scope).map_or(scope, |(_, words)| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_reading_is_asked_for() {
        assert!(READ_SCOPES.iter().all(|(scope, _)| scope.starts_with("user:") && scope.ends_with(":read")));
    }
}
