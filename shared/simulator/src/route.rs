//! From a path to what it asks for.

use http::Method;

use crate::resources::{Family, Kind};

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
}

/// What a call is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What<'a> {
    UsersMe,
    Business,
    TeamMembers,
    List(Kind),
    Single(Kind, &'a str),
    ProfitAndLoss,
    ServiceRates,
    ServiceRate(&'a str),
    Nothing,
}

impl What<'_> {
    /// The name by which options and faults know it.
    pub(crate) fn name(&self) -> Option<&'static str> {
        match self {
            Self::UsersMe => Some("users_me"),
            Self::Business => Some("business"),
            Self::TeamMembers => Some("team_members"),
            Self::List(kind) | Self::Single(kind, _) => Some(kind.declaration().name),
            Self::ProfitAndLoss => Some("profitloss"),
            Self::ServiceRates | Self::ServiceRate(_) => Some("service_rates"),
            Self::Nothing => None,
        }
    }

    /// The scope a call needs.
    pub(crate) fn scope(&self, method: &Method) -> Option<String> {
        let object = match self {
            Self::UsersMe | Self::Business => "profile",
            Self::TeamMembers => "teams",
            Self::List(kind) | Self::Single(kind, _) => kind.declaration().scope,
            Self::ProfitAndLoss => "reports",
            Self::ServiceRates | Self::ServiceRate(_) => "billable_items",
            Self::Nothing => return None,
        };
        let access = if method == Method::GET { "read" } else { "write" };
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
        ["accounting", "account", account, rest @ ..] => Route::Api(Api {
            family: Family::Accounting,
            unit: Unit::Account(account),
            what: accounting(rest),
        }),
        ["accounting" | "payments" | "uploads", ..] => {
            Route::Api(Api { family: Family::Accounting, unit: Unit::Identity, what: What::Nothing })
        }
        ["projects", "business", business, rest @ ..] => business_like(Family::Projects, business, rest),
        ["timetracking", "business", business, rest @ ..] => {
            business_like(Family::TimeTracking, business, rest)
        }
        ["comments", "business", business, rest @ ..] => business_like(Family::Comments, business, rest),
        ["events", ..] => {
            Route::Api(Api { family: Family::Events, unit: Unit::Identity, what: What::Nothing })
        }
        ["auth", "api", "v1", rest @ ..] | ["service", "auth", "api", "v1", rest @ ..] => {
            let (unit, what) = match rest {
                ["users", "me"] => (Unit::Identity, What::UsersMe),
                ["users", "business", business] => (Unit::Business(business), What::Business),
                ["businesses", business, "team_members"] => (Unit::Business(business), What::TeamMembers),
                _ => (Unit::Identity, What::Nothing),
            };
            Route::Api(Api { family: Family::Auth, unit, what })
        }
        _ => Route::Nothing,
    }
}

fn accounting<'a>(rest: &[&'a str]) -> What<'a> {
    let [group, name, id @ ..] = rest else { return What::Nothing };
    if let (["reports", "accounting"], ["profitloss_entity"]) = ([*group, *name], id) {
        return What::ProfitAndLoss;
    }
    let path = format!("{group}/{name}");
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| kind.declaration().is_accounting() && kind.declaration().list_path == path);
    match (kind, id) {
        (Some(kind), []) => What::List(kind),
        (Some(kind), [id]) => What::Single(kind, id),
        _ => What::Nothing,
    }
}

fn business_like<'a>(family: Family, business: &'a str, rest: &[&'a str]) -> Route<'a> {
    let of_family = |name: &str| {
        Kind::ALL.into_iter().find(|kind| {
            let declaration = kind.declaration();
            declaration.family == family && (declaration.list_path == name || declaration.single_path == name)
        })
    };
    let what = match (family, rest) {
        (Family::Comments, ["service_rates"]) => What::ServiceRates,
        (Family::Comments, ["service", id, "rate"]) => What::ServiceRate(id),
        (_, [name]) => of_family(name).map_or(What::Nothing, What::List),
        (_, [name, id]) => of_family(name).map_or(What::Nothing, |kind| What::Single(kind, id)),
        _ => What::Nothing,
    };
    Route::Api(Api { family, unit: Unit::Business(business), what })
}
