//! A browser's request as a Function URL tells it, and the answer as it wants it.
//!
//! `lambda_http` does this too, but panics over a host or a path that is none, which anyone can send.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use grants::ConnectSite;
use http::header::{COOKIE, HeaderName, HeaderValue, SET_COOKIE};
use http::{Method, Request, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

/// Payload format 2.0. What is not here plays no part: no host name, no address of the caller.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    cookies: Vec<String>,
    request_context: Context,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    domain_name: String,
    http: Http,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

/// Whether the event came through the Function URL, which wraps whatever a browser sends.
pub(crate) fn is_http(event: &Value) -> bool {
    event.get("requestContext").is_some()
}

/// Answers a browser. What cannot be read is answered 400, not failed: anyone may send it, and it is no alarm.
pub(crate) async fn answer(site: &ConnectSite, site_url: Option<&Url>, event: Value) -> Value {
    let bad = || json!({"statusCode": 400, "headers": {"content-type": "text/plain"}, "body": "bad request"});
    let Ok(event) = serde_json::from_value::<Event>(event) else { return bad() };
    // The name that AWS itself puts into the event, not the Host header.
    let own = || Url::parse(&format!("https://{}", event.request_context.domain_name)).ok();
    let Some(site_url) = site_url.cloned().or_else(own) else { return bad() };
    let Ok(site) = site.at(site_url) else { return bad() };
    let Some(request) = request(event) else { return bad() };
    reply(&site.handle(request).await)
}

fn request(event: Event) -> Option<Request<Bytes>> {
    let target = match event.raw_query_string.as_str() {
        "" => event.raw_path,
        query => format!("{}?{query}", event.raw_path),
    };
    let body = match (event.body, event.is_base64_encoded) {
        (None, _) => Bytes::new(),
        (Some(text), false) => Bytes::from(text),
        (Some(text), true) => Bytes::from(STANDARD.decode(text).ok()?),
    };
    let method: Method = event.request_context.http.method.parse().ok()?;
    let mut request = Request::builder().method(method).uri(target).body(body).ok()?;
    let headers = request.headers_mut();
    for (name, value) in event.headers {
        headers.append(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
    }
    // Format 2.0 takes the cookies out of the headers.
    if !event.cookies.is_empty() {
        headers.insert(COOKIE, HeaderValue::try_from(event.cookies.join("; ")).ok()?);
    }
    Some(request)
}

fn reply(response: &Response<Bytes>) -> Value {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: BTreeMap<&str, String> = response
        .headers()
        .iter()
        .filter(|(name, _)| *name != SET_COOKIE)
        .map(|(name, value)| (name.as_str(), text(value)))
        .collect();
    let cookies: Vec<String> = response.headers().get_all(SET_COOKIE).iter().map(text).collect();
    json!({
        "statusCode": response.status().as_u16(),
        "headers": headers,
        "cookies": cookies,
        "body": String::from_utf8_lossy(response.body()),
        "isBase64Encoded": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(path: &str, query: &str) -> Event {
        serde_json::from_value(json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "cookies": ["a=1", "b=2"],
            "headers": {"host": "evil.test", "content-type": "application/x-www-form-urlencoded"},
            "requestContext": {
                "accountId": "anonymous", "domainName": "abc.lambda-url.us-east-1.on.aws",
                "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
                "stage": "$default",
            },
            "body": "aW52aXRlPXg=", "isBase64Encoded": true,
        }))
        .unwrap()
    }

    #[test]
    fn a_function_url_event_becomes_the_request_it_was() {
        let request = request(event("/connect/start", "x=%3C1&y")).unwrap();
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri().to_string(), "/connect/start?x=%3C1&y");
        assert_eq!(request.headers()[COOKIE], "a=1; b=2");
        assert_eq!(request.body().as_ref(), b"invite=x");
    }

    #[test]
    fn what_is_no_request_is_none_and_no_panic() {
        for path in ["", "no slash", "/\u{0}", "//", "http://[", "/ü"] {
            let _ = request(event(path, "a b\u{7f}"));
        }
        assert!(request(event("/ /", "")).is_none());
        let mut bad = event("/", "");
        bad.headers.insert("a b".into(), "x\n".into());
        assert!(request(bad).is_none());
    }

    #[test]
    fn cookies_of_the_answer_go_where_format_2_wants_them() {
        let response = Response::builder().status(303).header("set-cookie", "a=1").header("location", "/x");
        let reply = reply(&response.body(Bytes::from("ok")).unwrap());
        assert_eq!(reply["cookies"], json!(["a=1"]));
        assert_eq!(reply["headers"], json!({"location": "/x"}));
        assert_eq!((&reply["statusCode"], &reply["body"]), (&json!(303), &json!("ok")));
    }
}
