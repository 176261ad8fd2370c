//! `-s` and `--top`: sums by a column.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{run, shell};

#[test]
fn sums_are_those_of_the_flows() {
    for capture in ["web.pcap", "story.pcap", "mixed.pcapng"] {
        let flows = run(&format!("-r {capture} --dissect 0 -F ip_dst,pkts,bytes")).quiet().records();
        let mut expected: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
        for flow in &flows {
            let sums = expected.entry(flow["ip_dst"].as_str().unwrap()).or_default();
            sums[0] += 1;
            sums[1] += flow["pkts"].as_u64().unwrap();
            sums[2] += flow["bytes"].as_u64().unwrap();
        }
        for (index, by) in ["flows", "pkts", "bytes"].into_iter().enumerate() {
            let rows = run(&format!("-r {capture} --dissect 0 -s ip_dst/{by} --top 0")).quiet().records();
            assert_eq!(rows.len(), expected.len());
            let sums = |row: &Value| ["flows", "pkts", "bytes"].map(|name| row[name].as_u64().unwrap());
            assert!(rows.windows(2).all(|pair| sums(&pair[0])[index] >= sums(&pair[1])[index]));
            assert!(rows.iter().all(|row| sums(row) == expected[row["ip_dst"].as_str().unwrap()]));
            let percent: f64 = rows.iter().map(|row| row[format!("{by}_percent")].as_f64().unwrap()).sum();
            assert!((percent - 100.0).abs() < 0.01, "{percent}");
        }
    }
}

#[test]
fn so_many_rows_come_and_ten_unless_said() {
    let rows = |options: &str| run(&format!("-r story.pcap -j 0 -s flow_id {options}")).quiet().records();
    assert_eq!((rows("").len(), rows("--top 3").len(), rows("--top 0").len()), (10, 3, 31));
    // What is equal has an order of its own: the same for any number of workers.
    let ids = |options: &str| rows(options).iter().map(|row| row["flow_id"].as_u64().unwrap()).collect::<Vec<_>>();
    assert!(ids("--top 0").is_sorted());
    assert_eq!(
        run("-r story.pcap -j 3 -s flow_id --dissect 0").out,
        run("-r story.pcap -j 0 -s flow_id --dissect 0").out
    );
}

#[test]
fn sums_have_a_table_and_csv_too() {
    let table = run("-r web.pcap -s ip_protocol/bytes -s dst_port -o table").quiet().out;
    let expected = "2 of 2 ip_protocol by bytes, of 6 flows\n\
                    ip_protocol  flows     %  pkts     %  bytes     %\n\
                    tcp              3  50.0    46  88.5  10986  95.5\n\
                    udp              3  50.0     6  11.5    512   4.5\n\
                    \n\
                    3 of 3 dst_port by flows, of 6 flows\n";
    assert!(table.starts_with(expected), "{table}");
    let csv = run("-r web.pcap -s application_name/pkts --top 1 -o csv").quiet().out;
    let head = "application_name,flows,flows_percent,pkts,pkts_percent,bytes,bytes_percent\r\nTLS";
    assert!(csv.starts_with(head) && csv.lines().count() == 2, "{csv}");
    let null = run("-r web.pcap --dissect 0 -s application_name -o csv").quiet().out;
    assert_eq!(null.lines().nth(1), Some(",6,100.000,52,100.000,11498,100.000"));
    assert_eq!(run("-r web.pcap -s ip_src -o none").quiet().out, "");
    let metric = run("-r web.pcap --metric n=packet.size.count() -s n").quiet().records();
    assert!(metric.iter().all(|row| row["n"].is_u64()));
}

#[test]
fn sums_go_to_files_and_into_full_disks_as_flows_do() {
    let folder = tempfile::tempdir().unwrap();
    let line = "$F -r web.pcap -s ip_src -w T/sums.csv.gz && gzip -dc T/sums.csv.gz";
    let run = shell(&line.replace('T', &folder.path().display().to_string())).quiet();
    assert!(run.out.starts_with("ip_src,flows,"), "{}", run.out);
    assert!(shell("$F -r web.pcap -s ip_src > /dev/full").message().starts_with("cannot write standard output: "));
}
