//! A column that grows: what its cells are is decided once for many records.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, DurationNanosecondBuilder, Float64Builder, Int64Builder, ListBuilder,
    PrimitiveBuilder, StringBuilder, StringDictionaryBuilder, TimestampNanosecondBuilder, UInt8Builder, UInt16Builder,
    UInt32Builder, UInt64Builder,
};
use arrow_array::types::{ArrowPrimitiveType, Int32Type};

use crate::flow::Value;
use crate::flow::schema::{Cell, Column, ColumnKind};

use super::{AT_ONCE, LARGEST, Overflow, fields, text};

/// The cells of one column, by what they hold.
pub(super) enum Cells {
    Bool(BooleanBuilder),
    U8(UInt8Builder),
    U16(UInt16Builder),
    U32(UInt32Builder),
    U64(UInt64Builder),
    I64(Int64Builder),
    F64(Float64Builder),
    Text(StringBuilder),
    Names(StringDictionaryBuilder<Int32Type>),
    Time(TimestampNanosecondBuilder),
    Duration(DurationNanosecondBuilder),
    ListU8(ListBuilder<UInt8Builder>),
    ListU16(ListBuilder<UInt16Builder>),
    ListU32(ListBuilder<UInt32Builder>),
    ListI64(ListBuilder<Int64Builder>),
    ListF64(ListBuilder<Float64Builder>),
    ListBool(ListBuilder<BooleanBuilder>),
    ListText(ListBuilder<StringBuilder>),
}

impl Cells {
    pub(super) fn of_column(column: &Column) -> Self {
        if column.kind == ColumnKind::Text && column.repeats() {
            return Self::Names(StringDictionaryBuilder::new());
        }
        Self::of_kind(column.kind)
    }

