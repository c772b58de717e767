//! What nobody needs any more is told first and goes when that is asked for; and runs lead back to what was.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken test stops")]
#![allow(clippy::disallowed_methods, reason = "files are made old")]

mod support;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use support::{World, cells};

const TABLES: [&str; 6] = ["--table", "invoices", "--table", "taxes", "--table", "items"];

/// Three runs, each of which has changed an item and an invoice.
fn synced() -> World {
    let world = World::connected();
    for run in 0..3 {
        assert_eq!(world.run(&[&["sync", "acme"], &TABLES[..]].concat()).code, 0);
        for table in ["items", "invoices"] {
            let id =
                world.rows(table).iter().find(|row| row["_account_id"] == "qX4mRt").unwrap()["id"].clone();
            let fields = if table == "items" {
                json!({"name": format!("changed {run}")})
            } else {
                json!({"notes": format!("changed {run}")})
            };
            let change = json!({"action": "change", "id": id, "fields": fields});
            world.freshbooks.control(&format!("rows/qX4mRt/{table}"), &change);
        }
    }
    world
}

/// Makes everything so many days older.
fn grow_old(world: &World, days: u64) {
    for (path, _) in world.files("lake") {
        set_age(world, &path, days);
    }
}

fn set_age(world: &World, path: &str, days: u64) {
    let then = SystemTime::now() - Duration::from_secs(days * 86_400);
    File::options().write(true).open(world.path(path)).unwrap().set_modified(then).unwrap();
}

fn names(world: &World) -> BTreeSet<String> {
    world.files("lake").into_iter().map(|(path, _)| path).collect()
}

/// The snapshots and objects of the line that begins so.
fn told(out: &str, line: &str) -> (u64, u64) {
    let line = out.lines().map(cells).find(|cells| cells.first() == Some(&line));
    let line = line.unwrap_or_else(|| panic!("{out}"));
    let number = |cell: &str| if cell == "-" { 0 } else { cell.replace(',', "").parse().unwrap() };
    (number(line[1]), number(line[2]))
}

#[test]
fn it_tells_first_and_then_deletes_just_that() {
    let world = synced();
    let before = names(&world);
    let ended = world.run(&["maintain"]);
    ended.says(0, &[]);
    assert_eq!(ended.out, "nothing to do: everything there is needed, or too young to tell\n");

    grow_old(&world, 20);
    let home = "lake/lake/freshbooks/invoices";
    let planted = |name: &str, days: u64| {
        let path = format!("{home}/data/account_id=qX4mRt/{name}");
        fs::write(world.path(&path), "left behind").unwrap();
        set_age(&world, &path, days);
        path
    };
    let orphan = planted("dead-invoices-qX4mRt-1-0000-0123456789ab.parquet", 3);
    let young = planted("slow-invoices-qX4mRt-1-0000-0123456789ab.parquet", 1);
    let strange = planted("mine.parquet", 300);
    let all = names(&world);

    let ended = world.run(&["maintain"]);
    ended.says(0, &["warning: not written by freshlake, left alone: lake/freshbooks/invoices/data/"]);
    assert_eq!(names(&world), all, "nothing was changed");
    let (snapshots, objects) = told(&ended.out, "total");
    // Two of three in each account's half of the history, lines and items included.
    assert!(snapshots >= 4 && objects > snapshots, "{}", ended.out);
    assert!(told(&ended.out, "invoices").1 > 0 && told(&ended.out, "items").1 > 0);
    assert!(ended.out.contains("\ndata files of no snapshot  "), "{}", ended.out);
    assert!(
        ended.out.ends_with("nothing was changed; to do it: freshlake maintain --delete\n"),
        "{}",
        ended.out
    );
    assert!(ended.out.lines().all(|line| line.chars().count() <= 80), "{}", ended.out);

    let rows = world.rows("invoices");
    let ended = world.run(&["maintain", "--delete"]);
    ended.says(0, &[]);
    assert_eq!(told(&ended.out, "total"), (snapshots, objects));
    let after = names(&world);
    let gone: Vec<_> = all.difference(&after).collect();
    assert_eq!(gone.len() as u64, objects, "{gone:?}");
    assert!(!after.contains(&orphan) && after.contains(&young) && after.contains(&strange));
    assert!(before.iter().filter(|path| path.contains("/raw/")).all(|path| after.contains(path)));
    assert!(before.iter().filter(|path| path.contains("/commits/")).all(|path| after.contains(path)));

    // Whole, and as good as ever.
    world.run(&["verify"]).says(0, &[]);
    assert_eq!(world.rows("invoices"), rows);
    assert_eq!(world.run(&[&["sync", "acme"], &TABLES[..]].concat()).code, 0);
    world.run(&["replay", "invoices"]).says(0, &[]);
    world.run(&["verify"]).says(0, &[]);
    world.run(&["maintain"]).says(0, &[]);
    let (snapshots, objects) = (world.run(&["maintain", "invoices", "--keep", "48h"]), names(&world));
    assert!(snapshots.out.starts_with("nothing to do"), "{}", snapshots.out);
    assert!(objects.contains(&young));
}

