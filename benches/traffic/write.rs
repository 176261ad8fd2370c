//! Writes the traffic of the benchmarks into captures: `cargo run --example traffic -- DIR [PER_CENT]`
//!
//! mix.pcap, elephant.pcap and flood.pcap, the same bytes at every run. What is there with the right name stays.

mod application;
mod frame;
#[allow(dead_code)]
mod random;
mod session;
#[allow(dead_code)]
mod workload;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use workload::Sink;

const SESSIONS: u64 = 40_000;
const ELEPHANT_FRAMES: u64 = 300_000;
const FLOOD_FLOWS: u64 = 125_000;
/// Seconds since the epoch of the first frame.
const BEGINNING: u64 = 1_700_000_000;
const NANOS: u64 = 1_000_000_000;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = || io::Error::other("usage: traffic DIR [PER_CENT]");
    let folder = arguments.first().map(Path::new).ok_or_else(usage)?;
    let per_cent: u64 = arguments.get(1).map_or(Ok(100), |text| text.parse()).map_err(|_| usage())?;
    let scaled = |count: u64| (count * per_cent / 100).max(1);
    fs::create_dir_all(folder)?;
    capture(folder, "mix.pcap", |sink| session::mix_of(scaled(SESSIONS) as u32, sink))?;
    capture(folder, "elephant.pcap", |sink| workload::elephant(scaled(ELEPHANT_FRAMES) as usize, sink))?;
    capture(folder, "flood.pcap", |sink| workload::flood(scaled(FLOOD_FLOWS) as u32, sink))
}

/// A capture of what `traffic` gives, which gets its name when it is whole.
fn capture(folder: &Path, name: &str, traffic: impl FnOnce(Sink<'_>)) -> io::Result<()> {
    let path = folder.join(name);
    if path.exists() {
        return Ok(());
    }
    let part = folder.join(format!("{name}.part"));
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&part)?);
    let header = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1];
    header.iter().try_for_each(|word| file.write_all(&word.to_le_bytes()))?;
    let mut result = Ok(());
    traffic(&mut |nanos, frame| {
        if result.is_ok() {
            result = record(&mut file, nanos, frame);
        }
    });
    result?;
    file.into_inner()?.sync_all()?;
    fs::rename(part, path)
}

fn record(file: &mut impl Write, nanos: u64, frame: &[u8]) -> io::Result<()> {
    let length = frame.len() as u32;
    let header = [(BEGINNING + nanos / NANOS) as u32, (nanos % NANOS / 1000) as u32, length, length];
    header.iter().try_for_each(|word| file.write_all(&word.to_le_bytes()))?;
    file.write_all(frame)
}
