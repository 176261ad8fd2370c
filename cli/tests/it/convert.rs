//! `flowgauge convert`: whatever the formats between, the records at the end are those at the beginning.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Run, data, flowgauge, pcap, request};

/// Runs the command with these arguments in a folder.
fn at(folder: &Path, arguments: &str) -> Run {
    Run::of(&flowgauge().args(arguments.split_whitespace()).current_dir(folder).output().unwrap())
}

/// The options under which records have everything.
const ALL: &str = "--statistics --splt 5 --application-fields --tcp-analysis --metric big=(packet.size>100).sum() \
                   --metric mean=packet.size.mean() --metric sizes=packet.size.first(3) -j 0 -q --no-manifest";

/// Converts through all of these names in turn, in nanoseconds, and gives the bytes of the last file.
fn chain(folder: &Path, names: &[&str]) -> Vec<u8> {
    for two in names.windows(2) {
        at(folder, &format!("convert {} -w {} --nanoseconds", two[0], two[1])).silent();
    }
    fs::read(folder.join(names.last().unwrap())).unwrap()
}

/// The project's captures that hold whole flows of several kinds.
fn captures() -> Vec<PathBuf> {
    let names = ["story.pcap", "web.pcap", "dns.pcap", "http.pcap", "tls.pcap", "mixed.pcapng", "timeouts.pcap"];
    let mut captures: Vec<_> = names.iter().map(|name| data(name)).collect();
    let corpus = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus"));
    match fs::read_dir(&corpus) {
        Ok(entries) => {
            let mut more: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
            more.sort_unstable();
            captures.extend(more.into_iter().step_by(8));
        }
        Err(_) => eprintln!("skipped: conversions of the corpus (there is no {})", corpus.display()),
    }
    captures
}

#[test]
fn any_chain_of_formats_gives_back_the_same_records() {
    let folder = tempfile::tempdir().unwrap();
    for capture in captures() {
        let meter = |name: &str| {
            let mut command = flowgauge();
            command.arg("-r").arg(&capture).args(["-w", name]).args(ALL.split_whitespace()).arg("--nanoseconds");
            command.current_dir(folder.path());
            if Run::of(&command.output().unwrap()).code != 0 {
                // A capture that is damaged leaves a part.
                fs::rename(folder.path().join(format!("{name}.part")), folder.path().join(name)).ok();
            }
            fs::read(folder.path().join(name)).ok()
        };
        // Of all columns, in which a list of flows or a file without any may be.
        let Some(expected) = meter("metered.csv") else { continue };
        let names = [
            "metered.csv",
            "1.parquet",
            "2.jsonl.zst",
            "3.arrow",
            "4.csv.gz",
            "5.arrows",
            "6.json",
            "7.csv",
            "8.parquet",
            "9.csv",
        ];
        assert_eq!(chain(folder.path(), &names), expected, "{}", capture.display());
        let Some(lines) = meter("metered.jsonl") else { continue };
        let names = ["metered.jsonl", "1.csv", "2.arrow", "3.jsonl"];
        assert!(lines.is_empty() || chain(folder.path(), &names) == lines, "{}", capture.display());
        for file in fs::read_dir(folder.path()).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
    }
}

#[test]
fn a_table_of_columns_becomes_the_text_that_metering_writes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let story = data("story.pcap");
    let meter = |name: &str, more: &str| at(folder, &format!("-r {} -w {name} {ALL} {more}", story.display())).silent();
    for name in ["metered.parquet", "metered.csv", "metered.arrow", "metered.arrows"] {
        meter(name, "");
    }
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    at(folder, "convert metered.parquet -w converted.csv");
    assert_eq!(read("converted.csv"), read("metered.csv"));
    // The same columns with the same types, so the same bytes.
    for (from, to) in [("metered.parquet", "arrow"), ("metered.arrow", "parquet"), ("metered.arrow", "arrows")] {
        at(folder, &format!("convert {from} -w converted.{to}")).silent();
        assert_eq!(read(&format!("converted.{to}")), read(&format!("metered.{to}")), "{from} {to}");
    }
    let table = |arguments: &str| at(folder, arguments).silent().out;
    meter("all.txt", "");
    let usual = table("convert metered.parquet -o table -F start_time,ip_src,pkts");
    assert!(usual.starts_with("start_time"), "{usual}");
    assert_eq!(
        table("convert metered.parquet -o table").lines().count(),
        fs::read_to_string(folder.join("all.txt")).unwrap().lines().count()
    );
}

#[test]
fn metrics_keep_their_names_whatever_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("a.csv"), "src_port,one,two\r\n5,1,2\r\n").unwrap();
    fs::write(folder.join("b.csv"), "two,one,src_port\r\n4,3,6\r\n").unwrap();
    let lines = at(folder, "convert a.csv b.csv -o csv -F src_port,one,two").silent().out;
    assert_eq!(lines, "src_port,one,two\r\n5,1,2\r\n6,3,4\r\n");
}

