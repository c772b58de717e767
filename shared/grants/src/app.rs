//! The OAuth app that a deployment is registered as at FreshBooks.

use model::{Error, ErrorKind, Result};
use secrecy::SecretString;
use url::Url;

/// The app's id and secret, and where FreshBooks' OAuth endpoints are.
#[derive(Clone, Debug)]
pub struct App {
    /// The client id from FreshBooks' developer page.
    pub client_id: String,
    /// The client secret beside it.
    pub client_secret: SecretString,
    /// Where the browser is sent for consent.
    pub authorize_url: Url,
    /// Where codes and refresh tokens are redeemed.
    pub token_url: Url,
    /// Where tokens are revoked.
    pub revoke_url: Url,
    /// The host of the API.
    pub api_url: Url,
    /// Where FreshBooks sends the browser back to; registered on the developer page, letter by letter.
    pub redirect_url: Url,
}

impl App {
    /// The app on the FreshBooks at `auth_url` and `api_url`: `https://auth.freshbooks.com` and
    /// `https://api.freshbooks.com`.
    pub fn new(
        client_id: impl Into<String>,
        client_secret: SecretString,
        auth_url: &Url,
        api_url: Url,
        redirect_url: Url,
    ) -> Result<Self> {
        let join = |base: &Url, path| {
            base.join(path).map_err(|error| {
                Error::new(ErrorKind::Config, format!("{base} cannot be the address of FreshBooks"))
                    .because(error)
            })
        };
        Ok(Self {
            client_id: client_id.into(),
            client_secret,
            authorize_url: join(auth_url, "/oauth/authorize")?,
            token_url: join(&api_url, "/auth/oauth/token")?,
            revoke_url: join(&api_url, "/auth/oauth/revoke")?,
            api_url,
            redirect_url,
        })
    }
}
