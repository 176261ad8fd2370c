"""The compiled part of flowgauge; use `flowgauge`, which has the same names."""

import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from types import MappingProxyType, TracebackType
from typing import Any, ClassVar, Final, Protocol, TypeAlias, final

import pandas  # type: ignore[import-not-found, import-untyped, unused-ignore]

from .nfstream.native import NFColumn, NFFlows, NFlow, NFPacket, nfstream_columns

__all__ = [
    "Column",
    "Flow",
    "Flows",
    "LiveFlow",
    "NFColumn",
    "NFFlows",
    "NFPacket",
    "NFlow",
    "PacketInformation",
    "Position",
    "Report",
    "Streamer",
    "__version__",
    "collect",
    "columns",
    "merge",
    "nfstream_columns",
    "run_command",
]

__version__: Final[str]

_Scalar: TypeAlias = int | float | bool | str | bytes | None
_Value: TypeAlias = _Scalar | list[_Scalar]

class _Readable(Protocol):
    def read(self, size: int, /) -> bytes | bytearray | memoryview: ...

_Path: TypeAlias = str | PathLike[str] | PathLike[bytes]
_Source: TypeAlias = _Path | list[Any] | tuple[_Path, ...] | bytes | bytearray | memoryview | _Readable
_Metric: TypeAlias = Callable[[PacketInformation, LiveFlow], object]

def columns() -> list[Column]:
    """Every column that a flow may have, in order: what `Flow` has attributes for, besides those in nanoseconds."""

def collect(
    streamer: Streamer, names: Sequence[str] | None
) -> list[tuple[str, str, Any, bytearray | None]]:
    """Iterate a streamer to its end and give the columns of these names, by default all."""

def merge(flows: Iterable[Flow], *, inactive_timeout: float | None = 60) -> list[Flow]:
    """Merge the flows of pieces of one capture into those of the whole, in the order of their flow_id.

    The pieces must lie one behind the other, each metered from the position where the one before ended (`after`), without
    active timeout, capacity and tcp_end. Then packets, bytes, times, statistics and sequences are those of the whole, bit
    for bit. Labels are not merged, the first that is known stays; metrics become None. What only some pieces were metered
    with (statistics, sequences of one length, TCP analysis) is not told of flows that go through others.

    Args:
        flows: The flows of all pieces, in any order.
        inactive_timeout: The one that the pieces were metered with, in seconds; None is never.

    Raises:
        TypeError: Something among the flows that is none.
        ValueError: Two records of one flow with the same flow_id.
    """

def run_command(arguments: Sequence[str]) -> int:
    """Run the command with these arguments, the program's name first; give its exit status."""

@final
class Column:
    @property
    def name(self) -> str:
        """The name of the column."""

    @property
    def type(self) -> str:
        """What its cells hold: bool, uint8, uint16, uint32, uint64, int64, float64, text, time, duration, or a list as
        list[uint8].
        """

    @property
    def unit(self) -> str:
        """What its numbers count: bytes, packets or nanoseconds; empty for what has no unit."""

    @property
    def option(self) -> str | None:
        """The option of `Streamer` without which flows do not have it; None for what they always have."""

    @property
    def nullable(self) -> bool:
        """Whether cells may be None."""

    @property
    def group(self) -> str:
        """The part of the record: core, identity, counts, application, statistics, sequence or tcp."""

    @property
    def doc(self) -> str:
        """What it is, with the unit and the standard it follows."""

    def __get__(self, flow: object, _class: builtins.type | None = None, /) -> Any: ...
    def __set__(self, flow: object, _value: object, /) -> None: ...
    def __delete__(self, flow: object, /) -> None: ...

