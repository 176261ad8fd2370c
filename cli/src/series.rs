//! The files that one run wrote one after the other, found by their manifests.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use flowgauge::export::{RecordDigest, begin_of_names};

use crate::manifest::{SUFFIX, path_of};
use crate::told::{Series, Told};

/// The files of a run that are there, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Members {
    files: BTreeMap<u64, Member>,
    /// Files whose number another one has too.
    double: Vec<(u64, PathBuf)>,
}

/// A file, as it is named to the user.
#[derive(Debug)]
struct Member {
    file: PathBuf,
    manifest: PathBuf,
}

/// What the records of several files come to.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    digest: RecordDigest,
    files: u64,
}

impl Members {
    /// The files of the run that wrote `file`: those among `given`, and what lies beside it under such names.
    ///
    /// # Errors
    ///
    /// Those of the system that reads the folder.
    pub(crate) fn of(series: &Series, file: &Path, given: &[PathBuf]) -> io::Result<Self> {
        let mut members = Self::default();
        for file in given {
            members.take(series, file.clone(), &path_of(file));
        }
        let manifest = fs::canonicalize(path_of(file))?;
        let folder = manifest.parent().unwrap_or(Path::new("/"));
        // Behind a link, they lie elsewhere than the link.
        let is_link = fs::symlink_metadata(file).is_ok_and(|metadata| metadata.is_symlink());
        let like = if is_link { manifest.as_path() } else { file };
        let begin = begin_of_names(Path::new(&series.path));
        let mut beside = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            if starts_with(&name, &begin) && name.as_bytes().ends_with(SUFFIX.as_bytes()) {
                beside.push(name);
            }
        }
        beside.sort_unstable();
        for name in beside {
            members.take(series, file_of(like.with_file_name(&name)), &folder.join(name));
        }
        Ok(members)
    }

    /// Takes in a file of the same run by its manifest; what is none of it is left out.
    fn take(&mut self, series: &Series, file: PathBuf, manifest: &Path) {
        let (Ok(told), Ok(manifest)) = (Told::read(manifest), fs::canonicalize(manifest)) else { return };
        let Some(place) = told.series else { return };
        if (place.began_ns, place.path.as_str()) != (series.began_ns, series.path.as_str()) {
            return;
        }
        match self.files.entry(place.file) {
            Entry::Vacant(entry) => drop(entry.insert(Member { file, manifest })),
            Entry::Occupied(other) if other.get().manifest == manifest => {}
            Entry::Occupied(_) => self.double.push((place.file, file)),
        }
    }

    /// The files in their order.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.files.values().map(|member| &member.file)
    }

    /// What stands under a number that another one has too.
    pub(crate) fn double(&self) -> &[(u64, PathBuf)] {
        &self.double
    }

    /// The numbers before the largest that no file has: the first and the last of each gap.
    pub(crate) fn gaps(&self) -> Vec<(u64, u64)> {
        let mut gaps = Vec::new();
        let mut next = 1;
        for number in self.files.keys() {
            if *number > next {
                gaps.push((next, number - 1));
            }
            next = number.saturating_add(1);
        }
        gaps
    }
}

impl Sum {
    /// Adds the records of a file.
    ///
    /// # Errors
    ///
    /// What to tell the user of a digest that is none.
    pub(crate) fn add(&mut self, told: &Told) -> Result<(), String> {
        let digest = RecordDigest::of_text(&told.digest, told.records);
        self.digest.merge(&digest.ok_or("its digest is not 64 hexadecimal digits")?);
        self.files += 1;
        Ok(())
    }

    /// The digest and the number of all records.
    pub(crate) fn digest(&self) -> &RecordDigest {
        &self.digest
    }

    /// The number of files.
    pub(crate) fn files(&self) -> u64 {
        self.files
    }
}

/// The file of which this is the manifest; another file as it is.
pub(crate) fn file_of(path: PathBuf) -> PathBuf {
    match path.as_os_str().as_bytes().strip_suffix(SUFFIX.as_bytes()) {
        Some(name) => OsStr::from_bytes(name).into(),
        None => path,
    }
}

/// Whether a file is called as one of the files that `-w name` may write one after the other.
pub(crate) fn is_of(name: &Path, file: &Path) -> bool {
    let folder = |path: &Path| fs::canonicalize(path.parent().filter(|path| *path != "").unwrap_or(Path::new(".")));
    starts_with(file.file_name().unwrap_or_default(), &begin_of_names(name)) && folder(name).ok() == folder(file).ok()
}

fn starts_with(name: &OsStr, begin: &OsStr) -> bool {
    name.as_bytes().starts_with(begin.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_a_file_are_told_as_they_lie_together() {
        let gaps = |numbers: &[u64]| {
            let member = || Member { file: PathBuf::new(), manifest: PathBuf::new() };
            let files = numbers.iter().map(|number| (*number, member())).collect();
            Members { files, double: Vec::new() }.gaps()
        };
        assert_eq!(gaps(&[1, 2, 3]), []);
        assert_eq!(gaps(&[2, 5, 9, u64::MAX]), [(1, 1), (3, 4), (6, 8), (10, u64::MAX - 1)]);
    }

    #[test]
    fn names_begin_with_that_of_the_run() {
        let of = |file: &str| is_of(Path::new("./flows.2026.csv.gz"), Path::new(file));
        assert!(["flows.2026_00001.csv.gz", "./flows.2026_x"].into_iter().all(of));
        assert!(!["flows.2026.csv.gz", "flows.2025_00001.csv.gz"].into_iter().any(of));
        assert_eq!(file_of("a/b.csv.manifest.json".into()), Path::new("a/b.csv"));
        assert_eq!(file_of("a/b.csv".into()), Path::new("a/b.csv"));
    }
}
