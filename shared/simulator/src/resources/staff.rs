//! Staff: the older view of the people of a business. Number 1 is the owner of every document.
//!
//! [?] No source shows a body: fields are those of a client, as far as a person has them.

use super::{Declaration, Kind, Sheet, USUAL, UpdatedKey};
use crate::row::Row;
use crate::{identity, moment, words};

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Staff,
    name: "staff",
    list_path: "users/staffs",
    single_path: "users/staffs",
    list_key: "staff",
    single_key: "staff",
    id_keys: &["id", "userid"],
    scope: "teams",
    updated: UpdatedKey::Eastern("updated"),
    count: (0, 2, 2),
    write,
    ..USUAL
};

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let book = sheet.book;
    let dice = book.dice(Kind::Staff, sheet.index);
    let place = usize::try_from(sheet.index).unwrap_or(0);
    let members = identity::members(book);
    let (first, last, email) = match members.get(place) {
        Some(member) => (member.first, member.last, member.email.to_owned()),
        None => (
            dice.pick("first name", words::FIRST_NAMES),
            dice.pick("last name", words::LAST_NAMES),
            format!("staff{}@example.com", sheet.id),
        ),
    };
    row.value("bus_phone", "4165550100");
    row.value("city", "Toronto");
    row.value("code", "M4K 1P1");
    row.value("country", "Canada");
    row.plain("currency_code", book.home.code());
    row.value("display_name", format_args!("{first} {last}"));
    row.value("email", &email);
    row.value("fax", "");
    row.value("fname", first);
    row.value("home_phone", "");
    row.value("id", sheet.id);
    row.eastern("last_login", moment::at(sheet.updated.as_second() - dice.between("login", 60, 86_400)));
    row.value("level", i32::from(place != 0));
    row.value("lname", last);
    row.value("mob_phone", "");
    row.value("note", "");
    row.value("num_logins", dice.between("logins", 1, 900));
    row.value("organization", book.name);
    row.value("province", "Ontario");
    row.plain("rate", dice.between("rate", 20, 90));
    row.value("role", if place == 0 { "admin" } else { "staff" });
    row.utc("signup_date", moment::at(book.from));
    row.value("street", "12 Alder Street");
    row.eastern("updated", sheet.updated);
    row.value("userid", sheet.id);
    row.value("username", &email);
    row.value("vis_state", sheet.state.vis_state());
}
