//! Items: what can be put on a line.

use super::{ARCHIVED, DELETED, Declaration, Kind, Match, Sheet, USUAL, UpdatedKey};
use crate::book::Book;
use crate::row::Row;
use crate::words;

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Items,
    name: "items",
    list_path: "items/items",
    single_path: "items/items",
    list_key: "items",
    single_key: "item",
    id_keys: &["id", "itemid"],
    scope: "billable_items",
    first_id: 14_331,
    deleted: DELETED,
    archived: ARCHIVED,
    updated: UpdatedKey::Eastern("updated"),
    filters: &[("sku", "sku", Match::Equals)],
    count: (25, 3, 5_000),
    write,
    fact,
    ..USUAL
};

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let book = sheet.book;
    let dice = book.dice(Kind::Items, sheet.index);
    let (name, description) = dice.pick("good", words::GOODS);
    let tax = |what: &str| if dice.one_in(what, 2) { book.any(Kind::Taxes, dice, what) } else { 0 };
    row.value("accounting_systemid", book.account_id);
    row.value("description", description);
    row.value("id", sheet.id);
    row.value("inventory", dice.one_in("stock", 3).then(|| dice.between("inventory", 0, 500).to_string()));
    row.value("itemid", sheet.id);
    row.value("name", format_args!("{name} {}", sheet.index + 1));
    row.value("qty", dice.pick("qty", &["1", "0", "100", "2.5"]));
    row.value("sku", sku(book, sheet.index));
    row.value("tax1", tax("tax 1"));
    row.value("tax2", if dice.one_in("two taxes", 5) { tax("tax 2") } else { 0 });
    row.money("unit_cost", book.home.price(dice.between("price", 0, 40_000)));
    row.eastern("updated", sheet.updated);
    row.value("vis_state", sheet.state.vis_state());
}

fn sku(book: &Book, index: u64) -> Option<String> {
    (!book.dice(Kind::Items, index).one_in("no sku", 3)).then(|| format!("SKU-{:05}", index + 1))
}

fn fact(book: &Book, index: u64, field: &str) -> Option<String> {
    (field == "sku").then(|| sku(book, index).unwrap_or_default())
}
