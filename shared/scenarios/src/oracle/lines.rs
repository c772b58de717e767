//! Rows of child tables against the arrays inside their parents.

use std::collections::BTreeMap;

use super::facts::Child;
use super::file::Batch;
use super::known::{Digest, digest};
use super::{Findings, INVENTED, text};

/// A line: its place, its text, and whether it is marked deleted.
type Line = (i64, Digest, bool);

/// The lines of one commit, by their parent, in the order in which they were written.
#[derive(Debug, Default)]
pub(super) struct Lines {
    written: BTreeMap<i64, Vec<Line>>,
    due: BTreeMap<i64, Vec<Line>>,
}

/// The columns that are looked at.
pub(super) fn columns(child: Child) -> Vec<&'static str> {
    vec![child.parent_key, "_position", "_is_deleted", "_raw"]
}

impl Lines {
    /// Takes the lines of a file.
    pub(super) fn written(&mut self, child: Child, batch: &Batch) {
        for row in 0..batch.rows() {
            // a line without a text marks one that vanished with its parent
            let Some(raw) = batch.text("_raw", row) else { continue };
            let parent = batch.int(child.parent_key, row).unwrap_or(i64::MIN);
            let position = batch.int("_position", row).unwrap_or(-1);
            let deleted = batch.flag("_is_deleted", row).unwrap_or_default();
            self.written.entry(parent).or_default().push((position, digest(raw), deleted));
        }
    }

    /// A parent was written: its lines have to be as well.
    pub(super) fn parent(&mut self, child: Child, key: i64, raw: &str, deleted: bool) {
        let lines = text::elements(raw, child.array);
        let due = (0..).zip(lines).map(|(position, line)| (position, digest(line), deleted));
        self.due.entry(key).or_default().extend(due);
    }

    /// Compares.
    pub(super) fn judge(&self, child: Child, at: &str, findings: &mut Findings) {
        for (parent, due) in &self.due {
            let written = self.written.get(parent).map_or(&[][..], Vec::as_slice);
            if written != due {
                let what = format!(
                    "{at}: the {} lines in {} of {parent} are not the {} that its row has, in their order",
                    written.len(),
                    child.name,
                    due.len()
                );
                findings.add(INVENTED, what);
            }
        }
        for parent in self.written.keys().filter(|parent| !self.due.contains_key(parent)) {
            findings
                .add(INVENTED, format!("{at}: {} has lines of {parent}, which was not written", child.name));
        }
    }
}
