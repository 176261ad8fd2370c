"""The compiled part of flowgauge; use `flowgauge`, which has the same names."""

import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from types import MappingProxyType, TracebackType
from typing import Any, ClassVar, Final, Literal, NoReturn, Protocol, TypeAlias, final

import pandas  # type: ignore[import-not-found, import-untyped, unused-ignore]
import polars  # type: ignore[import-not-found, unused-ignore]
import pyarrow  # type: ignore[import-not-found, import-untyped, unused-ignore]

from .nfstream.native import NFColumn, NFFlows, NFlow, NFPacket, nfstream_columns

__all__ = [
    "Anonymizer",
    "Batches",
    "Column",
    "Expression",
    "Flow",
    "FlowFields",
    "FlowTable",
    "Flows",
    "Item",
    "ItemStream",
    "LiveFlow",
    "Memory",
    "NFColumn",
    "NFFlows",
    "NFPacket",
    "NFlow",
    "PacketFields",
    "PacketInformation",
    "PacketLayer",
    "PipelinePart",
    "Position",
    "Report",
    "Streamer",
    "Then",
    "TlsRecord",
    "When",
    "__version__",
    "address_label",
    "cells",
    "columns",
    "flow",
    "is_harmful",
    "merge",
    "nfstream_columns",
    "packet",
    "pull",
    "rows",
    "run_command",
    "when",
]

__version__: Final[str]
packet: Final[PacketFields]
flow: Final[FlowFields]

_Scalar: TypeAlias = int | float | bool | str | bytes | None
_Value: TypeAlias = _Scalar | list[_Scalar]

class _Readable(Protocol):
    def read(self, size: int, /) -> bytes | bytearray | memoryview: ...

_Path: TypeAlias = str | PathLike[str] | PathLike[bytes]
_Source: TypeAlias = _Path | list[Any] | tuple[_Path, ...] | bytes | bytearray | memoryview | _Readable

class _MetricObject(Protocol):
    """What a class in `user_metrics` makes for every flow; it may have an `on_start(flow)` too."""

    def on_packet(self, packet_information: PacketInformation, flow: LiveFlow, /) -> object: ...
    def on_end(self, flow: LiveFlow, /) -> _Value: ...

_Metric: TypeAlias = Callable[[PacketInformation, LiveFlow], object] | Callable[[], _MetricObject]
_Operand: TypeAlias = Expression | int | float | bool | str

def columns() -> list[Column]:
    """Every column that a flow may have, in order: what `Flow` has attributes for, besides those in nanoseconds."""

def cells(table: FlowTable, name: str, owned: bool) -> tuple[str, list[Any]]:
    """The cells of one column: what they are, and the parts they lie in, one as a rule.

    Numbers are their memory and, if one may be absent, that of a mask, true where it is; names are the memory of numbers
    into a list, -1 where there is none; everything else is a list. `owned` says that nobody else has the table, so that
    its memory may be written to.
    """

def rows(table: FlowTable, name: str, rows: Sequence[int]) -> list[Any]:
    """The cells of one column in these rows, as Python has them; times and durations in nanoseconds."""

def merge(flows: Iterable[Flow], *, inactive_timeout: float | None = 60) -> list[Flow]:
    """Merge the flows of pieces of one capture into those of the whole, in the order of their flow_id.

    The pieces must lie one behind the other, each metered from the position where the one before ended (`after`), without
    active timeout, capacity and tcp_end. Then packets, bytes, times, statistics and sequences are those of the whole, bit
    for bit. Labels are not merged, the first that is known stays. Metrics that are expressions are those of the whole if the
    pieces were metered with `mergeable` and they are (`Expression.is_mergeable`): whole numbers bit for bit, floats within a
    relative 1e-12. All others become None. What only some pieces were metered with (statistics, sequences of one length, TCP
    analysis) is not told of flows that go through others.

    Args:
        flows: The flows of all pieces, in any order.
        inactive_timeout: The one that the pieces were metered with, in seconds; None is never.

    Raises:
        TypeError: Something among the flows that is none.
        ValueError: Two records of one flow with the same flow_id.
    """

def when(condition: Expression | bool) -> When:
    """A choice: `when(condition).then(value).otherwise(other)` is `value` where the condition is true, else `other`, which it
    is also where the condition is null.
    """

def is_harmful(character: str) -> bool:
    """Whether a terminal or a browser would obey this character, or not show it: what the command escapes."""

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
class Expression:
    """A metric, or a part of one, that flowgauge folds over the packets of each flow without calling Python.

    Expressions are made of the fields of `packet` and the columns of `flow` with operators and methods: with
    `from flowgauge import packet`, `(packet.size > 666).sum()` is one. They are checked as they are made. What they mean,
    and every field and method, stands in docs/expressions.md.
    """

    __array_ufunc__: ClassVar[None] = ...

    @staticmethod
    def parse(text: str) -> Expression:
        """Read an expression as `str` writes it; nothing is run.

        Raises:
            TypeError: A part has a type that does not fit.
            ValueError: The text cannot be read, or names what does not exist.
        """

    def to_json(self) -> str:
        """The expression as an object of JSON, which `from_json` reads."""

    @staticmethod
    def from_json(text: str | bytes) -> Expression:
        """Read what `to_json` wrote.

        Raises:
            TypeError: `text` is no str or bytes, or a part has a type that does not fit.
            ValueError: It is no such object, of another version, or its source cannot be read.
        """

    def equals(self, other: object) -> bool:
        """Whether both are the same expression; `==` makes an expression instead."""

    @property
    def state_bytes(self) -> int:
        """Bytes that it takes of every living flow, at most.

        Raises:
            TypeError: It has a value for every packet, and none of the flow.
        """

    @property
    def mergeable_state_bytes(self) -> int:
        """Bytes that it takes of every living flow and of every record with `mergeable`: also for the packets that lack the one
        before them, and for both directions.

        Raises:
            TypeError: It has a value for every packet, and none of the flow.
        """

    @property
    def is_mergeable(self) -> bool:
        """Whether `merge` can tell it of a whole flow from its pieces; not what counts packets from the first on
        (`packet.index`), nor differences of differences, nor bytes chosen by a difference.
        """

    @property
    def type(self) -> str:
        """What its values are: bool, int, float, str, bytes, list of bool, list of int or list of float; each may be None."""

    @property
    def stage(self) -> str:
        """When it has a value: "constant" (always the same), "packet" (one for each) or "flow" (one at its end)."""

    def count(self) -> Expression:
        """How many packets have a value."""

    def sum(self) -> Expression:
        """Their sum; 0 of none."""

    def mean(self) -> Expression:
        """Their arithmetic mean."""

    def std(self) -> Expression:
        """Their sample standard deviation (with n - 1); 0 of one."""

    def var(self) -> Expression:
        """Their sample variance (with n - 1); 0 of one."""

    def min(self, other: _Operand | None = None) -> Expression:
        """The least of them; with `other` the lesser of the two, packet by packet."""

    def max(self, other: _Operand | None = None) -> Expression:
        """The greatest of them; with `other` the greater of the two, packet by packet."""

    def first(self, n: int) -> Expression:
        """The first `n` as a list, `n` up to 1,024."""

    def last(self, n: int) -> Expression:
        """The last `n` as a list, `n` up to 1,024."""

    def any(self) -> Expression:
        """Whether one is true."""

    def all(self) -> Expression:
        """Whether none is false."""

    def n_unique(self) -> Expression:
        """How many different ones there are: exact up to 256, then estimated (standard error 1.6 %)."""

    def quantile(self, q: float) -> Expression:
        """The value that a share `q` (0 to 1) of them does not exceed, within 1 % of itself."""

    def histogram(self, edges: Iterable[float]) -> Expression:
        """How many lie below the first of the edges, between each two, and at or above the last: one count more than edges.

        Args:
            edges: Up to 255 numbers in rising order; an edge belongs to the values above it.
        """

    def entropy(self) -> Expression:
        """Shannon entropy in bits: of the bytes, or of how often each whole number comes; null beyond 1,024 different ones."""

    def ewm_mean(self, half_life: float) -> Expression:
        """Their exponentially weighted mean: each counts half of the one `half_life` values after it."""

    def filter(self, condition: Expression | bool) -> Expression:
        """The value where the condition is true; null elsewhere."""

    def diff(self) -> Expression:
        """The difference from the packet before it that has a value; null for the first."""

    def over(self, by: Literal["direction"]) -> Expression:
        """By direction: `diff` looks at packets of its own direction only, and a value of the flow becomes a list of two,
        from source to destination and back.

        Args:
            by: "direction".
        """

    def abs(self) -> Expression:
        """Without its sign."""

    def log(self) -> Expression:
        """The natural logarithm; null of 0 and below."""

    def log2(self) -> Expression:
        """The logarithm to base 2."""

    def log10(self) -> Expression:
        """The logarithm to base 10."""

    def clip(self, low: _Operand, high: _Operand) -> Expression:
        """No less than `low` and no more than `high`."""

    def is_null(self) -> Expression:
        """Whether there is no value."""

    def fill_null(self, value: _Operand) -> Expression:
        """The value, or the other one where there is none."""

    def byte(self, n: int) -> Expression:
        """The byte `n` places from the beginning (0 is the first); null where there are fewer."""

    def __hash__(self, /) -> int: ...
    def __bool__(self, /) -> NoReturn: ...
    def __reduce__(self) -> tuple[Callable[[str], Expression], tuple[str]]: ...
    def __eq__(self, other: _Operand, /) -> Expression: ...  # type: ignore[override]
    def __ne__(self, other: _Operand, /) -> Expression: ...  # type: ignore[override]
    def __lt__(self, other: _Operand, /) -> Expression: ...
    def __le__(self, other: _Operand, /) -> Expression: ...
    def __gt__(self, other: _Operand, /) -> Expression: ...
    def __ge__(self, other: _Operand, /) -> Expression: ...
    def __add__(self, other: _Operand, /) -> Expression: ...
    def __radd__(self, other: _Operand, /) -> Expression: ...
    def __sub__(self, other: _Operand, /) -> Expression: ...
    def __rsub__(self, other: _Operand, /) -> Expression: ...
    def __mul__(self, other: _Operand, /) -> Expression: ...
    def __rmul__(self, other: _Operand, /) -> Expression: ...
    def __truediv__(self, other: _Operand, /) -> Expression: ...
    def __rtruediv__(self, other: _Operand, /) -> Expression: ...
    def __floordiv__(self, other: _Operand, /) -> Expression: ...
    def __rfloordiv__(self, other: _Operand, /) -> Expression: ...
    def __mod__(self, other: _Operand, /) -> Expression: ...
    def __rmod__(self, other: _Operand, /) -> Expression: ...
    def __and__(self, other: _Operand, /) -> Expression: ...
    def __rand__(self, other: _Operand, /) -> Expression: ...
    def __or__(self, other: _Operand, /) -> Expression: ...
    def __ror__(self, other: _Operand, /) -> Expression: ...
    def __xor__(self, other: _Operand, /) -> Expression: ...
    def __rxor__(self, other: _Operand, /) -> Expression: ...
    def __lshift__(self, other: _Operand, /) -> Expression: ...
    def __rlshift__(self, other: _Operand, /) -> Expression: ...
    def __rshift__(self, other: _Operand, /) -> Expression: ...
    def __rrshift__(self, other: _Operand, /) -> Expression: ...
    def __neg__(self, /) -> Expression: ...
    def __pos__(self, /) -> Expression: ...
    def __invert__(self, /) -> Expression: ...
    def __abs__(self, /) -> Expression: ...

