//! A run: packets in, records out, and what is said at its end.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use flowgauge::export::{Exporter, RotatingExporter};
use flowgauge::flow::Anonymizer;
use flowgauge::flow::schema::Needs;
use flowgauge::packet::Position;
use flowgauge::streamer::Waited;
use flowgauge::{Error, FlowRecord, Flows, Result, Streamer};

use crate::anonymize::Anonymize;
use crate::arguments::{Metering, ReportFormat};
use crate::fields::{Fields, Known};
use crate::inputs;
use crate::manifest::{self, Witness};
use crate::output::{Format, Output, Target};
use crate::position;
use crate::progress::Progress;
use crate::summary;
use crate::top::Top;

/// What a run needs, checked before anything is read.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    arguments: &'a Metering,
    output: Output,
    fields: Option<Fields>,
    known: Known,
    anonymizer: Option<Anonymizer>,
    after: Position,
}

/// How a run ended.
pub(crate) enum Ended {
    /// With everything.
    Whole,
    /// By Ctrl-C, with the flows so far.
    Interrupted,
    /// Whoever read along wants no more.
    Unwanted,
}

impl<'a> Plan<'a> {
    /// What these arguments come to.
    ///
    /// # Errors
    ///
    /// What to tell the user of an argument that does not fit.
    pub(crate) fn new(arguments: &'a Metering) -> std::result::Result<Self, String> {
        let output = Output::of(arguments)?;
        let mut known = Known::new(arguments);
        let fields = Fields::of(&arguments.fields, &mut known).map_err(|words| format!("-F: {words}"))?;
        for ranking in &arguments.summarize {
            known.ask_for(&ranking.column).map_err(|words| format!("-s: {words}"))?;
        }
        let for_interface = [(arguments.no_promiscuous_mode, "-p"), (arguments.snaplen.is_some(), "--snaplen")];
        if arguments.interface.is_none()
            && let Some((_, option)) = for_interface.iter().find(|(given, _)| *given)
        {
            return Err(format!("{option} is for an interface: it goes with -i"));
        }
        if !arguments.summarize.is_empty() && fields.is_some() {
            return Err("-F chooses columns of flows, and -s writes none: leave one of them out".to_owned());
        }
        if !arguments.summarize.is_empty() && output.format.is_binary() {
            return Err("-s writes a table, CSV or JSON: choose one of them with -o, or the name's end".to_owned());
        }
        if arguments.summarize.len() > 1 && output.format == Format::Csv {
            return Err("CSV has one table in a file: give -s once, or another format".to_owned());
        }
        if output.format == Format::Ipfix && (fields.is_some() || !arguments.summarize.is_empty()) {
            let option = if fields.is_some() { "-F" } else { "-s" };
            return Err(format!("{option} is for tables: IPFIX has flows, with all elements that there are for them"));
        }
        let anonymizer = arguments.anonymize.as_ref().map(Anonymize::anonymizer).transpose()?;
        let after = arguments.after.as_deref().map_or(Ok(Position::default()), position::read)?;
        Ok(Self { arguments, output, fields, known, anonymizer, after })
    }

    /// Runs it.
    ///
    /// # Errors
    ///
    /// Whatever ended the run before its end; what could be written still was, and standard error got the summary.
    pub(crate) fn run(&self, err: &mut dyn Write, interrupted: &dyn Fn() -> bool) -> Result<Ended> {
        let streamer = self.streamer()?;
        let facts = Witness::facts(&streamer, self.arguments.interface.as_deref());
        let mut flows = streamer.start()?;
        let mut target = self.output.open()?;
        let file = self.output.file().filter(|_| !self.arguments.no_manifest);
        let columns = || manifest::columns(self.output.format, flows.schema(), self.fields.as_ref(), self.sums());
        let mut witness = file.map(|file| Witness::new(facts, file, &self.output, columns())).transpose()?;
        let progress = self.progress(&flows);
        let mut sink = Sink::new(self, &mut target, &flows)?;
        let mut records = 0;
        let ended = write_all(&mut flows, &mut sink, &mut witness, &mut records, progress, interrupted);
        // What was metered before a damage is written all the same.
        let ended = match ended {
            Err(error @ Error::Write { .. }) => Err(error),
            ended => sink.finish(ended.is_ok(), err).and(ended),
        };
        drop(sink);
        let ended = match ended {
            Err(error @ Error::Write { .. }) => Err(error),
            ended => {
                self.put_away(target, ended.and_then(|ended| flows.report().check().map(|()| ended)), records, err)
            }
        };
        let ended = match (ended, witness) {
            (Ok(ended), Some(witness)) => witness.complete(&flows, matches!(ended, Ended::Interrupted)).map(|()| ended),
            (ended, _) => ended,
        };
        let ended = match (ended, &self.arguments.position_out, flows.position()) {
            (Ok(ended), Some(file), Some(position)) => position::write(file, &position).map(|()| ended),
            (ended, ..) => ended,
        };
        match ended {
            Err(Error::Write { source, .. })
                if source.kind() == ErrorKind::BrokenPipe && self.output.collector.is_none() =>
            {
                return Ok(Ended::Unwanted);
            }
            Err(Error::Write { .. }) => {}
            _ => self.tell(&flows, err),
        }
        ended
    }

