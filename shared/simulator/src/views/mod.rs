//! Everything that is no plain list of rows: what is worked out from rows, what hangs on one row, and reports.

mod details;
mod gateways;
mod links;
mod lists;
mod uploads;

use std::fmt;

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api;
use crate::changes::Business;
use crate::options::Options;
use crate::query::Query;
use crate::refusal::Refusal;
use crate::resources::Family;
use crate::{identity, reports};

/// Where a view is: what its path is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// `accounting/account/{account_id}`
    Account,
    /// `accounting/businesses/{business_uuid}`
    Uuid,
    /// `accounting/ledger_accounts`
    Ledger,
    /// `payments/account/{account_id}`
    Payments,
    /// `comments/business/{business_id}`
    Comments,
    /// `uploads/account/{account_id}`
    UploadsTo,
    /// `uploads`
    Uploads,
    /// Of no view in the tables here.
    None,
}

/// What a view is asked.
pub(crate) struct Call<'a> {
    pub(crate) business: &'a Business,
    /// What stands for `{}` in the path.
    pub(crate) id: &'a str,
    pub(crate) query: &'a Query,
    pub(crate) options: &'a Options,
    /// The header `x-api-version`.
    pub(crate) version: &'a str,
    /// The simulator's time.
    pub(crate) now: jiff::Timestamp,
}

/// Answers a `POST` or a `PUT`: the id in the path, and the body.
pub(crate) type Post = fn(&mut Business, &str, &[u8]) -> Result<Answer, Refusal>;

/// All rows of a view.
pub(crate) type Rows = fn(&Business, &Options) -> Vec<Value>;

/// Something to be read that is worked out anew each time.
pub(crate) struct View {
    /// The name by which options, faults and the truth know it.
    pub(crate) name: &'static str,
    /// Whose envelope and errors it has.
    pub(crate) family: Family,
    pub(crate) root: Root,
    /// Behind the root; `{}` is an id.
    pub(crate) path: &'static str,
    /// `user:<scope>:read`.
    pub(crate) scope: &'static str,
    pub(crate) answer: fn(&Call<'_>) -> Result<Answer, Refusal>,
    /// All its rows, for the truth.
    pub(crate) rows: Option<Rows>,
    pub(crate) post: Option<Post>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for View {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for View {}

/// What a view is unless it says otherwise.
pub(crate) const USUAL: View = View {
    name: "",
    family: Family::Accounting,
    root: Root::Account,
    path: "",
    scope: "",
    answer: |_| Err(Refusal::nothing_here()),
    rows: None,
    post: None,
};

/// All views behind a root.
fn all() -> impl Iterator<Item = &'static View> {
    [details::VIEWS, gateways::VIEWS, links::VIEWS, lists::VIEWS, uploads::VIEWS, reports::VIEWS]
        .into_iter()
        .flatten()
}

/// The view at a path behind `root`, and the id in it.
pub(crate) fn find<'a>(root: Root, rest: &[&'a str]) -> Option<(&'static View, &'a str)> {
    all().filter(|view| view.root == root).find_map(|view| {
        let mut id = "";
        let mut parts = view.path.split('/');
        for part in rest {
            match parts.next()? {
                "{}" => id = part,
                wanted if wanted == *part => {}
                _ => return None,
            }
        }
        parts.next().is_none().then_some((view, id))
    })
}

/// The view of that name whose rows can be told.
pub(crate) fn with_rows(name: &str) -> Option<Rows> {
    all().chain([&identity::TEAM_MEMBERS]).find(|view| view.name == name)?.rows
}

/// A page of `rows` in the envelope of accounting.
pub(crate) fn page_of(call: &Call<'_>, key: &str, rows: Vec<Value>) -> Result<Answer, Refusal> {
    let (page, per_page) = api::paging(call.query, Family::Accounting, call.options)?;
    let total = rows.len() as u64;
    let skip = usize::try_from((page - 1).saturating_mul(per_page)).unwrap_or(usize::MAX);
    let rows: Vec<Value> = rows.into_iter().skip(skip).take(usize::try_from(per_page).unwrap_or(0)).collect();
    Ok(result(&paged(call, key, &rows, (page, per_page, total))))
}

/// A page that is cut already, with the numbers beside it.
pub(crate) fn paged(
    call: &Call<'_>,
    key: &str,
    rows: &[Value],
    (page, per_page, total): (u64, u64, u64),
) -> Value {
    let total = total.saturating_add(call.options.phantom_total).saturating_sub(call.options.short_total);
    let pages = api::pages(total, per_page, call.options);
    json!({key: rows, "page": page, "pages": pages, "per_page": per_page, "total": total})
}

/// `{"response":{"result":…}}`.
pub(crate) fn result(value: &Value) -> Answer {
    Answer::json(StatusCode::OK, &json!({"response": {"result": value}}))
}

/// An answer without an envelope.
pub(crate) fn flat(value: &Value) -> Answer {
    Answer::json(StatusCode::OK, value)
}
