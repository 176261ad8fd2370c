//! The table of columns as fields of Arrow.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, TimeUnit};

use crate::flow::schema::{Column, ColumnKind};

/// The field of a column, with its unit and what it is.
pub(super) fn of_column(column: &Column) -> Field {
    let mut metadata = HashMap::from([("description".to_owned(), column.doc.to_owned())]);
    if !column.unit.is_empty() {
        metadata.insert("unit".to_owned(), column.unit.to_owned());
    }
    let data_type = if column.kind == ColumnKind::Text && column.repeats() { names() } else { of_kind(column.kind) };
    Field::new(column.name, data_type, column.nullable).with_metadata(metadata)
}

/// The field of a metric; its values may always be null.
pub(super) fn of_metric(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

/// The type of what cells of this kind hold.
pub(super) fn of_kind(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Bool => DataType::Boolean,
        ColumnKind::U8 => DataType::UInt8,
        ColumnKind::U16 => DataType::UInt16,
        ColumnKind::U32 => DataType::UInt32,
        ColumnKind::U64 => DataType::UInt64,
        ColumnKind::I64 => DataType::Int64,
        ColumnKind::F64 => DataType::Float64,
        ColumnKind::Text => DataType::Utf8,
        ColumnKind::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into())),
        ColumnKind::Duration => DataType::Duration(TimeUnit::Nanosecond),
        ColumnKind::ListU8 => list(DataType::UInt8),
        ColumnKind::ListU16 => list(DataType::UInt16),
        ColumnKind::ListU32 => list(DataType::UInt32),
        ColumnKind::ListI64 => list(DataType::Int64),
        ColumnKind::ListText => list(DataType::Utf8),
        ColumnKind::ListBool => list(DataType::Boolean),
        ColumnKind::ListF64 => list(DataType::Float64),
    }
}

/// Several of these.
pub(super) fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

/// Names that repeat: each once in a dictionary, and a number a row.
fn names() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// The zone of all times.
pub(super) const UTC: &str = "UTC";
