//! A slow meter: what flows are, once more, over plain lists and without a decoder, to hold the fast one against.

use flowgauge::flow::{Direction, FlowRecord};
use flowgauge::packet::TcpFlags;

use super::scenario::{End, JUNK, Sent};

/// The options of a meter. Timeouts are in nanoseconds; `None` is never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) inactive: Option<u64>,
    pub(crate) active: Option<u64>,
    pub(crate) capacity: Option<usize>,
    pub(crate) tcp_end: bool,
    /// A packet with so many bytes of payload ends its flow, as a metric may ask for.
    pub(crate) last_words: Option<usize>,
}

/// What is told of a flow, in either meter's records.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    flow_id: u64,
    conn_id: u64,
    segment: u32,
    reason: u8,
    ends: [End; 2],
    protocol: u8,
    vlan: u16,
    counts: [Sums; 2],
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums {
    pkts: u64,
    bytes: u64,
    ip_bytes: u64,
    transport_bytes: u64,
    payload_bytes: u64,
    times: Option<(i64, i64)>,
}

struct Life {
    told: Told,
    first_clock: i64,
    last_clock: i64,
    fin: [bool; 2],
    ended: Option<i64>,
}

/// The records of a story, by `flow_id`.
pub(crate) fn slow_meter(story: &[Sent], rules: &Rules) -> Vec<Told> {
    let mut living: Vec<Life> = Vec::new();
    let mut gone: Vec<Told> = Vec::new();
    let mut leave = |life: Life, reason: u8| gone.push(Told { reason, ..life.told });
    let mut clock = i64::MIN;
    for (number, sent) in (1u64..).zip(story).filter(|(_, sent)| sent.protocol != JUNK) {
        clock = clock.max(sent.stamp.as_nanos());
        while let Some(place) = living.iter().position(|life| life.due(rules).is_some_and(|due| due <= clock.into())) {
            let life = living.swap_remove(place);
            let reason = if life.ended.is_some() { TCP_END } else { INACTIVE };
            leave(life, reason);
        }
        let mut place = living.iter().position(|life| life.direction(sent).is_some());
        if let Some(at) = place.filter(|at| living[*at].ended.is_some() && sent.flags & (SYN | ACK) == SYN) {
            leave(living.swap_remove(at), TCP_END);
            place = None;
        }
        if let Some(life) = place.map(|at| &mut living[at])
            && life.ended.is_none()
            && rules.active.is_some_and(|timeout| i128::from(clock) - i128::from(life.first_clock) >= timeout.into())
        {
            let next =
                Told { flow_id: number, segment: life.told.segment + 1, counts: Default::default(), ..life.told };
            let segment = std::mem::replace(&mut life.told, next);
            life.first_clock = clock;
            leave(Life { told: segment, ..*life }, ACTIVE);
        }
        let place = place.unwrap_or_else(|| {
            if rules.capacity == Some(living.len()) {
                let deadline = |life: &Life| (life.due(rules).unwrap_or(i64::MAX.into()), life.told.flow_id);
                let first = (0..living.len()).min_by_key(|at| deadline(&living[*at])).unwrap();
                leave(living.swap_remove(first), CAPACITY);
            }
            living.push(Life::begin(sent, number, clock));
            living.len() - 1
        });
        let life = &mut living[place];
        let direction = life.direction(sent).unwrap();
        life.told.counts[direction].count(sent);
        life.last_clock = clock;
        life.fin[direction] |= sent.protocol == 6 && sent.flags & TcpFlags::FIN != 0;
        let over = life.fin == [true; 2] || (sent.protocol == 6 && sent.flags & TcpFlags::RST != 0);
        if rules.tcp_end && over && life.ended.is_none() {
            life.ended = Some(clock);
        }
        if rules.last_words == Some(sent.payload) {
            leave(living.swap_remove(place), USER);
        }
    }
    for life in living {
        let reason = match life.ended {
            Some(_) => TCP_END,
            None if life.due(rules).is_some_and(|due| due <= clock.into()) => INACTIVE,
            None => FLUSH,
        };
        leave(life, reason);
    }
    gone.sort_by_key(|told| told.flow_id);
    gone
}

