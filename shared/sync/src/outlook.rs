//! What a task would ask for, told by the code that asks, and without asking.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use freshbooks::{Client, FixedToken, PER_PAGE, Request, Since, Tokens};
use lake::{Commit, Habits};
use model::time::Zone;
use model::{AccountId, BusinessId, Cursor, Error, ErrorKind, Mode, Result, Task, Timestamp, Unit};
use secrecy::SecretString;
use tables::{CursorRule, DeleteRule, Owner, RawText, Rows, Table};

use crate::extract::{Extraction, Reach, Worker};
use crate::passes::{self, Window};
use crate::periods;
use crate::rules;
use crate::stop::Stop;
use crate::tally::lives;

/// What a task would ask for.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// What is read.
    pub reading: Reading,
    /// The lists that are asked for, each to its last page.
    pub lists: usize,
    /// Requests, if nothing has changed; of a table that was never read, one for each list.
    pub requests: u64,
    /// Rows that are expected: those known to come again, or those that FreshBooks was asked to count. Nothing is known of a
    /// table that was never read, or whose rows do not tell when they changed.
    pub rows: Option<u64>,
    /// Requests for single rows of another table, on top of the others.
    pub per_row: PerRow,
}

/// Requests for single rows of another table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerRow {
    /// The table is not asked for so.
    No,
    /// One for each row that was not asked for as it is now, of which a run does so many at most.
    AtMost(u64),
    /// One for each row that there is.
    Every,
}

/// What is read of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Everything, for the first time.
    First,
    /// Everything.
    Whole,
    /// What changed on or after a day, as FreshBooks cuts days.
    Day(model::Date),
    /// What changed at or after an instant.
    Instant(Timestamp),
    /// The months from one on.
    Months(model::Date),
}

/// What `task` would ask for now. With `tokens`, the first page of each list is asked for, to know how many rows it has.
pub async fn outlook(worker: &Worker, tokens: Option<Arc<dyn Tokens>>, task: &Task) -> Result<Outlook> {
    let table = tables::find(task.table.as_str())
        .ok_or_else(|| Error::new(ErrorKind::Config, format!("there is no table {}", task.table)))?;
    let rules = rules::of(worker, table, &task.settings)?;
    let asks = tokens.is_some();
    let client = Client::new(
        worker.api_url.clone(),
        Arc::clone(&worker.transport),
        Arc::clone(&worker.clock),
        Arc::clone(&worker.random),
        tokens.unwrap_or_else(|| Arc::new(FixedToken(SecretString::default()))),
        Arc::clone(&worker.budget),
    );
    let stop = Stop::default();
    let (raw, asked) = (RawText::Keep, AtomicU64::new(0));
    let extraction = Extraction { worker, client, table, task, stop: &stop, raw, asked, rules };
    let listed = extraction.listed();
    let head = worker.lake.head(table.name, &task.unit).await?;
    let habits = extraction.habits(head.as_ref());
    let new = extraction.new_currencies(&habits).await?;
    let window = Window { since: extraction.since(head.as_ref()), until: None };
    let requests = extraction.requests(&window, &habits, new.as_ref(), worker.clock.now());
    let reading = reading(listed, head.as_ref(), window.since);
    let (rows, asked) = if asks {
        let counted = count(&extraction.client, &requests).await?;
        (Some(counted.0), counted.1)
    } else if table.each.is_some() {
        // How long the lists are is known to the table that they are of.
        let lists = worker.lake.head(listed.name, &task.unit).await?;
        (None, lists.map_or(requests.len() as u64, |head| pages(listed, &head, &requests)))
    } else {
        match &head {
            Some(head) => (known(&extraction, head, &requests).await?, pages(table, head, &requests)),
            None => (None, requests.len() as u64),
        }
    };
    let (per_row, rows) = match (table.each, task.mode) {
        (None, _) => (PerRow::No, rows),
        // What was counted is another table's.
        (Some(_), Mode::Full) => (rows.map_or(PerRow::Every, PerRow::AtMost), None),
        (Some(_), Mode::Incremental) => {
            let ceiling = worker.reach.per_row;
            (PerRow::AtMost(rows.map_or(ceiling, |rows| rows.min(ceiling))), None)
        }
    };
    Ok(Outlook { reading, lists: requests.len(), requests: asked, rows, per_row })
}

