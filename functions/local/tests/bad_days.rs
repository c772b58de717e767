//! Every bad day of a sync: what it says, its exit code, and that nothing half-read is seen.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken test stops")]

mod support;

use serde_json::{Value, json};
use support::{World, interrupt, start_until};

fn always(resource: &str, kind: &Value) -> Value {
    json!([{"resource": resource, "kind": kind}])
}

fn status(code: u16, body: &str) -> Value {
    json!({"status": {"code": code, "body": body}})
}

/// The bad table says why with `code`, has no commit, and keeps no other from being copied; on a good day it comes.
#[track_caller]
fn one_bad_table(kind: &Value, code: i32, words: &[&str], shown: &str) {
    let world = World::connected();
    world.freshbooks.faults(&always("invoices", kind));
    let ended = world.run(&["sync", "--table", "invoices", "--table", "clients", "--tries", "2"]);
    ended.says(code, words);
    assert!(ended.status("invoices", "qX4mRt").starts_with(shown), "{ended:?}");
    assert_eq!(ended.status("clients", "qX4mRt"), "ok");
    assert!(!world.has_commits("invoices") && world.has_commits("clients"));
    world.run(&["show", "invoices"]).says(2, &["the lake has no invoices yet"]);

    world.freshbooks.faults(&json!([]));
    let ended = world.run(&["sync", "--table", "invoices"]);
    ended.says(0, &[]);
    assert_eq!(world.rows("invoices").len(), 150);
}

#[test]
fn a_server_error_that_lasts() {
    let words = ["error: gave up after 2 tries: FreshBooks answers 503", "invoices", "next: run again later"];
    one_bad_table(&status(503, "html"), 6, &words, "broken: gave up after 2 tries");
}

#[test]
fn a_web_page_instead_of_json() {
    let words = [
        "the answer for invoices is not what FreshBooks sends: it is HTML",
        "next: check FRESHBOOKS_API_URL",
    ];
    one_bad_table(&json!("html200"), 6, &words, "broken");
}

#[test]
fn a_cut_body() {
    let words = ["cannot reach FreshBooks for invoices", "next: check the network"];
    one_bad_table(&json!("cut_body"), 6, &words, "broken");
}

#[test]
fn json_that_breaks_off() {
    one_bad_table(&json!("garbled"), 6, &["the answer for invoices is not what FreshBooks sends"], "broken");
}

#[test]
fn a_storm_of_429() {
    let kind = json!({"status": {"code": 429, "retry_after": ["seconds", 0]}});
    let words = ["FreshBooks asks for fewer requests while reading invoices", "lower --in-flight"];
    one_bad_table(&kind, 6, &words, "broken");
}

#[test]
fn a_retry_after_that_is_too_long_is_not_sat_out() {
    let world = World::connected();
    let kind = json!({"status": {"code": 429, "retry_after": ["seconds", 600]}});
    world.freshbooks.faults(&always("taxes", &kind));
    world.freshbooks.requests();
    let ended = world.run(&["sync", "--table", "taxes"]);
    ended.says(6, &["gave up after 1 try; FreshBooks asks to wait 600 s"]);
    assert_eq!(world.freshbooks.requests(), 3, "one for each account, after one that proves the token");
}

#[test]
fn what_passes_is_tried_again_and_nothing_is_missing() {
    let world = World::connected();
    world.freshbooks.faults(&json!([
        {"resource": "invoices", "nth": 1, "kind": "reset"},
        {"resource": "invoices", "nth": 3, "kind": status(502, "empty")},
        {"resource": "invoices", "nth": 5, "kind": {"status": {"code": 429, "retry_after": ["seconds", 0]}}},
    ]));
    let ended = world.run(&["sync", "--table", "invoices"]);
    ended.says(0, &[]);
    assert_eq!(ended.err.matches("warning").count() + ended.err.matches("error").count(), 0, "{}", ended.err);
    assert_eq!(world.rows("invoices").len(), 150);
}

