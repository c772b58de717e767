//! Every order in which tasks of one unit can switch children and parent, searched to the end.
//!
//! Tasks load tables one after the other, lose answers before and after their effect and long before it, and die. A swap
//! counts only at the version that was loaded. What a task reads is as new as the moment it read; a task that replaces a
//! child brings its own reading, however old, which is the worst that a merge could do. And whose rows a table has is
//! kept: those that are there stay under what is merged into them, unless they are made anew.
//!
//! Some workers rebuild instead: they write the rows of the commits that the parent showed, in the name of the last.

use std::collections::{BTreeSet, HashSet, VecDeque};

use super::{Standing, standing};

/// Of the unit, in one table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shown {
    entry: Entry,
    /// The last commit that is no fence.
    settled: Entry,
    /// How new its rows are.
    reading: u8,
    /// The commits whose rows it has.
    rows: BTreeSet<Entry>,
    /// How often it was swapped.
    version: u8,
}

/// The number of a commit, and what tells it from others of that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Entry(u8, u8);

impl Entry {
    fn name(self) -> String {
        format!("{:010}-{:012}", self.0, self.1)
    }
}

/// A swap that was sent: of the child, or of the parent where there is none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Swap {
    child: Option<usize>,
    version: u8,
    entry: Entry,
    /// None for a fence, whose rows are those that are there.
    rows: Option<Rows>,
}

/// What a swap lets a table show.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Rows {
    settled: Entry,
    reading: u8,
    of: BTreeSet<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum At {
    /// It looks which commit there is.
    Start,
    /// It reads FreshBooks.
    Read,
    /// It loads the child of its step, unless the parent's turn has come.
    Child,
    /// It loads the parent, having loaded the child.
    Parent(Option<Shown>),
    /// It sends a swap.
    Send(Swap),
    Done,
    Dead,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Worker {
    at: At,
    rebuilds: bool,
    base: Entry,
    /// What it is based on, below fences.
    settled: Entry,
    /// Children whose rows it makes anew.
    anew: BTreeSet<usize>,
    reading: u8,
    entry: Entry,
    fence: Option<Entry>,
    step: usize,
    /// How often it may start over.
    lives: u8,
    /// One swap may still be on its way.
    late: Option<Swap>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    parent: Shown,
    children: Vec<Shown>,
    workers: Vec<Worker>,
    clock: u8,
}

/// A rule that the workers do not follow, so that the search shows what it is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lacking {
    Nothing,
    /// The fence in front of a child that is pending.
    Fence,
    /// What a task left that lost is made anew.
    Anew,
    /// The fence of those that rebuild.
    RebuildsFence,
}

#[derive(Clone, Copy, Debug)]
struct Rules {
    lacking: Lacking,
    children: usize,
    /// How many publish.
    workers: usize,
    rebuilders: usize,
    lives: u8,
    late: bool,
}

/// What the search came to.
#[derive(Debug, Default)]
struct Found {
    states: usize,
    /// A parent whose child shows older rows.
    older: Option<State>,
    /// A parent whose child shows rows that were never committed, and will not be.
    stray: Option<State>,
    /// Whether some fence went up.
    fenced: bool,
    /// Whether all workers could end well.
    finished: bool,
}

impl Worker {
    fn standing(&self, child: &Shown) -> Standing {
        let (settled, shown) = (u64::from(self.settled.0), self.base.name());
        standing(Some(&child.entry.name()), settled, Some(&shown), &self.entry.name())
    }

    /// Its own rows, over those `there`.
    fn brings(&self, there: BTreeSet<Entry>) -> Rows {
        let of = there.into_iter().chain([self.entry]).collect();
        Rows { settled: self.entry, reading: self.reading, of }
    }
}

impl State {
    fn first(rules: Rules) -> Self {
        let first = Entry(1, 0);
        let shown =
            Shown { entry: first, settled: first, reading: 0, rows: BTreeSet::from([first]), version: 0 };
        let worker = Worker {
            at: At::Start,
            rebuilds: false,
            base: shown.entry,
            settled: shown.settled,
            anew: BTreeSet::new(),
            reading: 0,
            entry: shown.entry,
            fence: None,
            step: 0,
            lives: rules.lives,
            late: None,
        };
        let mut workers = vec![worker.clone(); rules.workers];
        workers.resize(rules.workers + rules.rebuilders, Worker { rebuilds: true, ..worker });
        Self { parent: shown.clone(), children: vec![shown; rules.children], workers, clock: 0 }
    }

    /// Carries out a swap; whether it won.
    fn apply(&mut self, swap: &Swap) -> bool {
        let table = swap.child.map_or(&mut self.parent, |child| &mut self.children[child]);
        let won = table.version == swap.version;
        if won {
            table.version += 1;
            table.entry = swap.entry;
            if let Some(rows) = &swap.rows {
                (table.settled, table.reading) = (rows.settled, rows.reading);
                table.rows.clone_from(&rows.of);
            }
        }
        won
    }

