//! A FreshBooks in process, a lake in a folder, and a worker between them.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::sync::Arc;

use freshbooks::{Budget, FixedToken};
use host::{Folder, OsRandom};
use lake::Lake;
use model::port::Clock;
use model::{AccountId, BusinessId, ConnectionName, Mode, OtherIds, Result, RunId, Task, Timestamp, Unit};
use secrecy::SecretString;
use simulator::{Options, Simulator};
use sync::{Brake, Report, Stop, WINDOW_ROWS, Worker};
use tables::{CursorRule, Owner, Table};

/// Time that stands still unless somebody waits; waiting takes no time.
#[derive(Debug)]
pub(crate) struct StandingClock(pub(crate) std::sync::Mutex<Timestamp>);

impl StandingClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(std::sync::Mutex::new("2026-03-31T15:00:00Z".parse().unwrap())))
    }

    pub(crate) fn advance_days(&self, days: i64) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(jiff::SignedDuration::from_hours(24 * days)).unwrap();
    }
}

#[async_trait::async_trait]
impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, time: std::time::Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(jiff::SignedDuration::try_from(time).unwrap()).unwrap();
    }
}

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) worker: Worker,
    pub(crate) clock: Arc<StandingClock>,
    pub(crate) token: String,
    runs: std::cell::Cell<u32>,
}

impl World {
    pub(crate) fn new(options: Options) -> Self {
        let clock = StandingClock::new();
        let simulator = Simulator::new(options, clock.clone());
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Folder::open(folder.path()).unwrap());
        let worker = Worker {
            lake: Lake::new(store, "freshbooks"),
            api_url: "http://127.0.0.1:1".parse().unwrap(),
            transport: Arc::new(simulator.transport()),
            clock: clock.clone(),
            random: Arc::new(OsRandom),
            budget: Arc::new(Budget::new(8)),
            in_flight: 4,
            window_rows: WINDOW_ROWS,
            reach: sync::Reach::default(),
            brake: Brake::default(),
            progress: Arc::new(sync::Quiet),
            salt: None,
        };
        let scopes: Vec<_> = grants::READ_SCOPES.iter().map(|(scope, _)| *scope).collect();
        let token = simulator.bearer_token(&scopes);
        Self { simulator, folder, worker, clock, token, runs: std::cell::Cell::new(0) }
    }

    pub(crate) fn units(&self) -> Vec<Unit> {
        let businesses = self.simulator.businesses();
        let accounts = businesses.iter().map(|b| Unit::Account(AccountId(b.account_id.clone())));
        let ids = businesses.iter().map(|b| Unit::Business(BusinessId(b.business_id)));
        accounts.chain(ids).chain([Unit::Identity(712_001)]).collect()
    }

    pub(crate) fn units_of(&self, table: &Table) -> Vec<Unit> {
        let fits = |unit: &Unit| {
            let wanted = (table.family.owner(), unit);
            matches!(
                wanted,
                (Owner::Person, Unit::Identity(_))
                    | (Owner::Account, Unit::Account(_))
                    | (Owner::Business, Unit::Business(_))
            )
        };
        self.units().into_iter().filter(fits).collect()
    }

    /// What else a unit is called.
    pub(crate) fn ids_of(&self, unit: &Unit) -> OtherIds {
        let businesses = self.simulator.businesses();
        let found = businesses.iter().find(|business| match unit {
            Unit::Identity(_) => false,
            Unit::Account(id) => id.0 == business.account_id,
            Unit::Business(id) => id.0 == business.business_id,
        });
        found.map_or_else(OtherIds::default, |business| OtherIds {
            account_id: Some(AccountId(business.account_id.clone())),
            business_uuid: Some(business.business_uuid.clone()),
            system_id: Some(business.system_id),
        })
    }

    /// One run over the usual tables.
    pub(crate) async fn run(&self, mode: Mode) -> Vec<Report> {
        self.run_of(usual(), mode).await
    }

    /// One run over these tables, and every unit of each.
    pub(crate) async fn run_of(
        &self,
        tables: impl Iterator<Item = &'static Table>,
        mode: Mode,
    ) -> Vec<Report> {
        let mut reports = Vec::new();
        let run = self.next_run();
        for table in tables {
            for unit in self.units_of(table) {
                reports.push(self.extract(&run, table.name, &unit, mode).await.unwrap());
            }
        }
        reports
    }

    pub(crate) fn next_run(&self) -> RunId {
        self.runs.set(self.runs.get() + 1);
        RunId(format!("run{}", self.runs.get()))
    }

    pub(crate) async fn extract(&self, run: &RunId, table: &str, unit: &Unit, mode: Mode) -> Result<Report> {
        let connection = ConnectionName::new("test").unwrap();
        let task = Task::new(&connection, run, table.into(), unit.clone(), mode).called(self.ids_of(unit));
        sync::extract(&self.worker, self.tokens(), &task, &Stop::default()).await
    }

    /// The token of the world's person, who never has another.
    pub(crate) fn tokens(&self) -> Arc<FixedToken> {
        Arc::new(FixedToken(SecretString::from(self.token.clone())))
    }

    pub(crate) async fn objects(&self) -> Vec<String> {
        self.worker.lake.store().list("").await.unwrap().into_iter().map(|o| o.key).collect()
    }
}

/// Every table that a connection reads unasked.
pub(crate) fn unasked() -> impl Iterator<Item = &'static Table> {
    tables::ALL.iter().copied().filter(|table| !table.on_request)
}

/// The same, of the reports only two, by range and by day: each is asked for two years, month by month.
pub(crate) fn usual() -> impl Iterator<Item = &'static Table> {
    let two = ["report_taxsummary", "report_trial_balance"];
    unasked().filter(move |table| table.cursor != CursorRule::Months || two.contains(&table.name))
}

/// Rows per table over all files of the reports.
pub(crate) fn rows(reports: &[Report]) -> BTreeMap<String, u64> {
    let mut rows = BTreeMap::new();
    for file in reports.iter().flat_map(|r| &r.files) {
        *rows.entry(file.table.to_string()).or_default() += file.rows;
    }
    rows
}

/// A row as it landed: table, id, and whether it is marked deleted.
pub(crate) type Landed = (String, i64, bool);

impl World {
    /// The rows of the reports' own tables, read back from their files.
    pub(crate) async fn landed(&self, reports: &[Report]) -> Vec<Landed> {
        use arrow_array::cast::AsArray as _;
        use arrow_array::types::Int64Type;
        use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

        let mut landed = Vec::new();
        for report in reports {
            let table = tables::find(report.task.table.as_str()).unwrap();
            for file in report.files.iter().filter(|f| f.table == report.task.table) {
                let bytes = self.worker.lake.store().get(&file.key).await.unwrap().unwrap();
                let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
                for batch in reader {
                    let batch = batch.unwrap();
                    let ids = batch.column_by_name(table.key[0]).unwrap().as_primitive::<Int64Type>();
                    let deleted = batch.column_by_name("_is_deleted").unwrap().as_boolean();
                    for row in 0..batch.num_rows() {
                        landed.push((table.name.to_owned(), ids.value(row), deleted.value(row)));
                    }
                }
            }
        }
        landed.sort();
        landed
    }
}
