//! SQS as the queue of tasks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use model::port::Clock;
use model::{Error, ErrorKind, Result, Task};
use sync::Queue;

use crate::failure;

/// What SQS takes in one call.
const BATCH: usize = 10;
/// Rounds for the entries of a batch that SQS could not take; whole calls are repeated by the SDK.
const ROUNDS: u32 = 4;
/// What SQS takes, in seconds: twelve hours.
const LONGEST_PAUSE: i32 = 43_200;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// One queue; a message's body is a [`Task`] as JSON.
#[derive(Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
    clock: Arc<dyn Clock>,
}

impl SqsQueue {
    pub(crate) fn new(config: &SdkConfig, url: &str, clock: Arc<dyn Clock>) -> Self {
        Self { client: Client::new(config), url: url.to_owned(), clock }
    }

    /// Has the message delivered again after `pause`, instead of at the end of the queue's visibility timeout.
    pub async fn again_after(&self, receipt_handle: &str, pause: Duration) -> Result<()> {
        let seconds = i32::try_from(pause.as_secs()).unwrap_or(i32::MAX).min(LONGEST_PAUSE);
        let change =
            self.client.change_message_visibility().queue_url(&self.url).receipt_handle(receipt_handle);
        let answer = change.visibility_timeout(seconds).send().await;
        answer.map(|_| ()).map_err(|e| failure::storage("sqs:ChangeMessageVisibility", &self.url, e))
    }

    /// Sends at most [`BATCH`] tasks, and those that fail alone again, a bounded number of times.
    async fn send_batch(&self, tasks: &[Task]) -> Result<()> {
        let mut entries =
            tasks.iter().enumerate().map(|(at, task)| entry(at, task)).collect::<Result<Vec<_>>>()?;
        let mut pause = FIRST_PAUSE;
        for round in 1..=ROUNDS {
            let call =
                self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries.clone()));
            let answer = call.send().await.map_err(|e| failure::storage("sqs:SendMessage", &self.url, e))?;
            let failed = answer.failed();
            if failed.is_empty() {
                return Ok(());
            }
            if round == ROUNDS || failed.iter().any(|entry| entry.sender_fault) {
                return Err(refused(tasks, failed));
            }
            entries.retain(|entry| failed.iter().any(|f| f.id == entry.id));
            self.clock.sleep(pause).await;
            pause *= 2;
        }
        Ok(())
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, tasks: &[Task]) -> Result<()> {
        for batch in tasks.chunks(BATCH) {
            self.send_batch(batch).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for SqsQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqsQueue").field("url", &self.url).finish_non_exhaustive()
    }
}

fn entry(at: usize, task: &Task) -> Result<SendMessageBatchRequestEntry> {
    let internal = |e: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::Internal, format!("task {} cannot be written as a message", task.id)).because(e)
    };
    let body = serde_json::to_string(task).map_err(|e| internal(e.into()))?;
    SendMessageBatchRequestEntry::builder()
        .id(at.to_string())
        .message_body(body)
        .build()
        .map_err(|e| internal(e.into()))
}

fn refused(tasks: &[Task], failed: &[BatchResultErrorEntry]) -> Error {
    let names: Vec<String> = failed
        .iter()
        .map(|entry| {
            let task = entry.id.parse::<usize>().ok().and_then(|at| tasks.get(at));
            format!("{} ({})", task.map_or("?", |task| &task.id.0), entry.code)
        })
        .collect();
    Error::new(ErrorKind::Storage, format!("the queue did not take {}", names.join(", ")))
        .next("the next run plans them again")
}

#[cfg(test)]
mod tests {
    use model::{AccountId, ConnectionName, Mode, RunId, TableName, Unit};

    use super::*;
    use crate::stub::{Answer, Stub};

    #[derive(Debug)]
    struct NoWaiting;

    #[async_trait]
    impl Clock for NoWaiting {
        fn now(&self) -> model::Timestamp {
            model::Timestamp::UNIX_EPOCH
        }

        async fn sleep(&self, _: Duration) {}
    }

    fn tasks(count: usize) -> Vec<Task> {
        let connection = ConnectionName::new("acme").unwrap();
        let run = RunId::new(&connection, model::Timestamp::UNIX_EPOCH);
        let unit = |n| Unit::Account(AccountId(format!("A{n}")));
        (0..count)
            .map(|n| Task::new(&connection, &run, TableName::from("invoices"), unit(n), Mode::Incremental))
            .collect()
    }

    async fn send(count: usize, script: impl IntoIterator<Item = Answer>) -> (Result<()>, Vec<String>) {
        let stub = Stub::new(script);
        let sent = SqsQueue::new(&stub.config(), "http://stub.test/1/q", Arc::new(NoWaiting))
            .send(&tasks(count))
            .await;
        (sent, stub.asked())
    }

    #[tokio::test]
    async fn tasks_go_ten_at_a_time() {
        let ok = || Answer::Is(200, r#"{"Successful":[],"Failed":[]}"#);
        let (sent, asked) = send(23, [ok(), ok(), ok()]).await;
        sent.unwrap();
        let sizes: Vec<usize> = asked.iter().map(|line| line.matches("MessageBody").count()).collect();
        assert_eq!(sizes, [10, 10, 3]);
    }

    #[tokio::test]
    async fn an_entry_that_failed_is_sent_again_alone_and_then_named() {
        let failed = || {
            Answer::Is(
                200,
                r#"{"Successful":[],"Failed":[{"Id":"1","Code":"InternalError","SenderFault":false}]}"#,
            )
        };
        let (sent, asked) = send(3, [failed(), Answer::Is(200, r#"{"Successful":[],"Failed":[]}"#)]).await;
        sent.unwrap();
        assert_eq!(asked[1].matches("MessageBody").count(), 1);
        assert!(asked[1].contains("A1"));
        let (sent, asked) = send(3, [failed(), failed(), failed(), failed()]).await;
        let text = sent.unwrap_err().to_string();
        assert!(text.contains("invoices-A1 (InternalError)"), "{text}");
        assert_eq!(asked.len(), 4);
    }
}
