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
