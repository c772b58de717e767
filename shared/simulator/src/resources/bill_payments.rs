//! Payments of bills, one of each bill that is not wholly unpaid. They tell nothing of when they changed.

use super::{DELETED, Declaration, Kind, Sheet, USUAL, bills};
use crate::book::{Book, State};
use crate::moment;
use crate::money::Money;
use crate::row::Row;

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::BillPayments,
    name: "bill_payments",
    list_path: "bill_payments/bill_payments",
    single_path: "bill_payments/bill_payments",
    list_key: "bill_payments",
    single_key: "bill_payment",
    scope: "bill_payments",
    first_id: bills::FIRST_ID + 50_000,
    // as of the bills, so that each goes with its bill
    deleted: DELETED,
    count: bills::COUNT,
    exists: Some(|book, index| bills::paid(book, index).minor > 0),
    write,
    ..USUAL
};

/// The bill that payment `index` pays; those inserted later pay whichever bill is next.
fn bill_of(book: &Book, index: u64) -> u64 {
    index % book.count(Kind::Bills).max(1)
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let bill = bill_of(sheet.book, sheet.index);
    let amount = match bills::paid(sheet.book, bill) {
        Money { minor: 0, .. } => bills::amount(sheet.book, bill),
        paid => paid,
    };
    row.money("amount", amount);
    row.value("billid", Kind::Bills.id(bill));
    row.value("id", sheet.id);
    row.value("matched_with_expense", false);
    row.value("note", "");
    row.date("paid_date", paid_date(sheet.book, bill));
    row.value("payment_type", "Check");
    row.value("vis_state", sheet.state.vis_state());
}

fn paid_date(book: &Book, bill: u64) -> jiff::civil::Date {
    moment::shift(bills::issued(book, bill), 5)
}

/// Writes the payment of bill `index` as the bill shows it.
pub(super) fn write_of_bill(book: &Book, index: u64, row: &mut Row<'_>) {
    let state: State = Book::state(&DECLARATION, index);
    row.money("amount", bills::paid(book, index));
    row.value("billid", Kind::Bills.id(index));
    row.value("id", Kind::BillPayments.id(index));
    row.null("note");
    row.date("paid_date", paid_date(book, index));
    row.value("payment_type", "Check");
    row.value("vis_state", state.vis_state());
}
