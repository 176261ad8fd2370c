//! What commands that show packets have in common: the streamer, the run in a thread of its own, Ctrl-C, standard output, and
//! what is said at the end.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, ValueHint};
use flowgauge::capture::StopFlag;
use flowgauge::packet::{DecodeOptions, SkipReason, Tunnels};
use flowgauge::pipeline::{Counts, PacketMeta, PacketStreamer, Pipeline, Resolver, Sink};
use flowgauge::{Error, Result, Streamer};

use crate::inputs;
use crate::meter::Ended;

/// Where packets come from, and what is done with them first.
#[derive(Args, Debug)]
pub(crate) struct Packets {
    /// Read captures, as in metering; several are one continuous capture.
    #[arg(short, long, value_name = "FILE|DIR|GLOB", value_hint = ValueHint::AnyPath, group = "packets")]
    pub(crate) read: Vec<PathBuf>,

    /// Capture on an interface (`flowgauge devices` lists them), until Ctrl-C or -c.
    #[arg(short, long, value_name = "IFACE", group = "packets")]
    pub(crate) interface: Option<String>,

    /// Stop after this many packets that match the filter.
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// Do not capture what an interface sees of frames for others.
    #[arg(short = 'p', long)]
    pub(crate) no_promiscuous_mode: bool,

    /// Show the packet that a tunnel carries it in, not the one inside.
    #[arg(long)]
    pub(crate) outer: bool,

    /// No summary on standard error at the end.
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// A BPF expression (man pcap-filter). Words before it with a dot or slash that name files are captures too, after -r.
    #[arg(value_name = "BPF")]
    pub(crate) words: Vec<OsString>,

    /// A BPF expression, after --.
    #[arg(last = true, value_name = "BPF", hide = true)]
    pub(crate) expression: Vec<OsString>,
}

impl Packets {
    /// Opens them: the pipeline with decoding in it, and what stops it.
    pub(crate) fn open(&self) -> Result<(Pipeline, StopFlag)> {
        let source = PacketStreamer::new(self.streamer()?)?;
        let stop = source.stop_flag();
        let options = DecodeOptions::new().tunnels(if self.outer { Tunnels::NONE } else { Tunnels::ALL });
        Ok((Pipeline::new(source).link(PacketMeta::new(options)), stop))
    }

    fn streamer(&self) -> Result<Streamer> {
        let captures = self.words.iter().take_while(|word| inputs::is_capture(word)).count();
        let (more, words) = self.words.split_at(if self.read.is_empty() { 0 } else { captures });
        let streamer = match &self.interface {
            Some(name) => Streamer::from_interface(name).promiscuous(!self.no_promiscuous_mode),
            None => {
                let more = more.iter().map(Path::new);
                Streamer::from_files(inputs::expanded(self.read.iter().map(AsRef::as_ref).chain(more))?)
            }
        };
        let streamer = streamer.max_matching_frames(self.count);
        let words = words.iter().chain(&self.expression).map(|word| word.to_string_lossy());
        let expression = words.collect::<Vec<_>>().join(" ");
        Ok(if expression.is_empty() { streamer } else { streamer.bpf_filter(expression) })
    }
}

/// Pulls until there are no more packets, or somebody interrupts; says on standard error what they were, `more` at the end.
///
/// # Errors
///
/// Whatever ended the source before its end, or the output.
pub(crate) fn run(
    packets: &Packets,
    (pipeline, stop): (Pipeline, StopFlag),
    mut sink: Box<dyn Sink>,
    err: &mut dyn Write,
    interrupted: &dyn Fn() -> bool,
    more: impl Fn(&mut dyn Write, &Counts) -> io::Result<()>,
) -> Result<Ended> {
    let (done, ended) = sync_channel(1);
    // A thread of its own: reading a pipe or writing to one may take as long as it likes, and Ctrl-C is to end it all the same.
    thread::Builder::new()
        .name("fg-pull".to_owned())
        .spawn(move || {
            // Nobody hears it who has been interrupted.
            let _ = done.send(pipeline.pull(&mut *sink));
        })
        .map_err(|error| Error::Thread { name: "fg-pull".into(), detail: format!("cannot be started: {error}") })?;
    let mut stopped: Option<Instant> = None;
    let ended = loop {
        match ended.recv_timeout(LOOK) {
            Ok(ended) => break ended,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::Thread { name: "fg-pull".into(), detail: "panicked".to_owned() });
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
            if !packets.quiet {
                // There is nobody to tell if this cannot be written.
                let _ = tell(err, &counts, packets.interface.is_some()).and_then(|()| more(err, &counts));
            }
            Ok(if stopped.is_some() { Ended::Interrupted } else { Ended::Whole })
        }
    }
}

/// Standard output, its name, and whether it is to be painted.
pub(crate) struct Standard {
    pub(crate) name: &'static str,
    pub(crate) out: File,
    pub(crate) paint: bool,
}

impl Standard {
    /// Lines come many at a time: there is nothing for a buffer to gather.
    pub(crate) fn open() -> Result<Self> {
        let name = "standard output";
        let stdout = io::stdout();
        let paint = stdout.is_terminal() && wants_colour(|name| std::env::var_os(name));
        let owned = stdout.as_fd().try_clone_to_owned();
        let out = File::from(owned.map_err(|source| Error::Write { what: name.to_owned(), source })?);
        Ok(Self { name, out, paint })
    }
}

/// Whether a terminal is to show colours: not with NO_COLOR (<https://no-color.org>), and not where it cannot.
fn wants_colour(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && variable("TERM").is_none_or(|term| term != "dumb")
}

/// The resolver that `--resolve` names; off without it.
pub(crate) fn resolver(server: Option<&str>) -> Result<Resolver> {
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
