//! What nDPI reads beside the label: that it is handed out once, when it is asked for, and is what was sent.

use std::net::Ipv4Addr;

use flowgauge::classify::{Classification, Classifier, ClassifierOptions, DissectionLimits};
use flowgauge::flow::Facts;

use crate::classify::{CLIENT, Frame, SERVER, client_hello, dns_answer, dns_query, http_pieces, tcp, udp};

fn open(facts: bool) -> Classifier {
    let options = ClassifierOptions { limits: DissectionLimits::NDPI_READER, facts, ..Default::default() };
    Classifier::open(&options).unwrap()
}

/// What a classifier knows of a flow so far.
pub(crate) fn so_far(classifier: &Classifier, flow: &Classification) -> Option<Facts> {
    let mut facts = None;
    classifier.complete(flow, &mut facts);
    facts.map(|facts| (*facts).clone())
}

fn facts_of(packets: &[Frame]) -> Facts {
    let mut classifier = open(true);
    let (mut flow, mut facts) = (classifier.start(), None);
    packets.iter().for_each(|packet| packet.show_and_tell(&mut classifier, &mut flow, &mut facts));
    classifier.finish(&mut flow, &mut facts).unwrap();
    facts.map(|facts| (*facts).clone()).unwrap_or_default()
}

fn question_and_answer() -> [Frame; 2] {
    [udp(CLIENT, (SERVER, 53), &dns_query()), udp((SERVER, 53), CLIENT, &dns_answer())]
}

#[test]
fn facts_are_told_with_the_label() {
    let mut classifier = open(true);
    let (mut flow, mut facts) = (classifier.start(), None);
    assert_eq!(so_far(&classifier, &flow), None);
    let [question, answer] = question_and_answer();
    question.show_and_tell(&mut classifier, &mut flow, &mut facts);
    assert!(flow.is_open());
    assert_eq!(facts, None, "dissection goes on");
    let asked = so_far(&classifier, &flow).unwrap();
    assert_eq!((asked.dns_query(), asked.dns_response_code), (Some("example.test"), None));
    answer.show_and_tell(&mut classifier, &mut flow, &mut facts);
    assert!(!flow.is_open());
    assert_eq!(facts.unwrap().dns_response_code, Some(0));
    assert_eq!(so_far(&classifier, &flow), None, "all was told");
    assert!(matches!(&flow, Classification::Decided(label) if label.name == "DNS"));
    let mut more = None;
    assert_eq!(classifier.finish(&mut flow, &mut more).unwrap().name, "DNS");
    assert_eq!(more, None);
}

#[test]
fn what_is_known_stays_and_the_rest_is_added() {
    let mut classifier = open(true);
    let [question, answer] = question_and_answer();
    let mut other = dns_query();
    other[13..20].copy_from_slice(b"another");
    let elsewhere = udp(CLIENT, (SERVER, 53), &other);
    let (mut flow, mut facts) = (classifier.start(), None);
    elsewhere.show_and_tell(&mut classifier, &mut flow, &mut facts);
    classifier.finish(&mut flow, &mut facts);
    let mut flow = classifier.start();
    for packet in [question, answer] {
        packet.show_and_tell(&mut classifier, &mut flow, &mut facts);
    }
    let facts = facts.unwrap();
    assert_eq!((facts.dns_query(), facts.requested_server_name()), (Some("another.test"), Some("another.test")));
    assert_eq!(facts.dns_response_code, Some(0));
}

#[test]
fn a_flow_that_ends_early_leaves_its_facts() {
    for packets in [&question_and_answer()[..1], &question_and_answer()] {
        assert_eq!(facts_of(packets).requested_server_name(), Some("example.test"));
    }
    assert_eq!(facts_of(&[]), Facts::default());
}

#[test]
fn without_the_option_nothing_is_told_and_nothing_is_larger() {
    let mut classifier = open(false);
    let (mut flow, mut facts) = (classifier.start(), None);
    for packet in question_and_answer() {
        packet.show_and_tell(&mut classifier, &mut flow, &mut facts);
        assert_eq!(so_far(&classifier, &flow), None);
    }
    assert!(matches!(flow, Classification::Decided(_)));
    classifier.finish(&mut flow, &mut facts);
    assert_eq!(facts, None);
    assert_eq!(size_of::<Classification>(), 2 * size_of::<usize>());
}

