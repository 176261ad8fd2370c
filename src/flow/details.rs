//! What a flow carries only if an option asks for it, or if it is rare: in one allocation beside its state.

use crate::flow::{Direction, Sequence, Statistics};
use crate::time::Timestamp;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Details {
    pub(crate) statistics: Option<Statistics>,
    pub(crate) sequence: Option<Sequence>,
    /// The VLAN ids of the first packet, the outermost first, if there are several.
    pub(crate) vlan_ids: Box<[u16]>,
}

impl Details {
    /// Counts one packet.
    #[inline]
    pub(crate) fn observe(&mut self, direction: Direction, stamp: Timestamp, size: u32, tcp_flags: u8) {
        if let Some(statistics) = &mut self.statistics {
            statistics.observe(direction, stamp, size, tcp_flags);
        }
        if let Some(sequence) = &mut self.sequence {
            sequence.observe(direction, stamp, size);
        }
    }

    /// The same with nothing counted.
    pub(crate) fn emptied(&self) -> Self {
        Self {
            statistics: self.statistics.map(|_| Statistics::default()),
            sequence: self.sequence.as_ref().map(|sequence| Sequence::new(sequence.limit())),
            vlan_ids: self.vlan_ids.clone(),
        }
    }

    /// Takes in what was counted of the packets that came after these.
    pub(super) fn merge(&mut self, next: &Self) {
        if let (Some(mine), Some(others)) = (&mut self.statistics, &next.statistics) {
            mine.merge(others);
        }
        if let (Some(mine), Some(others)) = (&mut self.sequence, &next.sequence) {
            mine.merge(others);
        }
    }

    /// Turns it around: the same seen from the other end.
    pub(super) fn turn(&mut self) {
        self.statistics = self.statistics.map(Statistics::turned);
        self.sequence.as_mut().map(Sequence::turn);
    }
}

/// By hand, so that `clone_from` uses the memory that is there.
impl Clone for Details {
    fn clone(&self) -> Self {
        Self { statistics: self.statistics, sequence: self.sequence.clone(), vlan_ids: self.vlan_ids.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        self.statistics = source.statistics;
        match (&mut self.sequence, &source.sequence) {
            (Some(mine), Some(others)) => mine.clone_from(others),
            (mine, others) => (*mine).clone_from(others),
        }
        self.vlan_ids.clone_from(&source.vlan_ids);
    }
}
