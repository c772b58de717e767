//! Profit and loss: what is posted to accounts of income and expense, without taxes.
//!
//! On a cash basis, income is what was paid of invoices, less its part of their taxes, and bills count when they
//! are paid.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Asked, TOKEN, is_traded, report};
use crate::answer::Answer;
use crate::changes::Business;
use crate::ledger::{self, Leg};
use crate::papers::{self, POSTED, Paper};
use crate::refusal::Refusal;
use crate::resources::{Kind, expense_categories};
use crate::views::Call;
use crate::{chart, words::CATEGORIES};

/// Amounts in the smallest unit of the currency, per period.
type Amounts = Vec<i128>;

/// Sub-account, category and kind of document: what each comes to. Income is positive.
type Sums = BTreeMap<(usize, String, &'static str), Amounts>;

pub(super) fn answer(call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(report("profitloss", &body(call)?))
}

/// [?] The newer path; its shape is not known, so it is that of the older one.
pub(super) fn newer(call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(report("profit_and_loss", &body(call)?))
}

fn body(call: &Call<'_>) -> Result<Value, Refusal> {
    let asked = Asked::read(call)?;
    let sums = sums(call.business, &asked);
    let traded = is_traded(call.business, &asked.code);
    let of = |subs: std::ops::Range<usize>| {
        let parts =
            sums.iter().filter(move |((sub, _, _), _)| subs.contains(sub)).map(|(_, amounts)| amounts);
        total(&asked, parts)
    };
    let (income, costs) = (of(chart::SALES..chart::EXPENSES), of(chart::EXPENSES..chart::SUBS));
    let profit: Amounts = income.iter().zip(&costs).map(|(income, cost)| income - cost).collect();
    let nothing = vec![0; asked.periods.len()];
    let mut lines = Vec::new();
    let mut groups = Vec::new();
    if traded {
        for sub in chart::SALES..chart::EXPENSES {
            lines.push(account(&asked, &sums, sub, "credit"));
        }
        lines.push(node(&asked, "Cost of Goods Sold", "credit", &nothing, &[]));
        for sub in chart::EXPENSES..chart::SUBS {
            groups.push(account(&asked, &sums, sub, "debit"));
        }
    }
    let labels: Vec<String> =
        asked.resolution.iter().flat_map(|_| &asked.periods).map(|(start, _)| start.to_string()).collect();
    let mut report = json!({
        "cash_based": asked.cash_based,
        "company_name": call.business.book.name,
        "currency_code": asked.code,
        "download_token": TOKEN,
        "end_date": asked.end.to_string(),
        "expenses": groups,
        "gross_margin": margin(&asked, &income),
        "income": lines,
        "labels": labels,
        "net_profit": node(&asked, &format!("Net Profit ({})", asked.code), "credit", &profit, &[]),
        "resolution": asked.resolution,
        "start_date": asked.start.to_string(),
        "total_expenses": node(&asked, "Total Expenses", "debit", &costs, &[]),
        "total_income": node(&asked, "Gross Profit", "credit", &income, &[]),
    });
    if asked.resolution.is_some() {
        let dates = asked.periods.iter();
        let dates =
            dates.map(|(start, end)| json!({"start_date": start.to_string(), "end_date": end.to_string()}));
        report["dates"] = dates.collect();
    }
    Ok(report)
}

/// What the documents of the period post to income and expenses.
fn sums(business: &Business, asked: &Asked) -> Sums {
    let mut sums = usual(asked);
    let invoices = asked.cash_based.then(|| papers::by_id(business, Kind::Invoices));
    for kind in POSTED {
        for paper in papers::of(business, kind) {
            let Some(period) = asked.period_of(paper.date).filter(|_| paper.code == asked.code) else {
                continue;
            };
            let legs = match &invoices {
                Some(invoices) => cash(business, invoices, &paper),
                None => ledger::legs(business, &paper),
            };
            for Leg { sub, debit } in legs {
                if sub < chart::SALES {
                    continue;
                }
                let amount = if sub < chart::EXPENSES { -debit } else { debit };
                let amounts = sums.entry(key(sub, &paper)).or_insert_with(|| vec![0; asked.periods.len()]);
                if let Some(sum) = amounts.get_mut(period) {
                    *sum += amount;
                }
            }
        }
    }
    sums
}

/// The lines that are always there.
fn usual(asked: &Asked) -> Sums {
    let nothing = || vec![0; asked.periods.len()];
    let mut sums = Sums::new();
    sums.insert((chart::SALES, String::new(), "Invoice"), nothing());
    sums.insert((chart::OTHER_INCOME, String::new(), "Other Income"), nothing());
    for (place, (_, name)) in CATEGORIES.iter().enumerate() {
        let group = chart::EXPENSES + expense_categories::group_of(place);
        sums.insert((group, (*name).to_owned(), "Expenses"), nothing());
    }
    sums
}

fn key(sub: usize, paper: &Paper) -> (usize, String, &'static str) {
    let kind = match paper.kind {
        Kind::Invoices | Kind::Payments => "Invoice",
        Kind::CreditNotes => "Credit Note",
        Kind::OtherIncome => "Other Income",
        Kind::Expenses => "Expenses",
        Kind::Bills | Kind::BillPayments => "Bills",
        _ => "Journal Entry",
    };
    let category = match (paper.kind, sub < chart::EXPENSES) {
        (_, true) => "",
        (Kind::Bills | Kind::BillPayments, _) => "Office Supplies",
        (Kind::Expenses, _) => paper
            .category
            .and_then(|place| CATEGORIES.get(place))
            .map_or("Office Supplies", |(_, name)| *name),
        _ => "Journal Entry",
    };
    (sub, category.to_owned(), kind)
}

/// What a document means for income and expenses where only money counts that has moved.
fn cash(business: &Business, invoices: &BTreeMap<i64, Cow<'_, Paper>>, paper: &Paper) -> Vec<Leg> {
    match paper.kind {
        Kind::Invoices | Kind::CreditNotes | Kind::Bills => Vec::new(),
        // what pays no invoice is no income yet
        Kind::Payments => invoices.get(&paper.pays).map_or_else(Vec::new, |invoice| {
            let net = part(paper.amount, invoice.amount - invoice.tax(), invoice);
            vec![Leg { sub: chart::SALES, debit: -net }]
        }),
        Kind::BillPayments => vec![Leg { sub: ledger::expense_account(None), debit: paper.amount }],
        _ => ledger::legs(business, paper),
    }
}

/// The part of `whole`, which is of an invoice, that a payment of `paid` pays.
pub(super) fn part(paid: i128, whole: i128, invoice: &Paper) -> i128 {
    if invoice.amount == 0 {
        return 0;
    }
    let product = paid * whole;
    let half = invoice.amount.abs() / 2;
    let sign = if (product < 0) == (invoice.amount < 0) { 1 } else { -1 };
    sign * ((product.abs() + half) / invoice.amount.abs())
}

fn total<'a>(asked: &Asked, parts: impl Iterator<Item = &'a Amounts>) -> Amounts {
    parts.fold(vec![0; asked.periods.len()], |sum, part| sum.iter().zip(part).map(|(a, b)| a + b).collect())
}

