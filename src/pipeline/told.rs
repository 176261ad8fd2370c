//! What packets and flows tell of HTTP and TLS.

use std::net::IpAddr;
use std::sync::Arc;

use crate::dissect::TlsRecord;
use crate::dissect::http::Message;
use crate::flow::Facts;
use crate::pipeline::Role;

/// An HTTP message and who sent it to whom.
#[derive(Clone, Debug)]
pub struct HttpTold {
    /// The message.
    pub message: Arc<Message>,
    /// Address and port of its sender.
    pub src: (IpAddr, u16),
    /// Address and port of its receiver.
    pub dst: (IpAddr, u16),
}

/// TLS records of one direction, and what is known of their connection.
#[derive(Clone, Debug)]
pub struct TlsTold {
    /// Address and port of their sender.
    pub src: (IpAddr, u16),
    /// Address and port of their receiver.
    pub dst: (IpAddr, u16),
    /// Who the sender is.
    pub role: Role,
    /// The records, in their order.
    pub records: Vec<TlsRecord>,
    /// A record that did not come to its end, with the bytes that are missing.
    pub incomplete: Option<TlsRecord>,
    /// Records of this direction so far, these among them.
    pub count: u64,
    /// What the hellos told so far: server name, versions, protocols, fingerprints.
    pub facts: Option<Arc<Facts>>,
    /// Nothing more comes in this direction.
    pub is_end: bool,
}

/// What the packets of one flow told. Bounded: what did not fit is counted.
#[derive(Clone, Debug, Default)]
pub struct FlowTold {
    /// Its HTTP messages.
    pub http: Vec<HttpTold>,
    /// Its TLS records, for each direction that has some.
    pub tls: Vec<TlsTold>,
    /// Messages and records that did not fit.
    pub left_out: u64,
    weight: usize,
}

/// What a part wants to be told by a part before it that takes packets away.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Wants {
    /// HTTP messages, with up to so many bytes of each body.
    pub http: Option<usize>,
    /// TLS records.
    pub tls: bool,
}

impl Wants {
    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Everything that somebody wants.
impl FromIterator<Self> for Wants {
    fn from_iter<I: IntoIterator<Item = Self>>(all: I) -> Self {
        all.into_iter().fold(Self::default(), |sum, one| Self { http: sum.http.max(one.http), tls: sum.tls || one.tls })
    }
}

impl TlsTold {
    /// Puts behind this what came later of the same direction; gives the records that do not fit.
    fn append(&mut self, later: &Self) -> u64 {
        let room = MAX_RECORDS.saturating_sub(self.records.len());
        self.records.extend(later.records.iter().take(room));
        self.incomplete = later.incomplete.or(self.incomplete);
        self.count = later.count;
        self.facts = later.facts.clone().or_else(|| self.facts.take());
        self.is_end |= later.is_end;
        self.role = later.role;
        later.records.len().saturating_sub(room) as u64
    }
}

impl FlowTold {
    /// Adds an HTTP message.
    pub(super) fn add_http(&mut self, told: HttpTold) {
        let weight = self.weight + told.message.weight();
        if self.http.len() >= MAX_MESSAGES || weight > MAX_BYTES {
            self.left_out += 1;
            return;
        }
        self.weight = weight;
        self.http.push(told);
    }

    /// Bytes of memory that it takes, about.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Adds TLS records.
    pub(super) fn add_tls(&mut self, told: &TlsTold) {
        self.weight += size_of::<TlsTold>() + told.records.len() * size_of::<TlsRecord>();
        match self.tls.iter_mut().find(|known| known.src == told.src) {
            Some(known) => self.left_out += known.append(told),
            None => self.tls.push(told.clone()),
        }
        // What is known of a connection is known of both directions.
        if let Some(facts) = &told.facts {
            self.tls.iter_mut().for_each(|known| known.facts = Some(Arc::clone(facts)));
        }
    }
}

/// Messages that a flow keeps at most.
const MAX_MESSAGES: usize = 256;
/// Bytes that they take at most.
const MAX_BYTES: usize = 1 << 20;
/// TLS records of a direction that a flow keeps at most.
const MAX_RECORDS: usize = 4096;
