//! Files of columns, read back by other code: what they hold is what the records say.

use std::fs::File;
use std::io::{Seek, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_ipc::reader::{FileReader, StreamReader};
use flowgauge::export::Exporter;
use flowgauge::export::arrow::arrow_array::RecordBatch;
use flowgauge::export::arrow::arrow_schema::{DataType, SchemaRef};
use flowgauge::export::arrow::{Columns, IpcExporter};
use flowgauge::export::parquet::ParquetExporter;
use flowgauge::flow::schema::Schema;
use flowgauge::{Error, FlowRecord, Metric, Streamer, Value};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::run::own;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Parquet,
    File,
    Stream,
}

const FORMS: [Form; 3] = [Form::Parquet, Form::File, Form::Stream];

fn exporter<'a>(form: Form, name: &str, out: impl Write + 'a, columns: Columns, rows: usize) -> Box<dyn Exporter + 'a> {
    match form {
        Form::Parquet => Box::new(ParquetExporter::new(name, out, columns).row_group_rows(rows)),
        Form::File => Box::new(IpcExporter::file(name, out, columns).batch_rows(rows)),
        Form::Stream => Box::new(IpcExporter::stream(name, out, columns).batch_rows(rows)),
    }
}

/// What a reader that is not ours finds in a file.
fn read(form: Form, mut file: File) -> (SchemaRef, Vec<RecordBatch>) {
    file.rewind().unwrap();
    match form {
        Form::Parquet => {
            let open = || ParquetRecordBatchReaderBuilder::try_new(file.try_clone().unwrap()).unwrap();
            // One after the other, so that it is seen what a row group holds.
            let batches = (0..open().metadata().num_row_groups()).map(|group| {
                let mut reader = open().with_row_groups(vec![group]).with_batch_size(1 << 20).build().unwrap();
                let batch = reader.next().unwrap().unwrap();
                assert!(reader.next().is_none());
                batch
            });
            (Arc::clone(open().schema()), batches.collect())
        }
        Form::File => {
            let reader = FileReader::try_new(file, None).unwrap();
            (reader.schema(), reader.map(Result::unwrap).collect())
        }
        Form::Stream => {
            let reader = StreamReader::try_new(file, None).unwrap();
            (reader.schema(), reader.map(Result::unwrap).collect())
        }
    }
}

fn written(form: Form, schema: &Schema, records: &[FlowRecord], rows: usize) -> (SchemaRef, Vec<RecordBatch>) {
    let mut file = tempfile::tempfile().unwrap();
    let mut exporter = exporter(form, "flows", &mut file, Columns::new(schema), rows);
    let (many, one) = records.split_at(records.len() / 2);
    exporter.export_many(many).unwrap();
    one.iter().for_each(|record| exporter.export(record).unwrap());
    exporter.finish().unwrap();
    // Whoever finishes twice has the file all the same, and nothing comes behind its end.
    exporter.finish().unwrap();
    if let Some(record) = records.first() {
        let error = exporter.export(record).unwrap_err().to_string();
        assert_eq!(error, "cannot write flows: it has its end already");
    }
    drop(exporter);
    read(form, file)
}

fn run(streamer: Streamer) -> (Schema, Vec<FlowRecord>) {
    let mut flows = streamer.start().unwrap();
    let mut records = Vec::new();
    while let Some(mut more) = flows.next_many().unwrap() {
        records.append(&mut more);
    }
    (flows.schema().clone(), records)
}

fn capture(name: &str) -> Streamer {
    let path = own().into_iter().find(|path| path.ends_with(name)).unwrap();
    Streamer::from_file(path).n_dissections(0).workers(0)
}

