//! TLS dissection: fingerprints as they were published, and handshakes in any number of pieces.

use std::sync::Arc;

use flowgauge::Timestamp;
use flowgauge::dissect::Dissection;
use flowgauge::flow::{Direction, Facts};
use flowgauge::packet::{DecodeOptions, Decoded, Decoder, LinkType, Packet, RawPacket};
use proptest::prelude::*;

use crate::support::frames::{IPV4, Ipv4, ethernet};
use crate::support::hello::{Hello, chrome, list, message, protocols, record, sized};

const CLIENT: Direction = Direction::SrcToDst;
const SERVER: Direction = Direction::DstToSrc;

/// A flow, packet by packet.
pub(crate) struct Talk {
    decoder: Decoder,
    pub(crate) dissection: Dissection,
    next: [u32; 2],
    port: u16,
    stamp: i64,
}

impl Talk {
    pub(crate) fn new(ip_protocol: u8) -> Self {
        Self {
            decoder: Decoder::new(DecodeOptions::new()),
            dissection: Dissection::new(ip_protocol),
            next: [u32::MAX - 100, 7],
            port: 9999,
            stamp: 0,
        }
    }

    /// The port of the server from here on.
    pub(crate) fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The stamp of what follows, in nanoseconds.
    pub(crate) fn at_ns(mut self, stamp: i64) -> Self {
        self.stamp = stamp;
        self
    }

    fn frame(&mut self, direction: Direction, frame: &[u8]) {
        let stamp = Timestamp::from_nanos(self.stamp);
        let raw = RawPacket { number: 1, stamp, wire_len: frame.len() as u32, link: LinkType(1), data: frame };
        let Decoded::Packet(info) = self.decoder.decode(&raw) else { panic!("no packet") };
        self.dissection.observe(direction, &Packet::new(raw, &info));
    }

    /// A TCP segment with the next sequence number of its direction.
    pub(crate) fn says(mut self, direction: Direction, payload: &[u8]) -> Self {
        let seq = self.next[direction as usize];
        self.next[direction as usize] = seq.wrapping_add(payload.len() as u32);
        self.segment(direction, seq, 0x10, payload);
        self
    }

    /// A TCP segment.
    fn segment(&mut self, direction: Direction, seq: u32, flags: u8, payload: &[u8]) {
        let mut frame = ethernet(IPV4, &Ipv4::new("10.0.0.1", "10.0.0.2").tcp(40_000, self.port, flags, payload));
        frame[38..42].copy_from_slice(&seq.to_be_bytes());
        self.frame(direction, &frame);
    }

    /// A datagram.
    pub(crate) fn sends(mut self, direction: Direction, payload: &[u8]) -> Self {
        let frame = ethernet(IPV4, &Ipv4::new("10.0.0.1", "10.0.0.2").udp(40_000, self.port, payload));
        self.frame(direction, &frame);
        self
    }

    pub(crate) fn is_over(&self) -> bool {
        self.dissection.is_over()
    }

    pub(crate) fn facts(self) -> Option<Arc<Facts>> {
        self.dissection.finish()
    }
}

/// What a single segment of the client tells.
fn told(stream: &[u8]) -> Option<Arc<Facts>> {
    Talk::new(6).says(CLIENT, stream).facts()
}

/// Extensions 10 and 11 with these groups and point formats, and 0 before them.
fn curves(groups: &[u16], formats: &[u8]) -> Vec<(u16, Vec<u8>)> {
    vec![(0, Vec::new()), (10, sized::<2>(&list(groups))), (11, sized::<1>(formats))]
}

