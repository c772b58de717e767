//! Answers calls once the asker is known: lists, single rows, writes, reports, identity.

use std::fmt::Write as _;

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::book::{Book, State};
use crate::changes::Business;
use crate::list::{self, Found, Page};
use crate::options::Options;
use crate::query::Query;
use crate::refusal::Refusal;
use crate::resources::{Declaration, Family, Includes, Kind, Lifecycle, services, time_entries};
use crate::route::What;
use crate::{filter, identity, report};

/// Time entries that are added up for `total_logged`; beyond that it is a guess from the count.
const MOST_ADDED_UP: u64 = 10_000;

/// Answers a `GET` about one business.
pub(crate) fn read(
    business: &Business,
    what: &What<'_>,
    query: &Query,
    options: &Options,
) -> Result<Answer, Refusal> {
    let book = &business.book;
    match what {
        What::List(kind) => list_rows(business, kind.declaration(), query, options).map(Answer::ok),
        What::Single(kind, id) => single(business, kind.declaration(), id, query),
        What::ProfitAndLoss => Ok(Answer::json(StatusCode::OK, &report::profit_and_loss(business, query)?)),
        What::Business => Ok(Answer::json(StatusCode::OK, &identity::business(book, options.seed))),
        What::TeamMembers => team_members(book, query, options),
        What::ServiceRates => {
            let shown = |index: &u64| !options.sees_part() || Kind::Services.id(*index) % 2 == 0;
            let rates: Vec<Value> =
                (0..book.count(Kind::Services)).filter(shown).map(|index| rate(book, index)).collect();
            Ok(Answer::json(StatusCode::OK, &json!({"service_rates": rates})))
        }
        What::ServiceRate(id) => {
            let index = id.parse().ok().and_then(|id| business.find(Kind::Services, id));
            let index = index.ok_or_else(Refusal::nothing_here)?;
            Ok(Answer::json(StatusCode::OK, &json!({"service_rate": rate(book, index)})))
        }
        What::UsersMe | What::Nothing => Err(Refusal::nothing_here()),
    }
}

fn rate(book: &Book, service: u64) -> Value {
    let id = Kind::Services.id(service);
    json!({"business_id": book.business_id, "service_id": id, "rate": services::rate(book, service)})
}

/// `page` and `per_page` of a request.
fn paging(query: &Query, family: Family, options: &Options) -> Result<(u64, u64), Refusal> {
    let bad = |errno, key: &'static str, text: &str| match family {
        Family::Accounting | Family::Events | Family::Auth => Refusal::filter(errno, key, text),
        _ => Refusal::field(key, "Input should be a valid integer, unable to parse string as an integer"),
    };
    let page = match query.value("page") {
        None => 1,
        Some(text) => text.parse::<u64>().map_err(|_| bad(1014, "page", text))?.max(1),
    };
    let per_page = match query.value("per_page") {
        None if matches!(family, Family::Accounting | Family::Events) => 15,
        None => 30,
        Some(text) => text.parse().ok().filter(|n| *n > 0).ok_or_else(|| bad(1013, "per_page", text))?,
    };
    Ok((page, per_page.min(options.most_per_page.max(1))))
}

fn pages(total: u64, per_page: u64, options: &Options) -> u64 {
    if total == 0 { options.empty_pages } else { total.div_ceil(per_page) }
}

