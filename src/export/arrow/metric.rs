//! The column of a metric: of an expression, whose type is known, or of the user's own code, whose values tell it.

use arrow_array::ArrayRef;
use arrow_schema::DataType;

use crate::error::{Error, Result};
use crate::flow::schema::{Cell, ColumnKind, Schema};
use crate::flow::{FlowRecord, Value};

use super::cells::Cells;
use super::shape::{Misfit, Shape};
use super::{Overflow, fields};

/// The values of one metric.
pub(super) struct MetricColumn {
    name: String,
    /// Which of a record's metrics it is.
    index: usize,
    values: Values,
}

enum Values {
    /// Of an expression.
    Typed(ColumnKind, Box<Cells>),
    /// Of the user's own code: kept until their type is known.
    Any {
        /// That of the first batch.
        shape: Option<Shape>,
        values: Vec<Value>,
        /// Bytes of text and items of lists among them.
        weight: usize,
        /// Those of the last batch, if they were told as JSON.
        mixed: Option<Vec<Value>>,
    },
}

impl MetricColumn {
    /// Metric number `index` of a run.
    pub(super) fn new(schema: &Schema, index: usize) -> Self {
        let values = match schema.metric_kinds()[index] {
            Some(kind) => Values::Typed(kind, Box::new(Cells::of_kind(kind))),
            None => Values::Any { shape: None, values: Vec::new(), weight: 0, mixed: None },
        };
        Self { name: schema.metrics()[index].clone(), index, values }
    }

    pub(super) fn extend<'a>(&mut self, records: &'a [FlowRecord]) -> Result<(), Overflow> {
        let index = self.index;
        let given = |record: &'a FlowRecord| record.metrics.iter().nth(index).map_or(&Value::Null, |(_, value)| value);
        match &mut self.values {
            Values::Typed(_, cells) => cells.extend(true, records, |record| Cell::Metric(given(record))),
            Values::Any { values, weight, .. } => {
                for value in records.iter().map(given) {
                    *weight = weight.saturating_add(weight_of(value));
                    values.push(value.clone());
                }
                Ok(())
            }
        }
    }

    /// Hands out what is there and begins anew; there may be `more`.
    ///
    /// # Errors
    ///
    /// [`Error::Column`] when values are of another type than those of the first batch.
    pub(super) fn finish(&mut self, more: bool) -> Result<ArrayRef> {
        let (shape, values, weight, mixed) = match &mut self.values {
            Values::Typed(_, cells) => return Ok(cells.finish(false)),
            Values::Any { shape, values, weight, mixed } => (shape, values, weight, mixed),
        };
        *weight = 0;
        let values = std::mem::take(values);
        let shape = shape.get_or_insert_with(|| {
            let shape = Shape::of_all(&values);
            // Nothing is known of what was null only, so that no narrower type is sure to fit what comes.
            if more && shape.is_open() { Shape::Json } else { shape }
        });
        let array = shape.array(&values).map_err(|misfit| {
            let detail = match misfit {
                Misfit::Type(other) => format!(
                    "was {shape} in the first batch and is {other} now: take larger batches, or one table of all flows, \
                     or let the metric yield one type"
                ),
                Misfit::Overflow => "more than 2 GiB of text, or 2^31 items of lists, in one batch: take smaller ones".to_owned(),
            };
            Error::Column { column: self.name.clone(), detail }
        })?;
        *mixed = (*shape == Shape::Json).then_some(values);
        Ok(array)
    }

    /// The values of the last batch, if they were told as JSON.
    pub(super) fn take_mixed(&mut self) -> Option<Vec<Value>> {
        if let Values::Any { mixed, .. } = &mut self.values { mixed.take() } else { None }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether its type is known.
    pub(super) fn is_typed(&self) -> bool {
        !matches!(self.values, Values::Any { shape: None, .. })
    }

    /// Its type; null as long as that is not known.
    pub(super) fn data_type(&self) -> DataType {
        match &self.values {
            Values::Typed(kind, _) => fields::of_kind(*kind),
            Values::Any { shape, .. } => shape.as_ref().map_or(DataType::Null, Shape::data_type),
        }
    }

    pub(super) fn weight(&self) -> usize {
        match &self.values {
            Values::Typed(_, cells) => cells.weight(),
            Values::Any { weight, .. } => *weight,
        }
    }
}

/// Bytes of text and items of lists.
fn weight_of(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(values) => values.iter().fold(values.len(), |sum, value| sum.saturating_add(weight_of(value))),
        _ => 0,
    }
}
