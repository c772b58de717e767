//! Makes the seeds anew: what the simulator answers, what a sync of it leaves in a lake, and what a browser sends.
//!
//! `cargo run --example seeds`, in this folder; the seeds are in `corpus/`.

#![allow(clippy::unwrap_used, reason = "it either makes the seeds or it does not")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use freshbooks::{Budget, FixedToken, IDENTITY_PATH, Request};
use fuzz::stage::{LoadedDice, Memory, PatientClock, run};
use lake::Lake;
use model::port::{ObjectStore as _, Transport as _};
use model::{AccountId, BusinessId, ConnectionName, Mode, RunId, Task, Unit};
use simulator::{Options, Simulator};
use sync::{Brake, Stop, Worker};
use tables::Family;

/// Rows of a page that is kept: a few of each kind are enough.
const MOST_BYTES: usize = 6_000;

fn keep(target: &str, name: &str, data: impl AsRef<[u8]>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), data).unwrap();
}

fn main() {
    let clock = Arc::new(PatientClock::default());
    let simulator = Simulator::new(Options { scale: 12, ..Options::default() }, clock.clone());
    let api = "http://127.0.0.1:1".parse::<url::Url>().unwrap();
    let token = simulator.bearer_token(&[]);
    let ask = |target: &str, bearer: &str| {
        let request = http::Request::get(target).header("authorization", format!("Bearer {bearer}"));
        run(simulator.transport().send(request.body(Bytes::new()).unwrap())).unwrap().into_body()
    };
    let business = simulator.businesses()[0].clone();
    for (at, table) in (0_u8..).zip(tables::ALL) {
        let unit = match table.family {
            Family::Identity => Unit::Identity(1),
            Family::Accounting | Family::Report => Unit::Account(AccountId(business.account_id.clone())),
            _ => Unit::Business(BusinessId(business.business_id)),
        };
        let mut url = Request::new(table, &unit).url(&api).unwrap().to_string();
        let whole = ask(&url, &token);
        let rows = freshbooks::Page::parse(table, whole).unwrap();
        let mut few = vec![at];
        for (at, row) in rows.rows().take(3).enumerate() {
            few.extend_from_slice(if at == 0 { "" } else { "\n" }.as_bytes());
            few.extend_from_slice(row.as_bytes());
        }
        keep("rows", table.name, few);
        url = url.replace("per_page=100", "per_page=2");
        let mut page = vec![at];
        page.extend_from_slice(&ask(&url, &token));
        if page.len() < MOST_BYTES {
            keep("page", table.name, &page);
            let mut answer = vec![at << 4];
            answer.extend_from_slice(b"\nTue, 31 Mar 2026 15:00:00 GMT\n");
            answer.extend_from_slice(page.get(1..).unwrap());
            keep("answer", table.name, answer);
        }
        keep("error_body", table.name, ask(&url, "not a token"));
        keep("error_body", &format!("{}_page", table.name), ask(&url.replace("page=1", "page=-1"), &token));
    }
    let identity = ask(api.join(IDENTITY_PATH).unwrap().as_ref(), &token);
    keep("identity", "me", identity);
    lake(&simulator, clock, &token, &business.account_id);
    browser();
    by_hand();
}