#[test]
fn names_of_columns_are_no_formulas_either() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("a.jsonl"), "{\"src_port\":5,\"=1+1\":7}\n").unwrap();
    let lines = at(folder, "convert a.jsonl -o csv").silent().out;
    assert_eq!(lines, "src_port,'=1+1\r\n5,7\r\n");
    fs::write(folder.join("a.csv"), lines).unwrap();
    assert_eq!(at(folder, "convert a.csv -o json").silent().out, "{\"src_port\": 5, \"=1+1\": 7}\n");
}

#[test]
fn files_of_a_series_are_not_written_over_while_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("flows_00001_20261121020539.csv"), "src_port\r\n5\r\n").unwrap();
    let run = at(folder, "convert flows_00001_20261121020539.csv -w flows.csv --rotate-rows 1");
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("a file of the output may get this name: choose another -w"), "{}", run.err);
}

#[test]
fn stamps_that_text_cuts_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("a.pcap"), pcap([1, 2, 1])).unwrap();
    at(folder, "-r a.pcap -j 0 -w a.parquet -q --no-manifest -F start_time,end_time,pkts").silent();
    let run = at(folder, "convert a.parquet -o json");
    assert_eq!(
        (run.code, run.err.as_str()),
        (
            0,
            "flowgauge: 2 records have times that are finer than the milliseconds written here: --nanoseconds keeps them\n"
        )
    );
    assert!(run.out.contains("\"end_time\": 0,"), "{}", run.out);
    let exact = at(folder, "convert a.parquet -o json --nanoseconds").silent().out;
    assert!(exact.contains("\"start_time_ns\": 0, \"end_time_ns\": 2000, \"pkts\": 2"), "{exact}");
    fs::write(folder.join("exact.jsonl"), &exact).unwrap();
    assert_eq!(
        at(folder, "convert exact.jsonl -o csv --nanoseconds -F end_time").silent().out,
        "end_time_ns\r\n1000\r\n2000\r\n"
    );
    assert_eq!(at(folder, "-r a.pcap -j 0 -o json -q --nanoseconds -F start_time,end_time,pkts").silent().out, exact);
}

#[test]
fn hostile_texts_come_through_and_csv_keeps_its_guard() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for agent in
        ["=cmd|' /C calc'!A0", "'=quoted", "a,\"b\"", "-1", "'", "''x", "\t=x", "\x1b[31m", "null", "true", "[1]"]
    {
        fs::write(folder.join("a.pcap"), request(agent.as_bytes())).unwrap();
        at(folder, "-r a.pcap -w 0.parquet -q --no-manifest --application-fields").silent();
        at(folder, "convert 0.parquet -w plain.csv --verbatim");
        let names = ["0.parquet", "1.csv", "2.json", "3.arrows", "4.csv.zst", "5.parquet"];
        chain(folder, &names);
        let told = |name: &str| at(folder, &format!("convert {name} -o json --nanoseconds")).silent().out;
        assert_eq!(told("5.parquet"), told("0.parquet"), "{agent}");
        let agents = |arguments: &str| at(folder, arguments).silent().out;
        let expected = agents("convert 0.parquet -o json -F user_agent");
        assert_eq!(agents("convert plain.csv -o json -F user_agent --from-verbatim"), expected, "{agent}");
    }
    let guarded = fs::read_to_string(folder.join("1.csv")).unwrap();
    assert!(guarded.contains("[1]"), "{guarded}");
}

#[test]
fn several_files_are_one_if_they_have_the_same_columns() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("a.pcap"), pcap(0..600)).unwrap();
    at(folder, "-r a.pcap -w a.csv -q --no-manifest -j 0 -F src_port,ip_src,pkts").silent();
    at(folder, "-r a.pcap -w a.parquet -q --no-manifest -j 0 -F pkts,src_port,ip_src").silent();
    at(folder, "-r a.pcap -w b.csv -q --no-manifest -F pkts,src_port").silent();
    let one = fs::read_to_string(folder.join("a.csv")).unwrap();
    let both = at(folder, "convert a.csv a.parquet -o csv").silent().out;
    assert_eq!(both, one.clone() + one.split_once('\n').unwrap().1);
    let run = at(folder, "convert a.csv b.csv -w both.parquet");
    assert_eq!(run.message(), "b.csv: it has no column \"ip_src\", which the first file has");
    assert!(!folder.join("both.parquet").exists() && !folder.join("both.parquet.part").exists());
    at(folder, "convert a.csv -w parts.csv --rotate-rows 500").silent();
    let parts = fs::read_dir(folder)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("parts_0000"));
    assert_eq!(parts.count(), 2);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "$F convert - -o csv < a.csv"]).env("F", env!("CARGO_BIN_EXE_flowgauge")).current_dir(folder);
    assert_eq!(Run::of(&command.output().unwrap()).silent().out, one);
}

