//! Recurring profiles. Profile `k` made invoice `k * invoices / profiles`, whose `parent` it is: each is found
//! from the other by arithmetic, and what is on the one is on the other.

use super::{ARCHIVED, DELETED, Declaration, Kind, Sheet, USUAL, UpdatedKey, documents, invoices, lines};
use crate::book::Book;
use crate::money::Thousandths;
use crate::row::Row;
use crate::{moment, words};

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::InvoiceProfiles,
    name: "invoice_profiles",
    list_path: "invoice_profiles/invoice_profiles",
    single_path: "invoice_profiles/invoice_profiles",
    list_key: "invoice_profiles",
    single_key: "invoice_profile",
    id_keys: &["id", "profileid"],
    scope: "invoices",
    first_id: 9_301,
    deleted: DELETED,
    archived: ARCHIVED,
    updated: UpdatedKey::Eastern("updated"),
    includes: &["lines", "presentation", "owner", "contacts"],
    count: (6, 2, u64::MAX),
    write,
    ..USUAL
};

/// The invoice that profile `index` made.
fn invoice_of(book: &Book, index: u64) -> u64 {
    let (invoices, profiles) = (book.count(Kind::Invoices), book.count(Kind::InvoiceProfiles).max(1));
    (index.saturating_mul(invoices) / profiles).min(invoices.saturating_sub(1))
}

/// The profile that made invoice `invoice`, if one did.
pub(super) fn of_invoice(book: &Book, invoice: u64) -> Option<u64> {
    let (invoices, profiles) = (book.count(Kind::Invoices), book.count(Kind::InvoiceProfiles));
    let profile = invoice.saturating_mul(profiles).div_ceil(invoices.max(1));
    (profile < profiles && invoice_of(book, profile) == invoice).then_some(profile)
}

/// The client that a profile bills.
pub(super) fn customer(book: &Book, index: u64) -> u64 {
    invoices::customer(book, invoice_of(book, index))
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index, id) = (sheet.book, sheet.index, sheet.id);
    let dice = book.dice(Kind::InvoiceProfiles, index);
    let invoice = invoice_of(book, index);
    let customer = customer(book, index);
    let currency = book.client_currency(customer);
    let person = book.person(customer);
    let goods = book.dice(Kind::Invoices, invoice);
    let lines = lines::lines(goods, currency);
    let totals = lines::totals(goods, currency, &lines);
    row.value("accounting_systemid", book.account_id);
    row.money("amount", totals.amount);
    row.value("auto_bill", false);
    row.date("create_date", invoices::create_date(book, invoice));
    row.plain("currency_code", currency.code());
    row.value("customerid", Kind::Clients.id(customer));
    row.value("disable", dice.one_in("disabled", 8));
    row.money("discount_total", totals.discount);
    row.plain("discount_value", Thousandths(totals.discount_percent));
    row.null("ext_archive");
    row.value("fname", person.first);
    row.value("frequency", dice.pick("frequency", &["m", "m", "w", "2w", "y"]));
    row.value("id", id);
    row.value("include_unbilled_time", false);
    row.value("language", "en");
    if sheet.includes.has("lines") {
        let written = moment::at(book.from);
        row.list("lines", lines::numbered(&lines), |line, row| {
            lines::write_profile_line(id, written, line, row);
        });
    }
    row.value("lname", person.last);
    row.value("notes", dice.pick("notes", words::NOTES));
    row.value("numberRecurring", dice.pick("recurring", &[0, 0, 3, 12]));
    row.value("occurrences_to_date", 1);
    row.value("organization", person.addressee());
    row.value("ownerid", 1);
    row.value("payment_details", "");
    documents::write_included(sheet, (dice, customer), ("profileid", id), row);
    row.value("profileid", id);
    row.value("require_auto_bill", false);
    row.value("send_email", true);
    row.value("send_gmail", false);
    row.null("total_accrued_revenue");
    row.eastern("updated", sheet.updated);
    row.blanks(&["vat_name", "vat_number"]);
    row.value("vis_state", sheet.state.vis_state());
}
