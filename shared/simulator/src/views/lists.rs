//! Lists that are worked out from rows: names of vendors, sums of expenses, rates, timers, accounts.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde_json::{Value, json};

use super::{Call, Root, USUAL, View, flat, page_of, result};
use crate::answer::Answer;
use crate::api;
use crate::book::{Book, State};
use crate::changes::{Business, row_with_lines};
use crate::filter;
use crate::list::{self, Found};
use crate::options::Options;
use crate::papers;
use crate::refusal::Refusal;
use crate::resources::{Family, Includes, Kind, services, time_entries};
use crate::{chart, ledger, moment};

pub(super) const VIEWS: &[View] = &[
    View {
        name: "expense_vendors",
        path: "expenses/vendors",
        scope: "expenses",
        answer: |call| page_of(call, "vendors", vendors(call.business)),
        rows: Some(|business, _| vendors(business)),
        ..USUAL
    },
    View {
        name: "expense_summaries",
        path: "expenses/summaries",
        scope: "expenses",
        answer: |call| Ok(result(&json!({"summaries": summaries(call.business)}))),
        rows: Some(|business, _| summaries(business)),
        ..USUAL
    },
    View {
        name: "journal_entry_accounts",
        path: "journal_entry_accounts/journal_entry_accounts",
        scope: "journal_entries",
        answer: |call| page_of(call, "journal_entry_accounts", accounts(call.business)),
        rows: Some(|business, _| accounts(business)),
        ..USUAL
    },
    View {
        name: "ledger_account_types",
        family: Family::Ledger,
        root: Root::Ledger,
        path: "types",
        scope: "journal_entries",
        answer: |_| Ok(flat(&json!({"data": types()}))),
        rows: Some(|_, _| types()),
        ..USUAL
    },
    View {
        name: "ledger_account_sub_types",
        family: Family::Ledger,
        root: Root::Ledger,
        path: "sub_types",
        scope: "journal_entries",
        answer: |_| Ok(flat(&json!({"data": sub_types()}))),
        rows: Some(|_, _| sub_types()),
        ..USUAL
    },
    View {
        name: "service_rates",
        family: Family::Comments,
        root: Root::Comments,
        path: "service_rates",
        scope: "billable_items",
        answer: |call| Ok(flat(&json!({"service_rates": rates(call.business, call.options)}))),
        rows: Some(rates),
        ..USUAL
    },
    View {
        name: "service_rates",
        family: Family::Comments,
        root: Root::Comments,
        path: "service/{}/rate",
        scope: "billable_items",
        answer: |call| {
            let index = call.business.find_text(Kind::Services, call.id).ok_or_else(Refusal::nothing_here)?;
            Ok(flat(&json!({"service_rate": rate(call.business, index)})))
        },
        post: Some(set_rate),
        ..USUAL
    },
    View {
        name: "timers",
        family: Family::Comments,
        root: Root::Comments,
        path: "timers",
        scope: "time_entries",
        answer: |call| Ok(flat(&json!({"timers": timers(call.business)}))),
        rows: Some(|business, _| timers(business)),
        ..USUAL
    },
    View {
        name: "time_entries_search",
        family: Family::Comments,
        root: Root::Comments,
        path: "time_entries/search",
        scope: "time_entries",
        answer: search,
        ..USUAL
    },
];

/// The distinct vendors of expenses that are not deleted, by name.
fn vendors(business: &Business) -> Vec<Value> {
    let expenses = papers::of(business, Kind::Expenses);
    let names = expenses.iter().map(|paper| paper.person[2].as_str()).filter(|name| !name.is_empty());
    names.collect::<BTreeSet<_>>().into_iter().map(|name| json!({"vendor": name})).collect()
}

