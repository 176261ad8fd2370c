//! The fields of an item's dictionary, each made when it is asked for.

use std::sync::Arc;

use flowgauge::Timestamp;
use flowgauge::packet::{Block, SkipReason};
use flowgauge::pipeline::{
    Field as Told, FlowItem, Network, PacketItem, PacketView, Place, Segment, Stages, Transport, protocol_name,
};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::pipeline::told;
use crate::value;

/// The layers of a packet, each a dictionary of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Layer {
    Eth,
    Packet,
    Transport,
}

impl Layer {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Eth => "eth",
            Self::Packet => "packet",
            Self::Transport => "transport",
        }
    }

    pub(crate) const ALL: [Self; 3] = [Self::Eth, Self::Packet, Self::Transport];

    pub(crate) const fn place(self) -> Place {
        match self {
            Self::Eth => Place::Eth,
            Self::Packet => Place::Packet,
            Self::Transport => Place::Transport,
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.name() == name)
    }
}

/// A field that is there; its value is made by whoever wants it.
pub(crate) type Field<'py> = PyResult<Option<Bound<'py, PyAny>>>;

/// The names of a packet's fields, as far as links have told them.
pub(crate) fn packet_keys(item: &PacketItem) -> Vec<&'static str> {
    if !item.stages().contains(Stages::META) {
        let mut keys = vec!["timestamp", "raw_buf", "packet_num"];
        keys.extend(item.stages().contains(Stages::TAGS).then_some("tags"));
        return keys;
    }
    let mut keys = vec!["timestamp", "eth", "packet", "transport", "application"];
    keys.extend(item.stages().contains(Stages::DNS).then_some("dns"));
    keys.extend(item.stages().contains(Stages::TAGS).then_some("tags"));
    keys.extend(told::keys(item.stages()));
    keys
}

/// The moment of a packet: seconds before it is decoded, after that a date in UTC without a time zone.
pub(crate) fn timestamp<'py>(py: Python<'py>, item: &PacketItem) -> PyResult<Bound<'py, PyAny>> {
    if item.stages().contains(Stages::META) {
        return datetime(py, item.stamp());
    }
    seconds(item.stamp()).into_bound_py_any(py)
}

/// A moment as seconds, the nearest that a float can tell.
pub(crate) fn seconds(stamp: Timestamp) -> f64 {
    let nanos = stamp.as_nanos();
    nanos.div_euclid(1_000_000_000) as f64 + nanos.rem_euclid(1_000_000_000) as f64 / 1e9
}

/// A moment as a date in UTC without a time zone, rounded down to microseconds.
pub(crate) fn datetime<'py>(py: Python<'py>, stamp: Timestamp) -> PyResult<Bound<'py, PyAny>> {
    let [year, month, day, hour, minute, second] = stamp.as_utc();
    let micros = stamp.as_nanos().rem_euclid(1_000_000_000) / 1_000;
    let class = py.import(pyo3::intern!(py, "datetime"))?.getattr(pyo3::intern!(py, "datetime"))?;
    class.call1((year, month, day, hour, minute, second, micros))
}

/// The names of a layer's fields; `None` when the packet has no such layer.
pub(crate) fn keys(layer: Layer, view: &PacketView<'_>) -> Option<Vec<String>> {
    let names: Vec<&str> = match layer {
        Layer::Eth => vec!["src", "dst", "type", "len"],
        Layer::Packet => return Some(network_keys(view)),
        Layer::Transport => {
            if !view.item.stages().contains(Stages::TRANSPORT) {
                return None;
            }
            let transport = view.transport()?;
            let mut names = vec!["type"];
            names.extend(transport.ports.iter().flat_map(|_| ["sport", "dport"]));
            names.extend::<&[&str]>(match transport.segment {
                Segment::Tcp { .. } => &["seq", "ack", "off", "_off", "flags", "win", "sum", "urp", "opts"],
                Segment::Udp { .. } => &["ulen", "sum", "flags"],
                Segment::Icmp { .. } => &["icmp_type", "code", "sum", "flags"],
                Segment::Other => &["flags"],
            });
            names.push("data");
            names
        }
    };
    Some(names.into_iter().map(str::to_owned).collect())
}

fn network_keys(view: &PacketView<'_>) -> Vec<String> {
    let network = view.network();
    let mut names = vec!["type", "data"];
    if let Some(ip) = &network.ip {
        names.extend(["src", "dst", "p", "len", "ttl"]);
        names.extend::<&[&str]>(if ip.v4.is_some() { &["df", "mf", "offset", "checksum"] } else { &[] });
    }
    if network.arp.is_some() {
        names.extend(["hrd", "pro", "hln", "pln", "op", "sha", "spa", "tha", "tpa"]);
    }
    names.extend(refused(view.item).map(|_| "skipped"));
    let mut names: Vec<_> = names.into_iter().map(str::to_owned).collect();
    if view.item.stages().contains(Stages::DOMAINS) {
        let postfix = view.item.domain_postfix();
        names.extend(["src", "dst"].map(|end| format!("{end}{postfix}")));
    }
    names
}

