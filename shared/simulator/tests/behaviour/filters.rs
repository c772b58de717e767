use serde_json::{Value, json};
use simulator::{DefaultStates, UpdatedZone};

use crate::world::{A, A_BUSINESS, ids, rows_of, world, world_with};

fn states(rows: &[Value]) -> Vec<i64> {
    let mut states: Vec<i64> = rows.iter().map(|row| row["vis_state"].as_i64().unwrap()).collect();
    states.sort_unstable();
    states.dedup();
    states
}

#[tokio::test]
async fn lists_show_active_and_archived_rows_unless_told_otherwise() {
    let world = world();
    assert_eq!(states(&world.rows("users/clients?per_page=100").await), [0, 2]);
    for state in [0, 1, 2] {
        let rows = world.rows(&format!("users/clients?per_page=100&search[vis_state]={state}")).await;
        assert_eq!(states(&rows), [state]);
    }
    let both = "users/clients?per_page=100&search%5Bvis_state%5D%5B%5D=1&search%5Bvis_state%5D%5B%5D=2";
    assert_eq!(states(&world.rows(both).await), [1, 2]);
    world.simulator.control().set_options(|options| options.vis_state_lists = false);
    assert_eq!(states(&world.rows(both).await), [2]);
    world.simulator.control().set_options(|options| options.default_states = DefaultStates::ActiveOnly);
    assert_eq!(states(&world.rows("users/clients?per_page=100").await), [0]);
}

#[tokio::test]
async fn updated_windows_are_half_open_days_and_may_or_may_not_combine_with_a_state() {
    let world = world();
    let all = world.total("invoices/invoices").await;
    let (old, new) = (
        world.total("invoices/invoices?search[updated_max]=2025-06-01").await,
        world.total("invoices/invoices?search[updated_min]=2025-06-01").await,
    );
    assert!(old > 0 && new > 0);
    assert_eq!(old + new, all);
    let rows = world.rows("invoices/invoices?per_page=100&search%5Bupdated_min%5D=2025-06-01&search[updated_max]=2025-09-01").await;
    assert!(!rows.is_empty());
    for row in &rows {
        let updated = row["updated"].as_str().unwrap();
        assert!(("2025-06-01".."2025-09-01").contains(&&updated[..10]), "{updated}");
    }
    let deleted = "invoices/invoices?per_page=100&search[vis_state]=1";
    let recent = format!("{deleted}&search[updated_min]=2025-06-01");
    assert!(world.total(&recent).await < world.total(deleted).await);
    world
        .simulator
        .control()
        .set_options(|options| options.vis_state_with_window = simulator::VisStateWithWindow::WindowIgnored);
    assert_eq!(world.total(&recent).await, world.total(deleted).await);
}

#[tokio::test]
async fn an_updated_window_is_silently_ignored_where_it_does_not_work() {
    let world = world();
    for list in
        ["items/items", "estimates/estimates", "bills/bills", "taxes/taxes", "credit_notes/credit_notes"]
    {
        let all = world.total(list).await;
        assert_eq!(world.total(&format!("{list}?search[updated_min]=2026-11-21")).await, all, "{list}");
    }
    world.simulator.control().set_options(|options| options.honoured_updated.push("items".to_owned()));
    assert_eq!(world.total("items/items?search[updated_min]=2026-11-21").await, 0);
    let bad =
        world.get(&format!("accounting/account/{A}/invoices/invoices?search[updated_min]=yesterday")).await;
    assert_eq!((bad.status, &bad.body["response"]["errors"][0]["errno"]), (422, &json!(1023)));
}

#[tokio::test]
async fn days_are_cut_in_eastern_time_unless_set_to_utc() {
    let world = world();
    let id = ids(&world.rows("invoices/invoices?per_page=1").await)[0];
    // 02:00 UTC on the 1st is still the 31st in New York
    let late = json!({"updated": "2026-10-31 22:00:00"});
    world.simulator.control().change(A, "invoices", id, &late).unwrap();
    let on_first = format!("invoices/invoices?search[invoiceid]={id}&search[updated_min]=2026-11-01");
    assert_eq!(world.total(&on_first).await, 0);
    world.simulator.control().set_options(|options| options.updated_zone = UpdatedZone::Utc);
    assert_eq!(world.total(&on_first).await, 1);
}

