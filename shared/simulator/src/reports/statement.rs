//! The statement of a client's account, or of all clients together.
//!
//! [?] No source shows a body: an opening balance, a line for each invoice, payment and credit note with the
//! balance behind it, and a closing balance.

use serde_json::{Value, json};

use super::{Asked, TOKEN, report};
use crate::answer::Answer;
use crate::papers;
use crate::refusal::Refusal;
use crate::resources::Kind;
use crate::views::Call;

pub(super) fn answer(call: &Call<'_>) -> Result<Answer, Refusal> {
    let asked = Asked::read(call)?;
    let client = match call.query.value("clientid") {
        None => None,
        Some(text) => Some(text.parse::<i64>().map_err(|_| Refusal::filter(1004, "clientid", text))?),
    };
    let mut moves = Vec::new();
    for (kind, name, sign) in
        [(Kind::Invoices, "invoice", 1), (Kind::Payments, "payment", -1), (Kind::CreditNotes, "credit", -1)]
    {
        for paper in papers::of(call.business, kind) {
            let theirs = client.is_none_or(|client| client == paper.party);
            if theirs && paper.code == asked.code && paper.date <= asked.end {
                moves.push((paper.date, name, sign * paper.amount, paper));
            }
        }
    }
    moves.sort_by_key(|(date, _, _, paper)| (*date, paper.kind, paper.id));
    let before = moves.iter().filter(|(date, ..)| *date < asked.start).map(|(_, _, amount, _)| amount);
    let opening: i128 = before.sum();
    let mut balance = opening;
    let mut lines: Vec<Value> = Vec::new();
    for (date, name, amount, paper) in moves.iter().filter(|(date, ..)| *date >= asked.start) {
        balance += amount;
        lines.push(json!({
            "amount": asked.money(*amount), "balance": asked.money(balance), "clientid": paper.party,
            "date": date.to_string(), "description": paper.text, "entity_type": name, "entityid": paper.id,
            "number": paper.number,
        }));
    }
    let body = json!({
        "clientid": client, "closing_balance": asked.money(balance), "company_name": call.business.book.name,
        "currency_code": asked.code, "download_token": TOKEN, "end_date": asked.end.to_string(),
        "data": lines, "opening_balance": asked.money(opening), "start_date": asked.start.to_string(),
    });
    Ok(report("account_statement", &body))
}
