//! Of a sync that goes well the oracle says nothing; of one that is undone behind its back it says what is missing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod rig;

use jiff::SignedDuration;
use model::Mode;
use rig::Rig;
use scenarios::oracle::{self, CURRENT, Except, NUMBERS};
use simulator::Options;

const TABLES: [&str; 12] = [
    "clients",
    "invoices",
    "estimates",
    "payments",
    "credit_notes",
    "expenses",
    "bills",
    "items",
    "taxes",
    "projects",
    "time_entries",
    "services",
];

async fn sync_all(rig: &mut Rig) {
    for table in TABLES {
        for unit in rig.source.units(table) {
            let (done, broken) = rig.extract(table, &unit, Mode::Incremental).await;
            assert_eq!(broken, [], "{table} of {unit}");
            done.unwrap();
        }
    }
}

#[tokio::test]
async fn of_quiet_syncs_the_oracle_says_nothing() {
    let mut dice = fastrand::Rng::with_seed(7);
    let start = "2026-03-31T15:00:00Z".parse().unwrap();
    let mut rig = Rig::new(Options { scale: 40, ..Options::default() }, start, &TABLES, &mut dice);
    assert!(rig.current().len() > 300, "nothing was read yet");
    sync_all(&mut rig).await;
    assert_eq!(rig.current(), []);
    for _ in 0..6 {
        for _ in 0..80 {
            rig.clock.advance(SignedDuration::from_secs(dice.i64(0..900)));
            rig.source.write(&mut dice);
        }
        assert!(!rig.current().is_empty());
        rig.clock.advance(SignedDuration::from_secs(60));
        sync_all(&mut rig).await;
        assert_eq!(rig.current(), []);
    }
    // read from its objects alone it is the same lake
    let objects = rig.objects();
    let except = Except { no_sweeps: true, ..Except::default() };
    assert_eq!(oracle::judge_current(&rig.source, &objects, rig.source.now(), &except), []);

    // without its later swaps it is an older lake, and no broken one
    let mut objects = objects;
    let pointers: Vec<_> = objects.keys().filter(|key| key.contains("/invoices/catalog/")).cloned().collect();
    for pointer in pointers.iter().skip(2) {
        objects.remove(pointer);
    }
    let found = oracle::judge_current(&rig.source, &objects, rig.source.now(), &except);
    assert!(!found.is_empty() && found.iter().all(|violation| violation.rule == CURRENT), "{found:?}");
    let first =
        objects.keys().find(|key| key.contains("/invoices/commits/account_id=qX4mRt/0000000001-")).unwrap();
    objects.remove(&first.clone());
    let found = oracle::judge(&rig.source, &objects, rig.source.now());
    assert!(found.iter().any(|violation| violation.rule == NUMBERS), "{found:?}");
}
