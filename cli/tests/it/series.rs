//! Files that one run writes one after the other: each has a manifest, and `flowgauge verify` takes them together.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Run, data, flowgauge, names, pcap, shell, signal};
use crate::verify::Written;

/// The names of the files that have a manifest, in their order.
fn files(folder: &Path) -> Vec<String> {
    names(folder).iter().filter_map(|name| name.strip_suffix(".manifest.json")).map(str::to_owned).collect()
}

#[test]
fn every_file_has_a_manifest_and_any_of_them_stands_for_all() {
    for (name, options) in [
        ("flows.csv.gz", "--rotate-rows 7"),
        ("flows.jsonl", "--rotate-rows 5 -j 2 --statistics --metric n=packet.size.sum()"),
        ("flows.parquet", "--rotate-rows 9 --splt 3"),
        ("flows.arrows", "--rotate-seconds 1"),
        ("flows.ipfix", "--rotate-rows 6"),
        ("flows.txt", "--rotate-rows 3 -F ip_src,pkts udp"),
        ("flows.ndjson", "--rotate-bytes 100 -F ip_src,pkts"),
    ] {
        let written = Written::new(name, options);
        let files = files(written.folder.path());
        assert!(files.len() > 1, "{name}: {files:?}");
        // Besides the captures, each file and its manifest.
        assert_eq!(names(written.folder.path()).len(), 2 + 2 * files.len(), "{name}");
        let manifests: Vec<_> = files.iter().map(|file| written.manifest(file)).collect();
        for (number, (file, manifest)) in (1..).zip(files.iter().zip(&manifests)) {
            let is_last = number == files.len();
            let series = &manifest["series"];
            assert_eq!((&series["path"], &series["file"]), (&json!(name), &json!(number)), "{file}");
            assert_eq!((&series["last"], &series["began_ns"]), (&json!(is_last), &manifests[0]["series"]["began_ns"]));
            assert_eq!(manifest["ledger"].is_object(), is_last, "{file}");
            assert_eq!(manifest["inputs"][0]["sha256"].is_string(), is_last, "{file}");
            assert_eq!(manifest["output"]["bytes"], fs::metadata(written.at(file)).unwrap().len());
            if name.ends_with("jsonl") {
                let records = fs::read_to_string(written.at(file)).unwrap().lines().count();
                assert_eq!(manifest["records"], records, "{file}");
            }
            assert_eq!(written.not_equal(file), [""; 0], "{file}");
        }
        let verified = written.run(&format!("verify {}", files.join(" ")));
        let told = format!("equal      series: all files from 1 to {}\n", files.len());
        assert_eq!((verified.code, verified.out.matches(&told).count()), (0, 1), "{}", verified.out);
        for file in &files {
            assert!(verified.out.contains(&format!("equal      file \"{file}\": ")), "{}", verified.out);
        }
        // And so does a manifest.
        let last = files.last().unwrap();
        assert_eq!(written.not_equal(&format!("./{last}.manifest.json")), [""; 0]);
        let sum: u64 = manifests.iter().map(|manifest| manifest["records"].as_u64().unwrap()).sum();
        assert!(verified.out.contains(&format!("equal      number of records: {sum}\n")), "{}", verified.out);
    }
}

#[test]
fn the_files_together_have_the_digest_of_one() {
    let whole = Written::new("flows.csv", "-j 0").manifest("flows.csv");
    let written = Written::new("flows.csv", "-j 0 --rotate-rows 4");
    let told = written.run(&format!("verify {}", files(written.folder.path())[0])).out;
    let line = format!("equal      digest of records: {}\n", whole["digest"].as_str().unwrap());
    assert!(told.contains(&line), "{line} {told}");
    assert!(told.contains(&format!("equal      number of records: {}\n", whole["records"])), "{told}");
}

