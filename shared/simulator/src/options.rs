//! What can be set, at the start and, through the control API, at run time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::faults::Fault;

/// The settings of a simulator. Everything has a default; see the table in the crate's README.
///
/// `seed`, `scale` and `data_until` decide the rows and stay as they were at the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each one question of the API page")]
pub struct Options {
    /// Decides every generated value.
    pub seed: u64,
    /// Number of invoices of the first business; everything else is in proportion.
    pub scale: u64,
    /// The end of the three years that generated rows lie in; the clock's time at the start if absent.
    pub data_until: Option<Timestamp>,
    /// The order of lists.
    pub order: Order,
    /// The zone in which `updated_min` and `updated_max` cut days.
    pub updated_zone: UpdatedZone,
    /// The resources whose accounting list honours `updated_min` and `updated_max`; silently ignored elsewhere.
    pub honoured_updated: Vec<String>,
    /// Whether these two go by when a row was made, not by when it changed.
    pub updated_means_made: bool,
    /// What an accounting list without `search[vis_state]` shows.
    pub default_states: DefaultStates,
    /// Which of `search[vis_state]` and `updated_min` counts where a request has both.
    pub vis_state_with_window: VisStateWithWindow,
    /// Whether `search[vis_state][]` may be repeated; if not, the last value counts.
    pub vis_state_lists: bool,
    /// What `pages` says of an empty set: 0 or 1.
    pub empty_pages: u64,
    /// One row in so many of a list comes without what was included, drawn anew for each request; 0: none does.
    pub withheld_includes: u64,
    /// Whether a report in a currency that the account lacks is refused rather than empty.
    pub currency_refused: bool,
    /// `total` counts so many rows more than are listed.
    pub phantom_total: u64,
    /// `total`, and `pages` with it, count so many rows less than are listed; pages beyond still answer.
    pub short_total: u64,
    /// The most rows on a page, whatever was asked for.
    pub most_per_page: u64,
    /// The role of the identity in every business; an employee or a contractor is listed even ids only.
    pub role: String,
    /// A change carries an `updated` that lies so many seconds before it could be seen.
    pub updated_lag_s: u64,
    /// The list key of `users/staffs`.
    pub staff_key: StaffKey,
    /// Whether clients have their `contacts` without asking for them.
    pub contacts_always: bool,
    /// Whether the list of retainers and the one of team members show inactive ones.
    pub inactive_listed: bool,
    /// Whether the times of callbacks come without `Z`.
    pub zoneless_callbacks: bool,
    /// Whether the newer journal entries are only there for who asks with `x-api-version: 2023-09-25`.
    pub version_needed: bool,
    /// Whether a changed payment moves the `updated` of its invoice or bill.
    pub children_touch: bool,
    /// Whether the lines of the ledger can be asked for by `start_date` and `end_date`.
    pub details_by_date: bool,
    /// Whether a single credit note comes under the key of the list.
    pub credit_note_plural: bool,
    /// Resource to the object of its scope, where that is not the usual one.
    pub scopes: BTreeMap<String, String>,
    /// How a lack of scope is told.
    pub out_of_scope: OutOfScope,
    /// The shape of errors about online payments.
    pub payment_errors: PaymentErrors,
    /// Resources outside the plan: errors inside HTTP 200, with this errno.
    pub gated: BTreeMap<String, u32>,
    /// Waited before every answer, on the clock given.
    pub latency_ms: u64,
    /// API requests per 60 seconds; more are answered 429.
    pub rate_limit: Option<u64>,
    /// How a 429 tells when to come back.
    pub retry_after: RetryAfter,
    /// What goes wrong, and when.
    pub faults: Vec<Fault>,
    /// Everything about authorisation.
    pub oauth: OAuthOptions,
    /// How many request lines are kept for the control API.
    pub request_log: usize,
}

