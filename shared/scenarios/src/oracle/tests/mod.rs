//! Corruptions planted one by one: each is named by its rule, and by no other.

mod scribe;

use bytes::Bytes;
use scribe::{Row, Scribe, rejected};
use serde_json::json;

use super::{AHEAD, BACKWARDS, CURRENT, FILES, GUESS, INVENTED, NUMBERS, TWICE};

/// A lake of invoices in which everything is right.
fn whole() -> Scribe {
    let mut scribe = Scribe::new("invoices");
    scribe.commit(&scribe.all());
    scribe.wait(60);
    scribe
}

fn spoilt(spoil: impl FnOnce(&mut Row)) -> Scribe {
    let mut scribe = Scribe::new("invoices");
    let mut rows = scribe.all();
    spoil(&mut rows[1]);
    scribe.commit(&rows);
    scribe
}

#[test]
fn of_a_lake_that_is_right_nothing_is_said() {
    let mut scribe = whole();
    assert!(scribe.ids().len() >= 4, "{:?}", scribe.ids());
    assert_eq!(scribe.current(), [""; 0]);
    let (unit, ids) = (scribe.unit.clone(), scribe.ids());
    let new = scribe.source.insert(&unit, "invoices").unwrap();
    scribe.source.change(&unit, "invoices", ids[0]);
    scribe.source.archive(&unit, "invoices", ids[1]);
    scribe.source.delete(&unit, "invoices", ids[2]);
    scribe.wait(1);
    assert_eq!((scribe.broken(), scribe.current()), (vec![], vec![CURRENT]));
    let rows: Vec<_> = [new, ids[0], ids[1], ids[2]].iter().map(|id| scribe.row(*id)).collect();
    scribe.commit(&rows);
    assert_eq!(scribe.current(), [""; 0]);
}

#[test]
fn a_row_that_is_missing_or_stale_is_noticed() {
    let mut scribe = Scribe::new("invoices");
    let rows = scribe.all();
    scribe.commit(&rows[1..]);
    assert_eq!((scribe.broken(), scribe.current()), (vec![AHEAD], vec![CURRENT, AHEAD]));

    let mut scribe = whole();
    let (unit, id) = (scribe.unit.clone(), scribe.ids()[0]);
    scribe.source.change(&unit, "invoices", id);
    scribe.wait(1);
    scribe.commit(&[]);
    assert_eq!((scribe.broken(), scribe.current()), (vec![AHEAD], vec![CURRENT, AHEAD]));
    // what changes once more is owed by a later run
    scribe.source.change(&unit, "invoices", id);
    assert_eq!((scribe.broken(), scribe.current()), (vec![], vec![CURRENT]));

    assert_eq!(Scribe::new("invoices").current(), [CURRENT]);
}

#[test]
fn a_cursor_one_second_ahead_of_a_missing_row_is_noticed() {
    for (ahead, broken) in [(0, vec![]), (1, vec![AHEAD])] {
        let mut scribe = whole();
        let unit = scribe.unit.clone();
        let changed = scribe.source.now();
        scribe.source.insert(&unit, "invoices").unwrap();
        scribe.wait(10);
        let cursor = changed + jiff::SignedDuration::from_secs(ahead);
        scribe.commit_with(&[], |pointer| pointer["cursor"] = json!(cursor));
        assert_eq!(scribe.broken(), broken);
    }
    let mut scribe = Scribe::new("invoices");
    let later = scribe.source.now() + jiff::SignedDuration::from_secs(1);
    scribe.commit_with(&scribe.all(), |pointer| pointer["cursor"] = json!(later));
    assert_eq!(scribe.broken(), [AHEAD]);
}

#[test]
fn a_window_of_a_first_load_promises_nothing() {
    let mut scribe = Scribe::new("invoices");
    let rows = scribe.all();
    let window = |pointer: &mut serde_json::Value| {
        pointer["cursor"] = json!(null);
        pointer["done"] = json!(false);
        pointer["task"] = json!("load");
        pointer["recent_tasks"] = json!([]);
    };
    scribe.commit_with(&rows[2..], window);
    assert_eq!(scribe.broken(), [""; 0]);
    scribe.commit_with(&rows[..2], |pointer| {
        pointer["task"] = json!("load");
        pointer["recent_tasks"] = json!(["load"]);
    });
    assert_eq!(scribe.current(), [""; 0]);
    scribe.commit_with(&[], |pointer| pointer["task"] = json!("load"));
    assert_eq!(scribe.broken(), [NUMBERS]);
}

#[test]
fn a_row_that_is_written_twice_is_noticed() {
    let mut scribe = Scribe::new("invoices");
    let mut rows = scribe.all();
    rows.push(rows[0].clone());
    scribe.commit(&rows);
    assert_eq!(scribe.broken(), [TWICE]);

    let mut scribe = whole();
    let row = scribe.row(scribe.ids()[1]);
    scribe.commit(std::slice::from_ref(&row));
    assert_eq!(scribe.broken(), [TWICE]);

    let mut scribe = whole();
    scribe.commit_with(&[row], |pointer| pointer["mode"] = json!("full"));
    assert_eq!(scribe.current(), [""; 0]);
}

