//! Packets as a story: who sends what to whom, and when.
//!
//! `Scenario::new().at_ms(0).tcp(A, B).syn().at_ms(5).tcp(B, A).syn_ack().meter()`

use flowgauge::capture::memory::MemorySource;
use flowgauge::classify::{ClassifierOptions, DissectionLimits};
use flowgauge::flow::FlowRecord;
use flowgauge::meter::{Meter, MeterConfig};
use flowgauge::packet::{DecodeOptions, Decoded, Decoder, LinkType, Packet, RawPacket, TcpFlags};
use flowgauge::{Report, Streamer, Timestamp};

/// An address and a port.
pub(crate) type End = ([u8; 4], u16);

pub(crate) const A: End = ([10, 0, 0, 1], 1000);
pub(crate) const B: End = ([10, 0, 0, 2], 80);
pub(crate) const C: End = ([10, 0, 0, 3], 53);

/// One frame of a story.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) stamp: Timestamp,
    pub(crate) src: End,
    pub(crate) dst: End,
    /// IP protocol number; [`JUNK`] for a frame that is not IP.
    pub(crate) protocol: u8,
    pub(crate) flags: u8,
    /// Sequence and acknowledgement number.
    pub(crate) numbers: (u32, u32),
    pub(crate) window: u16,
    pub(crate) options: &'static [u8],
    pub(crate) payload: usize,
    pub(crate) vlan: Option<u16>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Scenario {
    now: i64,
    sent: Vec<Sent>,
}

impl Scenario {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// What follows happens at this time.
    pub(crate) fn at_ns(mut self, ns: i64) -> Self {
        self.now = ns;
        self
    }

    pub(crate) fn at_ms(self, ms: i64) -> Self {
        self.at_ns(ms * 1_000_000)
    }

    pub(crate) fn at_s(self, s: i64) -> Self {
        self.at_ns(s * 1_000_000_000)
    }

    fn send(mut self, protocol: u8, src: End, dst: End) -> Self {
        let stamp = Timestamp::from_nanos(EPOCH + self.now);
        self.sent.push(Sent { stamp, src, dst, protocol, payload: 10, ..Sent::EMPTY });
        self
    }

    /// A TCP segment with ACK and ten bytes.
    pub(crate) fn tcp(self, src: End, dst: End) -> Self {
        self.send(6, src, dst).flags(TcpFlags::ACK)
    }

    /// A UDP datagram with ten bytes.
    pub(crate) fn udp(self, src: End, dst: End) -> Self {
        self.send(17, src, dst)
    }

    /// An ICMP echo request.
    pub(crate) fn ping(self, src: End, dst: End) -> Self {
        self.send(1, src, dst)
    }

    /// A frame that is not IP.
    pub(crate) fn junk(self, src: End, dst: End) -> Self {
        self.send(JUNK, src, dst)
    }

    /// All frames so far.
    pub(crate) fn sent(&self) -> &[Sent] {
        &self.sent
    }

    fn last(&mut self) -> &mut Sent {
        self.sent.last_mut().expect("somebody sends first")
    }

    pub(crate) fn flags(mut self, flags: u8) -> Self {
        self.last().flags = flags;
        self
    }

    pub(crate) fn syn(self) -> Self {
        self.flags(TcpFlags::SYN).len(0)
    }

    pub(crate) fn syn_ack(self) -> Self {
        self.flags(TcpFlags::SYN | TcpFlags::ACK).len(0)
    }

    pub(crate) fn fin(self) -> Self {
        self.flags(TcpFlags::FIN | TcpFlags::ACK).len(0)
    }

    pub(crate) fn rst(self) -> Self {
        self.flags(TcpFlags::RST).len(0)
    }

    /// Sequence and acknowledgement number of a TCP segment.
    pub(crate) fn at(mut self, seq: u32, ack: u32) -> Self {
        self.last().numbers = (seq, ack);
        self
    }

    /// The window of a TCP segment; 1000 unless it is told.
    pub(crate) fn window(mut self, bytes: u16) -> Self {
        self.last().window = bytes;
        self
    }

    /// The options of a TCP segment, whole words.
    pub(crate) fn options(mut self, options: &'static [u8]) -> Self {
        self.last().options = options;
        self
    }

    /// Bytes of payload.
    pub(crate) fn len(mut self, bytes: usize) -> Self {
        self.last().payload = bytes;
        self
    }

    pub(crate) fn vlan(mut self, id: u16) -> Self {
        self.last().vlan = Some(id);
        self
    }

