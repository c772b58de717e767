//! A task that stops between the children and the parent, and who comes after it.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow_schema::DataType;

use ::model::port::ObjectStore;
use ::model::{AccountId, TaskId, Timestamp, Unit};

use super::super::Published;
use crate::catalog::conformance::fakes::{FakeGlue, Fate, Memory};
use crate::{Commit, Draft, Encoded, Encoder, Lake, Packing, Seen};

/// A raw file of one row, the same each time.
fn one_row(table: &str) -> Encoded {
    let schema = tables::arrow_schema(table, tables::RawText::Keep).unwrap();
    let columns = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Int64 => Arc::new(Int64Array::from(vec![1])) as ArrayRef,
        DataType::Int32 => Arc::new(Int32Array::from(vec![0])),
        DataType::Boolean => Arc::new(BooleanArray::from(vec![false])),
        DataType::Utf8 if field.name() == "_account_id" => Arc::new(StringArray::from(vec!["ACM1"])),
        DataType::Utf8 if !field.is_nullable() => Arc::new(StringArray::from(vec!["x"])),
        DataType::Timestamp(..) => {
            Arc::new(TimestampMicrosecondArray::from(vec![1]).with_data_type(field.data_type().clone()))
        }
        other => new_null_array(other, 1),
    });
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
    let mut encoder = Encoder::new(schema, Packing::None).unwrap();
    encoder.write(&batch).unwrap();
    encoder.finish().unwrap()
}

struct World {
    lake: Lake,
    glue: Arc<FakeGlue>,
    unit: Unit,
}

fn world() -> World {
    let glue = Arc::new(FakeGlue::default());
    let store = Arc::new(Memory::default()) as Arc<dyn ObjectStore>;
    let lake = Lake::in_glue(store, "books", Arc::clone(&glue) as _);
    World { lake, glue, unit: Unit::Account(AccountId("ACM1".to_owned())) }
}

impl World {
    async fn publish(&self, base: Option<&Commit>, task: &str) -> ::model::Result<Published> {
        let (task, seen) = (TaskId(task.to_owned()), Seen::default());
        let mut files = Vec::new();
        for table in ["invoices", "invoice_lines"] {
            let day = Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC).date();
            files.push(self.lake.put_data(&table.into(), &self.unit, day, &task, 0, one_row(table)).await?);
        }
        let draft = Draft {
            table: "invoices",
            unit: &self.unit,
            task: &task,
            mode: ::model::Mode::Incremental,
            done: true,
            committed_at: Timestamp::UNIX_EPOCH,
            cursor: None,
            loading: None,
            habits: crate::Habits::default(),
            files,
            certificate: ::model::Certificate::unread(),
            seen: &seen,
        };
        self.lake.publish(base, draft).await
    }

    async fn won(&self, base: Option<&Commit>, task: &str) -> Commit {
        match self.publish(base, task).await.unwrap() {
            Published::Won(commit) => *commit,
            Published::Lost => panic!("{task} has lost"),
        }
    }

    async fn head(&self) -> Option<Commit> {
        self.lake.head("invoices", &self.unit).await.unwrap()
    }

    /// The commit that `table` shows.
    async fn shown(&self, table: &str) -> Option<String> {
        let location = self.glue.table(table)?.parameters["metadata_location"].clone();
        let key = location.strip_prefix("s3://bucket/").unwrap();
        self.lake.metadata(key).await.unwrap().shows(&self.unit).unwrap()
    }

    /// A task that switches the children and no more.
    async fn half(&self, base: Option<&Commit>, task: &str) {
        self.glue.next_of("invoices", Fate::Refused);
        self.publish(base, task).await.unwrap_err();
        assert_eq!(self.head().await.as_ref().map(|head| head.number), base.map(|base| base.number));
        assert_ne!(self.shown("invoice_lines").await, base.map(|base| base.entry.clone()));
    }
}

