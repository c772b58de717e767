//! Reports: which months each run reads, what becomes of restated ones, and currencies.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod world;

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray as _;
use arrow_array::types::Date32Type;
use jiff::SignedDuration;
use jiff::civil::Date;
use model::{Mode, OtherIds, TableStatus, Unit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use simulator::Options;
use sync::{Outcome, Reach, Report, Stop, Wanted};
use tables::{CursorRule, Table};
use world::World;

const TABLE: &str = "report_payments_collected";

fn world() -> (World, Unit) {
    let mut options = Options { request_log: 100_000, ..Options::default() };
    options.oauth.expires_in = 400 * 86_400;
    let world = World::new(options);
    let unit = world.units_of(tables::find(TABLE).unwrap()).remove(0);
    (world, unit)
}

async fn sync(world: &World, unit: &Unit, table: &str) -> Report {
    world.simulator.control().reset_requests();
    world.extract(&world.next_run(), table, unit, Mode::Incremental).await.unwrap()
}

/// The first days of the months that were asked for, in order and as often as they were.
fn months(world: &World) -> Vec<String> {
    let requests = world.simulator.control().requests();
    let start = |target: &str| Some(target.split("start_date=").nth(1)?.split('&').next()?.to_owned());
    requests.last.iter().filter_map(|line| start(&line.target)).collect()
}

/// What has landed of a report: the month, the place and whether it is gone, each as often as it was written.
async fn landed(world: &World, unit: &Unit) -> Vec<(Date, String, bool)> {
    let mut rows = Vec::new();
    for commit in world.worker.lake.commits(TABLE, unit).await.unwrap() {
        for file in commit.files.iter().filter(|file| file.table.as_str() == TABLE) {
            let bytes = world.worker.lake.store().get(&file.key).await.unwrap().unwrap();
            for batch in ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap() {
                let batch = batch.unwrap();
                let column = |name| batch.column_by_name(name).unwrap();
                let days = column("start_date").as_primitive::<Date32Type>();
                let lines = column("line").as_string::<i32>();
                let gone = column("_is_deleted").as_boolean();
                for row in 0..batch.num_rows() {
                    let month =
                        Date32Type::to_naive_date_opt(days.value(row)).unwrap().to_string().parse().unwrap();
                    rows.push((month, lines.value(row).to_owned(), gone.value(row)));
                }
            }
        }
    }
    rows
}

/// The payments of a month.
fn payments(world: &World, month: &str) -> Vec<i64> {
    let (control, unit) = (world.simulator.control(), world.simulator.businesses()[0].account_id.clone());
    let ids = control.truth(&unit, "payments", true).unwrap().ids.unwrap();
    let of = |id: &i64| {
        let row = control.row(&unit, "payments", *id).unwrap().unwrap();
        let row: serde_json::Value = serde_json::from_str(&row).unwrap();
        row["date"].as_str().unwrap().starts_with(month) && row["vis_state"] == 0
    };
    ids.into_iter().filter(of).collect()
}

#[tokio::test]
async fn closed_months_are_read_once_and_the_open_one_and_the_last_ones_with_each_run() {
    let (mut world, unit) = world();
    sync(&world, &unit, TABLE).await;
    let first = months(&world);
    assert_eq!((first.len(), &*first[0], &*first[24]), (25, "2024-03-01", "2026-03-01"));
    let report = sync(&world, &unit, TABLE).await;
    assert!(matches!(report.outcome, Outcome::Unchanged), "{report:?}");
    assert_eq!(months(&world), ["2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01"]);

    for (restated_months, since) in [(0, "2026-03-01"), (1, "2026-02-01"), (12, "2025-03-01")] {
        world.worker.reach = Reach { restated_months, ..Reach::default() };
        sync(&world, &unit, TABLE).await;
        let asked = months(&world);
        assert_eq!((asked.len(), &*asked[0]), (restated_months as usize + 1, since));
    }

    // A connection that was paused for months misses none.
    world.worker.reach = Reach { restated_months: 1, ..Reach::default() };
    {
        let mut now = world.clock.0.lock().unwrap();
        *now = now.checked_add(SignedDuration::from_hours(24 * 100)).unwrap();
    }
    sync(&world, &unit, TABLE).await;
    assert_eq!(
        months(&world),
        ["2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01", "2026-06-01", "2026-07-01"]
    );
}

#[tokio::test]
async fn a_restated_month_is_kept_in_every_version_and_lines_that_it_no_longer_has_are_marked() {
    let (world, unit) = world();
    let account = world.simulator.businesses()[0].account_id.clone();
    let control = world.simulator.control();
    sync(&world, &unit, TABLE).await;
    let before = landed(&world, &unit).await;
    let month: Date = "2026-02-01".parse().unwrap();
    let lines = |rows: &[(Date, String, bool)]| {
        let mut lines: BTreeMap<String, Vec<bool>> = BTreeMap::new();
        for (_, line, gone) in rows.iter().filter(|(start, ..)| *start == month) {
            lines.entry(line.clone()).or_default().push(*gone);
        }
        lines
    };
    let first = lines(&before);
    assert!(first.values().all(|versions| versions == &[false]) && first.len() > 1, "{first:?}");

    // Another amount: a new version of the payment's line and of the total, and nothing else.
    let payment = payments(&world, "2026-02")[0];
    let amount = json!({"amount": {"amount": "12345.67", "code": "CAD"}});
    control.change(&account, "payments", payment, &amount).unwrap();
    sync(&world, &unit, TABLE).await;
    let second = lines(&landed(&world, &unit).await);
    assert_eq!(second.values().filter(|versions| versions.len() == 2).count(), 2, "{second:?}");
    assert!(second.values().flatten().all(|gone| !gone));

    // One payment less: what followed moves up, and the last line is gone.
    control.delete(&account, "payments", payment).unwrap();
    sync(&world, &unit, TABLE).await;
    let third = lines(&landed(&world, &unit).await);
    let gone: Vec<_> = third.iter().filter(|(_, versions)| versions.last() == Some(&true)).collect();
    // Its currency may have had no other payment, and then no total either.
    let gone: Vec<_> = gone.iter().filter(|(line, _)| line.starts_with("payments")).collect();
    assert_eq!(gone.len(), 1, "{third:?}");

    // Months that were read and are not any more stay as they are.
    let others = |rows: Vec<(Date, String, bool)>| {
        rows.into_iter().filter(|(start, ..)| *start != month).collect::<Vec<_>>()
    };
    assert_eq!(others(landed(&world, &unit).await), others(before));
    let old = payments(&world, "2025-06")[0];
    control.delete(&account, "payments", old).unwrap();
    let report = sync(&world, &unit, TABLE).await;
    assert!(matches!(report.outcome, Outcome::Unchanged), "a closed month is not read again: {report:?}");
    let verified = world.worker.lake.verify(None).await.unwrap();
    assert!(verified.damage.is_empty(), "{:?}", verified.damage);
}

fn by_currency() -> impl Iterator<Item = &'static Table> {
    let is = |table: &&Table| table.cursor == CursorRule::Months && table.key.contains(&"currency_code");
    tables::ALL.iter().copied().filter(is)
}

