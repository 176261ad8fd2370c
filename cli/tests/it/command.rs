//! The command: its options, what it writes where, and its exit status.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Run, data, flowgauge, pcap, pcap_header, run, shell};

fn sum(records: &[Value], names: [&str; 2]) -> u64 {
    records.iter().flat_map(|record| names.map(|name| record[name].as_u64().unwrap())).sum()
}

fn sorted(run: &Run) -> Vec<&str> {
    let mut lines: Vec<_> = run.out.lines().collect();
    lines.sort_unstable();
    lines
}

/// The fields of a line of CSV.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => fields.last_mut().unwrap().push(other),
        }
    }
    fields
}

#[test]
fn a_capture_becomes_a_line_of_json_a_flow() {
    let run = run("-r web.pcap").quiet();
    let records = run.records();
    assert_eq!(records.len(), 6);
    assert_eq!(sum(&records, ["src_to_dst_pkts", "dst_to_src_pkts"]), 52);
    assert!(run.out.lines().all(|line| line.starts_with("{\"ip_src\": \"")));
    let names: Vec<_> = records.iter().map(|record| record["application_name"].as_str().unwrap()).collect();
    assert!(names.contains(&"TLS.Wikipedia") && names.contains(&"DNS"), "{names:?}");
}

#[test]
fn csv_has_the_same_fields_in_every_line() {
    for capture in ["web.pcap", "story.pcap"] {
        let json = run(&format!("-r {capture}")).quiet().records();
        let csv = run(&format!("-r {capture} -o csv")).quiet();
        assert!(csv.out.ends_with("\r\n"));
        let mut lines = csv.out.split_terminator("\r\n").map(fields);
        let names = lines.next().unwrap();
        let mut rows = 0;
        for (row, record) in lines.zip(&json) {
            assert_eq!(row.len(), names.len());
            for (name, value) in record.as_object().unwrap() {
                let field = &row[names.iter().position(|other| other == name).unwrap()];
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                assert_eq!(*field, if value.is_null() { "" } else { &text }, "{name}");
            }
            rows += 1;
        }
        assert_eq!(rows, json.len());
    }
    let empty = shell("{ head -c 24 web.pcap; } | $F -r - -o csv").quiet();
    assert!(empty.out.starts_with("ip_src,src_port,") && empty.out.lines().count() == 1);
}

#[test]
fn keys_of_tunnels_keep_flows_apart_when_asked() {
    let packets = |run: &Run| sum(&run.records(), ["src_to_dst_pkts", "dst_to_src_pkts"]);
    let (together, apart) = (run("-r story.pcap").quiet(), run("-r story.pcap --tunnel-keys").quiet());
    assert_eq!((together.records().len(), apart.records().len()), (31, 33));
    assert_eq!(packets(&together), packets(&apart));
}

#[test]
fn a_flow_ends_with_its_connection_when_asked() {
    let ended = |options: &str| {
        let run = run(&format!("-r web.pcap {options}")).quiet();
        let records = run.records();
        (records.len(), records.iter().filter(|record| record["export_reason"] == 3).count())
    };
    assert_eq!([ended(""), ended("--tcp-end"), ended("--tcp-end --tcp-linger never")], [(6, 0), (6, 3), (6, 3)]);
    assert_eq!(ended("--tcp-end --tcp-linger 0"), (7, 3));
    assert_eq!(run("-r web.pcap --tcp-linger 0").code, 2);
}

#[test]
fn a_metric_of_ones_own_is_a_column_of_every_output() {
    let folded = "-r web.pcap -j 0 --metric n=packet.size.count() --metric first=packet.size.first(2) \
                  --metric up=packet.payload_size.filter(packet.direction==0).mean()";
    let records = run(folded).quiet().records();
    assert_eq!(records.len(), 6);
    for record in &records {
        assert_eq!(record["n"], sum(std::slice::from_ref(record), ["src_to_dst_pkts", "dst_to_src_pkts"]));
        assert_eq!(record["first"].as_array().unwrap().len(), 2.min(record["n"].as_u64().unwrap() as usize));
        assert!(record["up"].is_f64());
    }
    let csv = run(&format!("{folded} -o csv")).quiet();
    let mut lines = csv.out.split_terminator("\r\n").map(fields);
    let names = lines.next().unwrap();
    assert_eq!(names[names.len() - 3..], ["n", "first", "up"]);
    for (row, record) in lines.zip(&records) {
        let numbers: Vec<Value> = serde_json::from_str(&row[names.len() - 2]).unwrap();
        assert_eq!(row[names.len() - 3], record["n"].to_string());
        assert_eq!(Value::Array(numbers), record["first"]);
        assert_eq!(row[names.len() - 1], record["up"].to_string());
    }
}

