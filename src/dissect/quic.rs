//! QUIC (RFC 9000, 9001, 9369): the ClientHello in the Initial packets of a client.
//!
//! Initial packets are encrypted with keys that everybody can derive, against those who do not know QUIC. The hello comes in
//! CRYPTO frames, which may span packets and come in any order.

use crate::dissect::quic_keys::{Keys, Version};
use crate::dissect::stream::Stream;
use crate::dissect::tls::reader::Reader;
use crate::dissect::tls::{self, Carrier, ClientHello};
use crate::flow::Facts;
use crate::packet::TcpFlags;

/// Whether a datagram begins with an Initial packet of a known version.
pub(super) fn begins(datagram: &[u8]) -> bool {
    Initial::parse(&mut Reader(datagram)).is_some_and(|packet| packet.is_some())
}

/// Reads what a client says before anything secret.
#[derive(Debug)]
pub(super) struct Client {
    /// The connection id that the keys are derived from.
    id: Vec<u8>,
    keys: Option<Box<Keys>>,
    crypto: Stream,
    derived: u8,
    done: bool,
}

impl Default for Client {
    fn default() -> Self {
        // Some clients cut their hello into many pieces and shuffle them.
        let crypto = Stream::new(Stream::DEFAULT_LIMIT).holding(64).starting_at(0);
        Self { id: Vec::new(), keys: None, crypto, derived: 0, done: false }
    }
}

impl Client {
    /// Looks at the next datagram of either direction: what comes from a server does not fit the keys.
    pub(super) fn read(&mut self, datagram: &[u8], facts: &mut Facts) {
        let mut rest = Reader(datagram);
        for _ in 0..MAX_COALESCED {
            match Initial::parse(&mut rest) {
                Some(Some(packet)) => {
                    if let Some(payload) = self.open(&packet) {
                        self.frames(&payload);
                        self.hello(facts);
                    }
                }
                Some(None) => {}
                None => return,
            }
        }
    }

    /// Whether there is nothing more to learn.
    pub(super) fn is_done(&self) -> bool {
        self.done || self.crypto.is_over()
    }

    /// Decrypts a packet, with the keys that fitted before or with those of its own connection id.
    fn open(&mut self, packet: &Initial<'_>) -> Option<Vec<u8>> {
        if let Some(keys) = &self.keys
            && let Some(payload) = packet.open(keys)
        {
            return Some(payload);
        }
        // A client chooses at least eight bytes, once, and again after a Retry (RFC 9000 §7.2, §17.2.5).
        if packet.id == self.id || packet.id.is_empty() || self.derived == MAX_DERIVED {
            return None;
        }
        self.derived += 1;
        let keys = Keys::of_client(packet.version, packet.id);
        let payload = packet.open(&keys)?;
        (self.id, self.keys) = (packet.id.to_vec(), Some(Box::new(keys)));
        Some(payload)
    }

    /// Takes the CRYPTO frames out of a payload (RFC 9000 §19).
    fn frames(&mut self, payload: &[u8]) -> Option<()> {
        let mut rest = Reader(payload);
        while !rest.is_empty() {
            match rest.varint()? {
                PADDING | PING => {}
                kind @ (ACK | ACK_ECN) => {
                    rest.varint()?;
                    rest.varint()?;
                    let ranges = rest.varint()?;
                    rest.varint()?;
                    for _ in 0..ranges {
                        rest.varint()?;
                        rest.varint()?;
                    }
                    for _ in 0..if kind == ACK_ECN { 3 } else { 0 } {
                        rest.varint()?;
                    }
                }
                CRYPTO => {
                    let offset = rest.varint()?;
                    let len = usize::try_from(rest.varint()?).ok()?;
                    let data = rest.take(len)?;
                    // Far below what would be taken for bytes before the beginning.
                    if let Some(offset) = u32::try_from(offset).ok().filter(|offset| *offset < 1 << 24) {
                        self.crypto.feed(offset, TcpFlags::default(), data);
                    }
                }
                _ => return None,
            }
        }
        Some(())
    }

    /// Reads the hello as soon as all of it is there.
    fn hello(&mut self, facts: &mut Facts) {
        let mut bytes = Reader(self.crypto.ready());
        let (Some(kind), Some(len)) = (bytes.u8(), bytes.number::<3>()) else { return };
        if kind != tls::CLIENT_HELLO || len as usize > Stream::DEFAULT_LIMIT {
            self.done = true;
            return;
        }
        let Some(body) = bytes.take(len as usize) else { return };
        if let Some(hello) = ClientHello::parse(body, false) {
            tls::client(&hello, Carrier::Quic, facts);
        }
        self.done = true;
    }
}

/// A protected Initial packet.
#[derive(Clone, Copy, Debug)]
struct Initial<'a> {
    version: Version,
    /// Destination connection id.
    id: &'a [u8],
    /// From the first byte to the packet number.
    header: &'a [u8],
    /// From the packet number to the end.
    protected: &'a [u8],
}

