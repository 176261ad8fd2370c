//! The living flow: its identity and its counts, as a metric may look at them while packets come.

use std::net::IpAddr;
use std::sync::Arc;

use crate::flow::community_id::community_id;
use crate::flow::details::Details;
use crate::flow::schema::CellText;
use crate::flow::{Application, Counts, Direction, Facts, FlowFlags, FlowKey, Sequence, Statistics, TtlRange};
use crate::time::Timestamp;

/// A flow between its first packet and its end: plain numbers, and what options add in one allocation.
#[derive(Debug, PartialEq)]
pub struct FlowState {
    /// What its packets have in common.
    pub key: FlowKey,
    /// The clock at the last packet.
    pub last_clock: Timestamp,
    /// The clock at the first packet of this segment.
    pub first_clock: Timestamp,
    /// Counts from source to destination and back, in the order of [`Direction`].
    pub counts: [Counts; 2],
    /// What could not be told, and what is special.
    pub flags: FlowFlags,
    /// Whether the source is the second end of the key.
    pub src_is_high: bool,
    /// TTL or hop limit, in the order of [`Direction`].
    pub ttl: [TtlRange; 2],
    /// With the option `statistics`.
    pub(crate) statistics: Option<Box<Statistics>>,
    /// What else options turn on, and what is rare.
    pub(crate) details: Option<Box<Details>>,
    /// The application; `None` when nobody was asked for it, or while there is no label yet.
    pub application: Option<Arc<Application>>,
    /// MAC addresses of source and destination in the first packet, with [`FlowFlags::MACS`].
    pub macs: [[u8; 6]; 2],
    /// The differentiated services code point (RFC 2474) of the first packet of each direction.
    pub dscp: [u8; 2],
    /// ICMP or ICMPv6 type and code of the first packet, with [`FlowFlags::ICMP`].
    pub icmp: (u8, u8),
    /// 0, and one more after every active cut.
    pub segment: u32,
    /// The tunnel's own key in the first packet, with [`FlowFlags::TUNNEL_KEY`].
    pub tunnel_key: u32,
    /// The IPv6 flow label (RFC 6437) of the first packet; 0 in IPv4.
    pub flow_label: u32,
    /// Number of the first frame of this segment: the name of its record.
    pub flow_id: u64,
    /// Number of the first frame of the flow's first segment.
    pub conn_id: u64,
}

impl FlowState {
    /// A flow of which no packet was counted yet.
    pub fn new(key: FlowKey, src_is_high: bool, flow_id: u64, clock: Timestamp) -> Self {
        Self {
            key,
            last_clock: clock,
            first_clock: clock,
            counts: [Counts::EMPTY; 2],
            flags: FlowFlags::default(),
            src_is_high,
            ttl: [TtlRange::EMPTY; 2],
            dscp: [0; 2],
            icmp: (0, 0),
            macs: [[0; 6]; 2],
            segment: 0,
            tunnel_key: 0,
            flow_label: 0,
            flow_id,
            conn_id: flow_id,
            application: None,
            statistics: None,
            details: None,
        }
    }

    /// Address and port of the sender of the flow's first packet.
    pub fn src(&self) -> (IpAddr, u16) {
        self.key.end(self.src_is_high)
    }

    /// Address and port of the receiver of the flow's first packet.
    pub fn dst(&self) -> (IpAddr, u16) {
        self.key.end(!self.src_is_high)
    }

    /// Counts of one direction.
    pub fn of(&self, direction: Direction) -> &Counts {
        &self.counts[direction as usize]
    }

    /// Counts of both directions together.
    pub fn total(&self) -> Counts {
        self.counts[0].plus(&self.counts[1])
    }

    /// Sizes, gaps and TCP flags; `None` without the option `statistics`.
    pub fn statistics(&self) -> Option<&Statistics> {
        self.statistics.as_deref()
    }

    /// The first packets; `None` without the option `splt`.
    pub fn sequence(&self) -> Option<&Sequence> {
        self.details.as_ref()?.sequence.as_ref()
    }

    /// What was read out of the payload; `None` without the option `application_fields`, or where there was nothing.
    pub fn facts(&self) -> Option<&Facts> {
        self.details.as_ref()?.facts.as_deref()
    }

    pub(super) fn forget_sequence(&mut self) {
        if let Some(details) = &mut self.details {
            details.sequence = None;
        }
    }

    pub(crate) fn set_facts(&mut self, facts: &Arc<Facts>) {
        let known = &mut self.details.get_or_insert_default().facts;
        if !known.as_ref().is_some_and(|known| Arc::ptr_eq(known, facts)) {
            *known = Some(Arc::clone(facts));
        }
    }

    pub(crate) fn sequence_mut(&mut self) -> Option<&mut Sequence> {
        self.details.as_mut()?.sequence.as_mut()
    }

    /// The VLAN ids of the first packet, the outermost first; none without a tag.
    pub fn vlan_ids(&self) -> Vec<u16> {
        match (self.details.as_ref().map_or(&[][..], |details| &details.vlan_ids), self.key.vlan_id()) {
            ([], 0) => Vec::new(),
            ([], id) => vec![id],
            (ids, _) => ids.to_vec(),
        }
    }

    /// The Community ID, version 1 (<https://github.com/corelight/community-id-spec>), with seed 0; `None` when ports, or
    /// the type of an ICMP message, were not captured.
    pub fn community_id(&self) -> Option<String> {
        self.community_id_text().map(CellText::into_owned)
    }

    pub(in crate::flow) fn community_id_text(&self) -> Option<CellText<'static>> {
        if self.flags.contains(FlowFlags::PORTS_UNKNOWN) {
            return None;
        }
        let icmp = self.flags.contains(FlowFlags::ICMP).then_some(self.icmp);
        community_id(self.key.ip_protocol(), self.src(), self.dst(), icmp).map(|id| CellText::short(&id))
    }

    /// The flow as it is, for a record; it keeps its own numbers, but not what lies elsewhere in memory.
    #[inline]
    pub(crate) fn take(&mut self) -> Self {
        Self {
            application: self.application.take(),
            statistics: self.statistics.take(),
            details: self.details.take(),
            ..*self
        }
    }
}

/// By hand, so that `clone_from` uses the memory that is there: a living flow is shown to Python once a packet.
impl Clone for FlowState {
    fn clone(&self) -> Self {
        Self {
            application: self.application.clone(),
            statistics: self.statistics.clone(),
            details: self.details.clone(),
            ..*self
        }
    }

    fn clone_from(&mut self, source: &Self) {
        let Self { mut application, mut statistics, mut details, .. } = self.take();
        application.clone_from(&source.application);
        match (&mut statistics, &source.statistics) {
            (Some(mine), Some(others)) => **mine = **others,
            (mine, others) => (*mine).clone_from(others),
        }
        match (&mut details, &source.details) {
            (Some(mine), Some(others)) => (**mine).clone_from(others),
            (mine, others) => (*mine).clone_from(others),
        }
        *self = Self { application, statistics, details, ..*source };
    }
}
