//! Local settings: `freshlake.toml`, and the environment over it. Every mistake is told at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use freshbooks::{Budget, Patience};
use lake::Contract;
use model::{ConnectionName, Error, ErrorKind, Result, TableName, TableSettings};
use secrecy::{ExposeSecret, SecretString};
use sync::Reach;
use toml::{Table, Value};
use url::Url;

const FILE: &str = "freshlake.toml";
const SECRETS: &str = "freshlake-secrets.json";
const API_URL: &str = "https://api.freshbooks.com";
const AUTH_URL: &str = "https://auth.freshbooks.com";
const MOST_IN_FLIGHT: u16 = 100;
const MOST_TRIES: u32 = 100;
const MOST_PER_ROW: i64 = 1_000_000;
const MOST_MONTHS: i64 = 120;
/// A shorter salt could be guessed.
const SALT_LENGTH: usize = 16;

/// What is set, with defaults for the rest.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The folder of the lake.
    pub(crate) lake: PathBuf,
    /// The database that the lake's tables are in.
    pub(crate) database: String,
    /// How far the tables follow what FreshBooks sends.
    pub(crate) contract: Contract,
    /// Pages fetched at once.
    pub(crate) in_flight: u16,
    /// How far a run reaches beyond what is new.
    pub(crate) reach: Reach,
    /// How often a page is tried.
    pub(crate) tries: u32,
    /// The file of secrets.
    pub(crate) secrets: PathBuf,
    /// The OAuth app at FreshBooks.
    pub(crate) client_id: Option<String>,
    /// Its secret, from the environment.
    pub(crate) client_secret: Option<SecretString>,
    /// The token of `pull`, from the environment.
    pub(crate) access_token: Option<SecretString>,
    /// The host of the API.
    pub(crate) api_url: Url,
    /// The host of the consent page.
    pub(crate) auth_url: Url,
    /// What is set for single tables.
    pub(crate) tables: BTreeMap<TableName, TableSettings>,
    /// What columns are hashed with, from the environment.
    pub(crate) salt: Option<SecretString>,
    /// What is set for single connections.
    pub(crate) connections: BTreeMap<ConnectionName, Chosen>,
}

/// What is set for one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chosen {
    /// The tables to copy; all if absent.
    pub(crate) tables: Option<Vec<TableName>>,
    /// The one business to connect.
    pub(crate) account: Option<String>,
}