#[test]
fn flows_end_and_are_left_out_as_expressions_say() {
    let all = run("-r web.pcap --report").records().len();
    let cut = run("-r web.pcap --end-flow-when packet.index>=4").quiet().records();
    assert!(cut.len() > all && cut.iter().any(|record| record["export_reason"] == 16));
    assert!(cut.iter().all(|record| sum(std::slice::from_ref(record), ["src_to_dst_pkts", "dst_to_src_pkts"]) <= 5));
    let kept = run("-r web.pcap --keep-flows flow.src_to_dst_pkts>3 --report");
    let (records, withheld) = (kept.records(), kept.ledger()["withheld"].as_u64().unwrap());
    assert!(records.iter().all(|record| record["src_to_dst_pkts"].as_u64().unwrap() > 3));
    assert!(!records.is_empty() && withheld > 0);
    assert_eq!((kept.code, records.len() as u64 + withheld), (0, all as u64));
}

#[test]
fn nothing_is_written_when_nothing_is_wanted() {
    let run = run("-r web.pcap -o none --report");
    assert_eq!((run.code, run.out.as_str()), (0, ""));
    assert_eq!(run.ledger()["records"]["flush"], 6);
}

#[test]
fn the_ledger_is_a_line_of_json_on_standard_error() {
    let run = run("-r story.pcap --report");
    let ledger = run.ledger();
    assert_eq!((run.code, run.err.lines().count()), (0, 1));
    let skipped: u64 = ledger["skipped"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(ledger["frames_read"], 95);
    assert_eq!(ledger["packets"].as_u64().unwrap() + skipped, 95);
    assert_eq!(sum(&run.records(), ["src_to_dst_pkts", "dst_to_src_pkts"]), ledger["packets"]);
    for name in ["bytes_read", "filtered", "living", "withheld", "evicted", "out_of_order", "time_out_of_range"] {
        assert!(ledger[name].is_u64(), "{name}");
    }
    assert_eq!(ledger["dropped"]["kernel"], 0);
    assert_eq!(ledger["warnings"], Value::Array(Vec::new()));
}

#[test]
fn several_files_are_one_capture_however_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["dns.pcap", "http.pcap"] {
        fs::copy(data(name), folder.path().join(name)).unwrap();
    }
    let expected = run("-r dns.pcap http.pcap -c 1000 --report");
    assert_eq!(expected.ledger()["frames_read"], 12 + 43);
    assert_eq!(expected.records().len(), 6 + 3);
    let glob = format!("$F -r {}/*.pcap --report", folder.path().display());
    let cat = "cat dns.pcap | $F -r - http.pcap --report";
    for other in [run("-r dns.pcap -r http.pcap --report"), shell(&glob), shell(cat)] {
        assert_eq!((other.code, &other.out, &other.err), (0, &expected.out, &expected.err));
    }
    let filtered = shell(&format!("$F -r {}/*.pcap --report udp port 53", folder.path().display()));
    assert_eq!((filtered.records().len(), &filtered.ledger()["filtered"]), (6, &43.into()));
    for line in [
        "cat http.pcap | $F -r dns.pcap - --report",
        "mkfifo $T/fifo; cat http.pcap > $T/fifo & $F --report -r dns.pcap $T/fifo",
        // Not every name is UTF-8.
        "name=$T/$(printf '\\377').pcap; cp http.pcap $name; $F --report -r dns.pcap $name",
    ] {
        let other = shell(&line.replace("$T", &folder.path().display().to_string()));
        assert_eq!((other.code, &other.out, &other.err), (0, &expected.out, &expected.err), "{line}");
    }
    let twice = run("-r dns.pcap -r dns.pcap --report");
    assert_eq!((twice.records().len(), &twice.ledger()["frames_read"]), (6, &24.into()));
}

