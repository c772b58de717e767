#![doc = include_str!("../README.md")]

mod config;
mod event;
mod invite;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use grants::ConnectSite;
use host::{HttpOptions, HttpTransport, OsRandom, SystemClock};
use lambda_runtime::{LambdaEvent, service_fn};
use model::Result;
use serde_json::Value;

use crate::config::{Config, app_secret};

/// Two calls and the saving fit into the 29 seconds that the platform gives; killed between them, a consent is lost.
const TIMEOUT: Duration = Duration::from_secs(8);

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), lambda_runtime::Error> {
    tracing_subscriber::fmt().json().with_max_level(tracing::Level::INFO).with_current_span(false).init();
    let (site, config) = site().await.inspect_err(|error| tracing::error!(%error, "cannot start"))?;
    lambda_runtime::run(service_fn(|event| handle(&site, &config, event))).await
}

/// The clients of this function, made once.
async fn site() -> Result<(ConnectSite, Config)> {
    #[allow(clippy::disallowed_methods, reason = "functions read the environment")]
    let config = Config::read(|name| std::env::var(name).ok())?;
    let aws = aws::Aws::from_env().await;
    let (app, signing_key) = app_secret(&config, &aws.secret_json(&config.app_secret).await?)?;
    let site = ConnectSite {
        app,
        signing_key,
        secrets: Arc::new(aws.secrets(&config.secret_prefix, config.kms_key.clone())),
        objects: Arc::new(aws.objects(&config.bucket)),
        transport: Arc::new(HttpTransport::new(&HttpOptions { timeout: TIMEOUT, ..HttpOptions::default() })?),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        site_url: config.placeholder_site(),
        destination: format!("the data lake s3://{}", config.bucket),
        scopes: config.scopes.clone(),
    };
    Ok((site, config))
}

/// A browser's request through the Function URL, or an operator's invocation.
async fn handle(
    site: &ConnectSite,
    config: &Config,
    event: LambdaEvent<Value>,
) -> Result<Value, lambda_runtime::Error> {
    if event::is_http(&event.payload) {
        return Ok(event::answer(site, config.site_url.as_ref(), event.payload).await);
    }
    Ok(invite::sign(site, config.site_url.as_ref(), event.payload)?)
}
