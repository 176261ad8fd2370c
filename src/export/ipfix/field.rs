//! Which elements a run's records have, and where each value comes from: read off the run's columns.

use crate::export::ipfix::encode::{push_cell, push_nothing};
use crate::flow::schema::{Cell, Column, Element, ElementKind, Needs, Schema, Side};
use crate::flow::{Application, Direction, FlagCounts, FlowFlags, FlowRecord};

/// One element of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) element: Element,
    /// Whether it is the reverse element (RFC 5103 section 6.1): the same number, under the enterprise number 29305.
    pub(super) reverse: bool,
    /// Where its value comes from in a record seen from the source, and in one seen from the destination.
    values: [Source; 2],
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// A column, as it is.
    Column(&'static Column),
    /// The MAC address of an end, without the text that its column makes of it.
    Mac(Direction),
    /// Why the record left, in IPFIX's numbers.
    EndReason,
    /// Engine and selector of the application (RFC 6759).
    ApplicationId,
    /// TCP flags seen in this direction.
    TcpFlags(Direction),
    /// That the source is who began.
    Initiator,
    /// There is none.
    Null,
}

/// Which fields of a record have a value: the lowest bit is the first field.
pub(super) type Shape = u128;

/// The fields of records of both directions, or of one.
///
/// Reverse elements come first. Their order is free, and a reader that looks at numbers only (nfcapd does so with times and TCP
/// flags) takes what comes last: so that is the forward element.
pub(super) fn fields(schema: &Schema, uniflow: bool) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut add = |field: Field| {
        if fields.len() < Shape::BITS as usize {
            fields.push(field);
        }
    };
    for (column, element) in elements(schema) {
        let whole = elements(schema).any(|(_, other)| other.number == element.number && other.side == Side::Whole);
        let left_out = match element.side {
            Side::Whole | Side::DstToSrc => uniflow,
            Side::SrcToDst => whole && !uniflow,
            Side::Flow | Side::Src | Side::Dst => false,
        };
        if left_out {
            continue;
        }
        if element.number == APPLICATION_NAME {
            add(Field::own(APPLICATION_ID, false, [Source::ApplicationId; 2]));
        }
        let reverse = element.side == Side::DstToSrc;
        let values = [Source::of(column, element), turned(schema, column, element)];
        add(Field { element: *element, reverse, values });
    }
    if schema.columns().any(|column| column.needs == Some(Needs::Statistics)) {
        let flags = [Direction::SrcToDst, Direction::DstToSrc].map(Source::TcpFlags);
        add(Field::own(TCP_FLAGS, false, flags));
        if !uniflow {
            add(Field::own(TCP_FLAGS, true, [flags[1]; 2]));
        }
    }
    if !uniflow {
        add(Field::own(BIFLOW_DIRECTION, false, [Source::Initiator; 2]));
    }
    fields.sort_by_key(|field| !field.reverse);
    fields
}

/// Appends all fields of `record` that have a value, as `view` sees it, texts cut at `longest_text`; tells which they are.
pub(super) fn push_record(
    out: &mut Vec<u8>,
    fields: &[Field],
    record: &FlowRecord,
    view: Direction,
    longest_text: usize,
) -> Shape {
    let mut shape = 0;
    for (nth, field) in fields.iter().enumerate() {
        if field.is_in(record.key.ip_version()) && field.push(out, record, view, longest_text) {
            shape |= 1 << nth;
        }
    }
    shape
}

/// The same with every field of the record's IP version: zeros where a value is null.
pub(super) fn push_full_record(
    out: &mut Vec<u8>,
    fields: &[Field],
    record: &FlowRecord,
    view: Direction,
    longest_text: usize,
) -> Shape {
    let ip_version = record.key.ip_version();
    for field in fields.iter().filter(|field| field.is_in(ip_version)) {
        if !field.push(out, record, view, longest_text) {
            push_nothing(out, field.element.kind);
        }
    }
    full_shape(fields, ip_version)
}

/// The shape of [`push_full_record`].
pub(super) fn full_shape(fields: &[Field], ip_version: u8) -> Shape {
    let there = fields.iter().enumerate().filter(|(_, field)| field.is_in(ip_version));
    there.fold(0, |shape, (nth, _)| shape | 1 << nth)
}

/// Engine and selector of an application (RFC 6759 section 4): the engine that IANA registers as `ntop nDPI`, then nDPI's number
/// of the application, or of the carrying protocol where there is nothing more.
pub(super) fn application_id(application: &Application) -> [u8; 4] {
    let Application { master_protocol, app_protocol, .. } = *application;
    let [high, low] = if app_protocol == 0 { master_protocol } else { app_protocol }.to_be_bytes();
    [ENGINE_NDPI, 0, high, low]
}

