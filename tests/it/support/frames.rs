//! Frames made by hand, from the inside out: `ethernet(IPV4, &Ipv4::new(A, B).udp(1, 2, b"x"))`.
//!
//! Addresses are written as text. Lengths are right unless they are set; checksums are 0, nobody here looks at them.

use std::net::{Ipv4Addr, Ipv6Addr};

pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const IPV6: u16 = 0x86dd;
pub(crate) const VLAN: u16 = 0x8100;
pub(crate) const SERVICE_VLAN: u16 = 0x88a8;
pub(crate) const MPLS: u16 = 0x8847;
pub(crate) const PPPOE: u16 = 0x8864;

pub(crate) const SRC_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(crate) const DST_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// Ethernet II.
pub(crate) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&DST_MAC[..], &SRC_MAC, &ether_type.to_be_bytes(), payload].concat()
}

/// A VLAN tag behind the EtherType that announced it.
pub(crate) fn vlan(tag: u16, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&tag.to_be_bytes()[..], &ether_type.to_be_bytes(), payload].concat()
}

/// A stack of MPLS labels, outermost first.
pub(crate) fn mpls(labels: &[u32], payload: &[u8]) -> Vec<u8> {
    let last = labels.len() - 1;
    let word = |nth: usize| labels[nth] << 12 | u32::from(nth == last) << 8 | 64;
    let stack = (0..labels.len()).flat_map(|nth| word(nth).to_be_bytes());
    stack.chain(payload.iter().copied()).collect()
}

/// A PPPoE session header; `protocol` is the PPP protocol field as it stands, of one or two bytes.
pub(crate) fn pppoe(protocol: &[u8], payload: &[u8]) -> Vec<u8> {
    let len = (protocol.len() + payload.len()) as u16;
    [&[0x11, 0, 0, 1][..], &len.to_be_bytes(), protocol, payload].concat()
}

/// IEEE 802.3 with LLC: a length in place of the EtherType.
pub(crate) fn llc(header: &[u8], payload: &[u8]) -> Vec<u8> {
    ethernet((header.len() + payload.len()) as u16, &[header, payload].concat())
}

/// IEEE 802.3 with LLC and SNAP.
pub(crate) fn snap(organisation: [u8; 3], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    llc(&[&[0xaa, 0xaa, 0x03][..], &organisation, &ether_type.to_be_bytes()].concat(), payload)
}

/// Linux cooked capture v1, from a device of kind `device` (1 is Ethernet).
pub(crate) fn cooked_v1(device: u16, protocol: u16, payload: &[u8]) -> Vec<u8> {
    [&[0, 0][..], &device.to_be_bytes(), &[0, 6], &SRC_MAC, &[0, 0], &protocol.to_be_bytes(), payload].concat()
}

/// Linux cooked capture v2, from a device of kind `device`.
pub(crate) fn cooked_v2(device: u16, protocol: u16, payload: &[u8]) -> Vec<u8> {
    [&protocol.to_be_bytes()[..], &[0, 0, 0, 0, 0, 2], &device.to_be_bytes(), &[0, 6], &SRC_MAC, &[0, 0], payload]
        .concat()
}

/// An IPv4 packet in the making.
#[derive(Clone, Debug)]
pub(crate) struct Ipv4 {
    src: Ipv4Addr,
    dst: Ipv4Addr,
    options: Vec<u8>,
    total_len: Option<u16>,
    id: u16,
    fragment: u16,
    first_byte: Option<u8>,
}

impl Ipv4 {
    pub(crate) fn new(src: &str, dst: &str) -> Self {
        let (src, dst) = (src.parse().unwrap(), dst.parse().unwrap());
        Self { src, dst, options: Vec::new(), total_len: None, id: 1, fragment: 0, first_byte: None }
    }

    /// `words` words of no-operation options.
    pub(crate) fn options(mut self, words: usize) -> Self {
        self.options = vec![1; 4 * words];
        self
    }

    /// The total length as it stands, right or wrong.
    pub(crate) fn total_len(mut self, len: u16) -> Self {
        self.total_len = Some(len);
        self
    }

    /// Version and header length as they stand, right or wrong.
    pub(crate) fn first_byte(mut self, byte: u8) -> Self {
        self.first_byte = Some(byte);
        self
    }

    /// The fragment at `offset` bytes (a multiple of 8) of packet `id`.
    pub(crate) fn fragment(mut self, id: u16, offset: u16, more: bool) -> Self {
        self.id = id;
        self.fragment = (offset / 8) | (u16::from(more) << 13);
        self
    }

