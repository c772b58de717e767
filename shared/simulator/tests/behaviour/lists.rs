use std::collections::BTreeSet;

use serde_json::json;
use simulator::{FaultKind, Order};

use crate::world::{A, A_BUSINESS, B, ids, lists, rows_of, world, world_with};

#[tokio::test]
async fn pages_are_capped_at_a_hundred_and_default_to_fifteen_or_thirty() {
    let world = world();
    for (path, per_page, default) in [
        (format!("accounting/account/{A}/invoices/invoices"), "/response/result/per_page", 15),
        (format!("projects/business/{A_BUSINESS}/projects"), "/meta/per_page", 30),
        (format!("timetracking/business/{A_BUSINESS}/time_entries"), "/meta/per_page", 30),
        (format!("comments/business/{A_BUSINESS}/services"), "/meta/per_page", 30),
    ] {
        let plain = world.get(&path).await;
        assert_eq!(plain.body.pointer(per_page), Some(&json!(default)), "{path}");
        let greedy = world.get(&format!("{path}?per_page=2000")).await;
        assert_eq!(greedy.body.pointer(per_page), Some(&json!(100)), "{path}");
    }
    assert_eq!(world.rows("invoices/invoices?per_page=2000").await.len(), 100);
}

#[tokio::test]
async fn page_zero_is_page_one_and_a_page_past_the_end_is_empty() {
    let world = world();
    let zero = world.rows("invoices/invoices?page=0").await;
    let one = world.rows("invoices/invoices?page=1").await;
    assert_eq!(zero, one);
    let past = world.get(&format!("accounting/account/{A}/invoices/invoices?page=999")).await;
    assert_eq!(past.body["response"]["result"]["invoices"], json!([]));
    assert_eq!(past.body["response"]["result"]["total"], json!(114));
}

#[tokio::test]
async fn what_is_no_page_is_an_error() {
    let world = world();
    for (query, errno) in [("page=-1", 1014), ("page=x", 1014), ("per_page=0", 1013), ("per_page=-5", 1013)] {
        let asked = world.get(&format!("accounting/account/{A}/users/clients?{query}")).await;
        assert_eq!(
            (asked.status, &asked.body["response"]["errors"][0]["errno"]),
            (422, &json!(errno)),
            "{query}"
        );
    }
    let asked = world.get(&format!("projects/business/{A_BUSINESS}/projects?page=x")).await;
    assert_eq!((asked.status, &asked.body["errno"]), (422, &json!(2001)));
}

#[tokio::test]
async fn an_empty_set_has_no_pages() {
    let world = world_with(|options| options.scale = 0);
    let asked = world.get(&format!("accounting/account/{A}/invoices/invoices")).await;
    assert_eq!(
        asked.body["response"]["result"],
        json!({"invoices": [], "page": 1, "pages": 0, "per_page": 15, "total": 0})
    );
    let times = world.get(&format!("timetracking/business/{A_BUSINESS}/time_entries")).await;
    assert_eq!(times.body["meta"]["per_page"], json!(0));
    assert_eq!(times.body["meta"]["pages"], json!(0));
    world.simulator.control().set_options(|options| options.empty_pages = 1);
    let asked = world.get(&format!("accounting/account/{A}/invoices/invoices")).await;
    assert_eq!(asked.body["response"]["result"]["pages"], json!(1));
}

