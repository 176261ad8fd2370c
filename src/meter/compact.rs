//! A living flow in 184 bytes: what every packet touches in two lines of memory, the rest apart.
//!
//! Counts are 31 bits wide here, two of them in 64, so that one addition counts both and one look at the bits between them
//! tells whether they still fit. What does not fit, and what few flows have at all, lies in a [`Rare`], which only flows with
//! the mark for it have. [`state`] makes of all this the [`FlowState`] that others know.

use crate::flow::{Counts, Details, Direction, FlowFlags, FlowKey, FlowState, TtlRange};
use crate::time::Timestamp;

/// What a flow is known by before anything of it is counted.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) key: FlowKey,
    pub(super) src_is_high: bool,
    pub(super) flags: FlowFlags,
    /// The clock at the packet it begins with.
    pub(super) clock: Timestamp,
    pub(super) flow_id: u64,
    pub(super) conn_id: u64,
    pub(super) segment: u32,
    pub(super) tunnel_key: u32,
    pub(super) flow_label: u32,
    pub(super) macs: [[u8; 6]; 2],
    pub(super) icmp: (u8, u8),
    pub(super) details: Option<Box<Details>>,
}

/// What every packet of a flow reads or writes.
#[derive(Debug)]
#[repr(C, align(128))]
pub(super) struct Hot {
    /// The parts of the key, see [`FlowKey::parts`].
    addresses: [u128; 2],
    numbers: u64,
    tunnel_key: u32,
    /// The lowest 32 bits of the nanoseconds from `first_clock` to the smallest stamp on the way back.
    back_after: u32,
    /// The clock at the last packet.
    pub(super) last_clock: Timestamp,
    /// The bits of [`FlowFlags`], and above them [`SRC_IS_HIGH`], [`HAS_RARE`], [`STARTS_BY_CLOCK`] and [`IS_LEARNT`].
    marks: u16,
    /// The 16 bits above; with all 48 set, [`Cold`] has that stamp.
    back_long_after: u16,
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
    /// The smallest stamp, by direction, unless [`Hot`] tells it; [`Timestamp::MAX`] without packets.
    starts: [Timestamp; 2],
    pub(super) flow_id: u64,
    pub(super) details: Option<Box<Details>>,
    macs: [[u8; 6]; 2],
    flow_label: u32,
    icmp: (u8, u8),
    /// By direction, of its first packet.
    dscp: [u8; 2],
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

/// A packet as it is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) direction: Direction,
    pub(super) stamp: Timestamp,
    pub(super) added: Added,
    pub(super) ttl: u8,
    pub(super) dscp: u8,
}

impl Hot {
    /// What its packets have in common.
    #[inline]
    pub(super) const fn key(&self) -> FlowKey {
        FlowKey::from_parts((self.addresses, self.numbers, self.tunnel_key))
    }

    /// Whether this is the flow with that key.
    #[inline(always)]
    pub(super) fn is(&self, key: &FlowKey) -> bool {
        let ([low, high], numbers, tunnel_key) = key.parts();
        let others = u128::from(self.numbers ^ numbers) | u128::from(self.tunnel_key ^ tunnel_key);
        (self.addresses[0] ^ low) | (self.addresses[1] ^ high) | others == 0
    }

    /// Gives it a key that no packet has, so that nobody takes it for a flow that lives.
    pub(super) fn vacate(&mut self) {
        (self.addresses, self.numbers, self.tunnel_key) = FlowKey::EMPTY.parts();
    }

    /// The flow's flags.
    pub(super) const fn flags(&self) -> FlowFlags {
        FlowFlags::from_bits(self.marks & (IS_LEARNT - 1))
    }

    pub(super) fn mark(&mut self, flags: FlowFlags) {
        self.marks |= flags.bits();
    }

    /// Whether its payload tells nothing more.
    #[inline(always)]
    pub(super) const fn is_learnt(&self) -> bool {
        self.marks & IS_LEARNT != 0
    }

    pub(super) const fn set_learnt(&mut self) {
        self.marks |= IS_LEARNT;
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
        let carried = rare.map_or(0, |rare| rare.carried_pkts[0] + rare.carried_pkts[1]);
        u64::from(self.pkts[0]) + u64::from(self.pkts[1]) + carried
    }

    /// Counts a packet, unless something about it is unusual: then this is `false`, and [`count_unusual`] is to count it.
    #[inline(always)]
    pub(super) fn count(&mut self, packet: &Counted) -> bool {
        let &Counted { stamp, added, .. } = packet;
        let of = packet.direction as usize;
        let [first, second] = [lanes(added[0], added[1]), lanes(added[2], added[3])];
        let pkts = self.pkts[of].wrapping_add(1);
        let sums = [self.sums[of][0].wrapping_add(first), self.sums[of][1].wrapping_add(second)];
        // Of a sum with both highest bits clear, nothing was carried from one number into the other.
        let beyond = (first | second | sums[0] | sums[1]) & BEYOND;
        if (pkts > MOST) | (stamp < self.ends[of]) | (beyond != 0) || pkts == 1 && !self.count_first(packet) {
            return false;
        }
        self.pkts[of] = pkts;
        self.sums[of] = sums;
        self.ends[of] = stamp;
        self.ttl[of].count(packet.ttl);
        true
    }

