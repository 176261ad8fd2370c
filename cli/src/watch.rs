//! `flowgauge watch`: packets, for people to look at.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use flowgauge::packet::{DecodeOptions, SkipReason, Tunnels};
use flowgauge::pipeline::{
    Counts, CsvSink, JsonSink, PacketMeta, PacketPrinter, PacketStreamer, PacketSummary, Pipeline, Resolver,
    ReverseDns, Sink, Tagger, TransportMeta,
};
use flowgauge::{Error, Result, Streamer};

use crate::arguments::Watching;
use crate::inputs;
use crate::meter::Ended;

/// Shows packets on standard output until there are no more, or somebody interrupts; says on standard error what they were.
///
/// # Errors
///
/// Whatever ended the source before its end, or the output.
pub(crate) fn run(arguments: &Watching, err: &mut dyn Write, interrupted: &dyn Fn() -> bool) -> Result<Ended> {
    let source = PacketStreamer::new(streamer(arguments)?)?;
    let stop = source.stop_flag();
    let pipeline = pipeline(arguments, source)?;
    let mut sink = sink(arguments)?;
    let (done, ended) = sync_channel(1);
    // A thread of its own: reading a pipe or writing to one may take as long as it likes, and Ctrl-C is to end it all the same.
    thread::Builder::new()
        .name("fg-watch".to_owned())
        .spawn(move || {
            // Nobody hears it who has been interrupted.
            let _ = done.send(pipeline.pull(&mut *sink));
        })
        .map_err(|error| Error::Thread { name: "fg-watch".into(), detail: format!("cannot be started: {error}") })?;
    let mut stopped: Option<Instant> = None;
    let ended = loop {
        match ended.recv_timeout(LOOK) {
            Ok(ended) => break ended,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::Thread { name: "fg-watch".into(), detail: "panicked".to_owned() });
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if stopped.is_none() && interrupted() {
            stop.raise();
            stopped = Some(Instant::now());
        }
        if stopped.is_some_and(|since| since.elapsed() > PATIENCE) {
            return Ok(Ended::Interrupted);
        }
    };
    match ended {
        Err(Error::Write { source, .. }) if source.kind() == ErrorKind::BrokenPipe => Ok(Ended::Unwanted),
        // A source that was left in its midst may call itself broken.
        Err(_) if stopped.is_some() || interrupted() => Ok(Ended::Interrupted),
        Err(error) => Err(error),
        Ok(counts) => {
            if !arguments.quiet {
                // There is nobody to tell if this cannot be written.
                let _ = tell(err, &counts, arguments.interface.is_some());
            }
            Ok(if stopped.is_some() { Ended::Interrupted } else { Ended::Whole })
        }
    }
}

fn streamer(arguments: &Watching) -> Result<Streamer> {
    let captures = arguments.words.iter().take_while(|word| inputs::is_capture(word)).count();
    let (more, words) = arguments.words.split_at(if arguments.read.is_empty() { 0 } else { captures });
    let streamer = match &arguments.interface {
        Some(name) => Streamer::from_interface(name).promiscuous(!arguments.no_promiscuous_mode),
        None => {
            let more = more.iter().map(Path::new);
            Streamer::from_files(inputs::expanded(arguments.read.iter().map(AsRef::as_ref).chain(more))?)
        }
    };
    let streamer = streamer.max_matching_frames(arguments.count);
    let words = words.iter().chain(&arguments.expression).map(|word| word.to_string_lossy());
    let expression = words.collect::<Vec<_>>().join(" ");
    Ok(if expression.is_empty() { streamer } else { streamer.bpf_filter(expression) })
}

fn pipeline(arguments: &Watching, source: PacketStreamer) -> Result<Pipeline> {
    let options = DecodeOptions::new().tunnels(if arguments.outer { Tunnels::NONE } else { Tunnels::ALL });
    let pipeline = Pipeline::new(source)
        .link(PacketMeta::new(options))
        .link(TransportMeta::default())
        .link(ReverseDns::default().resolver(resolver(arguments.resolve.as_deref())?));
    Ok(if arguments.tags { pipeline.link(Tagger::default()) } else { pipeline })
}

