//! Folders and patterns after `-r`.

use std::fs;

use crate::support::{Run, data, flowgauge, run, shell};

#[test]
fn a_folder_or_a_pattern_is_its_captures_in_the_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, capture) in [("2.pcap", "http.pcap"), ("1.pcap", "dns.pcap"), ("3.pcap.zst", "web.pcap.zst")] {
        fs::copy(data(capture), at(name)).unwrap();
    }
    for other in ["readme.txt", ".hidden.pcap", "2.pcap.part"] {
        fs::write(at(other), "no capture").unwrap();
    }
    fs::create_dir(at("4.pcap")).unwrap();
    let expected = run("-r dns.pcap http.pcap web.pcap -j 0 --report");
    assert_eq!(expected.code, 0);
    let read = |words: &[&str]| {
        let mut command = flowgauge();
        Run::of(&command.current_dir(folder.path()).args(["-j", "0", "--report", "-r"]).args(words).output().unwrap())
    };
    for words in
        [&["."][..], &["./"], &["?.pcap", "3.*"], &["1.*", "2.pca[o-p]", "3.*"], &["1.pcap", "-r", "2.pcap", "3*.zst"]]
    {
        let run = read(words);
        assert_eq!((run.code, &run.out, &run.err), (0, &expected.out, &expected.err), "{words:?}");
    }
    let filtered = read(&[".", "udp", "port", "53"]);
    assert!(filtered.code == 0 && filtered.out.lines().count() < expected.out.lines().count());
    // A pattern of BPF's own is left to it.
    let filter = read(&["1.pcap", "ip[0] & 0xf0 = 0x40", "and", "udp[4:2] * 2 > 0"]);
    assert_eq!(filter.code, 0, "{}", filter.err);
    for (word, message) in
        [("*.nothing", "no file matches"), ("4.pcap", "a folder without captures"), ("a[", "not a pattern")]
    {
        let run = read(&[word]);
        assert!(run.message().starts_with(&format!("cannot open capture file {word:?}: {message}")), "{}", run.err);
    }
}

#[test]
fn a_file_whose_name_is_a_pattern_is_meant_itself() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(data("dns.pcap"), folder.path().join("[1].pcap")).unwrap();
    fs::copy(data("http.pcap"), folder.path().join("1.pcap")).unwrap();
    let run = shell(&format!("cd {}; $F -r '[1].pcap'", folder.path().display())).quiet();
    assert_eq!(run.records().len(), 6);
}