/// How many expenses there are, and what they come to per currency.
fn summaries(business: &Business) -> Vec<Value> {
    let state_of = |id: i64| {
        let index = business.find(Kind::Expenses, id)?;
        let generated = || Book::state(Kind::Expenses.declaration(), index);
        Some(business.change_of(Kind::Expenses, index).map_or_else(generated, |change| change.state))
    };
    let summary = |id: &str, counts: &dyn Fn(State) -> bool| {
        let mut sums: BTreeMap<String, (i128, u64)> = BTreeMap::new();
        for paper in papers::of(business, Kind::Expenses) {
            if state_of(paper.id).is_some_and(counts) {
                let sum = sums.entry(paper.code.clone()).or_default();
                *sum = (sum.0 + paper.amount, sum.1 + 1);
            }
        }
        let total: u64 = sums.values().map(|(_, count)| count).sum();
        let amounts: Vec<Value> = sums
            .into_iter()
            .map(|(code, (sum, count))| {
                let amount = model::decimal::format(sum, papers::places(&code));
                json!({"amount": amount, "code": code, "count": count})
            })
            .collect();
        json!({"id": id, "counts": total, "amounts": amounts})
    };
    vec![
        summary("grand_total", &|_| true),
        summary("archived", &|state| state == State::Archived),
        summary("active", &|state| state == State::Active),
    ]
}

/// The chart with the balance of each account in the currency of the business, as bare text.
fn accounts(business: &Business) -> Vec<Value> {
    let book = &business.book;
    let code = book.home.code();
    let balances = ledger::balances(business, code, None, jiff::civil::Date::MAX);
    let created = {
        let mut text = Vec::new();
        moment::write_wall(&mut text, moment::eastern(moment::at(book.from)), b' ');
        String::from_utf8(text).unwrap_or_default()
    };
    let text = |minor: i128| model::decimal::format(minor, papers::places(code));
    let rows = chart::ACCOUNTS.iter().enumerate().map(|(place, account)| {
        let sign = if account.grows_by_debit() { 1 } else { -1 };
        let balance = |sub: usize| sign * balances.get(sub).copied().unwrap_or(0);
        let subs: Vec<Value> = account
            .subs()
            .map(|sub| {
                json!({
                    "account_sub_name": chart::sub_name(sub), "account_sub_number": chart::sub_number(sub).to_string(),
                    "account_type": account.kind, "balance": text(balance(sub)), "created_at": created,
                    "currency_code": code, "custom": sub == chart::FURNITURE, "id": chart::sub_account_id(sub),
                    "parentid": chart::account_id(place), "sub_accountid": chart::sub_account_id(sub),
                    "transaction_posted": balance(sub) != 0,
                })
            })
            .collect();
        json!({
            "account_name": account.name, "account_number": account.number, "account_type": account.kind,
            "accountid": chart::account_id(place), "balance": text(account.subs().map(balance).sum()),
            "created_at": created, "currency_code": code, "id": chart::account_id(place), "sub_accounts": subs,
        })
    });
    rows.collect()
}

fn types() -> Vec<Value> {
    ["asset", "equity", "expense", "income", "liability"].map(|name| json!({"name": name})).to_vec()
}

fn sub_types() -> Vec<Value> {
    let all = [
        ("asset", "Cash & Bank", "1000"),
        ("asset", "Current Asset", "1200"),
        ("asset", "Property, Plant, and Equipment", "1500"),
        ("asset", "Long-Term Asset", "1300"),
        ("liability", "Current Liability", "2000"),
        ("liability", "Long-Term Liability", "2500"),
        ("equity", "Equity", "3000"),
        ("income", "Income", "4000"),
        ("expense", "Cost of Goods Sold", "5000"),
        ("expense", "Operating Expense", "6000"),
    ];
    let row = |(n, (kind, name, number)): (i64, (&str, &str, &str))| json!({"id": n, "type": kind, "name": name, "base_number": number});
    (1..).zip(all).map(row).collect()
}

fn rates(business: &Business, options: &Options) -> Vec<Value> {
    let shown = |index: &u64| !options.sees_part() || Kind::Services.id(*index) % 2 == 0;
    (0..business.book.count(Kind::Services)).filter(shown).map(|index| rate(business, index)).collect()
}

