//! The connection to NATS, and its stream.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use async_nats::jetstream::context::{Context, ContextBuilder, CreateStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream;
use async_nats::jetstream::{ErrorCode, stream::Stream};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::broker::State;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::relay::Place;

/// What is needed to connect: all that can be known of it without a network.
pub(crate) struct Login {
    servers: Vec<ServerAddr>,
    options: ConnectOptions,
}

/// A connection to NATS that is made again whenever it is lost.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(super) client: Client,
    pub(super) jetstream: Context,
    /// The name of the stream.
    pub(super) name: String,
    config: stream::Config,
    link: watch::Receiver<Link>,
    /// How long a message may take.
    pub(super) timeout: Duration,
    /// Bytes that may wait for an answer, of all publishers.
    pub(super) room: Arc<Semaphore>,
    /// Subscribers that may be fed from the stream at one time.
    pub(super) replays: Semaphore,
    /// Subscribers whose message may be looked for at one time.
    pub(super) searches: Semaphore,
    pub(super) tally: Tally,
}

/// Whether there is a connection, and which one since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Link {
    pub(super) connected: bool,
    pub(super) number: u64,
}

/// What is counted for the status.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) stored: AtomicU64,
    pub(super) duplicates: AtomicU64,
    pub(super) retries: AtomicU64,
    /// Times that something had to be sent again while the connection held.
    pub(super) failures: AtomicU64,
    pub(super) lag: AtomicU64,
    pub(super) missed: AtomicU64,
    pub(super) unreadable: AtomicU64,
}

/// The stream at one moment.
pub(super) struct Found {
    pub(super) stream: Stream,
    /// The last message, by the stream's own numbers.
    pub(super) place: Place,
    /// The number of the first message that it still has; one more than the last when it has none.
    pub(super) first: u64,
}

impl Login {
    /// Reads what the options name.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] and [`Error::Broker`].
    pub(crate) fn read(options: &Options) -> Result<Self> {
        let servers = options.broker.as_deref().unwrap_or_default();
        let refuse = |detail: String| Error::Broker { server: servers.to_owned(), detail };
        let parsed = servers.split(',').map(str::parse::<ServerAddr>).collect::<Result<Vec<_>, _>>();
        let read =
            |path: &Path| fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source });
        let mut connect = match (&options.broker_token, &options.broker_credentials) {
            (Some(path), _) => ConnectOptions::with_token(read(path)?.trim().to_owned()),
            // What it says of a file that is none may repeat it.
            (None, Some(path)) => ConnectOptions::with_credentials(&read(path)?)
                .map_err(|_| refuse(format!("{path:?} holds no credentials (a .creds file of nsc does)")))?,
            (None, None) => ConnectOptions::new(),
        };
        if let Some(path) = &options.broker_ca {
            read(path)?;
            connect = connect.add_root_certificates(path.clone());
        }
        Ok(Self {
            servers: parsed.map_err(|error| refuse(error.to_string()))?,
            options: connect.name(format!("flowgauge hub {}", options.name)),
        })
    }

    /// Connects, and finds or makes the stream; gives its last message, too.
    ///
    /// # Errors
    ///
    /// [`Error::Broker`].
    pub(crate) async fn connect(self, options: &Options) -> Result<(Broker, Place)> {
        let server = options.broker.clone().unwrap_or_default();
        let refuse = |detail: String| Error::Broker { server: server.clone(), detail };
        let (tell, mut link) = watch::channel(Link::default());
        let troubles = AtomicU64::new(0);
        let connecting = self
            .options
            .ping_interval(PINGS)
            .connection_timeout(PATIENCE)
            .ignore_discovered_servers()
            .reconnect_delay_callback(|attempts| Duration::from_millis(100 * attempts.saturating_sub(1).min(20) as u64))
            .event_callback(move |event| {
                heed(&tell, &troubles, &event);
                std::future::ready(())
            })
            .connect(self.servers);
        let client = connecting.await.map_err(|error| refuse(in_words(error.kind(), &error)))?;
        // Else a message that goes out at once would seem to be of a connection before this one.
        let _ = timeout(PATIENCE, link.wait_for(|link| link.connected)).await;
        let most = client.max_payload();
        if options.max_message_bytes + HEADER_BYTES > most {
            let max_message_bytes = options.max_message_bytes;
            tracing::info!(max_message_bytes, max_payload = most, "NATS takes shorter messages: the rest is too_long");
        }
        let broker = Broker {
            jetstream: ContextBuilder::new().timeout(PATIENCE).max_ack_inflight(IN_FLIGHT).build(client.clone()),
            client,
            name: options.broker_stream.clone(),
            config: config(options),
            link,
            timeout: options.broker_timeout,
            room: Arc::new(Semaphore::new(ROOM_BYTES)),
            replays: Semaphore::new(REPLAYS),
            searches: Semaphore::new(SEARCHES),
            tally: Tally::default(),
        };
        let found = broker.find().await.map_err(refuse)?;
        Ok((broker, found.place))
    }
}

