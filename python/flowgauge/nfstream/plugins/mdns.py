"""Names that hosts announce by multicast DNS (RFC 6762)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plugin import NFPlugin
from ._udp import payload

if TYPE_CHECKING:
    from ..native import NFlow, NFPacket

__all__ = ["MDNS"]


class MDNS(NFPlugin):
    """The PTR answers in packets to port 5353.

    `flow.udps.mdns_ptr` is the list of their names, each once, in the order in which they came; commas become spaces. At
    most 1,000 names of a flow are kept.
    """

    def on_init(self, packet: NFPacket, flow: NFlow) -> None:
        flow.udps.mdns_ptr = []
        self.on_update(packet, flow)

    def on_update(self, packet: NFPacket, flow: NFlow) -> None:
        if packet.dst_port != PORT:
            return
        known = flow.udps.mdns_ptr
        for name in pointers(payload(packet)):
            if len(known) >= MOST_NAMES:
                return
            name = name.replace(",", " ")
            if name not in known:
                known.append(name)


def pointers(message: bytes) -> list[str]:
    """The names that PTR answers of a DNS message point to (RFC 1035); as far as the message can be read."""
    if len(message) < HEADER or not message[2] & RESPONSE:
        return []
    questions, answers = number(message, 4), number(message, 6)
    names: list[str] = []
    at = HEADER
    for _ in range(questions):
        end = skip_name(message, at)
        if end is None:
            return names
        at = end + 4
    for _ in range(answers):
        end = skip_name(message, at)
        if end is None or end + 10 > len(message):
            return names
        size = number(message, end + 8)
        if number(message, end) == PTR:
            name = read_name(message, end + 10)
            if name:
                names.append(name)
        at = end + 10 + size
    return names


def skip_name(message: bytes, at: int) -> int | None:
    """Where what follows a name begins; None when the message ends before."""
    while at < len(message):
        length = message[at]
        if length == 0:
            return at + 1
        if length & POINTER == POINTER:
            return at + 2
        if length & POINTER:
            return None
        at += 1 + length
    return None


def read_name(message: bytes, at: int) -> str | None:
    """The name at this place, its labels joined by dots; None when it cannot be read."""
    labels: list[str] = []
    size = 0
    jumps_left = MOST_JUMPS
    while at < len(message):
        length = message[at]
        if length == 0:
            return ".".join(labels)
        if length & POINTER == POINTER:
            if at + 2 > len(message) or not jumps_left:
                return None
            jumps_left -= 1
            at = number(message, at) & 0x3FFF
            continue
        label = message[at + 1 : at + 1 + length]
        size += 1 + length
        if length & POINTER or len(label) < length or size > MOST_CHARACTERS:
            return None
        labels.append(label.decode("utf-8", "replace"))
        at += 1 + length
    return None


def number(message: bytes, at: int) -> int:
    return int.from_bytes(message[at : at + 2], "big")


PORT = 5353
HEADER = 12
RESPONSE = 0x80
PTR = 12
POINTER = 0xC0
# RFC 1035 section 2.3.4.
MOST_CHARACTERS = 255
# A name has at most 127 labels, so more jumps than that only go in circles.
MOST_JUMPS = 127
MOST_NAMES = 1000
