//! What cannot be written, in any form: an error that names path and cause, and no half file under the final name.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::files::write;
use crate::support::{Run, data, names, pcap, shell};

/// A name for each form, and some that are compressed.
const NAMES: [&str; 10] =
    ["a.csv", "a.json", "a.txt", "a.ipfix", "a.parquet", "a.arrow", "a.arrows", "a.csv.gz", "a.json.zst", "a.ipfix.gz"];
const FORMATS: [&str; 7] = ["csv", "json", "table", "ipfix", "parquet", "arrow", "arrow-stream"];

#[test]
fn what_cannot_be_written_is_named_with_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "").unwrap();
    for name in NAMES {
        let taken = at(&format!("folder.{name}"));
        fs::create_dir(&taken).unwrap();
        for (path, words) in [
            (at("nowhere").join(name), "No such file or directory"),
            (at("file").join(name), "Not a directory"),
            (taken.clone(), "is a directory"),
            (at(&format!("{}{name}", "x".repeat(252))), "File name too long"),
            (Path::new("/proc").join(name), "No such file or directory"),
        ] {
            let run = write("web.pcap", &path, &[]);
            let message = run.message();
            assert!(message.starts_with(&format!("cannot write {}: {words}", path.display())), "{message}");
            assert_eq!((run.out.as_str(), run.err.lines().count()), ("", 1), "{}", run.err);
        }
        let run = write("web.pcap", &at("nowhere").join(name), &["--rotate-rows", "2"]);
        let message = run.message();
        let stem = at("nowhere").join("a_00001_");
        assert!(message.starts_with(&format!("cannot write {}", stem.display())), "{message}");
        assert!(message.ends_with("No such file or directory (os error 2)"), "{message}");
        fs::remove_dir(taken).unwrap();
    }
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn a_capture_is_not_written_over_by_any_of_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let (capture, link) = (folder.path().join("in.pcap"), folder.path().join("link.csv"));
    fs::copy(data("web.pcap"), &capture).unwrap();
    std::os::unix::fs::symlink(&capture, &link).unwrap();
    for path in [&capture, &link] {
        let run = write(capture.to_str().unwrap(), path, &["-o", "csv"]);
        let told = format!("cannot write {}: it is the capture that is read: choose another name", path.display());
        assert_eq!(run.message(), told);
    }
    let run =
        write(capture.to_str().unwrap(), &folder.path().join("a.csv"), &["--position-out", link.to_str().unwrap()]);
    assert!(run.message().ends_with("it is the capture that is read: choose another name"));
    assert_eq!(fs::read(&capture).unwrap(), fs::read(data("web.pcap")).unwrap());
    assert_eq!(names(folder.path()), ["in.pcap", "link.csv"]);
}

#[test]
fn a_folder_that_is_not_ours_to_write_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let probe = folder.path().join("probe");
    let may_all = fs::write(&probe, "").is_ok();
    if may_all {
        fs::remove_file(&probe).unwrap();
    }
    for (name, more) in NAMES.iter().flat_map(|name| [(name, &[][..]), (name, &["--rotate-seconds", "1"])]) {
        // Root may write everywhere, except as somebody who gave that up.
        let mut command = Command::new(if may_all { "setpriv" } else { env!("CARGO_BIN_EXE_flowgauge") });
        if may_all {
            command.args(["--inh-caps=-all", "--bounding-set=-all"]).arg(env!("CARGO_BIN_EXE_flowgauge"));
        }
        command.arg("-r").arg(data("web.pcap")).arg("-w").arg(folder.path().join(name)).args(more);
        let run = match command.stdin(Stdio::null()).output() {
            Ok(output) => Run::of(&output),
            Err(error) => {
                return eprintln!("skipped: a_folder_that_is_not_ours_to_write_is_an_error (setpriv: {error})");
            }
        };
        let message = run.message();
        let begin = folder.path().join(if more.is_empty() { name } else { "a_00001_" });
        assert!(message.starts_with(&format!("cannot write {}", begin.display())), "{message}");
        assert!(message.ends_with(": Permission denied (os error 13)"), "{message}");
        assert_eq!(names(folder.path()), [""; 0]);
    }
}

