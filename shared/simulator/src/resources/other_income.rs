//! Income beside invoices, with taxes: only `incomeid`, no `id`, and a list key in the singular.

use super::{ARCHIVED, DELETED, Declaration, Kind, Match, Sheet, USUAL, UpdatedKey};
use crate::book::Book;
use crate::money::{Currency, Money, Thousandths};
use crate::row::Row;
use crate::{moment, words};

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::OtherIncome,
    name: "other_income",
    list_path: "other_incomes/other_incomes",
    single_path: "other_incomes/other_incomes",
    list_key: "other_income",
    single_key: "other_income",
    id_keys: &["incomeid"],
    scope: "other_income",
    first_id: 12_301,
    deleted: DELETED,
    archived: ARCHIVED,
    updated: UpdatedKey::Eastern("updated_at"),
    filters: &[("incomeid", "incomeid", Match::Equals), ("category_name", "category_name", Match::Equals)],
    required: &["amount", "date"],
    count: (12, 2, u64::MAX),
    write,
    fact,
    ..USUAL
};

const CATEGORIES: &[&str] = &["advertising", "in_person_sales", "online_sales", "rentals", "other"];

const SOURCES: &[&str] = &["Etsy", "Shopify", "Market stall", "AdSense", "Sublet"];

fn category(book: &Book, index: u64) -> &'static str {
    book.dice(Kind::OtherIncome, index).pick("category", CATEGORIES)
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let book = sheet.book;
    let dice = book.dice(Kind::OtherIncome, sheet.index);
    let currency = if dice.one_in("currency", 10) { Currency::Eur } else { book.home };
    let created = moment::at(sheet.updated.as_second() - dice.between("created", 0, 2 * 86_400));
    row.money("amount", Money { minor: dice.between("amount", 500, 90_000), currency });
    row.value("category_name", category(book, sheet.index));
    row.eastern("created_at", created);
    row.date("date", moment::shift(moment::eastern(created).date(), -dice.between("date", 0, 3)));
    row.value("incomeid", sheet.id);
    row.value("note", dice.pick("note", words::NOTES));
    row.value("payment_type", dice.pick("type", words::PAYMENT_TYPES));
    row.value("source", dice.pick("source", SOURCES));
    row.null("sourceid");
    let first = usize::try_from(dice.below("tax", words::TAXES.len() as u64)).unwrap_or(0);
    let count = usize::try_from(dice.below("taxes", 3)).unwrap_or(0);
    row.list("taxes", words::TAXES.iter().cycle().skip(first).take(count), |(name, percent), row| {
        row.plain("amount", Thousandths(*percent));
        row.value("name", name);
    });
    row.eastern("updated_at", sheet.updated);
    row.null("userid");
    row.value("vis_state", sheet.state.vis_state());
}

fn fact(book: &Book, index: u64, field: &str) -> Option<String> {
    match field {
        "incomeid" => Some(Kind::OtherIncome.id(index).to_string()),
        "category_name" => Some(category(book, index).to_owned()),
        _ => None,
    }
}
