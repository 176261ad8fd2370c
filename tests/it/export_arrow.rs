//! Flows as Arrow columns: cell by cell what the records say, with the types of the table of columns.

use std::sync::Arc;

use flowgauge::export::arrow::Columns;
use flowgauge::export::arrow::arrow_array::cast::AsArray;
use flowgauge::export::arrow::arrow_array::types::{
    DurationNanosecondType, Float64Type, Int32Type, Int64Type, TimestampNanosecondType,
};
use flowgauge::export::arrow::arrow_array::types::{UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use flowgauge::export::arrow::arrow_array::{Array, RecordBatch};
use flowgauge::export::arrow::arrow_schema::{DataType, TimeUnit};
use flowgauge::expr::Expr;
use flowgauge::flow::schema::{Cell, ColumnKind, Needs, Schema, columns};
use flowgauge::{Error, FlowRecord, Metric, Streamer, Value};

use crate::support::run::own;

/// Everything that can be turned on.
fn everything(streamer: Streamer) -> Streamer {
    streamer.statistics(true).splt(5).application_fields(true).tcp_analysis(true)
}

fn collected(streamer: Streamer) -> (Schema, Vec<FlowRecord>) {
    let mut flows = streamer.start().unwrap();
    let mut records = Vec::new();
    while let Some(mut more) = flows.next_many().unwrap() {
        assert!(!more.is_empty());
        records.append(&mut more);
    }
    flows.report().check().unwrap();
    (flows.schema().clone(), records)
}

fn batch(schema: &Schema, records: &[FlowRecord]) -> RecordBatch {
    let mut columns = Columns::new(schema);
    for part in records.chunks(3) {
        columns.append(part).unwrap();
    }
    assert_eq!(columns.rows(), records.len());
    columns.finish().unwrap()
}

/// What a cell of an array says, in the words of a record's.
fn cell(array: &dyn Array, row: usize) -> Cell<'_> {
    if array.is_null(row) {
        return Cell::Null;
    }
    match array.data_type() {
        DataType::Boolean => Cell::Bool(array.as_boolean().value(row)),
        DataType::UInt8 => Cell::Uint(array.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => Cell::Uint(array.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => Cell::Uint(array.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => Cell::Uint(array.as_primitive::<UInt64Type>().value(row)),
        DataType::Int64 => Cell::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Cell::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Cell::Text(array.as_string::<i32>().value(row).into()),
        DataType::Dictionary(..) => {
            let names = array.as_dictionary::<Int32Type>();
            let key = usize::try_from(names.keys().value(row)).unwrap();
            Cell::Text(names.values().as_string::<i32>().value(key).into())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, Some(zone)) if &**zone == "UTC" => {
            let nanos = array.as_primitive::<TimestampNanosecondType>().value(row);
            Cell::Time(flowgauge::Timestamp::from_nanos(nanos))
        }
        DataType::Duration(TimeUnit::Nanosecond) => {
            let nanos = array.as_primitive::<DurationNanosecondType>().value(row);
            Cell::Duration(u64::try_from(nanos).unwrap())
        }
        DataType::List(_) => list(array.as_list::<i32>().value(row)),
        other => panic!("no column is {other}"),
    }
}

fn list(items: Arc<dyn Array>) -> Cell<'static> {
    if let Some(texts) = items.as_string_opt::<i32>() {
        // Told apart from numbers by the brackets' content alone, which is enough here.
        return Cell::Text(format!("{:?}", texts.iter().flatten().collect::<Vec<_>>()).into());
    }
    let numbers = (0..items.len()).map(|row| match cell(&items, row) {
        Cell::Uint(number) => i64::try_from(number).unwrap(),
        Cell::Int(number) => number,
        other => panic!("no list holds {other:?}"),
    });
    Cell::List(numbers.collect())
}

fn told(cell: Cell<'_>) -> Cell<'_> {
    match cell {
        Cell::Ip(address) => Cell::Text(address.to_string().into()),
        Cell::Texts(texts) => Cell::Text(format!("{texts:?}").into()),
        other => other,
    }
}

#[test]
fn every_cell_is_that_of_the_record() {
    let mut rows = 0;
    for capture in own() {
        let streamer = everything(Streamer::from_file(&capture));
        let mut flows = match streamer.start() {
            Ok(flows) => flows,
            // Some captures of ours are none, on purpose.
            Err(_) => continue,
        };
        let records: Vec<_> = flows.by_ref().map_while(Result::ok).collect();
        let schema = flows.schema().clone();
        let batch = batch(&schema, &records);
        assert_eq!((batch.num_rows(), batch.num_columns()), (records.len(), columns().count()));
        for (column, array) in columns().zip(batch.columns()) {
            for (row, record) in records.iter().enumerate() {
                assert_eq!(cell(array, row), told(column.get(record)), "{} of {capture:?}", column.name);
            }
        }
        rows += records.len();
    }
    assert!(rows > 100, "{rows}");
}

#[test]
fn fields_say_type_unit_and_what_they_are() {
    let options = [Needs::Statistics, Needs::Splt, Needs::ApplicationFields, Needs::TcpAnalysis];
    let schema = Columns::new(&Schema::new(&options, Arc::default())).schema().unwrap();
    assert_eq!(schema.fields().len(), columns().count());
    for (field, column) in schema.fields().iter().zip(columns()) {
        assert_eq!((field.name().as_str(), field.is_nullable()), (column.name, column.nullable));
        assert_eq!(field.metadata()["description"], column.doc);
        assert_eq!(field.metadata().get("unit").map_or("", String::as_str), column.unit);
    }
    let of = |name| schema.field_with_name(name).unwrap().data_type().clone();
    assert_eq!(of("src_port"), DataType::UInt16);
    assert_eq!(of("start_time"), DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())));
    assert_eq!(of("duration"), DataType::Duration(TimeUnit::Nanosecond));
    assert_eq!(of("ip_src"), DataType::Utf8);
    assert_eq!(of("application_name"), DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into()));
    assert!(matches!(of("splt_gap"), DataType::List(item) if *item.data_type() == DataType::Int64));
    let kinds: Vec<_> = columns().map(|column| column.kind).collect();
    assert!(kinds.contains(&ColumnKind::ListText));
}

