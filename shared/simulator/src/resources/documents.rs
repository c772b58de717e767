//! What documents of all kinds can be asked to include: who wrote them, whom they go to, how they look.

use super::{Sheet, contacts, invoices};
use crate::dice::Dice;
use crate::identity;
use crate::row::Row;

/// Writes what was asked for; `of` is the key and the number of the document.
///
/// [?] No source shows an `owner` or `contacts`: the one is as in the list of staff, the others as on the client.
pub(super) fn write_included(
    sheet: &Sheet<'_>,
    (dice, client): (Dice, u64),
    of: (&str, i64),
    row: &mut Row<'_>,
) {
    if sheet.includes.has("contacts") {
        contacts::write(sheet.book, client, row);
    }
    if sheet.includes.has("owner") {
        let [owner, _] = identity::members(sheet.book);
        row.object("owner", |row| {
            row.value("email", owner.email);
            row.value("fname", owner.first);
            row.value("id", 1);
            row.value("lname", owner.last);
            row.value("organization", sheet.book.name);
            row.value("userid", 1);
        });
    }
    if sheet.includes.has("presentation") {
        row.object("presentation", |row| invoices::write_presentation(dice, of, row));
    }
}
