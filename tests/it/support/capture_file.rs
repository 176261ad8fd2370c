//! Writes tiny captures for tests: pcap and pcapng, in every dialect, and wrong ones.

/// The order of the bytes in a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, number: u16) -> [u8; 2] {
        if self == Self::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn u32(self, number: u32) -> [u8; 4] {
        if self == Self::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn u64(self, number: u64) -> [u8; 8] {
        if self == Self::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }
}

/// A pcap file in the making; microseconds, little-endian and Ethernet unless told otherwise before the first frame.
#[derive(Clone, Debug)]
pub(crate) struct PcapFile {
    order: Order,
    magic: u32,
    version: (u16, u16),
    snaplen: u32,
    link: u32,
    records: Vec<u8>,
}

impl PcapFile {
    pub(crate) fn new() -> Self {
        Self {
            order: Order::Little,
            magic: 0xa1b2_c3d4,
            version: (2, 4),
            snaplen: 65_535,
            link: 1,
            records: Vec::new(),
        }
    }

    pub(crate) fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    pub(crate) fn nanoseconds(mut self) -> Self {
        self.magic = 0xa1b2_3c4d;
        self
    }

    /// Kuznetzov's modified format: 8 more bytes in each record.
    pub(crate) fn modified(mut self) -> Self {
        self.magic = 0xa1b2_cd34;
        self
    }

    pub(crate) fn version(mut self, major: u16, minor: u16) -> Self {
        self.version = (major, minor);
        self
    }

    pub(crate) fn snaplen(mut self, bytes: u32) -> Self {
        self.snaplen = bytes;
        self
    }

    /// The whole field, check sequence bits included.
    pub(crate) fn link(mut self, field: u32) -> Self {
        self.link = field;
        self
    }

    /// A frame that was captured whole, stamped with seconds and the file's unit of a second.
    pub(crate) fn frame(self, seconds: u32, fraction: u32, data: &[u8]) -> Self {
        let len = data.len() as u32;
        self.record(seconds, fraction, len, len, data)
    }

    /// A record with these four fields, whatever they claim, and these bytes.
    pub(crate) fn record(mut self, seconds: u32, fraction: u32, first_len: u32, second_len: u32, data: &[u8]) -> Self {
        for field in [seconds, fraction, first_len, second_len] {
            self.records.extend(self.order.u32(field));
        }
        if self.magic == 0xa1b2_cd34 {
            self.records.extend([0xee; 8]);
        }
        self.records.extend(data);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let order = self.order;
        let mut bytes = Vec::new();
        bytes.extend(order.u32(self.magic));
        bytes.extend(order.u16(self.version.0));
        bytes.extend(order.u16(self.version.1));
        bytes.extend([0; 8]);
        bytes.extend(order.u32(self.snaplen));
        bytes.extend(order.u32(self.link));
        bytes.extend(&self.records);
        bytes
    }
}

/// A pcapng file in the making; begins with a section header.
#[derive(Clone, Debug)]
pub(crate) struct PcapngFile {
    order: Order,
    bytes: Vec<u8>,
}

impl PcapngFile {
    pub(crate) fn new(order: Order) -> Self {
        Self { order, bytes: Vec::new() }.section(order)
    }

    /// A new section, without interfaces.
    pub(crate) fn section(mut self, order: Order) -> Self {
        self.order = order;
        let mut body = order.u32(0x1a2b_3c4d).to_vec();
        body.extend(order.u16(1));
        body.extend(order.u16(0));
        body.extend(order.u64(u64::MAX));
        self.block(0x0a0d_0d0a, &body)
    }

    /// An interface with options, each a code and a value.
    pub(crate) fn interface(self, link: u16, snaplen: u32, options: &[(u16, &[u8])]) -> Self {
        let order = self.order;
        let mut body = order.u16(link).to_vec();
        body.extend([0; 2]);
        body.extend(order.u32(snaplen));
        for (code, value) in options {
            body.extend(order.u16(*code));
            body.extend(order.u16(value.len() as u16));
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        if !options.is_empty() {
            body.extend([0; 4]);
        }
        self.block(1, &body)
    }

    /// An enhanced packet block of a frame that was captured whole.
    pub(crate) fn packet(self, interface: u32, ticks: u64, data: &[u8]) -> Self {
        let len = data.len() as u32;
        self.cut_packet(interface, ticks, len, len, data)
    }

    /// An enhanced packet block with these lengths, whatever they claim.
    pub(crate) fn cut_packet(self, interface: u32, ticks: u64, captured: u32, wire: u32, data: &[u8]) -> Self {
        let first = self.order.u32(interface);
        self.packet_block(6, first, ticks, captured, wire, data)
    }

    /// An obsolete packet block.
    pub(crate) fn obsolete_packet(self, interface: u16, ticks: u64, data: &[u8]) -> Self {
        let [a, b] = self.order.u16(interface);
        let [c, d] = self.order.u16(3);
        let len = data.len() as u32;
        self.packet_block(2, [a, b, c, d], ticks, len, len, data)
    }

    /// A simple packet block of a frame of `wire` bytes.
    pub(crate) fn simple_packet(self, wire: u32, data: &[u8]) -> Self {
        let mut body = self.order.u32(wire).to_vec();
        body.extend(data);
        self.block(3, &body)
    }

    /// Any block; the body is padded to four bytes.
    pub(crate) fn block(mut self, kind: u32, body: &[u8]) -> Self {
        let total = 12 + body.len().next_multiple_of(4) as u32;
        self.bytes.extend(self.order.u32(kind));
        self.bytes.extend(self.order.u32(total));
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.bytes.extend(self.order.u32(total));
        self
    }

    /// Anything at all.
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    fn packet_block(self, kind: u32, first: [u8; 4], ticks: u64, captured: u32, wire: u32, data: &[u8]) -> Self {
        let mut body = first.to_vec();
        for field in [(ticks >> 32) as u32, ticks as u32, captured, wire] {
            body.extend(self.order.u32(field));
        }
        body.extend(data);
        self.block(kind, &body)
    }
}
