//! The subscriber: messages of a hub, and where some are missing, that they are.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::client::backoff::Backoff;
use crate::client::dial::Dialer;
use crate::client::listener::Listener;
use crate::client::mailbox::Mailbox;
use crate::client::subscriber_options::SubscriberOptions;
use crate::error::{Error, Result};
use crate::message::MessageId;

/// Gets messages from a hub, by a thread of its own, and comes back behind the last when the hub went away.
///
/// A message with the id and sensor of one of the last 16,384 is not told again. Up to 1,024 events wait (4 MiB, or one message). Whoever is slower than that is slow to the hub, which then does what
/// [`SlowPolicy`](crate::client::SlowPolicy) says. As an iterator it waits for ever.
#[derive(Debug)]
pub struct Subscriber {
    mailbox: Arc<Mailbox>,
    stop: Arc<tokio::sync::Notify>,
    thread: Option<JoinHandle<()>>,
}

/// What a subscriber is told.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A message.
    Message {
        /// Its number at the hub.
        sequence: u64,
        /// Its text, as the sensor sent it: [`Message::from_json`](crate::Message::from_json) reads it.
        text: String,
    },
    /// So many messages are missing here: we were too slow for them.
    Lost(u64),
    /// Messages may be missing here: the hub does not know the one that we were behind, or knows it only by its id.
    Gap,
    /// A hub said welcome.
    Connected {
        /// How it calls itself. It may hold any characters.
        hub: String,
        /// The number of its last message, as `boot:sequence`.
        at: MessageId,
    },
    /// The hub is gone, or was not there, and why. It is told once for as long as the reason stays the same.
    Disconnected(String),
}

impl Subscriber {
    /// Starts to look for the hub, and does not wait for it.
    ///
    /// # Errors
    ///
    /// Options that cannot be kept ([`Error::Option`]), a file of certificates that is none ([`Error::Read`], [`Error::Tls`]),
    /// and a machine that gives no thread ([`Error::Start`]).
    pub fn start(options: SubscriberOptions) -> Result<Self> {
        let address = options.check()?;
        let dialer = Dialer::new(address, options.token.as_deref(), options.tls_ca.as_deref())?;
        let mailbox = Arc::new(Mailbox::default());
        let stop = Arc::new(tokio::sync::Notify::new());
        let backoff = Backoff::new(options.reconnect_min, options.reconnect_max);
        let listener = Listener::new(dialer, options, backoff, Arc::clone(&mailbox));
        let failed = |source| Error::Start { source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (ends, stopped) = (Arc::clone(&mailbox), Arc::clone(&stop));
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = listener.run() => {}
                    () = stopped.notified() => {}
                }
            });
            ends.close();
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("subscriber".to_owned()).spawn(run).map_err(failed)?;
        Ok(Self { mailbox, stop, thread: Some(thread) })
    }

    /// The next event, waiting up to so long; none when none came. [`is_over`](Self::is_over) says whether one will.
    pub fn next_within(&mut self, within: Duration) -> Option<Event> {
        self.mailbox.take(within)
    }

    /// Whether nothing more comes: it was told not to come back to the hub, which is gone.
    pub fn is_over(&self) -> bool {
        self.mailbox.is_over()
    }
}

impl Iterator for Subscriber {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.mailbox.take(Duration::MAX)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.mailbox.close();
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Event {
    /// Bytes that it takes in memory, about.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Message { text, .. } => text.len(),
            Self::Connected { hub, .. } => hub.len(),
            Self::Disconnected(why) => why.len(),
            Self::Lost(_) | Self::Gap => 0,
        }
    }
}
