//! Tables that are asked for row by row of another one: what each run asks for, and what becomes of rows whose parent is
//! deleted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use jiff::SignedDuration;
use model::port::Clock;
use model::{ConnectionName, ErrorKind, Mode, OtherIds, Result, TableStatus, Task, Timestamp, Unit};
use serde_json::json;
use simulator::{Control, Fault, FaultBody, FaultKind, Options, State};
use sync::{Outcome, PerRow, Reach, Reading, Report, Stop, Wanted};
use world::{Landed, StandingClock, World};

const TABLE: &str = "invoice_payment_options";

/// The world's clock, on which nobody waits for a deadline: it comes when the time has passed.
#[derive(Debug)]
struct Deadlines(Arc<StandingClock>);

#[async_trait::async_trait]
impl Clock for Deadlines {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, time: Duration) {
        if time > Duration::from_secs(10) {
            std::future::pending::<()>().await;
        }
        self.0.sleep(time).await;
    }
}

/// What was asked for is told by the control of the source.
struct Each {
    world: World,
    unit: Unit,
    account: String,
    control: Control,
}

impl Each {
    fn new(options: Options, per_row: u64) -> Self {
        let mut world = World::new(Options { request_log: 100_000, ..options });
        world.worker.reach = Reach { per_row, ..Reach::default() };
        let unit = world.units_of(tables::find(TABLE).unwrap()).remove(0);
        let account = world.simulator.businesses()[0].account_id.clone();
        let control = world.simulator.control();
        Self { world, unit, account, control }
    }

    fn task(&self, mode: Mode) -> Task {
        let connection = ConnectionName::new("test").unwrap();
        Task::new(&connection, &self.world.next_run(), TABLE.into(), self.unit.clone(), mode)
    }

    async fn sync(&self, task: &Task) -> Result<Report> {
        self.sync_until(task, &Stop::default()).await
    }

    async fn sync_until(&self, task: &Task, stop: &Stop) -> Result<Report> {
        self.control.reset_requests();
        sync::extract(&self.world.worker, self.world.tokens(), task, stop).await
    }

    async fn next(&self) -> Report {
        self.sync(&self.task(Mode::Incremental)).await.unwrap()
    }

    /// The invoices that were asked for since the last task began, in order and as often as they were.
    fn asked(&self) -> Vec<i64> {
        let id = |target: &str| target.split("/invoice/").nth(1)?.split('/').next()?.parse().ok();
        let mut asked: Vec<_> = self.control.requests().last.iter().filter_map(|l| id(&l.target)).collect();
        asked.sort_unstable();
        asked
    }

    fn living(&self) -> Vec<i64> {
        let all = self.control.all(&self.account, "invoices").unwrap();
        all.into_iter().filter(|(_, state)| *state != State::Deleted).map(|(id, _)| id).collect()
    }

    async fn cursor(&self) -> Option<model::Cursor> {
        self.world.worker.lake.head(TABLE, &self.unit).await.unwrap()?.cursor
    }

    async fn landed(&self, report: &Report) -> Vec<Landed> {
        self.world.landed(std::slice::from_ref(report)).await
    }

    /// Runs until nothing is left to be asked for: what was asked for in each.
    async fn all(&self) -> Vec<Vec<i64>> {
        let mut runs = Vec::new();
        while self.cursor().await.is_none() {
            self.next().await;
            runs.push(self.asked());
        }
        runs
    }
}

fn notes(report: &Report) -> String {
    report.certificate.as_ref().unwrap().notes.join("; ")
}

