//! `flowgauge hub`: messages of many sensors in, to many subscribers out.

use std::fmt;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use flowgauge_hub::{Error, Hub, Options, Role, Tokens};
use serde::Serialize;

use crate::hub::look::{self, Looking};
use crate::hub::settings::{self, Log, LogFormat, LogLevel};
use crate::status;

/// Where options come from: a file, weaker than the environment, which is weaker than these.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Relaying {
    #[command(subcommand)]
    other: Option<Other>,

    /// A TOML file of options: their names below with _ for -, as in listen = "127.0.0.1:11346".
    #[arg(long, value_name = "FILE", env = "FLOWGAUGE_HUB_CONFIG", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,

    /// Read all files, print what would be in force, with secrets masked, and end.
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    told: Told,
}

/// What else there is to do with a hub.
#[derive(Debug, Subcommand)]
enum Other {
    /// Show the counters of a hub that runs, and who is there, as in: flowgauge hub status --watch
    Status(Looking),
}

/// What flags and environment tell. Names and values are those of the file.
#[derive(Args, Debug, Serialize)]
#[command(next_help_heading = "Options of the file")]
struct Told {
    /// How the hub calls itself. Default: flowgauge.
    #[arg(long, env = "FLOWGAUGE_HUB_NAME")]
    name: Option<String>,

    /// Where it listens. Any address but loopback needs TLS and tokens, or --insecure. Default: 127.0.0.1:11346.
    #[arg(long, value_name = "ADDRESS:PORT", env = "FLOWGAUGE_HUB_LISTEN")]
    listen: Option<SocketAddr>,

    /// Its certificate, with those that vouch for it behind it, in PEM.
    #[arg(long, value_name = "FILE", env = "FLOWGAUGE_HUB_TLS_CERTIFICATE", value_hint = ValueHint::FilePath)]
    tls_certificate: Option<PathBuf>,

    /// The key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", env = "FLOWGAUGE_HUB_TLS_KEY", value_hint = ValueHint::FilePath)]
    tls_key: Option<PathBuf>,

    /// A file of tokens, a line each: name, roles (publish, subscribe, status) with commas between them, token or
    /// sha256:HEX. With it, nobody does anything without a token.
    #[arg(long, value_name = "FILE", env = "FLOWGAUGE_HUB_TOKENS", value_hint = ValueHint::FilePath)]
    tokens: Option<PathBuf>,

    /// Listen where others can reach it without TLS and tokens.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(env = "FLOWGAUGE_HUB_INSECURE")]
    insecure: Option<bool>,

    /// Origins of web pages that may connect, with commas between them, as in https://monitor.example.
    #[arg(long, value_name = "ORIGINS", value_delimiter = ',', env = "FLOWGAUGE_HUB_ORIGINS")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    origins: Vec<String>,

    /// The longest message. Default: 1048576.
    #[arg(long, value_name = "BYTES", env = "FLOWGAUGE_HUB_MAX_MESSAGE_BYTES")]
    max_message_bytes: Option<u32>,

    /// Connections at one time, of all kinds. Default: 2048.
    #[arg(long, value_name = "N", env = "FLOWGAUGE_HUB_MAX_CONNECTIONS")]
    max_connections: Option<u32>,

    /// Publishers among them. Default: 256.
    #[arg(long, value_name = "N", env = "FLOWGAUGE_HUB_MAX_PUBLISHERS")]
    max_publishers: Option<u32>,

    /// Messages that are read of one publisher; a faster one waits. Default: 10000.
    #[arg(long, value_name = "N", env = "FLOWGAUGE_HUB_MAX_MESSAGES_PER_SECOND")]
    max_messages_per_second: Option<u32>,

    /// How long TLS, the head of a request and a hello may take, each. Default: 10.
    #[arg(long, value_name = "SECONDS", env = "FLOWGAUGE_HUB_HELLO_TIMEOUT")]
    hello_timeout: Option<f64>,

    /// How long nothing of what is sent may be taken before a connection is given up. Default: 20.
    #[arg(long, value_name = "SECONDS", env = "FLOWGAUGE_HUB_WRITE_TIMEOUT")]
    write_timeout: Option<f64>,

