//! Looking at the lake without asking anybody: how far it is read, and whether it is whole.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken test stops")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{Ended, World, cells};

/// A lake with rejected rows and an unknown key.
fn synced() -> World {
    let world = World::connected();
    world.freshbooks.faults(&json!([
        {"path": "/accounting/account/qX4mRt/taxes", "times": 1, "kind": {"type_changed": {"key": "amount", "row": 0}}},
        {"resource": "items", "kind": {"unknown_key": {"key": "colour"}}},
    ]));
    let ended = world.run(&["sync", "acme", "--table", "taxes", "--table", "items", "--table", "invoices"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    world
}

/// The command with neither a network nor a secret.
fn alone(world: &World, arguments: &[&str]) -> Ended {
    let mut command = world.command(arguments);
    command.env("FRESHBOOKS_API_URL", "http://127.0.0.1:1");
    for secret in ["FRESHBOOKS_ACCESS_TOKEN", "FRESHBOOKS_CLIENT_ID", "FRESHBOOKS_CLIENT_SECRET"] {
        command.env_remove(secret);
    }
    command.output().unwrap().into()
}

fn json(world: &World, arguments: &[&str]) -> Value {
    let ended = alone(world, arguments);
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[test]
fn the_status_tells_every_table_and_how_far_it_is_read() {
    let world = synced();
    // Neither is a secret read nor FreshBooks asked.
    fs::remove_file(world.path("freshlake-secrets.json")).unwrap();
    world.freshbooks.requests();
    let ended = alone(&world, &["status"]);
    ended.says(0, &[]);
    assert_eq!(world.freshbooks.requests(), 0);
    assert!(ended.out.starts_with("acme  last commit just now\ntable "), "{}", ended.out);
    assert!(ended.out.lines().all(|line| line.chars().count() <= 80), "{}", ended.out);
    let invoices = world.rows("invoices").len();
    let here = world.rows("invoices").iter().filter(|row| row["_account_id"] == "qX4mRt").count();
    assert!(here < invoices);
    let (rows, ones) = (here.to_string(), "1");
    assert_eq!(ended.line("invoices", "qX4mRt"), ["invoices", "qX4mRt", &rows, ones, "now", "ok"]);
    assert_eq!(ended.line("clients", "qX4mRt")[4..], ["-", "not read yet"]);
    assert_eq!(ended.line("taxes", "qX4mRt").last(), Some(&"ok, 1 rejected"));
    assert_eq!(ended.line("items", "qX4mRt").last(), Some(&"ok *"));
    assert_eq!(ended.out.lines().last(), Some("* has notes: freshlake status --table items"));
    assert_eq!(alone(&world, &["status", "acme"]).out.lines().count(), ended.out.lines().count());
    alone(&world, &["status", "other"]).says(2, &["there is no connection other"]);
    alone(&world, &["status", "--table", "tax"]).says(2, &["did you mean taxes?"]);

    let all = json(&world, &["status", "--json"]);
    let tables = all["tables"].as_array().unwrap();
    assert_eq!(tables.len(), ended.out.lines().filter(|line| cells(line).len() == 6).count() - 1);
    let items = tables.iter().find(|t| t["table"] == "items").unwrap();
    assert_eq!((&items["connection"], &items["state"]), (&json!("acme"), &json!("ok")));
    assert_eq!(items["commit"]["certificate"]["notes"][0], "keys without a column, kept in _extra: colour");
    assert!(items["commit"]["run"].as_str().unwrap().starts_with("acme-20"), "{items}");
    assert!(items["lag_seconds"].as_i64().unwrap() < 60 && items.get("commits").is_none(), "{items}");
}

#[test]
fn the_status_of_a_table_is_the_history_of_its_certificates() {
    let world = synced();
    let ids = world.rows("items");
    let id = ids.iter().find(|row| row["_account_id"] == "qX4mRt").unwrap()["id"].clone();
    let change = json!({"action": "change", "id": id, "fields": {"name": "changed"}});
    world.freshbooks.control("rows/qX4mRt/items", &change);
    assert_eq!(world.run(&["sync", "--table", "items"]).code, 0);
    let ended = alone(&world, &["status", "--table", "items"]);
    ended.says(0, &[]);
    assert!(ended.out.lines().all(|line| line.chars().count() <= 80), "{}", ended.out);
    let (newest, oldest) = ended.out.split_once("  commit 1, ").unwrap();
    for part in ["items of qX4mRt  ok", "  commit 2, 20", "run acme-20", " 1 changed, ", ", content "] {
        assert!(newest.contains(part), "{part} is not in {newest}");
    }
    for part in [" unchanged, 0 rejected", "note: keys without a column", "1 file, ", "updated 20"] {
        assert!(oldest.contains(part), "{part} is not in {oldest}");
    }
    let commits = json(&world, &["status", "--table", "items", "--json"]);
    let items = &commits["tables"][0];
    assert_eq!(items["commits"].as_array().unwrap().len(), 2);
    assert_eq!(items["commits"][1], items["commit"]);
    assert_eq!(items["commits"][1]["certificate"]["rows_changed"], 1);
    assert!(items["commits"][0]["files"][0]["sha256"].is_string());
}

#[test]
fn a_sound_lake_is_verified_and_a_damaged_one_says_what_to_do() {
    let world = synced();
    let ended = alone(&world, &["verify"]);
    ended.says(0, &[]);
    assert!(ended.out.starts_with("verified ") && ended.out.ends_with(" rows: no damage\n"), "{}", ended.out);
    let sound = json(&world, &["verify", "--json"]);
    let named = |part: &str| world.files("lake").iter().filter(|(path, _)| path.contains(part)).count();
    assert_eq!(sound["commits"], named("/commits/"));
    assert_eq!(sound["files"], named("/raw/") + named("/seen/") + named("/data/"));
    assert_eq!(sound["damage"], json!([]));

    let file = world.files("lake/raw/items").swap_remove(0).0;
    let mut bytes = fs::read(world.path(&file)).unwrap();
    bytes[40] ^= 4;
    fs::write(world.path(&file), bytes).unwrap();
    let ended = alone(&world, &["verify"]);
    ended.says(7, &[]);
    let [damage, summary] = ended.out.lines().collect::<Vec<_>>()[..] else { panic!("{}", ended.out) };
    let key = file.strip_prefix("lake/").unwrap();
    assert_eq!(
        damage,
        format!(
            "{key} has another content than was committed (SHA-256); restore it from a backup or an earlier \
             version of the object"
        )
    );
    assert!(summary.ends_with(": 1 damage"), "{summary}");
    let damaged = json(&world, &["verify", "--table", "items", "--json"]);
    assert_eq!(
        (&damaged["damage"][0]["key"], &damaged["damage"][0]["table"]),
        (&json!(key), &json!("items"))
    );
    assert_eq!(alone(&world, &["verify", "--table", "taxes"]).code, 0);
    alone(&world, &["verify", "--table", "texas"]).says(2, &["did you mean taxes?"]);
    alone(&world, &["verify", "--table", "clients"]).says(0, &["nothing of clients was ever committed"]);
}

#[test]
fn where_nothing_is_nothing_is_told() {
    let world = World::new();
    for command in ["status", "verify"] {
        alone(&world, &[command]).says(2, &["there is no lake at lake", "next: "]);
    }
    fs::create_dir(world.path("lake")).unwrap();
    alone(&world, &["status"]).says(2, &["there is no connection yet"]);
}
