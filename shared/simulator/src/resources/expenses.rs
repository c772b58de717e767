//! Expenses with attachment and category.

use jiff::civil::Date;

use super::{ARCHIVED, DELETED, Declaration, Kind, Match, Sheet, USUAL, UpdatedKey, expense_categories};
use crate::book::Book;
use crate::money::{Currency, Money, Thousandths, share};
use crate::row::Row;
use crate::{chart, moment, words};

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Expenses,
    name: "expenses",
    list_path: "expenses/expenses",
    single_path: "expenses/expenses",
    list_key: "expenses",
    single_key: "expense",
    id_keys: &["id", "expenseid"],
    scope: "expenses",
    first_id: 5_340_001,
    deleted: DELETED,
    archived: ARCHIVED,
    updated: UpdatedKey::Eastern("updated"),
    filters: &[
        ("clientid", "clientid", Match::Equals),
        ("clientids", "clientid", Match::OneOf),
        ("projectid", "projectid", Match::Equals),
        ("projectids", "projectid", Match::OneOf),
        ("categoryid", "categoryid", Match::Equals),
        ("categoryids", "categoryid", Match::OneOf),
        ("amount_min", "amount", Match::AtLeast),
        ("amount_max", "amount", Match::AtMost),
        ("vendor", "vendor", Match::Equals),
        ("has_receipt", "has_receipt", Match::Equals),
        ("date_min", "date", Match::DateFrom),
        ("date_max", "date", Match::DateTo),
    ],
    includes: &["attachment", "category"],
    count: (160, 5, u64::MAX),
    write,
    fact,
    ..USUAL
};

/// The id of the category at `place` in the word list.
fn category_id(place: u64) -> i64 {
    Kind::ExpenseCategories.id(expense_categories::FIRST + place)
}

/// The place of a category in the word list.
pub(crate) fn category(book: &Book, index: u64) -> u64 {
    book.dice(Kind::Expenses, index).below("category", words::CATEGORIES.len() as u64)
}

/// The place in the word list that belongs to a category id.
pub(crate) fn category_of_id(id: i64) -> Option<usize> {
    let place = Kind::ExpenseCategories.index_of(id)?.checked_sub(expense_categories::FIRST)?;
    usize::try_from(place).ok().filter(|place| *place < words::CATEGORIES.len())
}

/// What expense `index` amounts to, and its date. One in forty is a refund.
pub(crate) fn expense(book: &Book, index: u64) -> (Money, Date) {
    let dice = book.dice(Kind::Expenses, index);
    let currency = match dice.below("currency", 20) {
        0 => Currency::Eur,
        1 => Currency::Jpy,
        _ => book.home,
    };
    let minor = match dice.below("amount kind", 40) {
        0 => -dice.between("amount", 100, 9_000),
        1 => 0,
        _ => dice.between("amount", 150, 64_000),
    };
    let days = dice.between("date", 0, 12);
    let date = moment::shift(moment::eastern(book.updated(Kind::Expenses, index)).date(), -days);
    (Money { minor, currency }, date)
}

