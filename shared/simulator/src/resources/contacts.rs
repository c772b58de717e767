//! The secondary contacts of a client.
//!
//! [?] No source shows them being read: the fields are those of other such lists.

use super::Kind;
use crate::book::Book;
use crate::row::Row;
use crate::words;

/// Writes the contacts of a client: none, one or two.
pub(super) fn write(book: &Book, client: u64, row: &mut Row<'_>) {
    let dice = book.dice(Kind::Clients, client);
    let id = Kind::Clients.id(client);
    row.list("contacts", 0..dice.below("contacts", 3), |n, row| {
        let dice = dice.part("contact", n);
        let contact = id * 10 + i64::try_from(n).unwrap_or(0);
        row.value("contactid", contact);
        row.plain("email", format_args!("contact{contact}@example.com"));
        row.value("fname", dice.pick("first name", words::FIRST_NAMES));
        row.value("lname", dice.pick("last name", words::LAST_NAMES));
        row.plain("phone1", format_args!("416 555 {:04}", dice.below("phone", 10_000)));
        row.value("phone2", "");
        row.value("userid", id);
    });
}
