//! Every kind of object, damaged in every way: all of it is found, and nothing where nothing was damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use lake::{Lake, Verified};
use scenarios::{run, scenario};
use simulator::Options;

use super::memory::{Memory, Objects};
use super::shelf::{Calm, Shelf, Things};
use super::{lake, walk};

const KINDS: [&str; 8] = ["raw", "seen", "commits", "catalog", "metadata", "hint", "avro", "data"];
const WAYS: [&str; 6] = ["delete", "truncate", "flip", "append", "swap", "older"];

fn kind(key: &str) -> &'static str {
    let parts: Vec<&str> = key.split('/').collect();
    match parts.as_slice() {
        ["raw", ..] => "raw",
        [_, _, _, "seen", ..] => "seen",
        [_, _, _, "commits", ..] => "commits",
        [_, _, _, "catalog", ..] => "catalog",
        [_, _, _, "data", ..] => "data",
        [.., name] if name.rsplit_once('.').is_some_and(|(_, kind)| kind == "avro") => "avro",
        [.., "version-hint.text"] => "hint",
        [_, _, "catalog.json"] => "keeper",
        _ => "metadata",
    }
}

/// The table whose verification has to find what is wrong with `key`; all for rows that were rejected.
fn family(key: &str) -> Option<&'static str> {
    let table = key.strip_prefix("raw/").or(key.strip_prefix("lake/freshbooks/"))?.split('/').next()?;
    tables::find(table).map(|family| family.name)
}

async fn verified(objects: Objects, table: Option<&str>) -> Verified {
    Lake::new(Arc::new(Memory::of(objects)), "freshbooks").verify(table).await.unwrap()
}

/// A small lake with a history, as objects.
async fn history() -> Objects {
    let options = Options { scale: 12, ..Options::default() };
    let world = lake(options, 10, &["invoices", "taxes", "projects", "time_entries"]).await;
    let mut files = BTreeMap::new();
    walk(world.folder.path(), world.folder.path(), &mut files);
    let kept = files.into_iter().filter(|(key, _)| !key.starts_with('.'));
    // The tables say where they were made; where they are now makes no difference.
    kept.map(|(key, path)| (key, Bytes::from(fs::read(path).unwrap()))).collect()
}

/// The lists of rows seen that a later commit has replaced: nobody needs them.
async fn superseded(objects: &Objects) -> BTreeSet<String> {
    let lake = Lake::new(Arc::new(Memory::of(objects.clone())), "freshbooks");
    let all: BTreeSet<String> = objects.keys().filter(|key| kind(key) == "seen").cloned().collect();
    let mut heads = BTreeSet::new();
    for table in tables::ALL {
        for unit in super::world::World::new(Options::default()).units_of(table) {
            heads.extend(lake.head(table.name, &unit).await.unwrap().map(|head| head.seen));
        }
    }
    all.difference(&heads).cloned().collect()
}

/// The data files that the current tables are made of: what helps where one is gone is a replay.
async fn live(objects: &Objects) -> BTreeSet<String> {
    let mut live = BTreeSet::new();
    for key in objects.keys().filter(|key| kind(key) == "data") {
        let mut without = objects.clone();
        without.remove(key);
        let found = verified(without, family(key)).await;
        if found.damage.iter().any(|damage| damage.key == *key && damage.next.contains("freshlake replay")) {
            live.insert(key.clone());
        }
    }
    live
}

#[tokio::test]
async fn five_hundred_damages_are_found_all_of_them() {
    let sound = history().await;
    let clean = verified(sound.clone(), None).await;
    assert_eq!((clean.damage, clean.notes), (Vec::new(), Vec::new()));
    let superseded = superseded(&sound).await;
    assert!(!superseded.is_empty());
    let live = live(&sound).await;
    assert!(!live.is_empty());
    let mut dice = fastrand::Rng::with_seed(4);
    let (mut planted, mut missed) = (BTreeMap::new(), Vec::new());
    let mut number = 0;
    while planted.values().sum::<u32>() < 500 {
        let (of, way) = (KINDS[number % KINDS.len()], WAYS[number / KINDS.len() % WAYS.len()]);
        number += 1;
        let all: Vec<&String> = sound.keys().filter(|key| kind(key) == of).collect();
        let key = all[dice.usize(..all.len())];
        let body = &sound[key];
        let mut damaged = sound.clone();
        let mut bytes = body.to_vec();
        match way {
            "delete" if superseded.contains(key) => continue,
            "delete" => _ = damaged.remove(key),
            "truncate" => bytes.truncate(dice.usize(..bytes.len())),
            // Of older snapshots only sizes are looked at.
            "flip" | "swap" | "older" if of == "data" && !live.contains(key) => continue,
            "flip" => {
                let at = dice.usize(..bytes.len());
                bytes[at] ^= 1 << dice.u8(..8);
            }
            "append" => bytes.push(dice.u8(..)),
            "swap" => {
                let other = all[dice.usize(..all.len())];
                bytes = sound[other].to_vec();
                damaged.insert(other.clone(), body.clone());
            }
            _ => {
                let older = all.iter().rev().find(|other| ***other < *key);
                let Some(older) = older else { continue };
                bytes = sound[*older].to_vec();
            }
        }
        if way != "delete" {
            if bytes == *body {
                continue;
            }
            damaged.insert(key.clone(), bytes.into());
        }
        *planted.entry((of, way)).or_default() += 1;
        let table = if dice.u8(..8) == 0 { None } else { family(key) };
        let found = verified(damaged, table).await;
        // Where readers without a catalog look mends itself.
        let told = if of == "hint" {
            found.notes.iter().chain(&found.damage)
        } else {
            found.damage.iter().chain(&[])
        };
        let told: Vec<_> = told.collect();
        if !told.iter().any(|damage| damage.key == *key) {
            missed.push(format!("{of} {way} {key}: {told:?}"));
        }
        for damage in told {
            assert!(!damage.next.is_empty() && !damage.to_string().contains('\n'), "{damage}");
        }
    }
    assert_eq!(missed, Vec::<String>::new());
    assert_eq!(planted.len(), KINDS.len() * WAYS.len(), "{planted:?}");
}

// No runtime around the simulation: it has its own, and would not know what to make of another's budget.
#[test]
fn lakes_that_everything_went_wrong_around_are_sound() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let seeds = if cfg!(debug_assertions) { 6 } else { 50 };
    let everyday = scenario::find("everyday").unwrap();
    let (mut orphans, mut kept_by) = (0, [0, 0]);
    for seed in 0..seeds {
        let outcome = run((everyday.setup)(seed), false);
        assert_eq!(outcome.violations, [], "seed {seed}");
        let (objects, entries) = (outcome.objects, outcome.tables);
        let kept = |key: &String| key.starts_with("raw/") || key.starts_with("lake/");
        let objects: Objects = objects.into_iter().filter(|(key, _)| kept(key)).collect();
        let commits = objects.keys().filter(|key| kind(key) == "commits").count() as u64;
        let in_glue = !entries.is_empty();
        kept_by[usize::from(in_glue)] += 1;
        let things = Arc::new(Mutex::new(Things { home: None, objects, entries }));
        let lake = Shelf { things, weather: Arc::new(Calm) }.lake(in_glue);
        let verified = runtime.block_on(lake.verify(None)).unwrap();
        assert_eq!((verified.damage, verified.notes), (Vec::new(), Vec::new()), "seed {seed}");
        assert!(verified.commits > 0);
        orphans += commits - verified.commits;
    }
    assert!(orphans > 0, "no run died between its commit and its swap");
    assert!(!kept_by.contains(&0), "{kept_by:?}");
}
