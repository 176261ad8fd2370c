//! `FILE.manifest.json` beside every file of -w, and `flowgauge verify`.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Run, data, flowgauge, names, pcap, shell, signal};

/// A folder with a capture, and what was written of it.
pub(crate) struct Written {
    pub(crate) folder: tempfile::TempDir,
}

impl Written {
    /// Writes the flows of two captures to this name, with these options.
    pub(crate) fn new(name: &str, options: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for capture in ["web.pcap", "story.pcap.gz"] {
            fs::copy(data(capture), folder.path().join(capture)).unwrap();
        }
        let written = Self { folder };
        let done = written.run(&format!("-r web.pcap ./story.pcap.gz -w {name} {options}"));
        assert_eq!(done.code, 0, "{}", done.err);
        written
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn run(&self, arguments: &str) -> Run {
        Run::of(&flowgauge().args(arguments.split_whitespace()).current_dir(self.folder.path()).output().unwrap())
    }

    pub(crate) fn manifest(&self, name: &str) -> Value {
        let text = fs::read_to_string(self.at(&format!("{name}.manifest.json"))).unwrap();
        serde_json::from_str(&text).expect(&text)
    }

    /// Writes another manifest for the file.
    pub(crate) fn replace(&self, name: &str, manifest: &str) {
        fs::write(self.at(&format!("{name}.manifest.json")), manifest).unwrap();
    }

    /// The file's manifest with something else at a place, as `/options/splt`.
    pub(crate) fn change(&self, name: &str, place: &str, value: Value) {
        let mut manifest = self.manifest(name);
        *manifest.pointer_mut(place).unwrap_or_else(|| panic!("there is no {place}")) = value;
        self.replace(name, &manifest.to_string());
    }

    /// What verify says that is not equal: the first words of those lines.
    #[track_caller]
    pub(crate) fn not_equal(&self, name: &str) -> Vec<String> {
        let run = self.run(&format!("verify {name}"));
        assert_eq!(run.err, "");
        let rest = run.out.lines().filter(|line| !line.starts_with("equal ") && !line.starts_with("note "));
        let rest: Vec<_> = rest.map(|line| line.split(": ").next().unwrap().replace("  ", "")).collect();
        assert_eq!(run.code, i32::from(!rest.is_empty()), "{}", run.out);
        rest
    }
}

#[test]
fn what_was_written_is_made_again() {
    for (name, options) in [
        ("a.csv", ""),
        ("a.csv.gz", "-j 2 --statistics --splt 3 --application-fields --tcp-analysis"),
        ("a.jsonl", "--metric n=packet.size.mean() --metric a=packet.size.max() --keep-flows flow.pkts>1 udp or tcp"),
        ("a.json", "--splt 2 --end-flow-when packet.size>999 --dissect 0 --tcp-end --tcp-linger never --inactive 0.1"),
        ("a.txt", "--application-fields -c 20 --active never --tunnel-keys"),
        ("a.dat", "-o csv -F pkts,ip_src,size_mean,start_time --capacity 3 -j 0"),
        ("sums.csv", "-s ip_src/bytes"),
        ("none.csv", "-o none"),
    ] {
        let written = Written::new(name, options);
        assert_eq!(written.not_equal(name), [""; 0], "{name} {options}");
        let manifest = written.manifest(name);
        assert_eq!(manifest["inputs"][0]["path"], "web.pcap");
        assert_eq!(manifest["inputs"][1]["path"], "./story.pcap.gz");
        let lines = manifest["output"]["bytes"].as_u64().unwrap();
        assert_eq!(lines, fs::metadata(written.at(name)).unwrap().len());
    }
}

#[test]
fn a_manifest_says_what_the_file_was_made_of() {
    let written =
        Written::new("a.jsonl", "-j 3 --metric big=(packet.size>666).sum() --inactive 1.5 --active never udp");
    let manifest = written.manifest("a.jsonl");
    let records = fs::read_to_string(written.at("a.jsonl")).unwrap().lines().count();
    assert_eq!(manifest["records"], records);
    assert_eq!(manifest["columns"][0], "big");
    assert_eq!(manifest["columns"].as_array().unwrap().len(), 15);
    let options = &manifest["options"];
    assert_eq!((&options["workers"], &options["bpf_filter"]), (&json!(3), &json!("udp")));
    assert_eq!((&options["inactive_timeout"], &options["active_timeout"]), (&json!(1.5), &json!(null)));
    assert_eq!(manifest["user_metrics"], json!([{"name": "big", "expression": "(packet.size > 666).sum()"}]));
    assert_eq!(manifest["versions"]["flowgauge"], env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest["ledger"]["frames_read"], 147);
    let input = &manifest["inputs"][1];
    assert_eq!(input["bytes"], fs::metadata(written.at("story.pcap.gz")).unwrap().len());
    assert_eq!((&input["frames"], &input["start_time_ns"]), (&json!(95), &json!(1_700_000_000_000_000_000u64)));
    let summed = shell(&format!("sha256sum {}", written.at("story.pcap.gz").display())).out;
    assert_eq!(summed.split(' ').next(), input["sha256"].as_str());
}

#[test]
fn the_digest_does_not_depend_on_workers_or_the_form() {
    let digest = |name: &str, options: &str| Written::new(name, options).manifest(name)["digest"].clone();
    let expected = digest("a.csv", "-F all --dissect 0 -j 0");
    for (name, options) in [("a.csv", "-j 1"), ("a.csv", "-j 4"), ("a.jsonl.zst", "-j 2"), ("a.txt", "-j 0")] {
        assert_eq!(digest(name, &format!("-F all --dissect 0 {options}")), expected, "{name} {options}");
    }
    assert_ne!(digest("a.csv", "-F all --dissect 0 -j 0 -c 100"), expected);
}

#[test]
fn what_was_changed_is_named() {
    let written = Written::new("a.csv", "");
    let append = |name: &str| {
        let bytes = fs::read(written.at(name)).unwrap();
        fs::write(written.at(name), [&bytes[..], b"\n"].concat()).unwrap();
        bytes
    };
    let before = append("a.csv");
    assert_eq!(written.not_equal("a.csv"), ["differsfile \"a.csv\""]);
    fs::write(written.at("a.csv"), before).unwrap();
    assert_eq!(written.not_equal("a.csv"), [""; 0]);

    // Bytes behind the last member of gzip are no frames, but another file it is.
    let before = append("story.pcap.gz");
    let told = written.not_equal("a.csv");
    assert_eq!(told[0], "differsinput \"./story.pcap.gz\"");
    fs::write(written.at("story.pcap.gz"), before).unwrap();

    let web = fs::read(written.at("web.pcap")).unwrap();
    fs::copy(data("timeouts.pcap"), written.at("web.pcap")).unwrap();
    let told = written.not_equal("a.csv");
    for words in ["differsinput \"web.pcap\"", "differsnumber of records", "differsdigest of records"] {
        assert!(told.iter().any(|line| line == words), "{words}: {told:?}");
    }
    assert!(told.iter().any(|line| line.starts_with("differsledger")), "{told:?}");
    fs::remove_file(written.at("web.pcap")).unwrap();
    assert_eq!(written.not_equal("a.csv"), ["uncheckedinput \"web.pcap\"", "uncheckedrecords"]);
    fs::write(written.at("web.pcap"), web).unwrap();

    fs::remove_file(written.at("a.csv")).unwrap();
    assert_eq!(written.not_equal("a.csv"), ["uncheckedfile \"a.csv\""]);
}

#[test]
fn a_changed_manifest_does_not_fit() {
    let both = ["differsnumber of records", "differsdigest of records"];
    for (place, value, told) in [
        ("/options/inactive_timeout", json!(0), &both[..]),
        ("/options/bpf_filter", json!("udp"), &both),
        ("/options/keep_flows", json!("flow.pkts > 2"), &both),
        ("/options/max_frames", json!(3), &both),
        ("/user_metrics/0/expression", json!("packet.size.min()"), &both[1..]),
        ("/columns/0", json!("pkts"), &both[1..]),
        ("/digest", json!("0"), &both[1..]),
        ("/records", json!(1), &both[..1]),
        ("/output/sha256", json!("0"), &["differsfile \"a.csv\""]),
        ("/inputs/1/sha256", json!("0"), &["differsinput \"./story.pcap.gz\""]),
        ("/inputs/1/end_time_ns", json!(-1), &["differsframes of \"./story.pcap.gz\""]),
        ("/ledger/packets", json!(1), &["differsledger"]),
        ("/inputs/0/sha256", json!(null), &["uncheckedinput \"web.pcap\"", "uncheckedrecords"]),
        ("/inputs/0/path", json!("/dev/zero"), &["uncheckedinput \"/dev/zero\"", "uncheckedrecords"]),
        ("/interface", json!("eth0"), &["uncheckedrecords"]),
    ] {
        let written = Written::new("a.csv", "--metric m=packet.size.max()");
        written.change("a.csv", place, value);
        let lines = written.not_equal("a.csv");
        assert!(told.iter().all(|told| lines.iter().any(|line| line == told)), "{place}: {lines:?}");
        assert!(told.len() > 1 || lines.len() == 1, "{place}: {lines:?}");
    }
    // Another version is told, and is no difference.
    let written = Written::new("a.csv", "");
    written.change("a.csv", "/versions/ndpi", json!("1.0"));
    assert_eq!(written.not_equal("a.csv"), [""; 0]);
    assert!(written.run("verify a.csv").out.contains("note       ndpi: it is "));
}

#[test]
fn options_that_cannot_be_had_are_named() {
    let written = Written::new("a.csv", "--metric m=packet.size.max()");
    let original = written.manifest("a.csv").to_string();
    for (place, value, words) in [
        ("/options/anonymize", json!(true), "options.anonymize: true cannot be had here, only false"),
        ("/options/packet_size", json!("ip"), "options.packet_size: \"ip\" cannot be had here"),
        ("/options/splt", json!(4_294_967_295u64), "options.splt: a whole number up to 65535 is wanted"),
        ("/options/splt", json!(-1), "options.splt: a whole number up to 65535 is wanted, not -1"),
        ("/options/workers", json!(1e30), "options.workers: a whole number up to"),
        ("/options/workers", json!(9_999), "workers must be at most 1024, not 9999"),
        ("/options/capacity", json!(0), "capacity must be at least 1"),
        ("/options/active_timeout", json!(-1), "options.active_timeout: seconds is wanted, not -1"),
        ("/options/active_timeout", json!(1e300), "options.active_timeout: seconds is wanted"),
        ("/options/tcp_end", json!("yes"), "options.tcp_end: true or false is wanted, not \"yes\""),
        ("/options/bpf_filter", json!("host and"), "cannot compile the BPF filter"),
        ("/options/keep_flows", json!("((("), "options.keep_flows: "),
        ("/options", json!([]), "options: an object is wanted, not []"),
        ("/options", json!({}), "options.workers: it is missing"),
        ("/user_metrics/0/expression", json!(null), "the metric \"m\" is code and no expression"),
        ("/user_metrics/0/expression", json!(7), "user_metrics[0].expression: a text is wanted, not 7"),
        ("/options/on_error", json!("sigh"), "options.on_error: \"sigh\" cannot be had here"),
        ("/options/decode_tunnels", json!(["gtp_u"]), "options.decode_tunnels: [\"gtp_u\"] cannot be had here"),
        ("/user_metrics/0/name", json!("pkts"), "user_metrics must be under names that differ"),
        ("/columns/1", json!("no\u{1b}[31m"), "columns: such a run has no column"),
    ] {
        written.replace("a.csv", &original);
        written.change("a.csv", place, value);
        let run = written.run("verify a.csv");
        let line = run.out.lines().last().unwrap();
        assert!(line.starts_with("unchecked  records: ") && line.contains(words), "{place}: {line}");
        assert_eq!((run.code, run.out.contains('\u{1b}')), (1, false));
    }
    let more = original.replacen("\"options\":{", "\"options\":{\"warp\":9,", 1);
    assert_ne!(more, original);
    written.replace("a.csv", &more);
    assert!(written.run("verify a.csv").out.contains("options.warp: there is no such option here"));
}

#[test]
fn a_manifest_that_is_none_is_an_error_that_names_the_place() {
    let written = Written::new("a.csv", "");
    let whole = written.manifest("a.csv");
    let without = |name: &str| {
        let mut rest = whole.clone();
        rest.as_object_mut().unwrap().remove(name);
        rest.to_string()
    };
    let with = |place: &str, value: Value| {
        let mut other = whole.clone();
        *other.pointer_mut(place).unwrap() = value;
        other.to_string()
    };
    for (text, words) in [
        (String::new(), "not a manifest: EOF"),
        ("{\"manifest\": 1".to_owned(), "not a manifest: EOF"),
        ("[".repeat(1_000_000), "not a manifest: recursion limit exceeded at line 1 column 128"),
        ("{\"a\":".repeat(1_000_000), "not a manifest: recursion limit"),
        ("{\"records\": 1e999}".to_owned(), "not a manifest: number out of range"),
        ("[]".to_owned(), "the whole: an object is wanted, not []"),
        ("{}".to_owned(), "manifest: it is missing"),
        (without("inputs"), "inputs: it is missing"),
        (without("ledger"), "ledger: it is missing"),
        (with("/manifest", json!(2)), "manifest: this is of form 2"),
        (with("/records", json!(-1)), "records: a whole number of 64 bits is wanted, not -1"),
        (with("/records", json!(1e30)), "records: a whole number of 64 bits is wanted, not 1e+30"),
        (with("/inputs", json!("x".repeat(1000))), "inputs: a list is wanted, not \"xxx"),
        (with("/inputs/1/bytes", json!([1])), "inputs[1].bytes: a whole number of 64 bits is wanted, not [1]"),
        (with("/inputs/0/path", json!(7)), "inputs[0].path: a text is wanted, not 7"),
        (with("/columns/2", json!({})), "columns[2]: a text is wanted, not {}"),
        (with("/output", json!(null)), "output: an object is wanted, not null"),
    ] {
        written.replace("a.csv", &text);
        let run = written.run("verify a.csv");
        let message = run.message();
        assert!(message.contains("a.csv.manifest.json: ") && message.contains(words), "{words}: {message}");
        assert!((run.out.as_str(), message.len() < 400) == ("", true), "{message}");
    }
    fs::write(written.at("a.csv.manifest.json"), [0xff, 0xfe]).unwrap();
    assert!(written.run("verify a.csv").message().contains("not a manifest"));
    fs::remove_file(written.at("a.csv.manifest.json")).unwrap();
    let message = written.run("verify a.csv").message();
    assert!(message.starts_with("cannot read ") && message.ends_with("(os error 2)"), "{message}");
    assert_eq!(written.run("verify").code, 2);
}

#[test]
fn only_a_file_has_one_and_only_unless_told_not_to() {
    let written = Written::new("a.csv", "");
    assert_eq!(names(written.folder.path()), ["a.csv", "a.csv.manifest.json", "story.pcap.gz", "web.pcap"]);
    for options in ["-w b.csv --no-manifest", "-w /dev/null", "-w - -o csv", "-w /dev/stdout -o csv"] {
        assert_eq!(written.run(&format!("-r web.pcap {options}")).code, 0);
    }
    // A damage or a missing capture leaves the old manifest, as it leaves the old file.
    let before = written.manifest("a.csv");
    fs::copy(data("cut_in_packet.pcap"), written.at("cut.pcap")).unwrap();
    assert_eq!(written.run("-r cut.pcap -w a.csv").code, 1);
    assert_eq!(written.run("-r missing.pcap -w a.csv").code, 1);
    assert_eq!(written.manifest("a.csv"), before);
    let left = ["a.csv", "a.csv.manifest.json", "a.csv.part", "b.csv", "cut.pcap", "story.pcap.gz", "web.pcap"];
    assert_eq!(names(written.folder.path()), left);
    // Beside what a link leads to, and found by either name.
    std::os::unix::fs::symlink("b.csv", written.at("link.csv")).unwrap();
    assert_eq!(written.run("-q -r web.pcap -w link.csv").code, 0);
    assert!(written.at("b.csv.manifest.json").exists() && !written.at("link.csv.manifest.json").exists());
    assert_eq!((written.not_equal("link.csv"), written.not_equal("b.csv")), (vec![], vec![]));
    fs::create_dir(written.at("c.csv.manifest.json")).unwrap();
    let message = written.run("-r web.pcap -w c.csv").message();
    assert!(message.starts_with("cannot write c.csv.manifest.json: is a directory"), "{message}");
    assert!(!written.at("c.csv").exists());
}

#[test]
fn what_can_be_read_only_once_is_not_checked() {
    let written = Written::new("a.csv", "");
    let line = format!("cd {} && cat web.pcap | $F -q -r - -w once.csv", written.folder.path().display());
    assert_eq!(shell(&line).code, 0);
    let manifest = written.manifest("once.csv");
    let input = &manifest["inputs"][0];
    assert_eq!(
        (&input["path"], &input["sha256"], &input["frames"]),
        (&json!("standard input"), &json!(null), &json!(52))
    );
    assert_eq!(written.not_equal("once.csv"), ["uncheckedinput \"standard input\"", "uncheckedrecords"]);
}

#[test]
fn after_ctrl_c_the_manifest_says_how_much_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(std::process::Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
    fs::write(at("first.pcap"), pcap([1, 2, 1])).unwrap();
    let mut command = flowgauge();
    command.current_dir(folder.path()).args(["-r", "first.pcap", "./fifo", "-w", "a.csv"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut writer = fs::OpenOptions::new().write(true).open(at("fifo")).unwrap();
    std::io::Write::write_all(&mut writer, &pcap([3])).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    signal("INT", child.id());
    assert_eq!(Run::of(&child.wait_with_output().unwrap()).code, 130);
    drop(writer);
    let manifest: Value = serde_json::from_str(&fs::read_to_string(at("a.csv.manifest.json")).unwrap()).unwrap();
    assert_eq!((&manifest["options"]["max_frames"], &manifest["records"]), (&json!(4), &json!(3)));
    assert!(manifest["inputs"][0]["sha256"].is_string() && manifest["inputs"][1]["sha256"].is_null());
    // With a file in the place of the pipe, it can be made again.
    fs::remove_file(at("fifo")).unwrap();
    fs::write(at("fifo"), pcap([3, 4, 5, 6])).unwrap();
    let mut known = manifest;
    let summed = shell(&format!("sha256sum {}", at("fifo").display())).out;
    known["inputs"][1]["sha256"] = json!(summed.split(' ').next());
    known["inputs"][1]["bytes"] = json!(fs::metadata(at("fifo")).unwrap().len());
    fs::write(at("a.csv.manifest.json"), known.to_string()).unwrap();
    let run = Run::of(&flowgauge().arg("verify").arg("a.csv").current_dir(folder.path()).output().unwrap());
    assert_eq!(run.code, 0, "{}", run.out);
}
