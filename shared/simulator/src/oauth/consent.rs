//! The page on which a person allows or denies, and the server's metadata.

use http::{Method, StatusCode, header};
use jiff::Timestamp;
use serde_json::json;
use url::Url;

use super::all_scopes;
use super::grants::{Grants, later};
use crate::answer::Answer;
use crate::identity::{OWNER, STRANGER};
use crate::options::OAuthOptions;
use crate::query::Query;

/// Codes live five minutes.
const CODE_SECONDS: i64 = 300;

/// What an app asks for, once it has been checked.
struct Asked {
    redirect: Url,
    redirect_uri: String,
    scopes: Vec<String>,
    challenge: Option<String>,
    state: Option<String>,
}

/// Answers `GET` with the page and `POST` with a redirect.
pub(crate) fn authorize(
    grants: &mut Grants,
    seed: u64,
    options: &OAuthOptions,
    now: Timestamp,
    (method, query, body): (&Method, &str, &[u8]),
) -> Answer {
    let posted = String::from_utf8_lossy(body);
    let query = Query::parse(if method == Method::POST { &posted } else { query });
    let asked = match check(&query, options) {
        Ok(asked) => asked,
        Err(problem) => return error_page(problem),
    };
    match query.value("decision") {
        Some("allow") if method == Method::POST => {
            let identity = if options.stranger { STRANGER } else { OWNER };
            let agreed = (identity, asked.scopes, asked.redirect_uri);
            let canary = options.canary.as_deref().unwrap_or_default();
            let code = grants.issue_code((seed, canary), agreed, asked.challenge, later(now, CODE_SECONDS));
            back(asked.redirect, &[("code", &code)], asked.state.as_deref())
        }
        Some(_) if method == Method::POST => {
            let denied = [("error", "access_denied"), ("error_description", "The user denied the request.")];
            back(asked.redirect, &denied, asked.state.as_deref())
        }
        _ => page(&query, &asked, options),
    }
}

fn back(mut to: Url, pairs: &[(&str, &str)], state: Option<&str>) -> Answer {
    to.query_pairs_mut().extend_pairs(pairs).extend_pairs(state.map(|state| ("state", state)));
    Answer::redirect(to.into())
}

/// What is wrong is told on a page and never sent to an address that was not checked.
fn check(query: &Query, options: &OAuthOptions) -> Result<Asked, &'static str> {
    if query.value("client_id") != Some(&options.client_id) {
        return Err("No app with this client id is registered.");
    }
    let redirect_uri = query.value("redirect_uri").unwrap_or_default();
    let redirect =
        redirect(redirect_uri, options).ok_or("This redirect URI is not one that the app may use.")?;
    if query.value("response_type") != Some("code") {
        return Err("The response type has to be code.");
    }
    let method = query.value("code_challenge_method");
    let challenge = query.value("code_challenge").map(str::to_owned);
    if challenge.is_some() && method != Some("S256") || challenge.is_none() && options.enforce_pkce {
        return Err("The code challenge has to be of method S256.");
    }
    let asked: Vec<String> =
        query.value("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let mut scopes = if asked.is_empty() { options.app_scopes.clone() } else { asked };
    // One scope that does not exist or is not the app's fails the whole consent.
    if !scopes.iter().all(|scope| options.app_scopes.contains(scope)) {
        return Err("The requested scope is invalid, unknown, or malformed.");
    }
    let profile = "user:profile:read";
    if !scopes.iter().any(|scope| scope == profile) {
        scopes.insert(0, profile.to_owned());
    }
    let state = query.value("state").map(str::to_owned);
    Ok(Asked { redirect, redirect_uri: redirect_uri.to_owned(), scopes, challenge, state })
}

fn redirect(text: &str, options: &OAuthOptions) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| url.query().is_none() && url.fragment().is_none())?;
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let secure =
        url.scheme() == "https" || url.scheme() == "http" && loopback && options.allow_http_loopback_redirect;
    let registered = options.redirect_uris.is_empty() || options.redirect_uris.iter().any(|uri| uri == text);
    (secure && registered).then_some(url)
}

/// Text as it may stand in HTML, also inside a quoted attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

fn page(query: &Query, asked: &Asked, options: &OAuthOptions) -> Answer {
    let keys = [
        "client_id",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
        "code_challenge",
        "code_challenge_method",
    ];
    let mut hidden = String::new();
    for (key, value) in keys.iter().filter_map(|key| Some((key, query.value(key)?))) {
        hidden.extend(["<input type=\"hidden\" name=\"", key, "\" value=\"", &escape(value), "\">\n"]);
    }
    let mut scopes = String::new();
    for scope in &asked.scopes {
        scopes.extend(["<li>", &escape(scope), "</li>\n"]);
    }
    let who = if options.stranger { "Bruno Farrow" } else { "Amelia Sørensen" };
    let main = format!(
        "<h1>Allow access to your books?</h1>\n\
         <p>You are signed in as <strong>{who}</strong>.</p>\n\
         <p>The app <strong>{app}</strong> asks for:</p>\n<ul class=\"scopes\" tabindex=\"0\" aria-label=\"Scopes asked for\">\n{scopes}</ul>\n\
         <p>You will be sent back to <span class=\"host\">{host}</span>.</p>\n\
         <form method=\"post\" action=\"/oauth/authorize\">\n{hidden}\
         <button type=\"submit\" name=\"decision\" value=\"allow\" class=\"allow\">Allow</button>\n\
         <button type=\"submit\" name=\"decision\" value=\"deny\">Deny</button>\n</form>\n",
        app = escape(&options.client_id),
        host = escape(asked.redirect.host_str().unwrap_or_default()),
    );
    html(StatusCode::OK, "Allow access?", &main)
}

fn error_page(problem: &str) -> Answer {
    let main = format!(
        "<h1>This request cannot be granted</h1>\n<p role=\"alert\">{problem}</p>\n\
         <p>Close this page and start again from the app.</p>\n"
    );
    html(StatusCode::BAD_REQUEST, "Request refused", &main)
}

const STYLE: &str = include_str!("consent.css");

fn html(status: StatusCode, title: &str, main: &str) -> Answer {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · FreshBooks simulator</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header><p>FreshBooks simulator <small>not FreshBooks: made-up data on this machine</small></p></header>\n\
         <main>\n{main}</main>\n</body>\n</html>\n"
    );
    Answer::html(status, page)
        .with(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        )
        .with(header::CACHE_CONTROL, "no-store")
        .with(header::REFERRER_POLICY, "no-referrer")
        .with(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
}

/// The RFC 8414 document, with endpoints at `base`.
pub(crate) fn metadata(base: &str) -> Answer {
    let at = |name: &str| format!("{base}/service/auth/oauth/{name}");
    Answer::json(
        StatusCode::OK,
        &json!({
            "issuer": base,
            "authorization_endpoint": at("authorize"),
            "token_endpoint": at("token"),
            "revocation_endpoint": at("revoke"),
            "introspection_endpoint": at("introspect"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": all_scopes(),
        }),
    )
}
