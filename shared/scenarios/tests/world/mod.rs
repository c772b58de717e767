//! A FreshBooks in process, a lake in a folder, and a worker between them.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::sync::Arc;

use freshbooks::{Budget, FixedToken};
use host::{Folder, OsRandom};
use lake::Lake;
use model::port::Clock;
use model::{AccountId, BusinessId, ConnectionName, Mode, Result, RunId, Task, Timestamp, Unit};
use secrecy::SecretString;
use simulator::{Options, Simulator};
use sync::{Report, Stop, Worker};
use tables::{Family, Table};

/// Time that stands still unless somebody waits; waiting takes no time.
#[derive(Debug)]
pub struct StandingClock(pub std::sync::Mutex<Timestamp>);

impl StandingClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(std::sync::Mutex::new("2026-03-31T15:00:00Z".parse().unwrap())))
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

pub struct World {
    pub simulator: Simulator,
    pub folder: tempfile::TempDir,
    pub worker: Worker,
    pub clock: Arc<StandingClock>,
    pub token: String,
    runs: std::cell::Cell<u32>,
}

impl World {
    pub fn new(options: Options) -> Self {
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
            progress: Arc::new(sync::Quiet),
        };
        let scopes: Vec<_> = grants::READ_SCOPES.iter().map(|(scope, _)| *scope).collect();
        let token = simulator.bearer_token(&scopes);
        Self { simulator, folder, worker, clock, token, runs: std::cell::Cell::new(0) }
    }

    pub fn units(&self) -> Vec<Unit> {
        let businesses = self.simulator.businesses();
        let accounts = businesses.iter().map(|b| Unit::Account(AccountId(b.account_id.clone())));
        let ids = businesses.iter().map(|b| Unit::Business(BusinessId(b.business_id)));
        accounts.chain(ids).chain([Unit::Identity(1)]).collect()
    }

    pub fn units_of(&self, table: &Table) -> Vec<Unit> {
        let fits = |unit: &Unit| match (table.family, unit) {
            (Family::Identity, Unit::Identity(_)) => true,
            (Family::Accounting | Family::Report, Unit::Account(_)) => true,
            (Family::Projects | Family::TimeTracking | Family::Comments, Unit::Business(_)) => true,
            _ => false,
        };
        self.units().into_iter().filter(fits).collect()
    }

    /// One run over every table and unit.
    pub async fn run(&self, mode: Mode) -> Vec<Report> {
        let mut reports = Vec::new();
        let run = self.next_run();
        for table in tables::ALL {
            for unit in self.units_of(table) {
                reports.push(self.extract(&run, table.name, &unit, mode).await.unwrap());
            }
        }
        reports
    }

    pub fn next_run(&self) -> RunId {
        self.runs.set(self.runs.get() + 1);
        RunId(format!("run{}", self.runs.get()))
    }

    pub async fn extract(&self, run: &RunId, table: &str, unit: &Unit, mode: Mode) -> Result<Report> {
        let connection = ConnectionName::new("test").unwrap();
        let task = Task::new(&connection, run, table.into(), unit.clone(), mode);
        let tokens = Arc::new(FixedToken(SecretString::from(self.token.clone())));
        sync::extract(&self.worker, tokens, &task, &Stop::default()).await
    }

    pub async fn objects(&self) -> Vec<String> {
        self.worker.lake.store().list("").await.unwrap().into_iter().map(|o| o.key).collect()
    }
}

/// Rows per table over all files of the reports.
pub fn rows(reports: &[Report]) -> BTreeMap<String, u64> {
    let mut rows = BTreeMap::new();
    for file in reports.iter().flat_map(|r| &r.files) {
        *rows.entry(file.table.to_string()).or_default() += file.rows;
    }
    rows
}
