//! Payments collected: every payment of the period. Without a currency, those in all of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Asked, TOKEN, money, numbers, report, words};
use crate::answer::Answer;
use crate::papers;
use crate::refusal::Refusal;
use crate::resources::Kind;
use crate::views::Call;

pub(super) fn answer(call: &Call<'_>) -> Result<Answer, Refusal> {
    let asked = Asked::read(call)?;
    let codes: Vec<&str> = call.query.value("currency_code").into_iter().collect();
    let mut clients = numbers(call.query, "client_ids");
    clients.extend(numbers(call.query, "clientids"));
    let methods = words(call.query, "payment_methods");
    let summary_only = call.query.flag("summary_only") == Ok(Some(true));
    let invoices = papers::by_id(call.business, Kind::Invoices);
    let mut totals: BTreeMap<String, i128> = BTreeMap::new();
    let mut rows = Vec::new();
    for payment in papers::of(call.business, Kind::Payments) {
        let wanted = asked.holds(payment.date)
            && (codes.is_empty() || codes.contains(&payment.code.as_str()))
            && (clients.is_empty() || clients.contains(&payment.party))
            && (methods.is_empty() || methods.contains(&payment.method));
        if !wanted {
            continue;
        }
        *totals.entry(payment.code.clone()).or_default() += payment.amount;
        let [first, last, organization, _] = papers::client(call.business, payment.party);
        let client = if organization.is_empty() { format!("{first} {last}") } else { organization };
        let invoice = invoices.get(&payment.pays).map(|invoice| &invoice.number);
        rows.push(json!({
            "amount": money(&payment.code, payment.amount), "client": client, "clientid": payment.party,
            "credit_number": null, "creditid": null, "date": payment.date.to_string(),
            "description": payment.text, "from_credit": false, "invoice_number": invoice,
            "invoiceid": invoice.map(|_| payment.pays), "method": payment.method,
        }));
    }
    if summary_only {
        rows.clear();
    }
    let totals: Vec<Value> = totals.iter().map(|(code, sum)| money(code, *sum)).collect();
    let body = json!({
        "clientids": clients, "currency_codes": codes, "download_token": TOKEN, "end_date": asked.end.to_string(),
        "payment_methods": methods, "payments": rows, "start_date": asked.start.to_string(),
        "summary_only": summary_only, "totals": totals,
    });
    Ok(report("payments_collected", &body))
}