    /// Between two pings; a connection that says nothing for two of them is given up. Default: 20.
    #[arg(long, value_name = "SECONDS", env = "FLOWGAUGE_HUB_PING_INTERVAL")]
    ping_interval: Option<f64>,

    /// Messages that may wait for one subscriber. Default: 4096.
    #[arg(long, value_name = "N", env = "FLOWGAUGE_HUB_QUEUE_MESSAGES")]
    queue_messages: Option<u32>,

    /// Bytes of them. Default: 8388608.
    #[arg(long, value_name = "BYTES", env = "FLOWGAUGE_HUB_QUEUE_BYTES")]
    queue_bytes: Option<u32>,

    /// The last messages, kept for those who come back. Default: 10000.
    #[arg(long, value_name = "N", env = "FLOWGAUGE_HUB_HISTORY_MESSAGES")]
    history_messages: Option<u32>,

    /// Bytes of them. Default: 67108864.
    #[arg(long, value_name = "BYTES", env = "FLOWGAUGE_HUB_HISTORY_BYTES")]
    history_bytes: Option<u32>,

    /// Between two messages of the hub about itself. Default: 5.
    #[arg(long, value_name = "SECONDS", env = "FLOWGAUGE_HUB_STATUS_INTERVAL")]
    status_interval: Option<f64>,

    /// How long subscribers may take for what waits for them when the hub ends. Default: 5.
    #[arg(long, value_name = "SECONDS", env = "FLOWGAUGE_HUB_SHUTDOWN_GRACE")]
    shutdown_grace: Option<f64>,

    /// Speak this protocol as well, on two ports of its own.
    #[arg(long, value_enum, env = "FLOWGAUGE_HUB_COMPAT")]
    compat: Option<Compat>,

    /// Where these ports are. Its clients know no TLS, so any address but loopback needs --insecure. Default: 127.0.0.1.
    #[arg(long, value_name = "ADDRESS", env = "FLOWGAUGE_HUB_COMPAT_ADDRESS")]
    compat_address: Option<IpAddr>,

    /// The port that kitchens send to. Default: 11347.
    #[arg(long, value_name = "PORT", env = "FLOWGAUGE_HUB_COMPAT_IN")]
    compat_in: Option<u16>,

    /// The port that eaters read from. Default: 11348.
    #[arg(long, value_name = "PORT", env = "FLOWGAUGE_HUB_COMPAT_OUT")]
    compat_out: Option<u16>,

    /// NATS, which carries the messages between hubs: nats://HOST:PORT or tls://HOST:PORT, servers of one cluster with
    /// commas between them. nats:// to another machine needs --insecure.
    #[arg(long, value_name = "URL", env = "FLOWGAUGE_HUB_BROKER")]
    broker: Option<String>,

    /// A file with the token that NATS wants.
    #[arg(long, value_name = "FILE", env = "FLOWGAUGE_HUB_BROKER_TOKEN", value_hint = ValueHint::FilePath)]
    broker_token: Option<PathBuf>,

    /// A file of credentials (.creds), as NATS makes them.
    #[arg(long, value_name = "FILE", env = "FLOWGAUGE_HUB_BROKER_CREDENTIALS", value_hint = ValueHint::FilePath)]
    broker_credentials: Option<PathBuf>,

    /// Certificates in PEM that vouch for NATS, instead of those of the system.
    #[arg(long, value_name = "FILE", env = "FLOWGAUGE_HUB_BROKER_CA", value_hint = ValueHint::FilePath)]
    broker_ca: Option<PathBuf>,

    /// The stream of JetStream, and the first word of its subjects; made when it is not there. Default: flowgauge.
    #[arg(long, value_name = "NAME", env = "FLOWGAUGE_HUB_BROKER_STREAM")]
    broker_stream: Option<String>,

    /// Bytes that the stream keeps when it is made here; the oldest go. Default: 1073741824.
    #[arg(long, value_name = "BYTES", env = "FLOWGAUGE_HUB_BROKER_MAX_BYTES")]
    broker_max_bytes: Option<u64>,

