//! A lake that was damaged behind everybody's back says so, and a sound one raises no alarm.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::panic, reason = "a test says so by failing")]

#[path = "verify/damages.rs"]
mod damages;
#[path = "verify/memory.rs"]
mod memory;
mod shelf;
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use host::Folder;
use lake::{Lake, Verified};
use model::Mode;
use model::port::Clock as _;
use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Options, Order};
use sync::WINDOW_ROWS;
use world::World;

/// Three syncs of some tables, or of the usual ones, with changes in between and a few rows that are rejected.
async fn lake(options: Options, window_rows: u64, tables: &[&str]) -> World {
    let mut world = World::new(options);
    world.worker.window_rows = window_rows;
    let world = world;
    let run = async |mode| {
        let run = world.next_run();
        // A list that changes in the very second in which it is read is read again.
        world.clock.sleep(Duration::from_mins(1)).await;
        for table in world::usual().filter(|table| tables.is_empty() || tables.contains(&table.name)) {
            for unit in world.units_of(table) {
                world.extract(&run, table.name, &unit, mode).await.unwrap();
            }
        }
    };
    let control = world.simulator.control();
    let unit = world.simulator.businesses()[0].account_id.clone();
    let bad = FaultKind::TypeChanged { key: "amount".to_owned(), row: Some(0) };
    control.set_options(|o| o.faults = vec![Fault::always(bad).on("taxes").times(1)]);
    run(Mode::Incremental).await;
    let ids = control.truth(&unit, "invoices", true).unwrap().ids.unwrap();
    for id in [ids[0], ids[3]] {
        control.change(&unit, "invoices", id, &json!({"notes": "changed"})).unwrap();
    }
    for resource in ["taxes", "bills", "projects"] {
        control.insert(&unit, resource, &json!({})).unwrap();
    }
    run(Mode::Incremental).await;
    for resource in ["invoices", "taxes", "projects"] {
        let ids = control.truth(&unit, resource, true).unwrap().ids.unwrap();
        control.delete(&unit, resource, ids[1]).unwrap();
    }
    control.insert(&unit, "bills", &json!({})).unwrap();
    run(Mode::Full).await;
    world
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &to) } else { copy_file(&entry.path(), &to) }
    }
}

fn copy_file(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}

async fn verify(folder: &Path) -> Verified {
    let store = Arc::new(Folder::open(folder).unwrap());
    Lake::new(store, "freshbooks").verify(None).await.unwrap()
}

/// Makes of a lake what it would be without current tables: commits are pointers, numbered and put if absent.
fn without_tables(root: &Path) {
    let mut keys = BTreeMap::new();
    walk(root, root, &mut keys);
    for (key, path) in keys {
        let parts: Vec<&str> = key.split('/').collect();
        let ["lake", _, _, kind, rest @ ..] = parts.as_slice() else { continue };
        if *kind == "commits" {
            let mut commit: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            commit["format"] = json!(1);
            commit.as_object_mut().unwrap().remove("previous");
            let name = rest[1].split_once('-').unwrap().0;
            let to = path.with_file_name(format!("{name}.json"));
            fs::write(to, serde_json::to_vec_pretty(&commit).unwrap()).unwrap();
        }
        if *kind != "seen" {
            fs::remove_file(path).unwrap();
        }
    }
}

fn walk(root: &Path, folder: &Path, into: &mut BTreeMap<String, PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, into);
        } else {
            let key = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            into.insert(key, path);
        }
    }
}

/// A copy of a sound lake for each damage.
struct Sound {
    world: World,
    data: Vec<String>,
    seen: Vec<String>,
    commits: Vec<String>,
    done: usize,
}

impl Sound {
    async fn new() -> Self {
        let world = lake(
            Options { scale: 12, ..Options::default() },
            WINDOW_ROWS,
            &["invoices", "bills", "taxes", "projects"],
        )
        .await;
        without_tables(world.folder.path());
        let keys = world.objects().await;
        let of = |part: &str| keys.iter().filter(|key| key.contains(part)).cloned().collect::<Vec<_>>();
        let (seen, commits) = (of("/seen/"), of("/commits/"));
        let data = keys.iter().filter(|key| key.starts_with("raw/")).cloned().collect();
        Self { world, data, seen, commits, done: 0 }
    }

