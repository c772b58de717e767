//! Taxes: no state, a deleted one vanishes.

use super::{Declaration, Family, Kind, Lifecycle, NONE, Sheet, UpdatedKey};
use crate::money::Thousandths;
use crate::row::Row;
use crate::words;

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Taxes,
    name: "taxes",
    family: Family::Accounting,
    list_path: "taxes/taxes",
    single_path: "taxes/taxes",
    list_key: "taxes",
    single_key: "tax",
    id_keys: &["id", "taxid"],
    scope: "taxes",
    first_id: 7_841,
    lifecycle: Lifecycle::Hard,
    deleted: NONE,
    archived: NONE,
    updated: UpdatedKey::Eastern("updated"),
    filters: &[],
    flags: &[],
    sorts: &[],
    includes: &[],
    required: &["name"],
    write,
    fact: |_, _, _| None,
};

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let dice = sheet.book.dice(Kind::Taxes, sheet.index);
    // in turn, so that the first few are all different
    let place = usize::try_from(sheet.index % words::TAXES.len() as u64).unwrap_or(0);
    let (name, percent) = words::TAXES.get(place).copied().unwrap_or_default();
    row.value("accounting_systemid", sheet.book.account_id);
    row.plain("amount", Thousandths(percent));
    row.value("compound", false);
    row.value("id", sheet.id);
    row.value("name", name);
    let number = if dice.one_in("number", 3) { String::new() } else { format!("RT {}", 1000 + sheet.index) };
    row.value("number", number);
    row.value("taxid", sheet.id);
    row.eastern("updated", sheet.updated);
}