#[tokio::test]
async fn a_first_load_goes_on_from_run_to_run_and_asks_for_every_row_once() {
    // In one window, and cut into several.
    for per_row in [50, 30, 7] {
        let each = Each::new(Options::default(), per_row);
        let living = each.living();
        let first = each.next().await;
        assert!(matches!(first.outcome, Outcome::Committed(_)));
        assert_eq!(each.asked().len() as u64, per_row);
        assert!(notes(&first).contains("are yet to be asked for: the next run goes on"), "{}", notes(&first));
        assert_eq!(each.cursor().await, None, "the cursor waits for all of them");
        let mut asked = each.asked();
        for run in each.all().await {
            assert!(run.len() as u64 <= per_row, "{}", run.len());
            asked.extend(run);
        }
        asked.sort_unstable();
        assert_eq!(asked, living, "each once, and no deleted one");

        let idle = each.next().await;
        assert!(matches!(idle.outcome, Outcome::Unchanged), "{idle:?}");
        assert_eq!(each.asked(), Vec::<i64>::new());
        assert!(
            each.control.requests().total <= 3,
            "one list, or one for each state: {:?}",
            each.control.requests()
        );
    }
}

#[tokio::test]
async fn only_rows_whose_parent_has_changed_are_asked_for_and_those_of_deleted_ones_are_marked() {
    let each = Each::new(Options::default(), 1_000);
    each.all().await;
    let living = each.living();
    let (changed, deleted) = (living[3], living[5]);
    each.control.change(&each.account, "invoices", changed, &json!({"notes": "changed"})).unwrap();
    each.control.delete(&each.account, "invoices", deleted).unwrap();
    let new = each.control.insert(&each.account, "invoices", &json!({})).unwrap();
    let report = each.next().await;
    assert_eq!(each.asked(), [changed, new]);
    // What a changed invoice may be paid with is what it was.
    let row = |id: i64, deleted| (TABLE.to_owned(), id, deleted);
    assert_eq!(each.landed(&report).await, [row(deleted, true), row(new, false)]);
    let again = each.next().await;
    assert!(matches!(again.outcome, Outcome::Unchanged), "{again:?}");

    each.control.undelete(&each.account, "invoices", deleted).unwrap();
    let report = each.next().await;
    assert_eq!(each.asked(), [deleted]);
    assert_eq!(each.landed(&report).await, [row(deleted, false)]);
    let verified = each.world.worker.lake.verify(None).await.unwrap();
    assert!(verified.damage.is_empty(), "{:?}", verified.damage);
}

#[tokio::test]
async fn a_parent_that_is_not_found_is_no_error() {
    let each = Each::new(Options::default(), 1_000);
    let missing = FaultKind::Status { code: 404, body: FaultBody::Json, retry_after: None };
    each.control.set_options(|o| o.faults = vec![Fault::always(missing).on(TABLE).every(10)]);
    let report = each.next().await;
    let living = each.living().len();
    assert_eq!(each.landed(&report).await.len(), living - living / 10);
    let told = format!("FreshBooks has no {TABLE} for {} of {living} rows of invoices", living / 10);
    assert!(notes(&report).contains(&told), "{}", notes(&report));
    // A row that was there is not taken for gone, and not asked for again until something changes.
    each.control.set_options(|o| o.faults.clear());
    let again = each.next().await;
    assert!(matches!(again.outcome, Outcome::Unchanged), "{again:?}");
}

#[tokio::test]
async fn an_endpoint_outside_the_plan_or_the_scopes_costs_one_request() {
    let plan = Options { gated: [(TABLE.to_owned(), 1003)].into(), ..Options::default() };
    let each = Each::new(plan, 1_000);
    let report = each.next().await;
    assert_eq!((report.status, each.asked().len()), (TableStatus::OutOfPlan, 1));
    let mut each = Each::new(Options::default(), 1_000);
    each.world.token = each.world.simulator.bearer_token(&["user:invoices:read"]);
    let report = each.next().await;
    assert_eq!((report.status, each.asked().len()), (TableStatus::OutOfScope, 1));
    each.world.token = each.world.simulator.bearer_token(&["user:online_payments:read"]);
    let report = each.next().await;
    assert_eq!((report.status, each.asked().len()), (TableStatus::OutOfScope, 0));
    assert_eq!(each.cursor().await, None);
}

