//! What is asked for on the web, on the screen: urls.

use std::path::Path;

use crate::support::{on_terminal, request, run};

/// A capture of the peer project; none where those are not there.
fn peers(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/peers/chains/captures").join(name);
    if !path.is_file() {
        eprintln!("skipped: there is no {}", path.display());
        return None;
    }
    Some(path.display().to_string())
}

#[test]
fn every_form_is_as_it_was() {
    for (options, golden) in [
        ("-r web.pcap", include_str!("../golden/urls_blocks.txt")),
        ("-r web.pcap --json", include_str!("../golden/urls_json.jsonl")),
        ("-r web.pcap --csv", include_str!("../golden/urls_csv.csv")),
        ("-r story.pcap", include_str!("../golden/urls_story.txt")),
    ] {
        let shown = run(&format!("urls -q {options}")).silent().out;
        assert_eq!(shown, golden, "{options}");
    }
}

#[test]
fn what_urlwatch_was_to_print_is_printed() {
    let count = |text: &str, title: &str| text.lines().filter(|line| *line == title).count();
    for (name, requests, responses, tls) in [("http.pcap", 2, 2, 0), ("sqli.pcap", 2, 1, 0), ("https.pcap", 0, 0, 1)] {
        let Some(path) = peers(name) else { return };
        let text = run(&format!("urls -q -r {path}")).silent().out;
        let titles = ["HTTP_REQUEST", "HTTP_RESPONSE", "TLS_CTS", "TLS_STC"].map(|title| count(&text, title));
        assert_eq!(titles, [requests, responses, tls, tls], "{name}\n{text}");
    }
    let text = run(&format!("urls -q -r {}", peers("http.pcap").unwrap())).silent().out;
    let request = "HTTP_REQUEST\n\tPayload Size: 479\n\t145.254.160.237 --> Host: www.ethereal.com\n\tURI: /download.html\n\
                   \tReferer: http://www.ethereal.com/development.html\n\tAgent: Mozilla/5.0 (Windows; U; Windows NT 5.1; \
                   en-US; rv:1.6) Gecko/20040113\n\n";
    assert!(text.starts_with(request), "{text}");
    let response =
        "\tPayload Size: 18364\n\t65.208.228.223 --> 145.254.160.237\n\tURI: /download.html\n\tStatus: 200 OK\n";
    assert!(text.contains(response), "{text}");
    let text = run(&format!("urls -q -r {}", peers("https.pcap").unwrap())).silent().out;
    assert!(text.contains("tls_records(14)") && text.contains("tls_records(7)"), "{text}");
}

#[test]
fn a_terminal_obeys_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.pcap");
    std::fs::write(&path, request("evil\x1b[31m\u{9b}31m\u{202e}end".as_bytes())).unwrap();
    for options in ["", "--json", "--csv"] {
        let Some(shown) = on_terminal(100, &format!("TERM=dumb $F urls -q {options} -r {}", path.display())) else {
            return;
        };
        let obeyed = |c: char| (c.is_control() && c != '\n' && c != '\t' && c != '\r') || c == '\u{202e}';
        assert!(!shown.out.contains(obeyed), "{options}: {:?}", shown.out);
    }
    let shown = on_terminal(100, "TERM=xterm $F urls -q -r web.pcap").unwrap();
    let plain = include_str!("../golden/urls_blocks.txt");
    assert!(shown.out.contains("\x1b[36mHTTP_REQUEST\x1b[0m"), "{:?}", shown.out);
    // The terminal turns tabs into blanks, or not.
    let bare = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(bare(&shown.out.replace("\x1b[36m", "").replace("\x1b[0m", "")), bare(plain));
}

#[test]
fn wrong_use_is_told_and_help_knows_it() {
    assert_eq!(run("urls").code, 2);
    assert_eq!(run("urls --json --csv -r web.pcap").code, 2);
    assert_eq!(run("urls -r missing.pcap").code, 1);
    assert!(run("urls --help").silent().out.contains("--resolve"));
    assert!(run("man").silent().out.contains("flowgauge urls"));
    let told = run("urls -r web.pcap").err;
    assert!(told.contains(" HTTP messages, ") && told.contains(" packets\n"), "{told}");
}
