//! Reports on accounts: trial balance, balance sheet, chart of accounts, reconciliation of the bank.

use jiff::civil::Date;
use model::time::parse_date;
use serde_json::{Value, json};

use super::{Asked, TOKEN, currency, date, is_traded, money, report, today};
use crate::answer::Answer;
use crate::book::State;
use crate::changes::Business;
use crate::chart::{self, ACCOUNTS, Node, SUBS};
use crate::filter::text_of;
use crate::ledger;
use crate::papers::{self, POSTED};
use crate::refusal::Refusal;
use crate::resources::{Kind, ledger_accounts};
use crate::views::{Call, result};

/// What was posted to each sub-account within the period: debits equal credits.
pub(super) fn trial(call: &Call<'_>) -> Result<Answer, Refusal> {
    let asked = Asked::read(call)?;
    let balances = ledger::balances(call.business, &asked.code, Some(asked.start), asked.end);
    let rows: Vec<Value> = (0..SUBS)
        .zip(balances)
        .filter(|(_, debit)| *debit != 0)
        .map(|(sub, debit)| {
            let account = Node { account: chart::account_of(sub), sub: None }.account();
            json!({
                "account_name": account.name, "account_number": account.number,
                "account_sub_name": chart::sub_name(sub), "account_sub_number": chart::sub_number(sub).to_string(),
                "credit": asked.money((-debit).max(0)), "debit": asked.money(debit.max(0)),
                "sub_accountid": chart::sub_account_id(sub),
            })
        })
        .collect();
    let body = json!({
        "company_name": call.business.book.name, "currency_code": asked.code, "data": rows,
        "download_token": TOKEN, "end_date": asked.end.to_string(), "start_date": asked.start.to_string(),
    });
    Ok(report("trial_balance", &body))
}

/// The same by uuid.
///
/// [?] No source shows a body: a line has the account as the newer chart names it.
pub(super) fn newer_trial(call: &Call<'_>) -> Result<Answer, Refusal> {
    let asked = Asked::read(call)?;
    let balances = ledger::balances(call.business, &asked.code, Some(asked.start), asked.end);
    let rows: Vec<Value> = (0..)
        .zip(chart::nodes())
        .filter_map(|(index, node)| Some((index, node, balances.get(node.sub?).copied()?)))
        .filter(|(_, _, debit)| *debit != 0)
        .map(|(index, node, debit)| {
            let (name, _, uuid) = as_listed(call.business, index, node);
            json!({
                "account_name": name, "account_number": node.number(), "account_uuid": uuid,
                "credit": asked.money((-debit).max(0)), "debit": asked.money(debit.max(0)),
            })
        })
        .collect();
    let body = json!({
        "company_name": call.business.book.name, "currency_code": asked.code, "data": rows,
        "download_token": TOKEN, "end_date": asked.end.to_string(), "start_date": asked.start.to_string(),
    });
    Ok(report("trial_balance", &body))
}

/// The balances of all sub-accounts on one day.
struct Day {
    date: Date,
    balances: [i128; SUBS],
}

impl Day {
    /// What a sub-account stands at, counted the way its account grows.
    fn of(&self, sub: usize) -> i128 {
        let account = Node { account: chart::account_of(sub), sub: None }.account();
        let balance = self.balances.get(sub).copied().unwrap_or(0);
        if account.grows_by_debit() { balance } else { -balance }
    }

    fn account(&self, place: usize) -> i128 {
        ACCOUNTS.get(place).map_or(0, |account| account.subs().map(|sub| self.of(sub)).sum())
    }

    fn of_kind(&self, kind: &str) -> i128 {
        let places = (0..ACCOUNTS.len()).filter(|place| ACCOUNTS.get(*place).is_some_and(|a| a.kind == kind));
        places.map(|place| self.account(place)).sum()
    }

    /// What was earned until that day.
    fn earned(&self) -> i128 {
        self.of_kind("income") - self.of_kind("expense")
    }
}

/// Assets against liabilities and equity, which what was earned is part of.
pub(super) fn sheet(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut asked: Vec<Date> = Vec::new();
    for text in call.query.values("dates[]") {
        asked.push(parse_date(text).map_err(|_| Refusal::filter(1004, "dates", text))?);
    }
    if asked.is_empty() {
        asked.push(date(call.query, "end_date")?.unwrap_or(today(call)));
    }
    let code = currency(call)?;
    let days: Vec<Day> = asked
        .into_iter()
        .map(|date| Day { date, balances: ledger::balances(call.business, &code, None, date) })
        .collect();
    let series = |of: &dyn Fn(&Day) -> i128| -> Vec<Value> {
        let point = |day: &Day| json!({"balance": money(&code, of(day)), "date": day.date.to_string()});
        days.iter().map(point).collect()
    };
    let mut data = Vec::new();
    if is_traded(call.business, &code) {
        for (kind, category, numbers) in [
            ("asset", Some("current"), "1000".."1500"),
            ("asset", Some("long_term"), "1500".."2000"),
            ("liability", Some("current"), "2000".."2500"),
            ("equity", None, "3000".."4000"),
        ] {
            let places: Vec<usize> = (0..ACCOUNTS.len())
                .filter(|place| ACCOUNTS.get(*place).is_some_and(|account| numbers.contains(&account.number)))
                .collect();
            let mut accounts: Vec<Value> = places
                .iter()
                .filter_map(|place| {
                    let account = ACCOUNTS.get(*place)?;
                    let subs: Vec<Value> = account
                        .subs()
                        .map(|sub| {
                            json!({
                                "balances": series(&|day| day.of(sub)), "sub_account_name": chart::sub_name(sub),
                                "sub_account_number": chart::sub_number(sub).to_string(),
                            })
                        })
                        .collect();
                    Some(json!({
                        "account_name": account.name, "account_number": account.number,
                        "balances": series(&|day| day.account(*place)), "sub_accounts": subs,
                    }))
                })
                .collect();
            let is_equity = kind == "equity";
            if is_equity {
                accounts.push(json!({
                    "account_name": "Profit for all Fiscal Years", "account_number": "3900",
                    "balances": series(&Day::earned), "sub_accounts": [],
                }));
            }
            let sum = |day: &Day| -> i128 {
                let of_accounts: i128 = places.iter().map(|place| day.account(*place)).sum();
                of_accounts + if is_equity { day.earned() } else { 0 }
            };
            data.push(json!({
                "account_type": kind, "accounts": accounts, "balances": series(&sum), "category": category,
            }));
        }
    }
    let dates: Vec<String> = days.iter().map(|day| day.date.to_string()).collect();
    let body = json!({
        "assets_total": series(&|day| day.of_kind("asset")), "company_name": call.business.book.name,
        "currency_code": code, "data": data, "dates": dates, "download_token": TOKEN,
        "liabilities_and_equity_total":
            series(&|day| day.of_kind("liability") + day.of_kind("equity") + day.earned()),
    });
    Ok(report("balance_sheet", &body))
}

