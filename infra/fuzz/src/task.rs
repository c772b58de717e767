//! What the queue delivers.

use model::Task;

/// A task; what was read once and written is read as the same.
pub(crate) fn event(data: &[u8]) {
    let Ok(task) = serde_json::from_slice::<Task>(data) else { return };
    let again: Task = serde_json::from_slice(&serde_json::to_vec(&task).unwrap()).unwrap();
    assert_eq!(task, again);
    let partition = task.unit.partition();
    let (_, id) = partition.split_once('=').unwrap();
    assert!(!id.contains(['/', '.', '\\']), "an id acts as a path: {partition}");
}
