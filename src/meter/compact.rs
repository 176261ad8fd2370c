//! A living flow in 176 bytes: what every packet touches in two lines of memory, the rest apart.
//!
//! Counts are 31 bits wide here, two of them in 64, so that one addition counts both and one look at the bits between them
//! tells whether they still fit. What does not fit, and what few flows have at all, lies in a [`Rare`], which only flows with
//! the mark for it have. [`state`] makes of all this the [`FlowState`] that others know.

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
    /// The lowest 31 bits of the packets of [`Counts`], by direction.
    pkts: [u32; 2],
    /// Those of its other sums, two in each number, in the order of [`Added`].
    sums: [[u64; 2]; 2],
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
    /// What the low bits of the packets lack.
    carried_pkts: [u64; 2],
    /// What those of the other sums lack.
    carried: [[u64; 4]; 2],
    conn_id: u64,
    segment: u32,
    tunnel_key: u32,
}

/// What a packet adds to the sums: its length on the wire, in IP, in transport, and of payload.
pub(super) type Added = [u32; 4];

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

    /// Whether no packet of a direction was counted, as far as the low bits tell.
    #[inline]
    pub(super) const fn is_empty(&self, direction: Direction) -> bool {
        self.pkts[direction as usize] == 0
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
        let carried = rare.map_or(0, |rare| rare.carried_pkts[0] + rare.carried_pkts[1]);
        u64::from(self.pkts[0]) + u64::from(self.pkts[1]) + carried
    }

    /// Counts a packet, unless something about it is unusual: then this is `false`, and [`count_unusual`] is to count it.
    #[inline(always)]
    pub(super) fn count(&mut self, direction: Direction, stamp: Timestamp, added: Added, ttl: u8) -> bool {
        let of = direction as usize;
        let [first, second] = [lanes(added[0], added[1]), lanes(added[2], added[3])];
        let pkts = self.pkts[of].wrapping_add(1);
        let sums = [self.sums[of][0].wrapping_add(first), self.sums[of][1].wrapping_add(second)];
        // Of a sum with both highest bits clear, nothing was carried from one number into the other.
        let beyond = (first | second | sums[0] | sums[1]) & BEYOND;
        if (pkts == 1) | (pkts > MOST) | (stamp < self.ends[of]) | (beyond != 0) {
            return false;
        }
        self.pkts[of] = pkts;
        self.sums[of] = sums;
        self.ends[of] = stamp;
        self.ttl[of].count(ttl);
        true
    }
}

/// Counts a packet that is the first of its direction, or older than another, or too much for 31 bits. There must be a
/// [`Rare`] if [`needs_rare`] says so.
pub(super) fn count_unusual(
    hot: &mut Hot,
    cold: &mut Cold,
    rare: Option<&mut Rare>,
    direction: Direction,
    stamp: Timestamp,
    added: Added,
    (ttl, dscp): (u8, u8),
) {
    let of = direction as usize;
    if hot.pkts[of] == 0 && rare.as_ref().is_none_or(|rare| rare.carried_pkts[of] == 0) {
        cold.labels |= u32::from(dscp & 0x3f) << DSCP_AT[of];
    }
    cold.starts[of] = cold.starts[of].min(stamp);
    hot.ends[of] = hot.ends[of].max(stamp);
    hot.ttl[of].count(ttl);
    let pkts = u64::from(hot.pkts[of]) + 1;
    let mut sums = sums_of(hot, of);
    sums.iter_mut().zip(added).for_each(|(sum, added)| *sum += u64::from(added));
    hot.pkts[of] = low(pkts);
    hot.sums[of] = [lanes(low(sums[0]), low(sums[1])), lanes(low(sums[2]), low(sums[3]))];
    if let Some(rare) = rare {
        rare.carried_pkts[of] += pkts - u64::from(low(pkts));
        rare.carried[of].iter_mut().zip(sums).for_each(|(carried, sum)| *carried += sum - u64::from(low(sum)));
    }
}

/// Whether a packet makes a sum too large for 31 bits.
pub(super) fn needs_rare(hot: &Hot, direction: Direction, added: Added) -> bool {
    let of = direction as usize;
    let sums = sums_of(hot, of).into_iter().zip(added);
    hot.pkts[of] == MOST || sums.into_iter().any(|(sum, added)| sum + u64::from(added) > u64::from(MOST))
}

/// What is in [`Hot`] of the sums of a direction.
fn sums_of(hot: &Hot, of: usize) -> [u64; 4] {
    let [first, second] = hot.sums[of];
    [first & LANE, first >> 32, second & LANE, second >> 32]
}

/// Two numbers in one.
#[inline(always)]
const fn lanes(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}

/// The lowest 31 bits.
const fn low(sum: u64) -> u32 {
    sum as u32 & MOST
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
        Self { carried_pkts: [0; 2], carried: [[0; 4]; 2], conn_id: flow_id, segment: 0, tunnel_key: 0 }
    }
}

