//! What a publisher may be told.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::client::address::Address;
use crate::error::{Error, Result};
use crate::message::Name;
use crate::options::seconds;

/// What a publisher needs to know. Times are in seconds, as numbers.
///
/// [`Publisher::start`] is the one place that can refuse. Neither `Debug` nor `Serialize` shows the token.
///
/// [`Publisher::start`]: crate::client::Publisher::start
#[derive(Clone, Deserialize, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct PublisherOptions {
    /// The hub, as in `ws://127.0.0.1:11346` (the default) or `wss://hub.example/site`; a path other than `/` is kept, else it
    /// is `/publish`. `http` and `https` mean the same. `netdumplings://host:port` is the port for kitchens of `nd-hub`.
    pub hub: String,
    /// How the sensor is called: 1 to 256 bytes without control characters. Defaults to `sensor`.
    pub sensor: String,
    /// The token to send. None, the default, sends none.
    #[serde(serialize_with = "masked")]
    pub token: Option<String>,
    /// A file of certificates in PEM, of whom the hub's must come. None, the default, trusts whom this machine trusts.
    pub tls_ca: Option<PathBuf>,
    /// Messages that are kept in memory. Defaults to 65,536; from 1 to 10,000,000.
    pub spool_messages: usize,
    /// Bytes of them. Defaults to 67,108,864; at least 65,536.
    pub spool_bytes: usize,
    /// A folder for what memory does not hold, and for what is left at the end: the next start of the sensor sends it. It is
    /// made, and belongs to one publisher. None, the default, means memory only.
    pub spool_dir: Option<PathBuf>,
    /// Bytes in that folder. Defaults to 1,073,741,824; at least 65,536.
    pub spool_disk_bytes: u64,
    /// The first delay before the hub is tried again is up to this long, the next up to twice as long, and so on. Defaults to
    /// 0.2 s; from 0.01 s.
    #[serde(with = "seconds")]
    pub reconnect_min: Duration,
    /// The longest such delay. Defaults to 3 s; up to 3,600.
    #[serde(with = "seconds")]
    pub reconnect_max: Duration,
    /// What is captured, for `nd-hub` to tell. Defaults to `all`.
    pub interface: String,
    /// Which packets of it. Defaults to nothing.
    pub filter: String,
    /// What makes the messages. Defaults to nothing.
    pub chefs: Vec<String>,
    /// How often messages of the trigger `interval` are made. Defaults to 5 s.
    #[serde(with = "seconds")]
    pub interval: Duration,
}

impl Default for PublisherOptions {
    fn default() -> Self {
        Self {
            hub: "ws://127.0.0.1:11346".to_owned(),
            sensor: "sensor".to_owned(),
            token: None,
            tls_ca: None,
            spool_messages: 65_536,
            spool_bytes: 64 << 20,
            spool_dir: None,
            spool_disk_bytes: 1 << 30,
            reconnect_min: Duration::from_millis(200),
            reconnect_max: Duration::from_secs(3),
            interface: "all".to_owned(),
            filter: String::new(),
            chefs: Vec::new(),
            interval: Duration::from_secs(5),
        }
    }
}

impl PublisherOptions {
    /// Whether these can be kept; gives address and sensor. Files are not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::Option`].
    pub(crate) fn check(&self) -> Result<(Address, Name)> {
        let refuse = |option, value: String, range| Err(Error::Option { option, value, range });
        let address = Address::parse(&self.hub)?.or_path("/publish");
        let Ok(sensor) = Name::try_from(self.sensor.clone()) else {
            return refuse("sensor", format!("{:?}", self.sensor), "1 to 256 bytes without control characters");
        };
        if !(1..=10_000_000).contains(&self.spool_messages) {
            return refuse("spool_messages", self.spool_messages.to_string(), "from 1 to 10000000");
        }
        if self.spool_bytes < 65_536 {
            return refuse("spool_bytes", self.spool_bytes.to_string(), "at least 65536");
        }
        if self.spool_disk_bytes < 65_536 {
            return refuse("spool_disk_bytes", self.spool_disk_bytes.to_string(), "at least 65536");
        }
        if self.reconnect_min < Duration::from_millis(10) {
            return refuse("reconnect_min", format!("{} s", self.reconnect_min.as_secs_f64()), "at least 0.01 seconds");
        }
        if !(self.reconnect_min..=Duration::from_secs(3600)).contains(&self.reconnect_max) {
            let value = format!("{} s", self.reconnect_max.as_secs_f64());
            return refuse("reconnect_max", value, "from reconnect_min to 3600 seconds");
        }
        Ok((address, sensor))
    }
}

impl fmt::Debug for PublisherOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As Serialize writes it, which masks the token.
        write!(f, "PublisherOptions {}", serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

pub(crate) fn masked<S: Serializer>(token: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    token.as_ref().map(|_| "********").serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_kept() {
        PublisherOptions::default().check().unwrap();
        assert_eq!(serde_json::from_str::<PublisherOptions>("{}").unwrap(), PublisherOptions::default());
        let text = serde_json::to_string(&PublisherOptions::default()).unwrap();
        assert_eq!(serde_json::from_str::<PublisherOptions>(&text).unwrap(), PublisherOptions::default());
    }

    #[test]
    fn the_token_is_not_shown() {
        let options = PublisherOptions { token: Some("secret".to_owned()), ..PublisherOptions::default() };
        for shown in [format!("{options:?}"), serde_json::to_string(&options).unwrap()] {
            assert!(shown.contains("********") && !shown.contains("secret"), "{shown}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused_by_name() {
        let refusal = |change: fn(&mut PublisherOptions)| {
            let mut options = PublisherOptions::default();
            change(&mut options);
            options.check().unwrap_err().to_string()
        };
        assert!(refusal(|options| options.hub = "hub".to_owned()).starts_with("hub is \"hub\": ws, wss"));
        assert!(refusal(|options| options.sensor = "a\nb".to_owned()).starts_with("sensor is"));
        assert!(refusal(|options| options.spool_messages = 0).contains("spool_messages is 0"));
        assert!(refusal(|options| options.spool_bytes = 1).contains("at least 65536"));
        assert!(refusal(|options| options.spool_disk_bytes = 1).contains("spool_disk_bytes is 1"));
        assert!(refusal(|options| options.reconnect_min = Duration::ZERO).contains("reconnect_min is 0 s"));
        assert!(refusal(|options| options.reconnect_max = Duration::ZERO).contains("reconnect_max is 0 s"));
    }
}