fn rate(business: &Business, service: u64) -> Value {
    let (book, id) = (&business.book, Kind::Services.id(service));
    let set = business.over.get(&("service_rates", id)).and_then(|fields| fields.get("rate")?.as_str());
    let rate = set.map_or_else(|| services::rate(book, service), str::to_owned);
    json!({"business_id": book.business_id, "service_id": id, "rate": rate})
}

/// A rate is posted as text or as a number and always comes as text.
fn set_rate(business: &mut Business, id: &str, body: &[u8]) -> Result<Answer, Refusal> {
    let index = business.find_text(Kind::Services, id).ok_or_else(Refusal::nothing_here)?;
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let rate = match &body["service_rate"]["rate"] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err(Refusal::field("rate", "field required")),
    };
    let fields = [("rate".to_owned(), rate.into())].into_iter().collect();
    business.over.insert(("service_rates", Kind::Services.id(index)), fields);
    Ok(flat(&json!({"service_rate": self::rate(business, index)})))
}

/// How many time entries may have a timer that still is one.
const NEWEST: u64 = 2_000;

/// The timers behind entries not yet logged, of the newest ones.
///
/// [?] Neither the list key nor a body is known: they are as inside time entries.
fn timers(business: &Business) -> Vec<Value> {
    let book = &business.book;
    let count = book.count(Kind::TimeEntries);
    let unlogged = (count.saturating_sub(NEWEST)..count)
        .filter(|index| time_entries::UNLOGGED >> (index % crate::book::CYCLE) & 1 == 1);
    let generated = unlogged
        .filter(|index| business.change_of(Kind::TimeEntries, *index).is_none())
        .map(|index| row_with_lines(book, Kind::TimeEntries, index));
    let changed = business.changed(Kind::TimeEntries).filter(|(_, change)| change.state != State::Deleted);
    let timer = |row: serde_json::Map<String, Value>| {
        let timer = row.get("timer")?.as_object()?;
        Some(json!({"id": timer.get("id"), "is_running": timer.get("is_running")}))
    };
    generated.chain(changed.map(|(_, change)| change.row.clone())).filter_map(timer).collect()
}

/// Time entries as the details report shows them.
fn search(call: &Call<'_>) -> Result<Answer, Refusal> {
    let declaration = Kind::TimeEntries.declaration();
    let (page, per_page) = api::paging(call.query, Family::Comments, call.options)?;
    let selection = filter::selection(&call.business.book, declaration, call.query, call.options)?;
    let found =
        list::page(call.business, declaration, &selection, (page - 1).saturating_mul(per_page), per_page);
    let rows: Vec<Value> = found.rows.iter().map(|row| searched(call.business, *row)).collect();
    let abilities: Vec<Value> = rows
        .iter()
        .map(|row| {
            let can = |name: &str| json!({"name": name, "value": true});
            json!({"time_entry_id": row["id"], "abilities": [can("can_edit"), can("can_delete")]})
        })
        .collect();
    let mut meta = json!({
        "page": page, "pages": api::pages(found.total, per_page, call.options), "per_page": per_page,
        "total": found.total,
    });
    let logged = api::logged(call.business, declaration, &selection, &found);
    meta["total_logged"] = logged.into();
    meta["total_unbilled"] = logged.into();
    Ok(Answer::json(
        StatusCode::OK,
        &json!({
            "time_entries": rows, "meta": meta, "aggregations": null,
            "download_token": "simulated.download.token", "abilities": abilities,
        }),
    ))
}

fn searched(business: &Business, row: Found<'_>) -> Value {
    let mut text = Vec::new();
    list::write_row(&mut text, business, Kind::TimeEntries.declaration(), row, Includes::All);
    let mut row: Value = serde_json::from_slice(&text).unwrap_or_default();
    if let Some(row) = row.as_object_mut() {
        row.remove("local_started_at");
        row.remove("local_timezone");
        row.insert("highlight".to_owned(), Value::Null);
    }
    row
}
