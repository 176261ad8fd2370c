//! `flowgauge sensor`: packets in, through processors, messages to a hub out.

use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use flowgauge::capture::StopFlag;
use flowgauge::meter::MeterConfig;
use flowgauge_hub::client::Publisher;
use flowgauge_hub::new_boot;
use flowgauge_sensor::{BUILT_IN, Error, Lines, Outlet, Processor, Running, Sensor, Summary, ToHub, built_in};

use crate::hub::sensor_settings::{self, Sensing, Settings};
use crate::status;

/// What makes processors of the places that are no native ones; in words, why there are none.
pub type Loader<'a> = &'a dyn Fn(&str) -> Result<Vec<Box<dyn Processor>>, String>;

/// Runs a sensor until its captures end, or it is interrupted.
///
/// The exit status is 0 when all messages are where they shall be, also after an interruption on an interface, which is how
/// that ends; 130 after one of reading captures.
pub(crate) fn run(sensing: &Sensing, loader: Loader<'_>, err: &mut dyn Write, interrupted: &dyn Fn() -> bool) -> u8 {
    let mut refuse = |words: &dyn fmt::Display, status| {
        let _ = writeln!(err, "flowgauge: {words}");
        status
    };
    let (settings, log) = match sensor_settings::read(sensing) {
        Ok(read) => read,
        Err(words) => return refuse(&words, status::USAGE),
    };
    let processors = match processors(&settings, loader) {
        Ok(processors) => processors,
        Err(words) => return refuse(&words, status::USAGE),
    };
    if settings.hub != "-"
        && let Err(error) = Publisher::check(&settings.publishing(&processors))
    {
        return refuse(&error, status::USAGE);
    }
    if sensing.check() {
        return match io::stdout().write_all(settings.told(&log).as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                refuse(&format_args!("cannot write to standard output: {error}"), status::FAILED)
            }
            _ => status::DONE,
        };
    }
    log.begin();
    let patience = Duration::from_secs_f64(settings.drain_timeout) + PATIENCE;
    let acknowledges = !settings.hub.starts_with("netdumplings:");
    let ended = start(settings, processors).and_then(|(running, is_live)| {
        let (summary, stopped) = wait(&running, patience, interrupted)?;
        let status = if stopped && !is_live { status::INTERRUPTED } else { status::DONE };
        Ok(tell(&summary, acknowledges, status))
    });
    match ended {
        Ok(status) => status,
        Err(Error::Write { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => status::DONE,
        Err(error @ (Error::Option { .. } | Error::Processor { .. })) => refuse(&error, status::USAGE),
        Err(error @ Error::Hub(flowgauge_hub::Error::Option { .. })) => refuse(&error, status::USAGE),
        Err(error) => refuse(&error, status::FAILED),
    }
}

fn processors(settings: &Settings, loader: Loader<'_>) -> Result<Vec<Box<dyn Processor>>, String> {
    let mut processors = Vec::new();
    for place in &settings.processor {
        match built_in(place) {
            Some(native) => processors.push(native),
            None => processors.extend(loader(place).map_err(|words| format!("processor {place:?}: {words}"))?),
        }
    }
    Ok(processors)
}

/// Where there is no Python.
pub(crate) fn no_python(_: &str) -> Result<Vec<Box<dyn Processor>>, String> {
    let native = BUILT_IN.map(|(name, _)| name).join(", ");
    Err(format!(
        "this command has no Python in it, and only the processors {native}; that of the Python package has (pip install \
         flowgauge)"
    ))
}

fn start(settings: Settings, processors: Vec<Box<dyn Processor>>) -> Result<(Running, bool), Error> {
    let seconds = Duration::from_secs_f64;
    let is_live = settings.interface.is_some();
    let metering = MeterConfig::new()
        .inactive_timeout(seconds(settings.inactive_timeout))
        .active_timeout(seconds(settings.active_timeout))
        .capacity(CAPACITY);
    let publishing = settings.publishing(&processors);
    let name = settings.name.clone();
    let sensor = Sensor::new(settings.streamer()?, settings.source()).metering(metering);
    let sensor = processors.into_iter().fold(sensor.interval(seconds(settings.interval)), Sensor::processor);
    let running = sensor.start(|stop: StopFlag| -> Result<Box<dyn Outlet>, Error> {
        if settings.hub != "-" {
            return Ok(Box::new(ToHub::start(publishing, !is_live, seconds(settings.drain_timeout), stop)?));
        }
        Ok(Box::new(Lines::new("standard output", io::BufWriter::new(io::stdout()), name, new_boot())))
    })?;
    Ok((running, is_live))
}

/// What it came to, and whether it was interrupted.
fn wait(running: &Running, patience: Duration, interrupted: &dyn Fn() -> bool) -> Result<(Summary, bool), Error> {
    let mut stopped: Option<Instant> = None;
    loop {
        if let Some(ended) = running.wait(LOOK) {
            return Ok((ended?, stopped.is_some()));
        }
        if stopped.is_none() && interrupted() {
            stopped = Some(Instant::now());
            running.stop();
        }
        if stopped.is_some_and(|since| since.elapsed() > patience) {
            tracing::error!("a processor does not come to its end: what waits is lost");
            // Its thread cannot be ended, and an interpreter that it holds would wait for it.
            std::process::exit(status::INTERRUPTED.into());
        }
    }
}

/// Says what it came to; gives the exit status, which is worse when messages did not reach the hub.
fn tell(summary: &Summary, acknowledges: bool, status: u8) -> u8 {
    let outlet = &summary.outlet;
    let number = |name: &str| outlet[name].as_u64().unwrap_or(0);
    let reasons = outlet["lost"].as_object().into_iter().flatten().filter(|(_, count)| count.as_u64() != Some(0));
    let lost = reasons.clone().filter_map(|(_, count)| count.as_u64()).sum::<u64>();
    let why = reasons.map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ");
    let (made, refused, unconfirmed, left) = (number("made"), number("refused"), number("unconfirmed"), number("left"));
    let errors: u64 = summary.processors.iter().map(|processor| processor.errors).sum();
    let (packets, flows) = (summary.counts.frames - summary.counts.filtered, summary.counts.flows);
    tracing::info!(packets, flows, messages = made, lost, refused, unconfirmed, left, errors, "ended");
    if lost + refused + left + if acknowledges { unconfirmed } else { 0 } == 0 {
        return status;
    }
    let last = outlet["last_error"].as_str().unwrap_or("none");
    tracing::error!(lost = ?why, refused, unconfirmed, left, last_error = ?last, "the hub does not have all messages");
    if status == status::DONE { status::FAILED } else { status }
}

/// Flows that live at once, as of metering on an interface.
const CAPACITY: usize = 1_000_000;
/// How long a processor may take for what it is at after an interruption, beside sending what waits.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often an interruption is looked after.
const LOOK: Duration = Duration::from_millis(50);
