//! A lake in memory, one account, and raw rows as a decoder of today or of another day writes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use jiff::tz::TimeZone;

use ::model::port::ObjectStore;
use ::model::{AccountId, Certificate, Result, TableStatus, TaskId, Timestamp, Unit};
use tables::{Context, Decoder, RawText, Table, Verdict};

use super::Published;
use crate::catalog::conformance::fakes::{FakeGlue, Memory};
use crate::catalog::{Move, Swap};
use crate::merge::tests::{read, texts};
use crate::table::{Metadata, Owner, Plan};
use crate::{Commit, DataFile, Draft, Encoder, Lake, Packing, Seen, files, layout};

pub(crate) struct Rig {
    pub(crate) lake: Lake,
    pub(crate) store: Arc<Memory>,
    pub(crate) table: &'static Table,
    pub(crate) unit: Unit,
}

/// A batch of the table with that name as another declaration would have made it.
pub(crate) type Edit<'e> = &'e dyn Fn(&str, RecordBatch) -> RecordBatch;

pub(crate) fn as_it_is(_: &str, batch: RecordBatch) -> RecordBatch {
    batch
}

fn noon(day: &str) -> Timestamp {
    format!("{day}T12:00:00Z").parse().unwrap()
}

impl Rig {
    pub(crate) fn new(table: &str) -> Self {
        Self::over(Arc::new(Memory::default()), table)
    }

    /// Another process over the same objects.
    pub(crate) fn over(store: Arc<Memory>, table: &str) -> Self {
        let lake = Lake::new(Arc::clone(&store) as Arc<dyn ObjectStore>, "books");
        Self::of(lake, store, table)
    }

    pub(crate) fn in_glue(table: &str) -> (Self, Arc<FakeGlue>) {
        let glue = Arc::new(FakeGlue::default());
        (Self::over_in_glue(Arc::new(Memory::default()), &glue, table), glue)
    }

    /// Another process over the same objects and entries.
    pub(crate) fn over_in_glue(store: Arc<Memory>, glue: &Arc<FakeGlue>, table: &str) -> Self {
        let glue = Arc::clone(glue) as _;
        let lake = Lake::in_glue(Arc::clone(&store) as Arc<dyn ObjectStore>, "books", glue);
        Self::of(lake, store, table)
    }

    /// Another account of the same lake.
    pub(crate) fn account(&self, id: &str) -> Self {
        let (lake, store, table) = (self.lake.clone(), Arc::clone(&self.store), self.table);
        Self { lake, store, table, unit: Unit::Account(AccountId(id.to_owned())) }
    }

    fn of(lake: Lake, store: Arc<Memory>, table: &str) -> Self {
        let unit = Unit::Account(AccountId("ACM1".to_owned()));
        Self { lake: lake.packed(Packing::None), store, table: tables::find(table).unwrap(), unit }
    }

    /// The same table under these settings.
    pub(crate) fn under(&self, settings: &serde_json::Value) -> Self {
        let settings = tables::rules::read(settings.as_object().unwrap()).unwrap();
        let rules = tables::Rules::new(self.table, &settings, Some("a salt for tests")).unwrap().unwrap();
        let (store, table, unit) = (Arc::clone(&self.store), self.table, self.unit.clone());
        Self { lake: self.lake.clone().obeying(rules), store, table, unit }
    }

    /// Makes the tables as a declaration would have that `edit` makes of today's.
    pub(crate) async fn begin(&self, edit: impl Fn(Field) -> Field) {
        let heads = self.lake.catalog.load(self.table).await.unwrap();
        let (task, mut metadata) = (TaskId("begin".to_owned()), BTreeMap::new());
        for mut plan in Plan::family(self.table) {
            let fields = plan.columns.fields().iter().map(|field| edit(Field::clone(field)));
            plan.columns = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
            let location = format!("{}/{}", self.store.uri(), layout::home("books", plan.name));
            let body = Metadata::create(&plan, location, 0).unwrap().staged(0, |_| {}).unwrap().body;
            let key = layout::metadata("books", plan.name, 1, &files::sha256(&body));
            self.store.put(&key, body).await.unwrap();
            metadata.insert(plan.name.to_owned(), key);
        }
        let (family, unit, at) = (self.table, &self.unit, Timestamp::UNIX_EPOCH);
        let moved = Move { family, unit, task: &task, at, metadata, columns: BTreeMap::new() };
        assert!(matches!(self.lake.catalog.swap(&heads, &moved).await.unwrap(), Swap::Won));
    }

