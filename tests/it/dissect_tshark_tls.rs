//! What TLS, DTLS and QUIC hellos tell of each flow, against tshark's fields, on the captures of ../shared.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use flowgauge::dissect::Dissection;
use flowgauge::flow::{Direction, Facts};
use flowgauge::packet::{DecodeOptions, Decoded, Decoder, Packet, Tunnels};

use crate::support::captures::{frames, shared};
use crate::support::oracle;

/// IP protocol and the two ends in order.
pub(crate) type Conversation = (u8, (IpAddr, u16), (IpAddr, u16));
/// Fields by their names here.
type Told = BTreeMap<&'static str, String>;

/// Captures, how many fields of how many of their conversations differ, and why.
const EXCEPTIONS: &[(&str, usize, &str)] = &[
    ("443-opvn.pcap", 5, "TLS inside OpenVPN, which does not begin with a handshake record"),
    ("KakaoTalk_chat.pcap", 3, "tshark gives a server's hello up that we join out of segments"),
    ("android.pcap", 3, "tshark gives a hello up whose segments came out of order (frames 155, 157, 159)"),
    ("anyconnect-vpn.pcap", 5, "Cisco's DTLS from before RFC 4347, version 0x0100"),
    ("ja3_lots_of_cipher_suites.pcap", 1, "more cipher suites than are kept; the fingerprint is of all"),
    ("quic-mvfst-22.pcap", 4, "draft 22 of QUIC"),
    ("quic_interop_V.pcapng", 252, "reserved versions that ask for a negotiation, which tshark takes for a draft"),
    ("quic_t51.pcap", 4, "Google's QUIC T051"),
    ("skype.pcap", 15, "the client says hello in the format of SSLv2, which is not read"),
    ("smtp-starttls.pcap", 5, "TLS begins in the middle of an SMTP connection"),
    ("viber.pcap", 6, "tshark gives hellos up whose segments came out of order (frames 217 to 220)"),
];

/// Our names and the fields of tshark's that tell the same: of a client's hello, or of a server's.
const CLIENT: [(&str, &str); 4] = [
    ("ja3", "handshake.ja3"),
    ("name", "handshake.extensions_server_name"),
    ("protocols", "handshake.extensions_alpn_str"),
    ("ciphers", "handshake.ciphersuite"),
];
const SERVER: [(&str, &str); 2] = [("cipher", "handshake.ciphersuite"), ("ja3s", "handshake.ja3s")];
/// The fields that are printed: the client's, then the server's but for the one that both have.
const FIELDS: [&str; 8] = [
    CLIENT[0].1,
    CLIENT[1].1,
    CLIENT[2].1,
    CLIENT[3].1,
    SERVER[1].1,
    "handshake.version",
    "handshake.extensions.supported_version",
    "handshake.type",
];

/// Runs tshark over the hellos of a capture; each line has the ends, the layers, and the fields.
fn theirs(path: &Path) -> HashMap<Conversation, Told> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(path);
    command.args(["-Y", "tls.handshake.type in {1,2} or dtls.handshake.type in {1,2}"]);
    command.args(["-T", "fields", "-E", "separator=|", "-E", "aggregator=;", "-E", "occurrence=a"]);
    let ends = ["ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport"];
    ends.iter().for_each(|field| _ = command.args(["-e", field]));
    for layer in ["tls", "dtls"] {
        FIELDS.iter().for_each(|field| _ = command.args(["-e", &format!("{layer}.{field}")]));
    }
    let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let mut told = HashMap::new();
    for line in output.lines() {
        let values: Vec<&str> = line.split('|').collect();
        let last = |nth: usize| values[nth].rsplit(';').next().filter(|value| !value.is_empty());
        let address = |nth: usize| last(nth + 2).or(last(nth)).and_then(|text| text.parse::<IpAddr>().ok());
        let (Some(src), Some(dst)) = (address(0), address(1)) else { continue };
        let (protocol, ports) = if last(4).is_some() { (6, 4) } else { (17, 6) };
        let port = |nth: usize| last(nth).and_then(|text| text.parse().ok()).unwrap_or(0);
        let conversation = conversation(protocol, (src, port(ports)), (dst, port(ports + 1)));
        let told: &mut Told = told.entry(conversation).or_default();
        for layer in 0..2 {
            let values = &values[8 + layer * FIELDS.len()..][..FIELDS.len()];
            let types: Vec<&str> = values[FIELDS.len() - 1].split(';').collect();
            let (fields, values): (&[_], _) = match types[..] {
                _ if types.contains(&"1") && types.contains(&"2") => continue,
                _ if types.contains(&"1") => (&CLIENT, &values[..4]),
                // What a QUIC server says is encrypted with keys that are not derived here.
                _ if types.contains(&"2") && (protocol, layer) == (17, 0) => continue,
                _ if types.contains(&"2") => (&SERVER, &values[3..]),
                _ => continue,
            };
            if !fields.iter().any(|(name, _)| told.contains_key(name)) {
                let filled = fields.iter().zip(values).filter(|(_, value)| !value.is_empty());
                told.extend(filled.map(|((name, _), value)| (*name, (*value).to_owned())));
                if fields.len() == SERVER.len() {
                    // That of the extension is the one that was settled on (RFC 8446 §4.2.1).
                    let version = [values[3], values[2]].into_iter().find(|version| !version.is_empty());
                    told.extend(version.map(|version| ("version", version_name(version).to_owned())));
                }
            }
        }
    }
    told
}