#[test]
fn what_is_read_back_is_what_the_records_say() {
    let (mut pieces, mut rows) = (0, 0);
    for path in own() {
        let streamer = Streamer::from_file(&path).statistics(true).splt(3).application_fields(true).tcp_analysis(true);
        // Some captures of ours are none, on purpose.
        let Ok(mut flows) = streamer.start() else { continue };
        let records: Vec<_> = flows.by_ref().map_while(Result::ok).collect();
        let schema = flows.schema().clone();
        let mut columns = Columns::new(&schema);
        columns.append(&records).unwrap();
        let all = columns.finish().unwrap();
        for form in FORMS {
            let (schema, batches) = written(form, &schema, &records, 7);
            assert_eq!(schema, all.schema(), "{form:?} of {path:?}");
            assert_eq!(batches.len(), records.len().div_ceil(7));
            let mut from = 0;
            for batch in &batches {
                let wanted = all.slice(from, batch.num_rows());
                for (index, field) in schema.fields().iter().enumerate() {
                    assert_eq!(batch.column(index), wanted.column(index), "{} in {form:?} of {path:?}", field.name());
                }
                from += batch.num_rows();
            }
            assert_eq!(from, records.len());
            pieces += batches.len();
        }
        rows += records.len();
    }
    assert!(rows > 100 && pieces > 60, "{rows} {pieces}");
}

#[test]
fn no_flows_make_a_file_with_types() {
    let (schema, _) = run(capture("story.pcap").metric("n", Metric::fold(|| 0i64, |n, _, _| *n += 1)));
    for form in FORMS {
        let (read, batches) = written(form, &schema, &[], 100);
        assert_eq!(batches.len(), 0);
        assert_eq!(read.fields().len(), schema.names().count());
        assert_eq!(*read.field_with_name("src_port").unwrap().data_type(), DataType::UInt16);
        assert!(read.field_with_name("src_to_dst_bytes").unwrap().metadata()["unit"] == "bytes");
        assert_eq!(*read.field_with_name("n").unwrap().data_type(), DataType::Null);
    }
}

#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let (schema, records) = run(capture("story.pcap"));
    for form in FORMS {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut exporter = exporter(form, "a/b.flows", full, Columns::new(&schema), 1);
        let error = exporter.export_many(&records).unwrap_err();
        assert_eq!(error.to_string(), "cannot write a/b.flows: No space left on device (os error 28)");
        let Error::Write { source, .. } = error else { panic!("{error:?}") };
        assert_eq!(source.raw_os_error(), Some(28), "{form:?}");
        // What is held back until the end is not lost in silence either.
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut exporter = self::exporter(form, "a/b.flows", full, Columns::new(&schema), 1_000);
        exporter.export_many(&records).unwrap();
        assert!(matches!(exporter.finish().unwrap_err(), Error::Write { .. }), "{form:?}");
    }
}

#[test]
fn a_metric_that_changes_its_type_is_named() {
    let begun = AtomicUsize::new(0);
    let init =
        move || if begun.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) { Value::from(1) } else { "text".into() };
    let (schema, records) = run(capture("story.pcap").metric("odd", Metric::fold(init, |_, _, _| {})));
    let with = |wanted: Value| {
        let is_it = |record: &&FlowRecord| record.metrics.iter().any(|(_, value)| *value == wanted);
        records.iter().find(is_it).unwrap()
    };
    let (int, text) = (with(1.into()), with("text".into()));
    for form in FORMS {
        let mut file = tempfile::tempfile().unwrap();
        let mut exporter = exporter(form, "flows", &mut file, Columns::new(&schema), 1);
        exporter.export(int).unwrap();
        let error = exporter.export(text).unwrap_err();
        assert!(matches!(&error, Error::Column { column, .. } if column == "odd"), "{form:?}: {error}");
        assert!(error.to_string().contains("was int64 in the first batch and is text now"), "{error}");
    }
}

#[test]
fn a_stream_is_read_while_it_is_written() {
    let (schema, records) = run(capture("story.pcap"));
    let mut file = tempfile::tempfile().unwrap();
    let mut exporter = IpcExporter::stream("flows", &mut file, Columns::new(&schema));
    exporter.flush().unwrap();
    exporter.export(&records[0]).unwrap();
    exporter.flush().unwrap();
    exporter.flush().unwrap();
    exporter.export_many(&records[1..]).unwrap();
    exporter.finish().unwrap();
    drop(exporter);
    let rows: Vec<_> = read(Form::Stream, file).1.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(rows, [1, records.len() - 1]);
}
