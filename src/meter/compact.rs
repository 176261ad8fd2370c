//! A living flow in 176 bytes: what every packet touches in two lines of memory, the rest apart.
//!
//! Counts are 32 bits wide here. What does not fit, and what few flows have at all, lies in a [`Rare`], which only flows
//! with the mark for it have. [`state`] makes of all this the [`FlowState`] that others know.

use crate::flow::{Counts, Details, Direction, FlowFlags, FlowKey, FlowState, TtlRange};
use crate::time::Timestamp;

/// What every packet of a flow reads or writes.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Hot {
    pub(super) key: FlowKey,
    /// The clock at the last packet.
    pub(super) last_clock: Timestamp,
    /// The bits of [`FlowFlags`], and [`SRC_IS_HIGH`] and [`HAS_RARE`].
    marks: u16,
    icmp: [u8; 2],
    ttl: [TtlRange; 2],
    /// The low halves of the five sums of [`Counts`], by direction.
    sums: [[u32; SUMS]; 2],
    /// The largest stamp, by direction; [`Timestamp::MIN`] without packets.
    ends: [Timestamp; 2],
    /// The clock at the first packet of this segment.
    pub(super) first_clock: Timestamp,
}

/// What few packets of a flow touch.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Cold {
    /// The smallest stamp, by direction; [`Timestamp::MAX`] without packets.
    starts: [Timestamp; 2],
    pub(super) flow_id: u64,
    pub(super) details: Option<Box<Details>>,
    macs: [[u8; 6]; 2],
    /// From the lowest bit on: flow label (20 bits), DSCP from source to destination and back (6 bits each).
    labels: u32,
}

/// What few flows have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rare {
    /// What the low halves of the sums lack.
    carried: [[u64; SUMS]; 2],
    conn_id: u64,
    segment: u32,
    tunnel_key: u32,
}

/// What a packet adds to the sums: itself, and its length on the wire, in IP, in transport, and of payload.
pub(super) type Added = [u32; SUMS];

impl Hot {
    /// The flow's flags.
    pub(super) const fn flags(&self) -> FlowFlags {
        FlowFlags::from_bits(self.marks & !(SRC_IS_HIGH | HAS_RARE))
    }

    pub(super) fn mark(&mut self, flags: FlowFlags) {
        self.marks |= flags.bits();
    }

    /// Which way a packet goes whose sender is (`turned`) the second end of the key.
    #[inline(always)]
    pub(super) fn direction(&self, turned: bool) -> Direction {
        if turned == (self.marks & SRC_IS_HIGH != 0) { Direction::SrcToDst } else { Direction::DstToSrc }
    }

    /// Whether there is a [`Rare`] for this flow.
    #[inline]
    pub(super) const fn has_rare(&self) -> bool {
        self.marks & HAS_RARE != 0
    }

    pub(super) fn expect_rare(&mut self) {
        self.marks |= HAS_RARE;
    }

    /// Packets in both directions.
    #[inline]
    pub(super) fn pkts(&self, rare: Option<&Rare>) -> u64 {
        let carried = rare.map_or(0, |rare| rare.carried[0][0] + rare.carried[1][0]);
        u64::from(self.sums[0][0]) + u64::from(self.sums[1][0]) + carried
    }

    /// Counts a packet; `Some` says what is unusual about it, and is to be counted too.
    #[inline(always)]
    pub(super) fn count(&mut self, direction: Direction, stamp: Timestamp, added: Added, ttl: u8) -> Option<Unusual> {
        let of = direction as usize;
        let sums = &mut self.sums[of];
        let is_first = sums[0] == 0;
        let mut wide = 0;
        for (sum, added) in sums.iter_mut().zip(added) {
            let exact = u64::from(*sum) + u64::from(added);
            wide |= exact;
            *sum = exact as u32;
        }
        self.ttl[of].count(ttl);
        if is_first | (stamp < self.ends[of]) | (wide > u64::from(u32::MAX)) {
            self.ends[of] = self.ends[of].max(stamp);
            // A sum is less than what was added to it only if it began anew at 0.
            return Some(Unusual { is_first, carries: std::array::from_fn(|nth| self.sums[of][nth] < added[nth]) });
        }
        self.ends[of] = stamp;
        None
    }
}

