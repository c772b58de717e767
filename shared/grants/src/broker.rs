//! Who gives out access tokens, and how a refresh is done so that no token is lost and none spent twice.
//!
//! The refresh token is single use, and several brokers, a person who reconnects, and a kill at any moment
//! may meet. What a refresh does, each step durable before the next:
//! 1. **Claim.** A version with the same tokens, marked `refreshing`, is put and made current by
//!    compare-and-set. That proves the store can be written, and lets one broker through: whoever loses the
//!    move, or finds a claim, does not send the token.
//! 2. **Redeem**, once. Only a request that never left this machine is sent again.
//! 3. **Save the successor** as pending. From here on it survives this process.
//! 4. **Make it current** by compare-and-set from the claim. A person who reconnected meanwhile wins.
//!
//! A claim of a broker that died stays. While the access token lives nobody minds; when it gets short, a
//! broker watches the claim for longer than any live refresh takes and then takes it over. It watches with
//! its own timer and compares no clocks of two machines. Whether the dead one's request was redeemed only
//! FreshBooks knows: sent again, a spent token is refused (`invalid_grant`) and nothing else happens.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use model::planted::{self, Bug};
use model::port::{Clock, Random, Transport};
use model::{ConnectionName, Error, ErrorKind, Result};

use crate::app::App;
use crate::endpoint::{Endpoint, Refusal};
use crate::grant::{Grant, State, Tokens, secret_name};
use crate::token::AccessToken;
use crate::{Moved, SecretStore, Stage, VersionId};

const POLL: Duration = Duration::from_secs(2);
/// Two minutes: longer than a claim may wait before its request is sent, plus the longest request, plus saving.
const POLLS: u32 = 60;
/// A broker that was held up for so long since its claim gives up instead of sending.
const CLAIM_IS_FRESH_SECONDS: i64 = 20;
/// Lost moves, take-overs and re-reads in one call.
const ROUNDS: u32 = 8;
const SENDS: u32 = 3;
/// A successor lives only in memory until it is saved, so this is tried for half a minute.
const SAVES: u32 = 8;

/// Gives out access tokens and keeps them fresh.
#[derive(Clone, Debug)]
pub struct Broker {
    /// The OAuth app.
    pub app: App,
    /// Where grants are kept.
    pub secrets: Arc<dyn SecretStore>,
    /// The way to FreshBooks.
    pub transport: Arc<dyn Transport>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fit for secrets: names of versions come from it.
    pub random: Arc<dyn Random>,
}

/// A version read from the store.
struct Held {
    id: VersionId,
    grant: Grant,
}

/// An access token to go on with.
struct Refreshed {
    token: AccessToken,
    /// Whether it is the old one, after a refresh that brought no answer.
    sent_in_vain: bool,
}

impl From<AccessToken> for Refreshed {
    fn from(token: AccessToken) -> Self {
        Self { token, sent_in_vain: false }
    }
}

#[derive(Clone, Copy)]
enum Why<'a> {
    /// Its time has come.
    Due,
    /// FreshBooks did not take this one, whatever the clock says.
    Rejected(&'a AccessToken),
}

impl Why<'_> {
    fn asks_for(self, grant: &Grant, clock: &dyn Clock) -> bool {
        match self {
            Self::Due => grant.is_due(clock.now()),
            Self::Rejected(token) => grant.tokens.access_token == *token,
        }
    }

    /// Whether the present token does for now: nobody has said it is bad, and enough of its life is left.
    fn can_wait(self, grant: &Grant, clock: &dyn Clock) -> bool {
        matches!(self, Self::Due) && !grant.is_urgent(clock.now())
    }

    fn still_usable(self, grant: &Grant, clock: &dyn Clock) -> bool {
        matches!(self, Self::Due) && grant.is_alive(clock.now())
    }
}

impl Broker {
    /// The current access token, for a worker. Reads only; fails with [`ErrorKind::TokenRejected`] where its time
    /// is over, and [`ErrorKind::ReconnectNeeded`] where there is no living grant.
    pub async fn access_token(&self, connection: &ConnectionName) -> Result<AccessToken> {
        let grant = self.present(connection).await?;
        if grant.is_alive(self.clock.now()) {
            return Ok(grant.tokens.access_token);
        }
        let message = format!("the access token of {connection} ended at {}", grant.expires_at());
        Err(Error::new(ErrorKind::TokenRejected, message).next("the next run refreshes it"))
    }

