//! Reassembly: the segments of one direction of a TCP connection in, its bytes in their order out.
//!
//! Segments enter in any order, again and overlapping; what was seen first stays. Bytes that come in their order are handed
//! on as they lie in their packet; only what comes too early is copied, and waits, in bounded memory. What never comes is
//! told as a [`Piece::Gap`]: when the waiting room is full, when the receiver has acknowledged it, or at the end.

use std::collections::VecDeque;

use crate::packet::{Packet, PacketFlags, TcpFlags};

/// What comes out, one after the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Piece<'a> {
    /// The next bytes; never none. They begin where a segment began, unless that was known in part.
    Bytes(&'a [u8]),
    /// So many bytes were not captured; never none.
    Gap(u32),
}

/// What a TCP segment says to whoever puts a connection together.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpSegment<'a> {
    /// Its sequence number.
    pub seq: u32,
    /// Its acknowledgement number, which counts with the flag.
    pub ack: u32,
    /// Its flags.
    pub flags: TcpFlags,
    /// Its payload, as far as it was captured.
    pub payload: &'a [u8],
    /// Bytes of its payload on the wire; what is less than was captured counts as that.
    pub len: u32,
}

impl<'a> TcpSegment<'a> {
    /// The segment in a packet; `None` for other protocols, later fragments, and headers that were not captured.
    #[inline]
    pub fn of(packet: &Packet<'a>) -> Option<Self> {
        let info = packet.info;
        if info.ip_protocol != TCP || info.flags.contains(PacketFlags::LATER_FRAGMENT) {
            return None;
        }
        let header = packet.raw.data.get(info.transport_offset as usize..)?.first_chunk::<12>()?;
        let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let payload = packet.payload();
        Some(Self { seq: word(4), ack: word(8), flags: info.tcp_flags, payload, len: info.payload_len })
    }
}

/// Puts the segments of one direction together.
#[derive(Clone, Debug)]
pub struct Assembler {
    /// Sequence number of the next byte to be told; `None` until a SYN or a payload was seen.
    next: Option<u32>,
    /// Up to where the receiver has everything.
    acknowledged: Option<u32>,
    /// Sequence number of the FIN.
    fin: Option<u32>,
    /// Something was told: a SYN is no beginning any more.
    told: bool,
    /// Segments in a row that cannot belong here.
    strays: u8,
    /// What came too early: pieces that do not overlap, in their order, all behind `next`.
    held: VecDeque<Held>,
    held_bytes: usize,
    max_bytes: usize,
    max_pieces: usize,
}

#[derive(Clone, Debug)]
struct Held {
    seq: u32,
    /// Bytes on the wire: those behind what was captured are missing.
    len: u32,
    bytes: Vec<u8>,
}

impl Assembler {
    /// Bytes that wait at most, unless said otherwise: 1 MiB.
    pub const DEFAULT_BYTES: usize = 1 << 20;
    /// Pieces that wait at most, unless said otherwise.
    pub const DEFAULT_PIECES: usize = 1024;

    /// A direction in which so many bytes, in so many pieces, may wait for what is missing before them.
    pub fn new(max_bytes: usize, max_pieces: usize) -> Self {
        Self {
            next: None,
            acknowledged: None,
            fin: None,
            told: false,
            strays: 0,
            held: VecDeque::new(),
            held_bytes: 0,
            max_bytes,
            max_pieces,
        }
    }

    /// The same, where the first byte has sequence number `start`.
    #[must_use]
    pub fn starting_at(mut self, start: u32) -> Self {
        self.next = Some(start);
        self
    }

