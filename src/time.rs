//! Timestamps and the clock of a capture: nanoseconds since the Unix epoch, in packet time only.

use std::fmt;
use std::time::Duration;

/// A moment: signed nanoseconds since 1970-01-01T00:00:00Z, about 1677 to 2262; beyond that it saturates.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest moment that can be told.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest moment that can be told.
    pub const MAX: Self = Self(i64::MAX);

    /// The moment `nanos` nanoseconds after the epoch.
    #[inline]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The moment `millis` milliseconds after the epoch, saturating.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the epoch.
    #[inline]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch, rounded down.
    #[inline]
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Year, month, day, hour, minute and second in UTC (proleptic Gregorian calendar), rounded down.
    pub const fn as_utc(self) -> [u16; 6] {
        let seconds = self.0.div_euclid(1_000_000_000);
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Years that begin in March, so that leap days come last.
        let days = days + DAYS_TO_1970;
        let (era, day_of_era) = (days.div_euclid(DAYS_OF_ERA), days.rem_euclid(DAYS_OF_ERA));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = era * 400 + year_of_era + (month <= 2) as i64;
        // Years from 1677 to 2262, and what is smaller.
        [
            year as u16,
            month as u16,
            day as u16,
            (second / 3_600) as u16,
            (second / 60 % 60) as u16,
            (second % 60) as u16,
        ]
    }

    /// Nanoseconds from `earlier` to here; 0 when `earlier` is later.
    #[inline]
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        if self.0 > earlier.0 { self.0.wrapping_sub(earlier.0) as u64 } else { 0 }
    }

    /// Nanoseconds from `earlier` to here, negative when `earlier` is later; `None` beyond 64 bits.
    #[inline]
    pub const fn nanos_after(self, earlier: Self) -> Option<i64> {
        self.0.checked_sub(earlier.0)
    }

    /// The moment `duration` later, saturating.
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// The moment `nanos` nanoseconds later, saturating.
    #[inline]
    pub const fn saturating_add_nanos(self, nanos: u64) -> Self {
        Self(self.0.saturating_add_unsigned(nanos))
    }

    /// The moment `duration` earlier, saturating.
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }
}

/// `1555969081.636000000`: seconds and nine digits.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
    }
}

/// Of the 400 years after which the calendar repeats.
const DAYS_OF_ERA: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_span_the_whole_range() {
        assert_eq!(Timestamp::MAX.nanos_since(Timestamp::MIN), u64::MAX);
        assert_eq!(Timestamp::MIN.nanos_since(Timestamp::MAX), 0);
        assert_eq!(Timestamp::MIN.nanos_after(Timestamp::MAX), None);
        assert_eq!(Timestamp::from_nanos(3).nanos_after(Timestamp::from_nanos(5)), Some(-2));
    }

    #[test]
    fn milliseconds_round_down_before_the_epoch_too() {
        assert_eq!(Timestamp::from_nanos(-1).as_millis(), -1);
        assert_eq!(Timestamp::from_nanos(1_999_999).as_millis(), 1);
    }

    #[test]
    fn moments_are_dates() {
        let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000).as_utc();
        assert_eq!(at(0), [1970, 1, 1, 0, 0, 0]);
        assert_eq!(at(951_782_400), [2000, 2, 29, 0, 0, 0]);
        assert_eq!(at(951_868_800), [2000, 3, 1, 0, 0, 0]);
        assert_eq!(at(4_107_542_399), [2100, 2, 28, 23, 59, 59]);
        assert_eq!(at(4_107_542_400), [2100, 3, 1, 0, 0, 0]);
        assert_eq!(Timestamp::from_nanos(-1).as_utc(), [1969, 12, 31, 23, 59, 59]);
        assert_eq!(Timestamp::MIN.as_utc(), [1677, 9, 21, 0, 12, 43]);
        assert_eq!(Timestamp::MAX.as_utc(), [2262, 4, 11, 23, 47, 16]);
    }

    #[test]
    fn sums_saturate() {
        assert_eq!(Timestamp::MAX.saturating_add(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.saturating_sub(Duration::MAX), Timestamp::MIN);
        assert_eq!(Timestamp::MAX.saturating_add_nanos(u64::MAX), Timestamp::MAX);
    }

    #[test]
    fn display_shows_seconds_and_nanoseconds() {
        assert_eq!(Timestamp::from_nanos(1_500_000_001).to_string(), "1.500000001");
        assert_eq!(Timestamp::from_nanos(-1).to_string(), "-0.000000001");
    }
}
