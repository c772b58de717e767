//! Reports: added up from the documents at the time of the call, one currency in each answer.
//!
//! A period's ends count. A currency in which there is no document gives an answer without lines.

mod aging;
mod balances;
mod expenses;
mod payments;
mod profit;
mod sales;
mod statement;
mod taxes;

use jiff::Unit;
use jiff::civil::Date;
use model::time::parse_date;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::changes::Business;
use crate::moment;
use crate::papers::{self, POSTED};
use crate::query::Query;
use crate::refusal::Refusal;
use crate::views::{Call, Root, USUAL, View, result};

/// A report of one account, by the last part of its path.
const fn of_account(
    name: &'static str,
    path: &'static str,
    answer: fn(&Call<'_>) -> Result<Answer, Refusal>,
) -> View {
    View { name, path, scope: "reports", answer, ..USUAL }
}

/// A report of the newer kind, by the uuid of a business.
const fn of_business(
    name: &'static str,
    path: &'static str,
    answer: fn(&Call<'_>) -> Result<Answer, Refusal>,
) -> View {
    View { root: Root::Uuid, ..of_account(name, path, answer) }
}

pub(crate) const VIEWS: &[View] = &[
    of_account("accounts_aging", "reports/accounting/accounts_aging", aging::answer),
    of_account("balance_sheet", "reports/accounting/balance_sheet", balances::sheet),
    of_account("profitloss", "reports/accounting/profitloss_entity", profit::answer),
    of_account("taxsummary", "reports/accounting/taxsummary", taxes::answer),
    of_account("payments_collected", "reports/accounting/payments_collected", payments::answer),
    of_account("invoice_details", "reports/accounting/invoice_details", sales::invoice_details),
    of_account("expense_details", "reports/accounting/expense_details", expenses::answer),
    of_account("item_sales", "reports/accounting/item_sales", sales::item_sales),
    of_account("revenue_by_client", "reports/accounting/revenue_by_client", sales::revenue_by_client),
    of_account("trial_balance", "reports/accounting/trial_balance", balances::trial),
    of_account("account_statement", "reports/accounting/account_statement", statement::answer),
    of_account(
        "bank_reconciliation_summary",
        "reports/accounting/bank_reconciliation_summary",
        balances::reconciliation,
    ),
    of_business("chart_of_accounts", "reports/chart_of_accounts", balances::chart_of_accounts),
    of_business("profit_and_loss", "reports/profit_and_loss", profit::newer),
    of_business("trial_balance_v2", "reports/trial_balance", balances::newer_trial),
];

/// What stands for the key under which a report can be downloaded.
const TOKEN: &str = "simulated.download.token";

/// Periods of a report: more are refused.
const MOST_PERIODS: usize = 400;

/// What a report is asked for.
struct Asked {
    start: Date,
    end: Date,
    /// Both ends inclusive; one period if there is no resolution.
    periods: Vec<(Date, Date)>,
    resolution: Option<String>,
    code: String,
    cash_based: bool,
}

impl Asked {
    /// By default this year until today, in the currency of the business.
    fn read(call: &Call<'_>) -> Result<Self, Refusal> {
        let (query, today) = (call.query, today(call));
        let start = date(query, "start_date")?.unwrap_or(today.first_of_year());
        let end = date(query, "end_date")?.unwrap_or(today);
        if end < start {
            return Err(Refusal::filter(1007, "end_date", &end.to_string()));
        }
        let resolution = query.value("resolution").filter(|text| !text.is_empty()).map(str::to_owned);
        let months = match &resolution {
            None => None,
            Some(text) => {
                let months = text.strip_suffix('m').and_then(|n| n.parse::<i32>().ok());
                let months = months.filter(|n| (1..=120).contains(n));
                Some(months.ok_or_else(|| Refusal::filter(1004, "resolution", text))?)
            }
        };
        let periods = periods(start, end, months);
        let days = end.since((Unit::Day, start)).map_or(0, |span| span.get_days());
        if periods.len() > MOST_PERIODS || days > 40_000 {
            return Err(Refusal::filter(1004, "start_date", &start.to_string()));
        }
        let code = currency(call)?;
        let cash_based = query.flag("cash_based").ok().flatten().unwrap_or(false);
        Ok(Self { start, end, periods, resolution, code, cash_based })
    }

    fn holds(&self, day: Date) -> bool {
        (self.start..=self.end).contains(&day)
    }

    /// The place of the period that a day is in.
    fn period_of(&self, day: Date) -> Option<usize> {
        self.holds(day).then(|| self.periods.partition_point(|(_, last)| *last < day))
    }

    fn money(&self, minor: i128) -> Value {
        money(&self.code, minor)
    }
}

fn today(call: &Call<'_>) -> Date {
    moment::eastern(call.now).date()
}

fn date(query: &Query, key: &'static str) -> Result<Option<Date>, Refusal> {
    let Some(text) = query.value(key) else { return Ok(None) };
    parse_date(text).map(Some).map_err(|_| Refusal::filter(1004, key, text))
}

fn currency(call: &Call<'_>) -> Result<String, Refusal> {
    let code = call.query.value("currency_code").unwrap_or(call.business.book.home.code());
    if call.options.currency_refused && !is_traded(call.business, code) {
        return Err(Refusal::filter(1004, "currency_code", code));
    }
    Ok(code.to_owned())
}

fn periods(start: Date, end: Date, months: Option<i32>) -> Vec<(Date, Date)> {
    let Some(months) = months else { return vec![(start, end)] };
    let mut periods = Vec::new();
    let mut from = start;
    while from <= end && periods.len() <= MOST_PERIODS {
        // from the calendar: the first period may begin in the middle of a month
        let next = from.first_of_month().saturating_add(jiff::Span::new().months(months));
        let last = next.yesterday().unwrap_or(end).min(end);
        periods.push((from, last));
        from = last.tomorrow().unwrap_or(Date::MAX);
    }
    periods
}

fn money(code: &str, minor: i128) -> Value {
    json!({"amount": model::decimal::format(minor, papers::places(code)), "code": code})
}

/// Whether there is any document in a currency; there always is an account in the one of the business.
fn is_traded(business: &Business, code: &str) -> bool {
    let has = |kind| papers::of(business, kind).iter().any(|paper| paper.code == code);
    business.book.home.code() == code || POSTED.into_iter().any(has)
}

/// The numbers in `key=1,2`, `key[]=1` and `key=1&key=2`.
fn numbers(query: &Query, key: &str) -> Vec<i64> {
    words(query, key).iter().filter_map(|text| text.parse().ok()).collect()
}

/// The words in `key=a,b`, `key[]=a` and `key=a&key=b`.
fn words(query: &Query, key: &str) -> Vec<String> {
    let mut all = query.values(key);
    all.extend(query.values(&format!("{key}[]")));
    let words = all.into_iter().flat_map(|text| text.split(',')).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// The report under its key, in the envelope.
fn report(key: &str, report: &Value) -> Answer {
    result(&json!({key: report}))
}