    /// Notes what the first packet of a direction tells, if there is room for that here.
    #[inline(always)]
    fn count_first(&mut self, packet: &Counted) -> bool {
        let after = packet.stamp.as_nanos().wrapping_sub(self.first_clock.as_nanos()) as u64;
        let most = if let Direction::SrcToDst = packet.direction { 0 } else { NOT_SOON - 1 };
        // Where sums were carried it is no first packet.
        if after > most || packet.dscp != 0 || self.has_rare() {
            return false;
        }
        match packet.direction {
            Direction::SrcToDst => self.marks |= STARTS_BY_CLOCK,
            Direction::DstToSrc => self.set_back_after(after),
        }
        true
    }

    #[inline]
    const fn set_back_after(&mut self, nanos: u64) {
        (self.back_after, self.back_long_after) = (nanos as u32, (nanos >> 32) as u16);
    }

    /// The smallest stamp of a direction, if that is told here.
    #[inline]
    fn start(&self, of: usize) -> Option<Timestamp> {
        let after = match of {
            0 => (self.marks & STARTS_BY_CLOCK != 0).then_some(0),
            _ => Some(u64::from(self.back_after) | u64::from(self.back_long_after) << 32),
        };
        after.filter(|after| *after != NOT_SOON).map(|after| self.first_clock.saturating_add_nanos(after))
    }

    /// Tells the smallest stamp of a direction no more.
    fn forget_start(&mut self, of: usize) {
        match of {
            0 => self.marks &= !STARTS_BY_CLOCK,
            _ => self.set_back_after(NOT_SOON),
        }
    }
}

/// Counts a packet that is older than another, or too much for 31 bits, or the first of its direction with an unusual time
/// or DSCP.
/// There must be a [`Rare`] if [`needs_rare`] says so.
pub(super) fn count_unusual(hot: &mut Hot, cold: &mut Cold, rare: Option<&mut Rare>, packet: &Counted) {
    let &Counted { stamp, added, .. } = packet;
    let of = packet.direction as usize;
    if hot.pkts[of] == 0 && rare.as_ref().is_none_or(|rare| rare.carried_pkts[of] == 0) {
        cold.dscp[of] = packet.dscp;
    }
    cold.starts[of] = hot.start(of).unwrap_or(cold.starts[of]).min(stamp);
    hot.forget_start(of);
    hot.ends[of] = hot.ends[of].max(stamp);
    hot.ttl[of].count(packet.ttl);
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
pub(super) fn needs_rare(hot: &Hot, packet: &Counted) -> bool {
    let of = packet.direction as usize;
    let sums = sums_of(hot, of).into_iter().zip(packet.added);
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
    fn of(flow: &Identity) -> Self {
        Self { conn_id: flow.conn_id, segment: flow.segment, tunnel_key: flow.tunnel_key, ..Self::new(flow.flow_id) }
    }

    /// That of a flow with nothing rare about it.
    pub(super) const fn new(flow_id: u64) -> Self {
        Self { carried_pkts: [0; 2], carried: [[0; 4]; 2], conn_id: flow_id, segment: 0, tunnel_key: 0 }
    }
}

/// A flow of which nothing was counted yet.
#[inline(always)]
pub(super) fn pack(flow: Identity) -> (Hot, Cold, Option<Rare>) {
    let is_rare = flow.conn_id != flow.flow_id || flow.segment != 0 || flow.tunnel_key != 0;
    let rare = is_rare.then(|| Rare::of(&flow));
    let high = if flow.src_is_high { SRC_IS_HIGH } else { 0 };
    let (addresses, numbers, tunnel_key) = flow.key.parts();
    let hot = Hot {
        addresses,
        numbers,
        tunnel_key,
        back_after: NOT_SOON as u32,
        back_long_after: (NOT_SOON >> 32) as u16,
        last_clock: flow.clock,
        marks: flow.flags.bits() | high | if is_rare { HAS_RARE } else { 0 },
        ttl: [TtlRange::EMPTY; 2],
        pkts: [0; 2],
        sums: [[0; 2]; 2],
        ends: [Counts::EMPTY.end; 2],
        first_clock: flow.clock,
    };
    let Identity { flow_id, macs, flow_label, icmp, details, .. } = flow;
    let cold = Cold { starts: [Counts::EMPTY.start; 2], flow_id, details, macs, flow_label, icmp, dscp: [0; 2] };
    (hot, cold, rare)
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
        let (start, end) = (hot.start(of).unwrap_or(cold.starts[of]), hot.ends[of]);
        Counts { pkts, bytes, ip_bytes, transport_bytes, payload_bytes, start, end }
    };
    FlowState {
        last_clock: hot.last_clock,
        counts: [counts(0), counts(1)],
        flags: hot.flags(),
        ttl: hot.ttl,
        macs: cold.macs,
        dscp: cold.dscp,
        icmp: cold.icmp,
        segment: rare.segment,
        tunnel_key: rare.tunnel_key,
        flow_label: cold.flow_label,
        conn_id: rare.conn_id,
        ..FlowState::new(hot.key(), hot.marks & SRC_IS_HIGH != 0, cold.flow_id, hot.first_clock)
    }
}