impl Settings {
    /// Reads the file, if there is one, and what `environment` sets over it.
    pub(crate) fn read(file: Option<&Path>, environment: fn(&str) -> Option<String>) -> Result<Self> {
        let path = file.unwrap_or(Path::new(FILE));
        let table = match std::fs::read_to_string(path) {
            Ok(text) => parse(path, &text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => Table::new(),
            Err(error) => {
                let what = format!("cannot read the settings in {}", path.display());
                return Err(Error::new(ErrorKind::Config, what).because(error));
            }
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::build(table, folder, environment)
            .map_err(|error| if file.is_some() { error.while_doing(path.display()) } else { error })
    }

    fn build(table: Table, folder: &Path, environment: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut settings = host::Settings::new(environment);
        let mut root = Section::new("", table);
        let mut app = root.section("freshbooks");
        let mut named = root.section("connections");
        let tables = tables(&mut root);
        let lake = root.text("lake").unwrap_or_else(|| "lake".to_owned());
        let database = root.text("database").unwrap_or_else(|| "freshbooks".to_owned());
        let contract = root.text("contract").map(|word| word.parse::<Contract>());
        let in_flight = root.number("in_flight", 1, MOST_IN_FLIGHT.into()).and_then(|n| n.try_into().ok());
        let tries = root.number("tries", 1, MOST_TRIES.into()).and_then(|n| n.try_into().ok());
        let file_client_id = app.text("client_id");
        let per_row = root.number("per_row_requests", 0, MOST_PER_ROW).and_then(|n| n.try_into().ok());
        let months = root.number("restated_months", 0, MOST_MONTHS).and_then(|n| n.try_into().ok());
        let client_id = settings.optional("FRESHBOOKS_CLIENT_ID").or(file_client_id);
        let (file_api, file_auth) = (app.url("api_url"), app.url("auth_url"));
        let own_api = settings.optional("FRESHBOOKS_API_URL").is_some() || file_api.is_some();
        let api_url = settings.url("FRESHBOOKS_API_URL", Some(file_api.as_deref().unwrap_or(API_URL)));
        // Another FreshBooks than the live one asks for consent itself, unless something else is said.
        let auth_default = match &api_url {
            Some(api) if own_api => api.as_str(),
            _ => AUTH_URL,
        };
        let auth_url =
            settings.url("FRESHBOOKS_AUTH_URL", Some(file_auth.as_deref().unwrap_or(auth_default)));
        let connections = connections(&mut named);
        for section in [root, app, named] {
            section.finish(&mut settings);
        }
        for problem in connections.iter().flat_map(|(_, _, problems)| problems) {
            settings.problem(problem);
        }
        let tables = tables.unwrap_or_else(|problems| {
            for problem in problems {
                settings.problem(problem);
            }
            BTreeMap::new()
        });
        let contract = match contract {
            Some(Err(error)) => {
                settings.problem(format!("contract: {error}"));
                None
            }
            Some(Ok(contract)) => Some(contract),
            None => Some(Contract::default()),
        };
        let secret = |name| settings.optional(name).map(SecretString::from);
        let (client_secret, access_token) =
            (secret("FRESHBOOKS_CLIENT_SECRET"), secret("FRESHBOOKS_ACCESS_TOKEN"));
        let salt = secret("FRESHLAKE_SALT");
        if salt.as_ref().is_some_and(|salt| salt.expose_secret().len() < SALT_LENGTH) {
            settings.problem(format!("FRESHLAKE_SALT has to have {SALT_LENGTH} characters or more"));
        }
        settings.finish(|| {
            Some(Self {
                lake: folder.join(lake.strip_prefix("./").unwrap_or(&lake)),
                database,
                contract: contract?,
                in_flight: in_flight.unwrap_or(8),
                reach: Reach {
                    per_row: per_row.unwrap_or(Reach::default().per_row),
                    restated_months: months.unwrap_or(Reach::default().restated_months),
                },
                tries: tries.unwrap_or(Patience::default().tries),
                secrets: folder.join(SECRETS),
                client_id,
                client_secret,
                access_token,
                api_url: api_url?,
                auth_url: auth_url?,
                tables,
                salt,
                connections: connections.into_iter().filter_map(|(n, c, _)| Some((n?, c))).collect(),
            })
        })
    }

    /// The same with what was asked for on the command line.
    pub(crate) fn paced(mut self, pace: crate::cli::Pace) -> Self {
        self.in_flight = pace.in_flight.unwrap_or(self.in_flight);
        self.tries = pace.tries.unwrap_or(self.tries);
        self
    }

    /// Requests at once, and the patience with each.
    pub(crate) fn budget(&self) -> Budget {
        Budget::new(self.in_flight).with_patience(Patience { tries: self.tries, ..Patience::default() })
    }
}

fn parse(path: &Path, text: &str) -> Result<Table> {
    text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        // The parser's own display quotes the line, which may hold what should not be shown.
        let what = format!("{} is not TOML at line {line}: {}", path.display(), error.message());
        Error::new(ErrorKind::Config, what).next("see the settings reference in functions/local/README.md")
    })
}

/// The sections `[tables.NAME]`.
fn tables(root: &mut Section) -> Result<BTreeMap<TableName, TableSettings>, Vec<String>> {
    let set = root.section("tables").left;
    let set = serde_json::to_value(set).ok().and_then(|set| set.as_object().cloned());
    ::tables::rules::read(&set.unwrap_or_default())
}

type Connection = (Option<ConnectionName>, Chosen, Vec<String>);

/// The sections `[connections.NAME]`, each with what is wrong with it.
fn connections(sections: &mut Section) -> Vec<Connection> {
    let names: Vec<String> = sections.left.keys().cloned().collect();
    let mut found = Vec::new();
    for name in names {
        let mut section = sections.section(&name);
        let mut problems = Vec::new();
        let parsed = ConnectionName::new(&*name).map_err(|error| problems.push(error.to_string())).ok();
        let tables = section.texts("tables");
        for table in tables.iter().flatten().filter(|table| tables::find(table).is_none()) {
            let near = tables::nearest(table).map(|near| format!(": did you mean {near}?"));
            problems.push(format!(
                "{} names no table {table}{}",
                section.path("tables"),
                near.unwrap_or_default()
            ));
        }
        let tables = tables.map(|tables| tables.into_iter().map(TableName).collect());
        let account = section.text("account");
        problems.append(&mut section.into_problems());
        found.push((parsed, Chosen { tables, account }, problems));
    }
    found
}

/// One section of the file. What is left when it ends was never asked for: a misspelt key.
struct Section {
    path: String,
    left: Table,
    known: Vec<String>,
    problems: Vec<String>,
}

impl Section {
    fn new(path: &str, left: Table) -> Self {
        Self { path: path.to_owned(), left, known: Vec::new(), problems: Vec::new() }
    }

    fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn take<T>(&mut self, key: &str, wanted: &str, read: impl FnOnce(Value) -> Option<T>) -> Option<T> {
        self.known.push(key.to_owned());
        let value = self.left.remove(key)?;
        let read = read(value);
        if read.is_none() {
            self.problems.push(format!("{} has to be {wanted}", self.path(key)));
        }
        read
    }

    fn section(&mut self, key: &str) -> Self {
        let table = self.take(key, "a section", |value| match value {
            Value::Table(table) => Some(table),
            _ => None,
        });
        Self::new(&self.path(key), table.unwrap_or_default())
    }

    fn text(&mut self, key: &str) -> Option<String> {
        self.take(key, "a text that is not empty", |value| match value {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => None,
        })
    }

    fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        self.take(key, "a list of texts", |value| match value {
            Value::Array(items) => items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        })
    }

    fn number(&mut self, key: &str, least: i64, most: i64) -> Option<i64> {
        self.take(key, &format!("a number from {least} to {most}"), |value| {
            value.as_integer().filter(|number| (least..=most).contains(number))
        })
    }

    fn url(&mut self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        match host::safe_url(&text) {
            Ok(_) => Some(text),
            Err(why) => {
                self.problems.push(format!("{} {why}", self.path(key)));
                None
            }
        }
    }

    fn into_problems(mut self) -> Vec<String> {
        for key in self.left.keys() {
            if key.contains("secret") || key.contains("token") {
                let what = format!("{} does not belong here", self.path(key));
                self.problems.push(format!("{what}: secrets come from the environment or {SECRETS}"));
                continue;
            }
            let near = self.known.iter().map(|known| (strsim::damerau_levenshtein(known, key), known)).min();
            let near = near.filter(|(distance, _)| *distance <= 3);
            let near = near.map(|(_, near)| format!(": did you mean {near}?")).unwrap_or_default();
            self.problems.push(format!("there is no setting {}{near}", self.path(key)));
        }
        self.problems
    }

    fn finish(self, settings: &mut host::Settings<'_>) {
        for problem in self.into_problems() {
            settings.problem(problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(text: &str, environment: &'static [(&str, &str)]) -> Result<Settings> {
        let lookup = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Settings::build(parse(Path::new("f.toml"), text)?, Path::new("/etc/books"), lookup)
    }

    #[test]
    fn what_is_left_out_has_a_default_and_paths_start_at_the_file() {
        let settings = build("", &[]).unwrap();
        assert_eq!(settings.lake, Path::new("/etc/books/lake"));
        assert_eq!(settings.secrets, Path::new("/etc/books/freshlake-secrets.json"));
        assert_eq!((settings.in_flight, settings.tries), (8, 8));
        assert_eq!(settings.reach, Reach { per_row: 1_000, restated_months: 3 });
        assert_eq!(settings.api_url.as_str(), "https://api.freshbooks.com/");
        assert_eq!(settings.auth_url.as_str(), "https://auth.freshbooks.com/");
    }

    #[test]
    fn the_environment_wins_and_another_freshbooks_asks_for_consent_itself() {
        let file = "lake = '/data'\n[freshbooks]\nclient_id = 'a'\napi_url = 'http://127.0.0.1:1'\n\
                    [connections.acme]\ntables = ['invoices']\naccount = 'qX4mRt'";
        let settings = build(file, &[("FRESHBOOKS_CLIENT_ID", "b")]).unwrap();
        assert_eq!(settings.lake, Path::new("/data"));
        assert_eq!(settings.client_id.as_deref(), Some("b"));
        assert_eq!(settings.auth_url.as_str(), "http://127.0.0.1:1/");
        let acme = &settings.connections[&ConnectionName::new("acme").unwrap()];
        assert_eq!(acme.tables, Some(vec!["invoices".into()]));
        assert_eq!(acme.account.as_deref(), Some("qX4mRt"));
    }

    #[test]
    fn every_mistake_is_told_at_once_with_what_was_probably_meant() {
        let file = "lak = 'x'\nin_flight = 0\n[freshbooks]\nclient_secret = 'hunter2'\napi_url = 'http://a.example'\n\
                    [connections.Acme]\ntables = ['invocies']";
        let error = build(file, &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        for part in [
            "6 settings are wrong",
            "there is no setting lak: did you mean lake?",
            "in_flight has to be a number from 1 to 100",
            "freshbooks.client_secret does not belong here",
            "freshbooks.api_url is plain http",
            "\"Acme\" is not a connection name",
            "connections.Acme.tables names no table invocies: did you mean invoices?",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("hunter2"));
        let broken = build("lake = 'x'\nsecret = hunter2", &[]).unwrap_err().to_string();
        assert!(broken.starts_with("f.toml is not TOML at line 2"), "{broken}");
        assert!(!broken.contains("hunter2"), "{broken}");
    }
}
