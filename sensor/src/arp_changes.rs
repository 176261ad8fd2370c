//! Changes of hardware addresses as messages.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::net::Ipv4Addr;

use flowgauge::pipeline::Arp;
use flowgauge_hub::Name;
use serde_json::{Value, json};

use crate::needs::{Fields, Needs, PacketNeeds};
use crate::outbox::Outbox;
use crate::processor::{Packets, Processor};
use crate::topic;

/// Says `arp.change` when an ARP message (RFC 826) tells an address that nobody told before (`new`), or one that had another
/// hardware address (`moved`). Probes (RFC 5227), whose sender has no address yet, tell nothing.
///
/// 65,536 addresses are remembered; the one that was told first is forgotten first.
#[derive(Debug)]
pub struct ArpChanges {
    change: Name,
    known: HashMap<Ipv4Addr, [u8; 6]>,
    order: VecDeque<Ipv4Addr>,
}

impl Default for ArpChanges {
    fn default() -> Self {
        Self { change: topic("arp.change"), known: HashMap::new(), order: VecDeque::new() }
    }
}

impl ArpChanges {
    /// What this message changes: the kind of it, and the hardware address before.
    fn learn(&mut self, arp: &Arp) -> Option<(&'static str, Option<[u8; 6]>)> {
        if arp.sender.is_unspecified() {
            return None;
        }
        match self.known.insert(arp.sender, arp.sender_mac) {
            Some(before) if before == arp.sender_mac => None,
            Some(before) => Some(("moved", Some(before))),
            None => {
                self.order.push_back(arp.sender);
                if self.order.len() > REMEMBERED
                    && let Some(first) = self.order.pop_front()
                {
                    self.known.remove(&first);
                }
                Some(("new", None))
            }
        }
    }
}

impl Processor for ArpChanges {
    fn name(&self) -> &str {
        "arp"
    }

    fn needs(&self) -> Needs {
        Needs { packets: Some(PacketNeeds { filter: None, fields: Fields::ARP }), flows: false }
    }

    fn packets(&mut self, packets: &Packets<'_>, out: &mut Outbox<'_>) {
        for view in packets.views() {
            let Some(arp) = view.network().arp else { continue };
            let Some((kind, before)) = self.learn(&arp) else { continue };
            let payload = json!({
                "kind": kind,
                "ip": arp.sender,
                "mac": mac(arp.sender_mac),
                "previous_mac": before.map(mac),
                "operation": operation(arp.operation),
            });
            out.send(&self.change, view.item.stamp(), &payload);
        }
    }
}

fn mac(address: [u8; 6]) -> String {
    address.iter().enumerate().fold(String::with_capacity(17), |mut text, (index, byte)| {
        let _ = write!(text, "{}{byte:02x}", if index > 0 { ":" } else { "" });
        text
    })
}

/// The word for an operation, or its number (IANA, Address Resolution Protocol Parameters).
fn operation(operation: u16) -> Value {
    match operation {
        1 => "request".into(),
        2 => "reply".into(),
        other => other.into(),
    }
}

const REMEMBERED: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sender: [u8; 4], last: u8) -> Arp {
        let target = Ipv4Addr::new(10, 0, 0, 1);
        let sender_mac = [2, 0, 0, 0, 0, last];
        Arp { operation: 2, sender_mac, sender: sender.into(), target_mac: [0; 6], target }
    }

    #[test]
    fn an_address_is_new_once_and_moves() {
        let mut changes = ArpChanges::default();
        assert_eq!(changes.learn(&told([10, 0, 0, 9], 1)), Some(("new", None)));
        assert_eq!(changes.learn(&told([10, 0, 0, 9], 1)), None);
        assert_eq!(changes.learn(&told([10, 0, 0, 9], 2)), Some(("moved", Some([2, 0, 0, 0, 0, 1]))));
        assert_eq!(changes.learn(&told([0, 0, 0, 0], 3)), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut changes = ArpChanges::default();
        for number in 1..=REMEMBERED as u32 + 10 {
            changes.learn(&told(number.to_be_bytes(), 1));
        }
        assert_eq!((changes.known.len(), changes.order.len()), (REMEMBERED, REMEMBERED));
        assert_eq!(changes.learn(&told([0, 0, 0, 1], 1)), Some(("new", None)));
    }

    #[test]
    fn hardware_addresses_and_operations_have_their_words() {
        assert_eq!(mac([2, 0, 0xab, 0, 0, 9]), "02:00:ab:00:00:09");
        assert_eq!([operation(1), operation(2), operation(9)], [json!("request"), json!("reply"), json!(9)]);
    }
}
