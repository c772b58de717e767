//! One request, one answer: the same way for a socket and in process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Method, Request, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use model::port::Clock;

use crate::answer::{Answer, Delivery};
use crate::book::Book;
use crate::changes::Business;
use crate::faults::{Strikes, Target};
use crate::identity::{OWNER, PLACES};
use crate::oauth::{self, Grants};
use crate::options::{Options, OutOfScope};
use crate::query::Query;
use crate::refusal::Refusal;
use crate::requests::{RequestLine, Requests};
use crate::resources::Family;
use crate::route::{Api, Route, Unit, What, route};
use crate::{api, control_api, identity, moment, writes};

/// The window of the rate limit, in milliseconds.
const WINDOW_MS: i64 = 60_000;

/// A FreshBooks. Cheap to clone: clones share everything.
#[derive(Clone, Debug)]
pub struct Simulator {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    options: RwLock<Options>,
    businesses: RwLock<Vec<Business>>,
    state: Mutex<State>,
}

/// Everything small that requests change.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) grants: Grants,
    pub(crate) strikes: Strikes,
    pub(crate) requests: Requests,
    /// How far the simulator's clock is ahead of the one it was given.
    pub(crate) ahead: SignedDuration,
    /// When the requests of the last minute came.
    recent: VecDeque<i64>,
}

/// The ids of a business, for tests that want them without asking.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SimulatedBusiness {
    /// Its name.
    pub name: String,
    /// The id in accounting paths.
    pub account_id: String,
    /// The id in project and time-tracking paths.
    pub business_id: i64,
    /// The id in newer paths.
    pub business_uuid: String,
    /// The number of its accounting system, as `roles[]` has it.
    pub system_id: i64,
}

