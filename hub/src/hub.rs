//! A hub: bound, then served, then ended, with the numbers of its life.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::broker;
use crate::broker::{Broker, Login};
use crate::compat;
use crate::counters::{Counters, Snapshot, TURNED, Turned};
use crate::entry::Draft;
use crate::error::{Error, Result};
use crate::gate::{Gate, Refusal};
use crate::message;
use crate::message::MessageId;
use crate::options::Options;
use crate::peers::Peers;
use crate::queue::Limits;
use crate::relay::Relay;
use crate::stop::{Stop, Stopper};
use crate::taken::Taken;
use crate::tokens::Tokens;
use crate::{events, listen, page, publish, status, subscribe};

/// A hub that has its addresses, and serves nobody yet.
#[derive(Debug)]
pub struct Hub {
    shared: Arc<Shared>,
    stopper: Stopper,
    listener: TcpListener,
    tls: Option<TlsSetup>,
    compat: Option<compat::Ports>,
    addresses: Addresses,
}

/// Where a hub listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Addresses {
    /// Everything of our own.
    pub http: SocketAddr,
    /// Where netdumplings' kitchens send to.
    pub compat_in: Option<SocketAddr>,
    /// Where its eaters read from.
    pub compat_out: Option<SocketAddr>,
}

/// What all connections of a hub share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) boot: String,
    pub(crate) began: Instant,
    pub(crate) gate: Gate,
    pub(crate) relay: Arc<Relay>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) peers: Arc<Peers>,
    /// Of all connections.
    pub(crate) places: Arc<Semaphore>,
    /// Of publishers.
    pub(crate) publishers: Arc<Semaphore>,
    pub(crate) stop: Stop,
    /// Last numbers of publishers.
    pub(crate) taken: Taken,
    /// What joins this hub with others.
    pub(crate) broker: Option<Arc<Broker>>,
    /// Messages of the hub itself.
    system: AtomicU64,
    /// Dumplings that got an id.
    dumplings: AtomicU64,
}

/// Hides what says nothing.
struct TlsSetup(TlsAcceptor);

/// What the files of the options hold.
struct Files {
    tokens: Tokens,
    tls: Option<TlsSetup>,
    login: Option<Login>,
}

impl Hub {
    /// Does what [`Hub::bind`] does before it takes an address; gives the tokens.
    ///
    /// # Errors
    ///
    /// Those of [`Hub::bind`] but for its addresses.
    pub fn check(options: &Options) -> Result<Tokens> {
        files(options).map(|files| files.tokens)
    }

    /// Reads what the options name, and takes the addresses. Needs tokio's runtime.
    ///
    /// # Errors
    ///
    /// Everything that [`Options::check`] refuses, files that cannot be read or are not what they should be, addresses that are
    /// taken, and a broker that is not there or does not let us in.
    pub async fn bind(options: Options) -> Result<Self> {
        let Files { tokens, tls, login } = files(&options)?;
        let (listener, http) = bound(options.listen).await?;
        let compat = match options.compat {
            Some(_) => Some(compat::Ports::bind(&options).await?),
            None => None,
        };
        let addresses = Addresses {
            http,
            compat_in: compat.as_ref().map(|ports| ports.kitchens.1),
            compat_out: compat.as_ref().map(|ports| ports.eaters.1),
        };
        let (broker, place) = match login {
            Some(login) => {
                login.connect(&options).await.map(|(broker, place)| (Some(Arc::new(broker)), Some(place)))?
            }
            None => (None, None),
        };
        let (stopper, stop) = Stopper::new();
        let counters = Arc::new(Counters::default());
        let boot = message::new_boot();
        let history = Limits { messages: options.history_messages, bytes: options.history_bytes };
        let relay = match place {
            Some(place) => Relay::following(place, history, Arc::clone(&counters)),
            None => Relay::new(boot.clone(), history, Arc::clone(&counters)),
        };
        let shared = Shared {
            boot,
            began: Instant::now(),
            gate: Gate::new(&options, tokens),
            relay: Arc::new(relay),
            counters,
            peers: Arc::default(),
            places: Arc::new(Semaphore::new(options.max_connections)),
            publishers: Arc::new(Semaphore::new(options.max_publishers)),
            stop,
            taken: Taken::default(),
            broker,
            system: AtomicU64::new(0),
            dumplings: AtomicU64::new(0),
            options,
        };
        Ok(Self { shared: Arc::new(shared), stopper, listener, tls, compat, addresses })
    }

    /// Where it listens: the ports that the system gave where the options say 0.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Serves until `shutdown` is ready; then ends: publishers are sent away, subscribers get what waits for them within
    /// `shutdown_grace`, everybody is told 1001.
    ///
    /// Gives the numbers of its life, for which [`Snapshot::check`] holds.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Snapshot {
        let Self { shared, stopper, listener, tls, compat, .. } = self;
        let mut tasks = JoinSet::new();
        // Before anybody is served, so that also a hub that ends at once has told of itself.
        tell_status(&shared);
        tasks.spawn(listen::serve(listener, tls.map(|tls| tls.0), router(Arc::clone(&shared)), Arc::clone(&shared)));
        if let Some(ports) = compat {
            ports.serve(&mut tasks, &shared);
        }
        tasks.spawn(tell_of_itself(Arc::clone(&shared)));
        tasks.spawn(broker::follow(Arc::clone(&shared)));
        shutdown.await;

