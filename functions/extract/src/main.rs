#![doc = include_str!("../README.md")]

mod batch;
mod config;

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use freshbooks::Budget;
use grants::{App, Broker, ConnectionTokens};
use host::{HttpOptions, HttpTransport, OsRandom, SystemClock};
use jiff::Timestamp;
use lake::Lake;
use lambda_runtime::{LambdaEvent, service_fn};
use model::{Error, ErrorKind, Result, TableSettings, Task};
use secrecy::SecretString;
use sync::{Brake, Quiet, Report, Stop, WINDOW_ROWS, Worker};
use tokio::sync::OnceCell;

use crate::config::{Catalog, Config};

#[tokio::main]
async fn main() -> std::result::Result<(), lambda_runtime::Error> {
    tracing_subscriber::fmt().json().with_max_level(tracing::Level::INFO).with_current_span(false).init();
    let extract = Extract::new().await.inspect_err(|error| tracing::error!(%error, "cannot start"))?;
    lambda_runtime::run(service_fn(|event| extract.handle(event))).await
}

/// The clients of this function, made once.
struct Extract {
    worker: Worker,
    broker: Arc<Broker>,
    queue: aws::SqsQueue,
    first_pause: Duration,
    aws: aws::Aws,
    salt_secret: Option<String>,
    /// Read by the first task that hashes.
    salt: OnceCell<SecretString>,
}

impl Extract {
    async fn new() -> Result<Self> {
        #[allow(clippy::disallowed_methods, reason = "functions read the environment")]
        let config = Config::read(|name| std::env::var(name).ok())?;
        let aws = aws::Aws::from_env().await;
        let clock = Arc::new(SystemClock);
        let random = Arc::new(OsRandom);
        let options = HttpOptions { idle_connections: config.in_flight.into(), ..HttpOptions::default() };
        let transport = Arc::new(HttpTransport::new(&options)?);
        let bucket = Arc::new(aws.objects(&config.bucket));
        let lake = match config.catalog {
            Catalog::Glue => Lake::in_glue(bucket, config.database, Arc::new(aws.glue())),
            Catalog::Pointer => Lake::new(bucket, config.database),
        };
        let worker = Worker {
            lake: lake.under(config.contract),
            api_url: config.api_url.clone(),
            transport: transport.clone(),
            clock: clock.clone(),
            random: random.clone(),
            budget: Arc::new(Budget::new(config.in_flight)),
            in_flight: config.in_flight.into(),
            window_rows: WINDOW_ROWS,
            reach: config.reach,
            brake: Brake::default(),
            progress: Arc::new(Quiet),
            salt: None,
        };
        let broker = Arc::new(Broker {
            // A worker only reads tokens, so this function has no right to the app's secret.
            app: App::new(
                "",
                SecretString::default(),
                &config.api_url,
                config.api_url.clone(),
                config.api_url.clone(),
            )?,
            secrets: Arc::new(aws.secrets(&config.secret_prefix, None)),
            transport,
            clock: clock.clone(),
            random,
        });
        let queue = aws.queue(&config.queue_url, clock);
        let (first_pause, salt_secret) = (config.first_pause, config.salt_secret);
        Ok(Self { worker, broker, queue, first_pause, aws, salt_secret, salt: OnceCell::new() })
    }

    async fn handle(&self, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, lambda_runtime::Error> {
        let deadline =
            i64::try_from(event.context.deadline).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let stop = deadline.map(Stop::at).unwrap_or_default();
        let records = &event.payload.records;
        let failed = batch::work(records, |task| self.task(task, &stop)).await;
        for failure in &failed {
            failure.come_again(&self.queue, self.first_pause).await;
        }
        Ok(batch::response(&failed))
    }

    async fn task(&self, task: Task, stop: &Stop) -> Result<Report> {
        let tokens =
            ConnectionTokens { broker: Arc::clone(&self.broker), connection: task.connection.clone() };
        if !task.settings.values().any(TableSettings::hashes) {
            return sync::extract(&self.worker, Arc::new(tokens), &task, stop).await;
        }
        let salt = Some(self.salt.get_or_try_init(|| self.read_salt()).await?.clone());
        let worker = Worker { salt, ..self.worker.clone() };
        sync::extract(&worker, Arc::new(tokens), &task, stop).await
    }

    async fn read_salt(&self) -> Result<SecretString> {
        let odd = |what: String| {
            Error::new(ErrorKind::Config, what).next("deploy the stack of this version: it makes the secret")
        };
        let name = self.salt_secret.as_deref();
        let name = name
            .ok_or_else(|| odd("FRESHLAKE_SALT_SECRET is not set, and settings hash columns".to_owned()))?;
        let secret = self.aws.secret_json(name).await?;
        let salt = secret.get("salt").and_then(serde_json::Value::as_str).filter(|salt| salt.len() >= 16);
        let salt =
            salt.ok_or_else(|| odd(format!("the secret {name} has no salt of 16 characters or more")))?;
        Ok(SecretString::from(salt))
    }
}
