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
    /// Puts behind this what came later of the same direction; gives how many records do not fit.
    fn append(&mut self, later: &Self) -> usize {
        let room = MAX_RECORDS.saturating_sub(self.records.len());
        self.records.extend(later.records.iter().take(room));
        self.incomplete = later.incomplete.or(self.incomplete);
        self.count = later.count;
        self.facts = later.facts.clone().or_else(|| self.facts.take());
        self.is_end |= later.is_end;
        self.role = later.role;
        later.records.len().saturating_sub(room)
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
        let index = self.tls.iter().position(|known| known.src == told.src).unwrap_or_else(|| {
            self.weight += size_of::<TlsTold>();
            self.tls.push(TlsTold { records: Vec::new(), facts: None, ..*told });
            self.tls.len() - 1
        });
        let left_out = self.tls[index].append(told);
        self.left_out += left_out as u64;
        self.weight += (told.records.len() - left_out) * size_of::<TlsRecord>();
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

#[cfg(test)]
pub(super) mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::dissect::Piece;
    use crate::dissect::http::Conversation;
    use crate::time::Timestamp;

    const CLIENT: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000);
    const SERVER: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::LOCALHOST), 80);

    /// The message that these bytes are.
    pub(in crate::pipeline) fn message(bytes: &[u8]) -> HttpTold {
        let (mut conversation, mut told) = (Conversation::new(usize::MAX), Vec::new());
        conversation.take(0, Piece::Bytes(bytes), Timestamp::MIN, &mut |message| told.push(message));
        HttpTold { message: Arc::new(told.remove(0)), src: CLIENT, dst: SERVER }
    }

    /// Records of a direction, so many.
    pub(in crate::pipeline) fn records(src: (IpAddr, u16), count: usize) -> TlsTold {
        let record = TlsRecord { kind: 23, version: 0x0303, len: 0, missing: 0 };
        let (role, records) = (Role::ClientToServer, vec![record; count]);
        TlsTold { src, dst: SERVER, role, records, incomplete: None, count: 0, facts: None, is_end: false }
    }

    #[test]
    fn messages_without_end_are_counted() {
        let mut flow = FlowTold::default();
        (0..1000).for_each(|_| flow.add_http(message(b"GET / HTTP/1.1\r\n\r\n")));
        assert_eq!((flow.http.len(), flow.left_out), (MAX_MESSAGES, 1000 - MAX_MESSAGES as u64));
    }

    #[test]
    fn a_megabyte_of_messages_is_kept_be_it_in_bodies_fields_or_targets() {
        let long = "a".repeat(60_000);
        for head in [
            format!("GET /{long} HTTP/1.1\r\n\r\n"),
            format!("GET / HTTP/1.1\r\nCookie: {long}\r\n\r\n"),
            format!("GET / HTTP/1.1\r\nContent-Length: 60000\r\n\r\n{long}"),
            format!("{} / HTTP/1.1\r\n{}\r\n", "A".repeat(24), "a:\r\n".repeat(256)),
            format!("HTTP/1.1 200 {long}\r\nContent-Length: 0\r\n\r\n"),
        ] {
            let (told, mut flow) = (message(head.as_bytes()), FlowTold::default());
            (0..200).for_each(|_| flow.add_http(told.clone()));
            let kept = flow.http.len() * told.message.weight();
            assert!(flow.weight() == kept && kept <= MAX_BYTES, "{kept}");
            assert!(kept + told.message.weight() > MAX_BYTES, "{kept}: {}", &head[..40]);
            assert_eq!(flow.left_out, 200 - flow.http.len() as u64);
            // A small one may still find room.
            flow.add_http(message(b"GET / HTTP/1.1\r\n\r\n"));
            assert!(flow.weight() <= MAX_BYTES);
        }
    }

    #[test]
    fn records_without_end_are_counted_and_weigh_nothing() {
        let mut flow = FlowTold::default();
        flow.add_tls(&records(CLIENT, 200_000));
        let weight = size_of::<TlsTold>() + MAX_RECORDS * size_of::<TlsRecord>();
        assert_eq!((flow.tls[0].records.len(), flow.weight()), (MAX_RECORDS, weight));
        (0..1000).for_each(|_| flow.add_tls(&records(CLIENT, 1000)));
        flow.add_tls(&records(SERVER, 1));
        assert_eq!(flow.tls.iter().map(|told| told.records.len()).collect::<Vec<_>>(), [MAX_RECORDS, 1]);
        assert_eq!(flow.left_out, 1_200_000 - MAX_RECORDS as u64);
        assert_eq!(flow.weight(), weight + size_of::<TlsTold>() + size_of::<TlsRecord>());
    }

    #[test]
    fn what_is_told_last_holds_also_where_records_do_not_fit() {
        let mut flow = FlowTold::default();
        flow.add_tls(&records(CLIENT, MAX_RECORDS));
        let facts = Some(Arc::<Facts>::default());
        flow.add_tls(&TlsTold { count: 5000, is_end: true, facts, ..records(SERVER, 0) });
        flow.add_tls(&TlsTold { count: 4097, is_end: true, ..records(CLIENT, 1) });
        let [client, server] = &flow.tls[..] else { panic!("{flow:?}") };
        assert_eq!((client.count, client.is_end, server.count, flow.left_out), (4097, true, 5000, 1));
        assert!(client.facts.is_some() && server.facts.is_some());
    }
}
