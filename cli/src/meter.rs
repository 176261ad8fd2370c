//! A run: packets in, records out, and what is said at its end.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use flowgauge::export::Columns;
use flowgauge::flow::Anonymizer;
use flowgauge::flow::schema::{Needs, Schema};
use flowgauge::packet::Position;
use flowgauge::streamer::Waited;
use flowgauge::{Error, Flows, Result, Streamer};

use crate::anonymize::Anonymize;
use crate::arguments::{Metering, ReportFormat};
use crate::fields::{Fields, Known};
use crate::inputs;
use crate::manifest::{Facts, SharedWitness, Watched, Witness, path_of};
use crate::output::{Format, Output, Target};
use crate::position;
use crate::progress::Progress;
use crate::sink::{Sink, Sums};
use crate::summary;

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
        if output.format == Format::Ipfix && !arguments.summarize.is_empty() {
            return Err("-s is for tables, and IPFIX has flows".to_owned());
        }
        if output.format == Format::Ipfix
            && arguments.ipfix_pen.is_none()
            && let Some(name) = fields.as_ref().and_then(Fields::without_element)
        {
            return Err(format!("-F: IANA has no element for {name:?}: leave it out, or say --ipfix-pen NUMBER"));
        }
        if arguments.position_out.is_some() && arguments.position_out.as_deref() == output.file() {
            return Err("--position-out is a file of its own, and not that of -w".to_owned());
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
        let facts = Witness::facts(&streamer);
        let mut flows = streamer.start()?;
        let mut target = self.output.open()?;
        let witness = self.witness(facts, &flows)?;
        let progress = self.progress(&flows);
        let mut sink = self.sink(&mut target, flows.schema(), witness.as_ref())?;
        let mut records = 0;
        let ended = write_all(&mut flows, &mut sink, &mut records, progress, interrupted);
        // What was metered before a damage is written all the same.
        let ended = match ended {
            Err(error @ Error::Write { .. }) => Err(error),
            ended => {
                sink.ignored(&flows.report());
                sink.finish(ended.is_ok(), err).and(ended)
            }
        };
        drop(sink);
        let ended = match ended {
            Err(error @ Error::Write { .. }) => Err(error),
            ended => {
                self.put_away(target, ended.and_then(|ended| flows.report().check().map(|()| ended)), records, err)
            }
        };
        let ended = match (ended, witness) {
            (Ok(ended), Some(witness)) => {
                let interrupted = matches!(ended, Ended::Interrupted);
                witness.borrow_mut().complete(interrupted).map(|()| ended)
            }
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

    /// What makes the manifest of a file, where there is to be one.
    fn witness(&self, facts: Facts, flows: &Flows) -> Result<Option<SharedWitness>> {
        let Some(file) = self.output.file().filter(|_| !self.arguments.no_manifest) else { return Ok(None) };
        let (format, columns, report) =
            (self.output.format.name(), self.columns(flows.schema()), flows.report_handle());
        let begin = if self.output.rotation.is_never() { Witness::new } else { Witness::of_series };
        begin(facts, file, &format, columns, report).map(|witness| Some(SharedWitness::new(witness.into())))
    }

    fn streamer(&self) -> Result<Streamer> {
        let arguments = self.arguments;
        let captures = arguments.words.iter().take_while(|word| inputs::is_capture(word)).count();
        let (more, words) = arguments.words.split_at(if arguments.read.is_empty() { 0 } else { captures });
        let streamer = match &arguments.interface {
            Some(name) => Streamer::from_interface(name),
            None => {
                let more = more.iter().map(Path::new);
                let captures = inputs::expanded(arguments.read.iter().map(AsRef::as_ref).chain(more))?;
                let manifest = self.output.file().filter(|_| !arguments.no_manifest).map(path_of);
                let written = [self.output.file(), manifest.as_deref(), arguments.position_out.as_deref()];
                for path in written.into_iter().flatten() {
                    inputs::refuse_to_write_over(&captures, path)?;
                }
                Streamer::from_files(captures)
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

    fn sink<'b>(
        &'b self,
        target: &'b mut Target,
        schema: &Schema,
        witness: Option<&SharedWitness>,
    ) -> Result<Sink<'b>> {
        let (output, fields) = (&self.output, self.fields.as_ref());
        if !output.rotation.is_never() {
            return Ok(Sink::Rotating(output.rotating(schema, fields.cloned(), witness)));
        }
        let exporter = if self.sums() {
            Box::new(Sums::new(&self.arguments.summarize, self.arguments.top, schema, target, output))
        } else {
            output.format.exporter(output, output.name(), target, schema, fields)?
        };
        let exporter = match witness {
            Some(witness) => Box::new(Watched::new(exporter, SharedWitness::clone(witness))),
            None => exporter,
        };
        Ok(Sink::One { exporter, live: output.collector.is_some() })
    }

    /// The columns of the records that are written; of sums, all that could be summed up.
    fn columns(&self, schema: &Schema) -> Columns {
        if self.sums() { schema.clone().into() } else { self.output.format.columns(schema, self.fields.as_ref()) }
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

/// Writes every record; an interruption stops the source, and what was read is written still.
fn write_all(
    flows: &mut Flows,
    sink: &mut Sink<'_>,
    records: &mut u64,
    mut progress: Option<Progress>,
    interrupted: &dyn Fn() -> bool,
) -> Result<Ended> {
    let (mut stopped, mut untold) = (false, 0);
    let ended = loop {
        // What is at hand, a few hundred at most: a record that comes alone is written alone.
        let taken = match flows.wait_many(LOOK) {
            Ok(Waited::Record(some)) => {
                *records += some.len() as u64;
                untold += some.len();
                if untold >= TOLD_RECORDS && sink.is_live() {
                    untold = 0;
                    sink.ignored(&flows.report());
                }
                sink.take(&some)
            }
            // Whoever reads along sees the flows of a slow source as they come.
            Ok(Waited::Nothing) => {
                if sink.is_live() {
                    sink.ignored(&flows.report());
                }
                sink.flush()
            }
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

/// After how many records a collector may learn what is in none.
const TOLD_RECORDS: usize = 4096;
/// How often a quiet source is looked after.
const LOOK: Duration = Duration::from_millis(100);