    /// Gives what was written its name, if all went well.
    fn put_away(&self, target: Target, ended: Result<Ended>, records: u64, err: &mut dyn Write) -> Result<Ended> {
        if ended.is_ok() {
            return target.complete(&self.output).and(ended);
        }
        if let Some(part) = target.keep(&self.output)? {
            // There is nobody to tell if this cannot be written.
            let _ = writeln!(err, "flowgauge: the {records} flows before the error are in {part:?}");
        }
        ended
    }

    fn streamer(&self) -> Result<Streamer> {
        let arguments = self.arguments;
        let captures = arguments.words.iter().take_while(|word| inputs::is_capture(word)).count();
        let (more, words) = arguments.words.split_at(if arguments.read.is_empty() { 0 } else { captures });
        let streamer = match &arguments.interface {
            Some(name) => Streamer::from_interface(name),
            None => {
                let more = more.iter().map(Path::new);
                Streamer::from_files(inputs::expanded(arguments.read.iter().map(AsRef::as_ref).chain(more))?)
            }
        };
        let mut streamer = streamer
            .workers(arguments.workers)
            .n_dissections(arguments.dissect)
            .inactive_timeout(arguments.inactive)
            .active_timeout(arguments.active)
            .capacity(arguments.capacity)
            .tcp_end(arguments.tcp_end)
            .tcp_linger(arguments.tcp_linger.unwrap_or(Duration::MAX))
            .statistics(self.known.is_on(Needs::Statistics))
            .splt(arguments.splt)
            .application_fields(self.known.is_on(Needs::ApplicationFields))
            .tcp_analysis(self.known.is_on(Needs::TcpAnalysis))
            .tunnel_keys(arguments.tunnel_keys)
            .end_flow_when(arguments.end_flow_when.clone())
            .keep_flows(arguments.keep_flows.clone())
            .anonymize(self.anonymizer.clone())
            .resume(self.after.clone())
            .promiscuous(!arguments.no_promiscuous_mode)
            .max_matching_frames(arguments.count);
        if let Some(bytes) = arguments.snaplen {
            streamer = streamer.snaplen_bytes(bytes);
        }
        for (name, expression) in &arguments.metric {
            streamer = streamer.expression(name, expression.clone());
        }
        let words = words.iter().chain(&arguments.expression).map(|word| word.to_string_lossy());
        let expression = words.collect::<Vec<_>>().join(" ");
        Ok(if expression.is_empty() { streamer } else { streamer.bpf_filter(expression) })
    }

    /// Whether sums are written, and no flows.
    fn sums(&self) -> bool {
        !self.arguments.summarize.is_empty()
    }

    fn progress(&self, flows: &Flows) -> Option<Progress> {
        // Its line and the flows would fall over each other.
        let shows_flows = self.output.room.is_some() && self.output.format != Format::None;
        let wanted = self.arguments.progress && (!shows_flows || !self.arguments.summarize.is_empty());
        wanted.then(|| Progress::new(flows.report_handle()))
    }

