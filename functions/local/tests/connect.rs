//! Authorising, and everything that can go wrong on the way.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken test stops")]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::json;
use support::{World, web};
use url::Url;

const SECRETS: &str = "freshlake-secrets.json";

#[test]
fn a_browser_connects_over_https_on_this_machine() {
    let world = World::new();
    let arguments = ["connect", "acme", "--port", "0"];
    let mut process = world.command(&arguments).stdin(Stdio::null()).spawn().unwrap();
    let mut out = BufReader::new(process.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("open ").unwrap().to_owned();
    assert!(address.starts_with("https://localhost:"), "{address}");

    let page = web::get(&address, None);
    assert_eq!(page.status, 200, "{}", page.body);
    let start = Url::parse(&address).unwrap().join("/connect/start").unwrap();
    let left = web::post_form(start.as_str(), Url::parse(&address).unwrap().query().unwrap());
    let cookie = left.header("set-cookie").unwrap().split(';').next().unwrap();
    let back = web::decide(left.header("location").unwrap(), "allow");
    // A page that has nothing to do with it ends nothing.
    assert_eq!(web::get(&back, None).status, 403);
    let connected = web::get(&back, Some(cookie));
    assert_eq!(connected.status, 200, "{}", connected.body);

    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("acme is connected: Juniper Studio (account qX4mRt, business 610001)"), "{rest}");
    assert_eq!(process.wait().unwrap().code(), Some(0));
    assert_eq!(std::fs::metadata(world.path(SECRETS)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_person_elsewhere_pastes_the_address_and_the_secret_is_kept_for_later_runs() {
    let world = World::connected();
    let mut later = world.command(&["sync", "--table", "taxes"]);
    later.env_remove("FRESHBOOKS_CLIENT_ID").env_remove("FRESHBOOKS_CLIENT_SECRET");
    let ended: support::Ended = later.output().unwrap().into();
    ended.says(0, &[]);
    assert_eq!(ended.status("taxes", "qX4mRt"), "ok");
}

#[test]
fn only_the_business_asked_for_is_connected_and_an_unknown_one_is_named_with_those_there() {
    let world = World::new();
    let ended = world.connect(&["--account", "nobody"], |_| {});
    ended.says(2, &["error: this login has no business nobody", "Juniper Studio", "Tidewater Müller GmbH"]);
    assert!(!world.path(SECRETS).exists());
    let ended = world.connect(&["--account", "Wn8dLk"], |_| {});
    assert!(
        ended.out.contains("acme is connected: Tidewater Müller GmbH (account Wn8dLk, business 610002)"),
        "{ended:?}"
    );
    assert!(!ended.out.contains("Juniper"), "{ended:?}");
}

#[test]
fn a_wrong_client_secret_is_named_and_nothing_is_saved() {
    let world = World::new();
    let app = json!({"oauth": {"client_secret": "another"}});
    let ended = world.connect(&[], |freshbooks| drop(freshbooks.control("options", &app)));
    ended.says(
        2,
        &[
            "error: FreshBooks does not know this client id and secret",
            "next: check FRESHBOOKS_CLIENT_ID and FRESHBOOKS_CLIENT_SECRET",
        ],
    );
    assert!(!world.path(SECRETS).exists());
    assert!(!format!("{ended:?}").contains("simulator-secret"));
    world.run(&["sync"]).says(2, &["there is no connection yet", "freshlake connect NAME"]);
}

#[test]
fn a_missing_client_id_and_secret_are_told_together() {
    let world = World::new();
    let mut command = world.command(&["connect", "acme"]);
    command.env_remove("FRESHBOOKS_CLIENT_ID").env_remove("FRESHBOOKS_CLIENT_SECRET");
    let ended: support::Ended = command.output().unwrap().into();
    ended.says(2, &["FRESHBOOKS_CLIENT_ID and FRESHBOOKS_CLIENT_SECRET are not set"]);
}

#[test]
fn an_expired_code_means_starting_again() {
    let world = World::new();
    let six_minutes = json!({"advance_seconds": 360});
    let ended = world.connect(&[], |freshbooks| drop(freshbooks.control("clock", &six_minutes)));
    ended.says(4, &["error: FreshBooks' code has expired or was used", "next: start again"]);
    assert!(!world.path(SECRETS).exists());
}

#[test]
fn a_person_who_says_no_is_believed() {
    let world = World::new();
    let ended = world.paste(&["connect", "acme", "--paste"], &[], |to| web::decide(to, "deny"));
    ended.says(4, &["error: access was declined at FreshBooks", "next: start again"]);
    assert!(!world.path(SECRETS).exists());
}

#[test]
fn what_was_pasted_has_to_be_the_address() {
    let world = World::new();
    let paste = |text: &str| {
        let text = text.to_owned();
        world.paste(&["connect", "acme", "--paste"], &[], |_| text)
    };
    paste("hello").says(2, &["error: that is not an address with a code in it"]);
    paste("https://localhost:8765/callback?code=x&state=y")
        .says(2, &["error: that address does not belong to this authorisation"]);
    assert!(!world.path(SECRETS).exists());
}

#[test]
fn a_dead_grant_asks_for_a_person_and_is_not_sent_again() {
    let world = World::connected();
    world.freshbooks.control("kill_grant", &json!({}));
    world.freshbooks.control("revoke", &json!({}));
    world.run(&["sync", "--table", "taxes"]).says(4, &["error: ", "acme"]);
    assert!(!world.has_commits("taxes"));
    let ended = world.connect(&[], |_| {});
    ended.says(0, &["next: freshlake sync acme"]);
    world.run(&["sync", "--table", "taxes"]).says(0, &[]);
}

#[test]
fn a_token_revoked_before_its_time_is_renewed_within_the_run() {
    let world = World::connected();
    world.freshbooks.control("revoke", &json!({}));
    let ended = world.run(&["sync", "--table", "taxes", "--table", "clients"]);
    ended.says(0, &[]);
    assert_eq!(ended.status("clients", "qX4mRt"), "ok");
}
