"""The payload of a UDP packet, out of the bytes of its IP packet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..native import NFPacket

__all__ = ["UDP", "payload"]

UDP = 17
UDP_HEADER = 8


def payload(packet: NFPacket) -> bytes:
    """What follows the UDP header, as far as it was captured.

    The sizes tell where it begins; of a packet that contradicts itself nothing is given.
    """
    start = packet.ip_size - packet.transport_size + UDP_HEADER
    if packet.protocol != UDP or start < UDP_HEADER:
        return b""
    return packet.ip_packet[start : start + packet.payload_size]
