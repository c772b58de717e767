//! The lines of the ledger, and the entries made by hand as the newer list has them.
//!
//! Each kind of document has the same number of lines in each entry, so a page is found by arithmetic.

use serde_json::{Map, Value, json};

use super::{Call, Root, USUAL, View, flat, paged, result};
use crate::answer::Answer;
use crate::api;
use crate::changes::{Business, row_with_lines};
use crate::filter::live;
use crate::ledger::{self, Leg};
use crate::list::{self, Found};
use crate::papers::{self, POSTED, Paper};
use crate::refusal::Refusal;
use crate::resources::{Family, Kind, ledger_accounts};
use crate::{chart, words};

pub(super) const VIEWS: &[View] = &[
    View {
        name: "journal_entry_details",
        path: "journal_entries/journal_entry_details",
        scope: "journal_entries",
        answer: details,
        rows: Some(|business, _| rows(business, 0, u64::MAX).0),
        ..USUAL
    },
    View {
        name: "adjustment_journal_entries",
        family: Family::Ledger,
        root: Root::Uuid,
        path: "journal_entries",
        scope: "journal_entries",
        answer: adjustments,
        rows: Some(|business, _| entries(business)),
        ..USUAL
    },
];

fn details(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (page, per_page) = api::paging(call.query, Family::Accounting, call.options)?;
    let skip = (page - 1).saturating_mul(per_page);
    let (from, to) = (call.query.value("start_date"), call.query.value("end_date"));
    let (rows, total) = if call.options.details_by_date && (from.is_some() || to.is_some()) {
        // ISO dates compare as text
        let within = |row: &Value| {
            let day = row["user_entered_date"].as_str().unwrap_or_default();
            from.is_none_or(|from| day >= from) && to.is_none_or(|to| day <= to)
        };
        let mut all = rows(call.business, 0, u64::MAX).0;
        all.retain(within);
        let total = all.len() as u64;
        let bounded = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        (all.into_iter().skip(bounded(skip)).take(bounded(per_page)).collect(), total)
    } else {
        rows(call.business, skip, per_page)
    };
    Ok(result(&paged(call, "journal_entry_details", &rows, (page, per_page, total))))
}

/// The lines from `skip` on, at most `take`, and how many there are.
fn rows(business: &Business, skip: u64, take: u64) -> (Vec<Value>, u64) {
    let end = skip.saturating_add(take);
    let (mut rows, mut total) = (Vec::new(), 0_u64);
    for kind in POSTED {
        let selection = live(&business.book, kind);
        // the first document that is wanted, and how many of its lines are not
        let per_paper = ledger::legs_of(kind);
        let first = per_paper.map_or(0, |legs| skip.saturating_sub(total) / legs);
        let wanted = end.saturating_sub(total).min(u64::MAX - 1);
        let count = per_paper.map_or(u64::MAX, |legs| wanted.div_ceil(legs).saturating_sub(first));
        let found = list::page(business, kind.declaration(), &selection, first, count);
        let mut at = total + per_paper.map_or(0, |legs| first * legs);
        for paper in found.rows.iter().filter_map(|row| Paper::read(kind, &row_of(business, kind, *row))) {
            for (n, leg) in (0..).zip(ledger::legs(business, &paper)) {
                if (skip..end).contains(&at) {
                    rows.push(detail(business, &paper, n, leg));
                }
                at += 1;
            }
        }
        total = per_paper.map_or(at, |legs| total + found.total * legs);
    }
    (rows, total)
}

fn row_of(business: &Business, kind: Kind, row: Found<'_>) -> Map<String, Value> {
    match row {
        Found::Changed(change) => change.row.clone(),
        Found::Generated(index) => row_with_lines(&business.book, kind, index),
    }
}

/// The type and the name of a line, the number of its kind, and the key of the document in its entry.
fn names(kind: Kind) -> (&'static str, &'static str, i64, &'static str) {
    match kind {
        Kind::Invoices => ("invoice", "Invoice", 1, "invoiceid"),
        Kind::Payments => ("payment", "Payment", 2, "paymentid"),
        Kind::CreditNotes => ("credit_note", "Credit", 3, "creditid"),
        Kind::Expenses => ("expense", "Expense", 4, "expenseid"),
        Kind::OtherIncome => ("other_income", "Other Income", 5, "incomeid"),
        Kind::Bills => ("bill", "Bill", 6, ""),
        Kind::BillPayments => ("bill_payment", "Bill Payment", 7, ""),
        _ => ("journal_entry", "JournalEntry", 0, ""),
    }
}

/// The numbers of an entry and of its `n`-th line. Those made by hand have numbers of their own.
fn numbers(paper: &Paper, code: i64, n: i64) -> (i64, i64) {
    if paper.kind == Kind::JournalEntries {
        return (paper.id, paper.id * 10 + n + 1);
    }
    let entry = 100_000_000 + paper.id * 10 + code;
    (entry, entry * 4 + n)
}

