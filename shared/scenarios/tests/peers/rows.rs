//! Rows that others lose, repeat or erase.

use std::collections::BTreeSet;
use std::sync::Arc;

use freshbooks::{IDENTITY_PATH, Identity};
use grants::Connection;
use model::port::Transport as _;
use model::{AccountId, BusinessId, ConnectionName, ErrorKind, Mode, TableStatus, Unit};
use serde_json::json;
use simulator::{Fault, FaultBody, FaultKind, Options, Order};
use sync::{Firing, Outcome};
use tables::DeleteRule;

use crate::landed::{Meddler, batches, ids};
use crate::world::{World, rows};

/// The first business.
fn first(world: &World) -> (String, Unit) {
    let account = world.simulator.businesses()[0].account_id.clone();
    (account.clone(), Unit::Account(AccountId(account)))
}

fn broken(resource: &str, from: u64) -> Vec<Fault> {
    let down = || FaultKind::Status { code: 500, body: FaultBody::Json, retry_after: None };
    (from..from + 100).map(|n| Fault::always(down()).on(resource).nth(n)).collect()
}

/// PEERS 2: archived rows leave lists and stay in reports, deleted ones never arrive (airbytehq/airbyte#10140, #23905,
/// singer-io/tap-quickbooks#28).
#[tokio::test]
async fn archived_and_deleted_rows_arrive() {
    let world = World::new(Options::default());
    let mut reports = world.run(Mode::Incremental).await;
    let has_states =
        |name: &str| tables::find(name).is_some_and(|table| table.deleted == DeleteRule::VisState);
    reports.retain(|report| has_states(report.task.table.as_str()));
    let landed = world.landed(&reports).await;
    let (account, _) = first(&world);
    let control = world.simulator.control();
    for table in tables::ALL.iter().filter(|table| has_states(table.name)) {
        let (mut all, mut gone) = (BTreeSet::new(), 0);
        for business in world.simulator.businesses() {
            let truth = control.truth(&business.account_id, table.name, true).unwrap();
            gone += truth.states.get("deleted").copied().unwrap_or_default();
            all.extend(truth.ids.unwrap());
        }
        let rows: Vec<_> = landed.iter().filter(|(name, _, _)| name == table.name).collect();
        assert_eq!(rows.iter().map(|(_, id, _)| *id).collect::<BTreeSet<_>>(), all, "{}", table.name);
        assert_eq!(rows.iter().filter(|(_, _, deleted)| *deleted).count() as u64, gone, "{}", table.name);
        assert!(gone > 0 || all.len() < 20, "{} has no deleted rows to lose", table.name);
    }
    let archived = control.truth(&account, "items", false).unwrap().states["archived"];
    assert!(archived > 0, "there are no archived rows to lose");
}

/// PEERS 2: live rows are taken for deleted ones when a list comes up short (NangoHQ/integration-templates#624, #622,
/// #612).
#[tokio::test]
async fn a_list_that_comes_up_empty_erases_nothing() {
    let mut world = World::new(Options { scale: 200, ..Options::default() });
    let unit = Unit::Business(BusinessId(world.simulator.businesses()[0].business_id));
    let run = world.next_run();
    let report = world.extract(&run, "projects", &unit, Mode::Incremental).await.unwrap();
    assert!(rows(&[report])["projects"] >= 10);
    world.worker.transport = Arc::new(Meddler {
        simulator: world.simulator.transport(),
        request: str::to_owned,
        answer: |target, body| {
            if target.starts_with("/projects/") {
                let meta = json!({"page": 1, "pages": 0, "per_page": 100, "total": 0});
                json!({"projects": [], "meta": meta}).to_string().into()
            } else {
                body
            }
        },
    });
    for mode in [Mode::Incremental, Mode::Full, Mode::Full] {
        let run = world.next_run();
        let report = world.extract(&run, "projects", &unit, mode).await.unwrap();
        assert_eq!(report.status, TableStatus::Ok, "a table that had rows is not empty");
    }
    for batch in batches(&world, "projects").await {
        let deleted = batch.column_by_name("_is_deleted").unwrap();
        assert_eq!(arrow_array::cast::AsArray::as_boolean(deleted).true_count(), 0);
    }
}

