//! Holds the adapters against the contracts of their ports, on the AWS that the environment names.
//!
//! `cargo run -p aws --example contract -- EMPTY_BUCKET SECRET_PREFIX QUEUE_URL`; `infra/e2e` runs it on the local AWS.

use std::error::Error;
use std::sync::Arc;

use host::{SystemClock, contract};
use model::{AccountId, ConnectionName, Mode, RunId, Task, Timestamp, Unit};
use sync::Queue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bucket, prefix, queue] = arguments.as_slice() else {
        return Err("usage: contract EMPTY_BUCKET SECRET_PREFIX QUEUE_URL".into());
    };
    let aws = aws::Aws::from_env().await;
    contract::object_store(&aws.objects(bucket)).await?;
    contract::secret_store(&aws.secrets(prefix, None)).await?;
    aws.queue(queue, Arc::new(SystemClock)).send(&tasks(12)?).await?;
    Ok(())
}

fn tasks(count: usize) -> Result<Vec<Task>, Box<dyn Error>> {
    let connection = ConnectionName::new("contract")?;
    let run = RunId::new(&connection, Timestamp::UNIX_EPOCH);
    let unit = |n| Unit::Account(AccountId(format!("A{n}")));
    Ok((0..count).map(|n| Task::new(&connection, &run, "invoices".into(), unit(n), Mode::Full)).collect())
}
