//! Input that is not what it should be: a clear message for each case, and everything before the damage is delivered.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Run, await_that, data, flowgauge, pcap, pcap_header, run, shell};

fn read(path: &Path) -> Run {
    Run::of(&flowgauge().arg("--report").arg("-r").arg(path).output().unwrap())
}

/// The message of a run that failed with nothing but a message.
#[track_caller]
fn message(run: &Run) -> String {
    run.message()
}

#[test]
fn every_bad_file_has_a_message_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("empty"), "").unwrap();
    fs::write(at("short"), [0xd4]).unwrap();
    fs::write(at("text"), "Dear reader").unwrap();
    fs::write(at("header"), &pcap_header(0, 1)[..20]).unwrap();
    fs::write(at("section"), [0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0]).unwrap();
    fs::write(at("version"), [0xd4, 0xc3, 0xb2, 0xa1, 9, 0, 4, 0].into_iter().chain([0; 16]).collect::<Vec<u8>>())
        .unwrap();
    let text = |name: &str| at(name).display().to_string();
    for (path, expected) in [
        (text("missing"), "cannot open capture file \"PATH\": No such file or directory (os error 2)"),
        (
            text(""),
            "cannot open capture file \"PATH\": a folder without captures (.pcap, .pcapng, .cap, .dmp, and .gz or .zst \
             after it)",
        ),
        (text("empty"), "\"PATH\" is not a capture: it is empty (pcap and pcapng are read, plain, gzip or zstd)"),
        ("/dev/null".into(), "\"PATH\" is not a capture: it is empty (pcap and pcapng are read, plain, gzip or zstd)"),
        (text("short"), "\"PATH\" is not a capture: it has 1 bytes (pcap and pcapng are read, plain, gzip or zstd)"),
        (
            text("text"),
            "\"PATH\" is not a capture: it begins with 44 65 61 72 (pcap and pcapng are read, plain, gzip or zstd)",
        ),
        (
            "/dev/zero".into(),
            "\"PATH\" is not a capture: it begins with 00 00 00 00 (pcap and pcapng are read, plain, gzip or zstd)",
        ),
        (
            "/proc/self/status".into(),
            "\"PATH\" is not a capture: it begins with 4e 61 6d 65 (pcap and pcapng are read, plain, gzip or zstd)",
        ),
        (
            text("header"),
            "\"PATH\" is damaged at offset 0, after frame 0: it ends within its header, after 20 of 24 bytes",
        ),
        (
            text("section"),
            "\"PATH\" is damaged at offset 0, after frame 0: it ends within its header, after 8 of 24 bytes",
        ),
        (
            text("version"),
            "\"PATH\" is not a capture: pcap version 9.4 is not read, only 2 (pcap and pcapng are read, plain, gzip or \
             zstd)",
        ),
        ("/proc/self/mem".into(), "cannot read \"PATH\" at offset 0, after frame 0: Input/output error (os error 5)"),
    ] {
        let run = read(Path::new(&path));
        assert_eq!(message(&run), expected.replace("PATH", &path));
        assert_eq!(run.out, "");
    }
}

#[test]
fn what_came_before_the_damage_is_delivered() {
    for (name, offset, detail) in [
        ("cut_in_packet.pcap", 1479, "it ends within a record, after 69 of at least 76 bytes"),
        ("cut_in_header.pcap", 1479, "it ends within a record, after 9 of at least 16 bytes"),
        ("absurd_length.pcap", 1479, "a frame of 2147483647 bytes, where at most 262144 make sense"),
        ("cut_in_block.pcapng", 1688, "it ends within a record, after 85 of at least 92 bytes"),
    ] {
        for workers in [0, 2] {
            let run = run(&format!("-r {name} -j {workers} --report"));
            assert_eq!(message(&run), format!("\"{name}\" is damaged at offset {offset}, after frame 11: {detail}"));
            assert_eq!(run.records().len(), 2);
            assert_eq!(run.ledger()["frames_read"], 11);
        }
    }
}

#[test]
fn a_damaged_stream_is_named_like_a_file() {
    let run = shell("head -c 1500 story.pcap | $F -r -");
    assert!(message(&run).starts_with("\"standard input\" is damaged at offset "), "{}", run.err);
    assert!(!run.records().is_empty());
    let cut = shell("head -c 1500 story.pcap.gz | $F -r -");
    assert!(message(&cut).ends_with("the gzip stream is cut short"), "{}", cut.err);
    assert!(!cut.records().is_empty());
}

#[test]
fn a_bad_file_after_a_good_one_costs_only_itself() {
    let run = run("-r dns.pcap README.md --report");
    assert!(message(&run).starts_with("\"README.md\" is not a capture"), "{}", run.err);
    assert_eq!((run.records().len(), &run.ledger()["frames_read"]), (6, &12.into()));
    // What can be seen before anything is read is said before anything is read.
    for (name, words) in [("missing.pcap", "No such file"), ("../golden", "a folder without captures")] {
        let run = crate::support::run(&format!("-r dns.pcap -r {name}"));
        assert!(message(&run).contains(words), "{}", run.err);
        assert_eq!(run.out, "");
    }
}

