//! Which snapshot of each table a run has left: where readers can go back to.

use std::collections::BTreeMap;

use model::{Result, Timestamp};
use tables::Table;

use crate::Lake;

/// What one run has made of a table and its children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The run.
    pub id: String,
    /// When its last snapshot was made, by the clock of who committed.
    pub at: Timestamp,
    /// The tables that it has changed; the parent is the first, if it is among them.
    pub tables: Vec<RunOfTable>,
}

/// What one run has made of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOfTable {
    /// The table.
    pub table: &'static str,
    /// Its last snapshot of that run: the table as the run has left it.
    pub snapshot: i64,
    /// Rows in the files that came, those that were carried over included.
    pub added: u64,
    /// Rows in the files whose place they took.
    pub removed: u64,
    /// Rows there are since.
    pub rows: u64,
}

impl Lake {
    /// The runs of which `family` still has a snapshot, newest first. A run that has changed no row made none.
    pub async fn runs(&self, family: &'static Table) -> Result<Vec<Run>> {
        let heads = self.catalog.load(family).await?;
        let mut runs: BTreeMap<String, Run> = BTreeMap::new();
        for table in family.lake_names() {
            let Some(key) = heads.metadata.get(table) else { continue };
            for snapshot in self.metadata(key).await?.snapshots() {
                let figure =
                    |name: &str| snapshot.summary.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
                let Some(id) = snapshot.summary.get("freshlake.run") else { continue };
                let run = runs.entry(id.clone()).or_insert_with(|| Run {
                    id: id.clone(),
                    at: snapshot.at,
                    tables: Vec::new(),
                });
                run.at = run.at.max(snapshot.at);
                let (added, removed) = (figure("added-records"), figure("deleted-records"));
                let rows = figure("total-records");
                match run.tables.iter_mut().find(|one| one.table == table) {
                    Some(one) => {
                        one.snapshot = snapshot.id;
                        (one.added, one.removed, one.rows) = (one.added + added, one.removed + removed, rows);
                    }
                    None => {
                        run.tables.push(RunOfTable { table, snapshot: snapshot.id, added, removed, rows });
                    }
                }
            }
        }
        let mut runs: Vec<Run> = runs.into_values().collect();
        runs.sort_by(|one, other| (other.at, &other.id).cmp(&(one.at, &one.id)));
        Ok(runs)
    }
}
