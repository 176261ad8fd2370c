//! Dissection: the first bytes of a flow in, what they say of its ends out.
//!
//! A [`Dissection`] is the state of one flow. It looks at the packets of both directions until there is nothing more to
//! learn: what is spoken is told by the bytes, and where they speak nothing that is known here it ends with the first of
//! them. Hellos of TLS, DTLS and QUIC, the server's certificate, the first question and answer of DNS, the first request and
//! response of HTTP/1 become [`Facts`]. Of DNS, which begins with nothing of its own, the port decides too.
//! Whatever comes, the work and the memory for a flow are bounded: [`Stream`]s hold 16 KiB, and at most 64 packets with
//! payload are looked at. When it is over only the facts stay.

mod certificate;
mod connection;
pub mod dns;
pub mod http;
mod names;
mod quic;
mod quic_keys;
mod stream;
mod tls;

pub use stream::Stream;

use crate::dissect::connection::{Connection, Segment};
use crate::dissect::names::Lookup;
use crate::flow::{Direction, Facts};
use crate::packet::{Packet, PacketFlags};

/// What is known and what is being read of one flow.
#[derive(Debug)]
pub struct Dissection {
    state: State,
    facts: Option<Box<Facts>>,
}

#[derive(Debug)]
enum State {
    /// No payload that tells anything yet; where SYNs said that the two directions begin.
    Quiet {
        starts: [Option<u32>; 2],
        datagrams: u8,
    },
    Tcp(Box<Connection>),
    Quic {
        client: Box<quic::Client>,
        datagrams: u8,
    },
    Dtls {
        hellos: tls::dtls::Hellos,
        datagrams: u8,
    },
    Dns {
        lookup: Box<Lookup>,
        datagrams: u8,
    },
    Over,
}

impl Dissection {
    /// The dissection of a flow of IP protocol `ip_protocol` (IANA protocol numbers).
    ///
    /// Only TCP and UDP are looked at; for others it is over at once.
    pub const fn new(ip_protocol: u8) -> Self {
        let state = match ip_protocol {
            TCP | UDP => State::Quiet { starts: [None; 2], datagrams: 0 },
            _ => State::Over,
        };
        Self { state, facts: None }
    }

    /// Looks at the next packet of the flow, which goes `direction`.
    ///
    /// Fragments after the first are left out. Costs nothing when [`Dissection::is_over`].
    #[inline]
    pub fn observe(&mut self, direction: Direction, packet: &Packet<'_>) {
        if self.is_over() || packet.info.flags.contains(PacketFlags::LATER_FRAGMENT) {
            return;
        }
        match packet.info.ip_protocol {
            TCP => self.segment(direction, packet),
            UDP => self.datagram(packet),
            _ => {}
        }
    }

    /// Whether further packets tell nothing: all was read, or nothing fits.
    #[inline]
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// What was learnt so far; `None` when nothing was.
    pub fn facts(&self) -> Option<&Facts> {
        self.facts.as_deref().filter(|facts| **facts != Facts::default())
    }

    /// What was learnt; `None` when nothing was.
    pub fn finish(self) -> Option<Box<Facts>> {
        self.facts.filter(|facts| **facts != Facts::default())
    }

    fn segment(&mut self, direction: Direction, packet: &Packet<'_>) {
        let (payload, flags) = (packet.payload(), packet.info.tcp_flags);
        let header = packet.raw.data.get(packet.info.transport_offset as usize..).unwrap_or_default();
        let Some(seq) = header.get(4..).and_then(|bytes| bytes.first_chunk()).copied().map(u32::from_be_bytes) else {
            return;
        };
        if let State::Quiet { starts, .. } = &mut self.state {
            if flags.syn() {
                starts[direction as usize] = Some(seq.wrapping_add(1));
            }
            // A single zero byte may be a keep-alive probe of a connection that was there before.
            if payload.is_empty() || payload == [0] {
                return;
            }
            let begins = starts[direction as usize].is_none_or(|start| start == seq || flags.syn());
            if begins && !connection::begins(payload, is_to_dns(packet)) {
                self.state = State::Over;
                return;
            }
            self.state = State::Tcp(Box::new(Connection::new(*starts, is_to_dns(packet))));
        }
        let State::Tcp(connection) = &mut self.state else { return };
        let segment = Segment { direction, stamp: packet.raw.stamp, seq, flags, payload };
        connection.read(&segment, self.facts.get_or_insert_default());
        if connection.is_over() {
            self.end();
        }
    }

    fn datagram(&mut self, packet: &Packet<'_>) {
        let payload = packet.payload();
        if payload.is_empty() {
            return;
        }
        if let State::Quiet { datagrams, .. } = self.state {
            self.state = if quic::begins(payload) {
                State::Quic { client: Box::default(), datagrams: 0 }
            } else if tls::dtls::begins(payload) {
                State::Dtls { hellos: Default::default(), datagrams: 0 }
            } else if is_to_dns(packet) {
                State::Dns { lookup: Box::default(), datagrams: 0 }
            } else if datagrams < MAX_OTHERS {
                State::Quiet { starts: [None; 2], datagrams: datagrams + 1 }
            } else {
                State::Over
            };
        }
        let over = match &mut self.state {
            State::Quic { client, datagrams } => {
                client.read(payload, self.facts.get_or_insert_default());
                *datagrams += 1;
                client.is_done() || *datagrams >= MAX_DATAGRAMS
            }
            State::Dtls { hellos, datagrams } => {
                hellos.read(payload, self.facts.get_or_insert_default());
                *datagrams += 1;
                hellos.is_done() || *datagrams >= MAX_DATAGRAMS
            }
            State::Dns { lookup, datagrams } => {
                lookup.read(payload, packet.raw.stamp, self.facts.get_or_insert_default());
                *datagrams += 1;
                lookup.is_done() || *datagrams >= MAX_DATAGRAMS
            }
            _ => return,
        };
        if over {
            self.end();
        }
    }

    /// Frees all but what was learnt.
    fn end(&mut self) {
        self.state = State::Over;
        self.facts.take_if(|facts| **facts == Facts::default());
    }
}

/// Whether one of the ports of a packet is that of DNS.
fn is_to_dns(packet: &Packet<'_>) -> bool {
    Lookup::is_at(packet.info.src_port) || Lookup::is_at(packet.info.dst_port)
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Datagrams before the first of a known protocol, at most.
const MAX_OTHERS: u8 = 3;
/// Datagrams of a known protocol that are looked at, at most.
const MAX_DATAGRAMS: u8 = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_without_anything_to_dissect_costs_little_memory() {
        assert!(size_of::<Dissection>() <= 32, "{} bytes", size_of::<Dissection>());
        assert!(Dissection::new(1).is_over());
    }
}