    /// The token to use after FreshBooks did not take `rejected`: one more read, by a worker. Fails with
    /// [`ErrorKind::TokenRejected`] if it is still the same.
    pub async fn reread_after_rejection(
        &self,
        connection: &ConnectionName,
        rejected: &AccessToken,
    ) -> Result<AccessToken> {
        // FreshBooks has just judged the old one, so this machine's clock has no say in whether the new one lives.
        let token = self.present(connection).await?.tokens.access_token;
        if token == *rejected {
            let message = format!("FreshBooks does not take the access token of {connection}");
            return Err(Error::new(ErrorKind::TokenRejected, message).next("the next run refreshes it"));
        }
        Ok(token)
    }

    /// The access token, refreshed where less than half its life is left. For dispatch only.
    ///
    /// Where FreshBooks does not answer, the old token is used as long as it lives. A refused grant is marked, and
    /// from then on this fails with [`ErrorKind::ReconnectNeeded`] without a call until a person reconnects.
    pub async fn refresh_if_due(&self, connection: &ConnectionName) -> Result<AccessToken> {
        self.refresh(connection, Why::Due).await.map(|refreshed| refreshed.token)
    }

    /// The access token a run can work with: refreshed where it is due, and where FreshBooks does not take it although it
    /// should still live. For dispatch only; costs one call.
    pub async fn ready(&self, connection: &ConnectionName) -> Result<AccessToken> {
        let Refreshed { token, sent_in_vain } = self.refresh(connection, Why::Due).await?;
        if self.is_refused(&token).await {
            if sent_in_vain {
                // It may have arrived: not a second time in one run.
                let message =
                    format!("the access token of {connection} is dead, and cannot be refreshed just now");
                return Err(Error::new(ErrorKind::Unavailable, message).next("the next run tries again"));
            }
            tracing::debug!(name: "revoked_token_found", target: "path", %connection, "refreshing before its time");
            return self.refresh_after_rejection(connection, &token).await;
        }
        Ok(token)
    }

    /// Whether FreshBooks says that it does not take `token`. Anything but a clear no is none: the tasks will see.
    async fn is_refused(&self, token: &AccessToken) -> bool {
        matches!(self.endpoint().who(token).await, Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED)
    }

    /// As [`refresh_if_due`](Self::refresh_if_due), for a token that FreshBooks rejects although this machine's
    /// clock says it lives. For dispatch only.
    pub async fn refresh_after_rejection(
        &self,
        connection: &ConnectionName,
        rejected: &AccessToken,
    ) -> Result<AccessToken> {
        self.refresh(connection, Why::Rejected(rejected)).await.map(|refreshed| refreshed.token)
    }

    /// Revokes the grant at FreshBooks, then removes the secret. Where FreshBooks cannot be reached nothing is
    /// removed, so that the tokens can still be revoked.
    pub async fn disconnect(&self, connection: &ConnectionName) -> Result<()> {
        if let Some(held) = self.current(connection).await? {
            self.endpoint().revoke(&held.grant.tokens.refresh_token).await?;
        }
        self.secrets.delete(&secret_name(connection)).await
    }

    /// The current grant, unless it is dead to the last token.
    pub(crate) async fn present(&self, connection: &ConnectionName) -> Result<Grant> {
        let grant = self.current(connection).await?.ok_or_else(|| not_connected(connection))?.grant;
        if grant.state == State::Dead && !grant.is_alive(self.clock.now()) {
            return Err(reconnect_needed(connection));
        }
        Ok(grant)
    }

    async fn refresh(&self, connection: &ConnectionName, why: Why<'_>) -> Result<Refreshed> {
        for _ in 0..ROUNDS {
            let held = self.current(connection).await?.ok_or_else(|| not_connected(connection))?;
            if held.grant.state == State::Ready && !why.asks_for(&held.grant, &*self.clock) {
                return Ok(held.grant.tokens.access_token.into());
            }
            if self.roll_forward(connection, &held).await? {
                continue;
            }
            match held.grant.state {
                State::Ready => {}
                State::Dead => return Err(reconnect_needed(connection)),
                State::Refreshing if why.can_wait(&held.grant, &*self.clock) => {
                    return Ok(held.grant.tokens.access_token.into());
                }
                State::Refreshing => {
                    if self.changes_within_watch(connection, &held).await? {
                        continue;
                    }
                    tracing::warn!(%connection, "taking over a refresh that was broken off");
                    tracing::debug!(name: "refresh_taken_over", target: "path", %connection, "its broker is dead");
                }
            }
            // A store that cannot be written would lose the successor, so nothing is sent.
            match self.replace(connection, &held, held.grant.in_state(State::Refreshing)).await {
                Ok(Some(claim)) => return self.redeem_and_save(connection, claim, why).await,
                Ok(None) => {}
                Err(error) if why.still_usable(&held.grant, &*self.clock) => {
                    tracing::warn!(%connection, %error, "cannot refresh now: using the old token while it lives");
                    return Ok(held.grant.tokens.access_token.into());
                }
                Err(error) => return Err(error),
            }
        }
        let message = format!("the tokens of {connection} keep changing while they are refreshed");
        Err(Error::new(ErrorKind::Unavailable, message).next("the next run tries again"))
    }

