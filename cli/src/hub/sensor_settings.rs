//! Options of a sensor.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueHint};
use flowgauge::Streamer;
use flowgauge::capture::filter::Filter;
use flowgauge_hub::Name;
use flowgauge_hub::client::PublisherOptions;
use flowgauge_sensor::{BUILT_IN, Processor};
use serde::{Deserialize, Serialize};

use crate::hub::settings::{self, Log, LogFormat, LogLevel};
use crate::inputs;

/// Where options come from: a file, weaker than the environment, which is weaker than these.
#[derive(Args, Debug)]
pub(crate) struct Sensing {
    /// A TOML file of options: their names below with _ for -, as in processor = ["flows", "scans.py"].
    #[arg(long, value_name = "FILE", env = "FLOWGAUGE_SENSOR_CONFIG", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,

    /// Print what would be in force, with secrets masked, and end. Processors are made, nothing is captured.
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    told: Told,
}

/// What flags and environment tell. Names and values are those of the file.
#[derive(Args, Debug, Serialize)]
#[command(next_help_heading = "Options of the file")]
struct Told {
    /// How the sensor calls itself. Default: the name of this machine.
    #[arg(short, long, env = "FLOWGAUGE_SENSOR_NAME")]
    name: Option<String>,

    /// Capture on an interface (`flowgauge devices` lists them), until Ctrl-C.
    #[arg(short, long, value_name = "IFACE", env = "FLOWGAUGE_SENSOR_INTERFACE", conflicts_with = "read")]
    interface: Option<String>,

    /// Read captures, as in metering; several are one continuous capture.
    #[arg(short, long, value_name = "FILE|DIR|GLOB", value_hint = ValueHint::AnyPath)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    read: Vec<PathBuf>,

    /// Only packets that match this BPF expression (man pcap-filter).
    #[arg(short, long, value_name = "BPF", env = "FLOWGAUGE_SENSOR_FILTER")]
    filter: Option<String>,

    /// What is said of packets, flows and intervals: flows, dns, packets or arp, which are native; module, module:Class,
    /// file.py or file.py:Class, which is Python. May be given again. Default: the native ones.
    #[arg(short, long, value_name = "PROCESSOR", env = "FLOWGAUGE_SENSOR_PROCESSOR", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    processor: Vec<String>,

    /// The hub: ws://HOST:PORT or wss://HOST:PORT; netdumplings://HOST:PORT is an nd-hub's port for kitchens; - writes a
    /// message a line to standard output. Default: ws://127.0.0.1:11346.
    #[arg(long, value_name = "URL", env = "FLOWGAUGE_SENSOR_HUB")]
    hub: Option<String>,

    /// Between two ends of intervals: of an interface by the clock, of captures by their packets. Default: 5.
    #[arg(long, value_name = "SECONDS", env = "FLOWGAUGE_SENSOR_INTERVAL")]
    interval: Option<f64>,

    /// A file with the token for the hub; or have that in FLOWGAUGE_SENSOR_TOKEN.
    #[arg(long, value_name = "FILE", env = "FLOWGAUGE_SENSOR_TOKEN_FILE", value_hint = ValueHint::FilePath)]
    token_file: Option<PathBuf>,

    /// Certificates in PEM, one of which must vouch for the hub's. Default: those that this machine trusts.
    #[arg(long, value_name = "FILE", env = "FLOWGAUGE_SENSOR_TLS_CA", value_hint = ValueHint::FilePath)]
    tls_ca: Option<PathBuf>,

    /// Do not capture what an interface sees of frames for others.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(env = "FLOWGAUGE_SENSOR_NO_PROMISCUOUS_MODE")]
    no_promiscuous_mode: Option<bool>,

    /// The silence after which a flow ends. Default: 60.
    #[arg(long, value_name = "SECONDS", env = "FLOWGAUGE_SENSOR_INACTIVE_TIMEOUT")]
    inactive_timeout: Option<f64>,

    /// The age at which a living flow is cut. Default: 120.
    #[arg(long, value_name = "SECONDS", env = "FLOWGAUGE_SENSOR_ACTIVE_TIMEOUT")]
    active_timeout: Option<f64>,

    /// Messages that wait in memory for the hub, at most. On an interface the oldest ones leave, counted; captures are read
    /// more slowly. Default: 65536.
    #[arg(long, value_name = "N", env = "FLOWGAUGE_SENSOR_SPOOL_MESSAGES")]
    spool_messages: Option<u32>,

    /// Bytes of them. Default: 67108864.
    #[arg(long, value_name = "BYTES", env = "FLOWGAUGE_SENSOR_SPOOL_BYTES")]
    spool_bytes: Option<u32>,

    /// A folder of this sensor's own, for messages that memory does not hold, and for what is left at the end: the next start
    /// sends it.
    #[arg(long, value_name = "DIR", env = "FLOWGAUGE_SENSOR_SPOOL_DIR", value_hint = ValueHint::DirPath)]
    spool_dir: Option<PathBuf>,

    /// Bytes there, at most. Default: 1073741824.
    #[arg(long, value_name = "BYTES", env = "FLOWGAUGE_SENSOR_SPOOL_DISK_BYTES")]
    spool_disk_bytes: Option<u64>,

    /// How long nothing may be acknowledged at the end before what waits is given up. Default: 5.
    #[arg(long, value_name = "SECONDS", env = "FLOWGAUGE_SENSOR_DRAIN_TIMEOUT")]
    drain_timeout: Option<f64>,

    /// How the log is written, to standard error. Default: text.
    #[arg(long, value_enum, env = "FLOWGAUGE_SENSOR_LOG_FORMAT")]
    log_format: Option<LogFormat>,