#[test]
fn what_was_changed_or_is_missing_is_named() {
    let written = Written::new("flows.csv", "-j 0 --rotate-rows 10");
    let files = files(written.folder.path());
    assert!(files.len() >= 4, "{files:?}");
    let manifest = |number: usize| written.at(&format!("{}.manifest.json", files[number - 1]));
    let name = |number: usize| format!("file \"{}\"", files[number - 1]);
    let missing = |told: &[&str]| {
        let told: Vec<_> = told.iter().map(|told| (*told).to_owned()).collect();
        assert_eq!(written.not_equal(&files[0]), told);
    };

    let second = fs::read(written.at(&files[1])).unwrap();
    fs::write(written.at(&files[1]), [&second[..], b"\n"].concat()).unwrap();
    missing(&[&format!("differs{}", name(2))]);
    fs::remove_file(written.at(&files[1])).unwrap();
    missing(&[&format!("unchecked{}", name(2))]);
    fs::write(written.at(&files[1]), &second).unwrap();
    missing(&[]);

    for (number, told) in
        [(2, vec!["uncheckedseries", "uncheckedrecords"]), (files.len(), vec!["uncheckedseries", "uncheckedrecords"])]
    {
        let text = fs::read(manifest(number)).unwrap();
        fs::remove_file(manifest(number)).unwrap();
        missing(&told);
        fs::write(manifest(number), text).unwrap();
    }
    assert!(written.run(&format!("verify {}", files[2])).out.contains("equal      series: all files from 1 to "));

    for (number, place, value, told) in [
        (2, "/records", json!(1), vec!["differsnumber of records".to_owned()]),
        (2, "/digest", json!("0".repeat(64)), vec!["differsdigest of records".to_owned()]),
        (2, "/digest", json!("0"), vec![format!("unchecked{}", name(2))]),
        (2, "/options/splt", json!(7), vec![format!("differs{}", name(2))]),
        (2, "/columns/0", json!("pkts"), vec![format!("differs{}", name(2))]),
        (2, "/series/file", json!(u64::MAX), vec!["uncheckedseries".to_owned(); 3]),
        (2, "/series/began_ns", json!(-5), vec!["uncheckedseries".to_owned()]),
        (files.len(), "/ledger/packets", json!(1), vec!["differsledger".to_owned()]),
        (files.len(), "/inputs/0/frames", json!(1), vec!["differsframes of \"web.pcap\"".to_owned()]),
    ] {
        let text = fs::read(manifest(number)).unwrap();
        written.change(&files[number - 1], place, value);
        let mut lines = written.not_equal(&files[0]);
        lines.retain(|line| line != "uncheckedrecords");
        assert_eq!(lines, told, "{place}");
        fs::write(manifest(number), text).unwrap();
    }
    missing(&[]);
    for (place, value, words) in [
        ("/series", json!([]), "series: an object is wanted, not []"),
        ("/series/file", json!(0), "series.file: a number from 1 on is wanted, not 0"),
        ("/series/last", json!(null), "series.last: true or false is wanted, not null"),
    ] {
        let text = fs::read(manifest(1)).unwrap();
        written.change(&files[0], place, value);
        let message = written.run(&format!("verify {}", files[0])).message();
        assert!(message.contains(words), "{message}");
        fs::write(manifest(1), text).unwrap();
    }
}

#[test]
fn files_of_another_run_are_none_of_this_one() {
    let written = Written::new("flows.csv", "-j 0 --rotate-rows 4");
    let before = files(written.folder.path());
    let run = |options: &str| written.run(&format!("-q -r web.pcap ./story.pcap.gz -j 0 -w flows.csv {options}"));
    assert_eq!(run("--rotate-rows 15").code, 0);
    // Names have the moment too, so some of the first run are still there.
    assert_eq!(written.not_equal(&before[0]), [""; 0]);
    let told = written.not_equal(before.last().unwrap());
    assert!(told.contains(&"uncheckedseries".to_owned()), "{told:?}");
    // Beside a copy under another name, it is not clear which is meant.
    for end in ["", ".manifest.json"] {
        fs::copy(written.at(&format!("{}{end}", before[0])), written.at(&format!("flows_copy.csv{end}"))).unwrap();
    }
    assert_eq!(written.not_equal(&before[0]), ["uncheckedfile \"flows_copy.csv\""]);
}

