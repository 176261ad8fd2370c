"""Sources of a view: what may be read, and what it is called."""

from __future__ import annotations

import io
import os
import socket
from typing import Any

__all__ = ["check", "is_interface", "name"]

NONE_OF_THESE = "Please specify a pcap file path or a valid network interface name as source."


def check(source: Any, _text: str) -> Any:
    """A file, an interface, several files; and what nfstream does not read: "-", a FIFO, bytes, a binary file object."""
    if isinstance(source, list):
        if not source:
            raise ValueError("Please provide a non-empty list of sources.")
        for index, path in enumerate(source):
            if not is_path(path) or not is_readable(path):
                raise ValueError(f"Invalid pcap file path at index: {index}.")
        # A copy, so that neither side sees what the other does to its list.
        return list(source)
    if is_path(source):
        if source == "-" or is_readable(source) or is_interface(source):
            return source
    elif isinstance(source, (bytes, bytearray, memoryview)):
        return source
    elif hasattr(source, "read") and not isinstance(source, io.TextIOBase):
        return source
    raise ValueError(NONE_OF_THESE)


def is_interface(source: Any) -> bool:
    """Whether this is captured from, rather than read."""
    return (
        isinstance(source, str)
        and source != "-"
        and not os.path.exists(source)
        and (source == "any" or source in (name for _, name in socket.if_nameindex()))
    )


def name(source: Any) -> str | None:
    """What files are named after: the first file, or the interface; None when the source has no name."""
    first = source[0] if isinstance(source, list) else source
    return os.fsdecode(first) if is_path(first) and first != "-" else None


def is_path(source: Any) -> bool:
    return isinstance(source, (str, os.PathLike))


def is_readable(path: Any) -> bool:
    """A file, or something that is read like one: a FIFO, or `/dev/stdin`."""
    try:
        return os.path.exists(path) and not os.path.isdir(path)
    except ValueError:
        # A name with a zero byte in it.
        return False