    pub(crate) fn carrying(&self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let header_len = 20 + self.options.len();
        let total_len = self.total_len.unwrap_or((header_len + payload.len()) as u16);
        let mut packet = vec![self.first_byte.unwrap_or(0x40 | (header_len / 4) as u8), 0];
        for field in [total_len, self.id, self.fragment] {
            packet.extend(field.to_be_bytes());
        }
        packet.extend([64, protocol, 0, 0]);
        packet.extend(self.src.octets());
        packet.extend(self.dst.octets());
        packet.extend(&self.options);
        packet.extend(payload);
        packet
    }

    pub(crate) fn udp(&self, src_port: u16, dst_port: u16, payload: &[u8]) -> Vec<u8> {
        self.carrying(17, &udp(src_port, dst_port, payload))
    }

    pub(crate) fn tcp(&self, src_port: u16, dst_port: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
        self.carrying(6, &tcp(src_port, dst_port, flags, payload))
    }
}

/// An IPv6 packet in the making.
#[derive(Clone, Debug)]
pub(crate) struct Ipv6 {
    src: Ipv6Addr,
    dst: Ipv6Addr,
    payload_len: Option<u16>,
    extensions: Vec<(u8, Vec<u8>)>,
}

impl Ipv6 {
    pub(crate) fn new(src: &str, dst: &str) -> Self {
        let (src, dst) = (src.parse().unwrap(), dst.parse().unwrap());
        Self { src, dst, payload_len: None, extensions: Vec::new() }
    }

    /// The payload length as it stands, right or wrong.
    pub(crate) fn payload_len(mut self, len: u16) -> Self {
        self.payload_len = Some(len);
        self
    }

    /// One more extension header of this number: all of its bytes, of which the first is set here.
    pub(crate) fn extension(mut self, number: u8, bytes: &[u8]) -> Self {
        self.extensions.push((number, bytes.to_vec()));
        self
    }

    /// One more fragment header, for `offset` bytes (a multiple of 8) into packet `id`.
    pub(crate) fn fragment(self, id: u32, offset: u16, more: bool) -> Self {
        let field = (offset | u16::from(more)).to_be_bytes();
        self.extension(44, &[&[0, 0][..], &field, &id.to_be_bytes()].concat())
    }

    pub(crate) fn carrying(&self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let next = |nth: usize| self.extensions.get(nth).map_or(protocol, |(number, _)| *number);
        let mut body = Vec::new();
        for (nth, (_, bytes)) in self.extensions.iter().enumerate() {
            body.push(next(nth + 1));
            body.extend(&bytes[1..]);
        }
        body.extend(payload);
        let payload_len = self.payload_len.unwrap_or(body.len() as u16).to_be_bytes();
        let start = [0x60, 0, 0, 0, payload_len[0], payload_len[1], next(0), 64];
        [&start[..], &self.src.octets(), &self.dst.octets(), &body].concat()
    }

    pub(crate) fn udp(&self, src_port: u16, dst_port: u16, payload: &[u8]) -> Vec<u8> {
        self.carrying(17, &udp(src_port, dst_port, payload))
    }

    pub(crate) fn tcp(&self, src_port: u16, dst_port: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
        self.carrying(6, &tcp(src_port, dst_port, flags, payload))
    }
}

/// An extension header of `words` times eight bytes, of the common form.
pub(crate) fn extension(words: usize) -> Vec<u8> {
    let mut bytes = vec![0; 8 * words];
    bytes[1] = (words - 1) as u8;
    bytes
}

pub(crate) fn udp(src_port: u16, dst_port: u16, payload: &[u8]) -> Vec<u8> {
    let len = (8 + payload.len()) as u16;
    [&src_port.to_be_bytes()[..], &dst_port.to_be_bytes(), &len.to_be_bytes(), &[0, 0], payload].concat()
}

pub(crate) fn tcp(src_port: u16, dst_port: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    tcp_with(src_port, dst_port, flags, 5, payload)
}

/// TCP with its data offset, in words, as it stands; options are the first bytes of `rest`.
pub(crate) fn tcp_with(src_port: u16, dst_port: u16, flags: u8, data_offset: u8, rest: &[u8]) -> Vec<u8> {
    let numbers = [0, 0, 0, 1, 0, 0, 0, 1];
    let end = [data_offset << 4, flags, 0x20, 0, 0, 0, 0, 0];
    [&src_port.to_be_bytes()[..], &dst_port.to_be_bytes(), &numbers, &end, rest].concat()
}

/// ICMP and ICMPv6 alike.
pub(crate) fn icmp(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind, 0, 0, 0, 0, 1, 0, 1][..], payload].concat()
}

pub(crate) fn sctp(src_port: u16, dst_port: u16, chunks: &[u8]) -> Vec<u8> {
    [&src_port.to_be_bytes()[..], &dst_port.to_be_bytes(), &[0; 8], chunks].concat()
}

