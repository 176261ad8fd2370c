//! All expressions of a meter: folded into values, and on request into what records keep to be merged.

use std::sync::Arc;

use crate::flow::{Direction, FlowRecord, MetricParts, Value};
use crate::packet::Packet;

use super::Expr;
use super::field::See;
use super::folder::Folder;
use super::kept::{Kept, Plan};
use super::program::Program;

/// Folds packets into the expressions of their flows.
#[derive(Debug)]
pub(crate) struct Folds {
    plan: Arc<Plan>,
    folder: Folder,
    /// The same with the directions turned: a record may be merged with an earlier one that begins at the other end.
    turned: Option<Folder>,
    mergeable: bool,
}

impl Folds {
    /// Packets that may be loaded at once.
    pub(crate) const MOST: usize = Folder::MOST;

    /// The expressions that `program` was compiled from, each with the place of its value among all metrics.
    pub(crate) fn new(program: Program, expressions: Vec<(usize, Expr)>, mergeable: bool) -> Self {
        let program = Arc::new(program);
        let folder = || Folder::new(Arc::clone(&program), mergeable);
        let turned = (mergeable && program.knows_direction()).then(folder);
        let folder = folder();
        Self { plan: Arc::new(Plan { program, expressions }), folder, turned, mergeable }
    }

    /// Forgets what was folded in `slot`, in which a flow, or a segment of one, begins.
    pub(crate) fn start(&mut self, slot: u32) {
        self.folder.start(slot);
        if let Some(turned) = &mut self.turned {
            turned.start(slot);
        }
    }

    /// Reads packets that will be taken in next, in their order; no more than [`Folds::MOST`]. Whatever was loaded before and
    /// not taken in is forgotten.
    #[inline]
    pub(crate) fn load<P: See>(&mut self, packets: &[P]) {
        if let Some(turned) = &mut self.turned {
            turned.load(packets);
        }
        self.folder.load(packets);
    }

    /// Takes in a packet that was loaded, the last of its flow's `pkts`; whether the flow ends with it.
    #[inline(always)]
    pub(crate) fn update(
        &mut self,
        slot: u32,
        packet: &Packet<'_>,
        pkts: impl Fn() -> u64,
        direction: Direction,
    ) -> bool {
        if let Some(turned) = &mut self.turned {
            turned.update(slot, packet, &pkts, direction.turned());
        }
        self.folder.update(slot, packet, pkts, direction)
    }

    /// Gives the values of the flow that leaves `slot` as `record`, by their places among all metrics, and what the record
    /// keeps beside them. `None` if the record is not kept at all.
    pub(crate) fn finish(
        &mut self,
        slot: u32,
        record: &FlowRecord,
        mut put: impl FnMut(usize, Value),
    ) -> Option<Option<Arc<dyn MetricParts>>> {
        if !self.mergeable {
            let places = &self.plan.expressions;
            let kept = self.folder.finish(slot, record, |nth, value| put(places[nth].0, value));
            return kept.then_some(None);
        }
        let turned = self.turned.as_mut().map(|turned| turned.finish_piece(slot));
        let parts = Kept::new(Arc::clone(&self.plan), self.folder.finish_piece(slot), turned);
        parts.values(record, put);
        Some(Some(Arc::new(parts)))
    }
}
