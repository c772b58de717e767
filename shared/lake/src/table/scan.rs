//! Iceberg's own scan over what we have written: as another program sees it.

use futures::TryStreamExt;
use iceberg::TableIdent;
use iceberg::io::FileIO;
use iceberg::table::StaticTable;
use model::port::ObjectStore;

use crate::merge::tests::texts;
use crate::publish::rig::{Rig, as_it_is};

/// The rows that a scan of `table` brings, as texts of `columns`, in the order of the texts.
async fn scanned(rig: &Rig, table: &str, columns: &[&str]) -> Vec<String> {
    let files = FileIO::new_with_memory();
    for key in rig.store.keys() {
        let Some(body) = rig.store.get(&key).await.unwrap() else { continue };
        files.new_output(format!("{}/{key}", rig.store.uri())).unwrap().write(body).await.unwrap();
    }
    let heads = rig.lake.catalog.load(rig.table).await.unwrap();
    let metadata = rig.lake.metadata(&heads.metadata[table]).await.unwrap().inner;
    let name = TableIdent::from_strs(["books", table]).unwrap();
    let table = StaticTable::from_metadata(metadata, name, files).await.unwrap();
    let scan = table.scan().select_all().build().unwrap();
    let batches: Vec<_> = scan.to_arrow().await.unwrap().try_collect().await.unwrap();
    let mut rows: Vec<String> = batches
        .iter()
        .flat_map(|batch| {
            let schema = batch.schema();
            let places: Vec<_> = columns.iter().filter_map(|name| schema.index_of(name).ok()).collect();
            texts(&batch.project(&places).unwrap())
        })
        .collect();
    rows.sort();
    rows
}

#[tokio::test]
async fn icebergs_own_scan_brings_the_rows_that_we_read() {
    let rig = Rig::new("invoices");
    let row = |id: u32, amount: &str| {
        format!(
            r#"{{"id":{id},"invoiceid":{id},"amount":{{"amount":"{amount}","code":"CAD"}},"create_date":"2026-03-01",
                "updated":"2026-03-01 09:30:00","vis_state":0,"lines":[{{"lineid":1,"name":"a"}},{{"lineid":2,"name":"b"}}]}}"#
        )
    };
    let first = [row(1, "10.01"), row(2, "-4.400000000001")];
    rig.commit("one", "2026-03-01", &[&first[0], &first[1]], &as_it_is).await;
    let second = row(2, "12345678901234567890123456.78");
    rig.commit("two", "2026-03-02", &[&second], &as_it_is).await;
    for (table, columns) in [
        (
            "invoices",
            &["id", "amount", "amount_code", "create_date", "updated", "_account_id", "_deleted"][..],
        ),
        ("invoice_lines", &["invoiceid", "lineid", "name", "_position", "_account_id"]),
    ] {
        let ours = rig.see(table, columns).await;
        assert!(ours.len() >= 2);
        assert_eq!(scanned(&rig, table, columns).await, ours);
    }
}