    /// Writes raw files of rows that were read in the noon of `day`.
    pub(crate) async fn raw(&self, task: &str, day: &str, rows: &[&str], edit: Edit<'_>) -> Vec<DataFile> {
        let mut decoder = self.decoder(task);
        decoder.rows(rows.iter().copied(), noon(day), &mut |_| Verdict::Write);
        assert!(decoder.rejected().is_empty(), "{:?}", decoder.rejected());
        self.put(task, day, decoder, edit).await
    }

    fn decoder(&self, task: &str) -> Decoder {
        let run = ::model::RunId(task.to_owned());
        let rules = self.lake.rules(self.table);
        Decoder::new(self.table, Context::new(&self.unit, &run), RawText::Keep).under(rules)
    }

    async fn put(&self, task: &str, day: &str, mut decoder: Decoder, edit: Edit<'_>) -> Vec<DataFile> {
        let (task, day) = (TaskId(task.to_owned()), noon(day).to_zoned(TimeZone::UTC).date());
        let mut put = Vec::new();
        for (name, batch) in decoder.take().unwrap() {
            let batch = edit(name.as_str(), batch);
            let mut encoder = Encoder::new(batch.schema(), Packing::None).unwrap();
            encoder.write(&batch).unwrap();
            let file = encoder.finish().unwrap();
            put.push(self.lake.put_data(&name, &self.unit, day, &task, 0, file).await.unwrap());
        }
        put
    }

    /// Commits that some rows are gone.
    pub(crate) async fn bury(&self, task: &str, day: &str, keys: &[&str]) {
        let mut decoder = self.decoder(task);
        assert!(keys.iter().all(|key| decoder.tombstone(key, noon(day))));
        let files = self.put(task, day, decoder, &as_it_is).await;
        let head = self.lake.head(self.table.name, &self.unit).await.unwrap();
        assert!(matches!(self.publish(head.as_ref(), task, files).await.unwrap(), Published::Won(_)));
    }

    pub(crate) async fn publish(
        &self,
        base: Option<&Commit>,
        task: &str,
        files: Vec<DataFile>,
    ) -> Result<Published> {
        let (task, seen) = (TaskId(task.to_owned()), Seen::default());
        let is_own = |file: &&DataFile| file.table.as_str() == self.table.name;
        let own: u64 = files.iter().filter(is_own).map(|file| file.rows).sum();
        let child_rows = files.iter().map(|file| file.rows).sum::<u64>() - own;
        let certificate = Certificate {
            status: TableStatus::Ok,
            total_first: own,
            total_last: own,
            distinct_keys: own,
            rows_new: own,
            child_rows,
            ..Certificate::unread()
        };
        let draft = Draft {
            table: self.table.name,
            unit: &self.unit,
            task: &task,
            mode: ::model::Mode::Incremental,
            done: true,
            committed_at: Timestamp::UNIX_EPOCH,
            cursor: None,
            loading: None,
            habits: crate::Habits::default(),
            files,
            certificate,
            seen: &seen,
        };
        self.lake.publish(base, draft).await
    }

    /// Writes and commits rows; tells the notes of the commit.
    pub(crate) async fn commit(&self, task: &str, day: &str, rows: &[&str], edit: Edit<'_>) -> Vec<String> {
        let files = self.raw(task, day, rows, edit).await;
        let head = self.lake.head(self.table.name, &self.unit).await.unwrap();
        match self.publish(head.as_ref(), task, files).await.unwrap() {
            Published::Won(commit) => commit.certificate.notes,
            Published::Lost => panic!("{task} has lost"),
        }
    }

    /// What readers see of some columns, row by row; a column that is not there is not told.
    pub(crate) async fn see(&self, table: &str, columns: &[&str]) -> Vec<String> {
        let heads = self.lake.catalog.load(self.table).await.unwrap();
        let metadata = self.lake.metadata(&heads.metadata[table]).await.unwrap();
        let home = layout::home("books", table);
        let contents = metadata.contents(&*self.lake.store, &home, &Owner::from(&self.unit)).await.unwrap();
        let plan = Plan::family(self.table).into_iter().find(|plan| plan.name == table).unwrap();
        let shape = metadata.shape(&plan).unwrap();
        let mut rows = Vec::new();
        for file in contents.live(&metadata, &home, &shape).unwrap() {
            for batch in read(self.store.get(&file.key).await.unwrap().unwrap()) {
                let places: Vec<_> =
                    columns.iter().filter_map(|name| batch.schema().index_of(name).ok()).collect();
                rows.extend(texts(&batch.project(&places).unwrap()));
            }
        }
        rows.sort();
        rows
    }
}
