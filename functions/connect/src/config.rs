//! The settings of this function, from its environment and the app's secret.

use grants::{App, READ_SCOPES};
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
    pub(crate) kms_key: Option<String>,
    pub(crate) site_url: Option<Url>,
    pub(crate) scopes: Vec<String>,
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
        let kms_key = settings.optional("FRESHLAKE_KMS_KEY");
        let site_url = settings.optional_url("FRESHLAKE_SITE_URL");
        let scopes = match settings.optional("FRESHLAKE_SCOPES") {
            Some(scopes) => scopes.split_whitespace().map(str::to_owned).collect(),
            None => READ_SCOPES.iter().map(|(scope, _)| (*scope).to_owned()).collect(),
        };
        let api_url = settings.url("FRESHBOOKS_API_URL", Some("https://api.freshbooks.com"));
        let auth_url = settings.url("FRESHBOOKS_AUTH_URL", Some("https://auth.freshbooks.com"));
        settings.finish(|| {
            Some(Self {
                bucket: bucket?,
                secret_prefix: secret_prefix?,
                app_secret: app_secret?,
                kms_key,
                site_url: site_url?,
                scopes,
                api_url: api_url?,
                auth_url: auth_url?,
            })
        })
    }

    /// Stands in until a request tells the Function URL. Nothing is signed or sent for it.
    pub(crate) fn placeholder_site(&self) -> Url {
        self.site_url.clone().unwrap_or_else(|| self.api_url.clone())
    }
}

/// The app and the signing key out of the app's secret.
pub(crate) fn app_secret(config: &Config, secret: &Value) -> Result<(App, SecretString)> {
    let name = &config.app_secret;
    let part = |key: &str, step: &str| {
        secret.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("the secret {name} has no {key}")).next(step)
        })
    };
    let of_the_app = "put the values of your app from FreshBooks' developer page into it";
    let of_the_key = "put 32 random characters or more into it, such as `openssl rand -hex 32` prints";
    let client_id = part("client_id", of_the_app)?.to_owned();
    let client_secret = SecretString::from(part("client_secret", of_the_app)?);
    let signing_key = part("signing_key", of_the_key)?;
    if signing_key.len() < 32 {
        let message = format!("the signing_key in the secret {name} is shorter than 32 characters");
        return Err(Error::new(ErrorKind::Config, message).next(of_the_key));
    }
    let app = App::new(
        client_id,
        client_secret,
        &config.auth_url,
        config.api_url.clone(),
        config.placeholder_site(),
    )?;
    Ok((app, SecretString::from(signing_key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::read(|name| name.starts_with("FRESHLAKE").then(|| "https://x.test".to_owned())).unwrap()
    }

    #[test]
    fn everything_that_is_missing_is_told_at_once() {
        let text = Config::read(|_| None).unwrap_err().to_string();
        for name in ["BUCKET", "SECRET_PREFIX", "APP_SECRET"] {
            assert!(text.contains(&format!("FRESHLAKE_{name}")), "{text}");
        }
        assert!(!text.contains("SITE_URL"), "{text}");
    }

    #[test]
    fn an_app_secret_with_a_part_missing_or_weak_is_refused_without_telling_it() {
        let good =
            serde_json::json!({"client_id": "id", "client_secret": "hunter2", "signing_key": "k".repeat(32)});
        let (app, _) = app_secret(&config(), &good).unwrap();
        assert_eq!(app.token_url.as_str(), "https://api.freshbooks.com/auth/oauth/token");
        for (key, bad) in [("client_id", ""), ("client_secret", ""), ("signing_key", "hunter2")] {
            let mut secret = good.clone();
            secret[key] = bad.into();
            let text = app_secret(&config(), &secret).unwrap_err().to_string();
            assert!(text.contains(key) && !text.contains("hunter2"), "{text}");
        }
    }
}
