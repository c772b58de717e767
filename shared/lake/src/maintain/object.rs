//! What an object is, by its key alone. What is not called as ours are is none of ours.

use std::collections::BTreeSet;
use std::fmt;

use model::port::ObjectInfo;
use tables::Table;

/// What an object is that nothing names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leftover {
    /// Raw rows that no commit names.
    Raw,
    /// A data file of no snapshot.
    Data,
    /// A manifest, or a list of manifests, of no snapshot.
    Manifest,
    /// A version of a table that fell off the log.
    Version,
    /// A commit that lost.
    Commit,
    /// A list of rows seen with which nothing is compared any more.
    Seen,
    /// A pointer that many have followed.
    Pointer,
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Raw => "raw files of no commit",
            Self::Data => "data files of no snapshot",
            Self::Manifest => "manifests of no snapshot",
            Self::Version => "old versions of metadata",
            Self::Commit => "commits that lost",
            Self::Seen => "lists of rows out of use",
            Self::Pointer => "old pointers",
        })
    }
}

/// An object below the folder of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Object<'k> {
    Data,
    Manifest {
        sequence: i64,
    },
    Version {
        version: u64,
    },
    Hint,
    Commit {
        unit: &'k str,
        number: u64,
    },
    /// A commit that was a pointer itself.
    PointerCommit,
    Seen,
    Pointer,
}

/// What the object is that lies at `key` in the folder of a table.
pub(super) fn lake(key: &str) -> Option<Object<'_>> {
    let (folder, rest) = key.split_once('/')?;
    match folder {
        "data" => {
            let (unit, name) = rest.split_once('/')?;
            (is_unit(unit) && is_part(name)).then_some(Object::Data)
        }
        "seen" => {
            let (unit, name) = rest.split_once('/')?;
            let (_, digest) = name.strip_suffix(".parquet")?.rsplit_once('-')?;
            (is_unit(unit) && is_digest(digest)).then_some(Object::Seen)
        }
        "commits" => {
            let (unit, name) = rest.split_once('/').filter(|(unit, _)| is_unit(unit))?;
            let name = name.strip_suffix(".json")?;
            match name.split_once('-') {
                Some((number, digest)) if is_digest(digest) => {
                    Some(Object::Commit { unit, number: wide(number, 10)? })
                }
                Some(_) => None,
                None => wide(name, 10).map(|_| Object::PointerCommit),
            }
        }
        "catalog" => wide(rest.strip_suffix(".json")?, 10).map(|_| Object::Pointer),
        "metadata" if rest == "version-hint.text" => Some(Object::Hint),
        "metadata" => {
            if let Some(name) = rest.strip_suffix(".metadata.json") {
                let (version, digest) = name.split_once('-')?;
                return is_digest(digest)
                    .then_some(())
                    .and_then(|()| wide(version, 5))
                    .map(|version| Object::Version { version });
            }
            let mut parts = rest.strip_suffix(".avro")?.split('-');
            let (sequence, snapshot, what, digest) =
                (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
            let ours = parts.next().is_none()
                && snapshot.len() == 16
                && is_hex(snapshot)
                && matches!(what, "files" | "list")
                && is_digest(digest);
            let sequence = i64::try_from(wide(sequence, 5)?).ok()?;
            ours.then_some(Object::Manifest { sequence })
        }
        _ => None,
    }
}

/// Whether `key` is that of a raw file: `raw/<table>/<unit>/dt=<day>/<task>-<part>-<digest>.parquet`.
pub(super) fn is_raw(key: &str) -> bool {
    let parts: Vec<&str> = key.split('/').collect();
    match parts.as_slice() {
        ["raw", _, unit, day, name] => {
            let day = day.strip_prefix("dt=").and_then(|day| day.parse::<jiff::civil::Date>().ok());
            is_unit(unit) && day.is_some() && is_part(name)
        }
        _ => false,
    }
}

fn is_unit(text: &str) -> bool {
    text.split_once('=')
        .is_some_and(|(kind, id)| matches!(kind, "account_id" | "business_id" | "identity") && !id.is_empty())
}

/// `…-<part>-<digest>.parquet`
fn is_part(name: &str) -> bool {
    let parts = name.strip_suffix(".parquet").and_then(|name| {
        let (rest, digest) = name.rsplit_once('-')?;
        let (task, part) = rest.rsplit_once('-')?;
        Some((task, part, digest))
    });
    parts.is_some_and(|(task, part, digest)| {
        !task.is_empty() && !task.contains('/') && wide(part, 4).is_some() && is_digest(digest)
    })
}

