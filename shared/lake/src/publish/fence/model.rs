//! Every order in which tasks of one unit can switch children and parent, searched to the end.
//!
//! Tasks load tables one after the other, lose answers before and after their effect and long before it, and die. A swap
//! counts only at the version that was loaded. What a task reads is as new as the moment it read; a task that replaces a
//! child brings its own reading, however old, which is the worst that a merge could do.

use std::collections::{HashSet, VecDeque};

use super::{Standing, standing};

/// Of the unit, in one table: the commit, how new its rows are, and how often the table was swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Shown {
    entry: Entry,
    reading: u8,
    version: u8,
}

/// The number of a commit, and what tells it from others of that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Entry(u8, u8);

impl Entry {
    fn name(self) -> String {
        format!("{:010}-{:012}", self.0, self.1)
    }
}

/// A swap that was sent: of the child, or of the parent where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Swap {
    child: Option<usize>,
    version: u8,
    entry: Entry,
    /// None for a fence, whose rows are those that are there.
    reading: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    base: Entry,
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

#[derive(Clone, Copy, Debug)]
struct Rules {
    fences: bool,
    children: usize,
    workers: usize,
    lives: u8,
    late: bool,
}

/// What the search came to.
#[derive(Debug, Default)]
struct Found {
    states: usize,
    /// A parent whose child shows older rows.
    broken: Option<State>,
    /// Whether some fence went up.
    fenced: bool,
    /// Whether all workers could end well.
    finished: bool,
}

impl State {
    fn first(rules: Rules) -> Self {
        let shown = Shown { entry: Entry(1, 0), reading: 0, version: 0 };
        let worker = Worker {
            at: At::Start,
            base: shown.entry,
            reading: 0,
            entry: shown.entry,
            fence: None,
            step: 0,
            lives: rules.lives,
            late: None,
        };
        Self {
            parent: shown,
            children: vec![shown; rules.children],
            workers: vec![worker; rules.workers],
            clock: 0,
        }
    }

    /// Carries out a swap; whether it won.
    fn apply(&mut self, swap: Swap) -> bool {
        let table = swap.child.map_or(&mut self.parent, |child| &mut self.children[child]);
        let won = table.version == swap.version;
        if won {
            table.version += 1;
            table.entry = swap.entry;
            table.reading = swap.reading.unwrap_or(table.reading);
        }
        won
    }

    /// Whether the parent shows rows that are newer than those of a child.
    fn is_broken(&self) -> bool {
        self.children.iter().any(|child| child.reading < self.parent.reading)
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
        if let Some(late) = worker.late {
            push(&|s| {
                s.workers[w].late = None;
                s.apply(late);
            });
        }
        match worker.at {
            At::Done | At::Dead => return after,
            At::Start => push(&|s| {
                s.workers[w].base = s.parent.entry;
                s.workers[w].at = At::Read;
            }),
            At::Read => push(&|s| {
                s.clock += 1;
                s.workers[w].reading = s.clock;
                s.commit(w);
            }),
            At::Child => push(&|s| {
                let step = s.workers[w].step;
                s.workers[w].at = At::Parent(s.children.get(step).copied());
            }),
            At::Parent(child) => push(&|s| s.decide(w, child, rules)),
            At::Send(swap) => {
                push(&|s| {
                    let won = s.apply(swap);
                    s.answered(w, swap, won);
                });
                // The answer is lost, with the swap or after it.
                push(&|s| s.workers[w].at = At::Child);
                push(&|s| {
                    s.apply(swap);
                    s.workers[w].at = At::Child;
                });
                if rules.late && worker.late.is_none() {
                    push(&|s| {
                        s.workers[w].late = Some(swap);
                        s.workers[w].at = At::Child;
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

    /// What `Publication::attempt` decides with what it has loaded.
    fn decide(&mut self, w: usize, child: Option<Shown>, rules: Rules) {
        let (shown, worker) = (self.parent, self.workers[w].clone());
        if shown.entry == worker.entry {
            self.workers[w].at = At::Done;
        } else if worker.fence == Some(shown.entry) {
            self.workers[w].base = shown.entry;
            self.commit(w);
        } else if shown.entry != worker.base {
            self.start_over(w);
        } else if let Some(child) = child {
            let base = u64::from(worker.base.0);
            match standing(Some(&child.entry.name()), base, &worker.entry.name()) {
                Standing::Ours => self.workers[w].step += 1,
                Standing::Pending if rules.fences => {
                    let fence = self.name(w, true);
                    self.workers[w].fence = Some(fence);
                    let swap = Swap { child: None, version: shown.version, entry: fence, reading: None };
                    self.workers[w].at = At::Send(swap);
                    return;
                }
                Standing::Ahead => panic!("no task can be that far ahead: {self:?}"),
                Standing::Free | Standing::Pending => {
                    let (entry, reading) = (worker.entry, Some(worker.reading));
                    let swap = Swap { child: Some(worker.step), version: child.version, entry, reading };
                    self.workers[w].at = At::Send(swap);
                    return;
                }
            }
            self.workers[w].at = At::Child;
        } else {
            let (entry, reading) = (worker.entry, Some(worker.reading));
            self.workers[w].at = At::Send(Swap { child: None, version: shown.version, entry, reading });
        }
    }

    fn answered(&mut self, w: usize, swap: Swap, won: bool) {
        let worker = &mut self.workers[w];
        worker.at = At::Child;
        match (won, swap.child) {
            (true, Some(_)) => worker.step += 1,
            (true, None) if swap.reading.is_some() => worker.at = At::Done,
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
        if state.is_broken() {
            found.broken = Some(state);
            return found;
        }
        for w in 0..rules.workers {
            for next in state.next(w, rules) {
                if seen.insert(next.clone()) {
                    queue.push_back(next);
                }
            }
        }
    }
    found
}

#[test]
fn no_parent_ever_shows_rows_over_older_children() {
    // The larger ones take minutes where nothing is optimised.
    let lives = u8::from(!cfg!(debug_assertions));
    let two = Rules { fences: true, children: 2, workers: 2, lives, late: false };
    let late = Rules { children: 1, late: true, ..two };
    let again = Rules { children: 1, lives: 1, ..two };
    let three = Rules { children: 1, workers: 3, lives: 0, ..two };
    for rules in [two, late, again, three] {
        let found = search(rules);
        println!("{rules:?}: {} states", found.states);
        assert!(found.broken.is_none(), "{rules:?}: {:#?}", found.broken);
        assert!(found.fenced && found.finished && found.states > 1_000, "{rules:?}: {found:?}");
    }
}

#[test]
fn without_the_fence_it_does() {
    let rules = Rules { fences: false, children: 1, workers: 2, lives: 0, late: false };
    assert!(search(rules).broken.is_some());
}
