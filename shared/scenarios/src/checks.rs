//! What the harness itself can see is wrong, beside what the oracle judges.

use std::collections::{BTreeMap, BTreeSet};

use model::Task;
use serde_json::Value;
use sync::Outcome;

use crate::ground::lock;
use crate::oracle::{self, Judge};
use crate::world::World;

/// Each task has committed once, and pointers are numbered without a gap.
pub(crate) fn at_the_end(world: &World) {
    let objects = lock(&world.ground.objects).clone();
    let mut numbers: BTreeMap<&str, u64> = BTreeMap::new();
    for key in objects.keys().filter(|key| key.contains("/catalog/")) {
        let Some((folder, name)) = key.rsplit_once('/') else { continue };
        let is = name.strip_suffix(".json").and_then(|name| name.parse().ok()).unwrap_or_default();
        // The first ones may have been swept.
        let first = if world.setup.upkeep.is_some() { is } else { 1 };
        let due = numbers.get(folder).map_or(first, |last| last + 1);
        numbers.insert(folder, is);
        if is != due {
            world.ground.violated("pointers are numbered without a gap", key.clone());
        }
    }
    let judge = lock(&world.ground.judge);
    for commits in judge.iter().flat_map(Judge::all_commits) {
        let mut tasks = BTreeSet::new();
        for key in commits {
            let commit: Value =
                objects.get(key).and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
            let task = commit["task"].as_str().unwrap_or_default().to_owned();
            if commit["done"] == Value::Bool(true) && !tasks.insert(task) {
                world.ground.violated("a task commits once", key.clone());
            }
            let files = commit["files"].as_array().map(Vec::as_slice).unwrap_or_default();
            for file in files.iter().filter_map(|file| file["key"].as_str()) {
                if !objects.contains_key(file) {
                    world.ground.violated("what a commit names stays", format!("{key} names {file}"));
                }
            }
        }
    }
    drop(judge);
    reached(world);
    let parked = lock(&world.ground.queue).parked();
    for task in parked {
        world.ground.violated("what was parked is done once everything heals", task.id.to_string());
    }
}

/// Whatever counts is there: all that the tables are made of, now and in the snapshots that they tell of, and all that
/// commits name.
pub(crate) fn reached(world: &World) {
    let ground = &world.ground;
    let missing =
        oracle::reach(&lock(&ground.objects), &ground.entries(), &mut lock(&ground.manifests)).missing;
    for what in missing.into_iter().take(3) {
        world.ground.violated("what a table or a commit names stays", what);
    }
}

/// A task that says it is done has its own commit, behind which nothing is left to read.
pub(crate) fn done(world: &World, task: &Task, outcome: &Outcome) {
    let commits = {
        let judge = lock(&world.ground.judge);
        judge
            .iter()
            .flat_map(|judge| judge.commits(task.table.as_str(), &task.unit))
            .cloned()
            .collect::<Vec<_>>()
    };
    let objects = lock(&world.ground.objects);
    let parsed = |key: &String| -> Value {
        objects.get(key).and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default()
    };
    let id = task.id.to_string();
    let holds = |commit: &Value| {
        commit["recent_tasks"].as_array().is_some_and(|tasks| tasks.iter().any(|task| *task == *id))
    };
    let first = || commits.iter().map(parsed).find(holds);
    let commit = match outcome {
        Outcome::Committed(number) => {
            let place = usize::try_from(*number).ok().and_then(|number| number.checked_sub(1));
            let own = place.and_then(|place| commits.get(place)).map(parsed);
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
