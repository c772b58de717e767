//! What the schedule says, and what it is answered.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::{ConnectionName, Error, ErrorKind, Mode, Result, TableName};
use serde::{Deserialize, Serialize};
use sync::{Dispatched, Firing};

/// The input of the schedule, or of a person who invokes the function.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    /// The time of the firing; a person may leave it out.
    scheduled_at: Option<Timestamp>,
    connection: Option<ConnectionName>,
    #[serde(default)]
    tables: Vec<TableName>,
    mode: Option<Mode>,
    /// Rows that are no longer listed are truly gone, however many they are.
    #[serde(default)]
    accept_deletions: bool,
}

impl Event {
    /// The firing, which happened at `now` unless the event knows better.
    pub(crate) fn firing(self, now: Timestamp) -> Firing {
        Firing {
            scheduled_at: self.scheduled_at.unwrap_or(now),
            connection: self.connection,
            tables: self.tables,
            mode: self.mode.unwrap_or(Mode::Incremental),
            accept_deletions: self.accept_deletions,
            settings: BTreeMap::new(),
        }
    }
}

/// How many tasks each connection has in the queue now.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    connections: Vec<Sent>,
}

#[derive(Debug, Serialize)]
struct Sent {
    connection: ConnectionName,
    tasks: usize,
}

impl Answer {
    /// The answer, or one error that names every connection that could not run.
    pub(crate) fn of(dispatched: Vec<Dispatched>) -> Result<Self> {
        let mut connections = Vec::new();
        let mut problems = Vec::new();
        let mut kind = ErrorKind::Internal;
        for Dispatched { connection, tasks } in dispatched {
            match tasks {
                Ok(tasks) => connections.push(Sent { connection, tasks: tasks.len() }),
                Err(error) => {
                    kind = error.kind();
                    problems.push(format!("{connection}: {error}"));
                }
            }
        }
        if problems.is_empty() {
            return Ok(Self { connections });
        }
        let all = problems.len() + connections.len();
        Err(Error::new(
            kind,
            format!("{} of {all} connections did not run: {}", problems.len(), problems.join("; ")),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firing(event: &str) -> Firing {
        serde_json::from_str::<Event>(event).unwrap().firing(Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_schedule_and_a_person_are_both_understood() {
        let scheduled = firing(r#"{"scheduled_at":"2026-04-01T06:00:00Z"}"#);
        assert_eq!(scheduled.scheduled_at.to_string(), "2026-04-01T06:00:00Z");
        assert!(scheduled.connection.is_none() && scheduled.tables.is_empty());
        assert_eq!(scheduled.mode, Mode::Incremental);

        let person = firing(r#"{"connection":"acme","tables":["invoices"],"mode":"full"}"#);
        assert_eq!(person.scheduled_at, Timestamp::UNIX_EPOCH);
        assert_eq!(person.connection.unwrap().as_str(), "acme");
        assert_eq!((person.tables.len(), person.mode), (1, Mode::Full));
    }

    #[test]
    fn a_mistyped_event_is_refused() {
        for bad in [r#"{"conection":"acme"}"#, r#"{"connection":"../x"}"#, r#"{"scheduled_at":"now"}"#] {
            assert!(serde_json::from_str::<Event>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_connection_that_did_not_run_fails_the_firing_by_name() {
        let name = |name: &str| ConnectionName::new(name).unwrap();
        let dead = Error::new(ErrorKind::ReconnectNeeded, "the grant is dead").next("connect again");
        let error = Answer::of(vec![
            Dispatched { connection: name("acme"), tasks: Ok(Vec::new()) },
            Dispatched { connection: name("books"), tasks: Err(dead) },
        ])
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReconnectNeeded);
        assert_eq!(
            error.to_string(),
            "1 of 2 connections did not run: books: the grant is dead; connect again"
        );
        let answer =
            Answer::of(vec![Dispatched { connection: name("acme"), tasks: Ok(Vec::new()) }]).unwrap();
        assert_eq!(
            serde_json::to_string(&answer).unwrap(),
            r#"{"connections":[{"connection":"acme","tasks":0}]}"#
        );
    }
}
