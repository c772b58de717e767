//! What a table costs after a thousand commits: the objects that a task and an engine read, and the metadata's size.
//!
//! ```sh
//! cargo run --release -p scenarios --example commits -- [COMMITS] [ROWS]
//! ```
//!
//! Invoices are read once, then one of them changes before each of so many runs. Prints one JSON object.

#![allow(clippy::panic, clippy::unwrap_used, clippy::print_stdout, reason = "a bench says so by failing")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use freshbooks::{Budget, FixedToken};
use iceberg::spec::{FormatVersion, ManifestList};
use jiff::{SignedDuration, Timestamp};
use lake::Lake;
use model::port::{Clock, ObjectInfo, ObjectStore, Put, Random};
use model::{AccountId, ConnectionName, Mode, Result, RunId, Task, Unit};
use secrecy::SecretString;
use serde_json::{Value, json};
use simulator::{Options, Simulator};
use sync::{Stop, Worker};

/// Keys in one answer of a bucket to a request for a listing.
const LISTED: u64 = 1000;

/// Time that passes only when somebody waits.
#[derive(Debug)]
struct Virtual(Mutex<Timestamp>);

impl Virtual {
    fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }
}

#[async_trait]
impl Clock for Virtual {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, time: Duration) {
        self.advance(SignedDuration::try_from(time).unwrap());
    }
}

#[derive(Debug)]
struct Zeroes;

impl Random for Zeroes {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// Objects in memory, and how many were read.
#[derive(Debug, Default)]
struct Counted {
    objects: Mutex<BTreeMap<String, Bytes>>,
    gets: AtomicU64,
    lists: AtomicU64,
}

impl Counted {
    fn last(&self, prefix: &str, suffix: &str) -> Option<Bytes> {
        let objects = self.objects.lock().unwrap();
        let found = objects.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        found.filter(|(key, _)| key.ends_with(suffix)).last().map(|(_, body)| body.clone())
    }

    /// What was read since the last time.
    fn reads(&self) -> Value {
        let (gets, lists) = (self.gets.swap(0, Ordering::Relaxed), self.lists.swap(0, Ordering::Relaxed));
        json!({ "gets": gets, "lists": lists, "reads": gets + lists })
    }
}

#[async_trait]
impl ObjectStore for Counted {
    fn uri(&self) -> String {
        "s3://a-bucket-with-a-name-of-usual-length".to_owned()
    }

    async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<Put> {
        let mut objects = self.objects.lock().unwrap();
        if objects.contains_key(key) {
            return Ok(Put::AlreadyThere);
        }
        objects.insert(key.to_owned(), body);
        Ok(Put::Created)
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        self.objects.lock().unwrap().insert(key.to_owned(), body);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.gets.fetch_add(1, Ordering::Relaxed);
        Ok(self.objects.lock().unwrap().get(key).cloned())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let objects = self.objects.lock().unwrap();
        let found = objects.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        let info = |(key, body): (&String, &Bytes)| ObjectInfo {
            key: key.clone(),
            size: body.len() as u64,
            modified: Timestamp::UNIX_EPOCH,
        };
        let found: Vec<_> = found.map(info).collect();
        self.lists.fetch_add((found.len() as u64).div_ceil(LISTED).max(1), Ordering::Relaxed);
        Ok(found)
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.objects.lock().unwrap().remove(key);
        Ok(())
    }
}

struct Bench {
    simulator: Simulator,
    clock: Arc<Virtual>,
    store: Arc<Counted>,
    worker: Worker,
    account: String,
    runs: u64,
}

impl Bench {
    fn new(rows: u64) -> Self {
        let start = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Arc::new(Virtual(Mutex::new(start)));
        let options = Options { scale: rows, ..Options::default() };
        let simulator = Simulator::new(options, clock.clone());
        let store = Arc::new(Counted::default());
        let worker = Worker {
            lake: Lake::new(store.clone(), "freshbooks"),
            api_url: "http://127.0.0.1:1".parse().unwrap(),
            transport: Arc::new(simulator.transport()),
            clock: clock.clone(),
            random: Arc::new(Zeroes),
            budget: Arc::new(Budget::new(8)),
            in_flight: 8,
            window_rows: u64::MAX / 4,
            reach: sync::Reach::default(),
            brake: sync::Brake::default(),
            progress: Arc::new(sync::Quiet),
            salt: None,
        };
        let account = simulator.businesses()[0].account_id.clone();
        Self { simulator, clock, store, worker, account, runs: 0 }
    }

    /// One task of a new run, an hour later.
    async fn run(&mut self) {
        self.runs += 1;
        self.clock.advance(SignedDuration::from_hours(1));
        let token = self.simulator.bearer_token(&[]);
        let tokens = Arc::new(FixedToken(SecretString::from(token)));
        let connection = ConnectionName::new("bench").unwrap();
        let run = RunId(format!("bench-run{:05}", self.runs));
        let unit = Unit::Account(AccountId(self.account.clone()));
        let task = Task::new(&connection, &run, "invoices".into(), unit, Mode::Incremental);
        sync::extract(&self.worker, tokens, &task, &Stop::default()).await.unwrap_or_else(|e| panic!("{e}"));
    }

    fn change(&self, at: usize) {
        let ids = self.simulator.control().all(&self.account, "invoices").unwrap();
        let (id, _) = ids[at % ids.len()];
        let fields = json!({ "notes": format!("changed at {}", self.clock.now()) });
        self.simulator.control().change(&self.account, "invoices", id, &fields).unwrap();
    }

    /// What is read by a task that finds nothing, by one that finds a change, and by an engine, of one table.
    async fn look(&mut self, table: &str) -> Value {
        self.store.reads();
        self.run().await;
        let idle = self.store.reads();
        self.change(77);
        self.store.reads();
        self.run().await;
        let commit = self.store.reads();
        let home = format!("lake/freshbooks/{table}/metadata/");
        let metadata = self.store.last(&home, ".metadata.json").unwrap();
        let parsed: Value = serde_json::from_slice(&metadata).unwrap();
        let snapshots = parsed["snapshots"].as_array().unwrap();
        let newest = snapshots.iter().max_by_key(|s| s["sequence-number"].as_i64()).unwrap();
        let path = newest["manifest-list"].as_str().unwrap();
        let key = path.split_once("/lake/").map(|(_, rest)| format!("lake/{rest}")).unwrap();
        let bytes = self.store.objects.lock().unwrap().get(&key).cloned().unwrap();
        let manifests = ManifestList::parse_with_version(&bytes, FormatVersion::V2).unwrap();
        let manifests: Vec<i64> = manifests.entries().iter().map(|file| file.manifest_length).collect();
        json!({
            "idle_task": idle, "changing_task": commit,
            // The hint, the metadata, the list, and each manifest.
            "engine_reads": 3 + manifests.len(), "manifest_bytes": manifests.iter().sum::<i64>(),
            "metadata_bytes": metadata.len(), "snapshots": snapshots.len(), "list_bytes": bytes.len(),
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|n| n.parse::<u64>().unwrap());
    let commits = arguments.next().unwrap_or(1000);
    let mut bench = Bench::new(arguments.next().unwrap_or(10_000));
    bench.run().await;
    let new = bench.look("invoices").await;
    while bench.runs < commits {
        bench.change(usize::try_from(bench.runs * 7919).unwrap());
        bench.run().await;
    }
    let old = bench.look("invoices").await;
    println!("{}", json!({ "commits": bench.runs, "new": new, "old": old }));
}