    /// Damages a copy; the object `key`, and no other, has to be told of, with `words`.
    async fn plant(&mut self, key: &str, words: &str, damage: impl FnOnce(&Path, PathBuf)) {
        let copied = tempfile::tempdir().unwrap();
        copy(self.world.folder.path(), copied.path());
        damage(copied.path(), copied.path().join(key));
        let found = verify(copied.path()).await.damage;
        let told = found.iter().any(|damage| damage.to_string().contains(words));
        assert!(told, "{key}: {words:?} is not in {found:#?}");
        assert!(found.iter().any(|damage| damage.key == key), "{key} is not in {found:#?}");
        for damage in &found {
            assert!(!damage.next.is_empty() && !damage.to_string().contains('\n'), "{damage}");
        }
        self.done += 1;
    }

    async fn bytes(&mut self, key: &str, words: &str, change: impl FnOnce(&mut Vec<u8>)) {
        self.plant(key, words, |_, path| {
            let mut bytes = fs::read(&path).unwrap();
            change(&mut bytes);
            fs::write(path, bytes).unwrap();
        })
        .await;
    }

    async fn pointer(&mut self, key: &str, words: &str, change: impl FnOnce(&mut Value)) {
        self.bytes(key, words, |bytes| {
            let mut commit = serde_json::from_slice(bytes).unwrap();
            change(&mut commit);
            *bytes = serde_json::to_vec_pretty(&commit).unwrap();
        })
        .await;
    }

    /// The name of commit `number` of a table of the first business.
    fn commit(&self, table: &str, number: u64) -> String {
        let wanted = format!("/{number:010}.json");
        let start = format!("lake/freshbooks/{table}/");
        let unit = self.world.simulator.businesses()[0].account_id.clone();
        let fits = |key: &&String| key.starts_with(&start) && key.contains(&unit) && key.ends_with(&wanted);
        self.commits.iter().find(fits).unwrap_or_else(|| panic!("no commit {number} of {table}")).clone()
    }
}

fn add(value: &mut Value, by: i64) {
    *value = json!(value.as_i64().unwrap() + by);
}

#[tokio::test]
async fn files_that_are_not_as_they_were_written_are_found() {
    let mut lake = Sound::new().await;
    assert_eq!(verify(lake.world.folder.path()).await.damage, []);
    let (data, seen) = (lake.data.clone(), lake.seen.clone());
    // A bit anywhere: the places move through the files from their first byte to their last.
    for at in 0..24 {
        let key = &data[at * data.len() / 24];
        lake.bytes(key, "SHA-256", |b| {
            let place = at * (b.len() - 1) / 23;
            b[place] ^= 1 << (at % 8);
        })
        .await;
    }
    for at in 0..6 {
        let key = &seen[at * seen.len() / 6];
        lake.bytes(key, "SHA-256", |b| {
            let place = at * (b.len() - 1) / 5;
            b[place] ^= 128 >> at;
        })
        .await;
    }
    for (at, keep) in [(0, 0), (1, 3), (2, 100)] {
        lake.bytes(&data[at], "bytes instead of", |b| b.truncate(keep)).await;
    }
    lake.bytes(&data[4], "bytes instead of", |b| b.push(0)).await;
    lake.bytes(&seen[1], "SHA-256", |b| b.truncate(9)).await;
    for key in [&data[0], &data[data.len() / 2], &data[data.len() - 1], &seen[0], &seen[3]] {
        lake.plant(key, "is missing", |_, path| fs::remove_file(path).unwrap()).await;
    }
    let other = data[5].clone();
    lake.plant(&data[6], "instead of", |root, path| copy_file(&root.join(other), &path)).await;
    assert!(lake.done >= 40, "only {} damages were planted", lake.done);
}

