//! Every column of every flow as CSV: `cargo run --example csv -- tests/data/web.pcap > flows.csv`.

use std::io::{BufWriter, stdout};

use flowgauge::export::{CsvExporter, Exporter};
use flowgauge::{Result, Streamer};

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "tests/data/web.pcap".to_owned());
    let flows = Streamer::from_file(path).start()?;
    let mut csv = CsvExporter::new("standard output", BufWriter::new(stdout()), flows.schema().clone());
    for record in flows {
        csv.export(&record?)?;
    }
    csv.finish()
}
