//! The next version of each table: what came is merged, files and manifests are put, and the swap is sent.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use model::planted::{self, Bug};
use model::{Result, TaskId, Timestamp, Unit};

use super::{Prepared, Publication};
use crate::catalog::{Heads, Move, Swap};
use crate::glue::GlueColumn;
use crate::merge::{self, Came, Limits, Live, Merged, Parts, RawFiles, Renamed, Retyped, Sink, SortedFile};
use crate::table::{Change, Metadata, NewFile, Owner, Plan};
use crate::{Commit, Lake, files, layout};

impl Publication<'_> {
    /// Swaps the tables of `step` for their next versions.
    pub(super) async fn swap(
        &mut self,
        step: &[&'static str],
        heads: &Heads,
        fence: Option<&Commit>,
    ) -> Result<Swap> {
        let (mut metadata, mut columns) = (BTreeMap::new(), BTreeMap::new());
        for plan in self.plans.clone().iter().filter(|plan| step.contains(&plan.name)) {
            let (key, shows) = self.stage(plan, heads, fence).await?;
            metadata.insert(plan.name.to_owned(), key);
            columns.insert(plan.name.to_owned(), shows);
        }
        let (unit, task, at) = (self.unit, &self.commit.task, self.commit.committed_at);
        let moved = Move { family: self.family, unit, task, at, metadata, columns };
        self.lake.catalog.swap(heads, &moved).await
    }

    /// The key and the columns of a table's next version, which is put. Every table names the commit, one that nothing
    /// came into as well: so a swap of a slow task cannot come after it unseen.
    async fn stage(
        &mut self,
        plan: &Plan,
        heads: &Heads,
        fence: Option<&Commit>,
    ) -> Result<(String, Vec<GlueColumn>)> {
        let lake = self.lake;
        let home = layout::home(&lake.database, plan.name);
        let stored = heads.metadata.get(plan.name);
        let came = self.arrivals.is_some() && fence.is_none();
        let metadata = if let Some(key) = stored {
            self.metadata(key).await?
        } else {
            let location = format!("{}/{home}", lake.store.uri());
            Metadata::create(plan, location, self.commit.committed_at.as_millisecond())?
        };
        let (metadata, apart) = metadata.evolved(plan, lake.contract)?;
        self.notes.extend(apart.into_iter().map(|column| format!("{}.{column}: kept in _extra", plan.name)));
        let mut contents = metadata.contents(&*lake.store, &home, &Owner::from(self.unit)).await?;
        if planted::is(Bug::RebaseForgetsOthers) && self.merged.contains_key(plan.name) {
            contents.forget_others();
        }
        if came {
            let shape = metadata.shape(plan)?;
            let live = contents.live(&metadata, &home, &shape)?;
            self.merge(plan, &shape, &live).await?;
        }
        let nothing = Prepared { live: Vec::new(), added: Vec::new(), replaced: HashSet::new() };
        let prepared = self.merged.get(plan.name).filter(|_| fence.is_none()).unwrap_or(&nothing);
        let told = [("freshlake.run", self.run_id()), ("freshlake.task", self.commit.task.to_string())];
        let change = Change {
            unit: self.unit,
            entry: &fence.unwrap_or(&self.commit).entry,
            at: self.commit.committed_at,
            told: &told,
            added: &prepared.added,
            replaced: &prepared.replaced,
        };
        let version = metadata.version() + 1;
        let next = metadata.advance(&*lake.store, &home, contents, change).await?;
        let key = layout::metadata(&lake.database, plan.name, version, &files::sha256(&next.body));
        lake.put_content(&key, next.body).await?;
        Ok((key, next.columns))
    }

    /// Merges what came into the unit's files, unless that is done and they are still the same.
    async fn merge(&mut self, plan: &Plan, shape: &merge::Shape, live: &[Live]) -> Result<()> {
        let there: Vec<String> = live.iter().map(|file| file.key.clone()).collect();
        if self
            .merged
            .get(plan.name)
            .is_some_and(|prepared| prepared.live == there || planted::is(Bug::StaleMergeReused))
        {
            return Ok(());
        }
        let lake = self.lake;
        let Some(arrivals) = &self.arrivals else { return Ok(()) };
        let raw = RawFiles::new(&*lake.store, self.raw.of(plan.name));
        let rules = lake.rules(self.family);
        let retyped = Retyped::new(raw, plan.name, rules);
        let came: &dyn Parts = if self.replaying.is_some() { &retyped } else { &raw };
        let renamed = rules.map(|rules| Renamed::new(came, plan.name, rules));
        let parts: &dyn Parts = renamed.as_ref().map_or(came, |renamed| renamed);
        let came = Came { arrivals, parts };
        let task = self.replaying.as_ref().map_or(&self.commit.task, |replaying| &replaying.name);
        let all =
            self.replaying.as_ref().is_some_and(|replaying| replaying.all) || self.anew.contains(plan.name);
        let live = if all { &[] } else { live };
        let at = self.commit.committed_at;
        let mut sink = Files { lake, table: plan.name, unit: self.unit, task, at, put: Vec::new() };
        let limits = Limits::default();
        let Merged { replaced, .. } =
            merge::merge(&*lake.store, shape, came, live, limits, lake.packing, &mut sink).await?;
        let replaced = if all {
            there.iter().cloned().collect()
        } else {
            replaced.into_iter().filter_map(|at| there.get(at).cloned()).collect()
        };
        self.merged.insert(plan.name, Prepared { live: there, added: sink.put, replaced });
        if let Some(replaying) = &mut self.replaying {
            replaying.untyped.insert(plan.name, retyped.untyped());
        }
        Ok(())
    }

    /// The run that the task belongs to.
    fn run_id(&self) -> String {
        let task = self.commit.task.to_string();
        let table = format!("-{}-", self.family.name);
        task.split_once(&table).map_or(task.clone(), |(run, _)| run.to_owned())
    }
}

/// Data files of one table of one unit, put as they come.
struct Files<'f> {
    lake: &'f Lake,
    table: &'static str,
    unit: &'f Unit,
    task: &'f TaskId,
    at: Timestamp,
    put: Vec<NewFile>,
}

#[async_trait]
impl Sink for Files<'_> {
    async fn put(&mut self, file: SortedFile) -> Result<()> {
        let digest = files::sha256(&file.bytes);
        let (database, part) = (&self.lake.database, self.put.len());
        let key = layout::data(database, self.table, self.unit, self.task, self.at, part, &digest);
        let bytes = file.bytes.len() as u64;
        self.lake.put_content(&key, file.bytes).await?;
        self.put.push(NewFile { key, bytes, footer: Arc::new(file.metadata) });
        Ok(())
    }
}