fn list_rows(
    business: &Business,
    declaration: &Declaration,
    query: &Query,
    options: &Options,
) -> Result<Vec<u8>, Refusal> {
    let (page, per_page) = paging(query, declaration.family, options)?;
    let selection = filter::selection(&business.book, declaration, query, options)?;
    let skip = (page - 1).saturating_mul(per_page);
    let found = list::page(business, declaration, &selection, skip, per_page);
    let includes = query.includes();
    let mut out = Vec::with_capacity(64 * 1024);
    let opening = if declaration.is_accounting() { r#"{"response":{"result":{""# } else { r#"{""# };
    out.extend_from_slice(opening.as_bytes());
    out.extend_from_slice(declaration.list_key.as_bytes());
    out.extend_from_slice(br#"":["#);
    for (n, row) in found.rows.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        list::write_row(&mut out, business, declaration, *row, Includes::Some(&includes));
    }
    let total = found.total.saturating_add(options.phantom_total).saturating_sub(options.short_total);
    let pages = pages(total, per_page, options);
    let mut closing = String::new();
    if declaration.is_accounting() {
        // never fails on a `String`
        let _ =
            write!(closing, r#"],"page":{page},"pages":{pages},"per_page":{per_page},"total":{total}}}}}}}"#);
    } else {
        let mut meta = json!({"page": page, "pages": pages, "per_page": per_page, "total": total});
        match declaration.kind {
            Kind::Projects => meta["sort"] = query.value("sort").into_iter().collect(),
            Kind::TimeEntries => {
                if total == 0 {
                    meta["per_page"] = json!(0);
                }
                time_totals(business, declaration, &selection, &found, &mut meta);
            }
            _ => {}
        }
        let _ = write!(closing, r#"],"meta":{meta}}}"#);
    }
    out.extend_from_slice(closing.as_bytes());
    Ok(out)
}

/// The totals beside the time entries.
fn time_totals(
    business: &Business,
    declaration: &Declaration,
    selection: &filter::Selection,
    found: &Page<'_>,
    meta: &mut Value,
) {
    let logged = if found.total > MOST_ADDED_UP {
        i64::try_from(found.total).unwrap_or(i64::MAX).saturating_mul(14_850)
    } else {
        let all = list::page(business, declaration, selection, 0, MOST_ADDED_UP);
        let seconds = all.rows.iter().map(|row| match row {
            Found::Generated(index) => time_entries::duration(&business.book, *index),
            Found::Changed(change) => change.row.get("duration").and_then(Value::as_i64).unwrap_or(0),
        });
        seconds.sum()
    };
    meta["total_logged"] = logged.into();
    meta["total_unbilled"] = logged.into();
    meta["total_logged_per_team_member"] = json!([]);
    meta["total_logged_per_client"] = json!([]);
}

fn team_members(book: &Book, query: &Query, options: &Options) -> Result<Answer, Refusal> {
    let (page, per_page) = paging(query, Family::Auth, options)?;
    let all = identity::team_members(book, options.seed);
    let total = all.len() as u64;
    let skip = usize::try_from((page - 1).saturating_mul(per_page)).unwrap_or(usize::MAX);
    let rows: Vec<Value> = all.into_iter().skip(skip).take(usize::try_from(per_page).unwrap_or(0)).collect();
    let meta =
        json!({"page": page, "pages": pages(total, per_page, options), "per_page": per_page, "total": total});
    Ok(Answer::json(StatusCode::OK, &json!({"response": rows, "meta": meta})))
}

fn not_found(declaration: &Declaration, id: &str) -> Refusal {
    let field = declaration.id_keys.last().copied().unwrap_or("id");
    Refusal::NotFound { object: declaration.single_key, field, value: id.to_owned() }
}

fn single(
    business: &Business,
    declaration: &Declaration,
    id: &str,
    query: &Query,
) -> Result<Answer, Refusal> {
    let found = id.parse().ok().and_then(|id| business.find(declaration.kind, id));
    let index = found.ok_or_else(|| not_found(declaration, id))?;
    Ok(Answer::ok(single_body(business, declaration, index, &query.includes())))
}

fn single_body(business: &Business, declaration: &Declaration, index: u64, includes: &[String]) -> Vec<u8> {
    let row = match business.change_of(declaration.kind, index) {
        Some(change) => Found::Changed(change),
        None => Found::Generated(index),
    };
    let mut out = Vec::with_capacity(4096);
    let key = declaration.single_key;
    let wrap =
        if declaration.is_accounting() { (r#"{"response":{"result":{""#, "}}}") } else { (r#"{""#, "}") };
    out.extend_from_slice(wrap.0.as_bytes());
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(br#"":"#);
    list::write_row(&mut out, business, declaration, row, Includes::Some(includes));
    if declaration.kind == Kind::Projects {
        out.extend_from_slice(
            br#","abilities":[{"name":"can_edit","value":true},{"name":"can_delete","value":true}]"#,
        );
    }
    out.extend_from_slice(wrap.1.as_bytes());
    out
}

/// Answers `POST`, `PUT` and `DELETE`.
pub(crate) fn write(
    business: &mut Business,
    what: &What<'_>,
    method: &Method,
    (query, body): (&Query, &[u8]),
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let not_allowed = Refusal::Status(StatusCode::METHOD_NOT_ALLOWED);
    match (what, method) {
        (What::List(kind), &Method::POST) => create(business, kind.declaration(), query, body, now),
        (What::Single(kind, id), &Method::PUT | &Method::PATCH) => {
            let declaration = kind.declaration();
            let number = id.parse().map_err(|_| not_found(declaration, id))?;
            let mut fields = object(declaration, body)?;
            // FreshBooks quirk: with `vis_state` in it, everything else in a PUT is dropped
            if declaration.lifecycle == Lifecycle::VisState && fields.contains_key("vis_state") {
                fields.retain(|key, _| key == "vis_state");
            }
            if !business.change(*kind, number, &fields, now) {
                return Err(not_found(declaration, id));
            }
            let index = business.find(*kind, number).ok_or_else(|| not_found(declaration, id))?;
            Ok(Answer::ok(single_body(business, declaration, index, &query.includes())))
        }
        (What::Single(kind, id), &Method::DELETE) => {
            let declaration = kind.declaration();
            let deleted = id.parse().is_ok_and(|id| {
                business.find(*kind, id).is_some() && business.move_to(*kind, id, State::Deleted, now)
            });
            match (deleted, declaration.family) {
                (false, _) => Err(not_found(declaration, id)),
                (true, Family::Accounting) => Ok(Answer::json(StatusCode::OK, &json!({"response": {}}))),
                (true, _) => Ok(Answer::empty(StatusCode::NO_CONTENT)),
            }
        }
        _ => Err(not_allowed),
    }
}

/// The object in a body: `{"client": {…}}`.
fn object(declaration: &Declaration, body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let mut body: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    match body.remove(declaration.single_key) {
        Some(Value::Object(fields)) => Ok(fields),
        _ if declaration.is_accounting() => Err(Refusal::filter(1001, declaration.single_key, "")),
        _ => Err(Refusal::field(declaration.single_key, "field required")),
    }
}

fn create(
    business: &mut Business,
    declaration: &Declaration,
    query: &Query,
    body: &[u8],
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let fields = object(declaration, body)?;
    if let Some(missing) = declaration.required.iter().find(|key| !fields.contains_key(**key)) {
        return Err(match declaration.family {
            Family::Accounting => Refusal::filter(1001, missing, ""),
            _ => Refusal::field(missing, "field required"),
        });
    }
    let id = business.insert(declaration.kind, &fields, now);
    let index = business.find(declaration.kind, id).ok_or_else(Refusal::nothing_here)?;
    Ok(Answer::ok(single_body(business, declaration, index, &query.includes())))
}
