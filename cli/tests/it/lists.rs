//! What does not meter: devices, schema, completions, the manual page.

use serde_json::Value;

use crate::support::{run, shell};

#[test]
fn devices_are_listed_for_people_and_programs() {
    let json: Value = serde_json::from_str(&run("devices -o json").silent().out).unwrap();
    let names: Vec<_> = json.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"lo") && json.as_array().unwrap().iter().all(|one| one["is_up"].is_boolean()));
    let text = run("devices").silent().out;
    assert!(text.starts_with("name") && text.lines().count() == names.len() + 1);
    assert!(names.iter().all(|name| text.contains(name)));
}

#[test]
fn the_schema_is_the_table_of_columns() {
    let json: Value = serde_json::from_str(&run("schema -o json").silent().out).unwrap();
    let all = json.as_array().unwrap();
    let csv = run("-r web.pcap -o csv --statistics --splt 1 --application-fields --tcp-analysis").quiet().out;
    let names: Vec<_> = all.iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(csv.lines().next().unwrap().split(',').collect::<Vec<_>>(), names);
    assert!(all.iter().all(|column| column["type"].is_string() && column["nullable"].is_boolean()));
    let markdown = run("schema -o markdown").silent().out;
    let page = include_str!("../../../docs/columns.md");
    assert!(page.ends_with(&markdown), "docs/columns.md has another table");
    let text = run("schema").silent().out;
    assert_eq!(text.lines().count(), names.len() + 1);
    assert!(text.contains("--application-fields") && text.lines().next().unwrap().ends_with("what it is"));
}

#[test]
fn completions_and_the_manual_page_know_every_option() {
    for (shell, words) in [("bash", "complete -F"), ("zsh", "#compdef flowgauge"), ("fish", "complete -c flowgauge")] {
        let script = run(&format!("completions {shell}")).silent().out;
        assert!(script.contains(words) && script.contains("summarize"), "{shell}");
    }
    let page = run("man").silent().out;
    for words in ["\\-\\-summarize", "\\-\\-keep\\-flows", "flowgauge schema", "Exit status: 0"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("schema(1)"));
}

#[test]
fn lists_may_be_cut_off_and_meet_full_disks() {
    for list in ["devices", "schema", "man", "completions bash"] {
        let run = shell(&format!("$F {list} > /dev/full"));
        assert!(run.message().starts_with("cannot write standard output: No space left"), "{list}: {}", run.err);
        let run = shell(&format!("{{ $F {list}; echo $? >&2; }} | true"));
        assert_eq!(run.err, "0\n", "{list}");
    }
}

#[test]
fn their_names_are_words_of_a_filter_after_an_option() {
    // BPF takes it for the name of a host, which there is none of.
    let run = run("-r web.pcap schema");
    assert!(run.message().starts_with("cannot compile the BPF filter \"schema\""), "{}", run.err);
}