#[test]
fn ja3_is_that_of_the_published_examples() {
    // The two of the README of github.com/salesforce/ja3.
    let ciphers = [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4];
    let hello = Hello { version: 769, ciphers: ciphers.to_vec(), extensions: curves(&[23, 24, 25], &[0]) };
    let facts = told(&record(&hello.client())).unwrap();
    assert_eq!(facts.ja3(), Some("ada70206e40642a3e4461f35503241d5"));
    assert_eq!(facts.tls_ciphers, ciphers);
    let ciphers = vec![4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99];
    let facts = told(&record(&Hello { version: 769, ciphers, extensions: Vec::new() }.client())).unwrap();
    assert_eq!(facts.ja3(), Some("de350869b8c85de67a350c8d186f11e6"));
    assert_eq!(facts.ja4().map(|ja4| &ja4[..11]), Some("t10i110000_"));
    assert!(facts.ja4().unwrap().ends_with("_000000000000"));
}

#[test]
fn grease_changes_no_fingerprint() {
    let ciphers = vec![0x2a2a, 47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4];
    let mut extensions = curves(&[0xfafa, 23, 24, 25], &[0]);
    extensions.insert(1, (0x0a0a, vec![0]));
    let facts = told(&record(&Hello { version: 769, ciphers, extensions }.client())).unwrap();
    assert_eq!(facts.ja3(), Some("ada70206e40642a3e4461f35503241d5"));
}

#[test]
fn ja4_is_that_of_the_published_example() {
    let facts = told(&record(&chrome("flowgauge.example").client())).unwrap();
    assert_eq!(facts.ja4(), Some("t13d1516h2_8daaf6152771_e5627efa2ab1"));
    assert_eq!(facts.requested_server_name(), Some("flowgauge.example"));
    assert_eq!(facts.tls_alpn(), Some("h2,http/1.1"));
    assert_eq!(facts.tls_version(), None);
}

#[test]
fn ja4_without_name_protocol_and_algorithms_says_so() {
    let mut hello = chrome("x");
    hello.extensions.retain(|(kind, _)| !matches!(kind, 0x0000 | 0x0010 | 0x000d));
    let facts = told(&record(&hello.client())).unwrap();
    assert!(facts.ja4().unwrap().starts_with("t13i151300_8daaf6152771_"));
    // The specification's hash of its extensions with no algorithms, although one says that there are.
    let mut hello = chrome("x");
    hello.extensions.iter_mut().filter(|(kind, _)| *kind == 0x000d).for_each(|(_, data)| *data = vec![0, 0]);
    let facts = told(&record(&hello.client())).unwrap();
    assert_eq!(facts.ja4(), Some("t13d1516h2_8daaf6152771_6d807ffa2a79"));
}

#[test]
fn a_server_settles_version_cipher_and_protocol() {
    let hello = Hello { version: 771, ciphers: vec![0x1301], extensions: vec![(51, vec![]), (43, vec![3, 4])] };
    let facts = Talk::new(6).says(CLIENT, &record(&chrome("a").client())).says(SERVER, &record(&hello.server()));
    assert!(facts.is_over());
    let facts = facts.facts().unwrap();
    assert_eq!((facts.tls_version(), facts.tls_cipher), (Some("TLSv1.3"), Some(0x1301)));
    // MD5 of "771,4865,51-43", published for many servers of TLS 1.3.
    assert_eq!(facts.ja3s(), Some("eb1d94daa7e0344597e756a1fb6e7054"));
    // Facebook's draft of TLS 1.3.
    let hello = Hello { version: 771, ciphers: vec![0x1301], extensions: vec![(43, vec![0xfb, 0x1a])] };
    let facts = Talk::new(6).says(SERVER, &record(&hello.server())).facts().unwrap();
    assert_eq!(facts.tls_version(), Some("TLSv1.3"));
    let hello = Hello { version: 769, ciphers: vec![47], extensions: vec![(16, protocols(&["h2"]))] };
    let facts = Talk::new(6).says(SERVER, &record(&hello.server())).facts().unwrap();
    assert_eq!((facts.tls_version(), facts.tls_alpn_chosen()), (Some("TLSv1"), Some("h2")));
}