    /// Says on standard error what there is to say; nobody is to be told if that cannot be written.
    fn tell(&self, flows: &Flows, err: &mut dyn Write) {
        let report = flows.report();
        for warning in &report.warnings {
            let _ = writeln!(err, "flowgauge: warning: {warning}");
        }
        let _ = match self.arguments.report {
            Some(ReportFormat::Json) => writeln!(err, "{report}"),
            Some(ReportFormat::Text) => write!(err, "{}", summary::ledger(&report)),
            None if self.arguments.quiet => Ok(()),
            None => write!(err, "{}", summary::summary(&report, self.arguments.interface.is_some())),
        };
    }
}

/// What takes the records: a writer, or the sums of -s.
enum Sink<'a> {
    Records(Box<dyn Exporter + 'a>),
    Rotating(RotatingExporter<'a>),
    Sums { tops: Vec<Top>, target: &'a mut Target, output: &'a Output, most: usize },
}

impl<'a> Sink<'a> {
    fn new(plan: &'a Plan<'_>, target: &'a mut Target, flows: &Flows) -> Result<Self> {
        let (schema, output) = (flows.schema(), &plan.output);
        let fields = plan.fields.as_ref();
        if !output.rotation.is_never() {
            return Ok(Self::Rotating(output.rotating(schema, fields.cloned())));
        }
        if plan.arguments.summarize.is_empty() {
            return output.format.exporter(output, output.name(), target, schema, fields).map(Self::Records);
        }
        let tops = plan.arguments.summarize.iter().map(|ranking| Top::new(ranking, schema)).collect();
        Ok(Self::Sums { tops, target, output, most: plan.arguments.top })
    }

    fn take(&mut self, record: &FlowRecord) -> Result<()> {
        match self {
            Self::Records(exporter) => exporter.export(record),
            Self::Rotating(exporter) => exporter.export(record),
            Self::Sums { tops, output, .. } => {
                tops.iter_mut().for_each(|top| top.count(record, output));
                Ok(())
            }
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self {
            Self::Records(exporter) => exporter.flush(),
            Self::Rotating(exporter) => exporter.flush(),
            Self::Sums { .. } => Ok(()),
        }
    }

    /// Writes what is left; the last of several files gets its name only if the run went well so far.
    fn finish(&mut self, whole: bool, err: &mut dyn Write) -> Result<()> {
        match self {
            Self::Records(exporter) => exporter.finish(),
            Self::Rotating(exporter) if whole => exporter.finish(),
            Self::Rotating(exporter) => {
                if let Some(part) = exporter.keep()? {
                    // There is nobody to tell if this cannot be written.
                    let _ = writeln!(err, "flowgauge: the last flows before the error are in {part:?}");
                }
                Ok(())
            }
            Self::Sums { tops, target, output, most } => {
                for (index, top) in tops.iter().enumerate() {
                    let gap = if index > 0 && output.format == Format::Table { "\n" } else { "" };
                    let written = write!(target, "{gap}").and_then(|()| top.write(target, output, *most));
                    written.map_err(|source| output.error(source))?;
                }
                Ok(())
            }
        }
    }
}

/// Writes every record; an interruption stops the source, and what was read is written still.
fn write_all(
    flows: &mut Flows,
    sink: &mut Sink<'_>,
    witness: &mut Option<Witness>,
    records: &mut u64,
    mut progress: Option<Progress>,
    interrupted: &dyn Fn() -> bool,
) -> Result<Ended> {
    let mut stopped = false;
    let ended = loop {
        let taken = match flows.wait(LOOK) {
            Ok(Waited::Record(record)) => {
                *records += 1;
                if let Some(witness) = witness {
                    witness.see(&record);
                }
                sink.take(&record)
            }
            // Whoever reads along sees the flows of a slow source as they come.
            Ok(Waited::Nothing) => sink.flush(),
            Ok(Waited::End) => break Ok(if stopped { Ended::Interrupted } else { Ended::Whole }),
            Err(error) => Err(error),
        };
        if let Err(error) = taken {
            break Err(error);
        }
        if !stopped && interrupted() {
            flows.stop_handle().stop();
            stopped = true;
        }
        if let Some(progress) = &mut progress {
            progress.look();
        }
    };
    if let Some(progress) = progress {
        progress.end();
    }
    ended
}

/// How often a quiet source is looked after.
const LOOK: Duration = Duration::from_millis(100);