    pub(super) fn of_kind(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Bool => Self::Bool(BooleanBuilder::new()),
            ColumnKind::U8 => Self::U8(UInt8Builder::new()),
            ColumnKind::U16 => Self::U16(UInt16Builder::new()),
            ColumnKind::U32 => Self::U32(UInt32Builder::new()),
            ColumnKind::U64 => Self::U64(UInt64Builder::new()),
            ColumnKind::I64 => Self::I64(Int64Builder::new()),
            ColumnKind::F64 => Self::F64(Float64Builder::new()),
            ColumnKind::Text => Self::Text(StringBuilder::new()),
            ColumnKind::Time => Self::Time(TimestampNanosecondBuilder::new().with_timezone(fields::UTC)),
            ColumnKind::Duration => Self::Duration(DurationNanosecondBuilder::new()),
            ColumnKind::ListU8 => Self::ListU8(ListBuilder::new(UInt8Builder::new())),
            ColumnKind::ListU16 => Self::ListU16(ListBuilder::new(UInt16Builder::new())),
            ColumnKind::ListU32 => Self::ListU32(ListBuilder::new(UInt32Builder::new())),
            ColumnKind::ListI64 => Self::ListI64(ListBuilder::new(Int64Builder::new())),
            ColumnKind::ListF64 => Self::ListF64(ListBuilder::new(Float64Builder::new())),
            ColumnKind::ListBool => Self::ListBool(ListBuilder::new(BooleanBuilder::new())),
            ColumnKind::ListText => Self::ListText(ListBuilder::new(StringBuilder::new())),
        }
    }

    /// Appends the cell that `get` reads off each row. What is absent is null, or 0 in a column that has no nulls.
    // A cell is looked at where `get` wrote it: handed on through an iterator it would be copied in other pieces than it was
    // written in, and the processor waits for that.
    pub(super) fn extend<'a, R>(
        &mut self,
        nullable: bool,
        rows: &'a [R],
        get: impl Fn(&'a R) -> Cell<'a>,
    ) -> Result<(), Overflow> {
        match self {
            Self::Bool(column) => {
                rows.iter().for_each(|row| column.append_option(truth(&get(row)).or((!nullable).then_some(false))));
            }
            Self::U8(column) => numbers(column, nullable, rows, get, |cell| uint(cell).map(|number| number as u8)),
            Self::U16(column) => numbers(column, nullable, rows, get, |cell| uint(cell).map(|number| number as u16)),
            Self::U32(column) => numbers(column, nullable, rows, get, |cell| uint(cell).map(|number| number as u32)),
            Self::U64(column) => numbers(column, nullable, rows, get, uint),
            Self::I64(column) => numbers(column, nullable, rows, get, int),
            Self::F64(column) => numbers(column, nullable, rows, get, float),
            Self::Time(column) => numbers(column, nullable, rows, get, time),
            Self::Duration(column) => numbers(column, nullable, rows, get, duration),
            Self::Text(column) => return text::texts(column, nullable, rows, get),
            Self::Names(column) => return text::names(column, nullable, rows, get),
            Self::ListU8(column) => return lists(column, rows, get, |number| number as u8),
            Self::ListU16(column) => return lists(column, rows, get, |number| number as u16),
            Self::ListU32(column) => return lists(column, rows, get, |number| number as u32),
            Self::ListI64(column) => return lists(column, rows, get, |number| number),
            Self::ListF64(column) => {
                return metric_lists(column, rows, get, |column, value| column.append_option(as_float(value)));
            }
            Self::ListBool(column) => {
                return metric_lists(column, rows, get, |column, value| column.append_option(as_truth(value)));
            }
            Self::ListText(column) => return text::lists(column, rows, get),
        }
        Ok(())
    }

    /// Hands out what is there and begins anew, but for the names of a dictionary if those are kept.
    pub(super) fn finish(&mut self, keep_names: bool) -> ArrayRef {
        match self {
            Self::Names(column) if keep_names => Arc::new(column.finish_preserve_values()),
            Self::Bool(column) => Arc::new(column.finish()),
            Self::U8(column) => Arc::new(column.finish()),
            Self::U16(column) => Arc::new(column.finish()),
            Self::U32(column) => Arc::new(column.finish()),
            Self::U64(column) => Arc::new(column.finish()),
            Self::I64(column) => Arc::new(column.finish()),
            Self::F64(column) => Arc::new(column.finish()),
            Self::Text(column) => Arc::new(column.finish()),
            Self::Names(column) => Arc::new(column.finish()),
            Self::Time(column) => Arc::new(column.finish()),
            Self::Duration(column) => Arc::new(column.finish()),
            Self::ListU8(column) => Arc::new(column.finish()),
            Self::ListU16(column) => Arc::new(column.finish()),
            Self::ListU32(column) => Arc::new(column.finish()),
            Self::ListI64(column) => Arc::new(column.finish()),
            Self::ListF64(column) => Arc::new(column.finish()),
            Self::ListBool(column) => Arc::new(column.finish()),
            Self::ListText(column) => Arc::new(column.finish()),
        }
    }

    /// Bytes of text, or items of lists; of both the larger number.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Text(column) => column.values_slice().len(),
            Self::ListU8(column) => column.values_ref().len(),
            Self::ListU16(column) => column.values_ref().len(),
            Self::ListU32(column) => column.values_ref().len(),
            Self::ListI64(column) => column.values_ref().len(),
            Self::ListF64(column) => column.values_ref().len(),
            Self::ListBool(column) => column.values_ref().len(),
            Self::ListText(column) => column.values_ref().values_slice().len().max(column.values_ref().len()),
            _ => 0,
        }
    }
}

