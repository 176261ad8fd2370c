//! Dates as text, of which many in a row are in the same second.

use crate::time::Timestamp;

/// Writes moments as `2015-09-07 19:08:34`, in UTC.
#[derive(Debug)]
pub(super) struct Dates {
    second: i64,
    text: [u8; 19],
}

impl Dates {
    /// The date and time of day of this moment.
    #[inline]
    pub(super) fn text(&mut self, stamp: Timestamp) -> &[u8; 19] {
        let second = stamp.as_nanos().div_euclid(1_000_000_000);
        if second != self.second {
            self.second = second;
            self.text = written(stamp);
        }
        &self.text
    }

    /// The same, and the microseconds behind a point.
    pub(super) fn with_micros(&mut self, stamp: Timestamp, out: &mut Vec<u8>) {
        out.extend_from_slice(self.text(stamp));
        let micros = stamp.as_nanos().rem_euclid(1_000_000_000) / 1_000;
        out.extend_from_slice(format!(".{micros:06}").as_bytes());
    }
}

impl Default for Dates {
    fn default() -> Self {
        Self { second: 0, text: *b"1970-01-01 00:00:00" }
    }
}

fn written(stamp: Timestamp) -> [u8; 19] {
    let [year, month, day, hour, minute, second] = stamp.as_utc();
    let mut text = *b"0000-00-00 00:00:00";
    for (place, digits, mut number) in
        [(0, 4, year), (5, 2, month), (8, 2, day), (11, 2, hour), (14, 2, minute), (17, 2, second)]
    {
        for digit in text[place..place + digits].iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates_also_before_1970() {
        let mut dates = Dates::default();
        let mut at = |nanos: i64| String::from_utf8(dates.text(Timestamp::from_nanos(nanos)).to_vec()).unwrap();
        assert_eq!(at(0), "1970-01-01 00:00:00");
        assert_eq!(at(999_999_999), "1970-01-01 00:00:00");
        assert_eq!(at(-1), "1969-12-31 23:59:59");
        assert_eq!(at(1_441_652_914_000_000_000), "2015-09-07 19:08:34");
        assert_eq!(at(i64::MAX), "2262-04-11 23:47:16");
        assert_eq!(at(i64::MIN), "1677-09-21 00:12:43");
        let mut out = Vec::new();
        dates.with_micros(Timestamp::from_nanos(-1), &mut out);
        assert_eq!(out, b"1969-12-31 23:59:59.999999");
    }
}