    /// Makes the left-over of a broken-off refresh or reconnect current. Whether anything may have changed.
    async fn roll_forward(&self, connection: &ConnectionName, held: &Held) -> Result<bool> {
        let Some(pending) = self.read(connection, Stage::Pending).await? else { return Ok(false) };
        if pending.id == held.id || !pending.grant.is_left_over_after(&held.grant) {
            return Ok(false);
        }
        let name = secret_name(connection);
        let moved = self.secrets.make_current(&name, &pending.id, Some(&held.id)).await?;
        if moved == Moved::Won {
            let generation = pending.grant.generation;
            tracing::info!(%connection, generation, "rolled saved tokens forward");
            tracing::debug!(name: "token_rolled_forward", target: "path", %connection, generation, "current now");
        }
        Ok(true)
    }

    /// Watches a claim until it is gone or its broker must be dead.
    async fn changes_within_watch(&self, connection: &ConnectionName, held: &Held) -> Result<bool> {
        for _ in 0..POLLS {
            self.clock.sleep(POLL).await;
            match self.current(connection).await? {
                Some(now) if now.id == held.id => {}
                _ => return Ok(true),
            }
        }
        // Its broker may have died between saving and making current.
        self.roll_forward(connection, held).await
    }

    async fn redeem_and_save(
        &self,
        connection: &ConnectionName,
        claim: Held,
        why: Why<'_>,
    ) -> Result<Refreshed> {
        let claimed_at = self.clock.now();
        for attempt in 1..=SENDS {
            let held_up = self.clock.now().as_second().abs_diff(claimed_at.as_second());
            if held_up > CLAIM_IS_FRESH_SECONDS.unsigned_abs() {
                let message = format!("the refresh of {connection} was held up, so its token was not sent");
                return self
                    .give_up(connection, &claim, why, Error::new(ErrorKind::Unavailable, message))
                    .await;
            }
            match self.endpoint().redeem(&claim.grant).await {
                Ok(tokens) => return self.save(connection, claim, tokens).await.map(Refreshed::from),
                Err(Refusal::Spent) => {
                    return self.refused(connection, claim, why).await.map(Refreshed::from);
                }
                Err(Refusal::NotSent(error)) if attempt < SENDS && error.kind() == ErrorKind::Unavailable => {
                    self.clock.sleep(Duration::from_secs(u64::from(attempt))).await;
                }
                Err(Refusal::Failed(_)) if attempt < SENDS && planted::is(Bug::TokenResent) => {}
                Err(Refusal::NotSent(error) | Refusal::Failed(error)) => {
                    return self.give_up(connection, &claim, why, error).await;
                }
            }
        }
        Err(Error::new(ErrorKind::Internal, format!("the refresh of {connection} ended nowhere")))
    }

    /// Saves the successor and makes it current, whatever it takes: it exists only here.
    async fn save(&self, connection: &ConnectionName, claim: Held, tokens: Tokens) -> Result<AccessToken> {
        let name = secret_name(connection);
        let successor = claim.grant.successor(tokens);
        if planted::is(Bug::SuccessorNotSaved) {
            return Ok(successor.tokens.access_token);
        }
        let version = successor.to_version(&*self.random)?;
        let mut from = claim.id;
        let mut wait = Duration::from_millis(250);
        let mut last = None;
        for _ in 0..SAVES {
            let step = async {
                self.secrets.put_pending(&name, &version).await?;
                if self.secrets.make_current(&name, &version.id, Some(&from)).await? == Moved::Won {
                    return Ok(None);
                }
                self.current(connection).await.map(Some)
            };
            match step.await {
                Ok(None) => return Ok(successor.tokens.access_token),
                Ok(Some(Some(now))) if now.id == version.id => return Ok(successor.tokens.access_token),
                // Someone took the claim over, or marked it dead: older tokens, so these go on top.
                Ok(Some(Some(now))) if successor.supersedes(&now.grant) => from = now.id,
                Ok(Some(Some(now))) => {
                    tracing::info!(%connection, "a newer grant was saved during the refresh: using that");
                    return Ok(now.grant.tokens.access_token);
                }
                Ok(Some(None)) => return Err(not_connected(connection)),
                Err(error) => {
                    tracing::warn!(%connection, %error, "cannot save refreshed tokens yet");
                    last = Some(error);
                    self.clock.sleep(wait).await;
                    wait *= 2;
                }
            }
        }
        let message = format!("the tokens of {connection} were refreshed and could not be saved");
        let error = Error::new(ErrorKind::Storage, message)
            .next(format!("if the next run does not find them, run `freshlake connect {connection}`"));
        Err(match last {
            Some(cause) => error.because(cause),
            None => error,
        })
    }

