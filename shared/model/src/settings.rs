//! What a deployment wants of a table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is set for one table, or for a child: which columns come, what they are called, and which rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableSettings {
    /// The only columns that come, beside those that cannot be left out; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// Columns that do not come.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// Columns of text of which only a salted digest comes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hash: Vec<String>,
    /// What columns are called in the current table.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rename: BTreeMap<String, String>,
    /// Which rows come: `status != 'draft' and amount >= 100`.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Whether links and tokens that open documents are kept as they came.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secrets: bool,
}

impl TableSettings {
    /// Whether a salt is needed.
    pub fn hashes(&self) -> bool {
        !self.hash.is_empty()
    }
}
