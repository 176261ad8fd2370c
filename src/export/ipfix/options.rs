//! What can be chosen of an IPFIX export.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

/// Options of an [`IpfixExporter`](super::IpfixExporter).
///
/// ```
/// use flowgauge::export::IpfixOptions;
///
/// let options = IpfixOptions::default().observation_domain(7).uniflow(true);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct IpfixOptions {
    pub(super) observation_domain: u32,
    pub(super) uniflow: bool,
    pub(super) enterprise_number: Option<NonZeroU32>,
    pub(super) type_information: bool,
    pub(super) process_statistics: Option<bool>,
    pub(super) max_message_bytes: Option<u16>,
    pub(super) application_table: Option<bool>,
    pub(super) refresh_messages: u32,
    pub(super) refresh_interval: Duration,
    pub(super) udp_bytes_per_second: Option<NonZeroU64>,
}

impl Default for IpfixOptions {
    fn default() -> Self {
        Self {
            observation_domain: 0,
            uniflow: false,
            enterprise_number: None,
            type_information: true,
            process_statistics: None,
            max_message_bytes: None,
            application_table: None,
            refresh_messages: 100,
            refresh_interval: Duration::from_secs(60),
            udp_bytes_per_second: None,
        }
    }
}

impl IpfixOptions {
    /// The smallest value of [`IpfixOptions::max_message_bytes`]: what RFC 7011 section 10.3.3 wants where the path is unknown.
    pub const MIN_MESSAGE_BYTES: u16 = 512;

    /// The id of the observation domain that every message carries (RFC 7011 section 3.1). Default: 0, which is none in
    /// particular; give each meter its own if one collector takes several.
    pub fn observation_domain(mut self, id: u32) -> Self {
        self.observation_domain = id;
        self
    }

    /// Whether each direction that has packets is a record of its own, with its sender as the source, instead of one record of
    /// both with reverse elements (RFC 5103). Default: no. For collectors that read forward elements only.
    pub fn uniflow(mut self, uniflow: bool) -> Self {
        self.uniflow = uniflow;
        self
    }

    /// The enterprise number of whoever exports, for columns that IANA's registry has no element for, and for metrics: each is an
    /// element of this enterprise. Default: none, and they are left out. Numbers are assigned by IANA
    /// (<https://www.iana.org/assignments/enterprise-numbers>), on request and free of charge; there is none that all may use:
    /// 32473 is for examples (RFC 5612), and any other would claim somebody else's elements.
    ///
    /// The number of reverse elements, 29305, is refused when the exporter is made.
    pub fn enterprise_number(mut self, number: impl Into<Option<NonZeroU32>>) -> Self {
        self.enterprise_number = number.into();
        self
    }

    /// Whether options records tell the name, type, unit and meaning of each element of the user's own enterprise (RFC 5610).
    /// Default: yes, also over UDP, where they come again with the templates.
    pub fn type_information(mut self, told: bool) -> Self {
        self.type_information = told;
        self
    }

    /// Whether options records tell what was sent, ignored and lost (RFC 7011 sections 4.1 to 4.3): at the end, and on the way to
    /// a collector as often as templates would be. Default: in files and over TCP, not over UDP, for the reason that
    /// [`IpfixOptions::application_table`] has. What was ignored is what [`Exporter::ignored`](crate::export::Exporter::ignored)
    /// was told.
    pub fn process_statistics(mut self, told: bool) -> Self {
        self.process_statistics = Some(told);
        self
    }

    /// The largest message, in bytes, from [`IpfixOptions::MIN_MESSAGE_BYTES`] to 65,535. Default: 1,400 over UDP, so that a
    /// message with its headers fits into a frame of Ethernet; 65,535 elsewhere.
    pub fn max_message_bytes(mut self, bytes: u16) -> Self {
        self.max_message_bytes = Some(bytes);
        self
    }

    /// Whether options records tell the name and category of each application id (RFC 6759). They are in flow records as well.
    /// Default: in files and over TCP, not over UDP, where the table is sent again and again, and where nfcapd, which does not
    /// count options records, takes them for records that were lost.
    pub fn application_table(mut self, table: bool) -> Self {
        self.application_table = Some(table);
        self
    }

    /// After how many messages, or how much time of the capture, what a collector must know is sent again: templates and the
    /// names of applications (RFC 7011 section 8.4). Whichever comes first; 0 messages means before every one. Over UDP only:
    /// elsewhere nothing is lost, and it is said once; only statistics come over TCP at this interval too. Default: 100
    /// messages, 60 s.
    pub fn template_refresh(mut self, messages: u32, interval: Duration) -> Self {
        self.refresh_messages = messages;
        self.refresh_interval = interval;
        self
    }

    /// How much is sent over UDP in a second, in bytes, headers not counted; the exporter waits where it would be more.
    /// Default: `None`, as fast as records come, which is right for a wire. A capture file is read faster than a collector
    /// takes it in, and what its socket cannot hold is lost: 4,000,000 is known to lose nothing.
    pub fn udp_bytes_per_second(mut self, bytes: impl Into<Option<NonZeroU64>>) -> Self {
        self.udp_bytes_per_second = bytes.into();
        self
    }

    /// How often things are said again, in nanoseconds.
    pub(super) fn interval_nanos(&self) -> u64 {
        u64::try_from(self.refresh_interval.as_nanos()).unwrap_or(u64::MAX)
    }
}
