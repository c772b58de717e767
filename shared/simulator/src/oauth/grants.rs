//! Codes and tokens that are alive.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::dice::{Dice, mix};
use crate::options::OAuthOptions;

/// What a person agreed to.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) id: u64,
    pub(crate) identity: i64,
    pub(crate) scopes: Vec<String>,
    pub(crate) redirect_uri: String,
}

/// A code between consent and exchange.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) grant: Grant,
    pub(crate) challenge: Option<String>,
    pub(crate) expires_at: Timestamp,
}

/// A live access token.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) identity: i64,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Timestamp,
    grant: u64,
}

/// All that is alive. Expired access tokens are swept whenever a new one is made.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    counter: u64,
    pub(crate) codes: HashMap<String, Code>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Grant>,
    /// Spent refresh tokens, with the time and the answer that replaced them.
    spent: HashMap<String, (Timestamp, Value)>,
}

impl Grants {
    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// A new code for what was agreed to.
    pub(crate) fn issue_code(
        &mut self,
        (seed, canary): (u64, &str),
        (identity, scopes, redirect_uri): (i64, Vec<String>, String),
        challenge: Option<String>,
        expires_at: Timestamp,
    ) -> String {
        let id = self.next();
        let code = format!("{canary}{}", hex(Dice::new(seed, "code", id)));
        let grant = Grant { id, identity, scopes, redirect_uri };
        self.codes.insert(code.clone(), Code { grant, challenge, expires_at });
        code
    }

    /// The token answer for a grant. Its refresh token replaces every other one of the same person.
    pub(crate) fn issue(&mut self, grant: Grant, seed: u64, options: &OAuthOptions, now: Timestamp) -> Value {
        let scope = grant.scopes.join(" ");
        let access = self.access_token(grant.identity, &grant.scopes, grant.id, seed, options, now);
        let canary = options.canary.as_deref().unwrap_or_default();
        let refresh = format!("{canary}{}", hex(Dice::new(seed, "refresh", self.next())));
        self.refresh.retain(|_, other| other.identity != grant.identity);
        self.refresh.insert(refresh.clone(), grant);
        json!({
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": options.expires_in,
            "created_at": now.as_second(),
            "refresh_token": refresh,
            "scope": scope,
            "direct_buy_tokens": {},
        })
    }

    /// A new access token, of the looks and the length of FreshBooks'.
    pub(crate) fn access_token(
        &mut self,
        identity: i64,
        scopes: &[String],
        grant: u64,
        seed: u64,
        options: &OAuthOptions,
        now: Timestamp,
    ) -> String {
        let number = self.next();
        let expires_at = later(now, options.expires_in);
        let claims = json!({
            "iss": "freshbooks simulator", "sub": identity.to_string(), "jti": number, "iat": now.as_second(),
            "exp": expires_at.as_second(), "scope": scopes.iter().take(12).cloned().collect::<Vec<_>>().join(" "),
        });
        let dice = Dice::new(seed, "access", number);
        let part = |value: &[u8]| URL_SAFE_NO_PAD.encode(value);
        let signature: Vec<u8> =
            (0..32).flat_map(|n| dice.part("signature", n).draw("bits").to_le_bytes()).collect();
        let token = format!(
            "{}{}.{}.{}",
            options.canary.as_deref().unwrap_or_default(),
            part(br#"{"alg":"RS256","kid":"simulator","typ":"JWT"}"#),
            part(claims.to_string().as_bytes()),
            part(&signature),
        );
        self.access.retain(|_, access| access.expires_at > now);
        self.access.insert(token.clone(), Access { identity, scopes: scopes.to_vec(), expires_at, grant });
        token
    }

    /// Whom a bearer token stands for.
    pub(crate) fn bearer(&self, token: &str, now: Timestamp) -> Option<&Access> {
        self.access.get(token).filter(|access| access.expires_at > now)
    }

    /// Redeems a refresh token: the grant behind it, or the answer given before if that is still allowed.
    pub(crate) fn redeem(&mut self, token: &str, options: &OAuthOptions, now: Timestamp) -> Redeemed {
        if let Some(grant) = self.refresh.remove(token) {
            if !options.old_access_token_lives {
                self.access.retain(|_, access| access.grant != grant.id);
            }
            return Redeemed::Grant(grant);
        }
        let grace = i64::try_from(options.refresh_grace_s).unwrap_or(i64::MAX);
        match self.spent.get(token) {
            Some((when, answer)) if grace > 0 && now <= later(*when, grace) => {
                Redeemed::Again(answer.clone())
            }
            _ => Redeemed::Nothing,
        }
    }

    /// Remembers what replaced a refresh token.
    pub(crate) fn spend(&mut self, token: String, answer: Value, now: Timestamp) {
        self.spent.insert(token, (now, answer));
    }

    /// Puts back a grant whose refresh failed before it took effect.
    pub(crate) fn restore(&mut self, token: String, grant: Grant) {
        self.refresh.insert(token, grant);
    }

    /// Revokes an access or refresh token; an unknown one is no error.
    pub(crate) fn revoke(&mut self, token: &str) {
        self.refresh.remove(token);
        self.access.remove(token);
    }

    /// Ends every access token.
    pub(crate) fn revoke_all_access(&mut self) {
        self.access.clear();
    }

    /// Ends every refresh token: a person has to authorise again.
    pub(crate) fn kill_grants(&mut self) {
        self.refresh.clear();
        self.spent.clear();
    }
}

/// What a refresh token was good for.
pub(crate) enum Redeemed {
    Grant(Grant),
    Again(Value),
    Nothing,
}

/// `seconds` after `instant`.
pub(crate) fn later(instant: Timestamp, seconds: i64) -> Timestamp {
    crate::moment::at(instant.as_second().saturating_add(seconds))
}

/// 64 hexadecimal digits.
fn hex(dice: Dice) -> String {
    let [a, b, c, d] = [0, 1, 2, 3].map(|n| mix(dice.part("hex", n).draw("bits")));
    format!("{a:016x}{b:016x}{c:016x}{d:016x}")
}
