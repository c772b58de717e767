//! What became of the single tries of one put, which the SDK's final answer does not tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::RetryClassifierPriority;

/// Watches the tries of one conditional put. Two things hang on it:
/// - a try without an answer, or with a 5xx, may have stored the object although a later try was refused;
/// - `409 ConditionalRequestConflict` (another put of the key is under way) is safe to send again, and the SDK's own
///   rules do not know that.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempts {
    lost: Arc<AtomicBool>,
}

impl Attempts {
    /// Whether some try may have taken effect without our knowing.
    pub(crate) fn one_was_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// The settings of the put to watch.
    pub(crate) fn watched(&self) -> aws_sdk_s3::config::Builder {
        aws_sdk_s3::Config::builder().retry_classifier(self.clone())
    }
}

impl ClassifyRetry for Attempts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().map(|response| response.status().as_u16()) {
            None | Some(500..) => {
                if context.output_or_error().is_none_or(|outcome| outcome.is_err()) {
                    self.lost.store(true, Ordering::Relaxed);
                }
                RetryAction::NoActionIndicated
            }
            Some(409) => RetryAction::transient_error(),
            Some(_) => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "freshlake put"
    }

    // After the SDK's own: an indicated retry overrides, and saying nothing leaves theirs in place.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