class _PacketFields:
    """The fields of packets that expressions may name."""

    @property
    def captured_size(self) -> Expression:
        """Bytes of the frame that were captured. Type int, in bytes."""

    @property
    def direction(self) -> Expression:
        """0 from the flow's source to its destination, 1 back. Type int."""

    @property
    def direction_gap(self) -> Expression:
        """The same within its direction. Type int, in nanoseconds."""

    @property
    def dscp(self) -> Expression:
        """Differentiated services code point (RFC 2474). Type int."""

    @property
    def dst_port(self) -> Expression:
        """Port of the receiver; 0 where there is none. Type int."""

    @property
    def ecn(self) -> Expression:
        """Explicit congestion notification (RFC 3168). Type int."""

    @property
    def gap(self) -> Expression:
        """Time since the flow's packet before it, negative where stamps go back; null for the first. Type int,
        in nanoseconds.
        """

    @property
    def icmp_code(self) -> Expression:
        """Code of an ICMP message; null for others. Type int."""

    @property
    def icmp_type(self) -> Expression:
        """Type of an ICMP message; null for others. Type int."""

    @property
    def index(self) -> Expression:
        """Packets of the flow's record before this one: 0 for the first. Type int, in packets."""

    @property
    def ip(self) -> Expression:
        """The captured bytes of the innermost IP packet, header first. Type bytes."""

    @property
    def ip_protocol(self) -> Expression:
        """IP protocol number (IANA). Type int."""

    @property
    def ip_size(self) -> Expression:
        """Bytes of the innermost IP packet, its header included (IPFIX ipTotalLength). Type int, in bytes."""

    @property
    def ip_version(self) -> Expression:
        """4 or 6. Type int."""

    @property
    def is_fragment(self) -> Expression:
        """Whether it is a fragment. Type bool."""

    @property
    def is_tunnelled(self) -> Expression:
        """Whether it came out of a tunnel. Type bool."""

    @property
    def number(self) -> Expression:
        """Number of the frame in the capture, from 1. Type int."""

    @property
    def payload(self) -> Expression:
        """The captured bytes of the payload; null where there are none. Type bytes."""

    @property
    def payload_size(self) -> Expression:
        """Bytes after the transport header; null where the captured headers cannot tell. Type int, in bytes."""

    @property
    def size(self) -> Expression:
        """Bytes on the wire. Type int, in bytes."""

    @property
    def src_port(self) -> Expression:
        """Port of the sender; 0 where there is none. Type int."""

    @property
    def tcp_ack(self) -> Expression:
        """Whether ACK is set. Type bool."""

    @property
    def tcp_cwr(self) -> Expression:
        """Whether CWR is set. Type bool."""

    @property
    def tcp_ece(self) -> Expression:
        """Whether ECE is set. Type bool."""

    @property
    def tcp_fin(self) -> Expression:
        """Whether FIN is set; false for what is no TCP. Type bool."""

    @property
    def tcp_flags(self) -> Expression:
        """The TCP flags as a number (RFC 9293); 0 for others. Type int."""

    @property
    def tcp_psh(self) -> Expression:
        """Whether PSH is set. Type bool."""

    @property
    def tcp_rst(self) -> Expression:
        """Whether RST is set. Type bool."""

    @property
    def tcp_syn(self) -> Expression:
        """Whether SYN is set. Type bool."""

    @property
    def tcp_urg(self) -> Expression:
        """Whether URG is set. Type bool."""

    @property
    def tcp_window(self) -> Expression:
        """The window field of TCP, not scaled; null for others. Type int."""

    @property
    def time(self) -> Expression:
        """When it was captured, since 1970 UTC. Type int, in nanoseconds."""

    @property
    def transport_size(self) -> Expression:
        """Bytes after the innermost IP header and its extension headers. Type int, in bytes."""

    @property
    def ttl(self) -> Expression:
        """Time to live (RFC 791) or hop limit (RFC 8200). Type int."""

    @property
    def tunnel_key(self) -> Expression:
        """The tunnel's own key (TEID, VNI, GRE key, ERSPAN session); null without one. Type int."""

    @property
    def vlan_id(self) -> Expression:
        """The innermost VLAN id (IEEE 802.1Q); null without a tag. Type int."""

@final
class PacketFields(_PacketFields):
    """The fields of each packet, as expressions: `packet.size`, `packet.gap`, `packet.payload` ...; `dir(packet)` names them."""

    def __dir__(self, /) -> list[str]: ...
    def __reduce__(self) -> str: ...

