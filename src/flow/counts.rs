//! What is counted of some packets: how many, how large, when, and how far they came.

use crate::time::Timestamp;

/// What is counted of the packets of one direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Counts {
    /// Packets (IPFIX `packetDeltaCount`).
    pub pkts: u64,
    /// Bytes on the wire, link headers, tunnel headers and padding included.
    pub bytes: u64,
    /// Bytes of the innermost IP packets, headers included (IPFIX `octetDeltaCount`, under the innermost header).
    pub ip_bytes: u64,
    /// Bytes after the IP header and its extension headers.
    pub transport_bytes: u64,
    /// Bytes after the transport header, of the packets that could tell (IPFIX `transportOctetDeltaCount`).
    pub payload_bytes: u64,
    /// The smallest stamp; [`Timestamp::MAX`] without packets.
    pub start: Timestamp,
    /// The largest stamp; [`Timestamp::MIN`] without packets.
    pub end: Timestamp,
}

impl Counts {
    /// Nothing counted.
    pub const EMPTY: Self = Self {
        pkts: 0,
        bytes: 0,
        ip_bytes: 0,
        transport_bytes: 0,
        payload_bytes: 0,
        start: Timestamp::MAX,
        end: Timestamp::MIN,
    };

    /// Counts one packet.
    #[inline]
    pub fn count(&mut self, stamp: Timestamp, wire_len: u32, ip_len: u32, transport_len: u32, payload_len: u32) {
        self.pkts += 1;
        self.bytes += u64::from(wire_len);
        self.ip_bytes += u64::from(ip_len);
        self.transport_bytes += u64::from(transport_len);
        self.payload_bytes += u64::from(payload_len);
        self.start = self.start.min(stamp);
        self.end = self.end.max(stamp);
    }

    /// These and `other` together. It saturates, which only numbers out of a file can come to.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            pkts: self.pkts.saturating_add(other.pkts),
            bytes: self.bytes.saturating_add(other.bytes),
            ip_bytes: self.ip_bytes.saturating_add(other.ip_bytes),
            transport_bytes: self.transport_bytes.saturating_add(other.transport_bytes),
            payload_bytes: self.payload_bytes.saturating_add(other.payload_bytes),
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// The smallest and the largest TTL (IPv4) or hop limit (IPv6) of some packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TtlRange {
    /// The smallest; 255 without packets.
    pub min: u8,
    /// The largest; 0 without packets.
    pub max: u8,
}

impl TtlRange {
    /// That of no packets.
    pub const EMPTY: Self = Self { min: u8::MAX, max: 0 };

    /// Counts one packet. It writes only what changes, which is hardly ever anything.
    #[inline]
    pub fn count(&mut self, ttl: u8) {
        if ttl < self.min || ttl > self.max {
            self.min = self.min.min(ttl);
            self.max = self.max.max(ttl);
        }
    }

    /// The range of these packets and `other`.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}
