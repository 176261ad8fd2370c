//! What the README, the page of the command and its help show runs as it stands.

use std::fs;
use std::process::Command;

use crate::support::{Run, data, flowgauge, run};

/// The commands that a text shows, on lines of their own, without what comes after `#`.
fn commands(text: &str) -> Vec<String> {
    let lines = text.replace("\\\n", " ");
    let lines = lines.lines().map(|line| line.trim().split("  #").next().unwrap_or_default().trim().to_owned());
    lines.filter(|line| line.starts_with("flowgauge ")).collect()
}

#[test]
fn every_command_that_is_shown_runs() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("captures")).unwrap();
    for name in ["trace.pcap", "captures/a.pcap", "b.pcapng.gz"] {
        fs::copy(data("story.pcap"), at(name)).unwrap();
    }
    let help = run("--help").silent().out.split_once("Examples:").unwrap().1.to_owned();
    let readme = include_str!("../../../README.md").split("## The command").nth(1).unwrap();
    let readme = readme.split("```").nth(1).unwrap();
    for (text, least) in [(help.as_str(), 7), (readme, 9)] {
        let shown = commands(text);
        assert!(shown.len() >= least, "{shown:?}");
        // There may be nothing to capture on.
        for line in shown.iter().filter(|line| !line.contains(" -i ")) {
            let line = line.replacen("flowgauge", "$F", 1);
            let mut command = Command::new("sh");
            command.args(["-c", &line]).env("F", env!("CARGO_BIN_EXE_flowgauge")).current_dir(folder.path());
            let run = Run::of(&command.output().unwrap());
            assert_eq!(run.code, 0, "{line}: {}", run.err);
        }
    }
    assert!(at("flows.csv.gz").exists());
}

#[test]
fn what_the_page_says_of_other_programs_is_taken() {
    let page = include_str!("../../../docs/command.md");
    for options in ["--snaplen 96", "-o csv -F ip_src,dst_port", "-s ip_src/bytes --top 5", "-s ip_src", "-o csv"] {
        assert!(page.contains(&format!("`{options}`")), "{options}");
        let source = if options.starts_with("--snaplen") { "-i nowhere" } else { "-r web.pcap" };
        let run = run(&format!("{source} {options}"));
        assert_ne!(run.code, 2, "{options}: {}", run.err);
    }
    let mut command = flowgauge();
    command.arg("-r").arg(data("web.pcap")).args(["--keep-flows", "flow.dst_port == 443"]);
    assert_eq!(Run::of(&command.output().unwrap()).quiet().records().len(), 2);
}
