use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use model::{RunId, Timestamp, Unit};
use serde_json::json;

use super::{Rules, read};
use crate::{Anew, Context, Decoder, RawText, Verdict};

fn rules(table: &str, settings: &serde_json::Value) -> Arc<Rules> {
    let settings = read(settings.as_object().unwrap()).unwrap();
    Rules::new(crate::find(table).unwrap(), &settings, Some("pepper")).unwrap().unwrap()
}

fn wrong(settings: &serde_json::Value) -> Vec<String> {
    read(settings.as_object().unwrap()).unwrap_err()
}

/// Batches by table; and of each row its key, whether it is wanted, and whether it is deleted.
type Came = (BTreeMap<String, RecordBatch>, Vec<(String, bool, bool)>);

/// What comes of `rows`: the batches by table, and of which rows it was asked.
fn decode(table: &str, rules: &Arc<Rules>, rows: &[&str]) -> Came {
    let context = Context::new(&Unit::Identity(1), &RunId("r".to_owned()));
    let mut decoder = Decoder::new(crate::find(table).unwrap(), context, RawText::Keep).under(Some(rules));
    let mut asked = Vec::new();
    decoder.rows(rows.iter().copied(), Timestamp::UNIX_EPOCH, &mut |facts| {
        asked.push((facts.key.to_owned(), facts.wanted, facts.deleted));
        Verdict::Write
    });
    assert!(decoder.rejected().is_empty(), "{:?}", decoder.rejected());
    (decoder.take().unwrap().into_iter().map(|(name, batch)| (name.0, batch)).collect(), asked)
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(name).unwrap().as_string::<i32>().clone();
    column.iter().map(|text| text.map(str::to_owned)).collect()
}

const CLIENT: &str = r#"{"id":7,"userid":7,"fname":"Ann","lname":"Lee","email":"ann@example.com","organization":"Lee & Co",
    "note":"owes","vis_state":0,"updated":"2026-03-01 10:00:00","brand_new":{"a":1},
    "contacts":[{"contactid":1,"userid":7,"email":"ann@example.com","fname":"Ann"}]}"#;

#[test]
fn what_is_dropped_or_hashed_is_so_in_the_text_too() {
    let rules = rules(
        "clients",
        &json!({"clients": {"drop": ["note"], "hash": ["email"]}, "client_contacts": {"hash": ["email"], "drop": ["fname"]}}),
    );
    let (tables, _) = decode("clients", &rules, &[CLIENT]);
    let clients = &tables["clients"];
    let email = texts(clients, "email").remove(0).unwrap();
    assert_eq!(email.len(), "sha256:".len() + 64);
    assert_eq!(texts(clients, "note"), [None]);
    assert_eq!(
        texts(&tables["client_contacts"], "email"),
        [Some(email.clone())],
        "equal values have equal digests"
    );
    assert_eq!(texts(&tables["client_contacts"], "fname"), [None]);
    for table in tables.values() {
        for raw in ["_raw", "_extra"].iter().flat_map(|name| texts(table, name)).flatten() {
            assert!(!raw.contains("ann@example.com") && !raw.contains("owes"), "{raw}");
        }
    }
    assert!(texts(clients, "_extra")[0].as_ref().unwrap().contains("brand_new"));

    // Typed anew, it stays so: under the same settings, and under none.
    let raw = texts(clients, "_raw").remove(0).unwrap();
    for rules in [Some(&rules), None] {
        let mut anew = Anew::new("clients", rules).unwrap();
        anew.row(&raw).unwrap();
        let batch = anew.take().unwrap();
        assert_eq!(texts(&batch, "email"), [Some(email.clone())]);
        assert_eq!(texts(&batch, "note"), [None]);
    }
    // Text of before obeys once it is typed anew.
    let mut anew = Anew::new("clients", Some(&rules)).unwrap();
    anew.row(CLIENT).unwrap();
    assert_eq!(texts(&anew.take().unwrap(), "email"), [Some(email)]);
}

