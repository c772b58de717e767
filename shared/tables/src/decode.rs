//! Rows of JSON text to record batches.

mod reading;
mod told;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{RecordBatch, TimestampMicrosecondArray};
use arrow_schema::ArrowError;
use model::{TableName, Timestamp};
use xxhash_rust::xxh3::xxh3_64;

use crate::columns::{Columns, Place, same_int, same_text};
use crate::declaration::{Child, DeleteRule, Kind, Table};
use crate::row::{Plan, Row, masked};
use crate::rules::{Rules, Source};
use crate::schema::{child_schema, rejected_schema, table_schema};
use crate::value::Value;
use reading::Line;

pub use crate::schema::RawText;
pub use told::{Context, Facts, Rejected, Verdict};

/// Decodes the rows of one table and of its children.
#[derive(Debug)]
pub struct Decoder {
    table: &'static Table,
    context: Arc<Context>,
    plan: Plan,
    columns: Columns,
    children: Vec<ChildDecoder>,
    key: Vec<usize>,
    updated: Option<usize>,
    deleted: Option<usize>,
    ruled: Option<Ruled>,
    rejected: Vec<Rejected>,
    unknown: BTreeMap<String, u64>,
    currencies: BTreeSet<String>,
}

/// What is wanted, and how rows are looked at before it takes effect.
#[derive(Debug)]
struct Ruled {
    rules: Arc<Rules>,
    plan: Plan,
}

/// A row about to be decoded.
#[derive(Clone, Copy, Debug)]
struct Coming<'a> {
    text: &'a str,
    /// Whether it is wanted.
    wanted: bool,
    /// The children that it announces, where its text no longer says so.
    announced: Option<u32>,
}

#[derive(Debug)]
struct ChildDecoder {
    child: &'static Child,
    plan: Plan,
    columns: Columns,
    /// Whether every parent is known to come with it, since an include asks for it.
    asked: bool,
    /// Where the column of the parent is that announces its rows.
    announced_by: Option<usize>,
    /// Whether the last parent said nothing of it.
    is_absent: bool,
    /// Parents that were written and said nothing of it.
    absent: u64,
}

impl Decoder {
    /// A decoder for `table`.
    pub fn new(table: &'static Table, context: Context, raw: RawText) -> Self {
        let context = Arc::new(context);
        let at = |name: &str| table.columns.iter().position(|c| c.name == name);
        let children = table.children.iter().map(|child| ChildDecoder {
            child,
            plan: Plan::new(
                child.columns,
                std::iter::empty(),
                &table.secrets_of(child),
                table.told_elsewhere(child),
            ),
            columns: Columns::new(child_schema(child, raw), child.columns, true, raw, Arc::clone(&context)),
            asked: table.asks_for(child),
            announced_by: child.announced_by.and_then(at),
            is_absent: false,
            absent: 0,
        });
        Self {
            table,
            plan: Plan::new(
                table.columns,
                table.children.iter().map(|c| c.source),
                table.secrets,
                std::iter::empty(),
            ),
            columns: Columns::new(table_schema(table, raw), table.columns, false, raw, Arc::clone(&context)),
            children: children.collect(),
            key: table.key.iter().filter_map(|name| at(name)).collect(),
            updated: table.updated().and_then(at),
            deleted: match table.deleted {
                DeleteRule::VisState => at("vis_state"),
                DeleteRule::Inactive(column) => at(column),
                DeleteRule::Vanishes | DeleteRule::Never => None,
            },
            context,
            ruled: None,
            rejected: Vec::new(),
            unknown: BTreeMap::new(),
            currencies: BTreeSet::new(),
        }
    }

    /// The same, of rows as `rules` want them.
    #[must_use]
    pub fn under(mut self, rules: Option<&Arc<Rules>>) -> Self {
        let Some(rules) = rules.filter(|rules| rules.family().name == self.table.name) else { return self };
        let table = self.table;
        let sources = || table.children.iter().map(|c| c.source);
        let secrets = if rules.wanted(table.name).secrets { &[] } else { table.secrets };
        let plan = Plan::new(table.columns, sources(), secrets, std::iter::empty());
        self.plan = plan.under(Some(rules), table.name);
        for decoder in &mut self.children {
            let child = decoder.child;
            let secrets = if secrets.is_empty() { Vec::new() } else { table.secrets_of(child) };
            let plan = Plan::new(child.columns, std::iter::empty(), &secrets, table.told_elsewhere(child));
            decoder.plan = plan.under(Some(rules), child.name);
        }
        let plan = Plan::new(table.columns, sources(), &[], std::iter::empty());
        self.ruled = Some(Ruled { rules: Arc::clone(rules), plan });
        self
    }