#[test]
fn a_filter_is_what_remains() {
    let plain = run("-r web.pcap udp port 53").quiet();
    assert_eq!(plain.records().len(), 3);
    for same in ["-r web.pcap -- udp port 53", "-r web.pcap udp -- port 53", "-o json -r web.pcap udp port 53"] {
        assert_eq!(run(same).quiet().out, plain.out);
    }
    let one = Run::of(&flowgauge().arg("-r").arg(data("web.pcap")).arg("udp port 53").output().unwrap()).quiet();
    assert_eq!(one.out, plain.out);
}

#[test]
fn a_plain_word_is_the_filter_even_where_a_file_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(data("dns.pcap"), folder.path().join("udp")).unwrap();
    let here = |arguments: &[&str]| {
        let capture = data("http.pcap");
        Run::of(&flowgauge().current_dir(folder.path()).arg("-r").arg(capture).args(arguments).output().unwrap())
            .quiet()
    };
    assert_eq!(here(&["udp"]).records().len(), 0);
    assert_eq!(here(&["--", "udp"]).records().len(), 0);
    assert_eq!(here(&["./udp"]).records().len(), 9);
}

#[test]
fn reading_stops_after_so_many_frames() {
    for (count, read) in [(1, 1), (10, 10), (52, 52), (1_000, 52)] {
        let run = run(&format!("-r web.pcap --report -c {count}"));
        assert_eq!((run.code, &run.ledger()["frames_read"]), (0, &read.into()));
    }
}

#[test]
fn what_the_filter_leaves_out_does_not_count() {
    let run = run("-r web.pcap --report -c 3 udp port 53");
    let (ledger, records) = (run.ledger(), run.records());
    let matching = ledger["frames_read"].as_u64().unwrap() - ledger["filtered"].as_u64().unwrap();
    assert_eq!((run.code, matching, sum(&records, ["src_to_dst_pkts", "dst_to_src_pkts"])), (0, 3, 3));
    assert!(ledger["filtered"].as_u64().unwrap() > 0);
    // The third is the last frame that is looked at.
    let all = crate::support::run("-r web.pcap --report -c 4 udp port 53").ledger();
    assert!(all["frames_read"].as_u64() > ledger["frames_read"].as_u64());
}

#[test]
fn a_summary_or_the_ledger_or_nothing_comes_last() {
    assert_eq!(run("-r web.pcap -o none").err, "52 packets read, 6 flows\n");
    let told = run("-r story.pcap -o none not udp").err;
    assert!(told.starts_with("95 packets read, "), "{told}");
    assert!(told.contains(" packets left out by the filter\n") && told.contains("6 not_ip"), "{told}");
    let kept = run("-r web.pcap -o none --keep-flows flow.src_to_dst_pkts>3").err;
    assert!(kept.contains(" flows left out by --keep-flows\n"), "{kept}");
    assert_eq!(run("-r web.pcap -o none -q").err, "");
    let ledgers = ["--report", "--report=json", "--report json"].map(|option| run(&format!("-r web.pcap {option} -q")));
    assert!(ledgers.iter().all(|run| run.ledger() == ledgers[0].ledger()));
    let text = run("-r story.pcap -o none --report text");
    let lines: Vec<_> = text.err.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in ["frames read 95 19323 bytes", "packets 81 17679 bytes", "not_ip 6", "records 31"] {
        assert!(lines.iter().any(|other| other == line), "{line}: {}", text.err);
    }
    // What is no format belongs to the filter.
    assert_eq!(run("-r web.pcap --report udp port 53").records().len(), 3);
}

#[test]
fn an_empty_capture_is_no_error() {
    for (format, text) in [("json", ""), ("none", ""), ("table", "start_time  duration  protocol")] {
        let run = shell(&format!("head -c 24 web.pcap | $F -r - -o {format}"));
        assert_eq!((run.code, run.err.as_str()), (0, "0 packets read, 0 flows\n"));
        assert!(run.out.starts_with(text) && run.out.lines().count() == usize::from(!text.is_empty()), "{}", run.out);
    }
    assert_eq!(shell("head -c 24 web.pcap | $F -r - -s ip_src -o json").quiet().out, "");
}

