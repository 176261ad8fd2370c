//! What the command understands.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Parser, ValueEnum};
use flowgauge::Streamer;
use flowgauge::expr::Expr;

/// Turns packets, from capture files or an interface, into bidirectional flow records labelled by nDPI.
#[derive(Debug, Parser)]
#[command(name = "flowgauge", version, after_help = EXAMPLES)]
#[command(group = ArgGroup::new("source").args(["read", "interface"]).required(true))]
pub(crate) struct Arguments {
    /// Read a capture: pcap or pcapng, plain, gzip or zstd; - is standard input. Several are one continuous capture.
    #[arg(short, long = "read", value_name = "FILE")]
    read: Vec<PathBuf>,

    /// Capture on an interface.
    #[arg(short, long, value_name = "IFACE")]
    interface: Option<String>,

    /// Threads that meter; 0 meters inside the capture thread. Default: processors less one, at least 1.
    #[arg(short = 'j', long = "workers", value_name = "WORKERS")]
    workers: Option<usize>,

    /// Packets of a flow that nDPI sees; 0 leaves nDPI out.
    #[arg(long, value_name = "N", default_value_t = 20)]
    dissect: u32,

    /// Seconds of silence that end a flow, or "never".
    #[arg(long, value_name = "S", default_value = "60", value_parser = timeout)]
    inactive: Timeout,

    /// Age in seconds at which a living flow is cut and reported, or "never".
    #[arg(long, value_name = "S", default_value = "120", value_parser = timeout)]
    active: Timeout,

    /// End a flow with its TCP connection: FIN from both sides, or RST.
    #[arg(long)]
    tcp_end: bool,

    /// Seconds for which a flow still takes packets after that, or "never" for until it is silent.
    #[arg(long, value_name = "S", default_value = "5", value_parser = timeout, requires = "tcp_end")]
    tcp_linger: Timeout,

    /// Stop after this many frames.
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Add statistics of sizes, gaps and TCP flags to what CSV writes.
    #[arg(long)]
    statistics: bool,

    /// Add a flow's first N packets one by one (direction, size, gap) to what CSV writes.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=65535))]
    splt: u32,

    /// Add what the payload of first packets says (server names, versions, fingerprints) to what CSV writes.
    #[arg(long)]
    application_fields: bool,

    /// Add what TCP segments say of their connection (repeats, disorder, handshake, end) to what CSV writes.
    #[arg(long)]
    tcp_analysis: bool,

    /// Keep flows in tunnels with different keys (TEID, VNI, GRE key, ERSPAN session) apart.
    #[arg(long)]
    tunnel_keys: bool,

    /// Add a metric of your own, an expression folded over the packets of each flow; may be given several times.
    #[arg(long, value_name = "NAME=EXPR", value_parser = metric)]
    metric: Vec<(String, Expr)>,

    /// End a flow with the packet after which this expression is true (export reason 16).
    #[arg(long, value_name = "EXPR", value_parser = Expr::parse)]
    end_flow_when: Option<Expr>,

    /// Leave out flows of which this expression is not true; the report counts them as withheld.
    #[arg(long, value_name = "EXPR", value_parser = Expr::parse)]
    keep_flows: Option<Expr>,

    /// What to write.
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Json)]
    pub(crate) format: Format,

    /// Write the ledger to standard error at the end: what became of every frame.
    #[arg(long)]
    pub(crate) report: bool,

    /// A BPF expression (man pcap-filter). Words before it with a dot or slash that name files are captures too, after -r.
    #[arg(value_name = "BPF")]
    words: Vec<OsString>,

    /// A BPF expression, after --.
    #[arg(last = true, value_name = "BPF", hide = true)]
    expression: Vec<OsString>,
}

/// How records are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// A line of JSON a record.
    Json,
    /// A line of names, then a line a record with every column.
    Csv,
    /// Nothing: records are built and thrown away.
    None,
}

/// A timeout; `None` is never.
type Timeout = Option<Duration>;

impl Arguments {
    /// The streamer that these arguments ask for.
    pub(crate) fn streamer(&self) -> Streamer {
        let files =
            if self.read.is_empty() { 0 } else { self.words.iter().take_while(|word| is_capture(word)).count() };
        let (more, words) = self.words.split_at(files);
        let mut streamer = match &self.interface {
            Some(name) => Streamer::from_interface(name),
            None => Streamer::from_files(self.read.iter().cloned().chain(more.iter().map(PathBuf::from))),
        };
        streamer = streamer
            .workers(self.workers)
            .n_dissections(self.dissect)
            .inactive_timeout(self.inactive)
            .active_timeout(self.active)
            .tcp_end(self.tcp_end)
            .tcp_linger(self.tcp_linger.unwrap_or(Duration::MAX))
            .statistics(self.statistics)
            .splt(self.splt)
            .application_fields(self.application_fields)
            .tcp_analysis(self.tcp_analysis)
            .tunnel_keys(self.tunnel_keys)
            .end_flow_when(self.end_flow_when.clone())
            .keep_flows(self.keep_flows.clone())
            .max_frames(self.count);
        for (name, expression) in &self.metric {
            streamer = streamer.expression(name, expression.clone());
        }
        let words = words.iter().chain(&self.expression).map(|word| word.to_string_lossy());
        let expression = words.collect::<Vec<_>>().join(" ");
        if expression.is_empty() { streamer } else { streamer.bpf_filter(expression) }
    }
}

/// Whether a word after `-r` is one more capture, as a shell makes of `*.pcap`: a file, a pipe or standard input.
///
/// A plain word is not, even where a file is called so: it belongs to the expression.
fn is_capture(word: &OsStr) -> bool {
    let plain = !word.as_encoded_bytes().iter().any(|byte| b"./".contains(byte));
    word == "-" || (!plain && fs::metadata(word).is_ok_and(|metadata| !metadata.is_dir()))
}

fn timeout(text: &str) -> std::result::Result<Timeout, String> {
    if text == "never" {
        return Ok(None);
    }
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds or \"never\" is wanted".to_owned())?;
    Duration::try_from_secs_f64(seconds).map(Some).map_err(|_| "seconds from 0 on are wanted".to_owned())
}

/// A name, an equals sign and an expression.
fn metric(text: &str) -> std::result::Result<(String, Expr), String> {
    let Some((name, source)) = text.split_once('=') else {
        return Err("a name, = and an expression are wanted, as in 'big=(packet.size > 666).sum()'".to_owned());
    };
    let expression = Expr::parse(source).and_then(|expression| expression.check_metric().map(|()| expression));
    expression.map(|expression| (name.trim().to_owned(), expression)).map_err(|invalid| invalid.to_string())
}

const EXAMPLES: &str = "\
Examples:
  flowgauge -r trace.pcap                          flows as JSON lines
  flowgauge -r *.pcapng.gz -o csv tcp port 443     several files as one capture, filtered
  flowgauge -r trace.pcap -o csv --tcp-analysis    every column, those of the option too
  flowgauge -i eth0 --report                       an interface, until Ctrl-C, then the ledger
  flowgauge -r trace.pcap --metric 'big=(packet.size > 666).sum()' --keep-flows 'flow.src_to_dst_pkts > 3'
                                                   a metric of one's own, and fewer flows

Exit status: 0 success, 1 an error, 2 wrong usage, 130 after Ctrl-C with the flows written.";
