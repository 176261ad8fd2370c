//! What the command understands.

use std::ffi::OsString;
#[cfg(feature = "hub")]
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use flowgauge::expr::Expr;

use crate::amount;
use crate::anonymize::Anonymize;
#[cfg(feature = "hub")]
use crate::hub::{relay::Relaying, sensor_settings::Sensing, tail::Tailing};
use crate::output::Format;
use crate::pipes::Packets;
use crate::top::Ranking;

/// Turns packets, from capture files or an interface, into bidirectional flow records labelled by nDPI.
#[derive(Debug, Parser)]
#[command(name = "flowgauge", version, after_help = EXAMPLES, max_term_width = 120)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) metering: Metering,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What does not meter.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the interfaces that -i takes.
    Devices {
        /// How to write the list.
        #[arg(short = 'o', long = "output", value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// List the columns of a flow record: names, types, units, the options that turn them on, what they are.
    Schema {
        /// How to write the list.
        #[arg(short = 'o', long = "output", value_enum, default_value_t = SchemaFormat::Text)]
        format: SchemaFormat,
    },
    /// Check a file that -w wrote against FILE.manifest.json: its bytes, its inputs, and its records, which are metered again.
    Verify {
        /// The file, or several. Of files that one run wrote one after the other, one stands for all of them.
        #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
    },
    /// Write flow records in another format: reads files that -w wrote (CSV, JSON lines, Parquet, Arrow), as in: flowgauge
    /// convert flows.csv.gz -w flows.parquet
    Convert(Conversion),
    /// Merge the records of pieces of one capture that were metered apart into those of the whole, as in: flowgauge merge
    /// p1.parquet p2.parquet -w whole.parquet
    Merge(Merging),
    /// Show packets: a block of lines each, or a line with -s, as in: flowgauge watch -s -r trace.pcap udp port 53
    Watch(Watching),
    /// Show DNS messages, a line each: who asks for what, and what is answered, as in: flowgauge dns -r trace.pcap
    Dns(Asking),
    /// Show what is asked for on the web: HTTP requests and responses, TLS connections, as in: flowgauge urls -r trace.pcap
    Urls(Urls),
    /// Relay messages from sensors to subscribers, until Ctrl-C, as in: flowgauge hub --compat netdumplings
    #[cfg(feature = "hub")]
    Hub(Box<Relaying>),
    /// Make messages of packets and flows, and send them to a hub, as in: flowgauge sensor -r trace.pcap --hub -
    #[cfg(feature = "hub")]
    Sensor(Box<Sensing>),
    /// Show messages of a hub, a line each, until Ctrl-C, as in: flowgauge tail --topic 'dns.*'
    #[cfg(feature = "hub")]
    Tail(Tailing),
    /// Write a script that completes options in a shell, as in: flowgauge completions bash > /etc/bash_completion.d/flowgauge
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Write the manual page, as in: flowgauge man | man -l -
    Man,
}

/// Packets in, lines out.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("packets").required(true))]
#[command(group = ArgGroup::new("form").args(["summary", "json", "csv"]))]
pub(crate) struct Watching {
    #[command(flatten)]
    pub(crate) packets: Packets,

    /// A line a packet: moment in UTC, protocols, both ends and what is known of them.
    #[arg(short, long)]
    pub(crate) summary: bool,

    /// A line of JSON a packet.
    #[arg(long)]
    pub(crate) json: bool,

    /// A line of CSV a packet.
    #[arg(long)]
    pub(crate) csv: bool,

    /// Tell tags, too: outgoing, incoming or internal, and nxdomain.
    #[arg(long)]
    pub(crate) tags: bool,

    /// Look up the names of addresses, of the system's resolver, or of the DNS server at this address. Without it no lookup is
    /// made, and names are only those that DNS answers in the capture told.
    #[arg(long, value_name = "SERVER", num_args = 0..=1, require_equals = true, default_missing_value = "system")]
    pub(crate) resolve: Option<String>,

    /// Look up no names, which is so anyway.
    #[arg(short, hide = true, conflicts_with = "resolve")]
    pub(crate) numeric: bool,
}

/// Packets in, DNS messages out.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("packets").required(true))]
#[command(group = ArgGroup::new("form").args(["json", "csv"]))]
pub(crate) struct Asking {
    #[command(flatten)]
    pub(crate) packets: Packets,

    /// Only messages with something unusual, and what that is: types and classes that nobody asks for in daily life, long
    /// names like those of tunnels, answers without a question, what is broken.
    #[arg(long)]
    pub(crate) anomalies: bool,

