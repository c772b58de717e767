//! A sync, seen from outside: what lands, what a second one adds, what changes bring.

mod world;

use model::{Mode, TableStatus};
use simulator::Options;
use sync::Outcome;
use world::{World, rows};

#[tokio::test]
async fn a_first_sync_lands_every_row_of_every_table() {
    let world = World::new(Options::default());
    let reports = world.run(Mode::Incremental).await;
    for report in &reports {
        assert!(matches!(report.status, TableStatus::Ok | TableStatus::Empty), "{report:?}");
        assert_eq!(report.rejected, [], "{}", report.task.table);
        let certificate = report.certificate.as_ref().unwrap();
        eprintln!("{} {} {certificate:?}", report.task.table, report.task.unit);
        assert_eq!(certificate.distinct_keys, certificate.rows_new);
        assert!(certificate.notes.is_empty(), "{}: {:?}", report.task.table, certificate.notes);
    }
    eprintln!("{:?}", rows(&reports));
}

#[tokio::test]
async fn a_second_sync_writes_nothing() {
    let world = World::new(Options::default());
    world.run(Mode::Incremental).await;
    let before = world.objects().await;
    let reports = world.run(Mode::Incremental).await;
    for report in &reports {
        assert!(matches!(report.outcome, Outcome::Unchanged), "{report:?}");
    }
    assert_eq!(world.objects().await, before);
}