#[test]
fn the_first_certificate_tells_subject_issuer_and_validity() {
    let certificate = sized::<3>(CERTIFICATE);
    let chain = message(11, &sized::<3>(&[certificate, sized::<3>(&[0; 9000])].concat()));
    let hello = Hello { version: 771, ciphers: vec![47], extensions: Vec::new() };
    let stream = record(&[hello.server(), chain].concat());
    // The rest of the chain is not waited for.
    let talk = Talk::new(6).says(CLIENT, &record(&chrome("a").client())).says(SERVER, &stream[..600]);
    assert!(talk.is_over());
    let facts = talk.facts().unwrap();
    assert_eq!(facts.tls_subject(), Some("CN=*.example.com,O=Müller\\, Söhne\\ ,C=CH"));
    assert_eq!(facts.tls_issuer(), facts.tls_subject());
    assert_eq!(facts.tls_not_before.map(|stamp| stamp.as_millis()), Some(1_795_242_196_000));
    assert_eq!(facts.tls_not_after.map(|stamp| stamp.as_millis()), Some(2_742_013_396_000));
}

#[test]
fn a_certificate_that_is_cut_or_none_leaves_the_rest() {
    for cut in 0..CERTIFICATE.len() {
        let chain = message(11, &sized::<3>(&sized::<3>(&CERTIFICATE[..cut])));
        let hello = Hello { version: 771, ciphers: vec![47], extensions: Vec::new() };
        let facts = Talk::new(6).says(SERVER, &record(&[hello.server(), chain].concat())).facts().unwrap();
        assert_eq!((facts.tls_cipher, facts.tls_subject()), (Some(47), None), "{cut}");
    }
}

#[test]
fn what_is_no_handshake_is_over_with_its_first_bytes() {
    for payload in [&b"SSH-2.0-x"[..], &[23, 3, 3, 0, 5], &[22, 3, 1, 0, 9, 11], &[22, 9], &[0x80, 46, 1, 3, 1]] {
        let talk = Talk::new(6).says(CLIENT, payload);
        assert!(talk.is_over(), "{payload:?}");
        assert_eq!(talk.facts(), None);
    }
}

#[test]
fn lengths_that_lie_tell_nothing() {
    let stream = record(&chrome("flowgauge.example").client());
    let whole = told(&stream);
    for at in 5..stream.len() {
        let mut damaged = stream.clone();
        damaged[at] = damaged[at].wrapping_add(0x80);
        let _ = told(&damaged);
        // Every length of the record is one byte short.
        damaged = record(&stream[5..at]);
        assert_ne!(told(&damaged), whole);
    }
}

#[test]
fn a_thousand_extensions_are_counted_as_ninety_nine() {
    let extensions = (0..1000).map(|kind| (kind + 100, Vec::new())).collect();
    let hello = Hello { version: 771, ciphers: (0..3000).collect(), extensions };
    let stream = record(&hello.client());
    let facts = stream.chunks(1000).fold(Talk::new(6), |talk, chunk| talk.says(CLIENT, chunk)).facts().unwrap();
    assert!(facts.ja4().unwrap().starts_with("t12i999900_"));
    assert_eq!(facts.tls_ciphers.len(), Facts::MAX_ITEMS);
}

#[test]
fn endless_fragments_end() {
    let mut talk = Talk::new(6).says(CLIENT, &[22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xf0]);
    for nth in 0..100 {
        assert_eq!(talk.is_over(), nth >= 63, "{nth}");
        talk = talk.says(CLIENT, &[0; 3]);
    }
    let mut talk = Talk::new(6);
    for _ in 0..64 {
        talk = talk.says(CLIENT, &record(&[1]).repeat(200));
    }
    assert!(talk.is_over());
    assert_eq!(talk.facts(), None);
}

