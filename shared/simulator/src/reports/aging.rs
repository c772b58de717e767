//! Accounts aging: what clients owe, by the days since each invoice was issued.

use std::collections::BTreeMap;

use jiff::Unit;
use serde_json::{Map, Value, json};

use super::{TOKEN, currency, date, money, report, today};
use crate::answer::Answer;
use crate::papers;
use crate::refusal::Refusal;
use crate::resources::Kind;
use crate::views::Call;

const BUCKETS: [&str; 4] = ["0-30", "31-60", "61-90", "91+"];

pub(super) fn answer(call: &Call<'_>) -> Result<Answer, Refusal> {
    let start = date(call.query, "start_date")?;
    let end = date(call.query, "end_date")?.unwrap_or(today(call));
    let code = currency(call)?;
    let mut clients: BTreeMap<i64, [i128; 4]> = BTreeMap::new();
    for invoice in papers::of(call.business, Kind::Invoices) {
        let dated = invoice.date <= end && start.is_none_or(|start| invoice.date >= start);
        if !dated || invoice.code != code || invoice.open() == 0 {
            continue;
        }
        let days = end.since((Unit::Day, invoice.date)).map_or(0, |span| span.get_days());
        let bucket = usize::try_from((days - 1).max(0) / 30).unwrap_or(0).min(3);
        let sums = clients.entry(invoice.party).or_default();
        if let Some(sum) = sums.get_mut(bucket) {
            *sum += invoice.open();
        }
    }
    let buckets = |sums: &[i128; 4]| -> Map<String, Value> {
        let mut all: Map<String, Value> =
            BUCKETS.iter().zip(sums).map(|(key, sum)| ((*key).to_owned(), money(&code, *sum))).collect();
        all.insert("total".to_owned(), money(&code, sums.iter().sum()));
        all
    };
    let accounts: Vec<Value> = clients
        .iter()
        .map(|(client, sums)| {
            let [fname, lname, organization, email] = papers::client(call.business, *client);
            let mut account = buckets(sums);
            account.extend([
                ("email".to_owned(), email.into()),
                ("fname".to_owned(), fname.into()),
                ("lname".to_owned(), lname.into()),
                ("organization".to_owned(), organization.into()),
                ("userid".to_owned(), (*client).into()),
            ]);
            Value::Object(account)
        })
        .collect();
    let totals = clients.values().fold([0; 4], |mut totals, sums| {
        totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        totals
    });
    let body = json!({
        "accounts": accounts, "company_name": call.business.book.name, "currency_code": code,
        "download_token": TOKEN, "end_date": end.to_string(), "totals": buckets(&totals),
    });
    Ok(report("accounts_aging", &body))
}
