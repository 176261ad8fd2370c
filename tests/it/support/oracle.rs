//! Other programs to compare with, where they are installed.

use std::process::{Command, Stdio};

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
