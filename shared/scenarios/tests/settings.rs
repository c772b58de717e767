//! Which rows come, and what of them: settings of tables, seen from outside.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod world;

use std::collections::BTreeMap;

use arrow_array::cast::AsArray as _;
use model::{ConnectionName, ErrorKind, Mode, TableName, TableSettings, Task, Unit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use secrecy::SecretString;
use serde_json::{Value, json};
use simulator::{Options, State};
use sync::{Outcome, Report, Stop};
use world::World;

struct Ruled {
    world: World,
    table: &'static str,
    settings: BTreeMap<TableName, TableSettings>,
}

impl Ruled {
    fn new(table: &'static str, settings: &Value) -> Self {
        Self::with(Options::default(), table, settings)
    }

    fn with(options: Options, table: &'static str, settings: &Value) -> Self {
        let settings = tables::rules::read(settings.as_object().unwrap()).unwrap();
        Self { world: World::new(options), table, settings }
    }

    fn unit(&self) -> Unit {
        self.world.units_of(tables::find(self.table).unwrap()).remove(0)
    }

    fn account(&self) -> String {
        self.world.simulator.businesses()[0].account_id.clone()
    }

    fn later(&mut self, days: i64) {
        self.world.clock.advance_days(days);
        let scopes: Vec<_> = grants::READ_SCOPES.iter().map(|(scope, _)| *scope).collect();
        self.world.token = self.world.simulator.bearer_token(&scopes);
    }

    fn change(&self, id: i64, change: &Value) {
        self.world.simulator.control().change(&self.account(), self.table, id, change).unwrap();
    }

    async fn sync(&self, mode: Mode) -> Report {
        self.try_sync(mode, &self.settings).await.unwrap()
    }

    async fn try_sync(
        &self,
        mode: Mode,
        settings: &BTreeMap<TableName, TableSettings>,
    ) -> model::Result<Report> {
        let (name, unit) = (ConnectionName::new("test").unwrap(), self.unit());
        let task = Task::new(&name, &self.world.next_run(), self.table.into(), unit.clone(), mode);
        let task = task.called(self.world.ids_of(&unit)).under(settings.clone());
        sync::extract(&self.world.worker, self.world.tokens(), &task, &Stop::default()).await
    }

    /// The rows that a report has landed: key and whether they are marked as deleted.
    async fn landed(&self, report: Report) -> Vec<(i64, bool)> {
        let landed = self.world.landed(&[report]).await;
        landed.into_iter().map(|(_, id, deleted)| (id, deleted)).collect()
    }

    async fn whole(&self) {
        let damage = self.world.worker.lake.verify(Some(self.table)).await.unwrap().damage;
        assert!(damage.is_empty(), "{damage:?}");
    }

    /// The texts of a report's own rows.
    async fn texts(&self, report: &Report) -> Vec<String> {
        let mut texts = Vec::new();
        for file in report.files.iter().filter(|file| file.table == report.task.table) {
            let bytes = self.world.worker.lake.store().get(&file.key).await.unwrap().unwrap();
            for batch in ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap() {
                let batch = batch.unwrap();
                let raw = batch.column_by_name("_raw").unwrap().as_string::<i32>();
                texts.extend(raw.iter().flatten().map(str::to_owned));
            }
        }
        texts
    }
}

fn invoices() -> Ruled {
    Ruled::new("invoices", &json!({"invoices": {"where": "po_number = 'wanted'"}}))
}

#[tokio::test]
async fn only_rows_that_match_are_landed_and_one_that_stops_matching_is_marked() {
    let mut ruled = invoices();
    let ids = ruled.world.simulator.control().truth(&ruled.account(), "invoices", true).unwrap().ids.unwrap();
    for id in &ids[..3] {
        ruled.change(*id, &json!({"po_number": "wanted"}));
    }
    let report = ruled.sync(Mode::Incremental).await;
    let certificate = report.certificate.clone().unwrap();
    assert_eq!((certificate.rows_new, certificate.distinct_keys > 100), (3, true), "{certificate:?}");
    let mut wanted: Vec<_> = ids[..3].iter().map(|id| (*id, false)).collect();
    wanted.sort_unstable();
    assert_eq!(ruled.landed(report).await, wanted);
    assert!(matches!(ruled.sync(Mode::Incremental).await.outcome, Outcome::Unchanged));
    ruled.whole().await;

    // One stops matching, one begins to, and one that never did changes.
    ruled.change(ids[0], &json!({"po_number": "no longer", "notes": "hidden"}));
    ruled.change(ids[3], &json!({"po_number": "wanted"}));
    ruled.change(ids[4], &json!({"notes": "nobody asked"}));
    let report = ruled.sync(Mode::Incremental).await;
    let certificate = report.certificate.clone().unwrap();
    assert_eq!((certificate.rows_deleted, certificate.child_rows > 0), (1, true), "{certificate:?}");
    let texts = ruled.texts(&report).await.join("\n");
    assert!(!texts.contains("hidden") && !texts.contains("nobody asked"), "{texts}");
    let mut expected = vec![(ids[0], true), (ids[3], false)];
    expected.sort_unstable();
    assert_eq!(ruled.landed(report).await, expected);
    assert!(matches!(ruled.sync(Mode::Incremental).await.outcome, Outcome::Unchanged));

    // It comes back, long after everything else was forgotten.
    ruled.later(40);
    ruled.change(ids[1], &json!({"po_number": "no longer"}));
    ruled.change(ids[0], &json!({"po_number": "wanted"}));
    let report = ruled.sync(Mode::Incremental).await;
    let certificate = report.certificate.clone().unwrap();
    assert_eq!((certificate.rows_deleted, certificate.rows_undeleted), (1, 1), "{certificate:?}");
    let mut expected = vec![(ids[0], false), (ids[1], true)];
    expected.sort_unstable();
    assert_eq!(ruled.landed(report).await, expected);
    ruled.whole().await;
}

#[tokio::test]
async fn a_condition_that_comes_later_holds_for_old_rows_once_everything_is_read_again() {
    let mut ruled = invoices();
    let control = ruled.world.simulator.control();
    let ids = control.truth(&ruled.account(), "invoices", true).unwrap().ids.unwrap();
    let all = ruled.try_sync(Mode::Incremental, &BTreeMap::new()).await.unwrap().certificate.unwrap();
    ruled.later(40);
    ruled.change(ids[0], &json!({"po_number": "wanted"}));
    ruled.change(ids[1], &json!({"notes": "changed"}));
    // What changes obeys at once, though nobody remembers whether it was landed.
    let landed = ruled.landed(ruled.sync(Mode::Incremental).await).await;
    assert!(landed.contains(&(ids[0], false)) && landed.contains(&(ids[1], true)), "{landed:?}");
    // So do those that changed shortly before the first sync, which are asked for again.
    let others: Vec<_> = landed.iter().filter(|(id, _)| !ids[..2].contains(id)).collect();
    assert!(others.iter().all(|(_, deleted)| *deleted), "{others:?}");
    let marked = u64::try_from(others.len()).unwrap();
    // Everything else with everything.
    let full = ruled.sync(Mode::Full).await.certificate.unwrap();
    assert_eq!(full.rows_deleted + 1 + marked, all.distinct_keys - 1, "{full:?}");
    ruled.whole().await;
    let again = ruled.sync(Mode::Full).await;
    assert!(matches!(again.outcome, Outcome::Unchanged), "{again:?}");
    let new = control.insert(&ruled.account(), "invoices", &json!({})).unwrap();
    let report = ruled.sync(Mode::Incremental).await;
    assert!(!ruled.landed(report).await.iter().any(|(id, _)| *id == new), "it was never wanted");
}

#[tokio::test]
async fn of_a_table_whose_rows_vanish_a_row_that_was_never_wanted_leaves_no_trace() {
    let ruled = Ruled::new("taxes", &json!({"taxes": {"where": "name != 'unwanted'"}}));
    let control = ruled.world.simulator.control();
    let ids = control.truth(&ruled.account(), "taxes", true).unwrap().ids.unwrap();
    ruled.change(ids[0], &json!({"name": "unwanted"}));
    let first = ruled.sync(Mode::Incremental).await;
    assert!(!ruled.landed(first).await.iter().any(|(id, _)| *id == ids[0]));
    // One that was wanted is marked; one that was not and goes, is not.
    control.delete(&ruled.account(), "taxes", ids[0]).unwrap();
    ruled.change(ids[1], &json!({"name": "unwanted"}));
    let second = ruled.sync(Mode::Incremental).await;
    assert_eq!(ruled.landed(second).await, [(ids[1], true)]);
    assert!(matches!(ruled.sync(Mode::Incremental).await.outcome, Outcome::Unchanged));
    ruled.whole().await;
}

#[tokio::test]
async fn what_is_dropped_or_hashed_is_in_no_file_and_a_change_of_it_is_none() {
    let settings =
        json!({"clients": {"hash": ["email"], "drop": ["note"]}, "client_contacts": {"hash": ["email"]}});
    let mut ruled = Ruled::new("clients", &settings);
    let ids = ruled.world.simulator.control().truth(&ruled.account(), "clients", true).unwrap().ids.unwrap();
    ruled.change(ids[0], &json!({"email": "plain@example.com", "note": "dropped"}));
    let error = ruled.try_sync(Mode::Incremental, &ruled.settings).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("there is no salt to hash with"), "{error}");

    ruled.world.worker.salt = Some(SecretString::from("a salt for tests"));
    let report = ruled.sync(Mode::Incremental).await;
    let texts = ruled.texts(&report).await.join("\n");
    assert!(texts.contains("sha256:") && !texts.contains("plain@example.com") && !texts.contains("\"note\""));
    assert!(!texts.contains('@'), "the contacts inside are hashed, too");
    ruled.change(ids[0], &json!({"note": "dropped again"}));
    let report = ruled.sync(Mode::Incremental).await;
    assert!(matches!(report.outcome, Outcome::Unchanged), "{report:?}");
    ruled.whole().await;
}

