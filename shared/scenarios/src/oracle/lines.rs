//! Rows of child tables against the arrays inside their parents.

use std::collections::BTreeMap;

use super::facts::Child;
use super::file::Batch;
use super::known::{Digest, digest};
use super::{Findings, INVENTED, text};

/// A line: its place, its text, and whether it is marked deleted.
type Line = (i64, Digest, bool);

/// The lines of one commit, by their table and parent, in the order in which they were written.
#[derive(Debug, Default)]
pub(super) struct Lines {
    written: BTreeMap<(&'static str, i64), Vec<Line>>,
    due: BTreeMap<(&'static str, i64), Vec<Line>>,
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
            self.written.entry((child.name, parent)).or_default().push((position, digest(raw), deleted));
        }
    }

    /// A parent was written: its lines have to be as well.
    pub(super) fn parent(&mut self, child: Child, key: i64, raw: &str, deleted: bool) {
        let lines = text::elements(raw, child.source);
        let due = (0..).zip(lines).map(|(position, line)| (position, digest(line), deleted));
        self.due.entry((child.name, key)).or_default().extend(due);
    }

    /// Compares.
    pub(super) fn judge(&self, child: Child, at: &str, findings: &mut Findings) {
        let of_child = |(table, _): &&(&str, i64)| *table == child.name;
        for (key, due) in self.due.iter().filter(|(key, _)| of_child(key)) {
            let written = self.written.get(key).map_or(&[][..], Vec::as_slice);
            if written != due {
                let what = format!(
                    "{at}: the {} lines in {} of {} are not the {} that its row has, in their order",
                    written.len(),
                    child.name,
                    key.1,
                    due.len()
                );
                findings.add(INVENTED, what);
            }
        }
        let written = self.written.keys().filter(of_child);
        for (_, parent) in written.filter(|key| !self.due.contains_key(key)) {
            findings
                .add(INVENTED, format!("{at}: {} has lines of {parent}, which was not written", child.name));
        }
    }
}
