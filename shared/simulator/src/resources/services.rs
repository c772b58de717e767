//! Services: what time is tracked for. No timestamps at all.

use super::{DELETED, Declaration, Family, Kind, Sheet, USUAL};
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
    scope: "billable_items",
    first_id: FIRST_ID,
    deleted: DELETED,
    includes: &["task_id"],
    required: &["name"],
    count: COUNT,
    write,
    ..USUAL
};

/// The number of the first service.
pub(super) const FIRST_ID: i64 = 405_441;

/// How many there are, and as many tasks.
pub(super) const COUNT: (u64, u64, u64) = (8, 4, 60);

/// What service `index` is called.
pub(super) fn name(index: u64) -> String {
    let word = usize::try_from(index % words::SERVICES.len() as u64).unwrap_or(0);
    let name = words::SERVICES.get(word).copied().unwrap_or_default();
    if index < words::SERVICES.len() as u64 { name.to_owned() } else { format!("{name} {}", index + 1) }
}

pub(super) fn billable(book: &Book, index: u64) -> bool {
    !book.dice(Kind::Services, index).one_in("internal", 5)
}

pub(super) fn project_default(index: u64) -> bool {
    index < 3
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    write_fields(sheet.book, sheet.index, row);
    row.value("project_default", project_default(sheet.index));
    if sheet.includes.has("task_id") {
        row.value("task_id", Kind::Tasks.id(sheet.index));
    }
}

/// The fields that a project repeats.
pub(super) fn write_fields(book: &Book, index: u64, row: &mut Row<'_>) {
    row.value("billable", billable(book, index));
    row.value("business_id", book.business_id);
    row.value("id", Kind::Services.id(index));
    row.value("name", name(index));
    row.value("vis_state", Book::state(&DECLARATION, index).vis_state());
}

/// The rate of a service: a bare decimal without a currency.
pub(crate) fn rate(book: &Book, index: u64) -> String {
    Hundredths(rate_minor(book, index)).to_string()
}

/// The same in hundredths.
pub(super) fn rate_minor(book: &Book, index: u64) -> i64 {
    book.dice(Kind::Services, index).between("rate", 20, 240) * 50
}
