//! A browser's two visits to the connect site, made in this process: with a cookie jar of one cookie.

use bytes::Bytes;
use grants::{ConnectSite, Invite};
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderName, Request, Response, StatusCode};
use model::{Error, ErrorKind, Result};
use std::sync::Arc;
use url::Url;

/// Where the site sent the browser, and the cookie it took along.
pub(crate) struct Left {
    pub(crate) url: Url,
    cookie: String,
}

/// Opens the link and presses its button.
pub(crate) async fn leave(site: &ConnectSite, invite: &Invite) -> Result<Left> {
    let link = site.invite(invite)?;
    let page = site.handle(request(Request::get(link.path_and_query()), Bytes::new())?).await;
    check(&page, StatusCode::OK)?;
    let form = Bytes::from(link.query().unwrap_or_default().to_owned());
    let post = Request::post("/connect/start").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = site.handle(request(post, form)?).await;
    check(&answer, StatusCode::SEE_OTHER)?;
    let url = header(&answer, &LOCATION).and_then(|to| Url::parse(to).ok());
    let cookie = header(&answer, &SET_COOKIE).and_then(|cookie| cookie.split(';').next());
    match (url, cookie) {
        (Some(url), Some(cookie)) => Ok(Left { url, cookie: cookie.to_owned() }),
        _ => Err(Error::new(ErrorKind::Internal, "the connect page leads nowhere")),
    }
}

/// Comes back with the address that FreshBooks sent the browser to.
pub(crate) async fn return_with(site: &ConnectSite, left: &Left, back: &Url) -> Result<()> {
    let target = format!("/callback?{}", back.query().unwrap_or_default());
    let get = Request::get(target).header(COOKIE, &left.cookie);
    check(&site.handle(request(get, Bytes::new())?).await, StatusCode::OK)
}

trait PathAndQuery {
    fn path_and_query(&self) -> String;
}

impl PathAndQuery for Url {
    fn path_and_query(&self) -> String {
        format!("{}?{}", self.path(), self.query().unwrap_or_default())
    }
}

fn request(builder: http::request::Builder, body: Bytes) -> Result<Request<Bytes>> {
    builder.body(body).map_err(|error| {
        Error::new(ErrorKind::Config, "that address cannot be used")
            .because(error)
            .next("start again, and paste the whole address from the address bar")
    })
}

fn header<'a>(answer: &'a Response<Bytes>, name: &HeaderName) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

/// The error of a page that is not the one expected.
fn check(answer: &Response<Bytes>, expected: StatusCode) -> Result<()> {
    if answer.status() == expected {
        return Ok(());
    }
    Err(match answer.extensions().get::<Arc<Error>>() {
        Some(error) => again(error),
        None => Error::new(ErrorKind::Config, "that address does not belong to this authorisation")
            .next("start again, and paste the whole address from the address bar"),
    })
}

/// A copy: the site keeps its own for the log.
pub(super) fn again(error: &Arc<Error>) -> Error {
    let whole = error.to_string();
    let next = error.next_step();
    let what = next.and_then(|next| whole.strip_suffix(&format!("; {next}"))).unwrap_or(&whole);
    let copy = Error::new(error.kind(), what);
    match next {
        Some(next) => copy.next(next),
        None => copy,
    }
}
