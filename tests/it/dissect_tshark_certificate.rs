//! Whose certificates are, who issued them and when they are valid, against tshark's fields, on the captures of ../shared.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use flowgauge::Timestamp;
use flowgauge::flow::Facts;

use crate::dissect_tshark_tls::{Conversation, conversation, dissected};
use crate::support::captures::shared;
use crate::support::oracle;

/// Fields by their names here.
type Told = BTreeMap<&'static str, String>;

/// Captures, how many fields of how many of their conversations differ, and why.
const EXCEPTIONS: &[(&str, usize, &str)] = &[
    ("KakaoTalk_chat.pcap", 4, "tshark waits for the rest of a record that was not captured (frame 347)"),
    ("android.pcap", 4, "tshark gives a handshake up whose segments came out of order (frames 155, 157, 159)"),
    ("smtp-starttls.pcap", 4, "TLS begins in the middle of an SMTP connection (frame 15)"),
    ("tls-rdn-extract.pcap", 1, "a name that is longer than what is kept of one (frame 6)"),
    ("viber.pcap", 8, "tshark gives handshakes up whose segments came out of order (frames 44 to 47, 217 to 220)"),
];

/// What tshark tells of the first certificate of each conversation, out of its description of every packet that has one.
fn theirs(path: &Path) -> HashMap<Conversation, Told> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(path).args(["-Y", "tls.handshake.type==11", "-T", "pdml"]);
    let output = String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned();
    let mut told = HashMap::new();
    for packet in output.split("<packet>").skip(1) {
        let fields: Vec<(&str, String)> = packet.lines().filter_map(field).collect();
        // The innermost of tunnelled packets comes last.
        let last = |names: [&str; 2]| fields.iter().rev().find(|(name, _)| names.contains(name)).map(|(_, text)| text);
        let end =
            |address: [&str; 2], port: &str| Some((last(address)?.parse().ok()?, last([port, port])?.parse().ok()?));
        let (Some(src), Some(dst)) =
            (end(["ip.src", "ipv6.src"], "tcp.srcport"), end(["ip.dst", "ipv6.dst"], "tcp.dstport"))
        else {
            continue;
        };
        let first = fields.iter().skip_while(|(name, _)| *name != "tls.handshake.certificate").skip(1);
        let fields: Vec<_> = first.take_while(|(name, _)| *name != "x509af.subjectPublicKeyInfo_element").collect();
        if !fields.is_empty() {
            told.entry(conversation(6, src, dst)).or_insert_with(|| certificate(&fields));
        }
    }
    told
}

/// Name and value of the field on a line of PDML.
fn field(line: &str) -> Option<(&str, String)> {
    let attribute = |name: &str| {
        let rest = line.split_once(name)?.1;
        Some(rest.split_once('"')?.0)
    };
    let mut text = attribute("\" show=\"").or_else(|| attribute(" show=\""))?.to_owned();
    for (entity, character) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&amp;", "&")] {
        text = text.replace(entity, character);
    }
    Some((attribute("<field name=\"")?, text))
}

/// What the fields of a certificate tell, names as RFC 4514 writes them.
fn certificate(fields: &[&(&str, String)]) -> Told {
    let (mut told, mut part, mut oid) = (Told::new(), "", String::new());
    let mut names: HashMap<&str, Vec<String>> = HashMap::new();
    for (name, text) in fields {
        match *name {
            "x509af.issuer" => part = "issuer",
            "x509af.subject" => part = "subject",
            "x509af.notBefore" => part = "not_before",
            "x509af.notAfter" => part = "not_after",
            "x509af.utcTime" | "x509af.generalizedTime" => {
                told.insert(part, seconds(text).to_string());
            }
            "x509if.RDNSequence_item" => names.entry(part).or_default().push(String::new()),
            "x509if.oid" => oid.clone_from(text),
            "x509sat.DirectoryString" => {}
            value if value.starts_with("x509sat.") => {
                let rdn = names.entry(part).or_default().last_mut().unwrap();
                let plus = if rdn.is_empty() { "" } else { "+" };
                let short = NAMES.iter().find(|(known, _)| *known == oid).map_or(&*oid, |(_, short)| short);
                write!(rdn, "{plus}{short}={}", escaped(text)).unwrap();
            }
            _ => {}
        }
    }
    for (part, mut rdns) in names {
        rdns.reverse();
        told.insert(if part == "issuer" { "issuer" } else { "subject" }, rdns.join(","));
    }
    told
}

/// Seconds since 1970 at a moment as tshark prints it: `2019-12-17 01:17:28 (UTC)`, or `Dec 17, 2019 01:17:28.0 UTC`.
fn seconds(text: &str) -> i64 {
    let mut text = text.to_owned();
    if let [month, day, year, time, ..] = text.split_whitespace().collect::<Vec<_>>()[..] {
        let month = "JanFebMarAprMayJunJulAugSepOctNovDec".find(month).unwrap() / 3 + 1;
        text = format!("{year}-{month}-{} {time}", day.trim_end_matches(','));
    }
    let mut numbers = text.split(['-', ' ', ':', '.']).map(|number| number.parse().unwrap());
    let [year, month, day, hour, minute, second]: [i64; 6] = std::array::from_fn(|_| numbers.next().unwrap());
    // A year begins in March here, so that the leap day is its last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    ((days * 24 + hour) * 60 + minute) * 60 + second
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for (nth, character) in text.chars().enumerate() {
        let outer = nth == 0 || nth + 1 == text.chars().count();
        if "\"+,;<>\\".contains(character) || character == ' ' && outer || character == '#' && nth == 0 {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

fn as_told(facts: &Facts) -> Told {
    let time = |stamp: Timestamp| (stamp.as_millis() / 1000).to_string();
    let fields = [
        ("subject", facts.tls_subject().map(str::to_owned)),
        ("issuer", facts.tls_issuer().map(str::to_owned)),
        ("not_before", facts.tls_not_before.map(time)),
        ("not_after", facts.tls_not_after.map(time)),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

#[test]
fn tshark_reads_the_same_certificates_in_every_conversation() {
    if !oracle::there("tshark", &["--version"]) {
        return;
    }
    let (captures, mut same, mut unexplained) = (shared("corpus"), 0, Vec::new());
    for path in &captures {
        let (theirs, ours) = (theirs(path), dissected(path));
        let ours: HashMap<_, _> = ours.iter().map(|(conversation, facts)| (conversation, as_told(facts))).collect();
        let (mut differences, none) = (Vec::new(), Told::new());
        for conversation in ours.keys().copied().chain(theirs.keys().filter(|their| !ours.contains_key(their))) {
            let (their, our) = (theirs.get(conversation).unwrap_or(&none), ours.get(conversation).unwrap_or(&none));
            for name in ["subject", "issuer", "not_before", "not_after"] {
                match (their.get(name), our.get(name)) {
                    (None, None) => {}
                    (their, our) if their == our => same += 1,
                    (their, our) => differences.push(format!("{conversation:?} {name}: tshark {their:?}, we {our:?}")),
                }
            }
        }
        let name = path.file_name().unwrap().to_string_lossy();
        let excepted = EXCEPTIONS.iter().find(|(file, ..)| *file == name);
        if excepted.map_or(0, |(_, count, _)| *count) != differences.len() {
            unexplained.push(format!("{name}: {} differences {differences:#?}, {excepted:?}", differences.len()));
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    assert!(same > 200 || captures.len() < 100, "only {same} fields");
}

const NAMES: [(&str, &str); 17] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.42", "givenName"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];
