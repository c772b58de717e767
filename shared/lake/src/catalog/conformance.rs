//! What every catalog has to keep, and what each one keeps beyond that.

mod dropped;
pub(crate) mod fakes;
mod glue;
mod keeper;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::port::ObjectStore;
use model::{AccountId, Error, Result, TaskId, Timestamp, Unit};
use tables::Table;

use super::{Catalog, Glue, Heads, Move, Pointer, Swap};
use crate::glue::GlueColumn;
use crate::layout;
use fakes::{FakeGlue, Fate, Memory};

const DATABASE: &str = "books";

/// A catalog over fakes.
struct Rig {
    catalog: Arc<dyn Catalog>,
    store: Arc<Memory>,
    glue: Option<Arc<FakeGlue>>,
}

fn family() -> &'static Table {
    tables::find("invoices").unwrap()
}

fn unit(id: &str) -> Unit {
    Unit::Account(AccountId(id.to_owned()))
}

impl Rig {
    fn pointer() -> Self {
        let store = Arc::new(Memory::default());
        let catalog = Arc::new(Pointer::new(Arc::clone(&store) as Arc<dyn ObjectStore>, DATABASE.to_owned()));
        Self { catalog, store, glue: None }
    }

    fn glue() -> Self {
        let store = Arc::new(Memory::default());
        let glue = Arc::new(FakeGlue::default());
        let objects = Arc::clone(&store) as Arc<dyn ObjectStore>;
        let catalog = Arc::new(Glue::new(objects, DATABASE.to_owned(), Arc::clone(&glue) as _));
        Self { catalog, store, glue: Some(glue) }
    }

    fn both() -> [Self; 2] {
        [Self::pointer(), Self::glue()]
    }

    fn next(&self, fate: Fate) {
        match &self.glue {
            Some(glue) => glue.next(fate),
            None => self.store.next(fate),
        }
    }

    async fn load(&self) -> Result<Heads> {
        self.catalog.load(family()).await
    }

    /// Swaps one step of the tables to version `version` by `by`.
    async fn step(&self, base: &Heads, step: &[&str], version: u64, by: &str) -> Result<Swap> {
        let (task, unit) = (TaskId(by.to_owned()), unit("ACM1"));
        let metadata: BTreeMap<String, String> =
            step.iter().map(|table| ((*table).to_owned(), key(table, version, by))).collect();
        let column = GlueColumn::new("id", "bigint", "The id");
        let columns = metadata.keys().map(|table| (table.clone(), vec![column.clone()])).collect();
        let moved =
            Move { family: family(), unit: &unit, task: &task, at: Timestamp::UNIX_EPOCH, metadata, columns };
        self.catalog.swap(base, &moved).await
    }

    /// Swaps all tables, as a publication does.
    async fn all(&self, version: u64, by: &str) {
        for step in self.catalog.steps(family()) {
            let base = self.load().await.unwrap();
            assert!(matches!(self.step(&base, &step, version, by).await.unwrap(), Swap::Won));
        }
    }

    fn last_step(&self) -> Vec<&'static str> {
        self.catalog.steps(family()).pop().unwrap()
    }

    async fn parent(&self) -> Option<String> {
        self.load().await.unwrap().metadata.remove(family().name)
    }
}

fn key(table: &str, version: u64, by: &str) -> String {
    layout::metadata(DATABASE, table, version, by)
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T>) -> String {
    outcome.map_err(|error: Error| error.to_string()).unwrap_err()
}

#[tokio::test]
async fn nothing_is_there_before_the_first_swap() {
    for rig in Rig::both() {
        let heads = rig.load().await.unwrap();
        assert!(heads.metadata.is_empty() && heads.version.is_empty(), "{heads:?}");
    }
}

#[tokio::test]
async fn the_parent_switches_last() {
    for rig in Rig::both() {
        let steps = rig.catalog.steps(family());
        assert_eq!(steps.concat().last(), Some(&family().name));
        let mut names: Vec<_> = steps.concat();
        names.sort_unstable();
        let mut wanted: Vec<_> = family().lake_names().collect();
        wanted.sort_unstable();
        assert_eq!(names, wanted, "each once");
    }
}

#[tokio::test]
async fn what_is_swapped_is_loaded() {
    for rig in Rig::both() {
        for version in 1..=3 {
            rig.all(version, "a").await;
            let heads = rig.load().await.unwrap();
            let wanted: BTreeMap<_, _> =
                family().lake_names().map(|table| (table.to_owned(), key(table, version, "a"))).collect();
            assert_eq!(heads.metadata, wanted);
        }
    }
}

#[tokio::test]
async fn a_stale_swap_is_lost_and_changes_nothing() {
    for rig in Rig::both() {
        let nothing = Heads::default();
        rig.all(1, "a").await;
        let one = rig.load().await.unwrap();
        rig.all(2, "b").await;
        let step = rig.last_step();
        for stale in [&one, &nothing] {
            assert!(matches!(rig.step(stale, &step, 2, "c").await.unwrap(), Swap::Lost));
        }
        assert_eq!(rig.parent().await, Some(key("invoices", 2, "b")));
    }
}

#[tokio::test]
async fn of_two_swappers_one_wins() {
    for first in [true, false] {
        for rig in Rig::both() {
            if !first {
                rig.all(1, "z").await;
            }
            let base = rig.load().await.unwrap();
            let step = rig.last_step();
            assert!(matches!(rig.step(&base, &step, 5, "a").await.unwrap(), Swap::Won));
            assert!(matches!(rig.step(&base, &step, 5, "b").await.unwrap(), Swap::Lost));
            assert_eq!(rig.parent().await, Some(key("invoices", 5, "a")));
        }
    }
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_loading_tells() {
    for first in [true, false] {
        for (fate, counts) in [(Fate::LostAfter, true), (Fate::LostBefore, false)] {
            for rig in Rig::both() {
                if !first {
                    rig.all(1, "z").await;
                }
                let base = rig.load().await.unwrap();
                let step = rig.last_step();
                rig.next(fate);
                assert!(matches!(rig.step(&base, &step, 2, "a").await.unwrap(), Swap::Unknown(_)));
                assert_eq!(rig.parent().await == Some(key("invoices", 2, "a")), counts);
                // The same again: it wins if the first one never came, and is refused by its own doing if it did.
                let again = rig.step(&base, &step, 2, "a").await.unwrap();
                assert_eq!(matches!(again, Swap::Lost), counts, "{again:?}");
                assert_eq!(rig.parent().await, Some(key("invoices", 2, "a")));
            }
        }
    }
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    for rig in Rig::both() {
        rig.all(1, "a").await;
        if let Some(glue) = &rig.glue {
            glue.edit("invoices", |table| {
                table.parameters.insert("freshlake.format".to_owned(), "2".to_owned());
            });
        } else {
            let body = r#"{"format":2,"whatever":[]}"#;
            rig.store.put(&layout::pointer(DATABASE, "invoices", 2), body.into()).await.unwrap();
        }
        let text = refusal(rig.load().await);
        assert!(text.contains("newer freshlake (format 2)") && text.contains("install"), "{text}");
    }
}