fn story() -> Streamer {
    let path = own().into_iter().find(|path| path.ends_with("story.pcap")).unwrap();
    Streamer::from_file(path).n_dissections(0).workers(0)
}

#[test]
fn columns_are_those_asked_for_in_that_order() {
    let (schema, records) = collected(story().metric("n", Metric::fold(|| 0i64, |n, _, _| *n += 1)));
    let mut chosen = Columns::of(&schema, ["n", "pkts", "ip_src"]).unwrap();
    chosen.append(&records).unwrap();
    let batch = chosen.finish().unwrap();
    let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["n", "pkts", "ip_src"]);
    let pkts: Vec<_> = batch.column(1).as_primitive::<UInt64Type>().values().iter().map(|n| *n as i64).collect();
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values()[..], pkts[..]);
    for names in [vec!["nonsense"], vec!["pkts", "pkts"], vec!["size_min"]] {
        assert!(matches!(Columns::of(&schema, &names), Err(Error::Column { .. })), "{names:?}");
    }
    let mut none = Columns::of(&schema, [""; 0]).unwrap();
    none.append(&records).unwrap();
    assert_eq!(none.finish().unwrap().num_rows(), records.len());
}

#[test]
fn expressions_have_their_type_before_any_flow() {
    let mut streamer = story();
    for (name, text) in [
        ("truth", "packet.tcp_syn.any()"),
        ("whole", "packet.size.sum()"),
        ("part", "packet.size.mean()"),
        ("wholes", "packet.size.first(2)"),
        ("truths", "packet.tcp_syn.first(2)"),
        ("parts", "(packet.size / 2).first(2)"),
    ] {
        streamer = streamer.expression(name, Expr::parse(text).unwrap());
    }
    let (schema, records) = collected(streamer);
    let columns = Columns::of(&schema, schema.metrics()).unwrap();
    let types: Vec<_> = columns.schema().unwrap().fields().iter().map(|field| field.data_type().to_string()).collect();
    let batch = {
        let mut columns = columns;
        columns.append(&records).unwrap();
        columns.finish().unwrap()
    };
    let after: Vec<_> = batch.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
    assert_eq!(types, after);
    assert_eq!(types[..3], ["Boolean", "Int64", "Float64"]);
    for (row, record) in records.iter().enumerate() {
        let Some(Value::List(parts)) = record.metrics.get("parts") else { panic!("no list") };
        let parts: Vec<_> =
            parts.iter().map(|part| if let Value::Float(part) = part { *part } else { panic!() }).collect();
        assert_eq!(batch.column(5).as_list::<i32>().value(row).as_primitive::<Float64Type>().values()[..], parts[..]);
        assert_eq!(
            Value::Int(batch.column(1).as_primitive::<Int64Type>().value(row)),
            *record.metrics.get("whole").unwrap()
        );
    }
}

/// The records of a capture of ours with a metric that takes these values, one after another.
fn yielding(values: Vec<Value>) -> (Schema, Vec<FlowRecord>) {
    let (schema, mut records) = collected(story().metric("x", Metric::fold(|| Value::Null, |_, _, _| {})));
    records.truncate(values.len());
    assert_eq!(records.len(), values.len());
    for (record, value) in records.iter_mut().zip(values) {
        record.metrics = flowgauge::flow::Metrics::new(Arc::from(["x".to_owned()]), vec![value]);
    }
    (schema, records)
}

