//! Services: what time is tracked for. No timestamps at all.

use super::{DELETED, Declaration, Family, Kind, Lifecycle, NONE, Sheet, UpdatedKey};
use crate::book::Book;
use crate::money::Hundredths;
use crate::row::Row;
use crate::words;

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Services,
    name: "services",
    family: Family::Comments,
    list_path: "services",
    single_path: "service",
    list_key: "services",
    single_key: "service",
    id_keys: &["id"],
    scope: "billable_items",
    first_id: 405_441,
    lifecycle: Lifecycle::VisState,
    deleted: DELETED,
    archived: NONE,
    updated: UpdatedKey::Hidden,
    filters: &[],
    flags: &[],
    sorts: &[],
    includes: &["task_id"],
    required: &["name"],
    write,
    fact: |_, _, _| None,
};

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    write_fields(sheet.book, sheet.index, row);
    row.value("project_default", sheet.index < 3);
    if sheet.includes.has("task_id") {
        row.value("task_id", sheet.id - 300_000);
    }
}

/// The fields that a project repeats.
pub(super) fn write_fields(book: &Book, index: u64, row: &mut Row<'_>) {
    let dice = book.dice(Kind::Services, index);
    let word = usize::try_from(index % words::SERVICES.len() as u64).unwrap_or(0);
    let name = words::SERVICES.get(word).copied().unwrap_or_default();
    row.value("billable", !dice.one_in("internal", 5));
    row.value("business_id", book.business_id);
    row.value("id", Kind::Services.id(index));
    if index < words::SERVICES.len() as u64 {
        row.value("name", name);
    } else {
        row.value("name", format_args!("{name} {}", index + 1));
    }
    row.value("vis_state", Book::state(&DECLARATION, index).vis_state());
}

/// The rate of a service: a bare decimal without a currency.
pub(crate) fn rate(book: &Book, index: u64) -> String {
    Hundredths(book.dice(Kind::Services, index).between("rate", 20, 240) * 50).to_string()
}