class _FlowFields:
    """The columns of flows that expressions may name."""

    @property
    def ack_pkts(self) -> Expression:
        """Packets with the TCP flag ack set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def application_confidence(self) -> Expression:
        """What the label rests on, in nDPI's words: dpi, dpi_cache, match_by_port, match_by_ip ...; null
        without nDPI. Type str.
        """

    @property
    def application_guessed(self) -> Expression:
        """Whether the label is a guess by port or address; null without nDPI. Type bool."""

    @property
    def application_name(self) -> Expression:
        """The application as nDPI names it; null without nDPI. Type str."""

    @property
    def bytes(self) -> Expression:
        """Bytes on the wire of both directions, link headers included. Type int, in bytes."""

    @property
    def category_name(self) -> Expression:
        """The application's category in nDPI; null without nDPI. Type str."""

    @property
    def community_id(self) -> Expression:
        """Community ID, version 1, seed 0 (github.com/corelight/community-id-spec); null when ports or ICMP
        type are unknown. Type str.
        """

    @property
    def conn_id(self) -> Expression:
        """The flow_id of the flow's first segment. Type int."""

    @property
    def content_type(self) -> Expression:
        """Type of the content of the first HTTP response. Type str. Needs the option application_fields."""

    @property
    def cwr_pkts(self) -> Expression:
        """Packets with the TCP flag cwr set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def dhcp_fingerprint(self) -> Expression:
        """What a DHCP client asks for: the numbers in its option 55, with commas between. Type str. Needs the
        option application_fields.
        """

    @property
    def dns_query(self) -> Expression:
        """The first name asked for in DNS (RFC 1035). Type str. Needs the option application_fields."""

    @property
    def dns_query_type(self) -> Expression:
        """The type that was asked for (IANA DNS parameters). Type int. Needs the option application_fields."""

    @property
    def dns_response_code(self) -> Expression:
        """The response code of the first answer (IANA DNS parameters). Type int. Needs the option
        application_fields.
        """

    @property
    def dns_round_trip(self) -> Expression:
        """From the first question in DNS to its answer. Type int, in nanoseconds. Needs the option
        application_fields.
        """

    @property
    def dst_mac(self) -> Expression:
        """MAC address of the destination in the first packet; null without (IPFIX 80). Type str."""

    @property
    def dst_oui(self) -> Expression:
        """The first three bytes of dst_mac: its maker's OUI (IEEE MA-L); null without. Type str."""

    @property
    def dst_port(self) -> Expression:
        """Its port; 0 when the protocol has none or it was not captured (IPFIX 11). Type int."""

    @property
    def dst_to_src_ack_pkts(self) -> Expression:
        """Packets with the TCP flag ack set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def dst_to_src_bytes(self) -> Expression:
        """Bytes on the wire from destination to source, link headers included (IPFIX 352, reverse). Type int,
        in bytes.
        """

    @property
    def dst_to_src_cwr_pkts(self) -> Expression:
        """Packets with the TCP flag cwr set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def dst_to_src_dscp(self) -> Expression:
        """DSCP of the first packet of this direction (RFC 2474, IPFIX 195); null without packets. Type int."""

    @property
    def dst_to_src_duplicate_ack_pkts(self) -> Expression:
        """TCP segments that only repeat the acknowledgement and the window of the one before, answers to keep-
        alives not; null for other protocols. Type int, in packets. Needs the option tcp_analysis.
        """

    @property
    def dst_to_src_duration(self) -> Expression:
        """From the smallest stamp to the largest (IPFIX 161); null without packets. Type int, in nanoseconds."""

    @property
    def dst_to_src_ece_pkts(self) -> Expression:
        """Packets with the TCP flag ece set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def dst_to_src_end_time(self) -> Expression:
        """The largest stamp of this direction (IPFIX 157); null without packets. Type int, nanoseconds since
        1970 UTC.
        """

    @property
    def dst_to_src_fin_pkts(self) -> Expression:
        """Packets with the TCP flag fin set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def dst_to_src_gap_max(self) -> Expression:
        """The longest time between consecutive packets; null without two. Type int, in nanoseconds. Needs the
        option statistics.
        """

    @property
    def dst_to_src_gap_mean(self) -> Expression:
        """Arithmetic mean of the times between consecutive packets; null without two. Type float, in
        nanoseconds. Needs the option statistics.
        """

    @property
    def dst_to_src_gap_min(self) -> Expression:
        """The shortest time between consecutive packets, negative where stamps go back; null without two. Type
        int, in nanoseconds. Needs the option statistics.
        """

    @property
    def dst_to_src_gap_stddev(self) -> Expression:
        """Sample standard deviation (n - 1) of these times; 0 of one, null of none, or when too large. Type
        float, in nanoseconds. Needs the option statistics.
        """

    @property
    def dst_to_src_ip_bytes(self) -> Expression:
        """Bytes of the innermost IP packets, headers included (IPFIX 1, under the innermost header). Type int,
        in bytes.
        """

    @property
    def dst_to_src_out_of_order_pkts(self) -> Expression:
        """TCP segments that came late, less than a handshake's round trip, and were not sent again; null for
        other protocols. Type int, in packets. Needs the option tcp_analysis.
        """

    @property
    def dst_to_src_payload_bytes(self) -> Expression:
        """Bytes after the transport header (IPFIX 401); null when some packet's captured headers cannot tell.
        Type int, in bytes.
        """

    @property
    def dst_to_src_pkts(self) -> Expression:
        """Packets from destination to source (IPFIX 2, reverse). Type int, in packets."""

    @property
    def dst_to_src_psh_pkts(self) -> Expression:
        """Packets with the TCP flag psh set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def dst_to_src_retransmitted_pkts(self) -> Expression:
        """TCP segments that were sent again, fast and spurious retransmissions included, keep-alives and window
        probes not; null for other protocols. Type int, in packets. Needs the option tcp_analysis.
        """

    @property
    def dst_to_src_rst_pkts(self) -> Expression:
        """Packets with the TCP flag rst set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def dst_to_src_size_max(self) -> Expression:
        """The largest packet on the wire (IPFIX 26 is its IP length); null without packets. Type int, in bytes.
        Needs the option statistics.
        """

    @property
    def dst_to_src_size_mean(self) -> Expression:
        """Arithmetic mean of the packets' sizes on the wire; null without packets. Type float, in bytes. Needs
        the option statistics.
        """

    @property
    def dst_to_src_size_min(self) -> Expression:
        """The smallest packet on the wire (IPFIX 25 is its IP length); null without packets. Type int, in
        bytes. Needs the option statistics.
        """

    @property
    def dst_to_src_size_stddev(self) -> Expression:
        """Sample standard deviation (n - 1) of the sizes; 0 of one packet, null without packets. Type float, in
        bytes. Needs the option statistics.
        """

    @property
    def dst_to_src_start_time(self) -> Expression:
        """The smallest stamp of this direction (IPFIX 156); null without packets. Type int, nanoseconds since
        1970 UTC.
        """

    @property
    def dst_to_src_syn_pkts(self) -> Expression:
        """Packets with the TCP flag syn set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def dst_to_src_tcp_initial_window(self) -> Expression:
        """The window in SYN or SYN-ACK, which is not scaled (IPFIX 186); null when it was not seen. Type int,
        in bytes. Needs the option tcp_analysis.
        """

    @property
    def dst_to_src_tcp_mss(self) -> Expression:
        """The maximum segment size in SYN or SYN-ACK (RFC 9293); null without the option. Type int, in bytes.
        Needs the option tcp_analysis.
        """

    @property
    def dst_to_src_tcp_window_scale(self) -> Expression:
        """The window scale in SYN or SYN-ACK (RFC 7323, IPFIX 238); null without the option. Type int, in bits.
        Needs the option tcp_analysis.
        """

    @property
    def dst_to_src_transport_bytes(self) -> Expression:
        """Bytes after the IP header and its extension headers. Type int, in bytes."""

    @property
    def dst_to_src_ttl_max(self) -> Expression:
        """The largest TTL or hop limit of this direction (IPFIX 53); null without packets. Type int."""

    @property
    def dst_to_src_ttl_min(self) -> Expression:
        """The smallest TTL or hop limit of this direction (IPFIX 52); null without packets. Type int."""

    @property
    def dst_to_src_urg_pkts(self) -> Expression:
        """Packets with the TCP flag urg set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def dst_to_src_zero_window_pkts(self) -> Expression:
        """TCP segments without SYN, FIN and RST whose window is 0 (IPFIX 186); null for other protocols. Type
        int, in packets. Needs the option tcp_analysis.
        """

    @property
    def duplicate_ack_pkts(self) -> Expression:
        """TCP segments that only repeat the acknowledgement and the window of the one before, answers to keep-
        alives not; null for other protocols. Type int, in packets. Needs the option tcp_analysis.
        """

    @property
    def duration(self) -> Expression:
        """From the smallest stamp to the largest (IPFIX 161); null without packets. Type int, in nanoseconds."""

    @property
    def ece_pkts(self) -> Expression:
        """Packets with the TCP flag ece set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def end_time(self) -> Expression:
        """The largest stamp of its packets (IPFIX 157). Type int, nanoseconds since 1970 UTC."""

    @property
    def export_reason(self) -> Expression:
        """Why the record left: 0 inactive, 1 active, 2 flush, 3 TCP end, 4 capacity, 16 to 255 the user's own
        (IPFIX 136). Type int.
        """

    @property
    def fin_pkts(self) -> Expression:
        """Packets with the TCP flag fin set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def flow_id(self) -> Expression:
        """Number of the record's first frame: unique in a capture. Type int."""

    @property
    def flow_label(self) -> Expression:
        """IPv6 flow label of the first packet (RFC 6437, IPFIX 31); null in IPv4. Type int."""

    @property
    def fragmented(self) -> Expression:
        """Whether some packet is an IP fragment. Type bool."""

    @property
    def gap_max(self) -> Expression:
        """The longest time between consecutive packets; null without two. Type int, in nanoseconds. Needs the
        option statistics.
        """

    @property
    def gap_mean(self) -> Expression:
        """Arithmetic mean of the times between consecutive packets; null without two. Type float, in
        nanoseconds. Needs the option statistics.
        """

    @property
    def gap_min(self) -> Expression:
        """The shortest time between consecutive packets, negative where stamps go back; null without two. Type
        int, in nanoseconds. Needs the option statistics.
        """

    @property
    def gap_stddev(self) -> Expression:
        """Sample standard deviation (n - 1) of these times; 0 of one, null of none, or when too large. Type
        float, in nanoseconds. Needs the option statistics.
        """

    @property
    def hassh(self) -> Expression:
        """HASSH of the SSH client (github.com/salesforce/hassh). Type str. Needs the option application_fields."""

    @property
    def hassh_server(self) -> Expression:
        """HASSH of the SSH server (github.com/salesforce/hassh). Type str. Needs the option application_fields."""

    @property
    def host_name(self) -> Expression:
        """The client's name in DHCP (option 12). Type str. Needs the option application_fields."""

    @property
    def http_host(self) -> Expression:
        """Host of the first HTTP request (RFC 9110). Type str. Needs the option application_fields."""

    @property
    def http_method(self) -> Expression:
        """Method of the first HTTP request (RFC 9110). Type str. Needs the option application_fields."""

    @property
    def http_path(self) -> Expression:
        """Target of the first HTTP request (RFC 9110). Type str. Needs the option application_fields."""

    @property
    def http_status(self) -> Expression:
        """Status of the first HTTP response (RFC 9110). Type int. Needs the option application_fields."""

    @property
    def icmp_code(self) -> Expression:
        """ICMP or ICMPv6 code of the first packet (IPFIX 177, 179); null for other protocols. Type int."""

    @property
    def icmp_type(self) -> Expression:
        """ICMP or ICMPv6 type of the first packet (IPFIX 176, 178); null for other protocols. Type int."""

    @property
    def incomplete(self) -> Expression:
        """What could not be told of some packet: ports, payload, inner (of a tunnel), gaps (too large); null
        when all was. Type str.
        """

    @property
    def ip_bytes(self) -> Expression:
        """Bytes of the innermost IP packets, headers included (IPFIX 1, under the innermost header). Type int,
        in bytes.
        """

    @property
    def ip_dst(self) -> Expression:
        """Address of the receiver of the flow's first packet (IPFIX 12, 28). Type str."""

    @property
    def ip_protocol(self) -> Expression:
        """IP protocol number, after extension headers (IPFIX 4, IANA numbers). Type int."""

    @property
    def ip_src(self) -> Expression:
        """Address of the sender of the flow's first packet (IPFIX 8, 27). Type str."""

    @property
    def ip_version(self) -> Expression:
        """4 or 6, of the innermost IP header (IPFIX 60). Type int."""

    @property
    def ja3(self) -> Expression:
        """JA3 of the TLS client (github.com/salesforce/ja3). Type str. Needs the option application_fields."""

    @property
    def ja3s(self) -> Expression:
        """JA3S of the TLS server (github.com/salesforce/ja3). Type str. Needs the option application_fields."""

    @property
    def ja4(self) -> Expression:
        """JA4 of the TLS or QUIC client (github.com/FoxIO-LLC/ja4). Type str. Needs the option
        application_fields.
        """

    @property
    def out_of_order_pkts(self) -> Expression:
        """TCP segments that came late, less than a handshake's round trip, and were not sent again; null for
        other protocols. Type int, in packets. Needs the option tcp_analysis.
        """

    @property
    def payload_bytes(self) -> Expression:
        """Bytes after the transport header (IPFIX 401); null when some packet's captured headers cannot tell.
        Type int, in bytes.
        """

    @property
    def pkts(self) -> Expression:
        """Packets of both directions. Type int, in packets."""

    @property
    def psh_pkts(self) -> Expression:
        """Packets with the TCP flag psh set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def requested_server_name(self) -> Expression:
        """The server that the client asks for: TLS or QUIC server name (RFC 6066), HTTP host, name in a DNS
        question. Type str. Needs the option application_fields.
        """

    @property
    def retransmitted_pkts(self) -> Expression:
        """TCP segments that were sent again, fast and spurious retransmissions included, keep-alives and window
        probes not; null for other protocols. Type int, in packets. Needs the option tcp_analysis.
        """

    @property
    def rst_pkts(self) -> Expression:
        """Packets with the TCP flag rst set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def segment(self) -> Expression:
        """0, and one more after every cut by the active timeout. Type int."""

    @property
    def size_max(self) -> Expression:
        """The largest packet on the wire (IPFIX 26 is its IP length); null without packets. Type int, in bytes.
        Needs the option statistics.
        """

    @property
    def size_mean(self) -> Expression:
        """Arithmetic mean of the packets' sizes on the wire; null without packets. Type float, in bytes. Needs
        the option statistics.
        """

    @property
    def size_min(self) -> Expression:
        """The smallest packet on the wire (IPFIX 25 is its IP length); null without packets. Type int, in
        bytes. Needs the option statistics.
        """

    @property
    def size_stddev(self) -> Expression:
        """Sample standard deviation (n - 1) of the sizes; 0 of one packet, null without packets. Type float, in
        bytes. Needs the option statistics.
        """

    @property
    def src_mac(self) -> Expression:
        """MAC address of the source in the first packet; null without (IPFIX 56). Type str."""

    @property
    def src_oui(self) -> Expression:
        """The first three bytes of src_mac: its maker's OUI (IEEE MA-L); null without. Type str."""

    @property
    def src_port(self) -> Expression:
        """Its port; 0 when the protocol has none or it was not captured (IPFIX 7). Type int."""

    @property
    def src_to_dst_ack_pkts(self) -> Expression:
        """Packets with the TCP flag ack set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def src_to_dst_bytes(self) -> Expression:
        """Bytes on the wire from source to destination, link headers included (IPFIX 352). Type int, in bytes."""

    @property
    def src_to_dst_cwr_pkts(self) -> Expression:
        """Packets with the TCP flag cwr set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def src_to_dst_dscp(self) -> Expression:
        """DSCP of the first packet of this direction (RFC 2474, IPFIX 195); null without packets. Type int."""

    @property
    def src_to_dst_duplicate_ack_pkts(self) -> Expression:
        """TCP segments that only repeat the acknowledgement and the window of the one before, answers to keep-
        alives not; null for other protocols. Type int, in packets. Needs the option tcp_analysis.
        """

    @property
    def src_to_dst_duration(self) -> Expression:
        """From the smallest stamp to the largest (IPFIX 161); null without packets. Type int, in nanoseconds."""

    @property
    def src_to_dst_ece_pkts(self) -> Expression:
        """Packets with the TCP flag ece set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def src_to_dst_end_time(self) -> Expression:
        """The largest stamp of this direction (IPFIX 157); null without packets. Type int, nanoseconds since
        1970 UTC.
        """

    @property
    def src_to_dst_fin_pkts(self) -> Expression:
        """Packets with the TCP flag fin set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def src_to_dst_gap_max(self) -> Expression:
        """The longest time between consecutive packets; null without two. Type int, in nanoseconds. Needs the
        option statistics.
        """

    @property
    def src_to_dst_gap_mean(self) -> Expression:
        """Arithmetic mean of the times between consecutive packets; null without two. Type float, in
        nanoseconds. Needs the option statistics.
        """

    @property
    def src_to_dst_gap_min(self) -> Expression:
        """The shortest time between consecutive packets, negative where stamps go back; null without two. Type
        int, in nanoseconds. Needs the option statistics.
        """

    @property
    def src_to_dst_gap_stddev(self) -> Expression:
        """Sample standard deviation (n - 1) of these times; 0 of one, null of none, or when too large. Type
        float, in nanoseconds. Needs the option statistics.
        """

    @property
    def src_to_dst_ip_bytes(self) -> Expression:
        """Bytes of the innermost IP packets, headers included (IPFIX 1, under the innermost header). Type int,
        in bytes.
        """

    @property
    def src_to_dst_out_of_order_pkts(self) -> Expression:
        """TCP segments that came late, less than a handshake's round trip, and were not sent again; null for
        other protocols. Type int, in packets. Needs the option tcp_analysis.
        """

    @property
    def src_to_dst_payload_bytes(self) -> Expression:
        """Bytes after the transport header (IPFIX 401); null when some packet's captured headers cannot tell.
        Type int, in bytes.
        """

    @property
    def src_to_dst_pkts(self) -> Expression:
        """Packets from source to destination (IPFIX 2). Type int, in packets."""

    @property
    def src_to_dst_psh_pkts(self) -> Expression:
        """Packets with the TCP flag psh set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def src_to_dst_retransmitted_pkts(self) -> Expression:
        """TCP segments that were sent again, fast and spurious retransmissions included, keep-alives and window
        probes not; null for other protocols. Type int, in packets. Needs the option tcp_analysis.
        """

    @property
    def src_to_dst_rst_pkts(self) -> Expression:
        """Packets with the TCP flag rst set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def src_to_dst_size_max(self) -> Expression:
        """The largest packet on the wire (IPFIX 26 is its IP length); null without packets. Type int, in bytes.
        Needs the option statistics.
        """

    @property
    def src_to_dst_size_mean(self) -> Expression:
        """Arithmetic mean of the packets' sizes on the wire; null without packets. Type float, in bytes. Needs
        the option statistics.
        """

    @property
    def src_to_dst_size_min(self) -> Expression:
        """The smallest packet on the wire (IPFIX 25 is its IP length); null without packets. Type int, in
        bytes. Needs the option statistics.
        """

    @property
    def src_to_dst_size_stddev(self) -> Expression:
        """Sample standard deviation (n - 1) of the sizes; 0 of one packet, null without packets. Type float, in
        bytes. Needs the option statistics.
        """

    @property
    def src_to_dst_start_time(self) -> Expression:
        """The smallest stamp of this direction (IPFIX 156); null without packets. Type int, nanoseconds since
        1970 UTC.
        """

    @property
    def src_to_dst_syn_pkts(self) -> Expression:
        """Packets with the TCP flag syn set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def src_to_dst_tcp_initial_window(self) -> Expression:
        """The window in SYN or SYN-ACK, which is not scaled (IPFIX 186); null when it was not seen. Type int,
        in bytes. Needs the option tcp_analysis.
        """

    @property
    def src_to_dst_tcp_mss(self) -> Expression:
        """The maximum segment size in SYN or SYN-ACK (RFC 9293); null without the option. Type int, in bytes.
        Needs the option tcp_analysis.
        """

    @property
    def src_to_dst_tcp_window_scale(self) -> Expression:
        """The window scale in SYN or SYN-ACK (RFC 7323, IPFIX 238); null without the option. Type int, in bits.
        Needs the option tcp_analysis.
        """

    @property
    def src_to_dst_transport_bytes(self) -> Expression:
        """Bytes after the IP header and its extension headers. Type int, in bytes."""

    @property
    def src_to_dst_ttl_max(self) -> Expression:
        """The largest TTL or hop limit of this direction (IPFIX 53); null without packets. Type int."""

    @property
    def src_to_dst_ttl_min(self) -> Expression:
        """The smallest TTL or hop limit of this direction (IPFIX 52); null without packets. Type int."""

    @property
    def src_to_dst_urg_pkts(self) -> Expression:
        """Packets with the TCP flag urg set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def src_to_dst_zero_window_pkts(self) -> Expression:
        """TCP segments without SYN, FIN and RST whose window is 0 (IPFIX 186); null for other protocols. Type
        int, in packets. Needs the option tcp_analysis.
        """

    @property
    def ssh_client(self) -> Expression:
        """Version of the SSH client (RFC 4253 section 4.2). Type str. Needs the option application_fields."""

    @property
    def ssh_server(self) -> Expression:
        """Version of the SSH server (RFC 4253 section 4.2). Type str. Needs the option application_fields."""

    @property
    def start_time(self) -> Expression:
        """The smallest stamp of its packets (IPFIX 156). Type int, nanoseconds since 1970 UTC."""

    @property
    def syn_pkts(self) -> Expression:
        """Packets with the TCP flag syn set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def tcp_end_state(self) -> Expression:
        """How the connection ended: fin (from both), fin_src_to_dst or fin_dst_to_src (from one, half closed),
        rst_src_to_dst, rst_dst_to_src, or open; null for other protocols. Type str. Needs the option
        tcp_analysis.
        """

    @property
    def tcp_handshake_rtt(self) -> Expression:
        """From SYN to the ACK that ends the handshake; null when it was not seen. Type int, in nanoseconds.
        Needs the option tcp_analysis.
        """

    @property
    def tls_alpn(self) -> Expression:
        """The protocols that the TLS client offers, with commas between (ALPN, RFC 7301). Type str. Needs the
        option application_fields.
        """

    @property
    def tls_alpn_chosen(self) -> Expression:
        """The protocol that the TLS server chose, where that is in the clear. Type str. Needs the option
        application_fields.
        """

    @property
    def tls_cipher(self) -> Expression:
        """The cipher suite that the TLS server chose (IANA TLS parameters). Type int. Needs the option
        application_fields.
        """

    @property
    def tls_issuer(self) -> Expression:
        """Issuer of the server's certificate (RFC 4514), where it is in the clear. Type str. Needs the option
        application_fields.
        """

    @property
    def tls_not_after(self) -> Expression:
        """Until when the server's certificate is valid. Type int, nanoseconds since 1970 UTC. Needs the option
        application_fields.
        """

    @property
    def tls_not_before(self) -> Expression:
        """Since when the server's certificate is valid. Type int, nanoseconds since 1970 UTC. Needs the option
        application_fields.
        """

    @property
    def tls_subject(self) -> Expression:
        """Subject of the server's certificate (RFC 4514), where it is in the clear. Type str. Needs the option
        application_fields.
        """

    @property
    def tls_version(self) -> Expression:
        """The version that TLS settled on, as TLSv1.3. Type str. Needs the option application_fields."""

    @property
    def transport_bytes(self) -> Expression:
        """Bytes after the IP header and its extension headers. Type int, in bytes."""

    @property
    def truncated(self) -> Expression:
        """Whether of some packet fewer bytes were captured than were on the wire (snaplen). Type bool."""

    @property
    def ttl_max(self) -> Expression:
        """The largest TTL or hop limit (IPFIX 53). Type int."""

    @property
    def ttl_min(self) -> Expression:
        """The smallest TTL or hop limit (IPFIX 52). Type int."""

    @property
    def tunnel(self) -> Expression:
        """Kind of the innermost tunnel: gtp-u, tzsp, capwap, vxlan, geneve, gre, erspan, teredo; null without
        one. Type str.
        """

    @property
    def tunnel_key(self) -> Expression:
        """The innermost tunnel's key in the first packet: TEID, VNI, GRE key, ERSPAN session; null without one.
        Type int.
        """

    @property
    def urg_pkts(self) -> Expression:
        """Packets with the TCP flag urg set (RFC 9293, RFC 3168); 0 for other protocols. Type int, in packets.
        Needs the option statistics.
        """

    @property
    def user_agent(self) -> Expression:
        """User agent of the HTTP or QUIC client. Type str. Needs the option application_fields."""

    @property
    def vlan_id(self) -> Expression:
        """The innermost VLAN id; null without one (IPFIX 58, IEEE 802.1Q). Type int."""

    @property
    def zero_window_pkts(self) -> Expression:
        """TCP segments without SYN, FIN and RST whose window is 0 (IPFIX 186); null for other protocols. Type
        int, in packets. Needs the option tcp_analysis.
        """

@final
class FlowFields(_FlowFields):
    """The columns of a flow's record, as expressions: `flow.src_to_dst_pkts` ...; `dir(flow)` names them.

    Their values are those at the end of the flow; null where the option that turns a column on is off.
    """

    def __dir__(self, /) -> list[str]: ...
    def __reduce__(self) -> str: ...

@final
class When:
    """A choice whose values are still to be said: what `when` gives."""

    def then(self, value: _Operand) -> Then:
        """The value where the condition is true."""

@final
class Then:
    """A choice that lacks its other value: what `when(...).then(...)` gives."""

    def otherwise(self, value: _Operand) -> Expression:
        """The value elsewhere."""

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
        """Set it, to a number from 16 to 255, to end the flow with this packet and this reason; None until then. In
        on_end it is the reason with which the flow ended, and cannot be set.
        """

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

    def _repr_html_(self) -> str:
        """The same for a notebook: HTML in which every text is escaped."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...