#[test]
fn a_row_that_came_back_to_an_old_text_may_be_written_again_once() {
    let mut scribe = Scribe::new("time_entries");
    let (unit, ids) = (scribe.unit.clone(), scribe.ids());
    scribe.commit(&scribe.all());
    let row = scribe.row(ids[0]);
    scribe.source.archive(&unit, "time_entries", ids[0]);
    scribe.wait(1);
    assert_eq!(scribe.row(ids[0]).raw, row.raw);
    scribe.commit(std::slice::from_ref(&row));
    assert_eq!(scribe.current(), [""; 0]);
    scribe.commit(&[row]);
    assert_eq!(scribe.broken(), [TWICE]);
}

#[test]
fn an_older_row_over_a_newer_one_is_noticed() {
    let mut scribe = whole();
    let (unit, id) = (scribe.unit.clone(), scribe.ids()[0]);
    let old = scribe.row(id);
    scribe.source.change(&unit, "invoices", id);
    scribe.commit(&[scribe.row(id)]);
    assert_eq!(scribe.broken(), [""; 0]);
    scribe.commit(&[old]);
    assert_eq!(scribe.broken(), [BACKWARDS]);
}

#[test]
fn a_row_that_never_was_is_noticed() {
    let alter =
        |row: &mut Row| row.raw = row.raw.take().map(|raw| raw.replacen("\"vis_state\"", "\"vis_State\"", 1));
    assert_eq!(spoilt(alter).broken(), [AHEAD, INVENTED]);
    assert_eq!(spoilt(|row| row.amount = row.amount.map(|amount| amount + 1)).broken(), [INVENTED]);
    assert_eq!(spoilt(|row| row.amount = None).broken(), [INVENTED]);
    assert_eq!(spoilt(|row| row.vis_state = Some(2)).broken(), [INVENTED]);
    assert_eq!(spoilt(|row| row.deleted = !row.deleted).broken(), [INVENTED]);
    let mut scribe = whole();
    let mut foreign = scribe.row(scribe.ids()[0]);
    foreign.key = 1;
    scribe.commit(&[foreign]);
    assert_eq!(scribe.broken(), [INVENTED]);
}

#[test]
fn lines_in_another_order_or_number_are_noticed() {
    let mut scribe = Scribe::new("invoices");
    let mut rows = scribe.all();
    let with_lines = rows.iter().position(|row| row.lines.len() > 2).unwrap();
    let lines = &mut rows[with_lines].lines;
    let (first, second) = (lines[0].1.clone(), lines[1].1.clone());
    (lines[0].1, lines[1].1) = (second, first);
    scribe.commit(&rows);
    assert_eq!(scribe.broken(), [INVENTED]);
    assert_eq!(spoilt(|row| drop(row.lines.pop())).broken(), [INVENTED]);
    assert_eq!(spoilt(|row| row.lines[0].0 = 7).broken(), [INVENTED]);
}

#[test]
fn a_secret_in_the_lake_is_noticed() {
    for (masked, broken) in [(true, vec![]), (false, vec![AHEAD, INVENTED])] {
        let mut scribe = Scribe::new("clients");
        let (unit, id) = (scribe.unit.clone(), scribe.ids()[0]);
        scribe.source.change_with(&unit, "clients", id, &json!({"direct_link_token": "canary"}));
        scribe.wait(1);
        let mut rows = scribe.all();
        if masked {
            rows[0].raw = rows[0].raw.take().map(|raw| raw.replace("\"canary\"", "\"***\""));
        }
        scribe.commit(&rows);
        assert_eq!(scribe.broken(), broken);
    }
}

#[test]
fn a_row_is_marked_gone_only_if_the_source_lacked_it() {
    let mut scribe = Scribe::new("taxes");
    scribe.commit(&scribe.all());
    let (unit, ids) = (scribe.unit.clone(), scribe.ids());
    scribe.source.delete(&unit, "taxes", ids[0]);
    scribe.wait(60);
    assert_eq!((scribe.broken(), scribe.current()), (vec![], vec![CURRENT]));
    scribe.commit(&[Scribe::tombstone(ids[0])]);
    assert_eq!(scribe.current(), [""; 0]);
    scribe.commit(&[Scribe::tombstone(ids[0])]);
    assert_eq!(scribe.broken(), [TWICE]);

    let mut scribe = Scribe::new("taxes");
    scribe.commit(&scribe.all());
    scribe.commit(&[Scribe::tombstone(ids[1])]);
    assert_eq!(scribe.broken(), [AHEAD, GUESS]);

    // it was gone, but it is back since before the cursor
    let mut scribe = Scribe::new("taxes");
    scribe.commit(&scribe.all());
    scribe.source.delete(&unit, "taxes", ids[0]);
    scribe.wait(1);
    scribe.source.undelete(&unit, "taxes", ids[0]);
    scribe.wait(1);
    scribe.commit(&[Scribe::tombstone(ids[0])]);
    assert_eq!(scribe.broken(), [AHEAD, GUESS]);

    let mut scribe = whole();
    let id = scribe.ids()[0];
    scribe.commit(&[Scribe::tombstone(id)]);
    assert_eq!(scribe.broken(), [AHEAD, GUESS]);
}

