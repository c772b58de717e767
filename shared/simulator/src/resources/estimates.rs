//! Estimates with lines.

use super::{ARCHIVED, DELETED, Declaration, Kind, Match, Sheet, USUAL, UpdatedKey, documents, lines};
use crate::book::Book;
use crate::money::Thousandths;
use crate::row::Row;
use crate::{moment, words};

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Estimates,
    name: "estimates",
    list_path: "estimates/estimates",
    single_path: "estimates/estimates",
    list_key: "estimates",
    single_key: "estimate",
    id_keys: &["id", "estimateid"],
    scope: "estimates",
    first_id: 41_701,
    deleted: DELETED,
    archived: ARCHIVED,
    updated: UpdatedKey::Eastern("updated"),
    filters: &[
        ("estimateid", "id", Match::Equals),
        ("estimateids", "id", Match::OneOf),
        ("estimate_number", "estimate_number", Match::Equals),
        ("estimate_number_like", "estimate_number", Match::Contains),
        ("notes", "notes", Match::Equals),
        ("statusid", "status", Match::Equals),
        ("statusids", "status", Match::OneOf),
    ],
    includes: &["lines", "presentation", "owner", "contacts"],
    count: (35, 3, u64::MAX),
    write,
    fact,
    ..USUAL
};

/// FreshBooks' numbers 1 to 6, with the words shown.
const STATUSES: &[(i64, &str)] =
    &[(1, "draft"), (2, "sent"), (3, "viewed"), (4, "replied"), (5, "accepted"), (6, "invoiced")];

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index, id) = (sheet.book, sheet.index, sheet.id);
    let dice = book.dice(Kind::Estimates, index);
    let customer = dice.below("customer", book.count(Kind::Clients));
    let currency = book.client_currency(customer);
    let person = book.person(customer);
    let lines = lines::lines(dice, currency);
    let totals = lines::totals(dice, currency, &lines);
    let created = moment::at(sheet.updated.as_second() - dice.between("created", 0, 5 * 86_400));
    let (status, word) = dice.pick("status", STATUSES);
    row.value("accepted", status >= 5);
    row.value("accounting_systemid", book.account_id);
    row.value("address", "");
    row.money("amount", totals.amount);
    row.value("city", person.city);
    row.value("code", person.code);
    row.value("country", person.country);
    row.date("create_date", moment::eastern(created).date());
    row.eastern("created_at", created);
    row.plain("currency_code", currency.code());
    row.value("current_organization", person.addressee());
    row.value("customerid", Kind::Clients.id(customer));
    row.value("description", dice.pick("subject", words::PROJECTS));
    row.money("discount_total", totals.discount);
    row.plain("discount_value", Thousandths(totals.discount_percent));
    row.value("display_status", word);
    row.plain("estimate_number", format_args!("{:07}", index + 1));
    row.value("estimateid", id);
    row.value("ext_archive", 0);
    row.value("id", id);
    row.value("invoiced", status == 6);
    row.value("language", "en");
    if sheet.includes.has("lines") {
        row.list("lines", lines::numbered(&lines), |line, row| lines::write_estimate_line(id, line, row));
    }
    row.value("notes", dice.pick("notes", words::NOTES));
    row.null("po_number");
    documents::write_included(sheet, (dice, customer), ("estimateid", id), row);
    row.value("status", status);
    row.value("terms", "");
    // the three can disagree
    row.value("ui_status", if dice.one_in("ui", 10) { "sent" } else { word });
    row.eastern("updated", sheet.updated);
    row.value("vat_number", "");
    row.value("vis_state", sheet.state.vis_state());
}

fn fact(book: &Book, index: u64, field: &str) -> Option<String> {
    match field {
        "id" => Some(Kind::Estimates.id(index).to_string()),
        "estimate_number" => Some(format!("{:07}", index + 1)),
        "status" => Some(book.dice(Kind::Estimates, index).pick("status", STATUSES).0.to_string()),
        _ => None,
    }
}