@final
class Item:
    """One packet or flow on its way through a pipeline: a mapping, as the documentation of each link lists its fields.

    Fields are made when they are asked for. What is set stays with the item; equality is that of dicts, and a pickled item
    comes back as a plain dict.
    """

    @property
    def packet_num(self) -> int | None:
        """The number of the packet in the whole capture, from 0; None for a flow."""

    @property
    def raw_buf(self) -> bytes | None:
        """The captured bytes of the frame; None for a flow."""

    @property
    def time_ns(self) -> int | None:
        """When the packet was captured, or the flow began, in nanoseconds since the Unix epoch."""

    @property
    def skipped(self) -> str | None:
        """Why decoding refused the packet ("truncated", "not_ip" ...); None when it did not, and for a flow."""

    @property
    def record(self) -> Flow | None:
        """The whole record of a flow, as `Streamer` gives it; None for a packet."""

    def scapy(self) -> Any:
        """The packet as scapy dissects it, with its time in seconds and its length on the wire. Needs scapy, which takes a
        thousand times as long for a packet.

        Raises:
            ImportError: scapy is not installed.
            ValueError: It is a flow.
        """

    def __getitem__(self, key: Any, /) -> Any: ...
    def __setitem__(self, key: Any, value: Any, /) -> None: ...
    def __delitem__(self, key: Any, /) -> None: ...
    def __contains__(self, key: Any, /) -> bool: ...
    def __len__(self, /) -> int: ...
    def __iter__(self, /) -> Iterator[Any]: ...
    def keys(self) -> list[Any]:
        """The names of the fields."""

    def values(self) -> list[Any]:
        """The values of the fields."""

    def items(self) -> list[tuple[Any, Any]]:
        """Names and values."""

    def get(self, key: Any, default: Any = None, /) -> Any:
        """The value of a field, or `default` where there is none."""

    def setdefault(self, key: Any, default: Any = None, /) -> Any:
        """The value of a field, which is set to `default` where there is none."""

    def pop(self, key: Any, *default: Any) -> Any:
        """Take a field out and give its value; `default`, if given, where there is none."""

    def update(self, other: Any = None, /, **kwargs: Any) -> None:
        """Set fields: those of a mapping or of pairs, then the keywords."""

    def to_dict(self) -> dict[Any, Any]:
        """The item as plain dicts, all fields made."""

    def copy(self) -> Item:
        """Another item with the same fields; what is set in one is not set in the other."""

    def __copy__(self) -> Item: ...
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]
    def __reduce__(self) -> tuple[type[dict[Any, Any]], tuple[dict[Any, Any]]]: ...

