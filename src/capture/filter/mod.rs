//! BPF expressions (`pcap-filter(7)`): compiled by libpcap once per link type, run here.
//!
//! Our own interpreter knows the wire length besides the captured one, so that `len` and `greater` mean the same on a cut
//! capture as in a kernel.

mod program;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use pcap::{Capture, Linktype};

use crate::capture::dlt;
use crate::capture::filter::program::Instruction;
use crate::capture::filter::program::Program;
use crate::error::Error;
use crate::error::Result;
use crate::packet::LinkType;

/// A filter for frames of any link type.
///
/// # Examples
///
/// ```
/// use flowgauge::capture::filter::Filter;
/// use flowgauge::packet::LinkType;
///
/// let mut filter = Filter::new("greater 100")?;
/// assert!(filter.matches(LinkType::ETHERNET, 1500, &[0; 60]));
/// assert!(!filter.matches(LinkType::ETHERNET, 60, &[0; 60]));
/// assert!(Filter::new("no such word").is_err());
/// # Ok::<(), flowgauge::Error>(())
/// ```
#[derive(Debug)]
pub struct Filter {
    expression: String,
    programs: BTreeMap<LinkType, Compiled>,
    /// The link type of the frame before, which is nearly always that of the next one.
    current: Option<(LinkType, Program)>,
}

/// What became of the expression for one link type.
#[derive(Debug)]
enum Compiled {
    Program(Program),
    /// In use as [`Filter::current`].
    Current,
    /// It does not compile: libpcap's words.
    Not(String),
}

impl Filter {
    /// A filter for `expression`; a blank one lets everything pass.
    ///
    /// # Errors
    ///
    /// [`Error::Filter`] when it compiles for none of the common link types: a syntax error.
    pub fn new(expression: &str) -> Result<Self> {
        let filter = Self { expression: expression.trim().to_owned(), programs: BTreeMap::new(), current: None };
        if filter.passes_all() {
            return Ok(filter);
        }
        let mut first_error = None;
        for number in COMMON_LINKS {
            match compile(&filter.expression, LinkType(number)) {
                Ok(_) => return Ok(filter),
                Err(detail) => first_error = first_error.or(Some(detail)),
            }
        }
        Err(filter.error(first_error.unwrap_or_default()))
    }

    /// Whether a frame passes: `data` is what was captured of the `wire_len` bytes on the wire.
    ///
    /// Nothing of a link type for which the expression does not compile passes; see [`warnings`](Self::warnings).
    #[inline]
    pub fn matches(&mut self, link: LinkType, wire_len: u32, data: &[u8]) -> bool {
        match &self.current {
            Some((current, program)) if *current == link => program.matches(wire_len, data),
            _ => self.passes_all() || self.matches_other(link, wire_len, data),
        }
    }

    /// The link types that were seen and for which the expression does not compile, one sentence each; of more than 16 the
    /// rest is counted.
    pub fn warnings(&self) -> Vec<String> {
        let refused = |(link, compiled): (&LinkType, &Compiled)| match compiled {
            Compiled::Not(detail) => {
                let (expression, number) = (&self.expression, link.0);
                Some(format!("filter {expression:?} matches nothing of link type {number}: {detail}"))
            }
            _ => None,
        };
        let mut warnings: Vec<_> = self.programs.iter().filter_map(refused).collect();
        if warnings.len() > MAX_WARNINGS {
            let more = warnings.len() - MAX_WARNINGS;
            warnings.truncate(MAX_WARNINGS);
            warnings.push(format!("filter {:?} matches nothing of {more} more link types", self.expression));
        }
        warnings
    }

    /// Asked at the end of a capture: whether the expression meant anything for the frames that were seen.
    ///
    /// # Errors
    ///
    /// [`Error::Filter`] when frames were seen and it compiles for none of their link types.
    pub fn finish(&self) -> Result<()> {
        let mut detail = None;
        for (link, compiled) in &self.programs {
            let Compiled::Not(refusal) = compiled else { return Ok(()) };
            detail = detail.or_else(|| Some(format!("link type {}: {refusal}", link.0)));
        }
        detail.map_or(Ok(()), |detail| Err(self.error(detail)))
    }

    fn passes_all(&self) -> bool {
        self.expression.is_empty()
    }

    /// Makes the program of another link type the current one, compiling it when it is new.
    #[cold]
    fn matches_other(&mut self, link: LinkType, wire_len: u32, data: &[u8]) -> bool {
        let expression = &self.expression;
        let slot = self.programs.entry(link).or_insert_with(|| match compile(expression, link) {
            Ok(program) => Compiled::Program(program),
            Err(detail) => Compiled::Not(detail),
        });
        if let Compiled::Not(_) = slot {
            return false;
        }
        let Compiled::Program(program) = std::mem::replace(slot, Compiled::Current) else { return false };
        let passes = program.matches(wire_len, data);
        if let Some((before, program)) = self.current.replace((link, program)) {
            self.programs.insert(before, Compiled::Program(program));
        }
        passes
    }

