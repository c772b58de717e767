//! Sends requests: within the budget, with the current token, and again where that is worth it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, DATE, HeaderMap, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, StatusCode};
use model::port::{Clock, Random, Transport};
use model::{Action, Error, ErrorKind, Result, Timestamp, Unit};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::Url;

use crate::access;
use crate::budget::{Budget, LONGEST_PAUSE};
use crate::page::Page;
use crate::request::Request;
use crate::trouble::{self, ApiError, Trouble};

/// A task that has repeated this many requests, and half of all it sent, gives up: FreshBooks is not well.
const REPEATS: u64 = 40;

/// Where access tokens come from. Workers only read: whoever implements this never refreshes.
#[async_trait::async_trait]
pub trait Tokens: Send + Sync + fmt::Debug {
    /// The current access token.
    async fn current(&self) -> Result<SecretString>;
    /// Another token than `rejected`, which FreshBooks did not take; an error if there is none.
    async fn after_rejection(&self, rejected: &SecretString) -> Result<SecretString>;
    /// The scopes the tokens were granted, where that is known.
    async fn scopes(&self) -> Result<Option<String>> {
        Ok(None)
    }
}

/// One access token from elsewhere; when it dies there is no other.
#[derive(Debug)]
pub struct FixedToken(pub SecretString);

#[async_trait::async_trait]
impl Tokens for FixedToken {
    async fn current(&self) -> Result<SecretString> {
        Ok(self.0.clone())
    }

    async fn after_rejection(&self, _: &SecretString) -> Result<SecretString> {
        Err(Error::new(ErrorKind::TokenRejected, "FreshBooks does not take the access token")
            .next("set FRESHBOOKS_ACCESS_TOKEN to a fresh one"))
    }
}

/// An answer with status 200 that holds a page.
#[derive(Debug)]
pub struct Answer {
    /// The page.
    pub page: Page,
    /// The source's clock when it answered, from its `Date` header.
    pub source_time: Option<Timestamp>,
    /// Our clock when the answer was here.
    pub received_at: Timestamp,
}

/// Asks FreshBooks.
#[derive(Debug)]
pub struct Client {
    base: Url,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    tokens: Arc<dyn Tokens>,
    budget: Arc<Budget>,
    token: Mutex<Option<SecretString>>,
    requests: AtomicU64,
    repeated: AtomicU64,
}

/// What to do after an exchange that brought no page.
struct Setback {
    error: Error,
    /// How long FreshBooks asks us to wait.
    retry_after: Option<Duration>,
}

impl Client {
    /// A client for the API at `base`.
    pub fn new(
        base: Url,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        tokens: Arc<dyn Tokens>,
        budget: Arc<Budget>,
    ) -> Self {
        Self {
            base,
            transport,
            clock,
            random,
            tokens,
            budget,
            token: Mutex::new(None),
            requests: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
        }
    }

    /// Requests sent so far, repeated ones included.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Fetches one page. What can pass is tried again, a bounded number of times; a rejected token is read again once.
    pub async fn fetch(&self, request: &Request) -> Result<Answer> {
        let url = request.url(&self.base)?;
        let mut token_was_rejected = false;
        let mut tries = 0;
        loop {
            let token = self.token().await?;
            tries += 1;
            let setback = match self.exchange(request, &url, &token).await {
                Ok(answer) => {
                    self.budget.went_well();
                    return Ok(answer);
                }
                Err(setback) => setback,
            };
            let error = setback.error;
            match error.kind().action() {
                Action::Refresh if !token_was_rejected => {
                    token_was_rejected = true;
                    self.replace(&token).await?;
                }
                Action::RetryNow => {
                    let too_long = setback.retry_after.is_some_and(|wait| wait > LONGEST_PAUSE);
                    self.budget.went_badly(self.clock.now(), setback.retry_after.filter(|_| !too_long));
                    if tries >= self.budget.patience().tries || too_long {
                        return Err(gave_up(error, tries, setback.retry_after));
                    }
                    let repeated = self.repeated.fetch_add(1, Ordering::Relaxed) + 1;
                    if repeated > REPEATS + self.requests() / 2 {
                        return Err(error.while_doing(format!(
                            "gave up after {repeated} of {} requests had to be repeated",
                            self.requests()
                        )));
                    }
                    tracing::warn!(table = request.table.name, page = request.page, tries, %error, "trying again");
                    self.clock.sleep(setback.retry_after.unwrap_or_else(|| self.wait(tries))).await;
                }
                _ => return Err(error),
            }
        }
    }

