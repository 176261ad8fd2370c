//! What a writer writes of each record: columns and metrics, by name and in the order that is wanted.

use crate::flow::schema::{Cell, Column, ColumnKind, Schema};
use crate::flow::{FlowRecord, Value};

/// The columns that a writer writes.
#[derive(Clone, Debug)]
pub struct Columns(Vec<One>);

/// A column of the schema, or a metric.
#[derive(Clone, Debug)]
pub(super) enum One {
    Column(&'static Column),
    Metric {
        /// Its place among the metrics.
        index: usize,
        name: String,
        /// What its values are; `None` is anything.
        kind: Option<ColumnKind>,
    },
}

impl Columns {
    /// These columns of `schema`, in this order; `Err` has the first name that is none of them.
    pub fn choose<'n>(schema: &Schema, names: impl IntoIterator<Item = &'n str>) -> Result<Self, &'n str> {
        let one = |name: &'n str| {
            let column = schema.columns().find(|column| column.name == name).map(One::Column);
            let metric = || schema.metrics().iter().position(|metric| metric == name);
            column.or_else(|| metric().map(|index| One::metric(schema, index))).ok_or(name)
        };
        names.into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|one| match one {
            One::Column(column) => column.name,
            One::Metric { name, .. } => name.as_str(),
        })
    }

    /// The columns that are not metrics, in their places.
    pub fn columns(&self) -> impl Iterator<Item = Option<&'static Column>> {
        self.0.iter().map(|one| match one {
            One::Column(column) => Some(*column),
            One::Metric { .. } => None,
        })
    }

    /// Their cells of `record`, in the order of [`Columns::names`].
    pub fn cells<'a>(&'a self, record: &'a FlowRecord) -> impl Iterator<Item = Cell<'a>> {
        self.0.iter().map(|one| match one {
            One::Column(column) => column.get(record),
            One::Metric { index, .. } => metric(record, *index),
        })
    }

    /// What they are, one by one.
    pub(super) fn parts(&self) -> impl Iterator<Item = &One> {
        self.0.iter()
    }

    /// Shows each cell of `record` with its place, without moving it: a cell is written in parts, and a processor that is to
    /// read it as a whole at once waits for all of them. That took half the time of a line.
    pub(super) fn look(&self, record: &FlowRecord, mut at: impl FnMut(usize, &Cell<'_>)) {
        for (place, one) in self.0.iter().enumerate() {
            match one {
                One::Column(column) => at(place, &column.get(record)),
                One::Metric { index, .. } => at(place, &metric(record, *index)),
            }
        }
    }
}

impl One {
    fn metric(schema: &Schema, index: usize) -> Self {
        Self::Metric { index, name: schema.metrics()[index].clone(), kind: schema.metric_kinds()[index] }
    }
}

fn metric(record: &FlowRecord, index: usize) -> Cell<'_> {
    let value = record.metrics.iter().nth(index).map(|(_, value)| value);
    Cell::Metric(value.unwrap_or(&Value::Null))
}

/// Every column, then every metric.
impl From<&Schema> for Columns {
    fn from(schema: &Schema) -> Self {
        let metrics = (0..schema.metrics().len()).map(|index| One::metric(schema, index));
        Self(schema.columns().map(One::Column).chain(metrics).collect())
    }
}

/// The same.
impl From<Schema> for Columns {
    fn from(schema: Schema) -> Self {
        Self::from(&schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_metrics_come_in_the_order_that_is_asked_for() {
        let schema = Schema::new(&[], ["n".to_owned(), "m".to_owned()].into());
        let names = |columns: &Columns| columns.names().map(str::to_owned).collect::<Vec<_>>();
        let some = Columns::choose(&schema, ["m", "dst_port", "n", "ip_src", "m"]).unwrap();
        assert_eq!((names(&some).join(" "), some.len()), ("m dst_port n ip_src m".to_owned(), 5));
        assert_eq!(some.columns().flatten().map(|column| column.name).collect::<Vec<_>>(), ["dst_port", "ip_src"]);
        // Columns of an option that is off are none of this run's.
        assert_eq!(Columns::choose(&schema, ["n", "size_mean", "nonsense"]).unwrap_err(), "size_mean");
        let all = Columns::from(schema.clone());
        assert_eq!(names(&all), schema.names().collect::<Vec<_>>());
        assert!(!all.is_empty() && Columns::choose(&schema, []).unwrap().is_empty());
    }
}