fn reading(table: &Table, head: Option<&Commit>, since: Since) -> Reading {
    match since {
        _ if head.is_none() => Reading::First,
        Since::Beginning => Reading::Whole,
        Since::Day(day) if table.cursor == CursorRule::Months => Reading::Months(day),
        Since::Day(day) => Reading::Day(day),
        Since::Instant(at) => Reading::Instant(at),
    }
}

/// How many pages the lists have if they are as they were.
fn pages(table: &Table, head: &Commit, requests: &[Request]) -> u64 {
    let lists = requests.len() as u64;
    let paged = matches!(table.rows, Rows::List { .. });
    let whole = requests.iter().all(|request| !passes::is_filtered(request) && request.parameters.is_empty());
    // What was read in windows was not read as a whole.
    if !paged || !whole || head.loading.is_some() {
        return lists;
    }
    let proof = &head.certificate;
    if lists > 1 {
        return proof.pages.max(lists);
    }
    // A full last page is asked what follows it. What was read twice to be sure is read twice again.
    (proof.distinct_keys / u64::from(PER_PAGE) + 1) * (proof.rereadings + 1)
}

/// The rows that are known to come again; nothing is known where no row remembers when it does.
async fn known(extraction: &Extraction<'_>, head: &Commit, requests: &[Request]) -> Result<Option<u64>> {
    let months: Vec<String> = requests.iter().filter_map(periods::key).collect();
    if months.is_empty() && requests.iter().any(|request| !passes::is_filtered(request)) {
        return Ok(Some(head.certificate.distinct_keys));
    }
    if extraction.table.cursor == CursorRule::UpdatedSince {
        return Ok(None);
    }
    let seen = extraction.worker.lake.seen(head).await?;
    if !months.is_empty() {
        let comes = |name: &str| months.iter().any(|month| name.starts_with(month.as_str()));
        let living = |key| seen.digest(key).is_some_and(lives);
        return Ok(Some(seen.named().filter(|(key, name)| comes(name) && living(*key)).count() as u64));
    }
    let from = |request: &Request| match request.since {
        Since::Day(day) => passes::asked_again_from_day(day.tomorrow().ok()?.tomorrow().ok()?),
        Since::Beginning | Since::Instant(_) => None,
    };
    let from = requests.iter().filter_map(from).min().unwrap_or(Timestamp::MIN).as_second();
    let comes = |updated: i64| updated >= from;
    let known = seen.iter().filter(|(_, row)| row.updated.is_none_or(|at| comes(at.get().into())));
    Ok(Some(known.count() as u64))
}

/// How many rows the lists have, and how many requests they take.
async fn count(client: &Client, requests: &[Request]) -> Result<(u64, u64)> {
    let (mut rows, mut pages) = (0, 0);
    for request in requests {
        let page = client.fetch(request).await?.page;
        let total = page.total.unwrap_or(page.len() as u64);
        rows += total;
        pages += page.last().max(total.div_ceil(PER_PAGE.into())).max(1);
    }
    Ok((rows, pages))
}

/// How many requests an idle run makes for one unit of `table`, once its habits are known: so many lists, each of one page
/// or as many as it has. Of a table that is asked for row by row of another one, these are the other one's.
pub fn idle_requests(table: &'static Table) -> usize {
    let table = table.each.and_then(|each| tables::find(each.parent)).unwrap_or(table);
    let unit = match table.family.owner() {
        Owner::Person => Unit::Identity(0),
        Owner::Account => Unit::Account(AccountId(String::new())),
        Owner::Business => Unit::Business(BusinessId(0)),
    };
    let habits = Habits {
        honours_updated: Some(true),
        lists_all_states: (table.deleted == DeleteRule::VisState).then_some(true),
        ..Habits::default()
    };
    // Far from the border of a month: any day does.
    let now = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * 14);
    debug_assert_eq!(Zone::Eastern.day_of(now).day(), 14);
    let window = Window::after(table, Cursor(now), Reach::default().restated_months);
    passes::plan(Request::new(table, &unit), &window, &habits, now).len()
}
