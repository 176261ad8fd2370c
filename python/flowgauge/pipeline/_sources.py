"""Where items come from."""

from __future__ import annotations

from os import path
from typing import Any

from .._native import PipelinePart
from ._parts import Native, Source

__all__ = ["PacketStreamer"]


class PacketStreamer(Source):
    """Packets of whatever a `Streamer` reads, as they are: {timestamp, raw_buf, packet_num}.

    Args:
        source: A capture file (~ is the home directory), "-" for standard input, the name of an interface, a list of files,
            a capture as bytes, or a binary file object. None is the first interface that is not the loopback.
        bpf: A BPF expression that packets must match.
        max_packets: Stop after so many packets that match; None or 0 is all of them.
        iface_name: Another name for source.
    """

    def __init__(
        self, source: Any = None, bpf: str | None = None, max_packets: int | None = None, *, iface_name: Any = None
    ) -> None:
        if source is not None and iface_name is not None:
            raise TypeError("source and iface_name are the same: give one of them")
        source = iface_name if source is None else source
        if source is None:
            source = _first_interface()
        if isinstance(source, str) and source.startswith("~"):
            source = path.expanduser(source)
        self._part = PipelinePart.packet_streamer(source, bpf or None, max_packets or None)

    def _natives(self) -> list[Native] | None:
        return [self._part]


def _first_interface() -> str:
    """The first interface that is not the loopback."""
    import socket

    names = [name for _, name in socket.if_nameindex()]
    if not names:
        raise RuntimeError("there is no network interface: give PacketStreamer a capture file")
    return next((name for name in names if name != "lo"), names[0])
