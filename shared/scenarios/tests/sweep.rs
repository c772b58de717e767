//! Rows that FreshBooks deletes without a trace: marked as gone when a complete list lacks them, and never on a guess.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod world;

use model::{ConnectionName, Mode, Task, Unit};
use serde_json::json;
use simulator::{Fault, FaultKind, Options};
use sync::{Outcome, Report, Stop};
use world::{World, rows};

/// Taxes of the first business, of which there are 24.
fn world() -> (World, Unit, Vec<i64>) {
    let world = World::new(Options { scale: 720, ..Options::default() });
    let unit = world.units_of(tables::find("taxes").unwrap()).remove(0);
    let account = world.simulator.businesses()[0].account_id.clone();
    let mut ids = world.simulator.control().truth(&account, "taxes", true).unwrap().ids.unwrap();
    ids.sort_unstable();
    (world, unit, ids)
}

async fn sync(world: &World, unit: &Unit) -> Report {
    let run = world.next_run();
    world.extract(&run, "taxes", unit, Mode::Incremental).await.unwrap()
}

fn delete(world: &World, ids: &[i64]) {
    let account = world.simulator.businesses()[0].account_id.clone();
    for id in ids {
        world.simulator.control().delete(&account, "taxes", *id).unwrap();
    }
}

fn gone(ids: &[i64]) -> Vec<world::Landed> {
    ids.iter().map(|id| ("taxes".to_owned(), *id, true)).collect()
}

fn note(report: &Report) -> String {
    report.certificate.as_ref().unwrap().notes.join("; ")
}

#[tokio::test]
async fn a_row_that_a_complete_list_lacks_is_marked_and_lives_again_when_it_comes_back() {
    let (world, unit, ids) = world();
    assert!(ids.len() >= 20, "{ids:?}");
    sync(&world, &unit).await;
    delete(&world, &ids[3..5]);
    let report = sync(&world, &unit).await;
    assert_eq!(world.landed(std::slice::from_ref(&report)).await, gone(&ids[3..5]));
    assert_eq!(report.certificate.as_ref().unwrap().rows_deleted, 2);
    assert!(matches!(sync(&world, &unit).await.outcome, Outcome::Unchanged), "marked once");

    let account = world.simulator.businesses()[0].account_id.clone();
    world.simulator.control().undelete(&account, "taxes", ids[3]).unwrap();
    let report = sync(&world, &unit).await;
    assert_eq!(world.landed(std::slice::from_ref(&report)).await, [("taxes".to_owned(), ids[3], false)]);
    assert_eq!(report.certificate.as_ref().unwrap().rows_undeleted, 1);
}

#[tokio::test]
async fn a_large_drop_is_held_back_until_a_person_accepts_it() {
    let (world, unit, ids) = world();
    sync(&world, &unit).await;
    delete(&world, &ids[..10]);
    for _ in 0..2 {
        let report = sync(&world, &unit).await;
        assert_eq!(rows(std::slice::from_ref(&report)).get("taxes"), None);
        assert!(note(&report).contains("too many to be marked as deleted unasked"), "{}", note(&report));
        assert!(note(&report).contains("--accept-deletions"), "{}", note(&report));
    }
    let connection = ConnectionName::new("test").unwrap();
    let run = world.next_run();
    let task =
        Task::new(&connection, &run, "taxes".into(), unit.clone(), Mode::Incremental).accepting_deletions();
    let tokens = world.tokens();
    let report = sync::extract(&world.worker, tokens, &task, &Stop::default()).await.unwrap();
    assert_eq!(world.landed(std::slice::from_ref(&report)).await, gone(&ids[..10]));
}