#[test]
fn habits_from_elsewhere_are_refused_with_what_is_meant_here() {
    for (arguments, words) in [
        ("-n -r web.pcap", "addresses and ports are always numbers"),
        ("-nr web.pcap", "addresses and ports are always numbers"),
        ("-r web.pcap -nn udp", "addresses and ports are always numbers"),
        ("-r web.pcap -vv", "choose columns with -F"),
        ("-r web.pcap -A", "payload is not printed"),
        ("-r web.pcap -x", "packets are not printed"),
        ("-r web.pcap -e", "-F src_mac,dst_mac"),
        ("-D", "`flowgauge devices`"),
        ("-r web.pcap -s 0", "tcpdump's -s is --snaplen here"),
        ("-r web.pcap -T fields -e ip.src", "choose the format with -o"),
        ("-r web.pcap -F ip.src", "did you mean \"ip_src\"?"),
        ("-r web.pcap -w out.pcap", "flow records are written, not packets"),
    ] {
        let run = run(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments}");
        assert!(run.err.contains(words), "{arguments}: {}", run.err);
    }
}

#[test]
fn a_full_cache_exports_flows_early() {
    let records = run("-r story.pcap -j 0 --capacity 1").quiet().records();
    assert!(records.len() >= 31 && records.iter().any(|record| record["export_reason"] == 4));
}

#[test]
fn the_number_of_workers_changes_nothing() {
    let expected = run("-r story.pcap -j 0 --dissect 0").quiet();
    for workers in [1, 2, 5] {
        let other = run(&format!("-r story.pcap -j {workers} --dissect 0")).quiet();
        assert_eq!(sorted(&other), sorted(&expected), "{workers} workers");
    }
    assert_eq!(run("-r story.pcap --workers 2 --dissect 0").quiet().records().len(), expected.records().len());
}

#[test]
fn without_dissection_there_are_no_names() {
    let records = run("-r web.pcap --dissect 0").quiet().records();
    assert!(records.iter().all(|record| record["application_name"].is_null() && record["category_name"].is_null()));
}

#[test]
fn timeouts_are_seconds_or_never() {
    let records = |options: &str| run(&format!("-r timeouts.pcap --dissect 0 {options}")).quiet().records().len();
    assert_eq!(records(""), 12);
    assert_eq!(records("--inactive 60 --active 120"), 12);
    assert_eq!(records("--inactive 60.0 --active 1.2e2"), 12);
    assert_eq!(records("--inactive 0"), 23);
    assert_eq!(records("--active 0 --inactive never"), 23);
    let whole = records("--inactive never --active never");
    assert!(whole < 12);
    assert_eq!(records("--inactive 1e18 --active 1e18"), whole);
    assert!(records("--inactive 0.000001 --active never") > 12);
}

#[test]
fn standard_input_may_be_a_pipe_or_a_file_compressed_or_not() {
    let expected = run("-r story.pcap").quiet();
    for line in [
        "$F -r - < story.pcap",
        "cat story.pcap | $F -r -",
        "cat story.pcap.gz | $F -r -",
        "$F -r - < story.pcap.zst",
        "cat story.pcap.zst | $F -r -",
        "$F -r /dev/stdin < story.pcap",
        "cat story.pcap | $F --read=/dev/stdin",
    ] {
        assert_eq!(shell(line).quiet().out, expected.out, "{line}");
    }
}

#[test]
fn whoever_wants_no_more_is_left_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let many = folder.path().join("many.pcap");
    fs::write(&many, pcap(0..30_000)).unwrap();
    for format in ["json", "csv"] {
        let run = shell(&format!("{{ $F -r {} -o {format}; echo $? >&2; }} | head -1", many.display()));
        assert_eq!(run.out.lines().count(), 1);
        assert_eq!(run.err, "0\n");
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let run = shell("$F -r web.pcap > /dev/full");
    assert_eq!((run.code, run.err.lines().count()), (1, 1));
    assert!(run.err.starts_with("flowgauge: cannot write standard output: No space left"), "{}", run.err);
}

