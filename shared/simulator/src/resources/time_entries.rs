//! Time entries: always newest first, `active` instead of a state, and nothing that tells when they changed.

use super::{DELETED, Declaration, Family, Kind, Lifecycle, Match, Sheet, USUAL, projects, residues};
use crate::book::{Book, State};
use crate::row::Row;
use crate::{moment, words};

/// Entries of the colleague: only seen with `team=true`.
pub(crate) const OF_COLLEAGUE: u32 = residues(&[1, 8, 14, 17]);

/// Entries of a timer not yet logged: only seen with `include_unlogged=true`.
pub(crate) const UNLOGGED: u32 = residues(&[9]);

pub(super) const DECLARATION: Declaration = Declaration {
    kind: Kind::TimeEntries,
    name: "time_entries",
    family: Family::TimeTracking,
    list_path: "time_entries",
    single_path: "time_entries",
    list_key: "time_entries",
    single_key: "time_entry",
    scope: "time_entries",
    first_id: 419_501,
    lifecycle: Lifecycle::ActiveFlag,
    deleted: DELETED,
    filters: &[
        ("client_id", "client_id", Match::Equals),
        ("project_id", "project_id", Match::Equals),
        ("identity_id", "identity_id", Match::Equals),
        ("started_from", "started_at", Match::InstantFrom),
        ("started_to", "started_at", Match::InstantTo),
    ],
    flags: &[("billable", !residues(&[2, 12])), ("billed", residues(&[4, 5, 15]))],
    required: &["duration"],
    count: (200, 5, u64::MAX),
    write,
    fact,
    ..USUAL
};

fn project(book: &Book, index: u64) -> Option<u64> {
    let dice = book.dice(Kind::TimeEntries, index);
    (!dice.one_in("no project", 12)).then(|| dice.below("project", book.count(Kind::Projects)))
}

fn identity(book: &Book, index: u64) -> i64 {
    if OF_COLLEAGUE >> (index % crate::book::CYCLE) & 1 == 1 { book.colleague } else { book.owner }
}

/// When the work began: before the entry was last updated.
fn started(book: &Book, index: u64) -> jiff::Timestamp {
    let back = book.dice(Kind::TimeEntries, index).between("started", 30, 8 * 60) * 60;
    moment::at(book.updated(Kind::TimeEntries, index).as_second() - back)
}

/// Seconds worked.
pub(crate) fn duration(book: &Book, index: u64) -> i64 {
    book.dice(Kind::TimeEntries, index).between("duration", 1, 32) * 900
}

fn write(sheet: &Sheet<'_>, row: &mut Row<'_>) {
    let (book, index) = (sheet.book, sheet.index);
    let dice = book.dice(Kind::TimeEntries, index);
    let project = project(book, index);
    let unlogged = UNLOGGED >> (index % crate::book::CYCLE) & 1 == 1;
    let started = started(book, index);
    let client = project.and_then(|project| projects::client(book, project));
    let mut services = project.into_iter().flat_map(|project| projects::service_indices(book, project));
    let service = services.next().map(|service| Kind::Services.id(service));
    row.value("active", sheet.state != State::Deleted);
    row.value("billable", DECLARATION.flag("billable", index));
    row.value("billed", DECLARATION.flag("billed", index));
    row.value("client_id", client);
    row.iso("created_at", moment::at(sheet.updated.as_second() - dice.between("created", 0, 20) * 60), true);
    row.value("duration", duration(book, index));
    row.value("id", sheet.id);
    row.value("identity_id", identity(book, index));
    row.value("internal", project.is_none());
    row.value("is_logged", !unlogged);
    row.iso("local_started_at", started, false);
    row.value("local_timezone", "UTC");
    row.value("note", dice.pick("note", words::NOTES));
    row.nulls(&["pending_client", "pending_project", "pending_task"]);
    row.value("project_id", project.map(|project| Kind::Projects.id(project)));
    row.null("retainer_id");
    row.value("service_id", service);
    row.iso("started_at", started, true);
    row.null("task_id");
    if unlogged {
        row.object("timer", |row| {
            row.value("id", sheet.id + 600_000);
            row.value("is_running", dice.one_in("running", 2));
        });
    } else {
        row.null("timer");
    }
}

fn fact(book: &Book, index: u64, field: &str) -> Option<String> {
    let text = |id: Option<i64>| Some(id.map(|id| id.to_string()).unwrap_or_default());
    match field {
        "client_id" => text(project(book, index).and_then(|project| projects::client(book, project))),
        "project_id" => text(project(book, index).map(|project| Kind::Projects.id(project))),
        "identity_id" => text(Some(identity(book, index))),
        "started_at" => Some(moment::rfc3339(started(book, index))),
        "duration" => Some(duration(book, index).to_string()),
        _ => None,
    }
}
