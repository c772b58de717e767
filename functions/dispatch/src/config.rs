//! The settings of this function, from its environment.

use host::Settings;
use model::{Error, ErrorKind, Result};
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

/// What the template sets.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) bucket: String,
    pub(crate) secret_prefix: String,
    pub(crate) app_secret: String,
    pub(crate) queue_url: String,
    pub(crate) api_url: Url,
    pub(crate) auth_url: Url,
}

impl Config {
    /// Reads all settings, or tells everything that is wrong with them.
    pub(crate) fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut settings = Settings::new(lookup);
        let bucket = settings.required("FRESHLAKE_BUCKET", "the bucket of the lake");
        let secret_prefix =
            settings.required("FRESHLAKE_SECRET_PREFIX", "what the names of the secrets start with");
        let app_secret =
            settings.required("FRESHLAKE_APP_SECRET", "the name of the secret with the FreshBooks app");
        let queue_url = settings.required("FRESHLAKE_QUEUE_URL", "the queue that the tasks go to");
        let api_url = settings.url("FRESHBOOKS_API_URL", Some("https://api.freshbooks.com"));
        let auth_url = settings.url("FRESHBOOKS_AUTH_URL", Some("https://auth.freshbooks.com"));
        settings.finish(|| {
            Some(Self {
                bucket: bucket?,
                secret_prefix: secret_prefix?,
                app_secret: app_secret?,
                queue_url: queue_url?,
                api_url: api_url?,
                auth_url: auth_url?,
            })
        })
    }
}

/// Client id and client secret out of the app's secret, which is called `name`.
pub(crate) fn app_secret(name: &str, secret: &Value) -> Result<(String, SecretString)> {
    let part = |key: &str| {
        secret.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("the secret {name} has no {key}"))
                .next("put the values of your app from FreshBooks' developer page into it")
        })
    };
    Ok((part("client_id")?.to_owned(), SecretString::from(part("client_secret")?)))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn everything_that_is_missing_is_told_at_once() {
        let text = Config::read(|_| None).unwrap_err().to_string();
        for name in ["BUCKET", "SECRET_PREFIX", "APP_SECRET", "QUEUE_URL"] {
            assert!(text.contains(&format!("FRESHLAKE_{name}")), "{text}");
        }
    }

    #[test]
    fn the_app_is_told_apart_from_half_of_one() {
        let whole = serde_json::json!({"client_id": "id", "client_secret": "hunter2", "signing_key": "k"});
        let (id, secret) = app_secret("freshlake/books/app", &whole).unwrap();
        assert_eq!((id.as_str(), secret.expose_secret()), ("id", "hunter2"));
        let half = serde_json::json!({"client_id": "id", "client_secret": ""});
        let text = app_secret("freshlake/books/app", &half).unwrap_err().to_string();
        assert!(text.starts_with("the secret freshlake/books/app has no client_secret"), "{text}");
    }
}
