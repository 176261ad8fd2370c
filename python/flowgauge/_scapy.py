"""Packets as scapy has them. Whoever does not ask for them needs no scapy."""

from __future__ import annotations

from typing import Any

__all__ = ["dissect"]


def dissect(raw: bytes, link_type: int, seconds: float, wire_len: int) -> Any:
    """A packet of scapy, as its own readers of captures make it: with time and length on the wire."""
    try:
        # All layers, or what is in a packet would depend on what else was imported.
        from scapy.all import conf  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise ImportError("packet.scapy() needs scapy: pip install scapy") from error
    layer = conf.l2types.num2layer.get(link_type, conf.raw_layer)
    try:
        packet = layer(raw)
    except Exception:
        # As its readers do, of which a broken packet is no error either.
        if conf.debug_dissector:
            raise
        packet = conf.raw_layer(raw)
    packet.time = seconds
    packet.wirelen = wire_len
    return packet
