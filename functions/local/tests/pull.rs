//! The one-shot: all tables, or nothing at all.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken test stops")]

mod support;

use serde_json::json;
use support::{World, interrupt, start_until};

#[test]
fn every_table_is_there_and_a_second_pull_takes_the_place_of_the_first() {
    let world = World::new();
    world.run(&["pull", "--out", "out"]).says(0, &[]);
    let files = world.files("out");
    assert!(files.iter().all(|(path, size)| path.ends_with(".parquet") && *size > 0), "{files:?}");
    assert!(
        files.iter().any(|(path, _)| path.ends_with("out/invoice_lines/qX4mRt-0000.parquet")),
        "{files:?}"
    );
    let ended = world.run(&["pull", "--out", "out", "--table", "invoices", "--account", "qX4mRt"]);
    ended.says(0, &[]);
    assert_eq!(ended.line("invoices", "qX4mRt")[2], "120");
    let invoices: Vec<_> = world.files("out/invoices");
    assert_eq!(invoices.len(), 1, "{invoices:?}");
    // The other account's file is gone of invoices and both their children.
    assert_eq!(world.files("out").len(), files.len() - 3, "other tables stay");
}

#[test]
fn with_both_ids_given_nobody_is_asked_who_this_is() {
    let world = World::new();
    world.freshbooks.requests();
    let ids = ["--account", "qX4mRt", "--business", "610001"];
    let tables = ["--table", "taxes", "--table", "services"];
    world.run(&[&["pull", "--out", "out"], &ids[..], &tables[..]].concat()).says(0, &[]);
    let asked = world.freshbooks.get("/_simulator/requests");
    assert!(asked["by_resource"].get("users_me").is_none(), "{asked}");
}

#[test]
fn since_reads_less() {
    let world = World::new();
    let arguments = ["pull", "--out", "out", "--table", "clients", "--since", "2999-01-01"];
    let ended = world.run(&arguments);
    ended.says(0, &[]);
    assert_eq!(ended.status("clients", "qX4mRt"), "empty");
    assert_eq!(world.files("out/clients").len(), 2, "an empty table has a schema too");
    world.run(&["pull", "--out", "out", "--since", "yesterday"]).says(2, &["not a date like 2026-03-31"]);
}

#[test]
fn a_page_that_is_missing_changes_nothing() {
    let world = World::new();
    world.run(&["pull", "--out", "out", "--table", "clients"]).says(0, &[]);
    let before = world.files("out");
    let faults = json!([{"resource": "payments", "kind": {"status": {"code": 500}}}]);
    world.freshbooks.faults(&faults);
    let ended = world.run(&["pull", "--out", "out", "--tries", "2"]);
    ended.says(
        6,
        &["nothing in out was changed", "error: gave up after 2 tries: FreshBooks answers 500", "payments"],
    );
    assert_eq!(world.files("out"), before);
    world.run(&["pull", "--out", "new", "--tries", "1"]).says(6, &[]);
    assert!(!world.path("new").exists());
}

#[test]
fn ids_of_the_wrong_kind_are_named_with_the_right_ones() {
    let world = World::new();
    let right = ["Juniper Studio (account qX4mRt, business 610001)", "Tidewater Müller GmbH"];
    let unknown = world.run(&["pull", "--out", "out", "--account", "nobody"]);
    unknown.says(2, &["error: this login has no account nobody", right[0], right[1]]);
    let wrong = world.run(&["pull", "--out", "out", "--table", "invoices", "--account", "610001"]);
    wrong.says(2, &["error: this token reaches no account 610001", "next: choose one of these:", right[0]]);
    let wrong = world.run(&["pull", "--out", "out", "--table", "projects", "--business", "140001"]);
    wrong.says(2, &["error: this token reaches no business 140001", right[0]]);
    assert!(!world.path("out").exists());
}