#[tokio::test]
async fn every_row_is_on_exactly_one_page_and_newest_come_first() {
    let world = world();
    for (name, path) in lists(A, A_BUSINESS).into_iter().chain(lists(B, "610002")) {
        let ids = ids(&world.all(&path).await);
        let unit = if path.contains(A) || path.contains(A_BUSINESS) { A } else { B };
        let truth = world.simulator.control().truth(unit, name, true).unwrap();
        assert!(ids.is_sorted_by(|a, b| a > b), "{path}");
        let sorted: Vec<i64> = ids.iter().rev().copied().collect();
        assert_eq!(Some(sorted), truth.ids, "{path}");
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    let (one, two) = (world(), world());
    let other = world_with(|options| options.seed = 2);
    for (_, path) in lists(A, A_BUSINESS) {
        let body = one.get(&path).await.response.into_body();
        assert_eq!(body, two.get(&path).await.response.into_body(), "{path}");
        if !path.contains("taxes") {
            assert_ne!(body, other.get(&path).await.response.into_body(), "{path}");
        }
    }
    let (a, b) = (
        one.rows("invoices/invoices").await,
        one.get(&format!("accounting/account/{B}/invoices/invoices")).await,
    );
    assert_ne!(a[0]["uuid"], rows_of(&b.body)[0]["uuid"]);
}

#[tokio::test]
async fn relations_lead_to_existing_rows_and_amounts_add_up() {
    let world = world();
    let mut found = std::collections::BTreeMap::new();
    for (name, path) in lists(A, A_BUSINESS) {
        found.insert(name, world.all(&path).await);
    }
    let set = |name: &str| ids(&found[name]).into_iter().collect::<BTreeSet<_>>();
    let (clients, projects, taxes) = (set("clients"), set("projects"), set("taxes"));
    let services: BTreeSet<i64> = (405_441..405_449).collect();
    let is_or_none = |set: &BTreeSet<i64>, value: &serde_json::Value| {
        value.as_i64().is_none_or(|id| id == 0 || set.contains(&id))
    };
    for invoice in &found["invoices"] {
        assert!(clients.contains(&invoice["customerid"].as_i64().unwrap()));
        let cents = |key: &str| model::decimal::parse(invoice[key]["amount"].as_str().unwrap(), 2).unwrap();
        assert_eq!(cents("amount"), cents("paid") + cents("outstanding"));
        let lines: i128 = invoice["lines"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| model::decimal::parse(line["amount"]["amount"].as_str().unwrap(), 2).unwrap())
            .sum();
        assert!(cents("amount") >= lines + cents("discount_total"));
        let payments: i128 = found["payments"]
            .iter()
            .filter(|payment| payment["invoiceid"] == invoice["id"] && payment["vis_state"] == 0)
            .map(|payment| {
                assert_eq!(payment["clientid"], invoice["customerid"]);
                assert_eq!(payment["amount"]["code"], invoice["currency_code"]);
                model::decimal::parse(payment["amount"]["amount"].as_str().unwrap(), 2).unwrap()
            })
            .sum();
        assert_eq!(payments, cents("paid"), "{}", invoice["id"]);
    }
    for payment in &found["payments"] {
        assert!(set("invoices").contains(&payment["invoiceid"].as_i64().unwrap()));
    }
    for (name, key) in [
        ("estimates", "customerid"),
        ("expenses", "clientid"),
        ("credit_notes", "clientid"),
        ("projects", "client_id"),
    ] {
        assert!(found[name].iter().all(|row| is_or_none(&clients, &row[key])), "{name}");
    }
    for item in &found["items"] {
        assert!(is_or_none(&taxes, &item["tax1"]) && is_or_none(&taxes, &item["tax2"]));
    }
    for entry in &found["time_entries"] {
        assert!(is_or_none(&projects, &entry["project_id"]) && is_or_none(&services, &entry["service_id"]));
        assert!(is_or_none(&clients, &entry["client_id"]));
    }
    let text = serde_json::to_string(&found).unwrap();
    assert!(text.contains("JPY") && text.contains("EUR") && text.contains("ö"), "odd values are missing");
    let long =
        found["invoices"].iter().any(|row| row["net_paid_amount"]["amount"].as_str().unwrap().len() > 27);
    assert!(long, "no amount with 26 decimals");
    assert!(
        found["invoices"]
            .iter()
            .any(|row| row["discount_total"]["amount"].as_str().unwrap().starts_with('-'))
    );
    assert!(found["invoices"].iter().any(|row| row["updated"].as_str().unwrap().contains("11-01 01:30")
        || row["updated"].as_str().unwrap().contains("11-02 01:30")));
}

#[tokio::test]
async fn updated_grows_with_the_id_so_that_windows_are_ranges() {
    let world = world();
    for list in ["invoices/invoices", "users/clients", "expenses/expenses", "payments/payments"] {
        let rows = world.all(&format!("accounting/account/{A}/{list}")).await;
        // the hour that happens twice puts equal or lower wall clocks beside each other; days never step back
        let days: Vec<&str> = rows.iter().map(|row| &row["updated"].as_str().unwrap()[..10]).collect();
        assert!(days.is_sorted_by(|a, b| a >= b), "{list}");
    }
}

#[tokio::test]
async fn a_million_invoices_are_served_page_by_page() {
    let world = world_with(|options| options.scale = 1_000_000);
    assert_eq!(world.total("invoices/invoices").await, 950_000);
    let deep = world.rows("invoices/invoices?page=9000&per_page=100&include[]=lines").await;
    assert_eq!(deep.len(), 100);
    let window =
        world.total("invoices/invoices?search[updated_min]=2026-10-01&search[updated_max]=2026-10-02").await;
    assert!((700..1100).contains(&window), "{window}");
    let customer = deep[0]["customerid"].as_i64().unwrap();
    assert!(world.total(&format!("invoices/invoices?search[customerid]={customer}")).await >= 1);
    let times = world.get(&format!("timetracking/business/{A_BUSINESS}/time_entries?page=100")).await;
    assert_eq!(rows_of(&times.body).len(), 30);
    let report = world.get(&format!("accounting/account/{A}/reports/accounting/profitloss_entity")).await;
    assert_eq!(report.status, 200);
}

#[tokio::test]
async fn pages_drift_when_the_order_is_by_update() {
    let by_id = world();
    let by_update = world_with(|options| options.order = Order::Updated);
    for world in [&by_id, &by_update] {
        let oldest =
            *ids(&world.all(&format!("accounting/account/{A}/invoices/invoices")).await).last().unwrap();
        world.simulator.control().change(A, "invoices", oldest, &json!({"notes": "late"})).unwrap();
        let first = world.rows("invoices/invoices?per_page=1").await;
        let drifted = first[0]["id"] == json!(oldest);
        assert_eq!(drifted, std::ptr::eq(world, &raw const by_update), "{}", first[0]["id"]);
        assert_eq!(world.all(&format!("accounting/account/{A}/invoices/invoices")).await.len(), 114);
    }
}

#[tokio::test]
async fn a_lying_total_counts_rows_that_are_not_listed() {
    let world = world_with(|options| options.phantom_total = 3);
    assert_eq!(world.total("taxes/taxes").await, 7);
    assert_eq!(world.rows("taxes/taxes").await.len(), 4);
}

#[tokio::test]
async fn every_answer_has_the_date_of_the_simulators_clock() {
    let world = world_with(|options| options.latency_ms = 2_000);
    world.simulator.control().set_options(|options| {
        options.faults = vec![simulator::Fault::always(FaultKind::Slow { ms: 3_000 })];
    });
    let asked = world.get("auth/api/v1/users/me").await;
    assert_eq!(asked.response.headers()["date"], "Sun, 22 Nov 2026 15:00:05 GMT");
    world.simulator.control().advance(jiff::SignedDuration::from_hours(1));
    let asked = world.get("no/such/path").await;
    assert_eq!(asked.status, 404);
    assert_eq!(asked.response.headers()["date"], "Sun, 22 Nov 2026 16:00:10 GMT");
}

/// A small generator of its own: the test's choices are no draws of the simulator.
fn next(state: &mut u64, bound: u64) -> i64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    i64::try_from((*state >> 33) % bound).unwrap()
}