/// Why decoding refused a packet, unless it only is no IP.
fn refused(item: &PacketItem) -> Option<&'static str> {
    item.skipped().filter(|reason| *reason != SkipReason::NotIp).map(SkipReason::name)
}

/// A field of a layer.
pub(crate) fn field<'py>(py: Python<'py>, layer: Layer, view: &PacketView<'_>, key: &str) -> Field<'py> {
    match layer {
        Layer::Eth => eth(py, view, key),
        Layer::Packet => packet(py, view, key),
        Layer::Transport => match view.transport().filter(|_| view.item.stages().contains(Stages::TRANSPORT)) {
            Some(transport) => self::transport(py, &transport, key),
            None => Ok(None),
        },
    }
}

fn eth<'py>(py: Python<'py>, view: &PacketView<'_>, key: &str) -> Field<'py> {
    let link = view.link();
    let mac = |mac: Option<[u8; 6]>| mac.map(|mac| PyBytes::new(py, &mac)).into_bound_py_any(py);
    Ok(Some(match key {
        "src" => mac(link.src)?,
        "dst" => mac(link.dst)?,
        "type" => link.ether_type.into_bound_py_any(py)?,
        "len" => link.len.into_bound_py_any(py)?,
        _ => return Ok(None),
    }))
}

fn packet<'py>(py: Python<'py>, view: &PacketView<'_>, key: &str) -> Field<'py> {
    let network = view.network();
    if let Some(value) = ip(py, &network, key)? {
        return Ok(Some(value));
    }
    if view.item.stages().contains(Stages::DOMAINS)
        && let Some(end) = domain_end(view.item, key)
    {
        return view.item.domains()[end].as_str().into_bound_py_any(py).map(Some);
    }
    Ok(match key {
        "type" => Some(network.kind.into_bound_py_any(py)?),
        "data" => Some(PyBytes::new(py, network.data).into_any()),
        "skipped" => refused(view.item).map(|reason| reason.into_bound_py_any(py)).transpose()?,
        _ => None,
    })
}

/// Which end's domain a key names.
pub(crate) fn domain_end(item: &PacketItem, key: &str) -> Option<usize> {
    let (end, postfix) = key.split_at_checked(3)?;
    (postfix == item.domain_postfix()).then(|| ["src", "dst"].iter().position(|name| *name == end)).flatten()
}

fn ip<'py>(py: Python<'py>, network: &Network<'_>, key: &str) -> Field<'py> {
    if let Some(ip) = &network.ip {
        let address = |address: std::net::IpAddr| match address {
            std::net::IpAddr::V4(address) => PyBytes::new(py, &address.octets()),
            std::net::IpAddr::V6(address) => PyBytes::new(py, &address.octets()),
        };
        let of_v4 = ip.v4;
        return Ok(match (key, of_v4) {
            ("src", _) => Some(address(ip.src).into_any()),
            ("dst", _) => Some(address(ip.dst).into_any()),
            ("p", _) => Some(ip.protocol.into_bound_py_any(py)?),
            ("len", _) => Some(ip.len.into_bound_py_any(py)?),
            ("ttl", _) => Some(ip.ttl.into_bound_py_any(py)?),
            ("df", Some(v4)) => Some(v4.df.into_bound_py_any(py)?),
            ("mf", Some(v4)) => Some(v4.mf.into_bound_py_any(py)?),
            ("offset", Some(v4)) => Some(v4.offset.into_bound_py_any(py)?),
            ("checksum", Some(v4)) => Some(v4.checksum.into_bound_py_any(py)?),
            _ => None,
        });
    }
    let Some(arp) = &network.arp else { return Ok(None) };
    let bytes = |bytes: &[u8]| Some(PyBytes::new(py, bytes).into_any());
    Ok(match key {
        "hrd" => Some(1.into_bound_py_any(py)?),
        "pro" => Some(0x0800.into_bound_py_any(py)?),
        "hln" => Some(6.into_bound_py_any(py)?),
        "pln" => Some(4.into_bound_py_any(py)?),
        "op" => Some(arp.operation.into_bound_py_any(py)?),
        "sha" => bytes(&arp.sender_mac),
        "spa" => bytes(&arp.sender.octets()),
        "tha" => bytes(&arp.target_mac),
        "tpa" => bytes(&arp.target.octets()),
        _ => None,
    })
}

