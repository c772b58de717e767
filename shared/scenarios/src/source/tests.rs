//! Whatever is written, the memory ends with what the simulator shows.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use model::Timestamp;
use model::port::Clock;
use simulator::{Options, State};

use super::{Source, Version};

const TABLES: [&str; 6] = ["invoices", "clients", "taxes", "projects", "time_entries", "services"];

#[derive(Debug)]
struct Ticking(Mutex<Timestamp>);

#[async_trait]
impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        let mut now = self.0.lock().unwrap();
        *now += SignedDuration::from_millis(7);
        *now
    }

    async fn sleep(&self, _: Duration) {}
}

fn written(seed: u64) -> Source {
    let clock = Ticking(Mutex::new("2026-03-31T15:00:00Z".parse().unwrap()));
    let source = Source::new(Options { scale: 8, ..Options::default() }, Arc::new(clock), &TABLES);
    let mut dice = fastrand::Rng::with_seed(seed);
    for _ in 0..600 {
        source.write(&mut dice);
    }
    source
}

fn versions(source: &Source) -> Vec<(&'static str, String, i64, Vec<Version>)> {
    let mut all = Vec::new();
    for table in TABLES {
        for unit in source.units(table) {
            source.with(&unit, table, |rows| {
                all.extend(rows.iter().map(|(id, v)| (table, super::control_name(&unit), id, v.to_vec())));
            });
        }
    }
    all
}

#[test]
fn the_last_version_of_every_row_is_what_the_simulator_shows() {
    let source = written(1);
    let control = source.simulator().control();
    let mut seen = BTreeSet::new();
    let mut inserted = 0;
    for (table, unit, id, versions) in versions(&source) {
        let last = versions.last().unwrap();
        assert_eq!(last.text.as_deref().map(str::to_owned), control.row(&unit, table, id).unwrap());
        assert_eq!(last.state, control.state(&unit, table, id).unwrap());
        assert!(versions.is_sorted_by_key(|version| version.at), "{table} {id}");
        inserted += usize::from(versions[0].at > Timestamp::MIN);
        seen.extend(versions.iter().map(|version| (table, version.state)));
    }
    for unit in source.units("taxes") {
        let known: BTreeSet<_> = source.with(&unit, "taxes", |rows| rows.iter().map(|(id, _)| id).collect());
        let there = control.all(&super::control_name(&unit), "taxes").unwrap();
        assert!(there.iter().all(|(id, _)| known.contains(id)));
    }
    assert!(inserted > 20);
    for expected in [
        ("invoices", Some(State::Archived)),
        ("invoices", Some(State::Deleted)),
        ("time_entries", Some(State::Deleted)),
        ("services", Some(State::Deleted)),
        ("taxes", None),
        ("projects", None),
    ] {
        assert!(seen.contains(&expected), "{expected:?} in {seen:?}");
    }
}

#[test]
fn the_same_seed_writes_the_same() {
    assert_eq!(versions(&written(2)), versions(&written(2)));
    assert_ne!(versions(&written(2)), versions(&written(3)));
}
