//! From a path to what it asks for.

use std::collections::BTreeMap;

use http::Method;

use crate::identity;
use crate::resources::{Family, Kind};
use crate::views::{self, Root, View};

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    Control(&'a str),
    Authorize,
    Token,
    Revoke,
    Metadata,
    Api(Api<'a>),
    Nothing,
}

/// A call that needs a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Api<'a> {
    pub(crate) family: Family,
    pub(crate) unit: Unit<'a>,
    pub(crate) what: What<'a>,
}

/// Whose rows a call is about, as the path has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unit<'a> {
    Identity,
    Account(&'a str),
    Business(&'a str),
    Uuid(&'a str),
}

/// What a call is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What<'a> {
    UsersMe,
    List(Kind),
    Single(Kind, &'a str),
    /// A view, and the id in its path if there is one.
    View(&'static View, &'a str),
    Nothing,
}

impl What<'_> {
    /// The name by which options and faults know it.
    pub(crate) fn name(&self) -> Option<&'static str> {
        match self {
            Self::UsersMe => Some("users_me"),
            Self::List(kind) | Self::Single(kind, _) => Some(kind.declaration().name),
            Self::View(view, _) => Some(view.name),
            Self::Nothing => None,
        }
    }

    /// The scope a call needs; `other` has those that are not the usual ones.
    pub(crate) fn scope(&self, method: &Method, other: &BTreeMap<String, String>) -> Option<String> {
        let usual = match self {
            Self::UsersMe => "profile",
            Self::List(kind) | Self::Single(kind, _) => kind.declaration().scope,
            Self::View(view, _) => view.scope,
            Self::Nothing => return None,
        };
        let object = self.name().and_then(|name| other.get(name)).map_or(usual, String::as_str);
        // there is no scope to write notifications: who may read them may subscribe
        let access = if method == Method::GET || object == "notifications" { "read" } else { "write" };
        Some(format!("user:{object}:{access}"))
    }
}

/// Reads a path. A trailing slash makes no difference.
pub(crate) fn route(path: &str) -> Route<'_> {
    if let Some(rest) = path.strip_prefix("/_simulator") {
        return Route::Control(rest.trim_matches('/'));
    }
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["oauth", "authorize"]
        | ["service", "auth", "oauth", "authorize"]
        | ["auth", "oauth", "authorize"] => Route::Authorize,
        ["auth", "oauth", "token"] | ["service", "auth", "oauth", "token"] => Route::Token,
        ["auth", "oauth", "revoke"] | ["service", "auth", "oauth", "revoke"] => Route::Revoke,
        [".well-known", "oauth-authorization-server"] => Route::Metadata,
        ["auth", "api", "v1", rest @ ..] | ["service", "auth", "api", "v1", rest @ ..] => {
            let (unit, what) = match rest {
                ["users", "me"] => (Unit::Identity, What::UsersMe),
                ["users", "business", business] => {
                    (Unit::Business(business), What::View(&identity::BUSINESS, ""))
                }
                ["businesses", business, "team_members"] => {
                    (Unit::Business(business), What::View(&identity::TEAM_MEMBERS, ""))
                }
                _ => (Unit::Identity, What::Nothing),
            };
            Route::Api(Api { family: Family::Auth, unit, what })
        }
        parts => api(parts).map_or(Route::Nothing, Route::Api),
    }
}

/// Calls about rows, by family.
fn api<'a>(parts: &[&'a str]) -> Option<Api<'a>> {
    let (family, unit, root, rest) = match parts {
        ["accounting", "account", account, rest @ ..] => {
            (Family::Accounting, Unit::Account(account), Root::Account, rest)
        }
        ["accounting", "businesses", uuid, rest @ ..] => (Family::Ledger, Unit::Uuid(uuid), Root::Uuid, rest),
        ["accounting", "ledger_accounts", rest @ ..] => (Family::Ledger, Unit::Identity, Root::Ledger, rest),
        ["payments", "account", account, rest @ ..] => {
            (Family::Payments, Unit::Account(account), Root::Payments, rest)
        }
        ["uploads", "account", account, rest @ ..] => {
            (Family::Uploads, Unit::Account(account), Root::UploadsTo, rest)
        }
        ["uploads", rest @ ..] => (Family::Uploads, Unit::Identity, Root::Uploads, rest),
        ["events", "account", account, rest @ ..] => {
            (Family::Events, Unit::Account(account), Root::None, rest)
        }
        ["projects", "business", business, rest @ ..] => {
            (Family::Projects, Unit::Business(business), Root::None, rest)
        }
        ["timetracking", "business", business, rest @ ..] => {
            (Family::TimeTracking, Unit::Business(business), Root::None, rest)
        }
        ["comments", "business", business, rest @ ..] => {
            (Family::Comments, Unit::Business(business), Root::Comments, rest)
        }
        ["accounting" | "payments", ..] => (Family::Accounting, Unit::Identity, Root::None, &[][..]),
        ["events", ..] => (Family::Events, Unit::Identity, Root::None, &[][..]),
        _ => return None,
    };
    if let Some((view, id)) = views::find(root, rest) {
        return Some(Api { family: view.family, unit, what: What::View(view, id) });
    }
    let what = of_kind(family, rest).unwrap_or(What::Nothing);
    Some(Api { family, unit, what })
}

/// A list, or one row of it, in the family.
fn of_kind<'a>(family: Family, rest: &[&'a str]) -> Option<What<'a>> {
    let leads = |path: &str, rest: &[&str]| path.split('/').eq(rest.iter().copied());
    Kind::ALL.iter().copied().filter(|kind| kind.declaration().family == family).find_map(|kind| {
        let declaration = kind.declaration();
        if leads(declaration.list_path, rest) || leads(declaration.single_path, rest) {
            return Some(What::List(kind));
        }
        let (id, before) = rest.split_last()?;
        let single = leads(declaration.single_path, before) || leads(declaration.list_path, before);
        single.then_some(What::Single(kind, id))
    })
}