impl<'a> Initial<'a> {
    /// Takes the next packet with a long header off a datagram (RFC 9000 §17.2): `Some(None)` where it is no Initial,
    /// `None` where nothing more can be read.
    fn parse(datagram: &mut Reader<'a>) -> Option<Option<Self>> {
        let whole = datagram.0;
        let mut rest = *datagram;
        let first = rest.u8()?;
        if first & 0xc0 != 0xc0 {
            return None;
        }
        let version = Version::known(rest.number::<4>()?)?;
        let id = rest.vector::<1>().filter(|id| id.len() <= 20)?;
        rest.vector::<1>().filter(|id| id.len() <= 20)?;
        let initial = first >> 4 & 3 == version.initial;
        if initial {
            let token = usize::try_from(rest.varint()?).ok()?;
            rest.take(token)?;
        } else if first >> 4 & 3 == version.retry() {
            return None;
        }
        let len = usize::try_from(rest.varint()?).ok()?;
        let header = &whole[..whole.len() - rest.0.len()];
        let protected = rest.take(len)?;
        *datagram = rest;
        Some(initial.then_some(Self { version, id, header, protected }))
    }

    /// Removes the protection; `None` where the keys do not fit.
    fn open(&self, keys: &Keys) -> Option<Vec<u8>> {
        let mask = keys.mask(*self.protected.get(4..)?.first_chunk()?);
        let first = self.header[0] ^ mask[0] & 0x0f;
        let number_len = usize::from(first & 3) + 1;
        let (protected, tag) = self.protected.split_last_chunk::<16>()?;
        let (number, payload) = protected.split_at_checked(number_len)?;
        let mut header = Vec::with_capacity(self.header.len() + number_len);
        header.extend_from_slice(self.header);
        header[0] = first;
        header.extend(number.iter().zip(&mask[1..]).map(|(byte, mask)| byte ^ mask));
        // The first packets of a connection have small numbers, all of whose bytes are sent.
        let number = header[self.header.len()..].iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
        let mut payload = payload.to_vec();
        keys.open(number, &header, &mut payload, *tag)?;
        Some(payload)
    }
}

// Frame types (RFC 9000 §19) that an Initial packet may have and a hello may follow.
const PADDING: u64 = 0;
const PING: u64 = 1;
const ACK: u64 = 2;
const ACK_ECN: u64 = 3;
const CRYPTO: u64 = 6;