impl Simulator {
    /// A simulator that reads its time from `clock` and waits on it.
    pub fn new(mut options: Options, clock: Arc<dyn Clock>) -> Self {
        let until = *options.data_until.get_or_insert_with(|| clock.now());
        // The second business is smaller than the first, the stranger's is tiny.
        let scales = [options.scale, options.scale.div_ceil(4), options.scale.min(12)];
        let businesses = PLACES
            .iter()
            .zip(scales)
            .map(|(place, scale)| Business::new(Book::new(place, options.seed, scale, until)))
            .collect();
        let inner = Inner {
            clock,
            options: RwLock::new(options),
            businesses: RwLock::new(businesses),
            state: Mutex::new(State::default()),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The client id and the client secret of the registered app.
    pub fn app(&self) -> (String, String) {
        let options = self.options();
        (options.oauth.client_id.clone(), options.oauth.client_secret.clone())
    }

    /// The two businesses of the identity; the second hides its account id in `roles[]`.
    pub fn businesses(&self) -> Vec<SimulatedBusiness> {
        let businesses = self.read_businesses();
        let ours = businesses.iter().filter(|business| business.book.owner == OWNER);
        ours.map(|Business { book, .. }| SimulatedBusiness {
            name: book.name.to_owned(),
            account_id: book.account_id.to_owned(),
            business_id: book.business_id,
            business_uuid: book.business_uuid.clone(),
            system_id: identity::system_id(book),
        })
        .collect()
    }

    /// A valid access token with these scopes; with all of them if there are none.
    pub fn bearer_token(&self, scopes: &[&str]) -> String {
        let options = self.options();
        let scopes = match scopes {
            [] => options.oauth.app_scopes.clone(),
            some => some.iter().map(|&scope| scope.to_owned()).collect(),
        };
        let now = self.now();
        // grant 0 is nobody's: such a token is not ended by a refresh
        self.state().grants.access_token(OWNER, &scopes, 0, options.seed, &options.oauth, now)
    }

    /// The simulator's time: the clock's, and what it was put forward by.
    pub(crate) fn now(&self) -> Timestamp {
        let ahead = self.state().ahead;
        self.inner.clock.now().checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    /// The time that a change carries which is made now.
    pub(crate) fn updated_now(&self) -> Timestamp {
        lagged(&self.options(), self.now())
    }

    // A panic while a lock was held leaves nothing half done that matters here, so poison is ignored.

    pub(crate) fn options(&self) -> RwLockReadGuard<'_, Options> {
        self.inner.options.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn options_mut(&self) -> RwLockWriteGuard<'_, Options> {
        self.inner.options.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read_businesses(&self) -> RwLockReadGuard<'_, Vec<Business>> {
        self.inner.businesses.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write_businesses(&self) -> RwLockWriteGuard<'_, Vec<Business>> {
        self.inner.businesses.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn wait(&self, ms: u64) {
        if ms > 0 {
            self.inner.clock.sleep(Duration::from_millis(ms)).await;
        }
    }

    /// Answers one request. `base` is how the asker reaches this server.
    pub(crate) async fn answer(&self, request: &Request<Bytes>, base: &str) -> Answer {
        let path = request.uri().path();
        let route = route(path);
        if let Route::Control(rest) = route {
            return control_api::answer(self, request.method(), rest, request);
        }
        let (resource, is_token) = match &route {
            Route::Api(api) => (api.what.name(), false),
            route => (None, *route == Route::Token),
        };
        let latency = self.options().latency_ms;
        self.wait(latency).await;
        let faults = {
            let (rules, seed) = {
                let options = self.options();
                (options.faults.clone(), options.seed)
            };
            let target = Target { method: request.method().as_str(), path, resource };
            self.state().strikes.strike(&rules, seed, &target)
        };
        let family = match &route {
            Route::Api(api) => api.family,
            _ => Family::Auth,
        };
        let mut answer = match faults.iter().find_map(|fault| self.instead(fault, family)) {
            Some(answer) => answer,
            None => self.dispatch(request, &route, base),
        };
        for fault in &faults {
            self.afterwards(fault, is_token, &mut answer).await;
        }
        let now = self.now();
        answer = answer.with(header::DATE, moment::http_date(now));
        let arrived = matches!(answer.delivery, Delivery::Whole | Delivery::Cut);
        let line = RequestLine {
            at: now,
            method: request.method().to_string(),
            target: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
            status: if arrived { answer.status.as_u16() } else { 0 },
        };
        let keep = self.options().request_log;
        self.state().requests.record(line, resource, is_token, keep);
        answer
    }

    fn dispatch(&self, request: &Request<Bytes>, route: &Route<'_>, base: &str) -> Answer {
        let now = self.now();
        let options = self.options();
        let (seed, oauth_options) = (options.seed, &options.oauth);
        let text = |name: HeaderName| {
            request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
        };
        let credentials = (request.body().as_ref(), text(header::CONTENT_TYPE), text(header::AUTHORIZATION));
        let method = request.method();
        match route {
            Route::Authorize => {
                let parts = (method, request.uri().query().unwrap_or_default(), request.body().as_ref());
                oauth::authorize(&mut self.state().grants, seed, oauth_options, now, parts)
            }
            Route::Token if method == Method::POST => {
                oauth::token(&mut self.state().grants, seed, oauth_options, now, credentials)
            }
            Route::Revoke if method == Method::POST => {
                oauth::revoke(&mut self.state().grants, oauth_options, credentials)
            }
            Route::Metadata => oauth::metadata(base),
            Route::Token | Route::Revoke => {
                Refusal::Status(StatusCode::METHOD_NOT_ALLOWED).answer(Family::Auth, false)
            }
            Route::Api(api) => {
                let newer = request.headers().get("x-api-version").is_some_and(|value| value == "2023-02-20");
                if let Err(seconds) = self.admit(&options, now) {
                    let answer = Refusal::RateLimited.answer(api.family, newer);
                    return self.with_retry_after(answer, options.retry_after, seconds);
                }
                let bearer = credentials.2.strip_prefix("Bearer ").unwrap_or_default();
                self.call(request, api, bearer, &options, now)
                    .unwrap_or_else(|refusal| refusal.answer(api.family, newer))
            }
            Route::Control(_) | Route::Nothing => Refusal::nothing_here().answer(Family::Auth, false),
        }
    }

    /// Counts a request against the rate limit; `Err` tells after how many seconds there is room again.
    fn admit(&self, options: &Options, now: Timestamp) -> Result<(), u64> {
        let Some(limit) = options.rate_limit else { return Ok(()) };
        let now = now.as_millisecond();
        let recent = &mut self.state().recent;
        recent.retain(|&when| when > now - WINDOW_MS);
        if (recent.len() as u64) < limit {
            recent.push_back(now);
            return Ok(());
        }
        let room = recent.front().map_or(WINDOW_MS, |oldest| oldest + WINDOW_MS - now);
        Err(u64::try_from(room).unwrap_or(0).div_ceil(1000).max(1))
    }

    fn call(
        &self,
        request: &Request<Bytes>,
        api: &Api<'_>,
        bearer: &str,
        options: &Options,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        let access = self.state().grants.bearer(bearer, now).cloned().ok_or(Refusal::Unauthenticated)?;
        let method = request.method();
        let needed = api.what.scope(method, &options.scopes).ok_or_else(Refusal::nothing_here)?;
        let identity = access.identity;
        let is_it = |book: &Book| {
            book.owner == identity
                && match api.unit {
                    Unit::Identity => true,
                    Unit::Account(id) => book.account_id == id,
                    Unit::Business(id) => book.business_id.to_string() == id,
                    Unit::Uuid(id) => book.business_uuid == id,
                }
        };
        let in_scope = access.scopes.contains(&needed);
        let out_of_scope = || match options.out_of_scope {
            OutOfScope::Named => {
                Refusal::OutOfScope { needed: needed.clone(), held: access.scopes.join(" ") }
            }
            OutOfScope::DeniedInside if api.family == Family::Accounting => Refusal::Denied(StatusCode::OK),
            OutOfScope::Denied | OutOfScope::DeniedInside => Refusal::Denied(StatusCode::FORBIDDEN),
        };
        let gate = |name| match options.gated.get(name) {
            Some(errno) => Err(Refusal::Gated { errno: *errno, name: str::replace(name, "_", " ") }),
            None => Ok(()),
        };
        let query = Query::parse(request.uri().query().unwrap_or_default());
        if method == Method::GET {
            let businesses = self.read_businesses();
            if !businesses.iter().any(|business| is_it(&business.book)) {
                return Err(Refusal::nothing_here());
            }
            if !in_scope {
                return Err(out_of_scope());
            }
            if api.what == What::UsersMe {
                let books: Vec<&Book> =
                    businesses.iter().map(|business| &business.book).filter(|book| is_it(book)).collect();
                return Ok(Answer::json(
                    StatusCode::OK,
                    &identity::users_me(identity, &books, options.seed, &options.role),
                ));
            }
            api.what.name().map_or(Ok(()), gate)?;
            // a file is of the business that has it
            let ours = businesses.iter().filter(|business| is_it(&business.book));
            let version = request.headers().get("x-api-version").and_then(|value| value.to_str().ok());
            let turn = self.state().requests.total;
            let mut answers = ours.map(|business| {
                api::read(business, &api.what, &query, options, (version.unwrap_or_default(), now, turn))
            });
            let first = answers.next().unwrap_or_else(|| Err(Refusal::nothing_here()));
            return if first.is_err() && api.family == Family::Uploads {
                answers.find(Result::is_ok).unwrap_or(first)
            } else {
                first
            };
        }
        let mut businesses = self.write_businesses();
        let business =
            businesses.iter_mut().find(|business| is_it(&business.book)).ok_or_else(Refusal::nothing_here)?;
        if !in_scope {
            return Err(out_of_scope());
        }
        // who is a client there may only read
        if options.role == "client" {
            return Err(Refusal::Denied(StatusCode::FORBIDDEN));
        }
        api.what.name().map_or(Ok(()), gate)?;
        writes::write(business, &api.what, method, (&query, request.body()), options, lagged(options, now))
    }
}

/// The `updated` of a change made at `now`.
fn lagged(options: &Options, now: Timestamp) -> Timestamp {
    let lag = SignedDuration::from_secs(i64::try_from(options.updated_lag_s).unwrap_or(i64::MAX));
    now.checked_sub(lag).unwrap_or(Timestamp::MIN)
}
