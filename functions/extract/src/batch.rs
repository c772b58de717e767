//! A batch of messages, each with an outcome of its own.

use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage};
use model::{Error, ErrorKind, Result, Task};
use sync::Report;

/// The pause before a retry doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// A message that has to come again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    message_id: String,
    receipt_handle: Option<String>,
    /// How often it was delivered, this time included.
    deliveries: u32,
    /// Whether the deadline came, and not a fault: then there is nothing to wait for.
    out_of_time: bool,
}

impl Failure {
    fn new(message: &SqsMessage, error: &Error) -> Self {
        let deliveries = message.attributes.get("ApproximateReceiveCount").and_then(|n| n.parse().ok());
        Self {
            message_id: message.message_id.clone().unwrap_or_default(),
            receipt_handle: message.receipt_handle.clone(),
            deliveries: deliveries.unwrap_or(1),
            out_of_time: error.kind() == ErrorKind::Interrupted,
        }
    }

    fn pause(&self, first: Duration) -> Duration {
        if self.out_of_time {
            return Duration::ZERO;
        }
        let doubled = 1_u32.checked_shl(self.deliveries.saturating_sub(1)).unwrap_or(u32::MAX);
        first.saturating_mul(doubled).min(LONGEST_PAUSE)
    }

    /// Has the message come again after a pause that fits, and not only when the queue shows it by itself.
    pub(crate) async fn come_again(&self, queue: &aws::SqsQueue, first_pause: Duration) {
        let Some(handle) = &self.receipt_handle else { return };
        if let Err(error) = queue.again_after(handle, self.pause(first_pause)).await {
            tracing::warn!(message_id = self.message_id, %error, "the message comes again later than it should");
        }
    }
}

/// Does the task of every message, one after the other, and answers with those that failed.
pub(crate) async fn work<F>(messages: &[SqsMessage], mut task: impl FnMut(Task) -> F) -> Vec<Failure>
where
    F: Future<Output = Result<Report>>,
{
    let mut failed = Vec::new();
    for message in messages {
        let parsed = parse(message);
        let id = parsed.as_ref().map(|task| task.id.0.clone()).unwrap_or_default();
        let outcome = match parsed {
            Ok(parsed) => task(parsed).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(report) => tell(&report),
            Err(error) => {
                let failure = Failure::new(message, &error);
                let Failure { message_id, deliveries, .. } = &failure;
                tracing::error!(task = id, message_id, deliveries, kind = ?error.kind(), %error, "the task failed");
                failed.push(failure);
            }
        }
    }
    failed
}

/// What Lambda is told: everything else was done and may leave the queue.
pub(crate) fn response(failed: &[Failure]) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .iter()
        .map(|failure| {
            let mut item = BatchItemFailure::default();
            item.item_identifier.clone_from(&failure.message_id);
            item
        })
        .collect();
    response
}

fn parse(message: &SqsMessage) -> Result<Task> {
    serde_json::from_str(message.body.as_deref().unwrap_or_default())
        .map_err(|error| Error::new(ErrorKind::Config, "the message is not a task").because(error))
}

fn tell(report: &Report) {
    let rows = report.certificate.as_ref().map(model::Certificate::rows_written);
    tracing::info!(
        task = %report.task.id,
        table = %report.task.table,
        status = report.status.as_str(),
        outcome = ?report.outcome,
        files = report.files.len(),
        rows,
        rejected = report.rejected.len(),
        "the task is done"
    );
}

#[cfg(test)]
mod tests {
    use model::{AccountId, ConnectionName, Mode, RunId, TableStatus, Timestamp, Unit};
    use sync::Outcome;

    use super::*;

    fn task(table: &str) -> Task {
        let connection = ConnectionName::new("acme").unwrap();
        let run = RunId::new(&connection, Timestamp::UNIX_EPOCH);
        Task::new(
            &connection,
            &run,
            table.into(),
            Unit::Account(AccountId("A1".to_owned())),
            Mode::Incremental,
        )
    }

    fn message(id: &str, body: String, deliveries: u32) -> SqsMessage {
        let mut message = SqsMessage::default();
        message.message_id = Some(id.to_owned());
        message.receipt_handle = Some(format!("handle of {id}"));
        message.body = Some(body);
        message.attributes.insert("ApproximateReceiveCount".to_owned(), deliveries.to_string());
        message
    }

    fn report(task: Task) -> Report {
        let outcome = Outcome::Unavailable("not in the plan".to_owned());
        let status = TableStatus::OutOfPlan;
        Report { task, status, outcome, files: Vec::new(), certificate: None, rejected: Vec::new() }
    }

    #[tokio::test]
    async fn each_message_has_its_own_outcome() {
        let body = |table| serde_json::to_string(&task(table)).unwrap();
        let messages = [
            message("fine", body("invoices"), 1),
            message("broken", "{}".to_owned(), 1),
            message("late", body("clients"), 2),
            message("unlucky", body("taxes"), 3),
        ];
        let failed = work(&messages, async |task: Task| match task.table.as_str() {
            "clients" => Err(Error::new(ErrorKind::Interrupted, "the deadline came")),
            "taxes" => Err(Error::new(ErrorKind::Unavailable, "FreshBooks does not answer")),
            _ => Ok(report(task)),
        })
        .await;
        let answer = serde_json::to_value(response(&failed)).unwrap();
        let ids = ["broken", "late", "unlucky"].map(|id| serde_json::json!({"itemIdentifier": id}));
        assert_eq!(answer, serde_json::json!({"batchItemFailures": ids}));
        let pauses: Vec<u64> = failed.iter().map(|f| f.pause(Duration::from_mins(1)).as_secs()).collect();
        assert_eq!(pauses, [60, 0, 240], "a fault waits longer each time, a deadline does not wait");
    }

    #[test]
    fn a_pause_has_an_end() {
        let error = Error::new(ErrorKind::Unavailable, "no");
        let pause = |n| Failure::new(&message("m", String::new(), n), &error).pause(Duration::from_mins(1));
        assert_eq!(pause(1_000), LONGEST_PAUSE);
    }

    #[tokio::test]
    async fn nothing_failed_is_an_empty_list() {
        let answer =
            serde_json::to_string(&response(&work(&[], async |task| Ok(report(task))).await)).unwrap();
        assert_eq!(answer, r#"{"batchItemFailures":[]}"#);
    }
}
