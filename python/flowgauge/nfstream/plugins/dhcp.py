"""What DHCP clients say of themselves (RFC 2131, RFC 2132)."""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..plugin import NFPlugin
from ._udp import payload

if TYPE_CHECKING:
    from ..native import NFlow, NFPacket

__all__ = ["DHCP", "MsgType"]


class MsgType(enum.Enum):
    """DHCP message types (RFC 2132 section 9.6, RFC 3203, RFC 4388)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8
    FORCERENEW = 9
    LEASEQUERY = 10
    LEASEUNASSIGNED = 11
    LEASEUNKNOWN = 12
    LEASEACTIVE = 13


class DHCP(NFPlugin):
    """Fingerprints of DHCP clients, from packets to port 67.

    Every flow has these on `flow.udps`, None until a message says otherwise: `dhcp_12` (host name), `dhcp_50` (requested
    address), `dhcp_55` (parameter request list: numbers with commas between), `dhcp_57` (maximum message size, an int),
    `dhcp_60` (vendor class), `dhcp_77` (user class), `dhcp_addr` (the address that the client has), `dhcp_msg_type` (the
    latest one, a `MsgType`) and `dhcp_oui` (of the client's hardware address); and `dhcp_options`, a list of the numbers of
    the options in their order. A flow ends with its transaction: with the client's first message that is no DISCOVER.
    """

    def on_init(self, packet: NFPacket, flow: NFlow) -> None:
        for name in NAMES:
            setattr(flow.udps, name, None)
        flow.udps.dhcp_options = []
        self.on_update(packet, flow)

    def on_update(self, packet: NFPacket, flow: NFlow) -> None:
        if packet.dst_port != SERVER_PORT:
            return
        message = payload(packet)
        options = read_options(message)
        kind = KINDS.get(options.get(MESSAGE_TYPE, b""))
        if kind is None:
            return
        udps = flow.udps
        udps.dhcp_msg_type = kind
        udps.dhcp_options = list(options)
        udps.dhcp_addr = address(message[12:16])
        if message[1] == ETHERNET:
            udps.dhcp_oui = message[28:31].hex(":")
        for number, read in READ.items():
            if number in options:
                setattr(udps, f"dhcp_{number}", read(options[number]))
        if kind is not MsgType.DISCOVER:
            flow.expiration_id = -1


def read_options(message: bytes) -> dict[int, bytes]:
    """The options of a DHCP message by number, in their order (RFC 2132); none when it is not one.

    Parts of an option that is given several times are joined (RFC 3396); what is cut is left out.
    """
    options: dict[int, bytes] = {}
    if message[COOKIE_AT:OPTIONS_AT] != COOKIE:
        return options
    at = OPTIONS_AT
    while at < len(message) and message[at] != END:
        if message[at] == PAD:
            at += 1
            continue
        if at + 1 == len(message):
            break
        value = message[at + 2 : at + 2 + message[at + 1]]
        if len(value) < message[at + 1]:
            break
        options[message[at]] = options.get(message[at], b"") + value
        at += 2 + len(value)
    return options


def text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "replace")


def address(value: bytes) -> str | None:
    return str(ipaddress.IPv4Address(value)) if len(value) == 4 else None


def numbers(value: bytes) -> str:
    return ",".join(map(str, value))


def number(value: bytes) -> int | None:
    return int.from_bytes(value, "big") if len(value) == 2 else None


READ: dict[int, Callable[[bytes], str | int | None]] = {
    12: text,
    50: address,
    55: numbers,
    57: number,
    60: text,
    77: text,
}
NAMES = (*(f"dhcp_{number}" for number in READ), "dhcp_addr", "dhcp_msg_type", "dhcp_oui")
KINDS = {bytes([kind.value]): kind for kind in MsgType}
SERVER_PORT = 67
COOKIE_AT = 236
OPTIONS_AT = 240
# RFC 2131 section 3.
COOKIE = b"\x63\x82\x53\x63"
PAD = 0
END = 255
MESSAGE_TYPE = 53
# IANA hardware types.
ETHERNET = 1