    /// A line of JSON a packet with messages.
    #[arg(long)]
    pub(crate) json: bool,

    /// A line of CSV a message.
    #[arg(long)]
    pub(crate) csv: bool,
}

/// Packets in, HTTP messages and TLS connections out.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("packets").required(true))]
#[command(group = ArgGroup::new("form").args(["json", "csv"]))]
pub(crate) struct Urls {
    #[command(flatten)]
    pub(crate) packets: Packets,

    /// A line of JSON each.
    #[arg(long)]
    pub(crate) json: bool,

    /// A line of CSV each.
    #[arg(long)]
    pub(crate) csv: bool,

    /// Look up the names of addresses, as in watch. Without it no lookup is made.
    #[arg(long, value_name = "SERVER", num_args = 0..=1, require_equals = true, default_missing_value = "system")]
    pub(crate) resolve: Option<String>,
}

/// Flow records in, flow records out.
#[derive(Args, Debug)]
pub(crate) struct Conversion {
    /// Files of flow records with the same columns, one behind the other; - is standard input. What a file is, its first
    /// bytes say.
    #[arg(value_name = "FLOWS", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    /// Texts in a CSV that is read were written with --verbatim: an apostrophe in front is their own.
    #[arg(long)]
    pub(crate) from_verbatim: bool,

    #[command(flatten)]
    pub(crate) writing: Writing,
}

/// Flow records of pieces in, those of the whole out.
#[derive(Args, Debug)]
pub(crate) struct Merging {
    /// Files of flow records with their manifests beside them, of pieces that lie one behind the other, in their order.
    #[arg(value_name = "PIECES", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    /// Texts in a CSV that is read were written with --verbatim: an apostrophe in front is their own.
    #[arg(long)]
    pub(crate) from_verbatim: bool,

    #[command(flatten)]
    pub(crate) writing: Writing,
}

/// How records are written that are there already.
#[derive(Args, Debug)]
pub(crate) struct Writing {
    /// Write to this file, which gets its name when it is complete; - is standard output. Its end says how, as in metering.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub(crate) write: Option<PathBuf>,

    /// What to write. Default: as -w says, else a table on a terminal and lines of JSON anywhere else.
    #[arg(short = 'o', long = "output", value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,

    /// The columns to write, of those that there are, with commas between them, also by groups: core, identity, counts,
    /// application, statistics, sequence, tcp, metrics, all. Default: all, in their order.
    #[arg(short = 'F', long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(crate) fields: Vec<String>,

    /// Write texts to CSV as they are. Without it, one that a spreadsheet would take for a formula gets a ' in front.
    #[arg(long)]
    pub(crate) verbatim: bool,

    /// Write times to CSV and JSON as whole nanoseconds, in columns called start_time_ns and so on. Without it they are whole
    /// milliseconds.
    #[arg(long)]
    pub(crate) nanoseconds: bool,

    /// Go on in a next file after so many records, as in metering.
    #[arg(long, value_name = "N")]
    pub(crate) rotate_rows: Option<NonZeroU64>,

    /// Go on in a next file when one has so many bytes (k, M, G), before they are compressed.
    #[arg(long, value_name = "BYTES", value_parser = amount::some_bytes)]
    pub(crate) rotate_bytes: Option<NonZeroU64>,

    /// Go on in a next file every so many seconds of the capture, at multiples of them.
    #[arg(long, value_name = "S")]
    pub(crate) rotate_seconds: Option<NonZeroU64>,

    /// In IPFIX, a record for each direction, for collectors that do not know records of both (RFC 5103).
    #[arg(long)]
    pub(crate) uniflow: bool,
}

/// Packets in, flow records out.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("source").args(["read", "interface"]).required(true))]
pub(crate) struct Metering {
    /// Read captures: pcap or pcapng, plain, gzip or zstd; - is standard input. Several are one continuous capture; of a
    /// folder, its captures in the order of their names; a quoted pattern such as 'day-*.pcap' is looked up likewise.
    #[arg(short, long, value_name = "FILE|DIR|GLOB", value_hint = ValueHint::AnyPath, help_heading = SOURCE)]
    pub(crate) read: Vec<PathBuf>,

    /// Capture on an interface (`flowgauge devices` lists them), until Ctrl-C or -c.
    #[arg(short, long, value_name = "IFACE", help_heading = SOURCE)]
    pub(crate) interface: Option<String>,

