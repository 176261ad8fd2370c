//! What is learnt of a flow from its payload: by our own dissection, and by the classifier.

use std::sync::Arc;

use crate::classify::Classifier;
use crate::dissect::Dissection;
use crate::flow::{Application, Direction, FlowFlags, FlowState};
use crate::meter::cache::FlowCache;
use crate::packet::Packet;

/// Looks at the payload of a packet of the flow in `slot`, until there is nothing more to learn.
pub(super) fn observe(
    cache: &mut FlowCache,
    classifier: &mut Classifier,
    slot: u32,
    packet: &Packet<'_>,
    direction: Direction,
) {
    let (mut classification, mut dissection) = cache.learnt_mut(slot);
    if let Some(dissection) = &mut dissection {
        dissection.observe(direction, packet);
    }
    if let Some(classification) = &mut classification {
        let mut nothing = None;
        let facts = dissection.as_deref_mut().map_or(&mut nothing, Dissection::facts_mut);
        classifier.observe(classification, packet, facts);
    }
    if classification.is_none_or(|classification| classification.is_over())
        && dissection.is_none_or(|dissection| dissection.is_over())
    {
        cache.hot_mut(slot).set_learnt();
    }
}

/// Shows a flow that lives what was read so far.
pub(super) fn show(state: &mut FlowState, cache: &FlowCache, slot: u32) {
    let (classification, dissection) = cache.learnt(slot);
    if let Some(facts) = dissection.and_then(Dissection::shared) {
        state.set_facts(facts);
    }
    if state.application.is_none() {
        state.application = classification.and_then(|classification| classification.decided().cloned());
    }
}

/// The label for a record that is cut while its flow goes on.
pub(super) fn label_so_far(cache: &FlowCache, classifier: &mut Classifier, slot: u32) -> Option<Arc<Application>> {
    classifier.label(cache.learnt(slot).0?)
}

/// Shows a record that is cut all that is known of its flow, which goes on.
pub(super) fn show_so_far(state: &mut FlowState, cache: &FlowCache, classifier: &Classifier, slot: u32) {
    if state.flags.contains(FlowFlags::APPLICATION_FIELDS) {
        let (classification, dissection) = cache.learnt(slot);
        let mut facts = dissection.and_then(Dissection::shared).cloned();
        if let Some(classification) = classification {
            classifier.complete(classification, &mut facts);
        }
        facts.iter().for_each(|facts| state.set_facts(facts));
    }
}

/// The label of the flow in `slot`, which ends; shows `state`, its last record, all that was read of it.
pub(super) fn finish(
    cache: &mut FlowCache,
    classifier: &mut Classifier,
    slot: u32,
    state: &mut FlowState,
) -> Option<Arc<Application>> {
    let (classification, mut dissection) = cache.learnt_mut(slot);
    let mut nothing = None;
    let facts = dissection.as_deref_mut().map_or(&mut nothing, Dissection::facts_mut);
    let application = classification.and_then(|classification| classifier.finish(classification, facts));
    if let Some(dissection) = dissection {
        let facts = std::mem::replace(dissection, Dissection::OFF).finish();
        facts.iter().for_each(|facts| state.set_facts(facts));
    }
    application
}
