//! Records a second into text that nobody keeps: every default column and the core, as CSV and as JSON lines. With the
//! feature `parquet` also into Parquet, beside arrow-rs's own writer, which is given the columns.
//!
//! `cargo bench --bench export`, `cargo bench --bench export --features parquet`

mod traffic;

use std::io::{self, BufWriter, Sink};

use divan::Bencher;
use divan::counter::ItemsCount;
use flowgauge::export::{Columns, CsvExporter, Exporter, JsonLinesExporter};
use flowgauge::flow::FlowRecord;
use flowgauge::flow::schema::{Group, Schema};
use flowgauge::{Streamer, flow};

const FRAMES: usize = 40_000;
const FLOWS: u32 = 10_000;

fn main() {
    divan::main();
}

#[divan::bench]
fn csv_of_every_default_column(bencher: Bencher<'_, '_>) {
    bench(bencher, |out, schema| Box::new(CsvExporter::new("nowhere", out, schema)));
}

#[divan::bench]
fn csv_of_the_core(bencher: Bencher<'_, '_>) {
    bench(bencher, |out, schema| Box::new(CsvExporter::new("nowhere", out, core(&schema))));
}

#[divan::bench]
fn json_of_every_default_column(bencher: Bencher<'_, '_>) {
    bench(bencher, |out, schema| Box::new(JsonLinesExporter::new("nowhere", out).columns(schema)));
}

#[divan::bench]
fn json_of_the_core(bencher: Bencher<'_, '_>) {
    bench(bencher, |out, _| Box::new(JsonLinesExporter::new("nowhere", out)));
}

fn bench(bencher: Bencher<'_, '_>, exporter: fn(BufWriter<Sink>, Schema) -> Box<dyn Exporter>) {
    let (records, schema) = records();
    bencher
        .counter(ItemsCount::new(records.len()))
        .with_inputs(|| exporter(BufWriter::with_capacity(1 << 16, io::sink()), schema.clone()))
        .bench_local_values(|mut exporter| {
            records.iter().try_for_each(|record| exporter.export(record)).expect("nowhere takes everything");
            exporter
        });
}

/// What a run over synthetic traffic with nDPI gives.
fn records() -> (Vec<FlowRecord>, Schema) {
    let frames = traffic::frames(FRAMES, FLOWS);
    let flows = Streamer::from_source(traffic::source(&frames)).workers(0).start().expect("frames from memory open");
    let schema = flows.schema().clone();
    (flows.map(|record| record.expect("frames from memory are whole")).collect(), schema)
}

fn core(schema: &Schema) -> Columns {
    let core = flow::schema::columns().filter(|column| column.group == Group::Core).map(|column| column.name);
    Columns::choose(schema, core).expect("the core is part of every schema")
}

#[cfg(feature = "parquet")]
mod parquet_files {
    use divan::Bencher;
    use divan::counter::ItemsCount;
    use flowgauge::export::parquet::ParquetExporter;
    use flowgauge::export::{Exporter, arrow};
    use parquet::arrow::ArrowWriter;
    use parquet::basic::{Compression, ZstdLevel};
    use parquet::file::properties::WriterProperties;

    /// From records to the bytes of a file.
    #[divan::bench]
    fn of_records(bencher: Bencher<'_, '_>) {
        let (records, schema) = super::records();
        bencher.counter(ItemsCount::new(records.len())).bench_local(|| {
            let mut bytes = Vec::new();
            let mut exporter = ParquetExporter::new("memory", &mut bytes, arrow::Columns::new(&schema));
            exporter.export_many(&records).and_then(|()| exporter.finish()).expect("memory takes everything");
            drop(exporter);
            bytes
        });
    }

    /// From columns that are there to the same bytes.
    #[divan::bench]
    fn of_columns_by_arrow_alone(bencher: Bencher<'_, '_>) {
        let (records, schema) = super::records();
        let mut columns = arrow::Columns::new(&schema);
        columns.append(&records).expect("they fit");
        let batch = columns.finish().expect("they fit");
        let properties =
            || WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        bencher.counter(ItemsCount::new(records.len())).bench_local(|| {
            let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties())).expect("a schema");
            writer.write(&batch).expect("memory takes everything");
            writer.into_inner().expect("memory takes everything")
        });
    }
}
