//! The cursor against what the view holds.

use model::Timestamp;

use super::fold::View;
use super::known::{Known, Past};
use super::{AHEAD, Findings};

/// Whether a reader sees this version of row `id`, or was told that it could not be typed.
pub(super) fn holds(view: &View, id: i64, version: &Known) -> bool {
    let Some(text) = version.digest() else { return false };
    view.rows.get(&id).is_some_and(|held| held.digest == Some(text)) || view.rejected.contains(&(id, text))
}

/// Every row that has been as it is since before `cursor` is in the view. One that changed later is owed by a later run,
/// and one that vanished may stay until a listing proves it.
pub(super) fn judge(
    past: &Past,
    view: &View,
    cursor: Timestamp,
    hides_odd: bool,
    at: &str,
    findings: &mut Findings,
) {
    for (id, versions) in &past.rows {
        let Some(newest) = versions.last().filter(|known| known.at < cursor && known.text.is_some()) else {
            continue;
        };
        if holds(view, *id, newest) || (hides_odd && id % 2 != 0) {
            continue;
        }
        let seen = if view.rows.contains_key(id) { "an older" } else { "no" };
        let since = since(newest);
        findings.add(
            AHEAD,
            format!("{at}: the cursor is at {cursor}, with {seen} row {id}, which is so {since}"),
        );
    }
}

/// Since when a row is as it is, in words.
pub(super) fn since(version: &Known) -> String {
    if version.at == Timestamp::MIN {
        "from the beginning".to_owned()
    } else {
        format!("since {}", version.at)
    }
}
