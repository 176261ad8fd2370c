//! A publisher, as fast as its subscribers or at a rate.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::crowd::Crowd;
use crate::wire;

/// A sensor.
pub(crate) struct Publisher {
    write: OwnedWriteHalf,
    heard: Rc<Heard>,
    sent: u64,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Heard {
    taken: Cell<u64>,
    refused: Cell<u64>,
    news: Notify,
}

impl Publisher {
    pub(crate) async fn come(at: SocketAddr) -> io::Result<Self> {
        let stream = wire::open(at, "/publish", r#"{"kind":"hello","version":1,"sensor":"load"}"#).await?;
        let (read, write) = stream.into_split();
        let heard = Rc::<Heard>::default();
        spawn_local(listen(read, Rc::clone(&heard)));
        Ok(Self { write, heard, sent: 0, bytes: Vec::new() })
    }

    /// Sends as fast as the slowest of these subscribers reads, for so long, with at most [`AHEAD`] messages on their way.
    ///
    /// They have to want all, and to have been there before the first.
    pub(crate) async fn as_fast_as(&mut self, crowd: &Crowd, seconds: f64) -> io::Result<()> {
        let began = Instant::now();
        while began.elapsed().as_secs_f64() < seconds {
            if self.sent + AT_ONCE > crowd.fewest() + AHEAD {
                crowd.progress().await;
                continue;
            }
            if self.sent + AT_ONCE > self.heard.taken.get() + AHEAD {
                self.heard.news.notified().await;
                continue;
            }
            let now_us = wire::now_us();
            self.send(AT_ONCE, now_us, now_us, |_| "load".to_owned()).await?;
        }
        self.settled().await
    }

    /// Sends at a rate, evenly, for so long; what was due meanwhile goes out as soon as it can.
    pub(crate) async fn at(&mut self, rate: f64, seconds: f64, topic: impl Fn(u64) -> String) -> io::Result<()> {
        let (began, began_us) = (Instant::now(), wire::now_us());
        let all = (rate * seconds) as u64;
        let mut done = 0;
        while done < all {
            // The first is due at once.
            let due = ((began.elapsed().as_secs_f64() * rate) as u64 + 1).min(all);
            if due > done {
                let due_us = |number: u64| began_us + (number as f64 / rate * 1e6) as u64;
                self.send(due - done, due_us(done), due_us(due), &topic).await?;
                done = due;
            }
            sleep(TICK).await;
        }
        self.settled().await
    }

    /// Sends so many messages that were due from one time to the other.
    async fn send(&mut self, messages: u64, from_us: u64, to_us: u64, topic: impl Fn(u64) -> String) -> io::Result<()> {
        self.bytes.clear();
        for number in 0..messages {
            self.sent += 1;
            let due_us = from_us + (to_us - from_us) * number / messages;
            wire::put_message(&mut self.bytes, self.sent, &topic(self.sent), due_us);
        }
        self.write.write_all(&self.bytes).await
    }

    /// Waits until the hub has taken all, and refused nothing.
    async fn settled(&self) -> io::Result<()> {
        while self.heard.taken.get() < self.sent {
            self.heard.news.notified().await;
        }
        match self.heard.refused.get() {
            0 => Ok(()),
            refused => Err(io::Error::other(format!("the hub refused {refused} messages"))),
        }
    }
}

async fn listen(mut read: OwnedReadHalf, heard: Rc<Heard>) {
    let mut bytes = Vec::new();
    while let Ok(1..) = read.read_buf(&mut bytes).await {
        let mut done = 0;
        while let Some((frame, taken)) = wire::next_frame(&bytes[done..]) {
            let number = std::str::from_utf8(frame).ok().and_then(|text| {
                text.strip_prefix(r#"{"kind":"ack","taken":"#)?.strip_suffix('}')?.parse::<u64>().ok()
            });
            match number {
                Some(number) => heard.taken.set(number),
                None => heard.refused.set(heard.refused.get() + 1),
            }
            done += taken;
        }
        bytes.drain(..done);
        heard.news.notify_one();
    }
}

/// Messages that are on their way at most: fewer than the ring of a subscriber holds, so that none is dropped.
const AHEAD: u64 = 3072;
/// Messages in one write.
const AT_ONCE: u64 = 64;
/// Between two looks at what is due.
const TICK: Duration = Duration::from_millis(2);
