//! What a person should know of a reading: told after it, and kept with it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken test stops")]

mod support;

use serde_json::{Value, json};
use support::{Ended, World};

/// The table's line ends with a star, here and in the status; its note stands below, within 80 columns.
#[track_caller]
fn noted(world: &World, ended: &Ended, table: &str, unit: &str, note: &str) {
    ended.says(0, &[&format!("warning: {table} of {unit}: {note}")]);
    assert_eq!(ended.line(table, unit).last(), Some(&"ok *"));
    let status = world.run(&["status"]);
    assert_eq!(status.line(table, unit).last(), Some(&"ok *"));
    let history = world.run(&["status", "--table", table]).out;
    assert!(history.lines().all(|line| line.chars().count() <= 80), "{history}");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&history).contains(&words(&format!("note: {note}"))), "{history}");
}

#[test]
fn rows_that_leave_in_numbers_are_told_and_marked_only_when_a_person_agrees() {
    let world = World::connected_with(&["--scale", "400"]);
    world.run(&["sync", "--table", "projects"]).says(0, &[]);
    let projects = world.rows("projects");
    let here: Vec<&Value> = projects.iter().filter(|row| row["_business_id"] == 610_001).collect();
    let known = here.len();
    assert!(known > 12, "{known} projects are too few for this test");
    let control = |action: &Value| world.freshbooks.control("rows/610001/projects", action);
    for project in &here[1..13] {
        control(&json!({"action": "delete", "id": project["id"]}));
    }
    control(&json!({"action": "change", "id": here[0]["id"], "fields": {"title": "Still here"}}));

    let ended = world.run(&["sync", "--table", "projects"]);
    let note = format!("12 of {known} rows are no longer listed: too many to be marked as deleted unasked");
    noted(&world, &ended, "projects", "610001", &note);
    ended.says(0, &["\nnext: if they are truly gone: freshlake sync --table projects --accept-deletions\n"]);
    assert_eq!(ended.line("projects", "610001")[2..5], ["-", "1", "-"]);
    assert!(world.rows("projects").iter().all(|row| row["_is_deleted"] == false));

    let ended = world.run(&["sync", "--table", "projects", "--accept-deletions"]);
    ended.says(0, &[]);
    assert!(!ended.err.contains("warning"), "{ended:?}");
    assert_eq!(ended.line("projects", "610001")[2..5], ["-", "-", "12"]);
    assert_eq!(ended.line("projects", "610001").last(), Some(&"ok"));
    assert_eq!(world.rows("projects").iter().filter(|row| row["_is_deleted"] == true).count(), 12);
    let status = world.run(&["status"]);
    assert_eq!(status.line("projects", "610001").last(), Some(&"ok"));
}

#[test]
fn a_filter_that_freshbooks_ignores_is_told() {
    let world = World::connected();
    world.freshbooks.control("options", &json!({"honoured_updated": []}));
    let ended = world.run(&["sync", "--table", "clients"]);
    let note = "FreshBooks ignores the filter for changed rows of clients, so the table is read whole";
    noted(&world, &ended, "clients", "qX4mRt", note);
}

#[test]
fn a_total_that_lies_is_told() {
    let world = World::connected();
    world.freshbooks.control("options", &json!({"phantom_total": 2}));
    let ended = world.run(&["sync", "--table", "taxes"]);
    noted(&world, &ended, "taxes", "qX4mRt", "FreshBooks counts 6 rows of taxes, and lists 4");
}

#[test]
fn a_long_reading_that_broke_off_tells_how_far_it_is() {
    let world = World::connected_with(&["--scale", "12000"]);
    let fault =
        json!({"path": "/accounting/account/qX4mRt/invoices", "nth": 100, "kind": {"status": {"code": 500}}});
    world.freshbooks.faults(&json!([fault]));
    let ended = world.run(&["sync", "--table", "invoices", "--tries", "1"]);
    ended.says(6, &["invoices"]);
    let status = world.run(&["status"]);
    let line = status.line("invoices", "qX4mRt");
    let until = line.last().unwrap().strip_prefix("loading, at 20").unwrap_or_else(|| panic!("{line:?}"));
    assert_eq!((line[4], until.len()), ("-", "24-03-31".len()), "no cursor yet: {line:?}");
    let number = |cell: &str| cell.replace(',', "").parse::<usize>().unwrap();
    assert!(number(line[3]) >= 1 && (2_500..12_000).contains(&number(line[2])), "{line:?}");
    let history = world.run(&["status", "--table", "invoices"]).out;
    let so_far = format!("    a reading in windows, under way: all before 20{until} is here");
    assert!(history.contains(&so_far), "{history}");

    world.freshbooks.faults(&json!([]));
    world.run(&["sync", "--table", "invoices"]).says(0, &[]);
    let status = world.run(&["status"]);
    let line = status.line("invoices", "qX4mRt");
    assert_eq!((line[2], line.last()), ("12,000", Some(&"ok")), "{line:?}");
}
