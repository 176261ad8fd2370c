//! What follows `-r`: files, folders and patterns.

use std::ffi::OsStr;
use std::fs;
use std::io::{Error as IoError, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use flowgauge::{Error, Result};

/// The captures that these paths name, in their order: a folder is its captures in the order of their names, without its
/// own folders; a pattern is what it matches, where there is no file of that very name.
///
/// # Errors
///
/// [`Error::OpenFile`] for a folder that cannot be read, and where a folder or a pattern comes to nothing.
pub(crate) fn expanded<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<Vec<PathBuf>> {
    let mut captures = Vec::new();
    for path in paths {
        if path.is_dir() {
            captures.extend(of_folder(path)?);
        } else if is_pattern(path) {
            captures.extend(matches(path)?);
        } else {
            captures.push(path.to_owned());
        }
    }
    Ok(captures)
}

/// Refuses a file to write that is one of the captures, by whatever name: it would be gone when it is written.
///
/// # Errors
///
/// [`Error::Write`].
pub(crate) fn refuse_to_write_over(captures: &[PathBuf], path: &Path) -> Result<()> {
    let Ok(there) = fs::metadata(path) else { return Ok(()) };
    let is_it = |capture: &PathBuf| {
        fs::metadata(capture).is_ok_and(|capture| (capture.dev(), capture.ino()) == (there.dev(), there.ino()))
    };
    match captures.iter().any(is_it) {
        true => {
            let source = IoError::new(ErrorKind::InvalidInput, "it is the capture that is read: choose another name");
            Err(Error::Write { what: path.display().to_string(), source })
        }
        false => Ok(()),
    }
}

/// Whether a word after `-r` is one more capture, as a shell makes of `*.pcap`: a file, a folder, a pipe, standard input,
/// or a pattern that matches something.
///
/// A plain word is not, even where a file is called so: it belongs to the expression.
pub(crate) fn is_capture(word: &OsStr) -> bool {
    let plain = !word.as_encoded_bytes().iter().any(|byte| b"./".contains(byte));
    let path = Path::new(word);
    word == "-" || (!plain && (fs::metadata(path).is_ok() || (is_pattern(path) && matches(path).is_ok())))
}

/// Whether it is to be looked up: what is there under that very name is meant itself.
fn is_pattern(path: &Path) -> bool {
    let has_sign = path.as_os_str().as_encoded_bytes().iter().any(|byte| b"*?[".contains(byte));
    has_sign && fs::symlink_metadata(path).is_err()
}

fn matches(pattern: &Path) -> Result<Vec<PathBuf>> {
    let refused = |kind, words: &str| refused(pattern, IoError::new(kind, words));
    let Some(text) = pattern.to_str() else {
        return Err(refused(ErrorKind::InvalidInput, "a pattern must be UTF-8"));
    };
    let found =
        glob::glob(text).map_err(|wrong| refused(ErrorKind::InvalidInput, &format!("not a pattern: {wrong}")))?;
    let mut captures = Vec::new();
    for path in found {
        let path = path.map_err(|error| Error::OpenFile { path: error.path().to_owned(), source: error.into() })?;
        if !path.is_dir() {
            captures.push(path);
        }
    }
    if captures.is_empty() {
        return Err(refused(ErrorKind::NotFound, "no file matches"));
    }
    // In the order of names, not in that of the user's language.
    captures.sort_unstable();
    Ok(captures)
}

fn of_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut captures = Vec::new();
    for entry in fs::read_dir(folder).map_err(|source| refused(folder, source))? {
        let path = entry.map_err(|source| refused(folder, source))?.path();
        if path.file_name().is_some_and(is_capture_name) && !path.is_dir() {
            captures.push(path);
        }
    }
    if captures.is_empty() {
        let words = "a folder without captures (.pcap, .pcapng, .cap, .dmp, and .gz or .zst after it)";
        return Err(refused(folder, IoError::new(ErrorKind::NotFound, words)));
    }
    captures.sort_unstable();
    Ok(captures)
}

/// Whether a file in a folder is called like a capture: `day.pcap`, `DAY.PCAPNG.GZ`, tcpdump's `day.pcap12`.
fn is_capture_name(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_lowercase();
    if name.starts_with('.') {
        return false;
    }
    let plain = [".gz", ".zst", ".zstd"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let extension = plain.rsplit_once('.').map_or("", |(_, extension)| extension);
    let numbered = extension.trim_end_matches(|character: char| character.is_ascii_digit());
    matches!(extension, "cap" | "dmp") || matches!(numbered, "pcap" | "pcapng")
}

fn refused(path: &Path, source: IoError) -> Error {
    Error::OpenFile { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_are_told_by_their_names() {
        for name in ["a.pcap", "A.PCAPNG.GZ", "a.cap.zst", "a.dmp", "a.pcap0012", "a.b.pcap.zstd"] {
            assert!(is_capture_name(OsStr::new(name)), "{name}");
        }
        for name in ["a.pcap.part", ".hidden.pcap", "pcap", "a.csv", "a.gz", "a.cap1", "a.pcap.bz2", ""] {
            assert!(!is_capture_name(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn folders_and_patterns_are_their_captures_in_the_order_of_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["b.pcap", "a.pcap", "c.pcap.gz", "notes.txt", "[odd].pcap"] {
            fs::write(at(name), "").unwrap();
        }
        fs::create_dir(at("z.pcap")).unwrap();
        let names = |path: &str| {
            let found = expanded([at(path).as_path()]).unwrap();
            let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
            names.join(" ")
        };
        assert_eq!(names(""), "[odd].pcap a.pcap b.pcap c.pcap.gz");
        assert_eq!(names("?.pcap*"), "a.pcap b.pcap c.pcap.gz");
        assert_eq!(
            (names("*"), names("[odd].pcap")),
            ("[odd].pcap a.pcap b.pcap c.pcap.gz notes.txt".into(), "[odd].pcap".into())
        );
        // What is no pattern is opened later, and said not to be there then.
        assert_eq!(expanded([Path::new("missing"), Path::new("-")]).unwrap().len(), 2);
        for (path, words) in
            [("*.cap", "no file matches"), ("a[.pcap", "not a pattern"), ("z.pcap", "a folder without captures")]
        {
            let told = expanded([at(path).as_path()]).unwrap_err().to_string();
            assert!(told.starts_with("cannot open capture file ") && told.contains(words), "{told}");
        }
        assert!(is_capture(at("?.pcap").as_os_str()) && !is_capture(at("?.nothing").as_os_str()));
        assert!(is_capture(OsStr::new("-")) && is_capture(folder.path().as_os_str()) && !is_capture(OsStr::new("udp")));
    }
}
