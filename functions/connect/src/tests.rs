//! Events in, answers out, on the stores of one machine.

use std::sync::Arc;

use grants::ConnectSite;
use host::{Folder, HttpOptions, HttpTransport, OsRandom, SecretsFile, SystemClock};
use serde_json::{Value, json};
use url::Url;

use crate::config::{Config, app_secret};
use crate::{event, invite};

const FUNCTION_URL: &str = "https://abc.lambda-url.us-east-1.on.aws";

fn site(directory: &tempfile::TempDir) -> ConnectSite {
    let config = Config::read(|name| name.starts_with("FRESHLAKE").then(|| FUNCTION_URL.to_owned())).unwrap();
    let secret = json!({"client_id": "id", "client_secret": "hunter2", "signing_key": "k".repeat(32)});
    let (app, signing_key) = app_secret(&config, &secret).unwrap();
    ConnectSite {
        app,
        signing_key,
        secrets: Arc::new(SecretsFile::new(directory.path().join("secrets.json"))),
        objects: Arc::new(Folder::open(directory.path().join("lake")).unwrap()),
        transport: Arc::new(HttpTransport::new(&HttpOptions::default()).unwrap()),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        site_url: config.placeholder_site(),
        destination: "the data lake".to_owned(),
        scopes: config.scopes,
    }
}

fn browser(method: &str, path: &str, query: &str, body: &str) -> Value {
    json!({
        "version": "2.0", "rawPath": path, "rawQueryString": query, "body": body, "isBase64Encoded": false,
        "headers": {"host": "evil.test", "content-type": "application/x-www-form-urlencoded"},
        "requestContext": {"domainName": "abc.lambda-url.us-east-1.on.aws", "http": {"method": method}},
        // What a browser sends stays inside the event: this is as close as it gets.
        "invite": {"connection": "acme"},
    })
}

#[tokio::test]
async fn a_link_that_the_operator_gets_opens_in_the_browser_and_leads_back_to_this_function() {
    let directory = tempfile::tempdir().unwrap();
    let site = site(&directory);
    let call = json!({"invite": {"connection": "acme", "account": null}, "site_url": FUNCTION_URL});
    assert!(!event::is_http(&call));
    let answer = invite::sign(&site, None, call).unwrap();
    let url: Url = answer["url"].as_str().unwrap().parse().unwrap();
    assert_eq!(&url[..url::Position::AfterPath], format!("{FUNCTION_URL}/connect"));

    let page = browser("GET", "/connect", url.query().unwrap(), "");
    assert!(event::is_http(&page));
    let page = event::answer(&site, None, page).await;
    assert_eq!(page["statusCode"], 200);
    assert!(page["body"].as_str().unwrap().contains("acme"));

    let start = browser("POST", "/connect/start", "", url.query().unwrap());
    let start = event::answer(&site, None, start).await;
    assert_eq!(start["statusCode"], 303);
    assert!(start["cookies"][0].as_str().unwrap().starts_with("__Host-freshlake="));
    let to: Url = start["headers"]["location"].as_str().unwrap().parse().unwrap();
    let back = to.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1;
    assert_eq!(back, format!("{FUNCTION_URL}/callback"), "the Host header decides nothing");
}

#[tokio::test]
async fn a_broken_event_is_a_bad_request_and_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let site = site(&directory);
    let mut events = vec![json!({"requestContext": {}}), json!({"requestContext": null, "rawPath": "/"})];
    for path in ["", "x", "/ /", "/\u{7f}"] {
        events.push(browser("GET", path, "", ""));
    }
    events.push(browser("G E T", "/health", "", ""));
    for event in events {
        let status = event::answer(&site, None, event.clone()).await["statusCode"].as_u64().unwrap();
        assert!(status == 400 || status == 404, "{status} for {event}");
    }
    assert_eq!(event::answer(&site, None, browser("GET", "/health", "", "")).await["body"], "ok");
}

#[test]
fn a_call_that_cannot_be_answered_says_what_to_change() {
    let directory = tempfile::tempdir().unwrap();
    let site = site(&directory);
    let sign = |event: Value| invite::sign(&site, None, event).unwrap_err().to_string();
    assert!(sign(json!({"invite": {"connection": "acme"}})).contains("FRESHLAKE_SITE_URL"));
    assert!(sign(json!({"invite": {"connection": "../x"}})).contains("not a connection name"));
    assert!(sign(json!({"invit": {}})).contains("invoke with"));
    let far = json!({"invite": {"connection": "acme", "expires_hours": 9999}, "site_url": FUNCTION_URL});
    assert!(sign(far).contains("expires_hours is 9999"));
    let plain = json!({"invite": {"connection": "acme"}, "site_url": "http://site.test"});
    assert!(sign(plain).contains("plain http"));
}