    /// `invalid_grant`. Reads once more: a person or another broker may have put other tokens in place. If not, the
    /// grant is dead, and marking it so keeps every later run from asking again.
    async fn refused(&self, connection: &ConnectionName, claim: Held, why: Why<'_>) -> Result<AccessToken> {
        if !self.roll_forward(connection, &claim).await? {
            match self.replace(connection, &claim, claim.grant.in_state(State::Dead)).await {
                Ok(None) => {}
                Ok(Some(_)) => {
                    tracing::error!(%connection, "FreshBooks refused the refresh token: reconnect needed");
                    tracing::debug!(name: "grant_died", target: "path", %connection, "marked");
                    return Err(reconnect_needed(connection));
                }
                Err(error) => {
                    tracing::error!(%connection, %error, "FreshBooks refused the refresh token; not noted");
                    return Err(reconnect_needed(connection));
                }
            }
        }
        let now = self.current(connection).await?.ok_or_else(|| not_connected(connection))?.grant;
        let other = now.grant_id != claim.grant.grant_id || now.generation != claim.grant.generation;
        if other
            && now.state != State::Dead
            && !matches!(why, Why::Rejected(t) if *t == now.tokens.access_token)
        {
            return Ok(now.tokens.access_token);
        }
        let message = format!("another refresh of {connection} is under way");
        Err(Error::new(ErrorKind::Unavailable, message).next("the next run uses its tokens"))
    }

    /// Ends a claim without tokens, and falls back on the old token while it lives.
    async fn give_up(
        &self,
        connection: &ConnectionName,
        claim: &Held,
        why: Why<'_>,
        error: Error,
    ) -> Result<Refreshed> {
        // Without this the next run would find a claim and watch it: slower, not wrong.
        if let Err(error) = self.replace(connection, claim, claim.grant.in_state(State::Ready)).await {
            tracing::warn!(%connection, %error, "cannot give the refresh back");
        }
        let passing = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::RateLimited);
        if passing && why.still_usable(&claim.grant, &*self.clock) {
            tracing::warn!(%connection, %error, "cannot refresh now: using the old token while it lives");
            tracing::debug!(name: "old_token_used", target: "path", %connection, "while it lives");
            return Ok(Refreshed { token: claim.grant.tokens.access_token.clone(), sent_in_vain: true });
        }
        Err(error.while_doing(format!("cannot refresh the tokens of {connection}")))
    }

    /// Puts `grant` in the place of `held`, or answers `None` if that is not current any more.
    async fn replace(&self, connection: &ConnectionName, held: &Held, grant: Grant) -> Result<Option<Held>> {
        let name = secret_name(connection);
        let version = grant.to_version(&*self.random)?;
        self.secrets.put_pending(&name, &version).await?;
        let moved = self.secrets.make_current(&name, &version.id, Some(&held.id)).await?;
        Ok((moved == Moved::Won).then_some(Held { id: version.id, grant }))
    }

    async fn current(&self, connection: &ConnectionName) -> Result<Option<Held>> {
        self.read(connection, Stage::Current).await
    }

    async fn read(&self, connection: &ConnectionName, stage: Stage) -> Result<Option<Held>> {
        let Some(version) = self.secrets.read(&secret_name(connection), stage).await? else {
            return Ok(None);
        };
        let grant = Grant::from_version(connection, &version)?;
        Ok(Some(Held { id: version.id, grant }))
    }

    fn endpoint(&self) -> Endpoint<'_> {
        Endpoint { app: &self.app, transport: &*self.transport, clock: &*self.clock }
    }
}

fn not_connected(connection: &ConnectionName) -> Error {
    Error::new(ErrorKind::ReconnectNeeded, format!("{connection} is not connected to FreshBooks"))
        .next(reconnect_step(connection))
}

fn reconnect_needed(connection: &ConnectionName) -> Error {
    let message = format!("FreshBooks has ended the authorisation of {connection}");
    Error::new(ErrorKind::ReconnectNeeded, message).next(reconnect_step(connection))
}

fn reconnect_step(connection: &ConnectionName) -> String {
    format!("run `freshlake connect {connection}`, or send a fresh link: `freshlake invite {connection}`")
}
