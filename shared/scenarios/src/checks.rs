//! What the harness itself can see is wrong, beside what the oracle judges.

use std::collections::{BTreeMap, BTreeSet};

use model::Task;
use serde_json::Value;
use sync::Outcome;

use crate::ground::lock;
use crate::world::World;

/// Each task has committed once, and pointers are numbered without a gap.
pub(crate) fn at_the_end(world: &World) {
    let objects = lock(&world.ground.objects).clone();
    let mut heads: BTreeMap<&str, (u64, BTreeSet<String>)> = BTreeMap::new();
    for (key, body) in objects.iter().filter(|(key, _)| key.contains("/commits/")) {
        let Some((folder, _)) = key.rsplit_once('/') else { continue };
        let commit: Value = serde_json::from_slice(body).unwrap_or_default();
        let (number, tasks) = heads.entry(folder).or_default();
        *number += 1;
        if commit["number"].as_u64() != Some(*number) {
            world.ground.violated("pointers are numbered without a gap", key.clone());
        }
        if commit["done"] == Value::Bool(false) {
            continue;
        }
        let task = commit["task"].as_str().unwrap_or_default().to_owned();
        if !tasks.insert(task) {
            world.ground.violated("a task commits once", key.clone());
        }
    }
    for (key, body) in objects.iter().filter(|(key, _)| key.contains("/commits/")) {
        let commit: Value = serde_json::from_slice(body).unwrap_or_default();
        let files = commit["files"].as_array().map(Vec::as_slice).unwrap_or_default();
        for file in files.iter().filter_map(|file| file["key"].as_str()) {
            if !objects.contains_key(file) {
                world.ground.violated("what a commit names stays", format!("{key} names {file}"));
            }
        }
    }
    let parked = lock(&world.ground.queue).parked();
    for task in parked {
        world.ground.violated("what was parked is done once everything heals", task.id.to_string());
    }
}

/// A task that says it is done has its own commit, behind which nothing is left to read.
pub(crate) fn done(world: &World, task: &Task, outcome: &Outcome) {
    let folder = format!("lake/freshbooks/{}/commits/{}/", task.table, task.unit.partition());
    let objects = lock(&world.ground.objects);
    let parsed = |body: &bytes::Bytes| serde_json::from_slice::<Value>(body).unwrap_or_default();
    let id = task.id.to_string();
    let holds = |commit: &Value| {
        commit["recent_tasks"].as_array().is_some_and(|tasks| tasks.iter().any(|task| *task == *id))
    };
    let first = || {
        let commits = objects.range(folder.clone()..).take_while(|(key, _)| key.starts_with(&folder));
        commits.map(|(_, body)| parsed(body)).find(holds)
    };
    let commit = match outcome {
        Outcome::Committed(number) => {
            let own = objects.get(&format!("{folder}{number:010}.json")).map(parsed);
            let window =
                |own: &Value| own["done"] == Value::Bool(false) && own["task"].as_str() == Some(&*id);
            if own.as_ref().is_some_and(window) {
                // What follows its window was landed by another delivery of the task, or by the next task.
                let Some(landed) = first() else { return };
                Some(landed)
            } else {
                own
            }
        }
        Outcome::AlreadyDone => first(),
        Outcome::Unchanged | Outcome::Unavailable(_) => return,
    };
    drop(objects);
    let Some(commit) = commit else {
        world.ground.violated("what a task says it committed is there", id);
        return;
    };
    if commit["task"].as_str() != Some(&*id) {
        let what = format!("{id} says that {} is its own", commit["number"]);
        world.ground.violated("what a task says it committed is its own", what);
    }
    if commit["loading"].get("of").is_some_and(Value::is_null) {
        world.ground.violated("a task is done when all is read", id);
    }
}

/// While some tables cannot be read, their tasks are parked and all others are done; a row that cannot be typed is
/// rejected and stops nothing.
pub(crate) fn in_trouble(world: &World) {
    let ground = &world.ground;
    let troubled: BTreeSet<&str> =
        world.setup.trouble.iter().filter_map(|trouble| trouble.resource.as_deref()).collect();
    let parked = lock(&ground.queue).parked();
    for task in parked.iter().filter(|task| !troubled.contains(task.table.as_str())) {
        ground.violated("one broken table keeps no other from being read", task.id.to_string());
    }
    for table in troubled {
        if !parked.iter().any(|task| task.table.as_str() == table) {
            ground.violated("a task that always fails is parked", table.to_owned());
        }
    }
    let rejected = lock(&ground.objects).keys().any(|key| key.starts_with("raw/rejected/"));
    if world.setup.poison.is_some() && !rejected {
        ground.violated("a row that cannot be typed is rejected", "no row was".to_owned());
    }
}