#[test]
fn what_cannot_be_read_stops_its_table_alone() {
    let world = synced();
    grow_old(&world, 20);
    let ids = world.run(&["runs", "invoices", "--json"]);
    let runs: Value = serde_json::from_str(&ids.out).unwrap();
    let newest = runs["runs"][0]["tables"][0]["snapshot"].as_i64().unwrap();
    let part = format!("-{newest:016x}-files-");
    let files = world.files("lake/lake/freshbooks/invoices/metadata");
    let manifest = files.into_iter().find(|(path, _)| path.contains(&part)).unwrap().0;
    let body = fs::read(world.path(&manifest)).unwrap();
    fs::write(world.path(&manifest), &body[1..]).unwrap();
    let before = names(&world);
    let ended = world.run(&["maintain", "--delete"]);
    let key = manifest.strip_prefix("lake/").unwrap();
    ended.says(7, &[&format!("error: invoices: {key} has another content"), "next: "]);
    let gone: Vec<String> = before.difference(&names(&world)).cloned().collect();
    assert!(!gone.is_empty() && gone.iter().all(|path| !path.contains("/invoice")), "{gone:?}");
    fs::write(world.path(&manifest), body).unwrap();
    world.run(&["verify"]).says(0, &[]);
}

#[test]
fn runs_lead_back_to_what_was() {
    let world = synced();
    let ended = world.run(&["runs"]);
    ended.says(0, &[]);
    let lines: Vec<_> = ended.out.lines().map(cells).collect();
    assert_eq!(lines[0], ["run", "at", "tables", "written", "replaced"]);
    assert!(lines[1..=3].iter().all(|line| line[0].starts_with("acme-20")), "{}", ended.out);
    assert!(lines[1][0] > lines[2][0] && lines[2][0] > lines[3][0], "newest first");
    assert_eq!(ended.out.lines().last(), Some("go back in one table: freshlake runs invoices"));

    let ended = world.run(&["runs", "items"]);
    let lines: Vec<_> = ended.out.lines().map(cells).collect();
    assert_eq!(lines[0], ["run", "at", "snapshot", "written", "replaced", "rows"]);
    let oldest = lines[3][2];
    let query = ended.out.lines().last().unwrap();
    assert!(query.ends_with(&format!("items', snapshot_from_id => {oldest});")), "{query}");
    let all: Value = serde_json::from_str(&world.run(&["runs", "items", "--json"]).out).unwrap();
    let of = |at: usize| &all["runs"][at]["tables"][0];
    assert_eq!(of(2)["snapshot"].to_string(), oldest);
    assert_eq!((&of(2)["replaced"], &of(2)["written"]), (&json!(0), &of(2)["rows"]));
    assert_eq!(of(0)["written"], of(0)["replaced"], "one row has changed");
    assert_eq!(
        world.run(&["runs", "items", "--limit", "1"]).out.lines().nth(2),
        Some("and 2 older: --limit 3")
    );
    assert_eq!(world.run(&["runs", "invoice_lines"]).code, 0);

    // What has expired leads nowhere.
    grow_old(&world, 20);
    assert_eq!(world.run(&["maintain", "items", "--delete"]).code, 0);
    let ended = world.run(&["runs", "items"]);
    let left = ended.out.lines().filter(|line| line.starts_with("acme-")).count();
    assert_eq!(left, 1, "{}", ended.out);
    world.run(&["runs", "clients"]).says(0, &["there is no snapshot of clients yet"]);
    world.run(&["runs", "item"]).says(2, &["did you mean items?"]);
}

#[test]
fn it_waits_for_nobody_and_takes_no_nonsense() {
    let world = synced();
    let lock = File::options().write(true).open(world.path("lake/.lock")).unwrap();
    lock.lock().unwrap();
    world.run(&["maintain"]).says(0, &[]);
    world.run(&["maintain", "--delete"]).says(75, &["is working on"]);
    drop(lock);
    world.run(&["maintain", "--delete"]).says(0, &[]);
    world.run(&["maintain", "--keep", "two weeks"]).says(2, &["say a number of days or hours: 14d, 36h"]);
    world.run(&["maintain", "texas"]).says(2, &["did you mean taxes?"]);
    let empty = World::new();
    for command in ["maintain", "runs"] {
        empty.run(&[command]).says(2, &["there is no lake at lake", "next: "]);
    }
}