#[test]
fn a_bad_filter_is_quoted_with_a_way_out() {
    for words in ["host and", "tcp port 99999999", "-1", "(", "udp portt 53"] {
        let run = Run::of(&flowgauge().arg("-r").arg(data("web.pcap")).arg("--").arg(words).output().unwrap());
        let message = message(&run);
        assert!(message.starts_with(&format!("cannot compile the BPF filter {words:?}: ")), "{message}");
        assert!(message.contains("man pcap-filter"), "{message}");
        assert_eq!(run.out, "");
    }
}

#[test]
fn a_file_that_is_not_ours_to_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = folder.path().join("secret.pcap");
    fs::write(&path, pcap([1])).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let run = if fs::File::open(&path).is_err() {
        read(&path)
    } else {
        // Root may read everything: somebody else has to try, if they can reach the command.
        let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
        let as_nobody = |arguments: &[&str]| {
            let mut setpriv = Command::new("setpriv");
            setpriv.args(nobody).arg(env!("CARGO_BIN_EXE_flowgauge")).args(arguments).output()
        };
        if !as_nobody(&["--version"]).is_ok_and(|version| version.status.success()) {
            eprintln!("skipped: a_file_that_is_not_ours_to_read_is_refused (nobody cannot run the command)");
            return;
        }
        Run::of(&as_nobody(&["-r", path.to_str().unwrap()]).unwrap())
    };
    let expected =
        format!("cannot open capture file {:?}: Permission denied (os error 13)", path.display().to_string());
    assert_eq!(message(&run), expected);
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shrinking.pcap");
    fs::write(&path, pcap((0..200_000).map(|n| n % 50))).unwrap();
    let mut child = flowgauge()
        .args(["--inactive", "0", "--dissect", "0", "-r"])
        .arg(&path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Nobody reads the records: the command soon stands still, far from the end.
    let mut first = [0; 1];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1000).unwrap();
    let mut rest = String::new();
    child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
    let run = Run::of(&child.wait_with_output().unwrap());
    assert!(message(&run).contains("it ends within a record"), "{}", run.err);
    assert!(rest.lines().count() < 200_000);
}

#[test]
fn a_growing_file_is_read_to_where_it_ends_now() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.pcap");
    let whole = pcap([1, 2, 3]);
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    let run = read(&path);
    assert!(message(&run).contains("after frame 2: it ends within a record"), "{}", run.err);
    assert_eq!(run.records().len(), 2);
    fs::write(&path, &whole).unwrap();
    let run = read(&path);
    assert_eq!((run.code, run.records().len()), (0, 3));
}

#[test]
fn what_grows_when_it_is_unpacked_does_not_fill_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.gz");
    // A section header, and a block of an unknown type that claims four gigabytes.
    let section = r"\n\r\r\n\034\0\0\0\115\074\053\032\001\0\0\0\377\377\377\377\377\377\377\377\034\0\0\0";
    let block = r"\001\0\0\200\360\377\377\377";
    let made = shell(&format!(
        "{{ printf '{section}{block}'; head -c 268435456 /dev/zero; }} | gzip -1 > {0} && \
         ulimit -v 262144 && $F -r {0} -j 0 --dissect 0 --report",
        path.display()
    ));
    assert!(message(&made).contains("it ends within a block, after 268435464 of 4294967280 bytes"), "{}", made.err);
    assert!(fs::metadata(&path).unwrap().len() < 4 << 20);
}

#[test]
fn more_interfaces_than_make_sense_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("interfaces.pcapng");
    let mut file = vec![0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
    file.extend([0xff; 8]);
    file.extend([28, 0, 0, 0]);
    for _ in 0..100_000 {
        file.extend([1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0]);
    }
    fs::write(&path, file).unwrap();
    assert!(message(&read(&path)).ends_with("more than 65536 interfaces in one section"));
}

#[test]
fn a_snaplen_of_zero_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snaplen.pcap");
    let mut file = pcap([1, 1, 2]);
    file[..24].copy_from_slice(&pcap_header(0, 1));
    fs::write(&path, file).unwrap();
    let run = read(&path);
    assert_eq!((run.code, run.records().len()), (0, 2));
}

#[test]
fn a_pipe_that_is_closed_before_anything_came_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut child = flowgauge().arg("-r").arg(&path).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // Opening to write waits for the reader.
    drop(fs::OpenOptions::new().write(true).open(&path).unwrap());
    await_that("the command ends", || child.try_wait().unwrap().is_some());
    let run = Run::of(&child.wait_with_output().unwrap());
    assert!(message(&run).contains("it is empty"), "{}", run.err);
}

#[test]
fn a_writer_that_dies_within_a_packet_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let child = flowgauge().arg("-r").arg(&path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut fifo = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let whole = pcap([1, 2, 3]);
    for piece in whole[..whole.len() - 1].chunks(40) {
        fifo.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(fifo);
    let run = Run::of(&child.wait_with_output().unwrap());
    assert!(
        message(&run).contains("after frame 2: it ends within a record, after 57 of at least 58 bytes"),
        "{}",
        run.err
    );
    assert_eq!(run.records().len(), 2);
}