@final
class PacketLayer:
    """A layer of a packet: a mapping whose fields are read out of the packet's bytes when they are asked for.
    """

    def __getitem__(self, key: Any, /) -> Any: ...
    def __setitem__(self, key: Any, value: Any, /) -> None: ...
    def __delitem__(self, key: Any, /) -> None: ...
    def __contains__(self, key: Any, /) -> bool: ...
    def __len__(self, /) -> int: ...
    def __iter__(self, /) -> Iterator[Any]: ...
    def keys(self) -> list[Any]:
        """The names of the fields."""

    def values(self) -> list[Any]:
        """The values of the fields."""

    def items(self) -> list[tuple[Any, Any]]:
        """Names and values."""

    def get(self, key: Any, default: Any = None, /) -> Any:
        """The value of a field, or `default` where there is none."""

    def setdefault(self, key: Any, default: Any = None, /) -> Any:
        """The value of a field, which is set to `default` where there is none."""

    def pop(self, key: Any, *default: Any) -> Any:
        """Take a field out and give its value; `default`, if given, where there is none."""

    def update(self, other: Any = None, /, **kwargs: Any) -> None:
        """Set fields: those of a mapping or of pairs, then the keywords."""

    def copy(self) -> dict[Any, Any]:
        """A plain dict with the same fields."""

    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]
    def __reduce__(self) -> tuple[type[dict[Any, Any]], tuple[dict[Any, Any]]]: ...