    /// The frames, as a source.
    pub(crate) fn source(&self) -> MemorySource {
        let mut source = MemorySource::new();
        for sent in &self.sent {
            source.push(sent.stamp, LinkType::ETHERNET, &sent.frame());
        }
        source
    }

    /// The records of a meter with its defaults, without nDPI, by `flow_id`.
    pub(crate) fn meter(&self) -> Vec<FlowRecord> {
        self.meter_with(MeterConfig::new())
    }

    /// The records of a meter with this configuration, without nDPI, by `flow_id`.
    pub(crate) fn meter_with(&self, config: MeterConfig) -> Vec<FlowRecord> {
        let mut records = self.meter_in_order(config);
        records.sort_by_key(|record| record.flow_id);
        records
    }

    /// The same in the order in which they leave.
    pub(crate) fn meter_in_order(&self, config: MeterConfig) -> Vec<FlowRecord> {
        let off = ClassifierOptions { limits: DissectionLimits::uniform(0), ..Default::default() };
        let mut meter = Meter::new(config.classifier(off)).unwrap();
        let mut decoder = Decoder::new(DecodeOptions::new());
        let mut records = Vec::new();
        for (index, sent) in self.sent.iter().enumerate() {
            let data = sent.frame();
            let raw = RawPacket {
                number: index as u64 + 1,
                stamp: sent.stamp,
                wire_len: data.len() as u32,
                link: LinkType::ETHERNET,
                data: &data,
            };
            let Decoded::Packet(info) = decoder.decode(&raw) else {
                assert_eq!(sent.protocol, JUNK, "frame {} is refused", index + 1);
                continue;
            };
            meter.observe(&Packet::new(raw, &info));
            records.extend(std::iter::from_fn(|| meter.pop()));
        }
        meter.finish();
        records.extend(std::iter::from_fn(|| meter.pop()));
        // It is over once.
        meter.finish();
        assert!(meter.pop().is_none());
        assert_eq!(meter.living(), Default::default());
        records
    }

    /// The records of a streamer, by `flow_id`, and its report, which adds up.
    pub(crate) fn stream(&self, options: impl FnOnce(Streamer) -> Streamer) -> (Vec<FlowRecord>, Report) {
        let streamer = options(Streamer::from_source(self.source()).n_dissections(0).workers(0));
        let mut flows = streamer.start().unwrap();
        let mut records: Vec<_> = flows.by_ref().map(Result::unwrap).collect();
        records.sort_by_key(|record| record.flow_id);
        let report = flows.report();
        report.check().unwrap();
        (records, report)
    }
}

impl Sent {
    const EMPTY: Self = Self {
        stamp: Timestamp::MIN,
        src: A,
        dst: B,
        protocol: 0,
        flags: 0,
        numbers: (0, 0),
        window: 1000,
        options: &[],
        payload: 0,
        vlan: None,
    };

    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut transport = match self.protocol {
            6 => {
                let mut header = vec![0; 20];
                header[4..8].copy_from_slice(&self.numbers.0.to_be_bytes());
                header[8..12].copy_from_slice(&self.numbers.1.to_be_bytes());
                header[12] = (((20 + self.options.len()) / 4) << 4) as u8;
                header[13] = self.flags;
                header[14..16].copy_from_slice(&self.window.to_be_bytes());
                header.extend(self.options);
                header
            }
            17 => vec![0, 0, 0, 0, 0, 8 + self.payload as u8, 0, 0],
            _ => vec![8, 0, 0, 0, 0, 1, 0, 1],
        };
        if self.protocol != 1 {
            transport[..2].copy_from_slice(&self.src.1.to_be_bytes());
            transport[2..4].copy_from_slice(&self.dst.1.to_be_bytes());
        }
        transport.resize(transport.len() + self.payload, 0);
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        if let Some(vlan) = self.vlan {
            frame.extend([0x81, 0x00]);
            frame.extend(vlan.to_be_bytes());
        }
        if self.protocol == JUNK {
            frame.extend(ARP.to_be_bytes());
            frame.resize(60, 0);
            return frame;
        }
        frame.extend([0x08, 0x00, 0x45, 0]);
        frame.extend((20 + transport.len() as u16).to_be_bytes());
        frame.extend([0, 1, 0, 0, 64, self.protocol, 0, 0]);
        frame.extend(self.src.0);
        frame.extend(self.dst.0);
        frame.extend(transport);
        frame
    }
}

/// The protocol of a frame that is not IP; no IP packet has it, it is reserved (IANA).
pub(crate) const JUNK: u8 = 255;
const ARP: u16 = 0x0806;
/// When stories begin: 2023-11-14T22:13:20Z.
pub(crate) const EPOCH: i64 = 1_700_000_000_000_000_000;
