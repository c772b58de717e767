//! What a run came to: one line per table, and the worst of it as exit code.

use model::{Certificate, Error, ErrorKind, TableStatus, Timestamp};
use sync::{Outcome, Report};

use crate::grid::{Grid, Side, bytes, clip, thousands};
use crate::screen::{Ink, Screen};

const LONGEST_STATUS: usize = 60;
/// Errors of one kind that are told in full.
const MOST_ALIKE: usize = 3;
/// Tables that have nothing to tell are shown one by one up to so many, and counted where there are more.
const MOST_QUIET: usize = 12;

/// One table of one account, business or person.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) table: String,
    /// The account id, business id or identity.
    pub(crate) of: String,
    pub(crate) milliseconds: u64,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) state: State,
}

/// What a table turned out to be.
#[derive(Debug)]
pub(crate) enum State {
    /// Read, with something to write.
    Ok,
    /// Read; FreshBooks has no rows.
    Empty,
    /// Read; nothing is new.
    Unchanged,
    /// This very run was done before.
    AlreadyDone,
    /// Outside the plan or the scopes, with what FreshBooks says.
    Unavailable(TableStatus, String),
    /// It could not be read.
    Broken(Error),
}

impl State {
    /// What `report` says.
    pub(crate) fn of(report: &Report) -> Self {
        let written = report.certificate.as_ref().map_or(0, Certificate::rows_written);
        match &report.outcome {
            Outcome::Unavailable(why) => Self::Unavailable(report.status, why.clone()),
            Outcome::AlreadyDone => Self::AlreadyDone,
            _ if report.status == TableStatus::Empty => Self::Empty,
            // A commit that only moves the cursor brings nothing new either.
            Outcome::Committed(number) if *number > 1 && written == 0 && report.files.is_empty() => {
                Self::Unchanged
            }
            Outcome::Committed(_) => Self::Ok,
            Outcome::Unchanged => Self::Unchanged,
        }
    }

    fn words(&self, rejected: u64) -> String {
        let words = match self {
            Self::Ok => "ok".to_owned(),
            Self::Empty => "empty".to_owned(),
            Self::Unchanged => "unchanged".to_owned(),
            Self::AlreadyDone => "already done".to_owned(),
            Self::Unavailable(status, _) => status.as_str().to_owned(),
            Self::Broken(error) if error.kind() == ErrorKind::Interrupted => "stopped".to_owned(),
            Self::Broken(error) => clip(&format!("broken: {}", error.message()), LONGEST_STATUS),
        };
        if rejected > 0 { format!("{words}, {rejected} rejected") } else { words }
    }

    fn ink(&self, rejected: u64) -> Ink {
        match self {
            Self::Broken(_) => Ink::Bad,
            _ if rejected > 0 => Ink::Fair,
            Self::Ok => Ink::Good,
            Self::Unavailable(..) => Ink::Fair,
            Self::Empty | Self::Unchanged | Self::AlreadyDone => Ink::Dim,
        }
    }
}

impl Line {
    fn count(&self, of: fn(&Certificate) -> u64) -> u64 {
        self.certificate.as_ref().map_or(0, of)
    }

    /// What a person should know about the reading.
    fn notes(&self) -> &[String] {
        self.certificate.as_ref().map_or(&[], |certificate| &certificate.notes)
    }

    /// Whether there is nothing to tell but that it was looked at.
    fn is_quiet(&self) -> bool {
        let nothing = matches!(self.state, State::Unchanged | State::Empty | State::AlreadyDone);
        nothing && self.notes().is_empty() && self.count(|c| c.rows_rejected) == 0
    }

    /// For the moment it is finished.
    pub(crate) fn sentence(&self) -> String {
        let words = self.state.words(self.count(|c| c.rows_rejected));
        let mut parts = vec![format!("{} of {}: {words}", self.table, self.of)];
        if matches!(self.state, State::Ok) {
            let numbers = [
                (self.count(|c| c.rows_new), "new"),
                (self.count(|c| c.rows_changed), "changed"),
                (self.count(|c| c.rows_deleted), "deleted"),
            ];
            let told = numbers.into_iter().filter(|(number, _)| *number > 0);
            parts.extend(told.map(|(number, what)| format!("{} {what}", thousands(number))));
            parts.push(format!("{} s", seconds(self.milliseconds)));
        }
        parts.join(", ")
    }
}

/// Seconds with a tenth.
fn seconds(milliseconds: u64) -> String {
    format!("{}.{}", milliseconds / 1000, milliseconds % 1000 / 100)
}

/// Milliseconds from `start` to `end`, by the local clock.
pub(crate) fn between(start: Timestamp, end: Timestamp) -> u64 {
    u64::try_from(end.duration_since(start).as_millis()).unwrap_or(0)
}

