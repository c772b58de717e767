//! The gateways of an accounting system. Read only.
//!
//! [?] No source shows a body.

use super::{Declaration, Kind, Lifecycle, Sheet, USUAL, Verbs};
use crate::row::Row;

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::Gateways,
    name: "gateways",
    list_path: "systems/gateways",
    single_path: "systems/gateways",
    list_key: "gateways",
    single_key: "gateway",
    scope: "online_payments",
    first_id: 31,
    lifecycle: Lifecycle::Hard,
    count: (0, 2, 2),
    verbs: Verbs::Read,
    write,
    ..USUAL
};

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    row.value("gateway_name", if sheet.index == 0 { "fbpay" } else { "paypal" });
    row.value("gatewayid", 20 + sheet.index);
    row.value("id", sheet.id);
    row.value("sgid", 800 + sheet.index);
}
