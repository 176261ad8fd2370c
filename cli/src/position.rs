//! Where a run stopped, in a file, so that the next piece of the capture goes on from there.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use flowgauge::export::PartFile;
use flowgauge::packet::Position;
use flowgauge::{Error, Result};

/// Reads the file of --after.
///
/// # Errors
///
/// What to tell the user.
pub(crate) fn read(path: &Path) -> std::result::Result<Position, String> {
    let told = |words: String| format!("--after {}: {words}", path.display());
    let mut text = String::new();
    let file = File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text));
    file.map_err(|error| told(format!("cannot read it: {error}")))?;
    text.parse().map_err(|error: Error| told(error.to_string()))
}

/// Writes the file of --position-out.
///
/// # Errors
///
/// [`Error::Write`].
pub(crate) fn write(path: &Path, position: &Position) -> Result<()> {
    let mut file = PartFile::create(path)?;
    let written = write!(file, "{position}");
    written.map_err(|source| Error::Write { what: path.display().to_string(), source })?;
    file.complete()
}

/// More than 4,096 fragments take.
const MOST_BYTES: u64 = 4 << 20;
