//! Which months of a report are asked for.
//!
//! FreshBooks computes a report from its documents whenever it is asked, so a month that is over can still change. Each
//! month is read at least once after its end, and the last ones again with each run.

use freshbooks::{Request, Since};
use jiff::Span;
use lake::Habits;
use model::time::Zone;
use model::{Cursor, Date, Timestamp};
use tables::{Layout, Period, Rows};

use crate::passes::Window;

/// Months that a first reading goes back.
const FIRST_MONTHS: u32 = 24;

/// From which month on a report has to be read that was read at `cursor`, where so many months before the open one may
/// be restated.
pub(crate) fn since(cursor: Cursor, restated: u32) -> Since {
    before(Zone::Eastern.day_of(cursor.0).first_of_month(), restated).map_or(Since::Beginning, Since::Day)
}

/// Tables in whose rows the currencies of an account are met.
pub(crate) const MET_IN: [&str; 4] = ["invoices", "expenses", "bills", "other_income"];

/// Adds to the currencies that are known.
pub(crate) fn meet(known: &mut Vec<String>, others: impl IntoIterator<Item = String>) {
    known.extend(others);
    known.sort_unstable();
    known.dedup();
}

/// One request per month, currency and variant.
pub(crate) fn plan(
    request: &Request,
    layout: &Layout,
    window: &Window,
    habits: &Habits,
    now: Timestamp,
) -> Vec<Request> {
    let last = Zone::Eastern.day_of(now).first_of_month();
    let first = match window.since {
        Since::Day(day) => day.first_of_month(),
        Since::Beginning | Since::Instant(_) => before(last, FIRST_MONTHS).unwrap_or(last),
    };
    let months = std::iter::successors(Some(first.min(last)), |month| after(*month))
        .take_while(|month| *month <= last);
    let none: &[&[(&str, &str)]] = &[&[]];
    let variants = if layout.variants.is_empty() { none } else { layout.variants };
    // Where the currency is no part of the key, one answer has them all.
    let by_currency = request.table.key.contains(&"currency_code");
    let currencies: Vec<Option<&String>> = match &*habits.currencies {
        known if by_currency && !known.is_empty() => known.iter().map(Some).collect(),
        _ => vec![None],
    };
    let mut requests = Vec::new();
    for month in months {
        for currency in &currencies {
            for variant in variants {
                let mut parameters = period(layout.period, month);
                parameters.extend(currency.map(|code| ("currency_code", code.clone())));
                parameters.extend(variant.iter().map(|(key, value)| (*key, (*value).to_owned())));
                requests.push(Request { parameters, ..request.clone() });
            }
        }
    }
    requests
}

/// The parameters that tell a report its month.
fn period(period: Period, month: Date) -> Vec<(&'static str, String)> {
    let last = month.last_of_month().to_string();
    match period {
        Period::Range => vec![("start_date", month.to_string()), ("end_date", last)],
        Period::Day(key) => vec![(key, last)],
    }
}

/// How the keys of the rows begin that `request` brings.
pub(crate) fn key(request: &Request) -> Option<String> {
    let Rows::Report(layout) = request.table.rows else { return None };
    let days: Option<Vec<String>> = match layout.period {
        Period::Range => ["start_date", "end_date"].map(|key| day(request, key)).into_iter().collect(),
        Period::Day(key) => [day(request, key)].into_iter().collect(),
    };
    Some(days?.join("/") + "/")
}

/// A day among the parameters, as keys have it: days since 1970.
fn day(request: &Request, key: &str) -> Option<String> {
    let (_, day) = request.parameters.iter().find(|(name, _)| *name == key)?;
    let day: Date = day.parse().ok()?;
    day.since(Date::constant(1970, 1, 1)).ok().map(|span| span.get_days().to_string())
}

fn before(month: Date, months: u32) -> Option<Date> {
    month.checked_sub(Span::new().months(months)).ok()
}

fn after(month: Date) -> Option<Date> {
    month.checked_add(Span::new().months(1)).ok()
}

#[cfg(test)]
mod tests {
    use model::{AccountId, Unit};

    use super::*;

    fn asked(window: &Window, habits: &Habits) -> Vec<String> {
        let table = tables::find("report_profitloss_entity").unwrap();
        let request = Request::new(table, &Unit::Account(AccountId("A".into())));
        let tables::Rows::Report(layout) = table.rows else { unreachable!() };
        // 02:00 UTC on 1 April is still 31 March in New York.
        let requests = plan(&request, &layout, window, habits, "2026-04-01T02:00:00Z".parse().unwrap());
        let told = |request: Request| {
            request.parameters.into_iter().map(|(_, value)| value).collect::<Vec<_>>().join(" ")
        };
        requests.into_iter().map(told).collect()
    }

    #[test]
    fn the_open_month_and_the_three_before_it_are_read_again_in_every_currency() {
        let cursor = Cursor("2026-03-02T12:00:00Z".parse().unwrap());
        let window = Window { since: since(cursor, 3), until: None };
        let plain = asked(&window, &Habits::default());
        assert_eq!(plain.len(), 4 * 2);
        assert_eq!(plain[0], "2025-12-01 2025-12-31 false");
        assert_eq!(plain[7], "2026-03-01 2026-03-31 true");
        let habits = Habits { currencies: vec!["CAD".into(), "USD".into()], ..Habits::default() };
        let both = asked(&window, &habits);
        assert_eq!(both.len(), 4 * 2 * 2);
        assert_eq!(both[3], "2025-12-01 2025-12-31 USD true");
    }

    #[test]
    fn a_first_reading_goes_back_two_years_and_a_late_one_misses_no_month() {
        assert_eq!(asked(&Window::ALL, &Habits::default())[0], "2024-03-01 2024-03-31 false");
        let cursor = Cursor("2025-10-15T12:00:00Z".parse().unwrap());
        let late = asked(&Window { since: since(cursor, 3), until: None }, &Habits::default());
        assert_eq!((late.len(), &*late[0]), ((3 + 6) * 2, "2025-07-01 2025-07-31 false"));
    }
}
