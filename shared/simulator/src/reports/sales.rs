//! Reports on invoices: in detail, by what was sold, and by client.

use std::collections::{BTreeMap, BTreeSet};

use model::decimal;
use serde_json::{Value, json};

use super::{Asked, TOKEN, numbers, periods, report, words};
use crate::answer::Answer;
use crate::papers::{self, Paper};
use crate::refusal::Refusal;
use crate::resources::Kind;
use crate::views::Call;

/// Which invoices a report is about.
struct Wanted {
    clients: Vec<i64>,
    statuses: Vec<i64>,
}

impl Wanted {
    fn read(call: &Call<'_>) -> Self {
        Self { clients: numbers(call.query, "clientids"), statuses: numbers(call.query, "statusids") }
    }

    fn takes(&self, invoice: &Paper) -> bool {
        (self.clients.is_empty() || self.clients.contains(&invoice.party))
            && (self.statuses.is_empty() || self.statuses.contains(&status_id(&invoice.status)))
    }
}

/// FreshBooks' numbers for what `v3_status` says; overdue is no number of its own.
fn status_id(word: &str) -> i64 {
    match word {
        "draft" => 1,
        "viewed" => 3,
        "paid" => 4,
        "partial" => 8,
        _ => 2,
    }
}

/// A number of thousandths without needless zeros.
fn quantity(thousandths: i128) -> String {
    let text = decimal::format(thousandths, 3);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// [?] Of `clients[]` only the key `invoices[]` is known; their fields are those of other reports.
pub(super) fn invoice_details(call: &Call<'_>) -> Result<Answer, Refusal> {
    let asked = Asked::read(call)?;
    let wanted = Wanted::read(call);
    let date_type = call.query.value("date_type").unwrap_or("issue");
    if !matches!(date_type, "issue" | "paid") {
        return Err(Refusal::filter(1004, "date_type", date_type));
    }
    let summary_only = call.query.flag("summary_only") == Ok(Some(true));
    let paid: BTreeSet<i64> = papers::of(call.business, Kind::Payments)
        .iter()
        .filter(|payment| asked.holds(payment.date))
        .map(|payment| payment.pays)
        .collect();
    let dated = |invoice: &Paper| match date_type {
        "paid" => paid.contains(&invoice.id),
        _ => asked.holds(invoice.date),
    };
    let mut sums = (0, 0, 0);
    let mut clients: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    for invoice in papers::of(call.business, Kind::Invoices) {
        if invoice.code != asked.code || !wanted.takes(&invoice) || !dated(&invoice) {
            continue;
        }
        sums = (sums.0 + invoice.amount, sums.1 + invoice.paid, sums.2 + invoice.open());
        clients.entry(invoice.party).or_default().push(detailed(&asked, &invoice));
    }
    let clients: Vec<Value> = clients
        .into_iter()
        .filter(|_| !summary_only)
        .map(|(client, invoices)| {
            let [fname, lname, organization, email] = papers::client(call.business, client);
            json!({
                "email": email, "fname": fname, "invoices": invoices, "lname": lname, "organization": organization,
                "userid": client,
            })
        })
        .collect();
    let body = json!({
        "clientids": wanted.clients, "clients": clients, "company_name": call.business.book.name,
        "currency_code": asked.code, "date_type": date_type, "download_token": TOKEN,
        "end_date": asked.end.to_string(), "start_date": asked.start.to_string(), "statusids": wanted.statuses,
        "summary": {
            "outstanding": asked.money(sums.2), "paid": asked.money(sums.1), "total": asked.money(sums.0),
        },
        "summary_only": summary_only,
    });
    Ok(report("invoice_details", &body))
}

fn detailed(asked: &Asked, invoice: &Paper) -> Value {
    let lines: Vec<Value> = invoice
        .lines
        .iter()
        .map(|line| {
            json!({
                "amount": asked.money(line.amount), "name": line.name, "qty": quantity(line.qty),
                "unit_cost": asked.money(line.unit_cost),
            })
        })
        .collect();
    json!({
        "create_date": invoice.date.to_string(), "due_date": invoice.due.map(|day| day.to_string()),
        "invoice_number": invoice.number, "invoiceid": invoice.id, "lines": lines,
        "outstanding": asked.money(invoice.open()), "paid": asked.money(invoice.paid),
        "tax": asked.money(invoice.tax()), "total": asked.money(invoice.amount), "v3_status": invoice.status,
    })
}

/// What was sold under one name.
#[derive(Default)]
struct Item {
    amount: i128,
    discount: i128,
    qty: i128,
    invoices: Vec<Value>,
}

pub(super) fn item_sales(call: &Call<'_>) -> Result<Answer, Refusal> {
    let asked = Asked::read(call)?;
    let wanted = Wanted::read(call);
    let names = words(call.query, "item_names");
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    for invoice in papers::of(call.business, Kind::Invoices) {
        if invoice.code != asked.code || !asked.holds(invoice.date) || !wanted.takes(&invoice) {
            continue;
        }
        let [fname, lname, organization, _] = invoice.person.clone();
        for line in invoice.lines.iter().filter(|line| names.is_empty() || names.contains(&line.name)) {
            let item = items.entry(line.name.clone()).or_default();
            item.amount += line.amount;
            item.discount += line.discount;
            item.qty += line.qty;
            item.invoices.push(json!({
                "amount": asked.money(line.amount), "create_date": invoice.date.to_string(),
                "discount": asked.money(line.discount), "fname": fname, "invoice_number": invoice.number,
                "invoiceid": invoice.id, "lname": lname, "organization": organization,
                "qty": quantity(line.qty), "unit_cost": asked.money(line.unit_cost),
                "v3_status": invoice.status,
            }));
        }
    }
    let sum = |of: fn(&Item) -> i128| items.values().map(of).sum::<i128>();
    let totals = (sum(|item| item.amount), sum(|item| item.discount), sum(|item| item.qty));
    let items: Vec<Value> = items
        .into_iter()
        .map(|(name, item)| {
            json!({
                "invoices": item.invoices, "name": name, "total": asked.money(item.amount),
                "total_discount": asked.money(item.discount), "total_qty": quantity(item.qty),
            })
        })
        .collect();
    let body = json!({
        "clientids": wanted.clients, "company_name": call.business.book.name, "currency_code": asked.code,
        "download_token": TOKEN, "end_date": asked.end.to_string(), "item_names": names, "items": items,
        "start_date": asked.start.to_string(), "statusids": wanted.statuses, "total": asked.money(totals.0),
        "total_discount": asked.money(totals.1), "total_qty": quantity(totals.2),
    });
    Ok(report("item_sales", &body))
}

/// [?] The body of `clients[]` is not known: the name of each, and its sales per month beside their sum.
pub(super) fn revenue_by_client(call: &Call<'_>) -> Result<Answer, Refusal> {
    let sales_type = call.query.value("sales_type").unwrap_or_default();
    let kind = match sales_type {
        "billed" => Kind::Invoices,
        "collected" => Kind::Payments,
        _ => return Err(Refusal::filter(1004, "sales_type", sales_type)),
    };
    let asked = Asked::read(call)?;
    let wanted = Wanted::read(call);
    let months = periods(asked.start, asked.end, Some(1));
    let mut clients: BTreeMap<i64, Vec<i128>> = BTreeMap::new();
    for paper in papers::of(call.business, kind) {
        let theirs = wanted.clients.is_empty() || wanted.clients.contains(&paper.party);
        if paper.code != asked.code || !asked.holds(paper.date) || !theirs {
            continue;
        }
        let sums = clients.entry(paper.party).or_insert_with(|| vec![0; months.len()]);
        let month = months.partition_point(|(_, last)| *last < paper.date);
        if let Some(sum) = sums.get_mut(month) {
            *sum += paper.amount;
        }
    }
    let totals: Vec<i128> =
        (0..months.len()).map(|month| clients.values().filter_map(|sums| sums.get(month)).sum()).collect();
    let data = |sums: &[i128]| -> Vec<Value> { sums.iter().map(|sum| asked.money(*sum)).collect() };
    let rows: Vec<Value> = clients
        .iter()
        .map(|(client, sums)| {
            let [first, last, organization, _] = papers::client(call.business, *client);
            json!({
                "client": format!("{first} {last}"), "clientid": client, "data": data(sums),
                "organization": organization, "total": asked.money(sums.iter().sum()),
            })
        })
        .collect();
    let labels: Vec<String> = months.iter().map(|(start, _)| start.first_of_month().to_string()).collect();
    let body = json!({
        "clientids": wanted.clients, "clients": rows, "currency_code": asked.code, "download_token": TOKEN,
        "end_date": asked.end.to_string(), "labels": labels, "sales_type": sales_type,
        "start_date": asked.start.to_string(), "total_sales": asked.money(totals.iter().sum()),
        "total_sales_data": data(&totals),
    });
    Ok(report("revenue_by_client", &body))
}
