//! Commands that only read: the catalog, saved responses, settings.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken test stops")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;
use support::{Ended, FreshBooks, World, web};

/// A world with the answer to `path` in `page.json`.
fn saved(path: &str) -> World {
    let world = World::new();
    let page = web::get_with_token(&format!("{}{path}", world.freshbooks.url), &world.freshbooks.token);
    assert_eq!(page.status, 200, "{}", page.body);
    std::fs::write(world.path("page.json"), page.body).unwrap();
    world
}

const INVOICES: &str = "/accounting/account/qX4mRt/invoices/invoices?per_page=5&include[]=lines";

fn lines(ended: &Ended) -> Vec<Value> {
    ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_saved_response_becomes_typed_rows_with_children_behind_their_parent() {
    let world = saved(INVOICES);
    let ended = world.run(&["decode", "invoices", "page.json"]);
    ended.says(0, &[]);
    let rows = lines(&ended);
    let invoices: Vec<&Value> = rows.iter().filter(|row| row["table"] == "invoices").collect();
    assert_eq!(invoices.len(), 5);
    assert!(invoices.iter().all(|row| row["amount"].is_string() && row["amount_code"].is_string()));
    assert!(ended.out.starts_with(r#"{"table":"invoices","id":"#), "{}", ended.out);
    let mut parent = &Value::Null;
    for row in &rows {
        match row["table"].as_str().unwrap() {
            "invoices" => parent = &row["id"],
            "invoice_lines" => assert_eq!(row["invoiceid"], *parent),
            other => panic!("{other}"),
        }
    }
    let only = world.run(&["decode", "invoice_lines", "page.json"]);
    assert!(lines(&only).iter().all(|row| row["table"] == "invoice_lines"));
    assert_eq!(lines(&only).len(), rows.len() - 5);
}

#[test]
fn what_cannot_be_decoded_is_told_and_the_rest_is_decoded() {
    let world = saved("/accounting/account/qX4mRt/taxes/taxes");
    let page = std::fs::read_to_string(world.path("page.json")).unwrap();
    let file = |name: &str, text: &str| std::fs::write(world.path(name), text).unwrap();
    file("bad.json", &page.replacen(r#""amount":"20""#, r#""amount":"much""#, 1));
    file("cut.json", &page[..page.len() / 2]);
    file("page.html", "<html>no</html>");
    file("error.json", r#"{"response":{"errors":[{"errno":1012,"message":"Account not found."}]}}"#);

    let ended = world.run(&["decode", "taxes", "bad.json"]);
    ended.says(3, &["bad.json: row 7844 of taxes was rejected: amount: "]);
    assert_eq!(lines(&ended).len(), 3);
    world
        .run(&["decode", "taxes", "cut.json"])
        .says(3, &["cut.json is no response with taxes: it breaks off"]);
    world
        .run(&["decode", "taxes", "page.html"])
        .says(3, &["page.html is no response with taxes: it is HTML"]);
    world
        .run(&["decode", "taxes", "error.json"])
        .says(3, &["holds an error of FreshBooks", "Account not found."]);
    world
        .run(&["decode", "invoices", "page.json"])
        .says(3, &["no response with invoices", "next: give the whole body"]);
    // JSON of another resource, of a list, of one object, and of none.
    file(
        "other.json",
        r#"{"response":{"result":{"clients":[],"page":1,"pages":1,"per_page":15,"total":0}}}"#,
    );
    file("bare.json", r#"[{"id":1}]"#);
    for (table, other) in [("taxes", "other.json"), ("projects", "page.json"), ("taxes", "bare.json")] {
        let ended = world.run(&["decode", table, other]);
        ended.says(3, &[&format!("{other} is no response with {table}"), "next: give the whole body"]);
        assert_eq!(ended.out, "");
    }
    let object = world.run(&["decode", "users_me", "page.json"]);
    object.says(3, &["page.json"]);
    assert_eq!(object.out, "");
    world.run(&["decode", "taxes", "gone.json"]).says(2, &["cannot read gone.json"]);
    world.run(&["decode", "texas", "page.json"]).says(2, &["did you mean taxes?"]);
    let both = world.run(&["decode", "taxes", "cut.json", "page.json"]);
    both.says(3, &[]);
    assert_eq!(lines(&both).len(), 4);
}

#[test]
fn standard_input_is_a_file_too() {
    let world = saved("/accounting/account/qX4mRt/taxes/taxes");
    let page = std::fs::File::open(world.path("page.json")).unwrap();
    let ended: Ended = world.command(&["decode", "taxes", "-"]).stdin(page).output().unwrap().into();
    ended.says(0, &[]);
    assert_eq!(lines(&ended).len(), 4);
}

#[test]
fn the_catalog_is_told_to_people_and_programs() {
    let world = World::new();
    let text = world.run(&["tables"]);
    let json: Value = serde_json::from_str(&world.run(&["tables", "--format", "json"]).out).unwrap();
    for table in json.as_array().unwrap() {
        let name = format!("{}  ", table["name"].as_str().unwrap());
        assert!(text.out.lines().any(|line| line.starts_with(&name)), "{name} is not in {}", text.out);
        assert!(table["confidence"].is_string() && table["requests_per_idle_run"].is_string(), "{table}");
    }
    assert!(text.out.lines().all(|line| line.chars().count() <= 100), "{}", text.out);
    assert_eq!(world.run(&["tables", "--json"]).out, world.run(&["tables", "--format", "json"]).out);
    let described = world.run(&["describe", "invoice_lines"]);
    let parts =
        ["part of       invoices", "key           invoiceid, lineid", "DECIMAL(38,12)", "unit_cost.code"];
    for part in parts {
        assert!(described.out.contains(part), "{part} is not in {}", described.out);
    }
    world.run(&["describe", "invoice_line"]).says(2, &["did you mean invoice_lines?"]);
}

#[test]
fn wrong_settings_are_told_all_at_once() {
    let world = World::new();
    std::fs::write(world.path("freshlake.toml"), "lak = 'x'\nin_flight = 'many'\n").unwrap();
    let mut command = world.command(&["sync"]);
    let ended: Ended = command.env("FRESHBOOKS_API_URL", "http://api.example").output().unwrap().into();
    ended.says(
        2,
        &[
            "3 settings are wrong",
            "did you mean lake?",
            "in_flight has to be a number",
            "FRESHBOOKS_API_URL is plain http",
        ],
    );
    world.run(&["sync", "--config", "other.toml"]).says(2, &["cannot read the settings in other.toml"]);
}

#[test]
fn a_log_in_json_is_nothing_but_json() {
    let world = World::connected();
    world.freshbooks.faults(&serde_json::json!([{"resource": "taxes", "kind": {"status": {"code": 500}}}]));
    let ended = world.run(&["--log", "json", "sync", "--tries", "1"]);
    assert_eq!(ended.code, 6);
    let last: Vec<Value> = ended.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let error = last.iter().find(|line| line["fields"]["exit_code"] == 6).unwrap();
    assert_eq!(error["fields"]["next"], "run again later");
    let quiet = world.run(&["--quiet", "sync", "--table", "clients"]);
    assert_eq!((quiet.code, quiet.err.as_str()), (0, ""));
}

#[test]
fn the_simulator_stops_cleanly() {
    assert_eq!(FreshBooks::start(&["--seed", "7", "--scale", "5"]).interrupt(), 0);
}

#[test]
fn a_reader_that_goes_away_is_no_crash() {
    let world = World::new();
    let mut process = world.command(&["tables", "--format", "json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(process.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    let ended: Ended = process.wait_with_output().unwrap().into();
    assert!(!ended.err.contains("panicked"), "{ended:?}");
}