#[tokio::test]
async fn who_comes_after_half_a_commit_fences_and_goes_on() {
    for first in [true, false] {
        for fate in [Fate::Fine, Fate::LostBefore, Fate::LostAfter] {
            let world = world();
            let base = if first { None } else { Some(world.won(None, "z").await) };
            let number = base.as_ref().map_or(0, |base| base.number);
            world.half(base.as_ref(), "a").await;
            // Of the fence, too, the answer may be lost.
            world.glue.next_of("invoices", fate);
            let commit = world.won(base.as_ref(), "b").await;
            assert_eq!((commit.number, commit.task.0.as_str()), (number + 2, "b"));
            let commits = world.lake.commits("invoices", &world.unit).await.unwrap();
            let fences: Vec<_> = commits.iter().map(|commit| commit.fence).collect();
            assert_eq!(fences, if first { vec![true, false] } else { vec![false, true, false] });
            let fence = &commits[commits.len() - 2];
            assert_eq!((fence.files.len(), fence.done, fence.task.0.as_str()), (0, false, "b"));
            for table in ["invoice_lines", "invoices"] {
                assert_eq!(world.shown(table).await.as_ref(), Some(&commit.entry), "{table}");
            }
            // The one that was slow, with what it had read.
            assert!(matches!(world.publish(base.as_ref(), "a").await.unwrap(), Published::Lost));
            assert_eq!(world.head().await.unwrap().entry, commit.entry);
        }
    }
}

#[tokio::test]
async fn half_a_commit_is_finished_by_its_own_task_without_a_fence() {
    let world = world();
    world.half(None, "a").await;
    world.glue.calls();
    let commit = world.won(None, "a").await;
    assert_eq!(commit.number, 1);
    assert_eq!(world.lake.commits("invoices", &world.unit).await.unwrap().len(), 1);
    let calls = world.glue.calls();
    assert!(!calls.iter().any(|call| call == "update invoice_lines"), "it is switched already: {calls:?}");
}

#[tokio::test]
async fn a_fence_is_a_state_to_go_on_from() {
    let world = world();
    let base = world.won(None, "z").await;
    world.half(Some(&base), "a").await;
    // The one that fences dies with its fence up.
    world.glue.next_of("invoice_lines", Fate::Refused);
    world.publish(Some(&base), "b").await.unwrap_err();
    let fence = world.head().await.unwrap();
    assert!(fence.fence && fence.number == 2);
    assert_eq!(
        (fence.cursor, &fence.seen, &fence.recent_tasks),
        (base.cursor, &base.seen, &base.recent_tasks)
    );
    assert!(!fence.holds(&TaskId("b".to_owned())) && fence.holds(&TaskId("z".to_owned())));
    // What is below the fence is settled: no second one.
    let commit = world.won(Some(&fence), "c").await;
    assert_eq!((commit.number, commit.fence), (3, false));
}

#[tokio::test]
async fn a_rebuild_that_meets_half_a_commit_fences_and_rebuilds_on_top_of_it() {
    for fate in [Fate::Fine, Fate::LostBefore, Fate::LostAfter] {
        for from in [None, Some(jiff::civil::date(1970, 1, 1))] {
            let world = world();
            let base = world.won(None, "z").await;
            world.half(Some(&base), "a").await;
            world.glue.next_of("invoices", fate);
            let family = tables::find("invoices").unwrap();
            let replayed = world.lake.replay_from(family, from, Timestamp::UNIX_EPOCH).await.unwrap();
            assert_eq!(replayed[0].commits, 1, "{from:?}: {replayed:?}");
            let fence = world.head().await.unwrap();
            assert!(fence.fence && fence.number == base.number + 1 && fence.holds(&base.task));
            // The one that was slow, with what it had read.
            assert!(matches!(world.publish(Some(&base), "a").await.unwrap(), Published::Lost));
            // Over what was left behind nothing is laid: it is rebuilt whole.
            assert_eq!(world.shown("invoice_lines").await.as_ref(), Some(&fence.entry), "{from:?}");
            // What was rebuilt is nothing that was left behind.
            let commit = world.won(Some(&fence), "c").await;
            assert_eq!((commit.number, commit.fence), (fence.number + 1, false));
        }
    }
}
