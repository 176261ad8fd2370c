//! Naming the application of a flow.
//!
//! A [`Classifier`] belongs to one meter, a [`Classification`] to one flow. The first packets of a flow go in; an
//! [`Application`] comes out as soon as there is one, or at the end of the flow as a guess. Nothing here fails on a
//! packet: what cannot be read is passed over.
//!
//! A packet that nDPI cannot read is neither given to it nor counted: a fragment after the first, one that was captured
//! in part (snaplen), one whose IP header does not hold its length (segmentation offload). A flow that has no other is
//! `Unknown`.

#[cfg(feature = "ndpi")]
mod dissector;
#[cfg(feature = "ndpi")]
mod ndpi;
#[cfg(feature = "ndpi")]
mod told;

use std::sync::Arc;

use crate::error::Result;
use crate::flow::Application;
use crate::flow::Facts;
use crate::packet::Packet;

/// How much of a flow is dissected, and whether flows may learn from each other.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ClassifierOptions {
    /// How many packets of a flow are dissected, by protocol.
    pub limits: DissectionLimits,
    /// Nothing that was learnt from one flow is used for another, so that labels do not depend on which flows share a
    /// module, that is on the number of workers. Defaults to `false`.
    ///
    /// nDPI remembers the addresses of peers (BitTorrent, Zoom, mining, Teams ...), of servers (Ookla, Tinc), STUN sessions
    /// and the names in certificates, and names later flows by them. With this option it forgets after each packet. That
    /// costs less than 5 % of the time of a packet in nDPI (1.32 and 1.39 µs for an undecided TCP flow), and the labels
    /// that only such knowledge gives: 8 of the 3,504 flows in 113 captures of nDPI's own tests.
    pub stable_labels: bool,
    /// What nDPI reads beside the label is added to the facts of the flow. Defaults to `false`.
    ///
    /// Names, agents, fingerprints and banners out of the packets that were dissected, and the risks that nDPI sees in
    /// them. Changes neither labels nor how long dissection goes on.
    pub facts: bool,
}

/// How many packets of a flow are dissected at most, with or without payload; `u32::MAX` is all of them.
///
/// Defaults to 20 for every protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DissectionLimits {
    /// Of a TCP flow.
    pub tcp: u32,
    /// Of a UDP flow.
    pub udp: u32,
    /// Of any other flow.
    pub other: u32,
}

/// Who names the applications of a meter's flows.
///
/// One thread at a time uses it (it is not [`Sync`]), and it may move to another between packets.
#[derive(Debug)]
pub enum Classifier {
    /// Nobody: records carry no application.
    Off,
    /// nDPI, with a module of its own.
    #[cfg(feature = "ndpi")]
    Ndpi(dissector::Dissector),
}

/// What a classifier knows of one flow so far; dropping it frees what it holds.
#[derive(Debug, Default)]
pub enum Classification {
    /// Nothing, and nobody will ask.
    #[default]
    Off,
    /// Nothing yet: no packet of the flow could be read so far.
    #[cfg(feature = "ndpi")]
    Waiting,
    /// Dissection goes on, with or without a label so far.
    #[cfg(feature = "ndpi")]
    Open(ndpi::Flow),
    /// There is a label, and dissection is over.
    Decided(Arc<Application>),
}

/// The version of the nDPI that this process uses, as in `4.2.0`; `None` in a build without it.
pub fn ndpi_version() -> Option<&'static str> {
    #[cfg(feature = "ndpi")]
    return Some(ndpi::version());
    #[cfg(not(feature = "ndpi"))]
    None
}

impl Classifier {
    /// Opens a classifier; with all limits 0 it is [`Classifier::Off`].
    ///
    /// Opening nDPI takes 10 to 20 ms and 5.6 MB of memory, and waits for any other opening in this process: nDPI allows one at a time.
    ///
    /// # Errors
    ///
    /// [`Error::Classifier`](crate::Error::Classifier) when nDPI cannot be set up;
    /// [`Error::MissingFeature`](crate::Error::MissingFeature) for a limit above 0 without the feature `ndpi`.
    pub fn open(options: &ClassifierOptions) -> Result<Self> {
        if options.limits == DissectionLimits::NONE {
            return Ok(Self::Off);
        }
        #[cfg(feature = "ndpi")]
        return Ok(Self::Ndpi(dissector::Dissector::open(options)?));
        #[cfg(not(feature = "ndpi"))]
        return Err(crate::error::Error::MissingFeature { what: "naming applications", feature: "ndpi" });
    }

    /// Looks at the next packet of a flow.
    ///
    /// With [`ClassifierOptions::facts`], adds to `facts`, once there is a label that stays, what was read beside it and is
    /// not known there.
    #[inline]
    #[cfg_attr(not(feature = "ndpi"), expect(unused_variables))]
    pub fn observe(
        &mut self,
        classification: &mut Classification,
        packet: &Packet<'_>,
        facts: &mut Option<Arc<Facts>>,
    ) {
        match self {
            Self::Off => {}
            #[cfg(feature = "ndpi")]
            Self::Ndpi(dissector) => dissector.observe(classification, packet, facts),
        }
    }

