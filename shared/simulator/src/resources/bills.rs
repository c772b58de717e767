//! Bills: what is owed to a fixed set of vendors. Lines, payments and the vendor come by default, times are UTC.

use super::{ARCHIVED, DELETED, Declaration, Family, Kind, Lifecycle, Match, Sheet, UpdatedKey};
use crate::book::Book;
use crate::dice::Dice;
use crate::money::{Currency, Money};
use crate::row::Row;
use crate::{moment, words};

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Bills,
    name: "bills",
    family: Family::Accounting,
    list_path: "bills/bills",
    single_path: "bills/bills",
    list_key: "bills",
    single_key: "bill",
    id_keys: &["id"],
    scope: "bills",
    first_id: 8_107,
    lifecycle: Lifecycle::VisState,
    deleted: DELETED,
    archived: ARCHIVED,
    updated: UpdatedKey::Utc("updated_at"),
    filters: &[
        ("vendorid", "vendorid", Match::Equals),
        ("statuses", "status", Match::OneOf),
        ("currency_code", "currency_code", Match::Equals),
        ("ids", "id", Match::OneOf),
    ],
    flags: &[],
    sorts: &[],
    includes: &[],
    required: &[],
    write,
    fact,
};

fn vendor(book: &Book, index: u64) -> u64 {
    book.dice(Kind::Bills, index).below("vendor", 6)
}

fn vendor_id(vendor: u64) -> i64 {
    i64::try_from(vendor).unwrap_or(0) + 1_501
}

fn currency(book: &Book, index: u64) -> Currency {
    if vendor(book, index) == 5 { Currency::Eur } else { book.home }
}

fn status(book: &Book, index: u64) -> &'static str {
    book.dice(Kind::Bills, index).pick("status", &["unpaid", "paid", "paid", "overdue", "partial"])
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index, id) = (sheet.book, sheet.index, sheet.id);
    let dice = book.dice(Kind::Bills, index);
    let currency = currency(book, index);
    let money = |minor| Money { minor, currency };
    let costs: Vec<(i64, i64)> = (0..=dice.below("lines", 3))
        .map(|n| {
            (
                dice.part("line", n).between("quantity", 1, 9),
                dice.part("line", n).between("cost", 500, 40_000),
            )
        })
        .collect();
    let amount: i64 = costs.iter().map(|(quantity, cost)| quantity * cost).sum();
    let status = status(book, index);
    let paid = match status {
        "paid" => amount,
        "partial" => amount / 3,
        _ => 0,
    };
    let created = moment::at(sheet.updated.as_second() - dice.between("created", 0, 9 * 86_400));
    let issued = moment::utc(created).date();
    row.money("amount", money(amount));
    row.null("attachment");
    row.value(
        "bill_number",
        (!dice.one_in("unnumbered", 3)).then(|| format!("R-{:05}", dice.below("no", 99_999))),
    );
    row.list("bill_payments", (paid > 0).then_some(paid), |minor, row| {
        row.money("amount", money(minor));
        row.value("billid", id);
        row.value("id", id + 50_000);
        row.null("note");
        row.date("paid_date", moment::shift(issued, 5));
        row.value("payment_type", "Check");
        row.value("vis_state", 0);
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
    row.value("status", status);
    row.money("tax_amount", money(0));
    row.money("total_amount", money(amount));
    row.utc("updated_at", sheet.updated);
    row.object("vendor", |row| write_vendor(book, vendor(book, index), row));
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

fn write_vendor(book: &Book, vendor: u64, row: &mut Row<'_>) {
    let name = words::VENDORS.get(usize::try_from(vendor).unwrap_or(0)).copied().unwrap_or_default();
    let created = moment::at(book.from);
    row.plain("account_number", format_args!("45{:06}", vendor * 17));
    row.value("city", "Toronto");
    row.value("country", "Canada");
    row.utc("created_at", created);
    row.plain("currency_code", if vendor == 5 { Currency::Eur } else { book.home }.code());
    row.value("is_1099", false);
    row.value("language", "en");
    row.null("note");
    row.value("outstanding_balance", [0; 0]);
    row.value("overdue_balance", [0; 0]);
    row.value("phone", "4165550100");
    row.null("postal_code");
    row.plain("primary_contact_email", format_args!("vendor{vendor}@example.com"));
    row.value("primary_contact_first_name", words::FIRST_NAMES.first());
    row.value("primary_contact_last_name", words::LAST_NAMES.first());
    row.value("province", "Ontario");
    row.value("street", "1 Dock Street");
    row.null("street2");
    row.value("tax_defaults", [0; 0]);
    row.utc("updated_at", created);
    row.value("vendor_name", name);
    row.value("vendorid", vendor_id(vendor));
    row.value("vis_state", 0);
    row.value("website", "vendor.example.com");
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
