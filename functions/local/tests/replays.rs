//! Tables made anew from raw, with the real command; and a lake that another catalog keeps.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken test stops")]

mod support;

use std::fs;

use support::World;

fn synced() -> World {
    let world = World::connected();
    world.run(&["sync", "acme", "--table", "taxes", "--table", "invoices"]).says(0, &[]);
    world
}

/// What a replay says of one account.
fn replayed(world: &World, arguments: &[&str]) -> String {
    let ended = world.run(&[&["replay"], arguments].concat());
    ended.says(0, &[]);
    let line = ended.out.lines().find(|line| line.contains("qX4mRt"));
    line.unwrap_or_else(|| panic!("{ended:?}")).split_once(": ").unwrap().1.to_owned()
}

#[test]
fn a_replay_may_begin_with_a_day() {
    let world = synced();
    let files = world.files("lake/lake/freshbooks/taxes/data");
    assert!(!files.is_empty());
    let shown = (world.rows("taxes"), world.rows("invoice_lines"));
    world.freshbooks.requests();
    assert_eq!(replayed(&world, &["taxes", "--from", "2999-01-01"]), "rebuilt from 0 raw files of 0 commits");
    assert_eq!(world.files("lake/lake/freshbooks/taxes/data"), files);
    for from in [&["--from", "2026-01-01"][..], &[]] {
        let lines = replayed(&world, &[&["invoice_lines"], from].concat());
        assert_eq!(lines, "rebuilt from 3 raw files of 1 commits");
        assert_eq!(replayed(&world, &[&["taxes"], from].concat()), "rebuilt from 1 raw files of 1 commits");
    }
    assert_ne!(world.files("lake/lake/freshbooks/taxes/data"), files);
    assert_eq!(world.freshbooks.requests(), 0);
    assert_eq!((world.rows("taxes"), world.rows("invoice_lines")), shown);
    world.run(&["verify"]).says(0, &[]);
    world.run(&["replay", "taxes", "--from", "yesterday"]).says(2, &["--from", "yesterday"]);
}

#[test]
fn a_lake_that_glue_keeps_is_left_to_it() {
    let world = synced();
    let says = world.path("lake/lake/freshbooks/catalog.json");
    assert_eq!(fs::read_to_string(&says).unwrap(), r#"{"format":1,"kind":"pointers"}"#);
    fs::write(&says, r#"{"format":1,"kind":"glue"}"#).unwrap();
    let words = ["the database freshbooks is kept by the Glue Data Catalog", "name another database here"];
    for command in [&["sync", "acme"][..], &["replay", "taxes"], &["verify"], &["status"]] {
        world.run(command).says(2, &words);
    }
    fs::write(&says, "{").unwrap();
    world.run(&["sync", "acme"]).says(7, &["lake/freshbooks/catalog.json has another content", "delete it"]);
    let verified = world.run(&["verify"]);
    verified.says(7, &[]);
    assert!(verified.out.contains("lake/freshbooks/catalog.json has another content"), "{verified:?}");
    fs::remove_file(&says).unwrap();
    world.run(&["sync", "acme"]).says(0, &[]);
    world.run(&["verify"]).says(0, &[]);
    // Nothing was committed, so nobody had to say it again; a change does.
    world.run(&["replay", "taxes"]).says(0, &[]);
    assert_eq!(fs::read_to_string(&says).unwrap(), r#"{"format":1,"kind":"pointers"}"#);
}
