//! How far reading is, on a terminal.

use std::time::{Duration, Instant};

use flowgauge::streamer::ReportHandle;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

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
        let (bytes, packets) = (report.bytes_read, report.frames_read);
        self.line.set_message(words(bytes, packets, self.flows, self.began.elapsed()));
        self.line.tick();
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        self.line.finish_and_clear();
    }
}

fn words(bytes: u64, packets: u64, flows: u64, took: Duration) -> String {
    let rate = packets as f64 / took.as_secs_f64().max(1e-3);
    let (bytes, packets, flows) = (HumanBytes(bytes), HumanCount(packets), HumanCount(flows));
    format!("{bytes}, {packets} packets, {} packets/s, {flows} flows", HumanCount(rate as u64))
}

const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        let line = words(3 << 20, 1_234_567, 89, Duration::from_secs(2));
        assert_eq!(line, "3.00 MiB, 1,234,567 packets, 617,283 packets/s, 89 flows");
        assert_eq!(words(0, 0, 0, Duration::ZERO), "0 B, 0 packets, 0 packets/s, 0 flows");
    }
}
