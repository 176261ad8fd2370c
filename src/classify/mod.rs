//! Naming the application of a flow.
//!
//! A [`Classifier`] belongs to one meter, a [`Classification`] to one flow. The first packets of a flow go in; an
//! [`Application`] comes out as soon as there is one, or at the end of the flow as a guess.

#[cfg(feature = "ndpi")]
mod ndpi;

use std::sync::Arc;

use crate::error::Result;
use crate::flow::Application;
use crate::packet::Packet;

/// How much of a flow is dissected, and whether flows may learn from each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClassifierOptions {
    /// How many packets of a flow are dissected, by protocol.
    pub limits: DissectionLimits,
    /// Nothing that was learnt from one flow is used for another, so that labels do not depend on the number of workers.
    pub stable_labels: bool,
}

/// How many packets of a flow are dissected at most, with or without payload; `u32::MAX` is all of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DissectionLimits {
    /// Of a TCP flow.
    pub tcp: u32,
    /// Of a UDP flow.
    pub udp: u32,
    /// Of any other flow.
    pub other: u32,
}

impl DissectionLimits {
    /// The same limit for every protocol.
    pub const fn all(packets: u32) -> Self {
        Self { tcp: packets, udp: packets, other: packets }
    }
}

/// Who names the applications of a meter's flows.
#[derive(Debug)]
pub enum Classifier {
    /// Nobody: records carry no application.
    Off,
}

/// What a classifier knows of one flow so far.
#[derive(Debug, Default)]
pub enum Classification {
    /// Nothing, and nobody will ask.
    #[default]
    Off,
    /// There is a label, and dissection is over.
    Decided(Arc<Application>),
}

impl Classifier {
    /// Opens a classifier; with all limits 0 it is [`Classifier::Off`].
    ///
    /// # Errors
    ///
    /// [`Error::Classifier`](crate::Error::Classifier) when nDPI cannot be set up.
    pub fn open(_options: &ClassifierOptions) -> Result<Self> {
        Ok(Self::Off)
    }

    /// What is known of a flow before its first packet.
    pub fn start(&self) -> Classification {
        Classification::Off
    }

    /// Looks at the next packet of a flow.
    pub fn observe(&mut self, _classification: &mut Classification, _packet: &Packet<'_>) {}

    /// The label so far, for a record that is cut while its flow goes on; changes nothing in what comes later.
    pub fn label(&mut self, classification: &Classification) -> Option<Arc<Application>> {
        match classification {
            Classification::Off => None,
            Classification::Decided(application) => Some(Arc::clone(application)),
        }
    }

    /// The final label of a flow that ends, guessed if need be; frees what was kept of it.
    pub fn finish(&mut self, classification: &mut Classification) -> Option<Arc<Application>> {
        let label = self.label(classification);
        *classification = Classification::Off;
        label
    }
}