    /// How long the stream keeps a message when it is made here. Default: 86400.
    #[arg(long, value_name = "SECONDS", env = "FLOWGAUGE_HUB_BROKER_MAX_AGE")]
    broker_max_age: Option<f64>,

    /// On how many servers the stream is kept when it is made here. Default: 1.
    #[arg(long, value_name = "N", env = "FLOWGAUGE_HUB_BROKER_REPLICAS")]
    broker_replicas: Option<u32>,

    /// How long NATS may take to store a message before its publisher is sent away, to send it again. Default: 30.
    #[arg(long, value_name = "SECONDS", env = "FLOWGAUGE_HUB_BROKER_TIMEOUT")]
    broker_timeout: Option<f64>,

    /// How the log is written, to standard error. Default: text.
    #[arg(long, value_enum, env = "FLOWGAUGE_HUB_LOG_FORMAT")]
    log_format: Option<LogFormat>,

    /// The least that is logged. Default: info.
    #[arg(long, value_enum, env = "FLOWGAUGE_HUB_LOG_LEVEL")]
    log_level: Option<LogLevel>,
}

/// A protocol beside our own.
#[derive(Clone, Copy, Debug, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Compat {
    Netdumplings,
}

/// What is in force.
#[derive(Debug, Serialize)]
struct Settings {
    #[serde(flatten)]
    options: Options,
    #[serde(flatten)]
    log: Log,
}

/// Runs the hub until it is interrupted, which is how it ends: the exit status is then 0. Or does what else there is.
pub(crate) fn run(relaying: &Relaying, err: &mut dyn Write, interrupted: &dyn Fn() -> bool) -> u8 {
    if let Some(Other::Status(looking)) = &relaying.other {
        return look::run(looking, err, interrupted);
    }
    let mut refuse = |words: &dyn fmt::Display, status| {
        let _ = writeln!(err, "flowgauge: {words}");
        status
    };
    let checked = settings(relaying).map_err(Refusal::Words).and_then(|settings| {
        let tokens = Hub::check(&settings.options).map_err(Refusal::Hub)?;
        Ok((settings, tokens))
    });
    let (settings, tokens) = match checked {
        Ok(checked) => checked,
        Err(refusal) => return refuse(&refusal, status::USAGE),
    };
    if relaying.check {
        return match io::stdout().write_all(told(&settings, &tokens).as_bytes()) {
            Ok(()) => status::DONE,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => status::DONE,
            Err(error) => refuse(&format_args!("cannot write to standard output: {error}"), status::FAILED),
        };
    }
    settings.log.begin();
    let ready = |at: flowgauge_hub::Addresses| {
        tracing::info!(http = %at.http, compat_in = ?at.compat_in, compat_out = ?at.compat_out, "listening");
    };
    match flowgauge_hub::run(settings.options, ready, interrupted) {
        Ok(ended) => {
            let (refused, dropped) = (ended.refused.total(), ended.dropped.total());
            tracing::info!(received = ended.received, refused, delivered = ended.delivered, dropped, "ended");
            if let Err(broken) = ended.check() {
                tracing::error!(broken, "the numbers do not add up");
            }
            status::DONE
        }
        Err(error) => refuse(&error, status::FAILED),
    }
}

enum Refusal {
    Words(String),
    Hub(Error),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => f.write_str(words),
            Self::Hub(error) => write!(f, "{error}"),
        }
    }
}

/// The file, with what environment and flags tell laid over it.
fn settings(relaying: &Relaying) -> Result<Settings, String> {
    settings::check_environment("hub", "FLOWGAUGE_HUB_", &[])?;
    let (options, log) = settings::layered(relaying.config.as_deref(), &relaying.told)?;
    Ok(Settings { options, log })
}

/// What is in force, as a file that would make it so.
fn told(settings: &Settings, tokens: &Tokens) -> String {
    let mut text = toml::to_string(settings).unwrap_or_else(|error| format!("# {error}\n"));
    for (name, roles) in tokens.holders() {
        let role = |role: &Role| format!("{role:?}").to_lowercase();
        let roles: Vec<_> = roles.iter().map(role).collect();
        text.push_str(&format!("# token of {name:?}: {} ********\n", roles.join(",")));
    }
    text
}
