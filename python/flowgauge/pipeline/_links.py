"""Native links."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .._native import PipelinePart
from ._parts import Link, Native

__all__ = ["Flows", "PacketMeta", "PacketTags", "ReverseDNS", "Tagger", "TransportMeta"]


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

    They are a word for internal and special addresses (internal, loopback, link_local, multicast_dns, multicast, broadcast),
    a name that a DNS answer in the capture told, a name from the resolver, "nxdomain" where that says there is none, and None
    as long as nobody knows. Lookups are made in the background.

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
