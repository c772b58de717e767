//! The last commits of one table, with everything that each can prove.

use lake::Commit;
use model::{Certificate, Timestamp};

use super::{Entry, overview};
use crate::grid::{bytes, thousands, wrap};
use crate::screen::{Ink, Screen};

/// Commits that are shown; all are in the JSON.
const MOST: usize = 10;

/// What is left of 80 places behind the word that begins a note.
const NOTE_WIDTH: usize = 70;

/// Prints the commits, newest first.
pub(super) fn print(entry: &Entry, screen: &Screen) {
    let title = format!("{} of {}", entry.table, entry.of());
    let state = overview::words(entry);
    screen.out(format!("{}  {state}", Ink::Bold.on(screen.coloured, &title)));
    for commit in entry.commits.iter().rev().take(MOST) {
        for line in lines(entry, commit) {
            screen.out(line);
        }
        for note in &commit.certificate.notes {
            for (at, line) in wrap(note, NOTE_WIDTH).iter().enumerate() {
                let label = if at == 0 { Ink::Fair.on(screen.coloured, "note:") } else { " ".repeat(5) };
                screen.out(format!("    {label} {line}"));
            }
        }
    }
    if let Some(older) = entry.commits.len().checked_sub(MOST).filter(|older| *older > 0) {
        let hint = format!("  and {older} older: freshlake status --table {} --json", entry.table);
        screen.out(Ink::Dim.on(screen.coloured, &hint));
    }
}

fn lines(entry: &Entry, commit: &Commit) -> Vec<String> {
    let Certificate { status, requests, pages, total_first, total_last, distinct_keys, .. } =
        &commit.certificate;
    let proof = &commit.certificate;
    let size: u64 = commit.files.iter().map(|file| file.bytes).sum();
    let count =
        |number: u64, one: &str| format!("{} {one}{}", thousands(number), if number == 1 { "" } else { "s" });
    let mut lines = vec![
        format!("  commit {}, {}, run {}", commit.number, minute(commit.committed_at), entry.run(commit)),
        format!(
            "    {}: {}, {}, total {} -> {}, {}",
            status.as_str(),
            count(*requests, "request"),
            count(*pages, "page"),
            thousands(*total_first),
            thousands(*total_last),
            count(*distinct_keys, "key")
        ),
        format!(
            "    rows: {} new, {} changed, {} deleted, {} unchanged, {} rejected",
            thousands(proof.rows_new),
            thousands(proof.rows_changed),
            thousands(proof.rows_deleted),
            thousands(proof.rows_unchanged),
            thousands(proof.rows_rejected)
        ),
        format!(
            "    {}, {}, {}",
            count(proof.child_rows, "child row"),
            count(commit.files.len() as u64, "file"),
            bytes(size)
        ),
    ];
    if let (Some(first), Some(last)) = (proof.first_updated, proof.last_updated) {
        lines.push(format!("    updated {} to {}", minute(first), minute(last)));
    }
    if let Some(loading) = &commit.loading {
        lines.push(format!("    a reading in windows, under way: all before {} is here", loading.until));
    }
    let cursor = commit.cursor.map_or("none".to_owned(), |cursor| cursor.0.to_string());
    lines.push(format!("    cursor {cursor}, content {}", proof.content_digest));
    lines
}

/// An instant to the minute.
fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
