//! Taxes: no state, a deleted one vanishes.

use super::{Declaration, Kind, Lifecycle, Sheet, USUAL, UpdatedKey};
use crate::money::Thousandths;
use crate::row::Row;
use crate::words;

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Taxes,
    name: "taxes",
    list_path: "taxes/taxes",
    single_path: "taxes/taxes",
    list_key: "taxes",
    single_key: "tax",
    id_keys: &["id", "taxid"],
    scope: "taxes",
    first_id: 7_841,
    lifecycle: Lifecycle::Hard,
    updated: UpdatedKey::Eastern("updated"),
    required: &["name"],
    count: (4, 4, 24),
    write,
    ..USUAL
};

/// Name and rate of tax `index`, in thousandths of a percent.
pub(super) fn name_and_rate(index: u64) -> (&'static str, i64) {
    let place = usize::try_from(index % words::TAXES.len() as u64).unwrap_or(0);
    words::TAXES.get(place).copied().unwrap_or_default()
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let dice = sheet.book.dice(Kind::Taxes, sheet.index);
    // in turn, so that the first few are all different
    let (name, percent) = name_and_rate(sheet.index);
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