#[test]
fn another_salt_is_another_digest_and_nothing_stays_nothing() {
    let settings =
        read(json!({"clients": {"hash": ["email", "fname", "lname"]}}).as_object().unwrap()).unwrap();
    let clients = crate::find("clients").unwrap();
    let digest = |salt| {
        let rules = Rules::new(clients, &settings, Some(salt)).unwrap().unwrap();
        let row = r#"{"id":1,"email":"a","fname":"","lname":null}"#;
        let batch = decode("clients", &rules, &[row]).0.remove("clients").unwrap();
        assert_eq!((texts(&batch, "fname"), texts(&batch, "lname")), (vec![Some(String::new())], vec![None]));
        texts(&batch, "email").remove(0).unwrap()
    };
    // printf 'one\0a' | sha256sum
    assert_eq!(digest("one"), "sha256:539299a6e6da199a5561afcedc1b141628bd3dd44e122dcf749971932c340966");
    assert_ne!(digest("one"), digest("two"));
    let none = Rules::new(clients, &settings, None).unwrap_err();
    assert_eq!(none, ["clients: there is no salt to hash with"]);
}

#[test]
fn columns_that_are_wanted_are_all_that_comes() {
    let rules = rules("clients", &json!({"clients": {"columns": ["organization"]}}));
    let (tables, _) = decode("clients", &rules, &[CLIENT]);
    let clients = &tables["clients"];
    assert_eq!(texts(clients, "organization"), [Some("Lee & Co".to_owned())]);
    assert_eq!((texts(clients, "email"), texts(clients, "_extra")), (vec![None], vec![None]));
    let raw = texts(clients, "_raw").remove(0).unwrap();
    let keys: Vec<_> =
        serde_json::from_str::<BTreeMap<String, serde_json::Value>>(&raw).unwrap().into_keys().collect();
    assert_eq!(keys, ["contacts", "id", "organization", "updated", "vis_state"]);
    assert_eq!(texts(&tables["client_contacts"], "email"), [Some("ann@example.com".to_owned())]);
    let shown = rules.schema("clients", &clients.schema());
    let names: Vec<_> =
        shown.fields().iter().map(|f| f.name().as_str()).filter(|n| !n.starts_with('_')).collect();
    assert_eq!(names, ["id", "organization", "updated", "updated_text", "vis_state"]);
}

#[test]
fn secrets_are_masked_unless_they_are_asked_for() {
    let row = r#"{"id":1,"statement_token":"abc","email":"a"}"#;
    for (shown, settings) in [(false, json!({"drop": ["email"]})), (true, json!({"secrets": true}))] {
        let rules = rules("clients", &json!({ "clients": settings }));
        let batch = decode("clients", &rules, &[row]).0.remove("clients").unwrap();
        let raw = texts(&batch, "_raw").remove(0).unwrap();
        assert_eq!(raw.contains("abc"), shown, "{raw}");
    }
}

