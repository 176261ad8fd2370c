"""The compiled part of `flowgauge.nfstream`."""

from collections.abc import Iterator
from typing import Any, ClassVar, final

from .._native import Report
from .plugin import NFPlugin

__all__ = ["NFColumn", "NFFlows", "NFPacket", "NFlow", "nfstream_columns"]

def nfstream_columns() -> list[NFColumn]:
    """The columns that a flow may have, in nfstream's order."""

@final
class NFColumn:
    @property
    def name(self) -> str:
        """The name of the column."""

    @property
    def type(self) -> str:
        """The type of its values: int, float, str or list (of int)."""

    @property
    def group(self) -> str:
        """What has to be asked for: core (nothing), tunnel, statistics, splt or application."""

    @property
    def doc(self) -> str:
        """What it is, with the unit."""

    def __get__(self, flow: object, _class: object = None, /) -> Any: ...
    def __set__(self, flow: object, value: object, /) -> None: ...
    def __delete__(self, flow: object, /) -> None: ...

@final
class NFPacket:
    """One packet of a flow, with nfstream's names: what plugins are called with. It may be kept."""

    _fields: ClassVar[tuple[str, ...]]

    @property
    def time(self) -> int:
        """When it was captured, in milliseconds since the Unix epoch; never before the packet that was captured
        before it.
        """

    @property
    def delta_time(self) -> int:
        """Milliseconds since the packet before it in its flow; 0 for the first one."""

    @property
    def direction(self) -> int:
        """0 from source to destination, as the flow's first packet; 1 against it."""

    @property
    def raw_size(self) -> int:
        """Bytes on the wire, link header and padding included."""

    @property
    def ip_size(self) -> int:
        """Bytes of the innermost IP packet, its header included."""

    @property
    def transport_size(self) -> int:
        """Bytes after the IP headers; 0 for anything but TCP, UDP, ICMP and ICMPv6."""

    @property
    def payload_size(self) -> int:
        """Bytes after the transport header; 0 for anything but TCP, UDP, ICMP and ICMPv6."""

    @property
    def src_ip(self) -> str:
        """Source address of the innermost IP header."""

    @property
    def src_mac(self) -> str:
        """MAC address of the flow's end that sent the packet; zeros when the link has none."""

    @property
    def src_oui(self) -> str:
        """The part of src_mac that names the maker."""

    @property
    def dst_ip(self) -> str:
        """Destination address of the innermost IP header."""

    @property
    def dst_mac(self) -> str:
        """MAC address of the flow's end that the packet goes to; zeros when the link has none."""

    @property
    def dst_oui(self) -> str:
        """The part of dst_mac that names the maker."""

    @property
    def src_port(self) -> int:
        """Source port; 0 for anything but TCP and UDP."""

    @property
    def dst_port(self) -> int:
        """Destination port; 0 for anything but TCP and UDP."""

    @property
    def protocol(self) -> int:
        """IP protocol number, after extension headers (IANA numbers)."""

    @property
    def vlan_id(self) -> int:
        """The innermost VLAN id; 0 without a tag."""

    @property
    def ip_version(self) -> int:
        """4 or 6, of the innermost IP header."""

    @property
    def ip_packet(self) -> bytes:
        """The captured bytes of the innermost IP packet, header first, without link padding; made when asked
        for.
        """

    @property
    def syn(self) -> int:
        """TCP flag SYN, 0 or 1; 0 for other protocols, as are all flags."""

    @property
    def cwr(self) -> int:
        """TCP flag CWR, 0 or 1."""

    @property
    def ece(self) -> int:
        """TCP flag ECE, 0 or 1."""

    @property
    def urg(self) -> int:
        """TCP flag URG, 0 or 1."""

    @property
    def ack(self) -> int:
        """TCP flag ACK, 0 or 1."""

    @property
    def psh(self) -> int:
        """TCP flag PSH, 0 or 1."""

    @property
    def rst(self) -> int:
        """TCP flag RST, 0 or 1."""

    @property
    def fin(self) -> int:
        """TCP flag FIN, 0 or 1."""

    @property
    def tunnel_id(self) -> int:
        """Kind of tunnel that it came out of: 0 none, 1 GTP-U, 2 CAPWAP, 3 TZSP."""

    def _asdict(self) -> dict[str, Any]:
        """The attributes as a dict, as a namedtuple gives them."""

    def __len__(self, /) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...
    def __iter__(self, /) -> Iterator[Any]: ...

