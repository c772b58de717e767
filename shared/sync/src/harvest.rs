//! Reading what one commit will hold: which window, by which filters, and whether they can be trusted.

use freshbooks::{Lifecycle, Request, Since};
use jiff::Span;
use lake::{Commit, Habits, Loading, Seen};
use model::planted::{self, Bug};
use model::time::Zone;
use model::{ErrorKind, Mode, Result, TaskId, Timestamp, Unit};
use tables::{Context, CursorRule, Decoder, DeleteRule, RawText, Table};

use crate::extract::Extraction;
use crate::passes::{self, LOOKBACK_DAYS, Window};
use crate::periods;
use crate::probe::{Probe, Totals};
use crate::read::{Proof, Read, Reader};
use crate::rows::Rows;
use crate::windows::Cutter;
use crate::write::Files;

/// What was read for one commit.
pub(crate) struct Harvest {
    pub(crate) rows: Rows,
    pub(crate) proofs: Vec<Proof>,
    pub(crate) window: Window,
    pub(crate) habits: Habits,
    /// Whether rows come again that may have been forgotten.
    pub(crate) whole: bool,
}

impl Extraction<'_> {
    /// Reads the next window, or everything if the window's filter turns out not to count.
    pub(crate) async fn harvest(
        &self,
        head: Option<&Commit>,
        mut known: Seen,
        now: Timestamp,
        files: &dyn Files,
    ) -> Result<Harvest> {
        let Self { worker, table, task, .. } = *self;
        let since = self.since(head);
        let mut habits = self.habits(head);
        let new = self.new_currencies(&habits).await?;
        let mut window = Window { since, until: None };
        let mut whole = false;
        let listed = self.listed();
        let can_cut =
            matches!(listed.cursor, CursorRule::UpdatedDay { .. }) && passes::trusts(listed, &habits);
        let mut most = can_cut.then_some(self.window_rows());
        loop {
            let requests = self.requests(&window, &habits, new.as_ref(), now);
            let raw = if table.each.is_some() { RawText::Drop } else { RawText::Keep };
            let decoder = Decoder::new(listed, Context::new(&task.unit, &task.run), raw);
            let decoder = decoder.under(self.rules.as_ref());
            let mut rows = Rows::new(listed, decoder, known, window.is_filtered(), worker.lake.packing());
            rows = match table.each {
                Some(_) => rows.only_listed(),
                None => rows.forgetful(self.forgetful(head)),
            };
            let proofs = match self.read(&requests, most, &mut rows, files).await {
                Ok(Ok(proofs)) => proofs,
                Ok(Err(source_time)) => {
                    most = None;
                    known = rows.into_known();
                    window = self.cut(since, &mut habits, source_time.unwrap_or(now)).await?;
                    continue;
                }
                Err(error) => match window.half() {
                    Some(half) if error.kind() == ErrorKind::Incomplete => {
                        tracing::debug!(name: "window_halved", target: "path", table = table.name, "moved too fast");
                        known = rows.into_known();
                        window = half;
                        continue;
                    }
                    _ => return Err(error),
                },
            };
            let stray = requests
                .iter()
                .zip(&proofs)
                .any(|(request, proof)| proof.census.stray > 0 && passes::is_filtered(request));
            if stray {
                habits.honours_updated = Some(false);
            } else {
                self.probe(&requests, &proofs, &mut habits, now).await?;
                self.try_filter(rows.dated().cloned(), &mut habits, now).await?;
            }
            if habits.honours_updated == Some(false) && window.is_filtered() && !whole {
                // The filter did not do what it seemed to do: only all rows are all rows.
                tracing::debug!(name: "window_distrusted", target: "path", table = table.name, "reading everything");
                (window, whole, most) = (Window::ALL, true, None);
                known = rows.into_known();
                continue;
            }
            periods::meet(&mut habits.currencies, new.into_iter().flat_map(|new| new.currencies));
            return Ok(Harvest { rows, proofs, window, habits, whole });
        }
    }

    /// The table whose lists are read: the one by whose rows this one is asked for, or else itself.
    pub(crate) fn listed(&self) -> &'static Table {
        self.table.each.and_then(|each| tables::find(each.parent)).unwrap_or(self.table)
    }

    /// Rows in a window, about.
    fn window_rows(&self) -> u64 {
        match self.table.each {
            // What a run may ask for is a window.
            Some(_) => self.worker.window_rows.min(self.worker.reach.per_row.max(1)),
            None => self.worker.window_rows,
        }
    }

    /// The requests that bring the rows of `window`, each read to its last page.
    pub(crate) fn requests(
        &self,
        window: &Window,
        habits: &Habits,
        new: Option<&Habits>,
        now: Timestamp,
    ) -> Vec<Request> {
        match new {
            // A currency that was never asked for has all its months to come.
            Some(new) => [(window, habits), (&Window::ALL, new)]
                .into_iter()
                .filter(|(_, habits)| !habits.currencies.is_empty())
                .flat_map(|(window, habits)| passes::plan(self.request(), window, habits, now))
                .collect(),
            None => passes::plan(self.request(), window, habits, now),
        }
    }

    /// The currencies of the account that a report was not asked for in yet, where there are any.
    pub(crate) async fn new_currencies(&self, habits: &Habits) -> Result<Option<Habits>> {
        if self.table.cursor != CursorRule::Months || !self.table.key.contains(&"currency_code") {
            return Ok(None);
        }
        // Reports of a business are of the documents of its account.
        let unit = match (&self.task.unit, &self.task.ids.account_id) {
            (Unit::Business(_), Some(account)) => Unit::Account(account.clone()),
            (unit, _) => unit.clone(),
        };
        let mut met = Vec::new();
        for table in periods::MET_IN {
            if let Some(head) = self.worker.lake.head(table, &unit).await? {
                periods::meet(&mut met, head.habits.currencies);
            }
        }
        met.retain(|code| !habits.currencies.contains(code));
        Ok((!met.is_empty()).then(|| Habits { currencies: met, ..habits.clone() }))
    }

    /// From when on rows are to be read.
    pub(crate) fn since(&self, head: Option<&Commit>) -> Since {
        let Some(head) = head else { return Since::Beginning };
        if let Some(loading) = self.going_on(head) {
            return Since::Day(loading.until);
        }
        match (self.task.mode, head.cursor) {
            (Mode::Incremental, Some(cursor)) if passes::trusts(self.listed(), &head.habits) => {
                Window::after(self.listed(), cursor, self.worker.reach.restated_months).since
            }
            _ => Since::Beginning,
        }
    }

    /// What is known of the source; reading everything finds it out anew.
    pub(crate) fn habits(&self, head: Option<&Commit>) -> Habits {
        let Some(head) = head else { return Habits::default() };
        if self.task.mode == Mode::Full && self.going_on(head).is_none() {
            return Habits { access: head.habits.access.clone(), ..Habits::default() };
        }
        head.habits.clone()
    }

    /// The reading in windows that this task goes on with.
    pub(crate) fn going_on<'h>(&self, head: &'h Commit) -> Option<&'h Loading> {
        let own = self.anew(Some(head));
        let loading = head.loading.as_ref().filter(|loading| loading.of == own);
        if loading.is_some() {
            tracing::debug!(name: "load_resumed", target: "path", table = self.table.name, "going on");
        }
        loading
    }

    /// Whose reading in windows it would be: the task's own where it reads anew what was read before.
    pub(crate) fn anew(&self, head: Option<&Commit>) -> Option<TaskId> {
        let again = self.task.mode == Mode::Full && head.is_some_and(|head| head.cursor.is_some());
        again.then(|| self.task.id.clone())
    }

    /// How far a reading in windows has come once `window` is in.
    pub(crate) fn loading(&self, head: Option<&Commit>, window: &Window) -> Option<Loading> {
        let own = self.anew(head);
        if let Some(until) = window.until {
            let until = if planted::is(Bug::WindowGap) { until.tomorrow().unwrap_or(until) } else { until };
            return Some(Loading { until, of: own });
        }
        // Another task may be reading everything anew; it goes on where it was.
        head.and_then(|h| h.loading.clone()).filter(|loading| loading.of.is_some() && loading.of != own)
    }

    /// Cuts the next window, if FreshBooks lets us.
    async fn cut(&self, since: Since, habits: &mut Habits, now: Timestamp) -> Result<Window> {
        let probe = self.prober(now);
        if habits.honours_updated.is_none() {
            let totals = probe.totals().await?;
            probe.look(habits, totals).await?;
        }
        let open = Window { since, until: None };
        let close = Zone::Eastern.day_of(now).checked_sub(Span::new().days(LOOKBACK_DAYS));
        let (Ok(close), false) = (close, habits.honours_updated == Some(false)) else { return Ok(open) };
        let cutter = Cutter {
            client: &self.client,
            table: self.listed(),
            request: self.request(),
            habits,
            rows: self.window_rows(),
            now,
        };
        cutter.next(since, close).await
    }

    /// A request for all rows.
    pub(crate) fn request(&self) -> Request {
        Request::new(self.listed(), &self.task.unit).called(&self.task.ids)
    }

    pub(crate) fn prober(&self, now: Timestamp) -> Probe<'_> {
        Probe { client: &self.client, table: self.listed(), request: self.request(), now }
    }

    /// Reads every list of a window; or tells the source's clock, if one of them is too long.
    async fn read(
        &self,
        requests: &[Request],
        most: Option<u64>,
        rows: &mut Rows,
        files: &dyn Files,
    ) -> Result<Result<Vec<Proof>, Option<Timestamp>>> {
        let reader = Reader {
            client: &self.client,
            clock: &*self.worker.clock,
            in_flight: self.worker.in_flight,
            stop: self.stop,
            progress: &*self.worker.progress,
        };
        let mut proofs = Vec::with_capacity(requests.len());
        for request in requests {
            match reader.complete(request, most, rows, files).await? {
                Read::Complete(proof) => proofs.push(proof),
                Read::TooLong { source_time } => return Ok(Err(source_time)),
            }
        }
        Ok(Ok(proofs))
    }

    /// Finds out what can be found out with the lists that were read.
    async fn probe(
        &self,
        requests: &[Request],
        proofs: &[Proof],
        habits: &mut Habits,
        now: Timestamp,
    ) -> Result<()> {
        let total = |lifecycle| {
            let whole =
                |r: &Request| r.lifecycle == lifecycle && r.since == Since::Beginning && r.until.is_none();
            requests.iter().zip(proofs).find(|(r, _)| whole(r)).map(|(_, proof)| proof.total_last)
        };
        let now = proofs.first().and_then(|p| p.source_time).unwrap_or(now);
        let probe = self.prober(now);
        let totals = if self.listed().deleted == DeleteRule::VisState {
            let unknown = habits.honours_updated.is_none() || habits.lists_all_states.is_none();
            match (total(Lifecycle::Active), total(Lifecycle::Archived), total(Lifecycle::Deleted)) {
                (Some(active), Some(archived), Some(deleted)) => Totals { active, archived, deleted },
                (_, Some(archived), Some(deleted)) if archived + deleted > 0 && unknown => {
                    probe.totals().await?
                }
                _ => return Ok(()),
            }
        } else {
            match total(Lifecycle::Default) {
                Some(active) => Totals { active, archived: 0, deleted: 0 },
                None => return Ok(()),
            }
        };
        probe.look(habits, totals).await
    }
}
