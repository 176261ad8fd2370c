//! A packet as nfstream's plugins know it.

use std::net::IpAddr;

use flowgauge::flow::{Direction, FlowFlags};
use flowgauge::packet::PacketInfo;
use flowgauge::{FlowState, Packet};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};

use super::row::{OUI_CHARACTERS, has_transport, mac_text, tunnel_id};
use crate::packet::Content;
use crate::value;

/// One packet of a flow, with nfstream's names: what plugins are called with. It may be kept.
#[pyclass(frozen, module = "flowgauge.nfstream")]
pub(crate) struct NFPacket {
    info: PacketInfo,
    delta_ms: i64,
    direction: Direction,
    /// Of source and destination of this packet.
    macs: [[u8; 6]; 2],
    content: Content,
}

impl NFPacket {
    /// A packet that came `delta_ms` after the one before it in its flow.
    #[inline]
    pub(super) fn new(packet: &Packet<'_>, flow: &FlowState, delta_ms: i64) -> Self {
        let (address, port) = flow.src();
        let forward = packet.info.src_port == port && packet.ip_src() == address;
        let [src, dst] = if flow.flags.contains(FlowFlags::MACS) { flow.macs } else { [[0; 6]; 2] };
        Self {
            info: *packet.info,
            delta_ms,
            direction: if forward { Direction::SrcToDst } else { Direction::DstToSrc },
            macs: if forward { [src, dst] } else { [dst, src] },
            content: Content::new(packet),
        }
    }

    /// The call is over: whoever keeps the packet gets a copy of its few bytes, rather than hold on to a whole block.
    #[inline]
    pub(super) fn release(this: &Bound<'_, Self>) {
        Content::release(this.as_any(), &this.get().content);
    }

    fn address(&self, number: u128) -> IpAddr {
        match self.info.ip_version {
            6 => IpAddr::V6(number.into()),
            _ => IpAddr::V4((number as u32).into()),
        }
    }

    fn oui(&self, end: usize) -> String {
        let mut text = mac_text(self.macs[end]);
        text.truncate(OUI_CHARACTERS);
        text
    }
}

#[pymethods]
impl NFPacket {
    /// When it was captured, in milliseconds since the Unix epoch; never before the packet that was captured before it.
    #[getter]
    fn time(&self) -> i64 {
        self.info.clock.as_millis()
    }

    /// Milliseconds since the packet before it in its flow; 0 for the first one.
    #[getter]
    fn delta_time(&self) -> i64 {
        self.delta_ms
    }

    /// 0 from source to destination, as the flow's first packet; 1 against it.
    #[getter]
    fn direction(&self) -> u8 {
        self.direction as u8
    }

    /// Bytes on the wire, link header and padding included.
    #[getter]
    fn raw_size(&self) -> u32 {
        self.info.wire_len
    }

    /// Bytes of the innermost IP packet, its header included.
    #[getter]
    fn ip_size(&self) -> u32 {
        self.info.ip_len
    }

    /// Bytes after the IP headers; 0 for anything but TCP, UDP, ICMP and ICMPv6.
    #[getter]
    fn transport_size(&self) -> u32 {
        if has_transport(self.info.ip_protocol) { self.info.transport_len } else { 0 }
    }

    /// Bytes after the transport header; 0 for anything but TCP, UDP, ICMP and ICMPv6.
    #[getter]
    fn payload_size(&self) -> u32 {
        if has_transport(self.info.ip_protocol) { self.info.payload_len } else { 0 }
    }

