//! Everyday traffic: sessions of DNS, TLS, HTTP, SSH, NTP and of what nobody knows, merged in the order of time.

use super::application::{client_hello, dns, http_request, http_response, ntp, server_hello, ssh};
use super::frame::{ACK, Ends, FIN, PSH, SYN, Segment};
use super::random::{SplitMix, mix};
use super::workload::Sink;

/// Sessions begin within this time.
const SPAN_NS: u64 = 600_000_000_000;
const ROUND_TRIP_NS: u64 = 20_000_000;
/// Payload of a full segment.
const FULL: u32 = 1400;

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Dns,
    Http,
    Ntp,
    Ssh,
    Tls,
    UnknownTcp,
    UnknownUdp,
}

/// What a packet carries; the bytes are made when it is written.
#[derive(Clone, Copy)]
enum Content {
    Nothing,
    First,
    Noise(u16),
}

/// A packet that is to be written.
#[derive(Clone, Copy)]
struct Step {
    nanos: u64,
    session: u32,
    seq: u32,
    ack: u32,
    content: Content,
    flags: u8,
    back: bool,
}

/// So many sessions, of some 25 packets each.
pub(crate) fn mix_of(sessions: u32, sink: Sink<'_>) {
    let mut steps: Vec<Step> = (0..sessions).flat_map(Session::steps).collect();
    // By time; those of one session stay in their order.
    steps.sort_by_key(|step| step.nanos);
    let noise = SplitMix(3).bytes(1 << 16);
    let mut frame = Vec::new();
    for step in &steps {
        write(step, &noise, &mut frame);
        sink(step.nanos, &frame);
    }
}

fn write(step: &Step, noise: &[u8], frame: &mut Vec<u8>) {
    let (kind, ends) = (kind(step.session), ends(step.session));
    let first;
    let payload = match step.content {
        Content::Nothing => &[][..],
        Content::Noise(length) => {
            let start = mix(u64::from(step.session) << 32 | u64::from(step.seq)) as usize % (noise.len() - 1500);
            &noise[start..start + usize::from(length)]
        }
        Content::First => {
            first = beginning(kind, step.session, step.back, ends.server.0);
            &first[..]
        }
    };
    if matches!(kind, Kind::Dns | Kind::Ntp | Kind::UnknownUdp) {
        ends.udp(step.back, payload, frame);
        return;
    }
    let segment = Segment { flags: step.flags, seq: step.seq, ack: step.ack };
    ends.tcp(step.back, segment, payload, frame);
}

fn beginning(kind: Kind, session: u32, back: bool, server: u32) -> Vec<u8> {
    match (kind, back) {
        (Kind::Dns, _) => dns(session, back.then_some(server)),
        (Kind::Http, false) => http_request(session),
        (Kind::Http, true) => http_response(100_000),
        (Kind::Ntp, _) => ntp(session, back),
        (Kind::Ssh, _) => ssh(back),
        (Kind::Tls, false) => client_hello(session),
        (Kind::Tls, true) => server_hello(session),
        (Kind::UnknownTcp | Kind::UnknownUdp, _) => SplitMix(u64::from(session) << 1 | u64::from(back)).bytes(200),
    }
}

/// Of a hundred sessions, how many are what.
fn kind(session: u32) -> Kind {
    match mix(u64::from(session) | 2 << 32) % 100 {
        0..30 => Kind::Dns,
        30..63 => Kind::Tls,
        63..76 => Kind::Http,
        76..84 => Kind::UnknownUdp,
        84..92 => Kind::UnknownTcp,
        92..96 => Kind::Ntp,
        _ => Kind::Ssh,
    }
}

