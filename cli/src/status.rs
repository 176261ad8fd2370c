//! Exit statuses, as docs/command.md has them.

use flowgauge::Error;

/// Success, also when whoever reads along wants no more.
pub(crate) const DONE: u8 = 0;
/// An error, or of `verify` something that differs.
pub(crate) const FAILED: u8 = 1;
/// An argument that does not fit.
pub(crate) const USAGE: u8 = 2;
/// Ctrl-C, as shells tell of a program that it ended: 128 and the number of the signal.
pub(crate) const INTERRUPTED: u8 = 130;

/// That of an error. An option out of range is as wrong as one that does not exist.
pub(crate) fn of(error: &Error) -> u8 {
    if matches!(error, Error::Option { .. } | Error::Expression { .. }) { USAGE } else { FAILED }
}
