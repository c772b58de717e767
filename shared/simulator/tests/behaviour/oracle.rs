//! What an oracle is told has to be what a list shows.

use serde_json::{Value, json};
use simulator::{State, VisStateWithWindow};

use crate::world::{A, A_BUSINESS, World, world, world_with};

/// The whole list, with everything that is included, as text.
async fn listed(world: &World, list: &str) -> String {
    String::from_utf8(world.get(list).await.response.body().to_vec()).unwrap()
}

#[tokio::test]
async fn a_row_is_told_to_the_byte_whatever_its_state() {
    let world = world_with(|options| options.scale = 12);
    let control = world.simulator.control();
    let all =
        "per_page=100&search[vis_state][]=0&search[vis_state][]=1&search[vis_state][]=2&include[]=lines";
    for (resource, unit, list) in [
        ("clients", A, format!("accounting/account/{A}/users/clients?{all}&include[]=contacts")),
        ("invoices", A, format!("accounting/account/{A}/invoices/invoices?{all}&include[]=presentation")),
        ("estimates", A, format!("accounting/account/{A}/estimates/estimates?{all}")),
        ("expenses", A, format!("accounting/account/{A}/expenses/expenses?{all}&include[]=attachment")),
        ("payments", A, format!("accounting/account/{A}/payments/payments?{all}")),
        ("bills", A, format!("accounting/account/{A}/bills/bills?{all}")),
        ("items", A, format!("accounting/account/{A}/items/items?{all}")),
        ("taxes", A, format!("accounting/account/{A}/taxes/taxes?per_page=100")),
        ("credit_notes", A, format!("accounting/account/{A}/credit_notes/credit_notes?{all}")),
        ("projects", A_BUSINESS, format!("projects/business/{A_BUSINESS}/projects?per_page=100")),
        (
            "time_entries",
            A_BUSINESS,
            format!(
                "timetracking/business/{A_BUSINESS}/time_entries?per_page=100&team=true&include_deleted=true&include_unlogged=true"
            ),
        ),
    ] {
        let ids = control.all(unit, resource).unwrap();
        assert!(!ids.is_empty(), "{resource}");
        control.change(unit, resource, ids[0].0, &json!({"note": "né \"x\""})).unwrap();
        let body = listed(&world, &list).await;
        for (id, _) in ids {
            let row = control.row(unit, resource, id).unwrap().unwrap();
            assert!(body.contains(&row), "{resource} {id}: {row}\n{body}");
        }
        assert_eq!(control.row(unit, resource, 1).unwrap(), None);
    }
    let services =
        listed(&world, &format!("comments/business/{A_BUSINESS}/services?per_page=100&include_task_id=true"))
            .await;
    for (id, state) in control.all(A_BUSINESS, "services").unwrap() {
        let row = control.row(A, "services", id).unwrap().unwrap();
        assert_eq!(services.contains(&row), state != State::Deleted, "{id}");
    }
}

#[tokio::test]
async fn states_are_told_and_rows_gone_for_good_are_not() {
    let world = world();
    let control = world.simulator.control();
    let (tax, invoice) = (control.all(A, "taxes").unwrap()[0].0, control.all(A, "invoices").unwrap()[0].0);
    control.delete(A, "taxes", tax).unwrap();
    control.delete(A, "invoices", invoice).unwrap();
    assert_eq!(control.row(A, "taxes", tax).unwrap(), None);
    assert_eq!(control.state(A, "taxes", tax).unwrap(), None);
    assert!(control.all(A, "taxes").unwrap().iter().all(|(id, _)| *id != tax));
    assert_eq!(control.state(A, "invoices", invoice).unwrap(), Some(State::Deleted));
    assert!(control.all(A, "invoices").unwrap().contains(&(invoice, State::Deleted)));
    let new = control.insert(A, "invoices", &json!({})).unwrap();
    let all = control.all(A, "invoices").unwrap();
    assert_eq!(all.last(), Some(&(new, State::Active)));
    assert!(all.is_sorted());
    assert_eq!(all.len() as u64, control.truth(A, "invoices", false).unwrap().rows);
    assert!(control.row(A, "nothing", 1).is_err() && control.all("nobody", "taxes").is_err());
}