    /// Stop after this many packets that match the filter, of any protocol, as tcpdump does.
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..), help_heading = SOURCE)]
    pub(crate) count: Option<u64>,

    /// Do not capture what an interface sees of frames for others.
    #[arg(short = 'p', long, help_heading = SOURCE)]
    pub(crate) no_promiscuous_mode: bool,

    /// Bytes of each frame to capture on an interface; 0 is as many as there may be. Default: 65,535.
    #[arg(long, value_name = "BYTES", help_heading = SOURCE)]
    pub(crate) snaplen: Option<u32>,

    /// Go on where the run before stopped that wrote this file with --position-out: -r is the next piece of the same capture,
    /// and frames are numbered on.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "interface", help_heading = SOURCE)]
    pub(crate) after: Option<PathBuf>,

    /// Write to this file where the run stopped, for --after.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = SOURCE)]
    pub(crate) position_out: Option<PathBuf>,

    /// Instead of writing flows, show them in a browser, with a hub and its page on this address, of this machine only. Flows
    /// are cut every 5 seconds at least.
    #[cfg(feature = "hub")]
    #[arg(
        long, value_name = "ADDRESS:PORT", num_args = 0..=1, require_equals = true, requires = "interface",
        default_missing_value = "127.0.0.1:11346", help_heading = OUTPUT,
        conflicts_with_all = [
            "count", "write", "format", "fields", "summarize", "report", "progress", "statistics", "splt",
            "application_fields", "tcp_analysis", "metric", "keep_flows", "anonymize", "end_flow_when", "tunnel_keys",
            "dissect", "workers",
        ]
    )]
    pub(crate) live: Option<SocketAddr>,

    /// Write to this file, which gets its name when it is complete; - is standard output. Its end says how: .csv, .json,
    /// .jsonl, .ndjson, .ipfix or .txt, and .gz or .zst after it compresses; or .parquet, .arrow,
    /// .feather or .arrows. Or send IPFIX to a collector: udp://HOST:PORT,
    /// tcp://HOST:PORT.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath, help_heading = OUTPUT)]
    pub(crate) write: Option<PathBuf>,

    /// What to write. Default: as -w says, else a table on a terminal and lines of JSON anywhere else.
    #[arg(short = 'o', long = "output", value_enum, value_name = "FORMAT", help_heading = OUTPUT)]
    pub(crate) format: Option<Format>,

    /// The columns to write, with commas between them, also by groups: core, identity, counts, application, statistics,
    /// sequence, tcp, metrics, all. Columns of an option turn it on. `flowgauge schema` lists them.
    #[arg(short = 'F', long, value_name = "COLUMNS", value_delimiter = ',', help_heading = OUTPUT)]
    pub(crate) fields: Vec<String>,

    /// Instead of flows, write what they come to for each value of a column: flows, packets and bytes, the most first by
    /// flows, pkts or bytes. It keeps one row in memory for every distinct value. May be given several times.
    #[arg(short, long, value_name = "COLUMN/BY", value_parser = Ranking::parse, help_heading = OUTPUT)]
    pub(crate) summarize: Vec<Ranking>,

    /// How many rows -s writes; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 10, requires = "summarize", help_heading = OUTPUT)]
    pub(crate) top: usize,

    /// Write texts to CSV as they are. Without it, one that a spreadsheet would take for a formula gets a ' in front.
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) verbatim: bool,

    /// Write times to CSV and JSON as whole nanoseconds, in columns called start_time_ns and so on. Without it they are whole
    /// milliseconds.
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) nanoseconds: bool,

    /// Go on in a next file after so many records. Files are called as tshark does it: flows_00001_20260131235900.csv for
    /// -w flows.csv, with the moment in UTC, of the capture.
    #[arg(long, value_name = "N", help_heading = OUTPUT)]
    pub(crate) rotate_rows: Option<NonZeroU64>,

    /// Go on in a next file when one has so many bytes (k, M, G), before they are compressed.
    #[arg(long, value_name = "BYTES", value_parser = amount::some_bytes, help_heading = OUTPUT)]
    pub(crate) rotate_bytes: Option<NonZeroU64>,

    /// Go on in a next file every so many seconds of the capture, at multiples of them: at full hours with 3600.
    #[arg(long, value_name = "S", help_heading = OUTPUT)]
    pub(crate) rotate_seconds: Option<NonZeroU64>,

    /// In IPFIX, a record for each direction, for collectors that do not know records of both (RFC 5103).
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) uniflow: bool,

    /// In IPFIX, columns without an element of IANA's, and metrics, as elements of the enterprise of this number, which is to be
    /// your own, with options records that name them (RFC 5610). Default: they are left out.
    #[arg(long, value_name = "NUMBER", help_heading = OUTPUT)]
    pub(crate) ipfix_pen: Option<NonZeroU32>,

    /// In IPFIX over UDP too, options records of what was sent, ignored and lost (RFC 7011), and of what applications are
    /// called: nfcapd takes them for flows that were lost.
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) ipfix_options: bool,

    /// Bytes a second that a collector gets over UDP (k, M, G); 0 for as fast as flows come. Default: 4M from captures,
    /// which are read faster than a collector takes flows in, and 0 on an interface.
    #[arg(long, value_name = "BYTES", value_parser = amount::bytes, help_heading = OUTPUT)]
    pub(crate) udp_rate: Option<u64>,

    /// Write no FILE.manifest.json beside the file of -w: inputs, options, versions, ledger and digest of the records.
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) no_manifest: bool,

    /// No summary on standard error at the end.
    #[arg(short, long, help_heading = OUTPUT)]
    pub(crate) quiet: bool,

    /// Instead of the summary, write the whole ledger to standard error: what became of every frame, as json (the default)
    /// or text.
    #[arg(
        long, value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "json",
        help_heading = OUTPUT
    )]
    pub(crate) report: Option<ReportFormat>,

    /// Show on standard error, when it is a terminal that shows no flows, how far reading is.
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) progress: bool,

    /// Add statistics of sizes, gaps and TCP flags.
    #[arg(long, help_heading = MORE)]
    pub(crate) statistics: bool,

    /// Add a flow's first N packets one by one: direction, size, gap.
    #[arg(
        long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=65535),
        help_heading = MORE
    )]
    pub(crate) splt: u32,

    /// Add what the payload of first packets says: server names, versions, fingerprints.
    #[arg(long, help_heading = MORE)]
    pub(crate) application_fields: bool,

    /// Add what TCP segments say of their connection: repeats, disorder, handshake, end.
    #[arg(long, help_heading = MORE)]
    pub(crate) tcp_analysis: bool,

    /// Add a metric of your own, an expression folded over the packets of each flow; may be given several times.
    #[arg(long, value_name = "NAME=EXPR", value_parser = metric, help_heading = MORE)]
    pub(crate) metric: Vec<(String, Expr)>,

    /// Leave out flows of which this expression is not true; the report counts them as withheld.
    #[arg(long, value_name = "EXPR", value_parser = Expr::parse, help_heading = MORE)]
    pub(crate) keep_flows: Option<Expr>,

    /// Replace addresses by others, the same for the same key: crypto-pan keeps prefixes, blake2 keeps nothing. The file has
    /// the key, as bytes or as hexadecimal digits: 32 bytes for crypto-pan, 16 to 64 for blake2.
    #[arg(long, value_name = "METHOD:KEYFILE", value_parser = Anonymize::parse, help_heading = MORE)]
    pub(crate) anonymize: Option<Anonymize>,

    /// Seconds of silence that end a flow, or "never".
    #[arg(long, value_name = "S", default_value = "60", value_parser = timeout, help_heading = FLOWS)]
    pub(crate) inactive: Timeout,

    /// Age in seconds at which a living flow is cut and reported, or "never".
    #[arg(long, value_name = "S", default_value = "120", value_parser = timeout, help_heading = FLOWS)]
    pub(crate) active: Timeout,

    /// End a flow with its TCP connection: FIN from both sides, or RST.
    #[arg(long, help_heading = FLOWS)]
    pub(crate) tcp_end: bool,

    /// Seconds for which a flow still takes packets after that, or "never" for until it is silent.
    #[arg(
        long, value_name = "S", default_value = "5", value_parser = timeout, requires = "tcp_end", help_heading = FLOWS
    )]
    pub(crate) tcp_linger: Timeout,

    /// End a flow with the packet after which this expression is true (export reason 16).
    #[arg(long, value_name = "EXPR", value_parser = Expr::parse, help_heading = FLOWS)]
    pub(crate) end_flow_when: Option<Expr>,

    /// Keep flows in tunnels with different keys (TEID, VNI, GRE key, ERSPAN session) apart.
    #[arg(long, help_heading = FLOWS)]
    pub(crate) tunnel_keys: bool,

    /// Flows that may live at once; then the one nearest its end leaves. Default: no bound, and 1,000,000 on an interface.
    #[arg(long, value_name = "FLOWS", help_heading = FLOWS)]
    pub(crate) capacity: Option<usize>,

    /// Packets of a flow that nDPI sees; 0 leaves nDPI out.
    #[arg(long, value_name = "N", default_value_t = 20, help_heading = FLOWS)]
    pub(crate) dissect: u32,

    /// Threads that meter; 0 meters inside the capture thread. Default: processors less one, at least 1.
    #[arg(short = 'j', long = "workers", value_name = "WORKERS", help_heading = FLOWS)]
    pub(crate) workers: Option<usize>,

    /// A BPF expression (man pcap-filter). Words before it with a dot or slash that name files are captures too, after -r.
    #[arg(value_name = "BPF")]
    pub(crate) words: Vec<OsString>,

    /// A BPF expression, after --.
    #[arg(last = true, value_name = "BPF", hide = true)]
    pub(crate) expression: Vec<OsString>,
}