/// All lines of a run.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) lines: Vec<Line>,
    /// How long it took from end to end.
    pub(crate) milliseconds: u64,
}

impl Summary {
    /// The lines that are shown one by one.
    fn shown(&self) -> Vec<&Line> {
        let quiet = self.lines.iter().filter(|line| line.is_quiet()).count();
        self.lines.iter().filter(|line| quiet <= MOST_QUIET || !line.is_quiet()).collect()
    }

    /// How many are not, by what they turned out to be.
    fn others(&self) -> Option<String> {
        let all = self.lines.iter().filter(|line| line.is_quiet()).map(|line| line.state.words(0));
        let mut counts: Vec<(String, usize)> = Vec::new();
        for words in all {
            match counts.iter_mut().find(|(known, _)| *known == words) {
                Some((_, count)) => *count += 1,
                None => counts.push((words, 1)),
            }
        }
        let others: Vec<String> =
            counts.into_iter().map(|(words, count)| format!("{count} {words}")).collect();
        (self.shown().len() < self.lines.len()).then(|| others.join(", "))
    }

    /// Prints the table, and below it what is told of the run as a whole.
    pub(crate) fn print(&self, screen: &Screen) {
        let right = |name| (name, Side::Right);
        let mut grid = Grid::new(&[
            ("table", Side::Left),
            ("of", Side::Left),
            right("new"),
            right("changed"),
            right("deleted"),
            right("time"),
            ("status", Side::Left),
        ]);
        let mut sums = [0; 3];
        let shown = self.shown();
        for line in &shown {
            let numbers =
                [line.count(|c| c.rows_new), line.count(|c| c.rows_changed), line.count(|c| c.rows_deleted)];
            sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
            let rejected = line.count(|c| c.rows_rejected);
            let status = line.state.ink(rejected).on(screen.coloured, &line.state.words(rejected));
            let status = if line.notes().is_empty() { status } else { format!("{status} *") };
            grid.row(cells(&line.table, &line.of, numbers, line.milliseconds, status));
        }
        grid.row(cells("total", "", sums, self.milliseconds, String::new()));
        // Without a line, there is nothing to add up.
        let lines = if shown.is_empty() { Vec::new() } else { grid.lines() };
        for (at, line) in lines.into_iter().enumerate() {
            let frame = at == 0 || at == shown.len() + 1;
            screen.out(if frame { Ink::Bold.on(screen.coloured, &line) } else { line });
        }
        if let Some(others) = self.others() {
            let beside = if shown.is_empty() { "" } else { "not shown: " };
            screen.out(Ink::Dim.on(screen.coloured, &format!("{beside}{others}")));
        }
        screen.out(Ink::Dim.on(screen.coloured, &self.totals()));
    }

    /// What was written and asked, over all lines.
    fn totals(&self) -> String {
        let sum = |of: fn(&Line) -> u64| self.lines.iter().map(of).sum::<u64>();
        let count = |number: u64, one: &str, many: &str| {
            format!("{} {}", thousands(number), if number == 1 { one } else { many })
        };
        let requests = count(sum(|line| line.count(|c| c.requests)), "request", "requests");
        let files = sum(|line| line.files);
        if files == 0 {
            return format!("nothing written, {requests}");
        }
        let children = sum(|line| line.count(|c| c.child_rows));
        let (children, files) = (count(children, "child row", "child rows"), count(files, "file", "files"));
        format!("{children}, {files}, {}, {requests}", bytes(sum(|line| line.bytes)))
    }

