//! When nDPI is asked, how often, and what is kept of its answers.
//!
//! The order of steps is that of nDPI's own `ndpiReader`, so that the same packets get the same names.

use std::collections::HashMap;
use std::sync::Arc;

use super::Classification;
use super::ClassifierOptions;
use super::DissectionLimits;
use super::ndpi::Flow;
use super::ndpi::Module;
use super::ndpi::Verdict;
use crate::error::Result;
use crate::flow::Application;
use crate::flow::Facts;
use crate::packet::Packet;
use crate::packet::PacketFlags;

/// nDPI for the flows of one meter.
#[derive(Debug)]
pub struct Dissector {
    module: Module,
    limits: DissectionLimits,
    /// Whether what nDPI knows beside the label is told.
    facts: bool,
    /// One shared label for each distinct verdict: no flow allocates its own. There are as many as nDPI knows
    /// applications, a few thousand at most.
    labels: HashMap<Verdict, Arc<Application>>,
}

impl Dissector {
    pub(super) fn open(options: &ClassifierOptions) -> Result<Self> {
        let module = Module::open(options.stable_labels)?;
        Ok(Self { module, limits: options.limits, facts: options.facts, labels: HashMap::new() })
    }

    pub(super) fn observe(
        &mut self,
        classification: &mut Classification,
        packet: &Packet<'_>,
        facts: &mut Option<Arc<Facts>>,
    ) {
        if matches!(classification, Classification::Off | Classification::Decided(_)) {
            return;
        }
        let limit = self.limits.of(packet.info.ip_protocol);
        if limit == 0 {
            *classification = Classification::Off;
            return;
        }
        let Some(ip) = readable(packet) else { return };
        if matches!(classification, Classification::Waiting) {
            // Out of memory: the flow goes on without a label, and the next packet tries again.
            let Some(flow) = Flow::open() else { return };
            *classification = Classification::Open(flow);
        }
        let Classification::Open(flow) = classification else { return };
        // The clock, since nDPI is to see a time that never runs backwards; it has no use for one before 1970.
        let time_ms = u64::try_from(packet.info.clock.as_millis()).unwrap_or(0);
        let (mut verdict, given) = self.module.inspect(flow, ip, time_ms);
        if given == 0 {
            // Nothing was learnt, so nothing is kept: the packet was one that nDPI cannot read.
            *classification = Classification::Waiting;
            return;
        }
        if verdict.undecided && given < limit {
            return;
        }
        if verdict.app_protocol == 0 {
            verdict = self.module.give_up(flow);
        }
        if self.facts {
            flow.complete(facts);
        }
        *classification = Classification::Decided(self.intern(verdict));
    }

    /// Adds to `facts` what is known beside the label so far.
    pub(super) fn complete(&self, classification: &Classification, facts: &mut Option<Arc<Facts>>) {
        if let Classification::Open(flow) = classification
            && self.facts
        {
            flow.complete(facts);
        }
    }

    /// What `finish` would say now.
    pub(super) fn label(&mut self, classification: &Classification) -> Arc<Application> {
        let verdict = match classification {
            Classification::Decided(application) => return Arc::clone(application),
            Classification::Open(flow) => self.module.peek(flow),
            Classification::Off | Classification::Waiting => Verdict::UNKNOWN,
        };
        self.intern(verdict)
    }

    /// The last word on a flow whose dissection had not come to its end.
    pub(super) fn finish(&mut self, flow: Option<Flow>, facts: &mut Option<Arc<Facts>>) -> Arc<Application> {
        let Some(mut flow) = flow else { return self.intern(Verdict::UNKNOWN) };
        // Also with a label: giving up may still remember the flow in nDPI's caches, as ndpiReader does.
        let verdict = self.module.give_up(&mut flow);
        if self.facts {
            flow.complete(facts);
        }
        self.intern(verdict)
    }

    fn intern(&mut self, verdict: Verdict) -> Arc<Application> {
        let verdict = verdict.normalized();
        if let Some(application) = self.labels.get(&verdict) {
            return Arc::clone(application);
        }
        let application = Arc::new(self.module.describe(verdict));
        self.labels.insert(verdict, Arc::clone(&application));
        application
    }
}

/// The bytes of the innermost IP packet, where they are what its header says; nDPI reads no others, but would count them.
fn readable<'a>(packet: &Packet<'a>) -> Option<&'a [u8]> {
    if packet.info.flags.contains(PacketFlags::LATER_FRAGMENT) {
        return None;
    }
    let ip = packet.ip_bytes();
    let (length_at, header) = if ip.first()? >> 4 == 6 { (4, IPV6_HEADER) } else { (2, 0) };
    let length = u16::from_be_bytes([*ip.get(length_at)?, *ip.get(length_at + 1)?]);
    (header + usize::from(length) == ip.len()).then_some(ip)
}

/// The length in an IPv6 header leaves the header itself out (RFC 8200 §3), that of IPv4 does not (RFC 791 §3.1).
const IPV6_HEADER: usize = 40;
