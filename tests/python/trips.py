"""Captures that are metered once and written in every form, for the tests that read them back with somebody else's reader.

What a reader must find are the flows themselves, attribute by attribute: no writer had a hand in those.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from captures import A, B, TCP, UDP, Story, ethernet

import flowgauge
from flowgauge import CaptureError, Expression, Streamer, packet
from flowgauge._native import run_command

ROOT = Path(__file__).resolve().parents[2]

# Every option that adds columns, and a metric of every type that an expression can have.
OPTIONS: dict[str, Any] = {
    "statistics": True, "splt": 4, "tcp_analysis": True, "application_fields": True, "workers": 0,
}  # fmt: skip
METRICS: dict[str, Expression] = {
    "big": (packet.size > 666).sum(),
    "third": packet.payload_size.mean() / 3,
    "sizes": packet.size.first(3),
    "any_syn": packet.tcp_syn.any(),
    "entropy": packet.payload.entropy(),
}
ARGUMENTS = [
    "--statistics", "--splt", "4", "--tcp-analysis", "--application-fields", "-j", "0",
    *(part for name, metric in METRICS.items() for part in ("--metric", f"{name}={metric}")),
]  # fmt: skip

# Texts that mean something to a spreadsheet, a terminal, a reader of CSV or JSON, or HTML, or that are no text.
HOSTILE = [
    b"", b" ", b"=1+1", b"+1", b"-1", b"@SUM(A1)", b"'quoted'", b"'", b'"', b'""', b'a,"b",c', b'=a,"b"', b"\ttab", b"a\tb",
    b" spaced ", "\u009b31m".encode(), "\u202eeht".encode(), "\u2028line\u2029".encode(), "\u0085next".encode(), b"<script>",
    b"\\", b"\\n", b"null", b"NULL", b"NA", b"NaN", b"None", b"nan", b"inf", b"true", b"1", b"1.5", b"007", b"1e5", b"[1]", b"{}",
    b"2020-01-01", "é漢\U0001f600".encode(), "\ufeffbom".encode(), "e\u0301".encode(), b"\xff\xfe", b"\xed\xa0\x80", b"-", b"=",
    b"x" * 300, b";", b"|", b"#", b"%00%0a", b"\x7f", b"a\0b", b"a\x1b[31mb", "\ufffd".encode(),
]  # fmt: skip


def hostile() -> bytes:
    """Texts as user agents and paths of HTTP, and as labels of names that are asked for."""
    story = Story()
    for index, text in enumerate(HOSTILE):
        request = b"GET /" + text + b" HTTP/1.1\r\nHost: a\r\nUser-Agent: " + text + b"\r\n\r\n"
        header = struct.pack("!HHIIBBHHH", 1000 + index, 80, 1, 1, 0x50, 0x18, 1024, 0, 0)
        story.raw(index / 1000, ethernet(A, B, TCP, header + request))
        label = text[:63]
        question = bytes([len(label)]) * bool(label) + label + b"\x03com\0\0\x10\0\x01"
        query = struct.pack("!HHHHHH", index, 0x0100, 1, 0, 0, 0) + question
        story.raw(index / 1000, ethernet(A, B, UDP, struct.pack("!HHHH", 2000 + index, 53, 8 + len(query), 0) + query))
    return story.pcap()


MADE: dict[str, Callable[[], bytes]] = {
    "no packet": Story().pcap,
    "hostile": hostile,
}


FOLDERS = ["tests/data", "../shared/corpus", "../shared/conformance/quirks"]


def own() -> list[Any]:
    """Parameters of a test of the project's own captures and what is made here."""
    return [*MADE, *within(FOLDERS[0])]


def names() -> list[Any]:
    """Parameters of a test of every capture: those, and the ones beside the project."""
    return [*MADE, *(param for folder in FOLDERS for param in within(folder))]


def within(folder: str) -> list[Any]:
    if not (ROOT / folder).is_dir():
        return [pytest.param(folder, marks=pytest.mark.skip(f"there is no {folder} on this machine"))]
    found = sorted(path for path in (ROOT / folder).iterdir() if "cap" in path.suffix)
    return [pytest.param(f"{folder}/{path.name}", id=path.name) for path in found]


