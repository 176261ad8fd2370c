//! Parquet, and Arrow's file and stream, read back.
//!
//! Their readers take some of what a damaged file says for granted and panic. What is known to do so is looked at before; the
//! rest is caught, and told as the damage that it is.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufRead, BufReader};

use arrow_ipc::reader::{FileReader, StreamReader};
use flowgauge::export::arrow::arrow_array::cast::AsArray;
use flowgauge::export::arrow::arrow_array::{Array, ArrayRef, RecordBatch, types};
use flowgauge::export::arrow::arrow_schema::{ArrowError, DataType, Schema, TimeUnit};
use flowgauge::flow::StoredCell;
use flowgauge::flow::schema::{Column, ColumnKind};
use flowgauge::{Timestamp, Value};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use super::messages::{self, Messages};
use super::quiet;
use super::{Cell, Layout, Opened, Place, ROWS, Rows};

/// Batches, and what is left of the last one.
struct Columnar<B> {
    batches: B,
    rest: Option<RecordBatch>,
}

pub(super) fn parquet(file: File) -> Result<Opened, String> {
    let bytes = file.metadata().map_err(|error| format!("cannot read it: {error}"))?.len();
    let builder = guarded(|| ParquetRecordBatchReaderBuilder::try_new(file))?;
    if !lies_within(builder.metadata(), bytes) {
        return Err(damaged("a column lies outside of the file"));
    }
    let layout = layout(builder.schema())?;
    let batches = guarded(|| builder.with_batch_size(ROWS).build())?;
    Ok((layout, Box::new(Columnar { batches, rest: None })))
}

pub(super) fn file(mut file: File) -> Result<Opened, String> {
    if !guarded(|| messages::check_file(&mut file))? {
        return Err(damaged("a length in it cannot be"));
    }
    let batches = guarded(|| FileReader::try_new(BufReader::new(file), None))?;
    Ok((layout(&batches.schema())?, Box::new(Columnar { batches, rest: None })))
}

pub(super) fn stream(input: impl BufRead + 'static) -> Result<Opened, String> {
    let batches = guarded(|| StreamReader::try_new(Messages::new(input), None))?;
    Ok((layout(&batches.schema())?, Box::new(Columnar { batches, rest: None })))
}

fn layout(schema: &Schema) -> Result<Layout, String> {
    let names = schema.fields().iter().map(|field| field.name().clone()).collect();
    let mut layout = Layout::new(names, false)?;
    let fields = schema.fields().iter().zip(&layout.places);
    let kinds = fields.filter(|(_, place)| matches!(place, Place::Metric)).map(|(field, _)| kind(field.data_type()));
    layout.kinds = kinds.collect();
    Ok(layout)
}

/// What a metric's values are, so that they are that in the next file too.
fn kind(data_type: &DataType) -> Option<ColumnKind> {
    Some(match data_type {
        DataType::Boolean => ColumnKind::Bool,
        DataType::Int64 => ColumnKind::I64,
        DataType::Float64 => ColumnKind::F64,
        DataType::Utf8 => ColumnKind::Text,
        DataType::List(item) => match item.data_type() {
            DataType::Boolean => ColumnKind::ListBool,
            DataType::Int64 => ColumnKind::ListI64,
            DataType::Float64 => ColumnKind::ListF64,
            _ => return None,
        },
        _ => return None,
    })
}

impl<B: Iterator<Item = Result<RecordBatch, ArrowError>>> Rows for Columnar<B> {
    fn next_rows(&mut self, layout: &Layout) -> Result<Vec<Vec<Cell>>, String> {
        let batch = loop {
            let batch = match self.rest.take() {
                Some(rest) => rest,
                None => match guarded(|| self.batches.next().transpose())? {
                    Some(batch) => batch,
                    None => return Ok(Vec::new()),
                },
            };
            if batch.num_rows() > 0 {
                break batch;
            }
        };
        if batch.num_rows() > MOST_NULLS && batch.columns().iter().all(|array| *array.data_type() == DataType::Null) {
            return Err(damaged("it says that it has more rows than anybody counted"));
        }
        let widest = batch.columns().iter().map(widest).max().unwrap_or_default();
        let here = batch.num_rows().min(ROWS).min((HEAVY / widest.max(1)).max(1));
        if here < batch.num_rows() {
            self.rest = Some(batch.slice(here, batch.num_rows() - here));
        }
        if batch.num_columns() != layout.places.len() {
            return Err(damaged("its batches have other columns than it says"));
        }
        let mut rows: Vec<Vec<Cell>> = (0..here).map(|_| Vec::with_capacity(layout.places.len())).collect();
        for (index, place) in layout.places.iter().enumerate() {
            let array = batch.column(index).slice(0, here);
            let name = &layout.names[index];
            let told = || format!("{name:?} has a type that is not read: {}", array.data_type());
            match place {
                Place::Column(column, _) => {
                    let cells = cells(&array, column).ok_or_else(told)?;
                    rows.iter_mut().zip(cells).for_each(|(row, cell)| row.push(Cell::Column(cell)));
                }
                Place::Metric => {
                    let values = values(&array).ok_or_else(told)?;
                    rows.iter_mut().zip(values).for_each(|(row, value)| row.push(Cell::Metric(value)));
                }
            }
        }
        Ok(rows)
    }
}

