//! Writes one JSON object straight into the answer's buffer: a page of a hundred invoices is built without
//! a tree of values in between.

use std::fmt::Display;
use std::io::Write;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::moment;
use crate::money::Money;

/// A JSON object that is being written.
pub(crate) struct Row<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

// Writing to a `Vec` cannot fail, so the results of `write!` are dropped throughout.
impl Row<'_> {
    /// Writes `{…}`.
    pub(crate) fn write(out: &mut Vec<u8>, fill: impl FnOnce(&mut Row<'_>)) {
        out.push(b'{');
        fill(&mut Row { out, empty: true });
        out.push(b'}');
    }

    fn key(&mut self, key: &str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// Any value.
    pub(crate) fn value(&mut self, key: &str, value: impl Serialize) {
        self.key(key);
        let _ = serde_json::to_writer(&mut *self.out, &value);
    }

    /// Text or null, numbers, flags.
    pub(crate) fn null(&mut self, key: &str) {
        self.key(key);
        self.out.extend_from_slice(b"null");
    }

    /// Several keys that are always null.
    pub(crate) fn nulls(&mut self, keys: &[&str]) {
        for key in keys {
            self.null(key);
        }
    }

    /// Several keys that are always empty text.
    pub(crate) fn blanks(&mut self, keys: &[&str]) {
        for key in keys {
            self.key(key);
            self.out.extend_from_slice(b"\"\"");
        }
    }

    /// Text that needs no escaping: numbers as text, codes.
    pub(crate) fn plain(&mut self, key: &str, value: impl Display) {
        self.key(key);
        let _ = write!(self.out, "\"{value}\"");
    }

    /// `{"amount":"41.94","code":"CAD"}`.
    pub(crate) fn money(&mut self, key: &str, money: Money) {
        self.key(key);
        self.out.extend_from_slice(b"{\"amount\":\"");
        money.write(self.out);
        self.out.extend_from_slice(b"\",\"code\":\"");
        self.out.extend_from_slice(money.currency.code().as_bytes());
        self.out.extend_from_slice(b"\"}");
    }

    /// `2026-03-31`.
    pub(crate) fn date(&mut self, key: &str, day: Date) {
        self.key(key);
        self.out.push(b'"');
        moment::write_date(self.out, day);
        self.out.push(b'"');
    }

    /// `2026-03-31 09:30:00`, Eastern.
    pub(crate) fn eastern(&mut self, key: &str, instant: Timestamp) {
        self.key(key);
        self.out.push(b'"');
        moment::write_wall(self.out, moment::eastern(instant), b' ');
        self.out.push(b'"');
    }

    /// The opaque version: an Eastern wall clock with microseconds.
    pub(crate) fn version(&mut self, key: &str, instant: Timestamp, micros: u64) {
        self.key(key);
        self.out.push(b'"');
        moment::write_wall(self.out, moment::eastern(instant), b' ');
        let _ = write!(self.out, ".{micros:06}\"");
    }

    /// `2026-03-31 09:30:00`, UTC.
    pub(crate) fn utc(&mut self, key: &str, instant: Timestamp) {
        self.key(key);
        self.out.push(b'"');
        moment::write_wall(self.out, moment::utc(instant), b' ');
        self.out.push(b'"');
    }

    /// `2026-03-31T09:30:00` and, where the family writes one, `Z`.
    pub(crate) fn iso(&mut self, key: &str, instant: Timestamp, z: bool) {
        self.key(key);
        self.out.push(b'"');
        moment::write_wall(self.out, moment::utc(instant), b'T');
        self.out.extend_from_slice(if z { b"Z\"" } else { b"\"" });
    }

    /// `2026-03-31T09:30:00.000000Z`.
    pub(crate) fn micros(&mut self, key: &str, instant: Timestamp, micros: u64) {
        self.key(key);
        self.out.push(b'"');
        moment::write_wall(self.out, moment::utc(instant), b'T');
        let _ = write!(self.out, ".{micros:06}Z\"");
    }

    /// A nested object.
    pub(crate) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Row<'_>)) {
        self.key(key);
        Row::write(self.out, fill);
    }

    /// A list of objects, one per item.
    pub(crate) fn list<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(T, &mut Row<'_>),
    ) {
        self.key(key);
        self.out.push(b'[');
        for (n, item) in items.into_iter().enumerate() {
            if n > 0 {
                self.out.push(b',');
            }
            Row::write(self.out, |row| fill(item, row));
        }
        self.out.push(b']');
    }
}
