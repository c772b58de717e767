//! A hundred thousand invoices, of which five change each second while they are read at 150 ms a page: the sync ends
//! complete. Tells what that cost beside the pages there are.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test says so by failing")]

#[path = "rig/store.rs"]
#[allow(dead_code, reason = "a part of it is for other tests")]
mod store;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use async_trait::async_trait;
use bytes::Bytes;
use freshbooks::{Budget, FixedToken};
use jiff::Timestamp;
use lake::Lake;
use model::port::{Clock, Random};
use model::{AccountId, ConnectionName, Mode, RunId, Task, Unit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use scenarios::runtime::{Bounds, Handle, Runtime};
use secrecy::SecretString;
use serde_json::json;
use simulator::{Options, Order, Simulator};
use store::Memory;
use sync::{Outcome, Stop, WINDOW_ROWS, Worker};

const INVOICES: u64 = if cfg!(debug_assertions) { 30_000 } else { 100_000 };

#[derive(Debug)]
struct VirtualClock(Handle);

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, time: Duration) {
        self.0.sleep(time).await;
    }
}

#[derive(Debug)]
struct Seeded(Mutex<fastrand::Rng>);

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill(bytes);
    }
}

/// The newest text of each invoice in the lake.
async fn view(lake: &Lake, unit: &Unit) -> BTreeMap<i64, String> {
    let mut view = BTreeMap::new();
    for commit in lake.commits("invoices", unit).await.unwrap() {
        for file in commit.files.iter().filter(|file| file.table.as_str() == "invoices") {
            let bytes: Bytes = lake.store().get(&file.key).await.unwrap().unwrap();
            for batch in ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap() {
                let batch = batch.unwrap();
                let ids = batch.column_by_name("id").unwrap().as_primitive::<Int64Type>();
                let raw = batch.column_by_name("_raw").unwrap().as_string::<i32>();
                view.extend((0..batch.num_rows()).map(|row| (ids.value(row), raw.value(row).to_owned())));
            }
        }
    }
    view
}

#[test]
fn a_source_that_changes_five_times_a_second_is_read_completely() {
    for order in [Order::Id, Order::Updated] {
        let mut runtime = Runtime::new(fastrand::Rng::with_seed(1), "2026-03-31T15:00:00Z".parse().unwrap());
        let handle = runtime.handle();
        let clock = Arc::new(VirtualClock(handle.clone()));
        let options = Options { scale: INVOICES, latency_ms: 150, order, ..Options::default() };
        let simulator = Simulator::new(options, clock.clone());
        let account = simulator.businesses()[0].account_id.clone();
        let unit = Unit::Account(AccountId(account.clone()));
        let worker = Worker {
            lake: Lake::new(Arc::new(Memory::default()), "freshbooks"),
            api_url: "http://127.0.0.1:1".parse().unwrap(),
            transport: Arc::new(simulator.transport()),
            clock: clock.clone(),
            random: Arc::new(Seeded(Mutex::new(fastrand::Rng::with_seed(2)))),
            budget: Arc::new(Budget::new(8)),
            in_flight: 4,
            window_rows: WINDOW_ROWS,
            reach: sync::Reach::default(),
            brake: sync::Brake::default(),
            progress: Arc::new(sync::Quiet),
            salt: None,
        };
        let token = simulator.bearer_token(&[]);
        let (lake, source) = (worker.lake.clone(), simulator.clone());
        let told = Rc::new(RefCell::new(String::new()));

        let (main_handle, main_unit, tell) = (handle.clone(), unit.clone(), Rc::clone(&told));
        let spawner = runtime.spawner();
        let main = async move {
            let ids: Vec<i64> =
                source.control().all(&account, "invoices").unwrap().into_iter().map(|(id, _)| id).collect();
            let changes = Rc::new(RefCell::new(0_u32));
            let writer = {
                let (handle, source, changes) = (main_handle.clone(), source.clone(), Rc::clone(&changes));
                let mut dice = fastrand::Rng::with_seed(3);
                async move {
                    loop {
                        handle.sleep(Duration::from_millis(200)).await;
                        let id = *dice.choice(&ids).unwrap();
                        let note = json!({"notes": format!("change {}", changes.borrow())});
                        source.control().change(&account, "invoices", id, &note).unwrap();
                        *changes.borrow_mut() += 1;
                    }
                }
            };
            let writing = main_handle.reserve();
            drop(spawner.spawn(writing, writer));

            let connection = ConnectionName::new("test").unwrap();
            let sync = async |run: &str| {
                let run = RunId(run.to_owned());
                let task =
                    Task::new(&connection, &run, "invoices".into(), main_unit.clone(), Mode::Incremental);
                let tokens = Arc::new(FixedToken(SecretString::from(token.clone())));
                sync::extract(&worker, tokens, &task, &Stop::default()).await.unwrap()
            };
            let began = main_handle.now();
            let first = sync("first").await;
            let seconds = main_handle.now().duration_since(began).as_secs_f64();
            let certificate = first.certificate.unwrap();
            assert!(matches!(first.outcome, Outcome::Committed(_)));
            let pages = INVOICES.div_ceil(100);
            *tell.borrow_mut() = format!(
                "order {order:?}: {INVOICES} invoices in {seconds:.0} s with {} changes: {} requests where {pages} pages \
                 are, {} lists read again",
                changes.borrow(),
                certificate.requests,
                certificate.rereadings,
            );
            // What changed while it was read comes with the next run, and then everything is as it is.
            main_handle.kill(writing);
            sync("second").await;
        };
        let bounds = Bounds { steps: 100_000_000, time: Duration::from_hours(24) };
        runtime.run(main, bounds).unwrap();
        eprintln!("{}", told.borrow());

        let reading = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let view = reading.block_on(view(&lake, &unit));
        let AccountId(account) = match &unit {
            Unit::Account(account) => account.clone(),
            _ => unreachable!(),
        };
        let control = simulator.control();
        assert_eq!(view.len() as u64, INVOICES);
        for (id, text) in &view {
            assert_eq!(Some(text.as_str()), control.row(&account, "invoices", *id).unwrap().as_deref());
        }
    }
}
