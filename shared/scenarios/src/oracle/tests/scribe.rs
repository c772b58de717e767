//! Writes a small lake by hand, right or wrong.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_array::{
    ArrayRef, BooleanArray, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use async_trait::async_trait;
use bytes::Bytes;
use jiff::SignedDuration;
use model::port::Clock;
use model::{Timestamp, Unit};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use simulator::Options;

use crate::oracle::facts::{self, Ends};
use crate::oracle::judge::hex;
use crate::oracle::{Except, judge, judge_current};
use crate::source::Source;

#[derive(Debug)]
pub(super) struct Standing(Mutex<Timestamp>);

#[async_trait]
impl Clock for Standing {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, _: Duration) {}
}

/// A row as it is to be written.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) key: i64,
    pub(super) raw: Option<String>,
    pub(super) deleted: bool,
    pub(super) vis_state: Option<i64>,
    pub(super) amount: Option<i128>,
    /// The lines: place, text and table.
    pub(super) lines: Vec<(i32, String, &'static str)>,
}

/// A source, and the lake of one of its tables.
pub(super) struct Scribe {
    pub(super) clock: Arc<Standing>,
    pub(super) source: Source,
    pub(super) table: &'static str,
    pub(super) unit: Unit,
    pub(super) objects: BTreeMap<String, Bytes>,
    tasks: Vec<String>,
}

impl Scribe {
    pub(super) fn new(table: &'static str) -> Self {
        let start = "2026-03-31T15:00:00Z".parse().unwrap();
        let clock = Arc::new(Standing(Mutex::new(start)));
        let options = Options { scale: 4, ..Options::default() };
        let source = Source::new(options, clock.clone(), &[table]);
        let unit = source.units(table).remove(0);
        Self { clock, source, table, unit, objects: BTreeMap::new(), tasks: Vec::new() }
    }

    pub(super) fn wait(&self, seconds: i64) {
        let mut now = self.clock.0.lock().unwrap();
        *now += SignedDuration::from_secs(seconds);
    }

    pub(super) fn ids(&self) -> Vec<i64> {
        self.source.with(&self.unit, self.table, |rows| rows.iter().map(|(id, _)| id).collect())
    }

    /// The row as it is now and should be written.
    pub(super) fn row(&self, key: i64) -> Row {
        let text = self.source.history(&self.unit, self.table, key).last().unwrap().text.clone().unwrap();
        self.typed(key, &text)
    }

    /// A row with this text, typed as it should be, but for secrets.
    pub(super) fn typed(&self, key: i64, text: &str) -> Row {
        let facts = facts::find(self.table).unwrap();
        let value: Value = serde_json::from_str(text).unwrap();
        let amount = facts.amount.and_then(|column| match &value[column] {
            Value::Object(money) => money["amount"].as_str(),
            bare => bare.as_str(),
        });
        // as text, so that nothing is lost on the way
        let lines = facts.children.iter().flat_map(|child| {
            let lines = crate::oracle::text::elements(text, child.source);
            (0..).zip(lines).map(|(n, line)| (n, line.to_owned(), child.name))
        });
        let lines = lines.collect();
        let vis_state = value["vis_state"].as_i64();
        Row {
            key,
            raw: Some(text.to_owned()),
            deleted: facts.ends == Ends::VisState && vis_state == Some(1),
            vis_state,
            amount: amount.map(|amount| model::decimal::parse(amount, 12).unwrap()),
            lines,
        }
    }

    pub(super) fn tombstone(key: i64) -> Row {
        Row { key, raw: None, deleted: true, vis_state: None, amount: None, lines: Vec::new() }
    }

    /// Every row as it is now.
    pub(super) fn all(&self) -> Vec<Row> {
        let there = |id: &i64| {
            self.source.history(&self.unit, self.table, *id).last().is_some_and(|last| last.text.is_some())
        };
        self.ids().into_iter().filter(there).map(|id| self.row(id)).collect()
    }

    /// Commits these rows with a cursor at now.
    pub(super) fn commit(&mut self, rows: &[Row]) {
        self.commit_with(rows, |_| {});
    }

    /// Commits, with a pointer that was changed.
    pub(super) fn commit_with(&mut self, rows: &[Row], change: impl FnOnce(&mut Value)) {
        let facts = facts::find(self.table).unwrap();
        let mut files = vec![self.put(self.table, &own(facts, rows))];
        for child in facts.children {
            files.insert(0, self.put(child.name, &lines(child, rows)));
        }
        self.publish(&files, change);
    }

