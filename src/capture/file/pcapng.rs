//! The pcapng format (draft-ietf-opsawg-pcapng): sections of blocks, each section with its own byte order and interfaces.
//!
//! Enhanced, simple and (obsolete) packet blocks give frames; section headers and interface descriptions are obeyed, all
//! other blocks are skipped without being kept in memory.

use crate::capture::Frame;
use crate::capture::file::format::Format;
use crate::capture::file::format::MAX_FRAME_BYTES;
use crate::capture::file::format::Recognized;
use crate::capture::file::format::Step;
use crate::capture::file::format::u16_at;
use crate::capture::file::format::u32_at;
use crate::capture::file::interface::Interface;
use crate::time::Timestamp;

/// A reader of pcapng blocks, somewhere in a section.
#[derive(Debug)]
pub(super) struct Pcapng {
    big: bool,
    interfaces: Vec<Interface>,
    /// The stamp of the frame before: a simple packet block has none of its own.
    last: Timestamp,
    skipping: Option<Skipping>,
}

/// A block whose body is being skipped: its closing length is still to come.
#[derive(Clone, Copy, Debug)]
struct Skipping {
    total: u32,
    body: u64,
}

/// The four fields that an enhanced and an obsolete packet block have in common.
struct PacketHeader {
    interface: u32,
    ticks: u64,
    captured_len: u32,
    wire_len: u32,
}

/// Whether a stream that begins with these bytes is a pcapng file; they read the same in both byte orders.
pub(super) fn is_section(magic: [u8; 4]) -> bool {
    u32::from_be_bytes(magic) == SECTION
}

impl Pcapng {
    /// Looks at the first section header; nothing of it counts as read.
    pub(super) fn open(head: &[u8], last: Timestamp) -> Recognized {
        if head.len() < SECTION_BYTES {
            return Recognized::Need(SECTION_BYTES);
        }
        match section_order(head) {
            Ok(big) => {
                Recognized::Format(Format::Pcapng(Self { big, interfaces: Vec::new(), last, skipping: None }), 0)
            }
            Err(detail) => Recognized::Unknown(detail),
        }
    }

    /// How much of the block at hand was skipped, or is about to be.
    pub(super) fn behind(&self) -> u64 {
        self.skipping.map_or(0, |skipping| skipping.body)
    }