#[test]
fn frames_of_an_unknown_link_type_are_a_warning() {
    let mut command = flowgauge();
    command.args(["-r", "-", "--report"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut capture = pcap([1, 2]);
    capture[..24].copy_from_slice(&pcap_header(0, 147));
    child.stdin.take().unwrap().write_all(&capture).unwrap();
    let run = Run::of(&child.wait_with_output().unwrap());
    assert_eq!(run.code, 0);
    assert!(run.err.starts_with("flowgauge: warning: frames of link type "), "{}", run.err);
    assert_eq!(run.ledger()["skipped"]["unsupported_link_type"], 2);
}

#[test]
fn wrong_usage_is_told_apart_from_an_error() {
    for (arguments, word) in [
        ("", "--read"),
        ("-r", "--read"),
        ("-r web.pcap -i lo", "cannot be used with"),
        ("-o csv", "<--read <FILE|DIR|GLOB>|--interface <IFACE>>"),
        ("-r web.pcap --splt 65536", "65536 is not in 0..=65535"),
        ("-r web.pcap -c 0", "0 is not in 1.."),
        ("-r web.pcap -c -1", "-1"),
        ("-r web.pcap -c many", "many"),
        ("-r web.pcap -j 100000", "workers must be at most 1024, not 100000"),
        ("-r web.pcap -j -1", "-1"),
        ("-r web.pcap -j 99999999999999999999", "99999999999999999999"),
        ("-r web.pcap --dissect 4294967296", "4294967296"),
        ("-r web.pcap --inactive -1", "-1"),
        ("-r web.pcap --inactive=-1", "seconds from 0 on are wanted"),
        ("-r web.pcap --inactive nan", "seconds from 0 on are wanted"),
        ("-r web.pcap --active inf", "seconds from 0 on are wanted"),
        ("-r web.pcap --active 1e300", "seconds from 0 on are wanted"),
        ("-r web.pcap --active soon", "\"never\""),
        ("-r web.pcap -o xml", "json"),
        ("-r web.pcap --nonsense", "--nonsense"),
        ("-r web.pcap --report=xml", "xml"),
        ("-r web.pcap --top 3", "--summarize"),
        ("-r web.pcap -p", "is for an interface: it goes with -i"),
        ("-r web.pcap --snaplen 96", "--snaplen is for an interface"),
        ("-r web.pcap --capacity 0", "capacity must be at least 1"),
        ("-r web.pcap -s ip_source", "-s: there is no column \"ip_source\""),
        ("-r web.pcap -s ip_src/size", "flows, pkts or bytes are wanted"),
        ("-r web.pcap -s ip_src -F ip_src", "leave one of them out"),
        ("-r web.pcap -s ip_src -s ip_dst -o csv", "CSV has one table in a file"),
        ("-r web.pcap -F nonsense", "-F: there is no column \"nonsense\""),
        ("-r web.pcap -F", "--fields"),
        ("-r web.pcap -F ip_src,,ip_dst", "there is no column \"\""),
        ("-r web.pcap -F splt_size", "--splt N"),
        ("-r web.pcap -w flows", "how it is to be written is not known"),
        ("-r web.pcap -w flows.xlsx", "files that end in .xlsx are not written"),
        ("completions tcsh", "tcsh"),
        ("devices -r web.pcap", "-r"),
        ("-r web.pcap --metric big", "a name, = and an expression are wanted"),
        ("-r web.pcap --metric big=packet.sise.sum()", "\"sise\" is not a field of packets: there is "),
        ("-r web.pcap --metric big=packet.size", "it has a value for every packet: fold it"),
        ("-r web.pcap --metric big=packet.size.sum(", "at character 17 it wants"),
        ("-r web.pcap --metric =packet.size.sum()", "names that differ"),
        ("-r web.pcap --metric bytes=packet.size.sum()", "names that differ from each other and from the columns"),
        ("-r web.pcap --metric n=packet.size.sum() --metric n=packet.size.min()", "names that differ"),
        ("-r web.pcap --end-flow-when packet.size", "end_flow_when takes a bool, not int"),
        ("-r web.pcap --end-flow-when flow.pkts>3", "a column of the flow is known at its end only"),
        ("-r web.pcap --keep-flows packet.tcp_syn", "keep_flows is asked at the end of a flow"),
        ("-r web.pcap --keep-flows flow.pkts>", "at character 11 it wants"),
        ("udp", "--read"),
    ] {
        let run = run(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments}: {}", run.err);
        assert!(run.err.contains(word), "{arguments}: {}", run.err);
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let help = run("--help").silent();
    for option in
        ["--read", "--interface", "--workers", "--dissect", "--inactive", "--active", "--count", "--report", "--metric"]
    {
        assert!(help.out.contains(option), "{option}");
    }
    assert!(run("--version").silent().out.starts_with("flowgauge "));
    assert!(run("-V").silent().out.starts_with("flowgauge "));
}