impl Options {
    /// Whether lists show this identity only part of the rows.
    pub(crate) fn sees_part(&self) -> bool {
        matches!(self.role.as_str(), "business_employee" | "contractor")
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            scale: 120,
            data_until: None,
            order: Order::Id,
            updated_zone: UpdatedZone::Eastern,
            honoured_updated: ["clients", "invoices", "expenses", "payments"].map(String::from).to_vec(),
            updated_means_made: false,
            default_states: DefaultStates::ActiveAndArchived,
            vis_state_with_window: VisStateWithWindow::Both,
            vis_state_lists: true,
            empty_pages: 0,
            withheld_includes: 0,
            currency_refused: false,
            phantom_total: 0,
            short_total: 0,
            most_per_page: 100,
            role: "owner".to_owned(),
            updated_lag_s: 0,
            staff_key: StaffKey::Staff,
            contacts_always: false,
            inactive_listed: true,
            zoneless_callbacks: false,
            version_needed: true,
            children_touch: false,
            details_by_date: false,
            credit_note_plural: false,
            scopes: BTreeMap::new(),
            out_of_scope: OutOfScope::Named,
            payment_errors: PaymentErrors::ErrorType,
            gated: BTreeMap::new(),
            latency_ms: 0,
            rate_limit: None,
            retry_after: RetryAfter::Seconds,
            faults: Vec::new(),
            oauth: OAuthOptions::default(),
            request_log: 1000,
        }
    }
}

/// The order of a list whose `sort` is absent or unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Newest id first: a change leaves a row where it is.
    Id,
    /// Last updated first: a changed row jumps to the front and the pages drift.
    Updated,
}

/// See [`Options::updated_zone`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdatedZone {
    /// `America/New_York`, in which accounting also writes `updated`.
    Eastern,
    /// Coordinated universal time.
    Utc,
}

/// See [`Options::default_states`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultStates {
    /// As the current documentation says.
    ActiveAndArchived,
    /// As a third party says.
    ActiveOnly,
}

/// See [`Options::vis_state_with_window`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisStateWithWindow {
    /// Both filter.
    Both,
    /// The window is silently ignored.
    WindowIgnored,
    /// The state is silently ignored: the list shows what it shows without one.
    StateIgnored,
}

/// See [`Options::staff_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffKey {
    /// As seen live.
    Staff,
    /// As the Python SDK has it.
    Staffs,
}

impl StaffKey {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Staffs => "staffs",
        }
    }
}

/// See [`Options::out_of_scope`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfScope {
    /// 403, with the scopes held and needed.
    Named,
    /// 403 and no more than that permission was denied.
    Denied,
    /// The same inside status 200, where accounting says so.
    DeniedInside,
}

/// See [`Options::payment_errors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentErrors {
    /// `{"error_type", "message"}`.
    ErrorType,
    /// `{"errors": [{"field", "message"}]}`.
    List,
    /// `{"errors": {"field", "message"}}`.
    Object,
    /// `{"message"}`.
    Bare,
}

/// The form of `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// `Retry-After: 17`.
    Seconds,
    /// `Retry-After: Tue, 31 Mar 2026 09:30:00 GMT`.
    HttpDate,
    /// No such header.
    Absent,
}

/// The settings of the authorisation server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each one question of the API page")]
pub struct OAuthOptions {
    /// The only registered app.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// The scopes the app is registered for; they apply if a request names none.
    pub app_scopes: Vec<String>,
    /// The registered redirect URIs; if empty, any well-formed one is taken.
    pub redirect_uris: Vec<String>,
    /// FreshBooks refuses `http`; with this, loopback addresses may use it.
    pub allow_http_loopback_redirect: bool,
    /// Whether a request for consent must carry a PKCE challenge. One that was given is always checked.
    pub enforce_pkce: bool,
    /// Whether the `redirect_uri` of a token request must be the one of the consent.
    pub enforce_redirect_uri: bool,
    /// Whether an unexpired access token outlives the refresh that replaced it.
    pub old_access_token_lives: bool,
    /// For so many seconds a spent refresh token still gets the answer that replaced it; FreshBooks: 0.
    pub refresh_grace_s: u64,
    /// Lifetime of an access token in seconds.
    pub expires_in: i64,
    /// Text in front of every secret, for leak scanners.
    pub canary: Option<String>,
    /// Whether a stranger, with another business, sits at the consent page.
    pub stranger: bool,
}

impl Default for OAuthOptions {
    fn default() -> Self {
        Self {
            client_id: "simulator-app".to_owned(),
            client_secret: "simulator-secret".to_owned(),
            app_scopes: crate::oauth::all_scopes(),
            redirect_uris: Vec::new(),
            allow_http_loopback_redirect: true,
            enforce_pkce: false,
            enforce_redirect_uri: true,
            old_access_token_lives: true,
            refresh_grace_s: 0,
            expires_in: 43_200,
            canary: None,
            stranger: false,
        }
    }
}
