//! What a table does when what comes no longer fits its columns.

use std::str::FromStr;

use model::{Error, ErrorKind, Result};

/// How far a table follows its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Contract {
    /// New columns are added, types are widened; what cannot be united is kept in `_extra`.
    #[default]
    Evolve,
    /// Nothing changes: what does not fit fails the table, with the difference.
    Freeze,
    /// Nothing changes: new columns are left out of the current tables, and reported. `raw` has them.
    Discard,
}

impl Contract {
    /// The word for it in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Evolve => "evolve",
            Self::Freeze => "freeze",
            Self::Discard => "discard",
        }
    }

    /// The error of a frozen table that `differences` would change.
    pub fn broken(table: &str, differences: &[String]) -> Error {
        let what = format!("{table} is frozen, and no longer fits: {}", differences.join(", "));
        Error::new(ErrorKind::Contract, what)
            .next("set contract = \"evolve\" to let the table follow, or \"discard\" to leave this out")
    }
}

impl FromStr for Contract {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        let all = [Self::Evolve, Self::Freeze, Self::Discard];
        all.into_iter().find(|contract| contract.as_str() == word).ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("{word:?} is no contract"))
                .next("use evolve, freeze or discard")
        })
    }
}