impl Broker {
    /// The stream as it is, made if it is not there.
    ///
    /// # Errors
    ///
    /// Why it cannot be had, in words.
    pub(super) async fn find(&self) -> Result<Found, String> {
        let stream = match self.jetstream.get_stream(&self.name).await {
            Ok(stream) => stream,
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(why) if why.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                    self.make().await.map_err(|error| format!("cannot make the stream {:?}: {error}", self.name))?
                }
                _ => {
                    return Err(format!("it answers nothing about streams: {error} (does nats-server run with -js?)"));
                }
            },
        };
        let info = stream.cached_info();
        if !info.config.subjects.contains(&self.config.subjects[0]) {
            return Err(format!("its stream {:?} has not the subjects {}", self.name, self.config.subjects[0]));
        }
        let boot = format!("{:016x}", info.created.unix_timestamp_nanos());
        let place = Place { boot, sequence: info.state.last_sequence };
        let first = info.state.first_sequence.max(1);
        Ok(Found { first, place, stream })
    }

    /// Waits until all that publishers sent is stored or given up.
    pub(crate) async fn idle(&self) {
        let _ = self.room.acquire_many(ROOM_BYTES as u32).await;
    }

    pub(crate) fn state(&self) -> State {
        let read = |n: &AtomicU64| n.load(Relaxed);
        let link = *self.link.borrow();
        State {
            stream: self.name.clone(),
            connected: link.connected,
            reconnects: link.number.saturating_sub(1),
            stored: read(&self.tally.stored),
            duplicates: read(&self.tally.duplicates),
            retries: read(&self.tally.retries),
            waiting_bytes: (ROOM_BYTES - self.room.available_permits()) as u64,
            lag: read(&self.tally.lag),
            missed: read(&self.tally.missed),
            unreadable: read(&self.tally.unreadable),
        }
    }

    pub(super) fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }

    async fn make(&self) -> Result<Stream, CreateStreamError> {
        let made = self.jetstream.create_stream(self.config.clone()).await;
        if made.is_ok() {
            tracing::info!(stream = self.name, "made the stream");
        }
        match made {
            // Another hub, with other options, was faster.
            Err(error) => self.jetstream.get_stream(&self.name).await.map_err(|_| error),
            made => made,
        }
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

fn config(options: &Options) -> stream::Config {
    stream::Config {
        name: options.broker_stream.clone(),
        description: Some("messages of flowgauge's sensors".to_owned()),
        subjects: vec![format!("{}.>", options.broker_stream)],
        max_bytes: i64::try_from(options.broker_max_bytes).unwrap_or(i64::MAX),
        max_age: options.broker_max_age,
        num_replicas: options.broker_replicas,
        duplicate_window: DUPLICATES.min(options.broker_max_age),
        ..stream::Config::default()
    }
}

fn heed(tell: &watch::Sender<Link>, troubles: &AtomicU64, event: &Event) {
    match event {
        Event::Connected => {
            tell.send_modify(|link| *link = Link { connected: true, number: link.number + 1 });
            tracing::info!("the broker is there");
        }
        Event::Disconnected => {
            tell.send_modify(|link| link.connected = false);
            tracing::warn!("the broker is away: publishers wait");
        }
        // The hub ended.
        Event::Closed => tell.send_modify(|link| link.connected = false),
        Event::LameDuckMode | Event::Draining => {}
        event => {
            // An attempt to connect that fails is one, too.
            let times = troubles.fetch_add(1, Relaxed) + 1;
            if times.is_power_of_two() {
                tracing::warn!(%event, times, "trouble with the broker");
            }
        }
    }
}

fn in_words(kind: ConnectErrorKind, error: &async_nats::ConnectError) -> String {
    match kind {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            "it does not let us in (broker_token or broker_credentials has to name what it knows)".to_owned()
        }
        ConnectErrorKind::Tls => format!("{error} (broker_ca names the certificates that vouch for it)"),
        _ => error.to_string(),
    }
}

/// How long NATS may take for an answer, or for a connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of all messages that may wait for an answer.
pub(super) const ROOM_BYTES: usize = 64 << 20;
/// About what NATS needs besides the text of a message.
pub(super) const HEADER_BYTES: usize = 2048;
/// Between two pings of the connection: two that are not answered end it.
const PINGS: Duration = Duration::from_secs(10);
/// How long the stream knows ids, so that what is sent again is there once.
const DUPLICATES: Duration = Duration::from_secs(120);
/// More than this many messages never wait for an answer; [`ROOM_BYTES`] and the windows of publishers bound it before.
const IN_FLIGHT: usize = 65_536;
const REPLAYS: usize = 16;
const SEARCHES: usize = 4;