class _Columns:
    """The columns that a flow has an attribute for, living or not."""

    @property
    def ip_src(self) -> str:
        """Address of the sender of the flow's first packet (IPFIX 8, 27)."""

    @property
    def src_port(self) -> int:
        """Its port; 0 when the protocol has none or it was not captured (IPFIX 7)."""

    @property
    def ip_dst(self) -> str:
        """Address of the receiver of the flow's first packet (IPFIX 12, 28)."""

    @property
    def dst_port(self) -> int:
        """Its port; 0 when the protocol has none or it was not captured (IPFIX 11)."""

    @property
    def ip_protocol(self) -> int:
        """IP protocol number, after extension headers (IPFIX 4, IANA numbers)."""

    @property
    def src_to_dst_pkts(self) -> int:
        """Packets from source to destination (IPFIX 2)."""

    @property
    def dst_to_src_pkts(self) -> int:
        """Packets from destination to source (IPFIX 2, reverse)."""

    @property
    def src_to_dst_bytes(self) -> int:
        """Bytes on the wire from source to destination, link headers included (IPFIX 352)."""

    @property
    def dst_to_src_bytes(self) -> int:
        """Bytes on the wire from destination to source, link headers included (IPFIX 352, reverse)."""

    @property
    def application_name(self) -> str | None:
        """The application as nDPI names it; null without nDPI."""

    @property
    def category_name(self) -> str | None:
        """The application's category in nDPI; null without nDPI."""

    @property
    def start_time(self) -> int:
        """The smallest stamp of its packets (IPFIX 156). Milliseconds since the Unix epoch."""

    @property
    def start_time_ns(self) -> int:
        """The smallest stamp of its packets (IPFIX 156). Nanoseconds since the Unix epoch."""

    @property
    def end_time(self) -> int:
        """The largest stamp of its packets (IPFIX 157). Milliseconds since the Unix epoch."""

    @property
    def end_time_ns(self) -> int:
        """The largest stamp of its packets (IPFIX 157). Nanoseconds since the Unix epoch."""

    @property
    def flow_id(self) -> int:
        """Number of the record's first frame: unique in a capture."""

    @property
    def conn_id(self) -> int:
        """The flow_id of the flow's first segment."""

    @property
    def segment(self) -> int:
        """0, and one more after every cut by the active timeout."""

    @property
    def ip_version(self) -> int:
        """4 or 6, of the innermost IP header (IPFIX 60)."""

    @property
    def vlan_id(self) -> int | None:
        """The innermost VLAN id; null without one (IPFIX 58, IEEE 802.1Q)."""

    @property
    def tunnel(self) -> str | None:
        """Kind of the innermost tunnel: gtp-u, tzsp, capwap, vxlan, geneve, gre, erspan, teredo; null without
        one.
        """

    @property
    def tunnel_key(self) -> int | None:
        """The innermost tunnel's key in the first packet: TEID, VNI, GRE key, ERSPAN session; null without one."""

    @property
    def src_mac(self) -> str | None:
        """MAC address of the source in the first packet; null without (IPFIX 56)."""

    @property
    def dst_mac(self) -> str | None:
        """MAC address of the destination in the first packet; null without (IPFIX 80)."""

    @property
    def community_id(self) -> str | None:
        """Community ID, version 1, seed 0 (github.com/corelight/community-id-spec); null when ports or ICMP
        type are unknown.
        """

    @property
    def src_oui(self) -> str | None:
        """The first three bytes of src_mac: its maker's OUI (IEEE MA-L); null without."""

    @property
    def dst_oui(self) -> str | None:
        """The first three bytes of dst_mac: its maker's OUI (IEEE MA-L); null without."""

    @property
    def vlan_ids(self) -> list[int] | None:
        """All VLAN ids of the first packet, the outermost first (IEEE 802.1Q, 802.1ad); null without a tag."""

    @property
    def ttl_min(self) -> int:
        """The smallest TTL or hop limit (IPFIX 52)."""

    @property
    def ttl_max(self) -> int:
        """The largest TTL or hop limit (IPFIX 53)."""

    @property
    def src_to_dst_ttl_min(self) -> int | None:
        """The smallest TTL or hop limit of this direction (IPFIX 52); null without packets."""

    @property
    def src_to_dst_ttl_max(self) -> int | None:
        """The largest TTL or hop limit of this direction (IPFIX 53); null without packets."""

    @property
    def dst_to_src_ttl_min(self) -> int | None:
        """The smallest TTL or hop limit of this direction (IPFIX 52); null without packets."""

    @property
    def dst_to_src_ttl_max(self) -> int | None:
        """The largest TTL or hop limit of this direction (IPFIX 53); null without packets."""

    @property
    def src_to_dst_dscp(self) -> int | None:
        """DSCP of the first packet of this direction (RFC 2474, IPFIX 195); null without packets."""

    @property
    def dst_to_src_dscp(self) -> int | None:
        """DSCP of the first packet of this direction (RFC 2474, IPFIX 195); null without packets."""

    @property
    def flow_label(self) -> int | None:
        """IPv6 flow label of the first packet (RFC 6437, IPFIX 31); null in IPv4."""

    @property
    def icmp_type(self) -> int | None:
        """ICMP or ICMPv6 type of the first packet (IPFIX 176, 178); null for other protocols."""

    @property
    def icmp_code(self) -> int | None:
        """ICMP or ICMPv6 code of the first packet (IPFIX 177, 179); null for other protocols."""

    @property
    def fragmented(self) -> bool:
        """Whether some packet is an IP fragment."""

    @property
    def truncated(self) -> bool:
        """Whether of some packet fewer bytes were captured than were on the wire (snaplen)."""

    @property
    def incomplete(self) -> str | None:
        """What could not be told of some packet: ports, payload, inner (of a tunnel), gaps (too large); null
        when all was.
        """

    @property
    def pkts(self) -> int:
        """Packets of both directions."""

    @property
    def bytes(self) -> int:
        """Bytes on the wire of both directions, link headers included."""

    @property
    def ip_bytes(self) -> int:
        """Bytes of the innermost IP packets, headers included (IPFIX 1, under the innermost header)."""

    @property
    def src_to_dst_ip_bytes(self) -> int:
        """Bytes of the innermost IP packets, headers included (IPFIX 1, under the innermost header)."""

    @property
    def dst_to_src_ip_bytes(self) -> int:
        """Bytes of the innermost IP packets, headers included (IPFIX 1, under the innermost header)."""

    @property
    def transport_bytes(self) -> int:
        """Bytes after the IP header and its extension headers."""

    @property
    def src_to_dst_transport_bytes(self) -> int:
        """Bytes after the IP header and its extension headers."""

    @property
    def dst_to_src_transport_bytes(self) -> int:
        """Bytes after the IP header and its extension headers."""

    @property
    def payload_bytes(self) -> int | None:
        """Bytes after the transport header (IPFIX 401); null when some packet's captured headers cannot tell."""

    @property
    def src_to_dst_payload_bytes(self) -> int | None:
        """Bytes after the transport header (IPFIX 401); null when some packet's captured headers cannot tell."""

    @property
    def dst_to_src_payload_bytes(self) -> int | None:
        """Bytes after the transport header (IPFIX 401); null when some packet's captured headers cannot tell."""

    @property
    def src_to_dst_start_time(self) -> int | None:
        """The smallest stamp of this direction (IPFIX 156); null without packets. Milliseconds since the Unix
        epoch.
        """

    @property
    def src_to_dst_start_time_ns(self) -> int | None:
        """The smallest stamp of this direction (IPFIX 156); null without packets. Nanoseconds since the Unix
        epoch.
        """

    @property
    def src_to_dst_end_time(self) -> int | None:
        """The largest stamp of this direction (IPFIX 157); null without packets. Milliseconds since the Unix
        epoch.
        """

    @property
    def src_to_dst_end_time_ns(self) -> int | None:
        """The largest stamp of this direction (IPFIX 157); null without packets. Nanoseconds since the Unix
        epoch.
        """

    @property
    def dst_to_src_start_time(self) -> int | None:
        """The smallest stamp of this direction (IPFIX 156); null without packets. Milliseconds since the Unix
        epoch.
        """

    @property
    def dst_to_src_start_time_ns(self) -> int | None:
        """The smallest stamp of this direction (IPFIX 156); null without packets. Nanoseconds since the Unix
        epoch.
        """

    @property
    def dst_to_src_end_time(self) -> int | None:
        """The largest stamp of this direction (IPFIX 157); null without packets. Milliseconds since the Unix
        epoch.
        """

    @property
    def dst_to_src_end_time_ns(self) -> int | None:
        """The largest stamp of this direction (IPFIX 157); null without packets. Nanoseconds since the Unix
        epoch.
        """

    @property
    def duration(self) -> int | None:
        """From the smallest stamp to the largest (IPFIX 161); null without packets. Milliseconds, rounded down."""

    @property
    def duration_ns(self) -> int | None:
        """From the smallest stamp to the largest (IPFIX 161); null without packets. Nanoseconds."""

    @property
    def src_to_dst_duration(self) -> int | None:
        """From the smallest stamp to the largest (IPFIX 161); null without packets. Milliseconds, rounded down."""

    @property
    def src_to_dst_duration_ns(self) -> int | None:
        """From the smallest stamp to the largest (IPFIX 161); null without packets. Nanoseconds."""

    @property
    def dst_to_src_duration(self) -> int | None:
        """From the smallest stamp to the largest (IPFIX 161); null without packets. Milliseconds, rounded down."""

    @property
    def dst_to_src_duration_ns(self) -> int | None:
        """From the smallest stamp to the largest (IPFIX 161); null without packets. Nanoseconds."""

    @property
    def application_confidence(self) -> str | None:
        """What the label rests on, in nDPI's words: dpi, dpi_cache, match_by_port, match_by_ip ...; null
        without nDPI.
        """

    @property
    def application_guessed(self) -> bool | None:
        """Whether the label is a guess by port or address; null without nDPI."""

    @property
    def requested_server_name(self) -> str | None:
        """The server that the client asks for: TLS or QUIC server name (RFC 6066), HTTP host, name in a DNS
        question. Needs the option application_fields.
        """

    @property
    def ja3(self) -> str | None:
        """JA3 of the TLS client (github.com/salesforce/ja3). Needs the option application_fields."""

    @property
    def ja3s(self) -> str | None:
        """JA3S of the TLS server (github.com/salesforce/ja3). Needs the option application_fields."""

    @property
    def ja4(self) -> str | None:
        """JA4 of the TLS or QUIC client (github.com/FoxIO-LLC/ja4). Needs the option application_fields."""

    @property
    def hassh(self) -> str | None:
        """HASSH of the SSH client (github.com/salesforce/hassh). Needs the option application_fields."""

    @property
    def hassh_server(self) -> str | None:
        """HASSH of the SSH server (github.com/salesforce/hassh). Needs the option application_fields."""

    @property
    def tls_version(self) -> str | None:
        """The version that TLS settled on, as TLSv1.3. Needs the option application_fields."""

    @property
    def tls_ciphers(self) -> list[int] | None:
        """The cipher suites that the TLS client offers, in its order (IANA TLS parameters). Needs the option
        application_fields.
        """

    @property
    def tls_cipher(self) -> int | None:
        """The cipher suite that the TLS server chose (IANA TLS parameters). Needs the option
        application_fields.
        """

    @property
    def tls_alpn(self) -> str | None:
        """The protocols that the TLS client offers, with commas between (ALPN, RFC 7301). Needs the option
        application_fields.
        """

    @property
    def tls_alpn_chosen(self) -> str | None:
        """The protocol that the TLS server chose, where that is in the clear. Needs the option
        application_fields.
        """

    @property
    def tls_subject(self) -> str | None:
        """Subject of the server's certificate (RFC 4514), where it is in the clear. Needs the option
        application_fields.
        """

    @property
    def tls_issuer(self) -> str | None:
        """Issuer of the server's certificate (RFC 4514), where it is in the clear. Needs the option
        application_fields.
        """

    @property
    def tls_not_before(self) -> int | None:
        """Since when the server's certificate is valid. Needs the option application_fields. Milliseconds since
        the Unix epoch.
        """

    @property
    def tls_not_before_ns(self) -> int | None:
        """Since when the server's certificate is valid. Needs the option application_fields. Nanoseconds since
        the Unix epoch.
        """

    @property
    def tls_not_after(self) -> int | None:
        """Until when the server's certificate is valid. Needs the option application_fields. Milliseconds since
        the Unix epoch.
        """

    @property
    def tls_not_after_ns(self) -> int | None:
        """Until when the server's certificate is valid. Needs the option application_fields. Nanoseconds since
        the Unix epoch.
        """

    @property
    def dns_query(self) -> str | None:
        """The first name asked for in DNS (RFC 1035). Needs the option application_fields."""

    @property
    def dns_query_type(self) -> int | None:
        """The type that was asked for (IANA DNS parameters). Needs the option application_fields."""

    @property
    def dns_response_code(self) -> int | None:
        """The response code of the first answer (IANA DNS parameters). Needs the option application_fields."""

    @property
    def dns_answers(self) -> list[str] | None:
        """The answers of DNS: addresses, and names of other records. Needs the option application_fields."""

    @property
    def dns_round_trip(self) -> int | None:
        """From the first question in DNS to its answer. Needs the option application_fields. Milliseconds,
        rounded down.
        """

    @property
    def dns_round_trip_ns(self) -> int | None:
        """From the first question in DNS to its answer. Needs the option application_fields. Nanoseconds."""

    @property
    def http_method(self) -> str | None:
        """Method of the first HTTP request (RFC 9110). Needs the option application_fields."""

    @property
    def http_host(self) -> str | None:
        """Host of the first HTTP request (RFC 9110). Needs the option application_fields."""

    @property
    def http_path(self) -> str | None:
        """Target of the first HTTP request (RFC 9110). Needs the option application_fields."""

    @property
    def http_status(self) -> int | None:
        """Status of the first HTTP response (RFC 9110). Needs the option application_fields."""

    @property
    def user_agent(self) -> str | None:
        """User agent of the HTTP or QUIC client. Needs the option application_fields."""

    @property
    def content_type(self) -> str | None:
        """Type of the content of the first HTTP response. Needs the option application_fields."""

    @property
    def dhcp_fingerprint(self) -> str | None:
        """What a DHCP client asks for: the numbers in its option 55, with commas between. Needs the option
        application_fields.
        """

    @property
    def host_name(self) -> str | None:
        """The client's name in DHCP (option 12). Needs the option application_fields."""

    @property
    def ssh_client(self) -> str | None:
        """Version of the SSH client (RFC 4253 section 4.2). Needs the option application_fields."""

    @property
    def ssh_server(self) -> str | None:
        """Version of the SSH server (RFC 4253 section 4.2). Needs the option application_fields."""

    @property
    def risks(self) -> list[str] | None:
        """Names of the risks that nDPI sees in the flow. Needs the option application_fields."""

    @property
    def size_min(self) -> int | None:
        """The smallest packet on the wire (IPFIX 25 is its IP length); null without packets. Needs the option
        statistics.
        """

    @property
    def size_mean(self) -> float | None:
        """Arithmetic mean of the packets' sizes on the wire; null without packets. Needs the option statistics."""

    @property
    def size_stddev(self) -> float | None:
        """Sample standard deviation (n - 1) of the sizes; 0 of one packet, null without packets. Needs the
        option statistics.
        """

    @property
    def size_max(self) -> int | None:
        """The largest packet on the wire (IPFIX 26 is its IP length); null without packets. Needs the option
        statistics.
        """

    @property
    def gap_min(self) -> int | None:
        """The shortest time between consecutive packets, negative where stamps go back; null without two. Needs
        the option statistics.
        """

    @property
    def gap_mean(self) -> float | None:
        """Arithmetic mean of the times between consecutive packets; null without two. Needs the option
        statistics.
        """

    @property
    def gap_stddev(self) -> float | None:
        """Sample standard deviation (n - 1) of these times; 0 of one, null of none, or when too large. Needs
        the option statistics.
        """

    @property
    def gap_max(self) -> int | None:
        """The longest time between consecutive packets; null without two. Needs the option statistics."""

    @property
    def syn_pkts(self) -> int:
        """Packets with the TCP flag syn set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def cwr_pkts(self) -> int:
        """Packets with the TCP flag cwr set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def ece_pkts(self) -> int:
        """Packets with the TCP flag ece set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def urg_pkts(self) -> int:
        """Packets with the TCP flag urg set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def ack_pkts(self) -> int:
        """Packets with the TCP flag ack set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def psh_pkts(self) -> int:
        """Packets with the TCP flag psh set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def rst_pkts(self) -> int:
        """Packets with the TCP flag rst set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def fin_pkts(self) -> int:
        """Packets with the TCP flag fin set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def src_to_dst_size_min(self) -> int | None:
        """The smallest packet on the wire (IPFIX 25 is its IP length); null without packets. Needs the option
        statistics.
        """

    @property
    def src_to_dst_size_mean(self) -> float | None:
        """Arithmetic mean of the packets' sizes on the wire; null without packets. Needs the option statistics."""

    @property
    def src_to_dst_size_stddev(self) -> float | None:
        """Sample standard deviation (n - 1) of the sizes; 0 of one packet, null without packets. Needs the
        option statistics.
        """

    @property
    def src_to_dst_size_max(self) -> int | None:
        """The largest packet on the wire (IPFIX 26 is its IP length); null without packets. Needs the option
        statistics.
        """

    @property
    def src_to_dst_gap_min(self) -> int | None:
        """The shortest time between consecutive packets, negative where stamps go back; null without two. Needs
        the option statistics.
        """

    @property
    def src_to_dst_gap_mean(self) -> float | None:
        """Arithmetic mean of the times between consecutive packets; null without two. Needs the option
        statistics.
        """

    @property
    def src_to_dst_gap_stddev(self) -> float | None:
        """Sample standard deviation (n - 1) of these times; 0 of one, null of none, or when too large. Needs
        the option statistics.
        """

    @property
    def src_to_dst_gap_max(self) -> int | None:
        """The longest time between consecutive packets; null without two. Needs the option statistics."""

    @property
    def src_to_dst_syn_pkts(self) -> int:
        """Packets with the TCP flag syn set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def src_to_dst_cwr_pkts(self) -> int:
        """Packets with the TCP flag cwr set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def src_to_dst_ece_pkts(self) -> int:
        """Packets with the TCP flag ece set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def src_to_dst_urg_pkts(self) -> int:
        """Packets with the TCP flag urg set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def src_to_dst_ack_pkts(self) -> int:
        """Packets with the TCP flag ack set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def src_to_dst_psh_pkts(self) -> int:
        """Packets with the TCP flag psh set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def src_to_dst_rst_pkts(self) -> int:
        """Packets with the TCP flag rst set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def src_to_dst_fin_pkts(self) -> int:
        """Packets with the TCP flag fin set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def dst_to_src_size_min(self) -> int | None:
        """The smallest packet on the wire (IPFIX 25 is its IP length); null without packets. Needs the option
        statistics.
        """

    @property
    def dst_to_src_size_mean(self) -> float | None:
        """Arithmetic mean of the packets' sizes on the wire; null without packets. Needs the option statistics."""

    @property
    def dst_to_src_size_stddev(self) -> float | None:
        """Sample standard deviation (n - 1) of the sizes; 0 of one packet, null without packets. Needs the
        option statistics.
        """

    @property
    def dst_to_src_size_max(self) -> int | None:
        """The largest packet on the wire (IPFIX 26 is its IP length); null without packets. Needs the option
        statistics.
        """

    @property
    def dst_to_src_gap_min(self) -> int | None:
        """The shortest time between consecutive packets, negative where stamps go back; null without two. Needs
        the option statistics.
        """

    @property
    def dst_to_src_gap_mean(self) -> float | None:
        """Arithmetic mean of the times between consecutive packets; null without two. Needs the option
        statistics.
        """

    @property
    def dst_to_src_gap_stddev(self) -> float | None:
        """Sample standard deviation (n - 1) of these times; 0 of one, null of none, or when too large. Needs
        the option statistics.
        """

    @property
    def dst_to_src_gap_max(self) -> int | None:
        """The longest time between consecutive packets; null without two. Needs the option statistics."""

    @property
    def dst_to_src_syn_pkts(self) -> int:
        """Packets with the TCP flag syn set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def dst_to_src_cwr_pkts(self) -> int:
        """Packets with the TCP flag cwr set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def dst_to_src_ece_pkts(self) -> int:
        """Packets with the TCP flag ece set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def dst_to_src_urg_pkts(self) -> int:
        """Packets with the TCP flag urg set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def dst_to_src_ack_pkts(self) -> int:
        """Packets with the TCP flag ack set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def dst_to_src_psh_pkts(self) -> int:
        """Packets with the TCP flag psh set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def dst_to_src_rst_pkts(self) -> int:
        """Packets with the TCP flag rst set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def dst_to_src_fin_pkts(self) -> int:
        """Packets with the TCP flag fin set (RFC 9293, RFC 3168); 0 for other protocols. Needs the option
        statistics.
        """

    @property
    def splt_direction(self) -> list[int]:
        """Which way each of the first packets went: 0 from source to destination, 1 back. Needs the option
        splt.
        """

    @property
    def splt_size(self) -> list[int]:
        """Their sizes on the wire. Needs the option splt."""

    @property
    def splt_gap(self) -> list[int]:
        """The time since the packet before, of any direction, negative where stamps go back; 0 for the first.
        Needs the option splt.
        """

    @property
    def retransmitted_pkts(self) -> int | None:
        """TCP segments that were sent again, fast and spurious retransmissions included, keep-alives and window
        probes not; null for other protocols. Needs the option tcp_analysis.
        """

    @property
    def out_of_order_pkts(self) -> int | None:
        """TCP segments that came late, less than a handshake's round trip, and were not sent again; null for
        other protocols. Needs the option tcp_analysis.
        """

    @property
    def duplicate_ack_pkts(self) -> int | None:
        """TCP segments that only repeat the acknowledgement and the window of the one before, answers to keep-
        alives not; null for other protocols. Needs the option tcp_analysis.
        """

    @property
    def zero_window_pkts(self) -> int | None:
        """TCP segments without SYN, FIN and RST whose window is 0 (IPFIX 186); null for other protocols. Needs
        the option tcp_analysis.
        """

    @property
    def src_to_dst_retransmitted_pkts(self) -> int | None:
        """TCP segments that were sent again, fast and spurious retransmissions included, keep-alives and window
        probes not; null for other protocols. Needs the option tcp_analysis.
        """

    @property
    def src_to_dst_out_of_order_pkts(self) -> int | None:
        """TCP segments that came late, less than a handshake's round trip, and were not sent again; null for
        other protocols. Needs the option tcp_analysis.
        """

    @property
    def src_to_dst_duplicate_ack_pkts(self) -> int | None:
        """TCP segments that only repeat the acknowledgement and the window of the one before, answers to keep-
        alives not; null for other protocols. Needs the option tcp_analysis.
        """

    @property
    def src_to_dst_zero_window_pkts(self) -> int | None:
        """TCP segments without SYN, FIN and RST whose window is 0 (IPFIX 186); null for other protocols. Needs
        the option tcp_analysis.
        """

    @property
    def dst_to_src_retransmitted_pkts(self) -> int | None:
        """TCP segments that were sent again, fast and spurious retransmissions included, keep-alives and window
        probes not; null for other protocols. Needs the option tcp_analysis.
        """

    @property
    def dst_to_src_out_of_order_pkts(self) -> int | None:
        """TCP segments that came late, less than a handshake's round trip, and were not sent again; null for
        other protocols. Needs the option tcp_analysis.
        """

    @property
    def dst_to_src_duplicate_ack_pkts(self) -> int | None:
        """TCP segments that only repeat the acknowledgement and the window of the one before, answers to keep-
        alives not; null for other protocols. Needs the option tcp_analysis.
        """

    @property
    def dst_to_src_zero_window_pkts(self) -> int | None:
        """TCP segments without SYN, FIN and RST whose window is 0 (IPFIX 186); null for other protocols. Needs
        the option tcp_analysis.
        """

    @property
    def tcp_handshake_rtt(self) -> int | None:
        """From SYN to the ACK that ends the handshake; null when it was not seen. Needs the option
        tcp_analysis.
        """

    @property
    def tcp_end_state(self) -> str | None:
        """How the connection ended: fin (from both), fin_src_to_dst or fin_dst_to_src (from one, half closed),
        rst_src_to_dst, rst_dst_to_src, or open; null for other protocols. Needs the option tcp_analysis.
        """

    @property
    def src_to_dst_tcp_initial_window(self) -> int | None:
        """The window in SYN or SYN-ACK, which is not scaled (IPFIX 186); null when it was not seen. Needs the
        option tcp_analysis.
        """

    @property
    def src_to_dst_tcp_mss(self) -> int | None:
        """The maximum segment size in SYN or SYN-ACK (RFC 9293); null without the option. Needs the option
        tcp_analysis.
        """

    @property
    def src_to_dst_tcp_window_scale(self) -> int | None:
        """The window scale in SYN or SYN-ACK (RFC 7323, IPFIX 238); null without the option. Needs the option
        tcp_analysis.
        """

    @property
    def dst_to_src_tcp_initial_window(self) -> int | None:
        """The window in SYN or SYN-ACK, which is not scaled (IPFIX 186); null when it was not seen. Needs the
        option tcp_analysis.
        """

    @property
    def dst_to_src_tcp_mss(self) -> int | None:
        """The maximum segment size in SYN or SYN-ACK (RFC 9293); null without the option. Needs the option
        tcp_analysis.
        """

    @property
    def dst_to_src_tcp_window_scale(self) -> int | None:
        """The window scale in SYN or SYN-ACK (RFC 7323, IPFIX 238); null without the option. Needs the option
        tcp_analysis.
        """

@final
class PacketInformation:
    """One packet of a flow: what a metric is called with. It may be kept.
    """

    @property
    def ts(self) -> int:
        """When it was captured, in whole milliseconds since the Unix epoch."""

    @property
    def time_ns(self) -> int:
        """When it was captured, in nanoseconds since the Unix epoch."""

    @property
    def size(self) -> int:
        """Bytes on the wire, link header and padding included."""

    @property
    def ip_size(self) -> int:
        """Bytes of the innermost IP packet, its header included (IPFIX `ipTotalLength`)."""

    @property
    def transport_size(self) -> int:
        """Bytes after the IP header and its extension headers."""

    @property
    def payload_size(self) -> int | None:
        """Bytes after the transport header; None when the captured headers cannot tell."""

    @property
    def direction(self) -> int:
        """0 from source to destination, as the flow's first packet; 1 against it."""

    @property
    def ip_version(self) -> int:
        """4 or 6, of the innermost IP header."""

    @property
    def ip_protocol(self) -> int:
        """IP protocol number, after extension headers (IANA protocol numbers)."""

    @property
    def ip_src(self) -> str:
        """Source address of the innermost IP header."""

    @property
    def ip_dst(self) -> str:
        """Destination address of the innermost IP header."""

    @property
    def src_port(self) -> int:
        """Source port; 0 when the protocol has none or it was not captured."""

    @property
    def dst_port(self) -> int:
        """Destination port; 0 when the protocol has none or it was not captured."""

    @property
    def vlan_id(self) -> int | None:
        """The innermost VLAN id (IEEE 802.1Q); None without a tag."""

    @property
    def syn(self) -> bool:
        """TCP flag SYN; False for other protocols, as are all flags."""

    @property
    def cwr(self) -> bool:
        """TCP flag CWR, congestion window reduced (RFC 3168)."""

    @property
    def ece(self) -> bool:
        """TCP flag ECE, ECN echo (RFC 3168)."""

    @property
    def urg(self) -> bool:
        """TCP flag URG."""

    @property
    def ack(self) -> bool:
        """TCP flag ACK."""

    @property
    def psh(self) -> bool:
        """TCP flag PSH."""

    @property
    def rst(self) -> bool:
        """TCP flag RST."""

    @property
    def fin(self) -> bool:
        """TCP flag FIN."""

    @property
    def content(self) -> bytes:
        """The captured bytes of the innermost IP packet, header first, without link padding; made when asked for."""