        stopper.begin();
        while tasks.join_next().await.is_some() {}
        let _ = timeout(FAREWELL, async {
            while shared.peers.has_publishers() {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        shared.relay.close();
        let all = u32::try_from(shared.options.max_connections).unwrap_or(u32::MAX);
        if timeout(shared.options.shutdown_grace, shared.places.acquire_many(all)).await.is_err() {
            stopper.now();
            let _ = timeout(FAREWELL, shared.places.acquire_many(all)).await;
        }
        if let Some(broker) = &shared.broker
            && timeout(FAREWELL, broker.idle()).await.is_err()
        {
            stopper.now();
            let _ = timeout(FAREWELL, broker.idle()).await;
        }
        shared.relay.snapshot()
    }
}

impl Shared {
    /// Turns a request away.
    pub(crate) fn refuse(&self, (why, status, words): Refusal, address: SocketAddr) -> Response {
        self.turn_away(why, address);
        (status, words).into_response()
    }

    /// Counts somebody who was turned away, and tells it the first time, and whenever that number has doubled: who knocks
    /// all day fills no log.
    pub(crate) fn turn_away(&self, why: Turned, address: SocketAddr) {
        let times = self.counters.turn_away(why);
        if times.is_power_of_two() {
            tracing::warn!(reason = TURNED[why as usize], %address, times, "turned away");
        }
    }

    /// Messages that publishers sent and that were taken, without those of the hub itself.
    pub(crate) fn accepted_of_others(&self, snapshot: &Snapshot) -> u64 {
        snapshot.accepted.saturating_sub(self.system.load(Relaxed))
    }

    /// An id for a message that the hub makes.
    fn own_id(&self) -> MessageId {
        let number = self.count_own();
        MessageId::new(format!("{}-hub", self.boot), number).expect("hex digits")
    }

    /// Counts a message of the hub itself.
    pub(crate) fn count_own(&self) -> u64 {
        self.system.fetch_add(1, Relaxed) + 1
    }

    /// An id for the message that a dumpling becomes.
    pub(crate) fn dumpling_id(&self) -> MessageId {
        let number = self.dumplings.fetch_add(1, Relaxed) + 1;
        MessageId::new(format!("{}-nd", self.boot), number).expect("hex digits")
    }
}

/// Runs a hub on threads of its own until `stopped` says so, which is asked ten times a second.
///
/// `ready` gets the addresses when they are there.
///
/// # Errors
///
/// Those of [`Hub::bind`], and [`Error::Start`].
pub fn run(options: Options, ready: impl FnOnce(Addresses), stopped: &dyn Fn() -> bool) -> Result<Snapshot> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|source| Error::Start { source })?;
    let ended = runtime.block_on(async {
        let hub = Hub::bind(options).await?;
        ready(hub.addresses());
        let shutdown = async {
            while !stopped() {
                sleep(Duration::from_millis(100)).await;
            }
        };
        Ok(hub.serve(shutdown).await)
    });
    // What is still written is given up.
    runtime.shutdown_background();
    ended
}

/// Reads the files that the options name, if these can be kept.
fn files(options: &Options) -> Result<Files> {
    options.check()?;
    let tokens = options.tokens.as_deref().map_or_else(|| Ok(Tokens::default()), Tokens::read)?;
    let tls = match (&options.tls_certificate, &options.tls_key) {
        (Some(certificate), Some(key)) => Some(TlsSetup(listen::tls(certificate, key)?)),
        _ => None,
    };
    let login = options.broker.is_some().then(|| Login::read(options)).transpose()?;
    Ok(Files { tokens, tls, login })
}

/// Takes an address.
pub(crate) async fn bound(address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
    let address = listener.local_addr().map_err(|source| Error::Listen { address, source })?;
    Ok((listener, address))
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/publish", get(publish::upgrade))
        .route("/subscribe", get(subscribe::upgrade))
        .route("/events", get(events::answer))
        .route("/status", get(status::answer))
        .route("/metrics", get(status::metrics))
        .route("/healthz", get(async || "ok\n"))
        .merge(page::routes())
        .fallback(async || (StatusCode::NOT_FOUND, "there is nothing here\n"))
        .with_state(shared)
}

/// The hub's own counters, as a message of the topic `system.status`.
fn tell_status(shared: &Shared) {
    let draft = Draft::system(shared.own_id(), "system.status", &shared.relay.snapshot());
    // It can only be refused at the end.
    let _ = shared.relay.publish(draft);
}

/// Tells them every `status_interval`, until the end begins.
async fn tell_of_itself(shared: Arc<Shared>) {
    let mut ticks = interval(shared.options.status_interval);
    // The first comes at once, and was told.
    ticks.tick().await;
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shared.stop.begun() => return,
        }
        tell_status(&shared);
    }
}

impl std::fmt::Debug for TlsSetup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsSetup")
    }
}

/// How long publishers, and whoever is left at the very end, may take to leave.
const FAREWELL: Duration = Duration::from_secs(2);
