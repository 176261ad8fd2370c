//! The packet as a Python metric sees it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flowgauge::flow::Direction;
use flowgauge::packet::{Block, PacketInfo, SharedBytes, TcpFlags};
use flowgauge::{FlowState, Packet, Timestamp};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::value;

/// One packet of a flow: what a metric is called with. It may be kept.
#[pyclass(frozen, module = "flowgauge")]
pub(crate) struct PacketInformation {
    info: PacketInfo,
    stamp: Timestamp,
    direction: Direction,
    payload_size: Option<u32>,
    content: Content,
}

/// The bytes of a packet from the IP header on: in the capture's own block during a call, in a copy when it is kept.
pub(crate) struct Content(Mutex<SharedBytes>);

impl Content {
    #[inline]
    pub(crate) fn new(packet: &Packet<'_>) -> Self {
        Self(Mutex::new(packet.shared_ip_bytes()))
    }

    /// The call is over: whoever keeps the object gets a copy of its few bytes, rather than hold on to a whole block.
    #[inline]
    pub(crate) fn release(object: &Bound<'_, PyAny>, content: &Self) {
        #[expect(deprecated, reason = "the other way to read a reference count is unsafe")]
        let kept = object.get_refcnt() > 1;
        if kept {
            let mut content = content.bytes();
            let copy = content.as_slice().to_vec();
            let len = copy.len();
            *content = SharedBytes::new(Arc::new(Block::new(copy)), 0..len);
        }
    }

    pub(crate) fn to_python<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes = self.bytes().clone();
        PyBytes::new(py, bytes.as_slice())
    }

    fn bytes(&self) -> MutexGuard<'_, SharedBytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PacketInformation {
    #[inline]
    pub(crate) fn new(packet: &Packet<'_>, flow: &FlowState) -> Self {
        let (address, port) = flow.src();
        let forward = packet.info.src_port == port && packet.ip_src() == address;
        Self {
            info: *packet.info,
            stamp: packet.raw.stamp,
            direction: if forward { Direction::SrcToDst } else { Direction::DstToSrc },
            payload_size: packet.payload_size(),
            content: Content::new(packet),
        }
    }

    /// The call is over.
    #[inline]
    pub(crate) fn release(this: &Bound<'_, Self>) {
        Content::release(this.as_any(), &this.get().content);
    }

    fn flags(&self) -> TcpFlags {
        self.info.tcp_flags
    }

    fn address(&self, number: u128) -> IpAddr {
        match self.info.ip_version {
            6 => IpAddr::V6(number.into()),
            _ => IpAddr::V4((number as u32).into()),
        }
    }
}

#[pymethods]
impl PacketInformation {
    /// When it was captured, in whole milliseconds since the Unix epoch.
    #[getter]
    fn ts(&self) -> i64 {
        self.stamp.as_millis()
    }

    /// When it was captured, in nanoseconds since the Unix epoch.
    #[getter]
    fn time_ns(&self) -> i64 {
        self.stamp.as_nanos()
    }

    /// Bytes on the wire, link header and padding included.
    #[getter]
    fn size(&self) -> u32 {
        self.info.wire_len
    }

    /// Bytes of the innermost IP packet, its header included (IPFIX `ipTotalLength`).
    #[getter]
    fn ip_size(&self) -> u32 {
        self.info.ip_len
    }

    /// Bytes after the IP header and its extension headers.
    #[getter]
    fn transport_size(&self) -> u32 {
        self.info.transport_len
    }

    /// Bytes after the transport header; None when the captured headers cannot tell.
    #[getter]
    fn payload_size(&self) -> Option<u32> {
        self.payload_size
    }

    /// 0 from source to destination, as the flow's first packet; 1 against it.
    #[getter]
    fn direction(&self) -> u8 {
        self.direction as u8
    }

    /// 4 or 6, of the innermost IP header.
    #[getter]
    fn ip_version(&self) -> u8 {
        self.info.ip_version
    }

    /// IP protocol number, after extension headers (IANA protocol numbers).
    #[getter]
    fn ip_protocol(&self) -> u8 {
        self.info.ip_protocol
    }

    /// Source address of the innermost IP header.
    #[getter]
    fn ip_src<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        value::address(py, self.address(self.info.src))
    }

    /// Destination address of the innermost IP header.
    #[getter]
    fn ip_dst<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        value::address(py, self.address(self.info.dst))
    }

    /// Source port; 0 when the protocol has none or it was not captured.
    #[getter]
    fn src_port(&self) -> u16 {
        self.info.src_port
    }

    /// Destination port; 0 when the protocol has none or it was not captured.
    #[getter]
    fn dst_port(&self) -> u16 {
        self.info.dst_port
    }

    /// The innermost VLAN id (IEEE 802.1Q); None without a tag.
    #[getter]
    fn vlan_id(&self) -> Option<u16> {
        (self.info.vlan_id != 0).then_some(self.info.vlan_id)
    }

    /// TCP flag SYN; False for other protocols, as are all flags.
    #[getter]
    fn syn(&self) -> bool {
        self.flags().syn()
    }

    /// TCP flag CWR, congestion window reduced (RFC 3168).
    #[getter]
    fn cwr(&self) -> bool {
        self.flags().cwr()
    }

    /// TCP flag ECE, ECN echo (RFC 3168).
    #[getter]
    fn ece(&self) -> bool {
        self.flags().ece()
    }

    /// TCP flag URG.
    #[getter]
    fn urg(&self) -> bool {
        self.flags().urg()
    }

    /// TCP flag ACK.
    #[getter]
    fn ack(&self) -> bool {
        self.flags().ack()
    }

    /// TCP flag PSH.
    #[getter]
    fn psh(&self) -> bool {
        self.flags().psh()
    }

    /// TCP flag RST.
    #[getter]
    fn rst(&self) -> bool {
        self.flags().rst()
    }

    /// TCP flag FIN.
    #[getter]
    fn fin(&self) -> bool {
        self.flags().fin()
    }

    /// The captured bytes of the innermost IP packet, header first, without link padding; made when asked for.
    #[getter]
    fn content<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.content.to_python(py)
    }

    fn __repr__(&self) -> String {
        let PacketInfo { src_port, dst_port, ip_protocol, wire_len, .. } = self.info;
        format!(
            "<flowgauge.PacketInformation {} port {src_port} to {} port {dst_port}, protocol {ip_protocol}, {wire_len} \
             bytes>",
            self.address(self.info.src),
            self.address(self.info.dst)
        )
    }
}