    /// Publishes a pointer to files.
    pub(super) fn publish(&mut self, files: &[Value], change: impl FnOnce(&mut Value)) {
        let number = self.tasks.len() + 1;
        self.tasks.push(format!("task{number}"));
        let mut pointer = json!({
            "format": 1, "number": number, "task": format!("task{number}"), "cursor": self.source.now(),
            "files": files, "certificate": {}, "seen": null, "recent_tasks": self.tasks,
        });
        change(&mut pointer);
        let folder = format!("lake/freshbooks/{}/commits/{}", self.table, self.unit.partition());
        self.objects.insert(format!("{folder}/{number:010}.json"), pointer.to_string().into());
    }

    /// Puts a data file and tells how a pointer names it.
    pub(super) fn put(&mut self, table: &str, batch: &RecordBatch) -> Value {
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(batch).unwrap();
        let body = writer.into_inner().unwrap();
        let sha256 = hex(&body);
        let part = self.objects.len();
        let key = format!("raw/{table}/{}/dt=2026-03-31/part-{part}.parquet", self.unit.partition());
        let file = json!({
            "table": table, "key": key, "rows": batch.num_rows(), "bytes": body.len(), "sha256": sha256,
        });
        self.objects.insert(key, body.into());
        file
    }

    /// The rules that are broken.
    pub(super) fn broken(&self) -> Vec<&'static str> {
        let found = judge(&self.source, &self.objects, self.source.now());
        rules(found.into_iter().map(|violation| violation.rule))
    }

    /// The rules that are broken if everything should be there.
    pub(super) fn current(&self) -> Vec<&'static str> {
        let mut except = Except::default();
        for unit in self.source.units(self.table).into_iter().filter(|unit| *unit != self.unit) {
            except.unavailable.insert((unit.partition(), self.table.to_owned()));
        }
        let found = judge_current(&self.source, &self.objects, self.source.now(), &except);
        rules(found.into_iter().map(|violation| violation.rule))
    }
}

fn rules(found: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut rules: Vec<_> = found.collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

pub(super) fn own(facts: &facts::Facts, rows: &[Row]) -> RecordBatch {
    let keys: Int64Array = rows.iter().map(|row| Some(row.key)).collect();
    let raw: StringArray = rows.iter().map(|row| row.raw.clone()).collect();
    let deleted: BooleanArray = rows.iter().map(|row| Some(row.deleted)).collect();
    let states: Int64Array = rows.iter().map(|row| row.vis_state).collect();
    let amounts: Decimal128Array = rows.iter().map(|row| row.amount).collect();
    let amounts = amounts.with_precision_and_scale(38, 12).unwrap();
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        (facts.key, Arc::new(keys)),
        ("_is_deleted", Arc::new(deleted)),
        ("vis_state", Arc::new(states)),
    ];
    if let Some(column) = facts.amount {
        columns.push((column, Arc::new(amounts)));
    }
    columns.push(("_raw", Arc::new(raw)));
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

fn lines(child: &facts::Child, rows: &[Row]) -> RecordBatch {
    let lines = rows.iter().flat_map(|row| row.lines.iter().map(move |line| (row, line)));
    let lines: Vec<_> = lines.filter(|(_, (.., table))| *table == child.name).collect();
    let parents: Int64Array = lines.iter().map(|(row, _)| Some(row.key)).collect();
    let places: Int32Array = lines.iter().map(|(_, (place, ..))| Some(*place)).collect();
    let deleted: BooleanArray = lines.iter().map(|(row, _)| Some(row.deleted)).collect();
    let raw: StringArray = lines.iter().map(|(_, (_, text, _))| Some(text.clone())).collect();
    let columns: [(&str, ArrayRef); 4] = [
        (child.parent_key, Arc::new(parents)),
        ("_position", Arc::new(places)),
        ("_is_deleted", Arc::new(deleted)),
        ("_raw", Arc::new(raw)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// A file of `rejected`.
pub(super) fn rejected(table: &str, key: i64, raw: &str) -> RecordBatch {
    let text = |text: String| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let columns = [
        ("table_name", text(table.to_owned())),
        ("key", text(key.to_string())),
        ("_raw", text(raw.to_owned())),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}
