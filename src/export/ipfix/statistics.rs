//! What metering and exporting came to (RFC 7011 section 4), as options records.

use crate::export::Ignored;
use crate::export::ipfix::encode::push_text;
use crate::export::ipfix::own::SKIP_REASON;
use crate::export::ipfix::template::{
    IGNORED_TEMPLATE, SENT_TEMPLATE, SKIPPED_TEMPLATE, UNSENT_TEMPLATE, options_template,
};
use crate::flow::Counts;

/// What was sent so far, and what could not be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    messages: u64,
    bytes: u64,
    flows: u64,
    unsent: Waiting,
    /// What is in the message that is being filled.
    waiting: Waiting,
}

#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    flows: u64,
    packets: u64,
    bytes: u64,
}

/// An options template, and the records of it.
pub(super) struct Told {
    pub(super) id: u16,
    pub(super) template: Vec<u8>,
    pub(super) records: Vec<Vec<u8>>,
}

impl Sent {
    /// A flow record of these packets went into the message.
    pub(super) fn add(&mut self, counts: &Counts) {
        let Waiting { flows, packets, bytes } = &mut self.waiting;
        *flows = flows.saturating_add(1);
        *packets = packets.saturating_add(counts.pkts);
        *bytes = bytes.saturating_add(counts.ip_bytes);
    }

    /// The message was sent, or could not be.
    pub(super) fn message(&mut self, message_bytes: usize, sent: bool) {
        let Waiting { flows, packets, bytes } = std::mem::take(&mut self.waiting);
        if sent {
            self.messages = self.messages.saturating_add(1);
            self.bytes = self.bytes.saturating_add(message_bytes as u64);
            self.flows = self.flows.saturating_add(flows);
            return;
        }
        let unsent = &mut self.unsent;
        unsent.flows = unsent.flows.saturating_add(flows);
        unsent.packets = unsent.packets.saturating_add(packets);
        unsent.bytes = unsent.bytes.saturating_add(bytes);
    }

    /// What there is to tell: of the metering, and of what it `ignored` as far as that is known; where messages can get lost, what
    /// could not be sent; and why packets were ignored, in an element of the user's own.
    pub(super) fn told(&self, domain: u32, ignored: Option<&Ignored>, may_lose: bool, own: Option<u32>) -> Vec<Told> {
        let sent = [(MESSAGES, self.messages), (FLOW_RECORDS, self.flows), (OCTETS, self.bytes)];
        let mut told = vec![of_numbers(SENT_TEMPLATE, OBSERVATION_DOMAIN, domain, &sent)];
        if let Some(ignored) = ignored {
            let Ignored { packets, bytes, dropped, reasons } = ignored;
            let numbers = [(IGNORED_PACKETS, *packets), (IGNORED_OCTETS, *bytes), (DROPPED_PACKETS, *dropped)];
            told.push(of_numbers(IGNORED_TEMPLATE, OBSERVATION_DOMAIN, domain, &numbers));
            if let Some(enterprise) = own.filter(|_| !reasons.is_empty()) {
                told.push(of_reasons(domain, enterprise, reasons));
            }
        }
        if may_lose {
            let Waiting { flows, packets, bytes } = self.unsent;
            let numbers = [(UNSENT_FLOWS, flows), (UNSENT_PACKETS, packets), (UNSENT_OCTETS, bytes)];
            told.push(of_numbers(UNSENT_TEMPLATE, EXPORTING_PROCESS, THE_ONE, &numbers));
        }
        told
    }
}

/// A record of numbers of 64 bits about what `scope` is the number of.
fn of_numbers(id: u16, scope: u16, number: u32, numbers: &[(u16, u64)]) -> Told {
    let mut fields = vec![(scope, Some(4), 0)];
    let mut record = number.to_be_bytes().to_vec();
    for (element, number) in numbers {
        fields.push((*element, Some(8), 0));
        record.extend(number.to_be_bytes());
    }
    Told { id, template: options_template(id, 1, &fields), records: vec![record] }
}

