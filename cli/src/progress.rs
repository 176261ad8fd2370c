//! How far reading is, on a terminal.

use std::time::{Duration, Instant};

use flowgauge::streamer::ReportHandle;
use indicatif::{FormattedDuration, HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A line on standard error that says what was read, how fast, and how many flows there are. What is no terminal does not
/// see it.
#[derive(Debug)]
pub(crate) struct Progress {
    line: ProgressBar,
    report: ReportHandle,
    began: Instant,
    looked: Option<Instant>,
    /// The most flows that were seen: those on their way between threads are in no report.
    flows: u64,
}

impl Progress {
    pub(crate) fn new(report: ReportHandle) -> Self {
        let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{spinner} {elapsed_precise} {wide_msg}");
        line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { line, report, began: Instant::now(), looked: None, flows: 0 }
    }

    /// Looks at the report, if it was not looked at just before.
    pub(crate) fn look(&mut self) {
        if self.looked.is_some_and(|looked| looked.elapsed() < PAUSE) {
            return;
        }
        self.looked = Some(Instant::now());
        let report = self.report.report();
        self.flows = self.flows.max(report.records.values().sum::<u64>() + report.withheld + report.living);
        let bytes = (report.source_bytes_read.unwrap_or(report.bytes_read), report.source_bytes);
        self.line.set_message(words(bytes, report.frames_read, self.flows, self.began.elapsed()));
        self.line.tick();
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        self.line.finish_and_clear();
    }
}

/// Bytes are those read and, where that is known, how many there are.
fn words((read, all): (u64, Option<u64>), packets: u64, flows: u64, took: Duration) -> String {
    let rate = packets as f64 / took.as_secs_f64().max(1e-3);
    // A file that grows has more than it had.
    let (of, left) = match all.map(|all| all.max(read)) {
        Some(all) if all > 0 => (of_all(read, all), left(read, all, took)),
        _ => (String::new(), String::new()),
    };
    let (read, packets, flows) = (HumanBytes(read), HumanCount(packets), HumanCount(flows));
    format!("{read}{of}, {packets} packets, {} packets/s, {flows} flows{left}", HumanCount(rate as u64))
}

fn of_all(read: u64, all: u64) -> String {
    let percent = u128::from(read) * 100 / u128::from(all);
    format!(" of {} ({percent} %)", HumanBytes(all))
}

/// The time that the rest takes, as what was read did; nothing is said before that can be told.
fn left(read: u64, all: u64, took: Duration) -> String {
    if read == 0 || took < SOON {
        return String::new();
    }
    let seconds = took.as_secs_f64() * (all - read) as f64 / read as f64;
    format!(", {} left", FormattedDuration(Duration::try_from_secs_f64(seconds.ceil()).unwrap_or(Duration::MAX)))
}

/// After less than this, nothing can be told of the rest.
const SOON: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        let two = Duration::from_secs(2);
        let line = words((3 << 20, None), 1_234_567, 89, two);
        assert_eq!(line, "3.00 MiB, 1,234,567 packets, 617,283 packets/s, 89 flows");
        assert_eq!(words((0, None), 0, 0, Duration::ZERO), "0 B, 0 packets, 0 packets/s, 0 flows");
        let line = words((3 << 20, Some(12 << 20)), 10, 1, two);
        assert_eq!(line, "3.00 MiB of 12.00 MiB (25 %), 10 packets, 5 packets/s, 1 flows, 00:00:06 left");
    }

    #[test]
    fn what_is_left_is_told_when_it_can_be_known() {
        let ends = |read, all, took: Duration| {
            let line = words((read, all), 1, 1, took);
            line.split_once(" flows").map(|(_, left)| left.to_owned()).unwrap()
        };
        let second = Duration::from_secs(1);
        assert_eq!(ends(1, Some(2), Duration::from_millis(999)), "");
        assert_eq!(ends(0, Some(2), second), "");
        assert_eq!(ends(2, Some(2), second), ", 00:00:00 left");
        // More than there were.
        assert_eq!(ends(3, Some(2), second), ", 00:00:00 left");
        assert_eq!(ends(0, Some(0), second), "");
        assert!(ends(1, Some(u64::MAX), Duration::MAX).ends_with(" left"));
    }
}
