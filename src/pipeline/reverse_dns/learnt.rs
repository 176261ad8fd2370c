//! Names that the capture's own DNS answers tell.

use std::net::IpAddr;

use crate::dissect::dns::{self, Data, Message, Record};
use crate::packet::{Packet, PacketFlags};
use crate::pipeline::Domain;
use crate::pipeline::reverse_dns::cache::Cache;

/// Addresses that were the answer to a question for a name, and that name.
#[derive(Debug)]
pub(super) struct Learnt {
    names: Cache,
    pub(super) count: u64,
}

impl Learnt {
    pub(super) fn new(most: usize) -> Self {
        Self { names: Cache::new(most), count: 0 }
    }

    /// What is known of an address.
    #[inline]
    pub(super) fn name(&mut self, address: IpAddr) -> Option<Domain> {
        if self.names.is_empty() {
            return None;
        }
        self.names.get_mut(&address).map(|entry| entry.domain.clone())
    }

    /// Looks at a packet that may be an answer.
    #[inline]
    pub(super) fn see(&mut self, packet: &Packet<'_>) {
        if matches!(packet.info.src_port, DNS | MDNS | LLMNR) {
            self.read(packet);
        }
    }

    #[cold]
    fn read(&mut self, packet: &Packet<'_>) {
        if packet.info.flags.contains(PacketFlags::LATER_FRAGMENT) {
            return;
        }
        let payload = packet.payload();
        let message = match packet.info.ip_protocol {
            UDP => Some(payload),
            TCP => dns::tcp_message(payload),
            _ => None,
        };
        let Some(message) = message.and_then(Message::parse) else { return };
        if !message.is_response {
            return;
        }
        match message.question() {
            Some(question) if matches!(question.kind, A | AAAA) => {
                let name = question.name.clone();
                message.answers.iter().for_each(|record| self.learn(&name, record));
            }
            // Answers of mDNS have no question; addresses come beside answers that tell of services, too.
            None if packet.info.src_port == MDNS => {
                let records = message.answers.iter().chain(&message.additional);
                records.for_each(|record| self.learn(&record.name, record));
            }
            _ => {}
        }
    }

    fn learn(&mut self, name: &str, record: &Record) {
        let address = match record.data {
            Data::V4(address) => IpAddr::V4(address),
            Data::V6(address) => IpAddr::V6(address),
            _ => return,
        };
        if name == "." {
            return;
        }
        self.count += 1;
        self.names.tell(address, &Domain::named(name));
    }
}

const DNS: u16 = 53;
const MDNS: u16 = 5353;
const LLMNR: u16 = 5355;
const TCP: u8 = 6;
const UDP: u8 = 17;
const A: u16 = 1;
const AAAA: u16 = 28;