    fn error(&self, detail: String) -> Error {
        Error::Filter { expression: self.expression.clone(), detail }
    }
}

/// The program of `expression` for frames of type `link`.
fn compile(expression: &str, link: LinkType) -> std::result::Result<Program, String> {
    let instructions = {
        let _guard = libpcap_compiler();
        let handle = Capture::dead(Linktype(dlt::from_link(link))).map_err(in_words)?;
        let program = handle.compile(expression, true).map_err(in_words)?;
        program.get_instructions().iter().map(|instruction| read(&instruction.to_string())).collect::<Option<_>>()
    };
    // The snaplen of the handle is only what the program returns for a match: it cuts nothing here.
    Program::new(instructions.ok_or("libpcap's program cannot be read")?)
}

/// libpcap's compiler kept its state in global variables before version 1.8: one at a time.
pub(super) fn libpcap_compiler() -> impl Drop {
    static COMPILER: Mutex<()> = Mutex::new(());
    COMPILER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What libpcap said, without the name of the library in front.
pub(super) fn in_words(error: pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(words) => words,
        other => other.to_string(),
    }
}

/// The `pcap` crate shows an instruction as `code jt jf k` and keeps its fields to itself.
fn read(instruction: &str) -> Option<Instruction> {
    let mut fields = instruction.split(' ');
    Some(Instruction {
        code: fields.next()?.parse().ok()?,
        jt: fields.next()?.parse().ok()?,
        jf: fields.next()?.parse().ok()?,
        k: fields.next()?.parse().ok()?,
    })
}

/// Ethernet, raw IP, Linux cooked v1 and v2, null, loop, PPP, C-HDLC, 802.11 with and without radiotap, token ring.
const COMMON_LINKS: [u32; 11] = [1, 101, 113, 276, 0, 108, 9, 104, 127, 105, 6];

const MAX_WARNINGS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// Ethernet, IPv4, UDP from port 1000 to port 53.
    fn udp() -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend([3, 232, 0, 53, 0, 8, 0, 0]);
        frame
    }

    #[test]
    fn an_expression_is_compiled_for_each_link_type() {
        let mut filter = Filter::new("udp port 53").unwrap();
        let frame = udp();
        assert!(filter.matches(LinkType::ETHERNET, 42, &frame));
        assert!(filter.matches(LinkType(101), 28, &frame[14..]));
        assert!(filter.matches(LinkType::ETHERNET, 42, &frame));
        assert!(!filter.matches(LinkType(101), 42, &frame));
        assert!(filter.warnings().is_empty());
        filter.finish().unwrap();
    }

    #[test]
    fn a_cut_frame_fails_where_the_program_looks_beyond_the_cut() {
        let mut filter = Filter::new("udp port 53").unwrap();
        assert!(!filter.matches(LinkType::ETHERNET, 42, &udp()[..36]));
        let mut filter = Filter::new("udp").unwrap();
        assert!(filter.matches(LinkType::ETHERNET, 42, &udp()[..36]));
        assert!(!filter.matches(LinkType::ETHERNET, 42, &[]));
    }

    #[test]
    fn a_blank_expression_lets_everything_pass() {
        let mut filter = Filter::new("  \t").unwrap();
        assert!(filter.matches(LinkType(54321), 0, &[]));
        filter.finish().unwrap();
    }

    #[test]
    fn nonsense_is_refused_at_once() {
        for expression in ["no such word", "port", "udp and (", "ip[0", "a\0b"] {
            assert!(matches!(Filter::new(expression), Err(Error::Filter { .. })), "{expression}");
        }
    }

    #[test]
    fn a_link_type_without_a_program_matches_nothing_and_is_named() {
        let mut filter = Filter::new("ether host 00:00:00:00:00:00").unwrap();
        assert!(!filter.matches(LinkType(101), 28, &udp()[14..]));
        assert!(filter.finish().is_err());
        assert!(filter.warnings()[0].contains("link type 101"), "{:?}", filter.warnings());
        assert!(filter.matches(LinkType::ETHERNET, 42, &udp()));
        assert_eq!(filter.warnings().len(), 1);
        filter.finish().unwrap();
    }

    #[test]
    fn many_refused_link_types_are_counted() {
        let mut filter = Filter::new("ether host 00:00:00:00:00:00").unwrap();
        for link in 9000..9020 {
            filter.matches(LinkType(link), 60, &[0; 60]);
        }
        let warnings = filter.warnings();
        assert_eq!(warnings.len(), MAX_WARNINGS + 1);
        assert!(warnings[MAX_WARNINGS].contains("4 more"), "{warnings:?}");
    }
}
