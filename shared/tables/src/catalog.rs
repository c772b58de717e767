//! Every table, as data. Adding one means adding a declaration and its name here.

mod bills;
mod business;
mod clients;
mod estimates;
mod expenses;
mod identity;
mod invoices;
mod items;
mod ledger;
mod money_in;
mod online;
mod profiles;
mod projects;
mod reports;
mod services;
mod settings;
mod time;
mod unreachable;

pub use identity::USERS_ME;
pub use unreachable::{UNREACHABLE, Unreachable};

use crate::declaration::Table;

/// Tables that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// What they are about.
    pub title: &'static str,
    /// They, in the order in which a person reads them.
    pub tables: &'static [&'static Table],
}

macro_rules! catalog {
    ($($title:literal: [$($table:path),+ $(,)?]),+ $(,)?) => {
        /// Every table, in groups.
        pub const GROUPS: &[Group] = &[$(Group { title: $title, tables: &[$(&$table),+] }),+];

        /// Every table, in the order in which a person reads them.
        pub const ALL: &[&Table] = &[$($(&$table),+),+];
    };
}

catalog! {
    "People and settings": [
        USERS_ME,
        business::BUSINESS,
        business::TEAM_MEMBERS,
        settings::STAFF,
        settings::SYSTEMS,
        settings::CALLBACKS,
    ],
    "Sales": [
        clients::CLIENTS,
        invoices::INVOICES,
        profiles::INVOICE_PROFILES,
        estimates::ESTIMATES,
        money_in::PAYMENTS,
        money_in::CREDIT_NOTES,
        money_in::OTHER_INCOME,
        items::ITEMS,
        items::TAXES,
        items::TASKS,
        online::INVOICE_SHARE_LINK,
        online::INVOICE_PAYMENT_OPTIONS,
        online::DEFAULT_PAYMENT_OPTIONS,
        online::GATEWAYS,
        online::PAYMENT_GATEWAY_CONNECTIONS,
    ],
    "Purchases": [
        expenses::EXPENSES,
        expenses::EXPENSE_CATEGORIES,
        expenses::EXPENSE_VENDORS,
        expenses::EXPENSE_SUMMARIES,
        bills::BILLS,
        bills::BILL_PAYMENTS,
        bills::BILL_VENDORS,
    ],
    "Time and projects": [
        projects::PROJECTS,
        time::TIME_ENTRIES,
        time::TIME_ENTRIES_SEARCH,
        time::TIMERS,
        services::SERVICES,
        services::SERVICE_RATES,
        services::RETAINERS,
    ],
    "Ledger": [
        ledger::JOURNAL_ENTRY_DETAILS,
        ledger::JOURNAL_ENTRY_ACCOUNTS,
        ledger::LEDGER_ACCOUNTS,
        ledger::LEDGER_ACCOUNT_TYPES,
        ledger::LEDGER_ACCOUNT_SUB_TYPES,
    ],
    "Reports": [
        reports::PROFIT_AND_LOSS,
        reports::PROFIT_AND_LOSS_V2,
        reports::BALANCE_SHEET,
        reports::TRIAL_BALANCE,
        reports::TRIAL_BALANCE_V2,
        reports::CHART_OF_ACCOUNTS,
        reports::ACCOUNTS_AGING,
        reports::TAX_SUMMARY,
        reports::PAYMENTS_COLLECTED,
        reports::INVOICE_DETAILS,
        reports::ITEM_SALES,
        reports::REVENUE_BY_CLIENT,
        reports::EXPENSE_DETAILS,
        reports::ACCOUNT_STATEMENT,
        reports::BANK_RECONCILIATION_SUMMARY,
    ],
}

/// The table called `name`; a child's name finds its parent.
pub fn find(name: &str) -> Option<&'static Table> {
    ALL.iter().copied().find(|table| table.lake_names().any(|n| n == name))
}

/// The known table name nearest to `name`, where one is near enough to be what was meant.
pub fn nearest(name: &str) -> Option<&'static str> {
    ALL.iter()
        .flat_map(|table| table.lake_names())
        .map(|known| (distance(name, known), known))
        .min()
        .filter(|(distance, _)| *distance <= 3)
        .map(|(_, known)| known)
}

/// Levenshtein distance.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let here = (diagonal + usize::from(x != *y)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, here);
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_misspelt_ones_recognised() {
        assert_eq!(find("invoice_lines").unwrap().name, "invoices");
        assert!(find("invoicelines").is_none());
        assert_eq!(nearest("invocies"), Some("invoices"));
        assert_eq!(nearest("time_entry"), Some("time_entries"));
        assert_eq!(nearest("something else"), None);
    }
}
