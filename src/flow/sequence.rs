//! The first packets of a flow, one by one: direction, size and gap.

use crate::flow::Direction;
use crate::time::Timestamp;

/// The first packets of one flow, or of one segment of it, up to a limit.
#[derive(Debug, PartialEq)]
pub struct Sequence {
    items: Vec<SequenceItem>,
    limit: u32,
    /// Stamps of the first and the last packet, beyond the limit too: between parts of a flow there is a gap.
    first: Timestamp,
    last: Timestamp,
    pkts: u64,
}

/// One packet of a [`Sequence`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SequenceItem {
    /// Nanoseconds since the packet before it, of any direction; negative where stamps go back, saturating; 0 for the
    /// first packet.
    pub gap_ns: i64,
    /// Its size in bytes.
    pub size: u32,
    /// Which way it went.
    pub direction: Direction,
}

impl Sequence {
    /// An empty sequence that takes up to `limit` packets.
    pub const fn new(limit: u32) -> Self {
        let epoch = Timestamp::from_nanos(0);
        Self { items: Vec::new(), limit, first: epoch, last: epoch, pkts: 0 }
    }

    /// Counts one packet.
    #[inline]
    pub fn observe(&mut self, direction: Direction, stamp: Timestamp, size: u32) {
        if self.pkts == 0 {
            self.first = stamp;
            self.last = stamp;
        }
        if self.items.len() < self.limit as usize {
            self.items.push(SequenceItem { gap_ns: gap(self.last, stamp), size, direction });
        }
        self.last = stamp;
        self.pkts += 1;
    }

    /// Takes in the packets of `next`, which came after these; `turned` if its directions are to be turned around.
    pub fn merge(&mut self, next: &Self, turned: bool) {
        if next.pkts == 0 {
            return;
        }
        let between = if self.pkts == 0 { 0 } else { gap(self.last, next.first) };
        let room = (self.limit as usize).saturating_sub(self.items.len());
        for (nth, item) in next.items.iter().take(room).enumerate() {
            let gap_ns = if nth == 0 { between } else { item.gap_ns };
            let direction = if turned { item.direction.turned() } else { item.direction };
            self.items.push(SequenceItem { gap_ns, size: item.size, direction });
        }
        if self.pkts == 0 {
            self.first = next.first;
        }
        self.last = next.last;
        self.pkts += next.pkts;
    }

    /// The packets, the first one first.
    pub fn items(&self) -> &[SequenceItem] {
        &self.items
    }

    /// How many packets it takes at most.
    pub const fn limit(&self) -> u32 {
        self.limit
    }
}

/// By hand, so that `clone_from` uses the memory that is there: a living flow is shown to Python once a packet.
impl Clone for Sequence {
    fn clone(&self) -> Self {
        Self { items: self.items.clone(), ..*self }
    }

    fn clone_from(&mut self, source: &Self) {
        let mut items = std::mem::take(&mut self.items);
        items.clone_from(&source.items);
        *self = Self { items, ..*source };
    }
}

fn gap(earlier: Timestamp, later: Timestamp) -> i64 {
    later.nanos_after(earlier).unwrap_or(if later > earlier { i64::MAX } else { i64::MIN })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{DstToSrc, SrcToDst};

    fn observed(limit: u32, packets: &[(Direction, i64, u32)]) -> Sequence {
        let mut sequence = Sequence::new(limit);
        for (direction, nanos, size) in packets {
            sequence.observe(*direction, Timestamp::from_nanos(*nanos), *size);
        }
        sequence
    }

    const PACKETS: [(Direction, i64, u32); 4] =
        [(SrcToDst, 1000, 60), (DstToSrc, 1300, 70), (SrcToDst, 1200, 80), (SrcToDst, 1250, 90)];

    #[test]
    fn a_sequence_has_its_true_length_up_to_the_limit() {
        assert_eq!(observed(10, &PACKETS).items().len(), 4);
        let two = observed(2, &PACKETS);
        let expected = [
            SequenceItem { gap_ns: 0, size: 60, direction: SrcToDst },
            SequenceItem { gap_ns: 300, size: 70, direction: DstToSrc },
        ];
        assert_eq!(two.items(), expected);
    }

    #[test]
    fn parts_merge_into_the_whole_wherever_they_are_cut() {
        for limit in 0..6 {
            for cut in 0..=4 {
                let mut merged = observed(limit, &PACKETS[..cut]);
                merged.merge(&observed(limit, &PACKETS[cut..]), false);
                assert_eq!(merged, observed(limit, &PACKETS), "{limit} {cut}");
            }
        }
    }

    #[test]
    fn cloning_into_another_gives_the_same() {
        let mut other = observed(9, &PACKETS[2..]);
        other.clone_from(&observed(3, &PACKETS));
        assert_eq!(other, observed(3, &PACKETS));
    }
}