    /// The least that is logged. Default: info.
    #[arg(long, value_enum, env = "FLOWGAUGE_SENSOR_LOG_LEVEL")]
    log_level: Option<LogLevel>,
}

/// What is in force.
#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) name: Name,
    pub(crate) interface: Option<String>,
    read: Vec<PathBuf>,
    pub(crate) filter: String,
    pub(crate) processor: Vec<String>,
    pub(crate) hub: String,
    pub(crate) interval: f64,
    token: Option<String>,
    token_file: Option<PathBuf>,
    tls_ca: Option<PathBuf>,
    no_promiscuous_mode: bool,
    pub(crate) inactive_timeout: f64,
    pub(crate) active_timeout: f64,
    spool_messages: usize,
    spool_bytes: usize,
    spool_dir: Option<PathBuf>,
    spool_disk_bytes: u64,
    pub(crate) drain_timeout: f64,
}

impl Default for Settings {
    fn default() -> Self {
        let publishing = PublisherOptions::default();
        Self {
            name: machine(),
            interface: None,
            read: Vec::new(),
            filter: String::new(),
            processor: BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect(),
            hub: publishing.hub,
            interval: 5.0,
            token: None,
            token_file: None,
            tls_ca: None,
            no_promiscuous_mode: false,
            inactive_timeout: 60.0,
            active_timeout: 120.0,
            spool_messages: publishing.spool_messages,
            spool_bytes: publishing.spool_bytes,
            spool_dir: None,
            spool_disk_bytes: publishing.spool_disk_bytes,
            drain_timeout: 5.0,
        }
    }
}

/// What this machine is called; `sensor` where that is no name.
pub(crate) fn machine() -> Name {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    Name::try_from(name).unwrap_or_else(|_| Name::try_from("sensor".to_owned()).expect("a short word"))
}

impl Sensing {
    /// Whether only what would be in force is asked for.
    pub(crate) fn check(&self) -> bool {
        self.check
    }
}

/// The options in force.
///
/// # Errors
///
/// In words, what cannot be kept.
pub(crate) fn read(sensing: &Sensing) -> Result<(Settings, Log), String> {
    settings::check_environment("sensor", "FLOWGAUGE_SENSOR_", &[TOKEN])?;
    let (mut settings, log): (Settings, _) = settings::layered(sensing.config.as_deref(), &sensing.told)?;
    if let Some(token) = std::env::var_os(TOKEN) {
        settings.token = Some(token.into_string().map_err(|_| format!("{TOKEN} is no text"))?);
    } else if let Some(path) = &settings.token_file {
        let text = fs::read_to_string(path).map_err(|error| format!("cannot read {path:?}: {error}"))?;
        settings.token = Some(text.trim().to_owned());
    }
    if settings.interface.is_some() != settings.read.is_empty() {
        return Err("a sensor needs an interface (-i) or captures (-r), and not both".to_owned());
    }
    Filter::new(&settings.filter).map_err(|error| error.to_string())?;
    for (name, seconds, least) in [
        ("interval", settings.interval, 0.001),
        ("inactive_timeout", settings.inactive_timeout, 0.0),
        ("active_timeout", settings.active_timeout, 0.0),
        ("drain_timeout", settings.drain_timeout, 0.0),
    ] {
        if !(least..=LONGEST).contains(&seconds) {
            return Err(format!("{name} must be from {least} to {LONGEST} seconds, not {seconds}"));
        }
    }
    Ok((settings, log))
}

impl Settings {
    /// What is in force, as a file that would make it so.
    pub(crate) fn told(&self, log: &Log) -> String {
        let write = |part: Result<String, toml::ser::Error>| part.unwrap_or_else(|error| format!("# {error}\n"));
        let masked = self.token.as_ref().map(|_| "# token = \"********\"\n").unwrap_or_default();
        let mut shown = toml::Table::try_from(self).unwrap_or_default();
        shown.remove("token");
        format!("{}{}{masked}", write(toml::to_string(&shown)), write(toml::to_string(log)))
    }

    pub(crate) fn publishing(&self, processors: &[Box<dyn Processor>]) -> PublisherOptions {
        let mut options = PublisherOptions::default();
        options.hub.clone_from(&self.hub);
        options.sensor = self.name.as_str().to_owned();
        options.token.clone_from(&self.token);
        options.tls_ca.clone_from(&self.tls_ca);
        (options.spool_messages, options.spool_bytes) = (self.spool_messages, self.spool_bytes);
        options.spool_dir.clone_from(&self.spool_dir);
        options.spool_disk_bytes = self.spool_disk_bytes;
        options.interface = self.source();
        options.filter.clone_from(&self.filter);
        options.chefs = processors.iter().map(|processor| processor.name().to_owned()).collect();
        options.interval = Duration::from_secs_f64(self.interval);
        options
    }

    /// What is read, for whoever reads the messages.
    pub(crate) fn source(&self) -> String {
        let files = || self.read.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        self.interface.clone().unwrap_or_else(files)
    }

    pub(crate) fn streamer(&self) -> flowgauge::Result<Streamer> {
        let streamer = match &self.interface {
            Some(name) => Streamer::from_interface(name).promiscuous(!self.no_promiscuous_mode),
            None => Streamer::from_files(inputs::expanded(self.read.iter().map(Path::new))?),
        };
        Ok(if self.filter.is_empty() { streamer } else { streamer.bpf_filter(self.filter.as_str()) })
    }
}

/// The token for the hub: no flag, since everybody on the machine can read those.
const TOKEN: &str = "FLOWGAUGE_SENSOR_TOKEN";
/// Seconds of an option, at most: a year.
const LONGEST: f64 = 31_536_000.0;
