//! `flowgauge hub status`: the counters of a hub, and who is there.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::time::{Duration, Instant};

use clap::Args;
use flowgauge_hub::client::StatusReader;
use serde_json::Value;

use crate::hub::reaching::Reaching;
use crate::output::screen_width;
use crate::status;
use crate::table::{Heading, Kind, Table};
use crate::text::{Harmless, harmless};

/// Whose status, and how it is shown.
#[derive(Args, Debug)]
pub(crate) struct Looking {
    #[command(flatten)]
    reaching: Reaching,

    /// Ask again and again, until Ctrl-C.
    #[arg(long)]
    watch: bool,

    /// Seconds in between.
    #[arg(long, value_name = "S", default_value_t = 2, requires = "watch")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    interval: u64,

    /// Write the JSON of the hub, on a line.
    #[arg(long)]
    json: bool,
}

/// Shows the status on standard output. Without --watch a hub that does not answer is status 1; with it, it is told, and
/// asked again.
pub(crate) fn run(looking: &Looking, err: &mut dyn Write, interrupted: &dyn Fn() -> bool) -> u8 {
    let reaching = &looking.reaching;
    let reader = reaching.token().and_then(|token| {
        StatusReader::new(&reaching.hub, token.as_deref(), reaching.tls_ca()).map_err(|error| error.to_string())
    });
    let reader = match reader {
        Ok(reader) => reader,
        Err(words) => {
            let _ = writeln!(err, "flowgauge: {words}");
            return status::USAGE;
        }
    };
    loop {
        let told = reader.read().map_err(|error| error.to_string()).and_then(|json| looking.told(&json));
        let failed = told.is_err();
        let written = match told {
            Ok(text) => looking.show(&text),
            // There is nobody to tell if standard error takes nothing.
            Err(words) => drop_result(writeln!(err, "flowgauge: {}", harmless(&words))),
        };
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return status::DONE,
            Err(error) => {
                let _ = writeln!(err, "flowgauge: cannot write to standard output: {error}");
                return status::FAILED;
            }
            Ok(()) if !looking.watch => return if failed { status::FAILED } else { status::DONE },
            Ok(()) => {}
        }
        let next = Instant::now() + Duration::from_secs(looking.interval);
        while Instant::now() < next {
            if interrupted() {
                return status::DONE;
            }
            std::thread::sleep(LOOK);
        }
    }
}

fn drop_result(_: io::Result<()>) -> io::Result<()> {
    Ok(())
}

