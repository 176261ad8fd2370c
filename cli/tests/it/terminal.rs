//! On a terminal: a table, no text that it would obey, a line of progress.

use std::fs;

use crate::support::{on_terminal, request, run, shell};

#[test]
fn flows_are_a_table_on_a_terminal_and_json_in_a_pipe() {
    let Some(wide) = on_terminal(130, "$F -r web.pcap -j 0") else { return };
    let expected = run("-r web.pcap -j 0 -o table").quiet().out;
    assert_eq!((wide.code, wide.out.as_str()), (0, format!("{expected}52 packets read, 6 flows\n").as_str()));
    let piped = on_terminal(130, "$F -r web.pcap -j 0 -q | cat").unwrap();
    assert_eq!(piped.out, run("-r web.pcap -j 0").quiet().out);
    let said = on_terminal(130, "$F -r web.pcap -j 0 -q -o json").unwrap();
    assert_eq!(said.out, piped.out);
    assert!(on_terminal(130, "$F -r web.pcap -s ip_src").unwrap().out.starts_with("2 of 2 ip_src by flows, of 6"));
}

#[test]
fn a_narrow_terminal_gets_fewer_columns_and_no_broken_lines() {
    for columns in [130, 120, 110, 100, 90, 85, 80] {
        let Some(run) = on_terminal(columns, "$F -r web.pcap -j 0 -q") else { return };
        assert!(run.out.lines().all(|line| line.chars().count() <= columns.into()), "{columns}: {}", run.out);
        let first = run.out.lines().next().unwrap();
        assert_eq!(first.contains("start_time"), columns >= 97, "{columns}: {first}");
        assert!(["source", "destination", "pkts", "bytes"].iter().all(|name| first.contains(name)));
    }
}

#[test]
fn a_text_from_the_network_cannot_give_the_terminal_orders() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.pcap");
    // CSI as one character, and one that turns the line around; HTTP's own rules keep ESC out.
    fs::write(&path, request("evil\u{9b}31m\u{202e}end".as_bytes())).unwrap();
    for options in
        ["-F user_agent", "-o csv -F user_agent", "-o json -F user_agent", "-s user_agent", "-s user_agent -o csv"]
    {
        let Some(run) = on_terminal(100, &format!("$F -r {} {options}", path.display())) else { return };
        assert!(run.out.contains("evil"), "{options}: {}", run.out);
        let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!run.out.contains(obeyed), "{options}: {:?}", run.out);
    }
    // A file has what was there.
    let csv = shell(&format!("$F -q -r {} -o csv -F user_agent", path.display())).silent().out;
    assert_eq!(csv, "user_agent\r\nevil\u{9b}31m\u{202e}end\r\n");
    let json = shell(&format!("$F -q -r {} -F user_agent", path.display())).silent();
    assert_eq!(json.records()[0]["user_agent"], "evil\u{9b}31m\u{202e}end");
    assert!(!json.out.contains('\u{9b}'));
}

#[test]
fn wide_characters_and_towers_of_marks_keep_within_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.pcap");
    for text in ["漢字".repeat(40), "e\u{301}".repeat(60), format!("e{}", "\u{301}".repeat(200)), "\u{3164}".repeat(9)]
    {
        fs::write(&path, request(text.as_bytes())).unwrap();
        for (options, columns) in [("-F user_agent,pkts", 80), ("-s user_agent", 80), ("-F pkts,user_agent", 40)] {
            let Some(run) = on_terminal(columns, &format!("$F -q -r {} {options}", path.display())) else { return };
            let widest = run.out.lines().map(console::measure_text_width).max();
            assert!(widest <= Some(columns.into()), "{options}: {widest:?}: {}", run.out);
            assert!(!run.out.contains(&"\u{301}".repeat(5)) && !run.out.contains('\u{3164}'), "{options}: {}", run.out);
        }
    }
}

#[test]
fn progress_is_seen_on_a_terminal_and_nowhere_else() {
    let Some(run) = on_terminal(100, "$F -r web.pcap --progress -o none") else { return };
    assert!(run.out.contains(" packets/s, ") && run.out.ends_with("52 packets read, 6 flows\n"), "{:?}", run.out);
    let table = on_terminal(100, "$F -r web.pcap --progress").unwrap();
    assert!(!table.out.contains("packets/s"), "{}", table.out);
    assert!(shell("$F -r web.pcap --progress").quiet().records().len() == 6);
}
