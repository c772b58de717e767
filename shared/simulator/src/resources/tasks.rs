//! Tasks: the services as accounting sees them, under the same numbers less a constant.

use super::{DELETED, Declaration, Kind, Sheet, USUAL, UpdatedKey, services};
use crate::money::Money;
use crate::row::Row;

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Tasks,
    name: "tasks",
    list_path: "projects/tasks",
    single_path: "projects/tasks",
    list_key: "tasks",
    single_key: "task",
    id_keys: &["id", "taskid"],
    scope: "projects",
    first_id: services::FIRST_ID - 300_000,
    deleted: DELETED,
    updated: UpdatedKey::Eastern("updated"),
    required: &["name"],
    count: services::COUNT,
    write,
    ..USUAL
};

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index) = (sheet.book, sheet.index);
    let dice = book.dice(Kind::Tasks, index);
    let name = services::name(index);
    let description = format!("{name}, by the hour");
    let tax = |what: &str| if dice.one_in(what, 3) { book.any(Kind::Taxes, dice, what) } else { 0 };
    row.value("billable", services::billable(book, index));
    row.value("description", &description);
    row.value("id", sheet.id);
    row.value("name", &name);
    row.value("project_default", services::project_default(index));
    row.money("rate", Money { minor: services::rate_minor(book, index), currency: book.home });
    row.value("taskid", sheet.id);
    row.value("tax1", tax("tax 1"));
    row.value("tax2", 0);
    row.value("tdesc", &description);
    row.value("tname", &name);
    row.eastern("updated", sheet.updated);
    row.value("vis_state", sheet.state.vis_state());
}
