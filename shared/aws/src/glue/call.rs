//! One signed JSON call, sent the way the SDKs send theirs: with their credentials, connections, tries and time limits.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_config::SdkConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::retries::classifiers::THROTTLING_ERRORS;
use aws_sdk_s3::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthSchemeOptionResolver};
use aws_smithy_runtime_api::client::identity::SharedIdentityCache;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;
use bytes::Bytes;
use model::Result;
use serde_json::Value;

/// Sends calls to Glue.
#[derive(Clone)]
pub(super) struct Client {
    config: SdkConfig,
    identities: SharedIdentityCache,
}

/// What a call came to.
pub(super) struct Answer {
    pub(super) outcome: std::result::Result<Bytes, SdkError<Refused>>,
    /// Whether some try may have taken effect without our knowing.
    pub(super) one_was_lost: bool,
}

/// Glue's word for why not.
#[derive(Debug)]
pub(super) struct Refused(ErrorMetadata);

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}

/// An operation and its arguments.
#[derive(Debug)]
struct Call {
    operation: &'static str,
    body: String,
}

impl Client {
    pub(super) fn new(config: &SdkConfig) -> Self {
        let identities = config.identity_cache().unwrap_or_else(|| IdentityCache::lazy().build());
        Self { config: config.clone(), identities }
    }

    /// Carries out `action`, as IAM names it: `glue:GetTable`.
    pub(super) async fn call(&self, action: &'static str, body: Value) -> Result<Answer> {
        let operation = action.trim_start_matches("glue:");
        let region = self.config.region().ok_or_else(super::no_region)?.clone();
        let lost = Lost::default();
        let mut settings = Layer::new("Glue");
        settings.store_put(AuthSchemeOptionResolverParams::new(()));
        settings.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(region.clone())),
            name: Some(SigningName::from_static("glue")),
            ..SigV4OperationSigningConfig::default()
        });
        let mut components = RuntimeComponentsBuilder::new("Glue");
        components.push_auth_scheme(SigV4AuthScheme::new());
        let scheme = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
        components.set_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(scheme)));
        components.set_identity_cache(Some(self.identities.clone()));
        if let Some(credentials) = self.config.credentials_provider() {
            components.set_identity_resolver(SCHEME_ID, credentials);
        }
        components.set_http_client(self.config.http_client());
        components.set_sleep_impl(self.config.sleep_impl());
        components.set_time_source(self.config.time_source());
        let plugin =
            StaticRuntimePlugin::new().with_config(settings.freeze()).with_runtime_components(components);

        let mut sent = Operation::builder()
            .service_name("Glue")
            .operation_name(operation)
            .endpoint_url(&self.endpoint(region.as_ref()))
            .with_connection_poisoning()
            .interceptor(RequestInfoInterceptor::new())
            .interceptor(InvocationIdInterceptor::new())
            .retry_classifier(lost.clone())
            .runtime_plugin(plugin);
        if let Some(version) = self.config.behavior_version() {
            sent = sent.behavior_version(version);
        }
        if let Some(tries) = self.config.retry_config() {
            sent = sent.standard_retry(tries);
        }
        if let Some(limits) = self.config.timeout_config() {
            sent = sent.timeout_config(limits.clone());
        }
        let sent = sent.serializer(request).deserializer(answer).build();
        let outcome = sent.invoke(Call { operation, body: body.to_string() }).await;
        Ok(Answer { outcome, one_was_lost: lost.0.load(Ordering::Relaxed) })
    }

    /// Where the SDK for Glue would look: its own endpoint, the one for everything, the region's.
    fn endpoint(&self, region: &str) -> String {
        let key =
            ServiceConfigKey::builder().service_id("Glue").env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let own = key.build().ok().and_then(|key| self.config.service_config()?.load_config(key));
        own.or_else(|| self.config.endpoint_url().map(str::to_owned)).unwrap_or_else(|| {
            let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
            format!("https://glue.{region}.{suffix}")
        })
    }
}

fn request(call: Call) -> std::result::Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
    let mut request = HttpRequest::new(SdkBody::from(call.body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().insert("content-type", "application/x-amz-json-1.1");
    request.headers_mut().insert("x-amz-target", format!("AWSGlue.{}", call.operation));
    Ok(request)
}

fn answer(response: &HttpResponse) -> std::result::Result<Bytes, OrchestratorError<Refused>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Ok(Bytes::copy_from_slice(body));
    }
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |names: [&str; 2]| names.iter().find_map(|name| told.get(*name).and_then(Value::as_str));
    let mut why = ErrorMetadata::builder();
    // `com.amazonaws.glue#EntityNotFoundException:http://…`, of which the name counts.
    let header = response.headers().get("x-amzn-errortype");
    if let Some(code) = header.or_else(|| text(["__type", "code"])) {
        let code = code.split(':').next().unwrap_or_default();
        why = why.code(code.rsplit('#').next().unwrap_or_default());
    }
    if let Some(message) = text(["Message", "message"]) {
        why = why.message(message);
    }
    Err(OrchestratorError::operation(Refused(why.build())))
}

/// Judges the tries of one call: which may be sent again, and whether one of them may have taken effect unseen.
#[derive(Clone, Debug, Default)]
struct Lost(Arc<AtomicBool>);

impl ClassifyRetry for Lost {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else { return RetryAction::NoActionIndicated };
        if let Some(refused) = error.as_operation_error().and_then(|error| error.downcast_ref::<Refused>()) {
            let code = refused.code().unwrap_or_default();
            if THROTTLING_ERRORS.contains(&code) {
                return RetryAction::throttling_error();
            }
            let status = context.response().map_or(0, |response| response.status().as_u16());
            // Glue gave up waiting for itself: nobody knows how far it had come.
            if status < 500 && code != "OperationTimeoutException" {
                return RetryAction::NoActionIndicated;
            }
        } else if !(error.is_connector_error() || error.is_timeout_error() || error.is_response_error()) {
            // It never left.
            return RetryAction::NoActionIndicated;
        }
        self.0.store(true, Ordering::Relaxed);
        RetryAction::transient_error()
    }

    fn name(&self) -> &'static str {
        "freshlake Glue call"
    }
}