#[test]
fn a_disk_that_takes_no_more_leaves_no_half_file() {
    let folder = tempfile::tempdir().unwrap();
    let many = folder.path().join("many.pcap");
    fs::write(&many, pcap(0..20_000)).unwrap();
    for name in NAMES {
        fs::write(folder.path().join(name), "old").unwrap();
    }
    let there = names(folder.path());
    for name in NAMES {
        // A limit on the size of files stands for a disk: it takes some bytes and then no more.
        let plain = ["a.csv", "a.json", "a.txt", "a.ipfix"].contains(&name);
        let limit = if plain { 512 } else { 64 };
        let out = folder.path().join(name).display().to_string();
        let line = |more: &str| {
            format!("trap '' XFSZ; ulimit -f {limit}; exec $F -q -r {} --dissect 0 -w {out} {more}", many.display())
        };
        let run = shell(&line(""));
        assert_eq!(run.message(), format!("cannot write {out}: File too large (os error 27)"));
        assert_eq!((names(folder.path()), fs::read_to_string(&out).unwrap().as_str()), (there.clone(), "old"));
        // Of several files, none is left half.
        let message = shell(&line("--rotate-rows 19999")).message();
        let begin = folder.path().join("a_00001_");
        assert!(message.starts_with(&format!("cannot write {}", begin.display())), "{message}");
        assert!(message.ends_with(": File too large (os error 27)"), "{message}");
        assert_eq!(names(folder.path()), there, "{name}");
    }
}

#[test]
fn files_of_a_series_that_were_complete_stay_when_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let (many, disk) = (folder.path().join("many.pcap"), folder.path().join("disk"));
    fs::write(&many, pcap(0..5_000)).unwrap();
    fs::create_dir(&disk).unwrap();
    for name in ["a.csv", "a.csv.gz", "a.json.zst", "a.parquet", "a.arrow", "a.arrows", "a.ipfix"] {
        // A disk of its own that only this line sees.
        let line = format!(
            "mount -t tmpfs -o size=64k none {0} || exit 77; trap 'ls {0}' EXIT; $F -q -r {1} --dissect 0 -j 0 \
             -w {0}/{name} --rotate-rows 100 {2}",
            disk.display(),
            many.display(),
            if name == "a.ipfix" { "" } else { "-F core" }
        );
        let mut unshare = Command::new("unshare");
        unshare.args(["-m", "sh", "-c", &line]).env("F", env!("CARGO_BIN_EXE_flowgauge")).stdin(Stdio::null());
        let run = match unshare.output() {
            Ok(output) if output.status.success() || output.status.code() == Some(1) => Run::of(&output),
            refused => return eprintln!("skipped: files_of_a_series_that_were_complete_stay (no tmpfs: {refused:?})"),
        };
        if run.err.contains("unshare") {
            return eprintln!("skipped: files_of_a_series_that_were_complete_stay ({})", run.err);
        }
        let message = run.message();
        assert!(message.starts_with(&format!("cannot write {}/a_000", disk.display())), "{message}");
        assert!(message.ends_with(": No space left on device (os error 28)"), "{message}");
        let left: Vec<_> = run.out.lines().collect();
        assert!(!left.is_empty() && !left.iter().any(|name| name.ends_with(".part")), "{name}: {left:?}");
        // All but perhaps the last have a manifest.
        let manifests = left.iter().filter(|name| name.ends_with(".manifest.json")).count();
        assert!(left.len() - manifests - manifests <= 1, "{name}: {left:?}");
    }
}

#[test]
fn a_manifest_that_finds_no_room_leaves_no_half_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let line = |more: &str| {
        let out = at("a.csv");
        format!("trap '' XFSZ; ulimit -f 1; exec $F -q -r web.pcap -F pkts -w {} {more}", out.display())
    };
    let message = shell(&line("")).message();
    let told = at("a.csv.manifest.json");
    assert_eq!(message, format!("cannot write {}: File too large (os error 27)", told.display()));
    assert_eq!(names(folder.path()), ["a.csv"]);
    assert_eq!(fs::read_to_string(at("a.csv")).unwrap().lines().count(), 7);
    fs::remove_file(at("a.csv")).unwrap();
    let message = shell(&line("--rotate-rows 4")).message();
    assert!(message.starts_with(&format!("cannot write {}", at("a_00001_").display())), "{message}");
    assert!(message.ends_with(".csv.manifest.json: File too large (os error 27)"), "{message}");
    assert_eq!(names(folder.path()).len(), 1, "the file that was complete");
}

#[test]
fn a_device_that_is_full_is_named_in_every_form() {
    for format in FORMATS {
        let run = write("web.pcap", Path::new("/dev/full"), &["-o", format]);
        assert_eq!(run.message(), "cannot write /dev/full: No space left on device (os error 28)", "{format}");
        let run = shell(&format!("$F -q -r web.pcap -o {format} > /dev/full"));
        assert_eq!(run.message(), "cannot write standard output: No space left on device (os error 28)", "{format}");
    }
}

#[test]
fn a_pipe_that_nobody_reads_any_more_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let many = folder.path().join("many.pcap");
    fs::write(&many, pcap(0..20_000)).unwrap();
    for format in FORMATS {
        let line = format!("{{ $F -r {} --dissect 0 -o {format}; echo $? >&2; }} | true", many.display());
        let run = shell(&line);
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", "0\n"), "{format}");
    }
}
