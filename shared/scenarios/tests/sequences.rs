//! Random sequences of what can happen to tables: rows come, change, go and come back, columns are added, tables are rebuilt,
//! others are first, and a process dies at any step. After each, every row is what an independent model says, read by the
//! test's own means, and the lake finds nothing damaged when it reads itself back.

#![allow(clippy::similar_names, reason = "what they name is not alike")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test says so by failing")]

mod rig;
mod shelf;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::FutureExt as _;
use jiff::SignedDuration;
use lake::{Published, Seen};
use model::planted::{Bug, plant, undeclare};
use model::{AccountId, TaskId, Timestamp, Unit};
use rig::cases::{run_all, share};
use shelf::{Calm, Cell, Fate, Row, Shelf, Things, Weather, batches, cells, draft, heads, put};

const SEQUENCES: u64 = 2_000;
const ACCOUNTS: [&str; 2] = ["ACM", "BIT"];
const KEYS: i64 = 9;
/// What the declaration of an older version was without.
const NEW: &[&str] = &["vat_number", "description"];

/// A process that dies at one of its calls: before its effect, or after it.
#[derive(Debug)]
struct Dies {
    left: AtomicUsize,
    after: bool,
}

#[async_trait]
impl Weather for Dies {
    async fn there(&self, _: &'static str, _: &str, _: &Arc<Mutex<Things>>) -> Fate {
        if self.left.load(Ordering::Relaxed) == 0 && !self.after {
            pending::<()>().await;
        }
        Fate::Fine
    }

    async fn back(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 0 {
            pending::<()>().await;
        }
    }
}

/// Somebody else commits just before the first swap.
#[derive(Debug)]
struct Overtaken {
    glue: bool,
    account: &'static str,
    task: TaskId,
    rows: Vec<Row>,
    at: Timestamp,
    done: Mutex<bool>,
}

#[async_trait]
impl Weather for Overtaken {
    async fn there(&self, verb: &'static str, of: &str, things: &Arc<Mutex<Things>>) -> Fate {
        let swap = verb == "put_if_absent" && of.contains("/catalog/")
            || matches!(verb, "create" | "update") && of == "invoices";
        if swap && !std::mem::replace(&mut *self.done.lock().unwrap(), true) {
            let shelf = Shelf { things: Arc::clone(things), weather: Arc::new(Calm) };
            assert!(publish(&shelf, self.glue, self.account, &self.task, self.at, &self.rows).await);
        }
        Fate::Fine
    }

    async fn back(&self) {}
}

/// An invoice as it should be shown.
#[derive(Clone, Debug, PartialEq)]
struct Due {
    row: Row,
    /// Whether it has, and whether its lines have, what an older version did not know.
    more: bool,
    lines_more: bool,
}