    /// Takes a segment of this direction; hands what is in order to `tell`.
    ///
    /// The first SYN gives the beginning; without one the first payload does. A lone zero byte before anything else is a
    /// keep-alive probe, and no beginning.
    pub fn feed(&mut self, segment: &TcpSegment<'_>, tell: &mut impl FnMut(Piece<'_>)) {
        let TcpSegment { flags, payload, .. } = *segment;
        let payload = &payload[..payload.len().min(MAX_LEN)];
        let seq = segment.seq.wrapping_add(u32::from(flags.syn()));
        let len = segment.len.min(MAX_LEN as u32).max(payload.len() as u32);
        if flags.syn() && !self.told && self.held.is_empty() {
            // A later SYN opens another connection, as long as this one said nothing.
            self.next = Some(seq);
        }
        if len == 0 && !flags.fin() || self.next.is_none() && len == 1 && payload == [0] {
            return;
        }
        let next = *self.next.get_or_insert(seq);
        let end = seq.wrapping_add(len);
        if flags.fin() && self.fin.is_none() && distance(next, end) >= 0 {
            self.fin = Some(end);
        }
        if distance(next, seq) > MAX_WINDOW {
            return self.stray(seq, payload, len, tell);
        }
        self.strays = 0;
        self.take(seq, payload, len, tell);
        self.skip_acknowledged(tell);
    }

    /// The other direction acknowledged everything before `ack`: what of it is missing while something waits behind it will
    /// not come any more.
    pub fn acknowledge(&mut self, ack: u32, tell: &mut impl FnMut(Piece<'_>)) {
        let Some(next) = self.next else { return };
        let known = self.acknowledged.map_or(0, |known| distance(next, known).max(0));
        if (known..=MAX_WINDOW).contains(&distance(next, ack)) {
            self.acknowledged = Some(ack);
            self.skip_acknowledged(tell);
        }
    }

    /// Nothing more comes: tells what waits, and what is missing before it and before the FIN.
    pub fn finish(&mut self, tell: &mut impl FnMut(Piece<'_>)) {
        while !self.held.is_empty() {
            self.skip(tell);
        }
        if let (Some(next), Some(fin)) = (self.next, self.fin) {
            let missing = distance(next, fin);
            if (1..=MAX_WINDOW).contains(&missing) {
                self.tell(&[], missing.unsigned_abs(), tell);
            }
        }
    }

    /// Whether everything up to a FIN was told.
    pub fn is_over(&self) -> bool {
        self.next.zip(self.fin).is_some_and(|(next, fin)| distance(fin, next) >= 0)
    }

    /// Whether something was told: a SYN is no beginning any more.
    pub fn has_begun(&self) -> bool {
        self.told
    }

    /// Whether something waits for what is missing before it.
    pub fn is_waiting(&self) -> bool {
        !self.held.is_empty()
    }

    /// Sequence number of the next byte to be told; `None` before a SYN or a payload.
    pub fn next(&self) -> Option<u32> {
        self.next
    }

    /// Bytes of memory for what waits.
    pub fn weight(&self) -> usize {
        self.held_bytes + self.held.len() * size_of::<Held>()
    }

    /// Takes bytes that may lie anywhere near `next`.
    fn take(&mut self, mut seq: u32, mut payload: &[u8], mut len: u32, tell: &mut impl FnMut(Piece<'_>)) {
        while len > 0 {
            let next = *self.next.get_or_insert(seq);
            let ahead = distance(next, seq);
            if ahead > 0 {
                return self.hold(seq, payload, len, tell);
            }
            let known = ahead.unsigned_abs();
            if known >= len {
                return;
            }
            (seq, payload, len) = behind(seq, payload, len, known);
            let room = self.held.front().map_or(len, |held| held.seq.wrapping_sub(seq).min(len));
            self.tell(&payload[..payload.len().min(room as usize)], room, tell);
            self.release(tell);
            (seq, payload, len) = behind(seq, payload, len, room);
        }
    }

    /// Keeps what of these bytes, which come too early, no held piece has yet.
    fn hold(&mut self, mut seq: u32, mut payload: &[u8], mut len: u32, tell: &mut impl FnMut(Piece<'_>)) {
        // Most belong behind all that wait.
        let mut index = self.held.len();
        while index > 0 && distance(self.held[index - 1].seq, seq) < 0 {
            index -= 1;
        }
        index = index.saturating_sub(1);
        while len > 0 {
            let room = match self.held.get(index) {
                Some(held) if distance(held.seq, seq) >= 0 => {
                    let known = distance(seq, held.seq.wrapping_add(held.len)).max(0).unsigned_abs().min(len);
                    (seq, payload, len) = behind(seq, payload, len, known);
                    index += 1;
                    continue;
                }
                Some(held) => held.seq.wrapping_sub(seq).min(len),
                None => len,
            };
            let bytes = payload[..payload.len().min(room as usize)].to_vec();
            self.held_bytes += bytes.len();
            self.held.insert(index, Held { seq, len: room, bytes });
            (seq, payload, len) = behind(seq, payload, len, room);
            index += 1;
        }
        while self.held_bytes > self.max_bytes || self.held.len() > self.max_pieces {
            self.skip(tell);
        }
    }

    /// A segment that is no neighbour of what is here. Where many in a row are not, the capture has lost its thread.
    fn stray(&mut self, seq: u32, payload: &[u8], len: u32, tell: &mut impl FnMut(Piece<'_>)) {
        self.strays += 1;
        if self.strays < MAX_STRAYS {
            return;
        }
        self.strays = 0;
        while !self.held.is_empty() {
            self.skip(tell);
        }
        let missing = self.next.map_or(0, |next| seq.wrapping_sub(next));
        self.tell(&[], missing, tell);
        self.take(seq, payload, len, tell);
    }

    /// Gives up what is missing before the first that waits.
    fn skip(&mut self, tell: &mut impl FnMut(Piece<'_>)) {
        if let (Some(next), Some(first)) = (self.next, self.held.front()) {
            let missing = first.seq.wrapping_sub(next);
            self.tell(&[], missing, tell);
            self.release(tell);
        }
    }

    fn skip_acknowledged(&mut self, tell: &mut impl FnMut(Piece<'_>)) {
        while let (Some(acknowledged), Some(first)) = (self.acknowledged, self.held.front())
            && distance(first.seq, acknowledged) >= 0
        {
            self.skip(tell);
        }
    }

    /// Tells what waits and is in order now.
    fn release(&mut self, tell: &mut impl FnMut(Piece<'_>)) {
        while self.held.front().is_some_and(|held| Some(held.seq) == self.next) {
            let Some(held) = self.held.pop_front() else { return };
            self.held_bytes -= held.bytes.len();
            self.tell(&held.bytes, held.len, tell);
        }
    }

    /// Tells the next `len` bytes, of which these were captured.
    fn tell(&mut self, bytes: &[u8], len: u32, tell: &mut impl FnMut(Piece<'_>)) {
        self.told |= len > 0;
        self.next = self.next.map(|next| next.wrapping_add(len));
        if !bytes.is_empty() {
            tell(Piece::Bytes(bytes));
        }
        let missing = len.saturating_sub(bytes.len() as u32);
        if missing > 0 {
            tell(Piece::Gap(missing));
        }
    }
}

/// 1 MiB in 1024 pieces may wait.
impl Default for Assembler {
    fn default() -> Self {
        Self::new(Self::DEFAULT_BYTES, Self::DEFAULT_PIECES)
    }
}

/// How far `to` lies behind `from`, negative when before it: sequence numbers wrap (RFC 9293 §3.4).
#[inline]
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

/// What lies behind the first `count` bytes.
#[inline]
fn behind(seq: u32, payload: &[u8], len: u32, count: u32) -> (u32, &[u8], u32) {
    (seq.wrapping_add(count), payload.get(count as usize..).unwrap_or_default(), len.saturating_sub(count))
}

const TCP: u8 = 6;
/// The largest window that TCP knows (RFC 7323 §2.3): what lies further ahead belongs to something else.
const MAX_WINDOW: i32 = 1 << 30;
/// Most bytes of a segment that are looked at, far more than any packet carries.
const MAX_LEN: usize = 1 << 24;
/// Segments in a row that lie further ahead, and are believed then.
const MAX_STRAYS: u8 = 16;
