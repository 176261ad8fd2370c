//! Other programs to compare with, where they are installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Whether `program` runs; if not, a line says so, and with `CI=true` the test fails.
#[track_caller]
pub(crate) fn there(program: &str, arguments: &[&str]) -> bool {
    let ran = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if ran.is_ok() {
        return true;
    }
    let message = format!("skipped: {program} is not installed (scripts/setup --oracles installs it)");
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{message}");
    eprintln!("{message}");
    false
}

/// What tshark prints of each frame: the values of each of `fields`, in their order. Its own settings lie in `profile`.
pub(crate) fn tshark(path: &Path, profile: &Path, arguments: &[&str], fields: &[&str]) -> Vec<Vec<Vec<String>>> {
    let mut command = Command::new("tshark");
    command.env("WIRESHARK_CONFIG_DIR", profile).arg("-n").arg("-r").arg(path).args(arguments);
    command.args(["-T", "fields", "-E", "separator=\x1e", "-E", "aggregator=\x1f"]);
    let output = command.args(fields.iter().flat_map(|field| ["-e", field])).output().unwrap();
    let all = |cell: &str| cell.split('\x1f').filter(|value| !value.is_empty()).map(str::to_owned).collect();
    String::from_utf8_lossy(&output.stdout).lines().map(|line| line.split('\x1e').map(all).collect()).collect()
}

/// What `compare` says of each capture, beside its name; two captures are looked at at a time, in no order.
pub(crate) fn by_two<T: Clone + Send>(captures: &[PathBuf], compare: impl Fn(&Path) -> T + Sync) -> Vec<(String, T)> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut compared = Vec::new();
        while let Some(path) = captures.get(next.fetch_add(1, Ordering::Relaxed)) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            compared.push((name, compare(path)));
        }
        compared
    };
    std::thread::scope(|scope| {
        let two = [scope.spawn(work), scope.spawn(work)];
        two.map(|thread| thread.join().unwrap()).concat()
    })
}
