//! Values and columns that others drop, round or type as they come.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::Array;
use arrow_schema::DataType;
use model::{AccountId, Mode, Unit};
use serde_json::json;
use simulator::{Fault, FaultKind, Options};
use tables::{DeleteRule, Kind, RawText};

use crate::landed::{batches, files, newest, sums, texts};
use crate::world::{World, rows, unasked};

/// PEERS 4: a key that is not expected is dropped, `note` for `notes` (NangoHQ/integration-templates#569).
#[tokio::test]
async fn an_unknown_key_is_kept() {
    let world = World::new(Options::default());
    let unit = Unit::Account(AccountId(world.simulator.businesses()[0].account_id.clone()));
    let kind = FaultKind::UnknownKey { key: "remark".to_owned() };
    world.simulator.control().set_options(|o| o.faults = vec![Fault::always(kind)]);
    for table in ["clients", "invoices"] {
        let run = world.next_run();
        let report = world.extract(&run, table, &unit, Mode::Full).await.unwrap();
        let certificate = report.certificate.unwrap();
        assert_eq!(certificate.notes, ["keys without a column, kept in _extra: remark"]);
        let mut kept = 0;
        for batch in batches(&world, table).await {
            for extra in texts(&batch, "_extra") {
                assert!(extra.unwrap().contains(r#""remark":{"brand":"new","since":2026}"#), "{extra:?}");
                kept += 1;
            }
        }
        assert_eq!(kept, certificate.distinct_keys);
    }
}

/// PEERS 4: a column that is null in every row is left out (dlt), and comes and goes with the data.
#[tokio::test]
async fn a_column_that_is_null_everywhere_keeps_its_place() {
    let world = World::new(Options { scale: 40, ..Options::default() });
    world.run_of(unasked(), Mode::Incremental).await;
    let mut null_everywhere = Vec::new();
    for table in unasked() {
        let batches = batches(&world, table.name).await;
        let schema = batches.first().unwrap_or_else(|| panic!("no rows of {}", table.name)).schema();
        for column in table.columns {
            assert!(schema.field_with_name(column.name).is_ok(), "{} has no {}", table.name, column.name);
            let values = |batch: &arrow_array::RecordBatch| {
                batch.num_rows() - batch.column_by_name(column.name).unwrap().null_count()
            };
            if batches.iter().map(values).sum::<usize>() == 0 {
                null_everywhere.push(format!("{}.{}", table.name, column.name));
            }
        }
    }
    assert!(null_everywhere.iter().any(|name| name == "invoices.generation_date"), "{null_everywhere:?}");
    assert!(null_everywhere.len() > 10, "{null_everywhere:?}");
}

/// PEERS 5: money as doubles or text (airbytehq/airbyte#11627, #18922).
#[tokio::test]
async fn money_is_never_a_float() {
    let world = World::new(Options { scale: 400, ..Options::default() });
    let unit = world.simulator.businesses()[0].account_id.clone();
    let control = world.simulator.control();
    world.run(Mode::Incremental).await;

    let mut compared = 0;
    for table in tables::ALL {
        for name in table.lake_names() {
            for field in tables::arrow_schema(name, RawText::Keep).unwrap().fields() {
                let float =
                    matches!(field.data_type(), DataType::Float16 | DataType::Float32 | DataType::Float64);
                assert!(!float, "{name}.{} is a float", field.name());
            }
        }
        // Of what vanishes when it is deleted, not every row can be summed.
        if table.deleted != DeleteRule::VisState {
            continue;
        }
        let landed = batches(&world, table.name).await;
        for column in table.columns {
            let Kind::Money(scale) = column.kind else { continue };
            let mut truth: BTreeMap<String, i128> = BTreeMap::new();
            for business in world.simulator.businesses() {
                let told = control.truth(&business.account_id, table.name, false).unwrap();
                for (code, sum) in told.sums.get(column.source).into_iter().flatten() {
                    *truth.entry(code.clone()).or_default() += model::decimal::parse(sum, scale).unwrap();
                }
            }
            assert_eq!(sums(&landed, column.name), truth, "{}.{}", table.name, column.name);
            compared += truth.len();
        }
    }
    assert!(compared >= 20, "only {compared} sums were compared");

    // More digits than a double has.
    let large = json!({"amount": {"amount": "12345678901234567890.12", "code": "CAD"}});
    let id = control.insert(&unit, "payments", &large).unwrap();
    world.run(Mode::Incremental).await;
    let payments = batches(&world, "payments").await;
    let (batch, row) = newest(&payments, id);
    let exact = model::decimal::parse("12345678901234567890.12", tables::SCALE).unwrap();
    assert_eq!(sums(&[batch.slice(row, 1)], "amount"), [("CAD".to_owned(), exact)].into());
}

/// PEERS 8: columns that are typed file by file end in `HIVE_PARTITION_SCHEMA_MISMATCH` (buildstockbatch#269,
/// cloud-intelligence-dashboards-data-collection#341).
#[tokio::test]
async fn every_file_of_a_table_has_the_same_columns_and_types() {
    let world = World::new(Options::default());
    world.run(Mode::Incremental).await;
    let control = world.simulator.control();
    for business in world.simulator.businesses() {
        for resource in ["invoices", "clients", "bills", "taxes", "projects"] {
            control.insert(&business.account_id, resource, &json!({})).unwrap();
        }
    }
    world.run(Mode::Incremental).await;
    let mut several = 0;
    for name in tables::ALL.iter().flat_map(|table| table.lake_names()) {
        let declared = tables::arrow_schema(name, RawText::Keep).unwrap();
        let batches = batches(&world, name).await;
        several += usize::from(batches.len() > 2);
        for batch in batches {
            assert_eq!(batch.schema().fields(), declared.fields(), "{name}");
        }
    }
    assert!(several >= 5, "only {several} tables have several files");
}

/// PEERS 8: a file per page, or per row that changed, makes tables that engines read slowly (airbytehq/airbyte#76343,
/// #85194).
#[tokio::test]
async fn a_task_writes_one_file_per_table_and_not_one_per_page() {
    let world = World::new(Options { scale: 1500, ..Options::default() });
    let unit = Unit::Account(AccountId(world.simulator.businesses()[0].account_id.clone()));
    let run = world.next_run();
    let report = world.extract(&run, "invoices", &unit, Mode::Full).await.unwrap();
    assert!(report.certificate.as_ref().unwrap().pages >= 15);
    let tables: BTreeSet<_> = report.files.iter().map(|file| file.table.as_str()).collect();
    assert_eq!(tables, ["invoice_lines", "invoice_presentation", "invoices"].into());
    assert_eq!(report.files.len(), 3);
    assert_eq!(rows(&[report])["invoices"], 1500);
    assert_eq!(files(&world, "invoices").await.len(), 1);
}
