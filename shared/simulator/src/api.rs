//! Answers reads once the asker is known: lists, single rows, views.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::changes::Business;
use crate::dice::Dice;
use crate::filter;
use crate::list::{self, Found, Page};
use crate::options::Options;
use crate::query::Query;
use crate::refusal::Refusal;
use crate::resources::{Declaration, Family, Includes, Kind, Verbs, time_entries};
use crate::route::What;
use crate::views::Call;

/// Time entries that are added up for `total_logged`; beyond that it is a guess from the count.
const MOST_ADDED_UP: u64 = 10_000;

/// Answers a `GET` about one business.
pub(crate) fn read(
    business: &Business,
    what: &What<'_>,
    query: &Query,
    options: &Options,
    (version, now, turn): (&str, jiff::Timestamp, u64),
) -> Result<Answer, Refusal> {
    match what {
        What::List(kind) | What::Single(kind, _) if kind.declaration().verbs == Verbs::Create => {
            Err(Refusal::Status(http::StatusCode::METHOD_NOT_ALLOWED))
        }
        What::List(kind) => list_rows(business, kind.declaration(), query, (options, turn)).map(Answer::ok),
        What::Single(kind, id) => single(business, kind.declaration(), id, query, options),
        What::View(view, id) => (view.answer)(&Call { business, id, query, options, version, now }),
        What::UsersMe | What::Nothing => Err(Refusal::nothing_here()),
    }
}

/// `page` and `per_page` of a request.
pub(crate) fn paging(query: &Query, family: Family, options: &Options) -> Result<(u64, u64), Refusal> {
    let bad = |errno, key: &'static str, text: &str| match family {
        Family::Accounting | Family::Ledger | Family::Events | Family::Auth => {
            Refusal::filter(errno, key, text)
        }
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

pub(crate) fn pages(total: u64, per_page: u64, options: &Options) -> u64 {
    if total == 0 { options.empty_pages } else { total.div_ceil(per_page) }
}

fn list_rows(
    business: &Business,
    declaration: &Declaration,
    query: &Query,
    (options, turn): (&Options, u64),
) -> Result<Vec<u8>, Refusal> {
    let (page, per_page) =
        if declaration.paged { paging(query, declaration.family, options)? } else { (1, u64::MAX) };
    let selection = filter::selection(&business.book, declaration, query, options)?;
    let skip = (page - 1).saturating_mul(per_page);
    let mut found = list::page(business, declaration, &selection, skip, per_page);
    if !declaration.paged {
        // what comes all at once comes in its own order
        found.rows.reverse();
    }
    let includes = includes(query, options);
    let mut out = Vec::with_capacity(64 * 1024);
    let opening = if declaration.is_accounting() { r#"{"response":{"result":{""# } else { r#"{""# };
    out.extend_from_slice(opening.as_bytes());
    let list_key = match declaration.kind {
        Kind::Staff => options.staff_key.word(),
        _ => declaration.list_key,
    };
    out.extend_from_slice(list_key.as_bytes());
    out.extend_from_slice(br#"":["#);
    for (n, row) in found.rows.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        let draws = Dice::new(options.seed, "withheld includes", turn).part("row", n as u64);
        let withheld = options.withheld_includes > 0 && draws.one_in("withheld", options.withheld_includes);
        let includes: &[String] = if withheld { &[] } else { &includes };
        list::write_row(&mut out, business, declaration, *row, Includes::Some(includes));
    }
    let total = found.total.saturating_add(options.phantom_total).saturating_sub(options.short_total);
    let pages = pages(total, per_page, options);
    let mut closing = String::new();
    if !declaration.paged {
        closing.push_str("]}");
    } else if declaration.is_accounting() {
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
                time_totals(logged(business, declaration, &selection, &found), &mut meta);
            }
            _ => {}
        }
        let _ = write!(closing, r#"],"meta":{meta}}}"#);
    }
    out.extend_from_slice(closing.as_bytes());
    Ok(zoned(declaration, out, options))
}

/// What a request includes, and what comes without asking.
fn includes(query: &Query, options: &Options) -> Vec<String> {
    let mut includes = query.includes();
    if options.contacts_always {
        includes.push("contacts".to_owned());
    }
    includes
}

/// The body with times of callbacks as the options have them.
fn zoned(declaration: &Declaration, body: Vec<u8>, options: &Options) -> Vec<u8> {
    if declaration.kind == Kind::Callbacks && options.zoneless_callbacks {
        String::from_utf8_lossy(&body).replace("Z\"", "\"").into_bytes()
    } else {
        body
    }
}

/// The seconds of all time entries that are selected.
pub(crate) fn logged(
    business: &Business,
    declaration: &Declaration,
    selection: &filter::Selection,
    found: &Page<'_>,
) -> i64 {
    if found.total > MOST_ADDED_UP {
        return i64::try_from(found.total).unwrap_or(i64::MAX).saturating_mul(14_850);
    }
    let all = list::page(business, declaration, selection, 0, MOST_ADDED_UP);
    let seconds = all.rows.iter().map(|row| match row {
        Found::Generated(index) => time_entries::duration(&business.book, *index),
        Found::Changed(change) => change.row.get("duration").and_then(Value::as_i64).unwrap_or(0),
    });
    seconds.sum()
}

/// The totals beside the time entries.
fn time_totals(logged: i64, meta: &mut Value) {
    meta["total_logged"] = logged.into();
    meta["total_unbilled"] = logged.into();
    meta["total_logged_per_team_member"] = json!([]);
    meta["total_logged_per_client"] = json!([]);
}

/// There is no row with this id.
pub(crate) fn not_found(declaration: &Declaration, id: &str) -> Refusal {
    let field = declaration.id_keys.last().copied().unwrap_or("id");
    Refusal::NotFound { object: declaration.single_key, field, value: id.to_owned() }
}

fn single(
    business: &Business,
    declaration: &Declaration,
    id: &str,
    query: &Query,
    options: &Options,
) -> Result<Answer, Refusal> {
    let index = business.find_text(declaration.kind, id).ok_or_else(|| not_found(declaration, id))?;
    Ok(Answer::ok(single_body(business, declaration, index, query, options)))
}

/// One row in the envelope of its family.
pub(crate) fn single_body(
    business: &Business,
    declaration: &Declaration,
    index: u64,
    query: &Query,
    options: &Options,
) -> Vec<u8> {
    let row = match business.change_of(declaration.kind, index) {
        Some(change) => Found::Changed(change),
        None => Found::Generated(index),
    };
    let mut out = Vec::with_capacity(4096);
    let key = match declaration.kind {
        Kind::LedgerAccounts => "data",
        Kind::CreditNotes if options.credit_note_plural => declaration.list_key,
        _ => declaration.single_key,
    };
    let wrap =
        if declaration.is_accounting() { (r#"{"response":{"result":{""#, "}}}") } else { (r#"{""#, "}") };
    out.extend_from_slice(wrap.0.as_bytes());
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(br#"":"#);
    let includes = includes(query, options);
    list::write_row(&mut out, business, declaration, row, Includes::Some(&includes));
    if declaration.kind == Kind::Projects {
        out.extend_from_slice(
            br#","abilities":[{"name":"can_edit","value":true},{"name":"can_delete","value":true}]"#,
        );
    }
    out.extend_from_slice(wrap.1.as_bytes());
    zoned(declaration, out, options)
}