    /// Tells on standard error what a status word does not: why, and what to do. A table outside plan or scopes is an
    /// error where it was `asked` for.
    pub(crate) fn explain(&self, asked: bool, screen: &Screen) {
        let mut told: Vec<(ErrorKind, usize)> = Vec::new();
        for line in &self.lines {
            let (table, of) = (&line.table, &line.of);
            match &line.state {
                State::Broken(error) => {
                    let at = told.iter().position(|(kind, _)| *kind == error.kind());
                    match at.and_then(|at| told.get_mut(at)) {
                        Some((_, count)) => *count += 1,
                        None => told.push((error.kind(), 1)),
                    }
                    let most = if error.kind() == ErrorKind::Interrupted { 1 } else { MOST_ALIKE };
                    if told.iter().any(|(kind, count)| *kind == error.kind() && *count <= most) {
                        screen.error(error);
                    }
                }
                State::Unavailable(_, why) if asked => {
                    let what = format!("{table} of {of} cannot be read");
                    let error = match why.rsplit_once("; ") {
                        Some((why, next)) => Error::new(ErrorKind::OutOfPlan, why).next(next),
                        None => Error::new(ErrorKind::OutOfPlan, why),
                    };
                    screen.error(&error.while_doing(what));
                }
                State::Unavailable(_, why) => screen.warn(format!("{table} of {of} was left out: {why}")),
                _ => {}
            }
            for note in line.notes() {
                match note.rsplit_once("; ").filter(|(_, next)| next.contains("freshlake ")) {
                    Some((note, next)) => screen.warn_and(format!("{table} of {of}: {note}"), next),
                    None => screen.warn(format!("{table} of {of}: {note}")),
                }
            }
            let count = line.count(|c| c.rows_rejected);
            if count > 0 {
                let rows = if count == 1 { "row" } else { "rows" };
                screen.warn(format!(
                    "{table} of {of}: {count} {rows} could not be typed: see the table rejected"
                ));
            }
        }
        for (kind, count) in told.iter().filter(|(kind, _)| *kind != ErrorKind::Interrupted) {
            if let Some(more) = count.checked_sub(MOST_ALIKE).filter(|more| *more > 0) {
                screen.warn(format!("{more} more tables failed in the same way ({kind:?}): see the summary"));
            }
        }
    }

    /// The exit code: the worst of the lines. Tables outside plan or scopes count where they were `asked` for.
    pub(crate) fn exit_code(&self, asked: bool) -> u8 {
        let codes = self.lines.iter().filter_map(|line| match &line.state {
            State::Broken(error) => Some(error.kind().exit_code()),
            State::Unavailable(..) if asked => Some(ErrorKind::OutOfPlan.exit_code()),
            _ if line.count(|c| c.rows_rejected) > 0 => Some(ErrorKind::TooManyRejected.exit_code()),
            _ => None,
        });
        worst(codes)
    }
}

/// The exit code that asks most of a person; 0 if there is none.
pub(crate) fn worst(codes: impl Iterator<Item = u8>) -> u8 {
    const BAD_TO_WORSE: [u8; 9] = [0, 5, 3, 6, 2, 1, 7, 4, 130];
    codes.max_by_key(|code| BAD_TO_WORSE.iter().position(|c| c == code)).unwrap_or(0)
}

fn cells(table: &str, of: &str, numbers: [u64; 3], milliseconds: u64, status: String) -> [String; 7] {
    let [new, changed, deleted] =
        numbers.map(|number| if number == 0 { "-".to_owned() } else { thousands(number) });
    let time = format!("{} s", seconds(milliseconds));
    [table.to_owned(), of.to_owned(), new, changed, deleted, time, status]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(table: &str, state: State) -> Line {
        let of = "A1".to_owned();
        let table = table.to_owned();
        Line { table, of, milliseconds: 1234, files: 0, bytes: 0, certificate: None, state }
    }

    fn summary(states: Vec<State>) -> Summary {
        Summary { lines: states.into_iter().map(|state| line("bills", state)).collect(), milliseconds: 0 }
    }

    fn broken(kind: ErrorKind) -> State {
        State::Broken(Error::new(kind, "x"))
    }

    #[test]
    fn a_table_out_of_plan_is_a_fault_only_where_it_was_asked_for() {
        let unavailable = || State::Unavailable(TableStatus::OutOfPlan, "no".to_owned());
        assert_eq!(summary(vec![State::Ok, unavailable()]).exit_code(false), 0);
        assert_eq!(summary(vec![State::Ok, unavailable()]).exit_code(true), 5);
    }

    #[test]
    fn the_worst_table_decides() {
        let states = vec![broken(ErrorKind::Unavailable), broken(ErrorKind::Storage), State::Ok];
        assert_eq!(summary(states).exit_code(true), 7);
        assert_eq!(worst([130, 7].into_iter()), 130);
    }

    #[test]
    fn where_many_tables_have_nothing_to_tell_they_are_counted() {
        let run = |unchanged: usize| {
            let quiet = std::iter::repeat_with(|| State::Unchanged).take(unchanged);
            summary(quiet.chain([State::Ok, State::Empty]).collect())
        };
        assert_eq!((run(11).shown().len(), run(11).others()), (13, None));
        assert_eq!((run(12).shown().len(), run(12).others()), (1, Some("12 unchanged, 1 empty".to_owned())));
    }

    #[test]
    fn each_state_has_its_own_word() {
        let words: Vec<String> = [State::Ok, State::Empty, State::Unchanged, broken(ErrorKind::Unavailable)]
            .iter()
            .map(|state| state.words(0))
            .collect();
        assert_eq!(words, ["ok", "empty", "unchanged", "broken: x"]);
        assert_eq!(State::Ok.words(2), "ok, 2 rejected");
    }
}
