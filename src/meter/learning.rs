//! What is learnt of a flow from its payload: by our own dissection, and by the classifier.

use std::sync::Arc;

use crate::classify::Classifier;
use crate::dissect::Dissection;
use crate::flow::{FlowFlags, FlowState};
use crate::meter::cache::Entry;

/// The dissection of a flow that begins, if payload is read.
pub(super) fn begin(wanted: bool, ip_protocol: u8) -> Option<Box<Dissection>> {
    wanted.then(|| Dissection::new(ip_protocol)).filter(|dissection| !dissection.is_over()).map(Box::new)
}

/// Shows a flow that lives what was read first, once.
pub(super) fn show_first(state: &mut FlowState, dissection: Option<&Dissection>) {
    if state.facts().is_none()
        && let Some(facts) = dissection.and_then(Dissection::facts)
    {
        state.set_facts(Arc::new(facts.clone()));
    }
}

/// Puts all that was learnt of a flow so far into `state`, which is about to leave as a record: the flow's last one, if it
/// `ends`.
pub(super) fn show_all(state: &mut FlowState, entry: &mut Entry, classifier: &mut Classifier, ends: bool) {
    if !state.flags.contains(FlowFlags::APPLICATION_FIELDS) {
        return;
    }
    let (read, told) = if ends {
        (entry.dissection.take().and_then(|dissection| dissection.finish()), entry.classification.take_facts())
    } else {
        let read = entry.dissection.as_ref().and_then(|dissection| dissection.facts());
        (read.cloned().map(Box::new), classifier.facts(&entry.classification))
    };
    let facts = match (read, told) {
        (Some(mut read), Some(told)) => {
            read.complete(*told);
            read
        }
        (Some(facts), None) | (None, Some(facts)) => facts,
        (None, None) => return,
    };
    state.set_facts(Arc::from(facts));
}
