//! Which fields a run's records have, and where each value comes from: read off the run's columns.

use crate::export::Columns;
use crate::export::columns::One;
use crate::export::ipfix::encode::{Kind, push, push_nothing};
use crate::export::ipfix::own::{OwnElement, OwnValue};
use crate::export::ipfix::shape::Shape;
use crate::flow::schema::{self, Cell, Column, Element, ElementKind, Needs, Side};
use crate::flow::{Application, Direction, FlagCounts, FlowFlags, FlowRecord, Value};

/// One field of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) number: u16,
    /// Whose number that is: 0 is IANA's registry, [`REVERSE`] the same in the other direction, else the user's own.
    pub(super) enterprise: u32,
    pub(super) kind: Kind,
    /// The only IP version in which it is used; 0 for both.
    ip_version: u8,
    /// Where its value comes from in a record seen from the source, and in one seen from the destination.
    values: [Source; 2],
}

/// How a record is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// From its source, or from its destination.
    pub(super) way: Direction,
    /// Whether it has what is under the user's own enterprise number: of two records of a flow, one does.
    pub(super) own: bool,
    /// How many bytes texts and lists may have.
    pub(super) longest: usize,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// A column, as it is.
    Column(&'static Column),
    /// What has a number of the user's own.
    Own(OwnValue),
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

/// The fields of records of both directions, or of one; `own` are those under the user's `enterprise`.
///
/// Reverse elements come first, and those of the user's own. Their order is free, and a reader that looks at numbers only (nfcapd
/// does so with times and TCP flags) takes what comes last: so that is the forward element.
pub(super) fn fields(columns: &Columns, own: &[OwnElement], enterprise: u32, uniflow: bool) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    let chosen: Vec<_> = elements(columns).collect();
    let is_chosen = |number, side| chosen.iter().any(|(_, other)| other.number == number && other.side == side);
    for (column, element) in &chosen {
        let left_out = match element.side {
            Side::Whole | Side::DstToSrc => uniflow,
            Side::SrcToDst => is_chosen(element.number, Side::Whole) && !uniflow,
            Side::Flow | Side::Src | Side::Dst => false,
        };
        if left_out || is_there(&fields, element) {
            continue;
        }
        if element.number == APPLICATION_NAME {
            fields.push(Field::new(APPLICATION_ID, 0, [Source::ApplicationId; 2]));
        }
        fields.push(Field::of(column, element));
    }
    if columns.columns().flatten().any(|column| column.needs == Some(Needs::Statistics)) {
        let flags = [Direction::SrcToDst, Direction::DstToSrc].map(Source::TcpFlags);
        fields.push(Field::new(TCP_FLAGS, 0, flags));
        if !uniflow {
            fields.push(Field::new(TCP_FLAGS, REVERSE, [flags[1]; 2]));
        }
    }
    if uniflow {
        // Whoever asks for one direction, or for both together, gets that of the record.
        let of_record = |number| {
            let mut all =
                schema::columns().flat_map(|column| column.ipfix.iter().map(move |element| (column, element)));
            all.find(|(_, other)| other.number == number && other.side == Side::SrcToDst)
        };
        for (column, element) in chosen.iter().filter_map(|(_, element)| of_record(element.number)) {
            if !is_there(&fields, element) {
                fields.push(Field::of(column, element));
            }
        }
        if !fields.iter().any(|field| field.number == IP_VERSION) {
            // So that no record is without any value.
            let version = schema::columns().flat_map(|column| column.ipfix.iter().map(move |one| (column, one)));
            fields.extend(
                version.filter(|(_, one)| one.number == IP_VERSION).map(|(column, one)| Field::of(column, one)),
            );
        }
    } else {
        fields.push(Field::new(BIFLOW_DIRECTION, 0, [Source::Initiator; 2]));
    }
    fields.extend(own.iter().map(|own| {
        let values = [Source::Own(own.value); 2];
        Field { number: own.number, enterprise, kind: own.kind, ip_version: 0, values }
    }));
    fields.sort_by_key(|field| field.enterprise == 0);
    fields
}

/// Appends all fields of `record` that have a value, as `view` sees it; `shape` tells which they are.
pub(super) fn push_record(out: &mut Vec<u8>, fields: &[Field], record: &FlowRecord, view: View, shape: &mut Shape) {
    shape.clear();
    for (nth, field) in fields.iter().enumerate() {
        if field.is_in(record.key.ip_version()) && field.push(out, record, view) {
            shape.add(nth);
        }
    }
}

/// The same with every field of the record's IP version: zeros where a value is null.
pub(super) fn push_full_record(out: &mut Vec<u8>, fields: &[Field], record: &FlowRecord, view: View) -> Shape {
    let ip_version = record.key.ip_version();
    for field in fields.iter().filter(|field| field.is_in(ip_version)) {
        if !field.push(out, record, view) {
            push_nothing(out, field.kind, field.enterprise);
        }
    }
    full_shape(fields, ip_version)
}

