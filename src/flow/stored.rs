//! Records that were written down once, such as the rows of a file, and become records again.
//!
//! Such a record tells the cells that it was made of, exactly, and null in every other column. What its state has beside
//! (key, counts, times, marks) is read off those cells, as far as they tell it; sums, first packets and what was read out of
//! payload are in the cells alone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::flow::schema::{Cell, Column, ColumnKind};
use crate::flow::{Counts, ExportReason, FlowFlags, FlowKey, FlowRecord, FlowState, Metrics, TtlRange};
use crate::time::Timestamp;
use crate::tunnel::Tunnel;

/// The columns that stored records have, in their order.
#[derive(Debug)]
pub struct StoredColumns {
    columns: Vec<&'static Column>,
    /// The place of each by its address, in the order of these.
    places: Vec<(usize, usize)>,
    names: HashMap<&'static str, usize>,
}

/// One value of a stored record.
#[derive(Clone, Debug, PartialEq)]
pub enum StoredCell {
    /// There is nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number of an unsigned column.
    Uint(u64),
    /// A number that may be negative.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text; an address too.
    Text(String),
    /// An address.
    Ip(IpAddr),
    /// A moment.
    Time(Timestamp),
    /// A span of time, in nanoseconds.
    Duration(u64),
    /// Several numbers.
    List(Vec<i64>),
    /// Several texts.
    Texts(Vec<String>),
}

/// The cells of one record.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(super) columns: Arc<StoredColumns>,
    pub(super) cells: Box<[StoredCell]>,
}

impl StoredColumns {
    /// These columns; `None` when one comes twice.
    pub fn new(columns: impl IntoIterator<Item = &'static Column>) -> Option<Arc<Self>> {
        let columns: Vec<_> = columns.into_iter().collect();
        let names: HashMap<_, _> = columns.iter().enumerate().map(|(place, column)| (column.name, place)).collect();
        let mut places: Vec<_> = columns.iter().enumerate().map(|(place, column)| (address(column), place)).collect();
        places.sort_unstable();
        (names.len() == columns.len()).then(|| Arc::new(Self { columns, places, names }))
    }

    /// The columns, in their order.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().copied()
    }

    pub(super) fn place_of(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    fn place(&self, column: &Column) -> Option<usize> {
        let found = self.places.binary_search_by_key(&address(column), |(address, _)| *address);
        found.ok().map(|index| self.places[index].1)
    }
}

impl StoredCell {
    /// Whether a column holds it.
    fn fits(&self, column: &Column) -> bool {
        let kind = column.kind;
        let within = |most: u64| matches!(self, Self::Uint(number) if *number <= most);
        let all_within =
            |most: i64| matches!(self, Self::List(numbers) if numbers.iter().all(|number| (0..=most).contains(number)));
        match kind {
            _ if *self == Self::Null => column.nullable,
            ColumnKind::Bool => matches!(self, Self::Bool(_)),
            ColumnKind::U8 => within(u8::MAX.into()),
            ColumnKind::U16 => within(u16::MAX.into()),
            ColumnKind::U32 => within(u32::MAX.into()),
            ColumnKind::U64 => within(u64::MAX),
            ColumnKind::I64 => matches!(self, Self::Int(_)),
            ColumnKind::F64 => matches!(self, Self::Float(number) if !number.is_nan()),
            ColumnKind::Text if ADDRESSES.contains(&column.name) => self.address().is_some(),
            ColumnKind::Text => matches!(self, Self::Text(_)),
            ColumnKind::Time => matches!(self, Self::Time(_)),
            ColumnKind::Duration => matches!(self, Self::Duration(_)),
            ColumnKind::ListU8 => all_within(u8::MAX.into()),
            ColumnKind::ListU16 => all_within(u16::MAX.into()),
            ColumnKind::ListU32 => all_within(u32::MAX.into()),
            ColumnKind::ListI64 => matches!(self, Self::List(_)),
            ColumnKind::ListText => matches!(self, Self::Texts(_)),
            // Only metrics have such.
            ColumnKind::ListBool | ColumnKind::ListF64 => false,
        }
    }

    /// The same as a column's getter gives it.
    fn fitted(self, column: &Column) -> Result<Self> {
        if !self.fits(column) {
            let null = if column.nullable { " or null" } else { "" };
            let detail = format!("{} is not {}{null}", shortened(&format!("{self:?}")), column.kind.name());
            return Err(Error::Column { column: column.name.to_owned(), detail });
        }
        let is_address = ADDRESSES.contains(&column.name);
        Ok(self.address().filter(|_| is_address).map_or(self, Self::Ip))
    }

    fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn cell(&self) -> Cell<'_> {
        match self {
            Self::Null => Cell::Null,
            Self::Bool(truth) => Cell::Bool(*truth),
            Self::Uint(number) => Cell::Uint(*number),
            Self::Int(number) => Cell::Int(*number),
            Self::Float(number) => Cell::Float(*number),
            Self::Text(text) => Cell::Text(text.as_str().into()),
            Self::Ip(address) => Cell::Ip(*address),
            Self::Time(stamp) => Cell::Time(*stamp),
            Self::Duration(nanos) => Cell::Duration(*nanos),
            Self::List(numbers) => Cell::List(numbers.clone()),
            Self::Texts(texts) => Cell::Texts(texts.iter().map(String::as_str).collect()),
        }
    }
}

impl FlowRecord {
    /// A record of these cells, in the order of `columns`; an address may be a text.
    ///
    /// # Errors
    ///
    /// [`Error::Column`] for a cell that its column does not hold: null where that is never null, a number that is too
    /// large, another type; and when there are not as many cells as columns.
    pub fn of_cells(columns: &Arc<StoredColumns>, cells: Vec<StoredCell>, metrics: Metrics) -> Result<Self> {
        if cells.len() != columns.columns.len() {
            let names = columns.columns().map(|column| column.name).collect::<Vec<_>>().join(", ");
            let detail = format!("{} values for {} columns", cells.len(), columns.columns.len());
            return Err(Error::Column { column: names, detail });
        }
        let fitted = cells.into_iter().zip(columns.columns()).map(|(cell, column)| cell.fitted(column));
        let stored = Stored { columns: Arc::clone(columns), cells: fitted.collect::<Result<_>>()? };
        let export_reason = stored.uint("export_reason").and_then(|number| u8::try_from(number).ok());
        let export_reason = export_reason.and_then(ExportReason::of).unwrap_or(ExportReason::FLUSH);
        let mut flow = stored.state();
        flow.details.get_or_insert_default().stored = Some(Arc::new(stored));
        Ok(Self { flow, export_reason, metrics })
    }
}

impl FlowState {
    /// What it was made of, if it was stored.
    #[inline]
    pub(crate) fn stored(&self) -> Option<&Stored> {
        self.details.as_ref()?.stored.as_deref()
    }
}