#[test]
fn tables_outside_plan_or_scope_are_left_out_and_missed_only_where_asked_for() {
    let mut world = World::new();
    world.freshbooks.control("options", &json!({"gated": {"bills": 41001}}));
    let scopes = ["profile", "invoices", "bills", "clients"].map(|name| format!("user:{name}:read"));
    let narrow = world.freshbooks.control("token", &json!({"scopes": scopes}));
    world.freshbooks.token = narrow["access_token"].as_str().unwrap().to_owned();
    let ended = world.run(&["pull", "--out", "out"]);
    ended.says(0, &["warning: bills of qX4mRt was left out", "user:expenses:read"]);
    assert_eq!(ended.status("bills", "qX4mRt"), "out of plan");
    assert_eq!(ended.status("expenses", "qX4mRt"), "out of scope");
    assert_eq!(ended.status("invoices", "qX4mRt"), "ok");
    assert!(world.path("out/invoices").exists() && !world.path("out/bills").exists());
    world
        .run(&["pull", "--out", "asked", "--table", "clients", "--table", "bills"])
        .says(5, &["does not include bills"]);
    world.run(&["pull", "--out", "asked", "--table", "expenses"]).says(5, &["may not read expenses"]);
    assert!(!world.path("asked").exists());
}

#[test]
fn a_token_that_is_wrong_or_missing_is_told() {
    let mut world = World::new();
    world.freshbooks.token = "wrong".to_owned();
    world
        .run(&["pull", "--out", "out"])
        .says(4, &["does not take the access token", "FRESHBOOKS_ACCESS_TOKEN"]);
    world.freshbooks.token = String::new();
    world.run(&["pull", "--out", "out"]).says(2, &["error: FRESHBOOKS_ACCESS_TOKEN is not set"]);
    assert!(!world.path("out").exists());
}

#[test]
fn rejected_rows_are_kept_aside_by_table() {
    let world = World::new();
    let spoilt =
        |resource, key| json!({"resource": resource, "kind": {"type_changed": {"key": key, "row": 0}}});
    world.freshbooks.faults(&json!([spoilt("taxes", "amount"), spoilt("items", "qty")]));
    let arguments = ["pull", "--out", "out", "--table", "taxes", "--table", "items", "--account", "qX4mRt"];
    world.run(&arguments).says(3, &["see the table rejected"]);
    let names: Vec<String> = world.files("out/rejected").into_iter().map(|(path, _)| path).collect();
    assert!(
        names[0].ends_with("items/qX4mRt-0000.parquet") && names[1].ends_with("taxes/qX4mRt-0000.parquet"),
        "{names:?}"
    );
    world.freshbooks.faults(&json!([]));
    world.run(&arguments).says(0, &[]);
    assert!(!world.path("out/rejected").exists());
}

#[test]
fn what_is_not_from_a_pull_is_never_replaced() {
    let world = World::new();
    std::fs::create_dir_all(world.path("out/invoices")).unwrap();
    std::fs::write(world.path("out/invoices/mine.txt"), "x").unwrap();
    let ended = world.run(&["pull", "--out", "out", "--table", "invoices"]);
    ended.says(2, &["out/invoices cannot be replaced: mine.txt is not from a pull"]);
    assert_eq!(world.files("out").len(), 1);
}

#[test]
fn a_full_disk_changes_nothing() {
    let world = World::new();
    let small = "ulimit -f 8; trap '' XFSZ";
    let ended: support::Ended = world.after(small, &["pull", "--out", "out"]).output().unwrap().into();
    ended.says(7, &["error: cannot write", "nothing in out was changed"]);
    assert!(!world.path("out").exists());
}

#[test]
fn ctrl_c_changes_nothing_and_a_second_pull_at_the_same_time_is_refused() {
    let world = World::new();
    world.freshbooks.faults(&json!([{"resource": "invoices", "kind": {"slow": {"ms": 3_600_000}}}]));
    let command = world.command(&["pull", "--out", "out"]);
    let (mut process, mut err) = start_until(command, "clients of Wn8dLk: ok");
    let second = world.run(&["pull", "--out", "out", "--table", "taxes"]);
    second.says(75, &[&format!("error: process {} is working on out/.freshlake-pull", process.id())]);
    interrupt(&process);
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut err, &mut rest).unwrap();
    assert!(rest.contains("warning: stopping; nothing will be written"), "{rest}");
    assert_eq!(process.wait().unwrap().code(), Some(130));
    assert!(!world.path("out").exists());
}

#[test]
fn what_a_killed_pull_left_is_removed_by_the_next() {
    let world = World::new();
    let left = world.path("out/.freshlake-pull/tables/invoices");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("half.parquet"), "PAR1").unwrap();
    world.run(&["pull", "--out", "out", "--table", "taxes"]).says(0, &[]);
    assert!(!world.path("out/.freshlake-pull").exists() && !world.path("out/invoices").exists());
}
