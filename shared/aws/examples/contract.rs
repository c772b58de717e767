//! Holds the adapters against the contracts of their ports, on the AWS that the environment names.
//!
//! `cargo run -p aws --example contract -- EMPTY_BUCKET SECRET_PREFIX QUEUE_URL EMPTY_DATABASE`; `infra/e2e` runs it on
//! the local AWS.

use std::error::Error;
use std::sync::Arc;

use host::{SystemClock, contract};
use lake::glue::{GlueColumn, GlueTable, GlueTables, Registration, StoredAs};
use model::{AccountId, ConnectionName, Mode, RunId, Task, Timestamp, Unit};
use sync::Queue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bucket, prefix, queue, database] = arguments.as_slice() else {
        return Err("usage: contract EMPTY_BUCKET SECRET_PREFIX QUEUE_URL EMPTY_DATABASE".into());
    };
    let aws = aws::Aws::from_env().await;
    contract::object_store(&aws.objects(bucket)).await?;
    contract::secret_store(&aws.secrets(prefix, None)).await?;
    aws.queue(queue, Arc::new(SystemClock)).send(&tasks(12)?).await?;
    catalog(&aws.glue(), database).await
}

/// A table is created once and replaced only at the version that was read.
async fn catalog(glue: &dyn GlueTables, database: &str) -> Result<(), Box<dyn Error>> {
    let holds = |what: &str, it: bool| if it { Ok(()) } else { Err(format!("Glue: {what}")) };
    let column = |name: &str, kind: &str| GlueColumn {
        name: name.into(),
        kind: kind.into(),
        doc: format!("the {name}"),
    };
    let mut table = GlueTable {
        name: "contract".to_owned(),
        doc: "A row of a test".to_owned(),
        location: "s3://contract/raw".to_owned(),
        stored_as: StoredAs::Parquet,
        columns: vec![column("id", "bigint"), column("amount", "decimal(38,12)")],
        partition_keys: vec![column("dt", "date")],
        parameters: [("one".to_owned(), "1".to_owned())].into(),
    };
    holds("nothing is there", glue.get(database, "contract").await?.is_none())?;
    holds("it is created", glue.create(database, &table).await? == Registration::Done)?;
    holds("not twice", glue.create(database, &table).await? == Registration::AnotherFirst)?;
    let first = glue.get(database, "contract").await?.ok_or("Glue: it is not there")?;
    holds("it says where it is", first.location.as_deref() == Some("s3://contract/raw"))?;
    holds("it keeps parameters", first.parameters.get("one").is_some_and(|one| one == "1"))?;
    table.parameters.insert("two".to_owned(), "2".to_owned());
    holds("it is replaced", glue.update(database, &table, &first.version).await? == Registration::Done)?;
    let stale = glue.update(database, &table, &first.version).await?;
    holds("not at a version that is gone", stale == Registration::AnotherFirst)?;
    let second = glue.get(database, "contract").await?.ok_or("Glue: it is gone")?;
    holds("it has another version", second.version != first.version && second.parameters.len() > 1)?;
    let nowhere = glue.create("no_such_database", &table).await;
    holds("a missing database is told", nowhere.is_err_and(|e| e.to_string().contains("make the database")))?;
    Ok(())
}

fn tasks(count: usize) -> Result<Vec<Task>, Box<dyn Error>> {
    let connection = ConnectionName::new("contract")?;
    let run = RunId::new(&connection, Timestamp::UNIX_EPOCH);
    let unit = |n| Unit::Account(AccountId(format!("A{n}")));
    Ok((0..count).map(|n| Task::new(&connection, &run, "invoices".into(), unit(n), Mode::Full)).collect())
}
