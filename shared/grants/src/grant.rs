//! The one value per connection that the secret store keeps.

use std::borrow::Cow;

use model::port::Random;
use model::{ConnectionName, Error, ErrorKind, Result, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::random::hex;
use crate::token::{AccessToken, RefreshToken};
use crate::{SecretVersion, VersionId};

const FORMAT: u32 = 1;

/// The name of a connection's secret; the adapter puts its own prefix in front.
pub fn secret_name(connection: &ConnectionName) -> String {
    format!("connections/{connection}")
}

/// Tokens as FreshBooks answered them.
#[derive(Debug)]
pub struct Tokens {
    /// Opens the API.
    pub access_token: AccessToken,
    /// Buys the next pair.
    pub refresh_token: RefreshToken,
    /// When they were made, by FreshBooks' clock.
    pub created_at: Timestamp,
    /// How long the access token lives from then, in seconds.
    pub expires_in: i64,
    /// The scopes granted, with blanks between.
    pub scope: String,
}

/// One person's authorisation of one connection, at one point of its chain of tokens.
#[derive(Debug)]
pub struct Grant {
    /// Random, from the moment the person authorised; all its successors keep it.
    pub grant_id: String,
    /// How many refreshes it is away from that moment.
    pub generation: u64,
    /// Who authorised.
    pub identity_id: i64,
    /// The redirect URL of the authorisation: FreshBooks wants the same one with every refresh.
    pub redirect_url: String,
    /// The tokens.
    pub tokens: Tokens,
    /// What is being done with them.
    pub state: State,
}

/// Where a grant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing is going on.
    Ready,
    /// A broker has claimed the refresh token and is about to redeem it, or died while doing so.
    Refreshing,
    /// FreshBooks refused the refresh token: a person has to authorise again.
    Dead,
}

/// What is stored, in words. The only type through which a token is written or read.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored<'a> {
    format: u32,
    grant_id: String,
    generation: u64,
    identity_id: i64,
    redirect_url: String,
    access_token: Cow<'a, str>,
    refresh_token: Cow<'a, str>,
    created_at: i64,
    expires_in: i64,
    scope: String,
    state: State,
}

#[derive(Deserialize)]
struct Header {
    format: u32,
}

impl Grant {
    /// The start of a chain: what a person has just authorised.
    pub fn begin(random: &dyn Random, identity_id: i64, redirect_url: &str, tokens: Tokens) -> Self {
        Self {
            grant_id: hex::<16>(random),
            generation: 0,
            identity_id,
            redirect_url: redirect_url.to_owned(),
            tokens,
            state: State::Ready,
        }
    }

    /// The next link of the chain.
    #[must_use]
    pub fn successor(&self, tokens: Tokens) -> Self {
        Self { generation: self.generation + 1, tokens, ..self.in_state(State::Ready) }
    }

    /// The same tokens in another state.
    #[must_use]
    pub fn in_state(&self, state: State) -> Self {
        Self {
            grant_id: self.grant_id.clone(),
            generation: self.generation,
            identity_id: self.identity_id,
            redirect_url: self.redirect_url.clone(),
            tokens: Tokens {
                access_token: self.tokens.access_token.clone(),
                refresh_token: self.tokens.refresh_token.duplicate(),
                scope: self.tokens.scope.clone(),
                ..self.tokens
            },
            state,
        }
    }

    /// When the access token ends, by FreshBooks' clock.
    pub fn expires_at(&self) -> Timestamp {
        self.instant(self.tokens.expires_in)
    }