#[test]
fn files_that_are_not_as_the_commit_says_are_noticed() {
    let file =
        |scribe: &Scribe| scribe.objects.keys().find(|key| key.starts_with("raw/invoices/")).unwrap().clone();
    let mut scribe = whole();
    scribe.objects.remove(&file(&scribe));
    assert!(scribe.broken().contains(&FILES));

    // a byte that no reader looks at
    let mut scribe = whole();
    let key = file(&scribe);
    let mut body = scribe.objects[&key].to_vec();
    let at = body.windows(7).position(|part| part == b"parquet").unwrap();
    body[at] ^= 0x20;
    scribe.objects.insert(key, Bytes::from(body));
    assert_eq!(scribe.broken(), [FILES]);

    for (field, wrong) in [("rows", json!(3)), ("bytes", json!(3)), ("sha256", json!("00"))] {
        let mut scribe = Scribe::new("invoices");
        scribe.commit_with(&scribe.all(), |pointer| pointer["files"][2][field] = wrong);
        assert_eq!(scribe.broken(), [FILES], "{field}");
    }
    let mut scribe = whole();
    let key = file(&scribe);
    scribe.commit_with(&[], |pointer| {
        let sha = &pointer["files"][2].clone();
        pointer["files"][2] =
            json!({"table": "invoices", "key": key, "rows": sha["rows"], "bytes": 1, "sha256": ""});
    });
    assert!(scribe.broken().contains(&FILES));
}

#[test]
fn numbers_tasks_and_cursors_out_of_order_are_noticed() {
    for (field, wrong) in [
        ("number", json!(3)),
        ("task", json!("task1")),
        ("recent_tasks", json!(["task2", "task2"])),
        ("recent_tasks", json!(["task1"])),
        ("cursor", json!("2026-03-31T14:59:59Z")),
        ("cursor", json!(null)),
    ] {
        let mut scribe = whole();
        scribe.commit_with(&[], |pointer| pointer[field] = wrong.clone());
        assert_eq!(scribe.broken(), [NUMBERS], "{field} {wrong}");
    }
    let mut scribe = whole();
    scribe.commit(&[]);
    scribe.commit(&[]);
    assert_eq!(scribe.broken(), [""; 0]);
    let second = scribe.objects.keys().find(|key| key.ends_with("0000000002.json")).unwrap().clone();
    scribe.objects.remove(&second);
    assert_eq!(scribe.broken(), [NUMBERS]);
}

#[test]
fn a_rejected_row_explains_what_is_missing_if_it_is_one_of_the_source() {
    for (true_row, broken) in [(true, vec![]), (false, vec![CURRENT, AHEAD, INVENTED])] {
        let mut scribe = Scribe::new("items");
        let mut rows = scribe.all();
        let left_out = rows.remove(0);
        let own = scribe.put("items", &super_own(&rows));
        let raw = left_out.raw.unwrap();
        let raw = if true_row { raw } else { raw.replace("vis_state", "state") };
        let aside = scribe.put("rejected", &rejected("items", left_out.key, &raw));
        scribe.publish(&[own, aside], |_| {});
        assert_eq!(scribe.current(), broken);
    }
}

#[test]
fn what_an_employee_cannot_see_is_not_missing() {
    let mut scribe = Scribe::new("invoices");
    let even: Vec<_> = scribe.all().into_iter().filter(|row| row.key % 2 == 0).collect();
    scribe.source.set_role("contractor");
    scribe.commit(&even);
    assert_eq!(scribe.current(), [""; 0]);
    let mut scribe = Scribe::new("invoices");
    scribe.source.set_role("business_manager");
    scribe.commit(&even);
    assert_eq!(scribe.broken(), [AHEAD]);
}

fn super_own(rows: &[Row]) -> arrow_array::RecordBatch {
    scribe::own(super::facts::find("items").unwrap(), rows)
}

#[test]
fn the_oracle_names_nothing_of_what_it_judges() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/oracle");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 8, "{files:?}");
    for file in files.iter().filter(|file| file.is_file()) {
        let code = std::fs::read_to_string(file).unwrap();
        for judged in ["sync::", "lake::", "tables::", "freshbooks::", "grants::"] {
            let named = code.match_indices(judged).any(|(at, _)| {
                // `std::sync::` is another one
                !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
            });
            assert!(!named, "{} names {judged}", file.display());
        }
    }
}