#[test]
fn a_hello_is_joined_over_records_and_segments_out_of_order() {
    let hello = chrome("flowgauge.example").client();
    let stream: Vec<u8> = hello.chunks(70).flat_map(record).collect();
    let mut talk = Talk::new(6);
    talk.segment(CLIENT, 99, 0x02, b"");
    let pieces: Vec<_> = stream.chunks(50).enumerate().collect();
    for (nth, piece) in pieces.iter().rev() {
        talk.segment(CLIENT, 100 + 50 * *nth as u32, 0x10, piece);
    }
    assert_eq!(talk.facts(), told(&record(&hello)));
}

#[test]
fn dtls_hellos_are_read_where_they_are_whole() {
    let mut hello = chrome("flowgauge.example");
    hello.version = 0xfefd;
    hello.extensions.retain(|(kind, _)| *kind != 0x002b);
    let body = hello.client()[4..].to_vec();
    // The cookie stands behind version, random and session.
    let body = [&body[..35], &[2, 9, 9], &body[35..]].concat();
    let len = sized::<3>(&body)[..3].to_vec();
    let handshake = [&[1][..], &len, &[0, 1, 0, 0, 0], &len, &body].concat();
    let datagram = [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1][..], &sized::<2>(&handshake)].concat();
    let facts = Talk::new(17).sends(CLIENT, &datagram).facts().unwrap();
    assert!(facts.ja4().unwrap().starts_with("dd2d1515h2_8daaf6152771_"));
    for cut in 0..datagram.len() {
        assert_eq!(Talk::new(17).sends(CLIENT, &datagram[..cut]).facts(), None);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_dissected_without_harm(
        start in prop::collection::vec(any::<u8>(), 0..40),
        tail in prop::collection::vec(any::<u8>(), 0..400),
        at in 0usize..500,
        cut in 1usize..300,
    ) {
        let mut stream = record(&chrome("flowgauge.example").client());
        let at = at.min(stream.len());
        stream.splice(at..(at + start.len()).min(stream.len()), start);
        stream.extend(tail);
        let mut talk = Talk::new(6);
        for chunk in stream.chunks(cut) {
            talk = talk.says(CLIENT, chunk).says(SERVER, chunk).sends(CLIENT, chunk);
        }
        let _ = talk.facts();
    }

    #[test]
    fn any_cutting_of_a_handshake_tells_the_same(cut in 20usize..400, records in 20usize..400) {
        let hello = chrome("flowgauge.example").client();
        let stream: Vec<u8> = hello.chunks(records).flat_map(record).collect();
        let talk = stream.chunks(cut).fold(Talk::new(6), |talk, chunk| talk.says(CLIENT, chunk));
        prop_assert_eq!(talk.facts(), told(&record(&hello)));
    }
}