    /// Whether the parent shows rows that are newer than those of a child.
    fn shows_older(&self) -> bool {
        self.children.iter().any(|child| child.reading < self.parent.reading)
    }

    /// Whether a child shows rows that no commit has, unless the next commit still has to come by them.
    fn shows_stray(&self) -> bool {
        let parent = &self.parent;
        let stray = |child: &&Shown| !child.rows.is_subset(&parent.rows);
        self.children.iter().filter(stray).any(|child| child.entry.0 <= parent.settled.0)
    }

    /// Everything that worker `w` may do next.
    fn next(&self, w: usize, rules: Rules) -> Vec<Self> {
        let mut after = Vec::new();
        let mut push = |change: &dyn Fn(&mut Self)| {
            let mut next = self.clone();
            change(&mut next);
            after.push(next);
        };
        let worker = &self.workers[w];
        if let Some(late) = &worker.late {
            push(&|s| {
                s.workers[w].late = None;
                s.apply(late);
            });
        }
        match &worker.at {
            At::Done | At::Dead => return after,
            At::Start => push(&|s| {
                let (shown, worker) = (s.parent.clone(), &mut s.workers[w]);
                (worker.base, worker.settled, worker.at) = (shown.entry, shown.settled, At::Read);
                worker.anew.clear();
                if worker.rebuilds {
                    // What the commits have named, which is what the parent shows.
                    (worker.reading, worker.entry) = (shown.reading, shown.entry);
                    (worker.fence, worker.step, worker.at) = (None, 0, At::Child);
                }
            }),
            At::Read => push(&|s| {
                s.clock += 1;
                s.workers[w].reading = s.clock;
                s.commit(w);
            }),
            At::Child => push(&|s| {
                let step = s.workers[w].step;
                s.workers[w].at = At::Parent(s.children.get(step).cloned());
            }),
            At::Parent(child) if worker.rebuilds => push(&|s| s.rebuild(w, child.clone(), rules)),
            At::Parent(child) => push(&|s| s.decide(w, child.clone(), rules)),
            At::Send(swap) => {
                push(&|s| {
                    let won = s.apply(swap);
                    s.answered(w, swap, won);
                });
                // A rebuild would do what it cannot tell again without end.
                if worker.rebuilds && worker.lives == 0 {
                    return after;
                }
                // The answer is lost, with the swap or after it.
                push(&|s| s.doubt(w));
                push(&|s| {
                    s.apply(swap);
                    s.doubt(w);
                });
                if rules.late && worker.late.is_none() {
                    push(&|s| {
                        s.workers[w].late = Some(swap.clone());
                        s.doubt(w);
                    });
                }
            }
        }
        // Anywhere else it comes to the same.
        if worker.at == At::Child {
            push(&|s| s.start_over(w));
        }
        after
    }

    /// A name that no other life of this worker, and no other worker, gives.
    fn name(&self, w: usize, fence: bool) -> Entry {
        let worker = &self.workers[w];
        let by = u8::try_from(w).unwrap() * 16 + worker.lives * 2 + u8::from(fence);
        Entry(worker.base.0 + 1, by + 1)
    }

    /// A commit on top of the base.
    fn commit(&mut self, w: usize) {
        let entry = self.name(w, false);
        let worker = &mut self.workers[w];
        (worker.entry, worker.fence, worker.step, worker.at) = (entry, None, 0, At::Child);
    }

    /// It died and the queue delivers the task again, or it has lost.
    fn start_over(&mut self, w: usize) {
        let worker = &mut self.workers[w];
        worker.at = if worker.lives == 0 { At::Dead } else { At::Start };
        worker.lives = worker.lives.saturating_sub(1);
    }

    /// What `Publication::take_place` decides with what it has loaded.
    fn rebuild(&mut self, w: usize, child: Option<Shown>, rules: Rules) {
        let (shown, worker) = (self.parent.clone(), self.workers[w].clone());
        if shown.entry != worker.base {
            self.start_over(w);
            return;
        }
        let rows = Rows { settled: worker.settled, reading: worker.reading, of: shown.rows };
        let mut swap = Swap { child: None, version: shown.version, entry: worker.base, rows: Some(rows) };
        if let Some(child) = child {
            match worker.standing(&child) {
                Standing::Ahead => panic!("no task can be that far ahead: {self:?}"),
                Standing::Pending if rules.lacking != Lacking::RebuildsFence => {
                    (swap.entry, swap.rows) = (self.name(w, true), None);
                    self.workers[w].fence = Some(swap.entry);
                }
                _ => (swap.child, swap.version) = (Some(worker.step), child.version),
            }
        }
        self.workers[w].at = At::Send(swap);
    }