@final
class LiveFlow(_Columns):
    """A flow that still takes packets: what a metric is called with.

    Every column is an attribute, as it is with this packet counted; the application is not known yet, so None. One such
    object stands for a flow in all calls, but outside of a call reading it raises RuntimeError.
    """

    @property
    def metrics(self) -> dict[str, Any]:
        """The values of the flow's metrics by name: a dict to change, in which each begins as 0. At the end of
        the flow each must be an int of 64 bits, float, bool, str, bytes, None or a list of these.
        """

    @property
    def export_reason(self) -> int | None:
        """Set it, to a number from 16 to 255, to end the flow with this packet and this reason; None until then."""

    @export_reason.setter
    def export_reason(self, reason: int) -> None: ...

@final
class Flow(_Columns):
    """A flow record: what was metered of one flow, or of one segment of it.

    Every column is an attribute (see `flowgauge.columns()`): times and durations are whole milliseconds, and under the
    name with `_ns` nanoseconds; what is absent is None. `str(flow)` is one line of JSON: the metrics, then the core.
    """

    @property
    def metrics(self) -> MappingProxyType[str, Any]:
        """The values of the user's metrics by name, in the order of `user_metrics`; read only."""

    @property
    def export_reason(self) -> int:
        """Why the record left: 0 inactive, 1 active, 2 flush, 3 TCP end, 4 capacity, 16 to 255 the user's own
        (IPFIX 136).
        """

    def to_dict(self) -> dict[str, Any]:
        """The metrics by name, then every column, in one dict; times and durations in milliseconds."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...

@final
class Position:
    """A place between two frames of a capture: where one run stopped reading, and the next piece goes on (`after`).

    One that a run gives also knows the fragments that were waiting for more; one made by hand does not.

    Args:
        frame: Number of the last frame before this place; 0 is the beginning.
        clock_ns: The largest stamp of the packets before it, in nanoseconds since the Unix epoch.

    Raises:
        TypeError: One of them is no int.
        ValueError: One of them is out of its range.
    """

    def __new__(cls, frame: int, clock_ns: int) -> Position: ...
    @property
    def frame(self) -> int:
        """Number of the last frame before this place; 0 is the beginning."""

    @property
    def clock_ns(self) -> int:
        """The largest stamp of the packets before it, in nanoseconds since the Unix epoch."""

@final
class Report:
    """What became of everything that a run has read so far; bytes are bytes on the wire.

    `str(report)` is one line of JSON.
    """

    @property
    def frames_read(self) -> int:
        """Frames read from the source."""

    @property
    def bytes_read(self) -> int:
        """Their bytes."""

    @property
    def filtered(self) -> int:
        """Frames that the BPF filter left out."""

    @property
    def filtered_bytes(self) -> int:
        """Their bytes."""

    @property
    def skipped(self) -> dict[str, int]:
        """Frames that decoding refused, by reason; reasons that did not occur are left out."""

    @property
    def skipped_bytes(self) -> int:
        """Their bytes."""

    @property
    def packets(self) -> int:
        """Packets: frames that decoding accepted."""

    @property
    def packet_bytes(self) -> int:
        """Their bytes."""

    @property
    def living(self) -> int:
        """Flows that are in no record yet; after the end of a run, those that nobody took."""

    @property
    def living_packets(self) -> int:
        """Their packets."""

    @property
    def living_bytes(self) -> int:
        """Their bytes."""

    @property
    def withheld(self) -> int:
        """Records that the user's own condition kept back."""

    @property
    def withheld_packets(self) -> int:
        """Their packets."""

    @property
    def withheld_bytes(self) -> int:
        """Their bytes."""

    @property
    def records(self) -> dict[str, int]:
        """Records handed out, by reason (a number from 16 on for the user's own); reasons that did not occur
        are left out.
        """

    @property
    def record_packets(self) -> int:
        """Their packets."""

    @property
    def record_bytes(self) -> int:
        """Their bytes."""

    @property
    def evicted(self) -> int:
        """Flows that had to leave because the cache was full."""

    @property
    def out_of_order(self) -> int:
        """Packets whose stamp lies before the clock."""

    @property
    def time_out_of_range(self) -> int:
        """Frames whose stamp cannot be told in 64 bits of nanoseconds."""

    @property
    def dropped(self) -> dict[str, int]:
        """Frames lost before they were read, by whom: `kernel` and `interface`."""

    @property
    def warnings(self) -> list[str]:
        """What the user should know, once each."""

    @property
    def notes(self) -> list[str]:
        """What of this run would not be the same with another number of workers, and why; empty when all would."""

    @property
    def complete(self) -> bool:
        """Whether the run is over: before, packets may be on their way between the threads."""

    def check(self) -> None:
        """Check that nothing that was read is lost or counted twice; LedgerError says what does not add up.

        While the run is not complete, less than went in may have come out, but never more.
        """

    def to_dict(self) -> dict[str, Any]:
        """All of it as a dict, by the names of the attributes."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class Flows:
    """The flows of one run, as they end; what `iter(streamer)` gives.

    An exception comes once, after the last flow. Leaving it, by `break`, `close()`, the end of a `with` block or garbage
    collection, stops the run.
    """

    @property
    def report(self) -> Report:
        """What became of everything read so far: a `Report`."""

    @property
    def position(self) -> Position | None:
        """Where reading stopped: a `Position` for `after` of a streamer of the next piece; None while it goes on."""

    @property
    def columns(self) -> list[str]:
        """Names of the columns, then of the metrics: the fields of a record and the headings of CSV."""

    def __iter__(self, /) -> Flows: ...
    def __next__(self, /) -> Flow: ...
    def stop(self) -> None:
        """Read no more; the flows of what was read still come, and then the iterator ends."""

    def close(self) -> None:
        """Stop the run and wait for its threads, a second at most; flows not taken stay in the report as living."""

    def __enter__(self) -> Flows: ...
    def __exit__(self, *_exception: type[BaseException] | BaseException | TracebackType | None) -> None: ...

@final
class Streamer:
    """A source of packets and what is wanted of it; iterating it gives flows.

    Making one checks the options and opens nothing; every iteration opens the source and starts anew (a file object goes
    on where it stands).

    Args:
        source: A capture file (pcap or pcapng, plain, gzip or zstd), "-" for standard input, or the name of an interface;
            a list of files that are one capture; a capture as bytes; or a binary file object.
        inactive_timeout: Seconds of silence, in packet time, that end a flow; 0 is a record a packet, None never.
        active_timeout: Age in seconds at which a living flow is cut and reported; 0 cuts at every packet, None never.
        capacity: How many flows may live at once; at the bound the one nearest its end leaves, exported. None is without
            bound for files and 1,000,000 on an interface.
        user_metrics: Callables by name, called as f(packet_information, flow) for every packet.
        bpf_filter: A BPF expression (man pcap-filter) that frames must match.
        n_dissections: How many packets of a flow nDPI sees; 0 is without nDPI.
        stable_labels: Whether labels are to be independent of the number of workers, which costs time.
        workers: How many threads meter; 0 meters inside the capture thread. None is one less than the processors, at
            least 1; with user_metrics 1, unless Python runs without its lock.
        decode_tunnels: Whether packets inside tunnels make flows of their own.
        tunnel_keys: Whether flows in tunnels with different keys (TEID, VNI, GRE key, ERSPAN session) are kept apart; each
            end of GTP-U chooses its own TEID, so the two directions are then two flows.
        fragments: Whether later fragments are counted in the flow of their first.
        promiscuous: On an interface, whether frames for other stations are captured too.
        snaplen: On an interface, bytes kept of each frame.
        buffer_size: On an interface, bytes of the kernel's buffer; None is libpcap's choice.
        tcp_end: Whether FIN in both directions, or RST, ends a flow.
        tcp_linger: Seconds for which a flow still takes packets after its TCP connection ended; None is until silence, or
            until a SYN opens the next.
        tcp_analysis: Whether TCP segments are analysed: retransmissions, disorder, duplicate ACKs, shut windows, the
            handshake and the end of the connection.
        statistics: Whether flows have statistics of sizes, gaps and TCP flags.
        splt: How many of a flow's first packets it has one by one, as lists of direction, size and gap.
        application_fields: Whether the payload of a flow's first packets is read for names, versions and fingerprints.
        after: The position where the previous piece of the capture ended; None is the beginning.

    Raises:
        TypeError: An option of the wrong type.
        ValueError: An option out of its range.
    """

    def __new__(
        cls,
        source: _Source,
        *,
        inactive_timeout: float | None = 60,
        active_timeout: float | None = 120,
        capacity: int | None = None,
        user_metrics: Mapping[str, _Metric] | None = None,
        bpf_filter: str | None = None,
        n_dissections: int = 20,
        stable_labels: bool = False,
        workers: int | None = None,
        decode_tunnels: bool = True,
        tunnel_keys: bool = False,
        fragments: bool = True,
        promiscuous: bool = True,
        snaplen: int = 65535,
        buffer_size: int | None = None,
        tcp_end: bool = False,
        tcp_linger: float | None = 5,
        tcp_analysis: bool = False,
        statistics: bool = False,
        splt: int = 0,
        application_fields: bool = False,
        after: Position | None = None,
    ) -> Streamer: ...
    @property
    def report(self) -> Report:
        """The report of the latest iteration, also while it goes on; all zero before any."""

    @property
    def source(self) -> Any:
        """The source as it was given."""

    @property
    def inactive_timeout(self) -> int | float | None:
        """Seconds of silence that end a flow; None is never."""

    @property
    def active_timeout(self) -> int | float | None:
        """Age in seconds at which a living flow is cut and reported; None is never."""

    @property
    def capacity(self) -> int | None:
        """How many flows may live at once; None is without bound for files and 1,000,000 on an interface."""

    @property
    def user_metrics(self) -> Mapping[str, _Metric] | None:
        """The metrics as they were given; later changes of that dict have no effect."""

    @property
    def bpf_filter(self) -> str | None:
        """The BPF expression that frames must match."""

    @property
    def n_dissections(self) -> int:
        """How many packets of a flow nDPI sees; 0 is without nDPI."""

    @property
    def stable_labels(self) -> bool:
        """Whether labels are independent of the number of workers."""

    @property
    def workers(self) -> int | None:
        """How many threads meter; None leaves the choice to the streamer."""

    @property
    def decode_tunnels(self) -> bool:
        """Whether packets inside tunnels make flows of their own."""

    @property
    def tunnel_keys(self) -> bool:
        """Whether flows in tunnels with different keys are kept apart."""

    @property
    def fragments(self) -> bool:
        """Whether later fragments are counted in the flow of their first."""

    @property
    def promiscuous(self) -> bool:
        """On an interface, whether frames for other stations are captured too."""

    @property
    def snaplen(self) -> int:
        """On an interface, bytes kept of each frame."""

    @property
    def buffer_size(self) -> int | None:
        """On an interface, bytes of the kernel's buffer; None is libpcap's choice."""

    @property
    def tcp_end(self) -> bool:
        """Whether the end of a TCP connection ends its flow."""

    @property
    def tcp_linger(self) -> int | float | None:
        """Seconds for which a flow still takes packets after its TCP connection ended; None is until silence."""

    @property
    def tcp_analysis(self) -> bool:
        """Whether TCP segments are analysed."""

    @property
    def statistics(self) -> bool:
        """Whether flows have statistics of sizes, gaps and TCP flags."""

    @property
    def splt(self) -> int:
        """How many of a flow's first packets it has one by one."""

    @property
    def application_fields(self) -> bool:
        """Whether the payload of a flow's first packets is read for names, versions and fingerprints."""

    @property
    def after(self) -> Position | None:
        """The position where the previous piece of the capture ended; None is the beginning."""

    @property
    def position(self) -> Position | None:
        """Where the latest iteration stopped reading: a `Position` for `after` of a streamer of the next piece; None while
        it goes on, and before any.
        """

    def __iter__(self, /) -> Flows: ...
    def to_pandas(self, columns: Sequence[str] | None = None) -> pandas.DataFrame:
        """Every flow as a row of a pandas.DataFrame, whose columns have a type also when there are no flows.

        Numbers are numpy's unsigned ints (pandas' nullable ones where a value may be absent), times are
        datetime64[ns, UTC], durations timedelta64[ns]; metrics get the type that fits their values.

        Args:
            columns: Names of the columns and metrics wanted, in order; None is all of them.
        """

    def to_csv(self, path: _Path | bytes) -> int:
        """Write every flow to a CSV file (RFC 4180) with a heading; tell how many there were.

        Times are whole milliseconds since the Unix epoch. The file appears under its name when it is complete. If the
        capture turns out to be damaged, the flows before the damage stay in the file of that name with `.part`, and the
        exception has a note of it.

        Raises:
            TypeError: `path` is no str, bytes or os.PathLike.
            ValueError: It is empty.
            OSError: It is a directory, or cannot be written.
        """
