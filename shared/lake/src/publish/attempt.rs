//! One attempt after the other, until the tables show the commit or another one.

use model::planted::{self, Bug};
use model::{Error, ErrorKind, Result};

use super::fence::{self, Standing};
use super::{Ended, Publication, REBASES, Start, Why};
use crate::catalog::{Heads, Swap};
use crate::table::Metadata;
use crate::{Commit, Published, Seen, files, layout};

/// What one attempt at a swap came to.
enum Attempt {
    Won,
    Lost,
    /// Our fence is up: everything anew, on top of it.
    Fenced,
    /// This child shows what is not to be gone on from.
    Anew(&'static str, Why),
    Again(Option<Error>),
}

impl Publication<'_> {
    /// Carries the tables over to the commit, step by step.
    pub(super) async fn run(mut self) -> Result<Ended> {
        let steps = self.lake.catalog.steps(self.family);
        let (mut at, mut rebases, mut sent, mut unknown) = (0, 0, false, None);
        while let Some(step) = steps.get(at) {
            match self.attempt(step, sent, unknown.is_some()).await? {
                Attempt::Won => {
                    (at, rebases, sent, unknown) = (at + 1, 0, false, None);
                    continue;
                }
                Attempt::Lost => return Ok(Ended::Published(Published::Lost)),
                Attempt::Anew(child, why) => {
                    let from = Start { base: self.base, commit: self.commit };
                    return Ok(Ended::Anew(Box::new(from), child, why));
                }
                Attempt::Fenced => (at, sent, unknown) = (0, false, None),
                Attempt::Again(error) => (sent, unknown) = (true, error.or(unknown)),
            }
            rebases += 1;
            if rebases > REBASES {
                return Err(self.given_up(unknown));
            }
        }
        self.settle().await;
        // For whoever reads the report: what the tables hold is known only now.
        let mut commit = self.commit;
        commit.certificate.notes.extend(self.notes);
        Ok(Ended::Published(Published::Won(Box::new(commit))))
    }

    /// Where the tables are, which commit they show, and whether ours is that one or below it.
    async fn look(&mut self, sent: bool) -> Result<(Heads, Option<String>, bool)> {
        let heads = self.lake.catalog.load(self.family).await?;
        self.read.retain(|key, _| heads.metadata.values().any(|current| current == key));
        let shown = self.shown(&heads).await?;
        let ours = &self.commit.entry;
        let mut below = shown.clone();
        // Others may have gone on from ours before it was looked for.
        while let Some(other) = below.take_if(|below| sent && fence::number(below) > self.commit.number) {
            below = self.lake.commit(self.family.name, self.unit, &other).await?.previous;
        }
        let is_in = below.as_ref() == Some(ours);
        Ok((heads, shown, is_in))
    }

