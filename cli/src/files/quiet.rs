//! Panics of another crate's reader: caught, and without what a panic says on standard error.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;

/// What `read` gives; `Err` when it panicked, with what it panicked with.
///
/// The hook that all panics of the program go through is replaced once, by one that hands on all but those in here.
pub(super) fn caught<T>(read: impl FnOnce() -> T) -> thread::Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            if !QUIET.try_with(Cell::get).unwrap_or(false) {
                usual(panicked);
            }
        }));
    });
    let before = QUIET.replace(true);
    let read = panic::catch_unwind(AssertUnwindSafe(read));
    QUIET.set(before);
    read
}

thread_local! {
    /// Whether this thread is in here.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::env;
    use std::process::Command;

    /// Standard error belongs to the whole process, so another one panics: this very test, told to by its environment.
    #[test]
    fn a_panic_that_is_caught_says_nothing_and_any_other_does() {
        if env::var_os(PANICS).is_some() {
            assert_eq!(caught(|| 7).ok(), Some(7));
            assert!(caught(|| panic!("a quiet one")).is_err());
            panic!("a loud one");
        }
        let name = "files::quiet::tests::a_panic_that_is_caught_says_nothing_and_any_other_does";
        let mut again = Command::new(env::current_exe().unwrap());
        let told = again.args(["--exact", name, "--nocapture"]).env(PANICS, "1").output().unwrap();
        let told = String::from_utf8(told.stderr).unwrap();
        assert!(told.contains("a loud one") && !told.contains("a quiet one"), "{told}");
    }

    const PANICS: &str = "FLOWGAUGE_TEST_PANICS";
}