#[tokio::test]
async fn rows_that_are_asked_for_one_by_one_obey_as_well() {
    let table = "invoice_payment_options";
    let mut ruled = Ruled::new(table, &json!({}));
    let control = ruled.world.simulator.control();
    let all = control.all(&ruled.account(), "invoices").unwrap();
    let mut ids: Vec<i64> =
        all.into_iter().filter(|(_, state)| *state != State::Deleted).map(|(id, _)| id).collect();
    ids.sort_unstable();
    let (wanted, others) = ids.split_at(ids.len() / 2);
    let condition = format!("entity_id < {}", others[0]);
    let settings = json!({table: {"where": condition, "hash": ["entity_type"]}});
    ruled.settings = tables::rules::read(settings.as_object().unwrap()).unwrap();
    ruled.world.worker.salt = Some(SecretString::from("a salt for tests"));
    let rows = |ids: &[i64], deleted| -> Vec<_> { ids.iter().map(|id| (*id, deleted)).collect() };

    let first = ruled.sync(Mode::Incremental).await;
    let texts = ruled.texts(&first).await.join("\n");
    assert!(texts.contains("sha256:") && !texts.contains("\"invoice\""), "{texts}");
    assert_eq!(ruled.landed(first).await, rows(wanted, false));
    assert!(matches!(ruled.sync(Mode::Incremental).await.outcome, Outcome::Unchanged));

    // One that was wanted is marked with its invoice; one that was not leaves no trace.
    let (gone, wanted) = wanted.split_first().unwrap();
    let (never, others) = others.split_first().unwrap();
    for id in [gone, never] {
        control.delete(&ruled.account(), "invoices", *id).unwrap();
    }
    let report = ruled.sync(Mode::Incremental).await;
    assert_eq!(ruled.landed(report).await, [(*gone, true)]);
    ruled.whole().await;

    // Without a condition everything is asked for again; with it, what was landed meanwhile is marked.
    let report = ruled.try_sync(Mode::Full, &BTreeMap::new()).await.unwrap();
    assert_eq!(ruled.landed(report).await, [rows(wanted, false), rows(others, false)].concat());
    let report = ruled.sync(Mode::Full).await;
    assert_eq!(ruled.landed(report).await, [rows(wanted, false), rows(others, true)].concat());
    let report = ruled.sync(Mode::Full).await;
    assert_eq!(ruled.landed(report).await, []);
    ruled.whole().await;
}