impl Life {
    fn begin(sent: &Sent, number: u64, clock: i64) -> Self {
        let has_ports = sent.protocol != 1;
        let end = |end: End| (end.0, if has_ports { end.1 } else { 0 });
        let told = Told {
            flow_id: number,
            conn_id: number,
            segment: 0,
            reason: 0,
            ends: [end(sent.src), end(sent.dst)],
            protocol: sent.protocol,
            vlan: sent.vlan.unwrap_or(0),
            counts: Default::default(),
        };
        Self { told, first_clock: clock, last_clock: clock, fin: [false; 2], ended: None }
    }

    /// Whether the frame belongs here, and which way it goes.
    fn direction(&self, sent: &Sent) -> Option<usize> {
        let other = Self::begin(sent, 0, 0).told;
        let [src, dst] = other.ends;
        if (other.protocol, other.vlan) != (self.told.protocol, self.told.vlan) {
            return None;
        }
        [[src, dst], [dst, src]].iter().position(|ends| *ends == self.told.ends)
    }

    /// When the flow leaves if nothing more comes.
    fn due(&self, rules: &Rules) -> Option<i128> {
        let inactive = rules.inactive.map(|timeout| i128::from(self.last_clock) + i128::from(timeout));
        let lingered = self.ended.map(|ended| i128::from(ended) + LINGER);
        // Time ends, and with it every wait.
        inactive.into_iter().chain(lingered).min().map(|due| due.min(i64::MAX.into()))
    }
}

impl Sums {
    fn count(&mut self, sent: &Sent) {
        let payload = sent.payload as u64;
        let header = if sent.protocol == 6 { 20 } else { 8 };
        let stamp = sent.stamp.as_nanos();
        let (start, end) = self.times.unwrap_or((stamp, stamp));
        self.pkts += 1;
        self.payload_bytes += payload;
        self.transport_bytes += header + payload;
        self.ip_bytes += 20 + header + payload;
        self.bytes += 14 + if sent.vlan.is_some() { 4 } else { 0 } + 20 + header + payload;
        self.times = Some((start.min(stamp), end.max(stamp)));
    }
}

impl From<&FlowRecord> for Told {
    fn from(record: &FlowRecord) -> Self {
        let end = |(address, port): (std::net::IpAddr, u16)| match address {
            std::net::IpAddr::V4(address) => (address.octets(), port),
            std::net::IpAddr::V6(address) => panic!("nobody in a story is {address}"),
        };
        let sums = |direction| {
            let counts = record.of(direction);
            Sums {
                pkts: counts.pkts,
                bytes: counts.bytes,
                ip_bytes: counts.ip_bytes,
                transport_bytes: counts.transport_bytes,
                payload_bytes: counts.payload_bytes,
                times: (counts.pkts > 0).then_some((counts.start.as_nanos(), counts.end.as_nanos())),
            }
        };
        Self {
            flow_id: record.flow_id,
            conn_id: record.conn_id,
            segment: record.segment,
            reason: record.export_reason.number(),
            ends: [end(record.src()), end(record.dst())],
            protocol: record.key.ip_protocol(),
            vlan: record.key.vlan_id(),
            counts: [sums(Direction::SrcToDst), sums(Direction::DstToSrc)],
        }
    }
}

const SYN: u8 = TcpFlags::SYN;
const ACK: u8 = TcpFlags::ACK;
const LINGER: i128 = 5_000_000_000;
// The table of reasons.
const INACTIVE: u8 = 0;
const ACTIVE: u8 = 1;
const FLUSH: u8 = 2;
const TCP_END: u8 = 3;
const CAPACITY: u8 = 4;
/// What a metric asks for that knows last words.
pub(crate) const USER: u8 = 200;