#[tokio::test]
async fn filters_select_what_they_name() {
    let world = world();
    let invoices = world.all(&format!("accounting/account/{A}/invoices/invoices")).await;
    let one = &invoices[7];
    let count = |key: &str, want: &Value| invoices.iter().filter(|row| row[key] == *want).count() as u64;
    for (filter, key) in [
        ("customerid", "customerid"),
        ("v3_status", "v3_status"),
        ("invoiceid", "id"),
        ("invoice_number", "invoice_number"),
    ] {
        let value = one[key].as_str().map_or_else(|| one[key].to_string(), str::to_owned);
        let total = world.total(&format!("invoices/invoices?search[{filter}]={value}")).await;
        assert_eq!(total, count(key, &one[key]), "{filter}");
    }
    let two = format!(
        "invoices/invoices?search[invoiceids][]={}&search[invoiceids][]={}",
        invoices[0]["id"], invoices[3]["id"]
    );
    assert_eq!(world.total(&two).await, 2);
    let dated = world
        .rows("invoices/invoices?per_page=100&search[date_min]=2026-01-01&search[date_max]=2026-03-31")
        .await;
    assert!(!dated.is_empty());
    assert!(
        dated.iter().all(|row| ("2026-01-01"..="2026-03-31").contains(&row["create_date"].as_str().unwrap()))
    );
    let cheap = world.rows("expenses/expenses?per_page=100&search[amount_max]=10").await;
    assert!(!cheap.is_empty());
    assert!(
        cheap
            .iter()
            .all(|row| model::decimal::parse(row["amount"]["amount"].as_str().unwrap(), 2).unwrap() <= 1000)
    );
    let yen = world.rows("payments/payments?search[currency]=JPY").await;
    assert!(!yen.is_empty() && yen.iter().all(|row| row["amount"]["code"] == "JPY"));
    let like = world.rows("users/clients?search[organization_like]=BAKERY").await;
    assert!(like.iter().all(|row| row["organization"].as_str().unwrap().contains("Bakery")));
    let with_receipt = world.total("expenses/expenses?search[has_receipt]=true").await;
    assert!(with_receipt > 0 && with_receipt < 80);
}

#[tokio::test]
async fn what_is_unknown_is_silently_ignored() {
    let world = world();
    let all = world.total("invoices/invoices").await;
    for query in [
        "search[status]=4",
        "search[create_date_min]=2026-01-01",
        "customerid=1",
        "search[x]=1",
        "sort=nonsense_asc",
    ] {
        assert_eq!(world.total(&format!("invoices/invoices?{query}")).await, all, "{query}");
    }
    let projects =
        world.get(&format!("projects/business/{A_BUSINESS}/projects?search[active]=false&title=x")).await;
    assert_eq!(projects.body["meta"]["total"], json!(9));
}

#[tokio::test]
async fn project_like_filters_are_bare_and_refuse_bad_values() {
    let world = world();
    let path = format!("projects/business/{A_BUSINESS}/projects");
    for flag in ["active", "complete", "internal"] {
        let mut sum = 0;
        for value in [true, false] {
            let rows = rows_of(&world.get(&format!("{path}?{flag}={value}")).await.body);
            assert!(rows.iter().all(|row| row[flag] == json!(value)), "{flag}");
            sum += rows.len();
        }
        assert_eq!(sum, 9);
    }
    for query in ["updated_since=soon", "active=perhaps", "client_id=abc"] {
        let asked = world.get(&format!("{path}?{query}")).await;
        assert_eq!((asked.status, &asked.body["errno"]), (422, &json!(2001)), "{query}");
    }
    let recent = rows_of(&world.get(&format!("{path}?updated_since=2026-01-01T00:00:00Z")).await.body);
    assert!(!recent.is_empty() && recent.len() < 9);
    assert!(recent.iter().all(|row| row["updated_at"].as_str().unwrap() >= "2026-01-01"));
    let lean = rows_of(&world.get(&format!("{path}?skip_group=true")).await.body);
    assert!(lean.iter().all(|row| row.get("group").is_none() && row["group_id"].is_i64()));
}