fn ends(session: u32) -> Ends {
    let random = mix(u64::from(session) | 3 << 32);
    let port = match kind(session) {
        Kind::Dns => 53,
        Kind::Http => 80,
        Kind::Ntp => 123,
        Kind::Ssh => 22,
        Kind::Tls => 443,
        Kind::UnknownTcp | Kind::UnknownUdp => 20_000 + (random >> 48) as u16 % 10_000,
    };
    Ends {
        ipv6: (random & 7) == 0,
        // Eight sessions share a client, one after the other in ports.
        client: (
            0x0a00_0000 | ((session / 8) & 0xff_ffff),
            32_768 + (session % 8) as u16 + (random >> 8 & 0x7ff8) as u16,
        ),
        server: (0xc633_6400 | (random >> 32 & 0xff) as u32, port),
    }
}

/// A session as it comes to be.
struct Session {
    number: u32,
    random: SplitMix,
    nanos: u64,
    /// What each side sent so far.
    sent: [u32; 2],
    steps: Vec<Step>,
}

impl Session {
    fn steps(number: u32) -> Vec<Step> {
        let mut random = SplitMix(u64::from(number) | 1 << 48);
        let nanos = random.below(SPAN_NS);
        let mut session = Self { number, random, nanos, sent: [0; 2], steps: Vec::new() };
        match kind(number) {
            Kind::Dns | Kind::Ntp => session.exchange(),
            Kind::UnknownUdp => session.datagrams(),
            Kind::Http | Kind::Ssh | Kind::Tls | Kind::UnknownTcp => session.connection(),
        }
        session.steps
    }

    fn exchange(&mut self) {
        self.send(false, ACK, Content::First, 0);
        self.nanos += ROUND_TRIP_NS;
        self.send(true, ACK, Content::First, 0);
    }

    fn datagrams(&mut self) {
        self.exchange();
        for _ in 0..self.random.below(60) {
            self.nanos += self.random.below(40_000_000);
            let (back, length) = (self.random.below(3) > 0, 40 + self.random.below(1200) as u16);
            self.send(back, ACK, Content::Noise(length), u32::from(length));
        }
    }

    fn connection(&mut self) {
        self.send(false, SYN, Content::Nothing, 1);
        self.nanos += ROUND_TRIP_NS;
        self.send(true, SYN | ACK, Content::Nothing, 1);
        self.send(false, ACK, Content::Nothing, 0);
        let first = |back| beginning(kind(self.number), self.number, back, 0).len() as u32;
        let (asked, told) = (first(false), first(true));
        self.send(false, PSH | ACK, Content::First, asked);
        self.nanos += ROUND_TRIP_NS;
        self.send(true, PSH | ACK, Content::First, told);
        self.send(false, ACK, Content::Nothing, 0);
        // One in thirty stays silent for longer than an inactive timeout of two minutes.
        if self.random.below(30) == 0 {
            self.nanos += 130_000_000_000;
        }
        // Most answers are short, a few are long: from one kilobyte to a hundred.
        let doubled = self.random.below(7);
        let length = (1000 + self.random.below(1000) as u32) << doubled;
        for nth in 0..length / FULL {
            self.nanos += 50_000 + self.random.below(1_500_000);
            self.send(true, ACK, Content::Noise(FULL as u16), FULL);
            if nth % 2 == 1 {
                self.send(false, ACK, Content::Nothing, 0);
            }
        }
        self.send(true, PSH | ACK, Content::Noise((length % FULL) as u16), length % FULL);
        self.nanos += ROUND_TRIP_NS / 2;
        self.send(false, FIN | ACK, Content::Nothing, 1);
        self.send(true, FIN | ACK, Content::Nothing, 1);
        self.send(false, ACK, Content::Nothing, 0);
    }

    /// `length` is what it moves the sender's sequence number on by.
    fn send(&mut self, back: bool, flags: u8, content: Content, length: u32) {
        let mine = usize::from(back);
        let ack = if flags & ACK == 0 { 0 } else { self.sent[1 - mine] };
        self.steps.push(Step {
            nanos: self.nanos,
            session: self.number,
            seq: self.sent[mine],
            ack,
            content,
            flags,
            back,
        });
        self.sent[mine] = self.sent[mine].wrapping_add(length);
        self.nanos += 10_000;
    }
}
