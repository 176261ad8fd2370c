//! Flows and packets by application: `cargo run --example count -- tests/data/web.pcap`.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::collections::BTreeMap;

use flowgauge::{Result, Streamer};

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "tests/data/web.pcap".to_owned());
    let mut applications = BTreeMap::<String, (u64, u64)>::new();
    let mut flows = Streamer::from_file(path).start()?;
    for record in flows.by_ref() {
        let record = record?;
        let (count, pkts) = applications.entry(record.application_name().unwrap_or("-").to_owned()).or_default();
        *count += 1;
        *pkts += record.total().pkts;
    }
    println!("{:<24} {:>8} {:>8}", "application", "flows", "packets");
    for (name, (count, pkts)) in &applications {
        println!("{name:<24} {count:>8} {pkts:>8}");
    }
    // Every frame is in one of these flows, or in the ledger with the reason why not.
    eprintln!("{}", flows.report());
    flows.report().check()
}
