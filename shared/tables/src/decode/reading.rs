//! Reading one row: its key, its children's rows, and what it says of itself.

use std::borrow::Cow;

use model::Timestamp;

use super::{Decoder, Rejected};
use crate::declaration::{DeleteRule, Form};
use crate::json;
use crate::row::{Fault, Row, masked};
use crate::value::Value;

/// At most this many unknown keys are told apart in a report; their values are kept in any case.
const UNKNOWN_KEYS: usize = 100;

/// One typed row of a child.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// Its JSON text, secrets masked.
    pub(super) raw: Cow<'a, str>,
    pub(super) values: Vec<Value<'a>>,
    pub(super) extra: Vec<(Cow<'a, str>, &'a str)>,
}

impl Decoder {
    pub(super) fn key_of(&self, row: &Row<'_>, key: &mut String) -> Result<(), Fault> {
        use std::fmt::Write as _;

        key.clear();
        for (place, at) in self.key.iter().enumerate() {
            if place > 0 {
                key.push('/');
            }
            let written = match row.values.get(*at) {
                Some(Value::Int(v)) => write!(key, "{v}"),
                Some(Value::Text(v)) => write!(key, "{v}"),
                Some(Value::Date(v)) => write!(key, "{v}"),
                Some(Value::Bool(v)) => write!(key, "{v}"),
                _ => {
                    let path = self.table.key.get(place).copied().unwrap_or_default().to_owned();
                    return Err(Fault { path, reason: "the row has no key".to_owned() });
                }
            };
            // Writing to a string cannot fail.
            debug_assert!(written.is_ok());
        }
        Ok(())
    }

    /// Types the rows of all children, so that a bad line rejects its parent too: an invoice is never without its lines.
    pub(super) fn lines_of<'a>(
        &mut self,
        row: &Row<'a>,
        lines: &mut Vec<Vec<Line<'a>>>,
    ) -> Result<(), Fault> {
        lines.clear();
        for (at, decoder) in self.children.iter_mut().enumerate() {
            let mut typed = Vec::new();
            let rows = row.children.get(at).copied().flatten();
            let none = match decoder.child.form {
                Form::Array => None,
                Form::Object => rows.filter(|rows| *rows == "null"),
            };
            if let Some(rows) = rows.filter(|rows| *rows != "null") {
                let mut fault = None;
                let read = json::each(rows, |text| {
                    let mut line = Row::default();
                    match decoder.plan.read(text, 0, &mut line) {
                        Ok(()) => {
                            let raw = masked(text, &line.secrets);
                            typed.push(Line { raw, values: line.values, extra: line.extra });
                        }
                        Err(e) => {
                            let path = format!("{}[{}].{}", decoder.child.source, typed.len(), e.path);
                            fault.get_or_insert(Fault { path, reason: e.reason });
                        }
                    }
                });
                if let Err(error) = read {
                    return Err(Fault { path: decoder.child.source.to_owned(), reason: error.to_string() });
                }
                if let Some(fault) = fault {
                    return Err(fault);
                }
            }
            decoder.is_absent = rows.is_none_or(|rows| rows == "null") && none.is_none();
            lines.push(typed);
        }
        Ok(())
    }

    /// The children that were asked for and are announced by these values: a bit for each, in order.
    pub(super) fn announced(&self, values: &[Value<'_>]) -> u32 {
        self.children.iter().enumerate().fold(0, |announced, (at, decoder)| {
            let says = match decoder.announced_by.and_then(|at| values.get(at)) {
                Some(Value::Money(number, _) | Value::Decimal(number)) => *number != 0,
                Some(Value::Int(number)) => *number != 0,
                _ => false,
            };
            announced | u32::from(decoder.asked && says) << at
        })
    }

    /// Whether a child that is `announced` has no rows.
    pub(super) fn is_withheld(announced: u32, lines: &[Vec<Line<'_>>]) -> bool {
        lines.iter().enumerate().any(|(at, lines)| announced >> at & 1 == 1 && lines.is_empty())
    }

    pub(super) fn is_deleted(&self, row: &Row<'_>) -> bool {
        match (self.table.deleted, self.deleted.and_then(|at| row.values.get(at))) {
            (DeleteRule::VisState, Some(Value::Int(state))) => *state == 1,
            (DeleteRule::Inactive(_), Some(Value::Bool(active))) => !active,
            _ => false,
        }
    }

    pub(super) fn updated_of(&self, row: &Row<'_>) -> Option<Timestamp> {
        match self.updated.and_then(|at| row.values.get(at)) {
            Some(Value::Instant(Some(at), _)) => Timestamp::from_microsecond(*at).ok(),
            _ => None,
        }
    }

    pub(super) fn note_currencies(&mut self, row: &Row<'_>) {
        let codes = row.values.iter().filter_map(|value| match value {
            Value::Money(_, code) => code.as_deref(),
            _ => None,
        });
        // A margin has % for its code.
        let is_currency = |code: &&str| code.len() == 3 && code.bytes().all(|c| c.is_ascii_uppercase());
        for code in codes.filter(is_currency) {
            if !self.currencies.contains(code) {
                self.currencies.insert(code.to_owned());
            }
        }
    }

    pub(super) fn count_unknown(&mut self, row: &Row<'_>) {
        for (key, _) in &row.extra {
            if let Some(count) = self.unknown.get_mut(key.as_ref()) {
                *count += 1;
            } else if self.unknown.len() < UNKNOWN_KEYS {
                self.unknown.insert(key.clone().into_owned(), 1);
            }
        }
    }

    pub(super) fn reject(&mut self, text: &str, row: &Row<'_>, fault: &Fault, extracted_at: i64) {
        let mut key = String::new();
        let key = self.key_of(row, &mut key).is_ok().then_some(key);
        // A row that broke off half-way may hide a secret behind the break: then its text is not kept.
        let hides = self.ruled.as_ref().is_some_and(|ruled| ruled.rules.hides());
        let raw = if fault.path.is_empty() && (hides || !self.table.secrets.is_empty()) {
            "(not kept: the row could not be read to its end)".to_owned()
        } else {
            masked(text, &row.secrets).into_owned()
        };
        let (path, reason) = (fault.path.clone(), fault.reason.clone());
        self.rejected.push(Rejected { table: self.table.name, key, path, reason, raw, extracted_at });
    }
}
