//! A file that has its name only when all of it is there.
//!
//! What is written goes to `NAME.part` beside it, which takes the name's place at once by a rename. So whoever looks under
//! the final name finds the old file or the whole new one, and after an error the old one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file on its way to its name.
///
/// Dropped before [`PartFile::complete`], it takes away what was written, unless [`PartFile::keep`] was said. A name that
/// stands for something else than a file (a device, a pipe) is written to directly; a symbolic link stays one, and the file
/// that it leads to is replaced. Of two that write to one name at the same time, the later one wins and the other fails.
#[derive(Debug)]
pub struct PartFile {
    /// As the user named it, for errors.
    name: String,
    file: File,
    /// The half file and where it goes; `None` for what is written to directly, and when there is nothing more to do.
    rename: Option<(PathBuf, PathBuf)>,
}

impl PartFile {
    /// Opens `NAME.part` for the file `path`; one that lies there from a run that was cut short is replaced.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] with the path when the folder does not exist or is not ours to write, or `path` is a folder.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display().to_string();
        match Self::open(path) {
            Ok((file, rename)) => Ok(Self { name, file, rename }),
            Err(source) => Err(Error::Write { what: name, source }),
        }
    }

    /// Everything is written: the file takes its name.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] when the system could not keep what was written, or not rename it.
    pub fn complete(mut self) -> Result<()> {
        let Some((part, path)) = &self.rename else { return Ok(()) };
        // What a disk or a server refuses late is refused before the old file is gone.
        let renamed = self.file.sync_all().and_then(|()| self.check(part)).and_then(|()| fs::rename(part, path));
        renamed.map_err(|source| Error::Write { what: self.name.clone(), source })?;
        self.rename = None;
        Ok(())
    }

    /// Leaves what was written as it is, under the name of the part, and tells that; `None` for what is no file.
    pub fn keep(mut self) -> Option<PathBuf> {
        self.rename.take().map(|(part, _)| part)
    }

    /// Whether what lies under the part's name is still what was written here, and not by another run to the same name.
    fn check(&self, part: &Path) -> io::Result<()> {
        let ours = self.file.metadata()?;
        match fs::symlink_metadata(part) {
            Ok(there) if (ours.dev(), ours.ino()) == (there.dev(), there.ino()) => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Err(io::Error::other("somebody else writes to it at the same time")),
        }
    }

    fn open(path: &Path) -> io::Result<(File, Option<(PathBuf, PathBuf)>)> {
        // No name could be made of it, and the error should not be that of another path.
        if path.file_name().is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "this names no file"));
        }
        let path = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(metadata) if !metadata.is_file() => {
                return OpenOptions::new().write(true).open(path).map(|file| (file, None));
            }
            Ok(_) => fs::canonicalize(path)?,
            Err(_) => where_it_leads(path)?,
        };
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        // What lies there is not written through, should it be a link that somebody else has laid.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => {
                let file = OpenOptions::new().write(true).create_new(true).open(&part)?;
                Ok((file, Some((part, path))))
            }
        }
    }
}

/// The name that a link to a file that is not there yet leads to; any other name is its own.
fn where_it_leads(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    // As many as Linux follows.
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if let Some((part, _)) = &self.rename
            && self.check(part).is_ok()
        {
            // If somebody else took it away, there is nothing to take away.
            let _ = fs::remove_file(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows");
        fs::write(&path, "old").unwrap();
        let mut file = PartFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(
            (fs::read_to_string(&path).unwrap().as_str(), names(folder.path())),
            ("old", vec!["flows".to_owned(), "flows.part".to_owned()])
        );
        file.complete().unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names(folder.path()).len()), ("new", 1));
    }

    #[test]
    fn a_file_that_is_not_completed_leaves_nothing_unless_it_is_to_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows");
        drop(PartFile::create(&path).unwrap());
        assert_eq!(names(folder.path()), [""; 0]);
        let mut file = PartFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert_eq!(fs::read_to_string(file.keep().unwrap()).unwrap(), "half");
        assert_eq!(names(folder.path()), ["flows.part"]);
        // The next run does not stumble over it.
        PartFile::create(&path).unwrap().complete().unwrap();
        assert_eq!(names(folder.path()), ["flows"]);
    }

    #[test]
    fn links_are_followed_to_the_end_but_not_through_the_part() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("real"), "old").unwrap();
        fs::write(at("victim"), "untouched").unwrap();
        std::os::unix::fs::symlink("real", at("link")).unwrap();
        std::os::unix::fs::symlink("victim", at("real.part")).unwrap();
        let mut file = PartFile::create(at("link")).unwrap();
        file.write_all(b"new").unwrap();
        file.complete().unwrap();
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
        let read = |name: &str| fs::read_to_string(at(name)).unwrap();
        assert_eq!((read("real"), read("victim")), ("new".to_owned(), "untouched".to_owned()));
    }

    #[test]
    fn a_link_to_a_file_that_is_not_there_yet_makes_that_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("disk")).unwrap();
        let links = [("one", "two"), ("two", "disk/flows"), ("lost", "nowhere/flows"), ("round", "round")];
        for (link, target) in links {
            std::os::unix::fs::symlink(target, at(link)).unwrap();
        }
        let mut file = PartFile::create(at("one")).unwrap();
        file.write_all(b"new").unwrap();
        file.complete().unwrap();
        assert_eq!(fs::read_to_string(at("disk/flows")).unwrap(), "new");
        for link in ["lost", "round"] {
            assert!(PartFile::create(at(link)).is_err(), "{link}");
        }
        assert!(links.iter().all(|(link, _)| fs::symlink_metadata(at(link)).unwrap().is_symlink()));
    }

    #[test]
    fn of_two_that_write_to_one_name_neither_completes_the_half_of_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows");
        let mut first = PartFile::create(&path).unwrap();
        first.write_all(b"first").unwrap();
        let mut second = PartFile::create(&path).unwrap();
        second.write_all(b"sec").unwrap();
        let mut third = PartFile::create(&path).unwrap();
        third.write_all(b"second").unwrap();
        let error = first.complete().unwrap_err().to_string();
        assert!(error.ends_with("somebody else writes to it at the same time"), "{error}");
        assert_eq!(names(folder.path()), ["flows.part"]);
        third.complete().unwrap();
        let error = second.complete().unwrap_err().to_string();
        assert!(error.ends_with("somebody else writes to it at the same time"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
    }

    #[test]
    fn a_device_stays_a_device() {
        let mut file = PartFile::create("/dev/null").unwrap();
        file.write_all(b"gone").unwrap();
        file.complete().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file() && !Path::new("/dev/null.part").exists());
        let mut full = PartFile::create("/dev/full").unwrap();
        assert!(full.write_all(b"x").is_err());
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::write(at("file"), "").unwrap();
        for path in [at("missing/flows"), at("file/flows"), at(""), at(&"x".repeat(254)), "..".into(), String::new()] {
            let error = PartFile::create(&path).unwrap_err().to_string();
            assert!(error.starts_with(&format!("cannot write {path}: ")), "{error}");
        }
        assert_eq!(names(folder.path()), ["file"]);
    }
}