#[test]
fn a_missing_scope_is_no_fault_unless_the_table_was_asked_for() {
    let world = World::connected();
    world.freshbooks.faults(&always("bills", &status(403, "json")));
    let ended = world.run(&["sync"]);
    ended
        .says(0, &["warning: bills of qX4mRt was left out: the grant may not read bills", "user:bills:read"]);
    assert_eq!(ended.status("bills", "qX4mRt"), "out of scope");
    assert_eq!(ended.status("invoices", "qX4mRt"), "ok");
    let ended = world.run(&["sync", "--table", "bills"]);
    ended.says(5, &["give the app the scope user:bills:read"]);
    assert!(!world.has_commits("bills"));
}

#[test]
fn a_table_outside_the_plan_is_no_fault_unless_it_was_asked_for() {
    let world = World::connected();
    world.freshbooks.control("options", &json!({"gated": {"bills": 41001}}));
    let ended = world.run(&["sync"]);
    ended.says(0, &["the FreshBooks plan of this account does not include bills: errno 41001"]);
    assert_eq!(ended.status("bills", "qX4mRt"), "out of plan");
    world
        .run(&["sync", "--table", "bill_lines"])
        .says(5, &["error: bills of qX4mRt cannot be read", "next: leave the table out, or change the plan"]);
    assert!(!world.has_commits("bills"));
}

#[test]
fn an_empty_table_shows_as_empty_and_one_without_changes_does_not() {
    let world = World::connected();
    for tax in ["qX4mRt", "Wn8dLk"].iter().flat_map(|unit| (7841..=7844).map(move |id| (unit, id))) {
        let (unit, id) = tax;
        world.freshbooks.control(&format!("rows/{unit}/taxes"), &json!({"action": "delete", "id": id}));
    }
    for _ in 0..2 {
        let ended = world.run(&["sync", "--table", "taxes", "--table", "clients"]);
        ended.says(0, &[]);
        assert_eq!(ended.status("taxes", "qX4mRt"), "empty");
        assert_ne!(ended.status("clients", "qX4mRt"), "empty");
    }
    world.run(&["show", "taxes"]).says(0, &["taxes is empty"]);
}

#[test]
fn an_unknown_key_is_kept_and_told() {
    let world = World::connected();
    world.freshbooks.faults(&always("taxes", &json!({"unknown_key": {"key": "colour"}})));
    let ended = world.run(&["sync", "--table", "taxes"]);
    ended.says(0, &["taxes of qX4mRt: keys without a column, kept in _extra: colour"]);
    let rows = world.rows("taxes");
    assert_eq!(rows.len(), 8);
    assert!(rows.iter().all(|row| row["_extra"].as_str().unwrap().contains("colour")), "{rows:?}");
}

#[test]
fn a_key_that_changed_its_type_in_one_row_rejects_that_row_alone() {
    let world = World::connected();
    let kind = json!({"type_changed": {"key": "amount", "row": 1}});
    world.freshbooks.faults(&always("taxes", &kind));
    let ended = world.run(&["sync", "--table", "taxes"]);
    ended.says(3, &["taxes of qX4mRt: 1 row could not be typed: see the table rejected"]);
    assert_eq!(ended.status("taxes", "qX4mRt"), "ok, 1 rejected");
    assert_eq!(world.rows("taxes").len(), 6);
    let rejected = world.rows("rejected");
    assert_eq!(rejected.len(), 2);
    assert!(
        rejected.iter().all(|row| row["table_name"] == "taxes" && row["path"] == "amount"),
        "{rejected:?}"
    );
}

#[test]
fn a_key_that_changed_its_type_everywhere_publishes_nothing() {
    let kind = json!({"type_changed": {"key": "create_date"}});
    let words = ["rows of invoices could not be typed; for one, create_date", "next: nothing was published"];
    one_bad_table(&kind, 3, &words, "broken");
}

#[test]
fn an_unknown_table_is_named_with_the_one_that_was_meant() {
    let world = World::connected();
    world
        .run(&["sync", "--table", "invocies"])
        .says(2, &["there is no table invocies", "did you mean invoices?"]);
    world.run(&["sync", "other"]).says(2, &["there is no connection other", "freshlake connect other"]);
}