#[tokio::test]
async fn each_currency_that_was_met_costs_one_call_and_a_new_one_brings_all_its_months() {
    let (world, unit) = world();
    let account = world.simulator.businesses()[0].account_id.clone();
    let table = "report_invoice_details";
    let currencies = |world: &World| -> BTreeSet<String> {
        let requests = world.simulator.control().requests();
        let code = |target: &str| Some(target.split("currency_code=").nth(1)?.split('&').next()?.to_owned());
        requests.last.iter().filter_map(|line| code(&line.target)).collect()
    };
    sync(&world, &unit, "invoices").await;
    sync(&world, &unit, table).await;
    let met = currencies(&world);
    assert!(met.len() >= 2, "{met:?}");
    assert_eq!(months(&world).len(), 25 * met.len(), "one call a month and currency");
    sync(&world, &unit, table).await;
    assert_eq!(months(&world).len(), 4 * met.len());
    let invoice = json!({"currency_code": "ISK", "amount": {"amount": "100", "code": "ISK"}});
    world.simulator.control().insert(&account, "invoices", &invoice).unwrap();
    sync(&world, &unit, "invoices").await;
    sync(&world, &unit, table).await;
    assert!(currencies(&world).contains("ISK") && !met.contains("ISK"));
    assert_eq!(months(&world).len(), 4 * met.len() + 25);
}

#[tokio::test]
async fn a_currency_that_the_account_lacks_is_an_empty_table() {
    for currency_refused in [false, true] {
        let world = World::new(Options { currency_refused, ..Options::default() });
        for table in by_currency().filter(|table| !table.on_request) {
            let unit = world.units_of(table).remove(0);
            let ids: OtherIds = world.ids_of(&unit);
            let currencies = ["XTS".to_owned()];
            let wanted = Wanted {
                table,
                unit: &unit,
                ids: &ids,
                since: None,
                currencies: &currencies,
                settings: &BTreeMap::new(),
            };
            let folder = tempfile::tempdir().unwrap();
            let store = host::Folder::open(folder.path()).unwrap();
            let pulled =
                sync::pull(&world.worker, world.tokens(), &wanted, &store, &Stop::default()).await.unwrap();
            assert_eq!(pulled.rejected, [], "{}", table.name);
            // FreshBooks may as well answer with totals of nothing, and these are kept.
            let rows: u64 = pulled.files.iter().map(|file| file.rows).sum();
            assert!(!currency_refused || rows == 0, "{} has rows in XTS", table.name);
            assert!(!currency_refused || pulled.certificate.status == TableStatus::Empty, "{}", table.name);
        }
    }
}
