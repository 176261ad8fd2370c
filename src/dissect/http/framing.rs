//! Where the body of a message ends (RFC 9112 §6), read as its bytes come.

use crate::dissect::http::message::{Message, Start};

/// What tells where a body ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Framing {
    /// So many bytes are to come.
    Length(u64),
    Chunked(Chunk),
    /// The end of the connection.
    Close,
}

/// Where in the framing of chunks the next byte lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Chunk {
    /// In the line with the size: what was read of it, how many bytes, and whether the size is over.
    Size { size: u64, bytes: u16, over: bool },
    /// So many bytes of data are to come.
    Data(u64),
    /// In the end of line behind data.
    DataEnd,
    /// In the fields behind the last chunk: bytes of all of them, and of this line without its end.
    Trailer { bytes: u32, line: u32 },
}

/// What bytes came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// So many bytes are framing.
    Framing(usize),
    /// So many are body.
    Body(usize),
    /// So many were the last.
    End(usize),
    /// No chunk reads so.
    Broken,
}

/// What a request asked that changes how its response ends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Asked {
    #[default]
    Other,
    Head,
    Connect,
}

impl Framing {
    /// How the body of a message ends that answers a request for `asked`; notes what is odd about it.
    pub(super) fn of(message: &mut Message, asked: Asked) -> Self {
        let bodiless = match &message.start {
            Start::Request { .. } => false,
            Start::Response { status, .. } => asked == Asked::Head || matches!(status, 100..=199 | 204 | 304),
        };
        if bodiless {
            return Self::Length(0);
        }
        let chunked = message.all("transfer-encoding").last().is_some_and(|codings| {
            codings.rsplit(',').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("chunked"))
        });
        let (is_told, same, len) = length(message);
        if is_told && (!same || len.is_none()) {
            message.note("content_length");
        }
        if is_told && chunked {
            message.note("length_and_chunked");
        }
        if let Some(len) = len.filter(|_| !chunked) {
            return Self::Length(len);
        }
        match chunked {
            true => Self::Chunked(Chunk::FIRST),
            false if message.is_request() => Self::Length(0),
            false => Self::Close,
        }
    }

    /// Looks at the next bytes, of which there is one at least.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        match self {
            Self::Close => Step::Body(bytes.len()),
            Self::Length(left) => {
                let taken = within(*left, bytes.len());
                *left -= taken as u64;
                if *left == 0 { Step::End(taken) } else { Step::Body(taken) }
            }
            Self::Chunked(chunk) => chunk.step(bytes),
        }
    }

    /// Leaves out `missing` bytes; whether it is still known what the byte behind them is.
    pub(super) fn skip(&mut self, missing: u64) -> bool {
        match self {
            Self::Close => true,
            Self::Length(left) | Self::Chunked(Chunk::Data(left)) if *left >= missing => {
                *left -= missing;
                if let Self::Chunked(Chunk::Data(0)) = self {
                    *self = Self::Chunked(Chunk::DataEnd);
                }
                true
            }
            _ => false,
        }
    }

    /// Whether nothing is to come.
    pub(super) fn is_over(&self) -> bool {
        *self == Self::Length(0)
    }
}

impl Chunk {
    const FIRST: Self = Self::Size { size: 0, bytes: 0, over: false };

    fn step(&mut self, bytes: &[u8]) -> Step {
        match self {
            Self::Data(left) => {
                let taken = within(*left, bytes.len());
                *left -= taken as u64;
                if *left == 0 {
                    *self = Self::DataEnd;
                }
                Step::Body(taken)
            }
            Self::Size { .. } => self.size(bytes),
            Self::DataEnd => match bytes {
                [b'\r', ..] => Step::Framing(1),
                [b'\n', ..] => {
                    *self = Self::FIRST;
                    Step::Framing(1)
                }
                _ => Step::Broken,
            },
            Self::Trailer { bytes: all, line } => {
                for (at, byte) in bytes.iter().enumerate() {
                    *all += 1;
                    match byte {
                        b'\n' if *line == 0 => return Step::End(at + 1),
                        b'\n' => *line = 0,
                        b'\r' => {}
                        _ => *line += 1,
                    }
                    if *all > MAX_TRAILER {
                        return Step::Broken;
                    }
                }
                Step::Framing(bytes.len())
            }
        }
    }

    /// Reads the line with the size, in hexadecimal; what follows that is not looked at.
    fn size(&mut self, line: &[u8]) -> Step {
        let Self::Size { size, bytes, over } = self else { return Step::Broken };
        for (at, byte) in line.iter().enumerate() {
            if *byte == b'\n' {
                if *bytes == 0 || *bytes > MAX_LINE {
                    return Step::Broken;
                }
                *self = if *size == 0 { Self::Trailer { bytes: 0, line: 0 } } else { Self::Data(*size) };
                return Step::Framing(at + 1);
            }
            match char::from(*byte).to_digit(16) {
                Some(digit) if !*over => {
                    let Some(longer) = size.checked_mul(16).and_then(|size| size.checked_add(u64::from(digit))) else {
                        return Step::Broken;
                    };
                    *size = longer;
                }
                _ if *bytes == 0 => return Step::Broken,
                _ => *over = true,
            }
            *bytes += 1;
            if *bytes > MAX_LINE {
                return Step::Broken;
            }
        }
        Step::Framing(line.len())
    }
}

/// Whether a length is told, whether there is only one, and what it is if it is a number.
fn length(message: &Message) -> (bool, bool, Option<u64>) {
    let mut lengths = message.all("content-length").flat_map(|list| list.split(',')).map(str::trim);
    let first = lengths.next();
    let same = lengths.all(|other| Some(other) == first);
    let digits = first.filter(|len| len.bytes().all(|digit| digit.is_ascii_digit()));
    (first.is_some(), same, digits.and_then(|len| len.parse().ok()))
}

/// The smaller of the two.
fn within(left: u64, len: usize) -> usize {
    usize::try_from(left).map_or(len, |left| left.min(len))
}

/// Bytes of a line with a size, at most.
const MAX_LINE: u16 = 4096;
/// Bytes of fields behind the last chunk, at most.
const MAX_TRAILER: u32 = 64 * 1024;