/// A disk that is full cannot be had without mounting one: a limit on file sizes fails the same writes.
#[test]
fn a_full_disk_leaves_no_half_a_table() {
    let world = World::connected();
    let small = "ulimit -f 8; trap '' XFSZ";
    let ended: support::Ended = world.after(small, &["sync", "--table", "invoices"]).output().unwrap().into();
    ended.says(7, &["error: cannot write", "lake"]);
    assert!(!world.has_commits("invoices"));
    assert!(world.files("lake/raw").is_empty(), "{:?}", world.files("lake/raw"));
    world.run(&["sync", "--table", "invoices"]).says(0, &[]);
    assert_eq!(world.rows("invoices").len(), 150);
}

#[test]
fn ctrl_c_keeps_what_is_complete_and_the_next_run_brings_the_rest() {
    let world = World::connected();
    world.freshbooks.faults(&always("invoices", &json!({"slow": {"ms": 3_600_000}})));
    let command = world.command(&["sync", "--table", "invoices", "--table", "clients", "--table", "taxes"]);
    let (mut process, mut err) = start_until(command, "taxes of qX4mRt: ok");
    interrupt(&process);
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut err, &mut rest).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(130));
    assert!(rest.contains("warning: stopping"), "{rest}");
    assert!(rest.contains("next: nothing half-read was published; run again to go on"), "{rest}");
    assert!(!world.has_commits("invoices") && world.has_commits("taxes"));
    world.freshbooks.faults(&json!([]));
    world.run(&["sync"]).says(0, &[]);
    assert_eq!(world.rows("invoices").len(), 150);
}

#[test]
fn a_second_run_is_told_who_is_at_work_and_a_second_ctrl_c_ends_at_once() {
    let world = World::connected();
    world.freshbooks.faults(&always("invoices", &json!({"slow": {"ms": 3_600_000}})));
    let command = world.command(&["sync", "--table", "invoices", "--table", "taxes"]);
    let (mut process, mut err) = start_until(command, "taxes of qX4mRt: ok");
    let ended = world.run(&["sync", "--table", "taxes"]);
    ended.says(75, &[&format!("error: process {} is working on ", process.id()), "next: wait until it ends"]);
    interrupt(&process);
    let mut line = String::new();
    while !line.contains("stopping") {
        std::io::BufRead::read_line(&mut err, &mut line).unwrap();
    }
    interrupt(&process);
    assert_eq!(process.wait().unwrap().code(), Some(130));
    world.run(&["sync", "--table", "taxes"]).says(0, &[]);
}

#[test]
fn exactly_what_changed_lands() {
    let world = World::connected();
    world.run(&["sync"]).says(0, &[]);
    let files = world.files("lake/raw");
    world.run(&["sync"]).says(0, &[]);
    assert_eq!(world.files("lake/raw"), files, "a run without changes writes no data");

    let change = |action: &Value| world.freshbooks.control("rows/qX4mRt/clients", action);
    let ids: Vec<i64> = world
        .rows("clients")
        .iter()
        .filter(|row| row["_account_id"] == "qX4mRt")
        .map(|row| row["id"].as_i64().unwrap())
        .take(2)
        .collect();
    change(&json!({"action": "change", "id": ids[0], "fields": {"organization": "New name"}}));
    change(&json!({"action": "delete", "id": ids[1]}));
    let new = change(&json!({"action": "insert", "fields": {"organization": "New client"}}))["id"].clone();
    let ended = world.run(&["sync"]);
    ended.says(0, &[]);
    let clients = ended.line("clients", "qX4mRt");
    assert_eq!((&clients[2..5], clients[6]), (&["3", "-", "1"][..], "ok"), "{ended:?}");
    // Four contacts of the new client, and what the report says of the older one's name.
    assert_eq!(ended.status("report_accounts_aging", "qX4mRt"), "ok");
    assert!(ended.out.contains("\nnot shown: 97 unchanged\n4 child rows, 3 files, "), "{ended:?}");
    assert_eq!(world.files("lake/raw").len(), files.len() + 3);
    let latest = &world.rows("clients")[..3];
    let of = |id: &Value| {
        latest.iter().find(|row| row["id"] == *id).unwrap_or_else(|| panic!("{id} in {latest:?}"))
    };
    assert_eq!(of(&json!(ids[0]))["organization"], "New name");
    assert_eq!(of(&json!(ids[1]))["_is_deleted"], true);
    assert_eq!(of(&new)["organization"], "New client");
}
