//! What is learnt of a flow from its payload: by our own dissection, and by the classifier.

use crate::classify::Classifier;
use crate::dissect::Dissection;
use crate::flow::{FlowFlags, FlowState};
use crate::meter::cache::Entry;

/// The dissection of a flow that begins, if payload is read.
pub(super) fn begin(wanted: bool, ip_protocol: u8) -> Dissection {
    if wanted { Dissection::new(ip_protocol) } else { Dissection::OFF }
}

/// Shows a flow that lives what was read so far.
pub(super) fn show(state: &mut FlowState, dissection: &Dissection) {
    if let Some(facts) = dissection.shared() {
        state.set_facts(facts);
    }
}

/// Shows a record that is cut all that is known of its flow, which goes on.
pub(super) fn show_so_far(state: &mut FlowState, entry: &Entry, classifier: &Classifier) {
    if state.flags.contains(FlowFlags::APPLICATION_FIELDS) {
        let mut facts = entry.dissection.shared().cloned();
        classifier.complete(&entry.classification, &mut facts);
        facts.iter().for_each(|facts| state.set_facts(facts));
    }
}

/// Shows the last record of a flow all that was learnt of it.
pub(super) fn show_all(state: &mut FlowState, entry: &mut Entry) {
    if state.flags.contains(FlowFlags::APPLICATION_FIELDS) {
        let facts = std::mem::replace(&mut entry.dissection, Dissection::OFF).finish();
        facts.iter().for_each(|facts| state.set_facts(facts));
    }
}