/// A flow of which nothing was counted yet, made small; its details are taken.
#[inline]
pub(super) fn pack(state: &mut FlowState) -> (Hot, Cold, Option<Rare>) {
    let rare = state.conn_id != state.flow_id || state.segment != 0 || state.tunnel_key != 0;
    let high = if state.src_is_high { SRC_IS_HIGH } else { 0 };
    let hot = Hot {
        key: state.key,
        last_clock: state.last_clock,
        marks: state.flags.bits() | high | if rare { HAS_RARE } else { 0 },
        icmp: [state.icmp.0, state.icmp.1],
        ttl: state.ttl,
        pkts: [0; 2],
        sums: [[0; 2]; 2],
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
    (hot, cold, rare.then(|| Rare::of(state)))
}

/// The flow as others know it, but for what [`Cold::details`] holds and what lies beside it.
#[inline]
pub(super) fn state(hot: &Hot, cold: &Cold, rare: Option<&Rare>) -> FlowState {
    let none = Rare::new(cold.flow_id);
    let rare = rare.unwrap_or(&none);
    let counts = |of: usize| {
        let pkts = u64::from(hot.pkts[of]) + rare.carried_pkts[of];
        let sums = sums_of(hot, of);
        let [bytes, ip_bytes, transport_bytes, payload_bytes] =
            std::array::from_fn(|nth| sums[nth] + rare.carried[of][nth]);
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

/// The most that 31 bits hold.
const MOST: u32 = u32::MAX >> 1;
/// The lower of two numbers in one.
const LANE: u64 = u32::MAX as u64;
/// The highest bits of both, which are clear.
const BEYOND: u64 = lanes(!MOST, !MOST);
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
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(1000 * second)
    }

    /// Counts a packet as a cache does.
    fn count(flow: &mut (Hot, Cold, Option<Rare>), direction: Direction, stamp: Timestamp, added: Added, dscp: u8) {
        let (hot, cold, rare) = flow;
        if !hot.count(direction, stamp, added, 64) {
            if needs_rare(hot, direction, added) {
                hot.expect_rare();
                rare.get_or_insert(Rare::new(cold.flow_id));
            }
            count_unusual(hot, cold, rare.as_mut(), direction, stamp, added, (64, dscp));
        }
    }

    #[test]
    fn sums_beyond_31_bits_are_exact_and_the_first_packet_stays_the_first() {
        let key = FlowKey::new(4, 6, (1, 2), (3, 4), 0).0;
        let mut flow = pack(&mut FlowState::new(key, false, 7, at(10)));
        let (there, back) = (Direction::SrcToDst, Direction::DstToSrc);
        count(&mut flow, there, at(10), [u32::MAX, 5, 4, 3], 46);
        // As after two thousand million packets: the next one makes the low bits 0, the one after that finds them so.
        flow.0.pkts[0] = MOST;
        count(&mut flow, there, at(12), [u32::MAX, 5, 4, 3], 1);
        count(&mut flow, there, at(11), [2, 5, 4, 3], 2);
        count(&mut flow, back, at(9), [60, 40, 20, 0], 8);
        assert!(flow.0.has_rare());
        let state = state(&flow.0, &flow.1, flow.2.as_ref());
        let counts = state.counts[0];
        assert_eq!((counts.pkts, counts.bytes), ((1 << 31) + 1, 2 * u64::from(u32::MAX) + 2));
        assert_eq!((counts.ip_bytes, counts.payload_bytes), (15, 9));
        assert_eq!((counts.start, counts.end), (at(10), at(12)));
        assert_eq!((state.counts[1].pkts, state.counts[1].start), (1, at(9)));
        assert_eq!((state.dscp, state.conn_id, state.segment), ([46, 8], 7, 0));
        assert_eq!(flow.0.pkts(flow.2.as_ref()), (1 << 31) + 2);
    }

    proptest! {
        /// Against plain sums of 64 bits, with lengths that are usual and others that nobody ever sent.
        #[test]
        fn sums_are_exact(packets in prop::collection::vec((any::<bool>(), 0i64..9, lengths()), 0..40)) {
            let key = FlowKey::new(4, 6, (1, 2), (3, 4), 0).0;
            let mut flow = pack(&mut FlowState::new(key, false, 7, at(0)));
            let mut plain = [Counts::EMPTY; 2];
            for (back, second, added) in packets {
                let direction = if back { Direction::DstToSrc } else { Direction::SrcToDst };
                count(&mut flow, direction, at(second), added, 0);
                plain[direction as usize].count(at(second), added[0], added[1], added[2], added[3]);
            }
            prop_assert_eq!(state(&flow.0, &flow.1, flow.2.as_ref()).counts, plain);
        }
    }

    fn lengths() -> impl Strategy<Value = Added> {
        let length = || prop_oneof![0..2000u32, any::<u32>(), Just(MOST), Just(MOST + 1), Just(u32::MAX)];
        [length(), length(), length(), length()]
    }

    #[test]
    fn what_is_made_small_is_the_same_flow() {
        let key = FlowKey::new(6, 58, (9, 0), (3, 0), 12).0;
        let mut begun = FlowState::new(key, true, 7, at(10));
        begun.flags.insert(FlowFlags::MACS.union(FlowFlags::ICMP).union(FlowFlags::APPLICATION_FIELDS));
        (begun.conn_id, begun.segment, begun.tunnel_key) = (3, 2, 99);
        (begun.flow_label, begun.icmp, begun.macs) = (0xf_ffff, (128, 1), [[1; 6], [2; 6]]);
        let (hot, cold, rare) = pack(&mut begun.clone());
        assert_eq!(state(&hot, &cold, rare.as_ref()), begun);
    }
}
