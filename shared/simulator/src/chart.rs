//! The chart of accounts: a fixed set of accounts with sub-accounts, which everything is posted to.
//!
//! It is shown twice: as `journal_entry_accounts` with numbers, and as `ledger_accounts` with uuids.

use crate::resources::expense_categories;

/// An account.
pub(crate) struct Account {
    pub(crate) number: &'static str,
    pub(crate) name: &'static str,
    /// asset, liability, equity, income or expense.
    pub(crate) kind: &'static str,
    pub(crate) sub_type: &'static str,
    /// The places of its sub-accounts.
    subs: std::ops::Range<usize>,
}

impl Account {
    /// Whether a debit makes it grow.
    pub(crate) fn grows_by_debit(&self) -> bool {
        matches!(self.kind, "asset" | "expense")
    }

    pub(crate) fn subs(&self) -> std::ops::Range<usize> {
        self.subs.clone()
    }
}

const fn account(
    number: &'static str,
    name: &'static str,
    kind: &'static str,
    sub_type: &'static str,
    subs: std::ops::Range<usize>,
) -> Account {
    Account { number, name, kind, sub_type, subs }
}

/// Every account, by number.
pub(crate) const ACCOUNTS: &[Account] = &[
    account("1000", "Cash", "asset", "Cash & Bank", 0..2),
    account("1200", "Accounts Receivable", "asset", "Current Asset", 2..3),
    account("1500", "Property, Plant, and Equipment", "asset", "Property, Plant, and Equipment", 3..4),
    account("2000", "Accounts Payable", "liability", "Current Liability", 4..5),
    account("2100", "Tax Payable", "liability", "Current Liability", 5..6),
    account("2200", "Customer Credit", "liability", "Current Liability", 6..7),
    account("3000", "Owner's Equity", "equity", "Equity", 7..8),
    account("4000", "Revenue", "income", "Income", 8..10),
    account("5000", "Cost of Goods Sold", "expense", "Cost of Goods Sold", 10..10),
    account("6000", "Operating Expenses", "expense", "Operating Expense", 10..17),
];

/// The names of the sub-accounts before those for groups of expenses.
const NAMES: [&str; 10] = [
    "Petty Cash",
    BANK_NAME,
    "Accounts Receivable",
    "Furniture",
    "Accounts Payable",
    "Sales Tax",
    "Credits and Prepayments",
    "Paid-in Capital",
    "Sales",
    "Other Income",
];

/// Where the money is.
pub(crate) const BANK_NAME: &str = "Caisse d'Or";

// The places of the sub-accounts.
pub(crate) const CASH: usize = 0;
pub(crate) const BANK: usize = 1;
pub(crate) const RECEIVABLE: usize = 2;
pub(crate) const FURNITURE: usize = 3;
pub(crate) const PAYABLE: usize = 4;
pub(crate) const TAX: usize = 5;
pub(crate) const CREDITS: usize = 6;
pub(crate) const CAPITAL: usize = 7;
pub(crate) const SALES: usize = 8;
pub(crate) const OTHER_INCOME: usize = 9;
/// The first group of expenses.
pub(crate) const EXPENSES: usize = 10;

/// How many sub-accounts there are.
pub(crate) const SUBS: usize = 17;

/// Accounts and sub-accounts together.
pub(crate) const NODES: u64 = (ACCOUNTS.len() + SUBS) as u64;

/// What a sub-account is called.
pub(crate) fn sub_name(sub: usize) -> &'static str {
    match sub.checked_sub(EXPENSES) {
        Some(group) => expense_categories::groups().get(group).copied().unwrap_or_default(),
        None => NAMES.get(sub).copied().unwrap_or_default(),
    }
}

/// The place of the account that a sub-account is of.
pub(crate) fn account_of(sub: usize) -> usize {
    ACCOUNTS.iter().position(|account| account.subs.contains(&sub)).unwrap_or(0)
}

/// The sub-account's number within its account.
pub(crate) fn sub_number(sub: usize) -> usize {
    let first = ACCOUNTS.get(account_of(sub)).map_or(0, |account| account.subs.start);
    sub - first + 1
}

/// The number by which `journal_entry_accounts` knows an account.
pub(crate) fn account_id(account: usize) -> i64 {
    545_880 + 2 * i64::try_from(account).unwrap_or(0)
}

/// The number by which `journal_entry_accounts` knows a sub-account.
pub(crate) fn sub_account_id(sub: usize) -> i64 {
    635_970 + 2 * i64::try_from(sub).unwrap_or(0)
}

/// The sub-account of that number.
pub(crate) fn of_sub_account_id(id: i64) -> Option<usize> {
    (0..SUBS).find(|sub| sub_account_id(*sub) == id)
}

/// An account or a sub-account, in the order of the chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// The place of the account.
    pub(crate) account: usize,
    /// The place of the sub-account, if it is one.
    pub(crate) sub: Option<usize>,
}

impl Node {
    pub(crate) fn account(self) -> &'static Account {
        ACCOUNTS.get(self.account).unwrap_or(&ACCOUNTS[0])
    }

    pub(crate) fn name(self) -> &'static str {
        self.sub.map_or(self.account().name, sub_name)
    }

    pub(crate) fn number(self) -> String {
        match self.sub {
            Some(sub) => format!("{}-{}", self.account().number, sub_number(sub)),
            None => self.account().number.to_owned(),
        }
    }
}

/// Every account, each with its sub-accounts behind it.
pub(crate) fn nodes() -> impl Iterator<Item = Node> {
    ACCOUNTS.iter().enumerate().flat_map(|(account, declared)| {
        std::iter::once(Node { account, sub: None })
            .chain(declared.subs().map(move |sub| Node { account, sub: Some(sub) }))
    })
}

/// The node at an index of the chart.
pub(crate) fn node(index: u64) -> Option<Node> {
    nodes().nth(usize::try_from(index).ok()?)
}

/// The index of an account in the chart.
pub(crate) fn index_of(account: usize) -> u64 {
    nodes().position(|node| node.account == account && node.sub.is_none()).unwrap_or(0) as u64
}

/// The indices of the sub-accounts of an account.
pub(crate) fn indices_below(account: usize) -> Vec<u64> {
    (0..)
        .zip(nodes())
        .filter(|(_, node)| node.account == account && node.sub.is_some())
        .map(|(n, _)| n)
        .collect()
}
