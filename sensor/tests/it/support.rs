//! A sensor on a capture, and what it said.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowgauge::Streamer;
use flowgauge_hub::{Message, Name};
use flowgauge_sensor::{Lines, Processor, Sensor, Summary, built_in};

/// Lines that were written, for whoever asks.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    pub(crate) fn messages(&self) -> Vec<Message> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| Message::from_json(line).unwrap()).collect()
    }
}

pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(name)
}

/// Real captures, where they are; says so where not.
pub(crate) fn corpus(names: &[&str]) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let there: Vec<_> = names.iter().map(|name| folder.join(name)).filter(|path| path.exists()).collect();
    if there.len() < names.len() {
        eprintln!("skipped: {} of {} captures of {folder:?} are not there", names.len() - there.len(), names.len());
    }
    there
}

/// The real captures of up to 200 kB, where they are; says so where not.
pub(crate) fn small_captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: {folder:?} is not there");
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_capture = |path: &PathBuf| path.extension().is_some_and(|end| end == "pcap" || end == "pcapng");
    paths.filter(|path| is_capture(path) && path.metadata().unwrap().len() < 200_000).collect()
}

pub(crate) fn native(names: &[&str]) -> Vec<Box<dyn Processor>> {
    names.iter().map(|name| built_in(name).unwrap()).collect()
}

/// Runs these processors over a capture.
pub(crate) fn sense(path: &Path, processors: Vec<Box<dyn Processor>>, interval: Duration) -> (Vec<Message>, Summary) {
    let written = Written::default();
    let name = Name::try_from("lab".to_owned()).unwrap();
    let outlet = Lines::new("memory", written.clone(), name, "b1");
    let sensor = Sensor::new(Streamer::from_file(path), "a capture").interval(interval);
    let sensor = processors.into_iter().fold(sensor, Sensor::processor);
    let summary =
        sensor.start(|_| Ok(Box::new(outlet))).unwrap().wait(Duration::from_secs(60)).expect("it ends").unwrap();
    (written.messages(), summary)
}

pub(crate) fn of_topic<'a>(messages: &'a [Message], topic: &'a str) -> impl Iterator<Item = serde_json::Value> + 'a {
    let mine = messages.iter().filter(move |message| message.topic.as_str() == topic);
    mine.map(|message| serde_json::from_str(message.payload.get()).unwrap())
}
