//! What hangs on one thing: the link to share an invoice, and the accounting system itself.

use serde_json::{Value, json};

use super::{Call, USUAL, View, result};
use crate::answer::Answer;
use crate::book::Book;
use crate::changes::Business;
use crate::dice::Dice;
use crate::identity;
use crate::moment::{self, at};
use crate::papers;
use crate::refusal::Refusal;
use crate::resources::{Kind, invoices};

pub(super) const VIEWS: &[View] = &[
    View {
        name: "invoice_share_link",
        path: "invoices/invoices/{}/share_link",
        scope: "invoices",
        answer: share_link,
        rows: Some(|business, _| links(business)),
        ..USUAL
    },
    View {
        name: "systems",
        path: "systems/systems/{}",
        scope: "business",
        answer: |call| {
            let book = &call.business.book;
            if call.id == identity::system_id(book).to_string() {
                Ok(result(&json!({"system": system(book)})))
            } else {
                Err(Refusal::NotFound { object: "system", field: "systemid", value: call.id.to_owned() })
            }
        },
        rows: Some(|business, _| vec![system(&business.book)]),
        ..USUAL
    },
];

/// The client of an existing invoice, as it is now.
pub(super) fn client_of(business: &Business, index: u64) -> i64 {
    let changed = business.change_of(Kind::Invoices, index);
    let client = changed.and_then(|change| change.row.get("customerid")?.as_i64());
    client.unwrap_or_else(|| Kind::Clients.id(invoices::customer(&business.book, index)))
}

fn share_link(call: &Call<'_>) -> Result<Answer, Refusal> {
    let not_found = || Refusal::NotFound { object: "invoice", field: "invoiceid", value: call.id.to_owned() };
    let index = call.business.find_text(Kind::Invoices, call.id).ok_or_else(not_found)?;
    let id = Kind::Invoices.id(index);
    if !papers::is_live(call.business, Kind::Invoices, id) {
        return Err(not_found());
    }
    let method = call.query.value("share_method").unwrap_or("share_link");
    Ok(result(&json!({"share_link": link(call.business, index, method)})))
}

fn link(business: &Business, index: u64, method: &str) -> Value {
    let secret = Dice::new(business.book.seed, "share link", index).draw("secret");
    json!({
        "clientid": client_of(business, index), "resource_type": "invoice",
        "resourceid": Kind::Invoices.id(index), "share_method": method,
        "share_link": format!("https://my.freshbooks.example/#/link/simulated{secret:016x}"),
    })
}

/// The links of all invoices that are not deleted.
fn links(business: &Business) -> Vec<Value> {
    let live = |index: &u64| papers::is_live(business, Kind::Invoices, Kind::Invoices.id(*index));
    let links = business.indices(Kind::Invoices).filter(live);
    links.map(|index| link(business, index, "share_link")).collect()
}

fn system(book: &Book) -> Value {
    let id = identity::system_id(book);
    let [owner, _] = identity::members(book);
    let none = json!({"amount": "0.00", "code": book.home.code()});
    let mut date = Vec::new();
    moment::write_wall(&mut date, moment::eastern(at(book.from)), b' ');
    json!({
        "accountid": book.account_id, "active": true, "auto_bill": 5, "billing_status": "uptodate",
        "bus_phone": "4165550100", "business_type": null, "business_uuid": book.business_uuid, "city": "Toronto",
        "code": "M4K 1P1", "country": "Canada", "currency_code": book.home.code(),
        "date": String::from_utf8(date).unwrap_or_default(), "discountid": null, "dst": true, "duration": 12,
        "email": owner.email, "fax": "", "gst_amount": none, "id": id, "info_email": owner.email,
        "masterlock_billing": true, "mob_phone": "", "modern_system": true, "name": book.name, "num_clients": null,
        "num_staff": null, "payment_amount": none, "payment_frequency": 1, "province": "Ontario",
        "size_limit": null, "street": "12 Alder Street", "street2": null, "systemid": id, "test_system": false,
        "timezone": "America/Toronto", "timezoneid": 14, "vat_name": null, "vat_number": null,
    })
}
