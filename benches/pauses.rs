//! How long the capture thread stands still when a million flows are due at once.
//!
//! `cargo bench --bench pauses`. A source notes the time from when it handed a batch over until it is asked for the next:
//! what the kernel's buffer would have to hold meanwhile on a wire. Flows of one packet each, a silence of an hour, then
//! more packets, while all that came before leaves. Whatever else runs on the machine lengthens the longest, so the
//! shortest of five runs is told, beside the median of the times between batches.

#![expect(clippy::print_stdout, reason = "a benchmark shows what it measured")]

mod traffic;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flowgauge::capture::memory::MemorySource;
use flowgauge::capture::{Captured, FrameBatch, PacketSource};
use flowgauge::{Result, Streamer};

const DUE: u32 = 1_000_000;
const AFTER: u32 = 200_000;
const RUNS: usize = 5;

/// Notes how long it was left alone before each batch.
struct Timed {
    source: MemorySource,
    handed_over: Option<Instant>,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl PacketSource for Timed {
    fn next_batch(&mut self, batch: &mut FrameBatch) -> Result<Captured> {
        if let Some(handed_over) = self.handed_over {
            let waited = handed_over.elapsed();
            self.waits.lock().expect("nobody panics with it").push(waited);
        }
        let captured = self.source.next_batch(batch);
        self.handed_over = Some(Instant::now());
        captured
    }
}

fn main() {
    // Cargo's own test runs the benches too, and only wants to see that they start.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut frames = traffic::round_of_flood(0..DUE, 0);
    frames.extend(
        traffic::round_of_flood(DUE..DUE + AFTER, 0)
            .into_iter()
            .map(|(stamp, frame)| (stamp.saturating_add(Duration::from_secs(3600)), frame)),
    );
    println!("{DUE} flows due at once: times between two batches of {} packets while they leave", traffic::BATCH);
    for workers in [0, 1, 2] {
        let (longest, median) = (0..RUNS).map(|_| run(&frames, workers)).min().expect("there are runs");
        println!(
            "workers({workers})  longest {:9.3} ms  median {:7.3} ms",
            milliseconds(longest),
            milliseconds(median)
        );
    }
}

/// The longest and the median time between batches after the silence.
fn run(frames: &[traffic::Stamped], workers: usize) -> (Duration, Duration) {
    let waits = Arc::new(Mutex::new(Vec::new()));
    let source = Timed { source: traffic::source(frames), handed_over: None, waits: Arc::clone(&waits) };
    let flows = Streamer::from_source(source).n_dissections(0).workers(workers).start().expect("memory opens");
    assert_eq!(flows.count(), (DUE + AFTER) as usize);
    let mut waits = waits.lock().expect("nobody panicked with it").split_off(DUE as usize / traffic::BATCH - 1);
    waits.sort_unstable();
    (waits[waits.len() - 1], waits[waits.len() / 2])
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