    /// The label so far, for a record that is cut while its flow goes on; changes nothing in what comes later.
    ///
    /// While there is none it is the guess that [`finish`](Self::finish) would make now.
    pub fn label(&mut self, classification: &Classification) -> Option<Arc<Application>> {
        match classification {
            Classification::Off => None,
            Classification::Decided(application) => Some(Arc::clone(application)),
            #[cfg(feature = "ndpi")]
            Classification::Waiting | Classification::Open(_) => match self {
                Self::Off => None,
                Self::Ndpi(dissector) => Some(dissector.label(classification)),
            },
        }
    }

    /// Adds to `facts` what was read beside the label so far and is not known there, for a record that is cut while its flow
    /// goes on; changes nothing in what comes later.
    ///
    /// Nothing once there is a label that stays, and without [`ClassifierOptions::facts`].
    #[cfg_attr(not(feature = "ndpi"), expect(unused_variables))]
    pub fn complete(&self, classification: &Classification, facts: &mut Option<Arc<Facts>>) {
        match self {
            Self::Off => {}
            #[cfg(feature = "ndpi")]
            Self::Ndpi(dissector) => dissector.complete(classification, facts),
        }
    }

    /// The final label of a flow that ends, guessed if need be; frees what was kept of it, and adds to `facts` as
    /// [`observe`](Self::observe) does.
    #[cfg_attr(not(feature = "ndpi"), expect(unused_variables))]
    pub fn finish(
        &mut self,
        classification: &mut Classification,
        facts: &mut Option<Arc<Facts>>,
    ) -> Option<Arc<Application>> {
        match std::mem::take(classification) {
            Classification::Off => None,
            Classification::Decided(application) => Some(application),
            #[cfg(feature = "ndpi")]
            Classification::Waiting => self.conclude(None, facts),
            #[cfg(feature = "ndpi")]
            Classification::Open(flow) => self.conclude(Some(flow), facts),
        }
    }

    /// What is known of a flow before its first packet.
    pub fn start(&self) -> Classification {
        match self {
            Self::Off => Classification::Off,
            #[cfg(feature = "ndpi")]
            Self::Ndpi(_) => Classification::Waiting,
        }
    }

    /// The version of the nDPI in use, as in `4.2.0`; `None` when it is off.
    pub fn ndpi_version(&self) -> Option<&'static str> {
        match self {
            Self::Off => None,
            #[cfg(feature = "ndpi")]
            Self::Ndpi(_) => Some(ndpi::version()),
        }
    }

    #[cfg(feature = "ndpi")]
    fn conclude(&mut self, flow: Option<ndpi::Flow>, facts: &mut Option<Arc<Facts>>) -> Option<Arc<Application>> {
        let Self::Ndpi(dissector) = self else { return None };
        Some(dissector.finish(flow, facts))
    }
}

impl Classification {
    /// The label, once there is one that stays.
    pub const fn decided(&self) -> Option<&Arc<Application>> {
        match self {
            Self::Decided(application) => Some(application),
            _ => None,
        }
    }

    /// Whether further packets change nothing.
    #[inline]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Off | Self::Decided(_))
    }

    /// Whether dissection holds memory for this flow: 700 bytes and whatever the dissectors keep beside it.
    ///
    /// It does from the first packet that can be read until there is a label that further packets will not make more
    /// exact, until the limit, or until the flow's end.
    pub const fn is_open(&self) -> bool {
        match self {
            #[cfg(feature = "ndpi")]
            Self::Open(_) => true,
            _ => false,
        }
    }
}

impl DissectionLimits {
    /// No dissection at all.
    pub const NONE: Self = Self::uniform(0);

    /// Those of nDPI's own example program, `ndpiReader`: 81 packets of TCP, 25 of UDP, all of any other protocol.
    pub const NDPI_READER: Self = Self { tcp: 81, udp: 25, other: u32::MAX };

    /// `packets` of every flow, whatever its protocol.
    pub const fn uniform(packets: u32) -> Self {
        Self { tcp: packets, udp: packets, other: packets }
    }

    /// The limit for an IP protocol number.
    #[cfg(feature = "ndpi")]
    const fn of(&self, ip_protocol: u8) -> u32 {
        match ip_protocol {
            6 => self.tcp,
            17 => self.udp,
            _ => self.other,
        }
    }
}

impl Default for DissectionLimits {
    fn default() -> Self {
        Self::uniform(20)
    }
}

#[cfg(all(test, not(feature = "ndpi")))]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_build_without_ndpi_says_so_when_asked_for_names() {
        let refused = Classifier::open(&ClassifierOptions::default());
        assert!(matches!(refused, Err(Error::MissingFeature { feature: "ndpi", .. })));
        let limits = DissectionLimits::NONE;
        assert!(matches!(Classifier::open(&ClassifierOptions { limits, ..Default::default() }), Ok(Classifier::Off)));
    }
}