@final
class NFlow:
    """A flow, with nfstream's names: every column that was asked for is an attribute.

    The same object is handed to all calls of the plugins and then to whoever iterates. What a plugin sets stays as it
    was set.
    """

    @property
    def id(self) -> int:
        """Number of the flow among those handed out, from 0; in a plugin the number of the flow's first frame.
        """

    @property
    def expiration_id(self) -> int:
        """Why the flow ended: 0 idle or the end of the source, 1 active timeout, -1 a plugin asked for it."""

    @expiration_id.setter
    def expiration_id(self, value: int, /) -> None: ...

    @property
    def src_ip(self) -> str:
        """Address of the sender of the flow's first packet."""

    @property
    def src_mac(self) -> str:
        """Its MAC address in the first packet; zeros when the link has none."""

    @property
    def src_oui(self) -> str:
        """The part of src_mac that names the maker."""

    @property
    def src_port(self) -> int:
        """Port of the sender; 0 for anything but TCP and UDP."""

    @property
    def dst_ip(self) -> str:
        """Address of the receiver of the flow's first packet."""

    @property
    def dst_mac(self) -> str:
        """Its MAC address in the first packet; zeros when the link has none."""

    @property
    def dst_oui(self) -> str:
        """The part of dst_mac that names the maker."""

    @property
    def dst_port(self) -> int:
        """Port of the receiver; 0 for anything but TCP and UDP."""

    @property
    def protocol(self) -> int:
        """IP protocol number, after extension headers (IANA numbers)."""

    @property
    def ip_version(self) -> int:
        """4 or 6, of the innermost IP header."""

    @property
    def vlan_id(self) -> int:
        """The innermost VLAN id; 0 without a tag."""

    @property
    def tunnel_id(self) -> int:
        """Kind of tunnel: 0 none, 1 GTP-U, 2 CAPWAP, 3 TZSP."""

    @property
    def bidirectional_first_seen_ms(self) -> int:
        """Stamp of the first packet of both directions, in milliseconds since the Unix epoch; 0 without one."""

    @property
    def bidirectional_last_seen_ms(self) -> int:
        """Stamp of the last packet of both directions, in milliseconds since the Unix epoch; 0 without one."""

    @property
    def bidirectional_duration_ms(self) -> int:
        """From the first packet of both directions to the last, in milliseconds."""

    @property
    def bidirectional_packets(self) -> int:
        """Packets of both directions."""

    @property
    def bidirectional_bytes(self) -> int:
        """Bytes of both directions, of the layer that accounting_mode says."""

    @property
    def src2dst_first_seen_ms(self) -> int:
        """Stamp of the first packet from source to destination, in milliseconds since the Unix epoch; 0 without
        one.
        """

    @property
    def src2dst_last_seen_ms(self) -> int:
        """Stamp of the last packet from source to destination, in milliseconds since the Unix epoch; 0 without
        one.
        """

    @property
    def src2dst_duration_ms(self) -> int:
        """From the first packet from source to destination to the last, in milliseconds."""

    @property
    def src2dst_packets(self) -> int:
        """Packets from source to destination."""

    @property
    def src2dst_bytes(self) -> int:
        """Bytes from source to destination, of the layer that accounting_mode says."""

    @property
    def dst2src_first_seen_ms(self) -> int:
        """Stamp of the first packet from destination to source, in milliseconds since the Unix epoch; 0 without
        one.
        """

    @property
    def dst2src_last_seen_ms(self) -> int:
        """Stamp of the last packet from destination to source, in milliseconds since the Unix epoch; 0 without
        one.
        """

    @property
    def dst2src_duration_ms(self) -> int:
        """From the first packet from destination to source to the last, in milliseconds."""

    @property
    def dst2src_packets(self) -> int:
        """Packets from destination to source."""

    @property
    def dst2src_bytes(self) -> int:
        """Bytes from destination to source, of the layer that accounting_mode says."""

    @property
    def bidirectional_min_ps(self) -> int:
        """The smallest packet of both directions, in bytes as accounting_mode says."""

    @property
    def bidirectional_mean_ps(self) -> float:
        """The mean size of packets of both directions, in bytes."""

    @property
    def bidirectional_stddev_ps(self) -> float:
        """The sample standard deviation of sizes of packets of both directions, in bytes."""

    @property
    def bidirectional_max_ps(self) -> int:
        """The largest packet of both directions, in bytes as accounting_mode says."""

    @property
    def src2dst_min_ps(self) -> int:
        """The smallest packet from source to destination, in bytes as accounting_mode says."""

    @property
    def src2dst_mean_ps(self) -> float:
        """The mean size of packets from source to destination, in bytes."""

    @property
    def src2dst_stddev_ps(self) -> float:
        """The sample standard deviation of sizes of packets from source to destination, in bytes."""

    @property
    def src2dst_max_ps(self) -> int:
        """The largest packet from source to destination, in bytes as accounting_mode says."""

    @property
    def dst2src_min_ps(self) -> int:
        """The smallest packet from destination to source, in bytes as accounting_mode says."""

    @property
    def dst2src_mean_ps(self) -> float:
        """The mean size of packets from destination to source, in bytes."""

    @property
    def dst2src_stddev_ps(self) -> float:
        """The sample standard deviation of sizes of packets from destination to source, in bytes."""

    @property
    def dst2src_max_ps(self) -> int:
        """The largest packet from destination to source, in bytes as accounting_mode says."""

    @property
    def bidirectional_min_piat_ms(self) -> int:
        """The shortest time between two packets of any direction, in milliseconds."""

    @property
    def bidirectional_mean_piat_ms(self) -> float:
        """The mean time between two packets of any direction, in milliseconds."""

    @property
    def bidirectional_stddev_piat_ms(self) -> float:
        """The sample standard deviation of times between two packets of any direction, in milliseconds."""

    @property
    def bidirectional_max_piat_ms(self) -> int:
        """The longest time between two packets of any direction, in milliseconds."""

    @property
    def src2dst_min_piat_ms(self) -> int:
        """The shortest time between two packets from source to destination, in milliseconds."""

    @property
    def src2dst_mean_piat_ms(self) -> float:
        """The mean time between two packets from source to destination, in milliseconds."""

    @property
    def src2dst_stddev_piat_ms(self) -> float:
        """The sample standard deviation of times between two packets from source to destination, in
        milliseconds.
        """

    @property
    def src2dst_max_piat_ms(self) -> int:
        """The longest time between two packets from source to destination, in milliseconds."""

    @property
    def dst2src_min_piat_ms(self) -> int:
        """The shortest time between two packets from destination to source, in milliseconds."""

    @property
    def dst2src_mean_piat_ms(self) -> float:
        """The mean time between two packets from destination to source, in milliseconds."""

    @property
    def dst2src_stddev_piat_ms(self) -> float:
        """The sample standard deviation of times between two packets from destination to source, in
        milliseconds.
        """

    @property
    def dst2src_max_piat_ms(self) -> int:
        """The longest time between two packets from destination to source, in milliseconds."""

    @property
    def bidirectional_syn_packets(self) -> int:
        """Packets of both directions with the TCP flag syn."""

    @property
    def bidirectional_cwr_packets(self) -> int:
        """Packets of both directions with the TCP flag cwr."""

    @property
    def bidirectional_ece_packets(self) -> int:
        """Packets of both directions with the TCP flag ece."""

    @property
    def bidirectional_urg_packets(self) -> int:
        """Packets of both directions with the TCP flag urg."""

    @property
    def bidirectional_ack_packets(self) -> int:
        """Packets of both directions with the TCP flag ack."""

    @property
    def bidirectional_psh_packets(self) -> int:
        """Packets of both directions with the TCP flag psh."""

    @property
    def bidirectional_rst_packets(self) -> int:
        """Packets of both directions with the TCP flag rst."""

    @property
    def bidirectional_fin_packets(self) -> int:
        """Packets of both directions with the TCP flag fin."""

    @property
    def src2dst_syn_packets(self) -> int:
        """Packets from source to destination with the TCP flag syn."""

    @property
    def src2dst_cwr_packets(self) -> int:
        """Packets from source to destination with the TCP flag cwr."""

    @property
    def src2dst_ece_packets(self) -> int:
        """Packets from source to destination with the TCP flag ece."""

    @property
    def src2dst_urg_packets(self) -> int:
        """Packets from source to destination with the TCP flag urg."""

    @property
    def src2dst_ack_packets(self) -> int:
        """Packets from source to destination with the TCP flag ack."""

    @property
    def src2dst_psh_packets(self) -> int:
        """Packets from source to destination with the TCP flag psh."""

    @property
    def src2dst_rst_packets(self) -> int:
        """Packets from source to destination with the TCP flag rst."""

    @property
    def src2dst_fin_packets(self) -> int:
        """Packets from source to destination with the TCP flag fin."""

    @property
    def dst2src_syn_packets(self) -> int:
        """Packets from destination to source with the TCP flag syn."""

    @property
    def dst2src_cwr_packets(self) -> int:
        """Packets from destination to source with the TCP flag cwr."""

    @property
    def dst2src_ece_packets(self) -> int:
        """Packets from destination to source with the TCP flag ece."""

    @property
    def dst2src_urg_packets(self) -> int:
        """Packets from destination to source with the TCP flag urg."""

    @property
    def dst2src_ack_packets(self) -> int:
        """Packets from destination to source with the TCP flag ack."""

    @property
    def dst2src_psh_packets(self) -> int:
        """Packets from destination to source with the TCP flag psh."""

    @property
    def dst2src_rst_packets(self) -> int:
        """Packets from destination to source with the TCP flag rst."""

    @property
    def dst2src_fin_packets(self) -> int:
        """Packets from destination to source with the TCP flag fin."""

    @property
    def splt_direction(self) -> list[int]:
        """Directions of the first packets: 0 from source to destination, 1 back; -1 where there is none."""

    @property
    def splt_ps(self) -> list[int]:
        """Sizes of the first packets in bytes, as accounting_mode says; -1 where there is none."""

    @property
    def splt_piat_ms(self) -> list[int]:
        """Milliseconds since the packet before, of any direction, for the first packets; -1 where there is
        none.
        """

    @property
    def application_name(self) -> str:
        """The application as nDPI names it; Unknown where it does not."""

    @property
    def application_category_name(self) -> str:
        """The application's category in nDPI."""

    @property
    def application_is_guessed(self) -> int:
        """1 when the label comes from ports or addresses alone, else 0."""

    @property
    def application_confidence(self) -> int:
        """What the label rests on: 0 unknown, 1 port, 3 dissection in part, 4 in part from the cache, 5 cache,
        6 dissection, 7 address, 8 aggressive dissection, 9 custom rule.
        """

    @property
    def requested_server_name(self) -> str:
        """Name of the server that was asked for: TLS or QUIC server name, HTTP host, name in a DNS question."""

    @property
    def client_fingerprint(self) -> str:
        """JA4 of a TLS or QUIC client, HASSH of an SSH client, the options that a DHCP client asks for."""

    @property
    def server_fingerprint(self) -> str:
        """JA3S of a TLS server, HASSH of an SSH server."""

    @property
    def user_agent(self) -> str:
        """User agent of HTTP or QUIC."""

    @property
    def content_type(self) -> str:
        """Content type of HTTP."""

    @property
    def udps(self) -> Any:
        """What the plugins keep with the flow: a namespace with any attributes. Without plugins there is none.
        """

    def keys(self) -> list[str]:
        """The names of the columns, in order; those of the plugins' values are `udps.NAME`."""

    def values(self) -> list[Any]:
        """The values of the columns, in the order of `keys()`."""