/// The cells of a column, whose type is the table's or one that holds the same.
fn cells(array: &ArrayRef, column: &Column) -> Option<Vec<StoredCell>> {
    let cell = |value: Value| match (column.kind, value) {
        (_, Value::Null) => Some(StoredCell::Null),
        (ColumnKind::Bool, Value::Bool(truth)) => Some(StoredCell::Bool(truth)),
        (ColumnKind::I64, Value::Int(number)) => Some(StoredCell::Int(number)),
        (ColumnKind::F64, Value::Float(number)) => Some(StoredCell::Float(number)),
        (ColumnKind::Text, Value::Text(text)) => Some(StoredCell::Text(text)),
        (ColumnKind::U8 | ColumnKind::U16 | ColumnKind::U32 | ColumnKind::U64, Value::Int(number)) => {
            u64::try_from(number).ok().map(StoredCell::Uint)
        }
        (ColumnKind::ListText, Value::List(items)) => {
            let text = |item| if let Value::Text(text) = item { Some(text) } else { None };
            items.into_iter().map(text).collect::<Option<_>>().map(StoredCell::Texts)
        }
        (_, Value::List(items)) => {
            let int = |item| if let Value::Int(number) = item { Some(number) } else { None };
            items.into_iter().map(int).collect::<Option<_>>().map(StoredCell::List)
        }
        _ => None,
    };
    match (column.kind, array.data_type()) {
        // Larger than what a metric may be.
        (ColumnKind::U64, DataType::UInt64) => {
            let numbers = array.as_primitive::<types::UInt64Type>();
            Some(numbers.iter().map(|number| number.map_or(StoredCell::Null, StoredCell::Uint)).collect())
        }
        (ColumnKind::Time, DataType::Timestamp(unit, _)) => {
            let cell = |nanos: i64| StoredCell::Time(Timestamp::from_nanos(nanos));
            of_times(
                &ticks::<types::TimestampNanosecondType, types::TimestampMicrosecondType>(array, *unit)?,
                *unit,
                |nanos| Some(cell(nanos)),
            )
        }
        (ColumnKind::Duration, DataType::Duration(unit)) => {
            let ticks = ticks::<types::DurationNanosecondType, types::DurationMicrosecondType>(array, *unit)?;
            of_times(&ticks, *unit, |nanos| u64::try_from(nanos).ok().map(StoredCell::Duration))
        }
        (ColumnKind::Time | ColumnKind::Duration, _) => None,
        _ => values(array)?.into_iter().map(cell).collect(),
    }
}

/// Numbers of a unit that files of ours, or of tools that wrote them again, have.
fn ticks<N, M>(array: &ArrayRef, unit: TimeUnit) -> Option<Vec<Option<i64>>>
where
    N: types::ArrowPrimitiveType<Native = i64>,
    M: types::ArrowPrimitiveType<Native = i64>,
{
    match unit {
        TimeUnit::Nanosecond => Some(array.as_primitive_opt::<N>()?.iter().collect()),
        TimeUnit::Microsecond => Some(array.as_primitive_opt::<M>()?.iter().collect()),
        _ => None,
    }
}

fn of_times(
    ticks: &[Option<i64>],
    unit: TimeUnit,
    cell: impl Fn(i64) -> Option<StoredCell>,
) -> Option<Vec<StoredCell>> {
    let nanos = if unit == TimeUnit::Nanosecond { 1 } else { 1_000 };
    let cell = |tick: &Option<i64>| tick.map_or(Some(StoredCell::Null), |tick| cell(tick.checked_mul(nanos)?));
    ticks.iter().map(cell).collect()
}