fn detail(business: &Business, paper: &Paper, n: i64, leg: Leg) -> Value {
    let (detail_type, name, code, key) = names(paper.kind);
    let (entry_id, id) = numbers(paper, code, n);
    let system = business.book.account_id;
    let place = chart::account_of(leg.sub);
    let account = chart::Node { account: place, sub: None }.account();
    let money = |minor: i128| json!({"amount": model::decimal::format(minor, papers::places(&paper.code)), "code": paper.code});
    let grows = if account.grows_by_debit() { leg.debit } else { -leg.debit };
    let client = (paper.party != 0 && paper.kind != Kind::Bills).then_some(paper.party);
    let mut entry = json!({
        "accounting_systemid": system, "categoryid": null, "clientid": client, "creditid": null,
        "entryid": entry_id, "expenseid": null, "id": entry_id, "incomeid": null, "invoiceid": null,
        "paymentid": null,
    });
    if !key.is_empty() {
        entry[key] = paper.id.into();
    }
    if paper.kind == Kind::Payments && paper.pays != 0 {
        entry["invoiceid"] = paper.pays.into();
    }
    json!({
        "account": {
            "account_name": account.name, "account_number": account.number, "account_type": account.kind,
            "accountid": chart::account_id(place), "accounting_systemid": system, "id": chart::account_id(place),
        },
        "accounting_systemid": system, "balance": money(grows),
        "credit": (leg.debit <= 0).then(|| money(-leg.debit)), "debit": (leg.debit > 0).then(|| money(leg.debit)),
        "description": description(paper), "detail_type": detail_type, "detailid": id, "entry": entry, "id": id,
        "name": name,
        "sub_account": {
            "account_sub_name": chart::sub_name(leg.sub), "account_sub_number": chart::sub_number(leg.sub).to_string(),
            "accounting_systemid": system, "id": chart::sub_account_id(leg.sub),
            "parentid": chart::account_id(place), "sub_accountid": chart::sub_account_id(leg.sub),
        },
        "user_entered_date": paper.date.to_string(),
    })
}

fn description(paper: &Paper) -> String {
    match (paper.kind, paper.category.and_then(|place| words::CATEGORIES.get(place))) {
        (Kind::Expenses, Some((_, category))) => {
            format!("{category} {}", paper.person[2]).trim_end().to_owned()
        }
        (Kind::Invoices | Kind::CreditNotes | Kind::Bills, _) if !paper.number.is_empty() => {
            format!("No. {}", paper.number)
        }
        _ => paper.text.clone(),
    }
}

/// `GET …/journal_entries` by uuid.
///
/// [?] Neither the list key nor the paging of the answer is known; fields are in camel case, as documented.
fn adjustments(call: &Call<'_>) -> Result<Answer, Refusal> {
    if call.options.version_needed && call.version != "2023-09-25" {
        return Err(Refusal::nothing_here());
    }
    let number = |key: &'static str, default: u64| match call.query.value(key) {
        None => Ok(default),
        Some(text) => text.parse::<u64>().map_err(|_| Refusal::field(key, "A valid integer is required.")),
    };
    let page = number("page_number", 1)?.max(1);
    let size = number("page_size", 30)?.clamp(1, call.options.most_per_page.max(1));
    let all = entries(call.business);
    let total = all.len() as u64;
    let skip = usize::try_from((page - 1).saturating_mul(size)).unwrap_or(usize::MAX);
    let rows: Vec<Value> = all.into_iter().skip(skip).take(usize::try_from(size).unwrap_or(0)).collect();
    let meta = json!({
        "pageNumber": page, "pageSize": size, "totalPages": api::pages(total, size, call.options),
        "totalItems": total,
    });
    Ok(flat(&json!({"data": rows, "meta": meta})))
}

/// The entries made by hand, newest first.
fn entries(business: &Business) -> Vec<Value> {
    let book = &business.book;
    let mut papers = papers::of(business, Kind::JournalEntries);
    papers.reverse();
    let entry = |paper: &Paper| {
        let details: Vec<Value> = paper
            .moves
            .iter()
            .map(|(sub, debit)| {
                let index = chart::nodes().position(|node| node.sub == Some(*sub)).unwrap_or(0) as u64;
                // a number here, not text
                let amount: Value = model::decimal::format(debit.abs(), papers::places(&paper.code))
                    .parse::<f64>()
                    .unwrap_or(0.0)
                    .into();
                json!({
                    "accountId": ledger_accounts::uuid(book, index),
                    "amount": {"amount": amount, "code": paper.code},
                    "type": if *debit < 0 { "TYPE_CREDIT" } else { "TYPE_DEBIT" },
                })
            })
            .collect();
        let day = paper.date;
        json!({
            "id": paper.id, "name": "JournalEntry", "journalEntryNumber": format!("JE-{:05}", paper.id % 100_000),
            "description": paper.text, "details": details,
            "userEnteredDate": {"year": day.year(), "month": day.month(), "day": day.day()},
        })
    };
    papers.iter().map(|paper| entry(paper)).collect()
}