/// Made with OpenSSL for this test: self-signed, valid from 2026-11-21 06:23:16 to 2056-11-21 06:23:16 UTC.
#[rustfmt::skip]
const CERTIFICATE: &[u8] = &[
    0x30, 0x82, 0x01, 0xc4, 0x30, 0x82, 0x01, 0x6a, 0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x01, 0x01, 0x30, 0x0a, 0x06, 0x08,
    0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x30, 0x40, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x06, 0x13,
    0x02, 0x43, 0x48, 0x31, 0x19, 0x30, 0x17, 0x06, 0x03, 0x55, 0x04, 0x0a, 0x0c, 0x10, 0x4d, 0xc3, 0xbc, 0x6c, 0x6c, 0x65,
    0x72, 0x2c, 0x20, 0x53, 0xc3, 0xb6, 0x68, 0x6e, 0x65, 0x20, 0x31, 0x16, 0x30, 0x14, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c,
    0x0d, 0x2a, 0x2e, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x2e, 0x63, 0x6f, 0x6d, 0x30, 0x20, 0x17, 0x0d, 0x32, 0x36,
    0x31, 0x31, 0x32, 0x31, 0x30, 0x36, 0x32, 0x33, 0x31, 0x36, 0x5a, 0x18, 0x0f, 0x32, 0x30, 0x35, 0x36, 0x31, 0x31, 0x32,
    0x31, 0x30, 0x36, 0x32, 0x33, 0x31, 0x36, 0x5a, 0x30, 0x40, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x06, 0x13,
    0x02, 0x43, 0x48, 0x31, 0x19, 0x30, 0x17, 0x06, 0x03, 0x55, 0x04, 0x0a, 0x0c, 0x10, 0x4d, 0xc3, 0xbc, 0x6c, 0x6c, 0x65,
    0x72, 0x2c, 0x20, 0x53, 0xc3, 0xb6, 0x68, 0x6e, 0x65, 0x20, 0x31, 0x16, 0x30, 0x14, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c,
    0x0d, 0x2a, 0x2e, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x2e, 0x63, 0x6f, 0x6d, 0x30, 0x59, 0x30, 0x13, 0x06, 0x07,
    0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    0x04, 0xbe, 0xae, 0xe2, 0x62, 0xb7, 0x8f, 0x3a, 0x12, 0xa6, 0xe0, 0x1a, 0xe3, 0x1c, 0x74, 0xa6, 0x35, 0x16, 0xcb, 0x2a,
    0x77, 0x5b, 0xde, 0x67, 0x6f, 0x87, 0xc3, 0x10, 0x83, 0x7a, 0x8d, 0x4e, 0x70, 0x46, 0xf2, 0x35, 0xaf, 0x15, 0x52, 0x55,
    0x2f, 0xdf, 0xd6, 0x45, 0xc2, 0x2c, 0xd6, 0x1a, 0x49, 0x12, 0xd7, 0x34, 0xcb, 0x70, 0xfc, 0x32, 0xe6, 0xbd, 0x12, 0x32,
    0xf9, 0xf0, 0x87, 0xdc, 0xbb, 0xa3, 0x53, 0x30, 0x51, 0x30, 0x1d, 0x06, 0x03, 0x55, 0x1d, 0x0e, 0x04, 0x16, 0x04, 0x14,
    0xa7, 0x1e, 0x3c, 0xa3, 0x6e, 0xc6, 0x40, 0x6d, 0xd1, 0x91, 0xe7, 0x0b, 0xee, 0xa3, 0x96, 0xa7, 0x79, 0x53, 0xac, 0x5d,
    0x30, 0x1f, 0x06, 0x03, 0x55, 0x1d, 0x23, 0x04, 0x18, 0x30, 0x16, 0x80, 0x14, 0xa7, 0x1e, 0x3c, 0xa3, 0x6e, 0xc6, 0x40,
    0x6d, 0xd1, 0x91, 0xe7, 0x0b, 0xee, 0xa3, 0x96, 0xa7, 0x79, 0x53, 0xac, 0x5d, 0x30, 0x0f, 0x06, 0x03, 0x55, 0x1d, 0x13,
    0x01, 0x01, 0xff, 0x04, 0x05, 0x30, 0x03, 0x01, 0x01, 0xff, 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04,
    0x03, 0x02, 0x03, 0x48, 0x00, 0x30, 0x45, 0x02, 0x21, 0x00, 0xd1, 0x75, 0xc5, 0xf8, 0xd1, 0x74, 0x2f, 0x4c, 0x27, 0xf9,
    0xe7, 0x43, 0x1f, 0x35, 0xa3, 0xca, 0x68, 0x54, 0xf5, 0x9e, 0x90, 0xcf, 0x2d, 0xd9, 0xd0, 0xe4, 0xe0, 0xe5, 0x99, 0x98,
    0x25, 0xaf, 0x02, 0x20, 0x13, 0x14, 0x01, 0x91, 0xea, 0x7e, 0xe4, 0x0b, 0x06, 0x41, 0x39, 0xa3, 0x43, 0x1f, 0x80, 0xbb,
    0x4b, 0xf9, 0xde, 0x50, 0x41, 0x17, 0xbc, 0x13, 0x79, 0x61, 0x84, 0x73, 0x39, 0xaf, 0x6e, 0x64,
];
