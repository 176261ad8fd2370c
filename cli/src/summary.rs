//! What became of the packets, in a few lines for people.

use std::fmt::Write as _;

use flowgauge::Report;
use flowgauge::streamer::reason_name;

/// A few lines as tcpdump ends with: packets and flows, and what of the packets is in no flow.
pub(crate) fn summary(report: &Report, live: bool) -> String {
    let done = if live { "captured" } else { "read" };
    let flows: u64 = report.records.values().sum();
    let mut text = String::new();
    line(&mut text, format_args!("{} {done}, {}", count(report.frames_read, "packet"), count(flows, "flow")));
    if report.filtered > 0 {
        line(&mut text, format_args!("{} left out by the filter", count(report.filtered, "packet")));
    }
    if report.withheld > 0 {
        line(&mut text, format_args!("{} left out by --keep-flows", count(report.withheld, "flow")));
    }
    let skipped: u64 = report.skipped.values().sum();
    if skipped > 0 {
        let reasons: Vec<_> =
            report.skipped.iter().map(|(reason, count)| format!("{count} {}", reason.name())).collect();
        line(&mut text, format_args!("{} skipped: {}", count(skipped, "packet"), reasons.join(", ")));
    }
    if live || report.dropped.kernel > 0 {
        line(&mut text, format_args!("{} dropped by kernel", count(report.dropped.kernel, "packet")));
    }
    if report.dropped.interface > 0 {
        line(&mut text, format_args!("{} dropped by interface", count(report.dropped.interface, "packet")));
    }
    text
}

/// The whole ledger, a line a number.
pub(crate) fn ledger(report: &Report) -> String {
    let mut text = String::new();
    let mut row = |name: &str, number: u64, bytes: Option<u64>| {
        let bytes = bytes.map_or_else(String::new, |bytes| format!("  {bytes:>15} bytes"));
        line(&mut text, format_args!("{name:<32} {number:>12}{bytes}"));
    };
    row("frames read", report.frames_read, Some(report.bytes_read));
    row("  filtered", report.filtered, Some(report.filtered_bytes));
    row("  skipped", report.skipped.values().sum(), Some(report.skipped_bytes));
    for (reason, number) in &report.skipped {
        row(&format!("    {}", reason.name()), *number, None);
    }
    row("  packets", report.packets, Some(report.packet_bytes));
    row("    in records", report.record_packets, Some(report.record_bytes));
    row("    in records withheld", report.withheld_packets, Some(report.withheld_bytes));
    row("    in living flows", report.living_packets, Some(report.living_bytes));
    row("records", report.records.values().sum(), None);
    for (reason, number) in &report.records {
        row(&format!("  {}", reason_name(*reason)), *number, None);
    }
    row("records withheld", report.withheld, None);
    row("living flows", report.living, None);
    row("evicted flows", report.evicted, None);
    row("packets out of order", report.out_of_order, None);
    row("stamps out of range", report.time_out_of_range, None);
    row("dropped by kernel", report.dropped.kernel, None);
    row("dropped by interface", report.dropped.interface, None);
    for note in &report.notes {
        line(&mut text, format_args!("note: {note}"));
    }
    text
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    writeln!(text, "{words}").expect("a string takes everything");
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_events_is_one_line() {
        let mut report = Report::default();
        assert_eq!(summary(&report, false), "0 packets read, 0 flows\n");
        report.frames_read = 1;
        assert_eq!(summary(&report, true), "1 packet captured, 0 flows\n0 packets dropped by kernel\n");
    }

    #[test]
    fn what_is_missing_is_told() {
        let mut report = Report::default();
        (report.frames_read, report.filtered, report.withheld) = (9, 2, 1);
        report.skipped.insert(flowgauge::packet::SkipReason::NotIp, 3);
        report.dropped.interface = 4;
        let told = "9 packets read, 0 flows\n2 packets left out by the filter\n1 flow left out by --keep-flows\n\
                    3 packets skipped: 3 not_ip\n4 packets dropped by interface\n";
        assert_eq!(summary(&report, false), told);
        let ledger = ledger(&report);
        assert!(ledger.contains("\n    not_ip                                  3\n"), "{ledger}");
    }
}
