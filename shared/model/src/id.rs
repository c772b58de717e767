//! FreshBooks' ids and our own names. Parsed once, at the edge.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The accounting system of a business, such as `ACM123`: the `{account_id}` of accounting paths.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub String);

/// A business, such as `439000`: the `{business_id}` of project and time-tracking paths. Not the id of
/// the membership that leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BusinessId(pub i64);

/// What one task reads: the identity behind the token, one accounting system, or one business.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The person who connected; there is exactly one per connection.
    Identity(i64),
    /// One accounting system.
    Account(AccountId),
    /// One business.
    Business(BusinessId),
}

/// Other ids of a unit: some paths want them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherIds {
    /// The accounting system of a business, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// Of a business, in ledger paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_uuid: Option<String>,
    /// Of an accounting system, as the old roles name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_id: Option<i64>,
}

impl OtherIds {
    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Unit {
    /// The Hive partition of this unit's rows: `account_id=ACM123`.
    pub fn partition(&self) -> String {
        let value = match self {
            Self::Identity(id) => return format!("identity={id}"),
            Self::Business(id) => return format!("business_id={}", id.0),
            Self::Account(id) => &id.0,
        };
        // An id becomes part of a path, so nothing in it may act as one.
        let safe: String = value
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' })
            .collect();
        format!("account_id={safe}")
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(id) => write!(f, "identity {id}"),
            Self::Account(id) => write!(f, "account {id}"),
            Self::Business(id) => write!(f, "business {id}"),
        }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BusinessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A name that cannot be used, and the rule it breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a connection name: use 1 to 40 lower-case letters, digits, - and _, starting with a letter"
)]
pub struct InvalidName(pub String);

/// What an operator calls one authorised grant with its settings: `acme-books`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConnectionName(String);

impl ConnectionName {
    /// Checks the name: it becomes part of object keys and secret names.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
        let name = name.into();
        let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_';
        let valid = name.len() <= 40
            && name.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
            && name.bytes().all(fits);
        if valid { Ok(Self(name)) } else { Err(InvalidName(name)) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ConnectionName {
    type Error = InvalidName;
    fn try_from(name: String) -> Result<Self, InvalidName> {
        Self::new(name)
    }
}

impl From<ConnectionName> for String {
    fn from(name: ConnectionName) -> Self {
        name.0
    }
}

impl fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A table of the lake: `invoices`, `invoice_lines`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TableName(pub String);

impl TableName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for TableName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One firing for one connection: `acme-20260401T060000Z`. The same firing delivered twice has the same id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl RunId {
    /// The run of `connection` that was scheduled for `at`.
    pub fn new(connection: &ConnectionName, at: jiff::Timestamp) -> Self {
        Self(format!("{connection}-{}", at.strftime("%Y%m%dT%H%M%SZ")))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One table of one unit in one run; decided before the task is queued, so that every redelivery carries it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub String);

impl TaskId {
    /// Joins what makes a task unique.
    pub fn new(run: &RunId, table: &TableName, unit: &Unit) -> Self {
        let unit = unit.partition();
        let unit = unit.split_once('=').map_or("", |(_, id)| id);
        Self(format!("{run}-{table}-{unit}"))
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_name_cannot_climb_out_of_its_folder() {
        for bad in ["", "../x", "a/b", "A", "1a", "a b", "ä", &"a".repeat(41)] {
            assert!(ConnectionName::new(bad).is_err(), "{bad:?} was accepted");
        }
        assert_eq!(ConnectionName::new("acme-books_2").unwrap().as_str(), "acme-books_2");
    }

    #[test]
    fn an_account_id_cannot_act_as_a_path() {
        assert_eq!(Unit::Account(AccountId("../../etc".into())).partition(), "account_id=______etc");
    }
}
