//! `flowgauge tail`: messages of a hub, a line each.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::time::Duration;

use chrono::{DateTime, Local, SecondsFormat};
use clap::Args;
use flowgauge_hub::client::{Event, Subscriber, SubscriberOptions};
use flowgauge_hub::{Message, MessageId};

use crate::hub::json_layout::{compact, indented};
use crate::hub::reaching::Reaching;
use crate::pipes::Standard;
use crate::status;
use crate::text::harmless;

/// What is wanted of a hub, and how it is shown.
#[derive(Args, Debug)]
pub(crate) struct Tailing {
    #[command(flatten)]
    reaching: Reaching,

    /// Topics that are wanted, in which * stands for any run of characters, as in 'dns.*'; up to 16. Default: all.
    #[arg(long = "topic", value_name = "PATTERN")]
    topics: Vec<String>,

    /// Sensors that are wanted, likewise.
    #[arg(long = "sensor", value_name = "PATTERN")]
    sensors: Vec<String>,

    /// Go on behind this message: its id, or the hub's boot:sequence. Without it, the next that comes is the first.
    #[arg(long, value_name = "ID")]
    since: Option<MessageId>,

    /// Write each message as it was sent, a line of JSON.
    #[arg(long)]
    json: bool,

    /// Write the payload below its line, indented.
    #[arg(long, conflicts_with = "json")]
    pretty: bool,

    /// End after so many messages.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// End when there is no hub, or none any more, with status 1. Without it, it is waited for.
    #[arg(long)]
    no_reconnect: bool,
}

/// Shows messages until there were so many, or somebody interrupts, which is how it ends: the exit status is then 0.
pub(crate) fn run(tailing: &Tailing, err: &mut dyn Write, interrupted: &dyn Fn() -> bool) -> u8 {
    let started = tailing.options().and_then(|options| Subscriber::start(options).map_err(|error| error.to_string()));
    let ended = match started {
        Ok(subscriber) => shown(tailing, subscriber, err, interrupted),
        Err(words) => {
            let _ = writeln!(err, "flowgauge: {words}");
            return status::USAGE;
        }
    };
    match ended {
        Ok(status) => status,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => status::DONE,
        Err(error) => {
            let _ = writeln!(err, "flowgauge: cannot write to standard output: {error}");
            status::FAILED
        }
    }
}

fn shown(
    tailing: &Tailing,
    mut subscriber: Subscriber,
    err: &mut dyn Write,
    interrupted: &dyn Fn() -> bool,
) -> io::Result<u8> {
    let Standard { out, paint, .. } = Standard::open().map_err(io::Error::other)?;
    let is_terminal = io::IsTerminal::is_terminal(&out);
    let mut out = BufWriter::new(out);
    let (mut left, mut was_away) = (tailing.count, false);
    // There is nobody to tell if standard error takes nothing.
    let mut tell = |words: std::fmt::Arguments<'_>| drop(writeln!(err, "flowgauge: {words}"));
    while !interrupted() && left != Some(0) {
        let event = match subscriber.next_within(Duration::ZERO) {
            Some(event) => event,
            None => {
                out.flush()?;
                match subscriber.next_within(LOOK) {
                    Some(event) => event,
                    None if subscriber.is_over() => return Ok(status::FAILED),
                    None => continue,
                }
            }
        };
        match event {
            Event::Message { text, .. } => {
                left = left.map(|left| left - 1);
                let mut lines = tailing.lines(&text, paint);
                if is_terminal && tailing.json {
                    lines = harmless(&lines).into_owned();
                }
                out.write_all(lines.as_bytes())?;
                out.write_all(b"\n")?;
            }
            Event::Lost(messages) => {
                tell(format_args!("{messages} messages are missing here: this was too slow for them"))
            }
            Event::Gap => tell(format_args!("messages may be missing here: the hub cannot prove that none is")),
            Event::Disconnected(why) => {
                was_away = true;
                tell(format_args!("{}", harmless(&why)));
            }
            Event::Connected { hub, .. } if was_away => tell(format_args!("connected to {}", harmless(&hub))),
            _ => {}
        }
    }
    out.flush()?;
    Ok(status::DONE)
}

impl Tailing {
    fn options(&self) -> Result<SubscriberOptions, String> {
        let mut options = SubscriberOptions::default();
        options.hub.clone_from(&self.reaching.hub);
        options.token = self.reaching.token()?;
        options.tls_ca = self.reaching.tls_ca().map(Into::into);
        options.name = Some("flowgauge tail".to_owned());
        options.topics.clone_from(&self.topics);
        options.sensors.clone_from(&self.sensors);
        options.since.clone_from(&self.since);
        options.reconnect = !self.no_reconnect;
        Ok(options)
    }

    /// A message as it is shown, without the last end of a line.
    fn lines(&self, text: &str, paint: bool) -> String {
        if self.json {
            // Between its words there may be ends of lines, within them none.
            return if text.contains(['\n', '\r']) { compact(text) } else { text.to_owned() };
        }
        let Ok(message) = Message::from_json(text) else {
            return format!("what is no message: {}", harmless(text));
        };
        let (dim, bold, plain) = if paint { ("\x1b[2m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
        let sensor = message.sensor.as_ref().map_or("-".into(), |sensor| harmless(sensor.as_str()));
        let topic = harmless(message.topic.as_str());
        let head = format!("{dim}{}{plain} {sensor} {bold}{topic}{plain}", local(message.time.seconds()));
        if !self.pretty {
            return format!("{head} {}", harmless(&compact(message.payload.get())));
        }
        let payload: Vec<_> = indented(message.payload.get()).lines().map(|line| harmless(line).into_owned()).collect();
        format!("{head}\n{}\n", payload.join("\n"))
    }
}

/// The moment in the time of this place, to the millisecond.
fn local(seconds: f64) -> String {
    // The bounds of a time are far within those of a date.
    let moment = DateTime::from_timestamp_millis((seconds * 1000.0) as i64).unwrap_or_default();
    moment.with_timezone(&Local).to_rfc3339_opts(SecondsFormat::Millis, false)
}

/// How often an interruption is looked after.
const LOOK: Duration = Duration::from_millis(100);