#[tokio::test]
async fn a_task_that_dies_loses_nothing_and_moves_no_cursor() {
    for dies_at in [1, 2, 17, 60] {
        let each = Each::new(Options::default(), 40);
        let reset = Fault {
            nth: Some(dies_at),
            ..Fault::always(FaultKind::Status { code: 400, body: FaultBody::Json, retry_after: None })
                .on(TABLE)
        };
        each.control.set_options(|o| o.faults = vec![reset]);
        let mut landed = BTreeSet::new();
        let mut died = 0;
        while each.cursor().await.is_none() {
            let task = each.task(Mode::Incremental);
            let report = if let Ok(report) = each.sync(&task).await {
                report
            } else {
                died += 1;
                // Delivered again.
                each.sync(&task).await.unwrap()
            };
            for (_, id, deleted) in each.landed(&report).await {
                assert!(landed.insert(id) && !deleted, "{id} has landed twice");
            }
            assert!(matches!(each.sync(&task).await.unwrap().outcome, Outcome::AlreadyDone));
        }
        assert_eq!(died, 1);
        assert_eq!(landed.into_iter().collect::<Vec<_>>(), each.living());
    }
}

#[tokio::test]
async fn what_was_asked_for_before_the_deadline_stays() {
    let mut each = Each::new(Options { latency_ms: 500, ..Options::default() }, 1_000);
    each.world.worker.clock = Arc::new(Deadlines(Arc::clone(&each.world.clock)));
    let mut asked = Vec::new();
    let mut deliveries = 0;
    let first = each.task(Mode::Incremental);
    let deadline = |each: &Each| Stop::at(each.world.clock.now() + SignedDuration::from_secs(45));
    each.sync_until(&first, &deadline(&each)).await.unwrap();
    asked.extend(each.asked());
    assert!(!asked.is_empty() && asked.len() < each.living().len(), "{}", asked.len());
    assert_eq!(each.cursor().await, None);
    // The next runs go on.
    while each.cursor().await.is_none() {
        each.sync_until(&each.task(Mode::Incremental), &deadline(&each)).await.unwrap();
        asked.extend(each.asked());
    }
    let distinct: BTreeSet<_> = asked.iter().copied().collect();
    assert_eq!(distinct.into_iter().collect::<Vec<_>>(), each.living());

    // A task that reads everything anew goes on by itself.
    let full = each.task(Mode::Full);
    let mut again = BTreeSet::new();
    loop {
        let done = each.sync_until(&full, &deadline(&each)).await;
        again.extend(each.asked());
        match done {
            Ok(_) => break,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}"),
        }
        deliveries += 1;
        assert!(deliveries < 20, "it never ends");
    }
    assert!(deliveries > 0);
    assert_eq!(again.into_iter().collect::<Vec<_>>(), each.living());
    let head = each.world.worker.lake.head(TABLE, &each.unit).await.unwrap().unwrap();
    assert!(head.loading.is_none() && head.holds(&full.id));
}

#[tokio::test]
async fn a_source_without_the_filter_is_listed_whole_and_still_asked_only_for_what_changed() {
    let each = Each::new(Options { honoured_updated: Vec::new(), ..Options::default() }, 60);
    let asked: BTreeSet<_> = each.all().await.into_iter().flatten().collect();
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), each.living());
    let changed = each.living()[0];
    each.control.change(&each.account, "invoices", changed, &json!({"notes": "changed"})).unwrap();
    each.next().await;
    assert_eq!(each.asked(), [changed]);
}