/// What we tell of it.
fn ours(path: &Path) -> HashMap<Conversation, Told> {
    let told = dissected(path).into_iter().map(|(conversation, facts)| (conversation, as_told(&facts)));
    told.filter(|(_, told)| !told.is_empty()).collect()
}

/// What is learnt of every conversation; one that was opened again is one dissection, as far as it goes.
pub(crate) fn dissected(path: &Path) -> HashMap<Conversation, Facts> {
    let mut decoder = Decoder::new(DecodeOptions::new().tunnels(Tunnels::ALL));
    let mut flows: HashMap<Conversation, (IpAddr, u16, Dissection)> = HashMap::new();
    for (number, frame) in frames(path).iter().enumerate() {
        let raw = frame.raw(number as u64 + 1);
        let Decoded::Packet(info) = decoder.decode(&raw) else { continue };
        let packet = Packet::new(raw, &info);
        let src = (packet.ip_src(), info.src_port);
        let conversation = conversation(info.ip_protocol, src, (packet.ip_dst(), info.dst_port));
        let (address, port, dissection) =
            flows.entry(conversation).or_insert_with(|| (src.0, src.1, Dissection::new(info.ip_protocol)));
        let forward = (*address, *port) == src;
        dissection.observe(if forward { Direction::SrcToDst } else { Direction::DstToSrc }, &packet);
    }
    let learnt = flows
        .into_iter()
        .filter_map(|(conversation, (.., dissection))| Some((conversation, (*dissection.finish()?).clone())));
    learnt.collect()
}

fn as_told(facts: &Facts) -> Told {
    let mut told = Told::new();
    let hex = |numbers: &[u16]| numbers.iter().map(|number| format!("0x{number:04x}")).collect::<Vec<_>>().join(";");
    if let Some(ja3) = facts.ja3() {
        told.insert("ja3", ja3.to_owned());
        told.insert("ciphers", hex(&facts.tls_ciphers));
        told.extend(facts.requested_server_name().map(|name| ("name", name.to_owned())));
        told.extend(facts.tls_alpn().map(|protocols| ("protocols", protocols.replace(',', ";"))));
    }
    if let Some(ja3s) = facts.ja3s() {
        told.insert("ja3s", ja3s.to_owned());
        told.extend(facts.tls_cipher.map(|cipher| ("cipher", hex(&[cipher]))));
        told.extend(facts.tls_version().map(|version| ("version", version.to_owned())));
    }
    told
}

/// Our name of a version as tshark prints it.
fn version_name(number: &str) -> &str {
    match number {
        "0x0300" => "SSLv3",
        "0x0301" => "TLSv1",
        "0x0302" => "TLSv1.1",
        "0x0303" => "TLSv1.2",
        "0x0304" => "TLSv1.3",
        "0xfeff" => "DTLSv1.0",
        "0xfefd" => "DTLSv1.2",
        // Drafts, and Facebook's two.
        "0xfb17" | "0xfb1a" => "TLSv1.3",
        draft if draft.starts_with("0x7f") => "TLSv1.3",
        other => other,
    }
}

pub(crate) fn conversation(protocol: u8, one: (IpAddr, u16), other: (IpAddr, u16)) -> Conversation {
    if one <= other { (protocol, one, other) } else { (protocol, other, one) }
}

/// How many fields are the same, and every one that is not.
fn compare(path: &Path) -> (usize, Vec<String>) {
    let (theirs, ours) = (theirs(path), ours(path));
    let (mut same, mut differences) = (0, Vec::new());
    let mut conversations: Vec<_> = theirs.keys().chain(ours.keys()).collect();
    conversations.sort();
    conversations.dedup();
    let none = Told::new();
    for conversation in conversations {
        let (their, our) = (theirs.get(conversation).unwrap_or(&none), ours.get(conversation).unwrap_or(&none));
        for (name, _) in CLIENT.iter().chain(&SERVER).chain(&[("version", "")]) {
            match (their.get(name), our.get(name)) {
                (None, None) => {}
                (their, our) if their == our => same += 1,
                (their, our) => differences.push(format!("{conversation:?} {name}: tshark {their:?}, we {our:?}")),
            }
        }
    }
    (same, differences)
}

#[test]
fn tshark_reads_the_same_hellos_in_every_conversation() {
    if !oracle::there("tshark", &["--version"]) {
        return;
    }
    let captures: Vec<PathBuf> = shared("corpus");
    let compared = oracle::by_two(&captures, compare);
    let mut unexplained = Vec::new();
    for (name, (_, differences)) in &compared {
        let excepted = EXCEPTIONS.iter().find(|(file, ..)| file == name);
        if excepted.map_or(0, |(_, count, _)| *count) != differences.len() {
            unexplained.push(format!("{name}: {} differences {differences:#?}, {excepted:?}", differences.len()));
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    let same: usize = compared.iter().map(|(_, (same, _))| same).sum();
    assert!(same > 1000 || captures.len() < 100, "only {same} fields");
}