/// GTP-U version 1 with its shortest header.
pub(crate) fn gtp_u(teid: u32, payload: &[u8]) -> Vec<u8> {
    gtp_u_with(0x30, 0xff, teid, payload)
}

/// GTP-U with the first two bytes as they stand; `rest` is all that its length counts, optional fields included.
pub(crate) fn gtp_u_with(flags: u8, message: u8, teid: u32, rest: &[u8]) -> Vec<u8> {
    [&[flags, message][..], &(rest.len() as u16).to_be_bytes(), &teid.to_be_bytes(), rest].concat()
}

/// An 802.11 data frame in the making, with LLC and SNAP before its payload.
#[derive(Clone, Debug)]
pub(crate) struct Radio {
    kind: u8,
    flags: u8,
    sequence: u8,
    qos: Option<u8>,
    padded: bool,
    swapped: bool,
}

impl Radio {
    /// A plain data frame with these flags (1 is To DS, 2 is From DS).
    pub(crate) fn data(flags: u8) -> Self {
        Self { kind: 0x08, flags, sequence: 0, qos: None, padded: false, swapped: false }
    }

    /// A QoS data frame with these flags (0x80 adds HT control) and this first byte of QoS control.
    pub(crate) fn qos(flags: u8, control: u8) -> Self {
        Self { kind: 0x88, qos: Some(control), ..Self::data(flags) }
    }

    /// The first byte of the frame control field as it stands.
    pub(crate) fn kind(self, kind: u8) -> Self {
        Self { kind, ..self }
    }

    /// The fragment number.
    pub(crate) fn fragment(self, sequence: u8) -> Self {
        Self { sequence, ..self }
    }

    /// The payload at a multiple of four bytes.
    pub(crate) fn padded(self) -> Self {
        Self { padded: true, ..self }
    }

    /// The bytes of the frame control field swapped.
    pub(crate) fn swapped(self) -> Self {
        Self { swapped: true, ..self }
    }

    /// Address `nth` (1 to 4): one byte stands for it.
    pub(crate) fn address(nth: u8) -> [u8; 6] {
        [2, 0, 0, 0, 0xad, nth]
    }

    pub(crate) fn header(&self) -> Vec<u8> {
        let control = if self.swapped { [self.flags, self.kind] } else { [self.kind, self.flags] };
        let mut frame = [&control[..], &[0, 0]].concat();
        (1..4).for_each(|nth| frame.extend(Self::address(nth)));
        frame.extend([self.sequence, 0]);
        if self.flags & 3 == 3 {
            frame.extend(Self::address(4));
        }
        if let Some(control) = self.qos {
            frame.extend([control, 0]);
            frame.extend([0; 4].iter().take(if self.flags & 0x80 == 0 { 0 } else { 4 }));
        }
        if self.padded {
            frame.resize(frame.len().next_multiple_of(4), 0);
        }
        frame
    }

    pub(crate) fn carrying(&self, ether_type: u16, payload: &[u8]) -> Vec<u8> {
        [&self.header()[..], &[0xaa, 0xaa, 3, 0, 0, 0], &ether_type.to_be_bytes(), payload].concat()
    }
}

/// A radiotap header with the words of its presence map and the fields as they stand.
pub(crate) fn radiotap(present: &[u32], fields: &[u8], frame: &[u8]) -> Vec<u8> {
    let len = (4 + 4 * present.len() + fields.len()) as u16;
    let words: Vec<u8> = present.iter().flat_map(|word| word.to_le_bytes()).collect();
    [&[0, 0][..], &len.to_le_bytes(), &words, fields, frame].concat()
}

/// TZSP with its first four bytes told one by one; `tags` as they stand, the last one included.
pub(crate) fn tzsp(version: u8, kind: u8, protocol: u16, tags: &[u8], frame: &[u8]) -> Vec<u8> {
    [&[version, kind][..], &protocol.to_be_bytes(), tags, frame].concat()
}

/// A CAPWAP data header with its flags (0x80 fragment, 0x40 last, 0x20 wireless information, 0x10 radio MAC, 0x08
/// keep-alive), the binding and type of the frame, and optional fields of a multiple of four bytes.
pub(crate) fn capwap(flags: u8, radio: bool, optional: &[u8], frame: &[u8]) -> Vec<u8> {
    let words = 2 + optional.len() as u8 / 4;
    // Radio 1, binding 1 (IEEE 802.11).
    let start = [0, words << 3, 1 << 6 | 1 << 1 | u8::from(radio), flags, 0, 0, 0, 0];
    [&start[..], optional, frame].concat()
}
