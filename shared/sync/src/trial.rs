//! Whether a filter counts of which no document says that it does.
//!
//! Such a filter is proved by what it brings, never by what it leaves out: on a day before which some rows changed last and
//! after which others did, it has to bring just these others. And among them has to be a row that is older than one that it
//! leaves out, or else it might go by when a row was made. Until there is such a day, the table is read whole.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use freshbooks::Since;
use jiff::SignedDuration;
use lake::Habits;
use model::time::Zone;
use model::{Date, Result, Timestamp};
use tables::{Context, Decoder, RawText, Verdict};

use crate::extract::Extraction;
use crate::passes::{self, Window};
use crate::tally::instant;

/// No row may have changed so close to the day: FreshBooks' zone and the lag of what changes are not known.
const APART: SignedDuration = SignedDuration::from_hours(30);

/// The rows of a table that was read whole: when each last changed, by its number. Numbers grow with time.
pub(crate) type Dated = BTreeMap<i64, Option<NonZeroU32>>;

impl Extraction<'_> {
    /// Finds out whether the filter for changed rows counts, if that is not known and the rows, which are all there are, can
    /// show it.
    pub(crate) async fn try_filter(
        &self,
        dated: Option<Dated>,
        habits: &mut Habits,
        now: Timestamp,
    ) -> Result<()> {
        let Some(dated) = dated.filter(|_| habits.honours_updated.is_none()) else { return Ok(()) };
        let Some(day) = telling_day(&dated) else { return Ok(()) };
        let from = start(day).as_second();
        let wanted = dated.iter().filter(|(_, at)| at.is_some_and(|at| i64::from(at.get()) >= from));
        let mut missing: BTreeSet<i64> = wanted.map(|(id, _)| *id).collect();
        let trial = Habits { honours_updated: Some(true), ..habits.clone() };
        let window = Window { since: Since::Day(day), until: None };
        let mut unsure = false;
        for request in passes::plan(self.request(), &window, &trial, now) {
            let mut page = 0;
            loop {
                page += 1;
                let answer = self.client.fetch(&request.at_page(page)).await?;
                let context = Context::new(&self.task.unit, &self.task.run);
                let mut decoder = Decoder::new(self.table, context, RawText::Drop);
                let mut stray = false;
                decoder.rows(answer.page.rows(), answer.received_at, &mut |facts| {
                    let id: Option<i64> = facts.key.parse().ok();
                    let early = facts.updated.is_some_and(|at| at < start(day) - APART);
                    stray |= early;
                    // What has changed since the reading may be one more.
                    let expected = id.is_some_and(|id| missing.remove(&id) || dated.contains_key(&id));
                    unsure |= !expected && !early;
                    Verdict::Skip
                });
                if stray {
                    tracing::debug!(name: "filter_ignored", target: "path", table = self.table.name, "tried");
                    habits.honours_updated = Some(false);
                    return Ok(());
                }
                unsure |= !decoder.rejected().is_empty();
                if page >= answer.page.last() || answer.page.is_empty() {
                    break;
                }
            }
        }
        // A row that has changed and does not come is what must never happen.
        habits.honours_updated = match missing.is_empty() {
            false => Some(false),
            true if unsure => None,
            true => {
                let probe = self.prober(now);
                let totals = probe.totals().await?;
                // A list of all states beside the filter has yet to be tried.
                habits.lists_all_states = None;
                probe.honours_updated(true, totals).await?
            }
        };
        tracing::debug!(name: "filter_tried", target: "path", table = self.table.name, ?day, habits.honours_updated);
        Ok(())
    }
}

fn start(day: Date) -> Timestamp {
    Zone::Eastern.start_of(day)
}

/// The last day that can prove the filter: see the top of this file.
fn telling_day(dated: &Dated) -> Option<Date> {
    let mut rows: Vec<(NonZeroU32, i64)> =
        dated.iter().map(|(id, at)| at.map(|at| (at, *id))).collect::<Option<_>>()?;
    rows.sort_unstable();
    // The greatest number among the first rows, for each count of them.
    let greatest: Vec<i64> = rows
        .iter()
        .scan(i64::MIN, |most, (_, id)| {
            *most = (*most).max(*id);
            Some(*most)
        })
        .collect();
    let mut least = i64::MAX;
    for (at, pair) in rows.windows(2).enumerate().rev() {
        let [(before, _), (after, id)] = *pair else { continue };
        least = least.min(id);
        let day = Zone::Eastern.day_of(instant(before).checked_add(APART).ok()?).tomorrow().ok()?;
        let apart = start(day).checked_add(APART).is_ok_and(|early| early <= instant(after));
        if apart && greatest.get(at).is_some_and(|greatest| least < *greatest) {
            return Some(day);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dated(rows: &[(i64, &str)]) -> Dated {
        let second = |at: &str| u32::try_from(at.parse::<Timestamp>().unwrap().as_second()).unwrap();
        rows.iter().map(|(id, at)| (*id, NonZeroU32::new(second(at)))).collect()
    }

    #[test]
    fn a_day_tells_if_an_old_row_has_changed_after_it_and_a_younger_one_has_not() {
        let in_order =
            [(1, "2026-01-01T12:00:00Z"), (2, "2026-02-01T12:00:00Z"), (3, "2026-03-01T12:00:00Z")];
        assert_eq!(telling_day(&dated(&in_order)), None, "as if it went by when they were made");
        let mut changed = in_order;
        changed[0].1 = "2026-03-20T12:00:00Z";
        assert_eq!(telling_day(&dated(&changed)), Some(jiff::civil::date(2026, 3, 3)));
        changed[0].1 = "2026-03-03T12:00:00Z";
        assert_eq!(
            telling_day(&dated(&changed)),
            Some(jiff::civil::date(2026, 2, 3)),
            "the third is too close to the first"
        );
        let mut unknown = dated(&changed);
        unknown.insert(4, None);
        assert_eq!(telling_day(&unknown), None, "nobody knows where it belongs");
        assert_eq!(telling_day(&Dated::new()), None);
    }
}
