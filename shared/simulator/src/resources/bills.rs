//! Bills: what is owed to vendors. Lines, payments and the vendor come by default, times are UTC.

use jiff::Timestamp;
use jiff::civil::Date;

use super::{
    ARCHIVED, DELETED, Declaration, Kind, Match, Sheet, USUAL, UpdatedKey, bill_payments, bill_vendors,
};
use crate::book::Book;
use crate::dice::Dice;
use crate::money::{Currency, Money};
use crate::row::Row;
use crate::{moment, words};

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Bills,
    name: "bills",
    list_path: "bills/bills",
    single_path: "bills/bills",
    list_key: "bills",
    single_key: "bill",
    scope: "bills",
    first_id: FIRST_ID,
    deleted: DELETED,
    archived: ARCHIVED,
    updated: UpdatedKey::Utc("updated_at"),
    filters: &[
        ("vendorid", "vendorid", Match::Equals),
        ("statuses", "status", Match::OneOf),
        ("currency_code", "currency_code", Match::Equals),
        ("ids", "id", Match::OneOf),
    ],
    count: COUNT,
    write,
    fact,
    ..USUAL
};

/// The number of the first bill.
pub(super) const FIRST_ID: i64 = 8_107;

/// How many there are; as many payments there could be.
pub(super) const COUNT: (u64, u64, u64) = (18, 2, u64::MAX);

pub(super) fn vendor(book: &Book, index: u64) -> u64 {
    book.dice(Kind::Bills, index).below("vendor", bill_vendors::VENDORS)
}

fn vendor_id(vendor: u64) -> i64 {
    Kind::BillVendors.id(vendor)
}

fn currency(book: &Book, index: u64) -> Currency {
    bill_vendors::currency(book, vendor(book, index))
}

pub(super) fn status(book: &Book, index: u64) -> &'static str {
    book.dice(Kind::Bills, index).pick("status", &["unpaid", "paid", "paid", "overdue", "partial"])
}

/// Quantity and unit cost of each line.
fn costs(book: &Book, index: u64) -> Vec<(i64, i64)> {
    let dice = book.dice(Kind::Bills, index);
    let line = |n| {
        let dice = dice.part("line", n);
        (dice.between("quantity", 1, 9), dice.between("cost", 500, 40_000))
    };
    (0..=dice.below("lines", 3)).map(line).collect()
}

/// The total of bill `index`.
pub(super) fn amount(book: &Book, index: u64) -> Money {
    let minor = costs(book, index).iter().map(|(quantity, cost)| quantity * cost).sum();
    Money { minor, currency: currency(book, index) }
}

/// What its payment pays of it.
pub(super) fn paid(book: &Book, index: u64) -> Money {
    let amount = amount(book, index);
    let minor = match status(book, index) {
        "paid" => amount.minor,
        "partial" => amount.minor / 3,
        _ => 0,
    };
    Money { minor, ..amount }
}

/// When a bill was made that was last updated at `updated`.
fn created(book: &Book, index: u64, updated: Timestamp) -> Timestamp {
    moment::at(updated.as_second() - book.dice(Kind::Bills, index).between("created", 0, 9 * 86_400))
}

/// The date on bill `index`.
pub(super) fn issued(book: &Book, index: u64) -> Date {
    moment::utc(created(book, index, book.updated(Kind::Bills, index))).date()
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index, id) = (sheet.book, sheet.index, sheet.id);
    let dice = book.dice(Kind::Bills, index);
    let currency = currency(book, index);
    let money = |minor| Money { minor, currency };
    let costs = costs(book, index);
    let amount = amount(book, index).minor;
    let status = status(book, index);
    // one that is inserted has not been paid yet
    let paid = if index < book.count(Kind::Bills) { paid(book, index).minor } else { 0 };
    let created = created(book, index, sheet.updated);
    let issued = moment::utc(created).date();
    row.money("amount", money(amount));
    row.null("attachment");
    row.value(
        "bill_number",
        (!dice.one_in("unnumbered", 3)).then(|| format!("R-{:05}", dice.below("no", 99_999))),
    );
    row.list("bill_payments", (paid > 0).then_some(index), |index, row| {
        bill_payments::write_of_bill(book, index, row);
    });
    row.utc("created_at", created);
    row.plain("currency_code", currency.code());
    row.date("due_date", moment::shift(issued, 30));
    row.value("due_offset_days", 30);
    row.value("id", id);
    row.date("issue_date", issued);
    row.value("language", "en");
    row.list("lines", (0..).zip(&costs), |(n, (quantity, cost)), row| {
        write_line(
            dice.part("line", n),
            id * 10 + i64::try_from(n).unwrap_or(0),
            (*quantity, *cost),
            currency,
            row,
        );
    });
    row.money("outstanding", money(amount - paid));
    row.value("overall_category", "Utilities & Internet");
    row.value("overall_description", "");
    row.money("paid", money(paid));
    row.value("status", if index < book.count(Kind::Bills) { status } else { "unpaid" });
    row.money("tax_amount", money(0));
    row.money("total_amount", money(amount));
    row.utc("updated_at", sheet.updated);
    row.object("vendor", |row| bill_vendors::write_of_bill(book, vendor(book, index), row));
    row.value("vendorid", vendor_id(vendor(book, index)));
    row.value("vis_state", sheet.state.vis_state());
}

fn write_line(dice: Dice, id: i64, (quantity, cost): (i64, i64), currency: Currency, row: &mut Row<'_>) {
    let (name, _) = dice.pick("good", words::GOODS);
    let amount = Money { minor: quantity * cost, currency };
    row.money("amount", amount);
    row.value("category", "Office Supplies");
    row.value("categoryid", 70_012);
    row.value("description", name);
    row.value("id", id);
    row.value("list_index", id % 10);
    // quoted in the documentation, a number in a test of the Node SDK
    if dice.one_in("bare quantity", 3) {
        row.value("quantity", quantity);
    } else {
        row.plain("quantity", quantity);
    }
    row.nulls(&[
        "tax_amount1",
        "tax_amount2",
        "tax_authorityid1",
        "tax_authorityid2",
        "tax_name1",
        "tax_name2",
    ]);
    row.nulls(&["tax_percent1", "tax_percent2"]);
    row.money("total_amount", amount);
    row.money("unit_cost", Money { minor: cost, currency });
}

fn fact(book: &Book, index: u64, field: &str) -> Option<String> {
    match field {
        "id" => Some(Kind::Bills.id(index).to_string()),
        "vendorid" => Some(vendor_id(vendor(book, index)).to_string()),
        "status" => Some(status(book, index).to_owned()),
        "currency_code" => Some(currency(book, index).code().to_owned()),
        _ => None,
    }
}
