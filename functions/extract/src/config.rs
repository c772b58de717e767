//! The settings of this function, from its environment.

use std::str::FromStr;
use std::time::Duration;

use host::Settings;
use lake::Contract;
use model::Result;
use sync::Reach;
use url::Url;

/// Who says which version of a table counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Catalog {
    /// The Glue Data Catalog.
    Glue,
    /// Numbered pointers in the bucket itself.
    Pointer,
}

impl FromStr for Catalog {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "glue" => Ok(Self::Glue),
            "pointer" => Ok(Self::Pointer),
            _ => Err("it is glue or pointer"),
        }
    }
}

/// What the template sets.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) bucket: String,
    pub(crate) database: String,
    pub(crate) catalog: Catalog,
    pub(crate) contract: Contract,
    pub(crate) secret_prefix: String,
    pub(crate) queue_url: String,
    pub(crate) api_url: Url,
    pub(crate) in_flight: u16,
    pub(crate) reach: Reach,
    pub(crate) first_pause: Duration,
    /// The name of the secret with the salt, where there is one.
    pub(crate) salt_secret: Option<String>,
}

impl Config {
    /// Reads all settings, or tells everything that is wrong with them.
    pub(crate) fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut settings = Settings::new(lookup);
        let bucket = settings.required("FRESHLAKE_BUCKET", "the bucket of the lake");
        let database = settings.parsed("FRESHLAKE_DATABASE", "freshbooks".to_owned());
        let catalog = settings.parsed("FRESHLAKE_CATALOG", Catalog::Glue);
        let contract = settings.parsed("FRESHLAKE_CONTRACT", Contract::default());
        let secret_prefix =
            settings.required("FRESHLAKE_SECRET_PREFIX", "what the names of the secrets start with");
        let queue_url = settings.required("FRESHLAKE_QUEUE_URL", "the queue that the tasks come from");
        let api_url = settings.url("FRESHBOOKS_API_URL", Some("https://api.freshbooks.com"));
        let in_flight = settings.parsed("FRESHLAKE_IN_FLIGHT", 8);
        let usual = Reach::default();
        let per_row = settings.parsed("FRESHLAKE_PER_ROW_REQUESTS", usual.per_row);
        let restated_months = settings.parsed("FRESHLAKE_RESTATED_MONTHS", usual.restated_months);
        let seconds = settings.parsed("FRESHLAKE_RETRY_SECONDS", 60);
        let salt_secret = settings.optional("FRESHLAKE_SALT_SECRET");
        settings.finish(|| {
            Some(Self {
                bucket: bucket?,
                database: database?,
                catalog: catalog?,
                contract: contract?,
                secret_prefix: secret_prefix?,
                queue_url: queue_url?,
                api_url: api_url?,
                in_flight: in_flight?,
                reach: Reach { per_row: per_row?, restated_months: restated_months? },
                first_pause: Duration::from_secs(seconds?),
                salt_secret,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_missing_is_told_at_once() {
        let text = Config::read(|_| None).unwrap_err().to_string();
        for name in ["FRESHLAKE_BUCKET", "FRESHLAKE_SECRET_PREFIX", "FRESHLAKE_QUEUE_URL"] {
            assert!(text.contains(name), "{text}");
        }
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let config = Config::read(|name| {
            (name == "FRESHLAKE_BUCKET" || name.ends_with("_PREFIX") || name.ends_with("QUEUE_URL"))
                .then(|| "x".to_owned())
        })
        .unwrap();
        assert_eq!((config.database.as_str(), config.in_flight), ("freshbooks", 8));
        assert_eq!(config.catalog, Catalog::Glue);
        assert_eq!(config.reach, Reach::default());
        assert_eq!(config.api_url.as_str(), "https://api.freshbooks.com/");
    }

    #[test]
    fn how_far_a_run_reaches_can_be_set() {
        let config = Config::read(|name| {
            let text = match name {
                "FRESHLAKE_CATALOG" | "FRESHLAKE_CONTRACT" | "FRESHBOOKS_API_URL" => return None,
                "FRESHLAKE_PER_ROW_REQUESTS" => "250",
                "FRESHLAKE_RESTATED_MONTHS" => "12",
                _ => "1",
            };
            Some(text.to_owned())
        });
        assert_eq!(config.unwrap().reach, Reach { per_row: 250, restated_months: 12 });
    }

    #[test]
    fn there_are_two_catalogs() {
        let read = |word: &'static str| {
            Config::read(move |name| Some(if name == "FRESHLAKE_CATALOG" { word } else { "1" }.to_owned()))
        };
        let text = read("hive").unwrap_err().to_string();
        assert!(text.contains("FRESHLAKE_CATALOG") && text.contains("glue or pointer"), "{text}");
        assert!(
            !read("pointer").unwrap_err().to_string().contains("CATALOG"),
            "the address is what is wrong"
        );
    }
}
