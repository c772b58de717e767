//! The summary of sales taxes: collected on invoices and other income, less credit notes; paid on expenses.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::profit::part;
use super::{Asked, TOKEN, report};
use crate::answer::Answer;
use crate::papers::{self, Paper};
use crate::refusal::Refusal;
use crate::resources::Kind;
use crate::views::Call;

/// Tax and what it is levied on, collected and paid.
#[derive(Default)]
struct Sum {
    collected: (i128, i128),
    paid: (i128, i128),
}

pub(super) fn answer(call: &Call<'_>) -> Result<Answer, Refusal> {
    let asked = Asked::read(call)?;
    let within = |paper: &Paper| asked.holds(paper.date) && paper.code == asked.code;
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    let mut total_invoiced = 0;
    let invoices = papers::by_id(call.business, Kind::Invoices);
    for invoice in invoices.values().filter(|paper| within(paper)) {
        total_invoiced += invoice.amount;
        for levy in invoice.taxes.iter().filter(|_| !asked.cash_based) {
            let sum = &mut sums.entry(levy.name.clone()).or_default().collected;
            *sum = (sum.0 + levy.amount, sum.1 + levy.base);
        }
    }
    if asked.cash_based {
        for payment in papers::of(call.business, Kind::Payments).iter().filter(|paper| within(paper)) {
            let Some(invoice) = invoices.get(&payment.pays) else { continue };
            for levy in &invoice.taxes {
                let sum = &mut sums.entry(levy.name.clone()).or_default().collected;
                sum.0 += part(payment.amount, levy.amount, invoice);
                sum.1 += part(payment.amount, levy.base, invoice);
            }
        }
    } else {
        for credit in papers::of(call.business, Kind::CreditNotes).iter().filter(|paper| within(paper)) {
            for levy in &credit.taxes {
                let sum = &mut sums.entry(levy.name.clone()).or_default().collected;
                *sum = (sum.0 - levy.amount, sum.1 - levy.base);
            }
        }
    }
    for income in papers::of(call.business, Kind::OtherIncome).iter().filter(|paper| within(paper)) {
        for levy in &income.taxes {
            let sum = &mut sums.entry(levy.name.clone()).or_default().collected;
            *sum = (sum.0 + levy.amount, sum.1 + levy.base);
        }
    }
    for expense in papers::of(call.business, Kind::Expenses).iter().filter(|paper| within(paper)) {
        for levy in &expense.taxes {
            let sum = &mut sums.entry(levy.name.clone()).or_default().paid;
            *sum = (sum.0 + levy.amount, sum.1 + levy.base);
        }
    }
    let taxes: Vec<Value> = sums
        .into_iter()
        .map(|(name, Sum { collected, paid })| {
            json!({
                "net_tax": asked.money(collected.0 - paid.0),
                "net_taxable_amount": asked.money(collected.1 - paid.1),
                "tax_collected": asked.money(collected.0), "tax_name": name, "tax_paid": asked.money(paid.0),
                "taxable_amount_collected": asked.money(collected.1),
                "taxable_amount_paid": asked.money(paid.1),
            })
        })
        .collect();
    let body = json!({
        "cash_based": asked.cash_based, "currency_code": asked.code, "download_token": TOKEN,
        "end_date": asked.end.to_string(), "start_date": asked.start.to_string(), "taxes": taxes,
        "total_invoiced": asked.money(total_invoiced),
    });
    Ok(report("taxsummary", &body))
}
