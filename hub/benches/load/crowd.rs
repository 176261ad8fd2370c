//! Subscribers: many, on one thread, with one buffer among them.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};

use crate::wire;

/// Subscribers that count what they get, until this is dropped.
pub(crate) struct Crowd {
    seen: Rc<Seen>,
    tasks: Vec<JoinHandle<()>>,
}

/// What all of them have seen.
struct Seen {
    counts: Vec<Cell<u64>>,
    /// Of every so many messages of a subscriber, in microseconds.
    late_us: RefCell<Vec<u32>>,
    every: u64,
    progress: Notify,
    buffer: RefCell<Vec<u8>>,
}

impl Crowd {
    /// As many subscribers as there are lists of topics; the latency of one of `every` messages is noted.
    pub(crate) async fn come(at: SocketAddr, topics: &[String], every: u64) -> io::Result<Self> {
        let seen = Rc::new(Seen {
            counts: vec![Cell::new(0); topics.len()],
            late_us: RefCell::default(),
            every,
            progress: Notify::new(),
            buffer: RefCell::new(vec![0; BUFFER_BYTES]),
        });
        let mut tasks = Vec::new();
        for (number, topics) in topics.iter().enumerate() {
            let stream = subscriber(at, topics).await?;
            tasks.push(spawn_local(read(stream, Rc::clone(&seen), number)));
        }
        Ok(Self { seen, tasks })
    }

    /// Messages that all of them got together.
    pub(crate) fn total(&self) -> u64 {
        self.seen.counts.iter().map(Cell::get).sum()
    }

    /// Messages that the one with the fewest got.
    pub(crate) fn fewest(&self) -> u64 {
        self.seen.counts.iter().map(Cell::get).min().unwrap_or(u64::MAX)
    }

    /// Waits until any of them gets something.
    pub(crate) async fn progress(&self) {
        self.seen.progress.notified().await;
    }

    /// The latencies so far, the shortest first, in microseconds; begins anew.
    pub(crate) fn take_latencies(&self) -> Vec<u32> {
        let mut all = self.seen.late_us.take();
        all.sort_unstable();
        all
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// A subscriber that reads nothing behind its welcome.
pub(crate) async fn subscriber(at: SocketAddr, topics: &str) -> io::Result<TcpStream> {
    wire::open(at, "/subscribe", &format!(r#"{{"kind":"hello","version":1,"topics":[{topics}]}}"#)).await
}

async fn read(stream: TcpStream, seen: Rc<Seen>, number: usize) {
    // The beginning of a frame whose end has not come.
    let mut begun = Vec::new();
    while stream.readable().await.is_ok() {
        let mut buffer = seen.buffer.borrow_mut();
        buffer[..begun.len()].copy_from_slice(&begun);
        let length = match stream.try_read(&mut buffer[begun.len()..]) {
            Ok(0) => return,
            Ok(length) => begun.len() + length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        let now_us = wire::now_us();
        let (mut rest, mut count) = (&buffer[..length], seen.counts[number].get());
        while let Some((frame, taken)) = wire::next_frame(rest) {
            if frame.starts_with(br#"{"kind":"message""#) {
                count += 1;
                if count.is_multiple_of(seen.every) {
                    let late = wire::due_us(frame).map_or(u64::MAX, |due| now_us.saturating_sub(due));
                    seen.late_us.borrow_mut().push(u32::try_from(late).unwrap_or(u32::MAX));
                }
            }
            rest = &rest[taken..];
        }
        seen.counts[number].set(count);
        begun.clear();
        begun.extend(rest);
        seen.progress.notify_one();
    }
}

const BUFFER_BYTES: usize = 256 * 1024;