impl Stored {
    pub(super) fn cell(&self, column: &Column) -> Cell<'_> {
        self.columns.place(column).map_or(Cell::Null, |place| self.cells[place].cell())
    }

    pub(super) fn has(&self, column: &Column) -> bool {
        self.columns.place(column).is_some()
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        if let StoredCell::Text(text) = self.get(name)? { Some(text) } else { None }
    }

    pub(super) fn get(&self, name: &str) -> Option<&StoredCell> {
        self.columns.names.get(name).map(|place| &self.cells[*place])
    }

    pub(super) fn uint(&self, name: &str) -> Option<u64> {
        if let StoredCell::Uint(number) = self.get(name)? { Some(*number) } else { None }
    }

    /// A number of a column that holds no larger ones.
    fn small<T: TryFrom<u64>>(&self, name: &str) -> Option<T> {
        self.uint(name).and_then(|number| T::try_from(number).ok())
    }

    fn time(&self, name: &str) -> Option<Timestamp> {
        if let StoredCell::Time(stamp) = self.get(name)? { Some(*stamp) } else { None }
    }

    fn is(&self, name: &str) -> bool {
        self.get(name) == Some(&StoredCell::Bool(true))
    }

    fn is_null(&self, name: &str) -> bool {
        self.get(name) == Some(&StoredCell::Null)
    }

    /// What the cells say of the flow.
    fn state(&self) -> FlowState {
        let address =
            |name: &str| if let Some(StoredCell::Ip(address)) = self.get(name) { Some(*address) } else { None };
        let src = address("ip_src").unwrap_or(IpAddr::from([0; 4]));
        let dst = address("ip_dst").unwrap_or(IpAddr::from([0; 4]));
        let end = |address, port| (bits(address), self.small(port).unwrap_or_default());
        let version = if src.is_ipv6() { 6 } else { 4 };
        let (protocol, vlan) =
            (self.small("ip_protocol").unwrap_or_default(), self.small("vlan_id").unwrap_or_default());
        let (key, src_is_high) = FlowKey::new(version, protocol, end(src, "src_port"), end(dst, "dst_port"), vlan);
        let tunnel = self.text("tunnel").and_then(|name| Tunnel::ALL.into_iter().find(|tunnel| tunnel.name() == name));
        let mut flow = FlowState::new(
            key.in_tunnel(tunnel, 0),
            src_is_high,
            self.uint("flow_id").unwrap_or_default(),
            self.time("start_time").unwrap_or(Timestamp::MIN),
        );
        flow.conn_id = self.uint("conn_id").unwrap_or(flow.flow_id);
        flow.segment = self.small("segment").unwrap_or_default();
        flow.last_clock = self.time("end_time").unwrap_or(flow.first_clock);
        flow.counts = ["src_to_dst", "dst_to_src"].map(|direction| self.counts(direction));
        // Times of the whole flow where there are none of its directions.
        if ["src_to_dst_start_time", "dst_to_src_end_time"].iter().any(|name| self.get(name).is_none()) {
            let (start, end) = (self.time("start_time"), self.time("end_time"));
            flow.counts[0].start = start.unwrap_or(flow.counts[0].start);
            flow.counts[0].end = end.unwrap_or(flow.counts[0].end);
        }
        for (direction, prefix) in ["src_to_dst", "dst_to_src"].into_iter().enumerate() {
            let number = |suffix: &str| self.small(&format!("{prefix}_{suffix}"));
            let TtlRange { min, max } = TtlRange::EMPTY;
            flow.ttl[direction] =
                TtlRange { min: number("ttl_min").unwrap_or(min), max: number("ttl_max").unwrap_or(max) };
            flow.dscp[direction] = number("dscp").unwrap_or_default();
        }
        flow.tunnel_key = self.small("tunnel_key").unwrap_or_default();
        flow.flow_label = self.small("flow_label").unwrap_or_default();
        flow.icmp = (self.small("icmp_type").unwrap_or_default(), self.small("icmp_code").unwrap_or_default());
        let macs = ["src_mac", "dst_mac"].map(|name| self.text(name).and_then(octets));
        flow.macs = macs.map(Option::unwrap_or_default);
        flow.flags = self.flags(macs.iter().all(Option::is_some));
        if let Some(StoredCell::List(ids)) = self.get("vlan_ids") {
            let ids = ids.iter().filter_map(|id| u16::try_from(*id).ok());
            flow.details.get_or_insert_default().vlan_ids = ids.collect();
        }
        flow
    }

    fn counts(&self, direction: &str) -> Counts {
        let count = |suffix: &str| self.uint(&format!("{direction}_{suffix}")).unwrap_or_default();
        let time = |suffix: &str| self.time(&format!("{direction}_{suffix}"));
        Counts {
            pkts: count("pkts"),
            bytes: count("bytes"),
            ip_bytes: count("ip_bytes"),
            transport_bytes: count("transport_bytes"),
            payload_bytes: count("payload_bytes"),
            start: time("start_time").unwrap_or(Counts::EMPTY.start),
            end: time("end_time").unwrap_or(Counts::EMPTY.end),
        }
    }

    fn flags(&self, macs: bool) -> FlowFlags {
        let words = self.text("incomplete").unwrap_or_default();
        let said = |word: &str| words.split(", ").any(|other| other == word);
        let marks = [
            (FlowFlags::MACS, macs),
            (FlowFlags::TUNNEL_KEY, self.uint("tunnel_key").is_some()),
            (FlowFlags::ICMP, self.uint("icmp_type").is_some()),
            (FlowFlags::FRAGMENTED, self.is("fragmented")),
            (FlowFlags::TRUNCATED, self.is("truncated")),
            (FlowFlags::PORTS_UNKNOWN, said("ports")),
            (FlowFlags::INNER_UNKNOWN, said("inner")),
            (FlowFlags::SRC_TO_DST_PAYLOAD_UNKNOWN, self.is_null("src_to_dst_payload_bytes")),
            (FlowFlags::DST_TO_SRC_PAYLOAD_UNKNOWN, self.is_null("dst_to_src_payload_bytes")),
        ];
        let mut flags = FlowFlags::default();
        marks.iter().filter(|(_, is)| *is).for_each(|(flag, _)| flags.insert(*flag));
        flags
    }
}

/// Of the same cells in the same columns; NaN is none, so a record equals itself.
impl PartialEq for Stored {
    fn eq(&self, other: &Self) -> bool {
        let names = |stored: &Self| stored.columns.columns().map(|column| column.name).collect::<Vec<_>>();
        self.cells == other.cells && names(self) == names(other)
    }
}

