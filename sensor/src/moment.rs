//! Moments of captures as those of messages.

use flowgauge::Timestamp;
use flowgauge_hub::Time;
use serde_json::value::RawValue;

/// The time of a message about what was captured at this moment, to the nanosecond. What is before 1970 or after the year 9999,
/// which no message can have, is this very moment.
pub(crate) fn time(stamp: Timestamp) -> Time {
    text(stamp).and_then(|text| Time::try_from(text).ok()).unwrap_or_else(Time::now)
}

fn text(stamp: Timestamp) -> Option<Box<RawValue>> {
    let nanos = u64::try_from(stamp.as_nanos()).ok()?;
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    RawValue::from_string(format!("{seconds}.{rest:09}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_keeps_its_nanoseconds() {
        let text = Box::<RawValue>::from(time(Timestamp::from_nanos(1_581_113_120_000_000_042)));
        assert_eq!(text.get(), "1581113120.000000042");
    }

    #[test]
    fn what_no_message_can_have_is_now() {
        for nanos in [-1, i64::MIN] {
            assert!(time(Timestamp::from_nanos(nanos)).seconds() > 1.7e9);
        }
    }
}