#[tokio::test]
async fn pages_are_as_small_as_set_and_totals_may_understate() {
    let world = world_with(|options| (options.most_per_page, options.short_total) = (3, 2));
    let page = |n: u64| format!("accounting/account/{A}/taxes/taxes?per_page=100&page={n}");
    let first = world.get(&page(1)).await.body["response"]["result"].clone();
    assert_eq!(
        (first["per_page"].clone(), first["total"].clone(), first["pages"].clone()),
        (json!(3), json!(2), json!(1))
    );
    assert_eq!(first["taxes"].as_array().map(Vec::len), Some(3));
    let beyond = world.get(&page(2)).await.body["response"]["result"].clone();
    assert_eq!(beyond["taxes"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn whoever_is_employed_is_listed_even_ids_only() {
    let world = world_with(|options| options.role = "contractor".to_owned());
    let me = world.get("auth/api/v1/users/me").await.body["response"].clone();
    for membership in me["business_memberships"].as_array().unwrap() {
        assert_eq!(membership["role"], "contractor");
    }
    let control = world.simulator.control();
    let list = format!("accounting/account/{A}/invoices/invoices?per_page=100");
    let ids = |body: &Value| -> Vec<i64> {
        let rows = body["response"]["result"]["invoices"].as_array().unwrap();
        rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
    };
    for _ in 0..2 {
        control.insert(A, "invoices", &json!({})).unwrap();
    }
    let seen = world.get(&list).await.body;
    assert!(ids(&seen).iter().all(|id| id % 2 == 0));
    let shown = control.all(A, "invoices").unwrap();
    let shown = shown.iter().filter(|(id, state)| id % 2 == 0 && *state != State::Deleted).count();
    assert_eq!(seen["response"]["result"]["total"], shown);
    control.set_options(|options| options.role = "owner".to_owned());
    assert!(ids(&world.get(&list).await.body).iter().any(|id| id % 2 != 0));
}

#[tokio::test]
async fn a_late_change_is_seen_at_once_with_an_older_time() {
    let world = world_with(|options| options.updated_lag_s = 86_400);
    let control = world.simulator.control();
    let id = control.all(A, "invoices").unwrap()[0].0;
    control.change(A, "invoices", id, &json!({"notes": "late"})).unwrap();
    let row: Value = serde_json::from_str(&control.row(A, "invoices", id).unwrap().unwrap()).unwrap();
    // 15:00 UTC is 10:00 in New York
    assert_eq!((row["updated"].as_str(), row["notes"].as_str()), (Some("2026-11-21 10:00:00"), Some("late")));
    let since = |day: &str| {
        format!(
            "accounting/account/{A}/invoices/invoices?per_page=100&search[updated_min]={day}&search[invoiceid]={id}"
        )
    };
    assert_eq!(world.get(&since("2026-11-21")).await.body["response"]["result"]["total"], 1);
    assert_eq!(world.get(&since("2026-11-22")).await.body["response"]["result"]["total"], 0);
}

#[tokio::test]
async fn a_state_may_be_ignored_beside_a_window() {
    let world = world_with(|options| options.vis_state_with_window = VisStateWithWindow::StateIgnored);
    let total = async |query: &str| {
        let list = format!("accounting/account/{A}/invoices/invoices?per_page=1&{query}");
        world.get(&list).await.body["response"]["result"]["total"].as_u64().unwrap()
    };
    let window = "search[updated_min]=2025-06-01";
    assert_eq!(total(&format!("{window}&search[vis_state]=1")).await, total(window).await);
    assert!(total("search[vis_state]=1").await < total(window).await);
}
