//! The pages, in words that a bookkeeper reads.

use std::fmt::Write as _;

use http::StatusCode;

use super::html::{Escaped, document};
use super::scopes::words;
use super::{ConnectSite, Invite};
use crate::Connection;

/// One page to send.
pub(super) struct Page {
    pub status: StatusCode,
    pub html: String,
    /// The method that the page has, where another one was used.
    pub allow: Option<&'static str>,
}

/// Who asks, what will be read, where it goes, and one button.
pub(super) fn connect(site: &ConnectSite, invite: &Invite, sealed: &str) -> Page {
    let scopes = site.scopes.iter().fold(String::new(), |mut list, scope| {
        let _ = write!(list, "<li>{}</li>", Escaped(words(scope)));
        list
    });
    let businesses = match &invite.account {
        Some(account) => format!("Only <strong>{}</strong>", Escaped(account)),
        None => "All businesses of the login you use".to_owned(),
    };
    let main = format!(
        "<h1>Connect FreshBooks</h1>\n\
         <p>You have been asked to let <strong>freshlake</strong> read your FreshBooks books. You will log in at \
         FreshBooks; your password never comes here.</p>\n\
         <dl><div><dt>Connection</dt><dd><strong>{name}</strong></dd></div>\
         <div><dt>Businesses</dt><dd>{businesses}</dd></div>\
         <div><dt>Copied to</dt><dd>{destination}</dd></div>\
         <div><dt>Access</dt><dd>Reading only. Nothing in FreshBooks is changed.</dd></div>\
         <div><dt>Link works until</dt><dd>{expires}</dd></div></dl>\n\
         <h2>What will be read</h2>\n<ul class=\"columns\">{scopes}</ul>\n\
         <form method=\"post\" action=\"/connect/start\">\
         <input type=\"hidden\" name=\"invite\" value=\"{sealed}\">\
         <button type=\"submit\">Connect to FreshBooks</button></form>\n\
         <p class=\"soft\">You can end this at any time in FreshBooks, under Settings, Apps. If you did not expect this \
         page, close it: nothing has happened.</p>",
        name = Escaped(&invite.connection),
        destination = Escaped(&site.destination),
        expires = invite.expires.strftime("%-d %B %Y, %H:%M UTC"),
        sealed = Escaped(sealed),
    );
    Page { status: StatusCode::OK, html: document("Connect FreshBooks", &main), allow: None }
}

/// What was found and what happens next.
pub(super) fn connected(site: &ConnectSite, connection: &Connection) -> Page {
    let businesses = connection.businesses.iter().fold(String::new(), |mut list, business| {
        let name = if business.name.is_empty() { "Business without a name" } else { &business.name };
        let _ = write!(list, "<li><strong>{}</strong><span class=\"soft\">", Escaped(name));
        let _ = match &business.account_id {
            Some(account) => write!(list, "account {}, ", Escaped(account)),
            None => write!(list, "no accounting account: only projects and time are read; "),
        };
        let role = business.role.replace('_', " ");
        let _ = write!(list, "business {}, your role: {}</span></li>", business.business_id, Escaped(role));
        list
    });
    let businesses = match connection.businesses.len() {
        0 => "<p>This login belongs to no business, so there is nothing to read yet. Ask the owner of the books to \
              invite you in FreshBooks, then use the link again.</p>"
            .to_owned(),
        _ => format!("<ul class=\"businesses\">{businesses}</ul>"),
    };
    let next = if connection.paused {
        "This connection is paused, so nothing is read until an operator resumes it."
    } else {
        "The first copy starts with the next scheduled run. It can take some hours where there are many years of books; \
         later runs only read what changed."
    };
    let main = format!(
        "<p class=\"mark good\">✓ Connected</p>\n<h1>{name} is connected to FreshBooks</h1>\n\
         <p>These books will be copied to {destination}:</p>\n{businesses}\n\
         <h2>What happens next</h2>\n<p>{next}</p>\n<p class=\"note\">You can close this page.</p>",
        name = Escaped(&connection.name),
        destination = Escaped(&site.destination),
    );
    Page { status: StatusCode::OK, html: document("Connected", &main), allow: None }
}
