//! Current tables are rebuilt from raw: the same rows, to the byte, whatever had become of them.

#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use iceberg::spec::{FormatVersion, Manifest, ManifestList};
use jiff::tz::TimeZone;
use model::Mode;
use model::port::Clock as _;
use serde_json::{Value, json};
use simulator::Options;
use world::World;

const TABLES: [&str; 6] =
    ["invoices", "taxes", "projects", "bills", "ledger_accounts", "report_trial_balance"];

/// Syncs with changes, deletions and rows that vanish in between.
async fn lake() -> World {
    let world = World::new(Options::default());
    let unit = world.simulator.businesses()[0].account_id.clone();
    let control = world.simulator.control();
    for round in 0..4 {
        let run = world.next_run();
        world.clock.sleep(Duration::from_mins(1)).await;
        for table in TABLES.iter().map(|name| tables::find(name).unwrap()) {
            for unit in world.units_of(table) {
                world.extract(&run, table.name, &unit, Mode::Incremental).await.unwrap();
            }
        }
        for resource in ["invoices", "taxes", "projects"] {
            let ids = control.truth(&unit, resource, true).unwrap().ids.unwrap();
            control.change(&unit, resource, ids[0], &json!({"notes": format!("changed {round}")})).unwrap();
            control.delete(&unit, resource, ids[1]).unwrap();
            control.insert(&unit, resource, &json!({})).unwrap();
        }
    }
    world
}

/// The data files that readers see of a table, by the digest that their names end in.
fn live(root: &Path, table: &str) -> BTreeSet<(String, String)> {
    let home = root.join("lake/freshbooks").join(table);
    let hint = fs::read_to_string(home.join("metadata/version-hint.text")).unwrap();
    let metadata = fs::read(home.join(format!("metadata/{hint}.metadata.json"))).unwrap();
    let metadata: Value = serde_json::from_slice(&metadata).unwrap();
    let mut snapshots = metadata["snapshots"].as_array().into_iter().flatten();
    let current = snapshots.find(|s| s["snapshot-id"] == metadata["current-snapshot-id"]);
    // Without one, nothing was ever written.
    let Some(current) = current else { return BTreeSet::new() };
    let list = fs::read(current["manifest-list"].as_str().unwrap()).unwrap();
    let list = ManifestList::parse_with_version(&list, FormatVersion::V2).unwrap();
    let manifests =
        list.entries().iter().map(|m| Manifest::parse_avro(&fs::read(&m.manifest_path).unwrap()).unwrap());
    let entries = manifests.flat_map(|manifest| manifest.into_parts().0).filter(|entry| entry.is_alive());
    let digest = |path: &str| path.rsplit_once('-').unwrap().1.to_owned();
    entries.map(|entry| (digest(entry.file_path()), entry.file_path().to_owned())).collect()
}

fn digests(files: &BTreeSet<(String, String)>) -> BTreeSet<&str> {
    files.iter().map(|(digest, _)| digest.as_str()).collect()
}

#[tokio::test]
async fn rows_come_back_as_they_were() {
    let world = lake().await;
    let (root, lake) = (world.folder.path(), &world.worker.lake);
    for table in TABLES.iter().map(|name| tables::find(name).unwrap()) {
        let before: Vec<_> = table.lake_names().map(|name| live(root, name)).collect();
        for (name, files) in table.lake_names().zip(&before) {
            assert!(!files.is_empty() || name == "bill_attachments", "{name}");
        }
        // One file is damaged, the others are gone.
        for (at, (_, path)) in before.iter().flatten().enumerate() {
            if at == 0 { fs::write(path, b"PAR1 not").unwrap() } else { fs::remove_file(path).unwrap() }
        }
        assert_ne!(lake.verify(Some(table.name)).await.unwrap().damage, []);
        let head = lake.head(table.name, &world.units_of(table)[0]).await.unwrap();

        let replayed = lake.replay(table, world.clock.now()).await.unwrap();
        assert_eq!(replayed.len(), world.units_of(table).len());
        assert!(replayed.iter().all(|unit| unit.commits > 0 && unit.files > 0));
        let after: Vec<_> = table.lake_names().map(|name| live(root, name)).collect();
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(digests(before), digests(after), "{}", table.name);
            assert!(after.iter().all(|(_, path)| path.contains("-replayed-")));
        }
        assert_eq!(
            lake.head(table.name, &world.units_of(table)[0]).await.unwrap(),
            head,
            "cursor and tasks stay"
        );
    }
    // A replayed lake goes on as any other.
    let run = world.next_run();
    for table in TABLES.iter().map(|name| tables::find(name).unwrap()) {
        for unit in world.units_of(table) {
            world.extract(&run, table.name, &unit, Mode::Incremental).await.unwrap();
        }
        let damage = lake.verify(Some(table.name)).await.unwrap().damage;
        assert!(damage.iter().all(|damage| damage.key.contains("/data/")), "{damage:?}");
    }
}

/// All rows that readers see of a table, by the digests of its files.
fn shown(root: &Path, table: &tables::Table) -> Vec<BTreeSet<String>> {
    let live = table.lake_names().map(|name| live(root, name));
    live.map(|files| files.into_iter().map(|(digest, _)| digest).collect()).collect()
}

#[tokio::test]
async fn rows_of_the_last_days_are_laid_over_the_others() {
    let world = lake().await;
    let (root, lake) = (world.folder.path(), &world.worker.lake);
    for table in TABLES.iter().map(|name| tables::find(name).unwrap()) {
        let from = |day| lake.replay_from(table, Some(day), world.clock.now());
        let day = |days: i64| {
            let now = world.clock.now().to_zoned(TimeZone::UTC).date();
            now.saturating_add(jiff::Span::new().days(days))
        };
        // Of rows that were all there already, nothing changes; and with all of them, the files are the same.
        let before = shown(root, table);
        let nothing = from(day(1)).await.unwrap();
        assert!(nothing.iter().all(|unit| unit.files == 0 && unit.commits == 0), "{nothing:?}");
        assert_eq!(shown(root, table), before);
        let all = from(day(-2)).await.unwrap();
        assert!(all.iter().all(|unit| unit.files > 0 && unit.untyped.is_empty()), "{all:?}");
        assert_eq!(shown(root, table), before, "{}", table.name);
        assert_eq!(lake.verify(Some(table.name)).await.unwrap().damage, []);
        // What is laid over a file needs the file.
        let (_, path) = live(root, table.name).into_iter().next().unwrap();
        fs::remove_file(path).unwrap();
        let error = from(day(-2)).await.unwrap_err().to_string();
        assert!(error.contains("is missing"), "{error}");
        lake.replay(table, world.clock.now()).await.unwrap();
        assert_eq!(shown(root, table), before, "{}", table.name);
    }
}
