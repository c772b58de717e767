//! Whether the pointers of a family are all there, and readers without a catalog find what the last one says.

use super::{Place, RESTORE, Verification};
use crate::catalog::pointer::{examine, stem};
use crate::catalog::{Heads, Kind};
use crate::layout;

/// So many pointers are always kept.
const KEPT: u64 = 1_000;
/// What helps where a pointer is gone.
const RESTORE_POINTER: &str = "restore the pointer from a backup or an earlier version of the object";

impl Verification<'_> {
    /// Where the tables of a family are; nowhere if that cannot be told.
    pub(super) async fn heads(&mut self, place: &Place) -> Heads {
        let (lake, family) = (self.lake, place.family);
        let folder = layout::pointers(&lake.database, family.name);
        let mut due: Option<u64> = None;
        let mut last = 0;
        for key in place.sizes.keys().filter(|key| key.starts_with(&folder)) {
            let name = key.strip_prefix(&folder).and_then(|name| name.strip_suffix(".json"));
            let number = name.filter(|name| name.len() == 10).and_then(|name| name.parse::<u64>().ok());
            let Some(number) = number else {
                self.damage(family.name, key, "is not the name of a pointer", "move it elsewhere");
                continue;
            };
            if let Some(due) = due.filter(|due| number > *due) {
                self.gap(place, due, number);
            } else if due.is_none() && number > 1 {
                // How many there may have been before tells only the last one; see below.
                last = number;
            }
            due = Some(number + 1);
            match lake.store.get(key).await {
                Ok(Some(body)) => {
                    if let Err(error) = examine(key, &body) {
                        self.unreadable(family.name, key, &error, RESTORE_POINTER);
                    }
                }
                Ok(None) => self.damage(family.name, key, "is missing", RESTORE_POINTER),
                Err(error) => self.unreadable(family.name, key, &error, RESTORE),
            }
        }
        let (first, newest) = (last, due.map_or(0, |due| due - 1));
        if first > 1 && newest - first + 1 < KEPT {
            self.gap(place, 1, first);
        }
        let heads = match lake.keeper.catalog.load(family).await {
            Ok(heads) => heads,
            // Told of already, by the same words.
            Err(error) if due.is_some() && !self.verified.damage.is_empty() => {
                tracing::debug!(table = family.name, %error, "its tables cannot be found");
                return Heads::default();
            }
            Err(error) => {
                self.unreadable(family.name, &folder, &error, RESTORE_POINTER);
                return Heads::default();
            }
        };
        // Who asks Glue needs no hint, and finds none.
        if lake.keeper.kind() == Kind::Pointers {
            self.hints(place, &heads, newest).await;
        }
        heads
    }

    fn gap(&mut self, place: &Place, from: u64, to: u64) {
        let missing = to - from;
        let key = layout::pointer(&self.lake.database, place.family.name, from);
        let what = if missing == 1 {
            "is missing".to_owned()
        } else {
            format!("is missing, and {} more behind it", missing - 1)
        };
        self.damage(place.family.name, &key, what, RESTORE_POINTER);
    }

    /// Whether readers without a catalog see the versions that count. They may be behind for a while: the next run mends that.
    /// They are never ahead, except where a pointer was lost.
    async fn hints(&mut self, place: &Place, heads: &Heads, newest: u64) {
        let (lake, family) = (self.lake, place.family);
        for table in family.lake_names() {
            let key = layout::hint(&lake.database, table);
            let told = match lake.store.get(&key).await {
                Ok(told) => told.map(|told| String::from_utf8_lossy(&told).into_owned()),
                Err(error) => {
                    self.unreadable(table, &key, &error, RESTORE);
                    continue;
                }
            };
            let current = heads.metadata.get(table).map(|key| stem(key));
            let Some(told) = told else {
                if current.is_some() {
                    self.note(table, &key, "is missing", "the next run writes it");
                }
                continue;
            };
            if Some(told.as_str()) == current {
                continue;
            }
            let version =
                |stem: &str| stem.split_once('-').and_then(|(version, _)| version.parse::<u64>().ok());
            let named = format!("{}/metadata/{told}.metadata.json", layout::home(&lake.database, table));
            let is_there = matches!(lake.store.get(&named).await, Ok(Some(_)));
            if is_there && version(&told) > current.and_then(version) {
                let pointer = layout::pointer(&lake.database, family.name, newest + 1);
                self.damage(
                    table,
                    &pointer,
                    format!("is missing, though readers were shown {told}"),
                    RESTORE_POINTER,
                );
            } else {
                let what = format!("names {told:?}, not the version that counts");
                self.note(table, &key, what, "the next run writes it");
            }
        }
    }
}
