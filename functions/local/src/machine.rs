//! What the functions have on AWS, on one machine: the lake in a folder, secrets in a file, the app's own secret.

use std::fmt::Write as _;
use std::sync::Arc;

use freshbooks::Business;
use grants::{App, Broker, ConnectSite, Moved, READ_SCOPES, SecretStore, SecretVersion, Stage, VersionId};
use host::{Folder, HttpOptions, HttpTransport, OsRandom, SecretsFile, SystemClock};
use model::port::Random;
use model::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::settings::Settings;

/// The secret that holds the app's credentials, beside those of the connections.
const APP: &str = "app";

/// The parts that every command puts together in its own way.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) settings: Settings,
    pub(crate) folder: Folder,
    pub(crate) secrets: Arc<SecretsFile>,
    pub(crate) transport: Arc<HttpTransport>,
}

/// The credentials as the secrets file has them.
#[derive(Deserialize, Serialize)]
struct Credentials {
    client_id: String,
    client_secret: String,
}

impl Machine {
    pub(crate) fn new(settings: Settings) -> Result<Self> {
        let options = HttpOptions { idle_connections: settings.in_flight.into(), ..HttpOptions::default() };
        Ok(Self {
            folder: Folder::open(&settings.lake)?,
            secrets: Arc::new(SecretsFile::new(&settings.secrets)),
            transport: Arc::new(HttpTransport::new(&options)?),
            settings,
        })
    }

    /// The app: its id from the settings, its secret from the environment, either else from the secrets file.
    pub(crate) async fn app(&self, redirect_url: Url) -> Result<App> {
        let saved = self.saved().await?;
        let saved_id = || saved.as_ref().map(|saved| saved.client_id.clone());
        let client_id = self.settings.client_id.clone().or_else(saved_id);
        // The saved secret belongs to the saved id.
        let fitting = saved.as_ref().filter(|saved| client_id.as_deref() == Some(&saved.client_id));
        let given = self.settings.client_secret.clone();
        let secret = given.or_else(|| fitting.map(|saved| saved.client_secret.clone().into()));
        match (client_id, secret) {
            (Some(id), Some(secret)) => {
                let (auth, api) = (&self.settings.auth_url, self.settings.api_url.clone());
                App::new(id, secret, auth, api, redirect_url)
            }
            (id, secret) => {
                let missing = [
                    id.is_none().then_some("FRESHBOOKS_CLIENT_ID"),
                    secret.is_none().then_some("FRESHBOOKS_CLIENT_SECRET"),
                ];
                let missing: Vec<&str> = missing.into_iter().flatten().collect();
                let verb = if missing.len() == 1 { "is" } else { "are" };
                Err(Error::new(ErrorKind::Config, format!("{} {verb} not set", missing.join(" and "))).next(
                    "take them from your app on FreshBooks' developer page; connecting once saves them",
                ))
            }
        }
    }

    async fn saved(&self) -> Result<Option<Credentials>> {
        let Some(version) = self.secrets.read(APP, Stage::Current).await? else { return Ok(None) };
        // The parser's words could quote the secret.
        serde_json::from_str(version.value.expose_secret()).map(Some).map_err(|_| {
            Error::new(ErrorKind::Storage, "the app's credentials in the secrets file cannot be read")
                .next("move the secrets file away and connect again")
        })
    }

    /// Saves what FreshBooks has just accepted, so that later runs need no environment.
    pub(crate) async fn save_app(&self, app: &App) -> Result<()> {
        let secret = app.client_secret.expose_secret();
        if let Some(saved) = self.saved().await?
            && saved.client_id == app.client_id
            && saved.client_secret == secret
        {
            return Ok(());
        }
        let credentials = Credentials { client_id: app.client_id.clone(), client_secret: secret.to_owned() };
        let value = serde_json::to_string(&credentials)
            .map_err(|_| Error::new(ErrorKind::Internal, "the app's credentials could not be written"))?;
        let version = SecretVersion { id: VersionId(random_text()), value: value.into() };
        let before = self.secrets.read(APP, Stage::Current).await?.map(|version| version.id);
        self.secrets.put_pending(APP, &version).await?;
        match self.secrets.make_current(APP, &version.id, before.as_ref()).await? {
            Moved::Won => Ok(()),
            Moved::Lost => Err(Error::new(ErrorKind::Conflict, "someone else saved the app's credentials")
                .next("run this command again")),
        }
    }

    /// Keeps tokens fresh.
    pub(crate) fn broker(&self, app: App) -> Broker {
        Broker {
            app,
            secrets: self.secrets.clone(),
            transport: self.transport.clone(),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
        }
    }

    /// The pages on which a person connects. Links are signed with a key of this process, and die with it.
    pub(crate) fn site(&self, app: App, site_url: Url) -> ConnectSite {
        ConnectSite {
            app,
            secrets: self.secrets.clone(),
            objects: Arc::new(self.folder.clone()),
            transport: self.transport.clone(),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            signing_key: SecretString::from(random_text()),
            site_url,
            destination: format!("the folder {}", self.folder.root().display()),
            scopes: READ_SCOPES.iter().map(|(scope, _)| (*scope).to_owned()).collect(),
        }
    }
}

/// 256 random bits in hex.
pub(crate) fn random_text() -> String {
    let mut bytes = [0; 32];
    OsRandom.fill(&mut bytes);
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `Juniper Studio (account qX4mRt, business 610001)`
pub(crate) fn named(business: &Business) -> String {
    let account = business.account_id.as_ref().map_or("no account".to_owned(), |a| format!("account {a}"));
    format!("{} ({account}, business {})", business.name, business.business_id)
}
