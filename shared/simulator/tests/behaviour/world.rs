//! A simulator in virtual time, and short ways to ask it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use model::port::{Clock, Transport, TransportError};
use serde_json::Value;
use simulator::{Options, Simulator};

pub(crate) const A: &str = "qX4mRt";
pub(crate) const B: &str = "Wn8dLk";
pub(crate) const A_BUSINESS: &str = "610001";

/// Time that only passes when somebody waits.
#[derive(Debug)]
pub(crate) struct Virtual(Mutex<Timestamp>);

#[async_trait]
impl Clock for Virtual {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, time: Duration) {
        let mut now = self.0.lock().unwrap();
        *now += SignedDuration::try_from(time).unwrap();
    }
}

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) clock: Arc<Virtual>,
    /// The token that is sent; a fresh one with all scopes for each request if there is none.
    pub(crate) token: Option<String>,
}

pub(crate) fn start() -> Timestamp {
    "2026-11-22T15:00:00Z".parse().unwrap()
}

pub(crate) fn world() -> World {
    world_with(|_| {})
}

pub(crate) fn world_with(change: impl FnOnce(&mut Options)) -> World {
    let mut options = Options::default();
    change(&mut options);
    let clock = Arc::new(Virtual(Mutex::new(start())));
    let simulator = Simulator::new(options, clock.clone());
    World { simulator, clock, token: None }
}

pub(crate) struct Asked {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) response: Response<Bytes>,
}

impl World {
    pub(crate) fn token(&self) -> String {
        self.token.clone().unwrap_or_else(|| self.simulator.bearer_token(&[]))
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Asked, TransportError> {
        let bearer = format!("Bearer {}", self.token());
        let mut request = Request::builder().method(method).uri(format!("https://api.freshbooks.com/{path}"));
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", bearer);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        let response = self.simulator.transport().send(request).await?;
        let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        Ok(Asked { status: response.status().as_u16(), body, response })
    }

    pub(crate) async fn get(&self, path: &str) -> Asked {
        self.send("GET", path, &[], "").await.unwrap()
    }

    /// The rows of a page of an accounting list of business A.
    pub(crate) async fn rows(&self, path: &str) -> Vec<Value> {
        let asked = self.get(&format!("accounting/account/{A}/{path}")).await;
        assert_eq!(asked.status, 200, "{}", asked.body);
        rows_of(&asked.body)
    }

    /// The `total` of an accounting list of business A.
    pub(crate) async fn total(&self, path: &str) -> u64 {
        let asked = self.get(&format!("accounting/account/{A}/{path}")).await;
        asked.body["response"]["result"]["total"].as_u64().unwrap_or_else(|| panic!("{}", asked.body))
    }

    /// All rows of a list, page by page, as a careful reader would.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mark = if path.contains('?') { '&' } else { '?' };
        for page in 1.. {
            let asked = self.get(&format!("{path}{mark}page={page}&per_page=100")).await;
            assert_eq!(asked.status, 200, "{path} {}", asked.body);
            let page_rows = rows_of(&asked.body);
            if page_rows.is_empty() {
                break;
            }
            rows.extend(page_rows);
        }
        rows
    }
}

/// The list in an answer of any family.
pub(crate) fn rows_of(body: &Value) -> Vec<Value> {
    let object = body.pointer("/response/result").unwrap_or(body).as_object().unwrap();
    object.values().find_map(Value::as_array).unwrap().clone()
}

pub(crate) fn ids(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

/// Every list: resource, path, and the query that shows all its rows with everything included.
pub(crate) fn lists(account: &str, business: &str) -> Vec<(&'static str, String)> {
    let states = "search[vis_state][]=0&search[vis_state][]=1&search[vis_state][]=2";
    let accounting = [
        ("clients", "users/clients", BALANCES),
        ("invoices", "invoices/invoices", DOCUMENT),
        ("estimates", "estimates/estimates", DOCUMENT),
        ("expenses", "expenses/expenses", "&include[]=attachment&include[]=category"),
        ("payments", "payments/payments", ""),
        ("items", "items/items", ""),
        ("taxes", "taxes/taxes", ""),
        ("credit_notes", "credit_notes/credit_notes", DOCUMENT),
        ("bills", "bills/bills", ""),
    ];
    let mut lists: Vec<_> = accounting
        .into_iter()
        .map(|(name, path, includes)| {
            (name, format!("accounting/account/{account}/{path}?{states}{includes}"))
        })
        .collect();
    let flags = "team=true&include_deleted=true&include_unlogged=true";
    lists.push(("projects", format!("projects/business/{business}/projects")));
    lists.push(("time_entries", format!("timetracking/business/{business}/time_entries?{flags}")));
    lists
}

const DOCUMENT: &str =
    "&include[]=lines&include[]=presentation&include[]=owner&include[]=contacts&include[]=allocations";

const BALANCES: &str = "&include[]=outstanding_balance&include[]=credit_balance&include[]=draft_balance\
    &include[]=overdue_balance&include[]=grand_total_balance&include[]=contacts";
