//! Retainers of clients: flat, all of them at once, `active` instead of a state, UTC without `Z`.

use super::{DELETED, Declaration, Family, Kind, Lifecycle, Sheet, USUAL, UpdatedKey, invoice_profiles};
use crate::book::{Book, State};
use crate::money::Hundredths;
use crate::row::Row;
use crate::{identity, moment};

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Retainers,
    name: "retainers",
    family: Family::Comments,
    list_path: "retainers",
    single_path: "retainer",
    list_key: "retainers",
    single_key: "retainer",
    scope: "retainers",
    first_id: 2_201,
    lifecycle: Lifecycle::ActiveFlag,
    deleted: DELETED,
    updated: UpdatedKey::Iso("updated_at"),
    required: &["client_user_id", "fee"],
    count: (4, 2, 1_000),
    paged: false,
    write,
    ..USUAL
};

/// The recurring profile that bills retainer `index`, if one does: then it is of the same client.
fn profile(book: &Book, index: u64) -> Option<u64> {
    (index.is_multiple_of(2) && index < book.count(Kind::InvoiceProfiles)).then_some(index)
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index) = (sheet.book, sheet.index);
    let dice = book.dice(Kind::Retainers, index);
    let profile = profile(book, index);
    let client = match profile {
        Some(profile) => Kind::Clients.id(invoice_profiles::customer(book, profile)),
        None => book.any(Kind::Clients, dice, "client"),
    };
    let created = moment::at(sheet.updated.as_second() - dice.between("created", 0, 30 * 86_400));
    let start = moment::shift(moment::utc(created).date(), dice.between("start", -5, 10));
    row.value("active", sheet.state != State::Deleted);
    row.value("budgeted_time", dice.between("hours", 2, 60) * 3_600);
    row.value("business_id", book.business_id);
    row.value("client_user_id", client);
    row.iso("created_at", created, false);
    row.plain("excess_rate", Hundredths(dice.between("rate", 40, 300) * 100));
    row.plain("fee", Hundredths(dice.between("fee", 5, 400) * 1_000));
    row.value("id", sheet.id);
    row.value("invoice_profile_id", profile.map(|profile| Kind::InvoiceProfiles.id(profile)));
    row.date("next_period_start_date", start.saturating_add(jiff::Span::new().months(1)));
    row.date("start_date", start);
    row.value("system_id", identity::system_id(book));
    row.iso("updated_at", sheet.updated, false);
}
