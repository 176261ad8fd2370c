//! A network of a test's own: the test runs again in a child, inside a network namespace where it may do everything.
//!
//! As a user without rights this works through a user namespace, as root also where those are forbidden. Where neither
//! works a test says that it is skipped; with `CI=true` that is a failure.

use std::process::Command;
use std::sync::OnceLock;

/// Runs `test`, the whole of a test, in a namespace with the interfaces `lo`, `veth0` and `veth1`, all up. The last two
/// are the ends of one wire.
pub(crate) fn in_namespace<F: FnOnce()>(test: F) {
    in_namespace_under(&[], test);
}

/// The same, with a command before the child's own, such as one that takes rights away.
pub(crate) fn in_namespace_under<F: FnOnce()>(command: &[&str], test: F) {
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    // The name of the test is that of the closure's home.
    let name = std::any::type_name::<F>().split_once("::").expect("a closure has a home").1;
    let name = name.trim_end_matches("::{{closure}}");
    let Some(unshare) = way_in() else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "no network namespace can be made, but CI needs one");
        eprintln!("skipped: {name} (no network namespace can be made here)");
        return;
    };
    let child = Command::new(unshare[0])
        .args(&unshare[1..])
        .args(["sh", "-c", &format!("{SET_UP} && exec \"$@\"",), "sh"])
        .args(command)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads", "1"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    err.lines().filter(|line| line.starts_with("skipped:")).for_each(|line| eprintln!("{line}"));
    // A child that found no test of this name would be content, too.
    assert!(child.status.success() && out.contains("1 passed"), "in the namespace: {}\n{out}\n{err}", child.status);
}

/// Runs a shell command that must succeed.
#[track_caller]
pub(crate) fn shell(command: &str) {
    let status = Command::new("sh").args(["-ec", command]).status().unwrap();
    assert!(status.success(), "{command}: {status}");
}

/// The command that opens a namespace here, if there is one.
fn way_in() -> Option<&'static [&'static str]> {
    static WAY: OnceLock<Option<&'static [&'static str]>> = OnceLock::new();
    *WAY.get_or_init(|| {
        let ways: [&[&str]; 2] = [&["unshare", "--user", "--map-root-user", "--net"], &["unshare", "--net"]];
        ways.into_iter().find(|way| {
            let tried = Command::new(way[0]).args(&way[1..]).args(["sh", "-c", SET_UP]).output();
            tried.is_ok_and(|tried| tried.status.success())
        })
    })
}

/// Without addresses the kernel has nothing of its own to say on the wire.
const SET_UP: &str = "ip link set lo up \
    && ip link add veth0 type veth peer name veth1 \
    && ip link set veth0 addrgenmode none && ip link set veth1 addrgenmode none \
    && ip link set veth0 up && ip link set veth1 up";

const INSIDE: &str = "FLOWGAUGE_TEST_NAMESPACE";
