//! The command as a user runs it, and captures to run it on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// What a run of the command came to.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// The records, each from its line of JSON.
    #[track_caller]
    pub(crate) fn records(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The ledger, from the line of standard error that is one.
    #[track_caller]
    pub(crate) fn ledger(&self) -> Value {
        let line = self.err.lines().find(|line| line.starts_with('{'));
        serde_json::from_str(line.unwrap_or_else(|| panic!("no ledger: {}", self.err))).unwrap()
    }

    /// Fails unless the command succeeded with no word but its summary.
    #[track_caller]
    pub(crate) fn quiet(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.err);
        let (first, _) = self.err.split_once('\n').unwrap_or_default();
        assert!(first.contains(" packet") && first.contains(" read, "), "{}", self.err);
        assert!(self.err.lines().all(|line| line.starts_with(|c: char| c.is_ascii_digit())), "{}", self.err);
        self
    }

    /// Fails unless the command succeeded without a word.
    #[track_caller]
    pub(crate) fn silent(self) -> Self {
        assert_eq!((self.code, self.err.as_str()), (0, ""));
        self
    }

    /// What the command said as an error, which must be one line.
    #[track_caller]
    pub(crate) fn message(&self) -> String {
        let lines: Vec<_> = self.err.lines().filter_map(|line| line.strip_prefix("flowgauge: ")).collect();
        assert_eq!((self.code, lines.len()), (1, 1), "{}", self.err);
        lines[0].to_owned()
    }
}

pub(crate) fn flowgauge() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowgauge"));
    command.stdin(Stdio::null());
    command
}

/// Runs the command with these arguments, split at blanks, in the folder of the project's captures.
pub(crate) fn run(arguments: &str) -> Run {
    Run::of(&flowgauge().args(arguments.split_whitespace()).current_dir(data("")).output().unwrap())
}

/// Runs a line of shell in the folder of the project's captures, where `$F` is the command.
pub(crate) fn shell(line: &str) -> Run {
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("F", env!("CARGO_BIN_EXE_flowgauge")).stdin(Stdio::null()).current_dir(data(""));
    Run::of(&command.output().unwrap())
}

/// Runs a line of shell likewise, on a terminal with so many columns, and gives all that it shows, without the carriage
/// returns; `None` where there is no program `script` that makes one.
pub(crate) fn on_terminal(columns: u16, line: &str) -> Option<Run> {
    let line = format!("stty rows 24 cols {columns} && {line}");
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env("F", env!("CARGO_BIN_EXE_flowgauge")).current_dir(data(""));
    match command.stdin(Stdio::null()).output() {
        Ok(output) => {
            let mut run = Run::of(&output);
            run.out = run.out.replace("\r\r\n", "\n").replace("\r\n", "\n");
            Some(run)
        }
        Err(error) => {
            eprintln!("skipped: no terminal (script: {error})");
            None
        }
    }
}

/// One of the project's captures.
pub(crate) fn data(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data")).join(name)
}

/// The names of what lies in a folder, in their order.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// Sends a signal to a process of ours.
pub(crate) fn signal(name: &str, process: u32) {
    let status = Command::new("sh").args(["-c", &format!("kill -s {name} {process}")]).status().unwrap();
    assert!(status.success());
}

/// Waits until `done`, for ten seconds at most.
#[track_caller]
pub(crate) fn await_that(what: &str, mut done: impl FnMut() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < Duration::from_secs(10), "waited in vain until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A pcap file of UDP packets, a microsecond apart; each number is a flow.
pub(crate) fn pcap(flows: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let mut file = pcap_header(65_535, 1);
    for (n, flow) in (0u32..).zip(flows) {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10];
        frame.extend(&flow.to_be_bytes()[1..]);
        frame.extend([10, 255, 255, 255, 0, 53, 0, 53, 0, 8, 0, 0]);
        for field in [n / 1_000_000, n % 1_000_000, frame.len() as u32, frame.len() as u32] {
            file.extend(field.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

/// A pcap file of one request of HTTP/1.1 with this user agent.
pub(crate) fn request(user_agent: &[u8]) -> Vec<u8> {
    let payload = [b"GET / HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: ", user_agent, b"\r\n\r\n"].concat();
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
    frame.extend(u16::try_from(40 + payload.len()).unwrap().to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 80, 0xc0, 1, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1]);
    frame.extend([0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend(payload);
    let mut file = pcap_header(65_535, 1);
    for field in [1, 0, frame.len() as u32, frame.len() as u32] {
        file.extend(field.to_le_bytes());
    }
    file.extend(frame);
    file
}

/// The header of a pcap file.
pub(crate) fn pcap_header(snaplen: u32, link_type: u32) -> Vec<u8> {
    let mut header = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    header.extend(snaplen.to_le_bytes());
    header.extend(link_type.to_le_bytes());
    header
}
