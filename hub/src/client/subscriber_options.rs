//! What a subscriber may be told.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client::address::{Address, Dialect};
use crate::client::publisher_options::masked;
use crate::error::{Error, Result};
use crate::message::{MessageId, Name};
use crate::options::seconds;
use crate::pattern::{Filter, Pattern};

/// What a subscriber needs to know. Times are in seconds, as numbers.
///
/// [`Subscriber::start`] is the one place that can refuse. Neither `Debug` nor `Serialize` shows the token.
///
/// [`Subscriber::start`]: crate::client::Subscriber::start
#[derive(Clone, Deserialize, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SubscriberOptions {
    /// The hub, as in `ws://127.0.0.1:11346` (the default) or `wss://hub.example/site`; a path other than `/` is kept, else it
    /// is `/subscribe`. `http` and `https` mean the same.
    pub hub: String,
    /// The token to send. None, the default, sends none.
    #[serde(serialize_with = "masked")]
    pub token: Option<String>,
    /// A file of certificates in PEM, of whom the hub's must come. None, the default, trusts whom this machine trusts.
    pub tls_ca: Option<PathBuf>,
    /// How the subscriber is called in the hub's status. None, the default, is `nameless`.
    pub name: Option<String>,
    /// Patterns of topics, as in `dns.*`: up to 16. None, the default, takes all.
    pub topics: Vec<String>,
    /// Patterns of sensors, as many. None, the default, takes all.
    pub sensors: Vec<String>,
    /// Go on behind this message: its id, or the hub's `boot:sequence`. None, the default, begins with the next that comes. Of
    /// an id, a hub without a broker cannot tell that nothing is missing: [`Event::Gap`](crate::client::Event::Gap) comes first.
    pub since: Option<MessageId>,
    /// What the hub does when this subscriber is too slow.
    pub policy: SlowPolicy,
    /// Messages that the hub keeps for us at most. None, the default, leaves it to the hub.
    pub queue_messages: Option<usize>,
    /// Whether to come back to a hub that went away, or was not there. Defaults to true.
    pub reconnect: bool,
    /// The first delay before the hub is tried again is up to this long, the next up to twice as long, and so on. Defaults to
    /// 0.2 s; from 0.01 s.
    #[serde(with = "seconds")]
    pub reconnect_min: Duration,
    /// The longest such delay. Defaults to 3 s; up to 3,600.
    #[serde(with = "seconds")]
    pub reconnect_max: Duration,
}

/// What a hub does when the ring of a subscriber is full.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SlowPolicy {
    /// The oldest message leaves, and the subscriber is told how many did.
    #[default]
    DropOldest,
    /// The connection ends; the subscriber comes back and resumes.
    Disconnect,
}

impl Default for SubscriberOptions {
    fn default() -> Self {
        Self {
            hub: "ws://127.0.0.1:11346".to_owned(),
            token: None,
            tls_ca: None,
            name: None,
            topics: Vec::new(),
            sensors: Vec::new(),
            since: None,
            policy: SlowPolicy::default(),
            queue_messages: None,
            reconnect: true,
            reconnect_min: Duration::from_millis(200),
            reconnect_max: Duration::from_secs(3),
        }
    }
}

impl SubscriberOptions {
    /// Whether these can be kept; gives the address. Files are not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::Option`].
    pub(crate) fn check(&self) -> Result<Address> {
        let refuse = |option, value: String, range| Err(Error::Option { option, value, range });
        let address = Address::parse(&self.hub)?.or_path("/subscribe");
        if address.dialect != Dialect::Own {
            return refuse("hub", format!("{:?}", self.hub), "a hub of flowgauge: ws, wss, http or https");
        }
        if let Some(name) = self.name.clone().filter(|name| Name::try_from(name.clone()).is_err()) {
            return refuse("name", format!("{name:?}"), "1 to 256 bytes without control characters");
        }
        let patterns = |texts: &[String]| texts.iter().cloned().map(Pattern::try_from).collect::<Result<Vec<_>, _>>();
        let filter = patterns(&self.topics).and_then(|topics| Filter::new(topics, patterns(&self.sensors)?));
        if let Err(range) = filter {
            return refuse("topics or sensors", format!("{:?} {:?}", self.topics, self.sensors), range);
        }
        if self.reconnect_min < Duration::from_millis(10) {
            return refuse("reconnect_min", format!("{} s", self.reconnect_min.as_secs_f64()), "at least 0.01 seconds");
        }
        if !(self.reconnect_min..=Duration::from_secs(3600)).contains(&self.reconnect_max) {
            let value = format!("{} s", self.reconnect_max.as_secs_f64());
            return refuse("reconnect_max", value, "from reconnect_min to 3600 seconds");
        }
        Ok(address)
    }
}

impl fmt::Debug for SubscriberOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As Serialize writes it, which masks the token.
        write!(f, "SubscriberOptions {}", serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}
