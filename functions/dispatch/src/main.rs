#![doc = include_str!("../README.md")]

mod config;
mod event;

use std::sync::Arc;

use grants::{App, Broker};
use host::{HttpOptions, HttpTransport, OsRandom, SystemClock};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use model::Result;
use model::port::Clock;
use sync::Dispatcher;

use crate::config::{Config, app_secret};
use crate::event::{Answer, Event};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), lambda_runtime::Error> {
    tracing_subscriber::fmt().json().with_max_level(tracing::Level::INFO).with_current_span(false).init();
    let dispatcher = dispatcher().await.inspect_err(|error| tracing::error!(%error, "cannot start"))?;
    lambda_runtime::run(service_fn(|event| handle(&dispatcher, event))).await
}

/// The clients of this function, made once.
async fn dispatcher() -> Result<Dispatcher> {
    #[allow(clippy::disallowed_methods, reason = "functions read the environment")]
    let config = Config::read(|name| std::env::var(name).ok())?;
    let aws = aws::Aws::from_env().await;
    let clock = Arc::new(SystemClock);
    let (client_id, client_secret) =
        app_secret(&config.app_secret, &aws.secret_json(&config.app_secret).await?)?;
    // A grant brings the redirect address it was made with, so that the app's own plays no part in a refresh.
    let redirect_url = config.api_url.clone();
    let broker = Broker {
        app: App::new(client_id, client_secret, &config.auth_url, config.api_url, redirect_url)?,
        secrets: Arc::new(aws.secrets(&config.secret_prefix, None)),
        transport: Arc::new(HttpTransport::new(&HttpOptions::default())?),
        clock: clock.clone(),
        random: Arc::new(OsRandom),
    };
    Ok(Dispatcher {
        objects: Arc::new(aws.objects(&config.bucket)),
        broker: Arc::new(broker),
        queue: Arc::new(aws.queue(&config.queue_url, clock)),
    })
}

/// An error makes the invocation fail, which raises the alarm; by then the tasks of all other connections are sent.
async fn handle(dispatcher: &Dispatcher, event: LambdaEvent<Event>) -> Result<Answer, Diagnostic> {
    let firing = event.payload.firing(SystemClock.now());
    // The runtime writes what is returned to the log.
    dispatcher.dispatch(&firing).await.and_then(Answer::of).map_err(|error| Diagnostic {
        error_type: format!("{:?}", error.kind()),
        error_message: error.to_string(),
    })
}