    async fn exchange(&self, request: &Request, url: &Url, token: &SecretString) -> Result<Answer, Setback> {
        let pass = self.budget.enter(&*self.clock).await;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let message = message(url, token).map_err(|error| Setback { error, retry_after: None })?;
        let answer = self.transport.send(message).await;
        drop(pass);
        let received_at = self.clock.now();
        let answer = answer.map_err(|e| {
            let what = format!("cannot reach FreshBooks for {}: {e}", request.table.name);
            let error = Error::new(ErrorKind::Unavailable, what).next("check the network, then run again");
            Setback { error, retry_after: None }
        })?;
        let (parts, body) = answer.into_parts();
        let trouble = if parts.status == StatusCode::OK {
            match Page::parse_asked(request.table, &request.parameters, body) {
                Ok(page) => return Ok(Answer { page, source_time: date(&parts.headers), received_at }),
                Err(trouble) => trouble,
            }
        } else {
            let text = String::from_utf8_lossy(&body);
            ApiError::find(&text).map_or_else(|| Trouble::not_json(&body), Trouble::Api)
        };
        if trouble::lacks_currency(request, parts.status, &trouble) {
            tracing::debug!(name: "currency_lacking", target: "path", table = request.table.name, "no lines");
            let page = Page::default();
            return Ok(Answer { page, source_time: date(&parts.headers), received_at });
        }
        let error = trouble::error(request.table, parts.status, &trouble);
        Err(Setback { error, retry_after: retry_after(&parts.headers, received_at) })
    }

    /// Under which role, plan and scopes `unit` is read now, as a digest. Costs a request.
    ///
    /// Rows that are missing from a list under one access are gone; under another they may only be hidden.
    pub async fn access(&self, unit: &Unit) -> Result<String> {
        let me = self.fetch(&Request::new(&tables::USERS_ME, unit)).await?;
        let scopes = self.tokens.scopes().await?;
        access::digest(me.page.rows().next().unwrap_or_default(), unit, scopes.as_deref())
    }

    async fn token(&self) -> Result<SecretString> {
        let mut token = self.token.lock().await;
        if let Some(token) = &*token {
            return Ok(token.clone());
        }
        Ok(token.insert(self.tokens.current().await?).clone())
    }

    /// Reads another token, once for all requests that were rejected with the same one.
    async fn replace(&self, rejected: &SecretString) -> Result<()> {
        let mut token = self.token.lock().await;
        let still = token.as_ref().is_none_or(|t| t.expose_secret() == rejected.expose_secret());
        if still {
            *token = Some(self.tokens.after_rejection(rejected).await?);
        }
        Ok(())
    }

    /// The wait before the next try: doubling, and somewhere in its second half so that workers spread.
    fn wait(&self, tries: u32) -> Duration {
        let patience = self.budget.patience();
        let whole = patience.first_wait.saturating_mul(1 << tries.min(10)).min(patience.longest_wait);
        let half = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX) / 2;
        Duration::from_millis(half + self.random.below(half + 1))
    }
}

fn message(url: &Url, token: &SecretString) -> Result<http::Request<Bytes>> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose_secret())).map_err(|_| {
        Error::new(ErrorKind::Config, "the access token has characters that cannot be sent")
            .next("check FRESHBOOKS_ACCESS_TOKEN, or connect again")
    })?;
    bearer.set_sensitive(true);
    // FreshBooks' documentation asks for no Content-Type on GET; `Api-Version: alpha` is what its own SDK sends.
    http::Request::get(url.as_str())
        .header(AUTHORIZATION, bearer)
        .header(ACCEPT, "application/json")
        .header("Api-Version", "alpha")
        .header(USER_AGENT, concat!("freshlake/", env!("CARGO_PKG_VERSION")))
        .body(Bytes::new())
        .map_err(|e| Error::new(ErrorKind::Internal, "cannot build the request").because(e))
}

fn gave_up(error: Error, tries: u32, retry_after: Option<Duration>) -> Error {
    let times = if tries == 1 { "try" } else { "tries" };
    match retry_after {
        Some(wait) => error.while_doing(format!(
            "gave up after {tries} {times}; FreshBooks asks to wait {} s",
            wait.as_secs()
        )),
        None => error.while_doing(format!("gave up after {tries} {times}")),
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
}

/// `Retry-After`, in seconds or as a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    // Counted from FreshBooks' own clock where it tells it: ours may be off.
    let now = date(headers).unwrap_or(now);
    Duration::try_from(http_date(text)?.duration_since(now)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_comes_in_seconds_or_as_a_date() {
        let headers = |pairs: &[(&'static str, &str)]| {
            pairs
                .iter()
                .map(|(k, v)| (http::HeaderName::from_static(k), v.parse().unwrap()))
                .collect::<HeaderMap>()
        };
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(retry_after(&headers(&[("retry-after", "7")]), now), Some(Duration::from_secs(7)));
        let dated = headers(&[
            ("retry-after", "Sun, 22 Mar 2026 10:00:30 GMT"),
            ("date", "Sun, 22 Mar 2026 10:00:00 GMT"),
        ]);
        assert_eq!(retry_after(&dated, now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(&headers(&[("retry-after", "soon")]), now), None);
    }
}
