//! Answers, with the headers that every one of them carries.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use sha2::{Digest, Sha256};
use url::Url;

use super::Reject;
use super::html::STYLE;
use super::pages::Page;

/// `__Host-`: only this host, only over TLS, only for the whole site.
pub(super) const COOKIE_NAME: &str = "__Host-freshlake";

static ALWAYS: [(HeaderName, &str); 7] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| STANDARD.encode(Sha256::digest(STYLE)));

/// A page. The browser may load nothing for it, run nothing in it, and send its form only here and, by redirect,
/// to FreshBooks.
pub(super) fn page(page: Page, authorize_url: &Url, ends_session: bool) -> Response<Bytes> {
    let mut response = response(page.status, "text/html; charset=utf-8", page.html);
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; form-action 'self' {}; frame-ancestors 'none'; base-uri 'none'",
        *STYLE_HASH,
        authorize_url.origin().ascii_serialization()
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if let Some(allow) = page.allow {
        headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    if ends_session {
        let gone = "__Host-freshlake=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax";
        headers.insert(header::SET_COOKIE, HeaderValue::from_static(gone));
    }
    response
}

/// Sends the browser to FreshBooks with its session.
pub(super) fn redirect(to: &Url, cookie: &str, seconds: i64) -> Result<Response<Bytes>, Reject> {
    let cookie = format!("{COOKIE_NAME}={cookie}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    let mut response = text("");
    *response.status_mut() = StatusCode::SEE_OTHER;
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Reject::BadRequest);
    response.headers_mut().insert(header::LOCATION, value(to.as_str())?);
    response.headers_mut().insert(header::SET_COOKIE, value(&cookie)?);
    Ok(response)
}

/// A plain text.
pub(super) fn text(body: &'static str) -> Response<Bytes> {
    response(StatusCode::OK, "text/plain; charset=utf-8", body.to_owned())
}

fn response(status: StatusCode, kind: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in &ALWAYS {
        headers.insert(name.clone(), HeaderValue::from_static(value));
    }
    response
}