impl Field {
    /// A field that is no column.
    const fn own(element: Element, reverse: bool, values: [Source; 2]) -> Self {
        Self { element, reverse, values }
    }

    fn is_in(&self, ip_version: u8) -> bool {
        self.element.ip_version == 0 || self.element.ip_version == ip_version
    }

    fn push(&self, out: &mut Vec<u8>, record: &FlowRecord, view: Direction, longest_text: usize) -> bool {
        // A flow of one direction has no reverse elements, not even counts of 0.
        if self.reverse && record.of(Direction::DstToSrc).pkts == 0 {
            return false;
        }
        let kind = self.element.kind;
        match self.values[view as usize] {
            Source::Column(column) => push_cell(out, kind, &column.get(record), longest_text),
            Source::Mac(end) => {
                let known = record.flags.contains(FlowFlags::MACS);
                out.extend(record.macs[end as usize].iter().filter(|_| known));
                known
            }
            Source::EndReason => push_cell(out, kind, &Cell::Uint(record.export_reason.ipfix().into()), 0),
            Source::ApplicationId => record.application.as_deref().is_some_and(|application| {
                out.extend(application_id(application));
                true
            }),
            Source::TcpFlags(direction) => tcp_flags(record, direction).is_some_and(|bits| {
                out.extend(bits.to_be_bytes());
                true
            }),
            Source::Initiator => push_cell(out, kind, &Cell::Uint(INITIATOR), 0),
            Source::Null => false,
        }
    }
}

impl Source {
    fn of(column: &'static Column, element: &Element) -> Self {
        match (element.kind, element.side) {
            (ElementKind::Mac, Side::Dst) => Self::Mac(Direction::DstToSrc),
            (ElementKind::Mac, _) => Self::Mac(Direction::SrcToDst),
            _ if element.number == FLOW_END_REASON => Self::EndReason,
            _ => Self::Column(column),
        }
    }
}

/// Where the value of `element` comes from when a record is seen from the destination.
fn turned(schema: &Schema, column: &'static Column, element: &Element) -> Source {
    let (number, side) = match element.side {
        Side::Flow | Side::Whole | Side::DstToSrc => return Source::of(column, element),
        Side::SrcToDst => (element.number, Side::DstToSrc),
        Side::Src => (other_end(element.number), Side::Dst),
        Side::Dst => (other_end(element.number), Side::Src),
    };
    let mut found = elements(schema).filter(|(_, other)| other.number == number && other.side == side);
    found.next().map_or(Source::Null, |(column, element)| Source::of(column, element))
}

/// The element that tells of the other end what this one tells of an end.
const fn other_end(number: u16) -> u16 {
    match number {
        7 => 11,
        11 => 7,
        8 => 12,
        12 => 8,
        27 => 28,
        28 => 27,
        56 => 80,
        80 => 56,
        other => other,
    }
}

fn elements(schema: &Schema) -> impl Iterator<Item = (&'static Column, &'static Element)> {
    schema.columns().flat_map(|column| column.ipfix.iter().map(move |element| (column, element)))
}

/// The flags of RFC 9293 and RFC 3168 that some packet of this direction has; none of other protocols.
fn tcp_flags(record: &FlowRecord, direction: Direction) -> Option<u16> {
    let counts = record.statistics().filter(|_| record.key.ip_protocol() == TCP)?.tcp_flags(Some(direction));
    let counters: [fn(&FlagCounts) -> u64; 8] = [
        FlagCounts::fin,
        FlagCounts::syn,
        FlagCounts::rst,
        FlagCounts::psh,
        FlagCounts::ack,
        FlagCounts::urg,
        FlagCounts::ece,
        FlagCounts::cwr,
    ];
    Some(counters.iter().enumerate().fold(0, |bits, (bit, count)| bits | u16::from(count(&counts) > 0) << bit))
}

pub(super) const APPLICATION_ID: Element = own(95, "applicationId", ElementKind::ApplicationId, Side::Flow);
const TCP_FLAGS: Element = own(6, "tcpControlBits", ElementKind::U16, Side::SrcToDst);
const BIFLOW_DIRECTION: Element = own(239, "biflowDirection", ElementKind::U8, Side::Flow);

const fn own(number: u16, name: &'static str, kind: ElementKind, side: Side) -> Element {
    Element { number, name, kind, side, ip_version: 0 }
}

pub(super) const APPLICATION_NAME: u16 = 96;
const FLOW_END_REASON: u16 = 136;
/// `biflowDirection`: the source is the end that began (RFC 5103 section 6.4).
const INITIATOR: u64 = 1;
/// IANA's registry of classification engines has 22 for `ntop nDPI`.
const ENGINE_NDPI: u8 = 22;
const TCP: u8 = 6;