/// Reads a few rows at a time into an array, so that a column grows by all of them at once.
fn numbers<'a, T: ArrowPrimitiveType, R>(
    column: &mut PrimitiveBuilder<T>,
    nullable: bool,
    rows: &'a [R],
    get: impl Fn(&'a R) -> Cell<'a>,
    read: impl Fn(&Cell<'a>) -> Option<T::Native>,
) {
    for rows in rows.chunks(AT_ONCE) {
        let mut numbers = [T::Native::default(); AT_ONCE];
        let mut known = [true; AT_ONCE];
        let mut are_known = true;
        for (row, (number, is_known)) in rows.iter().zip(numbers.iter_mut().zip(&mut known)) {
            let read = read(&get(row));
            *is_known = read.is_some();
            are_known &= *is_known;
            *number = read.unwrap_or_default();
        }
        if are_known || !nullable {
            column.append_slice(&numbers[..rows.len()]);
        } else {
            column.append_values(&numbers[..rows.len()], &known[..rows.len()]);
        }
    }
}

fn lists<'a, T: ArrowPrimitiveType, R>(
    column: &mut ListBuilder<PrimitiveBuilder<T>>,
    rows: &'a [R],
    get: impl Fn(&'a R) -> Cell<'a>,
    narrow: impl Fn(i64) -> T::Native,
) -> Result<(), Overflow> {
    for row in rows {
        let cell = get(row);
        match &cell {
            Cell::List(numbers) => {
                room(column.values_ref().len(), numbers.len())?;
                numbers.iter().for_each(|number| column.values().append_value(narrow(*number)));
            }
            Cell::Metric(Value::List(values)) => {
                room(column.values_ref().len(), values.len())?;
                values.iter().for_each(|value| column.values().append_option(as_int(value).map(&narrow)));
            }
            _ => {}
        }
        column.append(matches!(cell, Cell::List(_) | Cell::Metric(Value::List(_))));
    }
    Ok(())
}

fn metric_lists<'a, B: ArrayBuilder, R>(
    column: &mut ListBuilder<B>,
    rows: &'a [R],
    get: impl Fn(&'a R) -> Cell<'a>,
    push: impl Fn(&mut B, &Value),
) -> Result<(), Overflow> {
    for row in rows {
        let Cell::Metric(Value::List(values)) = get(row) else {
            column.append(false);
            continue;
        };
        room(column.values_ref().len(), values.len())?;
        values.iter().for_each(|value| push(column.values(), value));
        column.append(true);
    }
    Ok(())
}

/// Whether so many more fit behind these.
pub(super) fn room(held: usize, more: usize) -> Result<(), Overflow> {
    if held.saturating_add(more) <= LARGEST { Ok(()) } else { Err(Overflow) }
}

fn truth(cell: &Cell<'_>) -> Option<bool> {
    match cell {
        Cell::Bool(truth) => Some(*truth),
        Cell::Metric(value) => as_truth(value),
        _ => None,
    }
}

fn uint(cell: &Cell<'_>) -> Option<u64> {
    if let Cell::Uint(number) = cell { Some(*number) } else { None }
}

fn int(cell: &Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Int(number) => Some(*number),
        Cell::Metric(value) => as_int(value),
        _ => None,
    }
}

fn float(cell: &Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Float(number) => Some(*number),
        Cell::Metric(value) => as_float(value),
        _ => None,
    }
}

fn time(cell: &Cell<'_>) -> Option<i64> {
    if let Cell::Time(stamp) = cell { Some(stamp.as_nanos()) } else { None }
}

/// Spans that are too long for 63 bits are the longest there is.
fn duration(cell: &Cell<'_>) -> Option<i64> {
    let Cell::Duration(nanos) = cell else { return None };
    Some(i64::try_from(*nanos).unwrap_or(i64::MAX))
}

fn as_truth(value: &Value) -> Option<bool> {
    if let Value::Bool(truth) = value { Some(*truth) } else { None }
}

fn as_int(value: &Value) -> Option<i64> {
    if let Value::Int(number) = value { Some(*number) } else { None }
}

/// Whole numbers are numbers too, rounded to 53 bits.
fn as_float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        Value::Int(number) => Some(*number as f64),
        _ => None,
    }
}