/// The values of any column; `None` for a type that no column of ours has, and for what a value cannot hold.
fn values(array: &ArrayRef) -> Option<Vec<Value>> {
    macro_rules! numbers {
        ($kind:ident) => {
            array
                .as_primitive::<types::$kind>()
                .iter()
                .map(|number| match number {
                    None => Some(Value::Null),
                    Some(number) => i64::try_from(number).ok().map(Value::Int),
                })
                .collect()
        };
    }
    let text = |text: Option<&str>| Value::from(text.map(str::to_owned));
    match array.data_type() {
        DataType::Null => Some(vec![Value::Null; array.len()]),
        DataType::Boolean => Some(array.as_boolean().iter().map(Value::from).collect()),
        DataType::Int8 => numbers!(Int8Type),
        DataType::Int16 => numbers!(Int16Type),
        DataType::Int32 => numbers!(Int32Type),
        DataType::Int64 => numbers!(Int64Type),
        DataType::UInt8 => numbers!(UInt8Type),
        DataType::UInt16 => numbers!(UInt16Type),
        DataType::UInt32 => numbers!(UInt32Type),
        DataType::UInt64 => numbers!(UInt64Type),
        DataType::Float64 => Some(array.as_primitive::<types::Float64Type>().iter().map(Value::from).collect()),
        DataType::Utf8 => Some(array.as_string::<i32>().iter().map(text).collect()),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().iter().map(text).collect()),
        DataType::Utf8View => Some(array.as_string_view().iter().map(text).collect()),
        DataType::Binary => {
            Some(array.as_binary::<i32>().iter().map(|bytes| Value::from(bytes.map(<[u8]>::to_vec))).collect())
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary_opt()?;
            let names = values(dictionary.values())?;
            let keys = if names.is_empty() { vec![0; array.len()] } else { dictionary.normalized_keys() };
            let value = |(row, key): (usize, usize)| {
                if dictionary.keys().is_null(row) { Some(Value::Null) } else { names.get(key).cloned() }
            };
            keys.into_iter().enumerate().map(value).collect()
        }
        DataType::List(item) if is_flat(item.data_type()) => {
            let lists = array.as_list::<i32>();
            let offsets: &[i32] = lists.offsets();
            let count = offsets.last().zip(offsets.first()).map_or(0, |(last, first)| last.saturating_sub(*first));
            // Nulls take no bytes, so that a file may state any number of them.
            if *item.data_type() == DataType::Null && count as usize > MOST_NULLS {
                return None;
            }
            lists.iter().map(|list| list.map_or(Some(Value::Null), |list| values(&list).map(Value::List))).collect()
        }
        _ => None,
    }
}

/// Whether each of its values lies in the array itself, and once.
fn is_flat(item: &DataType) -> bool {
    !item.is_nested() && !matches!(item, DataType::Dictionary(..) | DataType::Utf8View)
}

/// Bytes of the longest text that several rows may share, so that each of them gets a copy.
fn widest(array: &ArrayRef) -> usize {
    let longest = |texts: &ArrayRef| match texts.data_type() {
        DataType::Utf8 => texts.as_string::<i32>().iter().flatten().map(str::len).max(),
        DataType::LargeUtf8 => texts.as_string::<i64>().iter().flatten().map(str::len).max(),
        _ => None,
    };
    let longest = match array.data_type() {
        DataType::Dictionary(..) => array.as_any_dictionary_opt().and_then(|array| longest(array.values())),
        DataType::Utf8View => array.as_string_view().iter().flatten().map(str::len).max(),
        _ => None,
    };
    longest.unwrap_or_default()
}

/// Whether every column lies where there are bytes.
fn lies_within(metadata: &ParquetMetaData, bytes: u64) -> bool {
    let lies_within = |column: &ColumnChunkMetaData| {
        let begins = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let range = u64::try_from(begins).ok().zip(u64::try_from(column.compressed_size()).ok());
        let end = range.and_then(|(begins, size)| begins.checked_add(size));
        column.data_page_offset() >= 0 && end.is_some_and(|end| end <= bytes)
    };
    metadata.row_groups().iter().flat_map(|group| group.columns()).all(lies_within)
}

/// What another crate's reader says of a file.
fn guarded<T, E: Display>(read: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match quiet::caught(read) {
        Ok(read) => read.map_err(|error| damaged(&error.to_string())),
        Err(_) => Err(damaged("what it says of itself cannot be")),
    }
}

fn damaged(words: &str) -> String {
    format!("it is damaged: {words}")
}

/// Nulls that may come without a byte for each.
const MOST_NULLS: usize = 1 << 20;
/// Bytes of shared texts in the rows that are read at once.
const HEAVY: usize = 64 << 20;