#[tokio::test]
async fn rows_that_a_narrower_role_hides_are_not_gone() {
    let (world, unit, ids) = world();
    sync(&world, &unit).await;
    let control = world.simulator.control();
    control.set_options(|options| options.role = "business_employee".to_owned());
    // A few rows fewer than the brake would hold.
    let report = sync(&world, &unit).await;
    assert_eq!(rows(std::slice::from_ref(&report)).get("taxes"), None);
    assert!(note(&report).contains("may only be hidden"), "{}", note(&report));
    // However often: nobody has said that they are gone.
    let report = sync(&world, &unit).await;
    assert!(note(&report).contains("may only be hidden"), "{}", note(&report));
    // The old role sees them all again, and nothing was lost in between.
    control.set_options(|options| options.role = "owner".to_owned());
    assert!(matches!(sync(&world, &unit).await.outcome, Outcome::Unchanged));
    delete(&world, &ids[..1]);
    assert_eq!(world.landed(&[sync(&world, &unit).await]).await, gone(&ids[..1]));
}

#[tokio::test]
async fn an_error_inside_status_200_deletes_nothing() {
    let (world, unit, _) = world();
    sync(&world, &unit).await;
    let control = world.simulator.control();
    control.set_options(|options| {
        options.gated.insert("taxes".to_owned(), 1003);
    });
    let report = sync(&world, &unit).await;
    assert!(matches!(report.outcome, Outcome::Unavailable(_)), "{:?}", report.outcome);
    control.set_options(|options| options.gated.clear());
    assert!(matches!(sync(&world, &unit).await.outcome, Outcome::Unchanged));
}

#[tokio::test]
async fn a_total_that_lies_deletes_nothing() {
    let (world, unit, ids) = world();
    sync(&world, &unit).await;
    delete(&world, &ids[..1]);
    world.simulator.control().set_options(|options| options.phantom_total = 1);
    let report = sync(&world, &unit).await;
    assert_eq!(rows(std::slice::from_ref(&report)).get("taxes"), None);
    assert!(note(&report).contains("FreshBooks counts 24 rows of taxes, and lists 23"), "{}", note(&report));
    world.simulator.control().set_options(|options| options.phantom_total = 0);
    assert_eq!(world.landed(&[sync(&world, &unit).await]).await, gone(&ids[..1]));
}

#[tokio::test]
async fn a_row_that_cannot_be_typed_is_not_gone() {
    let (world, unit, _) = world();
    sync(&world, &unit).await;
    let spoiled = FaultKind::TypeChanged { key: "name".to_owned(), row: Some(2) };
    world
        .simulator
        .control()
        .set_options(|options| options.faults = vec![Fault::always(spoiled).on("taxes")]);
    let report = sync(&world, &unit).await;
    assert_eq!(rows(std::slice::from_ref(&report)).get("taxes"), None);
    assert_eq!(report.rejected.len(), 1, "{:?}", report.rejected);
    world.simulator.control().set_options(|options| options.faults.clear());
    assert_eq!(rows(&[sync(&world, &unit).await]).get("taxes"), None);
}

#[tokio::test]
async fn children_of_a_project_that_vanished_are_its_own_matter() {
    let world = World::new(Options::default());
    let unit = world.units_of(tables::find("projects").unwrap()).remove(0);
    let run = world.next_run();
    world.extract(&run, "projects", &unit, Mode::Incremental).await.unwrap();
    let business = world.simulator.businesses()[0].business_id.to_string();
    let control = world.simulator.control();
    let id = control.insert(&business, "projects", &json!({"title": "short-lived"})).unwrap();
    let run = world.next_run();
    let report = world.extract(&run, "projects", &unit, Mode::Incremental).await.unwrap();
    assert_eq!(world.landed(&[report]).await, [("projects".to_owned(), id, false)]);
    control.delete(&business, "projects", id).unwrap();
    let run = world.next_run();
    let report = world.extract(&run, "projects", &unit, Mode::Incremental).await.unwrap();
    assert_eq!(rows(std::slice::from_ref(&report)).get("project_services"), None);
    assert_eq!(world.landed(&[report]).await, [("projects".to_owned(), id, true)]);
}
