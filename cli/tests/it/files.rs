//! `-w`: a file gets its name when it is whole, in the form its name asks for.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Run, data, flowgauge, names, on_terminal, pcap, run, shell, signal};

/// Runs the command on a capture of the project's with `-w` for this path, and nothing beside it.
pub(crate) fn write(capture: &str, path: &Path, more: &[&str]) -> Run {
    let mut command = flowgauge();
    Run::of(&command.arg("-r").arg(data(capture)).arg("--no-manifest").arg("-w").arg(path).args(more).output().unwrap())
}

#[test]
fn a_name_says_how_a_file_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let expected = |format: &str| run(&format!("-r web.pcap -j 0 -o {format}")).quiet().out;
    let unpacked = |path: &Path| match path.extension().unwrap().to_str().unwrap() {
        "gz" => shell(&format!("gzip -dc {}", path.display())).out,
        // The format of the input is looked at, not its name.
        "zst" => {
            let bytes = fs::read(path).unwrap();
            assert_eq!(bytes[..4], [0x28, 0xb5, 0x2f, 0xfd]);
            unzstd(&bytes)
        }
        _ => fs::read_to_string(path).unwrap(),
    };
    for (name, format) in [
        ("a.csv", "csv"),
        ("a.json", "json"),
        ("a.jsonl", "json"),
        ("a.NDJSON", "json"),
        ("a.txt", "table"),
        ("a.csv.gz", "csv"),
        ("a.json.zst", "json"),
        ("a.txt.gz", "table"),
    ] {
        let path = folder.path().join(name);
        let done = write("web.pcap", &path, &["-j", "0"]).quiet();
        assert_eq!((done.out.as_str(), unpacked(&path)), ("", expected(format)), "{name}");
    }
    assert_eq!(names(folder.path()).len(), 8);
    // What is said beats what the name says, and then the name may be any.
    let path = folder.path().join("a.dat");
    write("web.pcap", &path, &["-j", "0", "-o", "csv"]).quiet();
    assert_eq!(unpacked(&path), expected("csv"));
    assert_eq!(run("-r web.pcap -j 0 -w -").quiet().out, expected("json"));
    assert_eq!(run("-r web.pcap -j 0 -w - -o csv").quiet().out, expected("csv"));
}

/// Zstandard back to text, by Python or whatever else is there; a frame's first bytes were looked at already.
fn unzstd(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let output = Command::new("zstd").arg("-dc").arg(file.path()).output();
    match output {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).unwrap(),
        _ => {
            eprintln!("skipped: reading zstd back (no program zstd)");
            run("-r web.pcap -j 0 -o json").out
        }
    }
}

#[test]
fn a_file_that_is_there_is_replaced_when_the_new_one_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.csv");
    fs::write(&path, "old").unwrap();
    write("web.pcap", &path, &[]).quiet();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 7);
    write("web.pcap", &path, &["-F", "pkts", "udp"]).quiet();
    assert_eq!(fs::read_to_string(&path).unwrap(), "pkts\r\n2\r\n2\r\n2\r\n");
    let link = folder.path().join("link.csv");
    symlink("flows.csv", &link).unwrap();
    write("web.pcap", &link, &["-F", "pkts", "-c", "1"]).quiet();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&path).unwrap(), "pkts\r\n1\r\n");
    assert_eq!(names(folder.path()), ["flows.csv", "link.csv"]);
}

#[test]
fn after_a_damage_the_flows_before_it_are_in_the_part() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["flows.jsonl", "flows.csv.gz"] {
        let path = folder.path().join(name);
        fs::write(&path, "old").unwrap();
        let run = write("cut_in_packet.pcap", &path, &[]);
        assert_eq!((run.code, fs::read_to_string(&path).unwrap().as_str()), (1, "old"));
        let part = folder.path().join(format!("{name}.part"));
        assert!(run.err.contains(&format!("flowgauge: the 2 flows before the error are in {part:?}\n")), "{}", run.err);
        assert!(run.err.contains(" is damaged at offset 1479, "), "{}", run.err);
        let unpack = if name.ends_with("gz") { "gzip -dc <" } else { "cat" };
        let lines = shell(&format!("{unpack} {}", part.display())).out.lines().count();
        assert_eq!(lines, if name.ends_with("gz") { 3 } else { 2 });
        fs::remove_file(part).unwrap();
    }
}

#[test]
fn a_capture_that_cannot_be_opened_touches_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.csv");
    for capture in ["missing.pcap", "README.md"] {
        assert_eq!(write(capture, &path, &[]).code, 1);
    }
    assert_eq!(write("web.pcap", &path, &["--", "host", "and"]).code, 1);
    let left = names(folder.path());
    assert!(left.iter().all(|name| name == "flows.csv.part") && !path.exists(), "{left:?}");
}

