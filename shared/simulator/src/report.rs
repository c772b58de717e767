//! The profit and loss report. Up to a scale of 5,000 invoices it is the true sum over the rows; beyond that
//! each day's amounts are drawn, so that the cost follows the days asked for and not the rows.

use jiff::Unit;
use jiff::civil::Date;
use model::time::parse_date;
use serde_json::{Value, json};

use crate::book::{Book, State};
use crate::changes::Business;
use crate::dice::Dice;
use crate::filter::text_of;
use crate::moment;
use crate::query::Query;
use crate::refusal::Refusal;
use crate::resources::{Kind, expenses, invoices, payments};
use crate::words::CATEGORIES;

/// The largest scale at which the report sums the rows themselves.
const MOST_SUMMED: u64 = 5_000;

/// Periods of a report, and days that are drawn for one: more are refused.
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

/// Amounts in the smallest unit of the currency, per period.
type Amounts = Vec<i128>;

/// Answers `reports/accounting/profitloss_entity`.
pub(crate) fn profit_and_loss(business: &Business, query: &Query) -> Result<Value, Refusal> {
    let asked = asked(&business.book, query)?;
    let mut income = vec![0; asked.periods.len()];
    let mut costs = vec![vec![0; asked.periods.len()]; CATEGORIES.len()];
    if business.book.scale <= MOST_SUMMED {
        sum_rows(business, &asked, &mut income, &mut costs);
    } else {
        draw_days(&business.book, &asked, &mut income, &mut costs);
    }
    Ok(body(business.book.name, &asked, &income, &costs))
}

fn asked(book: &Book, query: &Query) -> Result<Asked, Refusal> {
    let today = moment::eastern(moment::at(book.until)).date();
    let date = |key: &'static str, default: Date| match query.value(key) {
        None => Ok(default),
        Some(text) => parse_date(text).map_err(|_| Refusal::filter(1004, key, text)),
    };
    let start = date("start_date", today.first_of_year())?;
    let end = date("end_date", today)?;
    if end < start {
        return Err(Refusal::filter(1007, "end_date", &end.to_string()));
    }
    let resolution = query.value("resolution").filter(|text| !text.is_empty()).map(str::to_owned);
    let months = match &resolution {
        None => None,
        Some(text) => {
            let months =
                text.strip_suffix('m').and_then(|n| n.parse::<i32>().ok()).filter(|n| (1..=120).contains(n));
            Some(months.ok_or_else(|| Refusal::filter(1004, "resolution", text))?)
        }
    };
    let periods = periods(start, end, months);
    let days = end.since((Unit::Day, start)).map_or(0, |span| span.get_days());
    if periods.len() > MOST_PERIODS || days > 40_000 {
        return Err(Refusal::filter(1004, "start_date", &start.to_string()));
    }
    let code = query.value("currency_code").unwrap_or(book.home.code()).to_owned();
    let cash_based = query.flag("cash_based").ok().flatten().unwrap_or(false);
    Ok(Asked { start, end, periods, resolution, code, cash_based })
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

fn add(amounts: &mut Amounts, asked: &Asked, date: Date, minor: i128) {
    let period = asked.periods.partition_point(|(_, last)| *last < date);
    if date >= asked.start
        && let Some(amount) = amounts.get_mut(period)
    {
        *amount += minor;
    }
}

fn scale(code: &str) -> u8 {
    if code == "JPY" { 0 } else { 2 }
}

fn sum_rows(business: &Business, asked: &Asked, income: &mut Amounts, costs: &mut [Amounts]) {
    let book = &business.book;
    let sales = if asked.cash_based { Kind::Payments } else { Kind::Invoices };
    let untouched = |kind: Kind| {
        (0..book.count(kind)).filter(move |index| {
            business.change_of(kind, *index).is_none()
                && Book::state(kind.declaration(), *index) != State::Deleted
        })
    };
    for index in untouched(sales) {
        let (amount, date) = if asked.cash_based {
            payments::payment(book, index)
        } else {
            (invoices::amount(book, index), invoices::create_date(book, index))
        };
        if amount.currency.code() == asked.code {
            add(income, asked, date, i128::from(amount.minor));
        }
    }
    for index in untouched(Kind::Expenses) {
        let (amount, date) = expenses::expense(book, index);
        let category = usize::try_from(expenses::category(book, index)).ok();
        if let Some(amounts) =
            category.and_then(|at| costs.get_mut(at)).filter(|_| amount.currency.code() == asked.code)
        {
            add(amounts, asked, date, i128::from(amount.minor));
        }
    }
    let changed = |kind: Kind, date: &'static str| {
        business.changed(kind).filter_map(move |(_, change)| {
            let text = |field| text_of(&change.row, field);
            let counts = !change.gone && change.state != State::Deleted && text("amount.code") == asked.code;
            let minor = model::decimal::parse(&text("amount"), scale(&asked.code)).ok()?;
            Some((parse_date(&text(date)).ok()?, minor, text("categoryid"))).filter(|_| counts)
        })
    };
    for (date, minor, _) in changed(sales, if asked.cash_based { "date" } else { "create_date" }) {
        add(income, asked, date, minor);
    }
    for (date, minor, category) in changed(Kind::Expenses, "date") {
        let place = category.parse().ok().and_then(expenses::category_of_id);
        if let Some(amounts) = place.and_then(|at| costs.get_mut(at)) {
            add(amounts, asked, date, minor);
        }
    }
}