_Native: TypeAlias = PipelinePart | tuple[str, Callable[[Any], Any]]

@final
class PipelinePart:
    """A native part of a pipeline, made anew for every run.
    """

    @staticmethod
    def packet_streamer(source: _Source, bpf: str | None, max_packets: int | None) -> PipelinePart:
        """Frames of whatever a `Streamer` reads."""

    @staticmethod
    def packet_meta(decode_tunnels: bool) -> PipelinePart:
        """Decoding."""

    @staticmethod
    def transport_meta() -> PipelinePart:
        """The transport layer."""

    @staticmethod
    def reverse_dns(
        domain_postfix: str,
        resolver: str | None,
        max_names: int,
        ttl: float,
        negative_ttl: float,
        wait: float | None,
        threads: int,
    ) -> PipelinePart:
        """Names of addresses."""

    @staticmethod
    def dns_meta(ports: Sequence[int], subdomain_length: int, subdomain_entropy: float) -> PipelinePart:
        """DNS messages."""

    @staticmethod
    def tagger() -> PipelinePart:
        """Native tags."""

    @staticmethod
    def flows(
        inactive_timeout: float | None,
        active_timeout: float | None,
        tcp_end: bool,
        capacity: int | None,
        halves: bool,
        statistics: bool,
    ) -> PipelinePart:
        """The flow meter."""

    @staticmethod
    def http_meta(body_limit: int) -> PipelinePart:
        """HTTP messages."""

    @staticmethod
    def tls_meta() -> PipelinePart:
        """TLS records."""

    @staticmethod
    def packet_printer(file: Any, color_output: bool) -> PipelinePart:
        """Blocks of lines."""

    @staticmethod
    def packet_summary(file: Any, color_output: bool) -> PipelinePart:
        """Lines."""

    @staticmethod
    def dns_summary(file: Any, color_output: bool, anomalies: bool) -> PipelinePart:
        """Lines of DNS messages."""

    @staticmethod
    def json_sink(file: Any) -> PipelinePart:
        """Lines of JSON."""

    @staticmethod
    def csv_sink(file: Any) -> PipelinePart:
        """Lines of CSV."""

    @staticmethod
    def export_sink(path: str | PathLike[str], columns: Sequence[str] | None, statistics: bool) -> PipelinePart:
        """Records of flows into a file."""

    @staticmethod
    def branch(ways: Sequence[tuple[str, list[Any]]]) -> PipelinePart:
        """Several ways: names, and the links and the sink of each."""

