//! Clients: the businesses and persons that are billed.

use super::{
    ARCHIVED, DELETED, Declaration, Kind, Match, Sheet, USUAL, UpdatedKey, contacts, credit_notes, invoices,
};
use crate::book::{Book, State};
use crate::money::Money;
use crate::papers::MOST_SUMMED;
use crate::row::Row;
use crate::{moment, words};

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Clients,
    name: "clients",
    list_path: "users/clients",
    single_path: "users/clients",
    list_key: "clients",
    single_key: "client",
    id_keys: &["id", "userid"],
    scope: "clients",
    first_id: 204_001,
    deleted: DELETED,
    archived: ARCHIVED,
    updated: UpdatedKey::Eastern("updated"),
    filters: &[
        ("email", "email", Match::Equals),
        ("email_like", "email", Match::Contains),
        ("address_like", "p_street", Match::Contains),
        ("fname_like", "fname", Match::Contains),
        ("lname_like", "lname", Match::Contains),
        ("organization_like", "organization", Match::Contains),
        ("note_like", "note", Match::Contains),
        ("phone_like", "bus_phone", Match::Contains),
        ("userid", "userid", Match::Equals),
        ("userids", "userid", Match::OneOf),
        ("username", "username", Match::Equals),
    ],
    sorts: &[
        ("client_id", "id"),
        ("organization_name", "organization"),
        ("email", "email"),
        ("bus_phone", "bus_phone"),
        ("updated", "updated"),
        ("fullname", "lname"),
        ("primarycontact", "lname"),
    ],
    includes: &[
        "outstanding_balance",
        "credit_balance",
        "draft_balance",
        "overdue_balance",
        "grand_total_balance",
        "contacts",
    ],
    count: (40, 5, u64::MAX),
    write,
    fact,
    ..USUAL
};

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index) = (sheet.book, sheet.index);
    let dice = book.dice(Kind::Clients, index);
    let person = book.person(index);
    let currency = book.client_currency(index);
    row.value("accounting_systemid", book.account_id);
    row.value("allow_email_include_pdf", dice.one_in("pdf", 6));
    row.value("allow_late_fees", !dice.one_in("late fees", 5));
    row.value("allow_late_notifications", true);
    row.value("bus_phone", phone(book, index));
    row.nulls(&["company_industry", "company_size"]);
    row.plain("currency_code", currency.code());
    row.null("direct_link_token");
    row.value("email", &person.email);
    row.value("fax", "");
    row.value("fname", person.first);
    row.null("has_retainer");
    row.value("home_phone", dice.one_in("home phone", 3).then_some("555 0100"));
    row.value("id", sheet.id);
    row.value("language", dice.pick("language", &["en", "en", "en", "fr", "de"]));
    row.nulls(&["last_activity", "last_login"]);
    row.value("level", 0);
    row.value("lname", person.last);
    row.value("mob_phone", "");
    row.value("note", (!dice.one_in("note", 4)).then(|| dice.pick("note text", words::NOTES)));
    row.value("notified", false);
    row.value("num_logins", dice.below("logins", 4));
    row.value("organization", &person.organization);
    row.value("p_city", person.city);
    row.value("p_code", person.code);
    row.value("p_country", person.country);
    row.value("p_province", person.province);
    row.value("p_street", &person.street);
    row.value("p_street2", if dice.one_in("floor", 5) { "2nd floor" } else { "" });
    row.value("pref_email", true);
    row.value("pref_gmail", false);
    row.null("retainer_id");
    row.value("role", "client");
    row.blanks(&["s_city", "s_code", "s_country", "s_province", "s_street", "s_street2"]);
    // UTC, unlike `updated`
    row.utc("signup_date", moment::at(sheet.updated.as_second() - dice.between("age", 0, 40 * 86_400)));
    row.nulls(&["statement_token", "subdomain"]);
    row.eastern("updated", sheet.updated);
    row.value("userid", sheet.id);
    row.plain("username", format_args!("client{}", sheet.id));
    row.plain("uuid", dice.uuid("uuid"));
    row.value("vat_name", dice.one_in("vat", 6).then_some("VAT"));
    row.value(
        "vat_number",
        dice.one_in("vat", 6).then(|| format!("GB{:09}", dice.below("vat number", 999_999_999))),
    );
    row.value("vis_state", sheet.state.vis_state());
    if sheet.includes.has("contacts") {
        contacts::write(book, index, row);
    }
    let asked: Vec<(usize, &&str)> =
        BALANCES.iter().enumerate().filter(|(_, name)| sheet.includes.has(name)).collect();
    if !asked.is_empty() {
        let balances = balances(book, index);
        for (place, balance) in asked {
            // an empty list where nothing is owed
            let owed = balances.get(place).copied().filter(|minor| *minor != 0);
            row.list(balance, owed, |minor, row| row.money("amount", Money { minor, currency }));
        }
    }
}

/// The balances, in the order of their names: from the generated invoices and credit notes up to a certain
/// size of the business, drawn beyond that.
fn balances(book: &Book, client: u64) -> [i64; 5] {
    if book.scale > MOST_SUMMED {
        let dice = book.dice(Kind::Clients, client);
        return BALANCES.map(|balance| match dice.below(balance, 3) {
            0 => 0,
            _ => dice.between("owed", 1, 900_000),
        });
    }
    let (mut outstanding, mut draft, mut overdue, mut credit) = (0, 0, 0, 0);
    for index in (0..book.count(Kind::Invoices)).filter(|index| invoices::customer(book, *index) == client) {
        if Book::state(Kind::Invoices.declaration(), index) == State::Deleted {
            continue;
        }
        let invoice = invoices::invoice(book, index);
        let open = invoice.amount.minor - invoice.paid.minor;
        match invoice.word() {
            "draft" => draft += open,
            "overdue" => (outstanding, overdue) = (outstanding + open, overdue + open),
            _ => outstanding += open,
        }
    }
    for index in 0..book.count(Kind::CreditNotes) {
        if credit_notes::client(book, index) == client
            && Book::state(Kind::CreditNotes.declaration(), index) != State::Deleted
        {
            credit += credit_notes::unused(book, index);
        }
    }
    [outstanding, credit, draft, overdue, outstanding + draft - credit]
}

const BALANCES: [&str; 5] =
    ["outstanding_balance", "credit_balance", "draft_balance", "overdue_balance", "grand_total_balance"];

fn phone(book: &Book, index: u64) -> String {
    let dice = book.dice(Kind::Clients, index);
    if dice.one_in("phone", 3) {
        String::new()
    } else {
        format!("416 555 {:04}", dice.below("phone number", 10_000))
    }
}

fn fact(book: &Book, index: u64, field: &str) -> Option<String> {
    match field {
        "id" | "userid" => Some(Kind::Clients.id(index).to_string()),
        "email" => Some(book.person(index).email),
        "fname" => Some(book.person(index).first.to_owned()),
        "lname" => Some(book.person(index).last.to_owned()),
        "organization" => Some(book.person(index).organization),
        "bus_phone" => Some(phone(book, index)),
        _ => None,
    }
}
