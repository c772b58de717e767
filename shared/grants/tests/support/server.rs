//! FreshBooks' token endpoint and identity, for one person at a time, with an answer of the test's choice.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use model::port::{Clock, Transport, TransportError};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::LIFE;
use super::machine::Machine;

/// Marks every secret, so that a leak can be found.
pub const CANARY: &str = "k4n4ry";
pub const CLIENT_SECRET: &str = "k4n4ry-client-secret";
pub const SIGNING_KEY: &str = "k4n4ry-signing-key-0123456789-0123456789";

/// What becomes of the next token request; the default is an answer.
#[derive(Clone, Debug)]
pub enum Next {
    /// It never left.
    NotSent,
    /// It may have left, and did not arrive.
    LostBefore,
    /// It arrived and took effect; its answer did not arrive.
    LostAfter,
    /// It had no effect; this is the answer.
    Answer(u16, &'static str),
    /// It took effect; this is the answer instead of the tokens.
    AnswerAfter(u16, &'static str),
}

#[derive(Debug, Default)]
pub struct State {
    person: i64,
    counter: u64,
    codes: BTreeMap<String, (i64, String)>,
    /// Live refresh tokens and whose they are.
    pub live: BTreeMap<String, i64>,
    /// How often each refresh token bought something.
    pub redeemed: BTreeMap<String, u32>,
    /// How often each refresh token arrived.
    pub presented: BTreeMap<String, u32>,
    /// How often each code arrived.
    pub codes_presented: u32,
    pub identity_calls: u32,
    pub next: VecDeque<Next>,
    pub revoked: Vec<String>,
    /// The body for users/me, if not the person's own.
    pub identity_body: Option<(u16, String)>,
}

#[derive(Debug)]
pub struct FakeFreshBooks {
    machine: Arc<Machine>,
    state: Mutex<State>,
}

impl FakeFreshBooks {
    pub fn new(machine: Arc<Machine>) -> Self {
        Self { machine, state: Mutex::new(State { person: 12345, ..State::default() }) }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Who is logged in at the consent page.
    pub fn set_person(&self, identity: i64) {
        self.state().person = identity;
    }

    pub fn next(&self, next: Next) {
        self.state().next.push_back(next);
    }

    /// The person says yes: the code that the browser carries back.
    pub fn consent(&self, challenge: &str) -> String {
        let mut state = self.state();
        state.counter += 1;
        let code = format!("{CANARY}-code-{}", state.counter);
        let person = state.person;
        state.codes.insert(code.clone(), (person, challenge.to_owned()));
        code
    }

    /// Calls that reached the token endpoint.
    pub fn token_calls(&self) -> u32 {
        let state = self.state();
        state.codes_presented + state.presented.values().sum::<u32>()
    }

    fn issue(&self, state: &mut State, person: i64) -> String {
        state.counter += 1;
        let n = state.counter;
        // One live refresh token per person and app.
        state.live.retain(|_, owner| *owner != person);
        state.live.insert(format!("{CANARY}-refresh-{n}"), person);
        json!({
            "access_token": format!("{CANARY}-access-{person}-{n}"), "refresh_token": format!("{CANARY}-refresh-{n}"),
            "token_type": "Bearer", "expires_in": LIFE, "created_at": self.machine.now().as_second(),
            "scope": "user:profile:read user:clients:read", "direct_buy_tokens": {},
        })
        .to_string()
    }

    fn token(&self, form: &BTreeMap<String, String>) -> (u16, String) {
        let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let mut state = self.state();
        let refused = (400, format!(r#"{{"error":"invalid_grant","error_description":"{CANARY}"}}"#));
        if get("client_secret") != CLIENT_SECRET {
            return (401, r#"{"error":"invalid_client"}"#.to_owned());
        }
        assert_eq!(get("redirect_uri"), "https://site.test/callback", "redirect_uri is always sent");
        match get("grant_type") {
            "authorization_code" => {
                state.codes_presented += 1;
                let Some((person, challenge)) = state.codes.remove(get("code")) else { return refused };
                if challenge != URL_SAFE_NO_PAD.encode(Sha256::digest(get("code_verifier"))) {
                    return refused;
                }
                (200, self.issue(&mut state, person))
            }
            "refresh_token" => {
                let token = get("refresh_token").to_owned();
                *state.presented.entry(token.clone()).or_default() += 1;
                let Some(person) = state.live.remove(&token) else { return refused };
                *state.redeemed.entry(token).or_default() += 1;
                (200, self.issue(&mut state, person))
            }
            other => panic!("grant_type {other:?}"),
        }
    }

    fn identity(&self, bearer: &str) -> (u16, String) {
        let mut state = self.state();
        state.identity_calls += 1;
        if let Some(body) = state.identity_body.clone() {
            return body;
        }
        let person: i64 = bearer.split('-').nth(2).unwrap().parse().unwrap();
        let member = |id: i64, name: &str, account: &str| json!({"id": 1, "role": "owner", "business": {"id": id, "name": name, "account_id": account}});
        let body = json!({"response": {"identity_id": person, "business_memberships": [
            member(person, "Acme <b>& Söhne</b>", &format!("ACM{person}")),
            member(person + 1, "Second", &format!("SEC{person}")),
        ]}});
        (200, body.to_string())
    }
}

#[async_trait]
impl Transport for FakeFreshBooks {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let failed =
            |may_have_arrived| TransportError { may_have_arrived, message: "connection reset".to_owned() };
        let answer = |(status, body): (u16, String)| {
            let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
            Response::builder().status(status).header("content-type", kind).body(Bytes::from(body)).unwrap()
        };
        self.machine.step().await;
        let path = request.uri().path().to_owned();
        if path == "/auth/api/v1/users/me" {
            let bearer = request.headers()["authorization"].to_str().unwrap().to_owned();
            self.machine.step().await;
            return Ok(answer(self.identity(&bearer)));
        }
        let form: BTreeMap<String, String> =
            url::form_urlencoded::parse(request.body()).into_owned().collect();
        if path == "/auth/oauth/revoke" {
            self.state().revoked.push(form["token"].clone());
            return Ok(answer((200, "{}".to_owned())));
        }
        assert_eq!(path, "/auth/oauth/token");
        let next = self.state().next.pop_front();
        let outcome = match next {
            None => Ok(self.token(&form)),
            Some(Next::NotSent) => Err(failed(false)),
            Some(Next::LostBefore) => Err(failed(true)),
            Some(Next::LostAfter) => {
                self.token(&form);
                Err(failed(true))
            }
            Some(Next::Answer(status, body)) => Ok((status, body.to_owned())),
            Some(Next::AnswerAfter(status, body)) => {
                self.token(&form);
                Ok((status, body.to_owned()))
            }
        };
        // The answer is on its way: who dies here has lost it.
        self.machine.step().await;
        outcome.map(answer)
    }
}
