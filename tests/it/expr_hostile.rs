//! Texts that mean harm: whatever they are, they are read in little time, or refused with a word about it.

use std::time::{Duration, Instant};

use flowgauge::expr::{Expr, methods, packet_fields};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// What is read must read the same again, and must be compiled or refused.
fn read(text: &str) {
    match Expr::parse(text) {
        Ok(expr) => {
            let written = expr.to_string();
            assert_eq!(Expr::parse(&written).as_ref(), Ok(&expr), "{text:?} is written as {written:?}");
            assert_eq!(expr.state_bytes().is_ok(), expr.check_metric().is_ok(), "{text:?}");
        }
        Err(error) => assert!(!error.detail.is_empty() && !error.expression.is_empty() || text.trim().is_empty()),
    }
}

/// Pieces that texts are made of, whole ones and such as tear others apart.
fn piece() -> impl Strategy<Value = String> {
    let signs =
        "( ) ( ) [ ] , . + - * / // % & | ^ ~ << >> == != < <= > >= = ! \" ' \\ \n _ é 日 \u{a0} \u{feff} \0 # @ ; : {";
    let words = "packet flow when then otherwise True False None nan inf 0 1 7 0.5 1e9 1e999 1. .5 1_000 0x10 \
                 9223372036854775807 9223372036854775808 99999999999999999999 \"direction\" \"é\" __class__ lambda";
    let pieces: Vec<_> = signs.split(' ').chain(words.split_whitespace()).map(str::to_owned).collect();
    let fields: Vec<_> = packet_fields().iter().map(|field| format!("packet.{}", field.name)).collect();
    let calls: Vec<_> = methods().iter().map(|method| format!(".{}(", method.name)).collect();
    let whole = "packet.size.sum() packet.gap.quantile(0.9) .first(3) .histogram([1,2]) .over(\"direction\") flow.ip_src flow.src_to_dst_pkts";
    let whole: Vec<_> = whole.split(' ').map(str::to_owned).collect();
    prop_oneof![3 => select(pieces), 2 => select(fields), 2 => select(calls), 2 => select(whole), 1 => "\\PC{0,4}"]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20_000) })]

    #[test]
    fn no_text_breaks_the_parser(text in any::<String>(), bytes in vec(any::<u8>(), 0..64)) {
        read(&text);
        read(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_row_of_pieces_breaks_the_parser(pieces in vec(piece(), 0..12), space in any::<bool>()) {
        read(&pieces.join(if space { " " } else { "" }));
    }
}

#[test]
fn texts_of_any_script_are_kept() {
    for text in ["é", "日本", "a\u{301}", "\u{1f600}", "tab\there", "line\nend", "quote\"s'", "back\\slash", "\0", ""]
    {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        let written = format!("flow.ip_src == \"{escaped}\"");
        let expr = Expr::parse(&written).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(expr, Expr::parse(&expr.to_string()).unwrap());
        assert_ne!(expr, Expr::parse("flow.ip_src == \"other\"").unwrap());
    }
    for (text, column) in [("packet.size é", "13"), ("\"é\" + é", "7"), ("é", "1"), ("日.sum()", "1")] {
        let error = Expr::parse(text).unwrap_err();
        assert!(error.to_string().contains(&format!("character {column} ")), "{error}");
    }
    // No sign but those of ASCII is one, and no space of another script joins names.
    for text in ["packet.size\u{ff0b}1", "\u{661}", "packet\u{2024}size", "packet.s\u{456}ze", "1\u{2212}1"] {
        assert!(Expr::parse(text).is_err(), "{text}");
    }
}

/// Texts that grow without end, in a language that could be slow to read them.
#[test]
fn no_long_text_takes_long() {
    let begun = Instant::now();
    for unit in [
        "(",
        "-",
        "~",
        "+",
        "[",
        ".",
        "\"",
        "\\",
        "é",
        " ",
        "1",
        "1e",
        "1.",
        "_",
        "a",
        "packet.",
        "packet.size.",
        "when(",
        "1+",
        "1 + ",
        "packet.size.min(",
        "packet.size.filter(packet.tcp_syn).",
        ".abs()",
        "- -",
        "packet.size.histogram([",
        "[1,",
        "==",
        "<<",
        "packet.size == ",
        "True & ",
        "(((packet.size)))+",
        "packet.size.clip(1,2).",
    ] {
        for count in [1, 99, 100, 101, 1_000, 16_384 / unit.len(), 16_384 / unit.len() + 1, 1_000_000] {
            for end in ["", "1", ")", "packet.size", "sum()"] {
                read(&format!("{}{end}", unit.repeat(count)));
                read(&format!("packet.size{}{end}", unit.repeat(count)));
            }
        }
    }
    let edges = (0..255).map(|edge| edge.to_string()).collect::<Vec<_>>().join(", ");
    read(&format!("packet.size.histogram([{edges}])"));
    assert!(Expr::parse(&format!("packet.size.histogram([{edges}])")).is_ok());
    assert!(Expr::parse(&format!("packet.size.histogram([{edges}, 255])")).is_err());
    let text = "x".repeat(16_000);
    assert!(Expr::parse(&format!("flow.ip_src == \"{text}\"")).is_ok());
    // Some thousand texts of 16 KiB, on a slow machine.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}
