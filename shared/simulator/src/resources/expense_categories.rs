//! Expense categories: a root, the groups below it, and in these the categories that expenses have. Read only.

use super::{Declaration, Kind, Sheet, USUAL, UpdatedKey, Verbs, residues};
use crate::moment;
use crate::row::Row;
use crate::words::CATEGORIES;

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::ExpenseCategories,
    name: "expense_categories",
    list_path: "expenses/categories",
    single_path: "expenses/categories",
    list_key: "categories",
    single_key: "category",
    id_keys: &["id", "categoryid"],
    scope: "expenses",
    first_id: 70_000,
    // no expense has it
    deleted: residues(&[9]),
    updated: UpdatedKey::Eastern("updated_at"),
    count: (0, FIRST + CATEGORIES.len() as u64, FIRST + CATEGORIES.len() as u64),
    verbs: Verbs::Read,
    write,
    ..USUAL
};

/// The index of the first category that expenses have.
pub(crate) const FIRST: u64 = 10;

/// What stands above the categories of the word list, beside their groups.
const COST_OF_GOODS: u64 = 8;

/// The groups, in the order of the word list.
pub(crate) fn groups() -> Vec<&'static str> {
    let mut groups: Vec<&str> = Vec::new();
    for (group, _) in CATEGORIES {
        if !groups.contains(group) {
            groups.push(group);
        }
    }
    groups
}

/// The place among the groups that a category is in.
pub(crate) fn group_of(place: usize) -> usize {
    let group = CATEGORIES.get(place).map_or("", |(group, _)| *group);
    groups().iter().position(|name| *name == group).unwrap_or(0)
}

/// Writes category `index` as expenses include it.
pub(super) fn write_category(sheet: &Sheet<'_>, index: u64, row: &mut Row<'_>) {
    let kind = Kind::ExpenseCategories;
    let (id, updated) = (kind.id(index), sheet.book.updated(kind, index));
    write(&Sheet { index, id, updated, state: crate::book::State::Active, ..*sheet }, row);
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let id_of = |index: usize| Kind::ExpenseCategories.id(index as u64);
    let place = sheet.index.checked_sub(FIRST).and_then(|place| usize::try_from(place).ok());
    let above = usize::try_from(sheet.index).unwrap_or(0);
    let leaf = place.and_then(|place| CATEGORIES.get(place).map(|(_, name)| (place, *name)));
    let (name, parent) = match (sheet.index, leaf) {
        (0, _) => ("Expenses", 0),
        (COST_OF_GOODS, _) => ("Cost of Goods Sold", id_of(0)),
        (_, Some((place, name))) => (name, id_of(1 + group_of(place))),
        _ => (groups().get(above.saturating_sub(1)).copied().unwrap_or("Personal"), id_of(0)),
    };
    row.value("category", name);
    row.value("categoryid", sheet.id);
    row.eastern("created_at", moment::at(sheet.book.from));
    row.value("id", sheet.id);
    row.value("is_cogs", sheet.index == COST_OF_GOODS);
    row.value("is_editable", false);
    row.value("parentid", parent);
    row.value("transaction_posted", leaf.is_some());
    row.eastern("updated_at", sheet.updated);
    row.value("vis_state", sheet.state.vis_state());
}