/// The shape of [`push_full_record`].
pub(super) fn full_shape(fields: &[Field], ip_version: u8) -> Shape {
    let there = fields.iter().enumerate().filter(|(_, field)| field.is_in(ip_version));
    there.map(|(nth, _)| nth).collect()
}

/// Engine and selector of an application (RFC 6759 section 4): the engine that IANA registers as `ntop nDPI`, then nDPI's number
/// of the application, or of the carrying protocol where there is nothing more.
pub(super) fn application_id(application: &Application) -> [u8; 4] {
    let Application { master_protocol, app_protocol, .. } = *application;
    let [high, low] = if app_protocol == 0 { master_protocol } else { app_protocol }.to_be_bytes();
    [ENGINE_NDPI, 0, high, low]
}

impl Field {
    fn of(column: &'static Column, element: &Element) -> Self {
        let enterprise = if element.side == Side::DstToSrc { REVERSE } else { 0 };
        Self::new(*element, enterprise, [Source::of(column, element), turned(column, element)])
    }

    const fn new(element: Element, enterprise: u32, values: [Source; 2]) -> Self {
        let Element { number, kind, ip_version, .. } = element;
        Self { number, enterprise, kind: Kind::One(kind), ip_version, values }
    }

    fn is_in(&self, ip_version: u8) -> bool {
        self.ip_version == 0 || self.ip_version == ip_version
    }

    fn push(&self, out: &mut Vec<u8>, record: &FlowRecord, view: View) -> bool {
        // A flow of one direction has no reverse elements, not even counts of 0.
        if self.enterprise == REVERSE && record.of(Direction::DstToSrc).pkts == 0 {
            return false;
        }
        let mut cell = |cell: &Cell<'_>| push(out, self.kind, self.enterprise, cell, view.longest);
        match self.values[view.way as usize] {
            Source::Column(column) => cell(&column.get(record)),
            Source::Own(_) if !view.own => false,
            Source::Own(OwnValue::Column(column)) => cell(&column.get(record)),
            Source::Own(OwnValue::Metric(index)) => {
                let value = record.metrics.iter().nth(index).map_or(&Value::Null, |(_, value)| value);
                cell(&Cell::Metric(value))
            }
            Source::Mac(end) => {
                let known = record.flags.contains(FlowFlags::MACS);
                out.extend(record.macs[end as usize].iter().filter(|_| known));
                known
            }
            Source::EndReason => cell(&Cell::Uint(record.export_reason.ipfix().into())),
            Source::ApplicationId => record.application.as_deref().is_some_and(|application| {
                out.extend(application_id(application));
                true
            }),
            Source::TcpFlags(direction) => tcp_flags(record, direction).is_some_and(|bits| {
                out.extend(bits.to_be_bytes());
                true
            }),
            Source::Initiator => cell(&Cell::Uint(INITIATOR)),
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
fn turned(column: &'static Column, element: &Element) -> Source {
    let (number, side) = match element.side {
        Side::Flow | Side::Whole | Side::DstToSrc => return Source::of(column, element),
        Side::SrcToDst => (element.number, Side::DstToSrc),
        Side::Src => (other_end(element.number), Side::Dst),
        Side::Dst => (other_end(element.number), Side::Src),
    };
    let mut all = schema::columns().flat_map(|column| column.ipfix.iter().map(move |other| (column, other)));
    let found = all.find(|(_, other)| other.number == number && other.side == side);
    found.map_or(Source::Null, |(column, element)| Source::of(column, element))
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

/// Whether there is a field of this element already, be it that a column was chosen twice.
fn is_there(fields: &[Field], element: &Element) -> bool {
    let reverse = element.side == Side::DstToSrc;
    fields.iter().any(|field| field.number == element.number && (field.enterprise == REVERSE) == reverse)
}

fn elements(columns: &Columns) -> impl Iterator<Item = (&'static Column, &'static Element)> {
    let columns = columns.parts().filter_map(|one| if let One::Column(column) = one { Some(*column) } else { None });
    columns.flat_map(|column| column.ipfix.iter().map(move |element| (column, element)))
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

/// The enterprise number of reverse elements (RFC 5103 section 6.1).
pub(super) const REVERSE: u32 = 29_305;
pub(super) const APPLICATION_ID: Element = own(95, "applicationId", ElementKind::ApplicationId, Side::Flow);
const TCP_FLAGS: Element = own(6, "tcpControlBits", ElementKind::U16, Side::SrcToDst);
const BIFLOW_DIRECTION: Element = own(239, "biflowDirection", ElementKind::U8, Side::Flow);

const fn own(number: u16, name: &'static str, kind: ElementKind, side: Side) -> Element {
    Element { number, name, kind, side, ip_version: 0 }
}

pub(super) const APPLICATION_NAME: u16 = 96;
const FLOW_END_REASON: u16 = 136;
const IP_VERSION: u16 = 60;
/// `biflowDirection`: the source is the end that began (RFC 5103 section 6.4).
const INITIATOR: u64 = 1;
/// IANA's registry of classification engines has 22 for `ntop nDPI`.
const ENGINE_NDPI: u8 = 22;
const TCP: u8 = 6;