@final
class NFFlows:
    """The flows of one iteration of an `NFStreamer`, as they end.

    The source is opened when the first flow is asked for. Leaving it, by `break`, `close()` or garbage collection, stops
    the run and its threads.
    """

    def __new__(
        cls,
        source: Any,
        *,
        live: bool,
        decode_tunnels: bool,
        bpf_filter: str | None,
        promiscuous_mode: bool,
        snapshot_length: int,
        socket_buffer_size: int,
        idle_timeout: int,
        active_timeout: int,
        accounting_mode: int,
        plugins: tuple[NFPlugin, ...],
        plugin_base: type[NFPlugin],
        n_dissections: int,
        statistical_analysis: bool,
        splt_analysis: int,
        workers: int | None,
        max_nflows: int,
    ) -> NFFlows: ...
    def __iter__(self, /) -> NFFlows: ...
    def __next__(self, /) -> NFlow: ...
    def collect(self) -> list[tuple[str, str, Any]]:
        """Iterate to the end and give the columns: of each its name, its type (`int`, `float`, `str`, `list`, or `any` for a
        plugin's values), and its values: the bytes of numbers of 64 bits in the machine's order, or a list.
        """

    @property
    def columns(self) -> list[str]:
        """The names of the columns that every flow has, in order."""

    @property
    def begun(self) -> bool:
        """Whether a flow was asked for, and with it the capture began."""

    @property
    def over(self) -> bool:
        """Whether there will be no more flows."""

    @property
    def report(self) -> Report:
        """What became of everything read so far: a `Report`."""

    def close(self) -> None:
        """Stop the run, wait for its threads, and call the plugins' `cleanup`; flows not taken are lost."""