    /// Source address of the innermost IP header.
    #[getter]
    fn src_ip<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        value::address(py, self.address(self.info.src))
    }

    /// MAC address of the flow's end that sent the packet; zeros when the link has none.
    #[getter]
    fn src_mac(&self) -> String {
        mac_text(self.macs[0])
    }

    /// The part of src_mac that names the maker.
    #[getter]
    fn src_oui(&self) -> String {
        self.oui(0)
    }

    /// Source port; 0 for anything but TCP and UDP.
    #[getter]
    fn src_port(&self) -> u16 {
        self.info.src_port
    }

    /// Destination address of the innermost IP header.
    #[getter]
    fn dst_ip<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        value::address(py, self.address(self.info.dst))
    }

    /// MAC address of the flow's end that the packet goes to; zeros when the link has none.
    #[getter]
    fn dst_mac(&self) -> String {
        mac_text(self.macs[1])
    }

    /// The part of dst_mac that names the maker.
    #[getter]
    fn dst_oui(&self) -> String {
        self.oui(1)
    }

    /// Destination port; 0 for anything but TCP and UDP.
    #[getter]
    fn dst_port(&self) -> u16 {
        self.info.dst_port
    }

    /// IP protocol number, after extension headers (IANA numbers).
    #[getter]
    fn protocol(&self) -> u8 {
        self.info.ip_protocol
    }

    /// The innermost VLAN id; 0 without a tag.
    #[getter]
    fn vlan_id(&self) -> u16 {
        self.info.vlan_id
    }

    /// 4 or 6, of the innermost IP header.
    #[getter]
    fn ip_version(&self) -> u8 {
        self.info.ip_version
    }

    /// The captured bytes of the innermost IP packet, header first, without link padding; made when asked for.
    #[getter]
    fn ip_packet<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.content.to_python(py)
    }

    /// TCP flag SYN, 0 or 1; 0 for other protocols, as are all flags.
    #[getter]
    fn syn(&self) -> u8 {
        self.info.tcp_flags.syn().into()
    }

    /// TCP flag CWR, 0 or 1.
    #[getter]
    fn cwr(&self) -> u8 {
        self.info.tcp_flags.cwr().into()
    }

    /// TCP flag ECE, 0 or 1.
    #[getter]
    fn ece(&self) -> u8 {
        self.info.tcp_flags.ece().into()
    }

    /// TCP flag URG, 0 or 1.
    #[getter]
    fn urg(&self) -> u8 {
        self.info.tcp_flags.urg().into()
    }

    /// TCP flag ACK, 0 or 1.
    #[getter]
    fn ack(&self) -> u8 {
        self.info.tcp_flags.ack().into()
    }

    /// TCP flag PSH, 0 or 1.
    #[getter]
    fn psh(&self) -> u8 {
        self.info.tcp_flags.psh().into()
    }

    /// TCP flag RST, 0 or 1.
    #[getter]
    fn rst(&self) -> u8 {
        self.info.tcp_flags.rst().into()
    }

    /// TCP flag FIN, 0 or 1.
    #[getter]
    fn fin(&self) -> u8 {
        self.info.tcp_flags.fin().into()
    }

    /// Kind of tunnel that it came out of: 0 none, 1 GTP-U, 2 CAPWAP, 3 TZSP.
    #[getter]
    fn tunnel_id(&self) -> i64 {
        tunnel_id(self.info.tunnel)
    }

    /// The names of the attributes, in order, as a namedtuple has them.
    #[classattr]
    fn _fields(py: Python<'_>) -> PyResult<Py<PyTuple>> {
        Ok(PyTuple::new(py, FIELDS)?.unbind())
    }

    /// The attributes as a dict, as a namedtuple gives them.
    fn _asdict<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(slf.py());
        for name in FIELDS {
            dict.set_item(name, slf.getattr(name)?)?;
        }
        Ok(dict)
    }

    fn __len__(&self) -> usize {
        FIELDS.len()
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, index: isize) -> PyResult<Bound<'py, PyAny>> {
        let wrapped = if index < 0 { index.saturating_add_unsigned(FIELDS.len()) } else { index };
        let name = usize::try_from(wrapped).ok().and_then(|index| FIELDS.get(index));
        let name = name.ok_or_else(|| PyIndexError::new_err("a packet has fewer attributes"))?;
        slf.getattr(*name)
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let values = FIELDS.iter().map(|name| slf.getattr(*name)).collect::<PyResult<Vec<_>>>()?;
        values.into_bound_py_any(slf.py())?.call_method0("__iter__")
    }

    fn __repr__(&self) -> String {
        let PacketInfo { src_port, dst_port, ip_protocol, wire_len, .. } = self.info;
        format!(
            "<flowgauge.nfstream.NFPacket {} port {src_port} to {} port {dst_port}, protocol {ip_protocol}, {wire_len} \
             bytes>",
            self.address(self.info.src),
            self.address(self.info.dst)
        )
    }
}

/// The attributes, in nfstream's order.
const FIELDS: [&str; 28] = [
    "time",
    "delta_time",
    "direction",
    "raw_size",
    "ip_size",
    "transport_size",
    "payload_size",
    "src_ip",
    "src_mac",
    "src_oui",
    "dst_ip",
    "dst_mac",
    "dst_oui",
    "src_port",
    "dst_port",
    "protocol",
    "vlan_id",
    "ip_version",
    "ip_packet",
    "syn",
    "cwr",
    "ece",
    "urg",
    "ack",
    "psh",
    "rst",
    "fin",
    "tunnel_id",
];
