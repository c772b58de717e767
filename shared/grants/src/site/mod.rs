//! The web site of a deployment: a person connects FreshBooks in the browser.
//!
//! `GET /connect?invite=…` shows what will be read, `POST /connect/start` sends the browser to FreshBooks,
//! `GET /callback` is where it comes back to. Only who holds a link signed by the operator gets past the first
//! page; only the browser that started an authorisation can end it, once, within ten minutes; and only the
//! person who made a connection can renew it.

mod callback;
mod html;
mod invite;
mod pages;
mod request;
mod response;
mod scopes;
mod signature;
mod trouble;

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use model::port::{Clock, ObjectStore, Random, Transport};
use model::{Error, ErrorKind, Result};
use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use secrecy::SecretString;
use url::Url;

use crate::random::token;
use crate::{App, SecretStore};
pub use invite::Invite;
use invite::Session;
use request::{Parameters, check_size, is_cross_site};
pub use scopes::READ_SCOPES;
use signature::{Purpose, open, seal};

/// How long a person may take between the button and coming back.
const SESSION_SECONDS: i64 = 600;

/// Everything the pages need.
#[derive(Clone, Debug)]
pub struct ConnectSite {
    /// The OAuth app. Its redirect URL is this site's `/callback`.
    pub app: App,
    /// Where grants are saved.
    pub secrets: Arc<dyn SecretStore>,
    /// Where settings and used states are saved.
    pub objects: Arc<dyn ObjectStore>,
    /// The way to FreshBooks.
    pub transport: Arc<dyn Transport>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fit for secrets.
    pub random: Arc<dyn Random>,
    /// Signs invites and cookies: 32 random characters or more.
    pub signing_key: SecretString,
    /// The address of this site.
    pub site_url: Url,
    /// Where the data goes, in words: `the lake s3://acme-books`.
    pub destination: String,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
}

/// Why a request ends in an error page. Each says what happened and what to do.
#[derive(Debug)]
pub(crate) enum Reject {
    /// No such page.
    NotFound,
    /// Another method than the page has.
    Method(&'static str),
    /// The address is longer than any of ours.
    TargetTooLong,
    /// The body is larger than any of ours.
    BodyTooLarge,
    /// Not what our own pages send.
    BadRequest,
    /// The link is not one of ours, or was changed on its way.
    BadInvite,
    /// The link has expired.
    ExpiredInvite,
    /// The browser that comes back is not the one that left, or its cookie is gone.
    WrongBrowser,
    /// More than ten minutes between leaving and coming back.
    TooLate,
    /// This authorisation has ended before.
    Used,
    /// The person said no.
    Denied,
    /// FreshBooks itself reports a mistake in what we asked.
    Refused,
    /// FreshBooks does not take the code.
    CodeSpent,
    /// The business asked for is not among those of this login.
    UnknownAccount {
        /// What the link asks for.
        account: String,
        /// What there is.
        found: Vec<String>,
    },
    /// Another person has made this connection.
    Stranger,
    /// Something that we need does not work.
    Failed(Error),
}

impl ConnectSite {
    /// The same site under another address, with the redirect URL that goes with it.
    pub fn at(&self, site_url: Url) -> Result<Self> {
        let mut site = self.clone();
        site.app.redirect_url = site_url.join("/callback").map_err(|error| {
            Error::new(ErrorKind::Config, "the address of the site cannot be used").because(error)
        })?;
        site.site_url = site_url;
        Ok(site)
    }

    /// A signed link for a person to connect with.
    pub fn invite(&self, invite: &Invite) -> Result<Url> {
        let mut url = self.site_url.join("/connect").map_err(|error| {
            Error::new(ErrorKind::Config, "the address of the site cannot be used").because(error)
        })?;
        let sealed = seal(&self.signing_key, Purpose::Invite, invite)?;
        url.query_pairs_mut().append_pair("invite", &sealed);
        Ok(url)
    }

    /// Answers one request. Never fails: what goes wrong becomes a page for the person and a line in the log.
    ///
    /// An answer that ends an authorisation without success carries an `Arc<Error>` in its extensions, for a program
    /// that waits for the end in the same process.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        match self.route(&request).await {
            Ok(response) => response,
            Err(reject) => {
                // Nothing of the request is logged: its query holds codes and links.
                if let Reject::Failed(error) = &reject {
                    tracing::error!(%error, "cannot connect");
                }
                let ends_session = request.uri().path() == "/callback";
                let page = trouble::reject(&reject);
                let mut response = response::page(page, &self.app.authorize_url, ends_session);
                if let Some(error) = trouble::end(reject) {
                    response.extensions_mut().insert(Arc::new(error));
                }
                response
            }
        }
    }

    async fn route(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Reject> {
        check_size(request)?;
        let only = |method: Method, name| {
            if *request.method() == method { Ok(()) } else { Err(Reject::Method(name)) }
        };
        match request.uri().path() {
            "/connect" => only(Method::GET, "GET").and_then(|()| self.show(request)),
            "/connect/start" => only(Method::POST, "POST").and_then(|()| self.start(request)),
            "/callback" => {
                only(Method::GET, "GET")?;
                self.callback(request).await
            }
            "/health" => only(Method::GET, "GET").map(|()| response::text("ok")),
            _ => Err(Reject::NotFound),
        }
    }

    fn show(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Reject> {
        let parameters = Parameters::of_query(request);
        let sealed = parameters.single("invite")?.ok_or(Reject::BadInvite)?;
        let invite = self.open_invite(sealed)?;
        let page = pages::connect(self, &invite, sealed);
        Ok(response::page(page, &self.app.authorize_url, false))
    }

    fn start(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Reject> {
        if is_cross_site(request.headers()) {
            return Err(Reject::BadRequest);
        }
        let parameters = Parameters::of_form(request)?;
        let invite = self.open_invite(parameters.single("invite")?.ok_or(Reject::BadInvite)?)?;
        let session = Session {
            state: token(&*self.random),
            verifier: token(&*self.random),
            invite,
            at: self.clock.now(),
        };
        let verifier = PkceCodeVerifier::new(session.verifier.clone());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let mut url = self.app.authorize_url.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.app.client_id)
            .append_pair("redirect_uri", self.app.redirect_url.as_str())
            .append_pair("scope", &self.scopes.join(" "))
            .append_pair("state", &session.state)
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", "S256");
        let cookie = seal(&self.signing_key, Purpose::Cookie, &session).map_err(Reject::Failed)?;
        response::redirect(&url, &cookie, SESSION_SECONDS)
    }

    fn open_invite(&self, sealed: &str) -> Result<Invite, Reject> {
        let invite: Invite = open(&self.signing_key, Purpose::Invite, sealed).ok_or(Reject::BadInvite)?;
        if self.clock.now() < invite.expires { Ok(invite) } else { Err(Reject::ExpiredInvite) }
    }
}
