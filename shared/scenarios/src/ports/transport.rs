//! The way to FreshBooks.

use std::hash::Hasher;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use http::{Request, Response, StatusCode, header};
use model::port::{Transport, TransportError};
use xxhash_rust::xxh3::Xxh3;

use crate::faults::{Fault, Point, Port, RetryAfter};
use crate::ground::{Failed, Machine, Strike, lock};
use crate::runtime::ProcessId;

/// The wire, as one process reaches it.
#[derive(Debug)]
pub(crate) struct Wire(pub(crate) Machine);

const TOKEN_PATH: &str = "/auth/oauth/token";

fn failure(failed: Failed) -> TransportError {
    match failed {
        Failed::Before => {
            TransportError { may_have_arrived: false, message: "connection refused".to_owned() }
        }
        Failed::Unknown => TransportError {
            may_have_arrived: true,
            message: "connection closed without an answer".to_owned(),
        },
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let is_token = request.uri().path() == TOKEN_PATH;
        let point = if is_token {
            const REFRESH: &[u8] = b"grant_type=refresh_token";
            let refresh = request.body().windows(REFRESH.len()).any(|w| w == REFRESH);
            if refresh {
                return self.refresh(&request).await;
            }
            Point { port: Port::Token, verb: "exchange", of: "" }
        } else {
            let verb = if request.method() == http::Method::GET { "GET" } else { "POST" };
            let of = request.uri().path_and_query().map_or("", |p| p.as_str());
            Point { port: Port::Api, verb, of }
        };
        self.0.call(point, |strike| self.exchange(&request, strike), failure).await
    }
}

impl Wire {
    fn exchange(&self, request: &Request<Bytes>, strike: Strike) -> Result<Response<Bytes>, TransportError> {
        if let Some(Fault::Status(code, after)) = strike.fault {
            return self.refuse(code, after);
        }
        let transport = self.0.ground.source.simulator().transport();
        let mut copy = Request::new(request.body().clone());
        copy.method_mut().clone_from(request.method());
        copy.uri_mut().clone_from(request.uri());
        copy.headers_mut().clone_from(request.headers());
        // The simulator waits for nothing here: its latency is 0.
        let answer = transport.send(copy).now_or_never().unwrap_or_else(|| Err(failure(Failed::Before)))?;
        self.0.ground.trace.count("requests");
        if strike.fault == Some(Fault::Garbled) {
            return Ok(garble(answer, self.0.ground.chance(strike.number, "garble")));
        }
        Ok(answer)
    }

    fn refuse(&self, code: u16, after: Option<RetryAfter>) -> Result<Response<Bytes>, TransportError> {
        let now = self.0.ground.handle.now();
        let date = |seconds: u32| {
            let at = now.checked_add(jiff::SignedDuration::from_secs(seconds.into())).unwrap_or(now);
            at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
        };
        let mut answer = Response::builder().status(code).header(header::DATE, date(0));
        answer = match after {
            None => answer,
            Some(RetryAfter::Seconds(s)) => answer.header(header::RETRY_AFTER, s),
            Some(RetryAfter::Date(s)) => answer.header(header::RETRY_AFTER, date(s)),
        };
        answer.body(Bytes::from_static(b"<html>not now</html>")).map_err(|_| failure(Failed::Before))
    }

    /// Sends a refresh token. No process sends one again that may have arrived.
    async fn refresh(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let ground = &self.0.ground;
        let token = url::form_urlencoded::parse(request.body()).find(|(name, _)| name == "refresh_token");
        let mut hash = Xxh3::new();
        hash.write(token.as_ref().map_or(&[][..], |(_, value)| value.as_bytes()));
        let token = hash.finish();
        let before: Vec<ProcessId> =
            lock(&ground.redeemed).iter().filter(|(_, sent)| *sent == token).map(|(by, _)| *by).collect();
        if before.contains(&self.0.process) {
            let what = format!("{} sent a refresh token again", self.0.process);
            ground.violated("a refresh token that may have arrived is not sent again", what);
        } else if !before.is_empty() {
            ground.trace.count("refresh token sent by a second process");
        }
        let point = Point { port: Port::Token, verb: "refresh", of: "" };
        let answer = self.0.call(point, |strike| self.exchange(request, strike), failure).await;
        if !answer.as_ref().is_err_and(|error| !error.may_have_arrived) {
            lock(&ground.redeemed).push((self.0.process, token));
        }
        if answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::OK) {
            ground.trace.count("token refreshed");
        }
        answer
    }
}

/// The answer as a proxy in between might leave it.
fn garble(mut answer: Response<Bytes>, chance: u64) -> Response<Bytes> {
    match chance % 3 {
        0 => {
            let half = answer.body().len() / 2;
            let body = answer.body().slice(..half);
            *answer.body_mut() = body;
        }
        1 => *answer.body_mut() = Bytes::from_static(b"<html><body>Welcome to the hotel</body></html>"),
        _ => {
            *answer.status_mut() = StatusCode::BAD_GATEWAY;
            *answer.body_mut() = Bytes::from_static(b"<html>bad gateway</html>");
        }
    }
    answer
}
