//! The way back from FreshBooks, where everything is checked before anything is saved.

use bytes::Bytes;
use freshbooks::{Business, Identity};
use http::{Request, Response};
use model::port::Put;
use model::{ConnectionName, Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::invite::{Invite, Session};
use super::request::{Parameters, cookie};
use super::response::{self, COOKIE_NAME};
use super::signature::{Purpose, open};
use super::{ConnectSite, Reject, SESSION_SECONDS, pages};
use crate::endpoint::{Endpoint, Refusal};
use crate::grant::{Grant, Tokens, secret_name};
use crate::random::to_hex;
use crate::{Connection, Moved, Stage, VersionId};

/// Moves of the current label lost to brokers before we give up.
const SAVES: u32 = 8;

impl ConnectSite {
    pub(super) async fn callback(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Reject> {
        let parameters = Parameters::of_query(request);
        let state = parameters.single("state")?;
        let code = parameters.single("code")?;
        let error = parameters.single("error")?;
        let session = self.session(request, state.ok_or(Reject::BadRequest)?)?;
        if let Some(issuer) = parameters.single("iss")?
            && !self.is_freshbooks(issuer)
        {
            return Err(Reject::BadRequest);
        }
        let code = match (code, error) {
            (Some(code), None) => code,
            (None, Some("access_denied")) => return Err(Reject::Denied),
            (None, Some(_)) => return Err(Reject::Refused),
            _ => return Err(Reject::BadRequest),
        };
        self.use_up(&session.state).await?;

        let tokens = self.exchange(code, &session.verifier).await?;
        let identity = self.identity(&tokens).await.map_err(Reject::Failed)?;
        let invite = &session.invite;
        let businesses = picked(&identity, invite)?;
        let connection = self.checked(invite, &identity, businesses).await?;
        let grant = Grant::begin(&*self.random, identity.identity_id, self.app.redirect_url.as_str(), tokens);
        self.save(&invite.connection, grant).await?;
        connection.save(&*self.objects).await.map_err(Reject::Failed)?;
        tracing::info!(connection = %connection.name, businesses = connection.businesses.len(), "connected");
        Ok(response::page(pages::connected(self, &connection), &self.app.authorize_url, true))
    }

    /// The session of this browser, if `state` is the one it left with.
    fn session(&self, request: &Request<Bytes>, state: &str) -> Result<Session, Reject> {
        let sealed = cookie(request.headers(), COOKIE_NAME).ok_or(Reject::WrongBrowser)?;
        let session: Session =
            open(&self.signing_key, Purpose::Cookie, sealed).ok_or(Reject::WrongBrowser)?;
        if !bool::from(session.state.as_bytes().ct_eq(state.as_bytes())) {
            return Err(Reject::WrongBrowser);
        }
        let now = self.clock.now();
        let age = now.as_second() - session.at.as_second();
        if !(0..=SESSION_SECONDS).contains(&age) {
            return Err(Reject::TooLate);
        }
        if now >= session.invite.expires {
            return Err(Reject::ExpiredInvite);
        }
        Ok(session)
    }

    /// RFC 9207, where FreshBooks sends it: the answer is from the server that was asked.
    fn is_freshbooks(&self, issuer: &str) -> bool {
        let Ok(issuer) = url::Url::parse(issuer) else { return false };
        let app = &self.app;
        [&app.authorize_url, &app.token_url].iter().any(|url| url.origin() == issuer.origin())
    }

    /// Marks the state as used, before the code is sent: of two requests with the same state one goes on.
    async fn use_up(&self, state: &str) -> Result<(), Reject> {
        let key = format!("connect/used/{}", to_hex(&Sha256::digest(state)));
        let note = Bytes::from(self.clock.now().to_string());
        match self.objects.put_if_absent(&key, note).await.map_err(Reject::Failed)? {
            Put::Created => Ok(()),
            Put::AlreadyThere => Err(Reject::Used),
        }
    }

    async fn exchange(&self, code: &str, verifier: &str) -> Result<Tokens, Reject> {
        let endpoint = Endpoint { app: &self.app, transport: &*self.transport, clock: &*self.clock };
        endpoint.exchange(code, verifier).await.map_err(|refusal| match refusal {
            Refusal::Spent => Reject::CodeSpent,
            Refusal::NotSent(error) | Refusal::Failed(error) => Reject::Failed(error),
        })
    }

    async fn identity(&self, tokens: &Tokens) -> Result<Identity> {
        let endpoint = Endpoint { app: &self.app, transport: &*self.transport, clock: &*self.clock };
        let answer = endpoint.who(&tokens.access_token).await?;
        if !answer.status().is_success() {
            let status = answer.status();
            let what = "cannot ask FreshBooks who authorised";
            return Err(Error::new(ErrorKind::Unavailable, what).because(format!("status {status}")));
        }
        Identity::parse(answer.body())
    }

    /// The settings to save, if this person may: a connection stays with the person who made it.
    async fn checked(
        &self,
        invite: &Invite,
        identity: &Identity,
        businesses: Vec<Business>,
    ) -> Result<Connection, Reject> {
        let name = &invite.connection;
        let known = Connection::load(&*self.objects, name).await.map_err(Reject::Failed)?;
        let saved = self.saved_grant(name).await.map_err(Reject::Failed)?.map(|(_, grant)| grant.identity_id);
        let owners = [known.as_ref().map(|known| known.identity_id), saved];
        if owners.into_iter().flatten().any(|owner| owner != identity.identity_id) {
            tracing::error!(connection = %name, "someone else tried to take the connection over: refused");
            return Err(Reject::Stranger);
        }
        let connected_at = self.clock.now();
        Ok(match known {
            // Reconnecting keeps what an operator has set.
            Some(known) => Connection { businesses, connected_at, ..known },
            None => Connection {
                name: name.clone(),
                identity_id: identity.identity_id,
                businesses,
                tables: None,
                settings: serde_json::Map::new(),
                start_date: None,
                paused: false,
                connected_at,
            },
        })
    }

    /// Makes the grant current. A broker may be refreshing the old one just now: what a person has just
    /// authorised goes on top.
    async fn save(&self, connection: &ConnectionName, grant: Grant) -> Result<(), Reject> {
        let name = secret_name(connection);
        let version = grant.to_version(&*self.random).map_err(Reject::Failed)?;
        for _ in 0..SAVES {
            let saved = self.saved_grant(connection).await.map_err(Reject::Failed)?;
            if saved.as_ref().is_some_and(|(_, saved)| saved.identity_id != grant.identity_id) {
                return Err(Reject::Stranger);
            }
            let from = saved.map(|(id, _)| id);
            if from.as_ref() == Some(&version.id) {
                return Ok(());
            }
            self.secrets.put_pending(&name, &version).await.map_err(Reject::Failed)?;
            let moved = self.secrets.make_current(&name, &version.id, from.as_ref()).await;
            if moved.map_err(Reject::Failed)? == Moved::Won {
                return Ok(());
            }
        }
        let message = format!("the tokens of {connection} keep changing while new ones are saved");
        Err(Reject::Failed(Error::new(ErrorKind::Storage, message).next("try again in some minutes")))
    }

    async fn saved_grant(&self, connection: &ConnectionName) -> Result<Option<(VersionId, Grant)>> {
        let version = self.secrets.read(&secret_name(connection), Stage::Current).await?;
        version
            .map(|version| {
                let grant = Grant::from_version(connection, &version)?;
                Ok((version.id, grant))
            })
            .transpose()
    }
}

/// The businesses to read: the one the link asks for, else all.
fn picked(identity: &Identity, invite: &Invite) -> Result<Vec<Business>, Reject> {
    let all = identity.businesses.clone();
    let Some(wanted) = &invite.account else { return Ok(all) };
    let is_wanted = |business: &Business| {
        business.business_id.to_string() == *wanted
            || business.account_id.as_ref().is_some_and(|account| account.0 == *wanted)
    };
    let found = all.iter().map(|business| business.name.clone()).collect();
    let picked: Vec<Business> = all.into_iter().filter(is_wanted).collect();
    if picked.is_empty() {
        return Err(Reject::UnknownAccount { account: wanted.clone(), found });
    }
    Ok(picked)
}
