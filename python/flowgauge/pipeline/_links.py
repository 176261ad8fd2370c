"""Native links."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .._native import PipelinePart
from ._parts import Link, Native

__all__ = ["DNSMeta", "Flows", "HTTPMeta", "PacketMeta", "PacketTags", "ReverseDNS", "TLSMeta", "Tagger", "TransportMeta"]


class _Native(Link):
    _part: PipelinePart

    def _natives(self) -> list[Native] | None:
        return [self._part]

    def process(self, item: Any) -> Any:
        raise RuntimeError(f"{type(self).__name__} runs in Rust, as part of a pipeline: link it")


class PacketMeta(_Native):
    """Decodes packets: {timestamp, eth, packet, transport, application}, of which transport and application are None yet.

    Any frame is an item; one that decoding refuses says why in item.skipped, and is counted.

    Args:
        decode_tunnels: Whether `packet` is what a tunnel carries.
    """

    def __init__(self, *, decode_tunnels: bool = True) -> None:
        self._part = PipelinePart.packet_meta(decode_tunnels)


class TransportMeta(_Native):
    """Tells the transport layer of packets: item["transport"], None where there is none."""

    def __init__(self) -> None:
        self._part = PipelinePart.transport_meta()


class ReverseDNS(_Native):
    """Gives packets the domains of both ends: item["packet"]["src_domain"] and "dst_domain".

    They are a word for internal and special addresses (internal, loopback, link_local, multicast_dns, multicast, broadcast,
    reserved), a name that a DNS answer in the capture told, a name from the resolver, "nxdomain" where that says there is
    none, and None as long as nobody knows. Lookups are made in the background.

    Args:
        domain_postfix: What follows src and dst in the names of the fields.
        resolver: "system"; the address of a DNS server such as "127.0.0.1:5353"; or None, and no lookup leaves the machine.
        max_names: How many answers are remembered.
        ttl: Seconds, by the time of the capture, for which a name is believed.
        negative_ttl: Likewise for which it is believed that there is none.
        wait: Seconds that the packets of a batch wait for their names at most; None is 1 for files and 0 on an interface.
        threads: How many lookups are made at a time.
    """

    def __init__(
        self,
        domain_postfix: str = "_domain",
        *,
        resolver: str | None = "system",
        max_names: int = 1000,
        ttl: float = 600.0,
        negative_ttl: float = 60.0,
        wait: float | None = None,
        threads: int = 4,
    ) -> None:
        self._part = PipelinePart.reverse_dns(domain_postfix, resolver, max_names, ttl, negative_ttl, wait, threads)


class DNSMeta(_Native):
    """Reads the DNS messages of packets: item["dns"], None where there is none. Over TCP a packet has the messages that it
    completes.

    It has identification, flags, counts, queries, answers (answers, name_servers, additional), and weird, where something
    is: zero, truncated, opcode, query_type, query_class, answer_type, answer_class, questions, no_question,
    answers_in_query, subdomain with subdomain_length and subdomain_entropy, malformed.

    Args:
        ports: Where DNS is spoken, over UDP and TCP: DNS, mDNS and LLMNR.
        subdomain_length: Subdomains with more characters than this are looked at.
        subdomain_entropy: Those with a higher entropy, in bits a character, are weird.
    """

    def __init__(
        self, *, ports: Iterable[int] = (53, 5353, 5355), subdomain_length: int = 35, subdomain_entropy: float = 3.5
    ) -> None:
        self._part = PipelinePart.dns_meta(list(ports), subdomain_length, subdomain_entropy)


class Tagger(_Native):
    """Gives packets tags: item["tags"], a set of "outgoing", "incoming" or "internal", "nxdomain", and what functions tell.

    Args:
        add_tag_methods: Functions of an item that give a tag or None.
    """

    def __init__(self, add_tag_methods: Iterable[Callable[[Any], str | None]] | None = None) -> None:
        self._part = PipelinePart.tagger()
        self._functions = list(add_tag_methods or ())
        for function in self._functions:
            if not callable(function):
                raise RuntimeError(f"add_tag_methods must be functions of an item, not {type(function).__name__}")

    def add_tag_method(self, function: Callable[[Any], str | None]) -> None:
        """Add a function of an item that gives a tag or None."""
        self._functions.append(function)

    def _natives(self) -> list[Native] | None:
        return [self._part, ("Tagger", self._tag)] if self._functions else [self._part]

    def _tag(self, item: Any) -> Any:
        for function in self._functions:
            tag = function(item)
            if tag is not None:
                item.setdefault("tags", set()).add(tag)
        return item


PacketTags = Tagger


class Flows(_Native):
    """Meters packets into flows, by packet time: the same at any speed. Packets do not go on.

    An item has flow_id, src, dst, src_domain, dst_domain, sport, dport, protocol, direction ("CTS" when src is the client,
    "STC" when it is the server), start, end, state ("partial", "partial_syn", "complete"), packets and bytes; item.record is
    the whole record.

    Args:
        inactive_timeout: Seconds of silence that end a flow; None never.
        active_timeout: Age in seconds at which a flow is cut; None never.
        tcp_end: Whether FIN in both directions, or RST, ends a flow.
        capacity: Flows that may live at once; at the bound the one nearest its end leaves. None: as many as there are.
        halves: Whether each direction is an item of its own.
        statistics: Whether records have statistics of sizes, gaps and TCP flags.
    """

    def __init__(
        self,
        *,
        inactive_timeout: float | None = 60.0,
        active_timeout: float | None = 120.0,
        tcp_end: bool = False,
        capacity: int | None = 1_000_000,
        halves: bool = False,
        statistics: bool = False,
    ) -> None:
        self._part = PipelinePart.flows(inactive_timeout, active_timeout, tcp_end, capacity, halves, statistics)


class HTTPMeta(_Native):
    """Tells HTTP/1 messages, over real reassembly: item["http"], None or the first message that the packet completes, and
    item["http_messages"], all of them.

    A message is {"type": "HTTP_REQUEST" or "HTTP_RESPONSE", "data": {...}} with method, uri (decoded), target (as it was sent)
    or status, reason; version, headers (lower-case names; a list where a name comes again), body (its first body_limit
    bytes), data (always empty), body_len, payload_len, missing (bytes that were not captured), complete, weird, timestamp.
    Behind Flows it is the flows that have the messages of their packets, also where links of your own stand between.

    Args:
        body_limit: Bytes of each body that are kept; the rest is counted.
    """

    def __init__(self, body_limit: int = 65536) -> None:
        self._part = PipelinePart.http_meta(body_limit)


class TLSMeta(_Native):
    """Tells TLS records: item["tls"], None or {"type": "TLS_CTS" or "TLS_STC", "data": {...}} for the records that the packet
    completes, and item["tls_directions"], a list of these for each direction.

    The data has tls_records (each with type, version, length, missing), incomplete (a record that was cut at the end), count
    (records of the direction so far), end (whether nothing more comes), and what the hellos told: sni, version, alpn,
    alpn_chosen, ja3, ja3s, ja4, cipher (its number). Behind Flows it is the flows that have the records of their packets.
    """

    def __init__(self) -> None:
        self._part = PipelinePart.tls_meta()