/// What about a packet touches more than [`Hot`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Unusual {
    /// The first of its direction, as far as the low half of the sum of packets can tell.
    is_first: bool,
    /// Sums that began anew at 0.
    carries: [bool; SUMS],
}

impl Unusual {
    /// Counts the packet where it is not counted yet.
    pub(super) fn count(
        self,
        cold: &mut Cold,
        direction: Direction,
        stamp: Timestamp,
        dscp: u8,
        rare: Option<&mut Rare>,
    ) {
        let of = direction as usize;
        cold.starts[of] = cold.starts[of].min(stamp);
        let mut is_first = self.is_first;
        if let Some(rare) = rare {
            is_first &= rare.carried[of][0] == 0;
            for (carried, carries) in rare.carried[of].iter_mut().zip(self.carries) {
                *carried += u64::from(carries) << u32::BITS;
            }
        }
        if is_first {
            cold.labels |= u32::from(dscp & 0x3f) << DSCP_AT[of];
        }
    }

    /// Whether a sum is too large for 32 bits, so that there must be a [`Rare`].
    pub(super) fn needs_rare(&self) -> bool {
        self.carries.contains(&true)
    }
}

impl Rare {
    fn of(state: &FlowState) -> Self {
        Self {
            conn_id: state.conn_id,
            segment: state.segment,
            tunnel_key: state.tunnel_key,
            ..Self::new(state.flow_id)
        }
    }

    /// That of a flow with nothing rare about it.
    pub(super) const fn new(flow_id: u64) -> Self {
        Self { carried: [[0; SUMS]; 2], conn_id: flow_id, segment: 0, tunnel_key: 0 }
    }
}

/// A flow of which nothing was counted yet, made small.
pub(super) fn pack(mut state: FlowState) -> (Hot, Cold, Option<Rare>) {
    let rare = state.conn_id != state.flow_id || state.segment != 0 || state.tunnel_key != 0;
    let high = if state.src_is_high { SRC_IS_HIGH } else { 0 };
    let hot = Hot {
        key: state.key,
        last_clock: state.last_clock,
        marks: state.flags.bits() | high | if rare { HAS_RARE } else { 0 },
        icmp: [state.icmp.0, state.icmp.1],
        ttl: state.ttl,
        sums: [[0; SUMS]; 2],
        ends: [Counts::EMPTY.end; 2],
        first_clock: state.first_clock,
    };
    let cold = Cold {
        starts: [Counts::EMPTY.start; 2],
        flow_id: state.flow_id,
        details: state.details.take(),
        macs: state.macs,
        labels: state.flow_label & FLOW_LABEL,
    };
    (hot, cold, rare.then(|| Rare::of(&state)))
}

/// The flow as others know it, but for what [`Cold::details`] holds and what lies beside it.
#[inline]
pub(super) fn state(hot: &Hot, cold: &Cold, rare: Option<&Rare>) -> FlowState {
    let none = Rare::new(cold.flow_id);
    let rare = rare.unwrap_or(&none);
    let counts = |of: usize| {
        let [pkts, bytes, ip_bytes, transport_bytes, payload_bytes] =
            std::array::from_fn(|nth| u64::from(hot.sums[of][nth]) + rare.carried[of][nth]);
        let (start, end) = (cold.starts[of], hot.ends[of]);
        Counts { pkts, bytes, ip_bytes, transport_bytes, payload_bytes, start, end }
    };
    FlowState {
        last_clock: hot.last_clock,
        counts: [counts(0), counts(1)],
        flags: hot.flags(),
        ttl: hot.ttl,
        macs: cold.macs,
        dscp: DSCP_AT.map(|at| (cold.labels >> at & 0x3f) as u8),
        icmp: (hot.icmp[0], hot.icmp[1]),
        segment: rare.segment,
        tunnel_key: rare.tunnel_key,
        flow_label: cold.labels & FLOW_LABEL,
        conn_id: rare.conn_id,
        ..FlowState::new(hot.key, hot.marks & SRC_IS_HIGH != 0, cold.flow_id, hot.first_clock)
    }
}

