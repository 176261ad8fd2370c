//! `flowgauge -i IFACE --live`: hub, sensor and page for one machine, in one process.

use std::io::{IsTerminal, Write, stderr};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use flowgauge::Streamer;
use flowgauge::meter::MeterConfig;
use flowgauge_hub::client::PublisherOptions;
use flowgauge_hub::{Addresses, Hub, Options, Snapshot};
use flowgauge_sensor::{BUILT_IN, Error, Running, Sensor, ToHub, built_in};

use crate::arguments::Metering;
use crate::hub::sensor_settings::machine;
use crate::status;

/// Shows what an interface carries until it is interrupted, which is how it ends: the status is then 0.
pub(crate) fn run(metering: &Metering, at: SocketAddr, err: &mut dyn Write, interrupted: &dyn Fn() -> bool) -> u8 {
    let options = Options { listen: at, ..Options::default() };
    let mut refuse = |error: flowgauge_hub::Error, status| {
        let _ = writeln!(err, "flowgauge: {error} (--live=ADDRESS:PORT takes another)");
        status
    };
    if let Err(error) = Hub::check(&options) {
        return refuse(error, status::USAGE);
    }
    let (mut hub, addresses) = match Relay::start(options) {
        Ok(started) => started,
        Err(error) => return refuse(error, status::FAILED),
    };
    let ended = start(metering, addresses.http).and_then(|running| {
        tell(addresses.http, metering, err);
        watch(&running, &hub, interrupted)
    });
    let relayed = hub.end();
    match (ended, relayed) {
        (Ok(()), Ok(_)) => status::DONE,
        (Err(error), _) => {
            let _ = writeln!(err, "flowgauge: {error}");
            status::FAILED
        }
        (_, Err(words)) => {
            let _ = writeln!(err, "flowgauge: {words}");
            status::FAILED
        }
    }
}

fn start(metering: &Metering, hub: SocketAddr) -> Result<Running, Error> {
    let interface = metering.interface.as_deref().unwrap_or_default();
    let streamer = Streamer::from_interface(interface).promiscuous(!metering.no_promiscuous_mode);
    let streamer = match metering.snaplen {
        Some(bytes) => streamer.snaplen_bytes(bytes),
        None => streamer,
    };
    let words = metering.words.iter().chain(&metering.expression).map(|word| word.to_string_lossy());
    let filter = words.collect::<Vec<_>>().join(" ");
    let streamer = if filter.is_empty() { streamer } else { streamer.bpf_filter(filter.as_str()) };
    let soon = |timeout: Option<Duration>| timeout.map_or(SOON, |timeout| timeout.min(SOON));
    let flows = MeterConfig::new()
        .inactive_timeout(soon(metering.inactive))
        .active_timeout(soon(metering.active))
        .capacity(metering.capacity.unwrap_or(CAPACITY))
        .tcp_end(metering.tcp_end)
        .tcp_linger(metering.tcp_linger.unwrap_or(Duration::MAX));
    let sensor = Sensor::new(streamer, interface).metering(flows).interval(Duration::from_secs(1));
    let sensor = BUILT_IN.iter().filter_map(|(name, _)| built_in(name)).fold(sensor, Sensor::processor);
    let mut publishing = PublisherOptions::default();
    publishing.hub = format!("ws://{hub}");
    publishing.sensor = machine().into();
    publishing.interface = interface.to_owned();
    publishing.filter = filter;
    sensor.start(|stop| Ok(Box::new(ToHub::start(publishing, false, Duration::from_secs(1), stop)?)))
}

/// Says where the page is, and opens it for somebody who sits in front of this machine.
fn tell(at: SocketAddr, metering: &Metering, err: &mut dyn Write) {
    let page = format!("http://{at}/");
    let interface = metering.interface.as_deref().unwrap_or_default();
    let _ = writeln!(err, "flowgauge: {page} shows {interface}, until Ctrl-C");
    let has_screen = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    if has_screen && stderr().is_terminal() {
        let quiet = || Stdio::null();
        // Where there is no such program, the address stands above.
        let _ = Command::new("xdg-open").arg(page).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
    }
}

fn watch(running: &Running, hub: &Relay, interrupted: &dyn Fn() -> bool) -> Result<(), Error> {
    let mut stopped = false;
    loop {
        if let Some(ended) = running.wait(LOOK) {
            return ended.map(drop);
        }
        if !stopped && (interrupted() || hub.is_over()) {
            stopped = true;
            running.stop();
        }
    }
}

/// The hub in its thread.
struct Relay {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Snapshot, flowgauge_hub::Error>>>,
}

impl Relay {
    /// Waits until it listens.
    fn start(options: Options) -> Result<(Self, Addresses), flowgauge_hub::Error> {
        let (tell, ready) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let work = move || relay(options, tell, &stopped);
        let thread = thread::Builder::new().name("fg-hub".to_owned()).spawn(work);
        let thread = thread.map_err(|source| flowgauge_hub::Error::Start { source })?;
        match ready.recv() {
            Ok(addresses) => Ok((Self { stop, thread: Some(thread) }, addresses)),
            // It ended before it listened, and says why.
            Err(_) => {
                let ended = thread.join().unwrap_or_else(|_| Err(panicked()));
                Err(ended.err().unwrap_or_else(panicked))
            }
        }
    }

    fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn end(&mut self) -> Result<(), String> {
        self.stop.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let snapshot = thread.join().unwrap_or_else(|_| Err(panicked())).map_err(|error| error.to_string())?;
        snapshot.check()
    }
}

fn relay(options: Options, tell: Sender<Addresses>, stop: &AtomicBool) -> Result<Snapshot, flowgauge_hub::Error> {
    let ready = move |addresses| {
        // Who waits for it takes it.
        let _ = tell.send(addresses);
    };
    flowgauge_hub::run(options, ready, &|| stop.load(Ordering::Relaxed))
}

fn panicked() -> flowgauge_hub::Error {
    flowgauge_hub::Error::Start { source: std::io::Error::other("the thread of the hub panicked") }
}

/// Flows are told at least this often.
const SOON: Duration = Duration::from_secs(5);
/// Flows that live at once, as of metering on an interface.
const CAPACITY: usize = 1_000_000;
/// How often an interruption is looked after.
const LOOK: Duration = Duration::from_millis(50);
