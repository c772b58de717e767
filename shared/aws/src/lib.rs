#![doc = include_str!("../README.md")]

mod attempts;
mod failure;
mod glue;
mod queue;
mod s3;
mod secrets;
#[cfg(test)]
mod stub;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use model::port::Clock;
use model::{Error, ErrorKind, Result};

pub use glue::GlueCatalog;
pub use queue::SqsQueue;
pub use s3::S3Store;
pub use secrets::SecretsManagerStore;

/// Tries of one call, the first included. The wait between them doubles, with jitter.
const TRIES: u32 = 5;
/// A slow first byte is a lost answer. Longer than any call here needs: the largest body is one data file.
const ATTEMPT_TIMEOUT: Duration = Duration::from_mins(1);

/// One set of credentials, region and connection pool; every adapter is made from it.
#[derive(Clone)]
pub struct Aws {
    config: SdkConfig,
}

impl Aws {
    /// Reads credentials, region and endpoint where every AWS tool reads them: `AWS_*` variables, profile files,
    /// the role of the machine. Private certificate authorities come through `SSL_CERT_FILE`.
    pub async fn from_env() -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build())
            .load()
            .await;
        Self { config }
    }

    /// A bucket.
    pub fn objects(&self, bucket: &str) -> S3Store {
        S3Store::new(&self.config, bucket)
    }

    /// The Glue Data Catalog.
    pub fn glue(&self) -> GlueCatalog {
        GlueCatalog::new(&self.config)
    }

    /// The secrets whose name starts with `prefix` (`freshlake/books/`); new ones are encrypted with `kms_key`, or
    /// with the account's own key for Secrets Manager.
    pub fn secrets(&self, prefix: &str, kms_key: Option<String>) -> SecretsManagerStore {
        SecretsManagerStore::new(&self.config, prefix, kms_key)
    }

    /// The queue of tasks at `url`.
    pub fn queue(&self, url: &str, clock: Arc<dyn Clock>) -> SqsQueue {
        SqsQueue::new(&self.config, url, clock)
    }

    /// The current value of the secret `id` (name or ARN), as JSON.
    pub async fn secret_json(&self, id: &str) -> Result<serde_json::Value> {
        let client = aws_sdk_secretsmanager::Client::new(&self.config);
        let answer = client.get_secret_value().secret_id(id).send().await;
        let answer = answer.map_err(|e| failure::storage("secretsmanager:GetSecretValue", id, e))?;
        // The parser's message would quote the text, which is secret: only the position may be told.
        serde_json::from_str(answer.secret_string().unwrap_or_default()).map_err(|e| {
            let at = format!("line {}, column {}", e.line(), e.column());
            Error::new(ErrorKind::Config, format!("the secret {id} is not JSON (at {at})"))
        })
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("region", &self.config.region()).finish_non_exhaustive()
    }
}
