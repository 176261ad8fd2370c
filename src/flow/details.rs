//! What a flow carries only if an option asks for it, or if it is rare: in an allocation beside its state.

use crate::flow::Sequence;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Details {
    pub(crate) sequence: Option<Sequence>,
    /// The VLAN ids of the first packet, the outermost first, if there are several.
    pub(crate) vlan_ids: Box<[u16]>,
}

impl Details {
    /// The same with nothing counted.
    pub(crate) fn emptied(&self) -> Self {
        Self {
            sequence: self.sequence.as_ref().map(|sequence| Sequence::new(sequence.limit())),
            vlan_ids: self.vlan_ids.clone(),
        }
    }
}

/// By hand, so that `clone_from` uses the memory that is there.
impl Clone for Details {
    fn clone(&self) -> Self {
        Self { sequence: self.sequence.clone(), vlan_ids: self.vlan_ids.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        match (&mut self.sequence, &source.sequence) {
            (Some(mine), Some(others)) => mine.clone_from(others),
            (mine, others) => (*mine).clone_from(others),
        }
        self.vlan_ids.clone_from(&source.vlan_ids);
    }
}
