//! The view against what the source has now.

use super::cursor::{holds, since};
use super::fold::View;
use super::known::Past;
use super::{CURRENT, Findings};

/// Every row as it is, and none that vanished.
pub(super) fn judge(
    past: &Past,
    view: &View,
    unswept: bool,
    hides_odd: bool,
    at: &str,
    findings: &mut Findings,
) {
    for (id, versions) in past.rows.iter().filter(|(id, _)| !hides_odd || *id % 2 == 0) {
        let Some(newest) = versions.last() else { continue };
        let held = view.rows.get(id);
        if newest.text.is_none() {
            if !unswept && held.is_some_and(|held| held.digest.is_some()) {
                findings.add(CURRENT, format!("{at}: row {id} is still there, and gone {}", since(newest)));
            }
            continue;
        }
        if holds(view, *id, newest) {
            continue;
        }
        let what = match held {
            None => "is missing",
            Some(held) if held.digest.is_none() => "is marked gone",
            Some(_) => "is stale",
        };
        findings.add(CURRENT, format!("{at}: row {id} {what}; it is as it is {}", since(newest)));
    }
}