fn address(column: &Column) -> usize {
    std::ptr::from_ref(column).addr()
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Six octets with colons between.
fn octets(text: &str) -> Option<[u8; 6]> {
    let mut octets = [0; 6];
    let mut digits = text.split(':');
    for octet in &mut octets {
        *octet = u8::from_str_radix(digits.next()?, 16).ok()?;
    }
    digits.next().is_none().then_some(octets)
}

/// As much of a value as an error should show.
fn shortened(told: &str) -> String {
    if told.chars().count() <= 60 { told.to_owned() } else { told.chars().take(59).chain(['…']).collect() }
}

/// Columns of text that hold addresses.
const ADDRESSES: [&str; 2] = ["ip_src", "ip_dst"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Value;
    use crate::flow::schema::{self, column};

    fn columns(names: &str) -> Arc<StoredColumns> {
        StoredColumns::new(names.split(' ').map(|name| column(name).unwrap())).unwrap()
    }

    #[test]
    fn a_record_tells_the_cells_that_it_was_made_of_and_no_other() {
        let columns = columns("dst_port ip_src size_mean dns_answers bytes");
        let cells = vec![
            StoredCell::Uint(53),
            StoredCell::Text("10.0.0.1".into()),
            StoredCell::Float(0.1),
            StoredCell::Texts(vec!["a".into()]),
            StoredCell::Uint(u64::MAX),
        ];
        let record = FlowRecord::of_cells(&columns, cells, Metrics::default()).unwrap();
        let told: Vec<_> = columns.columns().map(|column| column.get(&record)).collect();
        let ip = Cell::Ip([10, 0, 0, 1].into());
        assert_eq!(told, [Cell::Uint(53), ip, Cell::Float(0.1), Cell::Texts(vec!["a"]), Cell::Uint(u64::MAX)]);
        assert!(column("size_mean").unwrap().is_in(&record) && !column("size_max").unwrap().is_in(&record));
        let others = schema::columns().filter(|other| columns.columns().all(|one| one.name != other.name));
        assert!(others.map(|other| other.get(&record)).all(|cell| cell == Cell::Null));
        assert_eq!((record.dst().1, record.ip_src().to_string()), (53, "10.0.0.1".into()));
        assert_eq!(record.clone(), record);
    }

    #[test]
    fn what_a_column_does_not_hold_is_refused_by_name() {
        let refused = |name: &str, cell: StoredCell| {
            FlowRecord::of_cells(&columns(name), vec![cell], Metrics::default()).unwrap_err().to_string()
        };
        for (name, cell, words) in [
            ("dst_port", StoredCell::Uint(65_536), "Uint(65536) is not uint16"),
            ("dst_port", StoredCell::Null, "Null is not uint16"),
            ("ip_src", StoredCell::Text("nobody".into()), "Text(\"nobody\") is not text"),
            ("vlan_id", StoredCell::Int(1), "Int(1) is not uint16 or null"),
            ("splt_size", StoredCell::List(vec![-1]), "List([-1]) is not list[uint32]"),
            ("size_mean", StoredCell::Float(f64::NAN), "Float(NaN) is not float64 or null"),
        ] {
            assert_eq!(refused(name, cell), format!("column {name:?}: {words}"));
        }
        let none = FlowRecord::of_cells(&columns("pkts"), Vec::new(), Metrics::default());
        assert!(none.unwrap_err().to_string().contains("0 values for 1 columns"));
        assert!(StoredColumns::new([column("pkts").unwrap(); 2]).is_none());
    }

    #[test]
    fn metrics_are_those_that_were_stored() {
        let metrics = Metrics::new(["m".to_owned()].into(), vec![7.into()]);
        let record = FlowRecord::of_cells(&columns("pkts"), vec![StoredCell::Uint(1)], metrics).unwrap();
        assert_eq!(record.metrics.get("m"), Some(&Value::Int(7)));
    }

    #[test]
    fn the_largest_numbers_can_be_added_without_harm() {
        let columns = columns("src_to_dst_bytes dst_to_src_bytes start_time end_time");
        let (least, most) = (StoredCell::Time(Timestamp::MIN), StoredCell::Time(Timestamp::MAX));
        let cells = vec![StoredCell::Uint(u64::MAX), StoredCell::Uint(u64::MAX), least, most];
        let record = FlowRecord::of_cells(&columns, cells, Metrics::default()).unwrap();
        assert_eq!(record.total().bytes, u64::MAX);
    }
}
