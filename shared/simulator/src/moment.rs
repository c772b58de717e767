//! Instants and days as the families write them.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::money::push_two_digits;
use crate::options::UpdatedZone;

static EASTERN: LazyLock<TimeZone> = LazyLock::new(|| {
    // The zone database is compiled in, so this is a matter of the build and not of the machine.
    TimeZone::get("America/New_York").unwrap_or(TimeZone::UTC)
});

/// `seconds` since 1970.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The Eastern wall clock at `instant`.
pub(crate) fn eastern(instant: Timestamp) -> DateTime {
    EASTERN.to_datetime(instant)
}

/// The UTC wall clock at `instant`.
pub(crate) fn utc(instant: Timestamp) -> DateTime {
    TimeZone::UTC.to_datetime(instant)
}

/// When `day` begins in the zone that cuts `updated_min` and `updated_max`.
pub(crate) fn start_of(day: Date, zone: UpdatedZone) -> Timestamp {
    let midnight = day.to_datetime(jiff::civil::Time::midnight());
    match zone {
        UpdatedZone::Eastern => EASTERN.to_timestamp(midnight),
        UpdatedZone::Utc => TimeZone::UTC.to_timestamp(midnight),
    }
    .unwrap_or(Timestamp::MIN)
}

/// `day` plus or minus some days.
pub(crate) fn shift(day: Date, days: i64) -> Date {
    day.saturating_add(SignedDuration::from_hours(days.saturating_mul(24)))
}

/// Writes `2026-03-31`.
pub(crate) fn write_date(out: &mut Vec<u8>, day: Date) {
    let year = u64::from(day.year().unsigned_abs());
    push_two_digits(out, year / 100);
    push_two_digits(out, year % 100);
    for part in [day.month(), day.day()] {
        out.push(b'-');
        push_two_digits(out, u64::from(part.unsigned_abs()));
    }
}

/// Writes `2026-03-31 09:30:00`, with `separator` in the middle.
pub(crate) fn write_wall(out: &mut Vec<u8>, wall: DateTime, separator: u8) {
    write_date(out, wall.date());
    for (mark, part) in [(separator, wall.hour()), (b':', wall.minute()), (b':', wall.second())] {
        out.push(mark);
        push_two_digits(out, u64::from(part.unsigned_abs()));
    }
}

/// `2026-03-31T09:30:00Z`.
pub(crate) fn rfc3339(instant: Timestamp) -> String {
    let mut out = Vec::with_capacity(20);
    write_wall(&mut out, utc(instant), b'T');
    out.push(b'Z');
    String::from_utf8(out).unwrap_or_default()
}

/// `Tue, 31 Mar 2026 09:30:00 GMT`, for the `Date` and `Retry-After` headers.
pub(crate) fn http_date(instant: Timestamp) -> String {
    utc(instant).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The instants at which Eastern wall clocks go wrong, between two seconds: half an hour before and after
/// the clocks go back (01:30 twice), and half an hour after they go forward.
pub(crate) fn odd_hours(from: i64, until: i64) -> Vec<i64> {
    let mut found = Vec::new();
    for transition in EASTERN.following(at(from)).take_while(|t| t.timestamp().as_second() < until) {
        let second = transition.timestamp().as_second();
        found.push(second.saturating_sub(1800));
        found.push(second.saturating_add(1800));
    }
    found.retain(|second| (from..until).contains(second));
    found
}