#[test]
fn what_the_users_code_yields_has_the_type_of_its_values() {
    for (values, wanted) in [
        (vec![true.into(), Value::Null], "Boolean"),
        (vec![1.into(), 2.into()], "Int64"),
        (vec![1.into(), 2.5.into()], "Float64"),
        (vec!["a".into(), Value::Null], "Utf8"),
        (vec![vec![1u8].into(), vec![2u8].into()], "Binary"),
        (vec![Value::Null, Value::Null], "Null"),
        (vec![Value::List(vec![1.into()]), Value::List(vec![Value::Null, 2.5.into()])], "List(Float64)"),
        (vec![true.into(), 1.into()], "Utf8"),
    ] {
        let (schema, records) = yielding(values.clone());
        let mut columns = Columns::of(&schema, ["x"]).unwrap();
        assert!(columns.schema().is_err());
        columns.append(&records).unwrap();
        let batch = columns.finish().unwrap();
        assert_eq!(batch.column(0).data_type().to_string(), wanted, "{values:?}");
        assert_eq!(columns.schema().unwrap(), batch.schema());
        let nulls = values.iter().filter(|value| **value == Value::Null).count();
        assert_eq!(batch.column(0).logical_null_count(), nulls);
    }
}

#[test]
fn what_was_null_only_is_told_as_json_where_more_may_follow() {
    for first in [Value::Null, Value::List(Vec::new()), Value::List(vec![Value::Null])] {
        for second in [Value::from(7), "a".into(), Value::List(vec![2.5.into()]), Value::Null] {
            let (schema, records) = yielding(vec![first.clone(), second.clone()]);
            let mut columns = Columns::of(&schema, ["x"]).unwrap();
            columns.append(&records[..1]).unwrap();
            let batch = columns.finish_part().unwrap();
            assert_eq!(batch.column(0).is_null(0), first == Value::Null);
            columns.append(&records[1..]).unwrap();
            let other = columns.finish().unwrap();
            assert_eq!((batch.schema(), other.column(0).data_type()), (other.schema(), &DataType::Utf8));
            assert_eq!(other.column(0).is_null(0), second == Value::Null);
            if second == Value::from(7) {
                assert_eq!(other.column(0).as_string::<i32>().value(0), "7");
            }
        }
    }
    // What is known is kept.
    let (schema, records) = yielding(vec![Value::List(vec![1.into(), Value::Null])]);
    let mut columns = Columns::of(&schema, ["x"]).unwrap();
    columns.append(&records).unwrap();
    assert_eq!(columns.finish_part().unwrap().column(0).data_type().to_string(), "List(Int64)");
}

#[test]
fn values_without_a_type_in_common_are_json_and_still_to_be_had() {
    let values = vec![Value::from(vec![1u8]), Value::List(vec![1.into(), "x".into()])];
    let (schema, records) = yielding(values.clone());
    let mut columns = Columns::of(&schema, ["x"]).unwrap();
    columns.append(&records).unwrap();
    let batch = columns.finish().unwrap();
    let texts: Vec<_> = batch.column(0).as_string::<i32>().iter().map(Option::unwrap).collect();
    assert_eq!(texts, [r#""01""#, r#"[1, "x"]"#]);
    assert_eq!(columns.take_mixed(), [("x".to_owned(), values)]);
    assert_eq!(columns.take_mixed(), []);
}

#[test]
fn another_type_in_a_later_batch_is_an_error_that_names_the_way_out() {
    let (schema, records) = yielding(vec![1.into(), "x".into()]);
    let mut columns = Columns::new(&schema);
    columns.append(&records[..1]).unwrap();
    columns.finish().unwrap();
    columns.append(&records[1..]).unwrap();
    let error = columns.finish().unwrap_err().to_string();
    assert!(error.starts_with("column \"x\": was int64 in the first batch and is text now"), "{error}");
    assert!(error.contains("larger batches"), "{error}");

    let (schema, records) = yielding(vec![2.5.into(), 1.into()]);
    let mut columns = Columns::new(&schema);
    columns.append(&records[..1]).unwrap();
    columns.finish().unwrap();
    columns.append(&records[1..]).unwrap();
    let batch = columns.finish().unwrap();
    assert_eq!(batch.columns().last().unwrap().as_primitive::<Float64Type>().values()[..], [1.0]);
}

#[test]
fn after_a_batch_the_next_begins() {
    let (schema, records) = collected(story());
    let mut columns = Columns::of(&schema, ["pkts"]).unwrap();
    columns.append(&records).unwrap();
    let batch = columns.finish().unwrap();
    assert_eq!((batch.num_rows(), columns.rows(), columns.is_full()), (records.len(), 0, false));
    columns.append(&records[..1]).unwrap();
    assert_eq!(columns.finish().unwrap().num_rows(), 1);
    assert_eq!(columns.finish().unwrap().num_rows(), 0);
}
