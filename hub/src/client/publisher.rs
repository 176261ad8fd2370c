//! The publisher: messages of a program to a hub, each at least once.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::client::backoff::Backoff;
use crate::client::desk::Desk;
use crate::client::dial::Dialer;
use crate::client::encode::{Unfit, Unnumbered};
use crate::client::folder::Folder;
use crate::client::kitchen::Kitchen;
use crate::client::publisher_counters::PublisherCounters;
use crate::client::publisher_options::PublisherOptions;
use crate::client::sender::Sender;
use crate::client::spool::Spool;
use crate::error::{Error, Result};
use crate::message::{self, MessageId, Name, Time, Trigger};

/// Sends messages to a hub, from a thread of its own.
///
/// A message stays in the spool until the hub has acknowledged it. Whoever comes back to the hub, or to its successor, sends
/// again what was not, with the same ids: a hub gets every message at least once, in order.
#[derive(Debug)]
pub struct Publisher {
    desk: Arc<Desk>,
    sensor: Name,
    longest: usize,
    thread: Option<JoinHandle<()>>,
}

/// Why a message is not taken. It has no id then, and is not counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// It would not even fit into the empty spool, or into any hub.
    #[error("a message of {bytes} bytes is too long: {most} is the most (spool_bytes, or 67108864)")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        most: usize,
    },
    /// Its payload is nested too deeply.
    #[error("the payload is nested deeper than 127 times")]
    TooDeep,
    /// Its topic belongs to the hub.
    #[error("the topic belongs to the hub: any but system, system.… and SystemStatusChef is free")]
    Reserved,
    /// There was no room, and [`Publisher::publish_waiting`] was told to wait no longer.
    #[error("there was no room in the spool until the publisher was told to wait no longer")]
    Stopped,
}

impl Publisher {
    /// Whether these options can be kept, as far as that can be said without looking at files.
    ///
    /// # Errors
    ///
    /// [`Error::Option`].
    pub fn check(options: &PublisherOptions) -> Result<()> {
        options.check().map(drop)
    }

    /// Starts to look for the hub, and does not wait for it.
    ///
    /// # Errors
    ///
    /// Options that cannot be kept ([`Error::Option`]), a file of certificates that is none ([`Error::Read`], [`Error::Tls`]),
    /// a folder that cannot keep messages ([`Error::Spool`]), and a machine that gives no thread ([`Error::Start`]).
    pub fn start(options: PublisherOptions) -> Result<Self> {
        let (address, sensor) = options.check()?;
        let dialer = Dialer::new(address, options.token.as_deref(), options.tls_ca.as_deref())?;
        let boot = message::new_boot();
        let open = |path: &PathBuf| Folder::open(path, &sensor, &boot, options.spool_disk_bytes);
        let folder = options.spool_dir.as_ref().map(open).transpose()?;
        let spool = Spool::new(options.spool_messages, options.spool_bytes, folder);
        let desk = Arc::new(Desk::new(boot, spool));
        let sender = Sender {
            dialer,
            desk: Arc::clone(&desk),
            sensor: sensor.clone(),
            kitchen: Kitchen::new(&options),
            backoff: Backoff::new(options.reconnect_min, options.reconnect_max),
        };
        let failed = |source| Error::Start { source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let run = move || {
            runtime.block_on(sender.run());
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("publisher".to_owned()).spawn(run).map_err(failed)?;
        Ok(Self { desk, sensor, longest: options.spool_bytes.min(LONGEST), thread: Some(thread) })
    }

    /// This start of the sensor: the first part of all its ids.
    pub fn boot(&self) -> &str {
        self.desk.boot()
    }

    /// Takes a message into the spool, whether there is a hub or not. It never waits for one: when the spool is full, the
    /// oldest message that was not sent leaves and is counted. With `spool_dir` it may have to write to the disk.
    ///
    /// # Errors
    ///
    /// All of [`PublishError`] but `Stopped`.
    pub fn publish(
        &self,
        topic: &Name,
        trigger: Trigger,
        time: Time,
        payload: Box<RawValue>,
    ) -> std::result::Result<MessageId, PublishError> {
        let message = self.message(topic, trigger, time, payload)?;
        Ok(self.id(self.desk.push(&message)))
    }

    /// The same, but waits until there is room, so that nothing leaves unsent: for those who can wait, as a reader of files
    /// can. Gives up when `stopped` says so, which is asked ten times a second.
    ///
    /// # Errors
    ///
    /// [`PublishError`].
    pub fn publish_waiting(
        &self,
        topic: &Name,
        trigger: Trigger,
        time: Time,
        payload: Box<RawValue>,
        stopped: &dyn Fn() -> bool,
    ) -> std::result::Result<MessageId, PublishError> {
        let message = self.message(topic, trigger, time, payload)?;
        self.desk.push_waiting(&message, stopped).map(|sequence| self.id(sequence)).ok_or(PublishError::Stopped)
    }

    /// The numbers of this moment, for which [`PublisherCounters::check`] holds.
    pub fn counters(&self) -> PublisherCounters {
        self.desk.counters()
    }

    /// Sends what is there and waits for its acknowledgement, for `within` at most; then ends.
    ///
    /// What is not acknowledged then is counted: as `left` when it stays on disk, as `unconfirmed` when it had been sent, else
    /// as lost (`closing`).
    pub fn finish(mut self, within: Duration) -> PublisherCounters {
        self.end(within);
        self.desk.counters()
    }

    fn end(&mut self, within: Duration) {
        let Some(thread) = self.thread.take() else { return };
        self.desk.end_within(within);
        if thread.join().is_err() {
            tracing::error!("the thread of the publisher failed");
            self.desk.close();
        }
    }

    fn message(
        &self,
        topic: &Name,
        trigger: Trigger,
        time: Time,
        payload: Box<RawValue>,
    ) -> std::result::Result<Unnumbered, PublishError> {
        let message = Unnumbered::new(&self.sensor, topic, trigger, time, payload).map_err(|unfit| match unfit {
            Unfit::TooDeep => PublishError::TooDeep,
            Unfit::Reserved => PublishError::Reserved,
        })?;
        let bytes = message.len(self.boot());
        if bytes > self.longest { Err(PublishError::TooLong { bytes, most: self.longest }) } else { Ok(message) }
    }

    fn id(&self, sequence: u64) -> MessageId {
        MessageId::new(self.boot(), sequence).expect("a boot is hex digits")
    }
}

/// Without [`finish`](Publisher::finish) nothing more is sent.
impl Drop for Publisher {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

/// The longest message that any hub takes.
const LONGEST: usize = 64 << 20;
