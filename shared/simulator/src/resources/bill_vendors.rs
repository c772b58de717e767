//! The vendors of bills: only `vendorid`, no `id`. What is owed to one follows from the generated bills.

use jiff::Timestamp;

use super::{Declaration, Kind, Sheet, USUAL, UpdatedKey, bills, taxes};
use crate::book::{Book, State};
use crate::money::{Currency, Money, Thousandths};
use crate::papers::MOST_SUMMED;
use crate::row::Row;
use crate::{moment, words};

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::BillVendors,
    name: "bill_vendors",
    list_path: "bill_vendors/bill_vendors",
    single_path: "bill_vendors/bill_vendors",
    list_key: "bill_vendors",
    single_key: "bill_vendor",
    id_keys: &["vendorid"],
    scope: "bill_vendors",
    first_id: 1_501,
    updated: UpdatedKey::Eastern("updated_at"),
    required: &["vendor_name"],
    count: (0, VENDORS, VENDORS),
    write,
    ..USUAL
};

/// How many vendors send bills.
pub(super) const VENDORS: u64 = 6;

/// The currency in which a vendor bills.
pub(super) fn currency(book: &Book, vendor: u64) -> Currency {
    if vendor == 5 { Currency::Eur } else { book.home }
}

/// What a vendor is called.
pub(crate) fn name(vendor: u64) -> &'static str {
    let place = usize::try_from(vendor).unwrap_or(0) % words::VENDORS.len();
    words::VENDORS.get(place).copied().unwrap_or_default()
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index) = (sheet.book, sheet.index);
    let (owed, overdue) = owed(book, index);
    let currency = currency(book, index);
    write_fields(book, index, (sheet.updated, sheet.state, [owed, overdue]), currency, row);
}

/// Writes the vendor as a bill shows it: without what is owed.
pub(super) fn write_of_bill(book: &Book, vendor: u64, row: &mut Row<'_>) {
    let updated = book.updated(Kind::BillVendors, vendor);
    write_fields(book, vendor, (updated, State::Active, [0, 0]), currency(book, vendor), row);
}

/// What is owed to a vendor, and how much of it is overdue.
fn owed(book: &Book, vendor: u64) -> (i64, i64) {
    if book.scale > MOST_SUMMED {
        return (0, 0);
    }
    let of_vendor = (0..book.count(Kind::Bills)).filter(|bill| {
        bills::vendor(book, *bill) == vendor && Book::state(&bills::DECLARATION, *bill) != State::Deleted
    });
    of_vendor.fold((0, 0), |(owed, overdue), bill| {
        let open = bills::amount(book, bill).minor - bills::paid(book, bill).minor;
        (owed + open, overdue + if bills::status(book, bill) == "overdue" { open } else { 0 })
    })
}

fn write_fields(
    book: &Book,
    vendor: u64,
    (updated, state, owed): (Timestamp, State, [i64; 2]),
    currency: Currency,
    row: &mut Row<'_>,
) {
    let created = moment::at(book.from);
    let id = Kind::BillVendors.id(vendor);
    row.plain("account_number", format_args!("45{:06}", vendor * 17));
    row.value("city", "Toronto");
    row.value("country", "Canada");
    row.eastern("created_at", created);
    row.plain("currency_code", currency.code());
    row.value("is_1099", false);
    row.value("language", "en");
    row.null("note");
    for (key, minor) in ["outstanding_balance", "overdue_balance"].into_iter().zip(owed) {
        row.list(key, (minor != 0).then_some(minor), |minor, row| {
            row.money("amount", Money { minor, currency });
        });
    }
    row.value("phone", "4165550100");
    row.null("postal_code");
    row.plain("primary_contact_email", format_args!("vendor{vendor}@example.com"));
    row.value("primary_contact_first_name", words::FIRST_NAMES.first());
    row.value("primary_contact_last_name", words::LAST_NAMES.first());
    row.value("province", "Ontario");
    row.value("street", "1 Dock Street");
    row.null("street2");
    // every other vendor has a tax of its own
    row.list("tax_defaults", (vendor % 2 == 1).then_some(vendor % 4), |tax, row| {
        let (name, percent) = taxes::name_and_rate(tax);
        row.plain("amount", Thousandths(percent));
        row.eastern("created_at", created);
        row.value("enabled", true);
        row.value("name", name);
        row.value("system_taxid", Kind::Taxes.id(tax));
        row.plain("tax_authorityid", format_args!("RT {}", 1000 + tax));
        row.value("tax_id", id * 10 + 1);
        row.eastern("updated_at", created);
        row.value("vendorid", id);
    });
    row.eastern("updated_at", updated);
    row.value("vendor_name", name(vendor));
    row.value("vendorid", id);
    row.value("vis_state", state.vis_state());
    row.value("website", "vendor.example.com");
}
