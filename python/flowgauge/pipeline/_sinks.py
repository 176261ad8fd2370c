"""Native sinks, and the router."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from .._native import PipelinePart
from ._parts import Link, Native, Part, Sink, Source

__all__ = ["Branch", "CsvSink", "DNSSummary", "ExportSink", "JsonSink", "PacketPrinter", "PacketSummary", "branch"]


class _Native(Sink):
    _part: PipelinePart

    def _natives(self) -> list[Native] | None:
        return [self._part]

    def process(self, item: Any) -> None:
        raise RuntimeError(f"{type(self).__name__} runs in Rust, as part of a pipeline: call pull()")


class _Lines(_Native):
    """Lines for people, perhaps in colour."""

    def __init__(self, color_output: bool = True, *, file: Any = None) -> None:
        self._part = self._made(file, color_output)

    @staticmethod
    def _made(file: Any, color_output: bool) -> PipelinePart:
        raise NotImplementedError


class PacketPrinter(_Lines):
    """Prints a block of lines a packet.

    Args:
        color_output: Whether there is colour on a terminal.
        file: A path, or a file object; None is standard output.
    """

    @staticmethod
    def _made(file: Any, color_output: bool) -> PipelinePart:
        return PipelinePart.packet_printer(file, color_output)


class PacketSummary(_Lines):
    """Prints a line a packet: 2015-09-07 19:08:34 - UDP IP 192.168.1.9(internal)--> 224.0.0.251(multicast_dns).

    Args:
        color_output: Whether there is colour on a terminal.
        file: A path, or a file object; None is standard output.
    """

    @staticmethod
    def _made(file: Any, color_output: bool) -> PipelinePart:
        return PipelinePart.packet_summary(file, color_output)


class DNSSummary(_Native):
    """Prints a line a DNS message that `DNSMeta` found: who asks or answers whom, what, and with what answers.

    Args:
        color_output: Whether there is colour on a terminal.
        anomalies: Whether only messages with something unusual have a line, with what that is.
        file: A path, or a file object; None is standard output.
    """

    def __init__(self, color_output: bool = True, *, anomalies: bool = False, file: Any = None) -> None:
        self._part = PipelinePart.dns_summary(file, color_output, anomalies)


class JsonSink(_Native):
    """Writes a line of JSON an item, with fields that were set by links of your own.

    Args:
        file: A path, or a file object; None is standard output.
    """

    def __init__(self, file: Any = None) -> None:
        self._part = PipelinePart.json_sink(file)


class CsvSink(_Native):
    """Writes a line of CSV a packet, or a flow.

    Args:
        file: A path, or a file object; None is standard output.
    """

    def __init__(self, file: Any = None) -> None:
        self._part = PipelinePart.csv_sink(file)


class ExportSink(_Native):
    """Writes the records of flows, which `Flows` makes, into a file, as `Streamer.to_csv` and its kin do: .csv, .jsonl or
    .ipfix (perhaps with .gz or .zst behind), .parquet, or .arrow, by the end of its name. The file has its name when all is
    there. A flow whose two halves are items is written once.

    Args:
        path: Where to.
        columns: Names of columns, in this order; None is all that there are.
        statistics: Whether there are columns of statistics; `Flows` must make them, or they are empty.

    Raises:
        ValueError: If the name asks for no such form, or there is no such column.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, columns: Iterable[str] | None = None, statistics: bool = False
    ) -> None:
        self._part = PipelinePart.export_sink(path, None if columns is None else list(columns), statistics)


class Branch(_Native):
    """A router: every item goes every way; what is changed on one is seen on no other. Use `branch`."""

    def __init__(self, ways: dict[str, Any]) -> None:
        if not ways:
            raise RuntimeError("a branch needs a way: branch(name=sink), or branch(name=link | sink)")
        self._part = PipelinePart.branch([(name, _way(name, end)) for name, end in ways.items()])


def branch(**ways: Any) -> Branch:
    """A sink that sends every item several ways: each is a sink, links joined to one (`link | sink`), or a function."""
    return Branch(ways)


def _way(name: str, end: Any) -> list[Any]:
    if not isinstance(end, Part):
        if not callable(end):
            raise RuntimeError(f"the way {name!r} must be a sink, links joined to one, or a function, not {type(end).__name__}")
        return [(name, end)]
    if not isinstance(end, Sink):
        raise RuntimeError(f"the way {name!r} ends in {type(end).__name__}, which is no sink: join one to it with |")
    parts: list[Any] = []
    part: Any = end
    seen: list[Any] = []
    while part is not None:
        if any(part is other for other in seen):
            raise RuntimeError(f"{type(part).__name__} in the way {name!r} is linked to itself: a pipeline has no loops")
        seen.append(part)
        natives = part._natives() if isinstance(part, (Link, Sink)) else None
        if natives is None or isinstance(part, Source):
            raise RuntimeError(
                f"{type(part).__name__} cannot be in the way {name!r}: a way has no source, and its links have process(item)"
            )
        parts[:0] = natives
        part = part._upstream
    return parts