#[test]
fn files_of_columns_are_whole_and_have_the_columns_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    for (name, begin, end) in [
        ("flows.parquet", b"PAR1".as_slice(), b"PAR1".as_slice()),
        ("flows.pq", b"PAR1", b"PAR1"),
        ("flows.arrow", b"ARROW1\0\0", b"ARROW1"),
        ("flows.feather", b"ARROW1\0\0", b"ARROW1"),
        ("flows.ipc", b"ARROW1\0\0", b"ARROW1"),
        ("flows.arrows", b"\xff\xff\xff\xff", b"\xff\xff\xff\xff\0\0\0\0"),
    ] {
        let path = folder.path().join(name);
        write("web.pcap", &path, &["-F", "src_port,src_to_dst_bytes,ip_protocol,src_port"]).quiet();
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.starts_with(begin) && bytes.ends_with(end), "{name}");
        let has = |word: &[u8]| bytes.windows(word.len()).any(|part| part == word);
        assert!(has(b"src_to_dst_bytes") && !has(b"dst_to_src_bytes"), "{name}");
    }
    assert_eq!(names(folder.path()).len(), 6);
}

#[test]
fn files_of_columns_go_into_a_pipe_but_not_to_a_terminal() {
    let file = tempfile::tempdir().unwrap();
    let whole = file.path().join("flows.parquet");
    write("web.pcap", &whole, &["-j", "0"]).quiet();
    let line = format!("$F -q -j 0 -r web.pcap -o parquet | cmp - {}", whole.display());
    shell(&line).silent();
    let run = shell("$F -r web.pcap -s ip_src -o arrow");
    assert!(run.err.contains("-s writes a table, CSV or JSON"), "{}", run.err);
    for format in ["parquet", "arrow", "arrow-stream"] {
        let Some(run) = on_terminal(80, &format!("$F -r web.pcap -o {format}; $F -r web.pcap -o {format} -w /dev/tty"))
        else {
            return eprintln!("skipped: files_of_columns_go_into_a_pipe_but_not_to_a_terminal");
        };
        let told = format!("{format} is not for a terminal: say -w FILE, or lead it into a pipe");
        assert_eq!(format!("{}{}", run.out, run.err).matches(&told).count(), 2, "{} {}", run.out, run.err);
    }
}

#[test]
fn a_device_or_a_pipe_is_written_to_and_stays_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    write("web.pcap", Path::new("/dev/null"), &[]).quiet();
    assert!(!fs::metadata("/dev/null").unwrap().is_file() && !Path::new("/dev/null.part").exists());
    let fifo = folder.path().join("fifo.csv");
    let line = format!("mkfifo {0}; cat {0} & $F -q -r web.pcap -F pkts -w {0}; wait", fifo.display());
    assert_eq!(shell(&line).out.lines().count(), 7);
    assert_eq!(names(folder.path()), ["fifo.csv"]);
    assert_eq!(shell("$F -q -r web.pcap -w /dev/stdout | cat").records().len(), 6);
    // Whoever reads a pipe may have enough.
    let many = folder.path().join("many.pcap");
    fs::write(&many, pcap(0..30_000)).unwrap();
    let line = format!("head -1 {0} & $F -r {1} -w {0}; echo $?", fifo.display(), many.display());
    let run = shell(&line);
    assert!(run.out.ends_with("0\n") && run.err.is_empty(), "{} {}", run.out, run.err);
}

#[test]
fn ctrl_c_completes_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (fifo, path) = (folder.path().join("fifo"), folder.path().join("flows.csv.gz"));
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut command = flowgauge();
    command
        .arg("--no-manifest")
        .arg("-r")
        .arg(&fifo)
        .arg("-w")
        .arg(&path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let mut writer = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    std::io::Write::write_all(&mut writer, &pcap([1, 2, 1])).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(names(folder.path()), ["fifo", "flows.csv.gz.part"]);
    signal("INT", child.id());
    let run = Run::of(&child.wait_with_output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (130, "3 packets read, 2 flows\n"));
    assert_eq!(names(folder.path()), ["fifo", "flows.csv.gz"]);
    assert_eq!(shell(&format!("gzip -dc {}", path.display())).out.lines().count(), 3);
    drop(writer);
}

#[test]
fn a_slow_source_is_seen_in_its_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.jsonl");
    let mut command = flowgauge();
    command.args(["-r", "-", "--inactive", "0", "-w"]).arg(&path).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, &pcap([1, 1, 2])).unwrap();
    let part = folder.path().join("flows.jsonl.part");
    crate::support::await_that("some flows are in the part", || {
        fs::File::open(&part).is_ok_and(|file| BufReader::new(file).lines().count() > 0)
    });
    drop(stdin);
    assert!(child.wait().unwrap().success() && !part.exists() && path.exists());
}
