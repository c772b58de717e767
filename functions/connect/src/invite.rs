//! An operator's invocation: a signed link for a person to connect with.

use grants::{ConnectSite, Invite};
use host::safe_url;
use jiff::SignedDuration;
use model::{ConnectionName, Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

/// A month: a link that lies in a mailbox for longer is forgotten, not needed.
const LONGEST_HOURS: i64 = 31 * 24;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    invite: Wanted,
    /// Where the link leads, if the function has no address of its own.
    site_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    connection: ConnectionName,
    account: Option<String>,
    #[serde(default = "one_day")]
    expires_hours: i64,
}

fn one_day() -> i64 {
    24
}

/// Answers `{"url": …}`.
pub(crate) fn sign(site: &ConnectSite, site_url: Option<&Url>, event: Value) -> Result<Value> {
    let wrong = |message: String| Error::new(ErrorKind::Config, message);
    let call: Call = serde_json::from_value(event).map_err(|error| {
        wrong(format!("the event cannot be read: {error}"))
            .next("invoke with {\"invite\":{\"connection\":\"acme\",\"account\":null,\"expires_hours\":24}}")
    })?;
    let site_url = match (call.site_url, site_url) {
        (Some(text), _) => safe_url(&text).map_err(|why| wrong(format!("site_url {why}")))?,
        (None, Some(url)) => url.clone(),
        (None, None) => {
            return Err(wrong("the address of this site is not known".to_owned())
                .next("set FRESHLAKE_SITE_URL, or pass the Function URL in the event as \"site_url\""));
        }
    };
    let hours = call.invite.expires_hours;
    if !(1..=LONGEST_HOURS).contains(&hours) {
        return Err(wrong(format!("expires_hours is {hours}: give 1 to {LONGEST_HOURS}")));
    }
    let expires = site
        .clock
        .now()
        .checked_add(SignedDuration::from_hours(hours))
        .map_err(|error| wrong("the end of the invite is no date".to_owned()).because(error))?;
    let Wanted { connection, account, .. } = call.invite;
    let url = site.at(site_url)?.invite(&Invite { connection, account, expires })?;
    Ok(json!({ "url": url }))
}
