//! An AWS that answers by script, for the unit tests: what an emulator cannot be made to do.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

/// One scripted answer.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Status and body.
    Is(u16, &'static str),
    /// The request left and nothing came back.
    Lost,
}

/// The script and what was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stub {
    script: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    /// Answers in this order; anything asked beyond it is lost.
    pub(crate) fn new(script: impl IntoIterator<Item = Answer>) -> Self {
        Self { script: Arc::new(Mutex::new(script.into_iter().collect())), ..Self::default() }
    }

    pub(crate) fn config(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url("http://stub.test")
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "id", "key", None, None, "stub",
            )))
            .retry_config(
                RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1)),
            )
            .sleep_impl(no_waiting())
            .http_client(SharedHttpClient::new(self.clone()))
            .build()
    }

    /// `METHOD path-or-operation body` of every request, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn no_waiting() -> aws_sdk_s3::config::SharedAsyncSleep {
    #[derive(Debug)]
    struct AtOnce;
    impl aws_sdk_s3::config::AsyncSleep for AtOnce {
        fn sleep(&self, _: Duration) -> aws_sdk_s3::config::Sleep {
            aws_sdk_s3::config::Sleep::new(std::future::ready(()))
        }
    }
    aws_sdk_s3::config::SharedAsyncSleep::new(AtOnce)
}

impl HttpConnector for Stub {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let what = match request.headers().get("x-amz-target") {
            Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
            None => format!("{} {}", request.method(), request.uri().trim_start_matches("http://stub.test")),
        };
        let condition = request.headers().get("if-none-match").map(|c| format!(" if-none-match:{c}"));
        let body = if request.headers().get("x-amz-target").is_some() {
            String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned()
        } else {
            String::new()
        };
        let line = format!("{what}{} {body}", condition.unwrap_or_default()).trim().to_owned();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        let answer = self.script.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        HttpConnectorFuture::ready(match answer {
            Some(Answer::Is(status, body)) => Ok(HttpResponse::new(
                status.try_into().unwrap_or_else(|_| unreachable!()),
                SdkBody::from(body),
            )),
            Some(Answer::Lost) | None => Err(ConnectorError::timeout("the answer was lost".into())),
        })
    }
}

impl HttpClient for Stub {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