#[tokio::test]
async fn rows_that_came_without_their_lines_are_read_again_though_nobody_wants_the_amount_that_tells_of_them()
{
    let lines = |report: &Report| {
        let lines = report.files.iter().filter(|file| file.table.as_str() == "invoice_lines");
        lines.map(|file| file.rows).sum::<u64>()
    };
    let whole = invoices_without_amounts(0);
    let expected = lines(&whole.sync(Mode::Incremental).await);
    let ruled = invoices_without_amounts(20);
    let (mut landed, mut read_again) = (0, 0);
    for run in 0.. {
        let report = ruled.sync(Mode::Incremental).await;
        let certificate = report.certificate.as_ref().unwrap();
        landed += lines(&report);
        read_again += certificate.rereadings + certificate.backlog;
        if certificate.backlog == 0 {
            break;
        }
        assert!(run < 5, "they do not come");
    }
    assert!(read_again > 0, "nothing was withheld: the test shows nothing");
    assert_eq!((landed, expected > 50), (expected, true));
    ruled.whole().await;
}

/// Half of the invoices, which may come without their lines.
fn invoices_without_amounts(withheld_includes: u64) -> Ruled {
    let options = Options { withheld_includes, ..Options::default() };
    let mut ruled = Ruled::with(options, "invoices", &json!({}));
    let ids = ruled.world.simulator.control().truth(&ruled.account(), "invoices", true).unwrap().ids.unwrap();
    let middle =
        ids.iter().copied().collect::<std::collections::BTreeSet<_>>().into_iter().nth(ids.len() / 2);
    let settings = json!({"invoices": {"where": format!("id < {}", middle.unwrap()), "drop": ["amount"]}});
    ruled.settings = tables::rules::read(settings.as_object().unwrap()).unwrap();
    ruled
}
