//! Credit notes with lines. They never tell when they were updated.

use super::{ARCHIVED, DELETED, Declaration, Kind, Match, Sheet, USUAL, documents, invoices, lines};
use crate::book::Book;
use crate::money::Money;
use crate::row::Row;
use crate::{moment, words};

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::CreditNotes,
    name: "credit_notes",
    list_path: "credit_notes/credit_notes",
    single_path: "credit_notes/credit_notes",
    list_key: "credit_notes",
    single_key: "credit_note",
    id_keys: &["id", "creditid"],
    scope: "credit_notes",
    first_id: 30_947,
    deleted: DELETED,
    archived: ARCHIVED,
    filters: &[
        ("clientid", "clientid", Match::Equals),
        ("date_min", "create_date", Match::DateFrom),
        ("date_max", "create_date", Match::DateTo),
    ],
    includes: &["lines", "presentation", "allocations", "owner", "contacts"],
    count: (8, 1, u64::MAX),
    write,
    fact,
    ..USUAL
};

fn create_date(book: &Book, index: u64) -> jiff::civil::Date {
    moment::eastern(book.updated(Kind::CreditNotes, index)).date()
}

/// What is left of a credit note.
pub(super) fn unused(book: &Book, index: u64) -> i64 {
    let dice = book.dice(Kind::CreditNotes, index);
    let currency = book.client_currency(client(book, index));
    let amount = lines::totals(dice, currency, &lines::lines(dice, currency)).amount.minor;
    if dice.one_in("used", 2) { 0 } else { amount }
}

/// An invoice of the same client, which a used credit note went to.
fn allocated_to(book: &Book, index: u64) -> Option<u64> {
    let client = client(book, index);
    let count = book.count(Kind::Invoices);
    let first = book.dice(Kind::CreditNotes, index).below("allocated", count);
    // a client has an invoice among so many neighbours, or none is found
    (0..count.min(400))
        .map(|n| (first + n) % count)
        .find(|invoice| invoices::customer(book, *invoice) == client)
}

pub(super) fn client(book: &Book, index: u64) -> u64 {
    book.dice(Kind::CreditNotes, index).below("client", book.count(Kind::Clients))
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index, id) = (sheet.book, sheet.index, sheet.id);
    let dice = book.dice(Kind::CreditNotes, index);
    let client = client(book, index);
    let currency = book.client_currency(client);
    let person = book.person(client);
    let lines = lines::lines(dice, currency);
    let amount = lines::totals(dice, currency, &lines).amount;
    let used = dice.one_in("used", 2);
    row.value("accounting_systemid", book.account_id);
    if sheet.includes.has("allocations") {
        // [?] no source shows one
        let invoice = if used { allocated_to(book, index) } else { None };
        row.list("allocations", invoice, |invoice, row| {
            row.money("amount", amount);
            row.value("creditid", id);
            row.date("date", create_date(book, index));
            row.value("invoiceid", Kind::Invoices.id(invoice));
        });
    }
    row.money("amount", amount);
    row.value("city", person.city);
    row.value("clientid", Kind::Clients.id(client));
    row.value("code", person.code);
    row.value("country", person.country);
    row.date("create_date", create_date(book, index));
    row.plain("credit_number", format_args!("{:07}", index + 1));
    row.value("credit_type", dice.pick("type", &["goodwill", "prepayment", "overpayment"]));
    row.value("creditid", id);
    row.plain("currency_code", currency.code());
    row.value("current_organization", person.addressee());
    row.value("description", "");
    row.value("display_status", "created");
    row.null("dispute_status");
    row.value("ext_archive", 0);
    row.value("fname", person.first);
    row.value("id", id);
    row.value("language", "en");
    row.null("last_order_status");
    if sheet.includes.has("lines") {
        row.list("lines", lines::numbered(&lines), |line, row| lines::write_credit_line(id, line, row));
    }
    row.value("lname", person.last);
    row.value("notes", dice.pick("notes", words::NOTES));
    row.value("organization", person.addressee());
    row.money("paid", Money { minor: if used { amount.minor } else { 0 }, currency });
    row.value("payment_status", if used { "paid" } else { "unpaid" });
    row.null("payment_type");
    documents::write_included(sheet, (dice, client), ("creditid", id), row);
    row.value("province", person.province);
    row.value("sentid", 1);
    row.value("status", "created");
    row.value("street", &person.street);
    row.value("street2", "");
    row.value("template", "clean-grouped");
    row.nulls(&["terms", "vat_name"]);
    row.value("vat_number", "");
    row.value("vis_state", sheet.state.vis_state());
}

fn fact(book: &Book, index: u64, field: &str) -> Option<String> {
    match field {
        "clientid" => Some(Kind::Clients.id(client(book, index)).to_string()),
        "create_date" => Some(create_date(book, index).to_string()),
        _ => None,
    }
}
