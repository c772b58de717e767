//! What AWS answered, as one of our errors.

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use model::{Error, ErrorKind};

/// An error of kind [`ErrorKind::Storage`] about `action` (as IAM names it) on `thing`.
///
/// Of what AWS sent only code and message are kept: a whole answer may hold a secret.
pub(crate) fn storage<E>(action: &str, thing: impl fmt::Display, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    of_kind(ErrorKind::Storage, action, thing, error)
}

pub(crate) fn of_kind<E>(kind: ErrorKind, action: &str, thing: impl fmt::Display, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let denied =
        matches!(error.code(), Some("AccessDenied" | "AccessDeniedException" | "AuthorizationError"));
    let message =
        if denied { format!("{action} on {thing} is denied") } else { format!("{action} on {thing} failed") };
    let cause = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => chain(error),
    };
    let error = Error::new(kind, message).because(cause);
    if denied {
        error.next(format!(
            "the role of this function lacks {action} on it, or a policy of the resource forbids it"
        ))
    } else {
        error
    }
}

/// The status of the answer, if one came.
pub(crate) fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// Whether AWS refused with this code.
pub(crate) fn has_code<E: ProvideErrorMetadata>(error: &SdkError<E>, code: &str) -> bool {
    error.code() == Some(code)
}

fn chain<E: StdError + Send + Sync + 'static>(error: SdkError<E>) -> String {
    let mut text = error.to_string();
    let source = error.into_source().ok();
    let mut cause = source.as_deref().map(|e| e as &dyn StdError);
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.ends_with(&part) {
            text = format!("{text}: {part}");
        }
        cause = error.source();
    }
    text
}
