//! Lakes that grow old, and what their upkeep takes away.

mod cases;
mod stops;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow_schema::DataType;
use jiff::SignedDuration;
use model::port::ObjectStore;
use model::{AccountId, Certificate, TableStatus, TaskId, Timestamp, Unit};

use super::{Leftover, Tended, Upkeep};
use crate::catalog::conformance::fakes::{FakeGlue, Fate, Memory};
use crate::{Commit, Draft, Encoded, Encoder, Habits, Lake, Packing, Published, Seen};

/// Hours since the first one.
fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_775_000_000 + hours * 3600).unwrap()
}

/// A lake with invoices and a clock.
struct World {
    store: Arc<Memory>,
    glue: Option<Arc<FakeGlue>>,
    lake: Lake,
    unit: Unit,
    now: Timestamp,
}

fn account(id: &str) -> Unit {
    Unit::Account(AccountId(id.to_owned()))
}

impl World {
    fn pointer() -> Self {
        let store = Arc::new(Memory::default());
        let lake = Lake::new(Arc::clone(&store) as _, "books").packed(Packing::None);
        Self { store, glue: None, lake, unit: account("ACM1"), now: at(0) }
    }

    fn glue() -> Self {
        let (store, glue) = (Arc::new(Memory::default()), Arc::new(FakeGlue::default()));
        let lake = Lake::in_glue(Arc::clone(&store) as _, "books", Arc::clone(&glue) as _);
        Self { store, glue: Some(glue), lake: lake.packed(Packing::None), unit: account("ACM1"), now: at(0) }
    }

    fn both() -> [Self; 2] {
        [Self::pointer(), Self::glue()]
    }

    fn go_to(&mut self, hours: i64) {
        self.now = at(hours);
        self.store.set(self.now);
    }

    async fn head(&self) -> Option<Commit> {
        self.lake.head("invoices", &self.unit).await.unwrap()
    }

    /// One invoice with a line each of `ids`.
    async fn publish(&self, base: Option<&Commit>, task: &str, ids: &[i64]) -> model::Result<Published> {
        let task = TaskId(task.to_owned());
        let mut seen = Seen::default();
        for id in ids {
            seen.insert(crate::KeyHash::of(&id.to_string()), 7);
        }
        let day = self.now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let mut files = Vec::new();
        for table in ["invoices", "invoice_lines"] {
            let file = rows(table, ids, self.now, &self.unit);
            files.push(self.lake.put_data(&table.into(), &self.unit, day, &task, 0, file).await?);
        }
        let draft = Draft {
            table: "invoices",
            unit: &self.unit,
            task: &task,
            mode: model::Mode::Incremental,
            done: true,
            committed_at: self.now,
            cursor: None,
            loading: None,
            habits: Habits::default(),
            files,
            certificate: certificate(),
            seen: &seen,
        };
        self.lake.publish(base, draft).await
    }

    async fn commit(&self, task: &str, ids: &[i64]) -> Commit {
        match self.publish(self.head().await.as_ref(), task, ids).await.unwrap() {
            Published::Won(commit) => *commit,
            Published::Lost => panic!("{task} has lost"),
        }
    }

    /// A task that dies just before it swaps the parent.
    async fn die(&self, task: &str, ids: &[i64]) {
        let head = self.head().await;
        if let Some(glue) = &self.glue {
            glue.next_of("invoices", Fate::Refused);
        } else {
            self.store.refuse("/catalog/");
        }
        self.publish(head.as_ref(), task, ids).await.unwrap_err();
    }

    async fn maintain(&self, upkeep: Upkeep) -> Vec<Tended> {
        self.lake.maintain(None, upkeep).await.unwrap()
    }

    /// Tells what would go, sees that nothing has changed, deletes, and sees that just that is gone and the rest whole.
    async fn sweep(&self, upkeep: Upkeep) -> Tended {
        let before = self.store.keys();
        let told = invoices(self.maintain(upkeep).await);
        assert!(told.stopped.is_none(), "{told:?}");
        assert_eq!(self.store.keys(), before);
        let done = invoices(self.maintain(Upkeep { delete: true, ..upkeep }).await);
        assert!(done.stopped.is_none(), "{done:?}");
        assert_eq!((done.expired, &done.swept), (told.expired, &told.swept));
        let after = self.store.keys();
        let gone: BTreeSet<String> = before.difference(&after).cloned().collect();
        assert_eq!(gone, done.swept.iter().map(|swept| swept.key.clone()).collect());
        let new = after.difference(&before).filter(|key| !key.ends_with(".metadata.json")).count();
        assert_eq!(new, usize::from(done.expired > 0 && self.glue.is_none()), "a pointer");
        self.is_whole().await;
        // Done is done.
        let again = invoices(self.maintain(upkeep).await);
        assert!(again.stopped.is_none(), "{again:?}");
        assert_eq!((again.expired, again.swept), (0, Vec::new()));
        done
    }

    async fn is_whole(&self) {
        let verified = self.lake.verify(None).await.unwrap();
        // The rows here have certificates that prove nothing, and come again as they were.
        let known = |damage: &crate::Damage| {
            damage.key.contains("/commits/") || damage.what.starts_with("holds the same rows")
        };
        let damage: Vec<_> = verified.damage.iter().filter(|damage| !known(damage)).collect();
        assert!(damage.is_empty(), "{damage:?}");
    }
}

fn invoices(tended: Vec<Tended>) -> Tended {
    tended.into_iter().find(|one| one.table == "invoices").unwrap()
}

fn kinds(tended: &Tended) -> BTreeSet<Leftover> {
    tended.swept.iter().map(|swept| swept.what).collect()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

fn rows(table: &str, ids: &[i64], at: Timestamp, unit: &Unit) -> Encoded {
    let owner = unit.partition().split_once('=').unwrap().1.to_owned();
    let schema = tables::arrow_schema(table, tables::RawText::Keep).unwrap();
    let count = ids.len();
    let columns = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Int64 => Arc::new(Int64Array::from(ids.to_vec())) as ArrayRef,
        DataType::Int32 => Arc::new(Int32Array::from(vec![0; count])),
        DataType::Boolean => Arc::new(BooleanArray::from(vec![false; count])),
        DataType::Utf8 if field.name() == "_account_id" => {
            Arc::new(StringArray::from(vec![owner.as_str(); count]))
        }
        DataType::Utf8 if !field.is_nullable() => Arc::new(StringArray::from(vec!["x"; count])),
        DataType::Timestamp(..) => Arc::new(
            TimestampMicrosecondArray::from(vec![at.as_microsecond(); count])
                .with_data_type(field.data_type().clone()),
        ),
        other => new_null_array(other, count),
    });
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
    let mut encoder = Encoder::new(schema, Packing::None).unwrap();
    encoder.write(&batch).unwrap();
    encoder.finish().unwrap()
}

fn certificate() -> Certificate {
    Certificate { status: TableStatus::Ok, ..Certificate::unread() }
}