/// PEERS 3: a first sync with a default window hides history (airbytehq/airbyte#6133), and weekly re-imports are the
/// only way in which updates of old rows arrive (PEERS 9, Fivetran's FreshBooks).
#[tokio::test]
async fn history_is_whole_and_an_old_row_that_changes_arrives() {
    let world = World::new(Options::default());
    world.run(Mode::Incremental).await;
    let (account, unit) = first(&world);
    let control = world.simulator.control();
    let truth = control.truth(&account, "invoices", true).unwrap();
    let oldest = *truth.ids.as_ref().unwrap().first().unwrap();
    let all = batches(&world, "invoices").await;
    assert!(all.iter().any(|batch| ids(batch).contains(&oldest)), "the oldest invoice is not there");
    control.change(&account, "invoices", oldest, &json!({"notes": "three years later"})).unwrap();
    let run = world.next_run();
    let report = world.extract(&run, "invoices", &unit, Mode::Incremental).await.unwrap();
    let certificate = report.certificate.clone().unwrap();
    assert_eq!(world.landed(&[report]).await.iter().map(|(_, id, _)| *id).collect::<Vec<_>>(), [oldest]);
    assert!(certificate.distinct_keys < truth.rows / 4, "all was read again for one row: {certificate:?}");
}

/// PEERS 3, 10: pages over 100 rows are capped in silence, and who steps by what was asked for skips rows.
#[tokio::test]
async fn a_page_cap_of_100_in_silence_loses_nothing() {
    let world = World::new(Options { scale: 950, ..Options::default() });
    let (account, unit) = first(&world);
    let truth = world.simulator.control().truth(&account, "invoices", true).unwrap();
    let run = world.next_run();
    let report = world.extract(&run, "invoices", &unit, Mode::Full).await.unwrap();
    let pages: u64 = truth.states.values().map(|rows| rows.div_ceil(100)).sum();
    assert!(pages > 8);
    assert_eq!(report.certificate.as_ref().unwrap().pages, pages);
    let landed: Vec<_> = world.landed(&[report]).await.into_iter().map(|(_, id, _)| id).collect();
    assert_eq!(landed, truth.ids.unwrap());
    for line in &world.simulator.control().requests().last {
        assert!(line.target.contains("per_page=100"), "{}", line.target);
    }
}

/// PEERS 3: Airbyte's published FreshBooks manifest never sends `per_page` and stops at the first page under 100 rows:
/// 15 rows a table, reported complete.
#[tokio::test]
async fn a_default_of_fifteen_rows_a_page_is_not_the_whole_table() {
    let mut world = World::new(Options::default());
    // A FreshBooks that ignores what is asked for and pages by its own default.
    world.worker.transport = Arc::new(Meddler {
        simulator: world.simulator.transport(),
        request: |target| target.replace("&per_page=100", "").replace("per_page=100&", ""),
        answer: |_, body| body,
    });
    let (account, unit) = first(&world);
    for table in ["clients", "expenses", "items"] {
        let truth = world.simulator.control().truth(&account, table, true).unwrap();
        assert!(truth.rows > 15);
        let run = world.next_run();
        let report = world.extract(&run, table, &unit, Mode::Full).await.unwrap();
        assert!(report.certificate.as_ref().unwrap().pages >= truth.rows / 15, "{table}");
        let landed: Vec<_> = world.landed(&[report]).await.into_iter().map(|(_, id, _)| id).collect();
        assert_eq!(landed, truth.ids.unwrap(), "{table}");
    }
    let requests = world.simulator.control().requests().last;
    assert!(requests.iter().all(|line| !line.target.contains("per_page")), "{requests:?}");
}