#[test]
fn names_agents_and_fingerprints_are_those_that_were_sent() {
    let dns = facts_of(&question_and_answer());
    assert_eq!((dns.dns_query_type, dns.dns_response_code), (Some(1), Some(0)));
    let tls = facts_of(&[tcp(CLIENT, (SERVER, 443), &client_hello("i.instagram.com"))]);
    assert_eq!(tls.requested_server_name(), Some("i.instagram.com"));
    assert_eq!((tls.ja3().map(|ja3| ja3.len()), tls.dns_query()), (Some(32), None));
    let request = b"GET / HTTP/1.1\r\nHost: example.test\r\nUser-Agent: agent\xff/1\r\n\r\n";
    let http = facts_of(&[tcp(CLIENT, (SERVER, 80), request)]);
    assert_eq!(http.requested_server_name(), Some("example.test"));
    assert_eq!(http.user_agent(), Some("agent\u{fffd}/1"));
}

#[test]
fn a_host_in_dhcp_names_itself_and_asks_for_no_server() {
    let anybody = (Ipv4Addr::UNSPECIFIED, 68);
    let dhcp = facts_of(&[udp(anybody, (Ipv4Addr::BROADCAST, 67), &dhcp_discover())]);
    assert_eq!((dhcp.host_name(), dhcp.requested_server_name()), (Some("laptop"), None));
    assert_eq!(dhcp.dhcp_fingerprint(), Some("1,3,6"));
}

#[test]
fn hassh_is_md5_of_the_algorithms_in_the_clear() {
    let (client, server) = ((CLIENT.0, 50022), (SERVER, 22));
    let ssh = facts_of(&[
        tcp(client, server, b"SSH-2.0-OpenSSH_9.2p1\r\n"),
        tcp(server, client, b"SSH-2.0-OpenSSH_5.0\r\n"),
        tcp(
            client,
            server,
            &kex_init("curve25519-sha256,ecdh-sha2-nistp256", "aes128-ctr,aes256-ctr", "hmac-sha2-256", "none"),
        ),
        tcp(server, client, &kex_init("curve25519-sha256", "aes256-ctr", "hmac-sha2-512", "none,zlib@openssh.com")),
    ]);
    assert_eq!(ssh.ssh_client(), Some("SSH-2.0-OpenSSH_9.2p1"));
    assert_eq!(ssh.ssh_server(), Some("SSH-2.0-OpenSSH_5.0"));
    // `printf 'KEX;CIPHERS;MACS;COMPRESSIONS' | md5sum` (github.com/salesforce/hassh).
    assert_eq!(ssh.hassh(), Some("a7798297f5f9542056a6ca5d50554df7"));
    assert_eq!(ssh.hassh_server(), Some("6c2790d0b8d6b4fd69b79e1ca1fd1a60"));
    assert_eq!(ssh.risks().collect::<Vec<_>>(), ["SSH Obsolete Server Version/Cipher"]);
}

