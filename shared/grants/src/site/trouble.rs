//! The pages for what goes wrong: each says what happened and what to do.

use std::fmt::Write as _;

use http::StatusCode;
use model::{Error, ErrorKind};

use super::Reject;
use super::html::{Escaped, document};
use super::pages::Page;

/// What happened and what to do.
#[expect(clippy::too_many_lines, reason = "a table of words")]
pub(super) fn reject(reject: &Reject) -> Page {
    let ask = "Ask the person who sent you the link for a new one.";
    let again = "Open the link you were sent once more and press the button again.";
    let mut more = String::new();
    let mut allow = None;
    let (status, title, what, step) = match reject {
        Reject::NotFound => {
            (404, "There is no such page", "This address leads nowhere.", "Use the link you were sent.")
        }
        Reject::Method(method) => {
            allow = Some(*method);
            (
                405,
                "That does not work here",
                "This page is used in another way.",
                "Use the link you were sent.",
            )
        }
        Reject::TargetTooLong => (
            414,
            "The address is too long",
            "It is not one of ours.",
            "Use the link exactly as you were sent it.",
        ),
        Reject::BodyTooLarge => (413, "The request is too large", "It is not one of ours.", again),
        Reject::BadRequest => (
            400,
            "This request does not fit",
            "It does not come from our pages or from FreshBooks, or was changed on its way. Nothing was saved.",
            again,
        ),
        Reject::BadInvite => (
            403,
            "This link does not work",
            "It is incomplete or was changed. Some e-mail programs break long links.",
            "Copy the whole link into the address bar. If that does not help, ask for a new one.",
        ),
        Reject::ExpiredInvite => (410, "This link has expired", "Links work for a limited time.", ask),
        Reject::WrongBrowser => (
            403,
            "Please finish in the browser you started in",
            "This browser has not started connecting, or does not keep cookies. Nothing was saved.",
            "Open the link you were sent in this browser and press the button. Private windows and blocked cookies can be \
             in the way.",
        ),
        Reject::TooLate => (
            410,
            "That took a little too long",
            "For safety there are ten minutes to log in at FreshBooks.",
            again,
        ),
        Reject::Used => (
            409,
            "This step was done already",
            "The page was loaded a second time. If you saw “Connected” before, everything is fine and you can close it.",
            "If you did not, open the link you were sent once more.",
        ),
        Reject::Denied => (
            403,
            "You have not given access",
            "FreshBooks says that you declined. Nothing was saved.",
            "If that was a mistake, open the link you were sent once more. Otherwise just close this page.",
        ),
        Reject::Refused => (
            502,
            "FreshBooks did not accept the request",
            "FreshBooks reports a mistake in how this app is set up. Nothing was saved.",
            "Tell the person who sent you the link: the app's scopes or its redirect URL at FreshBooks do not fit.",
        ),
        Reject::CodeSpent => (
            409,
            "The code has expired or was used",
            "FreshBooks' code works once and for five minutes. Nothing was saved.",
            again,
        ),
        Reject::UnknownAccount { account, found } => {
            let _ = write!(more, "<p>Asked for: <strong>{}</strong></p>", Escaped(account));
            if found.is_empty() {
                more.push_str("<p>This login belongs to no business.</p>");
            } else {
                more.push_str("<p>Businesses of this login:</p><ul>");
                for name in found {
                    let _ = write!(more, "<li>{}</li>", Escaped(name));
                }
                more.push_str("</ul>");
            }
            (
                403,
                "That business is not in this login",
                "The link asks for one business, and the login you used does not have it. Nothing was saved.",
                "Log out of FreshBooks, then open the link again and log in as someone who can see that business.",
            )
        }
        Reject::Stranger => (
            403,
            "This connection belongs to another login",
            "Someone else connected it, and only they can renew it. Nothing was changed.",
            "Log out of FreshBooks, then open the link again and log in with that login. To hand it to another person, ask \
             the person who sent you the link for one to a new connection.",
        ),
        Reject::Failed(error) => failed(error),
    };
    let mark = match reject {
        // No word on whether the person is connected: these pages do not know.
        Reject::NotFound | Reject::Method(_) | Reject::Used => "",
        _ => "<p class=\"mark bad\">Not connected</p>\n",
    };
    let main = format!(
        "{mark}<h1>{title}</h1>\n<p>{what}</p>\n{more}\n\
         <p class=\"note\"><strong>What to do:</strong> {step}</p>"
    );
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Page { status, html: document(title, &main), allow }
}

/// The error behind a page that ends an authorisation; none where the right request can still come.
pub(super) fn end(reject: Reject) -> Option<Error> {
    let again =
        |what: &str| Error::new(ErrorKind::ReconnectNeeded, what).next("start again, nothing was saved");
    Some(match reject {
        Reject::Failed(error) => error,
        Reject::Denied => again("access was declined at FreshBooks"),
        Reject::CodeSpent => {
            again("FreshBooks' code has expired or was used: it works once, for five minutes")
        }
        Reject::TooLate => again("there are ten minutes to log in at FreshBooks, and they are over"),
        Reject::Stranger => {
            Error::new(ErrorKind::ReconnectNeeded, "this connection belongs to another login")
                .next("log in at FreshBooks as the person who made it, or choose another name")
        }
        Reject::Refused => Error::new(ErrorKind::Config, "FreshBooks does not accept what the app asks for")
            .next("enable the app's read scopes and its redirect URL on FreshBooks' developer page"),
        Reject::UnknownAccount { account, found } => {
            let what = format!("this login has no business {account}");
            Error::new(ErrorKind::Config, what).next(format!("it has: {}", found.join(", ")))
        }
        _ => return None,
    })
}

/// The words for a failure of ours or of FreshBooks'. The error's own words are for the log: they name things that
/// are no business of whoever holds a link.
fn failed(error: &Error) -> (u16, &'static str, &'static str, &'static str) {
    match error.kind() {
        ErrorKind::Config => (
            500,
            "This site is not set up correctly",
            "FreshBooks does not accept this app, or a setting is wrong. Nothing was saved.",
            "Tell the person who sent you the link. The log of the connect function names the setting.",
        ),
        ErrorKind::Storage | ErrorKind::CommitUnknown => (
            500,
            "Your consent could not be saved",
            "The place where access is kept did not work.",
            "Open the link you were sent once more in some minutes.",
        ),
        _ => (
            503,
            "FreshBooks does not answer just now",
            "It could not be reached, or its answer was cut short. Nothing was saved.",
            "Open the link you were sent once more in some minutes.",
        ),
    }
}