/// What a sync leaves behind: a pointer, a list of rows seen; and the task that asked for it.
fn lake(simulator: &Simulator, clock: Arc<PatientClock>, token: &str, account: &str) {
    let store = Arc::new(Memory::default());
    let worker = Worker {
        lake: Lake::new(store.clone(), "freshbooks"),
        api_url: "http://127.0.0.1:1".parse().unwrap(),
        transport: Arc::new(simulator.transport()),
        clock,
        random: Arc::new(LoadedDice),
        budget: Arc::new(Budget::new(2)),
        in_flight: 1,
        window_rows: sync::WINDOW_ROWS,
        reach: sync::Reach::default(),
        brake: Brake::default(),
        progress: Arc::new(sync::Quiet),
        salt: None,
    };
    let name = ConnectionName::new("acme").unwrap();
    let unit = Unit::Account(AccountId(account.to_owned()));
    for table in ["invoices", "taxes"] {
        let run_id = RunId("acme-20260331T150000Z".to_owned());
        let task = Task::new(&name, &run_id, table.into(), unit.clone(), Mode::Incremental);
        keep("event", table, serde_json::to_vec(&task).unwrap());
        let tokens = Arc::new(FixedToken(token.to_owned().into()));
        run(sync::extract(&worker, tokens, &task, &Stop::default())).unwrap();
        let commit = run(worker.lake.head(table, &unit)).unwrap().unwrap();
        keep("commit", table, serde_json::to_vec(&commit).unwrap());
        keep("seen", table, run(store.get(&commit.seen)).unwrap().unwrap());
    }
}

fn browser() {
    let (cookie, state) = fuzz::session();
    keep("cookie", "valid", &cookie);
    keep("cookie", "twice", format!("a=b; {cookie}; {cookie}"));
    keep("cookie", "cut", cookie.get(..cookie.len() - 5).unwrap());
    keep("cookie", "script", format!("{cookie}<script>alert(1)</script>"));
    keep("state", "callback", format!("\0code=c&state={state}"));
    keep("state", "no_state", "\0code=c");
    keep("state", "denied", format!("\0error=access_denied&state={state}"));
    keep("state", "twice", format!("\0code=c&code=d&state={state}&state={state}"));
    keep("state", "script", "\0code=<script>&state=<script>");
    keep("state", "connect", format!("\u{1}{}", fuzz::invite()));
    keep("state", "start", format!("\u{7}\n{}", fuzz::invite()));
}

fn by_hand() {
    let credit_notes = tables::ALL.iter().position(|table| table.name == "credit_notes").unwrap();
    // Found by fuzzing: an answer about one object hid what came behind it.
    let one = r#"{"response":{"result":{"credit_notes":{"id":1}}}}"#;
    keep("page", "one", [&[u8::try_from(credit_notes).unwrap()], one.as_bytes()].concat());
    keep("page", "garbage_behind", [&[u8::try_from(credit_notes).unwrap()], one.as_bytes(), b"}"].concat());
    let grant = r#"{"format":1,"grant_id":"0707","generation":3,"identity_id":1,"redirect_url":"https://site.test/callback","access_token":"a","refresh_token":"r","created_at":1774969200,"expires_in":43200,"scope":"user:profile:read","state":"ready"}"#;
    keep("grant", "ready", grant);
    keep("grant", "refreshing", grant.replace("ready", "refreshing"));
    keep("grant", "endless", grant.replace("43200", "9223372036854775807"));
    keep(
        "grant",
        "last_generation",
        grant.replace("\"generation\":3", "\"generation\":18446744073709551615"),
    );
    keep("answer", "too_many_requests", "\u{7}17\nTue, 31 Mar 2026 15:00:00 GMT\n{}");
    keep("answer", "wait_until", "\u{7}Tue, 31 Mar 2026 15:01:00 GMT\nTue, 31 Mar 2026 15:00:00 GMT\n{}");
    keep("answer", "wait_for_ever", "\u{7}18446744073709551615\n\n{}");
    keep("answer", "gateway", "\u{9}\n\n<html><title>502</title></html>");
    for (name, text) in [
        ("plan", r#"{"response":{"errors":[{"errno":12001,"message":"You do not have access to items."}]}}"#),
        ("object", r#"{"response":{"errors":{"errno":1012,"message":"Client not found."}}}"#),
        (
            "details",
            r#"{"code":5,"message":"Request failed","details":[{"reason":"1012","metadata":{"message":"Gone."}}]}"#,
        ),
        ("oauth", r#"{"error":"unauthenticated","error_description":"Log in."}"#),
        ("fields", r#"{"errno":2001,"error":{"updated_since":"bad"}}"#),
    ] {
        keep("error_body", name, text);
    }
}