fn of_reasons(domain: u32, enterprise: u32, reasons: &[(&'static str, u64)]) -> Told {
    let fields = [(OBSERVATION_DOMAIN, Some(4), 0), (SKIP_REASON, None, enterprise), (IGNORED_PACKETS, Some(8), 0)];
    let template = options_template(SKIPPED_TEMPLATE, 2, &fields);
    let record = |(reason, packets): &(&str, u64)| {
        let mut record = domain.to_be_bytes().to_vec();
        let named = push_text(&mut record, reason, LONGEST_REASON);
        record.extend(packets.to_be_bytes());
        named.then_some(record)
    };
    Told { id: SKIPPED_TEMPLATE, template, records: reasons.iter().filter_map(record).collect() }
}

const OBSERVATION_DOMAIN: u16 = 149;
const EXPORTING_PROCESS: u16 = 144;
/// The number of the only exporting process that is known here.
const THE_ONE: u32 = 1;
const OCTETS: u16 = 40;
const MESSAGES: u16 = 41;
const FLOW_RECORDS: u16 = 42;
const DROPPED_PACKETS: u16 = 135;
const IGNORED_PACKETS: u16 = 164;
const IGNORED_OCTETS: u16 = 165;
const UNSENT_FLOWS: u16 = 166;
const UNSENT_PACKETS: u16 = 167;
const UNSENT_OCTETS: u16 = 168;
const LONGEST_REASON: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_has_is_sent_with_it_or_lost_with_it() {
        let counts = Counts { pkts: 3, ip_bytes: 300, ..Counts::EMPTY };
        let mut sent = Sent::default();
        sent.add(&counts);
        sent.add(&counts);
        sent.message(1000, true);
        sent.add(&counts);
        sent.message(500, false);
        sent.add(&counts);
        let told = sent.told(7, None, true, None);
        let numbers = |told: &Told| -> Vec<u64> {
            let octets = told.records[0][4..].chunks(8);
            octets.map(|octets| u64::from_be_bytes(octets.try_into().unwrap())).collect()
        };
        assert_eq!(told.len(), 2);
        assert_eq!((told[0].records[0][..4].to_vec(), numbers(&told[0])), (vec![0, 0, 0, 7], vec![1, 2, 1000]));
        assert_eq!((told[1].records[0][..4].to_vec(), numbers(&told[1])), (vec![0, 0, 0, 1], vec![1, 3, 300]));
        assert_eq!(sent.told(7, None, false, None).len(), 1);
    }

    #[test]
    fn counters_end_at_the_largest_number() {
        let counts = Counts { pkts: u64::MAX, ip_bytes: u64::MAX, ..Counts::EMPTY };
        let mut sent = Sent::default();
        for _ in 0..3 {
            sent.add(&counts);
            sent.add(&counts);
            sent.message(usize::MAX, false);
            sent.message(usize::MAX, true);
        }
        assert_eq!(sent.told(0, None, true, None)[1].records[0][12..], [255; 16]);
    }

    #[test]
    fn reasons_are_told_where_there_is_an_element_for_them() {
        let ignored = Ignored { packets: 5, bytes: 600, dropped: 1, reasons: vec![("not_ip", 4), ("too_deep", 1)] };
        let sent = Sent::default();
        assert_eq!(sent.told(0, Some(&ignored), false, None).len(), 2);
        let told = sent.told(2, Some(&ignored), false, Some(9));
        assert_eq!(
            told[2].template,
            [&[7, 211, 0, 3, 0, 2, 0, 149, 0, 4][..], &[0x87, 0xff, 255, 255, 0, 0, 0, 9], &[0, 164, 0, 8]].concat()
        );
        assert_eq!(told[2].records[1], *b"\0\0\0\x02\x08too_deep\0\0\0\0\0\0\0\x01");
    }
}
