//! Online payments: what each invoice may be paid with, and the providers behind it.

use http::{StatusCode, header};
use serde_json::{Value, json};

use super::{Call, Root, USUAL, View};
use crate::answer::Answer;
use crate::book::Book;
use crate::changes::Business;
use crate::dice::Dice;
use crate::moment::{at, rfc3339};
use crate::refusal::Refusal;
use crate::resources::{Family, Kind};

pub(super) const VIEWS: &[View] = &[
    View {
        name: "invoice_payment_options",
        family: Family::Payments,
        root: Root::Payments,
        path: "invoice/{}/payment_options",
        scope: "online_payments",
        answer: of_invoice,
        rows: Some(|business, _| {
            business.indices(Kind::Invoices).map(|index| invoice_options(business, index)).collect()
        }),
        post: Some(set_options),
    },
    View {
        name: "default_payment_options",
        family: Family::Payments,
        root: Root::Payments,
        path: "payment_options",
        scope: "online_payments",
        answer: by_default,
        rows: Some(|business, _| vec![default_options(&business.book, "invoice")]),
        ..USUAL
    },
    View {
        name: "payment_gateway_connections",
        family: Family::Payments,
        root: Root::Payments,
        path: "gateway",
        scope: "online_payments",
        answer: |call| Ok(api_json(&json!({"gateway_connections": [connection(&call.business.book)]}))),
        rows: Some(|business, _| vec![connection(&business.book)]),
        ..USUAL
    },
];

/// This family has a media type of its own.
fn api_json(body: &Value) -> Answer {
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut answer = Answer::ok(body);
    answer.headers = vec![(header::CONTENT_TYPE, "application/vnd.api+json".to_owned())];
    answer
}

fn draws(book: &Book) -> Dice {
    Dice::new(book.seed, "gateway", 0)
}

fn of_invoice(call: &Call<'_>) -> Result<Answer, Refusal> {
    let index = call.business.find_text(Kind::Invoices, call.id).ok_or_else(Refusal::nothing_here)?;
    Ok(api_json(&json!({"payment_options": invoice_options(call.business, index)})))
}

fn invoice_options(business: &Business, index: u64) -> Value {
    let book = &business.book;
    let dice = Dice::new(book.seed, "payment options", index);
    let id = Kind::Invoices.id(index);
    let over = business.over.get(&("invoice_payment_options", id));
    // one in four can not be paid online, unless somebody saw to it
    let online = over.is_some() || !dice.one_in("none", 4);
    let mut all = options(book, "invoice", &id.to_string(), online);
    if online {
        all["allow_partial_payments"] = dice.one_in("partial", 3).into();
        all["gateway_name"] = "fbpay".into();
        all["has_acss_debit"] = true.into();
        all["stripe_acss_payment_options"] = Value::Null;
        all["gateway_info"] = json!({
            "account_id": draws(book).below("account", 1_000_000_000).to_string(), "bank_transfer_enabled": true,
            "can_process_payments": true, "country": "CA", "currencies": [book.home.code(), "USD"],
            "gateway_name": "fbpay", "id": draws(book).below("id", 1_000_000).to_string(),
            "user_publishable_key": null,
        });
    }
    for (key, value) in over.into_iter().flatten().filter(|(key, _)| !key.starts_with("entity_")) {
        all[key] = value.clone();
    }
    all
}

fn set_options(business: &mut Business, id: &str, body: &[u8]) -> Result<Answer, Refusal> {
    let index = business.find_text(Kind::Invoices, id).ok_or_else(Refusal::nothing_here)?;
    let fields = serde_json::from_slice(body).unwrap_or_default();
    business.over.insert(("invoice_payment_options", Kind::Invoices.id(index)), fields);
    Ok(api_json(&json!({"payment_options": invoice_options(business, index)})))
}

fn by_default(call: &Call<'_>) -> Result<Answer, Refusal> {
    let entity = call.query.value("entity_type").unwrap_or_default();
    if entity != "invoice" {
        return Err(Refusal::Payments {
            status: StatusCode::BAD_REQUEST,
            shape: call.options.payment_errors,
            field: "entity_type",
            message: format!("Unknown entity_type '{entity}'"),
        });
    }
    Ok(api_json(&json!({"payment_options": default_options(&call.business.book, entity)})))
}

/// The defaults hang on the account: its number stands for the entity.
fn default_options(book: &Book, entity: &str) -> Value {
    options(book, entity, &crate::identity::system_id(book).to_string(), true)
}

fn options(book: &Book, entity: &str, id: &str, online: bool) -> Value {
    json!({
        "allow_partial_payments": online, "entity_id": id, "entity_type": entity,
        "has_ach_transfer": online && book.home.code() == "USD", "has_bacs_debit": false, "has_credit_card": online,
        "has_paypal_smart_checkout": false, "has_sepa_debit": false,
    })
}

fn connection(book: &Book) -> Value {
    let dice = draws(book);
    let day = |n: i64| rfc3339(at(book.from + n * 86_400));
    let capability = |name: &str, active: bool| json!({"capability": name, "is_active": active});
    json!({
        "stripe": null,
        "stripe_unified": {
            "id": format!("{:016x}{:016x}", dice.draw("id"), dice.draw("more")),
            "stripe_account_id": format!("acct_{:016x}", dice.draw("account")), "country": "CA",
            "publishable_key": format!("simulated-publishable-{:016x}", dice.draw("key")),
            "available_onboarding_strategies": ["hosted"], "stripe_requirements_current_deadline": null,
            "stripe_charges_enabled": true, "stripe_payouts_enabled": true,
            "stripe_payouts_schedule_interval": "daily", "stripe_payouts_schedule_delay_days": 7,
            "stripe_email": crate::identity::members(book)[0].email, "has_currently_due_requirements": false,
            "has_pending_verifications": false, "charges_first_enabled_at": day(2),
            "payouts_first_enabled_at": day(2), "stripe_tos_accepted_date": day(1),
            "account_status": "fully_enabled", "stripe_account_updated_at": day(400),
            "onboarding_completion_percent": 100, "configuration": {},
            "capabilities": [capability("acss_debit_payments", true), capability("card_payments", true)],
        },
        "paypal": null,
    })
}
