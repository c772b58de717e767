//! `POST /auth/oauth/token` and `/revoke`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::grants::{Grants, Redeemed};
use crate::answer::Answer;
use crate::options::OAuthOptions;

type Fields = BTreeMap<String, String>;

/// The fields of a form or JSON body, with the client's credentials also from Basic authentication.
fn fields(body: &[u8], content_type: &str, authorization: &str) -> Fields {
    let mut fields: Fields = if content_type.starts_with("application/json") {
        let object: serde_json::Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
        object.into_iter().filter_map(|(key, value)| Some((key, value.as_str()?.to_owned()))).collect()
    } else {
        url::form_urlencoded::parse(body).into_owned().collect()
    };
    let basic = authorization.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok());
    if let Some((id, secret)) =
        basic.as_deref().and_then(|raw| std::str::from_utf8(raw).ok()?.split_once(':'))
    {
        fields.entry("client_id".to_owned()).or_insert_with(|| id.to_owned());
        fields.entry("client_secret".to_owned()).or_insert_with(|| secret.to_owned());
    }
    fields
}

fn error(status: StatusCode, error: &str, description: &str) -> Answer {
    Answer::json(status, &json!({"error": error, "error_description": description}))
}

fn invalid_client() -> Answer {
    error(StatusCode::UNAUTHORIZED, "invalid_client", "Client authentication failed.")
}

fn invalid_grant() -> Answer {
    let description = "The provided authorization grant is invalid, expired, or revoked.";
    error(StatusCode::BAD_REQUEST, "invalid_grant", description)
}

fn is_our_client(fields: &Fields, options: &OAuthOptions) -> bool {
    let field = |key: &str| fields.get(key).map(String::as_str);
    field("client_id") == Some(&options.client_id) && field("client_secret") == Some(&options.client_secret)
}

/// Answers a token request.
pub(crate) fn token(
    grants: &mut Grants,
    seed: u64,
    options: &OAuthOptions,
    now: Timestamp,
    (body, content_type, authorization): (&[u8], &str, &str),
) -> Answer {
    let fields = fields(body, content_type, authorization);
    if !is_our_client(&fields, options) {
        return invalid_client();
    }
    let answer = match fields.get("grant_type").map(String::as_str) {
        Some("authorization_code") => exchange(grants, seed, options, now, &fields),
        Some("refresh_token") => refresh(grants, seed, options, now, &fields),
        Some(_) => return error(StatusCode::BAD_REQUEST, "unsupported_grant_type", "Unknown grant type."),
        None => return error(StatusCode::BAD_REQUEST, "invalid_request", "Missing grant_type."),
    };
    answer.map_or_else(invalid_grant, |body| Answer::json(StatusCode::OK, &body))
}

fn exchange(
    grants: &mut Grants,
    seed: u64,
    options: &OAuthOptions,
    now: Timestamp,
    fields: &Fields,
) -> Option<Value> {
    // Taken out first: a code is good for one attempt, whatever comes of it.
    let code = grants.codes.remove(fields.get("code")?)?;
    let uri = fields.get("redirect_uri").map(String::as_str);
    let uri_fits = !options.enforce_redirect_uri || uri == Some(&code.grant.redirect_uri);
    let verifier = fields.get("code_verifier").map(String::as_str);
    let proven = match &code.challenge {
        Some(challenge) => verifier.is_some_and(|verifier| challenge_of(verifier) == *challenge),
        None => true,
    };
    (now < code.expires_at && uri_fits && proven).then(|| grants.issue(code.grant, seed, options, now))
}

fn refresh(
    grants: &mut Grants,
    seed: u64,
    options: &OAuthOptions,
    now: Timestamp,
    fields: &Fields,
) -> Option<Value> {
    let token = fields.get("refresh_token")?.clone();
    match grants.redeem(&token, options, now) {
        Redeemed::Nothing => None,
        Redeemed::Again(answer) => Some(answer),
        Redeemed::Grant(grant) => {
            // SDKs always send it; whether FreshBooks checks it is not established, so a wrong one is refused
            // and an absent one is not.
            let wrong = fields.get("redirect_uri").is_some_and(|uri| *uri != grant.redirect_uri);
            if options.enforce_redirect_uri && wrong {
                grants.restore(token, grant);
                return None;
            }
            let answer = grants.issue(grant, seed, options, now);
            grants.spend(token, answer.clone(), now);
            Some(answer)
        }
    }
}

/// S256 of RFC 7636.
fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// Answers a revocation: `200 {}`, also for a token it does not know.
pub(crate) fn revoke(
    grants: &mut Grants,
    options: &OAuthOptions,
    (body, content_type, authorization): (&[u8], &str, &str),
) -> Answer {
    let fields = fields(body, content_type, authorization);
    if !is_our_client(&fields, options) {
        return invalid_client();
    }
    if let Some(token) = fields.get("token") {
        grants.revoke(token);
    }
    Answer::json(StatusCode::OK, &json!({}))
}