    /// What `Publication::attempt` decides with what it has loaded.
    fn decide(&mut self, w: usize, child: Option<Shown>, rules: Rules) {
        let (shown, worker) = (self.parent.clone(), self.workers[w].clone());
        if shown.entry == worker.entry {
            self.workers[w].at = At::Done;
        } else if worker.fence == Some(shown.entry) {
            self.workers[w].base = shown.entry;
            self.commit(w);
        } else if shown.entry != worker.base {
            self.start_over(w);
        } else if let Some(child) = child {
            self.workers[w].at = At::Child;
            let anew = worker.anew.contains(&worker.step);
            match worker.standing(&child) {
                Standing::Ours => self.workers[w].step += 1,
                Standing::Pending if rules.lacking != Lacking::Fence => {
                    let (entry, version) = (self.name(w, true), shown.version);
                    self.workers[w].fence = Some(entry);
                    self.workers[w].at = At::Send(Swap { child: None, version, entry, rows: None });
                }
                Standing::Left if rules.lacking != Lacking::Anew && !anew => {
                    self.workers[w].anew.insert(worker.step);
                    self.workers[w].step = 0;
                }
                Standing::Ahead => panic!("no task can be that far ahead: {self:?}"),
                Standing::Free | Standing::Pending | Standing::Left => {
                    let rows = Some(worker.brings(if anew { shown.rows } else { child.rows }));
                    let (entry, version) = (worker.entry, child.version);
                    self.workers[w].at = At::Send(Swap { child: Some(worker.step), version, entry, rows });
                }
            }
        } else {
            let (entry, version, rows) = (worker.entry, shown.version, Some(worker.brings(shown.rows)));
            self.workers[w].at = At::Send(Swap { child: None, version, entry, rows });
        }
    }

    /// It does not know what came of its swap, so it looks.
    fn doubt(&mut self, w: usize) {
        let worker = &mut self.workers[w];
        worker.at = At::Child;
        worker.lives -= u8::from(worker.rebuilds);
    }

    fn answered(&mut self, w: usize, swap: &Swap, won: bool) {
        let worker = &mut self.workers[w];
        worker.at = At::Child;
        match (won, swap.child) {
            (true, Some(_)) => worker.step += 1,
            (true, None) if swap.rows.is_some() => worker.at = At::Done,
            // A fence that is up is found by loading, as one whose answer was lost is.
            _ => {}
        }
    }
}

fn search(rules: Rules) -> Found {
    let first = State::first(rules);
    let mut seen = HashSet::from([first.clone()]);
    let mut queue = VecDeque::from([first]);
    let mut found = Found::default();
    while let Some(state) = queue.pop_front() {
        found.states += 1;
        found.fenced |= state.workers.iter().any(|worker| worker.fence == Some(state.parent.entry));
        found.finished |= state.workers.iter().all(|worker| worker.at == At::Done);
        if state.shows_older() {
            found.older = Some(state);
            return found;
        }
        if found.stray.is_none() && state.shows_stray() {
            found.stray = Some(state.clone());
        }
        for w in 0..state.workers.len() {
            for next in state.next(w, rules) {
                if seen.insert(next.clone()) {
                    queue.push_back(next);
                }
            }
        }
    }
    found
}

/// The fewest that can show what a rule is there for.
const FEW: Rules =
    Rules { lacking: Lacking::Nothing, children: 1, workers: 2, rebuilders: 0, lives: 0, late: false };

#[test]
fn no_parent_ever_shows_rows_over_older_children_or_such_as_were_never_committed() {
    // The larger ones take minutes where nothing is optimised.
    let lives = u8::from(!cfg!(debug_assertions));
    let two = Rules { children: 2, lives, ..FEW };
    let late = Rules { children: 1, late: true, ..two };
    let again = Rules { children: 1, lives: 1, ..two };
    let three = Rules { children: 1, workers: 3, lives: 0, ..two };
    let rebuilt = Rules { children: 1, rebuilders: 1, ..two };
    let rebuilt_late = Rules { workers: 1, late: true, lives: 1, ..rebuilt };
    let rebuilt_twice = Rules { workers: 1, rebuilders: 2, ..rebuilt };
    for rules in [two, late, again, three, rebuilt, rebuilt_late, rebuilt_twice] {
        let found = search(rules);
        println!("{rules:?}: {} states", found.states);
        assert!(found.older.is_none(), "{rules:?}: {:#?}", found.older);
        assert!(found.stray.is_none(), "{rules:?}: {:#?}", found.stray);
        assert!(found.fenced && found.finished && found.states > 1_000, "{rules:?}: {found:?}");
    }
}

#[test]
fn without_the_fence_it_does() {
    assert!(search(Rules { lacking: Lacking::Fence, ..FEW }).older.is_some());
}

#[test]
fn unless_it_is_made_anew_it_does() {
    assert!(search(Rules { lacking: Lacking::Anew, ..FEW }).stray.is_some());
}

#[test]
fn if_a_rebuild_heeds_nobody_it_does() {
    assert!(
        search(Rules { lacking: Lacking::RebuildsFence, workers: 1, rebuilders: 1, ..FEW }).older.is_some()
    );
}
