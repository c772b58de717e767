//! What the harness itself can see is wrong, beside what the oracle judges.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

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
        let task = commit["task"].as_str().unwrap_or_default().to_owned();
        if !tasks.insert(task) {
            world.ground.violated("a task commits once", key.clone());
        }
    }
    let parked = lock(&world.ground.queue).parked();
    for task in parked {
        world.ground.violated("what was parked is done once everything heals", task.id.to_string());
    }
}

/// While some tables cannot be read, their tasks are parked and all others are done.
pub(crate) fn in_trouble(world: &World) {
    let named = |always: bool| -> BTreeSet<&str> {
        let trouble = world.setup.trouble.iter();
        trouble.filter(|t| !always || fails_always(&t.kind)).filter_map(|t| t.resource.as_deref()).collect()
    };
    let (troubled, broken) = (named(false), named(true));
    let parked = lock(&world.ground.queue).parked();
    for task in parked.iter().filter(|task| !troubled.contains(task.table.as_str())) {
        world.ground.violated("one broken table keeps no other from being read", task.id.to_string());
    }
    for table in broken {
        if !parked.iter().any(|task| task.table.as_str() == table) {
            world.ground.violated("a task that always fails is parked", table.to_owned());
        }
    }
}

/// A changed shape is let pass where it spoils few rows.
fn fails_always(kind: &simulator::FaultKind) -> bool {
    matches!(kind, simulator::FaultKind::Status { .. })
}