#[test]
fn files_that_were_moved_apart_are_named_one_by_one() {
    let written = Written::new("flows.csv", "-j 0 --rotate-rows 15");
    let files = files(written.folder.path());
    fs::create_dir(written.at("old")).unwrap();
    for end in ["", ".manifest.json"] {
        let name = format!("{}{end}", files[0]);
        fs::rename(written.at(&name), written.at("old").join(&name)).unwrap();
    }
    assert_eq!(written.not_equal(&files[1]), ["uncheckedseries", "uncheckedrecords"]);
    assert_eq!(written.not_equal(&format!("{} old/{}", files[1], files[0])), [""; 0]);
    // What has nothing to do with it is looked at too.
    assert_eq!(written.run("-q -r web.pcap -w one.csv").code, 0);
    let run = written.run(&format!("verify {} one.csv old/{}", files[1], files[0]));
    assert_eq!((run.code, run.out.matches("equal      ledger").count()), (0, 2), "{}", run.out);
    let run = written.run(&format!("verify missing.csv {}", files[1]));
    assert!(run.message().contains("cannot read missing.csv.manifest.json"), "{}", run.err);
    assert!(run.out.contains("unchecked  series"), "{}", run.out);
}

#[test]
fn all_that_a_pattern_matches_may_be_named() {
    let written = Written::new("x.manifest.json", "");
    assert_eq!(written.not_equal("x.manifest.json"), [""; 0], "a file that is called like a manifest");
    // Names need not be UTF-8.
    let line =
        "cd DIR && name=$(printf 'a\\377') && $F -q -r web.pcap -w $name.csv --rotate-rows 4 && $F verify $name*";
    let run = shell(&line.replace("DIR", &written.folder.path().display().to_string()));
    assert_eq!((run.code, run.out.matches("all files from 1 to 2\n").count()), (0, 1), "{} {}", run.out, run.err);
}

#[test]
fn a_run_that_ended_with_an_error_has_no_last_file() {
    let written = Written::new("one.csv", "");
    fs::copy(data("cut_in_packet.pcap"), written.at("cut.pcap")).unwrap();
    let run = written.run("-r cut.pcap -j 0 -w cut.jsonl --rotate-rows 1");
    assert_eq!(run.code, 1, "{}", run.err);
    let written_first = files(written.folder.path()).remove(0);
    let told = written.run(&format!("verify {written_first}"));
    assert_eq!(told.code, 1);
    assert!(told.out.contains("the run goes on, or ended with an error"), "{}", told.out);
    assert!(written.run("-q -r web.pcap -w none.csv --rotate-rows 9 --no-manifest").code == 0);
    assert!(!names(written.folder.path()).iter().any(|name| name.starts_with("none") && name.ends_with("json")));
}

#[test]
fn after_ctrl_c_the_last_file_says_how_much_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(std::process::Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
    fs::write(at("first.pcap"), pcap(0..10)).unwrap();
    let mut command = flowgauge();
    command.current_dir(folder.path()).args(["-r", "first.pcap", "./fifo", "-w", "a.csv", "--rotate-rows", "4"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut writer = fs::OpenOptions::new().write(true).open(at("fifo")).unwrap();
    std::io::Write::write_all(&mut writer, &pcap([77])).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    signal("INT", child.id());
    assert_eq!(Run::of(&child.wait_with_output().unwrap()).code, 130);
    drop(writer);
    let files = files(folder.path());
    let manifests: Vec<Value> = files
        .iter()
        .map(|file| fs::read_to_string(at(&format!("{file}.manifest.json"))).unwrap())
        .map(|text| serde_json::from_str(&text).unwrap())
        .collect();
    let records: Vec<_> = manifests.iter().map(|manifest| manifest["records"].as_u64().unwrap()).collect();
    assert_eq!(records, [4, 4, 3]);
    assert_eq!(manifests[2]["options"]["max_frames"], json!(11));
    assert_eq!(manifests[0]["options"]["max_frames"], json!(null));
    assert_eq!(manifests[2]["series"]["last"], json!(true));
}