#[test]
fn new_names_are_those_of_the_current_table() {
    let rules = rules(
        "invoices",
        &json!({"invoices": {"rename": {"amount": "total", "notes": "remark"}, "drop": ["terms"]}}),
    );
    let schema = crate::arrow_schema("invoices", RawText::Drop).unwrap();
    let shown = rules.schema("invoices", &schema);
    for (name, there) in
        [("total", true), ("total_code", true), ("remark", true), ("amount", false), ("terms", false)]
    {
        assert_eq!(shown.field_with_name(name).is_ok(), there, "{name}");
    }
    let (tables, _) =
        decode("invoices", &rules, &[r#"{"id":1,"amount":{"amount":"5","code":"CAD"},"lines":[]}"#]);
    assert_eq!(
        texts(&tables["invoices"], "amount_code"),
        [Some("CAD".to_owned())],
        "raw rows keep their own"
    );
    let batch = rules.shown("invoices", &tables["invoices"]).unwrap();
    assert_eq!(texts(&batch, "total_code"), [Some("CAD".to_owned())]);
}

#[test]
fn rows_that_do_not_match_come_as_deleted_with_their_key_alone() {
    let condition =
        "amount >= 100 and amount_code = 'CAD' and create_date >= '2026-01-01' and customerid in (1, 2)";
    let rules = rules("invoices", &json!({"invoices": {"where": condition}}));
    let row = |id: i64, amount: &str, code: &str, day: &str, client: &str| {
        format!(
            r#"{{"id":{id},"invoiceid":{id},"amount":{{"amount":"{amount}","code":"{code}"}},"create_date":"{day}","customerid":{client},
            "vis_state":0,"updated":"2026-03-01 10:00:00","notes":"hidden","lines":[{{"lineid":1,"name":"x"}}]}}"#
        )
    };
    let rows = [
        row(1, "100.00", "CAD", "2026-01-01", "1"),
        row(2, "99.99", "CAD", "2026-01-01", "1"),
        row(3, "100", "USD", "2026-01-01", "1"),
        row(4, "100", "CAD", "2025-12-31", "1"),
        row(5, "100", "CAD", "2026-01-01", "3"),
        row(6, "100", "CAD", "2026-01-01", "null"),
    ];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let (tables, asked) = decode("invoices", &rules, &rows);
    let wanted: Vec<_> =
        asked.iter().map(|(key, wanted, deleted)| (key.as_str(), *wanted, *deleted)).collect();
    let no = |key| (key, false, true);
    assert_eq!(wanted, [("1", true, false), no("2"), no("3"), no("4"), no("5"), no("6")]);
    assert_eq!(tables["invoice_lines"].num_rows(), 1);
    let raw = texts(&tables["invoices"], "_raw");
    assert_eq!(
        raw[1].as_deref().unwrap(),
        r#"{"id":2,"invoiceid":2,"vis_state":0,"updated":"2026-03-01 10:00:00","lines":[],"presentation":null}"#
    );
}