#[tokio::test]
async fn whatever_was_changed_each_row_is_on_one_page_and_in_its_window() {
    for (seed, order) in (0..20).flat_map(|seed| [(seed, Order::Id), (seed, Order::Updated)]) {
        let world = world_with(|options| (options.scale, options.order, options.seed) = (75, order, seed));
        let control = world.simulator.control();
        let mut state = seed;
        for _ in 0..next(&mut state, 60) {
            let id = 2_621_001 + next(&mut state, 75);
            control.advance(jiff::SignedDuration::from_secs(next(&mut state, 200_000)));
            match next(&mut state, 6) {
                0 => drop(control.insert(A, "invoices", &json!({})).unwrap()),
                1 => control.archive(A, "invoices", id).unwrap(),
                2 => control.delete(A, "invoices", id).unwrap(),
                3 => control.undelete(A, "invoices", id).unwrap(),
                4 => control.change(A, "invoices", id, &json!({"notes": "n"})).unwrap(),
                _ => {
                    let day = format!("2025-{:02}-11 12:00:00", 1 + next(&mut state, 12));
                    control.change(A, "invoices", id, &json!({"updated": day})).unwrap();
                }
            }
        }
        let list = format!("accounting/account/{A}/invoices/invoices");
        let every = "search[vis_state][]=0&search[vis_state][]=1&search[vis_state][]=2";
        let all = world.all(&format!("{list}?{every}")).await;
        let mut listed = ids(&all);
        if order == Order::Id {
            assert!(listed.is_sorted_by(|a, b| a > b), "seed {seed}");
        } else {
            let days: Vec<&str> = all.iter().map(|row| &row["updated"].as_str().unwrap()[..10]).collect();
            assert!(days.is_sorted_by(|a, b| a >= b), "seed {seed}: {days:?}");
        }
        listed.sort_unstable();
        assert_eq!(control.truth(A, "invoices", true).unwrap().ids, Some(listed), "seed {seed}");
        let from = format!("2025-{:02}-01", 1 + next(&mut state, 12));
        for vis_state in 0..3 {
            let path = format!("{list}?search[vis_state]={vis_state}&search[updated_min]={from}");
            let mut in_window = ids(&world.all(&path).await);
            let mut by_hand: Vec<i64> = all
                .iter()
                .filter(|row| {
                    row["vis_state"] == vis_state && row["updated"].as_str().unwrap() >= from.as_str()
                })
                .map(|row| row["id"].as_i64().unwrap())
                .collect();
            in_window.sort_unstable();
            by_hand.sort_unstable();
            assert_eq!(in_window, by_hand, "seed {seed} {path}");
        }
    }
}