/// The name, the state and the uuid of an account, as the list of ledger accounts has them now.
fn as_listed(business: &Business, index: u64, node: Node) -> (String, State, String) {
    let uuid = ledger_accounts::uuid(&business.book, index);
    match business.change_of(Kind::LedgerAccounts, index) {
        Some(change) => (text_of(&change.row, "name"), change.state, uuid),
        None => (node.name().to_owned(), State::Active, uuid),
    }
}

/// The newer chart: balances with three decimals.
pub(super) fn chart_of_accounts(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (business, code) = (call.business, currency(call)?);
    let (start, end) = (date(call.query, "start_date")?, date(call.query, "end_date")?);
    let wanted = call.query.value("state").filter(|state| !state.is_empty() && *state != "all");
    let until = end.unwrap_or(Date::MAX);
    let mut balances = ledger::balances(business, &code, None, until);
    // what an account stands at has no beginning; what was earned and spent has one
    let within = ledger::balances(business, &code, start, until);
    for (balance, within) in balances.iter_mut().zip(within).skip(chart::SALES) {
        *balance = within;
    }
    let day = Day { date: until, balances };
    // in thousandths of the main unit, whatever the currency
    let text =
        |minor: i128| model::decimal::format(minor * if papers::places(&code) == 0 { 1000 } else { 10 }, 3);
    let row = |index: u64, node: Node, minor: i128| {
        let (name, state, uuid) = as_listed(business, index, node);
        let shown = wanted.is_none_or(|wanted| wanted == state.ledger_state());
        let account = node.account();
        shown.then(|| {
            json!({
                "account_name": name, "account_number": node.number(), "account_sub_type": account.sub_type,
                "account_type": account.kind, "account_uuid": uuid, "auto_created": true, "balance": text(minor),
                "currency_code": code, "state": state.ledger_state(), "system_account_name": node.name(),
            })
        })
    };
    let mut rows: Vec<Value> = Vec::new();
    for (index, node) in (0..).zip(chart::nodes()).filter(|_| is_traded(business, &code)) {
        if let Some(sub) = node.sub {
            let Some(mut below) = row(index, node, day.of(sub)) else { continue };
            let above = chart::index_of(node.account);
            below["parent_account_uuid"] = ledger_accounts::uuid(&business.book, above).into();
            let parent = rows.last_mut().and_then(|parent| parent["sub_accounts"].as_array_mut());
            if let Some(subs) = parent {
                subs.push(below);
            }
        } else if let Some(mut account) = row(index, node, day.account(node.account)) {
            account["sub_accounts"] = json!([]);
            rows.push(account);
        }
    }
    Ok(result(&json!({"journal_entry_accounts": rows})))
}

/// What the bank says against what the books say, up to a day.
///
/// [?] No source shows a body. The bank is two days behind the books.
pub(super) fn reconciliation(call: &Call<'_>) -> Result<Answer, Refusal> {
    let code = currency(call)?;
    let day = date(call.query, "date")?.unwrap_or(today(call));
    let behind = crate::moment::shift(day, -2);
    let id = chart::sub_account_id(chart::BANK);
    let wanted = call.query.value("bank_accountid").is_none_or(|text| text == id.to_string());
    let at = |date: Date| {
        ledger::balances(call.business, &code, None, date).get(chart::BANK).copied().unwrap_or(0)
    };
    let mut lines = Vec::new();
    if wanted && is_traded(call.business, &code) {
        let open = POSTED
            .into_iter()
            .flat_map(|kind| papers::of(call.business, kind))
            .filter(|paper| paper.code == code && paper.date > behind && paper.date <= day)
            .filter(|paper| ledger::legs(call.business, paper).iter().any(|leg| leg.sub == chart::BANK))
            .count();
        lines.push(json!({
            "account_name": chart::BANK_NAME, "balance": money(&code, at(day)), "bank_accountid": id, "book_balance": money(&code, at(day)),
            "description": chart::BANK_NAME, "difference": money(&code, at(day) - at(behind)), "reconciled_until": behind.to_string(),
            "statement_balance": money(&code, at(behind)), "unreconciled_transactions": open,
        }));
    }
    let body = json!({
        "data": lines, "company_name": call.business.book.name, "currency_code": code,
        "date": day.to_string(), "download_token": TOKEN,
    });
    Ok(report("bank_reconciliation_summary", &body))
}