/// PEERS 3: "success" with nothing written (PostHog/posthog#85782, airbytehq/airbyte#33862): what is outside the plan
/// answers 200 with an error inside.
#[tokio::test]
async fn an_error_inside_status_200_is_not_an_empty_table() {
    let world = World::new(Options::default());
    let (_, unit) = first(&world);
    let gate = |errno| {
        world.simulator.control().set_options(|o| o.gated = [("items".to_owned(), errno)].into());
    };
    gate(12001);
    let run = world.next_run();
    let report = world.extract(&run, "items", &unit, Mode::Incremental).await.unwrap();
    assert_eq!(report.status, TableStatus::OutOfPlan);
    assert!(matches!(report.outcome, Outcome::Unavailable(_)) && report.certificate.is_none(), "{report:?}");
    assert!(
        world.worker.lake.head("items", &unit).await.unwrap().is_none(),
        "nothing was read, nothing committed"
    );
    // An account that is not ours is a mistake, and no answer at all.
    gate(1012);
    let run = world.next_run();
    let error = world.extract(&run, "items", &unit, Mode::Incremental).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    // A plan that ends erases nothing.
    world.simulator.control().set_options(|o| o.gated.clear());
    let run = world.next_run();
    world.extract(&run, "items", &unit, Mode::Incremental).await.unwrap();
    let before = world.worker.lake.head("items", &unit).await.unwrap();
    gate(12001);
    let run = world.next_run();
    let report = world.extract(&run, "items", &unit, Mode::Incremental).await.unwrap();
    assert_eq!((report.status, report.files.len()), (TableStatus::OutOfPlan, 0));
    assert_eq!(world.worker.lake.head("items", &unit).await.unwrap(), before);
}

/// PEERS 4: invoice lines come only with `include[]=lines`; 1,125 of 1,125 invoices without rows, in silence
/// (erp-mafia/accounted#2291).
#[tokio::test]
async fn lines_come_with_their_invoices_or_the_run_says_so() {
    let mut world = World::new(Options::default());
    let (account, unit) = first(&world);
    let truth = world.simulator.control().truth(&account, "invoices", false).unwrap();
    let run = world.next_run();
    let report = world.extract(&run, "invoices", &unit, Mode::Full).await.unwrap();
    assert_eq!(rows(&[report])["invoice_lines"], truth.children["lines"].rows);

    // Another FreshBooks, which does not know the include.
    world.worker.transport = Arc::new(Meddler {
        simulator: world.simulator.transport(),
        request: |target| target.replace("include%5B%5D=lines", "x=y").replace("include[]=lines", "x=y"),
        answer: |_, body| body,
    });
    let run = world.next_run();
    let second = Unit::Account(AccountId(world.simulator.businesses()[1].account_id.clone()));
    let report = world.extract(&run, "invoices", &second, Mode::Full).await.unwrap();
    let certificate = report.certificate.clone().unwrap();
    let all = certificate.distinct_keys;
    assert!(all > 0 && !rows(&[report]).contains_key("invoice_lines"));
    let backlog = format!(
        "{all} rows of invoices came without the lines that their amounts tell of; to read them again: freshlake sync \
         --table invoices --full"
    );
    assert_eq!(certificate.notes, [format!("{all} rows came without their invoice_lines"), backlog]);
    assert_eq!(certificate.backlog, all);
}

