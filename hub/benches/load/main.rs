//! What a hub carries, how late it is, and what it costs.
//!
//! `cargo bench -p flowgauge-hub --bench load [-- --quick] [-- CASE…]`. The hub is this program once more, in a process of its
//! own, so that its CPU time and memory are measured alone; publisher and subscribers share one thread of this one, and read
//! frames without looking at most of them. All of it is on this machine, so on two cores they take from each other: what
//! else runs there lowers the figures, and the best of several runs is the one to believe.
//!
//! Cases: `deliveries`, `fanout`, `stuck`, `memory`; all without one. Latency is from when a message was due to be sent until
//! its subscriber has read it.

#![expect(clippy::print_stdout, reason = "a benchmark shows what it measured")]

mod cases;
mod child;
mod crowd;
mod publisher;
mod wire;

use std::io;

/// How long things take, and how often they are done.
struct Scale {
    seconds: f64,
    rounds: usize,
    /// Subscribers of a large hub.
    many: usize,
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == child::ARGUMENT) {
        return child::serve();
    }
    // Cargo's own test runs the benches too, and only wants to see that they start.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let scale = if quick {
        Scale { seconds: 2.0, rounds: 2, many: 1000 }
    } else {
        Scale { seconds: 5.0, rounds: 3, many: 1000 }
    };
    let wanted: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let wants = |case: &str| wanted.is_empty() || wanted.iter().any(|one| *one == case);

    let load = || std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    println!("{cores} cores; load before: {}", load().trim());
    println!("messages of {} bytes; CPU is the hub's, memory its peak\n", wire::MESSAGE_BYTES);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        if wants("deliveries") {
            cases::deliveries(&scale).await?;
        }
        if wants("fanout") {
            cases::fanout(&scale).await?;
        }
        if wants("stuck") {
            cases::stuck(&scale).await?;
        }
        if wants("memory") {
            cases::memory(&scale).await?;
        }
        println!("load after, with its own: {}", load().trim());
        Ok(())
    })
}
