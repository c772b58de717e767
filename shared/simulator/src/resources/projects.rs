//! Projects with services and group: flat envelope, bare filters, UTC without `Z`, hard deletion.

use super::{Declaration, Family, Kind, Lifecycle, Match, Sheet, USUAL, UpdatedKey, residues, services};
use crate::book::Book;
use crate::money::Hundredths;
use crate::row::Row;
use crate::{identity, moment, words};

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Projects,
    name: "projects",
    family: Family::Projects,
    list_path: "projects",
    single_path: "project",
    list_key: "projects",
    single_key: "project",
    scope: "projects",
    first_id: 654_301,
    lifecycle: Lifecycle::Hard,
    updated: UpdatedKey::Iso("updated_at"),
    filters: &[("client_id", "client_id", Match::Equals)],
    flags: &[
        ("active", !residues(&[3, 13])),
        ("complete", residues(&[3, 7, 16])),
        ("internal", residues(&[2, 11])),
    ],
    sorts: &[("created_at", "created_at"), ("due_date", "due_date"), ("title", "title")],
    includes: &["group"],
    required: &["title"],
    count: (9, 2, u64::MAX),
    write,
    fact,
    ..USUAL
};

/// The client of project `index`; internal ones have none.
pub(super) fn client(book: &Book, index: u64) -> Option<i64> {
    let dice = book.dice(Kind::Projects, index);
    (!DECLARATION.flag("internal", index)).then(|| book.any(Kind::Clients, dice, "client"))
}

/// The services of project `index`: a few neighbours.
pub(super) fn service_indices(book: &Book, index: u64) -> impl Iterator<Item = u64> {
    let dice = book.dice(Kind::Projects, index);
    let count = book.count(Kind::Services).max(1);
    let first = dice.below("first service", count);
    (0..=dice.below("services", 3)).map(move |n| (first + n) % count)
}

/// The id of the group of project `index`.
fn group_id(sheet: &Sheet<'_>) -> i64 {
    sheet.id + 110_000
}

fn title(book: &Book, index: u64) -> String {
    format!("{} {}", book.dice(Kind::Projects, index).pick("title", words::PROJECTS), index + 1)
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index) = (sheet.book, sheet.index);
    let dice = book.dice(Kind::Projects, index);
    let kind = dice.pick("type", &["hourly_rate", "hourly_rate", "fixed_price"]);
    let created = moment::at(sheet.updated.as_second() - dice.between("created", 0, 60 * 86_400));
    row.value("active", DECLARATION.flag("active", index));
    row.plain(
        "billed_amount",
        Hundredths(if dice.one_in("billed", 2) { dice.between("amount", 0, 900_000) } else { 0 }),
    );
    row.value("billed_status", dice.pick("billed status", &["unbilled", "partial", "billed"]));
    row.value("billing_method", dice.pick("method", &["project_rate", "service_rate", "team_member_rate"]));
    // seconds, as text or as a number
    match dice.below("budget", 4) {
        0 => row.value("budget", 21_600),
        1 => row.plain("budget", dice.between("seconds", 1, 90) * 3_600),
        _ => row.null("budget"),
    }
    row.value("client_id", client(book, index));
    row.value("complete", DECLARATION.flag("complete", index));
    row.iso("created_at", created, false);
    row.value("description", dice.one_in("described", 2).then(|| dice.pick("description", words::NOTES)));
    if dice.one_in("due", 2) {
        row.date(
            "due_date",
            moment::shift(moment::utc(sheet.updated).date(), dice.between("due date", 1, 90)),
        );
    } else {
        row.null("due_date");
    }
    // text in the Python SDK, a number in the Node SDK
    if dice.one_in("bare markup", 4) {
        row.value("expense_markup", 0);
    } else {
        row.plain("expense_markup", "0");
    }
    let price = Hundredths(dice.between("price", 50_000, 5_000_000));
    row.value("fixed_price", (kind == "fixed_price").then(|| price.to_string()));
    if sheet.includes.has("group") {
        row.object("group", |row| {
            row.value("id", group_id(sheet));
            row.list("members", identity::members(book), |member, row| {
                row.value("active", true);
                row.value("company", book.name);
                row.value("email", member.email);
                row.value("first_name", member.first);
                row.value("id", member.identity * 10);
                row.value("identity_id", member.identity);
                row.value("last_name", member.last);
                row.value("role", member.role);
            });
            row.value("pending_invitations", [0; 0]);
        });
    }
    row.value("group_id", group_id(sheet));
    row.value("id", sheet.id);
    row.value("internal", DECLARATION.flag("internal", index));
    row.null("logged_duration");
    row.value("project_manager_id", dice.one_in("managed", 3).then_some(book.owner));
    row.value("project_type", kind);
    row.value(
        "rate",
        (kind == "hourly_rate").then(|| Hundredths(dice.between("rate", 20, 200) * 50).to_string()),
    );
    row.null("retainer_id");
    row.value("sample", false);
    row.list("services", service_indices(book, index), |service, row| {
        services::write_fields(book, service, row);
    });
    row.value("title", title(book, index));
    row.iso("updated_at", sheet.updated, false);
}

fn fact(book: &Book, index: u64, field: &str) -> Option<String> {
    match field {
        "client_id" => Some(client(book, index).map(|id| id.to_string()).unwrap_or_default()),
        "title" => Some(title(book, index)),
        _ => None,
    }
}