#[test]
fn conditions_mean_what_they_mean_in_sql() {
    let row = r#"{"id":1,"amount":{"amount":"-0.5","code":"CAD"},"notes":"it's","po_number":null,"auto_bill":true,
        "updated":"2026-03-01 20:00:00","create_date":"2026-03-01","lines":[]}"#;
    for (condition, holds) in [
        ("notes = 'it''s'", true),
        ("notes <> 'it''s'", false),
        ("notes != 'x' AND auto_bill = true", true),
        ("po_number = 'x'", false),
        ("po_number != 'x'", false),
        ("po_number not in ('x')", false),
        ("po_number is null", true),
        ("po_number is not null", false),
        ("notes is not null and amount < 0", true),
        ("amount <= -0.50", true),
        ("amount > -0.500000000001", true),
        ("updated >= '2026-03-02'", true),
        ("updated > '2026-03-02T01:00:00Z'", false),
        ("create_date < '2026-03-02'", true),
        ("notes not in ('a', 'b')", true),
        ("notes in ('a', 'it''s')", true),
    ] {
        let rules = rules("invoices", &json!({"invoices": {"where": condition}}));
        assert_eq!(decode("invoices", &rules, &[row]).1[0].1, holds, "{condition}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_what_was_probably_meant() {
    let told = wrong(&json!({
        "invocies": {"drop": ["x"]},
        "invoices": {
            "drop": ["id", "vis_state", "updated", "notse", "amount_code", "_raw"],
            "hash": ["amount", "nots"],
            "rename": {"notes": "Notes", "terms": "po_number", "id": "key"},
            "where": "amout > 5 and amount = 'x' and notes = 3",
            "colums": ["id"],
            "secrets": "yes"
        },
        "invoice_lines": {"where": "qty > 1", "drop": ["invoiceid", "unit_cots"], "secrets": true},
        "clients": {"columns": ["email"], "drop": ["email"], "hash": ["fname"], "where": "email = 'a' or email = 'b'"},
        "taxes": 5
    }));
    for part in [
        "tables.invocies: there is no table invocies: did you mean invoices?",
        "tables.invoices.drop: id of invoices has to stay as it is: it is part of the key",
        "tables.invoices.drop: vis_state of invoices has to stay as it is: it tells whether a row is deleted",
        "tables.invoices.drop: updated of invoices has to stay as it is: it tells when a row changed",
        "tables.invoices.drop: invoices has no column notse: did you mean notes?",
        "tables.invoices.drop: amount_code comes and goes with amount: name that column",
        "tables.invoices.drop: _raw is freshlake's own, and stays as it is",
        "tables.invoices.hash: amount is no text, and only texts are hashed: drop it",
        "tables.invoices.hash: invoices has no column nots: did you mean notes?",
        "tables.invoices.rename: notes cannot be called \"Notes\": lower-case letters, digits and _, a letter first, at most 63",
        "tables.invoices.rename: terms cannot be called po_number: another column is",
        "tables.invoices.rename: id of invoices has to stay as it is: it is part of the key",
        "tables.invoices.where: invoices has no column amout: did you mean amount?",
        "tables.invoices.where: 'x' is no value of amount, which is a number",
        "tables.invoices.where: 3 is no value of notes, which is a text: 'draft'",
        "there is no setting tables.invoices.colums: did you mean columns?",
        "tables.invoices.secrets has to be true or false",
        "tables.invoice_lines.where: rows of invoice_lines come and go with those of invoices: say it of that table",
        "tables.invoice_lines.drop: invoiceid of invoice_lines has to stay as it is: it is part of the key",
        "tables.invoice_lines.drop: invoice_lines has no column unit_cots: did you mean unit_cost?",
        "tables.invoice_lines.secrets: say it of invoices, which they are part of",
        "tables.clients.drop: email is among the columns that are wanted",
        "tables.clients.hash: fname is left out, so there is nothing to hash",
        "tables.clients.where: conditions are joined by and only; in (…) takes several values",
        "tables.taxes has to be a section",
    ] {
        assert!(told.iter().any(|problem| problem == part), "{part}\nis not in\n{}", told.join("\n"));
    }
    assert_eq!(told.len(), 25, "{}", told.join("\n"));
}

#[test]
fn a_broken_condition_is_told_with_what_is_broken() {
    for (condition, what) in [
        ("", "has to be a condition"),
        ("amount", "what amount has to be is missing"),
        ("amount >", "the value for amount is missing"),
        ("amount > 5 and", "a column is missing at the end"),
        ("amount > 5 notes = 'x'", "notes does not belong here: conditions are joined by and"),
        ("notes = 'x", "a text is not closed by '"),
        ("notes = draft", "draft has to be a value: texts are written 'draft'"),
        ("notes = null", "nothing equals null: say notes is null"),
        ("notes in 'x'", "notes in … has to be in (value, value)"),
        ("notes in ('x'", "the values of notes in (…) are not closed"),
        ("notes is 5", "has to be is null or is not null"),
        ("notes ! 5", "write !="),
        ("notes = \"x\"", "\" means nothing here"),
        ("create_date = '2026-02-30'", "is no value of create_date, which is a day: '2026-03-31'"),
        ("id = 1.5", "is no value of id, which is an integer"),
        ("auto_bill = 1", "is no value of auto_bill, which is true or false"),
    ] {
        let told = wrong(&json!({"invoices": {"where": condition}})).join("\n");
        assert!(told.contains(what), "{condition}: {told}");
    }
}

#[test]
fn every_column_of_every_table_can_be_dropped_or_says_why_not() {
    for table in crate::ALL {
        for part in super::Part::all(table) {
            let free: Vec<&str> =
                part.columns().iter().map(|c| c.name).filter(|name| part.needed(name).is_none()).collect();
            let settings = json!({ part.name(): {"drop": free} });
            let rules = Rules::new(table, &read(settings.as_object().unwrap()).unwrap(), None).unwrap();
            let text = r#"{"id":1}"#;
            if let Some(rules) = rules {
                assert!(
                    rules.rewriter().row(part.name(), text, super::Source::Raw).is_ok(),
                    "{}",
                    part.name()
                );
            }
        }
    }
}
