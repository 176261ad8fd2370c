//! `flowgauge._native`: the Python face of the library, thin, one concept a file.
//!
//! It uses only what any Rust user may use. Every class is frozen; what a metric may change goes through interior
//! mutability. The interpreter is released before any wait.
#![deny(unsafe_code)]

mod anonymizer;
mod callable;
mod capsule;
mod cells;
mod collect;
mod columns;
mod command;
mod error;
mod expression;
mod fields;
mod files;
mod flows;
mod live;
mod merge;
mod metric;
mod nfstream;
mod options;
mod packet;
mod pipeline;
mod position;
mod process;
mod processor;
mod record;
mod report;
mod source;
mod stream;
mod streamer;
mod table;
mod user_metrics;
mod value;

use pyo3::prelude::*;

/// Packets in, labelled bidirectional flow records out: the compiled part of `flowgauge`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::anonymizer::Anonymizer;
    #[pymodule_export]
    use super::cells::{Memory, cells, rows};
    #[pymodule_export]
    use super::columns::{Column, columns};
    #[pymodule_export]
    use super::command::{is_harmful, run_command};
    #[pymodule_export]
    use super::expression::Expression;
    #[pymodule_export]
    use super::fields::{FlowFields, PacketFields, Then, When, when};
    #[pymodule_export]
    use super::flows::Flows;
    #[pymodule_export]
    use super::live::LiveFlow;
    #[pymodule_export]
    use super::merge::merge;
    #[pymodule_export]
    use super::nfstream::{NFColumn, NFFlows, NFPacket, NFlow, nfstream_columns};
    #[pymodule_export]
    use super::packet::PacketInformation;
    #[pymodule_export]
    use super::pipeline::item::Item;
    #[pymodule_export]
    use super::pipeline::layer::PacketLayer;
    #[pymodule_export]
    use super::pipeline::parts::{PipelinePart, address_label};
    #[pymodule_export]
    use super::pipeline::stream::{ItemStream, pull};
    #[pymodule_export]
    use super::pipeline::told::TlsRecord;
    #[pymodule_export]
    use super::position::Position;
    #[pymodule_export]
    use super::record::Flow;
    #[pymodule_export]
    use super::report::Report;
    #[pymodule_export]
    use super::stream::Batches;
    #[pymodule_export]
    use super::streamer::Streamer;
    #[pymodule_export]
    use super::table::FlowTable;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        super::fields::install(module.py())?;
        module.add("packet", super::fields::PacketFields)?;
        module.add("flow", super::fields::FlowFields)?;
        super::columns::install(module.py())?;
        super::nfstream::install(module.py())?;
        super::process::watch(module.py())
    }
}