/// A number that is written with so many digits at least.
fn wide(text: &str, width: usize) -> Option<u64> {
    let digits = text.len() >= width && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn is_digest(text: &str) -> bool {
    text.len() == 12 && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Commits in the same store that this version cannot look at: those of another database, or of tables it does not know.
/// They may name raw files, too.
#[derive(Debug, Default)]
pub(super) struct Foreign(BTreeSet<(String, String)>);

impl Foreign {
    pub(super) fn new(database: &str, listed: &[ObjectInfo]) -> Self {
        let commits = listed.iter().filter_map(|object| {
            let mut parts = object.key.strip_prefix("lake/")?.split('/');
            let (of, table, folder) = (parts.next()?, parts.next()?, parts.next()?);
            let ours = of == database && tables::ALL.iter().any(|family| family.name == table);
            (folder == "commits" && !ours).then(|| (of.to_owned(), table.to_owned()))
        });
        Self(commits.collect())
    }

    /// Why the raw files of a family are not only this database's.
    pub(super) fn shares(&self, family: &Table) -> Option<String> {
        let shared = self.0.iter().find(|(_, table)| table == family.name);
        shared.map(|(of, table)| format!("commits of {of}.{table} may name them, too"))
    }

    /// Why raw rows of all tables are not only this database's.
    pub(super) fn any(&self) -> Option<String> {
        self.0.first().map(|(of, table)| format!("commits of {of}.{table} may name them, too"))
    }
}

#[cfg(test)]
mod tests {
    use model::{AccountId, TaskId, Timestamp, Unit};

    use super::*;
    use crate::layout;

    const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn below(key: &str) -> &str {
        layout::below_home("books", key).unwrap()
    }

    #[test]
    fn what_the_layout_names_is_known() {
        let unit = Unit::Account(AccountId("ACM-1".to_owned()));
        let task = TaskId("acme-20260331T060000Z-invoices-ACM-1".to_owned());
        let at = Timestamp::UNIX_EPOCH;
        let key = layout::data("books", "invoices", &unit, &task, at, 3, DIGEST);
        assert_eq!(lake(below(&key)), Some(Object::Data));
        let key = layout::seen("books", "invoices", &unit, &task, at, DIGEST);
        assert_eq!(lake(below(&key)), Some(Object::Seen));
        let key = layout::metadata("books", "invoices", 123_456, DIGEST);
        assert_eq!(lake(below(&key)), Some(Object::Version { version: 123_456 }));
        assert_eq!(lake(below(&layout::hint("books", "invoices"))), Some(Object::Hint));
        assert_eq!(lake(below(&layout::pointer("books", "invoices", 7))), Some(Object::Pointer));
        let key = layout::commit("books", "invoices", &unit, &layout::entry(7, DIGEST));
        assert_eq!(lake(below(&key)), Some(Object::Commit { unit: "account_id=ACM-1", number: 7 }));
        let key = layout::commit("books", "invoices", &unit, &layout::pointer_commit(7));
        assert_eq!(lake(below(&key)), Some(Object::PointerCommit));
        let manifest = "metadata/00012-0123456789abcdef-list-0123456789ab.avro";
        assert_eq!(lake(manifest), Some(Object::Manifest { sequence: 12 }));
        let day = jiff::civil::date(2026, 3, 31);
        assert!(is_raw(&layout::raw_file("invoices", &unit, day, &task, 0, DIGEST)));
    }

    #[test]
    fn what_is_called_otherwise_is_a_strangers() {
        for key in [
            "notes.txt",
            "data/mine.parquet",
            "data/account_id=A/part-0.parquet",
            "data/account_id=A/t-0000-0123456789ab.parquet.bak",
            "data/account_id=A/deeper/t-0000-0123456789ab.parquet",
            "metadata/v1.metadata.json",
            "metadata/00001-0123456789ab.metadata.json.gz",
            "metadata/snap-1-0123456789abcdef.avro",
            "metadata/00012-0123456789abcdef-stats-0123456789ab.avro",
            "catalog/1.json",
            "commits/account_id=A/0000000001-x.json",
            "commits/0000000001.json",
            "commits/somebody=A/0000000001.json",
            "seen/account_id=A/x.parquet",
        ] {
            assert_eq!(lake(key), None, "{key}");
        }
        for key in [
            "raw/invoices/readme.parquet",
            "raw/invoices/account_id=A/t-0000-0123456789ab.parquet",
            "raw/invoices/account_id=A/dt=x/t-0000-0123456789ab.parquet",
            "raw/invoices/account_id=A/dt=2026-01-02/more/t-0000-0123456789ab.parquet",
            "raw/invoices/account_id=A/dt=2026-01-02/t-0123456789ab.parquet",
        ] {
            assert!(!is_raw(key), "{key}");
        }
    }
}