@final
class TlsRecord:
    """The header of a TLS record.
    """

    @property
    def type(self) -> int:
        """20 change of cipher, 21 alert, 22 handshake, 23 data."""

    @property
    def version(self) -> int:
        """As it stands there: 769 is TLS 1.0, and newer ones say 771."""

    @property
    def length(self) -> int:
        """Bytes behind the header."""

    @property
    def missing(self) -> int:
        """Bytes of those that were not captured."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...

@final
class ItemStream:
    """The items of a run, one after the other.
    """

    def __new__(
        cls, source: PipelinePart | Iterable[Any], links: list[_Native], behind: list[_Native] | None = None
    ) -> ItemStream: ...
    def __iter__(self, /) -> ItemStream: ...
    def __next__(self, /) -> Any: ...
    def counts(self) -> dict[str, Any] | None:
        """What source and links counted so far; None when the stream is over."""

    def close(self) -> None:
        """End the stream."""

def address_label(address: str) -> str | None:
    """The word for an internal or special address; None for one that may have a name."""

def pull(source: PipelinePart | Iterable[Any], links: list[_Native], sink: _Native) -> dict[str, Any]:
    """Pull a run into a sink; give what its parts counted."""

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
class Anonymizer:
    """A way to replace the addresses of flows by others, the same for the same key, so that runs can be joined.

    No two addresses become one. Replaced are the two ends of a flow, the device's part of MAC addresses, texts read out of
    payload that are an address, as answers of DNS, and the address in names such as 1.2.0.192.in-addr.arpa. What else texts
    say, other names above all, stays. Metrics see the addresses of the packets.
    """

    @staticmethod
    def crypto_pan(key: bytes) -> Anonymizer:
        """Crypto-PAn (Xu, Fan, Ammar, Moon 2002), which keeps prefixes: addresses that share so many leading bits share as many
        afterwards.

        Args:
            key: 32 bytes, as other implementations take them.

        Raises:
            ValueError: A key of another length.
        """

    @staticmethod
    def blake2(key: bytes) -> Anonymizer:
        """A permutation made of keyed BLAKE2b (RFC 7693); it keeps no prefixes.

        Args:
            key: 16 to 64 bytes.

        Raises:
            ValueError: A key of another length.
        """

    def address(self, address: object) -> str:
        """What stands for this address.

        Raises:
            ValueError: It is no IPv4 or IPv6 address.
        """

@final
class Report:
    """What became of everything that a run has read so far; bytes are bytes on the wire.

    `str(report)` is one line of JSON, without the source's bytes: it is the same from a file, compressed or not, and a pipe.
    """

    @property
    def frames_read(self) -> int:
        """Frames read from the source."""

    @property
    def bytes_read(self) -> int:
        """Their bytes."""

    @property
    def source_bytes_read(self) -> int | None:
        """Bytes read from the source as they are stored, of all its files together; of a compressed capture, compressed bytes.
        Reading goes on a block at a time, ahead of the frames. None on an interface.
        """

    @property
    def source_bytes(self) -> int | None:
        """How many there are in all; None when that cannot be known before the end: an interface, standard input, a pipe, a
        file object.
        """

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
    def metric_errors(self) -> dict[str, int]:
        """Failures of metrics that were skipped (on_error="skip"), by the metric's name: in as many flows it is None on this
        account. Metrics that did not fail are left out; what the first failure of each says is among the warnings.
        """

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
        user_metrics: Metrics by name: an Expression such as (packet.size > 666).sum(), which runs without Python; a
            callable, called as f(packet_information, flow) for every packet; or a class (or functools.partial of one), of
            which an object is made, without arguments, for every flow and segment of one: its on_start(flow), if it has
            one, is called with the first packet, on_packet(packet_information, flow) for every packet, the first too,
            and what on_end(flow) returns is the metric.
        on_error: What becomes of an exception in a metric: "raise" ends the run with it, after the flows metered so far;
            "skip" makes the metric None in that flow, for which it is not called any more, and counts that in
            report.metric_errors.
        bpf_filter: A BPF expression (man pcap-filter) that frames must match.
        n_dissections: How many packets of a flow nDPI sees; 0 is without nDPI.
        stable_labels: Whether labels are to be independent of the number of workers, which costs time.
        workers: How many threads meter; 0 meters inside the capture thread. None is one less than the processors, at
            least 1; with a callable in user_metrics 1, unless Python runs without its lock.
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
        end_flow_when: An Expression of truth values, or a str that is one: a flow ends with the packet after which it is
            true, with export_reason 16. None ends none.
        keep_flows: An Expression of one truth value of the flow, or a str that is one: flows of which it is not true are
            left out and counted in report.withheld. None keeps all.
        mergeable: Whether flows keep what their expressions folded, so that `merge` can tell them of the whole.
        anonymize: An Anonymizer that replaces the addresses of flows as they leave; None leaves them.
        after: The position where the previous piece of the capture ended; None is the beginning.
        progress: Whether a run shows how far it is, on a terminal or in a notebook: bytes read of all, packets a second,
            flows, and the time left. With tqdm it is its bar, else a line on standard error.

    Raises:
        TypeError: An option of the wrong type, or an expression that does not fit where it stands.
        ValueError: An option out of its range, or a text that is no expression.
    """

    def __new__(
        cls,
        source: _Source,
        *,
        inactive_timeout: float | None = 60,
        active_timeout: float | None = 120,
        capacity: int | None = None,
        user_metrics: Mapping[str, Expression | _Metric] | None = None,
        on_error: Literal["raise", "skip"] = "raise",
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
        end_flow_when: Expression | str | None = None,
        keep_flows: Expression | str | None = None,
        mergeable: bool = False,
        anonymize: Anonymizer | None = None,
        after: Position | None = None,
        progress: bool = False,
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
    def user_metrics(self) -> Mapping[str, Expression | _Metric] | None:
        """The metrics as they were given; later changes of that dict have no effect."""

    @property
    def on_error(self) -> Literal["raise", "skip"]:
        """What becomes of an exception in a metric: "raise" or "skip"."""

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
    def end_flow_when(self) -> Expression | str | None:
        """What ends a flow with the packet after which it is true, as it was given."""

    @property
    def keep_flows(self) -> Expression | str | None:
        """What is true of the flows that are kept, as it was given."""

    @property
    def mergeable(self) -> bool:
        """Whether flows keep what their expressions folded, to be merged."""

    @property
    def anonymize(self) -> Anonymizer | None:
        """What replaces the addresses of flows; None leaves them."""

    @property
    def after(self) -> Position | None:
        """The position where the previous piece of the capture ended; None is the beginning."""

    @property
    def progress(self) -> bool:
        """Whether a run shows how far it is."""

    @property
    def position(self) -> Position | None:
        """Where the latest iteration stopped reading: a `Position` for `after` of a streamer of the next piece; None while
        it goes on, and before any.
        """

    def _repr_html_(self) -> str:
        """The same for a notebook: HTML in which every text is escaped."""

    def __iter__(self, /) -> Flows: ...
    def collect(self, columns: Sequence[str] | None = None) -> FlowTable:
        """Every flow as a row of a `FlowTable`, whose columns have a type also when there are no flows.

        Only what is asked for is metered: options that no wanted column needs are turned off, nDPI included, unless a
        callable in `user_metrics` may look at them.

        Args:
            columns: Names of the columns and metrics wanted, in order; None is all of them.
        """

    def batches(self, rows: int = 65536, columns: Sequence[str] | None = None) -> Batches:
        """Open the source and give an iterator of tables of at most so many flows each: memory stays bounded.

        A table has fewer flows at the end, and when none came for a second.

        A callable in `user_metrics` must yield the same type in every table as in the first.

        Args:
            rows: How many flows are in a table, at least 1.
            columns: Names of the columns and metrics wanted, in order; None is all of them.
        """

    def to_arrow(self, columns: Sequence[str] | None = None) -> pyarrow.Table:
        """Every flow as a row of a pyarrow.Table.

        Args:
            columns: Names of the columns and metrics wanted, in order; None is all of them.
        """

    def to_pandas(
        self, columns: Sequence[str] | None = None, dtype_backend: Literal["numpy", "pyarrow"] = "numpy"
    ) -> pandas.DataFrame:
        """Every flow as a row of a pandas.DataFrame, whose columns have a type also when there are no flows.

        Numbers are numpy's unsigned ints (pandas' nullable ones where a value may be absent), times are
        datetime64[ns, UTC], durations timedelta64[ns]; metrics get the type that fits their values.

        Args:
            columns: Names of the columns and metrics wanted, in order; None is all of them.
            dtype_backend: "numpy" for these types, or "pyarrow" for Arrow's own, which needs pyarrow.
        """

    def to_polars(self, columns: Sequence[str] | None = None) -> polars.DataFrame:
        """Every flow as a row of a polars.DataFrame.

        Args:
            columns: Names of the columns and metrics wanted, in order; None is all of them.
        """

    def to_numpy(self, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """Columns of all flows as numpy arrays by name.

        Ints and bools that may be absent are masked arrays, floats NaN, times and durations NaT; text and lists are
        objects.

        Args:
            columns: Names of the columns and metrics wanted, in order; None is all of them.
        """

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """The stream of Arrow's PyCapsule interface: opens the source, and flows come in batches as they end; a schema that
        is asked for is not heeded.
        """

    def __arrow_c_schema__(self) -> Any:
        """The schema of Arrow's PyCapsule interface; opens nothing.

        Raises:
            ValueError: A callable is in `user_metrics`, whose type is known with the first flows only.
        """

    def to_csv(self, path: _Path | bytes, columns: Sequence[str] | None = None, *, manifest: bool = False) -> int:
        """Write every flow to a CSV file (RFC 4180) with a heading; tell how many there were.

        Times are whole milliseconds since the Unix epoch. A text that a spreadsheet would take for a formula gets an
        apostrophe in front.

        Args:
            path: Where; compressed if its name ends in `.gz` or `.zst`. The file appears under its name when it is complete. If
                the capture turns out to be damaged, the flows before the damage stay in the file of that name with `.part`,
                and the exception has a note of it.
            columns: Names of the columns and metrics wanted, in order; None is all of them.
            manifest: Whether beside it a file of that name with `.manifest.json` says what it was made of, for
                `flowgauge verify`.

        Raises:
            TypeError: `path` is no str, bytes or os.PathLike.
            ValueError: It is empty or a capture of the source, or a name in `columns` is none.
            OSError: It is a directory, or cannot be written.
        """

    def to_json(self, path: _Path | bytes, columns: Sequence[str] | None = None, *, manifest: bool = False) -> int:
        """Write every flow as a line of JSON; tell how many there were.

        Each line is an object (RFC 8259) of all columns by name, as `Flow.to_dict` has them: times are whole milliseconds
        since the Unix epoch. Read it with `pandas.read_json(path, lines=True)` or `polars.read_ndjson`.

        Args:
            path: Where; compressed if its name ends in `.gz` or `.zst`. The file appears under its name when it is complete. If
                the capture turns out to be damaged, the flows before the damage stay in the file of that name with `.part`,
                and the exception has a note of it.
            columns: Names of the columns and metrics wanted, in order; None is all of them.
            manifest: Whether beside it a file of that name with `.manifest.json` says what it was made of, for
                `flowgauge verify`.

        Raises:
            TypeError: `path` is no str, bytes or os.PathLike.
            ValueError: It is empty or a capture of the source, or a name in `columns` is none.
            OSError: It is a directory, or cannot be written.
        """

    def to_ipfix(
        self,
        path: _Path | bytes,
        columns: Sequence[str] | None = None,
        *,
        uniflow: bool = False,
        enterprise_number: int | None = None,
        manifest: bool = False,
    ) -> int:
        """Write every flow to a file of IPFIX (RFC 5655), for nfdump, SiLK and other collectors; tell how many there were.

        A flow is a record of both directions with reverse elements (RFC 5103). The file has the names of applications and, at
        its end, what was sent and ignored. What has no element of IANA's is left out without an `enterprise_number`.

        Args:
            path: Where; compressed if its name ends in `.gz` or `.zst`. The file appears under its name when it is complete. If
                the capture turns out to be damaged, the flows before the damage stay in the file of that name with `.part`,
                and the exception has a note of it.
            columns: Names of the columns and metrics wanted, in order; None is all of them.
            uniflow: Whether each direction that has packets is a record of its own, for readers that look at forward elements
                only.
            enterprise_number: The number that IANA assigned you, for columns and metrics that have no element of the registry;
                None leaves them out.
            manifest: Whether beside it a file of that name with `.manifest.json` says what it was made of, for
                `flowgauge verify`.

        Raises:
            TypeError: `path` is no str, bytes or os.PathLike.
            ValueError: It is empty or a capture of the source, a name in `columns` is none or has no element, or an option
                is out of its range.
            OSError: It is a directory, or cannot be written.
        """

    def to_parquet(self, path: _Path | bytes, columns: Sequence[str] | None = None, *, manifest: bool = False) -> int:
        """Write every flow as a row of a Parquet file; tell how many there were.

        Compressed with Zstandard, a row group for 65,536 flows: memory stays bounded. Types are those of `to_arrow`, with unit
        and description of every column; readers that do not look for Arrow's types see durations as nanoseconds.

        Args:
            path: Where; the file appears under its name when it is complete. If the capture turns out to be damaged, the
                flows before the damage stay in the file of that name with `.part`, and the exception has a note of it.
            columns: Names of the columns and metrics wanted, in order; None is all of them.
            manifest: Whether beside it a file of that name with `.manifest.json` says what it was made of, for
                `flowgauge verify`.

        Raises:
            TypeError: `path` is no str, bytes or os.PathLike.
            ValueError: It is empty, a capture of the source or called as something compressed (as the file is inside), a name
                in `columns` is none, or a callable in `user_metrics` yields another type than in the first 65,536 flows.
            OSError: It is a directory, or cannot be written.
        """

    def to_feather(self, path: _Path | bytes, columns: Sequence[str] | None = None, *, manifest: bool = False) -> int:
        """Write every flow as a row of a Feather file, which is Arrow's own format; tell how many there were.

        Compressed with Zstandard, a batch for 65,536 flows: memory stays bounded. Types are those of `to_arrow`, with unit and
        description of every column. Read it with `pandas.read_feather`, `polars.read_ipc` or `pyarrow.feather`.

        Args:
            path: Where; the file appears under its name when it is complete. If the capture turns out to be damaged, the
                flows before the damage stay in the file of that name with `.part`, and the exception has a note of it.
            columns: Names of the columns and metrics wanted, in order; None is all of them.
            manifest: Whether beside it a file of that name with `.manifest.json` says what it was made of, for
                `flowgauge verify`.

        Raises:
            TypeError: `path` is no str, bytes or os.PathLike.
            ValueError: It is empty, a capture of the source or called as something compressed (as the file is inside), a name
                in `columns` is none, or a callable in `user_metrics` yields another type than in the first 65,536 flows.
            OSError: It is a directory, or cannot be written.
        """

@final
class FlowTable:
    """Flows as columns, in Arrow's format: what `Streamer.collect` gives.

    Whoever speaks the Arrow PyCapsule interface takes it without a copy: `pyarrow.table(table)`, `polars.DataFrame(table)`,
    `duckdb.sql("select * from table")`. Nothing can be changed in it.
    """

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """The stream of Arrow's PyCapsule interface; a schema that is asked for is not heeded."""

    def __arrow_c_schema__(self) -> Any:
        """The schema of Arrow's PyCapsule interface."""

    def _repr_html_(self) -> str:
        """The same for a notebook: HTML in which every text is escaped."""

    def __len__(self, /) -> int: ...
    @property
    def columns(self) -> list[str]:
        """Names of the columns, then of the metrics."""

    @property
    def schema(self) -> dict[str, str]:
        """What each column holds by its name, in the words of `Column.type`; metrics may also be bytes, null, or json."""

    def select(self, columns: Sequence[str]) -> FlowTable:
        """The columns of these names, in this order, as a table that shares their memory."""

    def to_arrow(self) -> pyarrow.Table:
        """A pyarrow.Table that shares the memory."""

    def to_pandas(
        self, columns: Sequence[str] | None = None, dtype_backend: Literal["numpy", "pyarrow"] = "numpy"
    ) -> pandas.DataFrame:
        """A pandas.DataFrame, with a copy of what it holds.

        Args:
            columns: Names of the columns and metrics wanted, in order; None is all of them.
            dtype_backend: "numpy", with pandas' nullable types where a value may be absent, or "pyarrow", which needs
                pyarrow and shares the memory.
        """

    def to_polars(self) -> polars.DataFrame:
        """A polars.DataFrame."""

    def to_numpy(self, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """Columns as numpy arrays by name; numbers without nulls share the memory and cannot be changed.

        Ints and bools that may be absent are masked arrays, floats NaN, times and durations NaT; text and lists are
        objects.

        Args:
            columns: Names of the columns and metrics wanted, in order; None is all of them.
        """

@final
class Batches:
    """Tables of flows, as the flows end; what `Streamer.batches` gives.

    An exception comes once, after the last table. Leaving it, by `break`, `close()`, the end of a `with` block or garbage
    collection, stops the run.
    """

    def __iter__(self, /) -> Batches: ...
    def __next__(self, /) -> FlowTable: ...
    def close(self) -> None:
        """Stop the run and wait for its threads, a second at most; flows not taken stay in the report as living."""

    def __enter__(self, /) -> Batches: ...
    def __exit__(self, /, *_exception: object) -> None: ...

@final
class Memory:
    """Numbers in memory, for numpy.asarray."""

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """Where it lies and what it holds, as numpy wants to know."""