impl Looking {
    /// What is shown of the hub's answer.
    fn told(&self, json: &str) -> Result<String, String> {
        let status: Value = serde_json::from_str(json).map_err(|_| "what answers there is no hub".to_owned())?;
        if !status["messages"].is_object() {
            return Err("what answers there is no hub".to_owned());
        }
        if self.json {
            return Ok(format!("{}\n", json.trim()));
        }
        let room = io::stdout().is_terminal().then(screen_width);
        let mut text = counters(&status).into_bytes();
        peers(&status, &mut text, room).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn show(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let renews = self.watch && !self.json;
        if out.is_terminal() {
            if renews {
                // To the corner, and nothing of the last is left.
                out.write_all(b"\x1b[H\x1b[2J")?;
            }
            Harmless(&mut out).write_all(text.as_bytes())?;
        } else {
            out.write_all(text.as_bytes())?;
            out.write_all(if renews { b"\n" } else { b"" })?;
        }
        out.flush()
    }
}

/// The numbers, those of a law on a line.
fn counters(status: &Value) -> String {
    let messages = &status["messages"];
    let name = |key: &str| harmless(status[key].as_str().unwrap_or("-")).into_owned();
    let count = |key: &str| messages[key].as_u64().unwrap_or(0);
    let reasons = |key: &str| {
        let counts: Vec<_> = messages[key].as_object().into_iter().flatten().collect();
        let total: u64 = counts.iter().filter_map(|(_, count)| count.as_u64()).sum();
        let named = counts.iter().filter(|(_, count)| count.as_u64() != Some(0));
        let named: Vec<_> = named.map(|(reason, count)| format!("{} {count}", harmless(reason))).collect();
        if named.is_empty() { total.to_string() } else { format!("{total} ({})", named.join(", ")) }
    };
    let mut text = String::new();
    let up = seconds(&status["uptime_seconds"]);
    let _ = writeln!(text, "{}  boot {}  up {up}  flowgauge {}", name("hub"), name("boot"), name("flowgauge"));
    let (received, accepted) = (count("received"), count("accepted"));
    let _ = writeln!(text, "received {received} = accepted {accepted} + refused {}", reasons("refused"));
    let (offered, delivered, queued) = (count("offered"), count("delivered"), count("queued"));
    let dropped = reasons("dropped");
    let _ = writeln!(text, "offered {offered} = delivered {delivered} + queued {queued} + dropped {dropped}");
    let (throttled, uncrossed) = (count("throttled"), count("uncrossed"));
    let _ = writeln!(text, "turned away {}, throttled {throttled}, uncrossed {uncrossed}\n", reasons("turned_away"));
    text
}

/// Who is there, a row each.
fn peers(status: &Value, out: &mut Vec<u8>, room: Option<usize>) -> io::Result<()> {
    let number = |name: &str| Heading::new(name, Kind::Number);
    let mut headings = vec![Heading::new("part", Kind::Name), Heading::new("name", Kind::Text)];
    headings.push(Heading::new("address", Kind::Name).spare(1));
    headings.push(number("connected").spare(2));
    headings.extend(COUNTS.map(number));
    let mut table = Table::new(out, room, headings);
    for peer in status["peers"].as_array().into_iter().flatten() {
        let text = |key: &str| harmless(peer[key].as_str().unwrap_or("-")).into_owned();
        let mut row = vec![text("part"), text("name"), text("address"), seconds(&peer["connected_seconds"])];
        row.extend(COUNTS.map(|key| peer[key].as_u64().map_or("-".to_owned(), |count| count.to_string())));
        table.push(row)?;
    }
    table.finish()
}

/// `17:04:59`, with days in front where there are any.
fn seconds(value: &Value) -> String {
    let seconds = value.as_f64().unwrap_or_default() as u64;
    let (days, clock) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{:02}:{:02}:{:02}", clock / 3600, clock / 60 % 60, clock % 60);
    if days == 0 { clock } else { format!("{days} d {clock}") }
}

/// What the hub counts of a peer.
const COUNTS: [&str; 5] = ["accepted", "refused", "queued", "delivered", "dropped"];
/// How often an interruption is looked after.
const LOOK: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_shown_with_its_reasons_and_no_word_is_obeyed() {
        let status = serde_json::json!({
            "hub": "a\u{1b}[2J", "boot": "b7", "flowgauge": "0.1.0", "uptime_seconds": 90_061.9,
            "messages": {
                "received": 5, "accepted": 3, "refused": {"malformed": 0, "duplicate": 2},
                "offered": 4, "delivered": 4, "queued": 0, "dropped": {"oldest": 0},
            },
            "peers": [
                {"part": "publisher", "name": "lab", "address": "127.0.0.1:1", "connected_seconds": 5, "accepted": 3, "refused": 2},
                {"part": "subscriber", "name": "\u{1b}]0;x\u{7}", "address": "127.0.0.1:2", "connected_seconds": 65,
                    "queued": 0, "delivered": 4, "dropped": 0},
            ],
        });
        let mut text = counters(&status).into_bytes();
        peers(&status, &mut text, None).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "a\\x1b[2J  boot b7  up 1 d 01:01:01  flowgauge 0.1.0");
        assert_eq!(lines[1], "received 5 = accepted 3 + refused 2 (duplicate 2)");
        assert_eq!(lines[2], "offered 4 = delivered 4 + queued 0 + dropped 0");
        assert_eq!(lines[3], "turned away 0, throttled 0, uncrossed 0");
        assert!(lines[6].starts_with("publisher   lab"), "{text}");
        assert!(lines[7].contains("\\x1b]0;x\\x07") && lines[7].contains("00:01:05"), "{text}");
    }
}