#[tokio::test]
async fn links_of_invoices_are_kept_without_what_opens_them() {
    let each = Each::new(Options::default(), 1_000);
    let run = each.world.next_run();
    let report = each.world.extract(&run, "invoice_share_link", &each.unit, Mode::Incremental).await.unwrap();
    let truth = each.control.truth(&each.account, "invoice_share_link", false).unwrap();
    assert_eq!(each.landed(&report).await.len() as u64, truth.rows);
    for object in each.world.worker.lake.store().list("").await.unwrap() {
        let bytes = each.world.worker.lake.store().get(&object.key).await.unwrap().unwrap();
        let open = bytes.windows(17).any(|part| part == b"/#/link/simulated".as_slice());
        assert!(!open, "{} holds a link", object.key);
    }
}

/// Breaks `work` off when it has waited so often.
async fn killed<T>(work: impl Future<Output = T>, waits: usize) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut left = waits;
    std::future::poll_fn(move |context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test]
async fn killed_at_any_wait_it_lands_every_row_once() {
    let mut kills = 0;
    for waits in [0, 1, 2, 3, 5, 8, 13, 21, 34, 55] {
        let each = Each::new(Options { scale: 40, ..Options::default() }, 15);
        let mut wait = waits;
        while each.cursor().await.is_none() {
            let task = each.task(Mode::Incremental);
            while killed(each.sync(&task), wait).await.is_none() {
                kills += 1;
                wait += 7;
            }
            wait = waits;
        }
        let commits = each.world.worker.lake.commits(TABLE, &each.unit).await.unwrap();
        let landed: u64 = commits.iter().flat_map(|commit| &commit.files).map(|file| file.rows).sum();
        assert_eq!(landed, each.living().len() as u64, "each row once, after {waits} waits");
        let verified = each.world.worker.lake.verify(None).await.unwrap();
        assert!(verified.damage.is_empty(), "{:?}", verified.damage);
    }
    assert!(kills > 10, "only {kills} kills");
}

#[tokio::test]
async fn a_pull_asks_for_all_of_them() {
    let each = Each::new(Options::default(), 10);
    let table = tables::find(TABLE).unwrap();
    let ids = OtherIds::default();
    let wanted = Wanted {
        table,
        unit: &each.unit,
        ids: &ids,
        since: None,
        currencies: &[],
        settings: &BTreeMap::new(),
    };
    let folder = tempfile::tempdir().unwrap();
    let store = host::Folder::open(folder.path()).unwrap();
    let pulled =
        sync::pull(&each.world.worker, each.world.tokens(), &wanted, &store, &Stop::default()).await.unwrap();
    let rows: u64 = pulled.files.iter().map(|file| file.rows).sum();
    assert_eq!(rows, each.living().len() as u64);
    assert_eq!(pulled.certificate.distinct_keys, rows);
}

#[tokio::test]
async fn the_outlook_tells_the_window_of_the_parent_and_the_requests_that_may_come_on_top() {
    let each = Each::new(Options::default(), 50);
    let look = async |mode, tokens| {
        each.control.reset_requests();
        sync::outlook(&each.world.worker, tokens, &each.task(mode)).await.unwrap()
    };
    let first = look(Mode::Incremental, None).await;
    assert_eq!((first.reading, first.per_row, first.rows), (Reading::First, PerRow::AtMost(50), None));
    assert_eq!(each.control.requests().total, 0, "it asks for nothing");
    assert_eq!(look(Mode::Full, None).await.per_row, PerRow::Every);
    let all = each.control.all(&each.account, "invoices").unwrap().len() as u64;
    assert_eq!(look(Mode::Full, Some(each.world.tokens())).await.per_row, PerRow::AtMost(all));
    assert!(each.asked().is_empty(), "no row is asked for");

    each.all().await;
    let idle = look(Mode::Incremental, None).await;
    assert!(matches!(idle.reading, Reading::Day(_)), "{idle:?}");
    each.next().await;
    assert_eq!(each.control.requests().total, idle.requests, "{idle:?}");
    // Some come again by their day; of these, none has changed.
    let counted = look(Mode::Incremental, Some(each.world.tokens())).await;
    assert!(matches!(counted.per_row, PerRow::AtMost(most) if most <= 50), "{counted:?}");
}