type Model = BTreeMap<(&'static str, i64), Due>;
type Shown = BTreeMap<(i64, i32), Cell>;

fn cell(value: &str, deleted: bool, more: bool) -> Cell {
    (value.to_owned(), deleted, more.then(|| format!("more of {value}")))
}

fn lines(key: i64, row: &Row, more: bool) -> Shown {
    (0..).zip(&row.lines).map(|(place, value)| ((key, place), cell(value, row.deleted, more))).collect()
}

fn unit(account: &str) -> Unit {
    Unit::Account(AccountId(account.to_owned()))
}

/// Publishes on top of what is there; whether it won.
async fn publish(
    shelf: &Shelf,
    glue: bool,
    account: &str,
    task: &TaskId,
    at: Timestamp,
    rows: &[Row],
) -> bool {
    let (lake, unit, seen) = (shelf.lake(glue), unit(account), Seen::default());
    let base = lake.head("invoices", &unit).await.unwrap();
    let files = put(&lake, &unit, task, at, rows).await.unwrap();
    let outcome = lake.publish(base.as_ref(), draft(&unit, task, at, files, &seen)).await.unwrap();
    matches!(outcome, Published::Won(_))
}

/// A lake, and what it should show.
struct Story {
    shelf: Shelf,
    glue: bool,
    dice: fastrand::Rng,
    model: Model,
    /// Lines that a process switched which died before it switched their invoices.
    half: BTreeMap<(&'static str, i64), Vec<(Row, bool)>>,
    /// Whether columns are declared without which the lake was made.
    grown: bool,
    now: Timestamp,
    tasks: u32,
    told: Vec<String>,
    broken: Vec<(String, String)>,
    figures: BTreeMap<&'static str, u64>,
}

impl Story {
    fn tick(&mut self) -> (TaskId, Timestamp) {
        self.tasks += 1;
        self.now += SignedDuration::from_secs(self.dice.i64(1..4_000));
        (TaskId(format!("t{:03}", self.tasks)), self.now)
    }

    fn rows(&mut self, account: &'static str, task: &TaskId) -> Vec<Row> {
        let mut keys: Vec<i64> = (1..=KEYS).collect();
        self.dice.shuffle(&mut keys);
        keys.truncate(self.dice.usize(1..5));
        let what = self.dice.u32(..6);
        let mut rows = Vec::new();
        for key in keys {
            let known = self.model.get(&(account, key)).map(|due| due.row.clone());
            let new = Row {
                key,
                value: format!("{task} {key}"),
                deleted: false,
                lines: (0..self.dice.usize(..4)).map(|place| format!("{task} {key} {place}")).collect(),
            };
            rows.push(match (what, known) {
                (0, Some(known)) => Row { deleted: true, ..known },
                (1, Some(known)) => Row { deleted: false, ..known },
                _ => new,
            });
        }
        rows
    }

    fn apply(&mut self, account: &'static str, rows: &[Row]) {
        for row in rows {
            let due = Due { row: row.clone(), more: self.grown, lines_more: self.grown };
            self.model.insert((account, row.key), due);
        }
        // Whoever commits sees to it that nothing is left of what was not committed, from raw if it must.
        let left = self.half.len();
        self.half.retain(|(of, _), _| *of != account);
        if self.glue && self.half.len() < left {
            self.rebuilt(account);
        }
    }

    /// The tables of an account may have been rebuilt, each wholly or not at all.
    fn rebuilt(&mut self, account: &'static str) {
        let things = self.shelf.things.lock().unwrap().clone();
        for table in ["invoices", "invoice_lines"] {
            let shown = shown(&things, self.glue, table, account);
            let grown = self.grown && shown.values().all(|cell| cell.2.is_some());
            for (_, due) in self.model.iter_mut().filter(|((of, _), _)| *of == account && grown) {
                if table == "invoices" { due.more = true } else { due.lines_more = true }
            }
        }
    }

    async fn is_in(&self, account: &str, task: &TaskId) -> bool {
        let head = self.shelf.lake(self.glue).head("invoices", &unit(account)).await.unwrap();
        head.is_some_and(|head| head.holds(task))
    }

    fn dies(&mut self) -> Shelf {
        let weather = Dies { left: AtomicUsize::new(self.dice.usize(..48)), after: self.dice.bool() };
        Shelf { things: Arc::clone(&self.shelf.things), weather: Arc::new(weather) }
    }

    async fn commit(&mut self) {
        let account = ACCOUNTS[self.dice.usize(..2)];
        let (task, at) = self.tick();
        let rows = self.rows(account, &task);
        let what = self.dice.u32(..6);
        if what <= 1 {
            let shelf = self.dies();
            let done = publish(&shelf, self.glue, account, &task, at, &rows).now_or_never();
            let is_in = self.is_in(account, &task).await;
            self.told.push(format!("{account} {task} dies or not: {done:?}, is in: {is_in}"));
            *self.figures.entry(if done.is_none() { "deaths" } else { "commits" }).or_default() += 1;
            if is_in {
                self.apply(account, &rows);
            } else {
                for row in &rows {
                    self.half.entry((account, row.key)).or_default().push((row.clone(), self.grown));
                }
            }
            self.judge().await;
            if is_in || self.dice.bool() {
                return;
            }
            // The message comes again.
        } else if what == 2 {
            let other = ACCOUNTS[self.dice.usize(..2)];
            let (second, later) = self.tick();
            let theirs = self.rows(other, &second);
            let weather = Overtaken {
                glue: self.glue,
                account: other,
                task: second,
                rows: theirs.clone(),
                at: later,
                done: Mutex::new(false),
            };
            let shelf = Shelf { things: Arc::clone(&self.shelf.things), weather: Arc::new(weather) };
            let won = publish(&shelf, self.glue, account, &task, at, &rows).await;
            self.told.push(format!("{account} {task} is overtaken by one of {other}: {won}"));
            *self.figures.entry("conflicts").or_default() += 1;
            if !won && self.glue {
                // Its lines were switched, and may lie under another commit.
                for row in &rows {
                    self.half.entry((account, row.key)).or_default().push((row.clone(), self.grown));
                }
            }
            self.apply(other, &theirs);
            if won {
                self.apply(account, &rows);
                return;
            }
            self.judge().await;
        }
        // On top of what is there by now, with a reading of now.
        let at = self.tick().1;
        let won = publish(&self.shelf, self.glue, account, &task, at, &rows).await;
        self.told.push(format!("{account} {task}: {won}"));
        *self.figures.entry("commits").or_default() += 1;
        if won {
            self.apply(account, &rows);
        } else {
            self.broken.push(("nobody is in the way".to_owned(), self.told.join("; ")));
        }
    }

    async fn replay(&mut self) {
        let at = self.tick().1;
        let table = tables::find("invoices").unwrap();
        if self.dice.u32(..3) == 0 {
            let lake = self.dies().lake(self.glue);
            let done = lake.replay(table, at).now_or_never();
            self.told.push(format!("replay dies: {}", done.is_none()));
            for account in ACCOUNTS {
                self.rebuilt(account);
            }
            *self.figures.entry("replays that died").or_default() += u64::from(done.is_none());
            return;
        }
        self.shelf.lake(self.glue).replay(table, at).await.unwrap();
        self.told.push("replay".to_owned());
        *self.figures.entry("replays").or_default() += 1;
        for due in self.model.values_mut() {
            (due.more, due.lines_more) = (self.grown, self.grown);
        }
        // Who never committed is not rebuilt.
        let committed: BTreeSet<_> = self.model.keys().map(|(account, _)| *account).collect();
        self.half.retain(|(account, _), _| !committed.contains(account));
    }

    /// Whether every row is what it should be, by both readers.
    async fn judge(&mut self) {
        let things = self.shelf.things.lock().unwrap().clone();
        let verified = self.shelf.lake(self.glue).verify(None).await.unwrap();
        if !verified.damage.is_empty() {
            let what = format!("{:?}: {}", verified.damage, self.told.join("; "));
            self.broken.push(("the lake finds nothing damaged when it reads itself back".to_owned(), what));
        }
        for table in ["invoices", "invoice_lines"] {
            for account in ACCOUNTS {
                let shown = shown(&things, self.glue, table, account);
                *self.figures.entry("comparisons").or_default() += 1;
                let wrong = self.wrong(table, account, shown);
                if let Some(wrong) = wrong {
                    let what = format!(
                        "{table} of {account}: {wrong}; glue {}: {}",
                        self.glue,
                        self.told.join("; ")
                    );
                    self.broken.push(("what is shown is what was committed".to_owned(), what));
                }
            }
        }
    }

    fn wrong(&self, table: &str, account: &'static str, mut shown: Shown) -> Option<String> {
        let of = |(at, _): &(&(&'static str, i64), &Due)| at.0 == account;
        for ((_, key), due) in self.model.iter().filter(of) {
            let own: Shown = shown.extract_if(.., |(of, _), _| of == key).collect();
            let should = if table == "invoices" {
                Shown::from([((*key, 0), cell(&due.row.value, due.row.deleted, due.more))])
            } else {
                lines(*key, &due.row, due.lines_more)
            };
            if own != should && !self.is_half(table, account, *key, &own) {
                return Some(format!("{key} is {own:?} and not {should:?}"));
            }
        }
        let left: Vec<i64> = shown.keys().map(|(key, _)| *key).collect();
        let stray = left.into_iter().find(|key| {
            let own =
                shown.iter().filter(|((of, _), _)| of == key).map(|(at, cell)| (*at, cell.clone())).collect();
            !self.is_half(table, account, *key, &own)
        });
        stray.map(|key| format!("{key} is there"))
    }

    fn is_half(&self, table: &str, account: &'static str, key: i64, own: &Shown) -> bool {
        let half = self.half.get(&(account, key)).into_iter().flatten();
        self.glue && table != "invoices" && half.into_iter().any(|(row, more)| lines(key, row, *more) == *own)
    }
}

fn shown(things: &Things, glue: bool, table: &str, account: &str) -> Shown {
    let heads = heads(things, glue);
    let batches = heads.get(table).map(|head| batches(things, head)).unwrap_or_default();
    cells(&batches, table, account)
}

/// Puts what is there into a folder, and tells what each table shows in this version.
struct Scribe {
    folder: PathBuf,
    written: BTreeSet<String>,
    lines: Vec<String>,
}

impl Scribe {
    fn new(folder: PathBuf) -> Self {
        fs::create_dir_all(&folder).unwrap();
        Self { folder, written: BTreeSet::new(), lines: Vec::new() }
    }

    fn tell(&mut self, things: &Things) {
        let heads = heads(things, false);
        if heads.get("invoices").is_none_or(|at| self.written.contains(at)) {
            return;
        }
        for (key, body) in &things.objects {
            if self.written.insert(key.clone()) || key.ends_with("version-hint.text") {
                let path = self.folder.join(key);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, body).unwrap();
            }
        }
        let tables: serde_json::Map<_, _> = heads
            .iter()
            .map(|(table, head)| {
                let rows: Vec<_> = ACCOUNTS
                    .iter()
                    .flat_map(|account| {
                        shown(things, false, table, account).into_iter().map(move |row| (account, row))
                    })
                    .map(|(account, ((key, place), (value, deleted, more)))| {
                        serde_json::json!([account, key, place, value, deleted, more])
                    })
                    .collect();
                (table.clone(), serde_json::json!({ "metadata": head, "rows": rows }))
            })
            .collect();
        self.lines.push(serde_json::Value::Object(tables).to_string());
    }
}

/// Lakes and what they show after every commit, for `infra/e2e/test_sequences.py`.
#[test]
#[ignore = "writes a hundred lakes for readers of other makes"]
fn lakes_for_other_readers() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sequences");
    let _ = fs::remove_dir_all(&root);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for seed in 0..100 {
        let mut scribe = Scribe::new(root.join(format!("{seed:03}")));
        let (broken, _) = runtime.block_on(sequence(seed, Some(&mut scribe)));
        assert!(broken.is_empty(), "{broken:?}");
        fs::write(scribe.folder.join("truth.jsonl"), scribe.lines.join("\n")).unwrap();
    }
}

async fn sequence(
    seed: u64,
    mut scribe: Option<&mut Scribe>,
) -> (Vec<(String, String)>, BTreeMap<&'static str, u64>) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let (glue, old) = (dice.bool() && scribe.is_none(), dice.bool());
    let home = scribe.as_ref().map(|scribe| scribe.folder.to_str().unwrap().to_owned());
    let things = Things { home, ..Things::default() };
    undeclare(if old { NEW } else { &[] });
    let mut story = Story {
        shelf: Shelf { things: Arc::new(Mutex::new(things)), weather: Arc::new(Calm) },
        glue,
        model: Model::new(),
        half: BTreeMap::new(),
        grown: !old,
        now: "2026-03-31T15:00:00Z".parse().unwrap(),
        tasks: 0,
        told: Vec::new(),
        broken: Vec::new(),
        figures: BTreeMap::new(),
        dice,
    };
    for _ in 0..story.dice.usize(6..14) {
        match story.dice.u32(..8) {
            0 => story.replay().await,
            1 if !story.grown => {
                story.grown = true;
                undeclare(&[]);
                story.told.push("columns are added".to_owned());
                *story.figures.entry("columns added").or_default() += 1;
            }
            _ => story.commit().await,
        }
        story.judge().await;
        if let Some(scribe) = &mut scribe {
            scribe.tell(&story.shelf.things.lock().unwrap());
        }
        if !story.broken.is_empty() {
            break;
        }
    }
    undeclare(&[]);
    (story.broken, story.figures)
}

#[test]
fn after_each_step_of_a_random_sequence_every_row_is_what_it_should_be() {
    let all = Mutex::new(BTreeMap::new());
    let sequences = share(SEQUENCES);
    run_all(sequences, async |seed| {
        let (broken, figures) = sequence(seed, None).await;
        for (name, count) in figures {
            *all.lock().unwrap().entry(name).or_insert(0) += count;
        }
        broken
    });
    let all = all.into_inner().unwrap();
    eprintln!("{sequences} sequences: {all:?}");
    assert!(
        ["deaths", "conflicts", "replays", "replays that died", "columns added"].iter().all(|n| all[n] > 0)
    );
}

/// What shows that a sequence would find it if it were otherwise.
#[test]
fn sequences_find_what_is_planted() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for bug in [Bug::RebaseForgetsOthers, Bug::UnfencedCommit, Bug::LeftoverKept] {
        plant(Some(bug));
        let found = (0..40).find_map(|seed| {
            let found = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(sequence(seed, None))));
            found.map_or(Some(seed), |(broken, _)| (!broken.is_empty()).then_some(seed))
        });
        plant(None);
        eprintln!("{bug:?}: {found:?}");
        assert!(found.is_some(), "{bug:?} is not found");
    }
}
