//! Frame count, stamps and lengths against tshark, on the shared corpus; skipped where either is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use flowgauge::Timestamp;
use flowgauge::capture::file::Input;

use crate::support::reading::read_inputs;

/// Every how many of the captures of a folder are compared; the variable `FLOWGAUGE_EVERY_CAPTURE` makes it all of them.
const SAMPLE: usize = 12;

/// Mutated fields: microseconds above a million and a wire length above 2^31, which overflow in tshark's own output.
const OVERFLOWS_IN_TSHARK: &str = "fuzz-2021-06-07-c6c72a0a56.pcap";

fn sample(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(folder);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: {} is not there", folder.display());
        return Vec::new();
    };
    let mut captures: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    captures.retain(|path| path.extension().is_some_and(|name| name == "pcap" || name == "pcapng" || name == "cap"));
    captures.retain(|path| !path.ends_with(OVERFLOWS_IN_TSHARK));
    captures.sort();
    let step = if std::env::var_os("FLOWGAUGE_EVERY_CAPTURE").is_some() { 1 } else { SAMPLE };
    captures.into_iter().step_by(step).collect()
}

/// What tshark says of each frame: `seconds.nanoseconds wire captured`.
fn tshark(path: &Path) -> Option<Vec<String>> {
    let fields = ["-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len"];
    // Without dissection of what is inside, for speed.
    let output = Command::new("tshark")
        .args(["--disable-protocol", "ip", "--disable-protocol", "ipv6", "-n", "-r"])
        .arg(path)
        .args(["-T", "fields", "-E", "separator= "])
        .args(fields)
        .output()
        .ok()?;
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn frames_stamps_and_lengths_are_those_of_tshark() {
    for path in sample("corpus").into_iter().chain(sample("conformance/quirks")) {
        let Some(expected) = tshark(&path) else {
            eprintln!("skipped: tshark is not there");
            return;
        };
        let (frames, _) = read_inputs(vec![Input::Path(path.clone())]);
        assert_eq!(frames.len(), expected.len(), "{}", path.display());
        for (number, (frame, expected)) in frames.iter().zip(&expected).enumerate() {
            // tshark counts seconds in 64 bits; ours saturate beyond 2262.
            let (stamp, lengths) = expected.split_once(' ').unwrap();
            let seconds: i64 = stamp.split('.').next().unwrap().parse().unwrap();
            assert_eq!(frame.time_out_of_range, seconds > i64::MAX / 1_000_000_000, "{}", path.display());
            let stamp = if frame.time_out_of_range { Timestamp::MAX.to_string() } else { stamp.to_owned() };
            let told = format!("{} {} {}", frame.stamp, frame.wire_len, frame.data.len());
            assert_eq!(told, format!("{stamp} {lengths}"), "{} frame {}", path.display(), number + 1);
        }
    }
}
