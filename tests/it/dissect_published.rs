//! Fingerprints of hellos that were published together with what they are made of.
//!
//! The two README examples of JA3 and the specification's example of JA4 are in `dissect_tls`; HASSH is in
//! `classify_facts`.

use flowgauge::flow::Direction;

use crate::dissect_tls::Talk;
use crate::support::hello::{Hello, list, protocols, record, server_name, sized};

/// JA4 and `JA4_ro` as FoxIO's tests of its own implementation have them (github.com/FoxIO-LLC/ja4, python/test/testdata).
const JA4: [(&str, &str); 5] = [
    // sigalg-grease.pcapng: GREASE among the signature algorithms is not hashed.
    (
        "t13d1517h2_8daaf6152771_cb7bf5808d99",
        "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035_\
         fe0d,0010,0017,0033,44cd,ff01,000a,000d,0023,002b,000b,ca34,002d,0000,0005,001b,0012_\
         0904,0905,0906,0403,0804,0401,0503,0805,0501,0806,0601",
    ),
    // chrome-cloudflare-quic-with-secrets.pcapng, the connection over TCP.
    (
        "t13d1516h2_8daaf6152771_e5627efa2ab1",
        "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035_\
         0000,0017,ff01,000a,000b,0023,0010,0005,000d,0012,0033,002d,002b,001b,4469,0015_\
         0403,0804,0401,0503,0805,0501,0806,0601",
    ),
    // browsers-x509.pcapng: three connections of a browser that shuffles its extensions.
    (
        "t13d1516h2_8daaf6152771_e5627efa2ab1",
        "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035_\
         000d,0000,000a,0005,000b,002b,001b,ff01,0033,4469,002d,0023,0017,0012,0010,0015_\
         0403,0804,0401,0503,0805,0501,0806,0601",
    ),
    (
        "t13d1516h2_8daaf6152771_e5627efa2ab1",
        "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035_\
         002b,4469,000b,0017,000d,0000,001b,0005,0033,ff01,0010,000a,002d,0012,0023,0015_\
         0403,0804,0401,0503,0805,0501,0806,0601",
    ),
    (
        "t13d1516h2_8daaf6152771_e5627efa2ab1",
        "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035_\
         0000,0033,0010,0017,ff01,0012,002b,000d,000a,002d,0005,0023,000b,4469,001b,0015_\
         0403,0804,0401,0503,0805,0501,0806,0601",
    ),
];

#[test]
fn ja4_is_that_of_the_captures_of_its_authors() {
    for (ja4, original) in JA4 {
        let parts = original.split('_').map(|part| {
            let numbers = part.split(',').map(|number| u16::from_str_radix(number, 16).unwrap());
            numbers.collect::<Vec<_>>()
        });
        let [ciphers, kinds, algorithms] = parts.collect::<Vec<_>>().try_into().unwrap();
        for grease in [None, Some(0x5a5a)] {
            let with_grease = |numbers: &[u16]| grease.iter().chain(numbers).copied().collect::<Vec<_>>();
            let data = |kind| match kind {
                0x0000 => server_name("flowgauge.example"),
                0x0010 => protocols(&["h2", "http/1.1"]),
                0x000d => sized::<2>(&list(&with_grease(&algorithms))),
                0x002b => sized::<1>(&list(&with_grease(&[0x0304, 0x0303]))),
                _ => Vec::new(),
            };
            let extensions = with_grease(&kinds).into_iter().map(|kind| (kind, data(kind))).collect();
            let hello = Hello { version: 0x0303, ciphers: with_grease(&ciphers), extensions };
            let facts = Talk::new(6).says(Direction::SrcToDst, &record(&hello.client())).facts().unwrap();
            assert_eq!(facts.ja4(), Some(ja4), "{original} {grease:?}");
        }
    }
}

#[test]
fn the_initial_packet_of_the_quic_rfc_tells_its_client() {
    let datagram = include_bytes!("../data/quic_initial.bin");
    let talk = Talk::new(17).sends(Direction::SrcToDst, datagram);
    assert!(talk.is_over());
    let facts = talk.facts().unwrap();
    assert_eq!(facts.requested_server_name(), Some("example.com"));
    assert_eq!((&facts.tls_ciphers, facts.tls_alpn()), (&vec![0x1301, 0x1302], Some("alpn")));
    // tshark 4.0 says so of the packet, and `sha256sum` of the lists in the RFC.
    assert_eq!(facts.ja3(), Some("41bc9ae914d6cb3bd0bd0a5453ab7d7f"));
    assert_eq!(facts.ja4(), Some("q13d0211an_62ed6f6ca7ad_4d634acda6c0"));
}
