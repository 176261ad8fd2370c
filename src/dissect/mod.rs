//! Dissection: the first bytes of a flow in, what they say of its ends out.
//!
//! A [`Dissection`] is the state of one flow. It looks at the packets of both directions until there is nothing more to
//! learn: what is spoken is told by the bytes, and where they speak nothing that is known here it ends with the first of
//! them. Hellos of TLS, DTLS and QUIC, the server's certificate, the first question and answer of DNS, the first request and
//! response of HTTP/1 become [`Facts`]. Of DNS, which begins with nothing of its own, the port decides too.
//! Whatever comes, the work and the memory for a flow are bounded: [`Stream`]s hold 16 KiB, and at most 64 packets with
//! payload are looked at. When it is over only the facts stay.

mod assembler;
mod certificate;
mod connection;
pub mod dns;
pub mod http;
mod names;
mod quic;
mod quic_keys;
mod stream;
mod tls;

pub use assembler::{Assembler, Piece, TcpSegment};
pub use stream::Stream;
pub use tls::{TlsConversation, TlsRecord};

use std::sync::Arc;

use crate::dissect::connection::{Connection, Segment};
use crate::dissect::names::Lookup;
use crate::flow::{Direction, Facts};
use crate::packet::{Packet, PacketFlags};

/// What is known and what is being read of one flow.
#[derive(Debug)]
pub struct Dissection {
    state: State,
    facts: Option<Arc<Facts>>,
}

#[derive(Debug)]
enum State {
    /// No payload that tells anything yet.
    Quiet(Quiet),
    Tcp(Box<Connection>),
    Quic(Box<quic::Client>, u8),
    Dtls(tls::dtls::Hellos, u8),
    Dns(Box<Lookup>, u8),
    Over,
}

/// What was seen before the first payload.
#[derive(Clone, Copy, Debug, Default)]
struct Quiet {
    /// Where SYNs said that the two directions begin.
    starts: [u32; 2],
    started: [bool; 2],
    datagrams: u8,
}

impl Dissection {
    /// None: for a flow whose payload is not to be read.
    pub const OFF: Self = Self { state: State::Over, facts: None };

    /// The dissection of a flow of IP protocol `ip_protocol` (IANA protocol numbers).
    ///
    /// Only TCP and UDP are looked at; for others it is over at once.
    pub const fn new(ip_protocol: u8) -> Self {
        match ip_protocol {
            TCP | UDP => {
                let quiet = Quiet { starts: [0; 2], started: [false; 2], datagrams: 0 };
                Self { state: State::Quiet(quiet), facts: None }
            }
            _ => Self::OFF,
        }
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
        self.shared().map(|facts| &**facts)
    }

    /// The same, to be kept.
    pub(crate) fn shared(&self) -> Option<&Arc<Facts>> {
        self.facts.as_ref().filter(|facts| !facts.is_empty())
    }

    /// Where others may add what they learnt of the flow: what is read here counts more, be it earlier or later.
    pub(crate) fn facts_mut(&mut self) -> &mut Option<Arc<Facts>> {
        &mut self.facts
    }

    /// What was learnt; `None` when nothing was.
    pub fn finish(self) -> Option<Arc<Facts>> {
        // What is over was looked at when it ended.
        let over = self.is_over();
        self.facts.filter(|facts| over || !facts.is_empty())
    }

    #[inline(never)]
    fn segment(&mut self, direction: Direction, packet: &Packet<'_>) {
        let (payload, flags) = (packet.payload(), packet.info.tcp_flags);
        if payload.is_empty() && !flags.syn() && matches!(self.state, State::Quiet(_)) {
            return;
        }
        let header = packet.raw.data.get(packet.info.transport_offset as usize..).unwrap_or_default();
        let Some(seq) = header.get(4..).and_then(|bytes| bytes.first_chunk()).copied().map(u32::from_be_bytes) else {
            return;
        };
        if let State::Quiet(quiet) = &mut self.state {
            let way = direction as usize;
            if flags.syn() {
                (quiet.starts[way], quiet.started[way]) = (seq.wrapping_add(1), true);
            }
            // A single zero byte may be a keep-alive probe of a connection that was there before.
            if payload.is_empty() || payload == [0] {
                return;
            }
            let begins = !quiet.started[way] || quiet.starts[way] == seq || flags.syn();
            if begins && !connection::begins(payload, is_to_dns(packet)) {
                self.state = State::Over;
                return;
            }
            let starts = [0, 1].map(|way| quiet.started[way].then_some(quiet.starts[way]));
            self.state = State::Tcp(Box::new(Connection::new(starts, is_to_dns(packet))));
        }
        let State::Tcp(connection) = &mut self.state else { return };
        let segment = Segment { direction, stamp: packet.raw.stamp, seq, flags, payload };
        connection.read(&segment, &mut self.facts);
        if connection.is_over() {
            self.end();
        }
    }

    #[inline(never)]
    fn datagram(&mut self, packet: &Packet<'_>) {
        let payload = packet.payload();
        if payload.is_empty() {
            return;
        }
        if let State::Quiet(quiet) = &mut self.state {
            quiet.datagrams += 1;
            self.state = if quic::begins(payload) {
                State::Quic(Box::default(), 0)
            } else if tls::dtls::begins(payload) {
                State::Dtls(Default::default(), 0)
            } else if is_to_dns(packet) {
                State::Dns(Box::default(), 0)
            } else if quiet.datagrams <= MAX_OTHERS {
                return;
            } else {
                State::Over
            };
        }
        let (done, datagrams) = match &mut self.state {
            State::Quic(client, datagrams) => {
                client.read(payload, Facts::open(&mut self.facts));
                (client.is_done(), datagrams)
            }
            State::Dtls(hellos, datagrams) => {
                hellos.read(payload, Facts::open(&mut self.facts));
                (hellos.is_done(), datagrams)
            }
            State::Dns(lookup, datagrams) => {
                lookup.read(payload, packet.raw.stamp, Facts::open(&mut self.facts));
                (lookup.is_done(), datagrams)
            }
            State::Quiet(_) | State::Tcp(_) | State::Over => return,
        };
        *datagrams += 1;
        if done || *datagrams >= MAX_DATAGRAMS {
            self.end();
        }
    }

    /// Frees all but what was learnt.
    fn end(&mut self) {
        self.state = State::Over;
        self.facts.take_if(|facts| facts.is_empty());
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
        assert!(size_of::<Dissection>() <= 24, "{} bytes", size_of::<Dissection>());
        assert!(Dissection::new(1).is_over());
    }
}
