//! Tokens that can be used and not seen.

use std::fmt;

use http::HeaderValue;
use model::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// What opens FreshBooks for some hours. It has no `Display` and no `Serialize`, and its `Debug` is blank.
///
/// ```compile_fail
/// fn show(token: grants::AccessToken) -> String { token.to_string() }
/// ```
/// ```compile_fail
/// fn store(token: grants::AccessToken) -> String { serde_json::to_string(&token).unwrap() }
/// ```
/// ```compile_fail
/// fn take(token: grants::AccessToken) -> String { token.0 }
/// ```
#[derive(Clone)]
pub struct AccessToken(SecretString);

/// What buys the next pair of tokens, once. Nothing outside this crate can read it.
///
/// ```compile_fail
/// fn show(token: grants::RefreshToken) -> String { token.to_string() }
/// ```
/// ```compile_fail
/// fn store(token: grants::RefreshToken) -> String { serde_json::to_string(&token).unwrap() }
/// ```
/// ```compile_fail
/// fn read(token: &grants::RefreshToken) -> &str { token.expose() }
/// ```
/// ```compile_fail
/// fn copy(token: &grants::RefreshToken) -> grants::RefreshToken { token.clone() }
/// ```
pub struct RefreshToken(SecretString);

impl AccessToken {
    /// A token as FreshBooks sent it.
    pub fn new(token: impl Into<SecretString>) -> Self {
        Self(token.into())
    }

    /// The token, for a client that takes it as a secret.
    pub fn secret(&self) -> &SecretString {
        &self.0
    }

    /// The value of the `Authorization` header, marked so that nothing prints it.
    pub fn bearer(&self) -> Result<HeaderValue> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.expose())).map_err(|_| {
            Error::new(ErrorKind::Malformed, "the access token holds characters that no header can")
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for AccessToken {
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl Eq for AccessToken {}

impl RefreshToken {
    pub(crate) fn new(token: impl Into<SecretString>) -> Self {
        Self(token.into())
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Only a version of the same grant takes the token over.
    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken")
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken")
    }
}