    /// Whether the access token still opens the API.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now < self.expires_at()
    }

    /// Whether less than half of the access token's life is left.
    pub fn is_due(&self, now: Timestamp) -> bool {
        now >= self.instant(self.tokens.expires_in / 2)
    }

    /// Whether so little of the access token's life is left that a run may not end within it.
    pub fn is_urgent(&self, now: Timestamp) -> bool {
        now >= self.instant(self.tokens.expires_in / 8 * 7)
    }

    fn instant(&self, seconds: i64) -> Timestamp {
        let at = self.tokens.created_at.as_second().saturating_add(seconds);
        Timestamp::from_second(at).unwrap_or(Timestamp::MAX)
    }

    /// Whether this is a later link of the same chain.
    pub fn supersedes(&self, other: &Self) -> bool {
        self.grant_id == other.grant_id && self.generation > other.generation
    }

    /// Whether this, found pending, is what a broken-off refresh or reconnect left to be made current.
    ///
    /// A claim or a tombstone has the generation it began with and is no successor. The first link of another
    /// chain is a person's reconnect whose last step is missing; its tokens are younger, and making them has
    /// ended the older ones. Later links of another chain lost to a person and stay lost.
    pub fn is_left_over_after(&self, current: &Self) -> bool {
        let next = self.grant_id == current.grant_id && self.generation == current.generation + 1;
        let reconnect = self.grant_id != current.grant_id
            && self.identity_id == current.identity_id
            && self.generation == 0
            && self.tokens.created_at > current.tokens.created_at;
        self.state == State::Ready && (next || reconnect)
    }

    /// The version to store, under a fresh id. The only place where tokens are written down.
    pub fn to_version(&self, random: &dyn Random) -> Result<SecretVersion> {
        let stored = Stored {
            format: FORMAT,
            grant_id: self.grant_id.clone(),
            generation: self.generation,
            identity_id: self.identity_id,
            redirect_url: self.redirect_url.clone(),
            access_token: self.tokens.access_token.expose().into(),
            refresh_token: self.tokens.refresh_token.expose().into(),
            created_at: self.tokens.created_at.as_second(),
            expires_in: self.tokens.expires_in,
            scope: self.tokens.scope.clone(),
            state: self.state,
        };
        let value = serde_json::to_string(&stored)
            .map_err(|_| Error::new(ErrorKind::Internal, "a grant could not be written as JSON"))?;
        Ok(SecretVersion { id: VersionId(hex::<16>(random)), value: SecretString::from(value) })
    }

    /// Reads what [`to_version`](Self::to_version) wrote. What it does not know in full it refuses, because the next
    /// refresh would write back less than was there.
    pub fn from_version(connection: &ConnectionName, version: &SecretVersion) -> Result<Self> {
        let text = version.value.expose_secret();
        // serde_json's own text can quote what it read, so only the place is told.
        let damaged = |error: serde_json::Error| {
            let message = format!("the secret of {connection} cannot be read at column {}", error.column());
            Error::new(ErrorKind::Config, message)
                .next(format!("delete it and run `freshlake connect {connection}`"))
        };
        let header: Header = serde_json::from_str(text).map_err(damaged)?;
        if header.format != FORMAT {
            let message = format!(
                "the secret of {connection} has format {}, this version knows {FORMAT}",
                header.format
            );
            return Err(Error::new(ErrorKind::Config, message)
                .next("deploy the version that wrote it, or a newer one"));
        }
        let stored: Stored<'_> = serde_json::from_str(text).map_err(damaged)?;
        let created_at = Timestamp::from_second(stored.created_at).map_err(|error| {
            Error::new(ErrorKind::Config, format!("the secret of {connection} has no date")).because(error)
        })?;
        Ok(Self {
            grant_id: stored.grant_id,
            generation: stored.generation,
            identity_id: stored.identity_id,
            redirect_url: stored.redirect_url,
            tokens: Tokens {
                access_token: AccessToken::new(stored.access_token.into_owned()),
                refresh_token: RefreshToken::new(stored.refresh_token.into_owned()),
                created_at,
                expires_in: stored.expires_in,
                scope: stored.scope,
            },
            state: stored.state,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(chain: &str, generation: u64, created_at: i64, state: State) -> Grant {
        Grant {
            grant_id: chain.to_owned(),
            generation,
            identity_id: 1,
            redirect_url: "https://site.test/callback".to_owned(),
            tokens: Tokens {
                access_token: AccessToken::new("a".to_owned()),
                refresh_token: RefreshToken::new("r".to_owned()),
                created_at: Timestamp::from_second(created_at).unwrap(),
                expires_in: 43_200,
                scope: String::new(),
            },
            state,
        }
    }

    #[test]
    fn only_what_comes_next_is_rolled_forward() {
        let current = grant("one", 3, 1000, State::Refreshing);
        let is_next = |pending: Grant| pending.is_left_over_after(&current);
        assert!(is_next(grant("one", 4, 1000, State::Ready)), "a successor");
        assert!(is_next(grant("two", 0, 1001, State::Ready)), "a reconnect whose last step is missing");
        for (why, pending) in [
            ("a claim is no successor", grant("one", 3, 1000, State::Refreshing)),
            ("nor is a tombstone", grant("one", 3, 1000, State::Dead)),
            ("nor a claim given back", grant("one", 3, 1000, State::Ready)),
            ("a link is missing", grant("one", 5, 1000, State::Ready)),
            ("an older link", grant("one", 2, 1000, State::Ready)),
            ("an older chain", grant("two", 0, 999, State::Ready)),
            ("a later link of a chain that lost to a person", grant("two", 1, 2000, State::Ready)),
            ("another person", Grant { identity_id: 2, ..grant("two", 0, 2000, State::Ready) }),
        ] {
            assert!(!is_next(pending), "{why}");
        }
    }

    #[test]
    fn time_is_freshbooks_clock_plus_lifetime() {
        let grant = grant("one", 0, 1000, State::Ready);
        let at = |seconds: i64| Timestamp::from_second(1000 + seconds).unwrap();
        assert!(grant.is_alive(at(43_199)) && !grant.is_alive(at(43_200)));
        assert!(!grant.is_due(at(21_599)) && grant.is_due(at(21_600)));
        assert!(!grant.is_urgent(at(37_799)) && grant.is_urgent(at(37_800)));
    }
}
