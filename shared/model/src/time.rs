//! Calendar days and instants as FreshBooks writes them.
//!
//! Accounting bodies carry wall-clock text without a zone, in US Eastern (FreshBooks' own SDKs read it so);
//! projects, time entries and identity are UTC. The text is kept beside the instant in every table,
//! because one Eastern hour each autumn happens twice.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};

/// The zone in which the source writes an instant without an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Coordinated universal time.
    Utc,
    /// `America/New_York`, daylight saving included.
    Eastern,
}

static EASTERN: LazyLock<TimeZone> = LazyLock::new(|| {
    // The zone database is compiled in, so this is a matter of the build and not of the machine.
    TimeZone::get("America/New_York").unwrap_or(TimeZone::UTC)
});

impl Zone {
    fn time_zone(self) -> TimeZone {
        match self {
            Self::Utc => TimeZone::UTC,
            Self::Eastern => EASTERN.clone(),
        }
    }

    /// The calendar day of `instant` in this zone.
    pub fn day_of(self, instant: Timestamp) -> Date {
        instant.to_zoned(self.time_zone()).date()
    }

    /// When `day` begins in this zone.
    pub fn start_of(self, day: Date) -> Timestamp {
        let start = day.to_zoned(self.time_zone()).map(|zoned| zoned.timestamp());
        start.unwrap_or(if day.year() > 0 { Timestamp::MAX } else { Timestamp::MIN })
    }
}

/// Why a text is not a day or an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not `YYYY-MM-DD`.
    #[error("not a date like 2026-03-31")]
    NotADate,
    /// Not a date and time.
    #[error("not a date and time like 2026-03-31 09:30:00")]
    NotAnInstant,
}

/// Parses `2026-03-31`.
pub fn parse_date(text: &str) -> Result<Date, TimeError> {
    let bytes = text.as_bytes();
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = bytes else { return Err(TimeError::NotADate) };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_i16, |n, d| d.is_ascii_digit().then(|| n * 10 + i16::from(d - b'0')))
    };
    let (Some(year), Some(month), Some(day)) =
        (number(&[*y1, *y2, *y3, *y4]), number(&[*m1, *m2]), number(&[*d1, *d2]))
    else {
        return Err(TimeError::NotADate);
    };
    #[expect(clippy::cast_possible_truncation, reason = "two decimal digits")]
    Date::new(year, month as i8, day as i8).map_err(|_| TimeError::NotADate)
}

/// Parses an instant, to the microsecond: with an offset or `Z` as written, else as wall clock of `zone`.
///
/// A wall clock that happens twice is taken as its first occurrence, one that never happens as the time
/// the clocks were put forward to.
pub fn parse_instant(text: &str, zone: Zone) -> Result<Timestamp, TimeError> {
    let has_offset = text.get(10..).is_some_and(|rest| rest.contains(['Z', 'z', '+', '-']));
    let instant = if has_offset {
        text.parse::<Timestamp>().map_err(|_| TimeError::NotAnInstant)?
    } else {
        // A bare date is a day, not an instant: jiff would read it as midnight.
        if text.len() < 16 {
            return Err(TimeError::NotAnInstant);
        }
        let wall: DateTime = text.parse().map_err(|_| TimeError::NotAnInstant)?;
        match zone {
            Zone::Utc => TimeZone::UTC.to_timestamp(wall),
            Zone::Eastern => EASTERN.to_timestamp(wall),
        }
        .map_err(|_| TimeError::NotAnInstant)?
    };
    // Columns hold microseconds: what they cannot hold is refused, not rounded.
    match instant.round(Unit::Microsecond) {
        Ok(rounded) if rounded == instant => Ok(instant),
        _ => Err(TimeError::NotAnInstant),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str, zone: Zone) -> String {
        parse_instant(text, zone).map_or_else(|e| e.to_string(), |t| t.to_string())
    }

    #[test]
    fn eastern_wall_clock_follows_daylight_saving() {
        assert_eq!(instant("2026-01-15 12:00:00", Zone::Eastern), "2026-01-15T17:00:00Z");
        assert_eq!(instant("2026-07-15 12:00:00", Zone::Eastern), "2026-07-15T16:00:00Z");
        // clocks go back on 2026-11-01: the hour happens twice, the first one counts
        assert_eq!(instant("2026-11-01 01:30:00", Zone::Eastern), "2026-11-01T05:30:00Z");
        // clocks go forward on 2026-03-08: 02:30 never happens
        assert_eq!(instant("2026-03-08 02:30:00", Zone::Eastern), "2026-03-08T07:30:00Z");
    }

    #[test]
    fn an_offset_in_the_text_wins_over_the_zone() {
        assert_eq!(instant("2020-09-13T03:10:13Z", Zone::Eastern), "2020-09-13T03:10:13Z");
        assert_eq!(instant("2020-09-13T03:10:13+02:00", Zone::Utc), "2020-09-13T01:10:13Z");
        assert_eq!(instant("2020-09-13T03:10:13", Zone::Utc), "2020-09-13T03:10:13Z");
        assert_eq!(instant("2020-09-13T03:10:13.123456", Zone::Utc), "2020-09-13T03:10:13.123456Z");
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for bad in ["", "2020-09-13", "yesterday", "0000-00-00 00:00:00", "2020-09-13T03:10:13.1234567Z"] {
            assert_eq!(parse_instant(bad, Zone::Utc), Err(TimeError::NotAnInstant), "{bad:?}");
        }
        for bad in ["", "2020-9-13", "2020-02-30", "2020-09-13T00", "0000-00-00"] {
            assert_eq!(parse_date(bad), Err(TimeError::NotADate), "{bad:?}");
        }
    }

    #[test]
    fn a_day_is_cut_in_its_zone() {
        let late = "2026-04-01T02:00:00Z".parse().unwrap();
        assert_eq!(Zone::Utc.day_of(late).to_string(), "2026-04-01");
        assert_eq!(Zone::Eastern.day_of(late).to_string(), "2026-03-31");
        assert_eq!(Zone::Eastern.start_of(Zone::Eastern.day_of(late)).to_string(), "2026-03-31T04:00:00Z");
    }
}
