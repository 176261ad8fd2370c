//! What takes the records of a run: a writer, files one after the other, or the sums of -s.

use std::io::Write;

use flowgauge::export::{Exporter, RotatingExporter};
use flowgauge::flow::schema::Schema;
use flowgauge::{FlowRecord, Report, Result};

use crate::output::{Format, Output, Target};
use crate::top::{Ranking, Top};

/// Where records go.
pub(crate) enum Sink<'a> {
    One {
        exporter: Box<dyn Exporter + 'a>,
        /// Whether somebody waits for it, and may be told of the run while it goes on.
        live: bool,
    },
    Rotating(RotatingExporter<'a>),
}

/// What -s asks for: it is written at the end.
pub(crate) struct Sums<'a> {
    tops: Vec<Top>,
    most: usize,
    target: &'a mut Target,
    output: &'a Output,
}

impl Sink<'_> {
    pub(crate) fn take(&mut self, records: &[FlowRecord]) -> Result<()> {
        match self {
            Self::One { exporter, .. } => exporter.export_many(records),
            Self::Rotating(exporter) => exporter.export_many(records),
        }
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        match self {
            Self::One { exporter, .. } => exporter.flush(),
            Self::Rotating(exporter) => exporter.flush(),
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        matches!(self, Self::One { live: true, .. })
    }

    /// Tells what is in no record so far.
    pub(crate) fn ignored(&mut self, report: &Report) {
        match self {
            Self::One { exporter, .. } => exporter.ignored(&report.into()),
            Self::Rotating(exporter) => exporter.ignored(&report.into()),
        }
    }

    /// Writes what is left; the last of several files gets its name only if the run went well so far.
    pub(crate) fn finish(&mut self, whole: bool, err: &mut dyn Write) -> Result<()> {
        match self {
            Self::One { exporter, .. } => exporter.finish(),
            Self::Rotating(exporter) if whole => exporter.finish(),
            Self::Rotating(exporter) => {
                if let Some(part) = exporter.keep()? {
                    // There is nobody to tell if this cannot be written.
                    let _ = writeln!(err, "flowgauge: the last flows before the error are in {part:?}");
                }
                Ok(())
            }
        }
    }
}

impl<'a> Sums<'a> {
    /// Writes to `target` as `output` says, of each ranking the first so many rows; 0 for all.
    pub(crate) fn new(
        rankings: &[Ranking],
        most: usize,
        schema: &Schema,
        target: &'a mut Target,
        output: &'a Output,
    ) -> Self {
        let tops = rankings.iter().map(|ranking| Top::new(ranking, schema)).collect();
        Self { tops, most, target, output }
    }
}

impl Exporter for Sums<'_> {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        self.tops.iter_mut().for_each(|top| top.count(record, self.output));
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        for (index, top) in self.tops.iter().enumerate() {
            let gap = if index > 0 && self.output.format == Format::Table { "\n" } else { "" };
            let written = write!(self.target, "{gap}").and_then(|()| top.write(self.target, self.output, self.most));
            written.map_err(|source| self.output.error(source))?;
        }
        Ok(())
    }
}