#[test]
fn what_is_no_file_of_records_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    at(folder, &format!("-r {} -w a.ipfix -q --no-manifest", data("web.pcap").display())).silent();
    at(folder, &format!("-r {} -w a.parquet -q --no-manifest", data("web.pcap").display())).silent();
    fs::write(folder.join("words.csv"), "some,words\n1,2\n").unwrap();
    fs::write(folder.join("wrong.csv"), "pkts,vlan_id\r\n1,70000\r\n").unwrap();
    let whole = fs::read(folder.join("a.parquet")).unwrap();
    fs::write(folder.join("cut.parquet"), &whole[..whole.len() / 2]).unwrap();
    for (file, words) in [
        ("a.ipfix", "a.ipfix: IPFIX is written, and not read back"),
        ("words.csv", "words.csv: this is no file of flow records"),
        ("wrong.csv", "wrong.csv: column \"vlan_id\": Uint(70000) is not uint16 or null"),
        ("cut.parquet", "cut.parquet: it is damaged"),
        ("nowhere.csv", "nowhere.csv: cannot read it: No such file"),
    ] {
        let message = at(folder, &format!("convert {file} -w out.json")).message();
        assert!(message.starts_with(words), "{message}");
        assert!(!folder.join("out.json").exists());
    }
    for magic in [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34, 0x0a0d_0d0a_u32] {
        for bytes in [magic.to_be_bytes(), magic.to_le_bytes()] {
            fs::write(folder.join("capture"), [&bytes[..], &[0; 20]].concat()).unwrap();
            let message = at(folder, "convert capture -o csv").message();
            assert!(message.starts_with("capture: this is a capture, and no file of flow records"), "{message}");
        }
    }
    for (arguments, words) in [
        ("a.parquet -w a.xlsx", "files that end in .xlsx are not written"),
        ("a.parquet -F nothing", "-F: there is no column \"nothing\" here: there are ip_src"),
        ("a.parquet -w udp://127.0.0.1:1", "a collector gets flows as they are metered"),
        ("a.parquet -o csv --rotate-rows 3", "they go with -w NAME"),
    ] {
        let run = at(folder, &format!("convert {arguments}"));
        assert!(run.code == 2 && run.err.contains(words), "{}", run.err);
    }
}

#[test]
fn a_file_that_was_cut_short_is_no_file_of_fewer_records() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let convert = |name: &str, bytes: &[u8]| {
        fs::write(folder.join(name), bytes).unwrap();
        at(folder, &format!("convert {name} -o json"))
    };
    for (name, words) in [
        ("a.csv", "it is empty, which a file of csv never is: writing it was cut short"),
        ("a.parquet", "it is empty, which a file of parquet never is: writing it was cut short"),
        ("a.arrow", "it is empty, which a file of arrow never is: writing it was cut short"),
        ("a.arrows", "it is empty, which a file of arrow-stream never is: writing it was cut short"),
        ("a.jsonl.gz", "it is empty, not even compressed: writing it was cut short"),
    ] {
        assert_eq!(convert(name, b"").message(), format!("{name}: {words}"));
    }
    // What a program writes that compresses nothing.
    let nothing = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert!(convert("a.csv.gz", &nothing).message().contains("it is empty, which a file of csv never is"));
    for (name, bytes) in [("a.jsonl", &b""[..]), ("a", b""), ("b.json.gz", &nothing)] {
        assert_eq!(convert(name, bytes).silent().out, "", "{name}");
    }
    at(folder, &format!("-r {} -w whole.csv -q --no-manifest -F ip_src,bytes", data("web.pcap").display())).silent();
    let whole = fs::read(folder.join("whole.csv")).unwrap();
    let last = whole.len() - 2;
    for cut in [last + 1, last, last - 1] {
        let message = convert("cut.csv", &whole[..cut]).message();
        assert!(message.contains("it does not end, as if the file were cut"), "{message}");
    }
    convert("cut.csv", &whole).silent();
}

/// Bytes of a file turned one after the other: other records, or one line that names the file. Readers of other crates may
/// panic on the way to it.
#[test]
fn a_damaged_file_is_an_error_and_ends_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in ["a.parquet", "a.arrow", "a.arrows", "a.csv.gz", "a.json.zst"] {
        at(folder, &format!("-r {} -w {name} -q --no-manifest -F core", data("web.pcap").display())).silent();
        let whole = fs::read(folder.join(name)).unwrap();
        let damaged = folder.join(format!("damaged-{name}"));
        for place in (0..whole.len()).step_by((whole.len() / 60).max(1)) {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x55;
            fs::write(&damaged, &bytes).unwrap();
            let mut command = flowgauge();
            command.arg("convert").arg(&damaged).args(["-o", "json"]);
            let run = Run::of(&command.output().unwrap());
            let lines: Vec<_> = run.err.lines().collect();
            let is_told = |line: &str| line.starts_with("flowgauge: ") && line.contains(&format!("damaged-{name}: "));
            let told = run.code == 1 && lines.len() == 1 && is_told(lines[0]);
            assert!(run.code == 0 || told, "{name} at {place}: {}", run.err);
        }
    }
}
