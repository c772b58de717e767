//! The stateless one-shot: a table, whole or since a day, as plain Parquet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use freshbooks::{Client, Request, Since, Tokens};
use lake::{DataFile, Encoded, Encoder, Habits, Seen};
use model::port::{ObjectStore, Put};
use model::{
    Certificate, ConnectionName, Error, ErrorKind, Mode, OtherIds, Result, RunId, TableName, TableSettings,
    Task, Unit,
};
use tables::{Context, CursorRule, Decoder, RawText, Rejected, Table};

use crate::extract::{Extraction, Worker, attest};
use crate::harvest::Harvest;
use crate::memory::Memory;
use crate::passes::{self, Window};
use crate::periods;
use crate::read::{Read, Reader};
use crate::rows::Rows;
use crate::rules;
use crate::stop::Stop;
use crate::write::Files;

/// What is to be pulled.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'w> {
    /// The table.
    pub table: &'static Table,
    /// Whose rows.
    pub unit: &'w Unit,
    /// What else that unit is called.
    pub ids: &'w OtherIds,
    /// Changed since when, where the table can be asked so; everything if absent.
    pub since: Option<model::Date>,
    /// The currencies in which reports are asked for: those of the rows that were pulled before. Without any, FreshBooks
    /// answers in that of the account.
    pub currencies: &'w [String],
    /// What is set for the table and its children.
    pub settings: &'w BTreeMap<TableName, TableSettings>,
}

/// What was pulled of one table.
#[derive(Clone, Debug)]
pub struct Pulled {
    /// The files, child tables included.
    pub files: Vec<DataFile>,
    /// The proof.
    pub certificate: Certificate,
    /// Rows that could not be typed.
    pub rejected: Vec<Rejected>,
    /// The currencies of the amounts, of a table in whose rows the currencies of an account are met.
    pub currencies: Vec<String>,
}

/// Reads what is `wanted`, completely or since a day, into `<table>/<part>.parquet` in `store`. Each table gets at
/// least one file, so that an empty one has a schema too.
pub async fn pull(
    worker: &Worker,
    tokens: Arc<dyn Tokens>,
    wanted: &Wanted<'_>,
    store: &dyn ObjectStore,
    stop: &Stop,
) -> Result<Pulled> {
    let Wanted { table, unit, ids, since, currencies, settings } = *wanted;
    let rules = rules::of(worker, table, settings)?;
    let now = worker.clock.now();
    let run = RunId(format!("pull-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    let connection = ConnectionName::new("pull")
        .map_err(|e| Error::new(ErrorKind::Internal, "pull is no name of a connection").because(e))?;
    let task = Task::new(&connection, &run, table.name.into(), unit.clone(), Mode::Full);
    let task = task.called(ids.clone());
    let client = Client::new(
        worker.api_url.clone(),
        Arc::clone(&worker.transport),
        Arc::clone(&worker.clock),
        Arc::clone(&worker.random),
        tokens,
        Arc::clone(&worker.budget),
    );
    let asked = AtomicU64::new(0);
    let raw = RawText::Drop;
    let extraction = Extraction { worker, client, table, task: &task, stop, raw, asked, rules };
    let reader = Reader {
        client: &extraction.client,
        clock: &*worker.clock,
        in_flight: worker.in_flight,
        stop,
        progress: &*worker.progress,
    };
    let listed = extraction.listed();
    let decoder =
        Decoder::new(listed, Context::new(unit, &run), RawText::Drop).under(extraction.rules.as_ref());
    let mut rows = Rows::new(listed, decoder, Seen::default(), false, worker.lake.packing());
    if table.each.is_some() {
        rows = rows.only_listed();
    }
    let files = PlainFiles { store, unit };
    let shown = |name: &str, schema| {
        let rules = extraction.rules.as_ref();
        rules.map_or_else(|| Arc::clone(&schema), |rules| rules.schema(name, &schema))
    };
    let mut proofs = Vec::new();
    let habits = Habits { currencies: currencies.to_vec(), ..Habits::default() };
    for mut request in passes::plan(Request::new(listed, unit).called(ids), &Window::ALL, &habits, now) {
        request.since = window(listed, since)?;
        // However long it is: without a bound, every list is read.
        if let Read::Complete(proof) = reader.complete(&request, None, &mut rows, &files).await? {
            proofs.push(proof);
        }
    }
    let mut asked = None;
    if table.each.is_some() {
        let harvest = Harvest { rows, proofs, window: Window::ALL, habits, whole: true };
        let (harvest, what) = Box::pin(extraction.ask(harvest, None, &files)).await?;
        if !what.left.is_empty() {
            let left = what.left.len();
            let what = format!("{left} rows of {} are yet to be asked for {}", listed.name, table.name);
            return Err(Error::new(ErrorKind::Interrupted, what).next("give it more time"));
        }
        Harvest { rows, proofs, .. } = harvest;
        asked = Some(what);
    }
    // Nothing comes after, so nothing is remembered.
    let memory = Memory { from: Some(model::Timestamp::MAX), unread_from: None };
    let mut finished = rows.finish(memory, &files).await?;
    attest(&mut finished.certificate, &proofs, extraction.client.requests());
    if let Some(asked) = asked {
        asked.attest(table.name, listed.name, &mut finished.certificate);
    }
    for name in table.lake_names() {
        if finished.files.iter().any(|f| f.table.as_str() == name) {
            continue;
        }
        if let Some(schema) = tables::arrow_schema(name, RawText::Drop) {
            let empty = Encoder::new(shown(name, schema), worker.lake.packing())?.finish()?;
            finished.files.push(files.put(&TableName::from(name), 0, empty).await?);
        }
    }
    if !periods::MET_IN.contains(&table.name) {
        finished.currencies.clear();
    }
    Ok(Pulled {
        files: finished.files,
        certificate: finished.certificate,
        rejected: finished.rejected,
        currencies: finished.currencies,
    })
}

fn window(table: &Table, since: Option<model::Date>) -> Result<Since> {
    Ok(match (since, table.cursor) {
        (Some(day), CursorRule::UpdatedDay { established: true, .. }) => Since::Day(day),
        (Some(day), CursorRule::UpdatedSince) => {
            let midnight = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|e| {
                Error::new(ErrorKind::Config, format!("{day} is no day to start from")).because(e)
            })?;
            Since::Instant(midnight.timestamp())
        }
        _ => Since::Beginning,
    })
}

/// Files by table, numbered; of several units, each has its own numbers.
struct PlainFiles<'f> {
    store: &'f dyn ObjectStore,
    unit: &'f Unit,
}

#[async_trait]
impl Files for PlainFiles<'_> {
    async fn put(&self, table: &TableName, part: usize, file: Encoded) -> Result<DataFile> {
        let unit = self.unit.partition();
        let unit = unit.split_once('=').map_or("", |(_, id)| id);
        let key = format!("{table}/{unit}-{part:04}.parquet");
        let (rows, bytes) = (file.rows, file.bytes.len() as u64);
        match self.store.put_if_absent(&key, file.bytes).await? {
            Put::Created => Ok(DataFile { table: table.clone(), key, rows, bytes, sha256: String::new() }),
            Put::AlreadyThere => Err(Error::new(ErrorKind::Storage, format!("{key} is there already"))
                .next("choose an empty folder")),
        }
    }
}