#[tokio::test]
async fn pointers_that_were_changed_or_lost_are_found() {
    let mut lake = Sound::new().await;
    let (first, second) = (lake.commit("invoices", 1), lake.commit("invoices", 2));
    let (bills, taxes) = (lake.commit("bills", 2), lake.commit("taxes", 1));
    let last = lake.commit("invoices", 3);
    lake.pointer(&first, "says that it is number 4", |c| c["number"] = json!(4)).await;
    lake.pointer(&first, "does not remember its own task", |c| c["task"] = json!("other")).await;
    lake.pointer(&second, "does not remember the task that finished before it", |c| {
        drop(c["recent_tasks"].as_array_mut().unwrap().remove(0));
    })
    .await;
    lake.pointer(&second, "takes the cursor back", |c| c["cursor"] = json!("2020-01-01T00:00:00Z")).await;
    lake.pointer(&second, "takes the cursor back from 20", |c| c["cursor"] = Value::Null).await;
    lake.pointer(&first, "but its files have", |c| c["files"] = json!([])).await;
    for (what, words) in
        [("rows_new", "keys, but"), ("rows_changed", "keys, but"), ("rows_unchanged", "keys, but")]
    {
        lake.pointer(&second, words, |c| add(&mut c["certificate"][what], 1)).await;
    }
    lake.pointer(&second, "keys, but", |c| add(&mut c["certificate"]["distinct_keys"], -1)).await;
    lake.pointer(&first, "rows new, changed or gone, but its files have", |c| {
        add(&mut c["certificate"]["rows_new"], 1);
        add(&mut c["certificate"]["distinct_keys"], 1);
    })
    .await;
    lake.pointer(&first, "rows new, changed or gone, but its files have", |c| {
        add(&mut c["certificate"]["rows_new"], -1);
        add(&mut c["certificate"]["distinct_keys"], -1);
    })
    .await;
    for by in [-1, 1] {
        lake.pointer(&bills, "child rows, but", |c| add(&mut c["certificate"]["child_rows"], by)).await;
        lake.pointer(&taxes, "rejected rows, but", |c| add(&mut c["certificate"]["rows_rejected"], by)).await;
    }
    lake.pointer(&first, "calls the table empty", |c| c["certificate"]["status"] = json!("empty")).await;
    lake.pointer(&first, "a content digest that is none", |c| {
        c["certificate"]["content_digest"] = json!("x");
    })
    .await;
    lake.pointer(&first, "not part of invoices", |c| c["files"][0]["table"] = json!("clients")).await;
    lake.bytes(&first, "is damaged", |b| b.truncate(b.len() / 2)).await;
    lake.bytes(&second, "is damaged", Vec::clear).await;
    lake.bytes(&last, "is damaged", |b| b[0] ^= 1).await;
    lake.pointer(&last, "written by a newer freshlake", |c| c["format"] = json!(3)).await;

    // A commit that is gone is told of by the one behind it.
    let after = |key: &str, to: u64| key.replace("0000000001", &format!("{to:010}"));
    let gone = first.clone();
    lake.plant(&second, "1 commit from number 1 on are missing", |root, _| {
        fs::remove_file(root.join(gone)).unwrap();
    })
    .await;
    let gone = second.clone();
    lake.plant(&last, "1 commit from number 2 on are missing", |root, _| {
        fs::remove_file(root.join(gone)).unwrap();
    })
    .await;
    let from = last.clone();
    lake.plant(&after(&first, 4), "repeats the task", |root, path| {
        copy_file(&root.join(from), &path);
    })
    .await;
    lake.plant(&after(&first, 9), "is damaged: missing field", |_, path| {
        fs::write(path, "{}").unwrap();
    })
    .await;
    assert!(lake.done >= 25, "only {} damages were planted", lake.done);
}

