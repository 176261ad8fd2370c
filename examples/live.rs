//! Flows of an interface for a while: `sudo target/debug/examples/live eth0 10` (seconds).
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::thread;
use std::time::Duration;

use flowgauge::{Result, Streamer};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let interface = arguments.next().unwrap_or_else(|| "lo".to_owned());
    let seconds = arguments.next().and_then(|seconds| seconds.parse().ok()).unwrap_or(10);
    let mut flows = Streamer::from_interface(interface).inactive_timeout(Duration::from_secs(5)).start()?;
    let handle = flows.stop_handle();
    thread::spawn(move || {
        thread::sleep(Duration::from_secs(seconds));
        // What was read by then is still metered, and every flow leaves.
        handle.stop();
    });
    for record in flows.by_ref() {
        println!("{}", record?);
    }
    let report = flows.report();
    eprintln!("lost in the kernel {}, in the interface {}", report.dropped.kernel, report.dropped.interface);
    report.check()
}
