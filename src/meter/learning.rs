//! What is learnt of a flow from its payload: by our own dissection, and by the classifier.

use std::sync::Arc;

use crate::classify::Classifier;
use crate::dissect::Dissection;
use crate::flow::{Facts, FlowState};
use crate::meter::cache::Entry;

/// The dissection of a flow that begins, if payload is read.
pub(super) fn begin(wanted: bool, ip_protocol: u8) -> Option<Box<Dissection>> {
    wanted.then(|| Box::new(Dissection::new(ip_protocol))).filter(|dissection| !dissection.is_over())
}

/// Shows a flow that lives what was read first, once.
pub(super) fn show_first(state: &mut FlowState, dissection: Option<&Dissection>, nothing: &Arc<Facts>) {
    let Some(shown) = state.facts_mut() else { return };
    if Arc::ptr_eq(shown, nothing)
        && let Some(facts) = dissection.and_then(Dissection::facts)
    {
        *shown = Arc::new(facts.clone());
    }
}

/// Puts all that was learnt of a flow so far into `state`, which is about to leave as a record.
pub(super) fn show_all(state: &mut FlowState, entry: &mut Entry, classifier: &mut Classifier, ends: bool) {
    let Some(shown) = state.facts_mut() else { return };
    let mut read = entry.dissection.as_ref().and_then(|dissection| dissection.facts()).cloned();
    let told = if ends { entry.classification.take_facts() } else { classifier.facts(&entry.classification) };
    if let Some(told) = told {
        read = Some(read.unwrap_or_default().or(*told));
    }
    if let Some(read) = read {
        *shown = Arc::new(read);
    }
}
