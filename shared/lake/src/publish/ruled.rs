//! Tables of which not all is wanted, or under other names.

use serde_json::json;

use ::model::Timestamp;

use super::rig::{Rig, as_it_is};

const ONE: &str = r#"{"id":1,"notes":"one","terms":"net 30","po_number":"P1","amount":{"amount":"5.00","code":"CAD"},
    "lines":[{"lineid":1,"name":"a","description":"secret"}]}"#;
const TWO: &str = r#"{"id":2,"notes":"two","terms":"net 60","po_number":"P2","amount":{"amount":"7.00","code":"CAD"},
    "lines":[{"lineid":1,"name":"b","description":"secret"}]}"#;
const SEEN: [&str; 6] = ["id", "notes", "remark", "terms", "total", "total_code"];

fn wanted() -> serde_json::Value {
    json!({
        "invoices": {"drop": ["terms"], "hash": ["po_number"], "rename": {"notes": "remark", "amount": "total"}},
        "invoice_lines": {"drop": ["description"], "rename": {"name": "item"}}
    })
}

async fn replay(rig: &Rig) {
    let at: Timestamp = "2026-04-01T00:00:00Z".parse().unwrap();
    let replayed = rig.lake.replay_from(rig.table, None, at).await.unwrap().remove(0);
    assert_eq!(replayed.untyped, Vec::new());
    assert_eq!(rig.lake.verify(Some("invoices")).await.unwrap().damage, []);
}

/// The digests of a column that is hashed, cut short.
async fn digests(rig: &Rig) -> Vec<String> {
    let rows = rig.see("invoices", &["id", "po_number"]).await;
    rows.into_iter().map(|row| row.chars().take(2 + 7 + 4).collect()).collect()
}

#[tokio::test]
async fn a_new_table_has_what_is_wanted_under_its_names_and_nothing_else() {
    for glue in [false, true] {
        let rig = if glue { Rig::in_glue("invoices").0 } else { Rig::new("invoices") };
        let rig = rig.under(&wanted());
        rig.commit("one", "2026-03-01", &[ONE], &as_it_is).await;
        // Neither the old names nor what is dropped are there at all.
        assert_eq!(rig.see("invoices", &SEEN).await, ["1|one|5.000000000000|CAD"]);
        assert_eq!(rig.see("invoice_lines", &["lineid", "item", "name", "description"]).await, ["1|a"]);
        assert!(rig.see("invoices", &["po_number"]).await[0].starts_with("sha256:"));
        assert_eq!(rig.lake.verify(Some("invoices")).await.unwrap().damage, []);
        // Typed anew it is the same.
        let before = digests(&rig).await;
        replay(&rig).await;
        assert_eq!(rig.see("invoices", &SEEN).await, ["1|one|5.000000000000|CAD"]);
        assert_eq!(digests(&rig).await, before);
    }
}

#[tokio::test]
async fn settings_that_come_later_hold_for_new_rows_and_a_replay_makes_old_ones_obey() {
    let plain = Rig::new("invoices");
    plain.commit("one", "2026-03-01", &[ONE], &as_it_is).await;
    let rig = plain.under(&wanted());
    rig.commit("two", "2026-03-02", &[TWO], &as_it_is).await;
    // Columns that were there stay, and have nothing of new rows; id, notes, remark, terms, total, total_code.
    assert_eq!(rig.see("invoices", &SEEN).await, ["1|one|-|net 30|-|-", "2|-|two|-|7.000000000000|CAD"]);
    assert_eq!(rig.see("invoice_lines", &["invoiceid", "description"]).await, ["1|secret", "2|-"]);

    replay(&rig).await;
    let obeyed = ["1|-|one|-|5.000000000000|CAD", "2|-|two|-|7.000000000000|CAD"];
    assert_eq!(rig.see("invoices", &SEEN).await, obeyed);
    assert_eq!(rig.see("invoice_lines", &["invoiceid", "description", "item"]).await, ["1|-|a", "2|-|b"]);
    let hashed = digests(&rig).await;
    assert!(hashed.iter().all(|row| row.contains("|sha256:")), "{hashed:?}");

    // Without settings old names are back. What came dropped or hashed stays so: nobody has it any more.
    replay(&plain).await;
    assert_eq!(
        plain.see("invoices", &SEEN).await,
        ["1|one|-|net 30|-|-", "2|two|-|-|-|-"],
        "raw rows of before have all"
    );
    assert_eq!(digests(&plain).await, ["1|P1".to_owned(), hashed[1].clone()]);
}

#[tokio::test]
async fn connections_with_other_settings_share_a_table() {
    let plain = Rig::new("invoices");
    let ruled = plain.account("ACM2").under(&wanted());
    ruled.commit("two", "2026-03-02", &[TWO], &as_it_is).await;
    plain.commit("one", "2026-03-01", &[ONE], &as_it_is).await;
    let seen = ["id", "remark", "notes", "terms"];
    assert_eq!(plain.see("invoices", &seen).await, ["1|-|one|net 30"]);
    // Its own file was written before the other columns were there.
    assert_eq!(ruled.see("invoices", &seen).await, ["2|two"]);
    ruled.commit("three", "2026-03-03", &[&TWO.replace("two", "three")], &as_it_is).await;
    assert_eq!(ruled.see("invoices", &seen).await, ["2|three|-|-"]);
    assert_eq!(plain.lake.verify(Some("invoices")).await.unwrap().damage, []);
}
