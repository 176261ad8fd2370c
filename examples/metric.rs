//! Metrics of one's own, folded over the packets of each flow: `cargo run --example metric -- tests/data/web.pcap`.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::time::Duration;

use flowgauge::{ExportReason, Metric, Result, Streamer};

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "tests/data/web.pcap".to_owned());
    // A value that starts somewhere, and what a packet does to it. Counters of the flow are already up to date.
    let syns = Metric::fold(|| 0u64, |n, packet, _flow| *n += u64::from(packet.tcp_flags().syn()));
    let largest = Metric::fold(|| 0u32, |most, packet, _flow| *most = (*most).max(packet.size()));
    // A metric may end the flow with the packet it looks at, with a reason of its own from 16 on.
    let enough = ExportReason::user(16);
    let first_ten = Metric::try_fold(
        || 0u64,
        move |n, packet, flow| {
            *n += packet.payload().len() as u64;
            Ok(if flow.total().pkts == 10 { enough } else { None })
        },
    );
    let flows = Streamer::from_file(path)
        .inactive_timeout(Duration::from_secs(60))
        .metric("syns", syns)
        .metric("largest", largest)
        .metric("payload_of_ten", first_ten)
        .start()?;
    for record in flows {
        println!("{}", record?);
    }
    Ok(())
}