@dataclass
class Trip:
    """A capture, its flows, and files of them."""

    source: Path
    folder: Path
    # By name, in order: what the column holds, as `Column.type` says it.
    types: dict[str, str]
    # By name, the flows' cells; times and durations are in nanoseconds.
    cells: dict[str, list[Any]]
    # Those in milliseconds.
    millis: dict[str, list[int | None]]
    # The flows as lines of JSON.
    lines: list[str]
    # What the capture's damage is called.
    damage: str | None
    files: dict[str, Path] = field(default_factory=dict)

    def by_command(self, name: str, *arguments: str) -> Path:
        """The file of this name that the command writes; of a damaged capture, what it keeps."""
        return self._once(name, lambda path: self._run(path, arguments))

    def by_python(self, name: str, write: Callable[[Streamer, Path], int]) -> Path:
        """The same of a method of `Streamer`."""

        def run(path: Path) -> None:
            try:
                assert write(self.streamer(), path) == len(self.lines)
                assert self.damage is None
            except CaptureError as error:
                assert str(error) == self.damage

        return self._once(f"py_{name}", run)

    def streamer(self) -> Streamer:
        return Streamer(self.source, user_metrics=METRICS, **OPTIONS)

    def text(self, name: str) -> list[Any]:
        """A column as JSON and CSV have it."""
        return self.millis.get(name, self.cells[name])

    def _run(self, path: Path, arguments: tuple[str, ...]) -> None:
        words = ["flowgauge", "-q", "--no-manifest", *ARGUMENTS, *arguments, "-r", str(self.source), "-w", str(path)]
        assert run_command(words) == (0 if self.damage is None else 1)

    def _once(self, name: str, write: Callable[[Path], None]) -> Path:
        if name not in self.files:
            path = self.folder / name
            write(path)
            part = path.with_name(f"{path.name}.part")
            assert [path.exists(), part.exists()] == [self.damage is None, self.damage is not None]
            self.files[name] = path if self.damage is None else part
        return self.files[name]


class Trips:
    """The captures by their names, each metered when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[str, Trip] = {}

    def __getitem__(self, name: str) -> Trip:
        if name not in self.known:
            folder = self.folder / f"{len(self.known)}"
            folder.mkdir()
            self.known[name] = metered(self._source(name), folder)
        return self.known[name]

    def all(self, params: list[Any]) -> list[Trip]:
        """Those of these parameters that are there."""
        values = [param if isinstance(param, str) else param.values[0] for param in params]
        return [self[value] for value in values if value in MADE or (ROOT / value).is_file()]

    def _source(self, name: str) -> Path:
        if name not in MADE:
            return ROOT / name
        source = self.folder / f"{name.replace(' ', '_')}.pcap"
        source.write_bytes(MADE[name]())
        return source


def metered(source: Path, folder: Path) -> Trip:
    flows: list[flowgauge.Flow] = []
    damage = None
    try:
        flows.extend(Streamer(source, user_metrics=METRICS, **OPTIONS))
    except CaptureError as error:
        damage = str(error)
    types = {column.name: column.type for column in flowgauge.columns()}
    timed = [name for name, type_ in types.items() if type_ in ("time", "duration")]
    cells = {name: [getattr(flow, f"{name}_ns" if name in timed else name) for flow in flows] for name in types}
    cells |= {name: [flow.metrics[name] for flow in flows] for name in METRICS}
    millis = {name: [getattr(flow, name) for flow in flows] for name in timed}
    types |= {name: metric.type for name, metric in METRICS.items()}
    return Trip(source, folder, types, cells, millis, [str(flow) for flow in flows], damage)


def same(found: list[Any], wanted: list[Any], about: object) -> None:
    """Exactly the same, also in type: 1 is not 1.0 nor True, null is not empty."""
    # What Python writes of these is all there is to them, and is compared fast.
    if repr(found) == repr(wanted):
        return
    assert len(found) == len(wanted), about
    for row, (mine, theirs) in enumerate(zip(found, wanted, strict=True)):
        assert repr(mine) == repr(theirs), f"{about}, row {row}"
