//! A flow as an item: a record, or what one of its directions is on its own.

use std::net::IpAddr;
use std::sync::Arc;

use crate::flow::{Counts, Direction, FlowRecord};
use crate::pipeline::{Attachment, Domain, FlowTold, HttpTold, Stages, TlsTold};
use crate::time::Timestamp;

/// A flow record on its way, or half of one.
#[derive(Debug)]
pub struct FlowItem {
    record: Arc<FlowRecord>,
    half: Option<Half>,
    /// By direction.
    states: [(FlowState, Role); 2],
    domains: [Domain; 2],
    stages: Stages,
    told: Option<Arc<FlowTold>>,
    attachment: Option<Arc<dyn Attachment>>,
}

/// One direction of a flow as a flow of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Half {
    /// From source to destination.
    Forward,
    /// From destination to source.
    Backward,
}

/// How much of a TCP connection was seen, in one direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FlowState {
    /// Not from its beginning, or it was reset; also whatever is not TCP.
    #[default]
    Partial,
    /// From its SYN on.
    PartialSyn,
    /// From its SYN to its FIN.
    Complete,
}

/// Who the sender of a direction is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// The client, who speaks to the server.
    ClientToServer,
    /// The server, who speaks to the client.
    ServerToClient,
}

impl FlowState {
    /// `partial`, `partial_syn` or `complete`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partial => "partial",
            Self::PartialSyn => "partial_syn",
            Self::Complete => "complete",
        }
    }
}

impl Role {
    /// `CTS` or `STC`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientToServer => "CTS",
            Self::ServerToClient => "STC",
        }
    }
}

impl FlowItem {
    pub(super) fn new(record: Arc<FlowRecord>, half: Option<Half>, states: [(FlowState, Role); 2]) -> Self {
        let domains = [Domain::UNKNOWN; 2];
        Self { record, half, states, domains, stages: Stages::default(), told: None, attachment: None }
    }

    /// The record, of both directions.
    pub fn record(&self) -> &Arc<FlowRecord> {
        &self.record
    }

    /// Which direction this is; `None` for both together.
    pub fn half(&self) -> Option<Half> {
        self.half
    }

    /// Address and port of the sender: of both directions together, the sender of the first packet.
    pub fn src(&self) -> (IpAddr, u16) {
        if self.half == Some(Half::Backward) { self.record.dst() } else { self.record.src() }
    }

    /// Address and port of the receiver.
    pub fn dst(&self) -> (IpAddr, u16) {
        if self.half == Some(Half::Backward) { self.record.src() } else { self.record.dst() }
    }

    /// What was counted.
    pub fn counts(&self) -> Counts {
        match self.half {
            None => self.record.total(),
            Some(Half::Forward) => *self.record.of(Direction::SrcToDst),
            Some(Half::Backward) => *self.record.of(Direction::DstToSrc),
        }
    }

    /// When its first packet was captured.
    pub fn start(&self) -> Timestamp {
        self.counts().start
    }

    /// When its last packet was captured.
    pub fn end(&self) -> Timestamp {
        self.counts().end
    }

    /// How much of a connection was seen; of both directions, the one that was seen less if both have packets.
    pub fn state(&self) -> FlowState {
        let [(forward, _), (backward, _)] = self.states;
        match self.half {
            Some(Half::Forward) => forward,
            Some(Half::Backward) => backward,
            None if self.record.of(Direction::DstToSrc).pkts == 0 => forward,
            None if (forward as u8) < backward as u8 => forward,
            None => backward,
        }
    }

    /// Who the sender is.
    pub fn role(&self) -> Role {
        if self.half == Some(Half::Backward) { self.states[1].1 } else { self.states[0].1 }
    }

    /// The domains of sender and receiver.
    pub fn domains(&self) -> &[Domain; 2] {
        &self.domains
    }

    /// Sets the domain of one end: 0 is the sender, 1 the receiver.
    pub fn set_domain(&mut self, end: usize, domain: Domain) {
        self.domains[end.min(1)] = domain;
    }

    /// Which links it has passed that tell something of flows.
    pub fn stages(&self) -> Stages {
        self.stages
    }

    pub(super) fn insert_stage(&mut self, stage: Stages) {
        self.stages.insert(stage);
    }

    /// The HTTP messages of its packets, those of its direction if it is a half; none unless a link behind wants them.
    pub fn http(&self) -> impl Iterator<Item = &HttpTold> {
        let told = self.told.iter().flat_map(|told| &told.http);
        told.filter(|told| self.half.is_none() || told.src == self.src())
    }

    /// The TLS records of its packets, likewise, a direction at a time.
    pub fn tls(&self) -> impl Iterator<Item = &TlsTold> {
        let told = self.told.iter().flat_map(|told| &told.tls);
        told.filter(|told| self.half.is_none() || told.src == self.src())
    }

    /// What its packets told, of both directions; `None` for nothing.
    pub fn told(&self) -> Option<&FlowTold> {
        self.told.as_deref()
    }

    pub(super) fn set_told(&mut self, told: Option<Arc<FlowTold>>) {
        self.told = told;
    }

    /// What the user's own code put beside it.
    pub fn attachment(&self) -> Option<&Arc<dyn Attachment>> {
        self.attachment.as_ref()
    }

    /// Puts something of the user's own beside it, or takes it away.
    pub fn set_attachment(&mut self, attachment: Option<Arc<dyn Attachment>>) {
        self.attachment = attachment;
    }
}

impl Clone for FlowItem {
    fn clone(&self) -> Self {
        Self {
            record: Arc::clone(&self.record),
            half: self.half,
            states: self.states,
            domains: self.domains.clone(),
            stages: self.stages,
            told: self.told.clone(),
            attachment: self.attachment.as_ref().map(|attachment| attachment.branched()),
        }
    }
}