/// A timeout; `None` is never.
pub(crate) type Timeout = Option<Duration>;

/// How the ledger is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// A line of JSON.
    Json,
    /// A line a number, for people.
    Text,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ListFormat {
    /// Columns, for people.
    Text,
    /// A list of objects.
    Json,
}

/// How the table of columns is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum SchemaFormat {
    /// Columns, for people.
    Text,
    /// A list of objects.
    Json,
    /// A table in Markdown.
    Markdown,
}

/// The arguments as clap is to see them: `--report json` is `--report=json`, although the value may be left out and any
/// other word after `--report` belongs to the filter.
pub(crate) fn joined(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::new();
    let mut raw = false;
    for argument in arguments {
        raw |= argument == "--";
        let value = ReportFormat::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names_format = value.map(|value| OsString::from(value.get_name())).any(|name| name == argument);
        match joined.last_mut() {
            Some(last) if !raw && names_format && last == "--report" => {
                last.push("=");
                last.push(argument);
            }
            _ => joined.push(argument),
        }
    }
    joined
}

fn timeout(text: &str) -> Result<Timeout, String> {
    if text == "never" {
        return Ok(None);
    }
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds or \"never\" is wanted".to_owned())?;
    Duration::try_from_secs_f64(seconds).map(Some).map_err(|_| "seconds from 0 on are wanted".to_owned())
}