/// PEERS 6: taking the first membership reads the wrong business, or one of several (the default of `CData`,
/// NangoHQ/integration-templates#569).
#[tokio::test]
async fn every_business_of_the_login_is_read() {
    let world = World::new(Options::default());
    let request = http::Request::get(format!("http://127.0.0.1{IDENTITY_PATH}"))
        .header("authorization", format!("Bearer {}", world.token))
        .body(bytes::Bytes::new())
        .unwrap();
    let answer = world.simulator.transport().send(request).await.unwrap();
    let identity = Identity::parse(answer.body()).unwrap();
    let connection = Connection {
        name: ConnectionName::new("test").unwrap(),
        identity_id: identity.identity_id,
        businesses: identity.businesses,
        tables: None,
        settings: serde_json::Map::new(),
        start_date: None,
        paused: false,
        connected_at: world.clock.0.lock().unwrap().to_owned(),
    };
    let scheduled_at = connection.connected_at;
    let firing = Firing {
        scheduled_at,
        connection: None,
        tables: Vec::new(),
        mode: Mode::Incremental,
        accept_deletions: false,
        settings: std::collections::BTreeMap::new(),
    };
    let tasks = sync::plan(&connection, &firing).unwrap();
    assert_eq!(world.simulator.businesses().len(), 2);
    for business in world.simulator.businesses() {
        for table in ["clients", "invoices", "time_entries", "projects"] {
            let wanted = |unit: &Unit| match unit {
                Unit::Account(id) => id.0 == business.account_id,
                Unit::Business(id) => id.0 == business.business_id,
                Unit::Identity(_) => false,
            };
            let mut fitting = tasks.iter().filter(|task| task.table.as_str() == table && wanted(&task.unit));
            let (Some(task), None) = (fitting.next(), fitting.next()) else {
                panic!("{table} of {} is not read exactly once", business.name);
            };
            let report = world.extract(&task.run, table, &task.unit, Mode::Incremental).await.unwrap();
            let truth = world.simulator.control().truth(&business.account_id, table, true).unwrap();
            let landed = world.landed(&[report]).await;
            let landed: BTreeSet<i64> = landed.into_iter().map(|(_, id, _)| id).collect();
            assert!(!landed.is_empty() && landed.iter().all(|id| truth.ids.as_ref().unwrap().contains(id)));
        }
    }
}

/// PEERS 7: a cursor that is saved after every page, trusting an order that FreshBooks may ignore (Nango), skips what
/// the failed run had not reached.
#[tokio::test]
async fn a_cursor_is_never_saved_before_its_data() {
    for order in [Order::Id, Order::Updated] {
        let world = World::new(Options { scale: 400, order, ..Options::default() });
        let (account, unit) = first(&world);
        let control = world.simulator.control();
        let sync = async || {
            let run = world.next_run();
            world.extract(&run, "expenses", &unit, Mode::Incremental).await
        };
        control.set_options(|o| o.faults = broken("expenses", 3));
        assert_eq!(sync().await.unwrap_err().kind(), ErrorKind::Unavailable);
        assert!(world.worker.lake.head("expenses", &unit).await.unwrap().is_none());
        control.set_options(|o| o.faults.clear());
        let truth = control.truth(&account, "expenses", true).unwrap();
        assert_eq!(rows(&[sync().await.unwrap()])["expenses"], truth.rows);

        // And the next one: 250 rows change, its third page never comes.
        let ids = truth.ids.unwrap();
        for id in &ids[..250] {
            control.change(&account, "expenses", *id, &json!({"notes": "changed"})).unwrap();
        }
        let before = world.worker.lake.head("expenses", &unit).await.unwrap();
        control.set_options(|o| o.faults = broken("expenses", 3));
        assert!(sync().await.is_err());
        assert_eq!(world.worker.lake.head("expenses", &unit).await.unwrap(), before, "{order:?}");
        control.set_options(|o| o.faults.clear());
        let landed = world.landed(&[sync().await.unwrap()]).await;
        assert_eq!(landed.into_iter().map(|(_, id, _)| id).collect::<Vec<_>>(), ids[..250], "{order:?}");
    }
}

/// PEERS 10: a shared app burnt its quota until even refreshes failed (estuary/connectors#4780).
#[tokio::test]
async fn a_rate_limit_is_kept_to_and_costs_no_row() {
    let world = World::new(Options { scale: 2000, ..Options::default() });
    let control = world.simulator.control();
    control.set_options(|o| o.rate_limit = Some(10));
    let (account, unit) = first(&world);
    let run = world.next_run();
    let report = world.extract(&run, "invoices", &unit, Mode::Full).await.unwrap();
    let truth = control.truth(&account, "invoices", false).unwrap();
    assert_eq!(rows(&[report])["invoices"], truth.rows);
    let statuses = control.requests().by_status;
    let (good, refused) = (statuses[&200], statuses[&429]);
    assert!(good >= 20 && refused > 0, "the limit was never met: {statuses:?}");
    assert!(refused <= good, "more requests were refused than answered: {statuses:?}");
}
