//! Settings of tables, and what the next run would do, with the real command.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken test stops")]

mod support;

use std::fs;

use serde_json::Value;
use support::World;

fn set(world: &World, text: &str) {
    fs::write(world.path("freshlake.toml"), text).unwrap();
}

#[test]
fn wrong_settings_of_tables_are_refused_at_once_with_what_was_probably_meant() {
    let world = World::connected();
    set(
        &world,
        "in_flight = 0\n[tables.invocies]\ndrop = ['x']\n[tables.clients]\ndrop = ['id', 'emial']\nwere = 'x'\n\
         [tables.taxes]\nwhere = 'amout > 5'",
    );
    world.freshbooks.requests();
    let words = [
        "6 settings are wrong",
        "in_flight has to be a number",
        "tables.invocies: there is no table invocies: did you mean invoices?",
        "tables.clients.drop: id of clients has to stay as it is: it is part of the key",
        "tables.clients.drop: clients has no column emial: did you mean email?",
        "there is no setting tables.clients.were: did you mean where?",
        "tables.taxes.where: taxes has no column amout: did you mean amount?",
    ];
    for command in [&["sync"][..], &["plan"], &["replay", "taxes"], &["pull", "--out", "out"]] {
        world.run(command).says(2, &words);
    }
    assert_eq!(world.freshbooks.requests(), 0);
    // What there is can be looked up all the same.
    let described = world.run(&["describe", "clients"]);
    described.says(0, &["what is set for it cannot be told"]);
    assert!(described.out.contains("email"), "{described:?}");
}

#[test]
fn what_is_dropped_or_hashed_stays_so_from_run_to_run_and_after_a_replay() {
    let world = World::connected();
    set(
        &world,
        "[tables.clients]\nhash = ['email', 'lname']\ndrop = ['note', 'p_street']\nrename = { organization = 'company' }\n\
         [tables.client_contacts]\nhash = ['email', 'lname']",
    );
    let sync = ["sync", "acme", "--table", "clients"];
    world.run(&sync).says(0, &[]);
    let rows = world.rows("clients");
    assert!(!rows.is_empty());
    let hashed = |rows: &[Value]| {
        rows.iter().all(|row| {
            let email = row["email"].as_str().unwrap_or("sha256:");
            email.is_empty() || email.starts_with("sha256:")
        })
    };
    assert!(
        hashed(&rows) && rows.iter().all(|row| row["note"].is_null() && row["p_street"].is_null()),
        "{rows:?}"
    );
    assert!(hashed(&world.rows("client_contacts")));
    // The salt was made once, and is kept where the other secrets are.
    let secrets = fs::read_to_string(world.path("freshlake-secrets.json")).unwrap();
    assert!(secrets.contains("\"salt\""));
    let again = world.run(&sync);
    assert_eq!(again.status("clients", "qX4mRt"), "unchanged", "{again:?}");
    world.run(&["replay", "clients"]).says(0, &[]);
    assert_eq!(world.rows("clients"), rows);
    world.run(&["verify"]).says(0, &[]);

    let described = world.run(&["describe", "clients"]);
    for line in [
        "set: drop     note, p_street",
        "set: hash     email, lname",
        "set: rename   organization as company",
    ] {
        assert!(described.out.contains(line), "{line} is not in {}", described.out);
    }
    world.run(&["pull", "--out", "out", "--table", "clients"]).says(0, &[]);
}

#[test]
fn the_plan_is_what_an_idle_run_does() {
    let world = World::connected();
    world.freshbooks.requests();
    let first = world.run(&["plan"]);
    first.says(0, &["were never read"]);
    assert!(
        first.out.contains("everything, for the first time") && first.out.contains("at least"),
        "{first:?}"
    );
    world.run(&["sync"]).says(0, &[]);
    world.freshbooks.requests();
    let before = world.files(".");
    let planned: Value = serde_json::from_str(&world.run(&["plan", "acme", "--json"]).out).unwrap();
    assert_eq!(world.freshbooks.requests(), 0, "nobody is asked");
    assert_eq!(world.files("."), before, "nothing is written");

    let idle = world.run(&["sync"]);
    idle.says(0, &[]);
    assert!(idle.out.contains("nothing written"), "{idle:?}");
    assert_eq!(planned["requests"].as_u64().unwrap(), world.freshbooks.requests());
    let text = world.run(&["plan"]).out;
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(text.lines().last().unwrap().contains(&format!("{} requests", planned["requests"])), "{text}");
    // Asked, FreshBooks counts what is there.
    let asked = world.run(&["plan", "--ask", "--table", "taxes", "--json"]);
    let asked: Value = serde_json::from_str(&asked.out).unwrap();
    assert_eq!(asked["connections"][0]["tables"][0]["rows"], 4);
    world.run(&["plan", "--table", "texas"]).says(2, &["did you mean taxes?"]);
    world.run(&["plan", "acne"]).says(2, &["there is no connection acne"]);
}