#[tokio::test]
async fn a_file_that_a_pointer_describes_wrongly_or_twice_is_found() {
    let mut lake = Sound::new().await;
    let (first, second) = (lake.commit("invoices", 1), lake.commit("invoices", 2));
    let read = |lake: &Sound, key: &str| -> Value {
        serde_json::from_slice(&fs::read(lake.world.folder.path().join(key)).unwrap()).unwrap()
    };
    let old = read(&lake, &first)["files"][0].clone();
    let file = old["key"].as_str().unwrap().to_owned();
    for (what, words) in [("rows", "rows instead of"), ("bytes", "bytes instead of")] {
        for by in [-1, 1] {
            let edited = first.clone();
            lake.plant(&file, words, |root, _| {
                edit(&root.join(edited), |c| add(&mut c["files"][0][what], by));
            })
            .await;
        }
    }
    let edited = first.clone();
    lake.plant(&file, "SHA-256", |root, _| {
        edit(&root.join(edited), |c| c["files"][0]["sha256"] = json!("0".repeat(64)));
    })
    .await;
    let (edited, twice) = (first.clone(), old.clone());
    lake.plant(&file, "is named twice", |root, _| {
        edit(&root.join(edited), |c| c["files"].as_array_mut().unwrap().push(twice));
    })
    .await;
    let (edited, twice) = (second.clone(), old.clone());
    lake.plant(&file, "is named twice", |root, _| {
        edit(&root.join(edited), |c| c["files"].as_array_mut().unwrap().push(twice));
    })
    .await;
    // The same rows under a name of their own.
    let copied = file.replace(".parquet", "-again.parquet");
    let (edited, mut twice, from) = (second.clone(), old.clone(), file.clone());
    twice["key"] = json!(copied);
    lake.plant(&copied, "holds the same rows as", |root, path| {
        fs::copy(root.join(from), path).unwrap();
        edit(&root.join(edited), |c| c["files"].as_array_mut().unwrap().push(twice));
    })
    .await;
    let nowhere = "raw/invoices/account_id=x/nowhere.parquet";
    let edited = first.clone();
    lake.plant(nowhere, "is missing", |root, _| {
        edit(&root.join(edited), |c| c["files"][0]["key"] = json!(nowhere));
    })
    .await;
    // Of the last commit: no other list is needed.
    let last = lake.commit("invoices", 3);
    let seen = read(&lake, &last)["seen"].as_str().unwrap().to_owned();
    let edited = last.clone();
    let elsewhere = seen.replace(".parquet", "0.parquet");
    lake.plant(&elsewhere.clone(), "is missing", |root, _| {
        edit(&root.join(edited), |c| c["seen"] = json!(elsewhere));
    })
    .await;
    assert!(lake.done >= 10, "only {} damages were planted", lake.done);
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut commit = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut commit);
    fs::write(path, serde_json::to_vec_pretty(&commit).unwrap()).unwrap();
}

#[tokio::test]
async fn a_sound_lake_raises_no_alarm() {
    for seed in 1..=4 {
        let order = if seed % 2 == 0 { Order::Updated } else { Order::Id };
        let options = Options {
            seed,
            order,
            scale: 8 * seed,
            phantom_total: u64::from(seed == 2),
            ..Options::default()
        };
        // Some are read in windows, with several commits of one task.
        let window_rows = if seed > 2 { 10 } else { WINDOW_ROWS };
        let world = lake(options, window_rows, &[]).await;
        let mut unfinished = 0;
        let mut gone = 0;
        for table in tables::ALL {
            for unit in world.units_of(table) {
                for commit in world.worker.lake.commits(table.name, &unit).await.unwrap() {
                    unfinished += usize::from(!commit.done);
                    gone += commit.certificate.rows_deleted;
                }
            }
        }
        assert_eq!(unfinished > 0, seed > 2, "seed {seed}");
        assert!(gone > 0, "seed {seed}: nothing was deleted");
        let verified = verify(world.folder.path()).await;
        assert_eq!(verified.damage, [], "seed {seed}");
        assert_eq!(verified.notes, [], "seed {seed}");
        let objects = world.objects().await;
        let commits = objects.iter().filter(|key| key.contains("/commits/")).count() as u64;
        let files = objects.iter().filter(|key| key.starts_with("raw/") || key.contains("/seen/")).count();
        assert_eq!(verified.commits, commits, "seed {seed}");
        assert!(verified.files > files as u64, "seed {seed}");
        assert!(verified.rows > 100 && verified.bytes > 10_000, "{verified:?}");
        let one = world.worker.lake.verify(Some("invoices")).await.unwrap();
        assert!(one.damage.is_empty() && one.commits > 0 && one.commits < commits, "{one:?}");
    }
    assert_eq!(verify(tempfile::tempdir().unwrap().path()).await, Verified::default());
}
