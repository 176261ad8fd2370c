//! `--rotate-...`: one file after the other, each whole, and together all flows.

use std::fs;

use crate::support::{names, pcap, run, shell};

#[test]
fn files_together_have_every_flow_once() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("many.pcap");
    fs::write(&capture, pcap(0..1_000)).unwrap();
    let all = run(&format!("-r {} -j 0 --dissect 0 -o csv", capture.display())).quiet().out;
    for (option, least) in
        [("--rotate-rows 300", 4), ("--rotate-bytes 50k", 5), ("--rotate-rows 700 --rotate-bytes 1M", 2)]
    {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("flows.csv.gz");
        run(&format!("-r {} -j 0 --dissect 0 --no-manifest -w {} {option}", capture.display(), out.display())).quiet();
        let names = names(folder.path());
        assert!(names.len() >= least && names[0] == "flows_00001_19700101000000.csv.gz", "{option}: {names:?}");
        let line = |name: &String| shell(&format!("gzip -dc {}", folder.path().join(name).display())).out;
        let texts: Vec<_> = names.iter().map(line).collect();
        let (header, rows) = all.split_at(all.find('\n').unwrap() + 1);
        assert!(texts.iter().all(|text| text.starts_with(header)), "{option}");
        assert_eq!(texts.iter().map(|text| &text[header.len()..]).collect::<String>(), rows, "{option}");
    }
}

#[test]
fn after_an_error_in_the_capture_the_last_file_stays_a_part() {
    let folder = tempfile::tempdir().unwrap();
    let (capture, out) = (folder.path().join("cut.pcap"), folder.path().join("out"));
    fs::create_dir(&out).unwrap();
    let whole = pcap(0..5);
    fs::write(&capture, &whole[..whole.len() - 1]).unwrap();
    let line = format!("-r {} -j 0 --rotate-rows 3 -w {}", capture.display(), out.join("flows.json").display());
    let run = run(&line);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("the last flows before the error are in ") && run.err.contains("damaged"), "{}", run.err);
    let names = names(&out);
    let (first, last) = ("flows_00001_19700101000000.json", "flows_00002_19700101000000.json.part");
    assert_eq!(names, [first, "flows_00001_19700101000000.json.manifest.json", last]);
    let rows = [first, last].into_iter().map(|name| fs::read_to_string(out.join(name)).unwrap().lines().count());
    assert_eq!(rows.collect::<Vec<_>>(), [3, 1]);
}

#[test]
fn only_files_of_flows_are_rotated() {
    for (arguments, words) in [
        ("--rotate-rows 5", "are for files"),
        ("-w - --rotate-bytes 5M", "are for files"),
        ("-w /dev/null --rotate-seconds 5", "are for files"),
        ("-w udp://127.0.0.1 --rotate-seconds 5", "are for files"),
        ("-w a.csv -s ip_src --rotate-rows 5", "-s comes out once"),
        ("-w a.csv --rotate-rows 0", "--rotate-rows"),
        ("-w a.csv --rotate-bytes 0M", "one byte at least"),
    ] {
        let run = run(&format!("-r web.pcap {arguments}"));
        assert_eq!(run.code, 2, "{arguments}");
        assert!(run.err.contains(words), "{arguments}: {}", run.err);
    }
}