fn client(book: &Book, index: u64) -> i64 {
    let dice = book.dice(Kind::Expenses, index);
    // 0 means none
    if dice.one_in("rebilled", 6) { book.any(Kind::Clients, dice, "client") } else { 0 }
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index, id) = (sheet.book, sheet.index, sheet.id);
    let dice = book.dice(Kind::Expenses, index);
    let (amount, date) = expense(book, index);
    let category = category(book, index);
    let attached = has_receipt(book, index);
    let tax = (!dice.one_in("untaxed", 2)).then(|| dice.pick("tax", words::TAXES));
    row.value("account_name", "");
    row.null("accountid");
    row.value("accounting_systemid", book.account_id);
    row.money("amount", amount);
    if sheet.includes.has("attachment") {
        if attached {
            let attachment = id.saturating_add(1_000_000);
            row.object("attachment", |row| {
                row.value("attachmentid", attachment);
                row.value("expenseid", id);
                row.value("id", attachment);
                row.value("jwt", jwt(book, index));
                row.value("media_type", media_type(book, index));
            });
        } else {
            row.null("attachment");
        }
    }
    row.null("background_jobid");
    row.value("bank_name", if dice.one_in("bank", 5) { chart::BANK_NAME } else { "" });
    row.value("bill_matches", [0; 0]);
    row.value("billable", client(book, index) != 0);
    if sheet.includes.has("category") {
        row.object("category", |row| {
            expense_categories::write_category(sheet, expense_categories::FIRST + category, row);
        });
    }
    row.value("categoryid", category_id(category));
    row.value("clientid", client(book, index));
    row.value("compounded_tax", false);
    row.null("converse_projectid");
    row.date("date", date);
    row.value("expenseid", id);
    row.null("ext_accountid");
    row.value("ext_invoiceid", 0);
    row.value("ext_systemid", 0);
    row.value("from_bulk_import", false);
    row.value("has_receipt", attached);
    row.value("id", id);
    row.value("include_receipt", false);
    row.null("invoiceid");
    row.value("is_cogs", false);
    row.value("isduplicate", false);
    row.plain("markup_percent", if dice.one_in("markup", 8) { "12.5" } else { "0" });
    row.value(
        "modern_projectid",
        dice.one_in("project", 9).then(|| book.any(Kind::Projects, dice, "project id")),
    );
    row.value("notes", dice.pick("notes", words::NOTES));
    row.value("potential_bill_payment", false);
    row.value("profileid", dice.one_in("profile", 12).then(|| dice.between("profile id", 6_000, 6_040)));
    row.value("projectid", 0);
    row.value("staffid", 1);
    row.value("status", dice.pick("status", &[0, 1, 2, 4]));
    if let Some((name, percent)) = tax {
        row.money(
            "taxAmount1",
            Money { minor: share(amount.minor, percent / 100), currency: amount.currency },
        );
        row.null("taxAmount2");
        row.value("taxName1", name);
        row.null("taxName2");
        // null, text and a number have all been seen
        match dice.below("percent shape", 3) {
            0 => row.null("taxPercent1"),
            1 => row.plain("taxPercent1", Thousandths(percent)),
            _ => row.value("taxPercent1", percent / 1000),
        }
        row.null("taxPercent2");
    } else {
        row.nulls(&["taxAmount1", "taxAmount2", "taxName1", "taxName2", "taxPercent1", "taxPercent2"]);
    }
    row.null("transactionid");
    row.eastern("updated", sheet.updated);
    row.value("vendor", vendor(book, index));
    row.version("version", sheet.updated, 0);
    row.value("vis_state", sheet.state.vis_state());
}

fn vendor(book: &Book, index: u64) -> Option<&'static str> {
    let dice = book.dice(Kind::Expenses, index);
    (!dice.one_in("no vendor", 9)).then(|| dice.pick("vendor", words::VENDORS))
}

/// The key under which the receipt of an expense is fetched.
pub(crate) fn jwt(book: &Book, index: u64) -> String {
    format!("simulated.{:016x}.jwt", book.dice(Kind::Expenses, index).draw("jwt"))
}

/// What kind of file the receipt is.
pub(crate) fn media_type(book: &Book, index: u64) -> &'static str {
    book.dice(Kind::Expenses, index).pick("media", &["image/jpeg", "image/png", "application/pdf"])
}

pub(crate) fn has_receipt(book: &Book, index: u64) -> bool {
    book.dice(Kind::Expenses, index).one_in("receipt", 4)
}

fn fact(book: &Book, index: u64, field: &str) -> Option<String> {
    match field {
        "clientid" => Some(client(book, index).to_string()),
        "projectid" => Some("0".to_owned()),
        "categoryid" => Some(category_id(category(book, index)).to_string()),
        "amount" => Some(expense(book, index).0.to_string()),
        "date" => Some(expense(book, index).1.to_string()),
        "vendor" => Some(vendor(book, index).unwrap_or_default().to_owned()),
        "has_receipt" => Some(has_receipt(book, index).to_string()),
        _ => None,
    }
}