#[tokio::test]
async fn time_entries_show_more_with_each_flag() {
    let world = world();
    let path = format!("timetracking/business/{A_BUSINESS}/time_entries?per_page=100");
    let total = async |flags: &str| {
        world.get(&format!("{path}{flags}")).await.body["meta"]["total"].as_u64().unwrap()
    };
    assert_eq!(total("").await, 140);
    assert_eq!(total("&team=true").await, 180);
    assert_eq!(total("&include_deleted=true").await, 150);
    assert_eq!(total("&include_unlogged=true").await, 150);
    assert_eq!(total("&team=true&include_deleted=true&include_unlogged=true").await, 200);
    let billable = total("&billable=true").await;
    assert_eq!(billable + total("&billable=false").await, 140);
    let mine = rows_of(&world.get(&path).await.body);
    assert!(mine.iter().all(|row| row["identity_id"] == json!(712_001) && row["active"] == json!(true)));
    let started = rows_of(&world.get(&format!("{path}&started_from=2026-06-01T00:00:00Z")).await.body);
    assert!(started.iter().all(|row| row["started_at"].as_str().unwrap() >= "2026-06-01"));
    // every flag also holds for changed rows
    let id = ids(&mine)[0];
    world.simulator.control().delete(A_BUSINESS, "time_entries", id).unwrap();
    assert_eq!(total("").await, 139);
    assert_eq!(total("&include_deleted=true").await, 150);
}

#[tokio::test]
async fn sorts_are_honoured_where_known_and_echoed_in_meta() {
    let world = world();
    let names = |rows: &[Value], key: &str| rows.iter().map(|row| row[key].to_string()).collect::<Vec<_>>();
    let up =
        names(&world.rows("users/clients?sort=organization_name_asc&per_page=100").await, "organization");
    assert!(up.is_sorted());
    let down =
        names(&world.rows("invoices/invoices?sort=invoice_date_desc&per_page=100").await, "create_date");
    assert!(down.is_sorted_by(|a, b| a >= b));
    let asked = world.get(&format!("projects/business/{A_BUSINESS}/projects?sort=-title")).await;
    assert_eq!(asked.body["meta"]["sort"], json!(["-title"]));
    assert!(names(&rows_of(&asked.body), "title").is_sorted_by(|a, b| a >= b));
    let by_id = ids(&world.rows("users/clients?sort=client_id_asc&per_page=100").await);
    assert!(by_id.is_sorted());
}

#[tokio::test]
async fn includes_are_absent_until_asked_for() {
    let world = world();
    let plain = world.rows("invoices/invoices").await;
    assert!(plain[0].get("lines").is_none() && plain[0].get("presentation").is_none());
    let lines = world.rows("invoices/invoices?include[]=lines").await;
    let numbers: Vec<i64> =
        lines[0]["lines"].as_array().unwrap().iter().map(|l| l["lineid"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=i64::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
    assert!(world.rows("bills/bills").await[0]["lines"].is_array());
    // the same of a changed row
    let id = ids(&plain)[0];
    world.simulator.control().change(A, "invoices", id, &json!({"notes": "x"})).unwrap();
    let changed = world.rows("invoices/invoices").await;
    assert_eq!(changed[0]["notes"], "x");
    assert!(changed[0].get("lines").is_none());
    assert_eq!(world.rows("invoices/invoices?include[]=lines").await[0]["lines"], lines[0]["lines"]);
}

#[tokio::test]
async fn windows_and_states_agree_with_a_filter_by_hand() {
    let world = world_with(|options| options.scale = 333);
    let control = world.simulator.control();
    for (n, id) in [2_621_005, 2_621_050, 2_621_200, 2_621_333].into_iter().enumerate() {
        control.advance(jiff::SignedDuration::from_hours(24));
        match n {
            0 => control.delete(A, "invoices", id).unwrap(),
            1 => control.archive(A, "invoices", id).unwrap(),
            _ => control.change(A, "invoices", id, &json!({"notes": "n"})).unwrap(),
        }
    }
    let every = "search[vis_state][]=0&search[vis_state][]=1&search[vis_state][]=2";
    let all = world.all(&format!("accounting/account/{A}/invoices/invoices?{every}")).await;
    assert_eq!(all.len(), 333);
    for (min, max) in
        [("2024-01-01", "2024-05-01"), ("2026-11-01", "2026-11-24"), ("2026-11-24", "2026-12-31")]
    {
        for state in [0, 1, 2] {
            let by_hand = all.iter().filter(|row| {
                let day = &row["updated"].as_str().unwrap()[..10];
                row["vis_state"] == json!(state) && day >= min && day < max
            });
            let path =
                format!("search[vis_state]={state}&search[updated_min]={min}&search[updated_max]={max}");
            let listed = world.all(&format!("accounting/account/{A}/invoices/invoices?{path}")).await;
            assert_eq!(listed.len(), by_hand.count(), "{path}");
        }
    }
}
