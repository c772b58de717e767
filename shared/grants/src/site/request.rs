//! What is taken from a request. Everything here is hostile until it has been checked.

use std::borrow::Cow;

use http::header::{CONTENT_TYPE, COOKIE};
use http::{HeaderMap, Request};
use url::form_urlencoded;

use super::Reject;

const LONGEST_TARGET: usize = 8 << 10;
const LARGEST_BODY: usize = 16 << 10;
const MOST_PARAMETERS: usize = 20;

/// Refuses what is too large to look at.
pub(super) fn check_size<B: AsRef<[u8]>>(request: &Request<B>) -> Result<(), Reject> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > LONGEST_TARGET {
        return Err(Reject::TargetTooLong);
    }
    if request.body().as_ref().len() > LARGEST_BODY {
        return Err(Reject::BodyTooLarge);
    }
    Ok(())
}

/// Parameters of a query or a form, where a name that comes twice is an attack and not a list.
pub(super) struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Parameters<'a> {
    pub(super) fn of_query<B>(request: &'a Request<B>) -> Self {
        Self::parse(request.uri().query().unwrap_or_default().as_bytes())
    }

    pub(super) fn of_form<B: AsRef<[u8]>>(request: &'a Request<B>) -> Result<Self, Reject> {
        let kind =
            request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(Reject::BadRequest);
        }
        Ok(Self::parse(request.body().as_ref()))
    }

    fn parse(text: &'a [u8]) -> Self {
        Self(form_urlencoded::parse(text).take(MOST_PARAMETERS).collect())
    }

    /// The value of `name`; `None` where it is absent or empty.
    pub(super) fn single(&self, name: &str) -> Result<Option<&str>, Reject> {
        let mut values = self.0.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_ref());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Reject::BadRequest),
            (value, None) => Ok(value.filter(|value| !value.is_empty())),
        }
    }
}

/// The value of the cookie `name`; `None` where it is absent, or comes twice, as someone who can set cookies for
/// a parent domain might try.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(other, _)| *other == name)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

/// Whether a browser says that another site sent this. Older browsers say nothing: the signed invite in the form
/// is what counts then.
pub(super) fn is_cross_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin")
}