/// The most that 31 bits hold.
const MOST: u32 = u32::MAX >> 1;
/// The lower of two numbers in one.
const LANE: u64 = u32::MAX as u64;
/// The highest bits of both, which are clear.
const BEYOND: u64 = lanes(!MOST, !MOST);
/// A first packet back that came more than three days later, or earlier than the first, or not at all.
const NOT_SOON: u64 = (1 << 48) - 1;
/// Whether the source is the second end of the key.
const SRC_IS_HIGH: u16 = 1 << 15;
/// Whether there is a [`Rare`] for this flow.
const HAS_RARE: u16 = 1 << 14;
/// Whether the smallest stamp from the source on is the clock at the first packet.
const STARTS_BY_CLOCK: u16 = 1 << 13;
/// Whether its payload tells nothing more. The lowest of the bits that are no flags.
const IS_LEARNT: u16 = 1 << 12;
// The highest of the flags.
const _: () = assert!(FlowFlags::APPLICATION_FIELDS.bits() < IS_LEARNT);
const _: () = assert!(size_of::<Hot>() == 128 && size_of::<Cold>() == 56);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(1000 * second)
    }

    /// A flow that began at that second.
    fn begun(second: i64) -> Identity {
        let key = FlowKey::new(4, 6, (1, 2), (3, 4), 0).0;
        Identity {
            key,
            src_is_high: false,
            flags: FlowFlags::default(),
            clock: at(second),
            flow_id: 7,
            conn_id: 7,
            segment: 0,
            tunnel_key: 0,
            flow_label: 0,
            macs: [[0; 6]; 2],
            icmp: (0, 0),
            details: None,
        }
    }

    /// Counts a packet as a cache does.
    fn count(flow: &mut (Hot, Cold, Option<Rare>), direction: Direction, stamp: Timestamp, added: Added, dscp: u8) {
        let (hot, cold, rare) = flow;
        let packet = Counted { direction, stamp, added, ttl: 64, dscp };
        if !hot.count(&packet) {
            if needs_rare(hot, &packet) {
                hot.expect_rare();
                rare.get_or_insert(Rare::new(cold.flow_id));
            }
            count_unusual(hot, cold, rare.as_mut(), &packet);
        }
    }

    #[test]
    fn sums_beyond_31_bits_are_exact_and_the_first_packet_stays_the_first() {
        let mut flow = pack(begun(10));
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
            let mut flow = pack(begun(0));
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
        let marks = FlowFlags::MACS.union(FlowFlags::ICMP).union(FlowFlags::APPLICATION_FIELDS);
        let begun = Identity {
            key,
            src_is_high: true,
            flags: marks,
            flow_id: 7,
            conn_id: 3,
            segment: 2,
            tunnel_key: 99,
            flow_label: 0xf_ffff,
            macs: [[1; 6], [2; 6]],
            icmp: (128, 1),
            ..begun(10)
        };
        let mut expected = FlowState::new(key, true, 7, at(10));
        expected.flags = marks;
        (expected.conn_id, expected.segment, expected.tunnel_key) = (3, 2, 99);
        (expected.flow_label, expected.icmp, expected.macs) = (0xf_ffff, (128, 1), [[1; 6], [2; 6]]);
        let (hot, cold, rare) = pack(begun);
        assert_eq!(state(&hot, &cold, rare.as_ref()), expected);
    }

    #[test]
    fn first_packets_are_known_whenever_they_come() {
        let soon = NOT_SOON as i64 - 1;
        let afters = [0, 1, soon, soon + 1, soon + 2, -1, i64::MAX / 2];
        for (there, back) in afters.into_iter().flat_map(|there| afters.map(|back| (there, back))) {
            let mut flow = pack(begun(10));
            let stamp = |after: i64| Timestamp::from_nanos(at(10).as_nanos() + after);
            count(&mut flow, Direction::DstToSrc, stamp(back), [1; 4], 8);
            count(&mut flow, Direction::SrcToDst, stamp(there), [1; 4], 46);
            count(&mut flow, Direction::SrcToDst, stamp(there), [1; 4], 1);
            let state = state(&flow.0, &flow.1, flow.2.as_ref());
            assert_eq!(state.counts.map(|counts| counts.start), [stamp(there), stamp(back)]);
            assert_eq!((state.dscp, state.counts[0].pkts), ([46, 8], 2));
            count(&mut flow, Direction::DstToSrc, at(1), [1; 4], 0);
            let state = super::state(&flow.0, &flow.1, flow.2.as_ref());
            assert_eq!((state.counts[1].start, state.counts[1].end), (at(1), stamp(back).max(at(1))));
        }
    }
}