    /// One swap of the tables of a step on top of what they are now. After one that was `sent` it is not known whether
    /// that counts until they are loaded.
    async fn attempt(&mut self, step: &[&'static str], sent: bool, in_doubt: bool) -> Result<Attempt> {
        let looked = self.look(sent).await;
        let (heads, shown, is_in) = looked.map_err(|e| if sent { self.given_up(Some(e)) } else { e })?;
        if is_in {
            tracing::debug!(name: "commit_was_ours", target: "path", task = %self.commit.task, "the commit is in");
            return Ok(Attempt::Won);
        }
        if let Some(fence) = self.fence.take_if(|fence| shown.as_ref() == Some(&fence.entry)) {
            self.commit = self.commit.clone().behind(&fence);
            self.lake.put_commit(self.family.name, self.unit, &mut self.commit).await?;
            self.base = Some(fence);
            return Ok(Attempt::Fenced);
        }
        let base = self.base.as_ref().filter(|base| !base.is_pointer()).map(|base| &base.entry);
        if shown.as_ref() != base {
            tracing::debug!(name: "commit_was_anothers", target: "path", task = %self.commit.task, "another task was first");
            return Ok(Attempt::Lost);
        }
        if in_doubt {
            tracing::debug!(name: "commit_never_arrived", target: "path", task = %self.commit.task, "the commit is not in");
        }
        match self.standing(step, &heads).await? {
            (Standing::Ours, _) => return Ok(Attempt::Won),
            (Standing::Pending, _) => return self.fence(&heads).await,
            (Standing::Ahead, _) => return Err(self.set_back(&heads)),
            (Standing::Left, child) => return Ok(Attempt::Anew(child, Why::Left)),
            (Standing::Free, _) => {}
        }
        if let Some(child) = self.bereft(step, &heads).await? {
            return Ok(Attempt::Anew(child, Why::Gone));
        }
        match self.swap(step, &heads, None).await? {
            Swap::Won => Ok(Attempt::Won),
            Swap::Lost => {
                tracing::debug!(name: "commit_rebased", target: "path", task = %self.commit.task, "looking who was first");
                Ok(Attempt::Again(None))
            }
            Swap::Unknown(error) => {
                if planted::is(Bug::UnknownCommitUndone) {
                    for key in self.raw.0.values().flatten() {
                        self.lake.store.delete(key).await?;
                    }
                    return Err(error);
                }
                Ok(Attempt::Again(Some(error)))
            }
        }
    }

    /// What stands against switching the tables of a step, and which. Where the parent switches with them, nothing can.
    pub(super) async fn standing(
        &mut self,
        step: &[&'static str],
        heads: &Heads,
    ) -> Result<(Standing, &'static str)> {
        let parent = self.family.name;
        if step.contains(&parent) {
            return Ok((Standing::Free, parent));
        }
        let shown = self.base.as_ref().map(|base| base.entry.clone());
        let (mut ours, mut left) = (0, None);
        for table in step.iter().copied() {
            let Some(key) = heads.metadata.get(table) else { continue };
            let entry = self.metadata(key).await?.shows(self.unit)?;
            match fence::standing(entry.as_deref(), self.settled, shown.as_deref(), &self.commit.entry) {
                Standing::Ours => ours += 1,
                Standing::Free => {}
                Standing::Pending | Standing::Left if planted::is(Bug::FenceIgnored) => {}
                Standing::Left if self.anew.contains(table) || planted::is(Bug::LeftoverKept) => {}
                Standing::Left => left = Some(table),
                against => return Ok((against, table)),
            }
        }
        let all = if ours == step.len() { Standing::Ours } else { Standing::Free };
        Ok(left.map_or((all, parent), |left| (Standing::Left, left)))
    }

    /// What to tell of a parent that is behind its children.
    pub(super) fn set_back(&self, heads: &Heads) -> Error {
        let table = self.family.name;
        let how = if heads.metadata.contains_key(table) { "was set back" } else { "is gone" };
        let what = format!("the entry of {table} in the catalog {how}, and those of its lines are not");
        Error::new(ErrorKind::Storage, what).next(
            "bring the entry back, with the last metadata_location it had; or delete the entries of its lines, too: then \
             everything is read anew",
        )
    }

    /// A child of `step` that shows nothing of the unit although its parent does: somebody has dropped it, or it is new.
    pub(super) async fn bereft(
        &mut self,
        step: &[&'static str],
        heads: &Heads,
    ) -> Result<Option<&'static str>> {
        // A fence before the first commit stands on nothing.
        let is_first = self.base.as_ref().is_none_or(|base| base.fence && base.previous.is_none());
        if self.whole || is_first {
            return Ok(None);
        }
        for child in step.iter().filter(|table| **table != self.family.name) {
            let shown = match heads.metadata.get(*child) {
                Some(key) => self.metadata(key).await?.shows(self.unit)?,
                None => None,
            };
            if shown.is_none() {
                return Ok(Some(child));
            }
        }
        Ok(None)
    }

    /// Sends a fence. Whether it is up, loading tells.
    async fn fence(&mut self, heads: &Heads) -> Result<Attempt> {
        let fence = match self.fence.take() {
            Some(fence) => fence,
            None => self.put_fence(&self.commit).await?,
        };
        tracing::debug!(name: "commit_fenced", target: "path", task = %self.commit.task, "another task is half way");
        let swap = self.swap(&[self.family.name], heads, Some(&fence)).await?;
        self.fence = Some(fence);
        Ok(match swap {
            Swap::Won | Swap::Lost => Attempt::Again(None),
            Swap::Unknown(error) => Attempt::Again(Some(error)),
        })
    }

    /// Puts a fence for `next`, on top of the base.
    pub(super) async fn put_fence(&self, next: &Commit) -> Result<Commit> {
        let nothing = Seen::default().encode(self.lake.packing)?;
        let (table, at) = (self.family.name, next.committed_at);
        let digest = files::sha256(&nothing);
        let key = layout::seen(&self.lake.database, table, self.unit, &next.task, at, &digest);
        if self.base.is_none() {
            self.lake.put_content(&key, nothing).await?;
        }
        let mut fence = Commit::fence(self.base.as_ref(), next, key);
        self.lake.put_commit(table, self.unit, &mut fence).await?;
        Ok(fence)
    }

    /// The commit of the unit that the parent shows.
    pub(super) async fn shown(&mut self, heads: &Heads) -> Result<Option<String>> {
        match heads.metadata.get(self.family.name) {
            Some(key) => self.metadata(key).await?.shows(self.unit),
            None => Ok(None),
        }
    }

    /// The version in the object called `key`.
    pub(super) async fn metadata(&mut self, key: &str) -> Result<Metadata> {
        if let Some(metadata) = self.read.get(key) {
            return Ok(metadata.clone());
        }
        let metadata = self.lake.metadata(key).await?;
        self.read.insert(key.to_owned(), metadata.clone());
        Ok(metadata)
    }

    /// What is left to do once the swap counts. If it fails, the next run does it.
    pub(super) async fn settle(&self) {
        if let Err(error) = self.lake.catalog.settle(self.family, None).await {
            tracing::warn!(table = self.family.name, %error, "the commit is in, but not shown to all readers yet");
        }
    }

    fn given_up(&self, unknown: Option<Error>) -> Error {
        let table = self.family.name;
        if let Some(cause) = unknown {
            return Error::new(
                ErrorKind::CommitUnknown,
                format!("cannot tell whether {table} was committed"),
            )
            .next("run again: a commit that happened is recognised by its task id")
            .because(cause);
        }
        let what = format!("cannot commit {table}: others committed first, {REBASES} times");
        Error::new(ErrorKind::Conflict, what).next("run again when fewer runs are under way")
    }
}
