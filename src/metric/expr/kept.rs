//! The folds of a record beside their values, so that records can be merged.

use std::any::Any;
use std::sync::Arc;

use crate::flow::{FlowRecord, MetricParts, Value};

use super::Expr;
use super::conclude::values;
use super::piece::Piece;
use super::program::Program;

/// What the expressions of a run are, and where their values go among the metrics.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) program: Arc<Program>,
    /// Each with its place among all metrics.
    pub(super) expressions: Vec<(usize, Expr)>,
}

/// The folds of one record.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    plan: Arc<Plan>,
    piece: Piece,
    /// The same with the directions turned, which the record before may begin with; where that makes a difference.
    turned: Option<Piece>,
    /// Whether records were merged.
    merged: bool,
}

impl Kept {
    pub(super) fn new(plan: Arc<Plan>, piece: Piece, turned: Option<Piece>) -> Self {
        Self { plan, piece, turned, merged: false }
    }

    /// Gives the values of the metrics, by their places.
    pub(super) fn values(&self, record: &FlowRecord, mut put: impl FnMut(usize, Value)) {
        let Plan { program, expressions } = &*self.plan;
        let state = self.piece.closed(program);
        let mut last = program.registers_of_the_end();
        values(program, &mut last, &state.words, &state.heavy, record, |nth, value| {
            let (place, expression) = &expressions[nth];
            put(*place, if self.merged && !expression.is_mergeable() { Value::Null } else { value });
        });
    }
}

impl MetricParts for Kept {
    fn merged(&self, next: &dyn MetricParts, turned: bool) -> Option<Arc<dyn MetricParts>> {
        let next = (next as &dyn Any).downcast_ref::<Self>()?;
        if !Arc::ptr_eq(&self.plan, &next.plan) && self.plan.expressions != next.plan.expressions {
            return None;
        }
        let (along, against) = (&next.piece, next.turned.as_ref().unwrap_or(&next.piece));
        let (along, against) = if turned { (against, along) } else { (along, against) };
        let mut whole = Self { merged: true, ..self.clone() };
        whole.piece.merge(along, &self.plan.program);
        if let Some(turned) = &mut whole.turned {
            turned.merge(against, &self.plan.program);
        }
        Some(Arc::new(whole))
    }

    fn put(&self, record: &FlowRecord, put: &mut dyn FnMut(usize, Value)) {
        self.values(record, put);
    }
}