/// Fingerprints and what they are made of, from the README of github.com/salesforce/hassh (the client Cyberduck) and from
/// that of its Python program (a client and a server).
const HASSHES: [(&str, [&str; 4]); 3] = [
    (
        "8a8ae540028bf433cd68356c1b9e8d5b",
        [
            "curve25519-sha256@libssh.org,diffie-hellman-group-exchange-sha256,ecdh-sha2-nistp521,\
             ecdh-sha2-nistp384,ecdh-sha2-nistp256,diffie-hellman-group-exchange-sha1,\
             diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group14-sha256,\
             diffie-hellman-group15-sha512,diffie-hellman-group16-sha512,diffie-hellman-group17-sha512,\
             diffie-hellman-group18-sha512,diffie-hellman-group14-sha256@ssh.com,diffie-hellman-group15-sha256,\
             diffie-hellman-group15-sha256@ssh.com,diffie-hellman-group15-sha384@ssh.com,\
             diffie-hellman-group16-sha256,diffie-hellman-group16-sha384@ssh.com,\
             diffie-hellman-group16-sha512@ssh.com,diffie-hellman-group18-sha512@ssh.com",
            "aes128-cbc,aes128-ctr,aes192-cbc,aes192-ctr,aes256-cbc,aes256-ctr,blowfish-cbc,blowfish-ctr,\
             cast128-cbc,cast128-ctr,idea-cbc,idea-ctr,serpent128-cbc,serpent128-ctr,serpent192-cbc,\
             serpent192-ctr,serpent256-cbc,serpent256-ctr,3des-cbc,3des-ctr,twofish128-cbc,twofish128-ctr,\
             twofish192-cbc,twofish192-ctr,twofish256-cbc,twofish256-ctr,twofish-cbc,arcfour,arcfour128,\
             arcfour256",
            "hmac-sha1,hmac-sha1-96,hmac-md5,hmac-md5-96,hmac-sha2-256,hmac-sha2-512",
            "zlib@openssh.com,zlib,none",
        ],
    ),
    (
        "a7a87fbe86774c2e40cc4a7ea2ab1b3c",
        [
            "diffie-hellman-group-exchange-sha256,diffie-hellman-group-exchange-sha1,\
             diffie-hellman-group14-sha1,diffie-hellman-group1-sha1",
            "aes128-ctr,aes192-ctr,aes256-ctr,aes256-cbc,rijndael-cbc@lysator.liu.se,aes192-cbc,aes128-cbc,\
             blowfish-cbc,arcfour128,arcfour,cast128-cbc,3des-cbc",
            "hmac-sha2-256,hmac-sha2-512,hmac-sha1,hmac-sha1-96,hmac-md5,hmac-md5-96,hmac-ripemd160,\
             hmac-ripemd160@openssh.com",
            "none",
        ],
    ),
    (
        "d43d91bc39d5aaed819ad9f6b57b7348",
        [
            "curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,\
             diffie-hellman-group-exchange-sha256,diffie-hellman-group14-sha1",
            "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,\
             aes256-gcm@openssh.com",
            "umac-64-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,\
             hmac-sha2-512-etm@openssh.com,hmac-sha1-etm@openssh.com,umac-64@openssh.com,umac-128@openssh.com,\
             hmac-sha2-256,hmac-sha2-512,hmac-sha1",
            "none,zlib@openssh.com",
        ],
    ),
];

#[test]
fn hassh_is_that_of_the_published_examples() {
    let (client, server) = ((CLIENT.0, 50022), (SERVER, 22));
    for (hassh, [kex, ciphers, macs, compressions]) in HASSHES {
        let offer = kex_init(kex, ciphers, macs, compressions);
        let ssh = facts_of(&[
            tcp(client, server, b"SSH-2.0-libssh2_1.7.0\r\n"),
            tcp(server, client, b"SSH-2.0-OpenSSH_7.2p2 Ubuntu-4ubuntu2.4\r\n"),
            tcp(client, server, &offer),
            tcp(server, client, &offer),
        ]);
        // The same algorithms make the same fingerprint, whoever offers them.
        assert_eq!((ssh.hassh(), ssh.hassh_server()), (Some(hassh), Some(hassh)));
    }
}

#[test]
fn a_flow_of_which_nothing_is_read_has_no_facts() {
    assert_eq!(facts_of(&[tcp(CLIENT, (SERVER, 49153), &http_pieces(3))]), Facts::default());
}

/// An offer of algorithms (RFC 4253 §7.1), the same in both directions.
fn kex_init(kex: &str, ciphers: &str, macs: &str, compressions: &str) -> Vec<u8> {
    let mut body = vec![20];
    body.extend([7; 16]);
    for list in [kex, "ssh-ed25519", ciphers, ciphers, macs, macs, compressions, compressions, "", ""] {
        body.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
        body.extend(list.as_bytes());
    }
    body.extend([0; 5]);
    let padding = 8 - (body.len() + 5) % 8 + 4;
    let length = u32::try_from(1 + body.len() + padding).unwrap().to_be_bytes();
    [&length[..], &[padding as u8], &body, &vec![0; padding]].concat()
}

/// A DHCPDISCOVER (RFC 2131) with a host name and a list of what is asked for.
fn dhcp_discover() -> Vec<u8> {
    let mut message = vec![1, 1, 6, 0];
    message.resize(236, 0);
    message.extend([99, 130, 83, 99, 53, 1, 1]);
    message.extend(b"\x0c\x06laptop");
    message.extend([55, 3, 1, 3, 6, 255]);
    message.resize(300, 0);
    message
}