fn transport<'py>(py: Python<'py>, transport: &Transport<'_>, key: &str) -> Field<'py> {
    let common = match (key, transport.ports) {
        ("type", _) => Some(match transport.name() {
            Some(name) => name.into_bound_py_any(py)?,
            None => transport.protocol.to_string().into_bound_py_any(py)?,
        }),
        ("sport", Some((src, _))) => Some(src.into_bound_py_any(py)?),
        ("dport", Some((_, dst))) => Some(dst.into_bound_py_any(py)?),
        ("data", _) => Some(PyBytes::new(py, transport.data).into_any()),
        _ => None,
    };
    if common.is_some() {
        return Ok(common);
    }
    Ok(match (key, transport.segment) {
        ("flags", Segment::Tcp { .. }) => Some(PyList::new(py, transport.flag_word())?.into_any()),
        ("flags", _) => Some(py.None().into_bound(py)),
        ("seq", Segment::Tcp { seq, .. }) => Some(seq.into_bound_py_any(py)?),
        ("ack", Segment::Tcp { ack, .. }) => Some(ack.into_bound_py_any(py)?),
        ("off", Segment::Tcp { offset_byte, .. }) => Some((offset_byte >> 4).into_bound_py_any(py)?),
        ("_off", Segment::Tcp { offset_byte, .. }) => Some(offset_byte.into_bound_py_any(py)?),
        ("win", Segment::Tcp { window, .. }) => Some(window.into_bound_py_any(py)?),
        ("urp", Segment::Tcp { urgent, .. }) => Some(urgent.into_bound_py_any(py)?),
        ("opts", Segment::Tcp { options, .. }) => Some(PyBytes::new(py, options).into_any()),
        ("ulen", Segment::Udp { len, .. }) => Some(len.into_bound_py_any(py)?),
        ("icmp_type", Segment::Icmp { kind, .. }) => Some(kind.into_bound_py_any(py)?),
        ("code", Segment::Icmp { code, .. }) => Some(code.into_bound_py_any(py)?),
        ("sum", Segment::Tcp { checksum, .. } | Segment::Udp { checksum, .. } | Segment::Icmp { checksum, .. }) => {
            Some(checksum.into_bound_py_any(py)?)
        }
        _ => None,
    })
}

/// The names of a flow's fields.
const FLOW_KEYS: [&str; 14] = [
    "flow_id",
    "src",
    "dst",
    "src_domain",
    "dst_domain",
    "sport",
    "dport",
    "protocol",
    "direction",
    "start",
    "end",
    "state",
    "packets",
    "bytes",
];

/// The names of a flow's fields, as far as links have told them.
pub(crate) fn flow_keys(flow: &FlowItem) -> Vec<&'static str> {
    FLOW_KEYS.into_iter().chain(told::keys(flow.stages())).collect()
}

/// A field of a flow.
pub(crate) fn flow<'py>(py: Python<'py>, flow: &FlowItem, key: &str) -> Field<'py> {
    let protocol = flow.record().key.ip_protocol();
    let name = || match protocol_name(protocol) {
        Some(name) => name.into_bound_py_any(py),
        None => protocol.to_string().into_bound_py_any(py),
    };
    let has_ports = matches!(protocol, 6 | 17 | 33 | 132 | 136);
    let port = |port: u16| has_ports.then_some(port).into_bound_py_any(py);
    let ((src, sport), (dst, dport)) = (flow.src(), flow.dst());
    Ok(Some(match key {
        "flow_id" => {
            let parts = [
                value::address(py, src).into_any(),
                value::address(py, dst).into_any(),
                port(sport)?,
                port(dport)?,
                name()?,
            ];
            PyTuple::new(py, parts)?.into_any()
        }
        "src" => value::address(py, src).into_any(),
        "dst" => value::address(py, dst).into_any(),
        "src_domain" => flow.domains()[0].as_str().into_bound_py_any(py)?,
        "dst_domain" => flow.domains()[1].as_str().into_bound_py_any(py)?,
        "sport" => port(sport)?,
        "dport" => port(dport)?,
        "protocol" => name()?,
        "direction" => flow.role().name().into_bound_py_any(py)?,
        "start" => datetime(py, flow.start())?,
        "end" => datetime(py, flow.end())?,
        "state" => flow.state().name().into_bound_py_any(py)?,
        "packets" => flow.counts().pkts.into_bound_py_any(py)?,
        "bytes" => flow.counts().bytes.into_bound_py_any(py)?,
        _ => return told::of_flow(py, flow, key),
    }))
}

/// What a native part tells as a dictionary.
pub(crate) fn told<'py>(py: Python<'py>, field: &Told) -> PyResult<Bound<'py, PyAny>> {
    match field {
        Told::Flag(flag) => flag.into_bound_py_any(py),
        Told::Number(number) => number.into_bound_py_any(py),
        Told::Real(number) => number.into_bound_py_any(py),
        Told::Text(text) => Ok(PyString::new(py, text).into_any()),
        Told::Bytes(bytes) => Ok(PyBytes::new(py, bytes).into_any()),
        Told::List(fields) => {
            let list = PyList::empty(py);
            fields.iter().try_for_each(|field| list.append(told(py, field)?))?;
            Ok(list.into_any())
        }
        Told::Map(fields) => {
            let dict = PyDict::new(py);
            fields.iter().try_for_each(|(name, field)| dict.set_item(*name, told(py, field)?))?;
            Ok(dict.into_any())
        }
    }
}

/// A view of a packet.
#[inline]
pub(crate) fn view<'a>(item: &'a PacketItem, block: &'a Arc<Block>) -> PacketView<'a> {
    PacketView::new(item, block)
}