fn draw_days(book: &Book, asked: &Asked, income: &mut Amounts, costs: &mut [Amounts]) {
    let size = i64::try_from(book.scale).unwrap_or(i64::MAX) / 10;
    let (first, last) =
        (moment::eastern(moment::at(book.from)).date(), moment::eastern(moment::at(book.until)).date());
    let mut day = asked.start.max(first);
    while day <= asked.end.min(last) {
        let number =
            u64::from(day.day_of_year().unsigned_abs()) + 1000 * u64::from(day.year().unsigned_abs());
        let dice =
            Dice::new(book.seed, "profit and loss", number).part(&asked.code, u64::from(asked.cash_based));
        add(income, asked, day, i128::from(dice.between("income", 90, 220)) * i128::from(size));
        for (place, amounts) in (0..).zip(costs.iter_mut()) {
            let cost = dice.part("category", place).between("cost", 1, 12);
            add(amounts, asked, day, i128::from(cost) * i128::from(size));
        }
        day = day.tomorrow().unwrap_or(Date::MAX);
    }
}

fn body(company: &str, asked: &Asked, income: &Amounts, costs: &[Amounts]) -> Value {
    let sum = |parts: &mut dyn Iterator<Item = &Amounts>| {
        parts.fold(vec![0; asked.periods.len()], |sum: Amounts, part| {
            sum.iter().zip(part).map(|(a, b)| a + b).collect()
        })
    };
    let node = |name: &str, entry: &str, amounts: &Amounts, children: &[Value]| {
        node(asked, name, entry, amounts, children)
    };
    let mut groups: Vec<Value> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (group, _) in CATEGORIES {
        if seen.contains(group) {
            continue;
        }
        seen.push(group);
        let members = || CATEGORIES.iter().zip(costs).filter(|((other, _), _)| other == group);
        let children: Vec<Value> = members()
            .map(|((_, name), amounts)| {
                let leaf = node("Expenses", "debit", amounts, &[]);
                node(name, "debit", amounts, &[leaf])
            })
            .collect();
        groups.push(node(group, "debit", &sum(&mut members().map(|(_, amounts)| amounts)), &children));
    }
    let expenses = sum(&mut costs.iter());
    let profit: Amounts = income.iter().zip(&expenses).map(|(income, expense)| income - expense).collect();
    let nothing = vec![0; asked.periods.len()];
    let sales = node("Sales", "credit", income, &[node("Invoice", "credit", income, &[])]);
    let mut report = json!({
        "cash_based": asked.cash_based,
        "company_name": company,
        "currency_code": asked.code,
        "download_token": "simulated.download.token",
        "end_date": asked.end.to_string(),
        "expenses": groups,
        "gross_margin": margin(asked, income),
        "income": [sales, node("Cost of Goods Sold", "credit", &nothing, &[])],
        "labels": asked.resolution.iter().flat_map(|_| &asked.periods).map(|(start, _)| start.to_string()).collect::<Vec<_>>(),
        "net_profit": node(&format!("Net Profit ({})", asked.code), "credit", &profit, &[]),
        "resolution": asked.resolution,
        "start_date": asked.start.to_string(),
        "total_expenses": node("Total Expenses", "debit", &expenses, &[]),
        "total_income": node("Gross Profit", "credit", income, &[]),
    });
    if asked.resolution.is_some()
        && let Some(report) = report.as_object_mut()
    {
        let dates = asked
            .periods
            .iter()
            .map(|(start, end)| json!({"start_date": start.to_string(), "end_date": end.to_string()}));
        report.insert("dates".to_owned(), dates.collect());
    }
    json!({"response": {"result": {"profitloss": report}}})
}

fn money(asked: &Asked, minor: i128) -> Value {
    json!({"amount": model::decimal::format(minor, scale(&asked.code)), "code": asked.code})
}

fn node(asked: &Asked, name: &str, entry: &str, amounts: &Amounts, children: &[Value]) -> Value {
    let data: Vec<Value> =
        asked.resolution.iter().flat_map(|_| amounts).map(|minor| money(asked, *minor)).collect();
    json!({
        "children": children, "data": data, "description": name, "entry_type": entry,
        "total": money(asked, amounts.iter().sum()),
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
