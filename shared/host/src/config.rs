//! Settings from named texts, with every mistake told at once.

use std::fmt;
use std::str::FromStr;

use model::{Error, ErrorKind, Result};
use url::{Host, Url};

type Lookup<'a> = Box<dyn Fn(&str) -> Option<String> + 'a>;

/// Reads settings from a lookup, usually the environment, and collects what is wrong with them.
///
/// Each reader answers `None` for a setting it complained about; [`finish`](Self::finish) turns the
/// complaints into one error, so that a person sets everything right in one go. Values never appear in
/// messages: one of them may be a secret in the wrong place.
///
/// ```
/// use host::Settings;
///
/// let mut settings = Settings::new(|name| (name == "LAKE_BUCKET").then(|| "books".to_owned()));
/// let bucket = settings.required("LAKE_BUCKET", "the bucket of the lake");
/// let api = settings.url("API_URL", Some("https://api.freshbooks.com"));
/// let (bucket, api) = settings.finish(|| Some((bucket?, api?))).unwrap();
/// assert_eq!((bucket.as_str(), api.as_str()), ("books", "https://api.freshbooks.com/"));
/// ```
pub struct Settings<'a> {
    lookup: Lookup<'a>,
    problems: Vec<String>,
}

impl<'a> Settings<'a> {
    /// Settings as `lookup` finds them: in a function `|name| std::env::var(name).ok()`.
    pub fn new(lookup: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self { lookup: Box::new(lookup), problems: Vec::new() }
    }

    /// The setting, where it is set and not blank.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A setting that has to be there; `meaning` tells a person what to put in.
    pub fn required(&mut self, name: &str, meaning: &str) -> Option<String> {
        let value = self.optional(name);
        if value.is_none() {
            self.problem(format!("{name} is not set ({meaning})"));
        }
        value
    }

    /// A setting of any type that parses, or `default` where it is not set.
    pub fn parsed<T>(&mut self, name: &str, default: T) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let Some(text) = self.optional(name) else { return Some(default) };
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(format!("{name} cannot be read: {error}"));
                None
            }
        }
    }

    /// A web address that secrets may be sent to: https, or http to this machine. Without a default it is
    /// required.
    pub fn url(&mut self, name: &str, default: Option<&str>) -> Option<Url> {
        let Some(text) = self.optional(name).or_else(|| default.map(str::to_owned)) else {
            self.problem(format!("{name} is not set (a web address that starts with https://)"));
            return None;
        };
        match safe_url(&text) {
            Ok(url) => Some(url),
            Err(why) => {
                self.problem(format!("{name} {why}"));
                None
            }
        }
    }

    /// As [`url`](Self::url), where `Some(None)` says that it may stay unset and does.
    pub fn optional_url(&mut self, name: &str) -> Option<Option<Url>> {
        match self.optional(name) {
            Some(_) => self.url(name, None).map(Some),
            None => Some(None),
        }
    }

    /// Adds a complaint of the caller's own: `FRESHLAKE_X and FRESHLAKE_Y exclude each other`.
    pub fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// What `build` makes of the settings, or one error that lists all complaints.
    pub fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T> {
        if self.problems.is_empty() {
            return build().ok_or_else(|| {
                Error::new(ErrorKind::Internal, "a setting is missing and nothing complained about it")
            });
        }
        let count = match self.problems.len() {
            1 => "a setting is wrong".to_owned(),
            n => format!("{n} settings are wrong"),
        };
        Err(Error::new(ErrorKind::Config, format!("{count}: {}", self.problems.join("; ")))
            .next("set them and start again"))
    }
}

impl fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("problems", &self.problems).finish_non_exhaustive()
    }
}

/// Parses a web address that secrets may be sent to: https, or plain http to this machine, where nobody
/// listens in between.
pub fn safe_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a web address like https://example.com")?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => return Err("is plain http: use https (http is only for this machine)"),
        _ => return Err("has to start with https://"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or password: leave them out");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a part after ? or #: leave it out");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &'static [(&'static str, &'static str)]) -> Settings<'static> {
        Settings::new(move |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn all_mistakes_are_told_at_once_and_no_value_is() {
        let mut settings = settings(&[
            ("BLANK", "  "),
            ("API", "http://evil.example/hunter2"),
            ("COUNT", "hunter2"),
            ("FINE", "x"),
        ]);
        assert_eq!(settings.required("FINE", "a letter").as_deref(), Some("x"));
        assert_eq!(settings.required("BLANK", "the bucket"), None);
        assert_eq!(settings.url("API", None), None);
        assert_eq!(settings.url("SITE", None), None);
        assert_eq!(settings.parsed("COUNT", 3_u32), None);
        assert_eq!(settings.parsed("OTHER", 3_u32), Some(3));
        let error = settings.finish(|| Some(())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(
            error.to_string(),
            "4 settings are wrong: BLANK is not set (the bucket); API is plain http: use https (http is only for \
             this machine); SITE is not set (a web address that starts with https://); COUNT cannot be read: \
             invalid digit found in string; set them and start again"
        );
    }

    #[test]
    fn secrets_go_to_https_or_to_this_machine() {
        for good in ["https://a.example", "http://127.0.0.1:80/x", "http://[::1]:1", "http://localhost:9"] {
            assert!(safe_url(good).is_ok(), "{good} was refused");
        }
        for bad in [
            "",
            "api.example",
            "http://a.example",
            "http://localhost.example",
            "ftp://127.0.0.1",
            "https://u:p@a.example",
            "https://a.example/?x=1",
            "https://a.example/#x",
        ] {
            assert!(safe_url(bad).is_err(), "{bad} was accepted");
        }
    }
}