    /// See [`Format::parse`].
    pub(super) fn parse(&mut self, bytes: &[u8], at: &mut usize, frames: &mut Vec<Frame>) -> Step {
        loop {
            let step =
                if self.big { self.blocks::<true>(bytes, at, frames) } else { self.blocks::<false>(bytes, at, frames) };
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// Reads blocks as long as the byte order stays; `None` when it changed.
    fn blocks<const BIG: bool>(&mut self, bytes: &[u8], at: &mut usize, frames: &mut Vec<Frame>) -> Option<Step> {
        loop {
            let rest = bytes.get(*at..).unwrap_or_default();
            if let Some(skipping) = self.skipping {
                if rest.len() < 4 {
                    return Some(Step::Need(4));
                }
                if u32_at::<BIG>(rest, 0) != skipping.total {
                    return Some(damaged(skipping.body, closing_differs(skipping.total, u32_at::<BIG>(rest, 0))));
                }
                self.skipping = None;
                *at += 4;
                continue;
            }
            if rest.len() < MIN_BLOCK_BYTES {
                return Some(Step::Need(MIN_BLOCK_BYTES));
            }
            let kind = u32_at::<BIG>(rest, 0);
            if kind == SECTION {
                if rest.len() < SECTION_BYTES {
                    return Some(Step::Need(SECTION_BYTES));
                }
                match section_order(rest) {
                    Err(detail) => return Some(damaged(0, detail)),
                    Ok(big) => self.big = big,
                }
                self.interfaces.clear();
            }
            // The length of a section header is in the order that it announces.
            let total = if self.big { u32_at::<true>(rest, 4) } else { u32_at::<false>(rest, 4) };
            let least = match kind {
                SECTION => SECTION_BYTES + 4,
                INTERFACE => 20,
                ENHANCED_PACKET | PACKET => PACKET_HEADER_BYTES + 4,
                SIMPLE_PACKET => 16,
                _ => MIN_BLOCK_BYTES,
            };
            if (total as usize) < least {
                return Some(damaged(
                    0,
                    format!("a block of type {kind} of {total} bytes, which has at least {least}"),
                ));
            }
            // Some programs state the length without the padding; like Wireshark, we count the padding in.
            let padded = u64::from(total).next_multiple_of(4);
            if !matches!(kind, INTERFACE | ENHANCED_PACKET | SIMPLE_PACKET | PACKET) {
                self.skipping = Some(Skipping { total, body: padded - 4 });
                if rest.len() as u64 >= padded {
                    *at += padded as usize - 4;
                    if self.big != BIG {
                        return None;
                    }
                    continue;
                }
                return Some(Step::Skip(padded - 4));
            }
            if padded > MAX_BLOCK_BYTES {
                return Some(damaged(0, format!("a block of type {kind} of {total} bytes")));
            }
            let padded = padded as usize;
            if rest.len() < padded {
                return Some(Step::Need(padded));
            }
            let closing = u32_at::<BIG>(rest, padded - 4);
            if closing != total {
                return Some(damaged(0, closing_differs(total, closing)));
            }
            let body = &rest[..padded - 4];
            let read = match kind {
                INTERFACE => self.interface::<BIG>(body),
                SIMPLE_PACKET => self.simple_packet::<BIG>(body, *at, frames),
                _ => {
                    let interface =
                        if kind == PACKET { u32::from(u16_at::<BIG>(body, 8)) } else { u32_at::<BIG>(body, 8) };
                    let header = PacketHeader {
                        interface,
                        ticks: u64::from(u32_at::<BIG>(body, 12)) << 32 | u64::from(u32_at::<BIG>(body, 16)),
                        captured_len: u32_at::<BIG>(body, 20),
                        wire_len: u32_at::<BIG>(body, 24),
                    };
                    self.packet(&header, body.len(), *at, frames)
                }
            };
            if let Err(detail) = read {
                return Some(damaged(0, detail));
            }
            *at += padded;
        }
    }

    #[inline]
    fn packet(&mut self, header: &PacketHeader, body: usize, at: usize, frames: &mut Vec<Frame>) -> Result<(), String> {
        let Some(interface) = self.interfaces.get(header.interface as usize) else {
            return Err(no_interface(header.interface, self.interfaces.len()));
        };
        interface.check_length(header.captured_len, body - PACKET_HEADER_BYTES)?;
        let (stamp, time_out_of_range) = interface.stamp(header.ticks);
        self.last = stamp;
        frames.push(Frame {
            stamp,
            offset: (at + PACKET_HEADER_BYTES) as u32,
            captured_len: header.captured_len,
            wire_len: header.wire_len,
            link: interface.link(),
            time_out_of_range,
        });
        Ok(())
    }

    fn simple_packet<const BIG: bool>(
        &mut self,
        body: &[u8],
        at: usize,
        frames: &mut Vec<Frame>,
    ) -> Result<(), String> {
        let interface = self.interfaces.first().ok_or_else(|| no_interface(0, 0))?;
        let wire_len = u32_at::<BIG>(body, 8);
        let captured_len = interface.cut_to_snaplen(wire_len);
        interface.check_length(captured_len, body.len() - SIMPLE_HEADER_BYTES)?;
        frames.push(Frame {
            stamp: self.last,
            offset: (at + SIMPLE_HEADER_BYTES) as u32,
            captured_len,
            wire_len,
            link: interface.link(),
            time_out_of_range: false,
        });
        Ok(())
    }

    fn interface<const BIG: bool>(&mut self, body: &[u8]) -> Result<(), String> {
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(format!("more than {MAX_INTERFACES} interfaces in one section"));
        }
        self.interfaces.push(Interface::read::<BIG>(body)?);
        Ok(())
    }
}

/// Whether the section whose header `block` begins with is big-endian.
fn section_order(block: &[u8]) -> Result<bool, String> {
    let big = match u32_at::<true>(block, 8) {
        BYTE_ORDER => true,
        _ if u32_at::<false>(block, 8) == BYTE_ORDER => false,
        other => return Err(format!("a pcapng section with the byte-order magic {other:08x}")),
    };
    let version = |at| if big { u16_at::<true>(block, at) } else { u16_at::<false>(block, at) };
    match version(12) {
        1 => Ok(big),
        major => Err(format!("pcapng version {major}.{} is not read, only 1", version(14))),
    }
}

fn damaged(back: u64, detail: String) -> Step {
    Step::Damaged { back, detail }
}

fn closing_differs(first: u32, second: u32) -> String {
    format!("a block of {first} bytes that claims {second} at its end")
}

fn no_interface(id: u32, known: usize) -> String {
    format!("a packet of interface {id}, with {known} interfaces described")
}

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;

/// Type, length and closing length.
const MIN_BLOCK_BYTES: usize = 12;
/// The fixed part of a section header, without its closing length.
const SECTION_BYTES: usize = 24;
/// The fixed part of an enhanced or obsolete packet block, without its closing length.
const PACKET_HEADER_BYTES: usize = 28;
/// The same of a simple packet block.
const SIMPLE_HEADER_BYTES: usize = 12;

/// The largest block that is read into memory: a frame of the largest size, and room for its options.
const MAX_BLOCK_BYTES: u64 = MAX_FRAME_BYTES as u64 + (1 << 20);
/// More interfaces in one section are taken for damage, lest they fill the memory.
const MAX_INTERFACES: usize = 1 << 16;
