//! Whether a commit agrees with the one before it, and with the files it names.

use std::collections::HashSet;

use model::{Cursor, TableStatus, TaskId};
use tables::DeleteRule;

use super::file::Contents;
use super::{Damage, REPORT, RESTORE_COMMIT};
use crate::Commit;

/// The commits of one table of one unit, oldest first.
#[derive(Debug)]
pub(super) struct Chain {
    table: String,
    folder: String,
    /// The number that the next commit should have.
    next: u64,
    cursor: Option<Cursor>,
    /// The task that finished last, if every commit since could be read.
    before: Option<TaskId>,
    /// Tasks that are done: none of them commits again.
    finished: HashSet<TaskId>,
}

impl Chain {
    pub(super) fn new(table: &str, unit: &str) -> Self {
        Self {
            table: table.to_owned(),
            folder: format!("{table}/commits/{unit}/"),
            next: 1,
            cursor: None,
            before: None,
            finished: HashSet::new(),
        }
    }

    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// Goes past a commit that cannot be read.
    pub(super) fn skip(&mut self, key: &str) {
        self.next = self.number(key).unwrap_or(self.next) + 1;
        self.before = None;
    }

    /// The number in a commit's name.
    fn number(&self, key: &str) -> Option<u64> {
        let (_, name) = key.rsplit_once(&self.folder)?;
        let name = name.strip_suffix(".json")?;
        // Behind the number is what is inside, but for commits that were pointers themselves.
        let digits = name.split_once('-').map_or(name, |(digits, _)| digits);
        if digits.len() != 10 {
            return None;
        }
        digits.parse().ok().filter(|number| (1..u64::MAX).contains(number))
    }

    /// What is wrong between `commit` and those before it.
    pub(super) fn link(&mut self, key: &str, commit: &Commit) -> Vec<Damage> {
        let mut found = Vec::new();
        let mut say = |what: String, next: &str| found.push((what, next.to_owned()));
        match self.number(key) {
            None => say("is not the name of a commit".to_owned(), "move it elsewhere"),
            Some(number) if number != self.next => {
                let missing = number.saturating_sub(self.next);
                let commits = if missing == 1 { "commit" } else { "commits" };
                let what =
                    format!("follows a gap: {missing} {commits} from number {} on are missing", self.next);
                say(what, "restore them from a backup: the rows that they name are not in the table");
            }
            Some(number) if number != commit.number => {
                say(format!("says that it is number {}", commit.number), RESTORE_COMMIT);
            }
            Some(_) => {}
        }
        if commit.cursor < self.cursor {
            let at = |cursor: Option<Cursor>| cursor.map_or("nothing".to_owned(), |c| c.0.to_string());
            let what = format!("takes the cursor back from {} to {}", at(self.cursor), at(commit.cursor));
            say(what, RESTORE_COMMIT);
        }
        if self.finished.contains(&commit.task) {
            say(format!("repeats the task {}, which was done", commit.task), REPORT);
        }
        let remembered = commit.recent_tasks.contains(&commit.task);
        if remembered != commit.done {
            let how =
                if commit.done { "does not remember its own task" } else { "calls a task done that is not" };
            say(how.to_owned(), RESTORE_COMMIT);
        }
        if self.before.as_ref().is_some_and(|before| !commit.recent_tasks.contains(before)) {
            say("does not remember the task that finished before it".to_owned(), RESTORE_COMMIT);
        }
        self.next = self.number(key).unwrap_or(self.next) + 1;
        self.cursor = self.cursor.max(commit.cursor);
        if commit.done {
            self.finished.insert(commit.task.clone());
            self.before = Some(commit.task.clone());
        }
        found.into_iter().map(|(what, next)| self.damage(key, what, &next)).collect()
    }

    /// What is wrong between the numbers of `commit` and the rows that are in its files.
    pub(super) fn certificate(&self, key: &str, commit: &Commit, contents: &Contents) -> Vec<Damage> {
        let mut found = Vec::new();
        let proof = &commit.certificate;
        let told = [proof.rows_new, proof.rows_changed, proof.rows_unchanged];
        let sum = told.iter().fold(self.buried(commit), |sum, count| sum.saturating_add(*count));
        if sum != proof.distinct_keys {
            found.push(format!(
                "counts {} keys, but {sum} rows new, changed, unchanged or gone",
                proof.distinct_keys
            ));
        }
        if proof.content_digest.len() != 16 || !proof.content_digest.bytes().all(|b| b.is_ascii_hexdigit()) {
            found.push(format!("has a content digest that is none: {:?}", proof.content_digest));
        }
        if proof.status != TableStatus::Ok && !commit.files.is_empty() {
            found.push(format!("calls the table {}, but has files of it", proof.status.as_str()));
        }
        if let Some(stranger) = self.stranger(commit) {
            found.push(format!("names a file of {stranger}, which is not part of {}", self.table));
        }
        // A file that could not be read makes all sums wrong, and is told of already.
        if !contents.incomplete {
            let written = proof.rows_written().saturating_add(self.buried(commit));
            // A row that changed while its list was read again was counted as unchanged, and written all the same.
            let most = written.saturating_add(proof.rows_unchanged);
            if !(written..=most).contains(&contents.keys) {
                found.push(format!(
                    "counts {written} rows new, changed or gone, but its files have {}",
                    contents.keys
                ));
            }
            if proof.child_rows != contents.child_rows {
                let (told, there) = (proof.child_rows, contents.child_rows);
                found.push(format!("counts {told} child rows, but its files have {there}"));
            }
            // Rows that were rejected before are counted, and not written again.
            let most = proof.rows_rejected;
            let least = if commit.number == 1 { most } else { 0 };
            if !(least..=most).contains(&contents.rejected) {
                found.push(format!("counts {most} rejected rows, but its files have {}", contents.rejected));
            }
        }
        found.into_iter().map(|what| self.damage(key, what, RESTORE_COMMIT)).collect()
    }

    /// Rows that were written because a listing lacks them; the others that are deleted are new or changed as well.
    fn buried(&self, commit: &Commit) -> u64 {
        let vanishes = tables::find(&self.table).is_some_and(|table| table.deleted == DeleteRule::Vanishes);
        if vanishes { commit.certificate.rows_deleted } else { 0 }
    }

    /// A table that a file of `commit` is said to be of, and cannot be.
    fn stranger<'c>(&self, commit: &'c Commit) -> Option<&'c str> {
        // A table that this version does not know may have had any children.
        let table = tables::find(&self.table)?;
        let fits = |name: &str| name == "rejected" || table.lake_names().any(|own| own == name);
        commit.files.iter().map(|file| file.table.as_str()).find(|name| !fits(name))
    }
}
