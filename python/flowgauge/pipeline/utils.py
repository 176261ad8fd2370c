"""Small helpers for links of one's own: addresses as text and back, a field by its path, signals."""

from __future__ import annotations

import ipaddress
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from .._native import address_label

__all__ = [
    "get_value",
    "inet_to_str",
    "is_internal",
    "is_special",
    "mac_to_str",
    "signal_catcher",
    "str_to_inet",
    "str_to_mac",
]


def get_value(item: Any, path: str) -> Any:
    """The value at a path of keys with dots between them, as in "packet.src"; None where there is none."""
    for key in path.split("."):
        try:
            item = item[key]
        except (KeyError, TypeError, IndexError):
            return None
    return item


def mac_to_str(mac: bytes) -> str:
    """A MAC address as text: 00:1b:44:11:3a:b7."""
    return mac.hex(":")


def str_to_mac(text: str) -> bytes:
    """The bytes of a MAC address that is written with colons or dashes."""
    mac = bytes.fromhex(text.replace(":", "").replace("-", ""))
    if len(mac) != 6:
        raise ValueError(f"a MAC address has six bytes, as in 00:1b:44:11:3a:b7, not {text!r}")
    return mac


def inet_to_str(address: bytes) -> str:
    """An IPv4 or IPv6 address as text."""
    return str(ipaddress.ip_address(address))


def str_to_inet(text: str) -> bytes:
    """The bytes of an IPv4 or IPv6 address."""
    return ipaddress.ip_address(text).packed


def is_internal(address: str | bytes) -> bool:
    """Whether an address is private or shared (RFC 6890), link-local, or the host's own."""
    return _label(address) in ("internal", "link_local", "loopback")


def is_special(address: str | bytes) -> str | bool:
    """The word for a group, or for everybody on the link: "multicast_dns", "multicast", "broadcast"; else False."""
    label = _label(address)
    return label if label in ("multicast_dns", "multicast", "broadcast") else False


@contextmanager
def signal_catcher(callback: Callable[[], Any]) -> Iterator[None]:
    """Call `callback` when one of SIGINT, SIGQUIT and SIGTERM comes, and then end as Ctrl-C does: with KeyboardInterrupt.

    For the main thread; what was there before is there again afterwards.
    """

    def caught(number: int, frame: FrameType | None) -> None:
        callback()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, caught) for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _label(address: str | bytes) -> str | None:
    return address_label(address if isinstance(address, str) else inet_to_str(address))
