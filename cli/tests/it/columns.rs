//! `-F` and the options that add columns, in every format; texts from the network in CSV.

use std::fs;

use serde_json::Value;

use crate::support::{Run, flowgauge, request, run};

fn keys(record: &Value) -> Vec<&str> {
    record.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn columns_come_as_asked_for_in_every_format() {
    let json = run("-r web.pcap -j 0 -F dst_port,bytes,ip_src").quiet();
    assert!(json.out.starts_with("{\"dst_port\": 53, \"bytes\": 166, \"ip_src\": \"192.0.2.10\"}\n"), "{}", json.out);
    let csv = run("-r web.pcap -j 0 -o csv -F dst_port,bytes -F ip_src").quiet();
    assert!(csv.out.starts_with("dst_port,bytes,ip_src\r\n53,166,192.0.2.10\r\n"), "{}", csv.out);
    let table = run("-r web.pcap -j 0 -o table --fields dst_port,bytes,ip_src").quiet();
    assert!(table.out.starts_with("dst_port  bytes  ip_src\n      53    166  192.0.2.10\n"), "{}", table.out);
}

#[test]
fn a_column_turns_its_option_on() {
    let record = &run("-r tls.pcap -F requested_server_name,size_mean,retransmitted_pkts,ip_src").records()[0];
    assert_eq!(record["requested_server_name"], "www.example.org");
    assert!(record["size_mean"].is_f64());
    let record = &run("-r tls.pcap --splt 3 -F splt_size").records()[0];
    assert_eq!(record["splt_size"].as_array().unwrap().len(), 3);
    let sums = run("-r tls.pcap -s requested_server_name/pkts").quiet().records();
    assert_eq!(sums[0]["requested_server_name"], "www.example.org");
}

#[test]
fn groups_stand_for_their_columns() {
    let count = |fields: &str| {
        let records = run(&format!("-r web.pcap --metric n=packet.size.count() -F {fields}")).quiet().records();
        keys(&records[0]).len()
    };
    assert_eq!((count("core"), count("metrics"), count("metrics,core,n,core,ip_src")), (14, 1, 15));
    assert!(count("all") > 100 && count("statistics") > 20 && count("ip_src,tcp") > 2);
    let metric = &run("-r web.pcap --metric n=packet.size.count() -F n,pkts").quiet().records()[0];
    assert_eq!(metric["n"], metric["pkts"]);
}

#[test]
fn lines_of_json_have_what_options_add() {
    let count = |options: &str| keys(&run(&format!("-r web.pcap {options}")).quiet().records()[0]).len();
    assert_eq!(count(""), 14);
    let statistics = count("--statistics");
    assert!(statistics > 14);
    assert_eq!(count("--splt 2 --metric n=packet.size.count()"), 18);
    assert!(count("--statistics --splt 2 --tcp-analysis --application-fields") > statistics + 20);
}

#[test]
fn a_text_from_the_network_is_no_formula_in_csv() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("formula.pcap");
    fs::write(&path, request(b"=HYPERLINK(\"http://evil\",\"x\")")).unwrap();
    let csv = |more: &[&str]| {
        let mut command = flowgauge();
        command.arg("-r").arg(&path).args(["-o", "csv", "-F", "src_port,user_agent"]).args(more);
        Run::of(&command.output().unwrap()).quiet().out
    };
    let exact = "\"=HYPERLINK(\"\"http://evil\"\",\"\"x\"\")\"";
    assert_eq!(csv(&["--verbatim"]), format!("src_port,user_agent\r\n49153,{exact}\r\n"));
    assert_eq!(csv(&[]), format!("src_port,user_agent\r\n49153,{}\r\n", exact.replacen('=', "'=", 1)));
}