/// Most packets of a datagram that are looked at.
const MAX_COALESCED: usize = 4;
/// How often keys are derived for a flow at most.
const MAX_DERIVED: u8 = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The connection id of RFC 9001 Appendix A.
    const ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

    /// The CRYPTO frame of RFC 9001 §A.2.
    const CRYPTO_FRAME: &str = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c\
        00000413011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504\
        616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748\
        002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffffffffffffff0504\
        8000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff";

    fn bytes(hex: &str) -> Vec<u8> {
        let pairs = hex.as_bytes().as_chunks::<2>().0.iter();
        pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    /// A client's Initial packet with these frames.
    fn initial(version: u32, number: u32, frames: &[u8]) -> Vec<u8> {
        let known = Version::known(version).unwrap();
        let keys = Keys::of_client(known, &ID);
        let len = 0x4000 | (frames.len() + 20) as u16;
        let first = [0xc3 | known.initial << 4];
        let header = [&first[..], &version.to_be_bytes(), &[8], &ID, &[0, 0], &len.to_be_bytes()].concat();
        let header = [header, number.to_be_bytes().to_vec()].concat();
        let mut payload = frames.to_vec();
        let tag = keys.seal(number, &header, &mut payload);
        let mut packet = [header, payload, tag.to_vec()].concat();
        let at = packet.len() - frames.len() - 20;
        let mask = keys.mask(*packet[at + 4..].first_chunk().unwrap());
        packet[0] ^= mask[0] & 0x0f;
        packet[at..at + 4].iter_mut().zip(&mask[1..]).for_each(|(byte, mask)| *byte ^= mask);
        packet
    }

    /// The frame, and padding up to the size of the RFC's packet.
    fn padded(frame: &[u8]) -> Vec<u8> {
        [frame, &vec![0; 1162 - frame.len()]].concat()
    }

    fn name(datagrams: &[Vec<u8>]) -> Option<String> {
        let (mut client, mut facts) = (Client::default(), Facts::default());
        datagrams.iter().for_each(|datagram| client.read(datagram, &mut facts));
        assert_eq!(client.is_done(), facts.ja4().is_some());
        facts.requested_server_name().map(str::to_owned)
    }

    #[test]
    fn the_packet_of_the_rfc_is_opened() {
        let packet = initial(1, 2, &padded(&bytes(CRYPTO_FRAME)));
        // Its first bytes and its tag as they are printed there.
        assert!(
            packet.starts_with(&bytes("c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b"))
        );
        assert!(packet.ends_with(&bytes("e221af44860018ab0856972e194cd934")));
        assert_eq!(name(&[packet]).as_deref(), Some("example.com"));
        assert_eq!(name(&[initial(0x6b33_43cf, 2, &padded(&bytes(CRYPTO_FRAME)))]).as_deref(), Some("example.com"));
    }

    #[test]
    fn a_hello_is_joined_over_frames_and_packets_in_any_order() {
        let hello = &bytes(CRYPTO_FRAME)[4..];
        let frame = |start: usize, end: usize| {
            let [high, low] = (end - start).to_be_bytes()[6..] else { panic!() };
            let offset = 0x4000 | start as u16;
            [&[6][..], &offset.to_be_bytes(), &[0x40 | high, low], &hello[start..end]].concat()
        };
        let second = [frame(200, hello.len()), vec![1, 0, 0], frame(0, 30)].concat();
        let first = [frame(90, 200), vec![2, 0, 0, 0, 0], frame(30, 90)].concat();
        let packets = [initial(1, 0, &padded(&second)), initial(1, 1, &padded(&first))];
        assert_eq!(name(&packets).as_deref(), Some("example.com"));
        assert_eq!(name(&[packets.concat()]).as_deref(), Some("example.com"));
        assert_eq!(name(&packets[..1]), None);
    }

    /// A CRYPTO frame with this offset.
    fn crypto(offset: u64, data: &[u8]) -> Vec<u8> {
        let (offset, len) = ((3 << 62 | offset).to_be_bytes(), (1 << 14 | data.len() as u16).to_be_bytes());
        [&[6][..], &offset, &len, data].concat()
    }

    #[test]
    fn frames_far_away_are_left_out_and_too_many_end_it() {
        let hello = &bytes(CRYPTO_FRAME)[4..];
        for offset in [1 << 14, 1 << 24, (1 << 32) - 1, 1 << 32, (1 << 62) - 1] {
            let frames = [crypto(offset, b"x"), crypto(0, hello)].concat();
            assert_eq!(name(&[initial(1, 0, &padded(&frames))]).as_deref(), Some("example.com"), "{offset}");
        }
        // A byte here and there behind a gap that is never filled.
        let mut client = Client::default();
        for number in 0..200 {
            let offset = 100 + 2 * u64::from(number) % 16_000;
            client.read(&initial(1, number, &crypto(offset, b"x")), &mut Facts::default());
        }
        assert!(client.is_done());
    }

    #[test]
    fn of_frames_that_overlap_the_first_counts() {
        let hello = &bytes(CRYPTO_FRAME)[4..];
        let mut frames = crypto(0, &hello[..100]);
        // What comes again says something else, and brings a byte or none that is new.
        for end in (100..hello.len()).step_by(20) {
            frames.extend(crypto(end as u64 - 60, &[&[0xee; 60][..], &hello[end..hello.len().min(end + 20)]].concat()));
        }
        let packets: Vec<_> = [initial(1, 0, &frames)].to_vec();
        assert_eq!(name(&packets).as_deref(), Some("example.com"));
    }

    proptest! {
        #[test]
        fn any_frames_are_read_without_harm(
            frames in prop::collection::vec((any::<u8>(), any::<u64>(), prop::collection::vec(any::<u8>(), 0..60)), 0..30),
            cut in 0..2000_usize,
        ) {
            let frames = frames.iter().map(|(kind, offset, data)| match kind % 4 {
                0 => crypto(*offset >> 2, data),
                1 => crypto(*offset % 400, data),
                2 => [&[kind % 8][..], data].concat(),
                _ => vec![0; data.len()],
            });
            let mut frames = frames.collect::<Vec<_>>().concat();
            frames.truncate(cut);
            let (mut client, mut facts) = (Client::default(), Facts::default());
            client.read(&initial(1, 1, &frames), &mut facts);
            prop_assert!(client.crypto.ready().len() <= Stream::DEFAULT_LIMIT);
        }
    }

    #[test]
    fn a_damaged_packet_tells_nothing() {
        let packet = initial(1, 2, &padded(&bytes(CRYPTO_FRAME)));
        for at in 0..packet.len() {
            let mut damaged = packet.clone();
            damaged[at] ^= 0x40;
            let datagrams = [damaged, packet[..at].to_vec()];
            assert_eq!(name(&datagrams), None, "{at}");
        }
    }

    #[test]
    fn keys_are_derived_a_few_times_only() {
        let mut client = Client::default();
        for nth in 0..50 {
            let mut packet = initial(1, 2, &padded(&bytes(CRYPTO_FRAME)));
            packet[6] = nth;
            client.read(&packet, &mut Facts::default());
        }
        assert_eq!(client.derived, MAX_DERIVED);
    }
}