fn sink(arguments: &Watching) -> Result<Box<dyn Sink>> {
    let name = "standard output";
    let failed = |source| Error::Write { what: name.to_owned(), source };
    let stdout = io::stdout();
    let paint = stdout.is_terminal() && wants_colour(|name| std::env::var_os(name));
    // Lines come many at a time: there is nothing for a buffer to gather.
    let out = File::from(stdout.as_fd().try_clone_to_owned().map_err(failed)?);
    Ok(match arguments {
        Watching { json: true, .. } => Box::new(JsonSink::new(name, out)),
        Watching { csv: true, .. } => Box::new(CsvSink::new(name, out)),
        Watching { summary: true, .. } => Box::new(PacketSummary::new(name, out).paint(paint)),
        _ => Box::new(PacketPrinter::new(name, out).paint(paint)),
    })
}

/// Whether a terminal is to show colours: not with NO_COLOR (<https://no-color.org>), and not where it cannot.
fn wants_colour(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> bool {
    let refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && variable("TERM").is_none_or(|term| term != "dumb")
}

fn resolver(server: Option<&str>) -> Result<Resolver> {
    let Some(server) = server else { return Ok(Resolver::Off) };
    if server == "system" {
        return Ok(Resolver::System);
    }
    let address = server.parse::<SocketAddr>().ok();
    let address = address.or_else(|| server.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, 53)));
    address.map(Resolver::Server).ok_or_else(|| Error::Option {
        option: "--resolve",
        value: format!("{server:?}"),
        allowed: "the address of a DNS server, as in --resolve=127.0.0.1:5353, or without one for the system's",
    })
}

/// What was seen, in a line; what was not decoded or lost, in one more each.
fn tell(err: &mut dyn Write, counts: &Counts, live: bool) -> io::Result<()> {
    let shown = counts.frames - counts.filtered;
    writeln!(err, "flowgauge: {shown} packets")?;
    let skipped = SkipReason::ALL.into_iter().filter(|reason| counts.skipped(*reason) > 0);
    let skipped: Vec<_> = skipped.map(|reason| format!("{} {}", counts.skipped(reason), reason.name())).collect();
    if !skipped.is_empty() {
        writeln!(err, "flowgauge: not decoded: {}", skipped.join(", "))?;
    }
    if live {
        let (kernel, interface) = (counts.dropped.kernel, counts.dropped.interface);
        writeln!(err, "flowgauge: {kernel} dropped by the kernel, {interface} by the interface")?;
    }
    if counts.lookups.asked > 0 {
        let (asked, failed) = (counts.lookups.asked, counts.lookups.failed);
        writeln!(err, "flowgauge: {asked} names looked up, {failed} without an answer")?;
    }
    Ok(())
}

/// How often an interruption is looked after.
const LOOK: Duration = Duration::from_millis(50);
/// How long what was read may take to be written after an interruption.
const PATIENCE: Duration = Duration::from_millis(700);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_what_the_terminal_and_its_user_want() {
        let with =
            |name: &'static str, value: &'static str| wants_colour(move |asked| (asked == name).then(|| value.into()));
        assert!(with("TERM", "xterm") && with("NO_COLOR", ""));
        assert!(!with("TERM", "dumb") && !with("NO_COLOR", "1"));
    }

    #[test]
    fn a_resolver_is_an_address_or_the_systems() {
        assert_eq!(resolver(None).unwrap(), Resolver::Off);
        assert_eq!(resolver(Some("system")).unwrap(), Resolver::System);
        assert_eq!(resolver(Some("127.0.0.1:5353")).unwrap(), Resolver::Server("127.0.0.1:5353".parse().unwrap()));
        assert_eq!(resolver(Some("::1")).unwrap(), Resolver::Server("[::1]:53".parse().unwrap()));
        assert!(resolver(Some("dns")).unwrap_err().to_string().contains("--resolve="));
    }
}