const SUMS: usize = 5;
const FLOW_LABEL: u32 = 0xf_ffff;
const DSCP_AT: [u32; 2] = [20, 26];
/// Whether the source is the second end of the key.
const SRC_IS_HIGH: u16 = 1 << 15;
/// Whether there is a [`Rare`] for this flow.
const HAS_RARE: u16 = 1 << 14;
// The highest of its bits.
const _: () = assert!(FlowFlags::APPLICATION_FIELDS.bits() < HAS_RARE);
const _: () = assert!(size_of::<Hot>() == 128 && size_of::<Cold>() == 48);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(1000 * second)
    }

    /// Counts a packet as a cache does.
    fn count(flow: &mut (Hot, Cold, Option<Rare>), direction: Direction, stamp: Timestamp, added: Added, dscp: u8) {
        let (hot, cold, rare) = flow;
        if let Some(unusual) = hot.count(direction, stamp, added, 64) {
            if unusual.needs_rare() {
                hot.expect_rare();
                rare.get_or_insert(Rare::new(cold.flow_id));
            }
            unusual.count(cold, direction, stamp, dscp, rare.as_mut());
        }
    }

    #[test]
    fn sums_of_more_than_32_bits_are_exact_and_the_first_packet_stays_the_first() {
        let key = FlowKey::new(4, 6, (1, 2), (3, 4), 0).0;
        let mut flow = pack(FlowState::new(key, false, 7, at(10)));
        let (there, back) = (Direction::SrcToDst, Direction::DstToSrc);
        count(&mut flow, there, at(10), [1, u32::MAX, 5, 4, 3], 46);
        // As after four thousand million packets: the next one makes the low half 0, the one after that finds it so.
        flow.0.sums[0][0] = u32::MAX;
        count(&mut flow, there, at(12), [1, u32::MAX, 5, 4, 3], 1);
        count(&mut flow, there, at(11), [1, 2, 5, 4, 3], 2);
        count(&mut flow, back, at(9), [1, 60, 40, 20, 0], 8);
        assert!(flow.0.has_rare());
        let state = state(&flow.0, &flow.1, flow.2.as_ref());
        let counts = state.counts[0];
        assert_eq!((counts.pkts, counts.bytes), ((1 << 32) + 1, 2 * u64::from(u32::MAX) + 2));
        assert_eq!((counts.ip_bytes, counts.payload_bytes), (15, 9));
        assert_eq!((counts.start, counts.end), (at(10), at(12)));
        assert_eq!((state.counts[1].pkts, state.counts[1].start), (1, at(9)));
        assert_eq!((state.dscp, state.conn_id, state.segment), ([46, 8], 7, 0));
        assert_eq!(flow.0.pkts(flow.2.as_ref()), (1 << 32) + 2);
    }

    #[test]
    fn what_is_made_small_is_the_same_flow() {
        let key = FlowKey::new(6, 58, (9, 0), (3, 0), 12).0;
        let mut begun = FlowState::new(key, true, 7, at(10));
        begun.flags.insert(FlowFlags::MACS.union(FlowFlags::ICMP).union(FlowFlags::APPLICATION_FIELDS));
        (begun.conn_id, begun.segment, begun.tunnel_key) = (3, 2, 99);
        (begun.flow_label, begun.icmp, begun.macs) = (0xf_ffff, (128, 1), [[1; 6], [2; 6]]);
        let (hot, cold, rare) = pack(begun.clone());
        assert_eq!(state(&hot, &cold, rare.as_ref()), begun);
    }
}
