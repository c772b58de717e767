//! One line per table and account, business or person.

use std::collections::BTreeMap;

use model::{ConnectionName, TableStatus, Timestamp};

use super::Entry;
use crate::grid::{Grid, Side, thousands};
use crate::screen::{Ink, Screen};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A table that nothing was read of for so long is worth a look: the cursor moves once a day at least.
const LONG_BEHIND: i64 = 2 * DAY;

/// Prints a grid per connection.
pub(super) fn print(entries: &[Entry], now: Timestamp, screen: &Screen) {
    let mut groups: BTreeMap<Option<&ConnectionName>, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        groups.entry(entry.connection.as_ref()).or_default().push(entry);
    }
    let mut noted = None;
    for (at, (connection, entries)) in groups.into_iter().enumerate() {
        if at > 0 {
            screen.out("");
        }
        let name = connection.map_or("no connection", ConnectionName::as_str);
        let last = entries.iter().filter_map(|entry| entry.head()).map(|head| head.committed_at).max();
        let last = match last {
            Some(last) => format!("last commit {}", ago(now.duration_since(last).as_secs())),
            None => "nothing committed yet".to_owned(),
        };
        screen.out(format!(
            "{}  {}",
            Ink::Bold.on(screen.coloured, name),
            Ink::Dim.on(screen.coloured, &last)
        ));
        for line in grid(&entries, now, screen.coloured).lines() {
            screen.out(line);
        }
        noted = noted.or(entries.iter().find(|entry| has_notes(entry)).map(|entry| entry.table));
    }
    if let Some(table) = noted {
        let hint = format!("* has notes: freshlake status --table {table}");
        screen.out(Ink::Dim.on(screen.coloured, &hint));
    }
}

fn grid(entries: &[&Entry], now: Timestamp, coloured: bool) -> Grid {
    let right = |name| (name, Side::Right);
    let mut grid = Grid::new(&[
        ("table", Side::Left),
        ("of", Side::Left),
        right("rows"),
        right("commits"),
        right("behind"),
        ("state", Side::Left),
    ]);
    for entry in entries {
        let lag = entry.lag(now);
        let behind = lag.map_or("-".to_owned(), behind);
        let behind =
            if lag.is_some_and(|lag| lag > LONG_BEHIND) { Ink::Fair.on(coloured, &behind) } else { behind };
        let number = |number: u64| if number == 0 { "-".to_owned() } else { thousands(number) };
        let state = ink(entry).on(coloured, &words(entry));
        grid.row([
            entry.table.to_owned(),
            entry.of(),
            number(entry.rows()),
            number(entry.head().map_or(0, |head| head.number)),
            behind,
            if has_notes(entry) { format!("{state} *") } else { state },
        ]);
    }
    grid
}

/// What a table is, in words.
pub(super) fn words(entry: &Entry) -> String {
    let Some(head) = entry.head() else { return "not read yet".to_owned() };
    let rejected = head.certificate.rows_rejected;
    let words = match &head.loading {
        Some(loading) => format!("loading, at {}", loading.until),
        None => head.certificate.status.as_str().to_owned(),
    };
    if rejected > 0 { format!("{words}, {} rejected", thousands(rejected)) } else { words }
}

fn ink(entry: &Entry) -> Ink {
    let Some(head) = entry.head() else { return Ink::Dim };
    match head.certificate.status {
        TableStatus::Broken => Ink::Bad,
        TableStatus::OutOfPlan | TableStatus::OutOfScope => Ink::Fair,
        _ if head.certificate.rows_rejected > 0 || head.loading.is_some() => Ink::Fair,
        TableStatus::Ok => Ink::Good,
        TableStatus::Empty => Ink::Dim,
    }
}

fn has_notes(entry: &Entry) -> bool {
    entry.head().is_some_and(|head| !head.certificate.notes.is_empty())
}

fn ago(seconds: i64) -> String {
    if seconds < MINUTE { "just now".to_owned() } else { format!("{} ago", behind(seconds)) }
}

/// Seconds in the unit that people would take.
fn behind(seconds: i64) -> String {
    match seconds {
        ..MINUTE => "now".to_owned(),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..LONG_BEHIND => format!("{} h", seconds / HOUR),
        _ => format!("{} d", seconds / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_as_people_do() {
        let told: Vec<String> = [0, 59, 60, 3599, 3600, 2 * DAY - 1, 2 * DAY, 400 * DAY].map(behind).to_vec();
        assert_eq!(told, ["now", "now", "1 min", "59 min", "1 h", "47 h", "2 d", "400 d"]);
        assert_eq!((ago(3), ago(7200)), ("just now".to_owned(), "2 h ago".to_owned()));
    }
}
