//! Payments. Payment j pays invoice `j * invoices / payments`, so each is found from the other by arithmetic.

use super::{DELETED, Declaration, Kind, Match, Sheet, USUAL, UpdatedKey, invoices};
use crate::book::{Book, State};
use crate::money::{Money, share};
use crate::row::Row;
use crate::{moment, words};

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Payments,
    name: "payments",
    list_path: "payments/payments",
    single_path: "payments/payments",
    list_key: "payments",
    single_key: "payment",
    id_keys: &["id", "logid"],
    scope: "payments",
    first_id: 735_001,
    deleted: DELETED,
    updated: UpdatedKey::Eastern("updated"),
    filters: &[
        ("invoiceid", "invoiceid", Match::Equals),
        ("clientid", "clientid", Match::Equals),
        ("clientids", "clientid", Match::OneOf),
        ("customerid", "clientid", Match::Equals),
        ("customerids", "clientid", Match::OneOf),
        ("amount_min", "amount", Match::AtLeast),
        ("amount_max", "amount", Match::AtMost),
        ("type", "type", Match::Equals),
        ("currency", "amount.code", Match::Equals),
        ("date_min", "date", Match::DateFrom),
        ("date_max", "date", Match::DateTo),
    ],
    count: (100, 0, u64::MAX),
    write,
    fact,
    ..USUAL
};

/// The invoice that payment `payment` pays.
pub(crate) fn invoice_of(book: &Book, payment: u64) -> u64 {
    let (invoices, payments) = (book.count(Kind::Invoices), book.count(Kind::Payments).max(1));
    (payment.saturating_mul(invoices) / payments).min(invoices.saturating_sub(1))
}

/// The payment of invoice `invoice`, if it has one that was not deleted.
pub(super) fn of_invoice(book: &Book, invoice: u64) -> Option<u64> {
    let (invoices, payments) = (book.count(Kind::Invoices), book.count(Kind::Payments));
    let payment = invoice.saturating_mul(payments).div_ceil(invoices.max(1));
    let is_its = payment < payments && invoice_of(book, payment) == invoice;
    (is_its && Book::state(&DECLARATION, payment) != State::Deleted).then_some(payment)
}

/// How much of an invoice over `total` the payment pays: mostly all of it.
pub(super) fn share_of(book: &Book, payment: u64, total: Money) -> Money {
    let dice = book.dice(Kind::Payments, payment);
    let minor = if dice.one_in("partial", 5) {
        share(total.minor, dice.between("part", 100, 900))
    } else {
        total.minor
    };
    Money { minor, currency: total.currency }
}

/// What payment `payment` amounts to, and its date.
pub(crate) fn payment(book: &Book, payment: u64) -> (Money, jiff::civil::Date) {
    let invoice = invoice_of(book, payment);
    let amount = share_of(book, payment, invoices::amount(book, invoice));
    let days = book.dice(Kind::Payments, payment).between("date", 0, 4);
    (amount, moment::shift(moment::eastern(book.updated(Kind::Payments, payment)).date(), -days))
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index) = (sheet.book, sheet.index);
    let dice = book.dice(Kind::Payments, index);
    let invoice = invoice_of(book, index);
    let (amount, date) = payment(book, index);
    row.value("accounting_systemid", book.account_id);
    row.money("amount", amount);
    row.null("bulk_paymentid");
    row.value("clientid", Kind::Clients.id(invoices::customer(book, invoice)));
    row.null("creditid");
    row.date("date", date);
    row.value("from_credit", false);
    row.value("gateway", dice.one_in("gateway", 6).then_some("fbpay"));
    row.value("id", sheet.id);
    row.value("invoiceid", Kind::Invoices.id(invoice));
    row.value("logid", sheet.id);
    row.value("note", dice.pick("note", words::NOTES));
    row.nulls(&["orderid", "overpaymentid", "send_client_notification"]);
    row.value("transactionid", dice.one_in("gateway", 6).then(|| dice.below("transaction", 1_000_000_000)));
    row.value("type", dice.pick("type", words::PAYMENT_TYPES));
    row.eastern("updated", sheet.updated);
    row.value("vis_state", sheet.state.vis_state());
}

fn fact(book: &Book, index: u64, field: &str) -> Option<String> {
    let client = || Kind::Clients.id(invoices::customer(book, invoice_of(book, index)));
    match field {
        "invoiceid" => Some(Kind::Invoices.id(invoice_of(book, index)).to_string()),
        "clientid" => Some(client().to_string()),
        "amount" => Some(payment(book, index).0.to_string()),
        "amount.code" => Some(payment(book, index).0.currency.code().to_owned()),
        "date" => Some(payment(book, index).1.to_string()),
        "type" => Some(book.dice(Kind::Payments, index).pick("type", words::PAYMENT_TYPES).to_owned()),
        _ => None,
    }
}
