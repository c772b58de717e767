//! Double entry: what each document does to the accounts. In every entry debits equal credits.

use jiff::civil::Date;

use crate::changes::Business;
use crate::chart;
use crate::papers::{self, POSTED, Paper};
use crate::resources::{Kind, expense_categories};
use crate::words::CATEGORIES;

/// One line of an entry: a sub-account and a debit; a credit is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) sub: usize,
    pub(crate) debit: i128,
}

/// How many legs a document of this kind has; `None` if that differs from one to the next.
pub(crate) fn legs_of(kind: Kind) -> Option<u64> {
    match kind {
        Kind::Invoices | Kind::CreditNotes | Kind::Expenses | Kind::OtherIncome => Some(3),
        Kind::Payments | Kind::Bills | Kind::BillPayments => Some(2),
        _ => None,
    }
}

/// The sub-account of a group of expenses; bills are office expenses.
pub(crate) fn expense_account(category: Option<usize>) -> usize {
    let office = CATEGORIES.iter().position(|(_, name)| *name == "Office Supplies").unwrap_or(0);
    chart::EXPENSES + expense_categories::group_of(category.unwrap_or(office))
}

/// What a document posts.
pub(crate) fn legs(business: &Business, paper: &Paper) -> Vec<Leg> {
    let (amount, tax) = (paper.amount, paper.tax());
    let net = amount - tax;
    let posted: &[(usize, i128)] = match paper.kind {
        Kind::Invoices => &[(chart::RECEIVABLE, amount), (chart::SALES, -net), (chart::TAX, -tax)],
        Kind::Payments => {
            // what pays no invoice is kept for the client
            let settled = papers::is_live(business, Kind::Invoices, paper.pays);
            let account = if settled { chart::RECEIVABLE } else { chart::CREDITS };
            &[(chart::BANK, amount), (account, -amount)]
        }
        Kind::CreditNotes => &[(chart::SALES, net), (chart::TAX, tax), (chart::CREDITS, -amount)],
        Kind::Expenses => {
            &[(expense_account(paper.category), net), (chart::TAX, tax), (chart::BANK, -amount)]
        }
        Kind::OtherIncome => &[(chart::BANK, amount), (chart::OTHER_INCOME, -net), (chart::TAX, -tax)],
        Kind::Bills => &[(expense_account(None), amount), (chart::PAYABLE, -amount)],
        Kind::BillPayments => &[(chart::PAYABLE, amount), (chart::BANK, -amount)],
        _ => &paper.moves,
    };
    posted.iter().map(|(sub, debit)| Leg { sub: *sub, debit: *debit }).collect()
}

/// The balance of every sub-account: debits less credits of all documents in one currency, dated within.
pub(crate) fn balances(business: &Business, code: &str, from: Option<Date>, to: Date) -> [i128; chart::SUBS] {
    let mut balances = [0; chart::SUBS];
    for kind in POSTED {
        for paper in papers::of(business, kind) {
            if paper.code != code || paper.date > to || from.is_some_and(|from| paper.date < from) {
                continue;
            }
            for leg in legs(business, &paper) {
                if let Some(balance) = balances.get_mut(leg.sub) {
                    *balance += leg.debit;
                }
            }
        }
    }
    balances
}
