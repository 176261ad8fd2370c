//! DTLS (RFC 6347, RFC 9147): hellos that are not fragmented, as far as they are in the clear.

use crate::dissect::tls::hello::{ClientHello, ServerHello};
use crate::dissect::tls::reader::Reader;
use crate::dissect::tls::{CLIENT_HELLO, Carrier, SERVER_HELLO, client, server};
use crate::flow::Facts;

/// Whether a datagram begins with a DTLS handshake record of the first epoch.
pub(in crate::dissect) fn begins(datagram: &[u8]) -> bool {
    matches!(datagram, [22, 0xfe, 0xfc | 0xfd | 0xff, 0, 0, ..])
}

/// What was heard of the two ends.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::dissect) struct Hellos {
    client: bool,
    server: bool,
}

impl Hellos {
    /// Looks at the next datagram of either direction.
    pub(in crate::dissect) fn read(&mut self, datagram: &[u8], facts: &mut Facts) {
        if let Some((kind, body)) = first_message(datagram) {
            match kind {
                CLIENT_HELLO if !self.client => {
                    if let Some(hello) = ClientHello::parse(body, true) {
                        self.client = true;
                        client(&hello, Carrier::Dtls, facts);
                    }
                }
                SERVER_HELLO if !self.server => {
                    if let Some(hello) = ServerHello::parse(body) {
                        self.server = true;
                        server(&hello, facts);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether there is nothing more to learn.
    pub(in crate::dissect) fn is_done(self) -> bool {
        self.client && self.server
    }
}

/// Type and body of the message that the first record holds; `None` where it does not hold all of it.
fn first_message(datagram: &[u8]) -> Option<(u8, &[u8])> {
    if !begins(datagram) {
        return None;
    }
    let mut record = Reader(datagram);
    // Type, version, epoch and sequence number.
    record.take(11)?;
    let mut message = Reader(record.vector::<2>()?);
    let kind = message.u8()?;
    let len = message.number::<3>()?;
    message.u16()?;
    let (offset, fragment) = (message.number::<3>()?, message.vector::<3>()?);
    (offset == 0 && fragment.len() == len as usize).then_some((kind, fragment))
}