/// One account with its categories, and in these the kinds of documents.
fn account(asked: &Asked, sums: &Sums, sub: usize, entry: &str) -> Value {
    let of_sub = || sums.iter().filter(move |((at, _, _), _)| *at == sub);
    let mut categories: Vec<&str> = of_sub().map(|((_, category, _), _)| category.as_str()).collect();
    categories.dedup();
    let mut children = Vec::new();
    for category in categories {
        let of_category = || of_sub().filter(|((_, name, _), _)| name == category);
        let kinds: Vec<Value> =
            of_category().map(|((_, _, kind), amounts)| node(asked, kind, entry, amounts, &[])).collect();
        if category.is_empty() {
            children.extend(kinds);
        } else {
            let amounts = total(asked, of_category().map(|(_, amounts)| amounts));
            children.push(node(asked, category, entry, &amounts, &kinds));
        }
    }
    node(asked, chart::sub_name(sub), entry, &total(asked, of_sub().map(|(_, amounts)| amounts)), &children)
}

fn node(asked: &Asked, name: &str, entry: &str, amounts: &Amounts, children: &[Value]) -> Value {
    let data: Vec<Value> =
        asked.resolution.iter().flat_map(|_| amounts).map(|minor| asked.money(*minor)).collect();
    json!({
        "children": children, "data": data, "description": name, "entry_type": entry,
        "total": asked.money(amounts.iter().sum()),
    })
}

fn margin(asked: &Asked, income: &Amounts) -> Value {
    // nothing here has a cost of goods: all of it or nothing
    let percent = |minor: i128| json!({"amount": if minor > 0 { "100.00" } else { "0.00" }, "code": "%"});
    let data: Vec<Value> =
        asked.resolution.iter().flat_map(|_| income).map(|minor| percent(*minor)).collect();
    json!({
        "children": [], "data": data, "description": "Gross Margin", "entry_type": "none",
        "total": percent(income.iter().sum()),
    })
}
