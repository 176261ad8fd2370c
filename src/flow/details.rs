//! What a flow carries only if an option asks for it, or if it is rare: in an allocation beside its state.

use std::sync::Arc;

use crate::flow::stored::Stored;
use crate::flow::{Facts, FlowState, Sequence, TcpAnalysis};

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Details {
    pub(crate) sequence: Option<Sequence>,
    /// What was read out of the payload, with the option `application_fields`; `None` when nothing was.
    pub(crate) facts: Option<Arc<Facts>>,
    /// The VLAN ids of the first packet, the outermost first, if there are several.
    pub(crate) vlan_ids: Box<[u16]>,
    /// Of TCP, with the option `tcp_analysis`; in a box of its own, so that others do not pay for it.
    pub(crate) tcp: Option<Box<TcpAnalysis>>,
    /// What a record tells that comes out of a file and not from a meter.
    pub(crate) stored: Option<Arc<Stored>>,
}

impl Details {
    /// The same with nothing counted; what was read belongs to the flow, and stays.
    pub(crate) fn emptied(&self) -> Self {
        Self {
            sequence: self.sequence.as_ref().map(|sequence| Sequence::new(sequence.limit())),
            facts: self.facts.clone(),
            vlan_ids: self.vlan_ids.clone(),
            // It lives beside the state, and goes on there.
            tcp: None,
            stored: None,
        }
    }
}

impl FlowState {
    /// What its TCP segments say of the connection; `None` for other protocols, and without the option `tcp_analysis`.
    pub fn tcp_analysis(&self) -> Option<&TcpAnalysis> {
        self.details.as_ref()?.tcp.as_deref()
    }

    pub(crate) fn tcp_analysis_mut(&mut self) -> Option<&mut TcpAnalysis> {
        self.details.as_mut()?.tcp.as_deref_mut()
    }
}

/// By hand, so that `clone_from` uses the memory that is there.
impl Clone for Details {
    fn clone(&self) -> Self {
        Self {
            sequence: self.sequence.clone(),
            facts: self.facts.clone(),
            vlan_ids: self.vlan_ids.clone(),
            tcp: self.tcp.clone(),
            stored: self.stored.clone(),
        }
    }

    fn clone_from(&mut self, source: &Self) {
        match (&mut self.sequence, &source.sequence) {
            (Some(mine), Some(others)) => mine.clone_from(others),
            (mine, others) => (*mine).clone_from(others),
        }
        self.facts.clone_from(&source.facts);
        self.vlan_ids.clone_from(&source.vlan_ids);
        self.stored.clone_from(&source.stored);
        match (&mut self.tcp, &source.tcp) {
            (Some(mine), Some(others)) => **mine = **others,
            (mine, others) => (*mine).clone_from(others),
        }
    }
}
