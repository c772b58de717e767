//! The link that an operator sends to the person who connects.

use model::{ConnectionName, Timestamp};
use serde::{Deserialize, Serialize};

/// What a link allows: to authorise one connection, until it expires. It can be used again, to reconnect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// The connection to make or to renew.
    pub connection: ConnectionName,
    /// The one business to read, by its account id or business id; all of the login if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// When the link stops working.
    pub expires: Timestamp,
}

/// What is kept in the browser between the two halves of an authorisation.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    /// What FreshBooks has to send back.
    pub state: String,
    /// The PKCE verifier: whoever has only the code from the address cannot redeem it.
    pub verifier: String,
    /// The link it began with.
    pub invite: Invite,
    /// When it began.
    pub at: Timestamp,
}