/// A name, an equals sign and an expression.
fn metric(text: &str) -> Result<(String, Expr), String> {
    let Some((name, source)) = text.split_once('=') else {
        return Err("a name, = and an expression are wanted, as in 'big=(packet.size > 666).sum()'".to_owned());
    };
    let expression = Expr::parse(source).and_then(|expression| expression.check_metric().map(|()| expression));
    expression.map(|expression| (name.trim().to_owned(), expression)).map_err(|invalid| invalid.to_string())
}

const SOURCE: &str = "Packets in";
const OUTPUT: &str = "Records out";
const MORE: &str = "More in a record, and fewer records";
const FLOWS: &str = "What a flow is";

const EXAMPLES: &str = "\
Examples:
  A table on a terminal, lines of JSON in a pipe:
    flowgauge -r trace.pcap
  All captures of a folder as one, into a compressed CSV:
    flowgauge -r captures/ -w flows.csv.gz
  Several files as one capture, filtered:
    flowgauge -r *.pcapng.gz -o csv tcp port 443
  Who sends the most:
    flowgauge -r trace.pcap -s ip_src/bytes --top 5
  Columns of your choice, those of the payload and of statistics too:
    flowgauge -r trace.pcap -F ip_src,ip_dst,requested_server_name,size_mean
  An interface, until Ctrl-C, then the ledger:
    flowgauge -i eth0 -w flows.jsonl --report json
  A metric of your own, and fewer flows:
    flowgauge -r trace.pcap --metric 'big=(packet.size > 666).sum()' \\
        --keep-flows 'flow.src_to_dst_pkts > 3'

Exit status: 0 success, also without flows; 1 an error; 2 wrong usage;
130 after Ctrl-C, with the flows written.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_format_of_the_report_may_stand_apart() {
        let joined = |line: &str| {
            let words = joined(line.split(' ').map(OsString::from));
            words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(joined("--report json -r x"), "--report=json -r x");
        assert_eq!(joined("--report text udp"), "--report=text udp");
        for same in ["--report udp", "-r json", "--report -- json", "-- --report json", "--report=text json"] {
            assert_eq!(joined(same), same);
        }
    }
}