    /// Decodes `rows`, which were received at `extracted_at`; asks `decide` about each before it is written.
    pub fn rows<'a>(
        &mut self,
        rows: impl IntoIterator<Item = &'a str>,
        extracted_at: Timestamp,
        decide: &mut dyn FnMut(&Facts<'_>) -> Verdict,
    ) {
        let extracted_at = extracted_at.as_microsecond();
        let Some(mut ruled) = self.ruled.take() else {
            let rows = rows.into_iter().map(|text| Coming { text, wanted: true, announced: None });
            return self.wanted_rows(rows, extracted_at, decide);
        };
        let rows: Vec<_> = rows.into_iter().map(|text| self.as_wanted(&mut ruled, text)).collect();
        self.ruled = Some(ruled);
        let rows = rows.iter().map(|(text, coming)| Coming { text, ..*coming });
        self.wanted_rows(rows, extracted_at, decide);
    }

    /// The text of a row as it is wanted, and what it was before. What cannot be read is rejected later.
    fn as_wanted<'a>(&mut self, ruled: &mut Ruled, text: &'a str) -> (Cow<'a, str>, Coming<'a>) {
        let mut row = Row::default();
        let mut coming = Coming { text, wanted: true, announced: None };
        if ruled.plan.read(text, self.children.len(), &mut row).is_ok() {
            self.note_currencies(&row);
            coming.wanted = ruled.rules.wants(&row.values);
            coming.announced = Some(self.announced(&row.values));
        }
        let rewriter = ruled.rules.rewriter();
        let rewritten = if coming.wanted {
            rewriter.row(self.table.name, text, Source::Api)
        } else {
            rewriter.mark(text).map(Cow::Owned)
        };
        (rewritten.unwrap_or(Cow::Borrowed(text)), coming)
    }

    fn wanted_rows<'a>(
        &mut self,
        rows: impl Iterator<Item = Coming<'a>>,
        extracted_at: i64,
        decide: &mut dyn FnMut(&Facts<'_>) -> Verdict,
    ) {
        let mut row = Row::default();
        let mut lines: Vec<Vec<Line<'a>>> = Vec::new();
        let mut key = String::new();
        for Coming { text, wanted, announced } in rows {
            let read = self
                .plan
                .read(text, self.children.len(), &mut row)
                .and_then(|()| self.key_of(&row, &mut key))
                .and_then(|()| self.lines_of(&row, &mut lines));
            if let Err(fault) = read {
                self.reject(text, &row, &fault, extracted_at);
                continue;
            }
            self.note_currencies(&row);
            let raw = masked(text, &row.secrets);
            let deleted = self.is_deleted(&row) || !wanted;
            let announced = announced.unwrap_or_else(|| self.announced(&row.values));
            let withheld = wanted && Self::is_withheld(announced, &lines);
            let (digest, updated) = (xxh3_64(raw.as_bytes()), self.updated_of(&row));
            let facts = Facts { key: &key, digest, updated, deleted, withheld, wanted };
            if decide(&facts) == Verdict::Skip {
                continue;
            }
            self.count_unknown(&row);
            self.columns.append(&row.values, None, extracted_at, deleted, &row.extra, Some(&raw));
            let parent_key = match self.key.first().and_then(|at| row.values.get(*at)) {
                Some(Value::Int(key)) => *key,
                _ => 0,
            };
            for (decoder, lines) in self.children.iter_mut().zip(&lines) {
                decoder.absent += u64::from(decoder.is_absent);
                for (position, line) in (0_i32..).zip(lines) {
                    let place = Some(Place { parent_key, position });
                    decoder.columns.append(
                        &line.values,
                        place,
                        extracted_at,
                        deleted,
                        &line.extra,
                        Some(&line.raw),
                    );
                }
            }
        }
    }

    /// Writes that the row with this key is gone: its key, `_is_deleted`, and nothing else. Whether `key` is one.
    pub fn tombstone(&mut self, key: &str, at: Timestamp) -> bool {
        let mut values = vec![Value::Null; self.table.columns.len()];
        // Only the last part, a name or the line of a report, may have a / inside.
        let mut parts = key.splitn(self.key.len(), '/');
        for column in &self.key {
            let part = parts.next().unwrap_or_default();
            let kind = self.table.columns.get(*column).map(|c| c.kind);
            let value = match kind {
                Some(Kind::Int) => part.parse().ok().map(Value::Int),
                Some(Kind::Text) => Some(Value::Text(part.to_owned().into())),
                Some(Kind::Date) => part.parse().ok().map(Value::Date),
                Some(Kind::Bool) => part.parse().ok().map(Value::Bool),
                _ => None,
            };
            let (Some(value), Some(place)) = (value, values.get_mut(*column)) else { return false };
            *place = value;
        }
        self.columns.append(&values, None, at.as_microsecond(), true, &[], None);
        true
    }

    /// Rows of the largest table that wait to be taken.
    pub fn buffered(&self) -> usize {
        self.children.iter().map(|c| c.columns.rows()).fold(self.columns.rows(), usize::max)
    }

    /// Bytes of the texts of the rows that wait to be taken, where texts are kept.
    pub fn buffered_bytes(&self) -> usize {
        self.columns.raw_bytes()
    }

    /// Takes what was decoded so far: one batch per table that has rows, children first. Rows without their text are no raw
    /// rows, and have the columns that are wanted under the names that are.
    pub fn take(&mut self) -> Result<Vec<(TableName, RecordBatch)>, ArrowError> {
        let mut batches = Vec::new();
        for decoder in &mut self.children {
            if decoder.columns.rows() > 0 {
                batches.push((decoder.child.name, decoder.columns.finish()?));
            }
        }
        if self.columns.rows() > 0 {
            batches.push((self.table.name, self.columns.finish()?));
        }
        let plain = self.ruled.as_ref().filter(|_| !self.columns.keeps_raw());
        let shown = batches.into_iter().map(|(name, batch)| match plain {
            Some(ruled) => Ok((TableName::from(name), ruled.rules.shown(name, &batch)?)),
            None => Ok((TableName::from(name), batch)),
        });
        shown.collect()
    }

    /// Rows that could not be typed, so far.
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }

    /// The rejected rows that `wanted` wants as a batch of the table `rejected`, if there are any.
    pub fn rejected_batch(
        &self,
        wanted: impl Fn(&Rejected) -> bool,
    ) -> Result<Option<RecordBatch>, ArrowError> {
        let rows: Vec<&Rejected> = self.rejected.iter().filter(|row| wanted(row)).collect();
        if rows.is_empty() {
            return Ok(None);
        }
        let text = |of: &dyn Fn(&Rejected) -> Option<String>| {
            let mut column = StringBuilder::new();
            for row in &rows {
                column.append_option(of(row));
            }
            Arc::new(column.finish()) as _
        };
        let times: TimestampMicrosecondArray = rows.iter().map(|r| Some(r.extracted_at)).collect();
        let columns = vec![
            text(&|r| Some(r.table.to_owned())),
            text(&|r| r.key.clone()),
            text(&|r| Some(r.path.clone())),
            text(&|r| Some(r.reason.clone())),
            same_text(self.context.account_id.as_deref(), rows.len()),
            same_int(self.context.business_id, rows.len()),
            same_text(Some(&self.context.run_id), rows.len()),
            Arc::new(times.with_timezone("UTC")),
            text(&|r| Some(r.raw.clone())),
        ];
        RecordBatch::try_new(rejected_schema(), columns).map(Some)
    }

    /// Keys that no declaration knows, with how many rows had them.
    pub fn unknown_keys(&self) -> &BTreeMap<String, u64> {
        &self.unknown
    }

    /// The currencies of all amounts so far, ISO 4217.
    pub fn currencies(&self) -> &BTreeSet<String> {
        &self.currencies
    }

    /// Children that some parents came without although they were asked for with them, and how many did: the include that
    /// brings them was not honoured.
    pub fn withheld(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let asked = self.children.iter().filter(|decoder| decoder.asked);
        asked.map(|decoder| (decoder.child.name, decoder.absent)).filter(|(_, absent)| *absent > 0)
    }
}
